import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { PACK_CHUNKS_MAX } from "../base/limits.ts";
import { padmeBytes } from "../base/padme.ts";
import {
  PACK_FOOTER_BYTES,
  decodeTrailer,
  encodeTrailer,
  readFooter,
  trailerBytes,
  writeFooter,
} from "../codec/pack.ts";
import type { PackEntry, PackKind } from "../codec/pack.ts";
import { deriveKey, keyedHash } from "../crypto/hash.node.ts";
import { CryptoError } from "../crypto/error.ts";
import { NONCE_BYTES, TAG_BYTES, openInto, sealInto } from "../crypto/seal.node.ts";
import { CHUNK_OVERHEAD_BYTES, sealChunk } from "./chunk.ts";
import { ObjectError } from "./error.ts";
import type { VolumeKeys } from "./keys.ts";

/** The trailer's key is used once: it comes from the trailer's own hash. So a fixed nonce is
 * right. */
const TRAILER_NONCE = new Uint8Array(NONCE_BYTES);

/** What a pack has beside its sealed chunks where it holds a single one. */
export const PACK_OVERHEAD_BYTES = trailerBytes(1) + TAG_BYTES + PACK_FOOTER_BYTES;

/** Fills one buffer with sealed chunks and ends it with the sealed trailer that names them.
 * @see docs/format/pack.md */
export class PackBuilder {
  readonly entries: PackEntry[] = [];
  readonly kind: PackKind;
  readonly #keys: VolumeKeys;
  readonly #buffer: Uint8Array;
  #length = 0;

  /** `buffer` is filled in place; its length is the most that the pack may have, padding
   * included. */
  constructor(keys: VolumeKeys, kind: PackKind, buffer: Uint8Array) {
    this.#keys = keys;
    this.kind = kind;
    this.#buffer = buffer;
  }

  /** Bytes of sealed chunks so far. */
  get lengthBytes(): number {
    return this.#length;
  }

  /** Whether a chunk of `rawBytes` surely fits beside what is there. */
  fits(rawBytes: number): boolean {
    if (this.entries.length >= PACK_CHUNKS_MAX) return false;
    const trailer = trailerBytes(this.entries.length + 1) + TAG_BYTES + PACK_FOOTER_BYTES;
    const whole = this.#length + rawBytes + CHUNK_OVERHEAD_BYTES + trailer;
    return whole <= this.#buffer.length;
  }

  /** Seals a chunk behind the others. The caller asked `fits` before. */
  add(name: Uint8Array, raw: Uint8Array): PackEntry {
    assert(this.fits(raw.length), "a chunk is added to a pack that has room");
    const lengthBytes = sealChunk(this.#keys, name, raw, this.#buffer, this.#length);
    const entry = { name: new Uint8Array(name), offset: this.#length, lengthBytes };
    this.entries.push(entry);
    this.#length += lengthBytes;
    return entry;
  }

  /** Seals trailer and padding behind the chunks.
   * @param alignBytes the length becomes a multiple of this where the buffer allows it
   * @returns the pack's length in bytes: a Padmé length, aligned, at most the buffer's */
  finish(alignBytes: number): number {
    const least = this.#length + trailerBytes(this.entries.length) + TAG_BYTES + PACK_FOOTER_BYTES;
    const padded = Math.ceil(padmeBytes(least) / alignBytes) * alignBytes;
    const packBytes = Math.min(padded, this.#buffer.length);
    const plainBytes = packBytes - this.#length - TAG_BYTES - PACK_FOOTER_BYTES;
    const plain = encodeTrailer(this.kind, this.entries, plainBytes);
    const trailerHash = keyedHash(this.#keys.trailer, plain);
    sealInto(
      this.#buffer,
      this.#length,
      deriveKey("pack trailer", this.#keys.trailer, trailerHash),
      TRAILER_NONCE,
      trailerHash,
      plain,
    );
    writeFooter(this.#buffer, packBytes - PACK_FOOTER_BYTES, {
      trailerHash,
      sealedBytes: plainBytes + TAG_BYTES,
    });
    return packBytes;
  }
}

/** Reads the trailer of a whole pack: what it holds, without any index.
 * @throws ObjectError PACK_FORGED; CodecError VERSION_UNKNOWN | FORMAT_MALFORMED */
export function openTrailer(
  keys: VolumeKeys,
  pack: Uint8Array,
): { kind: PackKind; entries: PackEntry[] } {
  const { trailerHash, sealedBytes } = readFooter(pack.subarray(-PACK_FOOTER_BYTES));
  const start = pack.length - PACK_FOOTER_BYTES - sealedBytes;
  if (start < 0 || sealedBytes < TAG_BYTES) throw packForged();
  const sealed = pack.subarray(start, start + sealedBytes);
  const plain = new Uint8Array(sealedBytes - TAG_BYTES);
  try {
    const key = deriveKey("pack trailer", keys.trailer, trailerHash);
    openInto(plain, key, TRAILER_NONCE, trailerHash, sealed);
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw packForged();
  }
  if (!equalBytes(keyedHash(keys.trailer, plain), trailerHash)) throw packForged();
  const trailer = decodeTrailer(plain);
  const last = trailer.entries.at(-1);
  if (last !== undefined && last.offset + last.lengthBytes > start) throw packForged();
  return trailer;
}

function packForged(): ObjectError {
  return new ObjectError("PACK_FORGED", "a pack's trailer is not the one that its footer names");
}
