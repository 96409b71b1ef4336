import type HyperDHT from "hyperdht";
import { codeOf, messageOf } from "../../base/error.ts";
import { idBytes, idOf, type PeerId } from "../../base/id.ts";
import { NetError } from "../net-error.ts";
import type { DhtNode } from "./node.ts";
import { boundMessages, firstBytes } from "./secret-stream.ts";

/** Opens one Noise stream and waits until bytes of the other side have come through it.
 * @throws NetError PEER_UNKNOWN | PEER_UNREACHABLE | PEER_IMPOSTOR | PEER_TIMEOUT */
export async function dialOne(
  node: DhtNode,
  peer: PeerId,
  options: HyperDHT.ConnectOptions,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<HyperDHT.SecretStream> {
  signal.throwIfAborted();
  if (node.isClosed) throw new NetError("PEER_UNREACHABLE", "this peer is stopping");
  const remote = Buffer.from(idBytes(peer));
  forgetMainRoute(node.dht, remote);
  const stream = node.dht.connect(remote, options);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stream.destroy();
  }, timeoutMs);
  const onAbort = (): void => stream.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await firstBytes(stream);
  } catch (error) {
    signal.throwIfAborted();
    throw isLate
      ? new NetError("PEER_TIMEOUT", `peer ${peer}: no session within ${timeoutMs} ms`)
      : whyNot(peer, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
  // Noise has proven it to the library; a proof is worth a second look.
  const proven = idOf(stream.remotePublicKey);
  if (proven !== peer) {
    stream.destroy();
    throw new NetError("PEER_IMPOSTOR", `peer ${peer}: peer ${proven} answered`);
  }
  boundMessages(stream);
  return stream;
}

/** The parts of the library that remember by which socket a peer was reached. */
interface SocketPool {
  lookup(socket: object): object | null;
  routes: { get(remote: Buffer): { socket: object; gc(): void } | null };
}

/** Lets the library forget that it has reached a peer by its main socket, the one that is in no
 * pool: it would ask the peer there first, and where no answer comes, as from one that has just
 * died, nobody catches its error (`retryRoute` in its lib/connect.js), which ends the process. */
function forgetMainRoute(dht: HyperDHT, remote: Buffer): void {
  const pool = Reflect.get(dht, "_socketPool") as SocketPool;
  const route = pool.routes.get(remote);
  if (route !== null && pool.lookup(route.socket) === null) route.gc();
}

function whyNot(peer: PeerId, cause: unknown): NetError {
  if (codeOf(cause) === "PEER_NOT_FOUND") {
    return new NetError("PEER_UNKNOWN", `peer ${peer}: nobody in the DHT knows it`, { cause });
  }
  return new NetError("PEER_UNREACHABLE", `peer ${peer}: ${messageOf(cause)}`, { cause });
}
