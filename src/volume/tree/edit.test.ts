import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { toHex } from "../../../tests/vectors/read.ts";
import { utf8 } from "../../base/bytes.ts";
import { decodeTreeNode } from "../../codec/tree.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import { hash } from "../../crypto/hash.node.ts";
import { replaceEntry } from "./edit.ts";
import type { TreeEdit } from "./edit.ts";
import { parseVolumePath } from "./path.ts";

const nodes = new Map<string, Uint8Array>();
let written = 0;
beforeEach(() => {
  nodes.clear();
  written = 0;
});

function entriesOf(node: Uint8Array): TreeEntry[] {
  const bytes = nodes.get(toHex(node));
  assert.ok(bytes !== undefined);
  const decoded = decodeTreeNode(bytes);
  if (decoded.kind === "leaf") return decoded.entries;
  return decoded.children.flatMap((child) => entriesOf(child.node));
}

const edit: TreeEdit = {
  readAll: async (node) => entriesOf(node),
  sink: (bytes) => {
    written++;
    const name = hash(bytes);
    nodes.set(toHex(name), bytes);
    return name;
  },
  nowNs: 77n,
};

/** All paths below a root, directories with a slash. */
function walk(root: Uint8Array, below = ""): string[] {
  return entriesOf(root).flatMap((entry) => {
    const path = `${below}/${Buffer.from(entry.name).toString()}`;
    return entry.kind === "directory" ? [`${path}/`, ...walk(entry.subtree, path)] : [path];
  });
}

const file = (sizeBytes: number): TreeEntry => ({
  name: utf8("a name of its own"),
  kind: "file",
  mtimeNs: 5n,
  mode: 0o600,
  sizeBytes,
  content: { levels: 0, names: [] },
});
const put = (
  root: Uint8Array | undefined,
  path: string,
  entry: TreeEntry | undefined,
): Promise<Uint8Array> => replaceEntry(edit, root, parseVolumePath(path).names, entry);

async function build(...paths: string[]): Promise<Uint8Array> {
  let root: Uint8Array | undefined;
  for (const path of paths) root = await put(root, path, file(1));
  assert.ok(root !== undefined);
  return root;
}

describe("replaceEntry()", () => {
  test("puts a file where there was none and makes the directories on the way", async () => {
    const root = await build("/a/b/c", "/a/d", "/e");
    assert.deepEqual(walk(root), ["/a/", "/a/b/", "/a/b/c", "/a/d", "/e"]);
    const [directory] = entriesOf(root);
    assert.equal(directory?.mode, 0o755);
    assert.equal(directory?.mtimeNs, 77n);
  });

  test("replaces what is there, and keeps mode and time of what is put", async () => {
    const root = await build("/a/b", "/a/c", "/d");
    const replaced = await put(root, "/a/b", file(9));
    assert.deepEqual(walk(replaced), ["/a/", "/a/b", "/a/c", "/d"]);
    const [inner] = entriesOf(replaced);
    assert.ok(inner?.kind === "directory");
    assert.deepEqual(entriesOf(inner.subtree)[0], { ...file(9), name: utf8("b") });
  });

  test("a folder does not give way to a file, but a file to a folder and a folder to another", async () => {
    const root = await build("/a/b", "/c/d", "/e");
    await assert.rejects(put(root, "/a", file(9)), {
      code: "PATH_KIND",
      message: 'there is a folder at "a"',
    });
    const other = entriesOf(root)[1];
    assert.ok(other?.kind === "directory");
    const replaced = await put(await put(root, "/a", other), "/e", other);
    assert.deepEqual(walk(replaced), ["/a/", "/a/d", "/c/", "/c/d", "/e/", "/e/d"]);
  });

  test("takes away what is there and leaves the rest as it was", async () => {
    const root = await build("/a/b", "/a/c", "/d/e");
    assert.deepEqual(walk(await put(root, "/a/b", undefined)), ["/a/", "/a/c", "/d/", "/d/e"]);
    assert.deepEqual(walk(await put(root, "/a", undefined)), ["/d/", "/d/e"]);
    const before = written;
    await put(root, "/d/e", undefined);
    assert.equal(written - before, 2, "only the directories on the way are written");
  });

  test("a directory can become the root, a file cannot", async () => {
    const root = await build("/a/b");
    const inner = entriesOf(root)[0];
    assert.ok(inner?.kind === "directory");
    assert.deepEqual(walk(await put(root, "/", inner)), ["/b"]);
    assert.deepEqual(walk(await put(root, "/", undefined)), []);
    await assert.rejects(put(root, "/", file(1)), { code: "PATH_KIND" });
  });

  test("refuses ways through files, and removing what is not there", async () => {
    const root = await build("/a/b");
    await assert.rejects(put(root, "/a/b/c", file(1)), { code: "PATH_KIND" });
    await assert.rejects(put(root, "/a/b/c", undefined), { code: "PATH_KIND" });
    await assert.rejects(put(root, "/a/x", undefined), { code: "PATH_MISSING" });
    await assert.rejects(put(root, "/x/y", undefined), { code: "PATH_MISSING" });
    await assert.rejects(put(undefined, "/x", undefined), { code: "PATH_MISSING" });
  });

  test("putting the same again gives the same root", async () => {
    const root = await build("/a/b", "/c");
    assert.deepEqual(await put(root, "/c", file(1)), root);
  });
});
