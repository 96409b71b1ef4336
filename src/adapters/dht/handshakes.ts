import type { PeerId } from "../../base/id.ts";
import { HANDSHAKE_MS, HANDSHAKES_MAX, HANDSHAKES_PER_PEER_MAX } from "./limits.ts";

interface Pending {
  readonly streamId: number;
  readonly sinceMs: number;
}

/** Handshakes that peers have begun and that have not led to a session yet. */
export class Handshakes {
  readonly #ofPeer = new Map<PeerId, Pending[]>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Whether one more fits; then it is remembered.
   * @param streamId the number of the dialler's stream */
  begin(peer: PeerId, streamId: number): boolean {
    this.#forgetOld();
    let count = 0;
    for (const pending of this.#ofPeer.values()) count += pending.length;
    const own = this.#ofPeer.get(peer) ?? [];
    if (count >= HANDSHAKES_MAX || own.length >= HANDSHAKES_PER_PEER_MAX) return false;
    own.push({ streamId, sinceMs: this.#nowMs() });
    this.#ofPeer.set(peer, own);
    return true;
  }

  /** A session of `peer` is there.
   * @returns whether it leads to the dialler's own stream, and not to a relay's */
  end(peer: PeerId, streamId: number): boolean {
    const own = this.#ofPeer.get(peer) ?? [];
    const found = own.findIndex((pending) => pending.streamId === streamId);
    own.splice(Math.max(found, 0), 1);
    if (own.length === 0) this.#ofPeer.delete(peer);
    return found >= 0;
  }

  #forgetOld(): void {
    const oldestMs = this.#nowMs() - HANDSHAKE_MS;
    for (const [peer, pending] of this.#ofPeer) {
      const young = pending.filter(({ sinceMs }) => sinceMs > oldestMs);
      if (young.length === 0) this.#ofPeer.delete(peer);
      else if (young.length < pending.length) this.#ofPeer.set(peer, young);
    }
  }
}
