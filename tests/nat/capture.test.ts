// What somebody sees who reads every packet of a swarm, and what he gets who is not in it.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DATAGRAM_MARKER, DATAGRAM_OVERHEAD_BYTES } from "../../src/adapters/dht/datagram.ts";
import { assertSameTree } from "../e2e/trees.ts";
import { findSecrets, searchable, startCapture } from "./capture.ts";
import type { Frame } from "./capture.ts";
import { found, invite, joinSwarm, look, untilReached } from "./cell.ts";
import type { Way } from "./cell.ts";
import { NatLab, whyNoLab } from "./lab.ts";
import type { LabHost, Mode } from "./lab.ts";
import { openPorts } from "./ports.ts";
import { secretsOf, secretsOfFile } from "./secrets.ts";
import type { Secrets } from "./secrets.ts";

const FILE_BYTES = 4 * 2 ** 20;
/** Names that nothing else would contain. */
const FOLDER = "quartz-marigold-archive";
const FILE = "vermilion-otter-ledger.bin";
const NOTE = "the heron of Ystad counts to nineteen in the fog\n";
const TEST_MAX_MS = 180_000;
const skip = whyNoLab();

/** Puts a tree with names and contents that can be recognised, gets it back, and gives what must
 * not be seen of it. */
async function carryTree(lab: NatLab, owner: LabHost): Promise<Secrets> {
  const tree = lab.path(FOLDER);
  mkdirSync(tree);
  const content = randomBytes(FILE_BYTES);
  writeFileSync(join(tree, FILE), content);
  writeFileSync(join(tree, `note-${FILE}`), NOTE.repeat(1_000));
  await owner.ask("put", tree, `/${FOLDER}`);
  await owner.ask("get", `/${FOLDER}`, lab.path("again"), "--peers-only");
  assertSameTree(lab.path("again"), tree);
  return new Map([
    ...secretsOfFile(FILE, content, 64),
    ...secretsOfFile(FOLDER, Buffer.from(NOTE), 1),
  ]);
}

const pairs: readonly (readonly [Mode, Mode, Way])[] = [
  ["cone", "cone", "punched"],
  ["sym", "sym", "relayed"],
  ["blocked", "cone", "relayed"],
];
for (const [from, to, carrier] of pairs) {
  const title = `no packet between homes (${from}, ${to}) shows who they are or what they store`;
  test(title, { skip, timeout: TEST_MAX_MS }, async (t) => {
    const lab = NatLab.build({ pub1: "open", homeA: from, homeB: to });
    try {
      await lab.explain(async () => {
        const lines = [[], ["nat-homeA", "l-homeA"], ["nat-homeB", "l-homeB"]];
        const captures = await Promise.all(lines.map((line) => startCapture(lab, ...line)));
        const [founder, owner, holder] = [lab.host("pub1"), lab.host("homeA"), lab.host("homeB")];
        await found(founder);
        const invitation = await invite(founder, "--uses", "2");
        await joinSwarm(holder, invitation, { file_storage: "64 MiB" });
        await joinSwarm(owner, invitation, { file_storage: 0, code: "1/1" });
        await untilReached(owner, holder, carrier);
        const secrets = await carryTree(lab, owner);
        // At its end a daemon writes down whose cards it has.
        for (const host of lab.hosts) await host.ask("down");
        for (const entry of secretsOf(founder, lab.hosts)) secrets.set(...entry);
        assert.ok(secrets.has("card 0 known to homeA"), "there is a card to look for");
        secrets.set("invitation", [Buffer.from(invitation.slice(-40))]);
        const frames = (await Promise.all(captures.map((stop) => stop()))).flat();
        const seenBytes = frames.reduce((sum, { bytes }) => sum + bytes.length, 0);
        t.diagnostic(`${frames.length} frames, ${seenBytes} bytes, ${secrets.size} secrets`);
        // Everything was captured: out, back, and on both sides of the routers.
        assert.ok(seenBytes > 4 * FILE_BYTES, `only ${seenBytes} bytes were captured`);
        assert.deepEqual(findSecrets(searchable(frames), secrets), []);
      });
    } finally {
      await lab.remove();
    }
  });
}

/** A request of dht-rpc that looks for nodes. */
const SEEK_BYTES = 43;
const OUTSIDER = [process.execPath, join(import.meta.dirname, "outsider.ts")];

/** What came back to a host from some others: their payloads, by who sent them. */
function answersTo(outsider: LabHost, frames: readonly Frame[]): string[] {
  const isOurs = ({ to }: Frame): boolean => to.startsWith(`${outsider.address}:`);
  return frames
    .filter((frame) => isOurs(frame) && frame.protocol !== "other" && frame.payload.length > 0)
    .map(({ protocol, from, payload }) => `${protocol} ${from}: ${payload.toString("hex")}`);
}

test(
  "whoever lacks the key gets not one byte, at no port",
  { skip, timeout: TEST_MAX_MS },
  async (t) => {
    const lab = NatLab.build({ pub1: "open", pub2: "open", home: "fullcone", out: "open" });
    try {
      await lab.explain(async () => {
        const [founder, member, home] = [lab.host("pub1"), lab.host("pub2"), lab.host("home")];
        const outsider = lab.host("out");
        await found(founder);
        const invitation = await invite(founder, "--uses", "2");
        await joinSwarm(member, invitation);
        await joinSwarm(home, invitation);
        await untilReached(member, home);
        const peers = [founder, member, home];
        const targets = (await Promise.all(peers.map((peer) => openPorts(lab, peer)))).flat();
        t.diagnostic(targets.join(" "));
        for (const protocol of ["tcp", "udp"]) {
          const of = targets.filter((target) => target.includes(`/${protocol}/`));
          assert.ok(of.length >= peers.length, `only ${of.join(" ")}`);
        }
        const stop = await startCapture(lab);
        const poked = await lab.start("out", [...OUTSIDER, ...targets]).ended;
        assert.equal(poked.stdout, "done\n", poked.stderr);
        // Another swarm's peer, who knows where ours are and who they are.
        await outsider.init();
        await outsider.up();
        for (const { id, publicAddress } of peers) {
          const tcp = targets.filter((target) => target.startsWith(`${publicAddress}/tcp/`));
          for (const target of tcp) {
            const address = `${id}@${target.replace("/tcp/", ":")}`;
            await outsider.ask("peers", "add", address);
          }
          assert.notEqual((await look(outsider, { id }, true)).reachable, true);
        }
        const frames = await stop();
        const asked = frames.filter(({ from }) => from.startsWith(`${outsider.address}:`));
        assert.ok(asked.length > 100 * targets.length, `only ${asked.length} packets were sent`);
        assert.deepEqual(answersTo(outsider, frames), []);
        await untilReached(member, founder);
      });
    } finally {
      await lab.remove();
    }
  },
);

/** What a node of the public DHT, and any server, would say to the same. */
const TALKER = `
const [host] = process.argv.slice(1);
const node = require("dht-rpc").bootstrapper(5000, host);
require("node:net").createServer((socket) => socket.on("error", () => {}).end("hello")).listen(5001);
node.ready().then(() => console.log("ready"));`;

test("the same outsider hears those who do talk to strangers", { skip }, async () => {
  const lab = NatLab.build({ pub1: "open", out: "open" });
  try {
    const talker = lab.host("pub1");
    const { child, ended } = lab.start("pub1", [process.execPath, "-e", TALKER, talker.address]);
    await Promise.race([new Promise((resolve) => child.stdout?.once("data", resolve)), ended]);
    const stop = await startCapture(lab);
    const targets = [`${talker.address}/udp/5000`, `${talker.address}/tcp/5001`];
    await lab.start("out", [...OUTSIDER, ...targets]).ended;
    const frames = await stop();
    // Datagrams of another swarm are among what it tries; no other has that length.
    const isSealed = ({ payload }: Frame): boolean =>
      payload[0] === DATAGRAM_MARKER && payload.length === DATAGRAM_OVERHEAD_BYTES + SEEK_BYTES;
    assert.ok(frames.some((frame) => frame.protocol === "udp" && isSealed(frame)));
    const answers = answersTo(lab.host("out"), frames);
    assert.ok(answers.some((answer) => answer.startsWith(`udp ${talker.address}:5000: 13`)));
    assert.ok(answers.some((answer) => answer.startsWith(`tcp ${talker.address}:5001`)));
  } finally {
    await lab.remove();
  }
});
