import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { idOf } from "../base/id.ts";
import { DaemonError } from "./error.ts";
import { openKnownPeers } from "./known-peers.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-peers-"));
after(() => rmSync(folder, { recursive: true }));
const [self = "", one = "", two = ""] = [1, 2, 3].map((n) => idOf(new Uint8Array(32).fill(n)));

test("add() keeps peers for the next start, and not the peer itself", () => {
  const file = join(folder, "peers.json");
  const known = openKnownPeers(file, self);
  const card = (
    id: string,
    port: number,
  ): { id: string; addresses: string[]; offeredBytes: number } => ({
    id,
    addresses: [`127.0.0.1:${port}`],
    offeredBytes: 5,
  });
  known.add([card(one, 1), card(self, 2)]);
  known.add([card(two, 3), card(one, 4)]);
  const again = openKnownPeers(file, self).directory;
  assert.deepEqual(
    again
      .peers()
      .map(({ id }) => id)
      .sort(),
    [one, two].sort(),
  );
  assert.deepEqual(again.find(one)?.addresses, ["127.0.0.1:4"]);
});

test("openKnownPeers() refuses a damaged list by its name and leaves it", () => {
  const file = join(folder, "bad.json");
  const text = '{"version": 1, "peers": [{"id": "short"}]}';
  writeFileSync(file, text);
  assert.throws(
    () => openKnownPeers(file, self),
    (error) =>
      error instanceof DaemonError && error.message.includes(file) && /entry 1/.test(error.message),
  );
  assert.equal(readFileSync(file, "utf8"), text);
});
