// A real daemon under attack: what it costs it, and whether an honest peer is still served.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as timer } from "node:timers/promises";
import { decodeKeyFile } from "../../src/account/key-file.ts";
import { systemClock } from "../../src/adapters/clock.node.ts";
import { openTlsNet } from "../../src/adapters/tls/net.ts";
import { idOf } from "../../src/base/id.ts";
import { signingKeyOf } from "../../src/crypto/sign.node.ts";
import type { SigningKey } from "../../src/crypto/sign.node.ts";
import { signCertificate } from "../../src/object/certificate.ts";
import type { Net } from "../../src/ports/net.ts";
import { fixedSwarmKeys } from "../../src/ports/swarm-keys.ts";
import { createMemoryDirectory } from "../../src/swarm/peer-list.ts";
import { daemonPid, until } from "./harness.ts";
import type { TestPeer } from "./harness.ts";

export const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };
const silent = { write: () => undefined };
const PROBE_EVERY_MS = 100;
/** An honest peer tries again until it is served; it must be within so long, however many other
 * tests share the machine. */
const SERVED_WITHIN_MS = 20_000;
/** What the daemon may have open more than before, once all is over: its own timers and files. */
const DESCRIPTORS_SLACK = 16;

/** A key that nobody has yet. */
export function newKey(): SigningKey {
  return signingKeyOf(random.bytes(32));
}

/** What a device of an account of its own shows: anybody can make one. */
export function certificateOf(device: SigningKey): Uint8Array {
  const root = newKey();
  const account = idOf(root.publicKey);
  const peer = idOf(device.publicKey);
  const agreementKey = new Uint8Array(32);
  return signCertificate(root, { account, peer, agreementKey, name: "x", number: 1 });
}

/** The network key of a test's swarm. */
export function swarmKeyOf({ home }: Pick<TestPeer, "home">): Uint8Array {
  return decodeKeyFile("swarm.key", readFileSync(join(home, "keys", "swarm.key")), 32);
}

/** A net of a peer that knows `other` alone and knocks with `knockKey`. */
export function netTo(other: TestPeer, knockKey: Uint8Array, key: SigningKey = newKey()): Net {
  const card = { id: other.id, addresses: [`127.0.0.1:${other.port}`], offeredBytes: 1 };
  return openTlsNet({
    key,
    swarmKeys: fixedSwarmKeys(knockKey),
    directory: createMemoryDirectory([card]),
    clock: systemClock,
    random,
    log: silent,
    host: "127.0.0.1",
  });
}

/** What an attack cost. */
export interface Cost {
  /** The most memory that the daemon had, less what it had before the first attack. */
  grownMib: number;
  /** Hellos of an honest peer that were answered, and the longest that one waited. */
  served: number;
  slowestMs: number;
}

/** A peer whose memory, descriptors and service are watched while it is attacked. */
export class WatchedPeer {
  readonly peer: TestPeer;
  readonly #pid: number;
  readonly #swarmKey: Uint8Array;
  readonly #baseMib: number;
  readonly #baseDescriptors: number;

  constructor(peer: TestPeer) {
    const pid = daemonPid(peer.home);
    assert.ok(pid !== undefined);
    this.peer = peer;
    this.#pid = pid;
    this.#swarmKey = swarmKeyOf(peer);
    this.#baseMib = this.memoryMib;
    this.#baseDescriptors = this.#descriptors;
  }

  get memoryMib(): number {
    const status = readFileSync(`/proc/${this.#pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  }

  get #descriptors(): number {
    return readdirSync(`/proc/${this.#pid}/fd`).length;
  }

  /** Runs an attack; an honest peer asks all the while, on one session and on fresh ones in turn,
   * and once more when it is over. */
  async under(attack: () => Promise<void>): Promise<Cost> {
    const cost = { grownMib: 0, served: 0, slowestMs: 0 };
    const over = new AbortController();
    const kept = netTo(this.peer, this.#swarmKey);
    const probing = (async () => {
      for (let turn = 0; ; turn++) {
        const isLast = over.signal.aborted;
        const net = turn % 4 === 3 ? netTo(this.peer, this.#swarmKey) : kept;
        const waitedMs = await this.#hello(net);
        if (net !== kept) await net.close();
        cost.slowestMs = Math.max(cost.slowestMs, Math.round(waitedMs));
        cost.grownMib = Math.max(cost.grownMib, Math.round(this.memoryMib - this.#baseMib));
        cost.served++;
        if (isLast) return;
        await timer(PROBE_EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined);
      }
    })();
    probing.catch(() => undefined);
    try {
      await attack();
    } finally {
      over.abort();
      try {
        await probing;
      } finally {
        await kept.close();
      }
    }
    return cost;
  }

  /** Waits until the daemon has let go of all that the attack made it hold. */
  async released(limitMs = 30_000): Promise<void> {
    const most = this.#baseDescriptors + DESCRIPTORS_SLACK;
    await until(`at most ${most} descriptors are open`, () => this.#descriptors <= most, limitMs);
  }

  async #hello(net: Net): Promise<number> {
    const startedMs = performance.now();
    const limit = AbortSignal.timeout(SERVED_WITHIN_MS);
    for (;;) {
      try {
        const hello = { method: "GET", path: "/v1/hello" } as const;
        assert.equal((await net.request(this.peer.id, hello, limit)).status, 200);
        return performance.now() - startedMs;
      } catch (error) {
        if (limit.aborted) throw new Error("an honest peer was not served", { cause: error });
        await timer(PROBE_EVERY_MS);
      }
    }
  }
}
