import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { blobsContract, get, patternOf, put } from "../../tests/contracts/blobs.ts";
import { openBlobs } from "./blobs.node.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-blobs-"));
after(() => rmSync(folder, { recursive: true }));
let stores = 0;
const freshPath = (): string => join(folder, `${stores++}`);
const NEW = { owner: "peer-a", marker: undefined };

blobsContract("folder", async (work) => work(await openBlobs(freshPath(), NEW)));

/** Runs `work` with the path of a small disk of its own. */
async function withSmallDisk(
  context: TestContext,
  sizeBytes: number,
  work: (path: string) => Promise<void>,
): Promise<void> {
  const path = freshPath();
  mkdirSync(path);
  const options = ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", path];
  if (process.platform !== "linux" || spawnSync("mount", options).status !== 0) {
    context.skip("no right to mount a disk");
    return;
  }
  try {
    await work(path);
  } finally {
    spawnSync("umount", ["-l", path]);
  }
}

test("openBlobs() opens its store again and remembers what was committed", async () => {
  const path = freshPath();
  const first = await openBlobs(path, NEW);
  await put(first, "a", patternOf(100));
  const second = await openBlobs(path, { ...NEW, marker: first.marker });
  assert.equal(second.marker, first.marker);
  assert.deepEqual(await get(second, "a"), patternOf(100));
});

test("openBlobs() finds its own store again after the home lost its marker", async () => {
  const path = freshPath();
  const { marker } = await openBlobs(path, NEW);
  assert.equal((await openBlobs(path, NEW)).marker, marker);
});

test("openBlobs() removes what an unclean stop left unfinished", async () => {
  const path = freshPath();
  const first = await openBlobs(path, NEW);
  const writer = await first.create("half");
  await writer.write(patternOf(100));
  assert.equal(readdirSync(join(path, "tmp")).length, 1);
  const second = await openBlobs(path, NEW);
  assert.equal(readdirSync(join(path, "tmp")).length, 0);
  assert.equal(await second.size("half"), undefined);
  await writer.abort();
});

test("openBlobs() never fills the folder of a disk that is not mounted", async () => {
  const path = freshPath();
  const { marker } = await openBlobs(path, NEW);
  renameSync(path, `${path}.away`);
  const open = () => openBlobs(path, { ...NEW, marker });
  await assert.rejects(open, { code: "STORE_NOT_MOUNTED" });
  assert.ok(!existsSync(path));
  mkdirSync(path);
  await assert.rejects(open, { code: "STORE_NOT_MOUNTED" });
  assert.deepEqual(readdirSync(path), []);
  rmSync(path, { recursive: true });
  renameSync(`${path}.away`, path);
  await open();
});

test("openBlobs() refuses other people's stores and folders", async () => {
  const path = freshPath();
  await openBlobs(path, NEW);
  const foreign = { code: "STORE_FOREIGN" };
  await assert.rejects(openBlobs(path, { owner: "peer-b", marker: undefined }), foreign);
  await assert.rejects(openBlobs(path, { ...NEW, marker: "another" }), foreign);
  const photos = freshPath();
  mkdirSync(photos);
  writeFileSync(join(photos, "cat.jpg"), "meow");
  await assert.rejects(openBlobs(photos, NEW), { ...foreign, message: /cat\.jpg/ });
  assert.deepEqual(readdirSync(photos), ["cat.jpg"]);
});

test("openBlobs() refuses a newer store and a damaged marker, and touches neither", async () => {
  const marks = [
    ['{"version":2,"store":"s","owner":"peer-a"}', "STORE_NEWER"],
    ['{"version":1', "STORE_FOREIGN"],
    ["[]", "STORE_FOREIGN"],
    ['{"version":1,"store":7,"owner":"peer-a"}', "STORE_FOREIGN"],
  ] as const;
  for (const [text, code] of marks) {
    const path = freshPath();
    mkdirSync(path);
    writeFileSync(join(path, "holdfast-store.json"), text);
    await assert.rejects(openBlobs(path, NEW), { code });
    assert.equal(readFileSync(join(path, "holdfast-store.json"), "utf8"), text);
    assert.equal(readdirSync(path).length, 1);
  }
});

test("a store whose disk goes away says so instead of calling its blobs missing", async () => {
  const path = freshPath();
  const blobs = await openBlobs(path, NEW);
  await put(blobs, "a", patternOf(10));
  renameSync(path, `${path}.away`);
  mkdirSync(path);
  const gone = { code: "STORE_NOT_MOUNTED" };
  await assert.rejects(blobs.read("a", 0, new Uint8Array(1)), gone);
  await assert.rejects(blobs.size("a"), gone);
  await assert.rejects(blobs.create("b"), gone);
  await assert.rejects(async () => {
    for await (const entry of blobs.list()) assert.fail(entry.name);
  }, gone);
  assert.deepEqual(readdirSync(path), []);
});

test("commit() leaves the last block unpadded on the disk, and no temporary file", async () => {
  const path = freshPath();
  const blobs = await openBlobs(path, NEW);
  await put(blobs, "a", patternOf(5000));
  assert.deepEqual(readdirSync(join(path, "tmp")), []);
  const committed = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith("/a"),
  );
  assert.deepEqual(
    committed.map((name) => new Uint8Array(readFileSync(join(path, name)))),
    [patternOf(5000)],
  );
});

test("a full disk is BLOB_DISK_FULL, leaves nothing, and room lets it go on", async (context) => {
  await withSmallDisk(context, 8 * 1024 * 1024, async (path) => {
    const blobs = await openBlobs(path, NEW);
    await put(blobs, "first", patternOf(3_000_000));
    for (const piece of [100_000, 4_000_000]) {
      const full = { code: "BLOB_DISK_FULL", message: /room for \d+ more bytes/ };
      const writer = await blobs.create("second");
      await assert.rejects(async () => {
        for (let n = 0; n < 10_000_000; n += piece) await writer.write(patternOf(piece));
        await writer.commit();
      }, full);
      await writer.abort();
      assert.deepEqual(readdirSync(join(path, "tmp")), []);
    }
    assert.deepEqual(await get(blobs, "first"), patternOf(3_000_000));
    await put(blobs, "third", patternOf(3_000_000));
    assert.equal(await blobs.size("second"), undefined);
  });
});

/** Runs a script on a fresh store with one system call made to fail; it prints the codes it met. */
function withFault(context: TestContext, inject: string, script: string): string | undefined {
  if (spawnSync("strace", ["-V"]).status !== 0) {
    context.skip("strace is not installed");
    return undefined;
  }
  const text = `
    import { openBlobs } from ${JSON.stringify(new URL("blobs.node.ts", import.meta.url).href)};
    import { get, put, patternOf } from ${JSON.stringify(
      new URL("../../tests/contracts/blobs.ts", import.meta.url).href,
    )};
    const path = ${JSON.stringify(freshPath())};
    const claim = { owner: "a", marker: undefined };
    const met = [];
    const attempt = async (work) => met.push(await work().then(() => "ok", (error) => error.code));
    ${script}
    console.log("met " + met.join());`;
  const call = inject.split(":")[0];
  const options = ["-f", "-qq", "-e", `trace=${call}`, "-e", `inject=${inject}`];
  const program = [process.execPath, "--input-type=module-typescript", "-e", text];
  const { stdout } = spawnSync("strace", [...options, ...program], {
    encoding: "utf8",
    timeout: 30_000,
    env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
  });
  return /met (.*)/.exec(stdout)?.[1];
}

const THREE = `
  const blobs = await openBlobs(path, claim);
  for (const name of ["a", "b", "c"]) await attempt(() => put(blobs, name, patternOf(3_000_000)));
  const isWhole = async (name) => Buffer.from(await get(blobs, name)).equals(patternOf(3_000_000));
  await attempt(async () => { if (!(await isWhole("a"))) throw new Error("damaged"); });
  met.push(String(await blobs.size("b")));`;

test("a failed fsync poisons the store: it takes nothing more and goes on reading", (context) => {
  // Three syncs make the store, two a blob: the sixth is that of the second blob's bytes.
  const codes = withFault(context, "fsync:error=EIO:when=6", THREE);
  if (codes !== undefined) assert.equal(codes, "ok,BLOB_FAILED,BLOB_READ_ONLY,ok,undefined");
});

test("a failed fsync of the folder poisons the store too", (context) => {
  const codes = withFault(context, "fsync:error=EIO:when=7", THREE);
  if (codes !== undefined) assert.match(codes, /^ok,BLOB_FAILED,BLOB_READ_ONLY,ok,/);
});

test("a disk that is full at fsync harms one blob only", (context) => {
  const codes = withFault(context, "fsync:error=ENOSPC:when=6", THREE);
  if (codes !== undefined) assert.equal(codes, "ok,BLOB_DISK_FULL,ok,ok,undefined");
});

test("a direct write that the disk refuses midway ends in a whole blob all the same", (context) => {
  const whole = `
    const blobs = await openBlobs(path, claim);
    for (const size of [1, 4097, 2_500_000, 2_500_001]) {
      await put(blobs, "s" + size, patternOf(size, size));
      met.push(Buffer.from(await get(blobs, "s" + size)).equals(patternOf(size, size)));
    }`;
  // The first write of all, the first of the big blob, its second, and its padded tail.
  for (const when of [1, 3, 4, 5]) {
    const met = withFault(context, `pwrite64:error=EINVAL:when=${when}`, whole);
    if (met !== undefined) assert.equal(met, "true,true,true,true");
  }
});
