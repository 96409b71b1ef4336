import { idBytes, idOf } from "../base/id.ts";
import type { AccountId, Id, PeerId } from "../base/id.ts";
import { CHAIN_LINKS_MAX, KIB } from "../base/limits.ts";
import { decodeVersioned, encodeCbor, readArray, readBytes, readUint } from "./cbor.ts";
import { malformed } from "./error.ts";

/** What a member says of a guest whom it lets in. */
export interface Admission {
  account: AccountId;
  peer: PeerId;
  /** Of the invitation, 16 bytes. */
  token: Uint8Array;
  timeMs: number;
}

/** An admission with the signature of whom the link before it names; the founder's on the first. */
export interface ChainLink extends Admission {
  /** 64 bytes. */
  signature: Uint8Array;
}

const VERSION = 1;
const WHAT = "admission";
const TOKEN_BYTES = 16;
const SIGNATURE_BYTES = 64;
const LINK_PARTS = 5;
/** Most bytes of a chain alone, and of what a guest shows. */
export const CHAIN_MAX_BYTES = 4 * KIB;
const ENVELOPE_MAX_BYTES = KIB;
const CERTIFICATE_MAX_BYTES = 8 * KIB;
export const ADMISSION_REQUEST_MAX_BYTES =
  CHAIN_MAX_BYTES + ENVELOPE_MAX_BYTES + CERTIFICATE_MAX_BYTES;

/** The body that is signed for "admission": `[1, swarm, account, peer, token, time]`.
 * @see docs/format/swarm.md */
export function encodeAdmission(
  swarm: Id,
  { account, peer, token, timeMs }: Admission,
): Uint8Array {
  return encodeCbor([VERSION, idBytes(swarm), idBytes(account), idBytes(peer), token, timeMs]);
}

/** A chain as the formats hold it that have one in them. */
export function chainValue(chain: readonly ChainLink[]): unknown[] {
  return chain.map(({ account, peer, token, timeMs, signature }) => [
    idBytes(account),
    idBytes(peer),
    token,
    timeMs,
    signature,
  ]);
}

/** Reads such a value; signatures are not checked.
 * @throws CodecError FORMAT_MALFORMED */
export function readChain(value: unknown): ChainLink[] {
  return readArray(value, "chain", CHAIN_LINKS_MAX).map((item) => {
    const parts = readArray(item, WHAT, LINK_PARTS);
    if (parts.length !== LINK_PARTS) throw malformed(WHAT, `${parts.length} parts`);
    return {
      account: idOf(readBytes(parts[0], `${WHAT}: account`, 32)),
      peer: idOf(readBytes(parts[1], `${WHAT}: peer`, 32)),
      token: readBytes(parts[2], `${WHAT}: token`, TOKEN_BYTES),
      timeMs: readUint(parts[3], `${WHAT}: time`),
      signature: readBytes(parts[4], `${WHAT}: signature`, SIGNATURE_BYTES),
    };
  });
}

/** A chain alone, the body of `POST /v1/swarm/key`: `[1, chain]`. */
export function encodeChain(chain: readonly ChainLink[]): Uint8Array {
  return encodeCbor([VERSION, chainValue(chain)]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function decodeChain(bytes: Uint8Array): ChainLink[] {
  const [chain] = decodeVersioned(bytes, "chain", VERSION, 1, CHAIN_MAX_BYTES);
  return readChain(chain);
}

/** Body of `POST /v1/admit`: what a guest shows. */
export interface AdmissionRequest {
  /** The invitation's signed token. */
  token: Uint8Array;
  /** How its inviter came into the swarm. */
  chain: ChainLink[];
  /** The guest's signed device certificate. */
  certificate: Uint8Array;
}

/** `[1, token, chain, certificate]` */
export function encodeAdmissionRequest(request: AdmissionRequest): Uint8Array {
  const { token, chain, certificate } = request;
  return encodeCbor([VERSION, token, chainValue(chain), certificate]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function decodeAdmissionRequest(bytes: Uint8Array): AdmissionRequest {
  const parts = decodeVersioned(
    bytes,
    "admission request",
    VERSION,
    3,
    ADMISSION_REQUEST_MAX_BYTES,
  );
  return {
    token: readBounded(parts[0], "admission request: token", ENVELOPE_MAX_BYTES),
    chain: readChain(parts[1]),
    certificate: readBounded(parts[2], "admission request: certificate", CERTIFICATE_MAX_BYTES),
  };
}

/** Body of `POST /v1/swarm/used`: which guest came in with which invitation. */
export interface UseReport {
  token: Uint8Array;
  chain: ChainLink[];
  guest: PeerId;
}

/** `[1, token, chain, guest]` */
export function encodeUseReport({ token, chain, guest }: UseReport): Uint8Array {
  return encodeCbor([VERSION, token, chainValue(chain), idBytes(guest)]);
}

/** @throws CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function decodeUseReport(bytes: Uint8Array): UseReport {
  const parts = decodeVersioned(bytes, "use report", VERSION, 3, ADMISSION_REQUEST_MAX_BYTES);
  return {
    token: readBounded(parts[0], "use report: token", ENVELOPE_MAX_BYTES),
    chain: readChain(parts[1]),
    guest: idOf(readBytes(parts[2], "use report: guest", 32)),
  };
}

function readBounded(value: unknown, name: string, maxBytes: number): Uint8Array {
  const bytes = readBytes(value, name);
  if (bytes.length > maxBytes) throw malformed(name, `${bytes.length} bytes, at most ${maxBytes}`);
  return bytes;
}
