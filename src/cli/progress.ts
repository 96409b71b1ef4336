import type { ReportEvent } from "../volume/service.ts";
import { counted, formatBytes, printable } from "./format.ts";

const BAR_CELLS = 24;

/** Shows progress on a terminal, and warnings everywhere, on standard error. */
export interface Progress {
  tell: (event: ReportEvent) => void;
  /** Takes the bar away. */
  end: () => void;
}

/** Makes the display of one long command.
 * @param bar whether to draw a bar: a terminal, and no `--json` */
export function createProgress(bar: boolean, write: (text: string) => void): Progress {
  const startedMs = performance.now();
  let shown = false;
  const clear = (): void => {
    if (shown) write("\r\u001b[K");
    shown = false;
  };
  return {
    tell(event) {
      if (event.event === "warning") {
        clear();
        const where = event.path === undefined ? "" : ` (${printable(event.path)})`;
        write(`warning: ${printable(event.message)}${where}\n`);
      } else if (bar) {
        write(`\r${barOf(event, performance.now() - startedMs)}\u001b[K`);
        shown = true;
      }
    },
    end: clear,
  };
}

/** One line: phase, bar where the total is known, amounts, rate. */
export function barOf(event: ReportEvent & { event: "progress" }, elapsedMs: number): string {
  const rate = elapsedMs > 0 ? `${formatBytes((event.bytes * 1000) / elapsedMs)}/s` : "";
  const amounts = `${counted(event.files, "file")}, ${formatBytes(event.bytes)}`;
  const phase = printable(event.phase).padEnd(10);
  if (event.totalBytes === undefined || event.totalBytes === 0)
    return `${phase} ${amounts}  ${rate}`;
  const share = Math.min(1, event.bytes / event.totalBytes);
  const full = Math.floor(share * BAR_CELLS);
  const bar = "█".repeat(full) + "░".repeat(BAR_CELLS - full);
  return `${phase} ${bar} ${Math.floor(share * 100)} %  ${amounts} of ${formatBytes(event.totalBytes)}  ${rate}`;
}
