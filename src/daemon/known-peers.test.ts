import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { MemoryClock } from "../adapters/clock-memory.ts";
import { idOf } from "../base/id.ts";
import { signingKeyOf } from "../crypto/sign.node.ts";
import type { Log } from "../ports/log.ts";
import { signCard } from "../swarm/card-book.ts";
import { DaemonError } from "./error.ts";
import { openKnownPeers, type KnownPeers } from "./known-peers.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-peers-"));
after(() => rmSync(folder, { recursive: true }));
const [self = "", one = "", two = ""] = [1, 2, 3].map((n) => idOf(new Uint8Array(32).fill(n)));

const clock = new MemoryClock();
const logged: string[] = [];
const log: Log = { write: (_level, event) => void logged.push(event) };
const open = (file: string): KnownPeers => openKnownPeers({ file, self, clock, log });
const card = (
  id: string,
  port: number,
): { id: string; addresses: string[]; offeredBytes: number } => ({
  id,
  addresses: [`127.0.0.1:${port}`],
  offeredBytes: 5,
});

test("add() keeps peers for the next start, and not the peer itself", async () => {
  const file = join(folder, "peers.json");
  const known = open(file);
  known.add([card(one, 1), card(self, 2)]);
  known.add([card(two, 3), card(one, 4)]);
  await known.close();
  const { book } = open(file);
  const ids = book.peers().map(({ id }) => id);
  assert.deepEqual(ids.sort(), [one, two].sort());
  assert.deepEqual(book.find(one)?.addresses, ["127.0.0.1:4"]);
});

test("what was learned is written a moment later, and comes back with card and answer", async () => {
  const file = join(folder, "learned.json");
  const known = open(file);
  const key = signingKeyOf(new Uint8Array(32).fill(9));
  const id = idOf(key.publicKey);
  const body = { ...card(id, 7), protocol: 1, timeMs: clock.nowMs() } as const;
  const signed = signCard(key, { ...body, bootstrap: ["192.0.2.1:9"], roles: ["tracker"] });
  known.book.addCard(signed, "dht");
  known.book.addHints("dht", [
    { peer: id, address: "192.0.2.9:9" },
    { peer: two, address: "192.0.2.9:1" },
  ]);
  known.book.answered(id, "192.0.2.9:9");
  assert.throws(() => readFileSync(file), { code: "ENOENT" }, "not at once");
  await clock.advance(3_000);
  assert.deepEqual(
    [readFileSync(file, "utf8").match(/"id"/g)?.length],
    [1],
    "rumours are not kept",
  );
  const { book } = open(file);
  assert.deepEqual(book.cardOf(id), signed);
  assert.deepEqual(book.find(id), known.book.find(id));
  assert.deepEqual(book.bootstrap(9), ["192.0.2.1:9"]);
  assert.equal(book.cards(clock.nowMs() - 10_000).lately.length, 1, "its answer is remembered");
  known.book.answered(one);
  await known.close();
  assert.ok(readFileSync(file, "utf8").includes(one), "close() writes what is left");
});

test("a list that cannot be written is said, and written later", async () => {
  const file = join(folder, "not-yet", "peers.json");
  const known = open(file);
  known.book.answered(one);
  await clock.advance(3_000);
  assert.deepEqual(logged.splice(0), ["peer-list.unwritten"]);
  mkdirSync(join(folder, "not-yet"));
  known.book.answered(two);
  await clock.advance(3_000);
  assert.deepEqual([logged.length, readFileSync(file, "utf8").match(/"id"/g)?.length], [0, 2]);
  await known.close();
});

for (const [what, text] of Object.entries({
  "a wrong id": '{"version": 1, "peers": [{"id": "short"}]}',
  "a forged card": JSON.stringify({ version: 1, peers: [{ ...card(one, 1), card: "AAAA" }] }),
})) {
  test(`openKnownPeers() refuses a list with ${what} by its name and leaves it`, () => {
    const file = join(folder, "bad.json");
    writeFileSync(file, text);
    assert.throws(
      () => open(file),
      (error) => error instanceof DaemonError && error.message.includes(file),
    );
    assert.equal(readFileSync(file, "utf8"), text);
  });
}
