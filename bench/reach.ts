/** Every way of reaching a peer, measured against the direct one in the same run: 4 MiB bodies
 * posted and got over 4 sessions and over 1, and how long the first byte takes from the dial.
 * `npm run bench -- reach [--mib 256] [--runs 3] [--json]` */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as timer } from "node:timers/promises";
import type { CarrierNet } from "../src/adapters/net/net.ts";
import { MIB } from "../src/base/limits.ts";
import type { Net } from "../src/ports/net.ts";
import {
  addTo,
  BODY_BYTES,
  CARRIERS,
  netOver,
  openReachPeer,
  peerOf,
  SMALL_PATH,
  type CarrierName,
  type ReachPeer,
  type RelayPlace,
} from "./reach-peers.ts";
import { rounded } from "./report.ts";

const SESSION_COUNTS = [4, 1];
const DIALS = 5;
/** Carriers over UDP are so much slower that a part of the bytes tells as much. */
const UDP_PART = 4;
const READY_MS = 10_000;
const HOLDER = peerOf("holder");
const never = new AbortController().signal;
const PEERS_FILE = new URL("reach-peers.ts", import.meta.url);

/** What one way of reaching a peer gave, the best of all rounds. */
export interface ReachLine {
  bench: string;
  carrier: CarrierName;
  sessions: number;
  mbps: number;
  /** Of the direct carrier's speed. */
  ratio: number;
  /** CPU seconds for 1 GB of payload. */
  ownerCpuPerGb: number;
  holderCpuPerGb: number;
  relayCpuPerGb: number;
}

/** How long the first byte of an answer took, from the dial, in the middle of a few dials. */
export interface FirstByteLine {
  bench: "reach first byte";
  carrier: CarrierName;
  milliseconds: number;
}

interface Bench {
  owner: ReachPeer;
  relay: ChildProcess;
  holder: ChildProcess;
}

async function started(role: "relay" | "holder", relay?: RelayPlace) {
  const args = ["--serve", role, ...(relay === undefined ? [] : [JSON.stringify(relay)])];
  const child = fork(PEERS_FILE, args);
  const [place] = (await once(child, "message")) as [RelayPlace];
  return { child, place };
}

async function cpuOf(child: ChildProcess): Promise<number> {
  child.send("cpu");
  const [usage] = (await once(child, "message")) as [NodeJS.CpuUsage];
  return secondsOf(usage);
}

function secondsOf({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}

/** A net that reaches the holder by one carrier only. */
function netBy(carrier: CarrierName, { owner }: Bench, sessions: number): CarrierNet {
  return netOver("owner", owner, [owner.carriers[carrier]], sessions);
}

/** Dials until the holder has come to its relay, and is known in the DHT. */
async function ready(carrier: CarrierName, bench: Bench): Promise<void> {
  const endMs = performance.now() + READY_MS;
  for (;;) {
    const net = netBy(carrier, bench, 1);
    try {
      await net.request(HOLDER, { method: "GET", path: SMALL_PATH }, never);
      return net.retire();
    } catch (error) {
      net.retire();
      if (performance.now() > endMs) throw error;
      await timer(50);
    }
  }
}

async function firstByte(carrier: CarrierName, bench: Bench): Promise<FirstByteLine> {
  const tookMs: number[] = [];
  for (let dial = 0; dial < DIALS; dial++) {
    const net = netBy(carrier, bench, 1);
    const startMs = performance.now();
    await net.request(HOLDER, { method: "GET", path: SMALL_PATH }, never);
    tookMs.push(performance.now() - startMs);
    net.retire();
  }
  const middleMs = tookMs.toSorted((a, b) => a - b)[DIALS >>> 1] ?? Number.NaN;
  return { bench: "reach first byte", carrier, milliseconds: rounded(middleMs) };
}

type Measured = Omit<ReachLine, "ratio">;

const body = new Uint8Array(new SharedArrayBuffer(BODY_BYTES));
const buffers = Array.from(
  { length: Math.max(...SESSION_COUNTS) },
  () => new Uint8Array(new SharedArrayBuffer(BODY_BYTES)),
);

async function measure(
  method: "POST" | "GET",
  carrier: CarrierName,
  net: Net,
  sessions: number,
  bodies: number,
  { relay, holder }: Bench,
): Promise<Measured> {
  const each = Math.ceil(bodies / sessions);
  const gigabytes = (each * sessions * BODY_BYTES) / 1e9;
  const before = [await cpuOf(holder), await cpuOf(relay)] as const;
  const ownBefore = process.cpuUsage();
  const startMs = performance.now();
  const session = async (at: number): Promise<void> => {
    const into = buffers[at] ?? body;
    const request = method === "POST" ? { method, path: "/x", body } : { method, path: "/x", into };
    for (let count = 0; count < each; count++) await net.request(HOLDER, request, never);
  };
  await Promise.all(Array.from({ length: sessions }, (_, at) => session(at)));
  const seconds = (performance.now() - startMs) / 1_000;
  const own = secondsOf(process.cpuUsage(ownBefore));
  const [holderCpu, relayCpu] = [
    (await cpuOf(holder)) - before[0],
    (await cpuOf(relay)) - before[1],
  ];
  return {
    bench: `reach ${method.toLowerCase()}`,
    carrier,
    sessions,
    mbps: Math.round((gigabytes * 1e3) / seconds),
    ownerCpuPerGb: rounded(own / gigabytes),
    holderCpuPerGb: rounded(holderCpu / gigabytes),
    relayCpuPerGb: rounded(relayCpu / gigabytes),
  };
}

/** Carriers take turns, so that a moment in which the machine is busy meets all of them. */
async function measureAll(bench: Bench, mib: number, runs: number): Promise<ReachLine[]> {
  const best = new Map<string, Measured>();
  const bodies = Math.ceil((mib * MIB) / BODY_BYTES);
  for (const sessions of SESSION_COUNTS) {
    const nets = CARRIERS.map((carrier) => ({ carrier, net: netBy(carrier, bench, sessions) }));
    for (let round = 0; round < runs; round++) {
      for (const method of ["POST", "GET"] as const) {
        for (const { carrier, net } of nets) {
          const isUdp = carrier === "punched" || carrier === "relayed-udp";
          const count = isUdp ? bodies / UDP_PART : bodies;
          const line = await measure(method, carrier, net, sessions, count, bench);
          const key = `${sessions} ${method} ${carrier}`;
          if (line.mbps > (best.get(key)?.mbps ?? 0)) best.set(key, line);
        }
      }
    }
  }
  const lines = [...best.values()];
  return lines.map((line) => {
    const reference = lines.find(
      (other) =>
        other.carrier === "direct" &&
        other.bench === line.bench &&
        other.sessions === line.sessions,
    );
    return { ...line, ratio: rounded(line.mbps / (reference?.mbps ?? Number.NaN)) };
  });
}

/** Measures every carrier.
 * @param mib MiB of one measurement, over UDP a part of it */
export async function benchReach(
  mib: number,
  runs: number,
): Promise<(ReachLine | FirstByteLine)[]> {
  const relay = await started("relay");
  const holder = await started("holder", relay.place);
  const owner = await openReachPeer("owner", relay.place);
  addTo(owner.directory, "holder", holder.place.port);
  const bench = { owner, relay: relay.child, holder: holder.child };
  try {
    for (const carrier of CARRIERS) await ready(carrier, bench);
    const first: FirstByteLine[] = [];
    for (const carrier of CARRIERS) first.push(await firstByte(carrier, bench));
    return [...first, ...(await measureAll(bench, mib, runs))];
  } finally {
    relay.child.disconnect();
    holder.child.disconnect();
    await owner.close();
  }
}

/** Prints a line for programs, or a sentence for people. */
export function printReach(line: ReachLine | FirstByteLine, asJson: boolean): void {
  if (asJson) return console.log(JSON.stringify(line));
  const { bench, carrier } = line;
  if ("milliseconds" in line) return console.log(`${bench}, ${carrier}: ${line.milliseconds} ms`);
  const { sessions, mbps, ratio, ownerCpuPerGb, holderCpuPerGb, relayCpuPerGb } = line;
  const cpu = `owner ${ownerCpuPerGb}, holder ${holderCpuPerGb}, relay ${relayCpuPerGb}`;
  console.log(`${bench}, ${carrier}, sessions ${sessions}: ${mbps} MB/s, ratio ${ratio}`);
  console.log(`  CPU s for 1 GB: ${cpu}`);
}
