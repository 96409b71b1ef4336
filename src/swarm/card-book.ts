import { idOf } from "../base/id.ts";
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
