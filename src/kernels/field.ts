/** The field GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1, by logarithms to the base x,
 * which is 2. For coefficients only: bytes of shards go through the WASM kernels.
 * @see docs/format/erasure.md */
const POLYNOMIAL = 0x11d;
/** The multiplicative group has this many elements; exponents count modulo it. */
export const GROUP_ORDER = 255;

const EXP = new Uint8Array(GROUP_ORDER);
const LOG = new Uint8Array(256);
for (let exponent = 0, power = 1; exponent < GROUP_ORDER; exponent++) {
  EXP[exponent] = power;
  LOG[power] = exponent;
  power = (power << 1) ^ (power & 0x80 ? POLYNOMIAL : 0);
}

/** The logarithm of `value`, 1..255. Zero has none. */
export function log(value: number): number {
  return LOG[value]!;
}

/** 2 to the power `exponent`, any integer. */
export function exp(exponent: number): number {
  const reduced = exponent % GROUP_ORDER;
  return EXP[reduced < 0 ? reduced + GROUP_ORDER : reduced]!;
}
