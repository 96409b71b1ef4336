/** The Padmé length of a message: at most 12 % more, and only O(log log) bits of its length show.
 * @see Nikitin et al., Reducing Metadata Leakage from Encrypted Files and Communication with
 * PURBs, 2019 */
export function padmeBytes(lengthBytes: number): number {
  if (lengthBytes < 2) return lengthBytes;
  const exponent = Math.floor(Math.log2(lengthBytes));
  const kept = Math.floor(Math.log2(exponent)) + 1;
  const step = 2 ** Math.max(exponent - kept, 0);
  return Math.ceil(lengthBytes / step) * step;
}
