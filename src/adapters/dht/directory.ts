import { idBytes, idOf, type Id, type PeerId } from "../../base/id.ts";
import { deriveKey, keyedHash } from "../../crypto/hash.node.ts";
import {
  ANNOUNCE_EVERY_MS,
  ANNOUNCE_MS,
  LOOKUP_ANSWER_PEERS_MAX,
  LOOKUP_MS,
  LOOKUP_PEERS_MAX,
} from "./limits.ts";
import type { DhtNode } from "./node.ts";

/** What the DHT says of who has what. All of it is hints: any member can announce itself for
 * anything. Topics are hashed with a key of the swarm, so that nothing outside can test a guess. */
export class DhtDirectory {
  readonly #node: DhtNode;
  readonly #closing = new AbortController();

  constructor(node: DhtNode) {
    this.#node = node;
    node.beforeClose(async () => this.#closing.abort(new Error("the node is closing")));
  }

  /** Says that this peer has `topic`; nodes forget it after 20 minutes. Too few nodes to tell is
   * no failure. */
  announce(topic: Id, signal: AbortSignal): Promise<void> {
    return this.#announce(this.#targetOf(topic), signal);
  }

  /** Peers that may have `topic`, without this one; at most LOOKUP_PEERS_MAX, within LOOKUP_MS. */
  lookup(topic: Id, signal: AbortSignal): Promise<readonly PeerId[]> {
    return this.#lookup(this.#targetOf(topic), signal);
  }

  /** Says that this peer is in the swarm, again and again until `signal` is aborted. */
  async announceMember(signal: AbortSignal): Promise<void> {
    const { clock, swarmKeys } = this.#node.options;
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    while (!stop.aborted) {
      // A new network key is a new topic: it must not wait for the next turn.
      const changed = new AbortController();
      const unsubscribe = swarmKeys.onChange(() => changed.abort());
      await this.#announce(this.#membersTarget(), stop).catch(() => undefined);
      await clock
        .sleep(ANNOUNCE_EVERY_MS, AbortSignal.any([stop, changed.signal]))
        .catch(() => undefined);
      unsubscribe();
    }
  }

  /** Peers that say that they are in the swarm. */
  members(signal: AbortSignal): Promise<readonly PeerId[]> {
    return this.#lookup(this.#membersTarget(), signal);
  }

  #networkKey(): Uint8Array {
    return this.#node.options.swarmKeys.current().key;
  }

  #targetOf(topic: Id): Buffer {
    return Buffer.from(keyedHash(deriveKey("dht topic", this.#networkKey()), idBytes(topic)));
  }

  #membersTarget(): Buffer {
    return Buffer.from(deriveKey("dht members", this.#networkKey()));
  }

  async #announce(target: Buffer, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { dht, keyPair, isClosed } = this.#node;
    if (isClosed) return;
    const query = dht.announce(target, keyPair, []);
    const stop = AbortSignal.any([signal, AbortSignal.timeout(ANNOUNCE_MS)]);
    const onAbort = (): void => query.destroy();
    stop.addEventListener("abort", onAbort, { once: true });
    try {
      await query.finished();
    } catch (error) {
      this.#node.log("debug", "dht.announce", error);
    } finally {
      stop.removeEventListener("abort", onAbort);
    }
    signal.throwIfAborted();
  }

  async #lookup(target: Buffer, signal: AbortSignal): Promise<readonly PeerId[]> {
    signal.throwIfAborted();
    const { dht, self, isClosed } = this.#node;
    if (isClosed) return [];
    const found = new Set<PeerId>();
    const query = dht.lookup(target);
    const stop = AbortSignal.any([signal, this.#closing.signal, AbortSignal.timeout(LOOKUP_MS)]);
    const onAbort = (): void => query.destroy();
    stop.addEventListener("abort", onAbort, { once: true });
    try {
      for await (const answer of query) {
        for (const { publicKey } of answer?.peers.slice(0, LOOKUP_ANSWER_PEERS_MAX) ?? []) {
          const peer = idOf(publicKey);
          if (peer !== self) found.add(peer);
        }
        if (found.size >= LOOKUP_PEERS_MAX) break;
      }
    } catch (error) {
      if (!stop.aborted) this.#node.log("debug", "dht.lookup", error);
    } finally {
      stop.removeEventListener("abort", onAbort);
    }
    signal.throwIfAborted();
    return [...found].slice(0, LOOKUP_PEERS_MAX);
  }
}
