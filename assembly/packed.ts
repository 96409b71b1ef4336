// The scalar twin. Four rows at a time: a table entry is a u32 that holds the product for each of
// four rows, so that one look-up per half byte serves four outputs.
//
//   table of one column, 128 bytes: u32 low[16] | u32 high[16], byte r of an entry is for row r
import { writeProducts } from "./field";

const COLUMN_BYTES: usize = 128;
/** Bytes of a shard per pass over all rows: so much of each input stays cached meanwhile. */
const BLOCK_BYTES: usize = 4096;

export function applyPacked(
  inputs: usize,
  outputs: usize,
  coefficients: usize,
  tables: usize,
  columns: i32,
  rows: i32,
  lengthBytes: usize,
): void {
  writePacked(tables, coefficients, columns, rows);
  const groupBytes = <usize>columns * COLUMN_BYTES;
  for (let from: usize = 0; from < lengthBytes; from += BLOCK_BYTES) {
    const to = min(from + BLOCK_BYTES, lengthBytes);
    let group = tables;
    for (let row = 0; row < rows; row += 4) {
      multiply(inputs, outputs + ((<usize>row) << 2), group, columns, min(rows - row, 4), from, to);
      group += groupBytes;
    }
  }
}

/** The last group may have fewer than four rows: nobody looks at the bytes of the absent ones. */
function writePacked(tables: usize, coefficients: usize, columns: i32, rows: i32): void {
  for (let row = 0; row < rows; row++) {
    const group = tables + <usize>(row >> 2) * <usize>columns * COLUMN_BYTES + (<usize>row & 3);
    for (let column = 0; column < columns; column++) {
      const coefficient = load<u8>(coefficients + <usize>(row * columns + column));
      writeProducts(group + <usize>column * COLUMN_BYTES, 4, coefficient);
    }
  }
}

function product(table: usize, byte: u32): u32 {
  return load<u32>(table + ((byte & 15) << 2)) ^ load<u32>(table + ((byte >> 4) << 2), 64);
}

/** Bytes [from, to) of up to four rows. */
function multiply(
  inputs: usize,
  outputs: usize,
  tables: usize,
  columns: i32,
  rows: i32,
  from: usize,
  to: usize,
): void {
  const inputsEnd = inputs + ((<usize>columns) << 2);
  let at = from;
  for (; at + 4 <= to; at += 4) {
    let s0: u32 = 0;
    let s1: u32 = 0;
    let s2: u32 = 0;
    let s3: u32 = 0;
    let table = tables;
    for (let input = inputs; input < inputsEnd; input += 4) {
      const data = load<u32>(<usize>load<u32>(input) + at);
      s0 ^= product(table, data & 0xff);
      s1 ^= product(table, (data >> 8) & 0xff);
      s2 ^= product(table, (data >> 16) & 0xff);
      s3 ^= product(table, data >> 24);
      table += COLUMN_BYTES;
    }
    for (let row: usize = 0; row < <usize>rows; row++) {
      const shift = (<u32>row) << 3;
      const word =
        ((s0 >> shift) & 0xff) |
        (((s1 >> shift) & 0xff) << 8) |
        (((s2 >> shift) & 0xff) << 16) |
        ((s3 >> shift) << 24);
      store<u32>(<usize>load<u32>(outputs + (row << 2)) + at, word);
    }
  }
  for (; at < to; at++) {
    let sum: u32 = 0;
    let table = tables;
    for (let input = inputs; input < inputsEnd; input += 4) {
      sum ^= product(table, load<u8>(<usize>load<u32>(input) + at));
      table += COLUMN_BYTES;
    }
    for (let row: usize = 0; row < <usize>rows; row++) {
      store<u8>(<usize>load<u32>(outputs + (row << 2)) + at, <u8>(sum >> ((<u32>row) << 3)));
    }
  }
}
