import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { createSteerableClock } from "../adapters/clock.node.ts";
import { concatBytes, utf8 } from "../base/bytes.ts";
import { idOf } from "../base/id.ts";
import { HoldfastError } from "../base/error.ts";
import type { PutSummary, VolumeService } from "../volume/service.ts";
import { createApi } from "./api.ts";
import type { Control, FileList } from "./control.ts";
import { createJobs } from "./jobs.ts";
import { createMemoryReach, founderState } from "./reach-memory.ts";
import type { Jobs } from "./jobs.ts";
import { routes } from "./routes.ts";
import type { Route, RouteName } from "./routes.ts";
import { listenOnSocket } from "./server.ts";

const ID = idOf(new Uint8Array(32).fill(7));
const folder = mkdtempSync(join(tmpdir(), "holdfast-api-"));
const log: string[] = [];
const clock = createSteerableClock();
const stored = new Map<string, Uint8Array>();
let stops = 0;

const summary = (bytes: number): PutSummary => ({
  files: 1,
  directories: 0,
  bytes,
  newBytes: bytes,
  storedBytes: bytes,
  snapshot: stored.size,
  safe: false,
  contentId: ID,
  warnings: 0,
  k: 0,
  n: 0,
});

const volume: VolumeService = {
  async put({ source, target }, report, signal) {
    if (target === "/wait") await once(signal, "abort").then(() => signal.throwIfAborted());
    if (target === "/bug") throw new TypeError("secret text of a bug");
    const parts: Uint8Array[] = [];
    if (source.kind === "path") parts.push(readFileSync(source.path));
    else for await (const block of source.blocks) parts.push(block.slice());
    const whole = concatBytes(...parts);
    report({ event: "progress", phase: "read", files: 1, bytes: whole.length });
    report({ event: "warning", code: "FILE_CHANGED", message: "it changed", path: "/x" });
    stored.set(target, whole);
    return summary(whole.length);
  },
  async get({ source }) {
    if (!stored.has(source)) {
      throw new HoldfastError("PATH_MISSING", `no ${source}`, { hint: "see ls" });
    }
    return { files: 1, bytes: 1, warnings: 0, repairedShards: 0, badPeers: [] };
  },
  async *read({ source }) {
    const bytes = stored.get(source);
    if (bytes === undefined) throw new HoldfastError("PATH_MISSING", `no ${source}`);
    yield bytes.subarray(0, 10);
    if (source === "/torn") throw new HoldfastError("SHARDS_MISSING", "have 3 of 4");
    yield bytes.subarray(10);
  },
  list: async () => [],
  remove: async () => ({ snapshot: 9 }),
  move: async () => ({ snapshot: 9 }),
  history: async () => [{ number: 1, timeMs: 0, device: ID, message: "put" }],
  status: () => ({
    safe: false,
    reasons: ["too few peers"],
    redundancy: { k: 0, n: 0, r: 0 },
    peers: { known: 0, usable: 0 },
    snapshot: 0,
    packs: { full: 0, partial: 0, local: 0 },
    packBytes: 0,
  }),
  findContent: async () => undefined,
  close: async () => {},
};

const control: Control = {
  about: () => ({
    version: "1.2.3",
    pid: 1,
    home: folder,
    peer: ID,
    account: ID,
    port: 1,
    startedAt: "2026-11-21T00:00:00Z",
  }),
  usage: () => ({ shards: 0, bytes: 0, spaceBytes: 0, accounts: 0, orphans: 0, aside: 0 }),
  scrub: async () => ({ shards: 0, bytes: 0, corrupt: [] }),
  addPeers: () => {},
  configGet: () => ({ port: 1 }),
  configSet: () => {},
  stop: () => void stops++,
};

const reach = createMemoryReach(founderState(ID, [ID]));
const ids = new Map<string, string>();
const files: FileList = {
  entries: () => [...ids].map(([path, id]) => ({ path, id })),
  find: (id) => [...ids].find(([, each]) => each === id)?.[0],
  set: (path, id) => void ids.set(path, id),
  remove: (path) => void ids.delete(path),
  move: () => {},
};

interface Served {
  socket: string;
  jobs: Jobs;
  close(): Promise<void>;
}
let served = 0;

async function serve(steered: boolean, jobs = createJobs()): Promise<Served> {
  const app = createApi({
    volume,
    control: steered ? { ...control, advanceClock: (stepMs) => clock.advance(stepMs) } : control,
    reach,
    files,
    clock,
    jobs,
    log: {
      write: (level, event, fields) => void log.push(JSON.stringify({ level, event, ...fields })),
    },
    version: "1.2.3",
  });
  const socket = join(folder, `${served++}.sock`);
  const server = await listenOnSocket(app, socket);
  return { socket, jobs, close: () => server.close() };
}

interface Answer {
  status: number;
  text: string;
  trailers: Record<string, string | undefined>;
}

async function ask(
  socketPath: string,
  method: string,
  path: string,
  body?: string | Readable,
): Promise<Answer> {
  const outgoing = request({ socketPath, method, path, agent: false });
  if (body instanceof Readable) body.pipe(outgoing);
  else outgoing.end(body);
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  const parts: Uint8Array[] = [];
  for await (const part of answer as AsyncIterable<Uint8Array>) parts.push(part);
  const text = Buffer.concat(parts).toString();
  return { status: answer.statusCode ?? 0, text, trailers: answer.trailers };
}

const plain = await serve(false);
const steered = await serve(true);
after(async () => {
  await plain.close();
  await steered.close();
  rmSync(folder, { recursive: true });
});

/** A valid input of every route, so that none is left out of the checks below. */
const inputs: Record<RouteName, object> = {
  version: {},
  status: {},
  put: { source: import.meta.filename, target: "/a" },
  putStream: { target: "/s" },
  get: { source: "/a", target: "/out" },
  read: { source: "/a" },
  ls: {},
  rm: { path: "/a" },
  mv: { from: "/a", to: "/b" },
  history: {},
  scrub: {},
  upload: { source: import.meta.filename },
  download: { id: ID, target: "/out" },
  list: {},
  peers: {},
  addPeers: { peers: [{ id: ID, addresses: ["127.0.0.1:1"] }] },
  removePeer: { peer: ID },
  invite: {},
  join: { invitation: "holdfast://join/x" },
  swarm: {},
  swarmCreate: { open: true },
  rekey: {},
  leaveSwarm: {},
  doctor: {},
  configGet: {},
  configSet: { key: "port", value: "1" },
  down: {},
  testClock: { advanceMs: 5 },
};

for (const [name, route] of Object.entries<Route>(routes)) {
  test(`${name}: the answer is what the table of routes says`, async () => {
    stored.set("/a", utf8("some content"));
    const input = inputs[name as RouteName];
    const inQuery = route.method === "GET" || route.streams === true;
    const query = new URLSearchParams(input as Record<string, string>).toString();
    const answer = await ask(
      steered.socket,
      route.method,
      inQuery ? `${route.path}?${query}` : route.path,
      route.streams === true ? "content" : inQuery ? undefined : JSON.stringify(input),
    );
    assert.equal(answer.status, 200, answer.text);
    if (route.answer === "bytes") return;
    const last = answer.text.trimEnd().split("\n").at(-1) ?? "";
    const value = JSON.parse(last) as { event?: string; result?: unknown };
    if (route.answer === "events") assert.equal(value.event, "done", answer.text);
    route.result.parse(route.answer === "events" ? value.result : value);
  });

  test(`${name}: an unknown key is refused`, async () => {
    const key = { surprise: "1" };
    const inQuery = route.method === "GET" || route.streams === true;
    const input: Record<string, string> = { ...inputs[name as RouteName], ...key };
    const query = new URLSearchParams(input).toString();
    const answer = await ask(
      steered.socket,
      route.method,
      inQuery ? `${route.path}?${query}` : route.path,
      inQuery ? undefined : JSON.stringify(input),
    );
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.text, /REQUEST_INVALID.*surprise/);
  });
}

test("put tells progress and warnings before it is done", async () => {
  const body = JSON.stringify({ source: import.meta.filename, target: "/a" });
  const answer = await ask(plain.socket, "POST", "/v1/put", body);
  const events = answer.text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string });
  assert.deepEqual(
    events.map(({ event }) => event),
    ["progress", "warning", "done"],
  );
});

test("put-stream stores the body whole", async () => {
  const bytes = new Uint8Array(3_000_000).map((_, index) => index % 251);
  const blocks = Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]);
  const answer = await ask(plain.socket, "POST", "/v1/put-stream?target=/stream", blocks);
  assert.equal(answer.status, 200);
  assert.deepEqual(stored.get("/stream"), bytes);
});

test("put-stream does not store a body whose client went away in the middle", async () => {
  const own = await serve(false);
  const outgoing = request({
    socketPath: own.socket,
    method: "POST",
    path: "/v1/put-stream?target=/half",
    agent: false,
  });
  outgoing.on("error", () => {});
  outgoing.write("half of it");
  await once(outgoing, "response");
  outgoing.destroy();
  assert.equal(await own.jobs.drain(2_000), 0, "the job ended by itself");
  assert.equal(stored.has("/half"), false);
  await own.close();
});

test("a job is aborted when its client goes away", async () => {
  const own = await serve(false);
  const outgoing = request({
    socketPath: own.socket,
    method: "POST",
    path: "/v1/put",
    agent: false,
  });
  outgoing.on("error", () => {});
  outgoing.end(JSON.stringify({ source: "/", target: "/wait" }));
  await once(outgoing, "response");
  outgoing.destroy();
  // The job waits for its signal alone: if that did not come, it would have to be cut.
  assert.equal(await own.jobs.drain(5_000), 0);
  await own.close();
});

test("drain() cuts what does not end and refuses what comes", async () => {
  const own = await serve(false);
  const body = JSON.stringify({ source: "/", target: "/wait" });
  const outgoing = request({
    socketPath: own.socket,
    method: "POST",
    path: "/v1/put",
    agent: false,
  });
  outgoing.end(body);
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  assert.equal(await own.jobs.drain(20), 1);
  answer.setEncoding("utf8");
  let text = "";
  for await (const part of answer as AsyncIterable<string>) text += part;
  assert.match(text, /"event":"error","code":"JOB_ABORTED"/);
  const late = await ask(own.socket, "GET", "/v1/status");
  assert.equal(late.status, 503);
  assert.match(late.text, /DAEMON_STOPPING/);
  await own.close();
});

test("one request more than the limit is refused, not queued", async () => {
  const own = await serve(false, createJobs(0));
  const answer = await ask(own.socket, "GET", "/v1/status");
  assert.equal(answer.status, 503);
  assert.match(answer.text, /DAEMON_BUSY/);
  await own.close();
});

test("a failure is told with its code and hint", async () => {
  const body = JSON.stringify({ source: "/no", target: "/out" });
  const { text } = await ask(steered.socket, "POST", "/v1/get", body);
  assert.deepEqual(JSON.parse(text), {
    event: "error",
    code: "PATH_MISSING",
    message: "no /no",
    hint: "see ls",
  });
});

test("a bug is INTERNAL; its text goes to the log alone", async () => {
  const body = JSON.stringify({ source: import.meta.filename, target: "/bug" });
  const { text } = await ask(steered.socket, "POST", "/v1/put", body);
  assert.match(text, /"code":"INTERNAL"/);
  assert.doesNotMatch(text, /secret text/);
  assert.ok(log.some((line) => line.includes("secret text")));
});

test("file tells a failure after the first byte in a trailer", async () => {
  stored.set("/torn", utf8("ten bytes, and more"));
  const torn = await ask(steered.socket, "GET", "/v1/file?source=/torn");
  assert.equal(torn.text, "ten bytes,");
  const trailer = decodeURIComponent(torn.trailers["holdfast-error"] ?? "");
  assert.equal((JSON.parse(trailer) as { code: string }).code, "SHARDS_MISSING");
  const missing = await ask(steered.socket, "GET", "/v1/file?source=/none");
  assert.equal(missing.status, 404);
});

test("bad bodies get REQUEST_INVALID", async () => {
  const bodies = ["{", "[]", '"text"', "null", '{"source":"relative","target":"/a"}', "\u0000"];
  for (const body of [...bodies, `{"x":"${"y".repeat(2 ** 20)}"}`]) {
    const answer = await ask(steered.socket, "POST", "/v1/put", body).catch(() => undefined);
    // A body over the limit may be cut before it has been written.
    if (answer !== undefined) assert.equal(answer.status, 400, body.slice(0, 20));
  }
});

test("the test clock is refused by a daemon of the machine's time", async () => {
  const body = JSON.stringify({ advanceMs: 1000 });
  const refused = await ask(plain.socket, "POST", "/v1/test/clock", body);
  assert.equal(refused.status, 403);
  assert.match(refused.text, /TEST_CLOCK_OFF/);
  const before = clock.nowMs();
  assert.equal((await ask(steered.socket, "POST", "/v1/test/clock", body)).status, 200);
  assert.ok(clock.nowMs() >= before + 1000);
});

test("down asks the daemon to stop and answers at once", async () => {
  const before = stops;
  assert.equal((await ask(steered.socket, "POST", "/v1/down", "")).status, 200);
  assert.equal(stops, before + 1);
});

test("an unknown route is ROUTE_UNKNOWN", async () => {
  const answer = await ask(steered.socket, "GET", "/v2/nothing");
  assert.equal(answer.status, 404);
  assert.match(answer.text, /ROUTE_UNKNOWN/);
});

test("the OpenAPI document has every route", async () => {
  const { text } = await ask(steered.socket, "GET", "/v1/openapi.json");
  const document = JSON.parse(text) as { openapi: string; paths: Record<string, object> };
  assert.equal(document.openapi, "3.1.0");
  for (const route of Object.values<Route>(routes)) {
    assert.ok(
      Object.hasOwn(document.paths[route.path] ?? {}, route.method.toLowerCase()),
      route.path,
    );
  }
});

test("the socket is for this user alone", () => {
  assert.equal(statSync(steered.socket).mode & 0o777, 0o600);
});
