// Lies told to real daemons: made-up peers, wrong addresses, bad invitations, wrong clocks.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openApi } from "../../src/cli/client.ts";
import { STATUS } from "../../src/cli/exit-status.ts";
import { homePaths } from "../../src/daemon/home.ts";
import { idOf } from "../../src/base/id.ts";
import { PEERS_PAGE_MAX } from "../../src/base/limits.ts";
import type { PeerHandler } from "../../src/ports/net.ts";
import { signCard } from "../../src/swarm/card-book.ts";
import { encodeCards } from "../../src/swarm/wire.ts";
import { holdfast, holdfastJson, startPeer, TestSwarm, until, writeRandom } from "./harness.ts";
import type { Ran, TestPeer } from "./harness.ts";
import { digest } from "./trees.ts";
import { netTo, newKey, swarmKeyOf } from "./watched-peer.ts";

const DAY_MS = 86_400_000;
let swarm: TestSwarm;

before(async () => {
  swarm = await TestSwarm.demo("lies", 3);
});
after(() => swarm.stop());

/** A new home whose daemon's clock is ahead of this machine's. */
async function newcomer(name: string, aheadMs: number): Promise<TestPeer> {
  const home = swarm.path("swarm", name);
  await holdfastJson(["--home", home, "init"]);
  const peer = await startPeer(home, { HOLDFAST_TEST_CLOCK: "1" });
  swarm.peers.push(peer);
  await openApi(homePaths(home).socket).ask("POST", "/v1/test/clock", { advanceMs: aheadMs });
  return peer;
}

async function invite(home: string): Promise<string> {
  const made = await holdfastJson<{ invitation: string }>(["--home", home, "invite"]);
  return made.invitation;
}

function joinAt({ home }: TestPeer, invitation: string): Promise<Ran> {
  return holdfast(["--home", home, "join", invitation]);
}

async function putAndGet(home: string, name: string): Promise<void> {
  writeRandom(swarm.path(name), 3_000_000);
  await holdfastJson(["--home", home, "put", swarm.path(name), `/${name}`]);
  const target = swarm.path(`${name}.back`);
  await holdfastJson(["--home", home, "get", `/${name}`, target, "--peers-only"]);
  assert.equal(digest(target), digest(swarm.path(name)));
}

test("a machine whose clock is a day ahead joins, puts and gets", async () => {
  const guest = await newcomer("day-ahead", DAY_MS);
  const joined = await joinAt(guest, await invite(swarm.owner.home));
  assert.equal(joined.status, 0, joined.stderr);
  await putAndGet(guest.home, "from-tomorrow");
});

test("a machine whose clock is three days off is told that it may be the clock", async () => {
  const ahead = await newcomer("ahead", 3 * DAY_MS);
  const early = await joinAt(ahead, await invite(swarm.owner.home));
  assert.equal(early.status, STATUS.unreachable);
  assert.match(early.stderr, /by this machine's clock .* made \d days ago[^]*^hint: .*clock/m);
  // Whoever is behind knows for sure: nothing that was made is from the future.
  const behind = await newcomer("behind", 0);
  const late = await joinAt(behind, await invite(ahead.home));
  assert.equal(late.status, STATUS.unreachable);
  assert.match(
    late.stderr,
    /this machine's clock is wrong: .* [23] days after[^]*^hint: set .*clock/m,
  );
});

test("a mistyped invitation is said to be one, and nothing is asked of anybody", async () => {
  const home = swarm.path("swarm", "nobody");
  const invitation = await invite(swarm.owner.home);
  const at = invitation.length - 40;
  const other = invitation[at] === "a" ? "b" : "a";
  const typed = `${invitation.slice(0, at)}${other}${invitation.slice(at + 1)}`;
  const ran = await holdfast(["--home", home, "join", typed]);
  assert.equal(ran.status, STATUS.usage);
  assert.match(ran.stderr, /^hint: copy the whole invitation/m);
});

test("where another peer answers nobody is believed, and the right address is still found", async () => {
  const home = swarm.path("swarm", "misled");
  const key = `${swarm.owner.home}/keys/swarm.key`;
  await holdfastJson(["--home", home, "init", "--swarm-key", key]);
  const misled = await startPeer(home);
  swarm.peers.push(misled);
  const [right, wrong] = swarm.peers;
  assert.ok(right !== undefined && wrong !== undefined);
  const reachable = async (): Promise<boolean> => {
    const args = ["--home", home, "peers", "--probe"];
    const { peers } = await holdfastJson<{ peers: { id: string; reachable: boolean }[] }>(args);
    return peers.some(({ id, reachable: is }) => id === right.id && is);
  };
  await holdfastJson(["--home", home, "peers", "add", `${right.id}@127.0.0.1:${wrong.port}`]);
  assert.equal(await reachable(), false);
  await holdfastJson(["--home", home, "peers", "add", `${right.id}@127.0.0.1:${right.port}`]);
  assert.equal(await reachable(), true);
});

test("a member that names made-up peers, and calls itself a tracker, harms no put or get", async () => {
  const key = newKey();
  const net = netTo(swarm.owner, swarmKeyOf(swarm.owner), key);
  const cardOf = (signer: typeof key, port: number): Uint8Array =>
    signCard(signer, {
      id: idOf(signer.publicKey),
      addresses: [`127.0.0.1:${port}`],
      offeredBytes: 2 ** 50,
      protocol: 1,
      timeMs: Date.now(),
      roles: ["tracker", "relay"],
    });
  let own: Uint8Array = new Uint8Array();
  let lies = 0;
  const lie: PeerHandler = async ({ path }) => {
    lies++;
    if (path === "/v1/peers") {
      const made = Array.from({ length: PEERS_PAGE_MAX - 1 }, () => cardOf(newKey(), 1));
      return { status: 200, body: encodeCards([own, ...made]) };
    }
    if (path.startsWith("/api/")) {
      const addresses = Array.from(
        { length: 1_000 },
        () => `${idOf(newKey().publicKey)}@1.2.3.4:5`,
      );
      return { status: 200, body: Buffer.from(JSON.stringify({ addresses })) };
    }
    return { status: 200, body: Buffer.alloc(100_000, "{") };
  };
  const { port } = await net.listen(lie);
  own = cardOf(key, port);
  try {
    await swarm.ask("peers", "add", `${idOf(key.publicKey)}@127.0.0.1:${port}`);
    const known = async (): Promise<number> =>
      (await swarm.ask<{ peers: unknown[] }>("peers")).peers.length;
    await until("the lies were heard", async () => (await known()) > PEERS_PAGE_MAX / 2);
    assert.ok(lies > 0);
    await putAndGet(swarm.owner.home, "among-liars");
  } finally {
    await net.close();
  }
});
