import { codeOf, HoldfastError, messageOf } from "../base/error.ts";
import { parseId, type PeerId } from "../base/id.ts";
import { CodecError } from "../codec/error.ts";
import { CryptoError } from "../crypto/error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Holder } from "../ports/holder.ts";
import type { Log } from "../ports/log.ts";
import type { IncomingRequest, OutgoingResponse, PeerHandler, Standing } from "../ports/net.ts";
import { createAskers } from "./asker.ts";
import { BodyRoom } from "./body-room.ts";
import type { DialBack } from "./dial-back.ts";
import { SwarmError } from "./error.ts";
import type { Membership } from "./membership/membership.ts";
import { membershipError } from "./membership/refusal.ts";
import type { RecordStore } from "./records.ts";
import { postAdmit } from "./routes/admit.ts";
import { postDialBack } from "./routes/dial-back.ts";
import { postHave } from "./routes/have.ts";
import { getList } from "./routes/list.ts";
import { getHello, getPeers, postPeers } from "./routes/peers.ts";
import { getRecord, postRecord } from "./routes/records.ts";
import { jsonAnswer, type Hello, type PeerServices, type Route } from "./routes/route.ts";
import { getShard, postShard } from "./routes/shards.ts";
import { postSwarmKey, postSwarmRekey, postSwarmUsed } from "./routes/swarm.ts";
import { postTickets } from "./routes/tickets.ts";

interface PathRoutes {
  GET?: Route;
  POST?: Route;
}

/** Paths that are complete. */
const PATHS = new Map<string, PathRoutes>([
  ["/list", { GET: getList }],
  ["/v1/hello", { GET: getHello }],
  ["/v1/peers", { GET: getPeers, POST: postPeers }],
  ["/v1/dial-back", { POST: postDialBack }],
  ["/v1/tickets", { POST: postTickets }],
  ["/v1/have", { POST: postHave }],
  ["/v1/admit", { POST: postAdmit }],
  ["/v1/swarm/key", { POST: postSwarmKey }],
  ["/v1/swarm/rekey", { POST: postSwarmRekey }],
  ["/v1/swarm/used", { POST: postSwarmUsed }],
]);
const SHARDS = "/v1/shards/";
/** Paths that end in an id. */
const ID_PATHS = new Map<string, PathRoutes>([
  [SHARDS, { GET: getShard, POST: postShard }],
  ["/v1/records/", { GET: getRecord, POST: postRecord }],
]);
/** All that whoever is not a member may ask for; a path that is added is not among it. */
const OPEN_TO: Readonly<Record<Exclude<Standing, "member">, ReadonlySet<string>>> = {
  guest: new Set(["/v1/admit"]),
  former: new Set(["/v1/admit", "/v1/swarm/key"]),
};

/** HTTP statuses of coded errors, the holder's too. All others are 500, and nothing else is said of
 * them: their texts are for this machine's log. */
const STATUSES: Readonly<Record<string, number>> = {
  ASKED_TOO_OFTEN: 429,
  BODY_TOO_LARGE: 413,
  CERTIFICATE_REFUSED: 403,
  CHAIN_FULL: 409,
  DIAL_BACK_REFUSED: 409,
  DISK_FULL: 507,
  EPOCH_WRONG: 409,
  FOUNDER_UNKNOWN: 409,
  GUEST_REFUSED: 403,
  HOLDER_BUSY: 503,
  HOLDER_CLOSED: 503,
  INVITATION_EXPIRED: 403,
  INVITATION_FORGED: 403,
  INVITATION_OTHER_SWARM: 403,
  INVITATION_REVOKED: 403,
  INVITATION_USED_UP: 403,
  LENGTH_REQUIRED: 411,
  METHOD_REFUSED: 405,
  PATH_UNKNOWN: 404,
  PEER_BUSY: 503,
  RANGE_UNSATISFIABLE: 416,
  RECORD_FORGED: 422,
  RECORD_MISSING: 404,
  RECORD_REFUSED: 422,
  RECORD_SPACE_FULL: 507,
  REKEY_FORGED: 403,
  REKEY_LEFT_BEHIND: 403,
  REKEY_NONE: 404,
  REQUEST_MALFORMED: 400,
  SHARD_CORRUPT: 422,
  SHARD_ID_MALFORMED: 400,
  SHARD_LENGTH: 422,
  SHARD_MISSING: 404,
  SHARD_RANGE: 416,
  SPACE_FULL: 507,
  STORE_FAILED: 500,
  STORE_READ_ONLY: 507,
  SWARM_OPEN: 409,
  TICKET_EXPIRED: 403,
  TICKET_INVALID: 403,
  TICKET_USED: 403,
  TICKETS_MANY: 429,
};

/** What `createPeerHandler` serves from. */
export interface PeerHandlerOptions {
  holder: Holder;
  records: RecordStore;
  clock: Clock;
  log: Log;
  hello: () => Hello;
  /** Signed cards for `/v1/peers`, our own first. */
  cards: () => readonly Uint8Array[];
  /** Takes in the card that a peer pushes; without it, none is. */
  takeCard?: (peer: PeerId, card: Uint8Array) => void;
  /** Without it nobody is dialled back. */
  dialBack?: DialBack;
  /** Admission and rekeying; without it nobody is admitted here. */
  membership?: Membership;
}

/** The peer protocol's server: one handler for every carrier.
 * @see docs/protocol.md */
export function createPeerHandler(options: PeerHandlerOptions): PeerHandler {
  const services: PeerServices = { ...options, askers: createAskers() };
  const room = new BodyRoom();
  return async (request) => {
    const { peer, path, lengthBytes = 0 } = request;
    try {
      // Shards go to disk as they come, and the holder bounds how many do.
      if (lengthBytes === 0 || path.startsWith(SHARDS)) return await answer(services, request);
      return await room.hold(peer, lengthBytes, () => answer(services, request));
    } catch (error) {
      if (request.signal.aborted || !(error instanceof HoldfastError)) throw error;
      const { code, message, status } = blame(error);
      const level = status >= 500 ? "warn" : "debug";
      options.log.write(level, "peer.refused", { peer, path, code });
      const hint = error.hint === undefined ? {} : { hint: error.hint };
      return jsonAnswer(status, { code, message, ...hint });
    }
  };
}

function answer(
  services: PeerServices,
  request: IncomingRequest,
): Promise<OutgoingResponse> | OutgoingResponse {
  const { path, method } = request;
  checkStanding(services, request);
  const cut = path.lastIndexOf("/") + 1;
  const ending = path.slice(cut);
  const withId = parseId(ending) === undefined ? undefined : ID_PATHS.get(path.slice(0, cut));
  const routes = PATHS.get(path) ?? withId;
  if (routes === undefined) throw new SwarmError("PATH_UNKNOWN", "there is nothing at this path");
  const route = routes[method];
  if (route === undefined) {
    throw new SwarmError("METHOD_REFUSED", `${method.toLowerCase()} is not answered at this path`);
  }
  return route(services, request, ending);
}

/** Every method of every path that is served; where a path ends in an id, one stands for all. */
export function servedPaths(): { method: "GET" | "POST"; path: string }[] {
  const whole = [...PATHS].map(([path, routes]) => ({ path, routes }));
  const withId = [...ID_PATHS].map(([path, routes]) => ({ path: path + "a".repeat(52), routes }));
  return [...whole, ...withId].flatMap(({ path, routes }) =>
    (["GET", "POST"] as const).flatMap((method) =>
      routes[method] === undefined ? [] : [{ method, path }],
    ),
  );
}

/** Before anything else: what a peer may ask at all.
 * @throws SwarmError GUEST_REFUSED | REKEY_LEFT_BEHIND */
function checkStanding({ membership }: PeerServices, request: IncomingRequest): void {
  const { peer, standing, path } = request;
  if (membership?.isExcluded(peer) === true) {
    throw membershipError("REKEY_LEFT_BEHIND", "this peer was shut out of the swarm");
  }
  if (standing === "member" || OPEN_TO[standing].has(path)) return;
  throw standing === "former"
    ? new SwarmError("GUEST_REFUSED", "this peer knocks with the swarm's old key", {
        hint: "fetch the new key at /v1/swarm/key",
      })
    : new SwarmError("GUEST_REFUSED", "this peer is not a member yet", {
        hint: "show an invitation at /v1/admit, then knock with the swarm's key",
      });
}

/** Code, text and status of an error. What a peer sent and cannot be read is its mistake, whichever
 * layer noticed. */
function blame(error: unknown): { code: string; message: string; status: number } {
  const code = codeOf(error) ?? "PEER_FAILED";
  const message = messageOf(error);
  if (error instanceof CodecError) return { code: "REQUEST_MALFORMED", message, status: 400 };
  if (error instanceof CryptoError) return { code, message, status: 403 };
  const status = STATUSES[code];
  if (status !== undefined) return { code, message, status };
  return { code: "PEER_FAILED", message: "this peer could not answer", status: 500 };
}
