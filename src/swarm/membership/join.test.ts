import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DAY, cardOf, never, personOf, withMembers } from "../../../tests/support/members.ts";
import type { Member, Members, Person } from "../../../tests/support/members.ts";
import type { Invitation } from "../../codec/invitation.ts";
import { parseInvitation as parse } from "./invitation.ts";
import { joinWith } from "./join.ts";

const refusedWith = (code: string): { code: string } => ({ code });

describe("a guest with an invitation", () => {
  test("is let in, and has all that a member has", () =>
    withMembers(async (members) => {
      const founder = await members.found(0);
      const guest = personOf(1);
      const { state, admittedBy } = await members.join(guest, members.invite(founder, [founder]));
      assert.equal(admittedBy, founder.self);
      const { id, content, keys } = founder.home.state;
      assert.deepEqual([state.id, state.content, state.keys], [id, content, keys]);
      assert.equal(state.founder, founder.account);
      assert.deepEqual(
        state.chain.map(({ account, peer }) => [account, peer]),
        [[guest.account, guest.self]],
      );
    }));

  test("may invite and admit in turn, and its guest too", () =>
    withMembers(async (members) => {
      const founder = await members.found(0);
      let last = founder;
      for (let number = 1; number <= 4; number++) last = await members.add(number, last);
      assert.equal(last.home.state.chain.length, 4);
      assert.equal(last.home.state.id, founder.home.state.id);
    }));

  test("gets in through another member when the inviter is off", () =>
    withMembers(async (members) => {
      const founder = await members.found(0);
      const [inviter, other] = [await members.add(1, founder), await members.add(2, founder)];
      const text = members.invite(inviter, [inviter, founder, other]);
      members.network.setFault(inviter.self, { drop: "before" });
      members.network.setFault(founder.self, { drop: "before" });
      const { admittedBy, state } = await members.join(personOf(3), text);
      assert.equal(admittedBy, other.self);
      assert.equal(state.chain.at(0)?.account, other.account);
    }));

  test("is told that nobody answers, and of whom that is true", () =>
    withMembers(async (members) => {
      const founder = await members.found(0);
      members.network.setFault(founder.self, { drop: "before" });
      await assert.rejects(members.join(personOf(1), members.invite(founder, [founder])), {
        code: "INVITATION_UNANSWERED",
        message: RegExp(founder.self),
      });
      const nobody = { code: "INVITATION_UNANSWERED", message: /names no members/ };
      await assert.rejects(members.join(personOf(1), members.invite(founder, [])), nobody);
    }));
});

/** A member's invitation, used by another guest than the first. */
async function secondGuest(members: Members, at: Member, text: string): Promise<void> {
  await members.join(personOf(8), text);
  await Promise.all(at.reports);
  await members.join(personOf(9), text);
}

describe("an invitation", () => {
  test("that is used up is refused, and one with uses left is not", () =>
    withMembers(async (members) => {
      const founder = await members.found(0);
      const once = members.invite(founder, [founder]);
      await assert.rejects(secondGuest(members, founder, once), refusedWith("INVITATION_USED_UP"));
      await secondGuest(members, founder, members.invite(founder, [founder], { uses: 2 }));
    }));

  test("that was used at one member is used up at the others that heard of it", () =>
    withMembers(async (members) => {
      const founder = await members.found(0);
      const other = await members.add(1, founder);
      const invitation = parse(members.invite(founder, [founder]));
      const elsewhere = { ...invitation, cards: [cardOf(other)] };
      assert.equal(invitation.kind, "closed");
      const lobby = invitation.kind === "closed" ? invitation.lobby : new Uint8Array(32);
      const ask = async (guest: Person, shown: Invitation): Promise<unknown> => {
        const net = members.knockingWith(guest, lobby);
        return await joinWith({ ...guest, net, invitation: shown, clock: members.clock }, never);
      };
      await ask(personOf(8), invitation);
      await Promise.all(founder.reports);
      await assert.rejects(ask(personOf(9), elsewhere), refusedWith("INVITATION_USED_UP"));
      await ask(personOf(8), elsewhere);
    }));

  test("lets the same guest in again whose answer got lost, without another use", () =>
    withMembers(async (members) => {
      const founder = await members.found(0);
      const text = members.invite(founder, [founder], { uses: 2 });
      members.network.setFault(founder.self, { drop: "after" });
      await assert.rejects(members.join(personOf(1), text), refusedWith("INVITATION_UNANSWERED"));
      members.network.setFault(founder.self);
      await members.join(personOf(1), text);
      await members.join(personOf(2), text);
      await assert.rejects(members.join(personOf(3), text), refusedWith("INVITATION_USED_UP"));
    }));

  test("that has ended is refused, by the clock of who is asked", () =>
    withMembers(async (members) => {
      const founder = await members.found(0);
      const text = members.invite(founder, [founder], { days: 1 });
      await members.clock.advance(DAY);
      await assert.rejects(members.join(personOf(1), text), {
        code: "INVITATION_EXPIRED",
        hint: /clock/,
      });
    }));

  test("to another swarm is refused by a member that does not know it", () =>
    withMembers(async (members) => {
      const founder = await members.found(0);
      const stranger = await members.found(1);
      const text = members.invite(stranger, [founder]);
      const guest = personOf(2);
      const net = members.knockingWith(guest, founder.home.current().key);
      const invitation = parse(text);
      await assert.rejects(joinWith({ ...guest, net, invitation, clock: members.clock }, never), {
        code: "INVITATION_OTHER_SWARM",
      });
    }));

  test("of who is no member is refused, whatever it signs", () =>
    withMembers(async (members) => {
      const founder = await members.found(0);
      const thief = await members.open(personOf(1), founder.home.state);
      const forged = members.invite(thief, [founder]);
      assert.throws(() => parse(forged), refusedWith("INVITATION_FORGED"));
    }));
});
