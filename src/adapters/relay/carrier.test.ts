import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { duplexPair, type Duplex } from "node:stream";
import { describe, test } from "node:test";
import { TLSSocket } from "node:tls";
import {
  openReachPeer,
  openRelay,
  until,
  type ReachPeer,
  type ReachPeerOptions,
  type RelayFixture,
} from "../../../tests/support/relay-swarm.ts";
import { keyOf, random, silent } from "../../../tests/support/tls-pair.ts";
import { idOf, type PeerId } from "../../base/id.ts";
import { KIB, MIB } from "../../base/limits.ts";
import { MemoryClock } from "../clock-memory.ts";
import { NetError } from "../net-error.ts";
import { peerContext } from "../tls/context.ts";
import { KNOCK_BYTES } from "../tls/knock.ts";
import { RelayCarrier } from "./carrier.ts";
import { RELAY_SHUN_MS, type RelayLimits } from "./limits.ts";
import { leadPath, takePath } from "./paths.ts";
import { rankRelays } from "./rank.ts";

const never = new AbortController().signal;
const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** All that a socket receives until its other side ends. Unlike an iterator it does not destroy
 * the socket then. */
async function receivedOf(socket: Duplex): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on("data", (piece: Buffer) => parts.push(piece));
  await once(socket, "end");
  return Buffer.concat(parts);
}

/** Lets any knock pass and shows the relay's own certificate. */
function impersonate(raw: Duplex): void {
  raw.on("readable", function onReadable() {
    if (raw.read(KNOCK_BYTES) === null) return;
    raw.off("readable", onReadable);
    const secureContext = peerContext(keyOf(9));
    const options = { isServer: true, secureContext, requestCert: true, rejectUnauthorized: false };
    new TLSSocket(raw, options).on("error", () => raw.destroy());
  });
}

interface Trio {
  relay: RelayFixture;
  dialler: ReachPeer;
  home: ReachPeer;
}

/** A dialler and a home that know each other's id and one relay, and no other way. */
async function withTrio(
  work: (trio: Trio) => Promise<void>,
  options: { limits?: Partial<RelayLimits>; home?: ReachPeerOptions; both?: ReachPeerOptions } = {},
): Promise<void> {
  const relay = await openRelay(9, options.limits);
  const { directory } = relay;
  const relays = (): string[] => [relay.id];
  const dialler = await openReachPeer(1, { directory, relays, ...options.both });
  const home = await openReachPeer(2, { directory, relays, ...options.both, ...options.home });
  try {
    await until("both wait", () => relay.server.waitingCount === 2);
    await work({ relay, dialler, home });
  } finally {
    await Promise.all([dialler, home, relay].map((peer) => peer.close()));
  }
}

/** A spliced stream without TLS of its own inside. */
async function withRaw(
  work: (ends: { near: Duplex; far: Duplex; legs: Duplex[]; trio: Trio }) => Promise<void>,
  limits: Partial<RelayLimits> = {},
): Promise<void> {
  const both = { isRaw: true };
  await withTrio(
    async (trio) => {
      const near = await trio.dialler.relayed.dial(trio.home.id, never);
      await until("the home took it", () => trio.home.raw.length === 1);
      const far = trio.home.raw[0];
      assert.ok(far !== undefined);
      for (const end of [near, far]) end.on("error", () => end.destroy());
      const spliced = trio.relay.legs.filter(({ path }) => !path.endsWith("wait"));
      const legs = spliced.map(({ socket }) => socket);
      assert.equal(legs.length, 2);
      await work({ near, far, legs, trio });
    },
    { both, limits },
  );
}

const tooLong = { timeout: 60_000 };

test("requests go to a home that only relays reach, and back", tooLong, () =>
  withTrio(
    async ({ dialler, home, relay }) => {
      const body = randomBytes(MIB);
      const request = { method: "POST", path: "/x", body, bodyMaxBytes: MIB } as const;
      const answer = await dialler.net.request(home.id, request, never);
      assert.equal(answer.status, 200);
      assert.equal(hashOf(answer.body), hashOf(body));
      assert.equal(dialler.net.carrierOf(home.id), "relayed");
      const [used, ...others] = relay.server.usage();
      assert.equal(others.length, 0);
      assert.ok(used !== undefined && used.dialler === dialler.id && used.target === home.id);
      for (const bytes of [used.forthBytes, used.backBytes]) {
        assert.ok(bytes > MIB && bytes < MIB + 64 * KIB, `${bytes} bytes counted`);
      }
    },
    {
      home: {
        handler: async ({ body, carrier, address }) => {
          assert.equal(carrier, "relayed");
          assert.equal(address, undefined);
          const parts: Uint8Array[] = [];
          for await (const block of body) parts.push(Uint8Array.from(block));
          return { status: 200, body: Buffer.concat(parts) };
        },
      },
    },
  ),
);

test("64 MiB arrive as they were sent, and the relay sees none of them", tooLong, () =>
  withTrio(
    async ({ dialler, home, relay }) => {
      const mark = Buffer.from("what the relay must not be able to read");
      const bodies = Array.from({ length: 4 }, () => randomBytes(16 * MIB));
      const post = { method: "POST", path: "/" } as const;
      await dialler.net.request(home.id, { ...post, body: mark }, never);
      let seenBytes = 0;
      let sawMark = false;
      for (const { path, socket } of relay.legs) {
        if (path.endsWith("wait")) continue;
        socket.on("data", (piece: Buffer) => {
          seenBytes += piece.length;
          sawMark ||= piece.includes(mark);
        });
      }
      for (const body of bodies) {
        for (let at = 0; at < body.length; at += 4 * KIB) mark.copy(body, at);
        const answer = await dialler.net.request(home.id, { ...post, body }, never);
        assert.equal(Buffer.from(answer.body).toString(), hashOf(body));
      }
      assert.ok(seenBytes > 64 * MIB, `${seenBytes} bytes were looked through`);
      assert.equal(sawMark, false);
    },
    {
      limits: { bytesPerSecondPerPeer: 4_096 * MIB },
      home: {
        handler: async ({ body }) => {
          const sum = createHash("sha256");
          for await (const block of body) sum.update(block);
          return { status: 200, body: Buffer.from(sum.digest("hex")) };
        },
      },
    },
  ),
);

test("the end of one direction leaves the other one open", tooLong, () =>
  withRaw(async ({ near, far, trio }) => {
    near.allowHalfOpen = far.allowHalfOpen = true;
    const question = receivedOf(far);
    near.end("what do you have?");
    assert.equal((await question).toString(), "what do you have?");
    const answer = receivedOf(near);
    far.write("all ");
    far.end(Buffer.alloc(8 * MIB, "x"));
    assert.equal((await answer).length, 4 + 8 * MIB);
    await until("the stream is over", () => trio.relay.server.streamCount === 0);
  }),
);

test("a reader that stalls makes the relay hold 512 KiB at most", tooLong, () =>
  withRaw(
    async ({ near, far, legs }) => {
      far.pause();
      let acceptedBytes = 0;
      const piece = randomBytes(64 * KIB);
      let isFull = false;
      const pour = (): void => {
        while (near.write(piece)) acceptedBytes += piece.length;
        isFull = true;
      };
      near.on("drain", pour);
      pour();
      let heldBytes = 0;
      let quietTurns = 0;
      let lastBytes = -1;
      // The kernel's buffers fill up first; then nothing moves any more.
      await until("nothing moves", () => {
        const now = legs.map((leg) => leg.readableLength + leg.writableLength);
        heldBytes = Math.max(heldBytes, ...now);
        quietTurns = acceptedBytes === lastBytes ? quietTurns + 1 : 0;
        lastBytes = acceptedBytes;
        return quietTurns > 2_000;
      });
      assert.ok(isFull && acceptedBytes < 64 * MIB);
      assert.ok(heldBytes <= 512 * KIB, `${heldBytes} bytes held`);
      assert.ok(
        legs.some((leg) => leg.writableNeedDrain),
        "it is the reader that is waited for",
      );
      far.resume();
      near.off("drain", pour);
      near.end();
      await once(far, "end");
    },
    { bytesPerSecondPerPeer: 4_096 * MIB },
  ),
);

describe("a stream that breaks in the middle closes both ends at once", () => {
  const breaks: Record<string, (ends: { near: Duplex; far: Duplex; trio: Trio }) => unknown> = {
    "the relay is killed": ({ trio }) => trio.relay.server.close(),
    "the relay's socket breaks": ({ trio }) => trio.relay.legs.at(-1)?.socket.destroy(),
    "the dialler is killed": ({ near }) => near.destroy(),
    "the home is killed": ({ far }) => far.destroy(),
  };
  for (const [name, breakIt] of Object.entries(breaks)) {
    test(name, tooLong, () =>
      withRaw(async (ends) => {
        const { near, far, trio } = ends;
        near.write(randomBytes(MIB));
        await once(far, "data");
        far.on("data", () => undefined);
        near.on("data", () => undefined);
        breakIt(ends);
        await until("both are closed", () => near.closed && far.closed);
        await until("the seat is free", () => trio.relay.server.streamCount === 0);
      }),
    );
  }
});

describe("dial()", () => {
  const refused = (why: RegExp) => ({ code: "PEER_UNREACHABLE", message: why });

  test("says so where no relay is known", async () => {
    const alone = await openReachPeer(1);
    const other = idOf(keyOf(2).publicKey);
    assert.equal(alone.relayed.mayReach(other), false);
    await assert.rejects(alone.relayed.dial(other, never), refused(/no relay is known/));
    await alone.close();
  });

  test("says so where the home waits at none", () =>
    withTrio(async ({ dialler }) => {
      const away = idOf(keyOf(7).publicKey);
      assert.equal(dialler.relayed.mayReach(away), true);
      await assert.rejects(dialler.relayed.dial(away, never), refused(/RELAY_TARGET_AWAY/));
    }));

  test("takes nobody for the home but the home", () =>
    withTrio(async ({ dialler, home, relay }) => {
      // The relay leads to itself instead: first as whoever it is, then as one that lets any knock
      // pass, to listen in.
      relay.upgrades.serve(leadPath(home.id), async () => (socket) => {
        relay.direct.accept(socket, "relayed");
      });
      await assert.rejects(dialler.relayed.dial(home.id, never), refused(/closed|disconnected/));
      relay.upgrades.serve(leadPath(home.id), async () => (socket) => impersonate(socket));
      await assert.rejects(dialler.relayed.dial(home.id, never), {
        code: "PEER_IMPOSTOR",
        message: new RegExp(home.id),
      });
    }));

  test("asks the next relay where one fails, and remembers which", async () => {
    const clock = new MemoryClock();
    const self = idOf(keyOf(1).publicKey);
    const home = idOf(keyOf(2).publicKey);
    const relays = rankRelays(
      [20, 21, 22, 23].map((number) => idOf(keyOf(number).publicKey)),
      home,
    );
    const [dead, away, good, spare] = relays as [PeerId, PeerId, PeerId, PeerId];
    let asked: PeerId[] = [];
    const fails = new Map([
      [dead, new NetError("PEER_UNREACHABLE", "dead")],
      [away, new NetError("PEER_REFUSED", "RELAY_TARGET_AWAY")],
    ]);
    const carrier = new RelayCarrier({
      self,
      upgrader: {
        open: async (relay) => {
          asked.push(relay);
          const failure = fails.get(relay);
          if (failure !== undefined) throw failure;
          return duplexPair()[0];
        },
      },
      relays: () => [self, home, ...relays],
      secure: async (raw) => raw,
      accept: () => undefined,
      clock,
      random,
      log: silent,
    });
    const dialled = async (): Promise<PeerId[]> => {
      asked = [];
      await carrier.dial(home, never).catch(() => undefined);
      return asked;
    };
    assert.deepEqual(await dialled(), [dead, away, good]);
    assert.deepEqual(await dialled(), [good], "what worked is asked first");
    fails.set(good, new NetError("PEER_REFUSED", "RELAY_FULL"));
    assert.deepEqual(await dialled(), [good, away, spare], "and what is dead last");
    fails.set(spare, new NetError("PEER_TIMEOUT", "gone"));
    assert.deepEqual(await dialled(), [spare, away, good]);
    assert.deepEqual(await dialled(), [away, good, dead]);
    await clock.advance(RELAY_SHUN_MS);
    await assert.rejects(carrier.dial(home, AbortSignal.abort(new Error("enough"))), /enough/);
    assert.deepEqual(await dialled(), [dead, away, good], "giving up is nobody's fault");
    await carrier.close();
  });

  test("stops when it is told to", () =>
    withTrio(
      async ({ dialler, home, relay }) => {
        const stop = new AbortController();
        const dialling = dialler.relayed.dial(home.id, stop.signal);
        await until("the relay asks the home", () => relay.server.streamCount === 1);
        const reason = new Error("enough");
        stop.abort(reason);
        await assert.rejects(dialling, reason);
      },
      { both: { secure: () => new Promise(() => undefined) } },
    ));
});

test("a token serves once, and only the home that it was sent to", tooLong, () =>
  withTrio(async ({ dialler, home, relay }) => {
    const socket = await dialler.relayed.dial(home.id, never);
    const taken = relay.legs.find(({ path }) => path.includes("/take/"))?.path;
    assert.ok(taken !== undefined);
    const invalid = { code: "PEER_REFUSED", message: /RELAY_TOKEN_INVALID/ };
    await assert.rejects(home.upgrades.open(relay.id, taken, never), invalid);
    const wrong = takePath("A".repeat(22));
    await assert.rejects(home.upgrades.open(relay.id, wrong, never), invalid);
    for (const path of ["to/", "to/me", "steal", "wait/more", "take", "to/a/b"]) {
      const refusal = { code: "PEER_REFUSED", message: /RELAY_(REFUSED|TOKEN_INVALID)/ };
      await assert.rejects(home.upgrades.open(relay.id, `/v1/relay/${path}`, never), refusal);
    }
    await assert.rejects(home.upgrades.open(relay.id, leadPath(home.id), never), /RELAY_REFUSED/);
    socket.destroy();
  }),
);
