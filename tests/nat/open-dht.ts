// Nodes of a DHT that is no swarm's, as the public one is: `open-dht.ts HOST PORT`. Says `ready`.
import HyperDHT from "hyperdht";

const [host = "", wanted = ""] = process.argv.slice(2);
const first = Number(wanted);
const nodes = [];
for (let index = 0; index < 4; index++) {
  const bootstrap = index === 0 ? [] : [{ host, port: first }];
  const port = first + index;
  const options = { host, anyPort: false, bootstrap, ephemeral: false, firewalled: false } as const;
  const node = new HyperDHT({ ...options, port: [port, port + 1] });
  node._nat.add(host, port);
  await node.fullyBootstrapped();
  nodes.push(node);
}
process.stdout.write("ready\n");
