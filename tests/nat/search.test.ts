// The search of the capture test finds what is there: in every form, and across packets.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { findSecrets, formsOf, framesOf, searchable, startCapture } from "./capture.ts";
import { NatLab, whyNoLab } from "./lab.ts";

const SECRET = randomBytes(32);
const secrets = new Map([["key", formsOf(SECRET, SECRET.toString("base64"))]]);
const find = (...parts: (Uint8Array | string)[]): string[] =>
  findSecrets([Buffer.concat(parts.map((part) => Buffer.from(part)))], secrets);

test("findSecrets() finds each form, wherever it lies", () => {
  for (const encoding of ["hex", "base64", "base64url"] as const) {
    for (const before of [0, 1, 2, 3]) {
      const text = Buffer.concat([randomBytes(before), SECRET, randomBytes(7)]).toString(encoding);
      assert.deepEqual(find(randomBytes(50), text), ["key"], `${encoding} after ${before}`);
    }
  }
  assert.deepEqual(find(SECRET), ["key"]);
  assert.deepEqual(find(randomBytes(1000), SECRET, randomBytes(1)), ["key"]);
  assert.deepEqual(find(SECRET.subarray(0, 31), randomBytes(1)), []);
  assert.deepEqual(find(randomBytes(100_000)), []);
});

/** A program that sends the words of its last argument one by one to the host before it. */
const SEND = `
const [host, ...words] = process.argv.slice(1);
const udp = require("node:dgram").createSocket("udp4");
const tcp = require("node:net").connect(5000, host, async () => {
  tcp.setNoDelay();
  for (const word of words) {
    udp.send(Buffer.from(word, "hex"), 5000, host);
    tcp.write(Buffer.from(word, "hex"));
    await new Promise((resolve) => tcp.once("data", resolve));
  }
  tcp.end();
  udp.close();
});`;
/** One that answers every part of a TCP stream with a byte. */
const RECEIVE = `
require("node:dgram").createSocket("udp4").bind(5000);
require("node:net")
  .createServer((socket) => socket.on("data", () => socket.write("+")))
  .listen(5000, () => console.log("ready"));`;

test("a capture has what was sent in clear", { skip: whyNoLab() }, async () => {
  const lab = NatLab.build({ pub1: "open", pub2: "open", home: "cone" });
  try {
    const receiver = lab.host("pub2");
    const node = (program: string, ...words: string[]): string[] => [
      process.execPath,
      "-e",
      program,
      ...words,
    ];
    const { child } = lab.start("pub2", node(RECEIVE));
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    const stop = await startCapture(lab);
    const [half, rest] = [SECRET.subarray(0, 16), SECRET.subarray(16)].map((part) =>
      part.toString("hex"),
    );
    await lab.start("home", node(SEND, receiver.address, half ?? "", rest ?? "")).ended;
    const frames = await stop();
    const of = (protocol: string) => frames.filter((frame) => frame.protocol === protocol);
    const [udp, tcp] = [of("udp"), of("tcp")];
    assert.deepEqual(
      udp.map(({ payload }) => payload.toString("hex")),
      [half, rest],
    );
    assert.equal(udp[0]?.to, `${receiver.address}:5000`);
    assert.match(udp[0]?.from ?? "", /^203\.0\.113\.103:/);
    // No frame has the whole of it; the connection has.
    assert.deepEqual(findSecrets(searchable(udp), secrets), []);
    assert.deepEqual(findSecrets(searchable(tcp), secrets), ["key"]);
    assert.deepEqual(framesOf(Buffer.alloc(0)), []);
  } finally {
    await lab.remove();
  }
});
