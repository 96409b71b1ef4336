/** A device's secrets: a few small named values that survive a power cut. Names are made by us
 * (SECRET_NAME), values have at most SECRET_MAX_BYTES.
 * @throws SecretsError SECRET_UNREADABLE | SECRET_UNWRITABLE; messages name the file, never its
 * content */
export interface Secrets {
  /** The value, a fresh array, or undefined where there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Writes or replaces a value: all of it or nothing, durable when the promise resolves, readable
   * by this user alone. */
  write(name: string, value: Uint8Array): Promise<void>;
  /** All names, sorted. */
  list(): Promise<string[]>;
}
