import assert from "node:assert/strict";
import { test } from "node:test";
import { signingKeyOf, sign, verify } from "../crypto/sign.node.ts";
import { idBytes, idOf } from "../base/id.ts";
import { RECORD_VALUE_MAX_BYTES } from "../base/limits.ts";
import { RECORD_MAX_BYTES, decodeRecord, encodeRecord, recordSignedBytes } from "./record.ts";
import type { RecordEntry } from "./record.ts";

const key = signingKeyOf(new Uint8Array(32).fill(1));
const entry = (valueBytes: number): RecordEntry => ({
  key: idOf(key.publicKey),
  number: 2n ** 64n - 1n,
  expires: 20_000,
  value: new Uint8Array(valueBytes).fill(7),
  signature: new Uint8Array(64),
});

test("a record of the longest value comes back; a byte more is refused both ways", () => {
  const longest = encodeRecord(entry(RECORD_VALUE_MAX_BYTES));
  assert.equal(longest.length, RECORD_MAX_BYTES);
  assert.deepEqual(decodeRecord(longest), entry(RECORD_VALUE_MAX_BYTES));
  const broken = { name: "InvariantError" };
  assert.throws(() => encodeRecord(entry(RECORD_VALUE_MAX_BYTES + 1)), broken);
  const longer = new Uint8Array(RECORD_MAX_BYTES + 1);
  longer.set(longest);
  new DataView(longer.buffer).setUint32(45, RECORD_VALUE_MAX_BYTES + 1, true);
  assert.throws(() => decodeRecord(longer), { code: "FORMAT_MALFORMED" });
});

test("a signature covers key, number, expiry and value", () => {
  const signed = { ...entry(3), signature: sign("record", key, recordSignedBytes(entry(3))) };
  const back = decodeRecord(encodeRecord(signed));
  const holds = (changed: Partial<RecordEntry>): boolean => {
    const record = { ...back, ...changed };
    return verify("record", idBytes(back.key), recordSignedBytes(record), record.signature);
  };
  assert.equal(holds({}), true);
  assert.equal(holds({ key: idOf(new Uint8Array(32)) }), false);
  assert.equal(holds({ number: 1n }), false);
  assert.equal(holds({ expires: 20_001 }), false);
  assert.equal(holds({ value: new Uint8Array([7, 7, 8]) }), false);
  assert.equal(holds({ value: new Uint8Array([7, 7]) }), false);
});

test("what is decoded does not change with the bytes that it came from", () => {
  const bytes = encodeRecord(entry(5));
  const back = decodeRecord(bytes);
  bytes.fill(0xee);
  assert.deepEqual(back, entry(5));
});
