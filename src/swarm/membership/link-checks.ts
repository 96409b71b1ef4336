import { base64UrlEncode } from "../../base/base64url.ts";
import { concatBytes } from "../../base/bytes.ts";
import { CHAIN_CHECKS_PER_SECOND_MAX, CHAIN_LINKS_CHECKED_MAX } from "../../base/limits.ts";
import { openEnvelope } from "../../crypto/envelope.ts";
import { hash } from "../../crypto/hash.node.ts";
import type { Clock } from "../../ports/clock.ts";
import { SwarmError } from "../error.ts";

/** The purpose that admissions are signed for. */
export const ADMISSION_PURPOSE = "admission";

/** Checks the signature of one admission.
 * @throws CryptoError SIGNATURE_INVALID; SwarmError ASKED_TOO_OFTEN */
export type CheckLink = (signature: Uint8Array, signed: Uint8Array) => void;

/** Checks every time anew. */
export const checkLink: CheckLink = (signature, signed) => {
  openEnvelope(ADMISSION_PURPOSE, concatBytes(signature, signed));
};

/** Makes a check for chains that others show: links that held are remembered, so that the chains of
 * members cost next to nothing, and of all other links only so many are looked at in a second. */
export function boundedLinkChecks(clock: Clock): CheckLink {
  const held = new Set<string>();
  let left = CHAIN_CHECKS_PER_SECOND_MAX;
  let atMs = clock.monotonicMs();
  return (signature, signed) => {
    const name = base64UrlEncode(hash(concatBytes(signature, signed)));
    if (held.has(name)) return;
    const nowMs = clock.monotonicMs();
    const grown = left + ((nowMs - atMs) * CHAIN_CHECKS_PER_SECOND_MAX) / 1_000;
    left = Math.min(CHAIN_CHECKS_PER_SECOND_MAX, grown);
    atMs = nowMs;
    if (left < 1) {
      throw new SwarmError("ASKED_TOO_OFTEN", "too many chains of admissions are being checked");
    }
    left--;
    checkLink(signature, signed);
    held.add(name);
    if (held.size <= CHAIN_LINKS_CHECKED_MAX) return;
    for (const oldest of held) {
      held.delete(oldest);
      break;
    }
  };
}
