import { createCipheriv } from "node:crypto";

/** Bytes that look random and do not compress, the same for the same seed. */
export function noise(lengthBytes: number, seed: number): Uint8Array {
  const key = new Uint8Array(16);
  new DataView(key.buffer).setUint32(0, seed);
  const cipher = createCipheriv("aes-128-ctr", key, new Uint8Array(16));
  return new Uint8Array(cipher.update(new Uint8Array(lengthBytes)));
}

const WORDS = "the a kelp rock holdfast anchors of to in sea tide drifts and under it stone".split(
  " ",
);

/** Words, which compress well, the same for the same seed. */
export function prose(lengthBytes: number, seed: number): Uint8Array {
  const text = new Uint8Array(lengthBytes);
  const choices = noise(lengthBytes, seed);
  for (let at = 0, word = 0; at < lengthBytes; word++) {
    const next = new TextEncoder().encode(`${WORDS[(choices[word] ?? 0) % WORDS.length]} `);
    text.set(next.subarray(0, lengthBytes - at), at);
    at += next.length;
  }
  return text;
}
