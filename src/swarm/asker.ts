import { base64UrlDecode } from "../base/base64url.ts";
import type { AccountId } from "../base/id.ts";
import { CERTIFICATES_CACHED_MAX, SIGNED_HEADER_MAX_CHARS } from "../base/limits.ts";
import { openCertificate } from "../object/certificate.ts";
import type { Asker } from "../ports/holder.ts";
import type { IncomingRequest } from "../ports/net.ts";
import { SwarmError } from "./error.ts";

/** The request header that shows for which account a peer speaks: the signed device certificate. */
export const CERTIFICATE_HEADER = "holdfast-certificate";

/** Finds out for which account a request is. */
export interface Askers {
  /** @throws SwarmError CERTIFICATE_REFUSED */
  askerOf(request: Pick<IncomingRequest, "peer" | "headers">): Asker;
}

/** Makes one that remembers the certificates it has verified. */
export function createAskers(): Askers {
  /** Certificate text → account and peer, the oldest first. A text stands for one certificate only,
   * since base64 has one encoding per bytes. */
  const verified = new Map<string, { account: AccountId; peer: string }>();
  return {
    askerOf(request) {
      const text = request.headers[CERTIFICATE_HEADER] ?? "";
      let known = verified.get(text);
      if (known === undefined) {
        known = verify(text, request.peer);
        verified.set(text, known);
        if (verified.size > CERTIFICATES_CACHED_MAX) {
          const [oldest] = verified.keys();
          if (oldest !== undefined) verified.delete(oldest);
        }
      }
      if (known.peer !== request.peer) {
        throw refused(request.peer, `it shows the certificate of peer ${known.peer}`);
      }
      return { peer: request.peer, account: known.account };
    },
  };
}

function verify(text: string, peer: string): { account: AccountId; peer: string } {
  if (text === "") throw refused(peer, "it shows no certificate");
  const bytes = text.length <= SIGNED_HEADER_MAX_CHARS ? base64UrlDecode(text) : undefined;
  if (bytes === undefined) throw refused(peer, "its certificate is malformed");
  try {
    const certificate = openCertificate(bytes);
    return { account: certificate.account, peer: certificate.peer };
  } catch (cause) {
    throw refused(peer, "its certificate does not hold", cause);
  }
}

function refused(peer: string, why: string, cause?: unknown): SwarmError {
  return new SwarmError("CERTIFICATE_REFUSED", `peer ${peer}: ${why}`, { cause });
}
