import { readdir, stat, statfs } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join, relative } from "node:path";
import { codeOf } from "../base/error.ts";
import type { HomePaths } from "./home.ts";

/** Files that are named; one is enough to be told. */
const EXPOSED_MAX = 16;
/** Rights of the group and of all others. */
const OTHERS_MODE = 0o077;

/** Bytes that are free on the disk of a folder. */
export async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** What of a home other users can get at, as paths inside of it: nothing where its folder is shut;
 * else the keys, the databases and the socket whose mode lets them in. */
export async function findExposed(
  paths: Pick<HomePaths, "home" | "keys" | "socket" | "indexDatabase" | "holderDatabase">,
): Promise<string[]> {
  // Windows has rights of another kind, of which a mode says nothing.
  if (process.platform === "win32" || !(await isOpen(paths.home))) return [];
  const { keys, socket, indexDatabase, holderDatabase } = paths;
  const found: string[] = [];
  if (await isOpen(keys)) {
    for (const name of (await readdir(keys)).toSorted()) {
      if (await isOpen(join(keys, name))) found.push(join(keys, name));
    }
  }
  for (const file of [socket, indexDatabase, holderDatabase]) {
    if (await isOpen(file)) found.push(file);
  }
  return found.slice(0, EXPOSED_MAX).map((file) => relative(paths.home, file));
}

async function isOpen(path: string): Promise<boolean> {
  try {
    return ((await stat(path)).mode & OTHERS_MODE) !== 0;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** Addresses of IPv6 of this machine at which others may reach it. */
export function ipv6Hosts(isPublic: (host: string) => boolean): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal, address }) => family === "IPv6" && !internal && isPublic(address))
    .map(({ address }) => address);
}
