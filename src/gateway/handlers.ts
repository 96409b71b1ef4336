import type { Clock } from "../ports/clock.ts";
import type { Code, PutSummary, Report, VolumeService } from "../volume/service.ts";
import type { Control, FileList } from "./control.ts";
import { GatewayError } from "./error.ts";
import type { Jobs } from "./jobs.ts";
import { reachHandlers } from "./reach-handlers.ts";
import type { ReachRoute } from "./reach-handlers.ts";
import type { Reach } from "./reach.ts";
import type { InputOf, ResultOf, RouteName } from "./routes.ts";

/** What a handler gets beside its input. */
export interface Call {
  signal: AbortSignal;
  report: Report;
  /** The request's body, for a route that streams. */
  body: AsyncIterable<Uint8Array>;
}

/** One handler for each route. */
export type Handlers = {
  [Name in Exclude<RouteName, "read">]: (
    input: InputOf<Name>,
    call: Call,
  ) => Promise<ResultOf<Name>> | ResultOf<Name>;
} & { read: (input: InputOf<"read">, call: Call) => AsyncIterable<Uint8Array> };

/** What the local API serves. */
export interface Services {
  volume: VolumeService;
  control: Control;
  reach: Reach;
  files: FileList;
  clock: Clock;
  jobs: Jobs;
}

/** Where `upload` puts a path of this machine. */
const UPLOADS = "/uploads";

/** The handlers of all routes over the daemon's services. */
export function createHandlers(services: Services): Handlers {
  return {
    ...contentHandlers(services),
    ...daemonHandlers(services),
    ...reachHandlers(services),
  };
}

type ContentRoute =
  | "put"
  | "putStream"
  | "get"
  | "read"
  | "ls"
  | "rm"
  | "mv"
  | "history"
  | "upload"
  | "download";

function contentHandlers({ volume, files }: Services): Pick<Handlers, ContentRoute> {
  const remember = (path: string, summary: PutSummary): PutSummary => {
    files.set(listed(path), summary.contentId);
    return summary;
  };
  return {
    async put({ source, target, exclude, code, ack }, { report, signal }) {
      const from = { kind: "path", path: source } as const;
      const request = { source: from, target, exclude, ...putOptions(code, ack) };
      return remember(target, await volume.put(request, report, signal));
    },
    async putStream({ target, code, ack }, { report, signal, body }) {
      const from = { kind: "stream", blocks: body } as const;
      const request = { source: from, target, exclude: [], ...putOptions(code, ack) };
      return remember(target, await volume.put(request, report, signal));
    },
    async upload({ source, exclude, code, ack }, { report, signal }) {
      const path = source === "/" ? UPLOADS : `${UPLOADS}${source}`;
      const from = { kind: "path", path: source } as const;
      const request = { source: from, target: path, exclude, ...putOptions(code, ack) };
      return { ...remember(path, await volume.put(request, report, signal)), path };
    },
    get: ({ at, ...request }, { report, signal }) =>
      volume.get({ ...request, ...(at === undefined ? {} : { at }) }, report, signal),
    read: ({ at, ...request }, { signal }) =>
      volume.read({ ...request, ...(at === undefined ? {} : { at }) }, signal),
    async download({ id, target, peersOnly }, { report, signal }) {
      const source = (await volume.findContent(id, signal)) ?? files.find(id);
      if (source === undefined) {
        throw new GatewayError("CONTENT_UNKNOWN", `nothing here has the content id ${id}`, {
          hint: "`holdfast list` shows the ids of what was uploaded",
        });
      }
      return volume.get({ source, target, peersOnly }, report, signal);
    },
    async ls({ path, recursive, after, limit }, { signal }) {
      const options = { recursive, limit, ...(after === undefined ? {} : { after }) };
      return { entries: await volume.list(path, options, signal) };
    },
    async rm({ path }, { signal }) {
      const result = await volume.remove(path, signal);
      files.remove(listed(path));
      return result;
    },
    async mv({ from, to }, { signal }) {
      const result = await volume.move(from, to, signal);
      files.move(listed(from), listed(to));
      return result;
    },
    history: async ({ path }, { signal }) => ({ snapshots: await volume.history(path, signal) }),
  };
}

/** A path as the file list has it: without the volume's name, which is `home`, and without a slash
 * at its end. */
function listed(path: string): string {
  return path
    .replace(/^home:/, "")
    .replace(/\/+/g, "/")
    .replace(/(?<=.)\/$/, "");
}

function daemonHandlers({
  volume,
  control,
  files,
  clock,
  jobs,
}: Services): Omit<Handlers, ContentRoute | ReachRoute> {
  return {
    version: () => control.about(),
    status: () => ({
      ...control.about(),
      ...volume.status(),
      holder: control.usage(),
      jobs: jobs.count(),
    }),
    scrub: (_input, { signal }) => control.scrub(signal),
    list: () => ({ uploads: files.entries() }),
    configGet: ({ key }) => ({ keys: control.configGet(key) }),
    configSet({ key, value }) {
      control.configSet(key, value);
      return { keys: control.configGet(undefined) };
    },
    down() {
      control.stop();
      return { pid: control.about().pid };
    },
    testClock({ advanceMs }) {
      if (control.advanceClock === undefined) {
        throw new GatewayError("TEST_CLOCK_OFF", "this daemon's clock is the machine's", {
          hint: "tests start the daemon with HOLDFAST_TEST_CLOCK=1",
        });
      }
      control.advanceClock(advanceMs);
      return { nowMs: clock.nowMs() };
    },
  };
}

function putOptions(
  code: string | undefined,
  ack: "full" | "r" | undefined,
): { code?: Code; ack?: "full" | "r" } {
  return {
    ...(code === undefined ? {} : { code: codeOf(code) }),
    ...(ack === undefined ? {} : { ack }),
  };
}

function codeOf(text: string): Code {
  const [k = 0, n = 0] = text.split("/").map(Number);
  if (k < 1 || k > n || n > 255) {
    throw new GatewayError("REQUEST_INVALID", `code ${text}: wanted 1 ≤ k ≤ n ≤ 255`, {
      hint: "for example --code 5/10",
    });
  }
  return { k, n };
}
