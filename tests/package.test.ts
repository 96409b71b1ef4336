// What `npm pack` makes, installed into an empty prefix, has to work on its own: a file that is
// missing from the package would not be noticed in a clone.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync } from "node:fs";
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { read } from "./tidy/tree.ts";

const run = promisify(execFile);
const root = dirname(import.meta.dirname);
const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-package-")));
const prefix = join(folder, "prefix");
const holdfast = join(prefix, "bin", "holdfast");
const home = join(folder, "home");
/** No Node but the installed one, and no home but ours. */
const env = { PATH: "/usr/bin:/bin", HOME: folder, HOLDFAST_HOME: home };

interface Packed {
  filename: string;
  files: { path: string }[];
}
interface Lock {
  packages: Record<string, { dev?: boolean; optional?: boolean }>;
}

after(async () => {
  if (existsSync(holdfast)) await run(holdfast, ["down"], { env }).catch(() => undefined);
  rmSync(folder, { recursive: true, force: true });
});

/** Installs as a user does. Without network that needs npm's cache to know every package; where it
 * does not, the package is unpacked by hand and given the clone's own dependencies. */
async function install(tarball: string): Promise<string> {
  const options = ["--ignore-scripts", "--offline", "--no-audit", "--no-fund"];
  try {
    await run("npm", ["install", "--global", "--prefix", prefix, ...options, tarball]);
    return "installed by npm";
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    if (!/ENOTCACHED/.test(stderr ?? "")) throw error;
  }
  rmSync(prefix, { recursive: true, force: true });
  const at = join(prefix, "lib", "node_modules", "holdfast");
  mkdirSync(at, { recursive: true });
  await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", at]);
  const lock = JSON.parse(read("package-lock.json")) as Lock;
  for (const [path, { dev }] of Object.entries(lock.packages)) {
    if (path === "" || dev === true || !existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(at, path)), { recursive: true });
    // Hard links: Node's own 140 MB are not copied, and nothing points back into the clone.
    await run("cp", ["-al", join(root, path), join(at, path)]).catch(() => {
      cpSync(join(root, path), join(at, path), { recursive: true });
    });
  }
  mkdirSync(dirname(holdfast));
  symlinkSync("../lib/node_modules/holdfast/bin/holdfast", holdfast);
  return "unpacked by hand: npm's cache does not know every package";
}

test("the packed package holds what it needs, works on its own, and nothing else", async (t) => {
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], {
    cwd: root,
    maxBuffer: 16 * 1024 * 1024,
  });
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as Packed[];
  assert.ok(packed !== undefined);
  const paths = packed.files.map(({ path }) => path);

  await t.test("its files are those of the list", () => {
    const allowed =
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|bin\/(holdfast|package\.json)|dist\/.+\.js|build\/kernels\/\w+\.wasm)$/;
    assert.deepEqual(
      paths.filter((path) => !allowed.test(path) || path.includes(".test.")),
      [],
    );
    for (const path of ["bin/holdfast", "dist/cli/main.js", "build/kernels/scalar.wasm"]) {
      assert.ok(paths.includes(path), path);
    }
  });

  t.diagnostic(await install(join(folder, packed.filename)));

  await t.test("holdfast --version answers", async () => {
    const { version } = JSON.parse(read("package.json")) as { version: string };
    const ran = await run(holdfast, ["--version"], { env });
    assert.equal(ran.stdout.trim(), version);
  });

  await t.test("a peer starts, takes a file and gives it back", async () => {
    const [file, back] = [join(folder, "file"), join(folder, "back")];
    // Three chunks or so: the kernels, the worker threads and the codecs all run.
    const bytes = Buffer.alloc(3_000_000, "all that a peer needs came with the package\n");
    writeFileSync(file, bytes);
    await run(holdfast, ["put", file, "/file"], { env });
    await run(holdfast, ["get", "/file", back], { env });
    assert.ok(readFileSync(back).equals(bytes));
    await run(holdfast, ["down"], { env });
  });
});
