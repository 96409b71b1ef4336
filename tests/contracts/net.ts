import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { PeerId } from "../../src/base/id.ts";
import { BLOCK_BYTES } from "../../src/base/limits.ts";
import type { IncomingRequest, Net, PeerHandler, StreamHandler } from "../../src/ports/net.ts";
import { patternOf } from "./blobs.ts";

/** Two peers that know each other; `close` ends both. */
export interface NetPair {
  owner: { id: PeerId; net: Net };
  holder: { id: PeerId; net: Net };
  /** A peer that nobody knows. */
  stranger: PeerId;
}

/** Makes two fresh peers of which the holder listens with these handlers. */
export type OpenNetPair = (handler: PeerHandler, streams?: StreamHandler) => Promise<NetPair>;

const SIZES = [0, 1, 16_384, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES + 17];
const never = new AbortController().signal;

/** A body's sizes of blocks and its bytes, copied block by block. */
async function gather(request: IncomingRequest): Promise<{ sizes: number[]; bytes: Uint8Array }> {
  const sizes: number[] = [];
  const parts: Uint8Array[] = [];
  for await (const block of request.body) {
    sizes.push(block.length);
    parts.push(block.slice());
  }
  return { sizes, bytes: new Uint8Array(Buffer.concat(parts)) };
}

const echo: PeerHandler = async (request) => {
  const { bytes } = await gather(request);
  return { status: 200, headers: { "x-peer": request.peer }, body: bytes };
};

async function* blocksOf(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  const reused = new Uint8Array(pieceBytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    reused.set(piece);
    yield reused.subarray(0, piece.length);
    reused.fill(0xee);
  }
}

/** What every Net does; `open` gives two fresh peers, closed by the suite. Streams have a suite of
 * their own. */
export function netContract(name: string, open: OpenNetPair): void {
  const withPair = async (
    handler: PeerHandler,
    work: (pair: NetPair) => Promise<void>,
  ): Promise<void> => {
    const pair = await open(handler);
    try {
      await work(pair);
    } finally {
      await pair.owner.net.close();
      await pair.holder.net.close();
    }
  };

  describe(`Net: ${name}`, () => {
    test("request() brings a body of every size there and back", async () => {
      await withPair(echo, async ({ owner, holder }) => {
        for (const size of SIZES) {
          const body = patternOf(size, size);
          const request = { method: "POST", path: "/echo", body, bodyMaxBytes: size } as const;
          const response = await owner.net.request(holder.id, request, never);
          assert.equal(response.status, 200);
          assert.equal(response.headers["x-peer"], owner.id, "the asker is proven");
          assert.deepEqual(Buffer.from(response.body), Buffer.from(body), `${size} bytes`);
        }
      });
    });

    test("request() sends blocks that their source reuses, and blocks come back so", async () => {
      const handler: PeerHandler = async (request) => {
        const { bytes } = await gather(request);
        const headers = { "content-length": String(bytes.length) };
        return { status: 200, headers, body: blocksOf(bytes, 50_000) };
      };
      await withPair(handler, async ({ owner, holder }) => {
        const bytes = patternOf(2 * BLOCK_BYTES + 5, 3);
        const into = new Uint8Array(new SharedArrayBuffer(bytes.length));
        const headers = { "content-length": String(bytes.length) };
        const body = blocksOf(bytes, 70_001);
        const request = { method: "POST", path: "/x", headers, body, into } as const;
        const response = await owner.net.request(holder.id, request, never);
        assert.equal(response.body.buffer, into.buffer, "the answer lies in into");
        assert.deepEqual(Buffer.from(into.slice()), Buffer.from(bytes));
      });
    });

    test("a handler sees blocks of exactly BLOCK_BYTES, path, query and headers", async () => {
      let seen: unknown;
      const handler: PeerHandler = async (request) => {
        const { sizes } = await gather(request);
        const { method, path, query, headers, lengthBytes, standing, carrier } = request;
        const from = { standing, carrier };
        seen = { sizes, method, path, a: query.get("a"), x: headers["x-some"], lengthBytes, from };
        return { status: 201 };
      };
      await withPair(handler, async ({ owner, holder }) => {
        const body = patternOf(2 * BLOCK_BYTES + 9);
        const headers = { "x-some": "thing" };
        const request = { method: "POST", path: "/p/q?a=b%20c", headers, body } as const;
        const response = await owner.net.request(holder.id, request, never);
        assert.equal(response.status, 201);
        assert.equal(response.body.length, 0);
        const sizes = [BLOCK_BYTES, BLOCK_BYTES, 9];
        const lengthBytes = body.length;
        assert.deepEqual(seen, {
          sizes,
          method: "POST",
          path: "/p/q",
          a: "b c",
          x: "thing",
          lengthBytes,
          from: { standing: "member", carrier: "direct" },
        });
      });
    });

    test("an answer longer than into, or than bodyMaxBytes, is refused", async () => {
      const handler: PeerHandler = () =>
        Promise.resolve({ status: 200, body: new Uint8Array(1_001) });
      await withPair(handler, async ({ owner, holder }) => {
        for (const limit of [{ into: new Uint8Array(1_000) }, { bodyMaxBytes: 1_000 }]) {
          const asked = owner.net.request(holder.id, { method: "GET", path: "/", ...limit }, never);
          await assert.rejects(asked, { code: "PEER_BROKE_PROTOCOL" });
        }
      });
    });

    test("into is left alone by an error's body", async () => {
      const handler: PeerHandler = () =>
        Promise.resolve({ status: 404, body: Uint8Array.of(1, 2, 3) });
      await withPair(handler, async ({ owner, holder }) => {
        const into = new Uint8Array(2);
        const request = { method: "GET", path: "/", into } as const;
        const response = await owner.net.request(holder.id, request, never);
        assert.equal(response.status, 404);
        assert.deepEqual([...response.body], [1, 2, 3]);
        assert.deepEqual([...into], [0, 0]);
      });
    });

    test("a handler that throws is a 500 without its words, and the session goes on", async () => {
      const handler: PeerHandler = (request) =>
        request.path === "/bad"
          ? Promise.reject(new Error("secret"))
          : Promise.resolve({ status: 200 });
      await withPair(handler, async ({ owner, holder }) => {
        const bad = await owner.net.request(holder.id, { method: "GET", path: "/bad" }, never);
        assert.equal(bad.status, 500);
        const good = await owner.net.request(holder.id, { method: "GET", path: "/" }, never);
        assert.equal(good.status, 200);
      });
    });

    test("unknown peers and closed ones have codes", async () => {
      await withPair(echo, async ({ owner, holder, stranger }) => {
        const get = { method: "GET", path: "/" } as const;
        await assert.rejects(owner.net.request(stranger, get, never), { code: "PEER_UNKNOWN" });
        await owner.net.request(holder.id, get, never);
        await holder.net.close();
        await assert.rejects(owner.net.request(holder.id, get, never), {
          code: "PEER_UNREACHABLE",
        });
      });
    });

    test("an aborted request rejects with the signal's reason", async () => {
      const handler: PeerHandler = (request) =>
        new Promise((resolve) => {
          request.signal.addEventListener("abort", () => resolve({ status: 200 }), { once: true });
        });
      await withPair(handler, async ({ owner, holder }) => {
        const stop = new AbortController();
        const get = { method: "GET", path: "/" } as const;
        const asked = owner.net.request(holder.id, get, stop.signal);
        const reason = new Error("enough");
        setImmediate(() => stop.abort(reason));
        await assert.rejects(asked, reason);
        await assert.rejects(owner.net.request(holder.id, get, stop.signal), reason);
      });
    });

    test("many requests at once all come through", async () => {
      await withPair(echo, async ({ owner, holder }) => {
        const answers = Array.from({ length: 40 }, async (_, index) => {
          const body = patternOf(index * 1_000, index + 1);
          const request = { method: "POST", path: "/", body } as const;
          const response = await owner.net.request(holder.id, request, never);
          assert.deepEqual(Buffer.from(response.body), Buffer.from(body));
        });
        await Promise.all(answers);
      });
    });

    test("an error of the body's source goes back to the caller", async () => {
      await withPair(echo, async ({ owner, holder }) => {
        async function* failing(): AsyncGenerator<Uint8Array> {
          yield new Uint8Array(10);
          throw Object.assign(new Error("disk"), { code: "MY_DISK" });
        }
        const headers = { "content-length": "20" };
        const request = { method: "POST", path: "/", headers, body: failing() } as const;
        await assert.rejects(owner.net.request(holder.id, request, never), { code: "MY_DISK" });
      });
    });
  });
}
