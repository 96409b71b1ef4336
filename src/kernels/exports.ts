/** What a kernel module exports. Addresses and lengths are below 2^31.
 * The contracts stand in assembly/index.ts. */
export interface KernelExports {
  apply(
    inputs: number,
    outputs: number,
    coefficients: number,
    tables: number,
    columns: number,
    rows: number,
    lengthBytes: number,
  ): void;
  cut(table: number, at: number, from: number, to: number, limit: bigint): number;
}
