import { parseAddress, formatAddress, type HostPort } from "../../base/address.ts";
import { parseId, type Id, type PeerId } from "../../base/id.ts";
import { KIB, SHARD_MAX_BYTES } from "../../base/limits.ts";

/** The words of the dialogue between a tracker and an agent, lines of ASCII.
 * @see docs/tracker.md */
export const DIALOGUE_VERSION = 1;
/** Where agents open their stream. */
export const AGENT_PATH = "/api/agent";
/** Bytes of a filter in one PART line; the last one of a filter has what is left. */
export const PART_BYTES = 4 * KIB;

/** Reads a number as it must be written: decimal, no sign, no zeros before it. */
export function parseCount(text: string | undefined, max = Number.MAX_SAFE_INTEGER): number {
  if (text === undefined || !/^(0|[1-9][0-9]{0,15})$/.test(text)) return Number.NaN;
  const value = Number(text);
  return value <= max ? value : Number.NaN;
}

/** Reads a hash: a shard's id. */
export function parseHash(text: string | undefined | null): Id | undefined {
  return text === undefined || text === null || parseId(text) === undefined ? undefined : text;
}

/** Reads the size of a shard. */
export function parseShardSize(text: string | undefined | null): number | undefined {
  const size = parseCount(text ?? undefined, SHARD_MAX_BYTES);
  return size > 0 ? size : undefined;
}

/** A peer and where it was seen; the address may be of no use, the id is. */
export interface AgentAddress {
  peer: PeerId;
  address?: HostPort;
}

/** Writes `<peer id>@<host>:<port>`; the id alone where no address is known. */
export function formatAgentAddress({ peer, address }: AgentAddress): string {
  return address === undefined ? peer : `${peer}@${formatAddress(address)}`;
}

/** Reads what `formatAgentAddress` writes; undefined where the text is something else. */
export function parseAgentAddress(text: string): AgentAddress | undefined {
  const at = text.indexOf("@");
  const peer = parseHash(at < 0 ? text : text.slice(0, at));
  if (peer === undefined) return undefined;
  if (at < 0) return { peer };
  const address = parseAddress(text.slice(at + 1));
  return address === undefined ? undefined : { peer, address };
}

/** A code as errors have it, or a word in its place. */
export function codeWord(code: string | undefined): string {
  return code !== undefined && /^[A-Z][A-Z_]{1,40}$/.test(code) ? code : "PEER_FAILED";
}
