import { equalBytes } from "../base/bytes.ts";
import { idOf } from "../base/id.ts";
import type { AccountId, PeerId } from "../base/id.ts";
import { agreementKeyOf } from "../crypto/agree.node.ts";
import type { AgreementKey } from "../crypto/agree.node.ts";
import { signingKeyOf } from "../crypto/sign.node.ts";
import type { SigningKey } from "../crypto/sign.node.ts";
import { CodecError } from "../codec/error.ts";
import type { SwarmState } from "../codec/swarm-state.ts";
import { openCertificate, signCertificate } from "../object/certificate.ts";
import type { Random } from "../ports/random.ts";
import { foundSwarm } from "../swarm/membership/found.ts";
import { AccountError } from "./error.ts";
import { decodeKeyFile, encodeKeyFile, malformedKey } from "./key-file.ts";
import { decodeSwarmFile, encodeSwarmFile, SWARM_FILE } from "./swarm-file.ts";

/** A numbered secret from which a volume's keys come. */
export interface Generation {
  /** 1 for the first. */
  number: number;
  /** 32 bytes. */
  secret: Uint8Array;
}

/** All keys of a home, checked against each other. */
export interface Keyring {
  peer: SigningKey;
  peerId: PeerId;
  account: AccountId;
  /** The account's root key. It stays in the home until the account has a name and a kit. */
  root: SigningKey;
  agreementKey: AgreementKey;
  /** The signed envelope of this device's certificate. */
  certificate: Uint8Array;
  /** The newest generation of the home's volume. */
  generation: Generation;
  /** 32 bytes: the network key with which the home was made. */
  swarmKey: Uint8Array;
  /** The swarm that the home is in, as it was when the keys were opened. */
  swarm: SwarmState;
}

export interface KeyringOptions {
  /** The device's name in its certificate. */
  deviceName: string;
  /** The key of the swarm that the home joins; a fresh one without it. */
  swarmKey?: Uint8Array;
}

/** Files of the keys folder by name. */
export type KeyFiles = ReadonlyMap<string, Uint8Array>;

/** The secrets of a new home, in the order in which they are written; the certificate comes last.
 * */
export const SECRET_FILES = [
  "root.key",
  "peer.key",
  "agreement.key",
  "generation-1.key",
  SWARM_FILE,
  "swarm.key",
] as const;
export const CERTIFICATE_FILE = "device.cert";

const SECRET_BYTES = 32;
const GENERATION_FILE = /^generation-([1-9]\d{0,8})\.key$/;

/** Makes the keys of a new home: an account of its own, without a name.
 * @param present files of a creation that was interrupted; they are kept as they are
 * @returns the keyring, and the files that hold it in the order in which they are to be written
 * @throws CodecError FORMAT_MALFORMED for a name that no device may have;
 *   what `loadKeyring` throws for `present` files that are damaged */
export function createKeyring(
  random: Random,
  options: KeyringOptions,
  present: KeyFiles = new Map(),
): { keyring: Keyring; files: Map<string, Uint8Array> } {
  const files = new Map<string, Uint8Array>();
  for (const name of SECRET_FILES) {
    files.set(name, present.get(name) ?? freshFile(name, files, random, options));
  }
  const root = signingKeyOf(secretOf(files, "root.key"));
  const certificate = signCertificate(root, {
    account: idOf(root.publicKey),
    peer: idOf(signingKeyOf(secretOf(files, "peer.key")).publicKey),
    agreementKey: agreementKeyOf(secretOf(files, "agreement.key")).publicKey,
    name: options.deviceName,
    number: 1,
  });
  const file = present.get(CERTIFICATE_FILE) ?? encodeKeyFile(CERTIFICATE_FILE, certificate);
  files.set(CERTIFICATE_FILE, file);
  return { keyring: loadKeyring(files), files };
}

/** Reads a home's keys from its files and checks that they belong together.
 * @throws CryptoError KEY_MALFORMED; CodecError VERSION_UNKNOWN;
 *   AccountError KEY_MISSING | KEY_MISMATCH; each names the file */
export function loadKeyring(files: KeyFiles): Keyring {
  const root = signingKeyOf(secretOf(files, "root.key"));
  const peer = signingKeyOf(secretOf(files, "peer.key"));
  const agreementKey = agreementKeyOf(secretOf(files, "agreement.key"));
  const certificate = payloadOf(files, CERTIFICATE_FILE);
  const says = openOwnCertificate(certificate);
  const mismatch =
    (says.account !== idOf(root.publicKey) && "root.key") ||
    (says.peer !== idOf(peer.publicKey) && "peer.key") ||
    (!equalBytes(says.agreementKey, agreementKey.publicKey) && "agreement.key");
  if (mismatch) {
    throw new AccountError("KEY_MISMATCH", `keys/${mismatch} is not what the certificate names`, {
      hint: "restore the whole keys folder from one copy of the home",
    });
  }
  return {
    peer,
    peerId: says.peer,
    account: says.account,
    root,
    agreementKey,
    certificate,
    generation: newestGeneration(files),
    swarmKey: secretOf(files, "swarm.key"),
    swarm: swarmOf(files),
  };
}

/** What a file of secrets holds at first; `files` has those before it. */
function freshFile(
  name: (typeof SECRET_FILES)[number],
  files: KeyFiles,
  random: Random,
  { swarmKey }: KeyringOptions,
): Uint8Array {
  if (name === SWARM_FILE) {
    const key = swarmKey ?? random.bytes(SECRET_BYTES);
    // Who was given a key does not know whose it is.
    const founder = swarmKey === undefined ? ownAccount(files) : undefined;
    return encodeSwarmFile(foundSwarm(key, founder));
  }
  const isFirstKey = name === "swarm.key";
  return encodeKeyFile(name, isFirstKey ? firstKey(files) : random.bytes(SECRET_BYTES));
}

/** The swarm's file of a home from before there was one: such a home founded its swarm.
 * @throws what `loadKeyring` throws for damaged or missing files */
export function formerSwarmFile(files: KeyFiles): Uint8Array {
  return encodeSwarmFile(foundSwarm(secretOf(files, "swarm.key"), ownAccount(files)));
}

function ownAccount(files: KeyFiles): AccountId {
  return idOf(signingKeyOf(secretOf(files, "root.key")).publicKey);
}

function firstKey(files: KeyFiles): Uint8Array {
  return swarmOf(files).keys[0].key;
}

function swarmOf(files: KeyFiles): SwarmState {
  const bytes = requiredFile(files, SWARM_FILE);
  try {
    return decodeSwarmFile(bytes);
  } catch (cause) {
    if (!(cause instanceof CodecError) || cause.code === "VERSION_UNKNOWN") throw cause;
    throw malformedKey(SWARM_FILE, "is no state of a swarm", cause);
  }
}

function newestGeneration(files: KeyFiles): Generation {
  let number = 1;
  for (const name of files.keys())
    number = Math.max(number, Number(GENERATION_FILE.exec(name)?.[1] ?? 1));
  return { number, secret: secretOf(files, `generation-${number}.key`) };
}

function openOwnCertificate(bytes: Uint8Array): ReturnType<typeof openCertificate> {
  try {
    return openCertificate(bytes);
  } catch (cause) {
    throw malformedKey(CERTIFICATE_FILE, "is no certificate", cause);
  }
}

function secretOf(files: KeyFiles, name: string): Uint8Array {
  return payloadOf(files, name, SECRET_BYTES);
}

function payloadOf(files: KeyFiles, name: string, lengthBytes?: number): Uint8Array {
  return decodeKeyFile(name, requiredFile(files, name), lengthBytes);
}

function requiredFile(files: KeyFiles, name: string): Uint8Array {
  const bytes = files.get(name);
  if (bytes !== undefined) return bytes;
  throw new AccountError("KEY_MISSING", `keys/${name} is missing`, {
    hint: `restore keys/${name} from a copy of the home; without it this peer cannot be itself`,
  });
}
