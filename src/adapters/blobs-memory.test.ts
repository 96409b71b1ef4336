import assert from "node:assert/strict";
import { test } from "node:test";
import { blobsContract, get, patternOf, put } from "../../tests/contracts/blobs.ts";
import { MemoryBlobs } from "./blobs-memory.ts";

blobsContract("memory", async (work) => work(new MemoryBlobs()));

test("a full disk is BLOB_DISK_FULL, and abort() gives the space back", async () => {
  const blobs = new MemoryBlobs(100);
  await put(blobs, "a", patternOf(60));
  const writer = await blobs.create("b");
  await writer.write(patternOf(30));
  await assert.rejects(writer.write(patternOf(11)), { code: "BLOB_DISK_FULL" });
  await writer.abort();
  await put(blobs, "c", patternOf(40));
  assert.equal(await blobs.freeBytes(), 0);
});

test("a failed sync poisons the store, reading goes on", async () => {
  const blobs = new MemoryBlobs();
  await put(blobs, "a", patternOf(60));
  blobs.failsSync = true;
  await assert.rejects(put(blobs, "b", patternOf(1)), { code: "BLOB_FAILED" });
  blobs.failsSync = false;
  await assert.rejects(blobs.create("c"), { code: "BLOB_READ_ONLY" });
  assert.deepEqual(await get(blobs, "a"), patternOf(60));
});

test("a store that is gone is STORE_NOT_MOUNTED", async () => {
  const blobs = new MemoryBlobs();
  await put(blobs, "a", patternOf(60));
  blobs.isGone = true;
  await assert.rejects(blobs.read("a", 0, new Uint8Array(1)), { code: "STORE_NOT_MOUNTED" });
  await assert.rejects(blobs.size("a"), { code: "STORE_NOT_MOUNTED" });
  await assert.rejects(blobs.create("b"), { code: "STORE_NOT_MOUNTED" });
});
