import { idOf } from "../base/id.ts";
import { SIGNED_BODY_MAX_BYTES } from "../base/limits.ts";
import { decodeCertificate, encodeCertificate } from "../codec/certificate.ts";
import type { DeviceCertificate } from "../codec/certificate.ts";
import { malformed } from "../codec/error.ts";
import { openEnvelope, signEnvelope } from "../crypto/envelope.ts";
import { CryptoError } from "../crypto/error.ts";
import type { SigningKey } from "../crypto/sign.node.ts";

const PURPOSE = "device certificate";
/** An envelope's signature and signer. */
const ENVELOPE_BYTES = 96;

/** Signs a certificate with the root key of the account that it names.
 * @returns the envelope: what a device shows to holders */
export function signCertificate(root: SigningKey, certificate: DeviceCertificate): Uint8Array {
  return signEnvelope(PURPOSE, root, encodeCertificate(certificate));
}

/** Opens a certificate that anybody may have sent. Whether its peer is the one that shows it is the
 * caller's question.
 * @throws CryptoError SIGNATURE_INVALID, also where another key than the account's signed it;
 *   CodecError VERSION_UNKNOWN | FORMAT_MALFORMED
 * @see docs/format/certificate.md */
export function openCertificate(bytes: Uint8Array): DeviceCertificate {
  if (bytes.length > ENVELOPE_BYTES + SIGNED_BODY_MAX_BYTES) {
    throw malformed(PURPOSE, `${bytes.length} bytes are too many`);
  }
  const { signer, body } = openEnvelope(PURPOSE, bytes);
  const certificate = decodeCertificate(body);
  if (idOf(signer) !== certificate.account) {
    throw new CryptoError(
      "SIGNATURE_INVALID",
      `${PURPOSE}: signed by ${idOf(signer)}, names account ${certificate.account}`,
    );
  }
  return certificate;
}
