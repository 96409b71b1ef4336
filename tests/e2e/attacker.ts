// What an attacker sends: connections in masses, half handshakes, requests without end.
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { TLSSocket } from "node:tls";
import { systemClock } from "../../src/adapters/clock.node.ts";
import { peerContext } from "../../src/adapters/tls/context.ts";
import { createKnocker } from "../../src/adapters/tls/knock.ts";
import { idBytes } from "../../src/base/id.ts";
import { proofOf } from "../../src/adapters/tls/proof.ts";
import type { SigningKey } from "../../src/crypto/sign.node.ts";
import { fixedSwarmKeys } from "../../src/ports/swarm-keys.ts";
import type { TestPeer } from "./harness.ts";
import { newKey, random } from "./watched-peer.ts";

/** Connections that an attacker opens before it waits for the daemon to have seen them. */
const AT_ONCE = 500;

/** One of many machines: every address of 127.0.0.0/8 is this one, and they count apart. Never
 * 127.0.0.1, which is the honest peer's. */
function machine(index: number): string {
  return `127.0.${1 + (index >> 8)}.${index & 255}`;
}

/** Opens a bare connection from one of the attacker's machines; it is there, or was refused. */
export async function openBare(
  peer: TestPeer,
  machineIndex: number,
  allowHalfOpen = false,
): Promise<Socket> {
  const to = { port: peer.port, host: "127.0.0.1", localAddress: machine(machineIndex) };
  const socket = connect({ ...to, noDelay: true, allowHalfOpen });
  socket.on("error", () => socket.destroy());
  await Promise.race([once(socket, "connect"), once(socket, "close")]);
  return socket;
}

/** Does something `count` times, a few hundred at a time. */
export async function inMasses(
  count: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - from);
    await Promise.all(Array.from({ length }, (_, at) => work(from + at)));
  }
}

/** A right knock, by whoever has the key. */
export function knockAt(peer: TestPeer, knockKey: Uint8Array): Uint8Array {
  return createKnocker(fixedSwarmKeys(knockKey), systemClock, random)(idBytes(peer.id));
}

/** The first bytes of a handshake, whole: whoever gets them agrees on keys, answers with its
 * certificate, and waits. */
export async function clientHello(): Promise<Uint8Array> {
  const said = Promise.withResolvers<Uint8Array>();
  const socket = new Duplex({
    read: () => undefined,
    write: (bytes: Uint8Array) => said.resolve(bytes),
  });
  const client = connectTls({ socket, secureContext: peerContext(newKey()) });
  client.on("error", () => undefined);
  try {
    return await said.promise;
  } finally {
    client.destroy();
  }
}

/** A session of a member that then does as it likes; destroyed where it was not let in.
 * @param allowHalfOpen it does not hang up when the daemon does: the daemon has to end it */
export async function openSession(
  peer: TestPeer,
  knockKey: Uint8Array,
  key: SigningKey = newKey(),
  machineIndex = 0,
  allowHalfOpen = false,
): Promise<TLSSocket> {
  const raw = await openBare(peer, machineIndex, allowHalfOpen);
  raw.write(knockAt(peer, knockKey));
  const secureContext = peerContext(key);
  const socket = connectTls({ socket: raw, secureContext, rejectUnauthorized: false });
  socket.on("error", () => socket.destroy());
  raw.once("close", () => socket.destroy());
  await Promise.race([once(socket, "secureConnect"), once(socket, "close")]).catch(() => undefined);
  if (!socket.destroyed) socket.write(proofOf(fixedSwarmKeys(knockKey), socket));
  return socket;
}

/** Ends connections from this side, as a machine that is switched off. */
export function dropAll(sockets: Iterable<Socket>): void {
  for (const socket of sockets) socket.destroy();
}
