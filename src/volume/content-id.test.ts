import assert from "node:assert/strict";
import { test } from "node:test";
import { noise } from "../../tests/noise.ts";
import { toHex } from "../../tests/vectors/read.ts";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { encodeCbor } from "../codec/cbor.ts";
import type { TreeEntry } from "../codec/tree.ts";
import { keyedHash } from "../crypto/hash.node.ts";
import { deriveVolumeKeys } from "../object/keys.ts";
import { contentIdOf } from "./content-id.ts";

const keys = deriveVolumeKeys(new Uint8Array(32).fill(5));
const common = { name: utf8("a"), mtimeNs: 1n, mode: 0o644 };
const chunk = noise(32, 1);
const file: TreeEntry = {
  ...common,
  kind: "file",
  sizeBytes: 9,
  content: { levels: 0, names: [chunk] },
};
const directory: TreeEntry = { ...common, kind: "directory", subtree: chunk };
const link: TreeEntry = { ...common, kind: "symlink", target: chunk };

test("a content id is the keyed hash of kind and content", () => {
  const kinds: [TreeEntry, Uint8Array][] = [
    [file, concatBytes(Uint8Array.of(0), encodeCbor([1, 0, [chunk]]))],
    [directory, concatBytes(Uint8Array.of(1), chunk)],
    [link, concatBytes(Uint8Array.of(2), chunk)],
  ];
  for (const [entry, material] of kinds) {
    assert.deepEqual(contentIdOf(keys, entry), keyedHash(keys.contentId, material));
  }
});

test("name, mode and time do not matter; content, kind and volume do", () => {
  const id = toHex(contentIdOf(keys, file));
  const renamed = { ...file, name: utf8("b"), mtimeNs: 2n, mode: 0o600 };
  assert.equal(toHex(contentIdOf(keys, renamed)), id);
  const others = deriveVolumeKeys(new Uint8Array(32).fill(6));
  const different = [
    contentIdOf(keys, { ...file, content: { levels: 0, names: [noise(32, 2)] } }),
    contentIdOf(keys, { ...file, content: { levels: 1, names: [chunk] } }),
    contentIdOf(keys, { ...file, content: { levels: 0, names: [chunk, chunk] } }),
    contentIdOf(keys, { ...file, content: { levels: 0, names: [] } }),
    contentIdOf(keys, directory),
    contentIdOf(keys, link),
    contentIdOf(others, file),
  ].map(toHex);
  assert.equal(new Set([id, ...different]).size, different.length + 1);
});
