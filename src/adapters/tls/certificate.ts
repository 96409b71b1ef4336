import { sign as signRaw, type KeyObject } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { idOf, type PeerId } from "../../base/id.ts";
import type { SigningKey } from "../../crypto/sign.node.ts";

/** DER tags of X.690. */
const SEQUENCE = 0x30;
const BIT_STRING = 0x03;
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

/** id-Ed25519 of RFC 8410, without parameters. */
const ED25519 = hex("3005 06032b6570");
/** [0] { INTEGER 2 }: X.509 version 3. */
const VERSION_3 = hex("a003 020102");
const SERIAL = hex("0201 01");
/** CN=holdfast. Names mean nothing here; a certificate must have one. */
const NAME = hex("3013 3111 300f 0603550403 0c08 686f6c6466617374");
/** 2020-01-01 to 9999-12-31, "no well-defined expiration" of RFC 5280, 4.1.2.5. */
const VALIDITY = hex("3020 170d 3230303130313030303030305a 180f 39393939313233313233353935395a");
/** [3] { basicConstraints, critical: not an authority }. */
const EXTENSIONS = hex("a310 300e 300c 0603551d13 0101ff 0402 3000");

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const length = content.length;
  const head = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), content]);
}

/** The self-signed X.509 certificate over a peer key, as DER. It says nothing but the key: TLS
 * wants a certificate to carry it, and proves with the handshake's signature that the other side
 * has its secret half. The same key gives the same bytes.
 * @see docs/adr/ for why there is no library, RFC 5280 and RFC 8410 for the layout */
export function certificateOf(key: SigningKey): Buffer {
  const publicKey = der(SEQUENCE, ED25519, der(BIT_STRING, Buffer.of(0), key.publicKey));
  const fields = [VERSION_3, SERIAL, ED25519, NAME, VALIDITY, NAME, publicKey, EXTENSIONS];
  const body = der(SEQUENCE, ...fields);
  const signature = signRaw(null, body, key.secret);
  return der(SEQUENCE, body, ED25519, der(BIT_STRING, Buffer.of(0), signature));
}

/** The certificate as PEM, as node:tls takes it. */
export function certificatePem(key: SigningKey): string {
  const lines =
    certificateOf(key)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** The peer id that the live certificate of a finished handshake proves, or undefined where the
 * other side showed none or one over another kind of key. */
export function provenPeer(socket: TLSSocket): PeerId | undefined {
  try {
    const key: KeyObject | undefined = socket.getPeerX509Certificate()?.publicKey;
    if (key?.asymmetricKeyType !== "ed25519") return undefined;
    return idOf(key.export({ format: "der", type: "spki" }).subarray(-32));
  } catch {
    return undefined;
  }
}
