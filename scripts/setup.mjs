// Sets up what is missing: the dependencies that package-lock.json names, the pinned Node among
// them, and the compiled kernels. Does nothing, quickly and without network, where all is there.
// Plain JavaScript for Node 18 and later: this runs on whatever Node the machine has.
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { withLock } from "./lock.mjs";
import { findNode, nodePackage, root } from "./node.mjs";
import { run } from "./run.mjs";

const modules = join(root, "node_modules");

/** Makes the clone ready and returns the path of the Node to run it with. Safe when two run at once.
 * @throws Error with a message for the user */
export async function setUp() {
  if (process.platform === "win32") throw new Error("Windows is not supported for now; use WSL");
  const lock = join(root, ".cache", "setup.lock");
  const waiting = () => console.error("setup: waiting for another one to finish");
  return withLock(lock, install, waiting);
}

async function install() {
  const [locked, installed] = [readLock(root, "package-lock.json"), readInstalled()];
  const reason = whyNot(locked, installed);
  if (reason !== undefined) await installPackages(reason);
  const node = findNode();
  if (node === undefined) {
    throw new Error(
      `there is no pinned Node for ${process.platform} ${process.arch}, and this one is ` +
        `${process.versions.node}\nhint: install Node 24.15 or later and run this again`,
    );
  }
  const build = join(root, "scripts", "build-kernels.mjs");
  if (existsSync(build) && (await run(node, [build])) !== 0) {
    throw new Error("the kernels could not be built; see the messages above");
  }
  return node;
}

async function installPackages(reason) {
  console.error(`setup: ${reason}: npm ci --ignore-scripts`);
  const started = Date.now();
  const options = ["--ignore-scripts", "--prefer-offline", "--include=dev", "--include=optional"];
  const [command, args] = npm();
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const status = await run(command, [...args, "ci", ...options, ...quiet], {
    env: outerEnvironment(),
  });
  if (status !== 0) {
    throw new Error(
      `npm ci failed (status ${status}); its message is above\n` +
        "hint: the first set-up needs the network once; where there is none, copy node_modules " +
        "from a clone of the same revision",
    );
  }
  console.error(`setup: installed in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** npm as it was started, or the one on the path. */
function npm() {
  const { npm_node_execpath: node, npm_execpath: script } = process.env;
  const known = node !== undefined && script !== undefined && !node.startsWith(modules);
  return known && existsSync(node) && existsSync(script) ? [node, [script]] : ["npm", []];
}

/** The environment without our own node_modules/.bin, whose Node is about to be replaced. */
function outerEnvironment() {
  const parts = (process.env.PATH ?? "").split(delimiter);
  return {
    ...process.env,
    PATH: parts.filter((part) => !part.startsWith(modules)).join(delimiter),
  };
}

function readLock(...path) {
  return JSON.parse(readFileSync(join(...path), "utf8")).packages ?? {};
}

/** What npm says that it installed; it writes this file last. */
function readInstalled() {
  try {
    return readLock(modules, ".package-lock.json");
  } catch {
    return undefined;
  }
}

/** Why the installed packages are not those of the lock file, or undefined where they are. Optional
 * packages may be missing (they belong to other machines), except for this machine's Node.
 * @param locked the `packages` of package-lock.json
 * @param installed those of node_modules/.package-lock.json, undefined where nothing is installed */
export function whyNot(locked, installed, nodeName = nodePackage()) {
  if (installed === undefined) return "nothing is installed yet";
  const needed = nodeName === undefined ? undefined : `node_modules/${nodeName}`;
  for (const [path, entry] of Object.entries(locked)) {
    if (path === "") continue;
    const there = installed[path];
    const mayMiss = entry.optional === true && path !== needed;
    if (there === undefined && !mayMiss) return `${path} is missing`;
    if (there !== undefined && isOther(there, entry)) return `${path} is another one`;
  }
  for (const path of Object.keys(installed)) {
    if (locked[path] === undefined) return `${path} is no longer needed`;
  }
  return undefined;
}

function isOther(there, wanted) {
  // A package of a platform that was out of reach when the lock file was made has no hash there.
  const hashed = there.integrity !== undefined && wanted.integrity !== undefined;
  return there.version !== wanted.version || (hashed && there.integrity !== wanted.integrity);
}

/** Runs a script's main function; a failure is one clear message and status 1. */
export async function main(work) {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    console.error(`error: ${error.message}`);
    if (error.syscall === "mkdir") {
      console.error(`hint: setting up writes into ${root}: use a clone that this user can write`);
    }
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(async () => {
    await setUp();
  });
}
