import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BLOCK_BYTES, KIB } from "../../src/base/limits.ts";
import type { IncomingRequest, PeerStream, StreamHandler } from "../../src/ports/net.ts";
import { patternOf } from "./blobs.ts";
import type { NetPair, OpenNetPair } from "./net.ts";

const never = new AbortController().signal;

/** All that a stream brings, copied piece by piece. */
async function drain(stream: PeerStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const piece of stream.incoming) parts.push(piece.slice());
  return new Uint8Array(Buffer.concat(parts));
}

/** Sends everything back, then the end. */
async function echo(stream: PeerStream): Promise<void> {
  try {
    for await (const piece of stream.incoming) await stream.write(piece);
    stream.end();
  } catch {
    stream.destroy();
  }
}

async function send(stream: PeerStream, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += 50_000) {
    await stream.write(bytes.subarray(at, at + 50_000));
  }
  stream.end();
}

/** A promise, and what settles it. */
function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  return Promise.withResolvers<T>();
}

/** What every Net does with streams. */
export function streamContract(name: string, open: OpenNetPair): void {
  const withPair = async (
    streams: StreamHandler | undefined,
    work: (pair: NetPair) => Promise<void>,
  ): Promise<void> => {
    const pair = await open(() => Promise.resolve({ status: 200 }), streams);
    try {
      await work(pair);
    } finally {
      await pair.owner.net.close();
      await pair.holder.net.close();
    }
  };

  describe(`Net streams: ${name}`, () => {
    test("open() brings bytes of every size there and back, and both ends end", async () => {
      let far: PeerStream | undefined;
      const streams: StreamHandler = () =>
        Promise.resolve((stream) => {
          far = stream;
          void echo(stream);
        });
      await withPair(streams, async ({ owner, holder }) => {
        for (const size of [0, 1, 16_384, BLOCK_BYTES + 1, 5 * BLOCK_BYTES + 17]) {
          const stream = await owner.net.open(holder.id, "/echo", never);
          assert.equal(stream.peer, holder.id);
          assert.equal(far?.peer, owner.id, "the opener is proven");
          const sent = send(stream, patternOf(size, size));
          const got = await drain(stream);
          await sent;
          assert.deepEqual(Buffer.from(got), Buffer.from(patternOf(size, size)), `${size} bytes`);
          await Promise.all([stream.closed, far.closed]);
        }
      });
    });

    test("the handler sees who asks and for what, and can speak first", async () => {
      let seen: unknown;
      const streams: StreamHandler = ({ peer, standing, carrier, path, query }) => {
        seen = { peer, standing, carrier, path, a: query.get("a") };
        return Promise.resolve((stream) => void send(stream, Uint8Array.of(1, 2, 3)));
      };
      await withPair(streams, async ({ owner, holder }) => {
        const stream = await owner.net.open(holder.id, "/p/q?a=b%20c", never);
        assert.deepEqual([...(await drain(stream))], [1, 2, 3]);
        const who = { peer: owner.id, standing: "member", carrier: "direct" };
        assert.deepEqual(seen, { ...who, path: "/p/q", a: "b c" });
        stream.end();
        await stream.closed;
      });
    });

    test("a refusal has the peer's code, and without streams all are refused", async () => {
      const body = new TextEncoder().encode(JSON.stringify({ code: "AGENTS_MANY", message: "x" }));
      const streams: StreamHandler = () => Promise.resolve({ status: 503, body });
      await withPair(streams, ({ owner, holder }) =>
        assert.rejects(owner.net.open(holder.id, "/x", never), {
          code: "PEER_REFUSED",
          message: /AGENTS_MANY/,
        }),
      );
      await withPair(undefined, ({ owner, holder }) =>
        assert.rejects(owner.net.open(holder.id, "/x", never), { code: "PEER_REFUSED" }),
      );
    });

    test("a handler that throws refuses without its words", async () => {
      const streams: StreamHandler = () => Promise.reject(new Error("secret"));
      await withPair(streams, async ({ owner, holder }) => {
        const opened = owner.net.open(holder.id, "/x", never);
        await assert.rejects(opened, (error: Error & { code?: string }) => {
          assert.equal(error.code, "PEER_REFUSED");
          assert.doesNotMatch(error.message, /secret/);
          return true;
        });
      });
    });

    test("write() waits while the other side does not read", async () => {
      const far = deferred<PeerStream>();
      const streams: StreamHandler = () => Promise.resolve(far.resolve);
      await withPair(streams, async ({ owner, holder }) => {
        const stream = await owner.net.open(holder.id, "/x", never);
        const other = await far.promise;
        const block = patternOf(64 * KIB);
        let count = 0;
        let isWaiting = false;
        // Far more than any socket's buffers; the writer must stop of itself.
        const total = 1_024;
        const writing = (async () => {
          for (; count < total; count++) await stream.write(block);
          stream.end();
        })();
        for (let before = -1, same = 0; same < 50; before = count) {
          await new Promise((resolve) => void setImmediate(resolve));
          same = before === count ? same + 1 : 0;
          if (count >= total) break;
        }
        isWaiting = count < total;
        assert.ok(isWaiting, `${count} blocks were taken without a reader`);
        const got = await drain(other);
        assert.equal(got.length, total * block.length);
        await writing;
      });
    });

    test("half a stream goes on after the other half ended", async () => {
      const streams: StreamHandler = () =>
        Promise.resolve(async (stream: PeerStream) => {
          const { length } = await drain(stream);
          await send(stream, patternOf(length * 2, 4));
        });
      await withPair(streams, async ({ owner, holder }) => {
        const stream = await owner.net.open(holder.id, "/x", never);
        await send(stream, patternOf(70_000));
        assert.equal((await drain(stream)).length, 140_000);
        await assert.rejects(stream.write(Uint8Array.of(1)), { code: "PEER_UNREACHABLE" });
      });
    });

    test("destroy() breaks both ends: reading and writing throw, closed resolves", async () => {
      const far = deferred<PeerStream>();
      const streams: StreamHandler = () => Promise.resolve(far.resolve);
      await withPair(streams, async ({ owner, holder }) => {
        const stream = await owner.net.open(holder.id, "/x", never);
        const other = await far.promise;
        const reading = assert.rejects(drain(other), { code: "PEER_UNREACHABLE" });
        stream.destroy();
        await Promise.all([reading, stream.closed, other.closed]);
        await assert.rejects(stream.write(Uint8Array.of(1)), { code: "PEER_UNREACHABLE" });
        await assert.rejects(other.write(Uint8Array.of(1)), { code: "PEER_UNREACHABLE" });
        await assert.rejects(drain(stream), { code: "PEER_UNREACHABLE" });
      });
    });

    test("a Net that closes breaks its streams, on both sides", async () => {
      const far = deferred<PeerStream>();
      const streams: StreamHandler = () => Promise.resolve(far.resolve);
      await withPair(streams, async ({ owner, holder }) => {
        const stream = await owner.net.open(holder.id, "/x", never);
        const other = await far.promise;
        const reading = assert.rejects(drain(stream), { code: "PEER_UNREACHABLE" });
        await holder.net.close();
        await Promise.all([reading, stream.closed, other.closed]);
      });
    });

    test("open() stops with the signal's reason", async () => {
      const asked = deferred<Omit<IncomingRequest, "body" | "lengthBytes">>();
      const streams: StreamHandler = (request) => {
        asked.resolve(request);
        return new Promise((resolve) => {
          request.signal.addEventListener("abort", () => resolve({ status: 503 }));
        });
      };
      await withPair(streams, async ({ owner, holder }) => {
        const stop = new AbortController();
        const opened = owner.net.open(holder.id, "/x", stop.signal);
        const reason = new Error("enough");
        const rejected = assert.rejects(opened, reason);
        await asked.promise;
        stop.abort(reason);
        await rejected;
        await assert.rejects(owner.net.open(holder.id, "/x", stop.signal), reason);
      });
    });

    test("an open stream is not bound to the signal that opened it", async () => {
      const streams: StreamHandler = () => Promise.resolve((stream) => void echo(stream));
      await withPair(streams, async ({ owner, holder }) => {
        const stop = new AbortController();
        const stream = await owner.net.open(holder.id, "/x", stop.signal);
        stop.abort();
        await send(stream, Uint8Array.of(7));
        assert.deepEqual([...(await drain(stream))], [7]);
      });
    });

    test("carrierOf() is the carrier while a session is open", async () => {
      const streams: StreamHandler = () => Promise.resolve((stream) => void echo(stream));
      await withPair(streams, async ({ owner, holder, stranger }) => {
        assert.equal(owner.net.carrierOf(holder.id), undefined);
        const stream = await owner.net.open(holder.id, "/x", never);
        assert.equal(owner.net.carrierOf(holder.id), "direct");
        assert.equal(holder.net.carrierOf(owner.id), "direct", "the other side's counts too");
        assert.equal(owner.net.carrierOf(stranger), undefined);
        stream.destroy();
      });
    });

    test("unknown peers and closed ones have codes for streams too", async () => {
      const streams: StreamHandler = () => Promise.resolve((stream) => void echo(stream));
      await withPair(streams, async ({ owner, holder, stranger }) => {
        await assert.rejects(owner.net.open(stranger, "/", never), { code: "PEER_UNKNOWN" });
        await holder.net.close();
        await assert.rejects(owner.net.open(holder.id, "/", never), { code: "PEER_UNREACHABLE" });
      });
    });
  });
}
