import { networkInterfaces } from "node:os";
import { LAN_INTERFACES_MAX } from "../../base/limits.ts";
import type { LanInterface } from "./wire.ts";

/** The networks that this machine is in now, one entry per network and family. */
export function lanInterfaces(): LanInterface[] {
  const found = new Map<string, LanInterface>();
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const { address, family, internal } of addresses ?? []) {
      const number = family === "IPv4" ? 4 : 6;
      const key = `${name} ${number}`;
      if (!internal && !found.has(key)) found.set(key, { name, family: number, address });
    }
  }
  return [...found.values()].slice(0, LAN_INTERFACES_MAX);
}
