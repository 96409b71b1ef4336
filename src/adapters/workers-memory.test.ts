import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import type { Channel } from "../ports/workers.ts";
import { memoryWorkers } from "./workers-memory.ts";

const none = (): void => undefined;

async function settle(): Promise<void> {
  for (let count = 0; count < 10; count++) await turn();
}

test("messages come in order, cloned, also those before there was a receiver", async () => {
  const workers = memoryWorkers({
    pack: (channel, setup) => {
      channel.post({ setup });
      channel.receive((message) => channel.post({ echo: message }));
    },
    open: none,
  });
  const setup = { bytes: Uint8Array.of(1) };
  const channel = workers.start("pack", setup);
  const message = { at: 1 };
  channel.post(message);
  channel.post({ at: 2 });
  message.at = 99;
  setup.bytes[0] = 99;
  await settle();
  const got: unknown[] = [];
  channel.receive((each) => got.push(each));
  await settle();
  assert.deepEqual(got, [
    { setup: { bytes: Uint8Array.of(1) } },
    { echo: { at: 1 } },
    { echo: { at: 2 } },
  ]);
});

test("a shared memory is shared", async () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const workers = memoryWorkers({
    pack: (_, setup) => {
      new Uint8Array((setup as { memory: WebAssembly.Memory }).memory.buffer)[7] = 42;
    },
    open: none,
  });
  workers.start("pack", { memory });
  assert.equal(new Uint8Array(memory.buffer)[7], 42);
});

test("a task that throws ends its line, and the owner is told once", async () => {
  let worker: Channel | undefined;
  const workers = memoryWorkers({
    open: none,
    pack: (channel) => {
      worker = channel;
      channel.receive(() => {
        throw new TypeError("broken");
      });
    },
  });
  const channel = workers.start("pack", {});
  const failures: string[] = [];
  channel.failed((error) => failures.push(error.message));
  channel.post(1);
  channel.post(2);
  await settle();
  assert.deepEqual(failures, ["broken"]);
  const got: unknown[] = [];
  channel.receive((message) => got.push(message));
  worker?.post("late");
  await settle();
  assert.deepEqual(got, []);
});

test("nothing arrives after close()", async () => {
  const heard: unknown[] = [];
  const workers = memoryWorkers({
    open: none,
    pack: (channel) => channel.receive((message) => heard.push(message)),
  });
  const channel = workers.start("pack", {});
  channel.post("before");
  await channel.close();
  channel.post("after");
  await settle();
  assert.deepEqual(heard, []);
});
