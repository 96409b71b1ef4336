import type { PeerId } from "../base/id.ts";
import {
  BLOCK_BYTES,
  KIB,
  REQUEST_BODIES_MAX_BYTES,
  REQUEST_BODIES_PER_PEER_MAX_BYTES,
  REQUEST_BODY_MAX_BYTES,
} from "../base/limits.ts";
import { SwarmError } from "./error.ts";

/** Up to here a body needs no more room than itself; above it comes through two blocks. */
const SMALL_BYTES = 64 * KIB;

/** Memory for the bodies of requests that are on their way: a member that begins many and ends
 * none must not fill it. */
export class BodyRoom {
  readonly #ofPeer = new Map<PeerId, number>();
  #takenBytes = 0;

  /** Runs `work` while room for a body of `lengthBytes` is taken.
   * @throws SwarmError PEER_BUSY where there is none */
  async hold<Result>(
    peer: PeerId,
    lengthBytes: number,
    work: () => Promise<Result> | Result,
  ): Promise<Result> {
    const bodyBytes = Math.min(lengthBytes, REQUEST_BODY_MAX_BYTES);
    const needBytes = bodyBytes + (bodyBytes > SMALL_BYTES ? 2 * BLOCK_BYTES : 0);
    const ownBytes = this.#ofPeer.get(peer) ?? 0;
    const isFull =
      this.#takenBytes + needBytes > REQUEST_BODIES_MAX_BYTES ||
      ownBytes + needBytes > REQUEST_BODIES_PER_PEER_MAX_BYTES;
    if (isFull) throw new SwarmError("PEER_BUSY", "too many bodies are on their way already");
    this.#change(peer, needBytes);
    try {
      return await work();
    } finally {
      this.#change(peer, -needBytes);
    }
  }

  #change(peer: PeerId, changeBytes: number): void {
    this.#takenBytes += changeBytes;
    const own = (this.#ofPeer.get(peer) ?? 0) + changeBytes;
    if (own === 0) this.#ofPeer.delete(peer);
    else this.#ofPeer.set(peer, own);
  }
}
