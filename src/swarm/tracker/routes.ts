import { parseAddress } from "../../base/address.ts";
import {
  PEERS_PAGE_MAX,
  SIGNED_HEADER_MAX_CHARS,
  TRACKER_ANSWER_MS,
  WHERE_TO_UPLOAD_MAX,
} from "../../base/limits.ts";
import { base64UrlEncode } from "../../base/base64url.ts";
import type { PeerId, ShardId } from "../../base/id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { IncomingRequest, OutgoingResponse } from "../../ports/net.ts";
import type { Random } from "../../ports/random.ts";
import { CERTIFICATE_HEADER } from "../asker.ts";
import { SwarmError } from "../error.ts";
import { codeFor } from "../placement.ts";
import { CBOR, jsonAnswer, queryCount } from "../routes/route.ts";
import { encodeCards } from "../wire.ts";
import { addressOf, type Agent, type IntroductionWish, type Question } from "./agent.ts";
import {
  formatAgentAddress,
  parseAgentAddress,
  parseHash,
  parseShardSize,
  type AgentAddress,
} from "./dialogue.ts";
import { candidatesOf, confirm, sample } from "./look-up.ts";
import { chooseForUpload } from "./upload-choice.ts";

/** What the tracker's routes answer from. */
export interface TrackerView {
  agents(): Iterable<Agent>;
  /** Those of them whose filter says that they may hold a shard. */
  mayHold(id: ShardId): readonly Agent[];
  find(peer: PeerId): Agent | undefined;
  clock: Clock;
  random: Random;
}

type TrackerRoute = (
  view: TrackerView,
  request: IncomingRequest,
) => Promise<OutgoingResponse> | OutgoingResponse;

/** `GET /api/who-has?q=<hash>`: agents that hold a shard and have just said so. */
const getWhoHas: TrackerRoute = async (view, request) => {
  const id = parseHash(request.query.get("q"));
  if (id === undefined) throw malformed("q is not a hash");
  const candidates = candidatesOf(view.mayHold(id), request.peer, view.random);
  return addresses(await confirm(candidates, id, view.clock, request.signal));
};

/** `GET /api/where-to-upload?size=<bytes>&count=`: agents to which a client should upload. */
const getWhereToUpload: TrackerRoute = (view, request) => {
  const size = parseShardSize(request.query.get("size"));
  if (size === undefined) throw malformed("size is not that of a shard");
  const all = [...view.agents()];
  const wanted = request.query.has("count")
    ? queryCount(request, "count", WHERE_TO_UPLOAD_MAX)
    : (codeFor(all.length)?.n ?? 0);
  return addresses(chooseForUpload(all, request.peer, size, wanted, view.random));
};

/** `GET /api/introduce-me?to=<address>&hash=<hash>&size=<bytes>`: a ticket from an agent. */
const getIntroduction: TrackerRoute = async (view, request) => {
  const { query, peer } = request;
  const to = parseAgentAddress(query.get("to") ?? "");
  const shard = parseHash(query.get("hash"));
  const lengthBytes = parseShardSize(query.get("size"));
  if (to === undefined) throw malformed("to is not an agent's address");
  if (shard === undefined) throw malformed("hash is not a hash");
  if (lengthBytes === undefined) throw malformed("size is not that of a shard");
  const agent = view.find(to.peer);
  if (agent === undefined) {
    throw new SwarmError("AGENT_UNKNOWN", `agent ${to.peer}: is not connected here`);
  }
  const address = parseAddress(request.address ?? "");
  const wish: IntroductionWish = {
    peer,
    shard,
    lengthBytes,
    certificate: certificateOf(request),
    ...(address === undefined ? {} : { address }),
  };
  const answer = await within(agent.introduce(wish), view.clock, request.signal);
  if (answer === undefined) {
    throw new SwarmError("AGENT_SILENT", `agent ${to.peer}: gave no answer`);
  }
  if ("code" in answer) {
    const text = `agent ${to.peer}: gives no ticket: ${answer.code}`;
    throw new SwarmError("INTRODUCTION_REFUSED", text, { refusal: answer.code });
  }
  return jsonAnswer(200, { "introduction-key": base64UrlEncode(answer.ticket) });
};

/** `GET /api/peers?limit=`: signed cards of agents that are connected now, a random sample. */
const getAgents: TrackerRoute = (view, request) => {
  const limit = queryCount(request, "limit", PEERS_PAGE_MAX);
  const cards = [...withoutAsker(view, request)].flatMap(({ card }) => card?.bytes ?? []);
  const some = sample(cards, Math.min(limit, cards.length), view.random);
  return { status: 200, headers: CBOR, body: encodeCards(some) };
};

/** The paths of a tracker, all for GET. */
export const TRACKER_ROUTES: ReadonlyMap<string, TrackerRoute> = new Map([
  ["/api/who-has", getWhoHas],
  ["/api/where-to-upload", getWhereToUpload],
  ["/api/introduce-me", getIntroduction],
  ["/api/peers", getAgents],
]);

function* withoutAsker(view: TrackerView, { peer }: IncomingRequest): Generator<Agent> {
  for (const agent of view.agents()) if (agent.peer !== peer) yield agent;
}

function addresses(agents: readonly Agent[]): OutgoingResponse {
  const list = agents.map((agent) => {
    const address = addressOf(agent);
    const where: AgentAddress = { peer: agent.peer, ...(address === undefined ? {} : { address }) };
    return formatAgentAddress(where);
  });
  return jsonAnswer(200, { addresses: list });
}

/** The header's text; whether it holds is checked by the agent, which must not trust us. */
function certificateOf({ headers, peer }: IncomingRequest): string {
  const text = headers[CERTIFICATE_HEADER] ?? "";
  if (text.length <= SIGNED_HEADER_MAX_CHARS && /^[A-Za-z0-9_-]+$/.test(text)) return text;
  throw new SwarmError("CERTIFICATE_REFUSED", `peer ${peer}: it shows no certificate`);
}

/** The answer to a question, or undefined when it takes too long. */
async function within<Answer>(
  question: Question<Answer>,
  clock: Clock,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const giveUp = (): void => question.giveUp();
  clock.sleep(TRACKER_ANSWER_MS, either).then(giveUp, giveUp);
  try {
    return await question.answer;
  } finally {
    stop.abort();
  }
}

function malformed(why: string): SwarmError {
  return new SwarmError("REQUEST_MALFORMED", why);
}
