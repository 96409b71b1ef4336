import assert from "node:assert/strict";
import { test } from "node:test";
import { never, personOf, withMembers } from "../../../tests/support/members.ts";
import type { Member } from "../../../tests/support/members.ts";
import { createMemoryNetwork } from "../../adapters/net-memory.ts";
import { systemClock } from "../../adapters/clock.node.ts";
import { encodeSwarmState, type SwarmState } from "../../codec/swarm-state.ts";
import { signAdmission } from "./chain.ts";
import { foundSwarm } from "./found.ts";
import { parseInvitation } from "./invitation.ts";
import { joinWith } from "./join.ts";
import { makeRekey, takeRekey } from "./rekey.ts";

const guest = personOf(1);
const liar = personOf(2);

/** What lying members answer, from the right answer. */
const LIES: Readonly<Record<string, (right: SwarmState, founder: Member) => SwarmState>> = {
  "another swarm": (right) => ({ ...right, id: foundSwarm(new Uint8Array(32), undefined).id }),
  "another content secret": (right) => ({ ...right, content: new Uint8Array(32) }),
  "another founder": (right) => ({ ...right, founder: liar.account }),
  "no founder": ({ id, open, content, keys, chain }) => ({ id, open, content, keys, chain }),
  "an open swarm": (right) => ({ ...right, open: true }),
  "another key": (right) => ({ ...right, keys: [{ number: 1, key: new Uint8Array(32) }] }),
  "two keys": (right) => ({
    ...right,
    keys: [
      { ...right.keys[0], number: 2 },
      { ...right.keys[0], number: 1, retiresMs: 9 },
    ],
  }),
  "a key that nobody made": (right) => ({ ...right, keys: [{ ...right.keys[0], number: 2 }] }),
  "a rekey of its own": (right) => {
    const wish = { self: liar.self, members: [], exclude: [], nowMs: 0, graceMs: 0 };
    const { key } = right.keys[0];
    const claimed = { ...right, founder: liar.account };
    const rekey = makeRekey(claimed, liar.root, { ...wish, key });
    return { ...right, keys: [{ number: 2, key }], rekey };
  },
  "an old rekey": (right, founder) => {
    const wish = { self: founder.self, members: [], exclude: [], nowMs: 0, graceMs: 0 };
    const other = makeRekey(right, founder.root, { ...wish, key: new Uint8Array(32) });
    return { ...takeRekey(right, other), keys: right.keys };
  },
  "a key that its rekey does not have": (right, founder) => {
    const wish = { self: founder.self, members: [], exclude: [], nowMs: 0, graceMs: 0 };
    const other = makeRekey(right, founder.root, { ...wish, key: new Uint8Array(32) });
    return { ...right, keys: [{ ...right.keys[0], number: 2 }], rekey: other };
  },
  "no admission": (right) => ({ ...right, chain: [] }),
  "somebody else's admission": (right, founder) => ({
    ...right,
    chain: [admission(right, founder.root, liar)],
  }),
  "an admission that the founder did not sign": (right) => ({
    ...right,
    chain: [admission(right, liar.root, guest)],
  }),
};

function admission(
  { id }: SwarmState,
  root: Member["root"],
  { account, self }: typeof guest,
): SwarmState["chain"][number] {
  const token = new Uint8Array(16);
  return signAdmission(root, id, { account, peer: self, token, timeMs: 1 });
}

for (const [name, lie] of Object.entries(LIES)) {
  test(`a guest refuses an answer with ${name}`, () =>
    withMembers(async (members) => {
      const founder = await members.found(0);
      const text = members.invite(founder, [liar], { uses: 9 });
      const { state } = founder.home;
      const right: SwarmState = { ...state, chain: [admission(state, founder.root, guest)] };
      const network = createMemoryNetwork(systemClock);
      let answer = right;
      const serve = { status: 200, headers: {} };
      await network
        .net(liar.self)
        .listen(async () => ({ ...serve, body: encodeSwarmState(answer) }));
      const invitation = parseInvitation(text);
      const net = network.net(guest.self);
      const options = { ...guest, net, invitation, clock: systemClock };
      const joined = await joinWith(options, never);
      assert.deepEqual(joined, { state: right, admittedBy: liar.self });
      answer = lie(right, founder);
      const refused = { code: "INVITATION_UNANSWERED", message: /malformed answer/ };
      await assert.rejects(joinWith(options, never), refused);
    }));
}
