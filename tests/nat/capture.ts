// Every packet of a lab, and a search for what must not be in any of them.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { setTimeout as timer } from "node:timers/promises";
import type { NatLab } from "./lab.ts";

/** Kernel memory for packets that were not written yet, in KiB: none may be lost. */
const BUFFER_KIB = 131_072;
const QUIET_MS = 200;
const FILE_HEAD_BYTES = 24;
const RECORD_HEAD_BYTES = 16;
const ETHERNET_BYTES = 14;
const TYPE_IPV4 = 0x0800;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;

/** A frame of a capture. */
export interface Frame {
  bytes: Buffer;
  /** Of IPv4: `address:port` of both ends, with TCP's sequence number. */
  protocol: "tcp" | "udp" | "other";
  from: string;
  to: string;
  sequence: number;
  payload: Buffer;
}

/** Starts to capture all of the public network's packets, or those of one line of a namespace.
 * @returns ends it, and gives the captured frames
 * @throws Error from there, where a packet was lost */
export async function startCapture(
  lab: NatLab,
  where = "inet",
  line = "br0",
): Promise<() => Promise<Frame[]>> {
  const file = lab.path(`${where}-${line}.pcap`);
  const size = ["--snapshot-length=0", `--buffer-size=${BUFFER_KIB}`];
  const now = ["--immediate-mode", "--packet-buffered"];
  const command = ["tcpdump", "-i", line, "-n", "-Z", "root", ...now, ...size, "-w", file];
  const { child, ended } = lab.start(where, command);
  // It says that it listens.
  if (child.stderr !== null) await Promise.race([once(child.stderr, "data"), ended]);
  return async () => {
    // What was captured just now is on its way into the file.
    for (let sizeBytes = -1; sizeBytes < statSync(file).size; await timer(QUIET_MS)) {
      sizeBytes = statSync(file).size;
    }
    child.kill("SIGINT");
    const { stderr } = await ended;
    if (!/^0 packets dropped by kernel$/m.test(stderr)) throw new Error(`capture: ${stderr}`);
    return framesOf(readFileSync(file));
  };
}

/** The frames of a file as tcpdump writes it, of an Ethernet line. */
export function framesOf(file: Buffer): Frame[] {
  const frames: Frame[] = [];
  let at = FILE_HEAD_BYTES;
  while (at + RECORD_HEAD_BYTES <= file.length) {
    const length = file.readUInt32LE(at + 8);
    const start = at + RECORD_HEAD_BYTES;
    frames.push(parseFrame(file.subarray(start, start + length)));
    at = start + length;
  }
  return frames;
}

function parseFrame(bytes: Buffer): Frame {
  const other: Frame = {
    bytes,
    protocol: "other",
    from: "",
    to: "",
    sequence: 0,
    payload: bytes.subarray(ETHERNET_BYTES),
  };
  if (bytes.length < ETHERNET_BYTES + 20 || bytes.readUInt16BE(12) !== TYPE_IPV4) return other;
  const packet = bytes.subarray(ETHERNET_BYTES, ETHERNET_BYTES + bytes.readUInt16BE(16));
  const protocol = packet[9];
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return other;
  const inner = packet.subarray(((packet[0] ?? 0) & 15) * 4);
  const address = (from: number): string => packet.subarray(from, from + 4).join(".");
  const ends = {
    bytes,
    from: `${address(12)}:${inner.readUInt16BE(0)}`,
    to: `${address(16)}:${inner.readUInt16BE(2)}`,
  };
  if (protocol === PROTOCOL_UDP) {
    return { ...ends, protocol: "udp", sequence: 0, payload: inner.subarray(8) };
  }
  const payload = inner.subarray(((inner[12] ?? 0) >>> 4) * 4);
  return { ...ends, protocol: "tcp", sequence: inner.readUInt32BE(4), payload };
}

/** Bytes to search: every frame as it is, and what each direction of each TCP connection carried,
 * in its order, so that nothing hides behind a cut between two segments. */
export function searchable(frames: readonly Frame[]): Buffer[] {
  const flows = new Map<string, Map<number, Buffer>>();
  for (const { protocol, from, to, sequence, payload } of frames) {
    if (protocol !== "tcp" || payload.length === 0) continue;
    const flow = flows.get(`${from} ${to}`) ?? new Map<number, Buffer>();
    flows.set(`${from} ${to}`, flow);
    // One that is sent again may be longer.
    if ((flow.get(sequence)?.length ?? 0) < payload.length) flow.set(sequence, payload);
  }
  return [Buffer.concat(frames.map(({ bytes }) => bytes)), ...[...flows.values()].map(joinFlow)];
}

/** Segments in the order of their sequence numbers, which wrap around. */
function joinFlow(flow: Map<number, Buffer>): Buffer {
  const [first = 0] = flow.keys();
  const offset = (sequence: number): number => (sequence - first + 2 ** 31) >>> 0;
  const parts = [...flow].toSorted(([one], [other]) => offset(one) - offset(other));
  const joined: Buffer[] = [];
  let end = 0;
  for (const [sequence, bytes] of parts) {
    const skipped = Math.max(0, end - offset(sequence));
    if (skipped < bytes.length) joined.push(bytes.subarray(skipped));
    end = Math.max(end, offset(sequence) + bytes.length);
  }
  return Buffer.concat(joined);
}

/** A secret under all the forms in which a program might write it.
 * @param encode more forms, as base32 */
export function formsOf(secret: Uint8Array, ...more: string[]): Buffer[] {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString("hex");
  const forms = [bytes, Buffer.from(hex), Buffer.from(hex.toUpperCase())];
  // In base64 a value looks different after 0, 1 or 2 other bytes; its edges depend on neighbours.
  for (const before of [0, 1, 2]) {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    for (const encoding of ["base64", "base64url"] as const) {
      const text = whole.toString(encoding).replaceAll("=", "");
      const inner = text.slice(before === 0 ? 0 : before + 1, Math.floor((whole.length * 4) / 3));
      forms.push(Buffer.from(inner));
    }
  }
  return [...forms, ...more.map((text) => Buffer.from(text))];
}

/** The names of those secrets that occur in the bytes, which are read once for all of them.
 * @param secrets all forms of each, of at least 4 bytes */
export function findSecrets(
  haystacks: readonly Buffer[],
  secrets: ReadonlyMap<string, readonly Buffer[]>,
): string[] {
  const forms = [...secrets].flatMap(([name, each]) => each.map((form) => ({ name, form })));
  // By the first three bytes, which hardly any place of what is searched shares with a form.
  const starts = new Uint8Array(2 ** 24);
  for (const { form } of forms) {
    assert.ok(form.length >= 4, "a form of a secret is too short to be told from chance");
    starts[form.readUIntBE(0, 3)] = 1;
  }
  const found = new Set<string>();
  for (const bytes of haystacks) {
    let last = 0;
    for (const [index, byte] of bytes.entries()) {
      last = ((last << 8) | byte) & 0xffffff;
      if (starts[last] !== 1 || index < 2) continue;
      for (const { name, form } of forms) {
        const end = index - 2 + form.length;
        if (end > bytes.length) continue;
        if (form.compare(bytes, index - 2, end) === 0) found.add(name);
      }
    }
  }
  return [...found];
}
