import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { cardOf, DAY, never, personOf, withMembers } from "../../../tests/support/members.ts";
import { systemRandom } from "../../adapters/random.node.ts";
import { HoldfastError } from "../../base/error.ts";
import { CHAIN_LINKS_MAX, INVITATION_QR_MAX_CHARS } from "../../base/limits.ts";
import { createMemoryNetwork } from "../../adapters/net-memory.ts";
import { systemClock } from "../../adapters/clock.node.ts";
import type { ChainLink } from "../../codec/admission.ts";
import type { SwarmState } from "../../codec/swarm-state.ts";
import { signAdmission } from "./chain.ts";
import { foundSwarm } from "./found.ts";
import { createInvitation, parseInvitation } from "./invitation.ts";
import { joinWith } from "./join.ts";

const inviter = personOf(1);
const state = foundSwarm(new Uint8Array(32).fill(3), inviter.account);
const cards = [2, 3, 4, 5, 6].map((number) => cardOf(personOf(number)));
const wish = {
  state,
  root: inviter.root,
  self: inviter.self,
  cards,
  nowMs: 1_000,
  expiresMs: 1_000 + DAY,
  uses: 1,
  random: systemRandom,
};
const { text, invitation } = createInvitation(wish);

/** A member's state behind so many admissions, and that member. */
function deep(links: number): { state: SwarmState; root: typeof inviter.root; self: string } {
  let by = inviter;
  const chain: ChainLink[] = [];
  for (let at = 0; at < links; at++) {
    const next = personOf(20 + at);
    const admission = { account: next.account, peer: next.self, timeMs: 1_800_000_000_000 };
    chain.push(signAdmission(by.root, state.id, { ...admission, token: systemRandom.bytes(16) }));
    by = next;
  }
  return { state: { ...state, chain }, root: by.root, self: by.self };
}

describe("createInvitation()", () => {
  test("makes a text that is read as what it was made of", () => {
    assert.deepEqual(parseInvitation(text), invitation);
    const wrapped = text.replaceAll(/.{60}/g, "$&\r\n");
    assert.deepEqual(parseInvitation(`  ${wrapped}\n`), invitation);
  });

  test("keeps to what a QR code holds, but names three members first", () => {
    for (const [links, count] of [
      [0, 5],
      [1, 5],
      [2, 4],
      [3, 4],
      [CHAIN_LINKS_MAX, 3],
    ] as const) {
      const made = createInvitation({ ...wish, ...deep(links) });
      assert.equal(made.invitation.cards.length, count, `${links} links: ${made.text.length}`);
      if (links <= 3) assert.ok(made.text.length <= INVITATION_QR_MAX_CHARS);
      assert.deepEqual(parseInvitation(made.text), made.invitation);
    }
  });

  test("refuses an end that is past or too far ahead, and an unknown founder", () => {
    for (const expiresMs of [0, 1_000, 1_001 + 90 * DAY]) {
      assert.throws(() => createInvitation({ ...wish, expiresMs }), RangeError);
    }
    const given = foundSwarm(new Uint8Array(32), undefined);
    const unknown = { code: "FOUNDER_UNKNOWN" };
    assert.throws(() => createInvitation({ ...wish, state: given }), unknown);
  });
});

describe("parseInvitation()", () => {
  test("says of one character that is another, missing or too many that it is mistyped", () => {
    const mistyped = { code: "INVITATION_MISTYPED", hint: /copy/ };
    for (let at = 0; at < text.length; at += 7) {
      const other = text[at] === "b" ? "c" : "b";
      for (const wrong of [other, "", `${text[at]}x`]) {
        const changed = text.slice(0, at) + wrong + text.slice(at + 1);
        assert.throws(() => parseInvitation(changed), mistyped, `at ${at}: ${wrong}`);
      }
    }
    for (const none of ["", "holdfast://join/", "https://example.org/", "x".repeat(100_000)]) {
      assert.throws(() => parseInvitation(none), mistyped);
    }
  });

  test("refuses any text with a code", () => {
    const coded = (input: string): void => {
      assert.throws(() => parseInvitation(input), HoldfastError);
    };
    fc.assert(fc.property(fc.string(), coded));
    const unit = fc.constantFrom(..."abcABC019-_");
    fc.assert(fc.property(fc.string({ unit }), (rest) => coded(`holdfast://join/${rest}`)));
  });
});

describe("an open swarm", () => {
  const open = foundSwarm(new Uint8Array(32).fill(4), inviter.account, true);
  const made = createInvitation({ ...wish, state: open });
  const net = createMemoryNetwork(systemClock).net(inviter.self);

  test("is joined with what is printed, without asking anybody", async () => {
    const guest = personOf(9);
    const printed = parseInvitation(made.text);
    const joined = await joinWith(
      { ...guest, net, invitation: printed, clock: systemClock },
      never,
    );
    assert.deepEqual(joined, { state: open });
  });

  test("of which another secret is printed is none", async () => {
    assert.equal(made.invitation.kind, "open");
    const forged = { ...made.invitation, content: new Uint8Array(32) } as typeof made.invitation;
    const joining = joinWith(
      { ...personOf(9), net, invitation: forged, clock: systemClock },
      never,
    );
    await assert.rejects(joining, { code: "INVITATION_FORGED" });
  });

  test("admits nobody: whoever wants to come in has all that it takes", () =>
    withMembers(async (members) => {
      const host = await members.open(inviter, open);
      const closed = await members.found(2);
      const invited = parseInvitation(members.invite(closed, [host]));
      const guest = personOf(3);
      const lobby = members.knockingWith(guest, host.home.current().key);
      const joining = joinWith(
        { ...guest, net: lobby, invitation: invited, clock: systemClock },
        never,
      );
      await assert.rejects(joining, { code: "SWARM_OPEN" });
    }));
});
