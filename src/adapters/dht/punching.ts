import { setTimeout as timer } from "node:timers/promises";
import type HyperDHT from "hyperdht";
import { codeOf, messageOf } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import { NetError } from "../net-error.ts";
import { dialOne } from "./dial.ts";
import { PUNCH_AGAIN_MS, PUNCH_ATTEMPTS_MAX, PUNCH_LUCK_MS, PUNCH_SPARE_MS } from "./limits.ts";
import type { DhtNode } from "./node.ts";

/** One try to punch a hole to a peer. */
interface Attempt {
  /** Settles when the hole is there or all luck is used up. */
  readonly done: Promise<HyperDHT.SecretStream>;
  /** The session that came of it, until somebody takes it. */
  spare: HyperDHT.SecretStream | undefined;
  readonly stop: AbortController;
}

/** Punches holes. Where one of the two routers gives every connection another port it takes luck,
 * and each side works at it for half a minute and refuses a second try meanwhile. So an attempt
 * goes on when its dialler has given up, and the next dial to the same peer joins it. */
export class Punching {
  readonly #node: DhtNode;
  readonly #attempts = new Map<PeerId, Attempt>();

  constructor(node: DhtNode) {
    this.#node = node;
    node.beforeClose(async () => {
      for (const { stop } of this.#attempts.values()) stop.abort(new Error("the node is closing"));
    });
  }

  /** Opens a stream to `peer` within `timeoutMs`.
   * @throws NetError PEER_UNKNOWN | PEER_UNREACHABLE | PEER_IMPOSTOR | PEER_TIMEOUT */
  async dial(peer: PeerId, timeoutMs: number, signal: AbortSignal): Promise<HyperDHT.SecretStream> {
    signal.throwIfAborted();
    const attempt = this.#attempts.get(peer) ?? this.#begin(peer);
    await settled(attempt.done, peer, timeoutMs, signal);
    const { spare } = attempt;
    if (spare === undefined) {
      // Somebody else has taken it; the hole is there.
      return dialOne(this.#node, peer, { reusableSocket: true }, timeoutMs, signal);
    }
    attempt.spare = undefined;
    this.#forget(peer, attempt);
    return spare;
  }

  #begin(peer: PeerId): Attempt {
    for (const [oldest, attempt] of this.#attempts) {
      if (this.#attempts.size < PUNCH_ATTEMPTS_MAX) break;
      attempt.stop.abort(new NetError("PEER_UNREACHABLE", `peer ${oldest}: too many to punch for`));
      this.#forget(oldest, attempt);
    }
    const stop = new AbortController();
    const attempt: Attempt = { done: this.#punch(peer, stop.signal), spare: undefined, stop };
    this.#attempts.set(peer, attempt);
    attempt.done.then(
      (stream) => this.#offer(peer, attempt, stream),
      () => this.#forget(peer, attempt),
    );
    return attempt;
  }

  #offer(peer: PeerId, attempt: Attempt, stream: HyperDHT.SecretStream): void {
    attempt.spare = stream;
    const discard = (): void => {
      if (attempt.spare !== stream) return;
      attempt.spare = undefined;
      stream.destroy();
      this.#forget(peer, attempt);
    };
    setTimeout(discard, PUNCH_SPARE_MS).unref();
    stream.once("close", discard);
    attempt.stop.signal.addEventListener("abort", discard, { once: true });
  }

  #forget(peer: PeerId, attempt: Attempt): void {
    if (this.#attempts.get(peer) === attempt) this.#attempts.delete(peer);
  }

  /** Tries again as long as it is a matter of luck. */
  async #punch(peer: PeerId, signal: AbortSignal): Promise<HyperDHT.SecretStream> {
    const endMs = performance.now() + PUNCH_LUCK_MS;
    for (;;) {
      let isPunchable = false;
      const holepunch = (): boolean => (isPunchable = true);
      const leftMs = endMs - performance.now();
      try {
        const options = { reusableSocket: true, holepunch };
        return await dialOne(this.#node, peer, options, leftMs, signal);
      } catch (error) {
        this.#node.log("debug", "dht.punch", error);
        const isOver = performance.now() + PUNCH_AGAIN_MS >= endMs;
        if (isOver || !isPunchable || codeOf(error) !== "PEER_UNREACHABLE") throw error;
        await timer(PUNCH_AGAIN_MS, undefined, { signal });
      }
    }
  }
}

/** Waits for `work`, no longer than `timeoutMs`. It goes on by itself. */
function settled(
  work: Promise<unknown>,
  peer: PeerId,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = (): void => {
      reject(new NetError("PEER_TIMEOUT", `peer ${peer}: no session within ${timeoutMs} ms`));
    };
    const timer = setTimeout(late, timeoutMs);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const finish = (end: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      end();
    };
    void work.then(
      () => finish(resolve),
      (error: unknown) => {
        finish(() => reject(error instanceof Error ? error : new Error(messageOf(error))));
      },
    );
  });
}
