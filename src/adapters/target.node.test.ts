import assert from "node:assert/strict";
import { lstatSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import * as fc from "fast-check";
import { utf8 } from "../base/bytes.ts";
import { TARGET_ALIGN_BYTES } from "../ports/target.ts";
import { targetFiles } from "./target.node.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-target-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("commit() and finish() set times to the microsecond, before and after 1970", () => {
  // What every file system here can hold: 1901 to 2100.
  const time = fc.bigInt({ min: -2_147_483_648n * 10n ** 9n, max: 4_102_444_800n * 10n ** 9n });
  const edges = [0n, -1n, 1n, 999_999_999n, -999_999_999n, 1_795_227_623_972_440_999n];
  const path = join(folder, "times");
  const directory = join(folder, "directory");
  targetFiles.enter(utf8(directory));
  fc.assert(
    fc.property(time, (mtimeNs) => {
      targetFiles.create(utf8(path)).commit(0o600, mtimeNs);
      targetFiles.finish(utf8(directory), 0o700, mtimeNs);
      const wanted = BigInt.asIntN(64, mtimeNs - (((mtimeNs % 1000n) + 1000n) % 1000n));
      for (const made of [path, directory]) {
        const got = lstatSync(made, { bigint: true }).mtimeNs;
        assert.equal(got - (((got % 1000n) + 1000n) % 1000n), wanted);
      }
    }),
    { examples: edges.map((edge) => [edge]) },
  );
});

test("writeAligned() and write() make one file, in any order, parked in between", () => {
  const path = join(folder, "mixed");
  const page = TARGET_ALIGN_BYTES;
  const memory = new Uint8Array(new SharedArrayBuffer(64 * page));
  memory.forEach((_, at) => (memory[at] = (at * 7919) >>> 5));
  const file = targetFiles.create(utf8(path));
  file.write(memory.subarray(40 * page, 40 * page + 99), 40 * page);
  file.park();
  file.writeAligned(memory.subarray(8 * page, 40 * page), 8 * page);
  file.write(memory.subarray(0, 8 * page), 0);
  assert.deepEqual(readdirSync(folder).includes("mixed"), false);
  file.commit(0o640, 0n);
  const got = readFileSync(path);
  assert.equal(got.length, 40 * page + 99);
  assert.ok(got.equals(Buffer.from(memory.slice(0, got.length))));
  assert.equal(lstatSync(path).mode & 0o7777, 0o640);
});

test("abort() leaves what was there before", () => {
  const path = join(folder, "kept");
  const first = targetFiles.create(utf8(path));
  first.write(utf8("first"), 0);
  first.commit(0o600, 0n);
  const second = targetFiles.create(utf8(path));
  second.write(utf8("second"), 0);
  second.abort();
  assert.equal(readFileSync(path, "utf8"), "first");
  assert.ok(!readdirSync(folder).some((name) => name.includes(".holdfast-")));
});
