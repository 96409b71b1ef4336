import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile } from "node:fs/promises";

/** NAT-PMP's port; nothing is sent to find out which way leads there. */
const PMP_PORT = 5_351;
const ROUTE_UP_GATEWAY = 3;

/** The router that this machine's packets leave by, and this machine's address towards it.
 * @throws where there is none, or the system does not say (it does on Linux) */
export async function gatewayRoute(): Promise<{ router: string; own: string }> {
  const router = readRoutes(await readFile("/proc/net/route", "latin1"));
  if (router === undefined) throw new Error("there is no default route");
  return { router, own: await ownAddressTowards(router) };
}

/** The gateway of the default route in the text of /proc/net/route, that of the lowest metric. */
export function readRoutes(text: string): string | undefined {
  const routes = text
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"));
  const [best] = routes
    .filter(([, destination, , flags, , , , mask]) => {
      const isUp = (Number.parseInt(flags ?? "0", 16) & ROUTE_UP_GATEWAY) === ROUTE_UP_GATEWAY;
      return isUp && destination === "00000000" && mask === "00000000";
    })
    .sort((a, b) => Number(a[6]) - Number(b[6]));
  const gateway = best?.[2];
  if (gateway === undefined || !/^[0-9A-F]{8}$/.test(gateway)) return undefined;
  // The kernel writes the address as a number of the machine, which is little-endian.
  return [6, 4, 2, 0].map((at) => Number.parseInt(gateway.slice(at, at + 2), 16)).join(".");
}

/** This machine's own address on the way to `router`.
 * @throws the operating system's error where no way leads there */
export async function ownAddressTowards(router: string): Promise<string> {
  const socket = createSocket(router.includes(":") ? "udp6" : "udp4");
  try {
    socket.connect(PMP_PORT, router);
    await once(socket, "connect");
    return socket.address().address;
  } finally {
    socket.close();
  }
}
