import type { PeerId } from "../base/id.ts";
import { BLOCK_BYTES } from "../base/limits.ts";
import type { PeerStream } from "../ports/net.ts";
import { NetError } from "./net-error.ts";

/** A writer waits while more than this is on its way. */
const BUFFER_BYTES = BLOCK_BYTES;

/** One direction: bytes on their way, and whether more will come. */
class Pipe {
  readonly pieces: Uint8Array[] = [];
  bytes = 0;
  isEnded = false;
  /** Whoever waits for a change of this pipe. */
  #waiting: (() => void)[] = [];

  changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  change(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }
}

/** What two ends share: both directions, and whether the session broke. */
interface Wire {
  pipes: readonly [Pipe, Pipe];
  isBroken: boolean;
}

/** Both ends of a stream between two peers of one process; `break` ends it as a lost session
 * does. */
export function memoryStream(
  opener: PeerId,
  other: PeerId,
): { near: PeerStream; far: PeerStream; break: () => void } {
  const wire: Wire = { pipes: [new Pipe(), new Pipe()], isBroken: false };
  const [there, back] = wire.pipes;
  const near = new End(wire, other, there, back);
  const far = new End(wire, opener, back, there);
  const breakBoth = (): void => near.destroy();
  return { near, far, break: breakBoth };
}

class End implements PeerStream {
  readonly peer: PeerId;
  readonly incoming: AsyncIterable<Uint8Array>;
  readonly closed: Promise<void>;
  readonly #wire: Wire;
  readonly #out: Pipe;

  constructor(wire: Wire, peer: PeerId, out: Pipe, inward: Pipe) {
    this.peer = peer;
    this.#wire = wire;
    this.#out = out;
    this.incoming = this.#pull(inward);
    this.closed = over(wire);
  }

  async write(bytes: Uint8Array): Promise<void> {
    const pipe = this.#out;
    if (pipe.isEnded) throw lost(this.peer, "this side has ended the stream");
    this.#refuseBroken();
    pipe.pieces.push(bytes.slice());
    pipe.bytes += bytes.length;
    pipe.changed();
    while (pipe.bytes > BUFFER_BYTES) {
      await pipe.change();
      this.#refuseBroken();
    }
  }

  end(): void {
    this.#out.isEnded = true;
    this.#out.changed();
  }

  destroy(): void {
    this.#wire.isBroken = true;
    for (const pipe of this.#wire.pipes) pipe.changed();
  }

  /** Hands pieces out, and spoils each after the next is pulled, so that whoever keeps one
   * notices. */
  async *#pull(pipe: Pipe): AsyncGenerator<Uint8Array, undefined> {
    let last: Uint8Array | undefined;
    for (;;) {
      last?.fill(0xdd);
      this.#refuseBroken();
      last = pipe.pieces.shift();
      if (last !== undefined) {
        pipe.bytes -= last.length;
        pipe.changed();
        yield last;
      } else if (pipe.isEnded) return;
      else await pipe.change();
    }
  }

  #refuseBroken(): void {
    if (this.#wire.isBroken) throw lost(this.peer, "the stream broke");
  }
}

/** Resolves when a wire is broken, or both ends have ended and been read to their ends. */
async function over(wire: Wire): Promise<void> {
  const isOpen = ({ isEnded, pieces }: Pipe): boolean => !isEnded || pieces.length > 0;
  for (let open = wire.pipes.find(isOpen); open !== undefined; open = wire.pipes.find(isOpen)) {
    if (wire.isBroken) return;
    await open.change();
  }
}

function lost(peer: PeerId, why: string): NetError {
  return new NetError("PEER_UNREACHABLE", `peer ${peer}: ${why}`);
}
