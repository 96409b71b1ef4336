/** What every benchmark of the swarm prints, one line of JSON. A ratio above 1 means that we are
 * faster than what we compare with. */
export interface BenchLine {
  bench: string;
  seconds: number;
  mbps: number;
  reference: { name: string; seconds: number } | { name: string; missing: string };
  ratio: number | undefined;
  floor: { seconds: number } | undefined;
  floorRatio: number | undefined;
  ownerCpuSeconds: number;
  holdersCpuSeconds: number;
  peakRssMiB: number;
  [detail: string]: unknown;
}

/** Rounds to three digits behind the point. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** Prints a line for programs, or a sentence for people. */
export function print(line: BenchLine, asJson: boolean): void {
  if (asJson) return console.log(JSON.stringify(line));
  const { bench, seconds, mbps, reference, ratio, floor, floorRatio } = line;
  const compared =
    "missing" in reference
      ? `${reference.name}: ${reference.missing}`
      : `${reference.name} ${reference.seconds} s, ratio ${ratio ?? "-"}`;
  const bare = floor === undefined ? "" : `, floor ${floor.seconds} s (${floorRatio ?? "-"})`;
  const cpu = `CPU owner ${line.ownerCpuSeconds} s, holders ${line.holdersCpuSeconds} s`;
  console.log(`${bench}: ${seconds} s, ${mbps} MB/s; ${compared}${bare}; ${cpu}`);
  console.log(`  peak memory of the owner ${line.peakRssMiB} MiB`);
}
