// Products of one coefficient with every half byte, in GF(2^8) with the polynomial 0x11d.

/** x * value. */
export function timesX(value: u32): u32 {
  return ((value << 1) ^ ((value >> 7) * 0x11d)) & 0xff;
}

/** Writes coefficient * n for n in 0..15 at `table`, one every `stride` bytes, and
 * coefficient * (n << 4) behind them. Multiplication is linear, so each entry is the sum of the one
 * without its highest bit and that bit's product. */
export function writeProducts(table: usize, stride: usize, coefficient: u32): void {
  let power = coefficient;
  for (let half: usize = 0; half < 2; half++) {
    const base = table + half * 16 * stride;
    store<u8>(base, 0);
    for (let bit: usize = 1; bit < 16; bit <<= 1) {
      for (let rest: usize = 0; rest < bit; rest++) {
        store<u8>(base + (bit + rest) * stride, <u8>(load<u8>(base + rest * stride) ^ power));
      }
      power = timesX(power);
    }
  }
}
