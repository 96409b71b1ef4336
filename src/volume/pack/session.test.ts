import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryWorkers } from "../../adapters/workers-memory.ts";
import type { PackCommand, PackEvent } from "./messages.ts";
import { PackSession } from "./session.ts";

const LIVE = new AbortController().signal;

test("what cannot be kept of a tree fails the command, and nothing else", async () => {
  const workers = memoryWorkers({
    pack: (channel) =>
      channel.receive((message) => {
        if ((message as PackCommand).type !== "scan") return;
        const event: PackEvent = {
          type: "node",
          name: new Uint8Array(32),
          bytes: new Uint8Array(1),
        };
        channel.post(event);
      }),
    open: () => undefined,
  });
  const full = new Error("database or disk is full");
  const session = new PackSession(workers.start("pack", {}), {
    onStripe: async () => undefined,
    onNode: () => {
      throw full;
    },
    report: () => undefined,
  });
  await assert.rejects(session.scan(new Uint8Array(), [], LIVE), full);
  await assert.rejects(session.flush(LIVE), full);
  await session.close();
});
