import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DAY, personOf, withMembers } from "../../../tests/support/members.ts";
import type { Person } from "../../../tests/support/members.ts";
import { encodeAdmissionRequest, encodeChain, type ChainLink } from "../../codec/admission.ts";
import { encodeRekey } from "../../codec/rekey.ts";
import type { SwarmState } from "../../codec/swarm-state.ts";
import { signEnvelope } from "../../crypto/envelope.ts";
import { checkInvitation } from "./admit.ts";
import { signAdmission } from "./chain.ts";
import { foundSwarm } from "./found.ts";
import { takeRekey } from "./rekey.ts";
import { signToken } from "./token.ts";

const NOW = 1_800_000_000_000;
const founder = personOf(0);
const member = personOf(1);
const friend = personOf(2);
const state = foundSwarm(new Uint8Array(32).fill(3), founder.account);
const nobody = { members: new Set<string>(), excluded: new Set<string>() };

function link(by: Person, { account, self }: Person, swarm = state.id): ChainLink {
  const admission = { account, peer: self, token: new Uint8Array(16), timeMs: NOW };
  return signAdmission(by.root, swarm, admission);
}

function tokenOf(by: Person, wish: { inviter?: string; days?: number } = {}): Uint8Array {
  return signToken(by.root, {
    swarm: state.id,
    id: new Uint8Array(16),
    inviter: wish.inviter ?? by.self,
    keyNumber: 1,
    expiresMs: NOW + (wish.days ?? 1) * DAY,
    uses: 1,
    vouchBytes: 0,
  });
}

const toMember = [link(founder, member)];
const toFriend = [...toMember, link(member, friend)];

describe("checkInvitation()", () => {
  const refuses = (
    token: Uint8Array,
    chain: readonly ChainLink[],
    code: string,
    named = nobody,
  ): void => {
    assert.throws(() => checkInvitation(state, named, { token, chain }, NOW), { code });
  };

  test("takes what the founder and members sign", () => {
    checkInvitation(state, nobody, { token: tokenOf(founder), chain: [] }, NOW);
    checkInvitation(state, nobody, { token: tokenOf(member), chain: toMember }, NOW);
    checkInvitation(state, nobody, { token: tokenOf(friend), chain: toFriend }, NOW);
  });

  test("refuses a chain that is another's, cut, turned round, or of another swarm", () => {
    const elsewhere = [link(founder, member, foundSwarm(new Uint8Array(32), undefined).id)];
    for (const chain of [[], toFriend, toFriend.slice(1), toFriend.toReversed(), elsewhere]) {
      refuses(tokenOf(member), chain, "INVITATION_FORGED");
    }
    refuses(tokenOf(member, { inviter: friend.self }), toMember, "INVITATION_FORGED");
    refuses(tokenOf(friend, { inviter: member.self }), toMember, "INVITATION_FORGED");
  });

  test("refuses whom the founder shut out, and who came in through it", () => {
    const excluded = { ...nobody, excluded: new Set([member.self]) };
    refuses(tokenOf(member), toMember, "INVITATION_REVOKED", excluded);
    refuses(tokenOf(friend), toFriend, "INVITATION_REVOKED", excluded);
    const own = { ...nobody, excluded: new Set([founder.self]) };
    refuses(tokenOf(founder), [], "INVITATION_REVOKED", own);
    const kept = { ...excluded, members: new Set([friend.self]) };
    checkInvitation(state, kept, { token: tokenOf(friend), chain: toFriend }, NOW);
  });

  test("refuses an end that no invitation may have", () => {
    checkInvitation(state, nobody, { token: tokenOf(founder, { days: 92 }), chain: [] }, NOW);
    refuses(tokenOf(founder, { days: 93 }), [], "INVITATION_FORGED");
    refuses(tokenOf(founder, { days: 0 }), [], "INVITATION_EXPIRED");
    refuses(tokenOf(founder, { days: -3 }), [], "INVITATION_EXPIRED");
  });
});

describe("a member that is asked", () => {
  test("admits nobody where its own chain has no room, and counts no use", () =>
    withMembers(async (members) => {
      const people = Array.from({ length: 16 }, (_, at) => personOf(20 + at));
      const chain = people.map((person, at) => link(people[at - 1] ?? founder, person));
      const last = people.at(-1);
      assert.ok(last);
      const full = await members.open(last, { ...state, chain });
      const token = tokenOf(founder);
      const body = (person: Person): Uint8Array =>
        encodeAdmissionRequest({ token, chain: [], certificate: person.certificate });
      for (const guest of [member, friend]) {
        const asking = (): unknown => full.membership.admit(guest.self, body(guest));
        assert.throws(asking, { code: "CHAIN_FULL", hint: /earlier/ });
      }
    }));

  test("gives the new key only to who shows its own chain from the founder", () =>
    withMembers(async (members) => {
      const rekeyed = takeRekey(state, rekeyOf([], []));
      const home = await members.open(founder, rekeyed);
      const ask = (peer: Person, chain: ChainLink[]): Uint8Array =>
        home.membership.rekeyFor(peer.self, encodeChain(chain));
      assert.deepEqual(ask(member, toMember), rekeyed.rekey);
      const left = { code: "REKEY_LEFT_BEHIND" };
      assert.throws(() => ask(friend, toMember), left);
      assert.throws(() => ask(friend, [link(member, friend)]), left);
      assert.throws(() => ask(friend, []), left);
    }));

  test("shuts out a peer that a rekey names both ways", () =>
    withMembers(async (members) => {
      const both = takeRekey(state, rekeyOf([member.self], [member.self]));
      const home = await members.open(founder, both);
      const asking = (): unknown => home.membership.rekeyFor(member.self, encodeChain([]));
      assert.throws(asking, { code: "REKEY_LEFT_BEHIND" });
    }));

  test("says that there is no newer key", () =>
    withMembers(async (members) => {
      const home = await members.open(founder, state);
      const asking = (): unknown => home.membership.rekeyFor(member.self, encodeChain(toMember));
      assert.throws(asking, { code: "REKEY_NONE" });
    }));

  test("that was only given the key can check no invitation", () =>
    withMembers(async (members) => {
      const given: SwarmState = foundSwarm(state.keys[0].key, undefined);
      assert.equal(given.id, state.id);
      const home = await members.open(friend, given);
      const request = { token: tokenOf(founder), chain: [], certificate: member.certificate };
      const asking = (): unknown =>
        home.membership.admit(member.self, encodeAdmissionRequest(request));
      assert.throws(asking, { code: "FOUNDER_UNKNOWN", hint: /invitation/ });
    }));
});

function rekeyOf(members: string[], excluded: string[]): Uint8Array {
  const times = { timeMs: NOW, retiresMs: NOW };
  const body = { swarm: state.id, number: 2, key: new Uint8Array(32), members, excluded };
  return signEnvelope("rekey", founder.root, encodeRekey({ ...body, ...times }));
}
