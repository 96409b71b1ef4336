import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import { systemClock } from "../../src/adapters/clock.node.ts";
import { certificatePem } from "../../src/adapters/tls/certificate.ts";
import { createKnocker, KNOCK_BYTES } from "../../src/adapters/tls/knock.ts";
import { PROOF_BYTES, proofOf } from "../../src/adapters/tls/proof.ts";
import { openTlsNet } from "../../src/adapters/tls/net.ts";
import type { TlsNetOptions } from "../../src/adapters/tls/options.ts";
import { idOf, type PeerId } from "../../src/base/id.ts";
import { signingKeyOf, type SigningKey } from "../../src/crypto/sign.node.ts";
import { fixedSwarmKeys } from "../../src/ports/swarm-keys.ts";
import type { Net, PeerHandler, StreamHandler } from "../../src/ports/net.ts";
import { createMemoryDirectory, type MemoryDirectory } from "../../src/swarm/peer-list.ts";

export const SWARM_KEY = new Uint8Array(32).fill(5);
export const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };
export const silent = { write: () => undefined };

/** The signing key of a small number. */
export function keyOf(number: number): SigningKey {
  return signingKeyOf(new Uint8Array(32).fill(number));
}

export const OWNER = keyOf(1);
export const HOLDER = keyOf(2);
export const OWNER_ID = idOf(OWNER.publicKey);
export const HOLDER_ID = idOf(HOLDER.publicKey);

/** Opens a Net of a peer on the loopback. */
export function netOf(
  key: SigningKey,
  directory: MemoryDirectory,
  options: Partial<TlsNetOptions> = {},
): Net {
  return openTlsNet({
    key,
    swarmKeys: fixedSwarmKeys(SWARM_KEY),
    directory,
    clock: systemClock,
    random,
    log: silent,
    host: "127.0.0.1",
    ...options,
  });
}

/** A directory that knows a peer on a port of the loopback. */
export function directoryOf(peer: PeerId, port: number): MemoryDirectory {
  return createMemoryDirectory([
    { id: peer, addresses: [`127.0.0.1:${port}`], offeredBytes: 1_000_000 },
  ]);
}

export interface TlsPair {
  owner: { id: PeerId; net: Net };
  holder: { id: PeerId; net: Net };
  port: number;
  close(): Promise<void>;
}

/** A holder that listens with `handler`, and an owner that knows it. */
export async function createPair(
  handler: PeerHandler,
  options: { owner?: Partial<TlsNetOptions>; holder?: Partial<TlsNetOptions> } = {},
  streams?: StreamHandler,
): Promise<TlsPair> {
  const holder = netOf(HOLDER, createMemoryDirectory(), options.holder);
  const { port } = await holder.listen(handler, streams);
  const owner = netOf(OWNER, directoryOf(HOLDER_ID, port), options.owner);
  return {
    owner: { id: OWNER_ID, net: owner },
    holder: { id: HOLDER_ID, net: holder },
    port,
    async close() {
      await owner.close();
      await holder.close();
    },
  };
}

/** A right knock at the holder. */
export function knock(swarmKey: Uint8Array = SWARM_KEY, nowMs: number = Date.now()): Uint8Array {
  return createKnocker(
    fixedSwarmKeys(swarmKey),
    { ...systemClock, nowMs: () => nowMs },
    random,
  )(HOLDER.publicKey);
}

/** Sends bytes over bare TCP and collects what comes back until the other side closes. */
export async function pokeTcp(port: number, ...pieces: readonly Uint8Array[]): Promise<Buffer> {
  const socket = connectTcp({ port, host: "127.0.0.1" });
  for (const piece of pieces) socket.write(piece);
  return answersOf(socket);
}

/** Waits until a socket is closed, well or badly. */
export function closedOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

/** All that a socket receives until it is closed, however that comes about. */
export async function answersOf(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on("data", (bytes: Buffer) => parts.push(bytes));
  socket.on("error", () => socket.destroy());
  await closedOf(socket);
  return Buffer.concat(parts);
}

const tlsKeys = (key: SigningKey): { key: string; cert: string } => ({
  key: key.secret.export({ format: "pem", type: "pkcs8" }),
  cert: certificatePem(key),
});

/** A member that knocks rightly, finishes the handshake, and then does as the test likes. */
export async function dialRaw(
  port: number,
  options: {
    key?: SigningKey | undefined;
    session?: Buffer;
    knockPieceBytes?: number;
    /** It has the knock and not the key. */
    isThief?: true;
  } = { key: OWNER },
): Promise<TLSSocket> {
  const raw = connectTcp({ port, host: "127.0.0.1", noDelay: true });
  await once(raw, "connect");
  const bytes = knock();
  const pieceBytes = options.knockPieceBytes ?? bytes.length;
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    if (at > 0) await new Promise((resolve) => void setImmediate(resolve));
    raw.write(bytes.subarray(at, at + pieceBytes));
  }
  const socket = connectTls({
    socket: raw,
    ...(options.key === undefined ? {} : tlsKeys(options.key)),
    ...(options.session === undefined ? {} : { session: options.session }),
    rejectUnauthorized: false,
  });
  socket.on("error", () => socket.destroy());
  await once(socket, "secureConnect");
  if (options.isThief !== true) socket.write(proofOf(fixedSwarmKeys(SWARM_KEY), socket));
  return socket;
}

/** A peer that takes any knock, shows `key`'s certificate, and leaves the rest to `serve`. */
export async function listenRaw(
  key: SigningKey,
  serve: (socket: TLSSocket) => void,
): Promise<{ port: number; close(): Promise<void> }> {
  const open = new Set<Socket>();
  const server: Server = createServer((raw) => {
    open.add(raw);
    raw.on("error", () => raw.destroy());
    raw.on("readable", function onReadable() {
      if (raw.read(KNOCK_BYTES) === null) return;
      raw.off("readable", onReadable);
      const options = { ...tlsKeys(key), isServer: true, requestCert: true };
      const socket = new TLSSocket(raw, { ...options, rejectUnauthorized: false });
      socket.on("error", () => socket.destroy());
      socket.on("readable", function onProof() {
        if (socket.read(PROOF_BYTES) === null) return;
        socket.off("readable", onProof);
        serve(socket);
      });
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
