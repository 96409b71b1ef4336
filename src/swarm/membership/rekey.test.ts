import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { DAY, never, personOf, withMembers } from "../../../tests/support/members.ts";
import type { Member, Members } from "../../../tests/support/members.ts";
import { systemRandom } from "../../adapters/random.node.ts";
import { HoldfastError } from "../../base/error.ts";
import type { PeerId } from "../../base/id.ts";
import { REKEY_EXCLUDED_MAX, REKEY_MEMBERS_MAX, SECRET_MAX_BYTES } from "../../base/limits.ts";
import { idOf } from "../../base/id.ts";
import { encodeSwarmFile } from "../../account/swarm-file.ts";
import { fetchRekey, finishRekey, rekeySwarm, spreadRekey, type Rekeyed } from "./courier.ts";
import { foundSwarm } from "./found.ts";
import { makeRekey, openRekey, takeRekey } from "./rekey.ts";
import { SwarmHome } from "./swarm-home.ts";

const refusedWith = (code: string): { code: string } => ({ code });

/** The founder changes the key and tells `peers`. */
async function rekey(
  members: Members,
  founder: Member,
  peers: readonly Member[],
  exclude: readonly Member[] = [],
  listed: readonly Member[] = [],
): Promise<Rekeyed> {
  const to = peers.map(({ self }) => self);
  const parts = { ...founder, peers: to, clock: members.clock, random: systemRandom };
  const ids = (list: readonly Member[]): PeerId[] => list.map(({ self }) => self);
  const people = { self: founder.self, members: ids(listed), exclude: ids(exclude) };
  return await rekeySwarm(parts, { ...people, graceMs: 7 * DAY }, never);
}

/** A founder, a member, and a member that the second one let in. */
async function family(members: Members): Promise<[Member, Member, Member]> {
  const founder = await members.found(0);
  const child = await members.add(1, founder);
  return [founder, child, await members.add(2, child)];
}

describe("rekeySwarm()", () => {
  test("brings a new key to the members that are there; another fetches it", () =>
    withMembers(async (members) => {
      const [founder, child, grandchild] = await family(members);
      const before = founder.home.current();
      members.network.setFault(grandchild.self, { drop: "before" });
      const done = await rekey(members, founder, [child, grandchild]);
      assert.deepEqual(done, { number: 2, told: [child.self], waiting: [grandchild.self] });
      assert.deepEqual(child.home.current(), founder.home.current());
      assert.notDeepEqual(child.home.current().key, before.key);
      assert.deepEqual(grandchild.home.current(), before);
      assert.equal(await fetchRekey(grandchild.net, child.self, grandchild.home, never), true);
      assert.deepEqual(grandchild.home.current(), founder.home.current());
      assert.equal(await fetchRekey(grandchild.net, child.self, grandchild.home, never), false);
      assert.deepEqual(grandchild.saved(), grandchild.home.state);
    }));

  test("leaves behind whom it shuts out, and whoever came in through it", () =>
    withMembers(async (members) => {
      const [founder, thief, friend] = await family(members);
      const honest = await members.add(3, founder);
      const done = await rekey(members, founder, [thief, friend, honest], [thief]);
      assert.deepEqual(done.told, [friend.self, honest.self]);
      for (const member of [founder, friend, honest]) {
        assert.equal(member.home.isExcluded(thief.self), true);
        await assert.rejects(fetchRekey(thief.net, member.self, thief.home, never), {
          code: "REKEY_LEFT_BEHIND",
          hint: /invitation/,
        });
      }
    }));

  test("keeps whoever came in through a shut out peer only where it is named", () =>
    withMembers(async (members) => {
      const [founder, thief, friend] = await family(members);
      const named = await members.add(3, thief);
      await rekey(members, founder, [], [thief], [named]);
      assert.equal(await fetchRekey(named.net, founder.self, named.home, never), true);
      // What it says counts from then on, although it came in through who was shut out.
      const child = await members.add(5, named, [founder]);
      await members.add(6, child, [child]);
      const left = fetchRekey(friend.net, founder.self, friend.home, never);
      await assert.rejects(left, refusedWith("REKEY_LEFT_BEHIND"));
    }));

  test("ends the invitations from before, and those of whom it shuts out", () =>
    withMembers(async (members) => {
      const [founder, thief] = await family(members);
      const old = members.invite(founder, [founder]);
      await rekey(members, founder, []);
      await assert.rejects(members.join(personOf(8), old), refusedWith("INVITATION_REVOKED"));
      await rekey(members, founder, [], [thief]);
      const member = await members.add(4, founder);
      assert.equal(member.home.state.keys[0].number, 3);
      assert.deepEqual([...member.home.named.excluded], [thief.self]);
    }));

  test("shuts out for good, until it is said otherwise", () =>
    withMembers(async (members) => {
      const [founder, thief] = await family(members);
      await rekey(members, founder, [], [thief]);
      await rekey(members, founder, []);
      assert.equal(founder.home.isExcluded(thief.self), true);
      const { key } = founder.home.current();
      const wish = { key, self: founder.self, members: [], exclude: [], nowMs: 0, graceMs: 0 };
      const readmit = { ...wish, readmit: [thief.self] };
      const after = takeRekey(
        founder.home.state,
        makeRekey(founder.home.state, founder.root, readmit),
      );
      assert.deepEqual(openRekey(after, after.rekey ?? new Uint8Array(0)).excluded, []);
    }));

  test("goes on with the same key after it was interrupted", () =>
    withMembers(async (members) => {
      const [founder, child] = await family(members);
      const stopped = AbortSignal.abort(new Error("stopped"));
      const net = { ...founder, peers: [child.self], clock: members.clock, random: systemRandom };
      const wish = { self: founder.self, members: [], exclude: [], graceMs: DAY };
      await assert.rejects(rekeySwarm(net, wish, stopped), /stopped/);
      assert.equal(founder.home.current().number, 1);
      assert.ok(founder.saved().rekey);
      const invitation = members.invite(founder, [founder]);
      const refused = refusedWith("INVITATION_REVOKED");
      await assert.rejects(members.join(personOf(7), invitation), refused);
      const done = await finishRekey(net, never);
      assert.deepEqual(done?.told, [child.self]);
      assert.deepEqual(child.home.current(), founder.home.current());
      assert.equal(await finishRekey(net, never), undefined);
    }));
});

describe("a rekey", () => {
  test("that is old or played again has no effect", () =>
    withMembers(async (members) => {
      const [founder, child] = await family(members);
      await rekey(members, founder, [child]);
      const first = founder.home.state.rekey ?? new Uint8Array(0);
      await rekey(members, founder, [child]);
      const now = child.home.state;
      assert.deepEqual(await spreadRekey(founder.net, [child.self], first, never), [child.self]);
      assert.equal(child.home.state, now);
    }));

  test("of anybody but the founder is refused, and one of another swarm", () =>
    withMembers(async (members) => {
      const [founder, child] = await family(members);
      const { state } = founder.home;
      const wish = { key: new Uint8Array(32), self: child.self, members: [], exclude: [] };
      const times = { nowMs: 0, graceMs: 0 };
      assert.throws(
        () => makeRekey(state, child.root, { ...wish, ...times }),
        refusedWith("REKEY_FORGED"),
      );
      const claimed = { ...state, founder: child.account };
      const other = foundSwarm(new Uint8Array(32).fill(1), founder.account);
      for (const forged of [
        makeRekey(claimed, child.root, { ...wish, ...times }),
        makeRekey(other, founder.root, { ...wish, ...times }),
      ]) {
        assert.throws(() => takeRekey(state, forged), refusedWith("REKEY_FORGED"));
        assert.deepEqual(await spreadRekey(founder.net, [child.self], forged, never), []);
        assert.equal(child.home.state.keys.length, 1);
      }
    }));

  test("is not made for an open swarm, nor where the founder is unknown", () => {
    const person = personOf(1);
    const wish = { key: new Uint8Array(32), self: person.self, members: [], exclude: [] };
    const times = { nowMs: 0, graceMs: 0 };
    const open = foundSwarm(new Uint8Array(32), person.account, true);
    const given = foundSwarm(new Uint8Array(32), undefined);
    const make = (state: typeof open) => () => makeRekey(state, person.root, { ...wish, ...times });
    assert.throws(make(open), refusedWith("SWARM_OPEN"));
    assert.throws(make(given), refusedWith("FOUNDER_UNKNOWN"));
  });

  test("of as many peers as there can be fits into the home", () => {
    const person = personOf(1);
    const idsFrom = (first: number, count: number): PeerId[] =>
      Array.from({ length: count }, (_, at) => {
        const bytes = new Uint8Array(32);
        new DataView(bytes.buffer).setUint32(0, first + at);
        return idOf(bytes);
      });
    const state = foundSwarm(new Uint8Array(32), person.account);
    const envelope = makeRekey(state, person.root, {
      key: new Uint8Array(32),
      self: person.self,
      members: idsFrom(1, 2 * REKEY_MEMBERS_MAX),
      exclude: idsFrom(9_999, REKEY_EXCLUDED_MAX),
      nowMs: 0,
      graceMs: DAY,
    });
    const after = takeRekey(state, envelope);
    const { members, excluded } = openRekey(after, envelope);
    assert.deepEqual([members.length, excluded.length], [REKEY_MEMBERS_MAX, REKEY_EXCLUDED_MAX]);
    const [link] = Array.from({ length: 1 }, () => ({
      account: person.account,
      peer: person.self,
      token: new Uint8Array(16),
      timeMs: Number.MAX_SAFE_INTEGER,
      signature: new Uint8Array(64),
    }));
    assert.ok(link);
    const chain = Array.from({ length: 16 }, () => link);
    assert.ok(encodeSwarmFile({ ...after, chain }).length <= SECRET_MAX_BYTES);
  });

  test("with any byte changed is refused with a code", () => {
    const person = personOf(1);
    const state = foundSwarm(new Uint8Array(32), person.account);
    const wish = { key: new Uint8Array(32), self: person.self, members: [], exclude: [] };
    const envelope = makeRekey(state, person.root, { ...wish, nowMs: 5, graceMs: 5 });
    fc.assert(
      fc.property(fc.nat(envelope.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const forged = envelope.slice();
        forged[at] = (forged[at] ?? 0) ^ change;
        assert.throws(() => takeRekey(state, forged), HoldfastError);
      }),
    );
  });
});

describe("SwarmHome", () => {
  const state = foundSwarm(new Uint8Array(32), personOf(1).account);

  test("shows the key before only until it retires", () =>
    withMembers(async (members) => {
      const [founder, child] = await family(members);
      const before = founder.home.current();
      await rekey(members, founder, [child]);
      assert.equal(founder.home.previous()?.key, before.key);
      await members.clock.advance(7 * DAY);
      assert.equal(founder.home.previous(), undefined);
    }));

  test("saves before it tells, and keeps its state where saving fails", () =>
    withMembers(async ({ clock }) => {
      const events: string[] = [];
      let isBroken = false;
      const save = async (): Promise<void> => {
        if (isBroken) throw new Error("disk");
        events.push("saved");
      };
      const home = new SwarmHome({ state, save, clock });
      const stop = home.onChange(() => events.push("told"));
      const other = foundSwarm(new Uint8Array(32).fill(1), undefined);
      await home.replace(other);
      assert.deepEqual(events, ["saved", "told"]);
      isBroken = true;
      await assert.rejects(home.replace(state), /disk/);
      assert.equal(home.state, other);
      isBroken = false;
      stop();
      await home.update((same) => same);
      await home.replace(state);
      assert.deepEqual(events, ["saved", "told", "saved"]);
    }));
});
