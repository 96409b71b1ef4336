// Somebody without the swarm's key, who tries every port of every peer with all that he can think
// of. What comes back is seen in the capture, not here.
//   node outsider.ts HOST/tcp/PORT HOST/udp/PORT …
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as timer } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { systemClock } from "../../src/adapters/clock.node.ts";
import { openDhtNode } from "../../src/adapters/dht/node.ts";
import { systemRandom } from "../../src/adapters/random.node.ts";
import { signingKeyOf } from "../../src/crypto/sign.node.ts";
import { fixedSwarmKeys } from "../../src/ports/swarm-keys.ts";

/** A peer that would answer does so at once; it may take its time to close. */
const WAIT_MS = 1_500;
const KNOCK_BYTES = 40;

/** First bytes of dht-rpc's requests, as in its lib/io.js: type and version, flags, number, whom
 * they are for; then the command, with a target where it has one. */
function dhtRequest(host: string, port: number, command: number, target?: Buffer): Buffer {
  const head = Buffer.from([0x03, target === undefined ? 0x04 : 0x0c, 1, 0]);
  const to = Buffer.from([...host.split(".").map(Number), port & 0xff, port >> 8]);
  return Buffer.concat([head, to, Buffer.from([command]), target ?? Buffer.alloc(0)]);
}

/** A UDX packet for a stream that nobody has opened: magic, version, flags, stream id and more. */
function udxPacket(flags: number): Buffer {
  const packet = Buffer.concat([Buffer.from([0xff, 1, flags, 0]), Buffer.alloc(16)]);
  packet.writeUInt32LE(1, 4);
  return Buffer.concat([packet, randomBytes(100)]);
}

/** Asks by multicast DNS, of everybody and with the answer to us alone, for Holdfasts. */
function lanQuestion(): Buffer {
  const head = Buffer.from([0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const labels = ["_holdfast", "_tcp", "local", ""].map((label) =>
    Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]),
  );
  // PTR, with the bit that asks for a direct answer.
  return Buffer.concat([head, ...labels, Buffer.from([0, 12, 0x80, 1])]);
}

function datagramsFor(host: string, port: number): Buffer[] {
  const garbage = [1, 2, 20, 41, 42, 80, 500, 1_200].map((size) => randomBytes(size));
  // Any first byte, as a sealed datagram of another swarm could have.
  const marked = Array.from({ length: 256 }, (_, first) =>
    Buffer.concat([Buffer.from([first]), randomBytes(90)]),
  );
  const requests = [0, 1].map((command) => dhtRequest(host, port, command));
  const finding = dhtRequest(host, port, 2, randomBytes(32));
  const udx = [0, 1, 2, 4, 8, 16, 32].map(udxPacket);
  const lan = lanQuestion();
  return [Buffer.alloc(0), lan, ...garbage, ...marked, ...requests, finding, ...udx];
}

async function pokeUdp(host: string, port: number): Promise<void> {
  const socket = createSocket("udp4");
  socket.on("error", () => undefined);
  for (const bytes of datagramsFor(host, port)) socket.send(bytes, port, host);
  await timer(WAIT_MS);
  socket.close();
}

async function untilClosed(socket: Socket): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await Promise.race([closed, timer(WAIT_MS)]);
  socket.destroy();
}

async function pokeTcp(host: string, port: number): Promise<void> {
  const open = (): Socket => connect(port, host).on("error", () => undefined);
  const texts = ["GET /v1/hello HTTP/1.1\r\nhost: a.example\r\n\r\n", "HELLO\r\n"];
  const garbage = [1, KNOCK_BYTES - 1, KNOCK_BYTES, 200, 4_000].map((size) => randomBytes(size));
  // Salt ‖ time ‖ MAC: all but the last is right.
  const knock = randomBytes(KNOCK_BYTES);
  knock.writeBigUInt64BE(BigInt(Date.now()), 16);
  const first = [...texts, ...garbage, knock].map((bytes) => {
    const socket = open();
    socket.write(bytes);
    return untilClosed(socket);
  });
  const plain = open();
  const knocked = open();
  knocked.write(knock);
  const hellos = [plain, knocked].map((socket) => {
    const options = { socket, rejectUnauthorized: false, minVersion: "TLSv1.3" as const };
    return untilClosed(connectTls(options).on("error", () => undefined));
  });
  await Promise.all([...first, ...hellos, untilClosed(open())]);
}

/** A member of another swarm's DHT takes these for nodes of its own, and asks them. */
async function joinDht(bootstrap: readonly string[]): Promise<void> {
  const node = await openDhtNode({
    key: signingKeyOf(randomBytes(32)),
    swarmKeys: fixedSwarmKeys(randomBytes(32)),
    clock: systemClock,
    random: systemRandom,
    log: { write: () => undefined },
    bootstrap,
    isPublic: false,
  });
  await timer(WAIT_MS);
  await node.close();
}

const udp = process.argv.filter((target) => target.includes("/udp/"));
await joinDht(udp.map((target) => target.replace("/udp/", ":")));
await Promise.all(
  process.argv.slice(2).map((target) => {
    const [host = "", protocol, port] = target.split("/");
    return protocol === "tcp" ? pokeTcp(host, Number(port)) : pokeUdp(host, Number(port));
  }),
);
console.log("done");
