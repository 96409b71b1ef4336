import { decodeSwarmState, encodeSwarmState, type SwarmState } from "../codec/swarm-state.ts";
import type { Secrets } from "../ports/secrets.ts";
import { decodeKeyFile, encodeKeyFile } from "./key-file.ts";

/** The file of the keys folder that says which swarm the home is in. */
export const SWARM_FILE = "swarm.state";

/** What the file holds. */
export function encodeSwarmFile(state: SwarmState): Uint8Array {
  return encodeKeyFile(SWARM_FILE, encodeSwarmState(state));
}

/** @throws CryptoError KEY_MALFORMED; CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function decodeSwarmFile(bytes: Uint8Array): SwarmState {
  return decodeSwarmState(decodeKeyFile(SWARM_FILE, bytes));
}

/** Writes the state durably: what `SwarmHome` saves with.
 * @throws SecretsError */
export async function saveSwarmState(secrets: Secrets, state: SwarmState): Promise<void> {
  await secrets.write(SWARM_FILE, encodeSwarmFile(state));
}
