import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { codeOf } from "../base/error.ts";
import { NAME_MAX_BYTES } from "../base/limits.ts";
import type { TargetFile, TargetFiles } from "../ports/target.ts";

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const AGAIN = constants.O_WRONLY | constants.O_NOFOLLOW;
/** Linux only; elsewhere writes go through the system's cache. */
const DIRECT = (constants as { O_DIRECT?: number }).O_DIRECT;
/** What a file system says that does not take direct writes. */
const NOT_DIRECT: readonly (string | undefined)[] = ["EINVAL", "ENOTSUP", "EOPNOTSUPP"];
const OWNER_ALL = 0o700;
const SLASH = 0x2f;
const TAG_BYTES = 5;
/** Temporary names tell which process writes them, by number and start: of one that is gone, or of
 * another start, a file is a leftover. */
const LEFTOVER = /^\..*\.holdfast-(\d{1,10})-(\d{1,20})-[0-9a-f]{10}$/su;
const OWN_START = startOf("self") ?? "0";

/** The disk of this machine, to restore files to. */
export const targetFiles: TargetFiles = {
  enter,
  create: (path) => new NodeTargetFile(path),
  link: makeLink,
  finish(path, mode, mtimeNs) {
    chmodSync(bufferOf(path), mode);
    const time = timeOf(mtimeNs);
    utimesSync(bufferOf(path), time, time);
  },
};

/** What stands in the way of a path, with the operating system's code for it. */
class TargetClash extends Error {
  readonly code: "ENOTDIR" | "EISDIR" | "ELOOP" | "EEXIST";

  constructor(code: TargetClash["code"], what: string) {
    super(what);
    this.code = code;
  }
}

class NodeTargetFile implements TargetFile {
  readonly #path: Buffer;
  readonly #temporary: Buffer;
  #descriptor: number | undefined;
  #direct: number | undefined;
  #directWorks = DIRECT !== undefined;

  constructor(path: Uint8Array) {
    this.#path = bufferOf(path);
    checkReplaceable(this.#path);
    this.#temporary = temporaryBeside(path);
    this.#descriptor = openSync(this.#temporary, NEW, 0o600);
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#descriptor ??= openSync(this.#temporary, AGAIN);
    writeAll(this.#descriptor, bytes, offset);
  }

  writeAligned(bytes: Uint8Array, offset: number): void {
    if (this.#directWorks) {
      try {
        this.#direct ??= openSync(this.#temporary, AGAIN | (DIRECT ?? 0));
        return writeAll(this.#direct, bytes, offset);
      } catch (error) {
        if (!NOT_DIRECT.includes(codeOf(error))) throw error;
        this.#directWorks = false;
      }
    }
    this.write(bytes, offset);
  }

  park(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    if (this.#direct !== undefined) closeSync(this.#direct);
    this.#direct = undefined;
  }

  commit(mode: number, mtimeNs: bigint): void {
    const descriptor = (this.#descriptor ??= openSync(this.#temporary, AGAIN));
    const time = timeOf(mtimeNs);
    fchmodSync(descriptor, mode);
    futimesSync(descriptor, time, time);
    this.park();
    renameSync(this.#temporary, this.#path);
  }

  abort(): void {
    try {
      this.park();
      rmSync(this.#temporary, { force: true });
    } catch {
      // A later restore to the same place removes it as a leftover.
    }
  }
}

function writeAll(descriptor: number, bytes: Uint8Array, offset: number): void {
  let done = 0;
  while (done < bytes.length) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, offset + done);
  }
}

function enter(path: Uint8Array): void {
  const directory = bufferOf(path);
  try {
    return mkdirSync(directory, OWNER_ALL);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
  const there = lstatSync(directory);
  if (there.isSymbolicLink()) throw new TargetClash("ELOOP", "a symbolic link is in the way");
  if (!there.isDirectory()) throw new TargetClash("ENOTDIR", "a file is in the way");
  if ((there.mode & OWNER_ALL) !== OWNER_ALL) chmodSync(directory, there.mode | OWNER_ALL);
  for (const name of readdirSync(directory, { encoding: "buffer" })) {
    const match = LEFTOVER.exec(name.toString("latin1"));
    if (match !== null && !isAlive(match[1] ?? "", match[2] ?? "")) {
      rmSync(Buffer.concat([directory, Buffer.of(SLASH), name]), { force: true });
    }
  }
}

/** Files and links are replaced by a file or link; a directory, device, pipe or socket never is. */
function checkReplaceable(path: Buffer): void {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined || there.isFile() || there.isSymbolicLink()) return;
  if (there.isDirectory()) throw new TargetClash("EISDIR", "a directory is in the way");
  throw new TargetClash("EEXIST", "a device, pipe or socket is in the way");
}

function makeLink(path: Uint8Array, content: Uint8Array, mtimeNs: bigint): void {
  const place = bufferOf(path);
  checkReplaceable(place);
  const temporary = temporaryBeside(path);
  symlinkSync(bufferOf(content), temporary);
  try {
    const time = timeOf(mtimeNs);
    lutimesSync(temporary, time, time);
    renameSync(temporary, place);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
}

/** `.<name>.holdfast-<process>-<start>-<random>` beside `path`, the name cut where it is long. */
function temporaryBeside(path: Uint8Array): Buffer {
  const whole = bufferOf(path);
  const slash = whole.lastIndexOf(SLASH);
  const random = randomBytes(TAG_BYTES).toString("hex");
  const tail = Buffer.from(`.holdfast-${process.pid}-${OWN_START}-${random}`);
  const name = whole.subarray(slash + 1, slash + NAME_MAX_BYTES - tail.length);
  return Buffer.concat([whole.subarray(0, slash + 1), Buffer.from("."), name, tail]);
}

/** Whether the process of that number and start still runs. */
function isAlive(pid: string, start: string): boolean {
  const now = startOf(pid);
  if (now !== undefined) return now === start;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

/** When a process started, in ticks since the machine did; undefined where the system does not
 * say. */
function startOf(pid: string): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command's name, in brackets, may hold anything; behind it come the state and, as the 20th
    // field, the start. A zombie has ended: its parent has only not asked for its status yet.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? "ended" : fields[19];
  } catch {
    return undefined;
  }
}

/** Node takes times as floating-point seconds, exact to a quarter of a microsecond, and the system
 * then cuts them off. The number taken here is the nearest that gives the right microsecond. Only
 * as text may it be negative. */
function timeOf(timeNs: bigint): string {
  const seconds = timeNs / 1_000_000_000n;
  const time = Number(seconds) + Number(timeNs - seconds * 1_000_000_000n) / 1e9;
  const step = Number.EPSILON * 2 ** Math.floor(Math.log2(Math.max(Math.abs(time), 1)));
  const off = microsecondOf(asSystemReads(time)) - microsecondOf(timeNs);
  return String(time - (off > 0n ? step : off < 0n ? -step : 0));
}

/** What libuv makes of floating-point seconds: both parts are cut towards zero. */
function asSystemReads(time: number): bigint {
  const seconds = Math.trunc(time);
  return BigInt(seconds) * 1_000_000_000n + BigInt(Math.trunc((time - seconds) * 1e9));
}

function microsecondOf(timeNs: bigint): bigint {
  return (timeNs - (((timeNs % 1000n) + 1000n) % 1000n)) / 1000n;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}
