import { idOf, type PeerId } from "../base/id.ts";
import { PEERS_MAX } from "../base/limits.ts";
import { decodeCard, encodeCard, type CardBody } from "../codec/card.ts";
import { malformed } from "../codec/error.ts";
import { openEnvelope, signEnvelope } from "../crypto/envelope.ts";
import { CryptoError } from "../crypto/error.ts";
import type { SigningKey } from "../crypto/sign.node.ts";

const PURPOSE = "peer card";

/** Signs what a peer says of itself. */
export function signCard(key: SigningKey, card: CardBody): Uint8Array {
  return signEnvelope(PURPOSE, key, encodeCard(card));
}

/** Opens a card that anybody may have sent.
 * @throws CodecError, also where another key than the peer's signed it */
export function openCard(bytes: Uint8Array): CardBody {
  try {
    const { signer, body } = openEnvelope(PURPOSE, bytes);
    const card = decodeCard(body);
    if (idOf(signer) !== card.id) throw malformed(PURPOSE, "signed by another peer");
    return card;
  } catch (error) {
    if (error instanceof CryptoError) throw malformed(PURPOSE, error.message, error);
    throw error;
  }
}

/** The signed cards that a peer passes on. */
export class CardBook {
  readonly #cards = new Map<PeerId, { bytes: Uint8Array; timeMs: number }>();

  /** Takes a card in unless a later one of that peer is there, or there is no room for a new peer.
   * @throws CodecError */
  add(bytes: Uint8Array): CardBody {
    const card = openCard(bytes);
    const known = this.#cards.get(card.id);
    const fits = known === undefined ? this.#cards.size < PEERS_MAX : known.timeMs < card.timeMs;
    if (fits) this.#cards.set(card.id, { bytes, timeMs: card.timeMs });
    return card;
  }

  /** All cards, in the order in which their peers became known. */
  cards(): Uint8Array[] {
    return [...this.#cards.values()].map(({ bytes }) => bytes);
  }
}
