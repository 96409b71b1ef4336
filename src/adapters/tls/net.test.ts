import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { netContract, type OpenNetPair } from "../../../tests/contracts/net.ts";
import { streamContract } from "../../../tests/contracts/net-streams.ts";
import {
  createPair,
  directoryOf,
  HOLDER,
  HOLDER_ID,
  keyOf,
  listenRaw,
  netOf,
  OWNER,
} from "../../../tests/support/tls-pair.ts";
import { idOf } from "../../base/id.ts";
import { MIB } from "../../base/limits.ts";
import type { PeerResponse } from "../../ports/net.ts";
import { createMemoryDirectory } from "../../swarm/peer-list.ts";
import type { SessionTimes } from "../net/options.ts";
import { fixedSwarmKeys } from "../../ports/swarm-keys.ts";

const never = new AbortController().signal;
const QUICK: Partial<SessionTimes> = { answerMs: 80, stallMs: 80, floorWindowMs: 80 };

const openPair: OpenNetPair = async (handler, streams) => {
  const pair = await createPair(handler, {}, streams);
  return { ...pair, stranger: idOf(keyOf(99).publicKey) };
};
netContract("tls", openPair);
streamContract("tls", openPair);

/** What an owner gets from a peer that has the right key and writes `answer` to every request. */
async function askEvil(
  answer: (respond: (bytes: string | Uint8Array) => void, end: () => void) => void,
  into?: Uint8Array,
): Promise<PeerResponse> {
  const evil = await listenRaw(HOLDER, (socket) => {
    socket.once("data", () => {
      answer(
        (bytes) => void (socket.destroyed || socket.write(bytes)),
        () => socket.destroy(),
      );
    });
  });
  const owner = netOf(OWNER, directoryOf(HOLDER_ID, evil.port), { times: QUICK });
  try {
    const path = "/v1/hello";
    const request = { method: "GET", path, ...(into === undefined ? {} : { into }) } as const;
    return await owner.request(HOLDER_ID, request, never);
  } finally {
    await owner.close();
    await evil.close();
  }
}

test("request() goes over IPv6 as well, and past an address where nobody is", async () => {
  const holder = netOf(HOLDER, createMemoryDirectory(), { host: "::1" });
  const seen: (string | undefined)[] = [];
  const { port } = await holder.listen(({ address }) => {
    seen.push(address);
    return Promise.resolve({ status: 200 });
  });
  const tried: [string, boolean][] = [];
  const addresses = ["127.0.0.1:1", `[::1]:${port}`];
  const directory = createMemoryDirectory([{ id: HOLDER_ID, addresses, offeredBytes: 1 }]);
  const owner = netOf(OWNER, directory, {
    onTried: (_peer, address, isThere) => void tried.push([address, isThere]),
  });
  try {
    const answer = await owner.request(HOLDER_ID, { method: "GET", path: "/" }, never);
    assert.equal(answer.status, 200);
    assert.match(seen[0] ?? "", /^\[::1\]:\d+$/);
    assert.deepEqual(tried, [
      ["127.0.0.1:1", false],
      [`[::1]:${port}`, true],
    ]);
  } finally {
    await owner.close();
    await holder.close();
  }
});

describe("a peer that breaks the protocol", () => {
  const head = (length: number): string => `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`;
  const refused = (asked: Promise<unknown>, code: string): Promise<void> =>
    assert.rejects(asked, (error: unknown) => {
      assert.ok(error instanceof Error && error.message.includes(HOLDER_ID), "the peer is named");
      assert.equal((error as { code?: string }).code, code);
      return true;
    });

  test("request() gives a silent one up", () =>
    refused(
      askEvil(() => undefined),
      "PEER_TIMEOUT",
    ));

  test("request() gives a body up that stops", () =>
    refused(
      askEvil((respond) => respond(`${head(10_000)}abc`)),
      "PEER_TIMEOUT",
    ));

  test("request() gives a body up that trickles", () =>
    refused(
      askEvil((respond) => {
        respond(head(10_000));
        const drip = setInterval(() => respond("x"), 10).unref();
        drip.refresh();
      }),
      "PEER_TIMEOUT",
    ));

  test("request() refuses an answer that is cut short", () =>
    refused(
      askEvil((respond, end) => {
        respond(`${head(10_000)}abc`);
        setImmediate(end);
      }),
      "PEER_UNREACHABLE",
    ));

  test("request() refuses an oversized answer before it is read", () =>
    refused(
      askEvil((respond) => respond(head(4 * 1024 * MIB)), new Uint8Array(100)),
      "PEER_BROKE_PROTOCOL",
    ));

  test("request() refuses an endless answer without a length", () =>
    refused(
      askEvil((respond) =>
        respond("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"),
      ),
      "PEER_BROKE_PROTOCOL",
    ));

  test("request() refuses two different lengths", () =>
    refused(
      askEvil((respond) =>
        respond("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
      ),
      "PEER_BROKE_PROTOCOL",
    ));

  test("request() refuses what is not HTTP", () =>
    refused(
      askEvil((respond) => respond("SSH-2.0-OpenSSH_9.6\r\n\r\n")),
      "PEER_BROKE_PROTOCOL",
    ));

  test("request() refuses endless headers", () =>
    refused(
      askEvil((respond) => respond(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(40_000)}`)),
      "PEER_BROKE_PROTOCOL",
    ));
});

test("request() refuses a peer with another key, and sends it no byte of content", async () => {
  let contentBytes = 0;
  const impostor = await listenRaw(keyOf(66), (socket) => {
    socket.on("data", (bytes: Buffer) => (contentBytes += bytes.length));
  });
  const owner = netOf(OWNER, directoryOf(HOLDER_ID, impostor.port));
  const request = { method: "POST", path: "/v1/x", body: new Uint8Array(100) } as const;
  await assert.rejects(owner.request(HOLDER_ID, request, never), {
    code: "PEER_IMPOSTOR",
    message: new RegExp(idOf(keyOf(66).publicKey)),
  });
  await owner.close();
  await impostor.close();
  assert.equal(contentBytes, 0);
});

test("request() does not reach a peer of another swarm", async () => {
  const pair = await createPair(() => Promise.resolve({ status: 200 }), {
    owner: { swarmKeys: fixedSwarmKeys(new Uint8Array(32).fill(8)) },
  });
  const asked = pair.owner.net.request(HOLDER_ID, { method: "GET", path: "/" }, never);
  await assert.rejects(asked, { code: "PEER_UNREACHABLE" });
  await pair.close();
});

test("request() gives an address up where nobody speaks", async () => {
  // It takes the knock and never says a word of TLS.
  const server = createServer((socket) => socket.on("error", () => undefined));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const owner = netOf(OWNER, directoryOf(HOLDER_ID, port), { times: { connectMs: 50 } });
  await assert.rejects(owner.request(HOLDER_ID, { method: "GET", path: "/" }, never), {
    code: "PEER_TIMEOUT",
  });
  await owner.close();
  server.close();
});

test("request() finds the right one among several addresses", async () => {
  const pair = await createPair(() => Promise.resolve({ status: 200 }));
  const impostor = await listenRaw(keyOf(66), () => undefined);
  const directory = directoryOf(HOLDER_ID, pair.port);
  const [good = ""] = directory.find(HOLDER_ID)?.addresses ?? [];
  const bad = [`127.0.0.1:${impostor.port}`, "127.0.0.1:1"];
  directory.add({ id: HOLDER_ID, addresses: [...bad, good], offeredBytes: 0 });
  const owner = netOf(OWNER, directory);
  const response = await owner.request(HOLDER_ID, { method: "GET", path: "/" }, never);
  assert.equal(response.status, 200);
  await owner.close();
  await impostor.close();
  await pair.close();
});

test("request() tries again on a session that the other side had closed", async () => {
  let sessionCount = 0;
  const fickle = await listenRaw(HOLDER, (socket) => {
    sessionCount++;
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
      // The second request on a session finds nobody.
      socket.once("data", () => socket.destroy());
    });
  });
  const owner = netOf(OWNER, directoryOf(HOLDER_ID, fickle.port));
  const request = { method: "POST", path: "/", body: new Uint8Array(MIB) } as const;
  for (let count = 0; count < 3; count++) {
    const small = { ...request, body: request.body.subarray(0, 10) };
    assert.equal((await owner.request(HOLDER_ID, small, never)).status, 200);
  }
  assert.equal(sessionCount, 3);
  await owner.close();
  await fickle.close();
});

test("request() drops a session that speaks unasked", async () => {
  let sessionCount = 0;
  const eager = await listenRaw(HOLDER, (socket) => {
    sessionCount++;
    const answer = `HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n${sessionCount}`;
    socket.once("data", () => socket.write(answer + answer));
  });
  const owner = netOf(OWNER, directoryOf(HOLDER_ID, eager.port));
  for (const expected of ["1", "2"]) {
    const response = await owner.request(HOLDER_ID, { method: "GET", path: "/" }, never);
    assert.equal(Buffer.from(response.body).toString(), expected);
  }
  await owner.close();
  await eager.close();
});

test("request() takes an early answer although its body is not out", async () => {
  const refusal = { status: 507, body: new Uint8Array(5) };
  const pair = await createPair(() => Promise.resolve(refusal));
  const body = new Uint8Array(8 * MIB);
  for (let count = 0; count < 3; count++) {
    const request = { method: "POST", path: "/", body } as const;
    const response = await pair.owner.net.request(HOLDER_ID, request, never);
    assert.equal(response.status, 507);
    assert.equal(response.body.length, 5);
  }
  await pair.close();
});

test("request() uses at most six sessions a peer, and few in all", async () => {
  const peers = new Set<string>();
  let most = 0;
  let now = 0;
  const pair = await createPair(async (request) => {
    peers.add(request.peer);
    most = Math.max(most, ++now);
    await new Promise((resolve) => void setImmediate(resolve));
    now--;
    return { status: 200 };
  });
  const get = { method: "GET", path: "/" } as const;
  const asked = Array.from({ length: 60 }, () => pair.owner.net.request(HOLDER_ID, get, never));
  await Promise.all(asked);
  assert.ok(most <= 6, `${most} at once`);
  assert.equal(peers.size, 1);
  await pair.close();
});

test("request() waits for a place when its sessions are bounded in all", async () => {
  const pair = await createPair(() => Promise.resolve({ status: 200 }), {
    owner: { bounds: { dialledMax: 1 } },
  });
  const second = await createPair(() => Promise.resolve({ status: 201 }), {
    holder: { key: keyOf(3) },
  });
  const directory = directoryOf(HOLDER_ID, pair.port);
  const other = idOf(keyOf(3).publicKey);
  directory.add({ id: other, addresses: [`127.0.0.1:${second.port}`], offeredBytes: 0 });
  const owner = netOf(OWNER, directory, { bounds: { dialledMax: 1 } });
  const get = { method: "GET", path: "/" } as const;
  const asked = [HOLDER_ID, other, HOLDER_ID, other].map((peer) => owner.request(peer, get, never));
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  assert.deepEqual(statuses, [200, 201, 200, 201]);
  await owner.close();
  await pair.close();
  await second.close();
});
