import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { describe, test } from "node:test";
import {
  answersOf,
  closedOf,
  createPair,
  dialRaw,
  HOLDER_ID,
  keyOf,
  knock,
  OWNER,
  pokeTcp,
  SWARM_KEY,
  type TlsPair,
} from "../../../tests/support/tls-pair.ts";
import { MIB } from "../../base/limits.ts";
import type { PeerHandler } from "../../ports/net.ts";
import { fixedSwarmKeys } from "../../ports/swarm-keys.ts";
import { KNOCK_WINDOW_MS } from "./knock.ts";
import type { TlsNetOptions } from "./options.ts";
import { proofOf } from "./proof.ts";

const never = new AbortController().signal;
const DAY_MS = 86_400_000;
const MALFORMED = /^HTTP\/1\.1 400 /;

const drain: PeerHandler = async (request) => {
  let lengthBytes = 0;
  for await (const block of request.body) lengthBytes += block.length;
  return { status: 200, body: new TextEncoder().encode(`${lengthBytes} of ${request.peer}`) };
};

async function withPair(
  work: (pair: TlsPair) => Promise<void>,
  options: { handler?: PeerHandler; holder?: Partial<TlsNetOptions> } = {},
): Promise<void> {
  const pair = await createPair(options.handler ?? drain, { holder: options.holder ?? {} });
  try {
    await work(pair);
    // Whatever was done to it, the holder still serves an honest peer.
    const request = { method: "POST", path: "/", body: new Uint8Array(10) } as const;
    assert.equal((await pair.owner.net.request(HOLDER_ID, request, never)).status, 200);
  } finally {
    await pair.close();
  }
}

describe("a connection without a right knock is closed without a byte", () => {
  const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
    bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
  const cases: Record<string, () => Uint8Array[]> = {
    "40 zeros": () => [new Uint8Array(40)],
    HTTP: () => [Buffer.from(`GET / HTTP/1.1\r\nhost: ${"x".repeat(40)}\r\n\r\n`)],
    "a TLS hello": () => [Buffer.concat([Buffer.from("1603010200010001fc0303", "hex"), knock()])],
    "another swarm": () => [knock(new Uint8Array(32).fill(9))],
    "a flipped salt": () => [flipped(knock(), 0)],
    "a flipped time": () => [flipped(knock(), 16)],
    "a flipped MAC": () => [flipped(knock(), 39)],
    "too old": () => [knock(undefined, Date.now() - KNOCK_WINDOW_MS - 1_000)],
    "too new": () => [knock(undefined, Date.now() + 2 * DAY_MS)],
  };
  for (const [name, pieces] of Object.entries(cases)) {
    test(name, () =>
      withPair(async ({ port }) => {
        assert.equal((await pokeTcp(port, ...pieces())).length, 0);
      }),
    );
  }

  test("39 bytes, or none, and then silence", () =>
    withPair(
      async ({ port }) => {
        assert.equal((await pokeTcp(port, knock().subarray(0, 39))).length, 0);
        assert.equal((await pokeTcp(port)).length, 0);
      },
      { holder: { times: { handshakeMs: 300 } } },
    ));

  test("a replayed one", () =>
    withPair(async ({ port }) => {
      const once40 = knock();
      const first = connectTcp({ port, host: "127.0.0.1" });
      first.write(once40);
      const received = answersOf(first);
      assert.equal((await pokeTcp(port, once40)).length, 0);
      assert.equal(first.readyState, "open", "the first goes on to the handshake");
      first.destroy();
      assert.equal((await received).length, 0);
    }));

  test("one that was meant for another peer", () =>
    withPair(async ({ port }) => {
      const other = await createPair(drain, { holder: { key: keyOf(7) } });
      assert.equal((await pokeTcp(other.port, knock())).length, 0);
      await other.close();
      assert.ok(port > 0);
    }));
});

test("a knock in pieces, with the handshake right behind it, is let in", () =>
  withPair(async ({ port }) => {
    for (const knockPieceBytes of [1, 7, 39]) {
      const socket = await dialRaw(port, { key: OWNER, knockPieceBytes });
      socket.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
      assert.match((await answersOf(socket)).toString(), /^HTTP\/1\.1 200 /);
    }
  }));

describe("a knock that somebody took off the way is of no use", () => {
  const asked = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
  const thief = keyOf(66);

  test("without a proof", () =>
    withPair(async ({ port }) => {
      const socket = await dialRaw(port, { key: thief, isThief: true });
      socket.write(asked);
      assert.equal((await answersOf(socket)).length, 0);
    }));

  test("with the proof of another session", () =>
    withPair(async ({ port }) => {
      const honest = await dialRaw(port);
      const socket = await dialRaw(port, { key: thief, isThief: true });
      socket.write(proofOf(fixedSwarmKeys(SWARM_KEY), honest));
      socket.write(asked);
      assert.equal((await answersOf(socket)).length, 0);
      honest.destroy();
    }));

  test("nor is a session that waits with its proof: it gives way and ends", () =>
    withPair(
      async ({ port }) => {
        const socket = await dialRaw(port, { key: thief, isThief: true });
        assert.equal((await answersOf(socket)).length, 0);
      },
      { holder: { times: { handshakeMs: 300 } } },
    ));
});

test("a handshake that stops is closed", () =>
  withPair(
    async ({ port }) => {
      assert.equal((await pokeTcp(port, knock(), Buffer.from("160301", "hex"))).length, 0);
    },
    { holder: { times: { handshakeMs: 300 } } },
  ));

test("garbage instead of a handshake is closed", () =>
  withPair(async ({ port }) => {
    const got = await pokeTcp(port, knock(), Buffer.from("GET / HTTP/1.1\r\n\r\n".repeat(20)));
    assert.ok(got.length < 16, "a TLS alert at most");
  }));

test("a peer without a certificate is not served", () =>
  withPair(async ({ port }) => {
    const socket = await dialRaw(port, { key: undefined });
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    assert.equal((await answersOf(socket)).length, 0);
  }));

test("there is no resumption: a session that is offered again is not taken", () =>
  withPair(async ({ port }) => {
    const first = await dialRaw(port);
    const sessions: Buffer[] = [];
    first.on("session", (session: Buffer) => sessions.push(session));
    first.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert.match((await answersOf(first)).toString(), /^HTTP\/1\.1 200 /);
    for (const session of sessions) {
      const second = await dialRaw(port, { key: OWNER, session });
      assert.equal(second.isSessionReused(), false);
      second.destroy();
    }
  }));

/** What a member gets that writes these bytes as its requests. */
async function ask(port: number, ...pieces: readonly (string | Uint8Array)[]): Promise<string> {
  const socket = await dialRaw(port);
  for (const piece of pieces) socket.write(piece);
  return (await answersOf(socket)).toString();
}

describe("requests that the protocol does not allow", () => {
  const small = { holder: { times: { headersMs: 80, stallMs: 80, lingerMs: 50 } } };

  test("other methods get 405", () =>
    withPair(async ({ port }) => {
      const text = "HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
      for (const method of ["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]) {
        assert.match(await ask(port, `${method} / ${text}`), /^HTTP\/1\.1 405 /, method);
      }
      assert.equal(await ask(port, `CONNECT x:1 ${text}`), "");
    }));

  test("upgrades are not made", () =>
    withPair(async ({ port }) => {
      const head =
        "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n";
      assert.doesNotMatch(await ask(port, head), /101/);
    }, small));

  test("a body without a length, or a chunked one, gets 411", () =>
    withPair(async ({ port }) => {
      const close = "host: x\r\nconnection: close\r\n";
      assert.match(await ask(port, `POST / HTTP/1.1\r\n${close}\r\n`), /^HTTP\/1\.1 411 /);
      const chunked = `POST / HTTP/1.1\r\n${close}transfer-encoding: chunked\r\n\r\nffffff\r\nxx`;
      assert.match(await ask(port, chunked), /^HTTP\/1\.1 411 /);
    }, small));

  test("a body longer than any shard gets 413 before it is sent", () =>
    withPair(async ({ port }) => {
      const head = `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${64 * MIB}\r\n\r\n`;
      assert.match(await ask(port, head, new Uint8Array(MIB)), /^HTTP\/1\.1 413 /);
    }, small));

  test("two lengths, a negative one, and a length with an encoding get 400", () =>
    withPair(async ({ port }) => {
      const lies = ["1\r\ncontent-length: 2", "-1", "1x", "5\r\ntransfer-encoding: chunked"];
      for (const lie of lies) {
        const head = `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${lie}\r\n\r\nab`;
        assert.match(await ask(port, head), MALFORMED, lie);
      }
    }, small));

  test("a body shorter than its length ends the session, and the handler hears of it", async () => {
    const { promise: ended, resolve } = Promise.withResolvers<unknown>();
    const handler: PeerHandler = async (request) => {
      try {
        return await drain(request);
      } catch (error) {
        resolve(error);
        throw error;
      }
    };
    await withPair(
      async ({ port }) => {
        const socket = await dialRaw(port);
        socket.end("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc");
        assert.ok((await ended) instanceof Error);
        await answersOf(socket);
      },
      { handler },
    );
  });

  test("a body longer than its length ends the session after its answer", () =>
    withPair(async ({ port }) => {
      const head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\n";
      const got = await ask(port, `${head}abcdefgh\r\n\r\n`);
      assert.match(got, /^HTTP\/1\.1 (400|200 [^]*3 of [a-z2-7]{52}($|HTTP\/1\.1 400)) ?/);
    }));

  test("endless headers get 431", () =>
    withPair(async ({ port }) => {
      const flood = `GET / HTTP/1.1\r\nhost: x\r\n${"a: b\r\n".repeat(200_000)}`;
      assert.match(await ask(port, flood), /^HTTP\/1\.1 431 |^$/);
    }));

  test("a path that is too long or not ASCII gets 400", () =>
    withPair(async ({ port }) => {
      for (const path of [`/${"a".repeat(3_000)}`, "/\u00e4", "http://x/y", "*"]) {
        const got = await ask(port, `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
        assert.match(got, MALFORMED, path.slice(0, 20));
      }
    }));

  test("headers that do not end are cut", () =>
    withPair(async ({ port }) => {
      await ask(port, "GET / HTTP/1.1\r\nhost: x\r\na: ");
    }, small));

  test("a body that stops is cut, and so is one that trickles", () =>
    withPair(
      async ({ port }) => {
        const head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n";
        await ask(port, head, "abc");
        const socket = await dialRaw(port);
        socket.write(head);
        const drip = setInterval(() => socket.writable && socket.write("x"), 10).unref();
        await answersOf(socket);
        clearInterval(drip);
      },
      { holder: { times: { stallMs: 80, floorWindowMs: 80 } } },
    ));

  test("an answer that nobody reads is given up", () => {
    const { promise: given, resolve } = Promise.withResolvers<void>();
    const handler: PeerHandler = (request) => {
      request.signal.addEventListener("abort", () => resolve(), { once: true });
      const body = new Uint8Array(request.path === "/big" ? 16 * MIB : 1);
      return Promise.resolve({ status: 200, body });
    };
    return withPair(
      async ({ port }) => {
        const socket = await dialRaw(port);
        socket.pause();
        for (let count = 0; count < 4; count++)
          socket.write("GET /big HTTP/1.1\r\nhost: x\r\n\r\n");
        await given;
        socket.destroy();
      },
      { handler, holder: { times: { stallMs: 80 } } },
    );
  });

  test("a flood of pipelined requests ends the session", () => {
    let most = 0;
    let now = 0;
    const handler: PeerHandler = async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => void setTimeout(resolve, 20));
      now--;
      return { status: 200 };
    };
    return withPair(
      async ({ port }) => {
        await ask(port, "GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(5_000));
        assert.ok(most <= 16, `${most} at once`);
      },
      { handler },
    );
  });
});

test("1,000 half-open connections do not keep an honest peer out", { timeout: 20_000 }, () =>
  withPair(async ({ port, owner }) => {
    const sockets = Array.from({ length: 1_000 }, () => {
      const socket = connectTcp({ port, host: "127.0.0.1" });
      socket.on("error", () => socket.destroy());
      return socket;
    });
    await Promise.all(
      sockets.map(async (socket, index) => {
        await once(socket, "connect").catch(() => undefined);
        if (!socket.destroyed) socket.write(knock().subarray(0, index % 40));
      }),
    );
    const request = { method: "GET", path: "/" } as const;
    const response = await owner.net.request(HOLDER_ID, request, never);
    assert.equal(response.status, 200);
    for (const socket of sockets) socket.destroy();
  }),
);

test("sessions are bounded per peer, and an idle one gives way", () =>
  withPair(
    async ({ port }) => {
      const sockets = [];
      for (let count = 0; count < 4; count++) sockets.push(await dialRaw(port));
      const [first, , , last] = sockets;
      if (first !== undefined) await closedOf(first);
      last?.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
      assert.ok(last !== undefined);
      assert.match((await answersOf(last)).toString(), /^HTTP\/1\.1 200 /);
      for (const socket of sockets) socket.destroy();
    },
    { holder: { bounds: { acceptedPerPeerMax: 3 } } },
  ));
