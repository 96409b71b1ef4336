import type { Duplex } from "node:stream";
import type { PeerId } from "../../base/id.ts";
import type { PeerStream } from "../../ports/net.ts";
import { breakOff } from "./break-off.ts";
import { NetError } from "../net-error.ts";

/** The streams that are open. */
export class OpenStreams {
  readonly #streams = new Set<PeerStream>();

  /** A Node stream as the port has it, counted in until it closes. */
  enter(peer: PeerId, socket: Duplex): PeerStream {
    const stream = peerStreamOf(peer, socket);
    this.#streams.add(stream);
    void stream.closed.then(() => this.#streams.delete(stream));
    return stream;
  }

  /** Breaks all of them. */
  close(): void {
    for (const stream of this.#streams) stream.destroy();
  }
}

function peerStreamOf(peer: PeerId, socket: Duplex): PeerStream {
  // Each side of a stream ends by itself.
  socket.allowHalfOpen = true;
  const closed = new Promise<void>((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
  return {
    peer,
    incoming: piecesOf(peer, socket),
    write: (bytes) =>
      new Promise((resolve, reject) => {
        const onClose = (): void =>
          reject(new NetError("PEER_UNREACHABLE", `peer ${peer}: the stream is closed`));
        if (socket.destroyed || socket.writableEnded) return onClose();
        socket.once("close", onClose);
        socket.write(bytes, (error) => {
          socket.off("close", onClose);
          if (error === null || error === undefined) resolve();
          else onClose();
        });
      }),
    end: () => void socket.end(),
    destroy: () => breakOff(socket),
    closed,
  };
}

async function* piecesOf(peer: PeerId, socket: Duplex): AsyncGenerator<Uint8Array> {
  try {
    // Their end is not ours: what we still write goes out.
    const pieces = socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    for await (const piece of pieces) yield piece;
  } catch (cause) {
    throw new NetError("PEER_UNREACHABLE", `peer ${peer}: the stream broke`, { cause });
  }
}
