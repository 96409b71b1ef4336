import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { flippedBits } from "../../tests/flips.ts";
import { fromHex, readVectors, toHex } from "../../tests/vectors/read.ts";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { deriveKey } from "../crypto/hash.node.ts";
import { decodeKeyFile, encodeKeyFile } from "./key-file.ts";

interface KeyFileVectors {
  accept: { name: string; file: string; payload: string; bytes: string }[];
  refuse: { name: string; file: string; code: string; bytes: string }[];
}
const vectors = readVectors("key-file") as KeyFileVectors;
const malformed = { code: "KEY_MALFORMED" };
const payload = new Uint8Array(32).map((_, index) => index);

for (const { name, file, payload: inside, bytes } of vectors.accept) {
  test(`vector: ${name}`, () => {
    assert.equal(toHex(encodeKeyFile(file, fromHex(inside))), bytes);
    assert.equal(toHex(decodeKeyFile(file, fromHex(bytes))), inside);
  });
}

for (const { name, file, code, bytes } of vectors.refuse) {
  test(`vector: refuses ${name}`, () => {
    assert.throws(() => decodeKeyFile(file, fromHex(bytes)), { code });
  });
}

test("any payload comes back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.deepEqual(decodeKeyFile("a.key", encodeKeyFile("a.key", bytes)), bytes);
    }),
  );
});

test("every flipped bit and every cut is found, and the file is named without its content", () => {
  const bytes = encodeKeyFile("peer.key", payload);
  const named = { ...malformed, message: /^keys\/peer\.key / };
  for (const { bit, forged } of flippedBits(bytes)) {
    assert.throws(() => decodeKeyFile("peer.key", forged), named, `bit ${bit}`);
  }
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => decodeKeyFile("peer.key", bytes.subarray(0, length)), named);
  }
  assert.throws(() => decodeKeyFile("peer.key", concatBytes(bytes, new Uint8Array(1))), named);
  try {
    decodeKeyFile("peer.key", bytes.subarray(1));
  } catch (error) {
    const text = JSON.stringify([String(error), error]);
    assert.equal(text.includes(toHex(payload).slice(0, 16)), false);
  }
});

test("decodeKeyFile() refuses a file under another name, and another length", () => {
  const bytes = encodeKeyFile("peer.key", payload);
  assert.throws(() => decodeKeyFile("root.key", bytes), malformed);
  assert.throws(() => decodeKeyFile("peer.key", bytes, 33), malformed);
  assert.deepEqual(decodeKeyFile("peer.key", bytes, 32), payload);
});

test("decodeKeyFile() tells a newer version from a damaged file", () => {
  const body = concatBytes(utf8("HFK"), new Uint8Array([2]), payload);
  const checksum = deriveKey("key file", utf8("peer.key\0"), body).subarray(0, 16);
  const newer = concatBytes(body, checksum);
  const unknown = { code: "VERSION_UNKNOWN", message: /peer\.key: version 2/ };
  assert.throws(() => decodeKeyFile("peer.key", newer), unknown);
});
