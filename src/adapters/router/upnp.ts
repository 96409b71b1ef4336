import { upnpNat, type Gateway } from "@achingbrain/nat-port-mapper";
import { formatAddress } from "../../base/address.ts";
import { ROUTER_LEASE_S } from "../../base/limits.ts";
import { ownAddressTowards } from "./gateway-route.ts";
import { forEachPort, type RouterWay } from "./ways.ts";

const SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:2";
/** Answers to the search that are tried. */
const GATEWAYS_MAX = 4;

/** UPnP with the first Internet gateway (version 2) of the local network that opens anything. */
export function createUpnp(): RouterWay {
  let last: Gateway | undefined;
  return {
    name: "upnp",
    async map(ports, signal) {
      const client = upnpNat({ autoRefresh: false, description: "Holdfast" });
      let failure: unknown = new Error("no router answers");
      let triedCount = 0;
      for await (const gateway of client.findGateways({ signal })) {
        if (gateway.family !== "IPv4") continue;
        try {
          const own = await ownAddressTowards(gateway.host);
          const mapped = await forEachPort(ports, async ({ protocol, port }) => {
            const options = { protocol, ttl: ROUTER_LEASE_S * 1_000, signal };
            const { externalPort } = await gateway.map(port, own, options);
            const host = await gateway.externalIp({ signal });
            return { protocol, port, external: formatAddress({ host, port: externalPort }) };
          });
          last = gateway;
          return mapped;
        } catch (error) {
          failure = error;
        }
        if (++triedCount >= GATEWAYS_MAX) break;
      }
      throw failure;
    },
    async unmap(ports, signal) {
      if (last === undefined) return;
      const runner = runnerOf(last);
      if (runner === undefined) return;
      await forEachPort(ports, async (mapped) => {
        const text = mapped.external.slice(mapped.external.lastIndexOf(":") + 1);
        const values = [
          ["NewRemoteHost", ""],
          ["NewExternalPort", text],
          ["NewProtocol", mapped.protocol.toUpperCase()],
        ];
        await runner.run(SERVICE, "DeletePortMapping", values, { signal });
      });
    },
  };
}

interface Runner {
  run(service: string, action: string, values: string[][], options: object): Promise<unknown>;
}

/** The library's own way to a gateway. Its `unmap` names neither protocol nor outer port, so that
 * routers remove nothing. */
function runnerOf(gateway: Gateway): Runner | undefined {
  const device = "gateway" in gateway ? gateway.gateway : undefined;
  return isRunner(device) ? device : undefined;
}

function isRunner(value: unknown): value is Runner {
  return (
    typeof value === "object" && value !== null && "run" in value && typeof value.run === "function"
  );
}
