import assert from "node:assert/strict";
import { test } from "node:test";
import { flippedBits } from "../../../tests/flips.ts";
import { fromHex, readVectors, toHex } from "../../../tests/vectors/read.ts";
import { idOf } from "../../base/id.ts";
import { HoldfastError } from "../../base/error.ts";
import { decodeHead, encodeHead } from "../../codec/head.ts";
import type { Head } from "../../codec/head.ts";
import { decodeRecord, encodeRecord, recordSignedBytes } from "../../codec/record.ts";
import type { RecordEntry } from "../../codec/record.ts";
import { sign, signingKeyOf } from "../../crypto/sign.node.ts";
import { deriveVolumeKeys } from "../../object/keys.ts";
import { headKey, makeHeadRecord, openHeadRecord } from "./head-record.ts";

interface HeadRecordVector {
  secret: string;
  deviceSeed: string;
  device: string;
  epoch: number;
  head: string;
  recordKey: string;
  record: string;
}
const vector = readVectors("head-record") as HeadRecordVector;
const keys = deriveVolumeKeys(fromHex(vector.secret));
const device = signingKeyOf(fromHex(vector.deviceSeed));
const head = decodeHead(fromHex(vector.head));
const record = decodeRecord(fromHex(vector.record));

/** Signs a changed record with its own key, as only somebody with the volume's keys can. */
function signedAnew(changed: Partial<RecordEntry>): RecordEntry {
  const key = headKey(keys, idOf(device.publicKey), device.publicKey);
  const entry = { ...record, ...changed };
  return { ...entry, signature: sign("record", key, recordSignedBytes(entry)) };
}

test("vector: a head becomes this record and is read from it", () => {
  assert.equal(toHex(device.publicKey), vector.device);
  const made = makeHeadRecord(keys, device, head, vector.epoch);
  assert.equal(made.key, idOf(fromHex(vector.recordKey)));
  assert.equal(toHex(encodeRecord(made)), vector.record);
  assert.equal(toHex(encodeHead(openHeadRecord(keys, device, record))), vector.head);
});

test("openHeadRecord() refuses every flipped bit", () => {
  for (const { forged } of flippedBits(fromHex(vector.record))) {
    assert.throws(
      () => openHeadRecord(keys, device, decodeRecord(forged)),
      (error: unknown) => error instanceof HoldfastError,
    );
  }
});

test("openHeadRecord() refuses what the volume's keys signed but not this device", () => {
  const forged = { code: "HEAD_FORGED" };
  assert.throws(() => openHeadRecord(keys, device, signedAnew({ number: 8n })), forged);
  assert.throws(
    () => openHeadRecord(keys, device, signedAnew({ value: new Uint8Array() })),
    forged,
  );
  const newer = record.value.slice();
  newer[0] = 2;
  assert.throws(() => openHeadRecord(keys, device, signedAnew({ value: newer })), forged);
  const cut = record.value.slice(0, 60);
  assert.throws(() => openHeadRecord(keys, device, signedAnew({ value: cut })), {
    code: "SEAL_BROKEN",
  });
});

test("openHeadRecord() refuses the head of another device, volume or generation", () => {
  const other = signingKeyOf(new Uint8Array(32).fill(3));
  assert.throws(() => openHeadRecord(keys, other, record), { code: "HEAD_FORGED" });
  const others = deriveVolumeKeys(new Uint8Array(32).fill(9));
  assert.throws(() => openHeadRecord(others, device, record), { code: "HEAD_FORGED" });
  const wrong: Head[] = [
    { ...head, volume: new Uint8Array(32) },
    { ...head, device: idOf(other.publicKey) },
  ];
  const [strangeVolume, strangeDevice] = wrong;
  assert.ok(strangeVolume !== undefined && strangeDevice !== undefined);
  const made = makeHeadRecord(keys, device, strangeVolume, 1);
  assert.throws(() => openHeadRecord(keys, device, made), { code: "HEAD_FORGED" });
  assert.throws(() => makeHeadRecord(keys, device, strangeDevice, 1), /invariant/);
});

test("another head never has the same nonce", () => {
  const nonces = [head, { ...head, number: 8 }, { ...head, snapshotNumber: 6 }].map((each) =>
    toHex(makeHeadRecord(keys, device, each, 1).value.subarray(1, 13)),
  );
  assert.equal(new Set(nonces).size, 3);
});
