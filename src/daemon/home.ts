import { openSync, constants } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { DaemonError } from "./error.ts";

export { makeFolder } from "../adapters/make-folder.node.ts";

/** The version of the home's layout; a home with a higher one is left untouched. */
export const HOME_VERSION = 1;
/** Bytes of a UNIX socket's path that every supported system takes, the closing zero left out. */
const SOCKET_PATH_MAX_BYTES = 103;

/** Every file of a home. @see docs/operations.md */
export interface HomePaths {
  home: string;
  version: string;
  fresh: string;
  config: string;
  keys: string;
  holderDatabase: string;
  indexDatabase: string;
  lockDatabase: string;
  shards: string;
  packs: string;
  stores: string;
  peerList: string;
  fileList: string;
  port: string;
  socket: string;
  log: string;
  daemon: string;
}

/** The home that `given` (a `--home`), HOLDFAST_HOME or nothing names, absolute. */
export function resolveHome(given: string | undefined): string {
  const fromEnvironment = process.env["HOLDFAST_HOME"];
  if (given !== undefined) return resolve(given);
  // With an empty HOME, homedir() is empty too, which would be the folder that one is in.
  return resolve(fromEnvironment || join(homedir() || userInfo().homedir, ".holdfast"));
}

/** Where the files of a home are. */
export function homePaths(home: string): HomePaths {
  return {
    home,
    version: join(home, "version"),
    fresh: join(home, "fresh"),
    config: join(home, "config.toml"),
    keys: join(home, "keys"),
    holderDatabase: join(home, "holder.db"),
    indexDatabase: join(home, "index.db"),
    lockDatabase: join(home, "lock.db"),
    shards: join(home, "shards"),
    packs: join(home, "packs"),
    stores: join(home, "stores.json"),
    peerList: join(home, "peers.json"),
    fileList: join(home, "files.json"),
    port: join(home, "port"),
    socket: join(home, "holdfast.sock"),
    log: join(home, "daemon.log"),
    daemon: join(home, "daemon.json"),
  };
}

/** A path of the home's socket that the system takes. A UNIX socket's path has room for about a
 * hundred bytes; on Linux a longer one is reached through the open folder instead.
 * @throws DaemonError HOME_PATH_TOO_LONG where there is no such way */
export function socketAddress(paths: HomePaths): string {
  if (Buffer.byteLength(paths.socket) <= SOCKET_PATH_MAX_BYTES) return paths.socket;
  if (process.platform !== "linux") {
    throw new DaemonError(
      "HOME_PATH_TOO_LONG",
      `home ${paths.home}: its path is too long for a socket`,
      {
        hint: `use a home whose path is shorter than ${SOCKET_PATH_MAX_BYTES - 15} bytes`,
      },
    );
  }
  // The folder stays open for the life of the process: the address is valid as long.
  const folder = openSync(paths.home, constants.O_RDONLY | constants.O_DIRECTORY);
  return `/proc/self/fd/${folder}/holdfast.sock`;
}
