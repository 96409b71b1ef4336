// Guests in masses at a real daemon's lobby, with chains of admissions that are dear to check.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { decodeKeyFile } from "../../src/account/key-file.ts";
import { idOf } from "../../src/base/id.ts";
import { CHAIN_CHECKS_PER_SECOND_MAX, CHAIN_LINKS_MAX } from "../../src/base/limits.ts";
import { encodeAdmissionRequest, type ChainLink } from "../../src/codec/admission.ts";
import { signingKeyOf } from "../../src/crypto/sign.node.ts";
import { signAdmission } from "../../src/swarm/membership/chain.ts";
import { parseInvitation } from "../../src/swarm/membership/invitation.ts";
import { signToken } from "../../src/swarm/membership/token.ts";
import { inMasses, openSession } from "./attacker.ts";
import { holdfast, holdfastJson, killDaemon, TestSwarm } from "./harness.ts";
import { certificateOf, newKey, WatchedPeer } from "./watched-peer.ts";

const GUESTS = 128;
/** More than a session may have in flight would end it. */
const ASKS_PER_GUEST = 12;
let swarm: TestSwarm;
let victim: WatchedPeer;

before(async () => {
  swarm = await TestSwarm.alone("guests");
  victim = new WatchedPeer(swarm.owner);
});
after(() => swarm.stop());

/** Asks of a bad member: it was let in, and has made up the rest of its chain, anew each time.
 * Every signature holds. */
function dearAsks(swarmId: string): (guest: ReturnType<typeof newKey>) => Uint8Array {
  const file = readFileSync(join(swarm.owner.home, "keys", "root.key"));
  const founder = signingKeyOf(decodeKeyFile("root.key", file, 32));
  const roots = Array.from({ length: CHAIN_LINKS_MAX }, newKey);
  const inviter = newKey();
  let timeMs = Date.now();
  return (guest) => {
    let signer = founder;
    const chain = roots.map((root): ChainLink => {
      const [account, peer] = [idOf(root.publicKey), idOf(inviter.publicKey)];
      const link = { account, peer, token: new Uint8Array(16), timeMs: timeMs++ };
      const signed = signAdmission(signer, swarmId, link);
      signer = root;
      return signed;
    });
    const token = signToken(signer, {
      swarm: swarmId,
      id: new Uint8Array(16),
      inviter: idOf(inviter.publicKey),
      keyNumber: 1,
      expiresMs: Date.now() + 86_400_000,
      uses: 1_000,
      vouchBytes: 0,
    });
    return encodeAdmissionRequest({ token, chain, certificate: certificateOf(guest) });
  };
}

test("guests that ask in masses are put off, and an honest one gets in meanwhile", async (t) => {
  const { invitation } = await swarm.ask<{ invitation: string }>("invite");
  const shown = parseInvitation(invitation);
  assert.equal(shown.kind, "closed");
  const lobby = "lobby" in shown ? shown.lobby : new Uint8Array();
  const dear = dearAsks(shown.swarm);
  const newcomer = swarm.path("swarm", "newcomer");
  await holdfastJson(["--home", newcomer, "init"]);
  t.after(() => killDaemon(newcomer));
  let refused = 0;
  let checked = 0;
  const startedMs = performance.now();
  const cost = await victim.under(async () => {
    const joining = holdfast(["--home", newcomer, "join", invitation]);
    await inMasses(GUESTS, async (index) => {
      const key = newKey();
      const socket: TLSSocket = await openSession(swarm.owner, lobby, key, index);
      let answers = "";
      const done = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      socket.setEncoding("latin1").on("data", (text: string) => {
        answers += text;
        if ((answers.match(/HTTP\/1\.1 /g) ?? []).length >= ASKS_PER_GUEST) socket.destroy();
      });
      for (let ask = 0; ask < ASKS_PER_GUEST; ask++) {
        const body = dear(key);
        const head = "POST /v1/admit HTTP/1.1\r\nhost: h\r\ncontent-length: ";
        socket.write(Buffer.concat([Buffer.from(`${head}${body.length}\r\n\r\n`), body]));
      }
      await done;
      refused += (answers.match(/HTTP\/1\.1 429/g) ?? []).length;
      checked += (answers.match(/HTTP\/1\.1 (?!429)/g) ?? []).length;
    });
    const joined = await joining;
    assert.equal(joined.status, 0, joined.stderr);
  });
  const seconds = (performance.now() - startedMs) / 1_000;
  t.diagnostic(`${checked} checked, ${refused} put off in ${seconds} s, ≤ ${cost.slowestMs} ms`);
  assert.ok(refused > 0);
  // A chain costs all its links but the one that held before, and one that is cut short some.
  const most = (CHAIN_CHECKS_PER_SECOND_MAX * (seconds + 1)) / (CHAIN_LINKS_MAX - 1);
  assert.ok(checked <= most, `${checked} chains were checked, at most ${most}`);
  await victim.released();
});
