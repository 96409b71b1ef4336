// Trees of files that hold everything a file system allows, and the comparison of two trees.
import assert from "node:assert/strict";
import { chmodSync, lstatSync, lutimesSync, mkdirSync } from "node:fs";
import {
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";

/** One line for everything below a path: kind, mode, time, content, name in bytes. */
export function describeTree(path: string | Buffer): string[] {
  const lines: string[] = [];
  walk(Buffer.from(path), Buffer.alloc(0), lines);
  return lines.toSorted();
}

/** Fails with the first difference of two trees. */
export function assertSameTree(got: string, wanted: string): void {
  const [gotLines, wantedLines] = [describeTree(got), describeTree(wanted)];
  const [gotSet, wantedSet] = [new Set(gotLines), new Set(wantedLines)];
  const differing = [
    ...gotLines.filter((line) => !wantedSet.has(line)).map((line) => `+ ${line}`),
    ...wantedLines.filter((line) => !gotSet.has(line)).map((line) => `- ${line}`),
  ];
  assert.deepEqual(differing.slice(0, DIFFERENCES_SHOWN), [], `${got} is not ${wanted}`);
}

const DIFFERENCES_SHOWN = 10;

function walk(path: Buffer, name: Buffer, lines: string[]): void {
  const stat = lstatSync(path);
  const shown = JSON.stringify(name.toString("latin1"));
  const seconds = Math.floor(stat.mtimeMs / 1000);
  const mode = (stat.mode & 0o7777).toString(8);
  if (stat.isSymbolicLink()) {
    const target = readlinkSync(path, { encoding: "buffer" }).toString("latin1");
    lines.push(`${shown} link ${JSON.stringify(target)}`);
  } else if (stat.isDirectory()) {
    lines.push(`${shown} directory ${mode} ${seconds}`);
    for (const child of readdirSync(path, { encoding: "buffer" })) {
      const below = Buffer.concat([name, Buffer.from("/"), child]);
      walk(Buffer.concat([path, Buffer.from("/"), child]), below, lines);
    }
  } else {
    lines.push(`${shown} file ${mode} ${seconds} ${stat.size} ${digest(path)}`);
  }
}

/** SHA-256 of a file, as hex. */
export function digest(path: string | Buffer): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** Names that programs stumble over, as bytes. */
const NAMES: readonly Buffer[] = [
  Buffer.from("\u00fcber", "utf8"),
  Buffer.from("u\u0308ber", "utf8"),
  Buffer.from([0x66, 0xff, 0xfe, 0x80]),
  Buffer.from("n".repeat(255)),
  Buffer.from(" leading and trailing "),
  Buffer.from("line\nbreak"),
  Buffer.from("-rf"),
  Buffer.from("...."),
  Buffer.from("back\\slash*?[glob]"),
  Buffer.from("\u{1f5ff}".repeat(63)),
  Buffer.from([0x01, 0x1b, 0x5b, 0x33, 0x31, 0x6d]),
];

/** Makes a tree of unusual names, sizes, modes, times and links. */
export function makeUnusualTree(root: string): void {
  const at = (name: Buffer): Buffer => Buffer.concat([Buffer.from(`${root}/`), name]);
  mkdirSync(`${root}/empty`, { recursive: true });
  mkdirSync(`${root}/a/b/c/d/e`, { recursive: true });
  NAMES.forEach((name, index) => {
    writeFileSync(at(name), `file ${index}`);
    utimesSync(at(name), 1, index * 86_400 * 365);
  });
  for (const [name, size] of Object.entries(SIZES)) writeFileSync(`${root}/${name}`, noise(size));
  writeFileSync(`${root}/zeros`, new Uint8Array(3_000_000));
  for (let index = 0; index < 300; index++) {
    writeFileSync(`${root}/a/b/${index}`, `small ${index}\n`.repeat(index));
  }
  symlinkSync("../nowhere", `${root}/dangling`);
  symlinkSync("size-1", `${root}/link`);
  symlinkSync("/", `${root}/a/absolute`);
  symlinkSync(".", `${root}/a/round`);
  lutimesSync(`${root}/link`, 5, 5);
  for (const [index, mode] of [0o400, 0o000, 0o755, 0o4755, 0o1777].entries()) {
    writeFileSync(`${root}/mode-${index}`, "x");
    chmodSync(`${root}/mode-${index}`, mode);
  }
  chmodSync(`${root}/empty`, 0o500);
  utimesSync(`${root}/a/b/c`, 1e9, 1e9 + 0.25);
  utimesSync(`${root}/empty`, 0, 0);
  chmodSync(root, 0o710);
  utimesSync(root, 2e9, 2e9);
}

const SIZES: Readonly<Record<string, number>> = {
  "size-0": 0,
  "size-1": 1,
  "size-leaf": 16_384,
  "size-odd": 65_537,
  "size-min": 262_144,
  "size-some": 2_000_003,
};

/** Bytes that compress badly and are the same in every run. */
export function noise(sizeBytes: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let index = 0; index < sizeBytes; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state;
  }
  return bytes;
}
