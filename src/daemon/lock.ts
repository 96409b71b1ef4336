import { existsSync, readdirSync } from "node:fs";
import { basename } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeFolder } from "../adapters/make-folder.node.ts";
import { readIfThere, replaceFile } from "./atomic-file.ts";
import { readDaemonFile } from "./daemon-file.ts";
import { DaemonError } from "./error.ts";
import { homeFailure } from "./home-failure.ts";
import { HOME_VERSION } from "./home.ts";
import type { HomePaths } from "./home.ts";

/** SQLite's result code for a database that another process has locked. */
const SQLITE_BUSY = 5;

/** Makes the home's folder where it is missing, takes its lock and checks its version. The lock is
 * the kernel's (SQLite holds it on `lock.db`), so that it ends with the process however that ends.
 * @returns releases the lock
 * @throws DaemonError HOME_FULL | HOME_IN_USE | HOME_NEWER | HOME_UNUSABLE; the home is then
 * untouched */
export function lockHome(paths: HomePaths): () => void {
  // A newer version is refused before anything is opened in the home.
  checkVersion(paths);
  try {
    makeFolder(paths.home);
    if (!existsSync(paths.version)) checkNotForeign(paths);
  } catch (cause) {
    throw homeFailure(paths.home, cause);
  }
  const release = takeLock(paths);
  try {
    checkVersion(paths);
    if (!existsSync(paths.version)) replaceFile(paths.version, `${HOME_VERSION}\n`);
  } catch (cause) {
    release();
    throw homeFailure(paths.home, cause);
  }
  return release;
}

/** A folder with other things in it is somebody else's: `--home ~` by mistake must not litter
 * it. */
function checkNotForeign(paths: HomePaths): void {
  // A crash in the very first moment leaves a file that was to take the place of another.
  const names = Object.values(paths).map((path: string) => basename(path));
  const ours = new Set(names.flatMap((name) => [name, `${name}.new`]));
  const foreign = readdirSync(paths.home).find((name) => !ours.has(name) && name !== "lost+found");
  if (foreign === undefined) return;
  throw new DaemonError(
    "HOME_UNUSABLE",
    `home ${paths.home} is no Holdfast home, and it holds other files, such as ${foreign}`,
    { hint: "use an empty folder, or one that does not exist yet, with --home" },
  );
}

function takeLock(paths: HomePaths): () => void {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(paths.lockDatabase, { timeout: 0 });
    // Rollback in memory: no second file, and the transaction below is never committed.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    throw isBusy(cause) ? inUse(paths) : homeFailure(paths.home, cause);
  }
  const held = database;
  return () => held.close();
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}

function inUse(paths: HomePaths): DaemonError {
  const pid = readDaemonFile(paths)?.pid;
  const who = pid === undefined ? "another daemon" : `the daemon with pid ${pid}`;
  return new DaemonError("HOME_IN_USE", `home ${paths.home} is in use by ${who}`, {
    hint: "stop it with `holdfast down`, or use another home with --home",
  });
}

function checkVersion(paths: HomePaths): void {
  const text = readHomeFile(paths, paths.version);
  if (text === undefined) return;
  const version = /^(\d{1,6})\n?$/.exec(text)?.[1];
  if (version === undefined) {
    throw new DaemonError("HOME_UNUSABLE", `home ${paths.home}: its version file is not a number`, {
      hint: `write ${HOME_VERSION} into ${paths.version} if this is a home of this version`,
    });
  }
  if (Number(version) > HOME_VERSION) {
    throw new DaemonError(
      "HOME_NEWER",
      `home ${paths.home} has version ${version}; this program knows up to ${HOME_VERSION}`,
      { hint: "update this program, or use another home with --home" },
    );
  }
}

function readHomeFile(paths: HomePaths, file: string): string | undefined {
  try {
    return readIfThere(file);
  } catch (cause) {
    throw homeFailure(paths.home, cause);
  }
}
