// Sessions that begin over a relay and move to a hole when one can be punched.
import assert from "node:assert/strict";
import { test } from "node:test";
import { until, writeRandom } from "../e2e/harness.ts";
import { found, invite, joinSwarm, look, untilReached } from "./cell.ts";
import { whyNoLab } from "./lab.ts";
import { assertThere, within } from "./within.ts";

const limits = { skip: whyNoLab(), timeout: 300_000 };
const LARGE_BYTES = 256 * 2 ** 20;
/** A better carrier is looked for after 5 s, and again after ever longer times. */
const MOVE_MAX_MS = 150_000;

test(
  "a transfer over a relay goes on when UDP comes through, and the next needs none",
  limits,
  (t) => {
    const hosts = { pub1: "open", homeA: "blocked", homeB: "cone" } as const;
    return within(hosts, async (lab) => {
      const [founder, owner, holder] = [lab.host("pub1"), lab.host("homeA"), lab.host("homeB")];
      await found(founder);
      const invitation = await invite(founder, "--uses", "2");
      await joinSwarm(holder, invitation, { file_storage: "2 GiB" });
      await joinSwarm(owner, invitation, { file_storage: 0, code: "1/1" });
      await untilReached(owner, holder, "relayed");
      writeRandom(lab.path("large"), LARGE_BYTES);
      const before = lab.carriedBytes("pub1");
      const put = owner.run("put", lab.path("large"), "/large");
      const isUnderWay = (): boolean => lab.carriedBytes("pub1") - before > LARGE_BYTES / 2;
      await until("a quarter of it is through", isUnderWay, MOVE_MAX_MS);
      lab.allowUdp("homeA");
      const fromMs = performance.now();
      const { status, stderr } = await put;
      assert.equal(status, 0, stderr);
      await assertThere(lab, owner, "large");
      const moved = async (): Promise<boolean> => {
        await owner.run("get", "/large", lab.path("again"), "--peers-only");
        return (await look(owner, holder)).carrier === "punched";
      };
      await until("the carrier is a hole", moved, MOVE_MAX_MS);
      t.diagnostic(`punched ${Math.round(performance.now() - fromMs)} ms after UDP came through`);
      const relayedBytes = lab.carriedBytes("pub1");
      await assertThere(lab, owner, "large");
      const more = lab.carriedBytes("pub1") - relayedBytes;
      assert.ok(more < LARGE_BYTES / 8, `${more} bytes went over the relay`);
    });
  },
);
