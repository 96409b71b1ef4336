import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { idOf } from "../base/id.ts";
import { swarmIdOf } from "../crypto/swarm-key.ts";
import { HoldfastError } from "../base/error.ts";
import { MEMORY_INVITATION, founderState } from "../gateway/reach-memory.ts";
import type { MemoryReachState } from "../gateway/reach-memory.ts";
import { invitationText } from "../swarm/membership/invitation.ts";
import { STATUS } from "./exit-status.ts";
import { makeTestHomes } from "./testing.ts";
import type { Outcome } from "./testing.ts";
import { serveTwin } from "../../tests/support/local-api-twin.ts";

const idWith = (byte: number): string => idOf(new Uint8Array(32).fill(byte));
const SELF = idWith(1);
const [FRIEND, COUSIN] = [idWith(0x55), idWith(0x56)];
const homes = makeTestHomes();
const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers) await close();
  await homes.clean();
});

/** A home whose daemon is a twin, and commands on it. */
async function serve(
  name: string,
  peers = [FRIEND, COUSIN],
): Promise<{ state: MemoryReachState; run: (...args: string[]) => Promise<Outcome> }> {
  const state = founderState(SELF, peers);
  const server = await serveTwin(homes.home(name), state);
  closers.push(() => server.close());
  return { state, run: (...args) => homes.run(name, args) };
}

function realInvitation(): string {
  const content = new Uint8Array(32).fill(9);
  const open = {
    kind: "open",
    swarm: idOf(swarmIdOf(content)),
    founder: SELF,
    keyNumber: 1,
  } as const;
  return invitationText({ ...open, key: new Uint8Array(32).fill(8), content, cards: [] });
}

function refusal(code: string): HoldfastError {
  return new HoldfastError(code, "the reason", { hint: "the way out" });
}

test("invite prints the string alone where there is no terminal, and warns beside it", async () => {
  const { state, run } = await serve("invite");
  const before = Date.now();
  const outcome = await run("invite", "--uses", "3", "--expires", "12h");
  assert.equal(outcome.status, 0, outcome.stderr);
  assert.equal(outcome.stdout, `${MEMORY_INVITATION}\n`);
  assert.match(
    outcome.stderr,
    /warning: no member.*publicly reachable[^]*public_address[^]*tracker/,
  );
  assert.equal(state.invited?.uses, 3);
  const lifetimeMs = (state.invited?.expiresMs ?? 0) - before;
  assert.ok(lifetimeMs >= 12 * 3_600_000 && lifetimeMs < 13 * 3_600_000, String(lifetimeMs));
  for (const peer of state.peers) peer.reachable = true;
  const quiet = await run("invite", "--json");
  assert.equal(quiet.stderr, "");
  const made = JSON.parse(quiet.stdout) as Record<string, unknown>;
  assert.equal(made["invitation"], MEMORY_INVITATION);
  assert.equal(made["reachable"], 2);
  assert.equal(made["uses"], 1);
});

test("invite --out writes for this user alone: text, or a QR code as SVG", async () => {
  const { run } = await serve("out");
  const text = join(homes.folder, "invitation.txt");
  const silent = await run("invite", "--out", text);
  assert.equal(silent.stdout, "");
  assert.equal(readFileSync(text, "utf8"), `${MEMORY_INVITATION}\n`);
  assert.equal(statSync(text).mode & 0o777, 0o600);
  const picture = join(homes.folder, "invitation.svg");
  assert.equal((await run("invite", "--out", picture)).status, 0);
  assert.match(readFileSync(picture, "utf8"), /^<svg/);
  const drawn = await run("invite", "--qr");
  assert.match(drawn.stdout, /▀/);
});

test("join takes the invitation from the command line or from input, broken lines too", async () => {
  const { state, run } = await serve("join");
  const invitation = realInvitation();
  const outcome = await run("join", invitation);
  assert.equal(outcome.status, 0, outcome.stderr);
  assert.equal(state.joined, invitation);
  assert.match(outcome.stdout, /admitted us[^]*joined the swarm[^]*let us in \(punched\)\n2 peers/);
  state.swarm.members = 1;
  delete state.joined;
  const broken = invitation.replace(/(.{40})/g, "$1\r\n  ");
  const input = { input: Buffer.from(`\n${broken}\n`) };
  assert.equal((await homes.run("join", ["join", "-"], input)).status, 0);
  assert.equal(state.joined, invitation);
});

test("a mistyped invitation is refused before a home is made", async () => {
  const invitation = realInvitation();
  const wrong = `${invitation.slice(0, 60)}${invitation[60] === "A" ? "B" : "A"}${invitation.slice(61)}`;
  for (const text of [wrong, invitation.slice(0, -3), "holdfast://join/", "https://example.org"]) {
    const outcome = await homes.run("blank", ["join", text]);
    assert.equal(outcome.status, STATUS.usage, outcome.stderr);
    assert.match(outcome.stderr, /^error: .*no whole invitation[^]*^hint: /m);
  }
  const empty = await homes.run("blank", ["join", "-"], { input: Buffer.from("  \n") });
  assert.equal(empty.status, STATUS.usage);
  assert.equal(existsSync(homes.home("blank")), false);
});

const REFUSALS: [string, number][] = [
  ["INVITATION_EXPIRED", STATUS.denied],
  ["INVITATION_USED_UP", STATUS.denied],
  ["INVITATION_OTHER_SWARM", STATUS.usage],
  ["INVITATION_REVOKED", STATUS.denied],
  ["INVITATION_FORGED", STATUS.corrupt],
  ["INVITATION_UNANSWERED", STATUS.unreachable],
];

test("what members say to a guest is told with its hint and its own exit status", async () => {
  const { state, run } = await serve("refused");
  for (const [code, status] of REFUSALS) {
    state.failure = refusal(code);
    const outcome = await run("join", realInvitation());
    assert.equal(outcome.status, status, code);
    assert.match(outcome.stderr, /^error: the reason\nhint: the way out$/m);
  }
  state.swarm.members = 3;
  const outcome = await run("join", realInvitation());
  assert.equal(outcome.status, STATUS.usage);
  assert.match(outcome.stderr, /with others\nhint: `holdfast swarm leave`/);
});

test("swarm shows, makes, re-keys and leaves; peers are named by their first characters", async () => {
  const { state, run } = await serve("swarm");
  assert.match((await run("swarm")).stdout, new RegExp(`founder +${SELF} \\(this account\\)`));
  const rekeyed = await run("swarm", "rekey", "--without", FRIEND.slice(0, 6), "--json");
  assert.equal(rekeyed.status, 0, rekeyed.stderr);
  assert.deepEqual((JSON.parse(rekeyed.stdout) as { leftBehind: string[] }).leftBehind, [FRIEND]);
  assert.deepEqual(
    state.peers.map(({ id }) => id),
    [COUSIN],
  );
  for (const name of ["zzzzzz", FRIEND.slice(0, 5), "K5X2AB"]) {
    const outcome = await run("swarm", "rekey", "--without", name);
    assert.equal(outcome.status, STATUS.usage, name);
    assert.match(outcome.stderr, /^hint: /m);
  }
  assert.equal(state.swarm.keyNumber, 2, "nothing was changed for a wrong name");
  assert.match((await run("swarm", "leave")).stdout, /left the swarm/);
  assert.match((await run("swarm", "create", "--open")).stdout, /open: anybody may join/);
  state.swarm.isFounder = false;
  assert.equal((await run("swarm", "rekey")).status, STATUS.denied);
});

test("peers shows carriers, times and what is held, and forgets by a prefix", async () => {
  const { state, run } = await serve("peers");
  Object.assign(state.peers[0] ?? {}, {
    reachable: true,
    carrier: "punched",
    roundTripMs: 23.4,
    bytesPerSecond: 3 * 2 ** 20,
    holdsForMeBytes: 5 * 2 ** 30,
    roles: ["relay", "tracker"],
    addresses: ["192.0.2.7:4470"],
    site: "the cellar\u001b[2J",
  });
  const { stdout } = await run("peers", "--probe");
  const [head, friend, cousin] = stdout.split("\n");
  assert.match(head ?? "", /^PEER +SITE +STATE +CARRIER/);
  assert.match(friend ?? "", new RegExp(`^${FRIEND.slice(0, 10)} `));
  assert.match(friend ?? "", /there +punched +23 ms +3\.0 MiB\/s +\? +5\.0 GiB +- +relay,tracker/);
  assert.ok(!stdout.includes("\u001b"), "a stranger's site is not obeyed by the terminal");
  assert.equal(cousin?.trim().split(/ +/).length, head?.trim().split(/ {2,}/).length);
  const { peers } = JSON.parse((await run("peers", "--json")).stdout) as { peers: object[] };
  assert.deepEqual(
    peers,
    state.peers.map(({ reachable: _not, ...peer }) => peer),
  );
  assert.equal((await run("peers", "remove", FRIEND.slice(0, 8))).status, 0);
  const again = await run("peers", "remove", FRIEND);
  assert.equal(again.status, STATUS.notFound, again.stderr);
});

test("doctor lists findings with remedies, and fails only where something fails", async () => {
  const { state, run } = await serve("doctor");
  assert.match((await run("doctor")).stdout, /^ok +router /m);
  state.facts.router.udpBlocked = true;
  const warned = await run("doctor");
  assert.equal(warned.status, 0);
  assert.match(warned.stdout, /^warn +router +UDP is blocked.*\n +→ allow outgoing UDP/m);
  state.facts.home.exposed = ["keys/peer.key"];
  const failed = await run("doctor", "--json");
  assert.equal(failed.status, STATUS.failed);
  assert.equal((JSON.parse(failed.stdout) as { healthy: boolean }).healthy, false);
});
