/** Every copy of `bytes` with one bit flipped. Each is fresh. */
export function* flippedBits(bytes: Uint8Array): Generator<{ bit: number; forged: Uint8Array }> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const forged = bytes.slice();
    forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    yield { bit, forged };
  }
}
