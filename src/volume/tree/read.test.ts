import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "../../base/bytes.ts";
import { encodeNameList, encodeTreeNode } from "../../codec/tree.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import { hash } from "../../crypto/hash.node.ts";
import { TreeReader } from "./read.ts";
import { writeContent, writeDirectory } from "./write.ts";

const never = new AbortController().signal;

/** As decoders give it: no `Buffer`. */
function nameOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash(bytes));
}

/** Nodes in memory, by their hash, and a reader that counts what it reads. */
function nodeStore() {
  const nodes = new Map<string, Uint8Array>();
  const counts = { reads: 0 };
  const keep = (bytes: Uint8Array): Uint8Array => {
    const name = nameOf(bytes);
    nodes.set(String(name), bytes);
    return name;
  };
  const tree = new TreeReader(async (name) => {
    counts.reads++;
    const bytes = nodes.get(String(name));
    assert.ok(bytes !== undefined, "a node that was written is read");
    return bytes;
  });
  return { keep, counts, tree };
}

function entryOf(name: string): TreeEntry {
  return {
    name: utf8(name),
    kind: "symlink",
    mode: 0o777,
    mtimeNs: 0n,
    target: utf8(`to ${name}`),
  };
}

for (const count of [0, 1, 2, 1000, 20_000]) {
  test(`readDirectory() gives ${count} entries in order, find() each by a few nodes`, async () => {
    const { keep, counts, tree } = nodeStore();
    const entries = Array.from({ length: count }, (_, at) => entryOf(`entry ${at}`));
    const root = await writeDirectory([...entries].reverse(), keep);
    const sorted = entries.toSorted((a, b) => Buffer.compare(a.name, b.name));
    const got = await Array.fromAsync(tree.readDirectory(root, never));
    assert.equal(got.length, count);
    for (const [at, entry] of got.entries()) assert.deepEqual(entry, sorted[at]);
    for (let at = 0; at < count; at += Math.ceil(count / 50)) {
      counts.reads = 0;
      assert.deepEqual(await tree.find(root, [utf8(`entry ${at}`)], never), entries[at]);
      assert.ok(counts.reads <= 3);
    }
    for (const name of ["", "entry", "entry 00", "z"]) {
      assert.equal(await tree.find(root, [utf8(name)], never), undefined);
    }
  });
}

test("find() walks directories, and finds nothing below what is none", async () => {
  const { keep, tree } = nodeStore();
  const below = await writeDirectory([entryOf("leaf")], keep);
  const head = { mode: 0o755, mtimeNs: 0n };
  const folder: TreeEntry = { ...head, name: utf8("folder"), kind: "directory", subtree: below };
  const root = await writeDirectory([folder, entryOf("link")], keep);
  const find = (...names: string[]) =>
    tree.find(
      root,
      names.map((name) => utf8(name)),
      never,
    );
  assert.deepEqual(await find("folder"), folder);
  assert.deepEqual(await find("folder", "leaf"), entryOf("leaf"));
  assert.equal(await find("link", "leaf"), undefined);
  assert.equal(await find("folder", "none"), undefined);
});

for (const count of [0, 1, 64, 65, 5000]) {
  test(`contentNames() gives ${count} names back in order`, async () => {
    const { keep, tree } = nodeStore();
    const names = Array.from({ length: count }, (_, at) => nameOf(utf8(`chunk ${at}`)));
    const content = await writeContent(names, keep);
    assert.equal(content.levels > 0, count > 64);
    const got = await Array.fromAsync(tree.contentNames(content, never));
    assert.equal(got.length, count);
    for (const [at, name] of got.entries()) assert.deepEqual(name, names[at]);
  });
}

test("readDirectory() refuses a name that comes twice, also across nodes", async () => {
  const { keep, tree } = nodeStore();
  const leaf = keep(encodeTreeNode({ kind: "leaf", entries: [entryOf("a"), entryOf("b")] }));
  const next = keep(encodeTreeNode({ kind: "leaf", entries: [entryOf("b"), entryOf("c")] }));
  const children = [
    { first: utf8("a"), node: leaf },
    { first: utf8("b"), node: next },
  ];
  const root = keep(encodeTreeNode({ kind: "branch", children }));
  const refused = { code: "FORMAT_MALFORMED" };
  await assert.rejects(Array.fromAsync(tree.readDirectory(root, never)), refused);
});

test("readDirectory() refuses a list of chunk names, contentNames() a directory", async () => {
  const { keep, tree } = nodeStore();
  const list = keep(encodeNameList([nameOf(utf8("a"))]));
  const leaf = keep(encodeTreeNode({ kind: "leaf", entries: [] }));
  const refused = { code: "FORMAT_MALFORMED" };
  await assert.rejects(Array.fromAsync(tree.readDirectory(list, never)), refused);
  const content = { levels: 1, names: [leaf] };
  await assert.rejects(Array.fromAsync(tree.contentNames(content, never)), refused);
});
