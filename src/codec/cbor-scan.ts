import { fromUtf8 } from "../base/bytes.ts";
import { CBOR_DEPTH_MAX, CBOR_ITEMS_MAX } from "../base/limits.ts";
import { malformed } from "./error.ts";

/** Major types of RFC 8949, section 3.1. */
const UINT = 0;
const NEGINT = 1;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const FALSE = 0xf4;
const NULL = 0xf6;

/** Smallest argument that needs 1, 2, 4 and 8 bytes behind the head (RFC 8949, section 4.2.1). */
const LEAST_OF_ONE = 24;
const LEAST_OF_TWO = 0x100;
const LEAST_OF_FOUR = 0x1_0000;
const LEAST_OF_EIGHT = 0x1_0000_0000;

/** Checks, without allocating anything for what the bytes say, that they are exactly one item of
 * the
 * dialect that Holdfast reads: RFC 8949 core deterministic encoding of integers, byte strings,
 * text,
 * arrays, maps with text keys, booleans and null. No floats, no tags, nothing of indefinite length.
 * @throws CodecError FORMAT_MALFORMED
 * @see docs/format/README.md */
export function scanCbor(bytes: Uint8Array): void {
  const scanner = new Scanner(bytes);
  scanner.item(0);
  scanner.end();
}

class Scanner {
  readonly #bytes: Uint8Array;
  #at = 0;
  #items = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) {
      throw malformed("cbor", `${this.#bytes.length - this.#at} bytes behind the end`);
    }
  }

  item(depth: number): void {
    if (++this.#items > CBOR_ITEMS_MAX) throw malformed("cbor", `over ${CBOR_ITEMS_MAX} items`);
    if (depth > CBOR_DEPTH_MAX) throw malformed("cbor", `nested over ${CBOR_DEPTH_MAX} deep`);
    const head = this.#byte();
    const major = head >>> 5;
    if (major > MAP) {
      if (head < FALSE || head > NULL) throw malformed("cbor", `byte ${head} begins no known item`);
      return;
    }
    const argument = this.#argument(head & 31);
    if (major === UINT || major === NEGINT) return;
    if (major === ARRAY) {
      this.#mustHold(argument);
      for (let index = 0; index < argument; index++) this.item(depth + 1);
    } else if (major === MAP) {
      this.#mustHold(argument * 2);
      this.#entries(argument, depth + 1);
    } else {
      this.#string(argument, major === TEXT);
    }
  }

  /** Keys are texts in strictly ascending order of their encoding; so none comes twice. */
  #entries(count: number, depth: number): void {
    let before = this.#at;
    let beforeEnd = before;
    for (let index = 0; index < count; index++) {
      const start = this.#at;
      if (this.#bytes[start]! >>> 5 !== TEXT) throw malformed("cbor", "a map key that is no text");
      this.item(depth);
      if (index > 0 && !this.#ascends(before, beforeEnd, start, this.#at)) {
        throw malformed("cbor", "map keys that are not in order or come twice");
      }
      before = start;
      beforeEnd = this.#at;
      this.item(depth);
    }
  }

  #ascends(a: number, aEnd: number, b: number, bEnd: number): boolean {
    const shared = Math.min(aEnd - a, bEnd - b);
    for (let index = 0; index < shared; index++) {
      const difference = this.#bytes[a + index]! - this.#bytes[b + index]!;
      if (difference !== 0) return difference < 0;
    }
    return aEnd - a < bEnd - b;
  }

  #string(lengthBytes: number, text: boolean): void {
    this.#mustHold(lengthBytes);
    const start = this.#at;
    this.#at += lengthBytes;
    if (text) checkText(this.#bytes, start, this.#at);
  }

  /** The argument of a head, which must be written in as few bytes as it needs. An integer beyond
   * 2⁵³ may be rounded here: only its being canonical matters, and as a length it is refused. */
  #argument(info: number): number {
    if (info < LEAST_OF_ONE) return info;
    if (info === 24) return this.#least(this.#byte(), LEAST_OF_ONE);
    if (info === 25) return this.#least(this.#big(2), LEAST_OF_TWO);
    if (info === 26) return this.#least(this.#big(4), LEAST_OF_FOUR);
    if (info === 27) return this.#least(this.#big(8), LEAST_OF_EIGHT);
    throw malformed("cbor", "an item of indefinite length or of a reserved form");
  }

  #least(argument: number, least: number): number {
    if (argument < least) throw malformed("cbor", "a number that is longer than it needs to be");
    return argument;
  }

  #big(lengthBytes: number): number {
    let value = 0;
    for (let index = 0; index < lengthBytes; index++) value = value * 256 + this.#byte();
    return value;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw malformed("cbor", "ends too early");
    return byte;
  }

  /** Every announced element needs a byte: refuses counts and lengths that cannot be true. */
  #mustHold(lengthBytes: number): void {
    if (lengthBytes > this.#bytes.length - this.#at) throw malformed("cbor", "ends too early");
  }
}

/** Text is well-formed UTF-8 and begins with no byte-order mark, which decoders like to swallow. */
function checkText(bytes: Uint8Array, start: number, end: number): void {
  let at = start;
  while (at < end && bytes[at]! < 0x80) at++;
  if (at === end) return;
  const text = fromUtf8(bytes.subarray(start, end));
  if (text === undefined) throw malformed("cbor", "text that is not utf-8");
  if (text.startsWith("\u{feff}")) throw malformed("cbor", "text with a byte-order mark");
}
