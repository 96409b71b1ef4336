/** Peer sessions against bare TLS sockets, two processes on the loopback: 4 MiB bodies on 4
 * connections, posted to a handler that drains and got from one that sends. One JSON line each.
 * `node bench/net.ts [--mib 1024] [--rounds 3]` */
import { fork, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type TLSSocket } from "node:tls";
import { connect as connectTcp } from "node:net";
import { parseArgs } from "node:util";
import { certificatePem } from "../src/adapters/tls/certificate.ts";
import { openTlsNet } from "../src/adapters/tls/net.ts";
import { idOf, type PeerId } from "../src/base/id.ts";
import { BLOCK_BYTES, MIB } from "../src/base/limits.ts";
import { signingKeyOf } from "../src/crypto/sign.node.ts";
import type { Directory } from "../src/ports/directory.ts";
import type { Net } from "../src/ports/net.ts";
import { fixedSwarmKeys } from "../src/ports/swarm-keys.ts";

const CONNECTIONS = 4;
const BODY_BYTES = 4 * MIB;
const SWARM_KEY = new Uint8Array(32).fill(7);
const SEEDS = { owner: new Uint8Array(32).fill(1), holder: new Uint8Array(32).fill(2) };
const keyOf = (seed: Uint8Array) => signingKeyOf(seed);
const HOLDER = idOf(keyOf(SEEDS.holder).publicKey);

const body = new Uint8Array(new SharedArrayBuffer(BODY_BYTES));
const tlsOptions = (seed: Uint8Array) => ({
  key: keyOf(seed).secret.export({ format: "pem", type: "pkcs8" }),
  cert: certificatePem(keyOf(seed)),
  minVersion: "TLSv1.3" as const,
  ciphers: "TLS_AES_128_GCM_SHA256",
  rejectUnauthorized: false,
});

function directoryOf(peer: PeerId, port: number): Directory {
  const card = { id: peer, addresses: [`127.0.0.1:${port}`], offeredBytes: 0 };
  return {
    peers: () => [card],
    find: (wanted) => (wanted === peer ? card : undefined),
    lookup: () => Promise.resolve([]),
    announce: () => Promise.resolve(),
  };
}

function netOf(seed: Uint8Array, directory: Directory): Net {
  return openTlsNet({
    key: keyOf(seed),
    swarmKeys: fixedSwarmKeys(SWARM_KEY),
    directory,
    clock: {
      nowMs: Date.now,
      monotonicMs: () => performance.now(),
      sleep: () => Promise.resolve(),
    },
    random: { bytes: (count) => new Uint8Array(randomBytes(count)) },
    log: {
      write: (level, event, fields) =>
        void process.stderr.write(`${level} ${event} ${JSON.stringify(fields)}\n`),
    },
    host: "127.0.0.1",
  });
}

/** Writes `count` bodies to a bare socket, a block at a time. */
async function pour(socket: TLSSocket, count: number): Promise<void> {
  for (let at = 0; at < count * BODY_BYTES; at += BLOCK_BYTES) {
    const from = at % BODY_BYTES;
    if (!socket.write(body.subarray(from, from + BLOCK_BYTES))) await once(socket, "drain");
  }
  socket.end();
}

/** Copies all that comes out of a bare socket into one reused buffer. */
function drain(socket: TLSSocket, target: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    let at = 0;
    socket.on("data", (bytes: Uint8Array) => {
      if (at + bytes.length > target.length) at = 0;
      target.set(bytes, at);
      at += bytes.length;
    });
    socket.once("end", resolve);
  });
}

async function serve(): Promise<void> {
  const net = netOf(SEEDS.holder, directoryOf(HOLDER, 1));
  const { port } = await net.listen(async (request) => {
    let lengthBytes = 0;
    for await (const block of request.body) lengthBytes += block.length;
    return request.method === "GET"
      ? { status: 200, body }
      : { status: 201, body: body.subarray(0, 2) };
  });
  const bare = createServer({ ...tlsOptions(SEEDS.holder), requestCert: true }, (socket) => {
    socket.once("readable", () => {
      const order = socket.read(1) as Uint8Array | null;
      const count = Number(process.argv[3]);
      if (order?.[0] === 1) void pour(socket, count);
      else void drain(socket, new Uint8Array(BLOCK_BYTES)).then(() => socket.end());
    });
  });
  await once(bare.listen(0, "127.0.0.1"), "listening");
  const address = bare.address();
  const barePort = typeof address === "object" ? address?.port : undefined;
  process.on("message", () => process.send?.(process.cpuUsage()));
  process.once("disconnect", () => process.exit(0));
  process.send?.({ port, barePort });
}

async function cpuOf(child: ChildProcess): Promise<number> {
  child.send("cpu");
  const [usage] = (await once(child, "message")) as [NodeJS.CpuUsage];
  return (usage.user + usage.system) / 1e6;
}

type Job = (connection: number) => Promise<unknown>;

async function measure(name: string, child: ChildProcess, bytes: number, job: Job): Promise<void> {
  const [ownBefore, otherBefore] = [process.cpuUsage(), await cpuOf(child)];
  const startMs = performance.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, connection) => job(connection)));
  const seconds = (performance.now() - startMs) / 1_000;
  const own = process.cpuUsage(ownBefore);
  console.log(
    JSON.stringify({
      bench: name,
      seconds: Number(seconds.toFixed(3)),
      mbps: Math.round(bytes / 1e6 / seconds),
      ownerCpuSeconds: Number(((own.user + own.system) / 1e6).toFixed(2)),
      holderCpuSeconds: Number(((await cpuOf(child)) - otherBefore).toFixed(2)),
    }),
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { mib: { type: "string", default: "1024" }, rounds: { type: "string", default: "3" } },
  });
  const count = Math.ceil((Number(values.mib) * MIB) / BODY_BYTES / CONNECTIONS);
  const bytes = count * CONNECTIONS * BODY_BYTES;
  const child = fork(import.meta.filename, ["--serve", String(count)]);
  const [{ port, barePort }] = (await once(child, "message")) as [
    Record<"port" | "barePort", number>,
  ];
  const net = netOf(SEEDS.owner, directoryOf(HOLDER, port));
  const targets = Array.from(
    { length: CONNECTIONS },
    () => new Uint8Array(new SharedArrayBuffer(BODY_BYTES)),
  );
  for (const target of targets) target.fill(1);
  const { signal } = new AbortController();
  const bare = async (order: number, target: Uint8Array): Promise<void> => {
    const raw = connectTcp({ port: barePort, host: "127.0.0.1", noDelay: true });
    const socket = connect({ ...tlsOptions(SEEDS.owner), socket: raw });
    await once(socket, "secureConnect");
    socket.write(Uint8Array.of(order));
    await Promise.all([order === 1 ? undefined : pour(socket, count), drain(socket, target)]);
    socket.destroy();
  };
  for (let round = 0; round < Number(values.rounds); round++) {
    await measure("bare-post", child, bytes, (i) => bare(0, targets[i] ?? body));
    await measure("net-post", child, bytes, async () => {
      for (let i = 0; i < count; i++)
        await net.request(HOLDER, { method: "POST", path: "/x", body }, signal);
    });
    await measure("bare-get", child, bytes, (i) => bare(1, targets[i] ?? body));
    await measure("net-get", child, bytes, async (connection) => {
      const into = targets[connection] ?? body;
      for (let i = 0; i < count; i++)
        await net.request(HOLDER, { method: "GET", path: "/x", into }, signal);
    });
  }
  const small = 2_000;
  await measure(
    `net-small-get x${small * CONNECTIONS}`,
    child,
    small * CONNECTIONS * 2,
    async () => {
      const post = { method: "POST", path: "/x", body: body.subarray(0, 100) } as const;
      for (let i = 0; i < small; i++) await net.request(HOLDER, post, signal);
    },
  );
  await net.close();
  child.disconnect();
}

await (process.argv[2] === "--serve" ? serve() : main());
