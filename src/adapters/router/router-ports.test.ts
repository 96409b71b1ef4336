import assert from "node:assert/strict";
import { test } from "node:test";
import type { Log } from "../../ports/log.ts";
import { MemoryClock } from "../clock-memory.ts";
import { ownAddressTowards, readRoutes } from "./gateway-route.ts";
import { openRouterPorts, type RouterPorts } from "./router-ports.ts";
import type { MappedPort, RouterWay, WantedPort } from "./ways.ts";

/** A router in memory. */
class Router implements RouterWay {
  readonly name: RouterWay["name"];
  readonly open = new Map<string, MappedPort>();
  state: "works" | "refuses" | "hangs" = "works";
  asks = 0;

  constructor(name: RouterWay["name"] = "nat-pmp") {
    this.name = name;
  }

  async map(ports: readonly WantedPort[]): Promise<MappedPort[]> {
    this.asks++;
    await this.#answer();
    const mapped = ports.map((each) => ({ ...each, external: `203.0.113.1:${each.port}` }));
    for (const each of mapped) this.open.set(`${each.protocol} ${each.port}`, each);
    return mapped;
  }

  async unmap(ports: readonly MappedPort[]): Promise<void> {
    await this.#answer();
    for (const { protocol, port } of ports) this.open.delete(`${protocol} ${port}`);
  }

  async #answer(): Promise<void> {
    if (this.state === "refuses") throw new Error("not today");
    if (this.state === "hangs") await new Promise(() => undefined);
  }
}

function start(...ways: Router[]): {
  ports: RouterPorts;
  clock: MemoryClock;
  said: string[];
  changes: () => number;
} {
  const clock = new MemoryClock();
  const said: string[] = [];
  const log: Log = { write: (level, event) => void said.push(`${level} ${event}`) };
  let changeCount = 0;
  const onChange = (): void => void changeCount++;
  const ports = openRouterPorts({
    ...{ tcpPort: 4242, udpPorts: [5000, 5001], clock, log, ways, onChange },
  });
  return { ports, clock, said, changes: () => changeCount };
}

const HOUR_MS = 3_600_000;

test("ports are open, renewed before their lease is over, and removed at the end", async () => {
  const router = new Router();
  const { ports, clock, changes } = start(router);
  await ports.tried;
  assert.deepEqual(ports.mapped()[0], {
    protocol: "tcp",
    port: 4242,
    external: "203.0.113.1:4242",
  });
  assert.deepEqual([...router.open.keys()], ["tcp 4242", "udp 5000", "udp 5001"]);
  await clock.advance(HOUR_MS);
  assert.deepEqual([router.asks, changes()], [3, 1], "twice an hour, and nothing is new");
  await ports.close();
  assert.deepEqual([router.open.size, ports.mapped().length, clock.sleeping], [0, 0, 0]);
});

test("a router that refuses is left for the next way, and asked again later", async () => {
  const [first, second] = [new Router(), new Router("upnp")];
  first.state = "refuses";
  second.state = "refuses";
  const { ports, clock, said, changes } = start(first, second);
  await ports.tried;
  assert.deepEqual([ports.mapped(), said], [[], ["debug router.refused", "debug router.refused"]]);
  assert.deepEqual(ports.outcome(), { failure: "nat-pmp: not today; upnp: not today" });
  second.state = "works";
  await clock.advance(10 * 60_000);
  assert.deepEqual(ports.outcome(), { method: "upnp" });
  assert.deepEqual([ports.mapped().length, changes()], [3, 1]);
  first.state = "works";
  await clock.advance(HOUR_MS);
  assert.equal(first.open.size, 0, "what works goes on, nothing is opened twice");
  second.state = "refuses";
  first.state = "refuses";
  await clock.advance(HOUR_MS);
  assert.deepEqual([ports.mapped(), changes()], [[], 2], "a router that restarted is noticed");
  await ports.close();
});

test("one that never answers costs a bounded time, at the start and at the end", async () => {
  const [silent, other] = [new Router(), new Router("upnp")];
  silent.state = "hangs";
  const { ports, clock } = start(silent, other);
  await clock.advance(7_999);
  assert.equal(other.asks, 0);
  await clock.advance(1);
  await ports.tried;
  assert.equal(ports.mapped().length, 3);
  other.state = "hangs";
  const closing = ports.close();
  await clock.advance(2_000);
  await closing;
  assert.equal(clock.sleeping, 0);
});

test("close() ends an attempt that is under way", async () => {
  const silent = new Router();
  silent.state = "hangs";
  const { ports, clock } = start(silent);
  await ports.close();
  assert.deepEqual([ports.mapped(), clock.sleeping], [[], 0]);
});

test("readRoutes() finds the gateway of the default route with the lowest metric", () => {
  const head =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
  const row = (destination: string, gateway: string, flags: string, metric: number): string =>
    `w0\t${destination}\t${gateway}\t${flags}\t0\t0\t${metric}\t${destination}\t0\t0\t0`;
  const far = row("00000000", "0101A8C0", "0003", 600);
  const near = row("00000000", "01004D0A", "0003", 100);
  const rows = [head, row("0000FEA9", "00000000", "0001", 0), far, near, ""].join("\n");
  assert.equal(readRoutes(rows), "10.77.0.1");
  const down = [head, row("00000000", "0101A8C0", "0002", 0)].join("\n");
  for (const text of ["", head, "\n\n\t\t", down]) assert.equal(readRoutes(text), undefined);
});

test("ownAddressTowards() says which of our addresses leads there, and sends nothing", async () => {
  assert.equal(await ownAddressTowards("127.0.0.1"), "127.0.0.1");
});
