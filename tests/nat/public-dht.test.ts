// Two homes behind routers, and no member that can be reached from outside.
import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { invite, joinSwarm, untilReached } from "./cell.ts";
import { NatLab, whyNoLab } from "./lab.ts";

const FIRST_PORT = 49_737;
const limits = { skip: whyNoLab(), timeout: 120_000 };

test("homes that nobody reaches meet through a DHT that is not the swarm's", limits, async () => {
  const lab = NatLab.build({ nodes: "open", homeA: "cone", homeB: "cone" });
  try {
    await lab.explain(async () => {
      const [nodes, homeA, homeB] = [lab.host("nodes"), lab.host("homeA"), lab.host("homeB")];
      const script = join(import.meta.dirname, "open-dht.ts");
      const command = [process.execPath, script, nodes.address, String(FIRST_PORT)];
      const { child } = lab.start("nodes", command);
      await once(child.stdout ?? child, "data");
      const places = Array.from({ length: 4 }, (_, at) => `${nodes.address}:${FIRST_PORT + at}`);
      const config = { public_dht: JSON.stringify(places), code: "1/1" };
      await homeA.init(config);
      await homeA.up();
      const invitation = await invite(homeA);
      const without = await homeB.run("join", invitation);
      assert.notEqual(without.status, 0, "over TCP alone nobody is reached");
      await homeB.ask("down").catch(() => undefined);
      await joinSwarm(homeB, invitation, config);
      await untilReached(homeA, homeB, "punched");
      await untilReached(homeB, homeA, "punched");
    });
  } finally {
    await lab.remove();
  }
});
