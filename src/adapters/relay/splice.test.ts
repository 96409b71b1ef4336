import assert from "node:assert/strict";
import { once } from "node:events";
import { duplexPair, type Duplex } from "node:stream";
import { test } from "node:test";
import { until } from "../../../tests/support/relay-swarm.ts";
import { splice, type Meter } from "./splice.ts";

interface Spliced {
  /** The relay's two sockets, and what stands at their other ends. */
  forth: Duplex;
  back: Duplex;
  dialler: Duplex;
  home: Duplex;
  done: Promise<void>;
}

function begin(meter: Meter = () => undefined): Spliced {
  const [forth, dialler] = duplexPair();
  const [back, home] = duplexPair();
  return { forth, back, dialler, home, done: splice(forth, back, meter) };
}

test("splice() carries both ways, and says which", async () => {
  const counts = { forth: 0, back: 0 };
  const { dialler, home, done } = begin((lengthBytes, isForth) => {
    counts[isForth ? "forth" : "back"] += lengthBytes;
    return undefined;
  });
  dialler.end("question");
  assert.equal(String((await once(home, "data"))[0]), "question");
  home.end("answers");
  assert.equal(String((await once(dialler, "data"))[0]), "answers");
  await done;
  assert.deepEqual(counts, { forth: 8, back: 7 });
});

test("splice() ends both sockets when one that had said its last breaks", async () => {
  const { forth, back, dialler, home, done } = begin();
  dialler.end("over");
  assert.equal(String((await once(home, "data"))[0]), "over");
  await until("its end came", () => forth.readableEnded);
  assert.equal(back.destroyed, false);
  forth.destroy();
  await done;
  assert.equal(back.destroyed, true);
});

test("splice() ends both sockets when the meter throws, also while it is waited for", async () => {
  const meters: Meter[] = [
    () => {
      throw new Error("enough");
    },
    () => Promise.reject(new Error("enough")),
  ];
  for (const meter of meters) {
    const { forth, back, dialler, done } = begin(meter);
    dialler.write("x");
    await done;
    assert.ok(forth.destroyed && back.destroyed);
  }
});

test("splice() stops a wait of the meter when a socket breaks", async () => {
  let isAborted = false;
  const { back, dialler, done } = begin((_lengthBytes, _isForth, signal) => {
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        isAborted = true;
        reject(new Error("over"));
      });
    });
  });
  dialler.write("x");
  await until("the meter holds it", () => dialler.writableLength === 0);
  back.destroy(new Error("broken"));
  await done;
  assert.equal(isAborted, true);
});

test("splice() takes sockets that are closed already", async () => {
  const [forth] = duplexPair();
  const [back] = duplexPair();
  forth.destroy();
  await once(forth, "close");
  await splice(forth, back, () => undefined);
  assert.equal(back.destroyed, true);
});
