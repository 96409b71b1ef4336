import { EventEmitter } from "node:events";
import { pmpNat, type Gateway } from "@achingbrain/nat-port-mapper";
import { formatAddress } from "../../base/address.ts";
import { ROUTER_LEASE_S } from "../../base/limits.ts";
import { gatewayRoute } from "./gateway-route.ts";
import { forEachPort, type RouterWay } from "./ways.ts";

/** NAT-PMP with the default gateway (RFC 6886). Each step has a socket of its own. */
export const natPmp: RouterWay = {
  name: "nat-pmp",
  map: (ports, signal) =>
    withGateway((gateway, own) =>
      forEachPort(ports, async ({ protocol, port }) => {
        // The library takes this number as seconds, whatever its documentation says, and its own
        // renewal never ends.
        const options = { protocol, ttl: ROUTER_LEASE_S, autoRefresh: false, signal };
        const { externalPort } = await gateway.map(port, own, options);
        const host = await gateway.externalIp({ signal });
        return { protocol, port, external: formatAddress({ host, port: externalPort }) };
      }),
    ),
  async unmap(ports, signal) {
    await withGateway((gateway) =>
      forEachPort(ports, async ({ protocol, port }) => {
        await gateway.map(port, "", { protocol, ttl: 0, autoRefresh: false, signal });
      }),
    );
  },
};

async function withGateway<T>(use: (gateway: Gateway, own: string) => Promise<T>): Promise<T> {
  const { router, own } = await gatewayRoute();
  const gateway = pmpNat(router);
  // An error without a listener would end the process.
  const failed = new Promise<never>((_, reject) => {
    if (gateway instanceof EventEmitter) gateway.on("error", reject);
  });
  failed.catch(() => undefined);
  try {
    return await Promise.race([use(gateway, own), failed]);
  } finally {
    await gateway.stop().catch(() => undefined);
  }
}
