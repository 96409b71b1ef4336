import type { ServerResponse } from "node:http";
import type { Clock } from "../ports/clock.ts";
import type { Report, ReportEvent } from "../volume/service.ts";
import type { ErrorAnswer, GatewayCode } from "./error.ts";

/** Progress is told at most this often; the last state of a phase may be left out. */
const PROGRESS_EVERY_MS = 100;
/** More warnings than this are counted, not written. */
const WARNINGS_MAX = 1_000;

/** Writes the events of one long job as lines of JSON. */
export interface EventWriter {
  report: Report;
  done(result: unknown): void;
  fail(answer: ErrorAnswer): void;
}

/** Starts an answer of `application/x-ndjson`. Progress is dropped, not queued, while the client
 * does not read; what must arrive is bounded. */
export function createEventWriter(outgoing: ServerResponse, clock: Clock): EventWriter {
  outgoing.writeHead(200, { "content-type": "application/x-ndjson" });
  outgoing.flushHeaders();
  let toldMs = -Infinity;
  let phase: string | undefined;
  let warnings = 0;
  const write = (event: object): void => {
    if (!outgoing.writableEnded) outgoing.write(`${JSON.stringify(event)}\n`);
  };
  const progress = (event: ReportEvent & { event: "progress" }): void => {
    const nowMs = clock.monotonicMs();
    const due = nowMs - toldMs >= PROGRESS_EVERY_MS || event.phase !== phase;
    if (!due || outgoing.writableNeedDrain) return;
    toldMs = nowMs;
    phase = event.phase;
    write(event);
  };
  return {
    report(event) {
      if (event.event === "progress") progress(event);
      else if (++warnings <= WARNINGS_MAX) write(event);
    },
    done(result) {
      if (warnings > WARNINGS_MAX) {
        const code: GatewayCode = "WARNINGS_LEFT_OUT";
        const message = `${warnings - WARNINGS_MAX} more warnings were left out`;
        write({ event: "warning", code, message });
      }
      write({ event: "done", result });
      outgoing.end();
    },
    fail(answer) {
      write({ event: "error", ...answer });
      outgoing.end();
    },
  };
}
