import assert from "node:assert/strict";
import { once } from "node:events";
import { duplexPair, type Duplex } from "node:stream";
import { describe, test } from "node:test";
import { until } from "../../../tests/support/relay-swarm.ts";
import { MemoryClock } from "../clock-memory.ts";
import { LINE_MAX_CHARS, LINE_PING_MS, LINE_SILENCE_MS, LINES_PER_PING_MAX } from "./limits.ts";
import { LineStream } from "./lines.ts";

interface Ends {
  clock: MemoryClock;
  line: LineStream;
  own: Duplex;
  other: Duplex;
  heard: string[];
}

function open(): Ends {
  const clock = new MemoryClock();
  const [own, other] = duplexPair();
  const heard: string[] = [];
  const line = new LineStream(own, clock, (text) => heard.push(text));
  return { clock, line, own, other, heard };
}

describe("LineStream", () => {
  test("hands on whole lines, however they come in pieces", async () => {
    const { other, heard, line } = open();
    for (const piece of ["one\ntw", "o\n", "three", "\n"]) {
      other.write(piece);
      await new Promise((resolve) => void setImmediate(resolve));
    }
    await until("all are heard", () => heard.length === 3);
    assert.deepEqual(heard, ["one", "two", "three"]);
    line.destroy();
  });

  test("answers PING, says it too, and tells nobody of it", async () => {
    const { clock, other, heard, line } = open();
    other.write("PING\n");
    assert.equal(String((await once(other, "data"))[0]), "PONG\n");
    const said = once(other, "data");
    await clock.advance(LINE_PING_MS);
    assert.equal(String((await said)[0]), "PING\n");
    other.write("PONG\n");
    await clock.advance(1);
    assert.deepEqual(heard, []);
    line.destroy();
  });

  test("lives as long as the other side says something", async () => {
    const { clock, own, other, line } = open();
    other.resume();
    for (let count = 0; count < 10; count++) {
      await clock.advance(LINE_SILENCE_MS - LINE_PING_MS);
      other.write("PONG\n");
      await until("it was heard", () => other.writableLength === 0);
    }
    assert.equal(own.destroyed, false);
    line.destroy();
  });

  test("ends when the other side is silent for too long, and sleeps no more", async () => {
    const { clock, own, other, line } = open();
    other.resume();
    await clock.advance(LINE_SILENCE_MS + LINE_PING_MS);
    await line.closed;
    assert.equal(own.destroyed, true);
    await clock.advance(1);
    assert.equal(clock.sleeping, 0);
  });

  test("ends when the other side ends", async () => {
    const { other, line } = open();
    other.end();
    await line.closed;
  });

  const wrongs: Record<string, string> = {
    "a line without end": "x".repeat(LINE_MAX_CHARS + 1),
    "a long line": `${"x".repeat(LINE_MAX_CHARS + 1)}\n`,
    "a flood": "PONG\n".repeat(LINES_PER_PING_MAX + 1),
  };
  for (const [name, text] of Object.entries(wrongs)) {
    test(`ends at ${name}`, async () => {
      const { other, heard, line } = open();
      other.write(text);
      await line.closed;
      assert.deepEqual(heard, []);
    });
  }

  test("ends when the other side does not read", async () => {
    const { line, own } = open();
    for (let count = 0; count < 1_000; count++) line.send("x".repeat(LINE_MAX_CHARS));
    await line.closed;
    assert.ok(own.writableLength < 100_000);
  });
});
