import { equalBytes } from "../base/bytes.ts";
import type { Random } from "../ports/random.ts";
import type { Secrets } from "../ports/secrets.ts";
import { AccountError } from "./error.ts";
import { decodeKeyFile, encodeKeyFile, malformedKey } from "./key-file.ts";
import {
  CERTIFICATE_FILE,
  SECRET_FILES,
  createKeyring,
  formerSwarmFile,
  loadKeyring,
} from "./keyring.ts";
import type { Keyring, KeyringOptions } from "./keyring.ts";
import { SWARM_FILE } from "./swarm-file.ts";

/** Says how far the making of the keys has come; the first file written, and written again last. */
const STATE_FILE = "keyring.state";
/** What else lies in the folder is none of our files. */
const KEY_FILE = /^[a-z0-9-]+\.(?:key|cert|state)$/;
const MAKING = 1;
/** Done by a version that had no file of the swarm. */
const DONE_BEFORE = 2;
const DONE = 3;

/** Opens the keys of a home; makes them where the home is new, and completes them where their
 * making
 * was interrupted. Keys that were there once are never replaced by new ones: a new identity would
 * silently lose all that the old one stored.
 * @param options `create` says that the home is new: without it an empty keys folder is an error
 * @throws CryptoError KEY_MALFORMED; CodecError VERSION_UNKNOWN | FORMAT_MALFORMED (device name);
 *   AccountError KEY_MISSING | KEY_MISMATCH; SecretsError
 * @see docs/format/keys.md */
export async function openKeyring(
  secrets: Secrets,
  random: Random,
  options: KeyringOptions & { create: boolean },
): Promise<Keyring> {
  const files = await readAll(secrets);
  if (files.size === 0 && !options.create) {
    throw new AccountError("KEY_MISSING", "the keys folder is empty, but the home is not new", {
      hint: "restore the keys folder from a copy of the home",
    });
  }
  const state = stateOf(files);
  const keyring =
    files.size === 0 || state === MAKING
      ? await completeKeyring(secrets, random, options, files)
      : await loadWhole(secrets, files, state);
  const { swarmKey } = options;
  if (swarmKey !== undefined && !equalBytes(swarmKey, keyring.swarmKey)) {
    throw new AccountError("KEY_MISMATCH", "keys/swarm.key is that of another swarm", {
      hint: "a home is in one swarm: use another home for this one",
    });
  }
  return keyring;
}

/** Opens keys that are there. What the swarm's file says cannot be made again, so it is made once,
 * for a home from before, and missed from then on like any other. */
async function loadWhole(
  secrets: Secrets,
  files: Map<string, Uint8Array>,
  state: number,
): Promise<Keyring> {
  if (state === DONE) return loadKeyring(files);
  if (!files.has(SWARM_FILE)) {
    const swarmFile = formerSwarmFile(files);
    const keyring = loadKeyring(new Map(files).set(SWARM_FILE, swarmFile));
    await secrets.write(SWARM_FILE, swarmFile);
    await secrets.write(STATE_FILE, stateFile(DONE));
    return keyring;
  }
  const keyring = loadKeyring(files);
  await secrets.write(STATE_FILE, stateFile(DONE));
  return keyring;
}

/** Files are written in a fixed order, so what an interruption leaves is a beginning of that order;
 * a gap means that a file was lost, which only its owner can mend. */
async function completeKeyring(
  secrets: Secrets,
  random: Random,
  options: KeyringOptions,
  present: ReadonlyMap<string, Uint8Array>,
): Promise<Keyring> {
  const order = [...SECRET_FILES, CERTIFICATE_FILE];
  const missingFrom = order.findIndex((name) => !present.has(name));
  const gap = order.slice(missingFrom).some((name) => present.has(name));
  if (missingFrom >= 0 && gap) return loadKeyring(present);
  const { keyring, files } = createKeyring(random, options, present);
  if (present.size === 0) await secrets.write(STATE_FILE, stateFile(MAKING));
  for (const name of order) {
    const bytes = files.get(name);
    if (bytes !== undefined && !present.has(name)) await secrets.write(name, bytes);
  }
  await secrets.write(STATE_FILE, stateFile(DONE));
  return keyring;
}

async function readAll(secrets: Secrets): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const name of await secrets.list()) {
    const bytes = KEY_FILE.test(name) ? await secrets.read(name) : undefined;
    if (bytes !== undefined) files.set(name, bytes);
  }
  return files;
}

/** Without a state file the keys are taken for whole, of whatever version: `loadKeyring` names what
 * is missing. */
function stateOf(files: ReadonlyMap<string, Uint8Array>): number {
  const bytes = files.get(STATE_FILE);
  if (bytes === undefined) return DONE_BEFORE;
  const state = decodeKeyFile(STATE_FILE, bytes, 1)[0];
  if (state === MAKING || state === DONE_BEFORE || state === DONE) return state;
  throw malformedKey(STATE_FILE, "names no known state");
}

function stateFile(state: number): Uint8Array {
  return encodeKeyFile(STATE_FILE, new Uint8Array([state]));
}
