import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { idOf } from "../base/id.ts";
import { HAVE_IDS_MAX, PEERS_PAGE_MAX, TICKETS_PER_REQUEST_MAX } from "../base/limits.ts";
import { CodecError } from "../codec/error.ts";
import type { TicketGrant } from "../ports/holder.ts";
import * as wire from "./wire.ts";

const bytesOf = (lengthBytes: number) =>
  fc.uint8Array({ minLength: lengthBytes, maxLength: lengthBytes });
const id = bytesOf(32).map(idOf);
const wish = fc.record(
  { id, lengthBytes: fc.integer({ min: 0, max: 17 * 2 ** 20 }) },
  { noNullPrototype: true },
);

describe("bodies come back as they were sent", () => {
  test("wishes", () =>
    fc.assert(
      fc.property(fc.array(wish, { maxLength: 20 }), fc.nat(), (wishes, epoch) => {
        assert.deepEqual(wire.decodeWishes(wire.encodeWishes(wishes, epoch)), { wishes, epoch });
      }),
    ));

  test("grants", () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(wish, fc.nat(2)), { maxLength: 20 }), (pairs) => {
        const grants = pairs.map(([{ id }, kind]): TicketGrant => {
          if (kind === 0) return { id, outcome: "granted", ticket: new Uint8Array(200) };
          if (kind === 1) return { id, outcome: "held", receipt: new Uint8Array(20) };
          return { id, outcome: "refused", code: "SPACE_FULL", message: "no room" };
        });
        const wishes = pairs.map(([wish]) => wish);
        assert.deepEqual(wire.decodeGrants(wire.encodeGrants(grants), wishes), grants);
      }),
    ));

  test("ids and bitmaps", () =>
    fc.assert(
      fc.property(fc.array(id, { maxLength: 40 }), fc.array(fc.boolean()), (ids, bits) => {
        assert.deepEqual(wire.decodeIds(wire.encodeIds(ids), 40), ids);
        assert.deepEqual(wire.decodeBitmap(wire.encodeBitmap(bits), bits.length), bits);
      }),
    ));
});

test("decoders refuse random bytes, and more than their limits, with a CodecError", () => {
  const decoders: ((bytes: Uint8Array) => unknown)[] = [
    wire.decodeWishes,
    (bytes) => wire.decodeGrants(bytes, [{ id: idOf(new Uint8Array(32)), lengthBytes: 1 }]),
    (bytes) => wire.decodeIds(bytes, 1),
    (bytes) => wire.decodeBitmap(bytes, 9),
    wire.decodeKept,
    (bytes) => wire.decodeCards(bytes, PEERS_PAGE_MAX),
  ];
  const tryAll = (bytes: Uint8Array): void => {
    for (const decode of decoders) {
      try {
        decode(bytes);
      } catch (error) {
        assert.ok(error instanceof CodecError, String(error));
      }
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), tryAll));
  // Bytes that begin as a right message does.
  const start = wire.encodeWishes([{ id: idOf(new Uint8Array(32)), lengthBytes: 5 }], 1);
  fc.assert(
    fc.property(fc.nat(start.length - 1), fc.nat(255), (at, value) =>
      tryAll(start.map((byte, index) => (index === at ? value : byte))),
    ),
  );
  const one = { id: idOf(new Uint8Array(32)), lengthBytes: 1 };
  const many = Array.from({ length: TICKETS_PER_REQUEST_MAX + 1 }, () => one);
  assert.throws(() => wire.decodeWishes(wire.encodeWishes(many, 1)), CodecError);
  const bytes = new Uint8Array(32 * (HAVE_IDS_MAX + 1));
  assert.throws(() => wire.decodeIds(bytes, HAVE_IDS_MAX), CodecError);
});
