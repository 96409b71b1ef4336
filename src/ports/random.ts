/** Randomness that an attacker cannot predict. */
export interface Random {
  /** `lengthBytes` fresh random bytes; the caller owns them. */
  bytes(lengthBytes: number): Uint8Array;
}
