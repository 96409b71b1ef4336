import type { z } from "zod";
import * as r from "./reach-schemas.ts";
import * as s from "./schemas.ts";

/** How a route answers: one JSON value; a stream of events whose last is `done` or `error`;
 * bytes. */
export type Answer = "json" | "events" | "bytes";

/** One route of the local API. GET takes its input from the query, POST from a JSON body; a route
 * with `streams` takes its input from the query, its body is content. */
export interface Route {
  method: "GET" | "POST";
  path: string;
  summary: string;
  input: z.ZodType;
  answer: Answer;
  result: z.ZodType;
  streams?: true;
}

/** Every route of the local API. The OpenAPI document is made of this table, and requests are
 * checked by it. */
export const routes = {
  version: json("GET", "/v1/version", "which program this is", s.nothing, s.about),
  status: json("GET", "/v1/status", "whether everything is safe", s.nothing, s.status),
  put: events("/v1/put", "store a path of this machine", s.putInput, s.putSummary),
  putStream: {
    ...events("/v1/put-stream", "store the request's body", s.putStreamInput, s.putSummary),
    streams: true,
  },
  get: events("/v1/get", "fetch to a path of this machine", s.getInput, s.getSummary),
  read: {
    method: "GET",
    path: "/v1/file",
    summary: "the bytes of a file; a failure after the first byte is in the trailer holdfast-error",
    input: s.readInput,
    answer: "bytes",
    result: s.nothing,
  },
  ls: json("GET", "/v1/ls", "the entries of a folder, in order", s.listInput, s.entries),
  rm: json("POST", "/v1/rm", "remove a path in a new snapshot", s.pathInput, s.snapshot),
  mv: json("POST", "/v1/mv", "rename a path in a new snapshot", s.moveInput, s.snapshot),
  history: json("GET", "/v1/history", "the snapshots, newest first", s.historyInput, s.snapshots),
  scrub: events("/v1/scrub", "check what is kept for others", s.nothing, s.scrubReport),
  upload: events("/v1/upload", "store a path and tell its id", s.uploadInput, s.uploadSummary),
  download: events("/v1/download", "fetch by content id", s.downloadInput, s.getSummary),
  list: json("GET", "/v1/list", "what was uploaded, with ids", s.nothing, s.uploads),
  peers: json("GET", "/v1/peers", "the known peers", r.peersInput, r.knownPeers),
  addPeers: json("POST", "/v1/peers", "add peers to the list", s.addPeersInput, r.knownPeers),
  removePeer: json("POST", "/v1/peers/remove", "forget a peer", r.removePeerInput, r.knownPeers),
  invite: json("POST", "/v1/invite", "make an invitation", r.inviteInput, r.invited),
  join: json("POST", "/v1/join", "join the swarm of an invitation", r.joinInput, r.joined),
  swarm: json("GET", "/v1/swarm", "the swarm of this home", s.nothing, r.swarmSummary),
  swarmCreate: json(
    "POST",
    "/v1/swarm/create",
    "make a new swarm",
    r.swarmCreateInput,
    r.swarmSummary,
  ),
  rekey: json("POST", "/v1/swarm/rekey", "change the network key", r.rekeyInput, r.rekeyed),
  leaveSwarm: json("POST", "/v1/swarm/leave", "leave the swarm", s.nothing, r.swarmSummary),
  doctor: json("GET", "/v1/doctor", "what works and what does not", s.nothing, r.doctorReport),
  configGet: json("GET", "/v1/config", "the configuration's keys", s.configGetInput, s.configKeys),
  configSet: json("POST", "/v1/config", "set or remove a key", s.configSetInput, s.configKeys),
  down: json("POST", "/v1/down", "stop the daemon", s.nothing, s.stopping),
  testClock: json("POST", "/v1/test/clock", "move a test's clock", s.clockInput, s.clockTime),
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
/** The checked input of a route. */
export type InputOf<Name extends RouteName> = z.output<(typeof routes)[Name]["input"]>;
/** The result of a route. */
export type ResultOf<Name extends RouteName> = z.output<(typeof routes)[Name]["result"]>;

function json<In extends z.ZodType, Out extends z.ZodType>(
  method: "GET" | "POST",
  path: string,
  summary: string,
  input: In,
  result: Out,
): {
  method: "GET" | "POST";
  path: string;
  summary: string;
  input: In;
  answer: "json";
  result: Out;
} {
  return { method, path, summary, input, answer: "json", result };
}

function events<In extends z.ZodType, Out extends z.ZodType>(
  path: string,
  summary: string,
  input: In,
  result: Out,
): { method: "POST"; path: string; summary: string; input: In; answer: "events"; result: Out } {
  return { method: "POST", path, summary, input, answer: "events", result };
}
