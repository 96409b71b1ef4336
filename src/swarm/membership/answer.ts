import { equalBytes } from "../../base/bytes.ts";
import { HoldfastError } from "../../base/error.ts";
import { idOf, type AccountId, type PeerId } from "../../base/id.ts";
import type { ClosedInvitation } from "../../codec/invitation.ts";
import { decodeSwarmState, type SwarmState } from "../../codec/swarm-state.ts";
import { lobbyKeyOf, swarmIdOf } from "../../crypto/swarm-key.ts";
import { SwarmError } from "../error.ts";
import { chainFault } from "./chain.ts";
import { membershipError } from "./refusal.ts";
import { openRekey } from "./rekey.ts";

/** Checks what a member answers to a guest. The invitation says who the founder is, its id commits
 * to the content secret, and its lobby key comes from the network key: so a member that lies can
 * only refuse.
 * @throws SwarmError ANSWER_MALFORMED, naming the member */
export function openAnswer(
  peer: PeerId,
  { account, self }: { account: AccountId; self: PeerId },
  invitation: ClosedInvitation,
  body: Uint8Array,
): SwarmState {
  try {
    const state = decodeSwarmState(body);
    const fault = answerFault(state, invitation) ?? ownFault(state, account, self);
    if (fault === undefined) return state;
    throw membershipError("INVITATION_FORGED", fault);
  } catch (cause) {
    if (!(cause instanceof HoldfastError)) throw cause;
    const text = `peer ${peer}: malformed answer: ${cause.message}`;
    throw new SwarmError("ANSWER_MALFORMED", text, { cause });
  }
}

function answerFault(state: SwarmState, invitation: ClosedInvitation): string | undefined {
  const { id, founder, open, content, keys, rekey } = state;
  const [{ number, key }, ...others] = keys;
  if (id !== invitation.swarm || idOf(swarmIdOf(content)) !== id) return "it is of another swarm";
  if (founder !== invitation.founder || open) return "it names another founder";
  if (!equalBytes(lobbyKeyOf(key), invitation.lobby) || others.length > 0) {
    return "its key does not belong to the invitation";
  }
  if (rekey === undefined) return number === 1 ? undefined : "it does not show who made its key";
  const made = openRekey(state, rekey);
  const isOfKey = made.number === number && equalBytes(made.key, key);
  return isOfKey ? undefined : "its key is not the founder's";
}

function ownFault(
  { id, founder, chain }: SwarmState,
  account: AccountId,
  self: PeerId,
): string | undefined {
  const last = chain.at(-1);
  if (last?.account !== account || last.peer !== self) return "it admits somebody else";
  return chainFault(id, founder ?? "", chain);
}
