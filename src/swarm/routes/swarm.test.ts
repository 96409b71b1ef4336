import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { DAY, never, personOf, withMembers } from "../../../tests/support/members.ts";
import type { Member, Members } from "../../../tests/support/members.ts";
import { systemRandom } from "../../adapters/random.node.ts";
import { fromUtf8 } from "../../base/bytes.ts";
import { encodeAdmissionRequest, encodeChain, encodeUseReport } from "../../codec/admission.ts";
import { lobbyKeyOf } from "../../crypto/swarm-key.ts";
import type { Net } from "../../ports/net.ts";
import { servedPaths } from "../server.ts";
import { rekeySwarm } from "../membership/courier.ts";
import { parseInvitation } from "../membership/invitation.ts";

/** What a peer answers: its status, and its code where it refuses. */
async function ask(
  net: Net,
  to: Member,
  request: { method: "GET" | "POST"; path: string },
  body: Uint8Array = new Uint8Array(0),
): Promise<{ status: number; code: unknown; hint: unknown }> {
  const whole = request.method === "POST" ? { ...request, body } : request;
  const answer = await net.request(to.self, whole, never);
  const refused = answer.status === 200 ? "{}" : (fromUtf8(answer.body) ?? "{}");
  const { code, hint } = JSON.parse(refused) as { code?: unknown; hint?: unknown };
  return { status: answer.status, code, hint };
}

async function rekeyed(members: Members, founder: Member, exclude: string[] = []): Promise<void> {
  const parts = { ...founder, peers: [], clock: members.clock, random: systemRandom };
  const wish = { self: founder.self, members: [], exclude, graceMs: DAY };
  await rekeySwarm(parts, wish, never);
}

const unserved = [
  { method: "GET", path: "/" },
  { method: "GET", path: "/v1/admit/" },
  { method: "GET", path: "/v1//admit" },
  { method: "POST", path: "/V1/ADMIT" },
] as const;
const table = [...servedPaths(), ...unserved];
const MEMBERSHIP = ["/v1/admit", "/v1/swarm/key", "/v1/swarm/rekey", "/v1/swarm/used"];

describe("what whoever is no member may ask", () => {
  test("the table of paths is whole", () => {
    const paths = table.map(({ path }) => path);
    for (const path of MEMBERSHIP) assert.ok(paths.includes(path), path);
    assert.ok(paths.length > 12);
  });

  for (const { method, path } of table) {
    test(`${method} ${path}`, () =>
      withMembers(async (members) => {
        const founder = await members.found(0);
        const before = founder.home.current().key;
        await rekeyed(members, founder);
        const cases = [
          { key: founder.home.current().key, open: servedPaths().map((each) => each.path) },
          { key: lobbyKeyOf(founder.home.current().key), open: ["/v1/admit"] },
          { key: before, open: ["/v1/admit", "/v1/swarm/key"] },
          { key: lobbyKeyOf(before), open: ["/v1/admit"] },
        ];
        for (const [at, { key, open }] of cases.entries()) {
          const net = members.knockingWith(personOf(5), key);
          const { status, code, hint } = await ask(net, founder, { method, path });
          if (at === 0 || open.includes(path)) assert.notEqual(code, "GUEST_REFUSED");
          else {
            assert.deepEqual([status, code], [403, "GUEST_REFUSED"]);
            assert.match(String(hint), at === 2 ? /new key/ : /invitation/);
          }
        }
      }));
  }

  for (const { method, path } of table) {
    test(`${method} ${path} of a peer that was shut out`, () =>
      withMembers(async (members) => {
        const founder = await members.found(0);
        const before = founder.home.current().key;
        const thief = personOf(5);
        await rekeyed(members, founder, [thief.self]);
        const { key } = founder.home.current();
        for (const known of [key, before, lobbyKeyOf(key), lobbyKeyOf(before)]) {
          const net = members.knockingWith(thief, known);
          const { status, code } = await ask(net, founder, { method, path });
          assert.deepEqual([status, code], [403, "REKEY_LEFT_BEHIND"]);
        }
      }));
  }
});

describe("the routes of membership", () => {
  test("answer whatever is sent with a code, and never with a fault of their own", () =>
    withMembers(async (members) => {
      const founder = await members.found(0);
      const child = await members.add(1, founder);
      const guest = personOf(2);
      const invitation = parseInvitation(members.invite(child, [child]));
      assert.equal(invitation.kind, "closed");
      if (invitation.kind !== "closed") return;
      const chain = [...invitation.chain];
      const { token } = invitation;
      await rekeyed(members, founder);
      const good = [
        encodeAdmissionRequest({ token, chain, certificate: guest.certificate }),
        encodeChain(chain),
        founder.home.state.rekey ?? new Uint8Array(0),
        encodeUseReport({ token, chain, guest: guest.self }),
      ];
      const net = members.knockingWith(guest, founder.home.current().key);
      const anything = fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc
          .tuple(fc.constantFrom(...good), fc.nat(), fc.nat(255))
          .map(([bytes, at, byte]) => bytes.with(at % bytes.length, byte)),
        fc
          .tuple(fc.constantFrom(...good), fc.nat())
          .map(([bytes, end]) => bytes.slice(0, end % bytes.length)),
      );
      const path = fc.constantFrom(...MEMBERSHIP);
      const property = fc.asyncProperty(path, anything, async (to, body) => {
        const { status, code } = await ask(net, founder, { method: "POST", path: to }, body);
        assert.ok(status < 500, `${to}: ${status} ${String(code)}`);
        assert.ok(status === 200 || typeof code === "string");
      });
      await fc.assert(property, { numRuns: 300 });
    }));

  test("refuse a guest that shows somebody else's certificate", () =>
    withMembers(async (members) => {
      const founder = await members.found(0);
      const invitation = parseInvitation(members.invite(founder, [founder]));
      assert.equal(invitation.kind, "closed");
      if (invitation.kind !== "closed") return;
      const { token, lobby } = invitation;
      const { certificate } = personOf(3);
      const body = encodeAdmissionRequest({ token, chain: [], certificate });
      const net = members.knockingWith(personOf(2), lobby);
      const { code } = await ask(net, founder, { method: "POST", path: "/v1/admit" }, body);
      assert.equal(code, "CERTIFICATE_REFUSED");
    }));

  test("refuse a longer body than any request has, before it is read", () =>
    withMembers(async (members) => {
      const founder = await members.found(0);
      const net = members.knockingWith(personOf(2), founder.home.current().key);
      for (const path of MEMBERSHIP) {
        const body = new Uint8Array(100_000);
        const { status } = await ask(net, founder, { method: "POST", path }, body);
        assert.equal(status, 413);
      }
    }));
});
