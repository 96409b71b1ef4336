import { KIB } from "../base/limits.ts";

const PAGE_BYTES = 64 * KIB;
/** What the kernel modules declare as their memory's maximum: 1 GiB. */
const ARENA_PAGES_MAX = 16_384;

/** How many instances can work over one arena at once, each in a lane of its own. */
export const LANES = 16;

/** What lies where in a lane, in bytes from its start. A lane belongs to one instance at a time. */
export const LANE = {
  /** 256 little-endian u64. */
  gear: 0,
  /** Addresses of input shards, up to 256 u32. */
  inputs: 2048,
  /** Addresses of output shards, up to 256 u32. */
  outputs: 3072,
  /** One byte per input and output; k * (255 - k) is at most 16,256. */
  coefficients: 4096,
  /** 32 bytes per input and output, the outputs rounded up to 4: at most 532,512. */
  tables: 4096 + 16 * KIB,
  sizeBytes: 9 * PAGE_BYTES,
} as const;

/** One shared memory that all bulk bytes of a put or get pass through, in all threads of a process.
 * Kernels work in it on addresses; sockets, files and ciphers through views of `bytes`. It never
 * grows, so that views stay valid, and its pages take no real memory before they are first written.
 */
export interface Arena {
  readonly memory: WebAssembly.Memory;
  /** The whole memory; an address is an index into it. */
  readonly bytes: Uint8Array;
  /** The first byte free for callers, a multiple of 64 KiB. Before it lie the kernels' tables. */
  readonly dataAt: number;
}

/** A new arena with room for at least `lengthBytes` after `dataAt`, all zero.
 * @throws RangeError when that is not between 0 and 1 GiB less the tables, which kernels address */
export function createArena(lengthBytes: number): Arena {
  const pages = (LANES * LANE.sizeBytes) / PAGE_BYTES + Math.ceil(lengthBytes / PAGE_BYTES);
  if (!(lengthBytes >= 0 && pages <= ARENA_PAGES_MAX)) {
    throw new RangeError(`an arena of ${lengthBytes} bytes; wanted 0 to 1 GiB less the tables`);
  }
  return attachArena(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }));
}

/** The arena over a memory that `createArena` made, in another thread: post `arena.memory` to it.
 * @throws RangeError when it is none */
export function attachArena(memory: WebAssembly.Memory): Arena {
  const dataAt = LANES * LANE.sizeBytes;
  if (!(memory.buffer instanceof SharedArrayBuffer) || memory.buffer.byteLength < dataAt) {
    throw new RangeError("an arena is a shared memory with room for the kernels' tables");
  }
  return { memory, bytes: new Uint8Array(memory.buffer), dataAt };
}
