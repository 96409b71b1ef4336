import { GROUP_ORDER, exp, log } from "./field.ts";

/** The evaluation point of a shard: its index for a data shard, 255 - i for parity row i. The
 * points of one stripe are distinct as long as it has at most 255 shards. */
function pointOf(k: number, index: number): number {
  return index < k ? index : GROUP_ORDER - (index - k);
}

/** Coefficient of data shard `column` in parity row `row`: x / (x XOR column) with x = 255 - row.
 * It depends on neither k nor n, so that rows can be added later.
 * @see docs/format/erasure.md */
export function parityCoefficient(row: number, column: number): number {
  const x = GROUP_ORDER - row;
  return exp(log(x) - log(x ^ column));
}

/** The matrix that gives the shards `wanted` from the `k` shards `present`, row by row:
 * wanted.length rows of k coefficients. All indexes are below 255, distinct, none is in both lists.
 *
 * No matrix is inverted. With data bytes d and points y, let N be the polynomial of degree < k with
 * N(z) = sum over j of d[j] * product over l != j of (z + y[l]). Then each shard is
 * v * N(its point), with a factor v that depends only on its index and k; so N follows from any k
 * shards by Lagrange's formula, and every other shard from N. All of it is sums of logarithms. */
export function rebuildMatrix(
  k: number,
  present: readonly number[],
  wanted: readonly number[],
): Uint8Array {
  const points = present.map((index) => pointOf(k, index));
  const divisors = present.map((index, s) => {
    const point = points[s]!;
    let sum = factorLog(k, index);
    for (const other of points) if (other !== point) sum += log(point ^ other);
    return sum;
  });
  const matrix = new Uint8Array(wanted.length * k);
  wanted.forEach((index, row) => {
    const point = pointOf(k, index);
    let product = factorLog(k, index);
    for (const other of points) product += log(point ^ other);
    for (let s = 0; s < k; s++) {
      matrix[row * k + s] = exp(product - log(point ^ points[s]!) - divisors[s]!);
    }
  });
  return matrix;
}

/** Logarithm of v: 1 / product of (y[index] + y[l]) over l != index for a data shard, and
 * x / product of (x + y[l]) over all l for a parity shard at the point x. */
function factorLog(k: number, index: number): number {
  const point = pointOf(k, index);
  let sum = index < k ? 0 : log(point);
  for (let l = 0; l < k; l++) if (l !== point) sum -= log(point ^ l);
  return sum;
}
