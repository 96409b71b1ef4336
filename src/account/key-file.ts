import { concatBytes, equalBytes, utf8 } from "../base/bytes.ts";
import { unknownVersion } from "../codec/error.ts";
import { CryptoError } from "../crypto/error.ts";
import { deriveKey } from "../crypto/hash.node.ts";

const VERSION = 1;
/** "HFK" */
const MAGIC = new Uint8Array([0x48, 0x46, 0x4b]);
const HEAD_BYTES = MAGIC.length + 1;
const CHECKSUM_BYTES = 16;

/** What a file of the keys folder holds: "HFK" ‖ version 1 ‖ payload ‖ checksum 16. The checksum
 * covers the file's name too, so that files that were swapped are found out.
 * @see docs/format/keys.md */
export function encodeKeyFile(name: string, payload: Uint8Array): Uint8Array {
  const body = concatBytes(MAGIC, new Uint8Array([VERSION]), payload);
  return concatBytes(body, checksumOf(name, body));
}

/** The payload of a key file, a fresh array. Later versions keep magic, version and checksum where
 * they are, so that a flipped bit is told from a newer version.
 * @throws CryptoError KEY_MALFORMED; CodecError VERSION_UNKNOWN; both name the file */
export function decodeKeyFile(name: string, bytes: Uint8Array, lengthBytes?: number): Uint8Array {
  const end = bytes.length - CHECKSUM_BYTES;
  if (end < HEAD_BYTES || !equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) {
    throw malformedKey(name, "is no key file");
  }
  if (!equalBytes(checksumOf(name, bytes.subarray(0, end)), bytes.subarray(end))) {
    throw malformedKey(name, "does not match its checksum");
  }
  const version = bytes[MAGIC.length] ?? 0;
  if (version !== VERSION) throw unknownVersion(`keys/${name}`, version, VERSION);
  const payload = bytes.slice(HEAD_BYTES, end);
  if (lengthBytes !== undefined && payload.length !== lengthBytes) {
    throw malformedKey(name, `holds ${payload.length} bytes, wanted ${lengthBytes}`);
  }
  return payload;
}

/** The error of a key file that cannot be used. The message never has its content. */
export function malformedKey(name: string, why: string, cause?: unknown): CryptoError {
  return new CryptoError("KEY_MALFORMED", `keys/${name} ${why}`, {
    cause,
    hint: `restore keys/${name} from a copy of the home`,
  });
}

function checksumOf(name: string, body: Uint8Array): Uint8Array {
  return deriveKey("key file", utf8(`${name}\0`), body).subarray(0, CHECKSUM_BYTES);
}
