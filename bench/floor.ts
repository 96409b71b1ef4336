/** The floor: the same number of bytes through bare TLS sockets between this process and others,
 * which write them to disk. No names, no hashes, no protocol: what the machine needs for it at
 * least. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import type { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { certificatePem } from "../src/adapters/tls/certificate.ts";
import { signingKeyOf } from "../src/crypto/sign.node.ts";

const PIECE_BYTES = 256 * 1024;

function tlsOptions() {
  const key = signingKeyOf(new Uint8Array(32).fill(1));
  return {
    key: key.secret.export({ format: "pem", type: "pkcs8" }),
    cert: certificatePem(key),
    minVersion: "TLSv1.3" as const,
    ciphers: "TLS_AES_128_GCM_SHA256",
    rejectUnauthorized: false,
  };
}

/** Seconds to move `bytesPerSink` to each of `sinks` processes that write and fsync it below
 * `dir`. */
export async function putFloor(dir: string, sinks: number, bytesPerSink: number): Promise<number> {
  const children = await startChildren(dir, sinks);
  try {
    const started = performance.now();
    await Promise.all(children.map(({ port }) => send(port, bytesPerSink)));
    return (performance.now() - started) / 1000;
  } finally {
    for (const { child } of children) child.kill();
  }
}

/** Seconds to get `bytesPerSource` from each of `sources` processes and write it below `dir`. */
export async function getFloor(
  dir: string,
  sources: number,
  bytesPerSource: number,
): Promise<number> {
  const children = await startChildren(dir, sources);
  try {
    const started = performance.now();
    await Promise.all(
      children.map(({ port }, index) => receive(port, bytesPerSource, join(dir, `got-${index}`))),
    );
    return (performance.now() - started) / 1000;
  } finally {
    for (const { child } of children) child.kill();
  }
}

async function startChildren(
  dir: string,
  count: number,
): Promise<{ child: ChildProcess; port: number }[]> {
  const started = Array.from({ length: count }, async (_, index) => {
    const child = fork(fileURLToPath(import.meta.url), [join(dir, `sink-${index}`)]);
    const [port] = (await once(child, "message")) as [number];
    return { child, port };
  });
  return Promise.all(started);
}

/** Says how many bytes follow (u64; the top bit asks for as many instead), then sends them. */
async function send(port: number, lengthBytes: number): Promise<void> {
  const socket = await dial(port, BigInt(lengthBytes));
  const piece = Buffer.alloc(PIECE_BYTES, 7);
  for (let sent = 0; sent < lengthBytes; sent += PIECE_BYTES) {
    const part = piece.subarray(0, Math.min(PIECE_BYTES, lengthBytes - sent));
    if (!socket.write(part)) await once(socket, "drain");
  }
  await once(socket, "data");
  socket.destroy();
}

async function receive(port: number, lengthBytes: number, path: string): Promise<void> {
  const socket = await dial(port, BigInt(lengthBytes) | ASKING);
  await writeAll(socket, path, lengthBytes);
  socket.destroy();
}

const ASKING = 1n << 63n;

async function dial(port: number, order: bigint): Promise<TLSSocket> {
  const socket = connect({ ...tlsOptions(), port, host: "127.0.0.1" });
  await once(socket, "secureConnect");
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(order);
  socket.write(head);
  return socket;
}

/** Writes what comes in whole pages past the page cache, as the daemons do. */
function writeAll(socket: TLSSocket, path: string, lengthBytes: number): Promise<void> {
  const page = new WebAssembly.Memory({ initial: 16 });
  const block = new Uint8Array(page.buffer);
  const descriptor = openSync(path, constants.O_CREAT | constants.O_WRONLY | constants.O_DIRECT);
  let filled = 0;
  let left = lengthBytes;
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("data", (bytes: Buffer) => {
      for (let at = 0; at < bytes.length;) {
        const part = bytes.subarray(at, at + block.length - filled);
        block.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < block.length) continue;
        writeSync(descriptor, block);
        filled = 0;
      }
      left -= bytes.length;
      if (left > 0) return;
      // The last page is written whole: the floor counts time, not bytes of its tail.
      if (filled > 0) writeSync(descriptor, block, 0, Math.ceil(filled / 4096) * 4096);
      fsyncSync(descriptor);
      closeSync(descriptor);
      resolve();
    });
  });
}

async function serve(path: string): Promise<void> {
  const server = createServer({ ...tlsOptions(), requestCert: true }, (socket) => {
    void answer(socket, path);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : 0);
}

async function answer(socket: TLSSocket, path: string): Promise<void> {
  const [first] = (await once(socket, "data")) as [Buffer];
  const order = first.readBigUInt64LE();
  if (first.length > 8) socket.unshift(first.subarray(8));
  if ((order & ASKING) === 0n) {
    await writeAll(socket, path, Number(order));
    socket.write("done");
    return;
  }
  const piece = Buffer.alloc(PIECE_BYTES, 7);
  let left = Number(order & ~ASKING);
  while (left > 0) {
    const part = piece.subarray(0, Math.min(PIECE_BYTES, left));
    left -= part.length;
    if (!socket.write(part)) await once(socket, "drain");
  }
}

const [, script, sink] = process.argv;
if (script === fileURLToPath(import.meta.url) && sink !== undefined) await serve(sink);
