import { concatBytes } from "../../base/bytes.ts";
import { idBytes, type AccountId, type Id, type PeerId } from "../../base/id.ts";
import { encodeAdmission, type Admission, type ChainLink } from "../../codec/admission.ts";
import { signEnvelope } from "../../crypto/envelope.ts";
import { CryptoError } from "../../crypto/error.ts";
import { SIGNATURE_BYTES, type SigningKey } from "../../crypto/sign.node.ts";
import { ADMISSION_PURPOSE, checkLink, type CheckLink } from "./link-checks.ts";

/** Signs that a guest was let in; `root` is the admitting member's account key. */
export function signAdmission(root: SigningKey, swarm: Id, admission: Admission): ChainLink {
  const envelope = signEnvelope(ADMISSION_PURPOSE, root, encodeAdmission(swarm, admission));
  return { ...admission, signature: envelope.slice(0, SIGNATURE_BYTES) };
}

/** Follows a chain from the founder to its end: each link must be signed by the account that the
 * one before it let in.
 * @returns what is wrong with it; undefined: nothing is
 * @throws what `check` throws beside CryptoError
 * @see docs/format/swarm.md */
export function chainFault(
  swarm: Id,
  founder: AccountId,
  chain: readonly ChainLink[],
  check: CheckLink = checkLink,
): string | undefined {
  let signer = founder;
  for (const [at, link] of chain.entries()) {
    const signed = concatBytes(idBytes(signer), encodeAdmission(swarm, link));
    try {
      check(link.signature, signed);
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error;
      return `admission ${at + 1} of ${chain.length} is not signed by ${signer}`;
    }
    signer = link.account;
  }
  return undefined;
}

/** Whom a chain lets speak for the swarm: the account at its end, the founder where it is empty. */
export function accountOf(founder: AccountId, chain: readonly ChainLink[]): AccountId {
  return chain.at(-1)?.account ?? founder;
}

/** Whom the founder named when the key last changed. */
export interface RekeyPeers {
  /** Peers that stay. */
  readonly members: ReadonlySet<PeerId>;
  /** Peers that were shut out. */
  readonly excluded: ReadonlySet<PeerId>;
}

/** Whether nobody in the chain was shut out. What was before a peer that the founder named as one
 * that stays does not matter. */
export function isChainFree(chain: readonly ChainLink[], named: RekeyPeers): boolean {
  for (const { peer } of chain.toReversed()) {
    if (named.excluded.has(peer)) return false;
    if (named.members.has(peer)) return true;
  }
  return true;
}
