// A peer's port behind a router that opens it: says what was mapped, answers connections, and
// removes the mapping when its input ends.
import { once } from "node:events";
import { createServer } from "node:net";
import { systemClock } from "../../src/adapters/clock.node.ts";
import { natPmp } from "../../src/adapters/router/nat-pmp.ts";
import { openRouterPorts } from "../../src/adapters/router/router-ports.ts";
import { createUpnp } from "../../src/adapters/router/upnp.ts";

const ways = process.argv[2] === "upnp" ? [createUpnp()] : [natPmp];
const server = createServer((socket) => socket.end("here")).listen(4242, "0.0.0.0");
await once(server, "listening");
const log = {
  write: (...said: unknown[]) => void process.stderr.write(`${JSON.stringify(said)}\n`),
};
const options = { tcpPort: 4242, udpPorts: [4243, 4244], clock: systemClock, log, ways };
const ports = openRouterPorts(options);
await ports.tried;
process.stdout.write(`${JSON.stringify(ports.mapped())}\n`);
process.stdin.resume();
await once(process.stdin, "end");
await ports.close();
server.close();
