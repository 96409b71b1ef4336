import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import type { Log, LogLevel } from "../ports/log.ts";

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];
const FILE_MAX_BYTES = 8 * 1024 * 1024;
/** Old files beside the current one: `daemon.log.1` is the newest of them. */
const OLD_FILES = 2;

/** A log that can be closed. */
export interface FileLog extends Log {
  close(): void;
}

/** Opens a log of JSON lines, rotated when it reaches `maxBytes`, so that it takes three times that
 * at most. Lines are written at once: what happened right before a crash is there. A log that
 * cannot be written (disk full) is dropped line by line and never stops the daemon.
 * @throws the operating system's error where the file cannot be opened */
export function openFileLog(
  path: string,
  options: { minimum?: LogLevel; maxBytes?: number; echo?: (line: string) => void } = {},
): FileLog {
  const minimum = LEVELS.indexOf(options.minimum ?? "info");
  const maxBytes = options.maxBytes ?? FILE_MAX_BYTES;
  let file = openSync(path, "a", 0o600);
  let sizeBytes = fstatSync(file).size;
  const rotate = (): void => {
    for (let number = OLD_FILES - 1; number >= 1; number--) {
      renameIfThere(`${path}.${number}`, `${path}.${number + 1}`);
    }
    renameIfThere(path, `${path}.1`);
    const next = openSync(path, "a", 0o600);
    closeSync(file);
    file = next;
    sizeBytes = fstatSync(file).size;
  };
  return {
    write(level, event, fields = {}) {
      if (LEVELS.indexOf(level) < minimum) return;
      const line = `${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`;
      options.echo?.(line);
      try {
        if (sizeBytes + line.length > maxBytes && sizeBytes > 0) rotate();
        sizeBytes += writeSync(file, line);
      } catch {
        // Nothing can be done here: the log is where it would have been said.
      }
    },
    close: () => closeSync(file),
  };
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    // There is no such file yet.
  }
}
