import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { noise } from "../../../tests/noise.ts";
import { toHex } from "../../../tests/vectors/read.ts";
import { compareBytes, utf8 } from "../../base/bytes.ts";
import { SYMLINK_MAX_BYTES, TREE_NODE_MAX_BYTES } from "../../base/limits.ts";
import { decodeNameList, decodeTreeNode } from "../../codec/tree.ts";
import type { ContentRef, TreeEntry } from "../../codec/tree.ts";
import { hash as hashOf } from "../../crypto/hash.node.ts";
import { writeContent, writeDirectory } from "./write.ts";

const hash = (bytes: Uint8Array): Uint8Array => new Uint8Array(hashOf(bytes));

/** Nodes by their hash, refused where a reader would refuse them. */
class Nodes {
  readonly byName = new Map<string, Uint8Array>();

  readonly sink = (bytes: Uint8Array): Uint8Array => {
    assert.ok(bytes.length <= TREE_NODE_MAX_BYTES, `a node of ${bytes.length} bytes`);
    const name = hash(bytes);
    this.byName.set(toHex(name), bytes);
    return name;
  };

  get(name: Uint8Array): Uint8Array {
    const bytes = this.byName.get(toHex(name));
    assert.ok(bytes !== undefined);
    return bytes;
  }

  entries(node: Uint8Array): TreeEntry[] {
    const decoded = decodeTreeNode(this.get(node));
    if (decoded.kind === "leaf") return decoded.entries;
    return decoded.children.flatMap(({ first, node: child }) => {
      const below = this.entries(child);
      assert.deepEqual(below[0]?.name, first, "a branch says where a child begins");
      return below;
    });
  }

  names({ levels, names }: ContentRef): Uint8Array[] {
    if (levels === 0) return names;
    return names.flatMap((name) =>
      this.names({ levels: levels - 1, names: decodeNameList(this.get(name)) }),
    );
  }

  /** How many nodes there are that `other` does not have. */
  beyond(other: Nodes): number {
    return [...this.byName.keys()].filter((name) => !other.byName.has(name)).length;
  }
}

function fileNamed(name: string, chunks = 1): TreeEntry {
  const content = { levels: 0, names: Array.from({ length: chunks }, () => noise(32, 1)) };
  const common = { name: utf8(name), mtimeNs: 1n, mode: 0o644 };
  return { ...common, kind: "file", sizeBytes: 1, content };
}

const files = (count: number): TreeEntry[] =>
  Array.from({ length: count }, (_, at) => fileNamed(`file ${at}`));
const sorted = (entries: readonly TreeEntry[]): TreeEntry[] =>
  entries.toSorted((a, b) => compareBytes(a.name, b.name));

describe("writeDirectory()", () => {
  test("a directory of any size comes back sorted by the bytes of its names", async () => {
    for (const count of [0, 1, 2, 3, 1000, 1024, 5000]) {
      const nodes = new Nodes();
      const root = await writeDirectory(files(count), nodes.sink);
      assert.deepEqual(nodes.entries(root), sorted(files(count)));
    }
  });

  test("the order in which entries come does not matter", async () => {
    const nodes = new Nodes();
    const one = await writeDirectory(files(3000), nodes.sink);
    const two = await writeDirectory(files(3000).toReversed(), nodes.sink);
    assert.deepEqual(one, two);
  });

  test("20,000 entries are many nodes, and one entry more changes two of them", async () => {
    const before = new Nodes();
    await writeDirectory(files(20_000), before.sink);
    assert.ok(before.byName.size >= 10 && before.byName.size <= 60, `${before.byName.size} nodes`);
    for (const name of ["file 10000 and a half", "zzz the last one"]) {
      const after = new Nodes();
      const root = await writeDirectory([...files(20_000), fileNamed(name)], after.sink);
      assert.equal(after.entries(root).length, 20_001);
      assert.ok(after.beyond(before) <= 4, `${after.beyond(before)} nodes are new`);
    }
    const without = new Nodes();
    await writeDirectory(files(20_000).slice(1), without.sink);
    assert.ok(without.beyond(before) <= 4);
  });

  test("nodes stay within their limit whatever their entries are", async () => {
    const long = (at: number): string => `${at} `.padEnd(255, "x");
    const target = new Uint8Array(SYMLINK_MAX_BYTES).fill(0x78);
    const common = { mtimeNs: -(2n ** 63n), mode: 0o7777 };
    const kinds: ((at: number) => TreeEntry)[] = [
      (at) => fileNamed(long(at), 64),
      (at) => ({ ...common, name: utf8(long(at)), kind: "symlink", target }),
      (at) => ({ ...common, name: utf8(long(at)), kind: "directory", subtree: noise(32, at) }),
    ];
    for (const kind of kinds) {
      const nodes = new Nodes();
      const entries = Array.from({ length: 1500 }, (_, at) => kind(at));
      const root = await writeDirectory(entries, nodes.sink);
      assert.equal(nodes.entries(root).length, 1500);
    }
  });
});

describe("writeContent()", () => {
  const namesOf = (count: number): Uint8Array[] =>
    Array.from({ length: count }, (_, at) => hash(utf8(`chunk ${at}`)));

  test("a file's names come back, inline up to 64 and in lists beyond", async () => {
    for (const [count, levels] of [
      [0, 0],
      [1, 0],
      [64, 0],
      [65, 1],
      [1000, 1],
      [20_000, 1],
      [90_000, 2],
    ] as const) {
      const nodes = new Nodes();
      const content = await writeContent(namesOf(count), nodes.sink);
      assert.equal(content.levels, levels, `${count} chunks`);
      assert.ok(content.names.length <= 64);
      assert.deepEqual(nodes.names(content).map(toHex), namesOf(count).map(toHex));
    }
  });

  test("a chunk that changes in a long file changes few lists", async () => {
    const names = namesOf(10_000);
    const before = new Nodes();
    await writeContent(names, before.sink);
    const after = new Nodes();
    await writeContent(names.with(5_000, hash(utf8("another"))), after.sink);
    assert.ok(after.beyond(before) <= 3);
    const inserted = new Nodes();
    await writeContent(names.toSpliced(100, 0, hash(utf8("one more"))), inserted.sink);
    assert.ok(inserted.beyond(before) <= 3);
  });

  test("levels always shrink, whatever the names hash to", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { minLength: 60, maxLength: 400 }), async (picks) => {
        const nodes = new Nodes();
        // The same name again and again may be a border each time.
        const names = picks.map((pick) => hash(utf8(`name ${pick * 1361}`)));
        const content = await writeContent(names, nodes.sink);
        assert.deepEqual(nodes.names(content), names);
      }),
      { numRuns: 50 },
    );
    const border = borderName();
    const nodes = new Nodes();
    const content = await writeContent(
      Array.from({ length: 500 }, () => border),
      nodes.sink,
    );
    assert.equal(nodes.names(content).length, 500);
  });
});

/** A name after which a node ends. */
function borderName(): Uint8Array {
  for (let at = 0; ; at++) {
    const name = hash(utf8(`border ${at}`));
    const digest = hash(name);
    if (((((digest[0] ?? 0) << 8) | (digest[1] ?? 0)) & 0x3ff) === 0) return name;
  }
}
