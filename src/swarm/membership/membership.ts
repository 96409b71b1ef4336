import type { PeerId } from "../../base/id.ts";
import {
  ADMISSION_INTERVAL_MS,
  ADMISSIONS_PER_GUEST_MAX,
  ADMISSIONS_PER_INTERVAL_MAX,
} from "../../base/limits.ts";
import {
  decodeAdmissionRequest,
  decodeChain,
  decodeUseReport,
  encodeUseReport,
} from "../../codec/admission.ts";
import type { SigningKey } from "../../crypto/sign.node.ts";
import { openCertificate } from "../../object/certificate.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import { SwarmError } from "../error.ts";
import { RateGate } from "../rate-gate.ts";
import { admit, checkInvitation, checkMayAdmit } from "./admit.ts";
import { chainFault, isChainFree } from "./chain.ts";
import { boundedLinkChecks, type CheckLink } from "./link-checks.ts";
import { membershipError } from "./refusal.ts";
import { takeRekey } from "./rekey.ts";
import type { SwarmHome } from "./swarm-home.ts";
import { openInvitationUses, type InvitationUses } from "./uses.ts";

/** What the routes of membership serve from.
 * @throws SwarmError with a code of membership; CodecError; CryptoError */
export interface Membership {
  /** Whether a peer was shut out: it gets no answer, whatever it asks. */
  isExcluded(peer: PeerId): boolean;
  /** Lets a guest in: an admission request in, the state for the newcomer out. */
  admit(guest: PeerId, body: Uint8Array): Uint8Array;
  /** Counts a guest that another member let in. */
  noteUse(body: Uint8Array): void;
  /** The newest rekey, for a peer that shows by its chain that it is a member. */
  rekeyFor(peer: PeerId, body: Uint8Array): Uint8Array;
  /** Takes a rekey that a peer brings.
   * @returns the number of the newest key known here then */
  takeRekey(envelope: Uint8Array): Promise<number>;
}

export interface MembershipOptions {
  home: SwarmHome;
  /** This home's account key: it signs admissions. */
  root: SigningKey;
  /** Where used invitations are counted; it stays the caller's to close. */
  database: Database;
  clock: Clock;
  /** Hands a report of a used invitation on to other members, as far as they are reached; it must
   * neither throw nor wait. */
  announceUse: (report: Uint8Array) => void;
}

/** Makes this member's side of admission and rekeying.
 * @see docs/format/swarm.md */
export function createMembership(options: MembershipOptions): Membership {
  const { home, clock } = options;
  const uses = openInvitationUses(options.database, clock);
  const gate = new RateGate(clock, ADMISSION_INTERVAL_MS, "admission", {
    asksMax: ADMISSIONS_PER_GUEST_MAX,
    asksInAllMax: ADMISSIONS_PER_INTERVAL_MAX,
  });
  // Guests that show made-up chains must not keep members from telling what was used.
  const checkOfGuest = boundedLinkChecks(clock);
  const checkOfMember = boundedLinkChecks(clock);
  return {
    isExcluded: (peer) => home.isExcluded(peer),
    admit(guest, body) {
      gate.pass(guest);
      return admitGuest(options, uses, checkOfGuest, guest, body);
    },
    noteUse(body) {
      const { token, chain, guest } = decodeUseReport(body);
      const { state, named } = home;
      const shown = { token, chain };
      uses.take(checkInvitation(state, named, shown, clock.nowMs(), checkOfMember), guest);
    },
    rekeyFor: (peer, body) => rekeyFor(home, checkOfMember, peer, body),
    async takeRekey(envelope) {
      const { keys } = await home.update((state) => takeRekey(state, envelope));
      return keys[0].number;
    },
  };
}

function admitGuest(
  { home, root, clock, announceUse }: MembershipOptions,
  uses: InvitationUses,
  check: CheckLink,
  guest: PeerId,
  body: Uint8Array,
): Uint8Array {
  const { state } = home;
  const { certificate, ...shown } = decodeAdmissionRequest(body);
  const { account, peer } = openCertificate(certificate);
  if (peer !== guest) {
    const why = `peer ${guest}: it shows the certificate of peer ${peer}`;
    throw new SwarmError("CERTIFICATE_REFUSED", why);
  }
  const nowMs = clock.nowMs();
  const token = checkInvitation(state, home.named, shown, nowMs, check);
  checkMayAdmit(state, root);
  if (!uses.take(token, guest)) {
    const why = `it was good for ${token.uses} ${token.uses === 1 ? "guest" : "guests"}`;
    throw membershipError("INVITATION_USED_UP", `the invitation is used up: ${why}`);
  }
  const answer = admit(state, root, { account, peer }, token, nowMs);
  announceUse(encodeUseReport({ ...shown, guest }));
  return answer;
}

function rekeyFor(home: SwarmHome, check: CheckLink, peer: PeerId, body: Uint8Array): Uint8Array {
  const { id, founder, rekey, keys } = home.state;
  const chain = decodeChain(body);
  if (rekey === undefined || founder === undefined) {
    throw membershipError("REKEY_NONE", `the swarm's key is number ${keys[0].number} still`);
  }
  const isMember =
    !home.isExcluded(peer) &&
    (home.named.members.has(peer) ||
      (chain.at(-1)?.peer === peer &&
        isChainFree(chain, home.named) &&
        chainFault(id, founder, chain, check) === undefined));
  if (isMember) return rekey;
  const why = "the swarm has changed its key, and this peer was left behind";
  throw membershipError("REKEY_LEFT_BEHIND", why);
}
