import { idBytes, idOf } from "../base/id.ts";
import type { AccountId, PeerId } from "../base/id.ts";
import { DEVICE_NAME_MAX, SIGNED_BODY_MAX_BYTES } from "../base/limits.ts";
import { decodeVersioned, encodeCbor, readBytes, readText, readUint } from "./cbor.ts";
import { malformed } from "./error.ts";

/** What an account's root key says of one of its devices. */
export interface DeviceCertificate {
  account: AccountId;
  peer: PeerId;
  /** The device's X25519 public key, 32 bytes: what secrets for it are sealed to. */
  agreementKey: Uint8Array;
  /** What its owner calls it, 1 to DEVICE_NAME_MAX characters. */
  name: string;
  /** Of the account's certificates, from 1 on: a later one of a peer replaces an earlier one. */
  number: number;
}

const VERSION = 1;
const WHAT = "device certificate";

/** Encodes a certificate's body; the account's root key signs it for "device certificate".
 * @throws CodecError FORMAT_MALFORMED for a name that no device may have */
export function encodeCertificate(certificate: DeviceCertificate): Uint8Array {
  const { account, peer, agreementKey, name, number } = checked(certificate);
  return encodeCbor([VERSION, idBytes(account), idBytes(peer), agreementKey, name, number]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED
 * @see docs/format/certificate.md */
export function decodeCertificate(bytes: Uint8Array): DeviceCertificate {
  const parts = decodeVersioned(bytes, WHAT, VERSION, 5, SIGNED_BODY_MAX_BYTES);
  return checked({
    account: idOf(readBytes(parts[0], `${WHAT}: account`, 32)),
    peer: idOf(readBytes(parts[1], `${WHAT}: peer`, 32)),
    agreementKey: readBytes(parts[2], `${WHAT}: agreement key`, 32),
    name: readText(parts[3], `${WHAT}: name`),
    number: readUint(parts[4], `${WHAT}: number`),
  });
}

/** A name is shown on terminals and web pages: no control characters, and no byte-order mark. */
function checked(certificate: DeviceCertificate): DeviceCertificate {
  const name = readText(certificate.name, `${WHAT}: name`, DEVICE_NAME_MAX);
  if (name === "" || /[\p{Cc}\p{Zl}\p{Zp}\u{feff}]/u.test(name)) {
    throw malformed(WHAT, "a name that is empty or holds control characters");
  }
  if (readUint(certificate.number, `${WHAT}: number`) === 0) throw malformed(WHAT, "number 0");
  return certificate;
}
