import { readFileSync } from "node:fs";

/** A hexadecimal text's bytes. */
export function fromHex(text: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new TypeError("not a hexadecimal text");
  return new Uint8Array(Buffer.from(text, "hex"));
}

/** Bytes as hexadecimal text. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The parsed vectors of `tests/vectors/<name>.json`; the caller says what they look like. */
export function readVectors(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), "utf8"));
}
