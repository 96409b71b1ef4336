import assert from "node:assert/strict";
import { duplexPair, type Duplex } from "node:stream";
import { describe, test } from "node:test";
import type { CarrierKind } from "../../ports/net.ts";
import { NetError } from "../net-error.ts";
import type { Carrier } from "./carrier.ts";
import { SESSION_BOUNDS, SESSION_TIMES, type SessionTimes } from "./options.ts";
import { createRace, type Dialler, type Opened } from "./race.ts";

const never = new AbortController().signal;
const PEER = "p";

/** A carrier whose dials are settled by the test. */
class HandCarrier implements Carrier {
  readonly kind: CarrierKind;
  readonly dials: { opens: (socket: Duplex) => void; fails: (code: string) => void }[] = [];
  readonly stops: AbortSignal[] = [];
  reaches = true;
  readonly #began = Promise.withResolvers<void>();

  constructor(kind: CarrierKind) {
    this.kind = kind;
  }

  /** Resolves when the carrier has been dialled once. */
  get began(): Promise<void> {
    return this.#began.promise;
  }

  mayReach(): boolean {
    return this.reaches;
  }

  dial(_peer: string, signal: AbortSignal): Promise<Duplex> {
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
    this.stops.push(signal);
    const fails = (code: string): void =>
      reject(new NetError(code === "PEER_IMPOSTOR" ? code : "PEER_UNREACHABLE", code));
    signal.addEventListener("abort", () => fails("PEER_UNREACHABLE"));
    this.dials.push({ opens: resolve, fails });
    this.#began.resolve();
    return promise;
  }

  opens(): Duplex {
    const [near] = duplexPair();
    this.dials.at(-1)?.opens(near);
    return near;
  }

  fails(code = "PEER_UNREACHABLE"): void {
    this.dials.at(-1)?.fails(code);
  }

  listen(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface Scene {
  race: Dialler;
  direct: HandCarrier;
  punched: HandCarrier;
  relayed: HandCarrier;
}

function sceneOf(times: Partial<SessionTimes> = {}): Scene {
  const [direct, punched, relayed] = (["direct", "punched", "relayed"] as const).map(
    (kind) => new HandCarrier(kind),
  );
  assert.ok(direct !== undefined && punched !== undefined && relayed !== undefined);
  const all = { ...SESSION_TIMES, ...times };
  const race = createRace([direct, punched, relayed], all, SESSION_BOUNDS);
  return { race, direct, punched, relayed };
}

const ignore = (): void => undefined;

describe("dial()", () => {
  test("takes the direct session and never begins another", async () => {
    const { race, direct, punched } = sceneOf();
    const dialled = race.dial(PEER, "relayed", ignore, never);
    const socket = direct.opens();
    assert.deepEqual(await dialled, { socket, carrier: "direct" });
    assert.equal(punched.dials.length, 0);
  });

  test("goes on to the next as soon as one has failed", async () => {
    const { race, direct, punched, relayed } = sceneOf({ punchAfterMs: 60_000 });
    const dialled = race.dial(PEER, "relayed", ignore, never);
    direct.fails();
    await punched.began;
    punched.fails();
    await relayed.began;
    relayed.opens();
    assert.equal((await dialled).carrier, "relayed");
  });

  test("hands a better session over that opens later, and gives worse ones up", async () => {
    const { race, direct, punched, relayed } = sceneOf({ punchAfterMs: 1, relayAfterMs: 2 });
    const later: Opened[] = [];
    const dialled = race.dial(PEER, "relayed", (opened) => void later.push(opened), never);
    await relayed.began;
    relayed.opens();
    assert.equal((await dialled).carrier, "relayed");
    punched.opens();
    await new Promise(setImmediate);
    assert.deepEqual(
      later.map(({ carrier }) => carrier),
      ["punched"],
    );
    const [stop] = direct.stops;
    assert.equal(stop?.aborted, false, "what is better still goes on");
    direct.opens();
    await new Promise(setImmediate);
    assert.equal(later.length, 2);
  });

  test("closes a second session of the same kind", async () => {
    const { race, direct, punched } = sceneOf({ punchAfterMs: 1 });
    const later: Opened[] = [];
    const dialled = race.dial(PEER, "relayed", (opened) => void later.push(opened), never);
    await punched.began;
    direct.opens();
    await dialled;
    const late = punched.opens();
    await new Promise(setImmediate);
    assert.equal(punched.stops[0]?.aborted, true);
    assert.equal(later.length, 0);
    assert.ok(late.destroyed || punched.stops[0]?.aborted);
  });

  test("says what tells most when all have failed", async () => {
    const { race, direct, punched, relayed } = sceneOf();
    const dialled = race.dial(PEER, "relayed", ignore, never);
    direct.fails("PEER_IMPOSTOR");
    await punched.began;
    punched.fails();
    await relayed.began;
    relayed.fails();
    await assert.rejects(dialled, { code: "PEER_IMPOSTOR" });
  });

  test("tries nothing worse than what there is", async () => {
    const { race, direct, punched, relayed } = sceneOf();
    const dialled = race.dial(PEER, "punched", ignore, never);
    direct.fails();
    await punched.began;
    punched.fails();
    await assert.rejects(dialled, { code: "PEER_UNREACHABLE" });
    assert.equal(relayed.dials.length, 0);
  });

  test("gives everything up when the caller does, or when it is too late", async () => {
    for (const giveUp of [new AbortController(), undefined]) {
      const { race, direct } = sceneOf(giveUp === undefined ? { dialMs: 5 } : {});
      const dialled = race.dial(PEER, "relayed", ignore, giveUp?.signal ?? never);
      giveUp?.abort(new Error("enough"));
      await assert.rejects(dialled, giveUp === undefined ? { code: "PEER_TIMEOUT" } : /enough/);
      assert.equal(direct.stops[0]?.aborted, true);
    }
  });

  test("begins with what worked last time, and knows where there is no way at all", async () => {
    const { race, direct, punched, relayed } = sceneOf({ punchAfterMs: 60_000 });
    const first = race.dial(PEER, "relayed", ignore, never);
    direct.fails();
    await punched.began;
    punched.opens();
    await first;
    const second = race.dial(PEER, "relayed", ignore, never);
    assert.equal(punched.dials.length, 2, "beside the direct one");
    punched.opens();
    assert.equal((await second).carrier, "punched");
    for (const carrier of [direct, punched, relayed]) carrier.reaches = false;
    await assert.rejects(race.dial(PEER, "relayed", ignore, never), { code: "PEER_UNKNOWN" });
  });
});

test("dialBetter() tries what is better than what there is, and nothing else", async () => {
  const { race, direct, punched, relayed } = sceneOf();
  const better = race.dialBetter(PEER, "relayed", never);
  direct.fails();
  await punched.began;
  punched.fails();
  assert.equal(await better, undefined);
  assert.equal(relayed.dials.length, 0);
});
