import { mapBounded } from "../../base/concurrency.ts";
import type { PeerId } from "../../base/id.ts";
import { COURIER_PEERS_AT_ONCE, KIB, SWARM_STATE_MAX_BYTES } from "../../base/limits.ts";
import { encodeChain } from "../../codec/admission.ts";
import type { SigningKey } from "../../crypto/sign.node.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Net } from "../../ports/net.ts";
import type { Random } from "../../ports/random.ts";
import { refusalOf } from "../client.ts";
import { SwarmError } from "../error.ts";
import { isMembershipCode, membershipError } from "./refusal.ts";
import { makeRekey, openRekey, pendingRekey, takeRekey, type RekeyWish } from "./rekey.ts";
import type { SwarmHome } from "./swarm-home.ts";

/** Paths of what members tell each other of the swarm. */
export const KEY_PATH = "/v1/swarm/key";
export const REKEY_PATH = "/v1/swarm/rekey";
export const USED_PATH = "/v1/swarm/used";

const KEY_BYTES = 32;
const ANSWER_MAX_BYTES = 16 * KIB;

/** Brings a rekey to peers, a few at a time. Those that are not reached fetch it later.
 * @returns the peers that have it now
 * @throws the signal's reason */
export function spreadRekey(
  net: Net,
  peers: readonly PeerId[],
  envelope: Uint8Array,
  signal: AbortSignal,
): Promise<PeerId[]> {
  return spread(net, peers, REKEY_PATH, envelope, signal);
}

/** Tells members that an invitation was used, as far as they are reached.
 * @returns the peers that know it now
 * @throws the signal's reason */
export function spreadUse(
  net: Net,
  peers: readonly PeerId[],
  report: Uint8Array,
  signal: AbortSignal,
): Promise<PeerId[]> {
  return spread(net, peers, USED_PATH, report, signal);
}

async function spread(
  net: Net,
  peers: readonly PeerId[],
  path: string,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<PeerId[]> {
  const told = await mapBounded(peers, COURIER_PEERS_AT_ONCE, async (peer) => {
    signal.throwIfAborted();
    const request = { method: "POST", path, body, bodyMaxBytes: ANSWER_MAX_BYTES } as const;
    const answer = await net.request(peer, request, signal).catch(() => undefined);
    return answer?.status === 200 ? [peer] : [];
  });
  signal.throwIfAborted();
  return told.flat();
}

/** Fetches the swarm's new key from a member that refused us for knocking with the old one.
 * @returns whether this home has a newer key than before
 * @throws SwarmError REKEY_LEFT_BEHIND | REKEY_FORGED | PEER_REFUSED …; NetError; the signal's
 *   reason */
export async function fetchRekey(
  net: Net,
  peer: PeerId,
  home: SwarmHome,
  signal: AbortSignal,
): Promise<boolean> {
  const { chain, keys } = home.state;
  const body = encodeChain(chain);
  const request = { method: "POST", path: KEY_PATH, body } as const;
  const limited = { ...request, bodyMaxBytes: SWARM_STATE_MAX_BYTES };
  const answer = await net.request(peer, limited, signal);
  if (answer.status !== 200) {
    const refused = refusalOf(peer, KEY_PATH, answer);
    if (refused.refusal === "REKEY_NONE") return false;
    if (!isMembershipCode(refused.refusal)) throw refused;
    throw membershipError(refused.refusal, refused.message, refused);
  }
  const after = await home.update((state) => takeRekey(state, answer.body));
  return after.keys[0].number > keys[0].number;
}

/** What `rekeySwarm` needs beside the wish. */
export interface RekeyParts {
  home: SwarmHome;
  /** Knocks with the key that `home` has. */
  net: Net;
  /** The founder's account key. */
  root: SigningKey;
  /** Peers to bring the new key to. */
  peers: readonly PeerId[];
  clock: Clock;
  random: Random;
}

/** How far a rekey came. */
export interface Rekeyed {
  number: number;
  /** Peers that have the new key. */
  told: PeerId[];
  /** Members that will have to fetch it. */
  waiting: PeerId[];
}

/** Changes the swarm's key. The new one is durable here before the first member hears of it, and in
 * use here only after all were told: so members are reached with the key that they know, and what
 * was interrupted goes on with the same key.
 * @throws SwarmError SWARM_OPEN | FOUNDER_UNKNOWN | REKEY_FORGED; the signal's reason */
export async function rekeySwarm(
  parts: RekeyParts,
  wish: Omit<RekeyWish, "key" | "nowMs">,
  signal: AbortSignal,
): Promise<Rekeyed> {
  const { home, root, clock, random } = parts;
  await finishRekey(parts, signal);
  const key = random.bytes(KEY_BYTES);
  await home.update((state) => {
    const rekey = makeRekey(state, root, { ...wish, key, nowMs: clock.nowMs() });
    return { ...state, rekey };
  });
  const done = await finishRekey(parts, signal);
  if (done !== undefined) return done;
  throw new SwarmError("REKEY_NONE", "another rekey came in between");
}

/** Goes on with a rekey of ours that was interrupted; to be called at every start too.
 * @returns undefined where there is none */
export async function finishRekey(
  { home, net, peers }: Pick<RekeyParts, "home" | "net" | "peers">,
  signal: AbortSignal,
): Promise<Rekeyed | undefined> {
  const envelope = pendingRekey(home.state);
  if (envelope === undefined) return undefined;
  const staying = peers.filter((peer) => !home.isExcluded(peer));
  const told = await spreadRekey(net, staying, envelope, signal);
  await home.update((state) => takeRekey(state, envelope));
  const waiting = staying.filter((peer) => !told.includes(peer));
  return { number: openRekey(home.state, envelope).number, told, waiting };
}
