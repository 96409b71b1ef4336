/** Longest text of an address: a 63-character name or a bracketed IPv6 with a zone, and a port. */
export const ADDRESS_MAX_CHARS = 80;

/** Where to dial. */
export interface HostPort {
  /** A name or an IP address, IPv6 without its brackets. */
  host: string;
  port: number;
}

const ADDRESS = /^(?:\[([0-9a-fA-F:.%a-z]{2,64})\]|([0-9A-Za-z._-]{1,64})):([1-9][0-9]{0,4})$/;

/** Reads `host:port` or `[IPv6]:port`; undefined where the text is neither. */
export function parseAddress(text: string): HostPort | undefined {
  if (text.length > ADDRESS_MAX_CHARS) return undefined;
  const match = ADDRESS.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

/** Writes what `parseAddress` reads. */
export function formatAddress({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
