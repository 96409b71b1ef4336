import { parseAddress } from "../../base/address.ts";
import { codeOf, HoldfastError, messageOf } from "../../base/error.ts";
import type { PeerId, ShardId } from "../../base/id.ts";
import { TRACKER_AGENTS_MAX, TRACKER_REQUESTS_MAX } from "../../base/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type {
  IncomingRequest,
  OutgoingResponse,
  PeerHandler,
  PeerStream,
  StreamHandler,
} from "../../ports/net.ts";
import type { Random } from "../../ports/random.ts";
import { SwarmError } from "../error.ts";
import { jsonAnswer } from "../routes/route.ts";
import type { Agent, AgentSelf } from "./agent.ts";
import { AGENT_PATH } from "./dialogue.ts";
import { filterWords } from "./filter.ts";
import { FilterRoom } from "./filter-room.ts";
import { LocalAgent } from "./local-agent.ts";
import { endingOf } from "./lines.ts";
import { RemoteAgent } from "./remote-agent.ts";
import { TRACKER_ROUTES, type TrackerView } from "./routes.ts";

/** How often agents are looked after. */
const SWEEP_MS = 1_000;

const STATUSES: Readonly<Record<string, number>> = {
  AGENT_SILENT: 504,
  AGENT_UNKNOWN: 404,
  AGENTS_MANY: 503,
  CERTIFICATE_REFUSED: 403,
  INTRODUCTION_REFUSED: 409,
  MEMBERS_ONLY: 403,
  METHOD_REFUSED: 405,
  PATH_UNKNOWN: 404,
  REQUEST_MALFORMED: 400,
  TRACKER_BUSY: 503,
};

export interface TrackerOptions {
  self: PeerId;
  clock: Clock;
  random: Random;
  log: Log;
  /** Our own holder: it is found like an agent. */
  local?: AgentSelf;
}

/** The discovery server: what it knows comes from the agents that are connected, and goes with
 * them, so that a restart needs nothing but their coming back.
 * @see docs/tracker.md */
export interface Tracker {
  /** Whether a path is a tracker's. */
  serves(path: string): boolean;
  /** Answers requests at paths that it serves. */
  readonly handle: PeerHandler;
  /** Takes the streams of agents, at AGENT_PATH. */
  readonly streams: StreamHandler;
  stats(): TrackerStats;
  close(): void;
}

export interface TrackerStats {
  /** Agents that are connected, and those of them that have said what they are. */
  agents: number;
  ready: number;
  /** Requests being answered now. */
  requests: number;
  filtersFreeBytes: number;
}

/** Opens a tracker; the caller hands it requests and streams. */
export function openTracker(options: TrackerOptions): Tracker {
  return new StreamTracker(options);
}

class StreamTracker implements Tracker, TrackerView {
  readonly clock: Clock;
  readonly random: Random;
  readonly #log: Log;
  readonly #local: LocalAgent | undefined;
  readonly #agents = new Map<PeerId, RemoteAgent>();
  readonly #room = new FilterRoom<RemoteAgent>();
  readonly #closing = new AbortController();
  #requests = 0;

  constructor({ self, clock, random, log, local }: TrackerOptions) {
    this.clock = clock;
    this.random = random;
    this.#log = log;
    this.#local = local === undefined ? undefined : new LocalAgent(self, local);
    void this.#sweep();
  }

  serves(path: string): boolean {
    return TRACKER_ROUTES.has(path);
  }

  readonly handle: PeerHandler = async (request) => {
    this.#requests++;
    try {
      return await this.#answer(request);
    } catch (error) {
      if (request.signal.aborted || !(error instanceof HoldfastError)) throw error;
      return refusal(error as HoldfastError);
    } finally {
      this.#requests--;
    }
  };

  readonly streams: StreamHandler = (request) => {
    const { path, peer, standing, address } = request;
    return Promise.resolve().then(() => {
      if (path !== AGENT_PATH) return refusal(unknownPath());
      if (standing !== "member") return refusal(membersOnly());
      // One that comes back replaces its old stream and takes no new place.
      if (this.#agents.size >= TRACKER_AGENTS_MAX && !this.#agents.has(peer)) {
        return refusal(new SwarmError("AGENTS_MANY", "this tracker serves no further agent"));
      }
      return (stream: PeerStream) => void this.#serve(stream, address);
    });
  };

  *agents(): Generator<Agent> {
    if (this.#local !== undefined) yield this.#local;
    for (const agent of this.#agents.values()) if (agent.card !== undefined) yield agent;
  }

  mayHold(id: ShardId): Agent[] {
    const found: Agent[] = this.#room.find(filterWords(id));
    const known = found.filter(({ card }) => card !== undefined);
    if (this.#local?.holds(id) === true) known.push(this.#local);
    return known;
  }

  find(peer: PeerId): Agent | undefined {
    if (this.#local?.peer === peer) return this.#local;
    const agent = this.#agents.get(peer);
    return agent?.card === undefined ? undefined : agent;
  }

  stats(): TrackerStats {
    const agents = [...this.#agents.values()];
    return {
      agents: agents.length,
      ready: agents.filter(({ card }) => card !== undefined).length,
      requests: this.#requests,
      filtersFreeBytes: this.#room.freeBytes,
    };
  }

  close(): void {
    this.#closing.abort();
    for (const agent of this.#agents.values()) agent.drop();
  }

  #answer(request: IncomingRequest): Promise<OutgoingResponse> | OutgoingResponse {
    const route = TRACKER_ROUTES.get(request.path);
    if (route === undefined) throw unknownPath();
    if (request.standing !== "member") throw membersOnly();
    if (request.method !== "GET") {
      throw new SwarmError("METHOD_REFUSED", "a tracker answers only get");
    }
    if (this.#requests > TRACKER_REQUESTS_MAX) {
      throw new SwarmError("TRACKER_BUSY", `${TRACKER_REQUESTS_MAX} requests are being answered`);
    }
    return route(this, request);
  }

  async #serve(stream: PeerStream, address: string | undefined): Promise<void> {
    const { peer } = stream;
    const seen = parseAddress(address ?? "");
    const agent = new RemoteAgent({ stream, seen, clock: this.clock, room: this.#room });
    const before = this.#agents.get(peer);
    // Others may have come while this one's stream was opened.
    const isRefused = before === undefined && this.#agents.size >= TRACKER_AGENTS_MAX;
    if (!isRefused) this.#agents.set(peer, agent);
    before?.drop();
    if (isRefused || this.#closing.signal.aborted) agent.drop();
    try {
      await agent.run();
      this.#log.write("debug", "agent.left", { peer });
    } catch (error) {
      const code = codeOf(error) ?? "";
      this.#log.write("debug", "agent.dropped", { peer, code, message: endingOf(error) });
    }
    if (this.#agents.get(peer) === agent) this.#agents.delete(peer);
  }

  async #sweep(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.clock.sleep(SWEEP_MS, signal).catch(() => undefined);
      for (const agent of this.#agents.values()) agent.sweep();
    }
  }
}

function refusal(error: HoldfastError): OutgoingResponse {
  const { code } = error;
  const reason = error instanceof SwarmError ? error.refusal : undefined;
  const why = reason === undefined ? {} : { reason };
  return jsonAnswer(STATUSES[code] ?? 500, { code, message: messageOf(error), ...why });
}

function unknownPath(): SwarmError {
  return new SwarmError("PATH_UNKNOWN", "there is nothing at this path");
}

function membersOnly(): SwarmError {
  return new SwarmError("MEMBERS_ONLY", "a tracker answers members of its swarm only");
}
