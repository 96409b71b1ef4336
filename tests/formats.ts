import * as fc from "fast-check";
import type { Arbitrary } from "fast-check";
import { idOf } from "../src/base/id.ts";
import type { CardBody } from "../src/codec/card.ts";
import { decodeCard, encodeCard } from "../src/codec/card.ts";
import { decodeCertificate, encodeCertificate } from "../src/codec/certificate.ts";
import {
  CHUNK_HEADER_BYTES,
  readChunkHeader,
  writeChunkHeader,
  type ChunkHeader,
} from "../src/codec/chunk.ts";
import { decodeHead, encodeHead } from "../src/codec/head.ts";
import {
  decodeIndexRoot,
  decodeSegment,
  encodeIndexRoot,
  encodeSegment,
  type IndexedPack,
} from "../src/codec/index-segment.ts";
import {
  PACK_FOOTER_BYTES,
  decodeTrailer,
  encodeTrailer,
  readFooter,
  trailerBytes,
  writeFooter,
  type PackEntry,
  type PackFooter,
} from "../src/codec/pack.ts";
import { decodeReceipt, encodeReceipt } from "../src/codec/receipt.ts";
import { decodeRecord, encodeRecord } from "../src/codec/record.ts";
import { decodeSnapshot, encodeSnapshot } from "../src/codec/snapshot.ts";
import { decodeStripe, encodeStripe, type Stripe } from "../src/codec/stripe.ts";
import { decodeTicket, encodeTicket } from "../src/codec/ticket.ts";
import {
  decodeNameList,
  decodeTreeNode,
  encodeNameList,
  encodeTreeNode,
  type TreeEntry,
} from "../src/codec/tree.ts";
import type { PeerRole } from "../src/ports/directory.ts";
import { toHex } from "./vectors/read.ts";
import { CHUNK_MAX_BYTES, PACK_MAX_BYTES, SHARD_MAX_BYTES } from "../src/base/limits.ts";

/** A format as tests see it: the values that it can hold, both ways, without their type. */
export interface Format {
  /** Also the name of its file of vectors. */
  name: string;
  /** Encoded valid values, with the values. */
  samples: Arbitrary<{ value: unknown; bytes: Uint8Array }>;
  decode: (bytes: Uint8Array) => unknown;
  /** Decodes, and encodes what came out. */
  recode: (bytes: Uint8Array) => Uint8Array;
}

/** A format of values of one type. */
export function format<T>(
  name: string,
  values: Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
): Format {
  const samples = values.map((value) => ({ value, bytes: encode(value) }));
  return { name, samples, decode, recode: (bytes) => encode(decode(bytes)) };
}

const exactly = (length: number): Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const bytes32 = exactly(32);
const id = bytes32.map(idOf);
const holder = bytes32.filter((bytes) => bytes.some((byte) => byte !== 0)).map(idOf);
const upTo = (max: number): Arbitrary<number> => fc.integer({ min: 0, max });
const from1 = (max: number): Arbitrary<number> => fc.integer({ min: 1, max });
const uint = fc.maxSafeNat();
const epoch = upTo(0xffff_ffff);
const printable = (maxLength: number): Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(..."aZ09 -_.äß中\u{1f40b}"), minLength: 1, maxLength });

const entries = fc
  .array(fc.record({ name: bytes32, gap: upTo(9), lengthBytes: from1(99_999) }), { maxLength: 6 })
  .map((parts) => {
    let offset = 0;
    return parts.map(({ name, gap, lengthBytes }): PackEntry => {
      const entry = { name, offset: offset + gap, lengthBytes };
      offset = entry.offset + lengthBytes;
      return entry;
    });
  });
const kind = fc.constantFrom("data", "tree", "index");

const stripe: Arbitrary<Stripe> = fc
  .tuple(from1(12), upTo(6), from1(PACK_MAX_BYTES), id)
  .chain(([k, more, packBytes, copy]) => {
    const shard = fc.record({
      id: k === 1 ? fc.constant(copy) : id,
      holder: fc.option(holder, { nil: undefined }),
    });
    const n = k + more;
    return fc.record({
      packBytes: fc.constant(packBytes),
      k: fc.constant(k),
      n: fc.constant(n),
      shards: fc.array(shard, { minLength: n, maxLength: n }),
    });
  });

const card: Arbitrary<CardBody> = fc
  .record(
    {
      id,
      addresses: fc.array(fc.constantFrom("10.1.2.3:4", "[fe80::1]:65535", "a-b.example:443"), {
        maxLength: 8,
      }),
      offeredBytes: uint,
      site: printable(20),
      timeMs: uint,
      bootstrap: fc.array(fc.constantFrom("10.1.2.3:4", "[2001:db8::1]:65535"), {
        minLength: 1,
        maxLength: 8,
      }),
      roles: fc.constantFrom<PeerRole[]>(["relay"], ["tracker"], ["relay", "tracker"]),
    },
    { requiredKeys: ["id", "addresses", "offeredBytes", "timeMs"] },
  )
  .map((value) => ({ ...value, protocol: 1 }));

const name = fc
  .uint8Array({ minLength: 1, maxLength: 255 })
  .filter((bytes) => !bytes.includes(0) && !bytes.includes(0x2f))
  .filter((bytes) => bytes.length > 2 || bytes.some((byte) => byte !== 0x2e));
const common = {
  name,
  mtimeNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  mode: upTo(0o7777),
};
const treeEntry: Arbitrary<TreeEntry> = fc.oneof(
  fc.record({
    ...common,
    kind: fc.constant("file" as const),
    sizeBytes: uint,
    content: fc.record({ levels: upTo(4), names: fc.array(bytes32, { maxLength: 3 }) }),
  }),
  fc.record({ ...common, kind: fc.constant("directory" as const), subtree: bytes32 }),
  fc.record({
    ...common,
    kind: fc.constant("symlink" as const),
    target: fc.uint8Array({ maxLength: 40 }),
  }),
);
const nameOf = (entry: TreeEntry): string => toHex(entry.name);
const firstOf = (child: { first: Uint8Array }): string => toHex(child.first);
/** Sorts by hexadecimal text, which sorts as the bytes do. */
const inOrder =
  <T>(keyOf: (item: T) => string) =>
  (items: readonly T[]): T[] =>
    items.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
const treeNode = fc.oneof(
  fc.record({
    kind: fc.constant("leaf" as const),
    entries: fc.uniqueArray(treeEntry, { maxLength: 4, selector: nameOf }).map(inOrder(nameOf)),
  }),
  fc.record({
    kind: fc.constant("branch" as const),
    children: fc
      .uniqueArray(fc.record({ first: name, node: bytes32 }), {
        minLength: 1,
        maxLength: 4,
        selector: firstOf,
      })
      .map((children) => inOrder<(typeof children)[number]>(firstOf)(children)),
  }),
);
const place = (list: readonly Stripe[]): Arbitrary<Parameters<typeof encodeHead>[0]["snapshot"]> =>
  upTo(list.length - 1).chain((at) => {
    const packBytes = list[at]?.packBytes ?? 1;
    return upTo(packBytes - 1).chain((offset) =>
      fc.record({
        stripe: fc.constant(at),
        name: bytes32,
        offset: fc.constant(offset),
        lengthBytes: from1(packBytes - offset),
      }),
    );
  });
const stripes = fc.array(stripe, { minLength: 1, maxLength: 3 });

/** Leaves out the chunks that do not lie in the pack. */
function withinPack(pack: IndexedPack): IndexedPack {
  const { packBytes } = pack.stripe;
  const entries = pack.entries.filter((each) => each.offset + each.lengthBytes <= packBytes);
  return { ...pack, entries };
}

/** Every format that has a codec. */
export const FORMATS: readonly Format[] = [
  format<ChunkHeader>(
    "chunk-header",
    fc.record({ compressed: fc.boolean(), rawBytes: upTo(CHUNK_MAX_BYTES), nonce: exactly(12) }),
    (header) => {
      const bytes = new Uint8Array(CHUNK_HEADER_BYTES);
      writeChunkHeader(bytes, 0, header);
      return bytes;
    },
    readChunkHeader,
  ),
  format(
    "pack-trailer",
    fc.record({ kind, entries, padding: upTo(50) }),
    (value) =>
      encodeTrailer(value.kind, value.entries, trailerBytes(value.entries.length) + value.padding),
    (bytes) => {
      const trailer = decodeTrailer(bytes);
      return { ...trailer, padding: bytes.length - trailerBytes(trailer.entries.length) };
    },
  ),
  format<PackFooter>(
    "pack-footer",
    fc.record({ trailerHash: bytes32, sealedBytes: upTo(PACK_MAX_BYTES) }),
    (footer) => {
      const bytes = new Uint8Array(PACK_FOOTER_BYTES);
      writeFooter(bytes, 0, footer);
      return bytes;
    },
    readFooter,
  ),
  format("stripe", stripe, encodeStripe, decodeStripe),
  format(
    "certificate",
    fc.record({
      account: id,
      peer: id,
      agreementKey: bytes32,
      name: printable(16),
      number: from1(Number.MAX_SAFE_INTEGER),
    }),
    encodeCertificate,
    decodeCertificate,
  ),
  format(
    "ticket",
    fc.record({
      holder: id,
      peer: id,
      account: id,
      shard: id,
      lengthBytes: from1(SHARD_MAX_BYTES),
      number: exactly(16),
      expiresMs: uint,
    }),
    encodeTicket,
    decodeTicket,
  ),
  format(
    "receipt",
    fc
      .record({ holder: id, account: id, shard: id, lengthBytes: from1(SHARD_MAX_BYTES) })
      .chain((parts) =>
        fc.tuple(epoch, epoch).map(([a, b]) => ({
          ...parts,
          epoch: Math.min(a, b),
          leaseUntilEpoch: Math.max(a, b),
        })),
      ),
    encodeReceipt,
    decodeReceipt,
  ),
  format(
    "record",
    fc.record({
      key: id,
      number: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      expires: epoch,
      value: fc.uint8Array({ maxLength: 100 }),
      signature: exactly(64),
    }),
    encodeRecord,
    decodeRecord,
  ),
  format("card", card, encodeCard, decodeCard),
  format("tree-node", treeNode, encodeTreeNode, decodeTreeNode),
  format("name-list", fc.array(bytes32, { maxLength: 5 }), encodeNameList, decodeNameList),
  format(
    "snapshot",
    fc.record({
      volume: bytes32,
      device: id,
      number: uint,
      parents: fc.array(fc.record({ device: id, number: uint, snapshot: bytes32 }), {
        maxLength: 3,
      }),
      tree: bytes32,
      timeMs: uint,
      message: fc.oneof(printable(30), fc.constant("")),
    }),
    encodeSnapshot,
    decodeSnapshot,
  ),
  format(
    "index-segment",
    fc.array(fc.record({ kind, stripe, entries }).map(withinPack), { maxLength: 3 }),
    encodeSegment,
    decodeSegment,
  ),
  format(
    "index-root",
    stripes.chain((list) =>
      fc.record({
        stripes: fc.constant(list),
        segments: fc.array(place(list), { maxLength: 3 }),
      }),
    ),
    encodeIndexRoot,
    decodeIndexRoot,
  ),
  format(
    "head",
    stripes.chain((list) =>
      fc.record({
        volume: bytes32,
        device: id,
        number: uint,
        snapshotNumber: uint,
        stripes: fc.constant(list),
        snapshot: place(list),
        indexRoot: place(list),
      }),
    ),
    encodeHead,
    decodeHead,
  ),
];
