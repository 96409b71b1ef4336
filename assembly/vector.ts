// Reed-Solomon with 16-byte vectors: a product is two table look-ups by swizzle, one per half byte
// (Plank, Greenan, Miller: Screaming Fast Galois Field Arithmetic, FAST 2013). One load of data
// serves up to four rows, whose sums stay in registers: eight sums and four index vectors are what
// the sixteen registers of x86-64 hold.
//
//   tables of one group of rows: per column, per row of the group: low[16] | high[16]
import { writeProducts } from "./field";

const ROW_BYTES: usize = 32;
const STEP_BYTES: usize = 32;
/** Bytes of a shard per pass over all rows: so much of each input stays cached meanwhile. */
const BLOCK_BYTES: usize = 4096;

export function applyVector(
  inputs: usize,
  outputs: usize,
  coefficients: usize,
  tables: usize,
  columns: i32,
  rows: i32,
  lengthBytes: usize,
): void {
  writeTables(tables, coefficients, columns, rows);
  const inputsEnd = inputs + ((<usize>columns) << 2);
  const stepsEnd = lengthBytes & ~(STEP_BYTES - 1);
  for (let from: usize = 0; from < stepsEnd; from += BLOCK_BYTES) {
    const to = min(from + BLOCK_BYTES, stepsEnd);
    let group = tables;
    for (let row = 0; row < rows; row += 4) {
      const height = min(rows - row, 4);
      const out = outputs + ((<usize>row) << 2);
      if (height == 4) rows4(inputs, inputsEnd, out, group, from, to);
      else if (height == 3) rows3(inputs, inputsEnd, out, group, from, to);
      else if (height == 2) rows2(inputs, inputsEnd, out, group, from, to);
      else rows1(inputs, inputsEnd, out, group, from, to);
      group += <usize>columns * <usize>height * ROW_BYTES;
    }
  }
  if (stepsEnd < lengthBytes) {
    writeTail(inputs, inputsEnd, outputs, tables, columns, rows, stepsEnd, lengthBytes);
  }
}

function writeTables(tables: usize, coefficients: usize, columns: i32, rows: i32): void {
  let table = tables;
  for (let row = 0; row < rows; row += 4) {
    const height = min(rows - row, 4);
    for (let column = 0; column < columns; column++) {
      for (let inner = 0; inner < height; inner++) {
        const coefficient = load<u8>(coefficients + <usize>((row + inner) * columns + column));
        writeProducts(table, 1, coefficient);
        table += ROW_BYTES;
      }
    }
  }
}

/** Indices are 0..15 here, where the relaxed swizzle is exact on every machine. */
function pick(table: v128, indices: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, indices);
  return i8x16.swizzle(table, indices);
}

/** The sum plus the products of 16 data bytes, given as their low and high halves. */
function plus(sum: v128, table: usize, low: v128, high: v128): v128 {
  return v128.xor(v128.xor(sum, pick(v128.load(table), low)), pick(v128.load(table, 16), high));
}

function lowHalves(data: v128): v128 {
  return v128.and(data, i8x16.splat(15));
}

/** Shifted in 16-bit lanes, which x86-64 has, and masked; it has no shift of byte lanes. */
function highHalves(data: v128): v128 {
  return v128.and(i16x8.shr_u(data, 4), i8x16.splat(15));
}

function put(outputs: usize, row: usize, at: usize, first: v128, second: v128): void {
  const out = <usize>load<u32>(outputs + (row << 2)) + at;
  v128.store(out, first);
  v128.store(out, second, 16);
}

function rows4(
  inputs: usize,
  end: usize,
  outputs: usize,
  tables: usize,
  from: usize,
  to: usize,
): void {
  for (let at = from; at < to; at += STEP_BYTES) {
    let a0 = i64x2.splat(0);
    let a1 = a0;
    let b0 = a0;
    let b1 = a0;
    let c0 = a0;
    let c1 = a0;
    let d0 = a0;
    let d1 = a0;
    let table = tables;
    for (let input = inputs; input < end; input += 4) {
      const data = <usize>load<u32>(input) + at;
      const x0 = v128.load(data);
      const x1 = v128.load(data, 16);
      const l0 = lowHalves(x0);
      const h0 = highHalves(x0);
      const l1 = lowHalves(x1);
      const h1 = highHalves(x1);
      a0 = plus(a0, table, l0, h0);
      a1 = plus(a1, table, l1, h1);
      b0 = plus(b0, table + 32, l0, h0);
      b1 = plus(b1, table + 32, l1, h1);
      c0 = plus(c0, table + 64, l0, h0);
      c1 = plus(c1, table + 64, l1, h1);
      d0 = plus(d0, table + 96, l0, h0);
      d1 = plus(d1, table + 96, l1, h1);
      table += 128;
    }
    put(outputs, 0, at, a0, a1);
    put(outputs, 1, at, b0, b1);
    put(outputs, 2, at, c0, c1);
    put(outputs, 3, at, d0, d1);
  }
}

function rows3(
  inputs: usize,
  end: usize,
  outputs: usize,
  tables: usize,
  from: usize,
  to: usize,
): void {
  for (let at = from; at < to; at += STEP_BYTES) {
    let a0 = i64x2.splat(0);
    let a1 = a0;
    let b0 = a0;
    let b1 = a0;
    let c0 = a0;
    let c1 = a0;
    let table = tables;
    for (let input = inputs; input < end; input += 4) {
      const data = <usize>load<u32>(input) + at;
      const x0 = v128.load(data);
      const x1 = v128.load(data, 16);
      const l0 = lowHalves(x0);
      const h0 = highHalves(x0);
      const l1 = lowHalves(x1);
      const h1 = highHalves(x1);
      a0 = plus(a0, table, l0, h0);
      a1 = plus(a1, table, l1, h1);
      b0 = plus(b0, table + 32, l0, h0);
      b1 = plus(b1, table + 32, l1, h1);
      c0 = plus(c0, table + 64, l0, h0);
      c1 = plus(c1, table + 64, l1, h1);
      table += 96;
    }
    put(outputs, 0, at, a0, a1);
    put(outputs, 1, at, b0, b1);
    put(outputs, 2, at, c0, c1);
  }
}

function rows2(
  inputs: usize,
  end: usize,
  outputs: usize,
  tables: usize,
  from: usize,
  to: usize,
): void {
  for (let at = from; at < to; at += STEP_BYTES) {
    let a0 = i64x2.splat(0);
    let a1 = a0;
    let b0 = a0;
    let b1 = a0;
    let table = tables;
    for (let input = inputs; input < end; input += 4) {
      const data = <usize>load<u32>(input) + at;
      const x0 = v128.load(data);
      const x1 = v128.load(data, 16);
      const l0 = lowHalves(x0);
      const h0 = highHalves(x0);
      const l1 = lowHalves(x1);
      const h1 = highHalves(x1);
      a0 = plus(a0, table, l0, h0);
      a1 = plus(a1, table, l1, h1);
      b0 = plus(b0, table + 32, l0, h0);
      b1 = plus(b1, table + 32, l1, h1);
      table += 64;
    }
    put(outputs, 0, at, a0, a1);
    put(outputs, 1, at, b0, b1);
  }
}

function rows1(
  inputs: usize,
  end: usize,
  outputs: usize,
  tables: usize,
  from: usize,
  to: usize,
): void {
  for (let at = from; at < to; at += STEP_BYTES) {
    let a0 = i64x2.splat(0);
    let a1 = a0;
    let table = tables;
    for (let input = inputs; input < end; input += 4) {
      const data = <usize>load<u32>(input) + at;
      const x0 = v128.load(data);
      const x1 = v128.load(data, 16);
      a0 = plus(a0, table, lowHalves(x0), highHalves(x0));
      a1 = plus(a1, table, lowHalves(x1), highHalves(x1));
      table += 32;
    }
    put(outputs, 0, at, a0, a1);
  }
}

/** The last bytes, fewer than a step, one by one: nothing is read or written beyond them. */
function writeTail(
  inputs: usize,
  end: usize,
  outputs: usize,
  tables: usize,
  columns: i32,
  rows: i32,
  from: usize,
  to: usize,
): void {
  let group = tables;
  for (let row = 0; row < rows; row += 4) {
    const height = min(rows - row, 4);
    const columnBytes = <usize>height * ROW_BYTES;
    for (let inner = 0; inner < height; inner++) {
      const out = <usize>load<u32>(outputs + ((<usize>(row + inner)) << 2));
      for (let at = from; at < to; at++) {
        let table = group + <usize>inner * ROW_BYTES;
        let sum: u32 = 0;
        for (let input = inputs; input < end; input += 4) {
          const byte = <u32>load<u8>(<usize>load<u32>(input) + at);
          sum ^= load<u8>(table + (byte & 15)) ^ load<u8>(table + (byte >> 4), 16);
          table += columnBytes;
        }
        store<u8>(out + at, <u8>sum);
      }
    }
    group += <usize>columns * columnBytes;
  }
}
