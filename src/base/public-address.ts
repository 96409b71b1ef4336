/** First and last of the IPv4 networks that no route leads to from elsewhere (RFC 6890), by their
 * first 32 bits. Of the networks for documentation 203.0.113.0/24 is not among them: the NAT
 * laboratory is made of it. */
const PRIVATE_IPV4 = (
  [
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["100.64.0.0", 10],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
    ["172.16.0.0", 12],
    ["192.0.0.0", 24],
    ["192.0.2.0", 24],
    ["192.168.0.0", 16],
    ["198.18.0.0", 15],
    ["198.51.100.0", 24],
    ["224.0.0.0", 3],
  ] as const
).map(([network, bits]) => ({ network: readIpv4(network) ?? 0, bits }));

/** Whether a host, without port and brackets, may be reached from everywhere: no private, local,
 * shared (CGNAT) or multicast address. A name may be. */
export function isPublicAddress(host: string): boolean {
  if (!host.includes(":")) {
    const number = readIpv4(host);
    if (number === undefined) return host !== "" && !isLocalName(host);
    return PRIVATE_IPV4.every(({ network, bits }) => !isIn(number, network, bits));
  }
  const text = host.toLowerCase();
  const mapped = /^::(?:ffff:)?([0-9.]+)$/.exec(text)?.[1];
  if (mapped !== undefined && mapped.includes(".")) return isPublicAddress(mapped);
  // Global unicast is 2000::/3; all else is local, multicast, or leads nowhere.
  const [first = ""] = text.split(":");
  const bits = Number.parseInt(first, 16);
  return bits >= 0x2000 && bits <= 0x3fff && !text.includes("%");
}

function isLocalName(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost") || name.endsWith(".local");
}

/** The 32 bits of an IPv4 address, or undefined where the text is none. */
function readIpv4(text: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((all, part) => all * 256 + part, 0);
}

function isIn(address: number, network: number, bits: number): boolean {
  const size = 2 ** (32 - bits);
  return Math.floor(address / size) === Math.floor(network / size);
}
