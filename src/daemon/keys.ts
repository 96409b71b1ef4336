import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { decodeKeyFile } from "../account/key-file.ts";
import type { Keyring } from "../account/keyring.ts";
import { openKeyring } from "../account/open-keyring.ts";
import { systemRandom } from "../adapters/random.node.ts";
import { openSecrets } from "../adapters/secrets.node.ts";
import { HoldfastError, messageOf } from "../base/error.ts";
import type { DaemonArguments } from "./arguments.ts";
import { DaemonError } from "./error.ts";
import { markFresh } from "./fresh-home.ts";
import type { HomePaths } from "./home.ts";

const SWARM_KEY_BYTES = 32;
const NAME_MAX_CHARACTERS = 64;

/** Opens the home's keys, or makes them where the home is new: then nothing was ever stored with
 * it.
 * @throws DaemonError SWARM_KEY_REFUSED, and what `openKeyring` throws */
export async function openKeys(
  paths: HomePaths,
  given: DaemonArguments,
): Promise<{ keyring: Keyring; created: boolean }> {
  const swarmKey =
    given.swarmKeyFile === undefined ? {} : { swarmKey: readSwarmKey(given.swarmKeyFile) };
  const secrets = await openSecrets(paths.keys);
  const create = !existsSync(paths.holderDatabase) && !existsSync(paths.indexDatabase);
  const created = (await secrets.list()).length === 0;
  if (created && create) markFresh(paths.fresh);
  const deviceName = (given.deviceName ?? hostname()).slice(0, NAME_MAX_CHARACTERS) || "device";
  const keyring = await openKeyring(secrets, systemRandom, { deviceName, create, ...swarmKey });
  return { keyring, created };
}

function readSwarmKey(file: string): Uint8Array {
  try {
    return decodeKeyFile("swarm.key", readFileSync(file), SWARM_KEY_BYTES);
  } catch (cause) {
    const why = cause instanceof HoldfastError ? "is no swarm key" : messageOf(cause);
    throw new DaemonError("SWARM_KEY_REFUSED", `swarm key ${file}: ${why}`, {
      cause,
      hint: "give a copy of the file keys/swarm.key of a member's home",
    });
  }
}
