import { constants } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import type { SigningKey } from "../../crypto/sign.node.ts";
import { certificatePem } from "./certificate.ts";

/** What both sides of a session agree to: TLS 1.3 alone, Ed25519 certificates alone, no tickets (a
 * resumed session shows no certificate). AES-128-GCM first because it is the fastest here. The key
 * agreement is hybrid with ML-KEM where the other side knows it, so that recorded traffic stays
 * closed. */
export function peerContext(key: SigningKey): SecureContext {
  return createSecureContext({
    cert: certificatePem(key),
    key: key.secret.export({ format: "pem", type: "pkcs8" }),
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ciphers: "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256",
    ecdhCurve: "X25519MLKEM768:X25519",
    sigalgs: "ed25519",
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
}
