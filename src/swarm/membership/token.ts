import { idOf, type AccountId, type Id, type PeerId } from "../../base/id.ts";
import type { ChainLink } from "../../codec/admission.ts";
import { CodecError } from "../../codec/error.ts";
import { decodeToken, encodeToken, type InvitationToken } from "../../codec/invitation.ts";
import { openEnvelope, signEnvelope } from "../../crypto/envelope.ts";
import { CryptoError } from "../../crypto/error.ts";
import type { SigningKey } from "../../crypto/sign.node.ts";
import type { SwarmError } from "../error.ts";
import { accountOf, chainFault } from "./chain.ts";
import { checkLink, type CheckLink } from "./link-checks.ts";
import { membershipError } from "./refusal.ts";

const PURPOSE = "invitation token";

/** Signs an invitation's token with the inviter's account key. */
export function signToken(root: SigningKey, token: InvitationToken): Uint8Array {
  return signEnvelope(PURPOSE, root, encodeToken(token));
}

/** Opens a token that anybody may have sent: it must be of this swarm, and its inviter a member.
 * When it is used, and how often, is the caller's question.
 * @throws SwarmError INVITATION_FORGED | INVITATION_OTHER_SWARM; CodecError VERSION_UNKNOWN */
export function openToken(
  swarm: Id,
  founder: AccountId,
  bytes: Uint8Array,
  chain: readonly ChainLink[],
  check: CheckLink = checkLink,
): InvitationToken {
  const { token, account } = open(bytes);
  if (token.swarm !== swarm) {
    const why = `the invitation is one to swarm ${token.swarm}, this is ${swarm}`;
    throw membershipError("INVITATION_OTHER_SWARM", why);
  }
  // Last, what costs most.
  const fault =
    mismatch(founder, account, token, chain) ?? chainFault(swarm, founder, chain, check);
  if (fault !== undefined) throw forged(fault);
  return token;
}

function open(bytes: Uint8Array): { token: InvitationToken; account: AccountId } {
  try {
    const { signer, body } = openEnvelope(PURPOSE, bytes);
    return { token: decodeToken(body), account: idOf(signer) };
  } catch (error) {
    if (error instanceof CryptoError) throw forged("its signature does not match", error);
    const isMalformed = error instanceof CodecError && error.code === "FORMAT_MALFORMED";
    throw isMalformed ? forged("it is malformed", error) : error;
  }
}

/** The founder needs no link that lets it in, so any of its devices may invite. */
function mismatch(
  founder: AccountId,
  account: AccountId,
  { inviter }: InvitationToken,
  chain: readonly ChainLink[],
): string | undefined {
  const member: { account: AccountId; peer: PeerId } = chain.at(-1) ?? {
    account: accountOf(founder, chain),
    peer: inviter,
  };
  return member.account === account && member.peer === inviter
    ? undefined
    : `it is signed by ${account}, who was not let in by the chain that it shows`;
}

function forged(why: string, cause?: unknown): SwarmError {
  return membershipError("INVITATION_FORGED", `the invitation does not hold: ${why}`, cause);
}
