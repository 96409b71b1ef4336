import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClock } from "../adapters/clock-memory.ts";
import { DialBackVotes, ownAddresses } from "./own-addresses.ts";

const sources = { port: 4242, mapped: [], proven: [], hosts: ["192.168.1.7"] };
const seen = (host: string, state: "open" | "closed"): Parameters<DialBackVotes["note"]>[1] => ({
  tcp: { 4242: state },
  seen: `${host}:50000`,
});

test("ownAddresses() has the public ones first, each once, and no more than a card", () => {
  assert.deepEqual(
    ownAddresses({
      port: 4242,
      configured: "home.example:443",
      mapped: ["203.0.113.5:7000", "10.9.9.9:7000"],
      proven: ["203.0.113.5:4242"],
      hosts: ["192.168.1.7", "fd00::7", "2001:db8::7", "10.0.0.7"],
    }),
    [
      ...["home.example:443", "203.0.113.5:4242", "203.0.113.5:7000", "[2001:db8::7]:4242"],
      ...["192.168.1.7:4242", "10.0.0.7:4242", "[fd00::7]:4242"],
    ],
  );
  const hosts = Array.from({ length: 20 }, (_, at) => `192.168.${at}.1`);
  const proven = ["203.0.113.5:4242"];
  const many = ownAddresses({ ...sources, hosts, proven });
  assert.deepEqual([many.length, many[0]], [8, "203.0.113.5:4242"]);
  assert.deepEqual(ownAddresses({ ...sources, configured: "x y:1" }), ["192.168.1.7:4242"]);
});

test("ownAddresses() of this machine are addresses with its port", () => {
  const { port, mapped, proven } = sources;
  for (const address of ownAddresses({ port, mapped, proven })) assert.match(address, /:4242$/);
});

test("one who lies about what he saw is outvoted, by each kind of address", () => {
  const votes = new DialBackVotes(new MemoryClock());
  assert.equal(votes.isOpen(4242), undefined);
  votes.note("liar", seen("198.51.100.66", "open"), 4242);
  votes.note("a", seen("203.0.113.5", "open"), 4242);
  votes.note("b", seen("203.0.113.5", "open"), 4242);
  votes.note("b", seen("[2001:db8::5]", "open"), 4242);
  votes.note("c", seen("192.168.1.9", "closed"), 4242);
  assert.deepEqual(votes.proven(4242), ["203.0.113.5:4242", "[2001:db8::5]:4242"]);
  assert.equal(votes.isOpen(4242), true);
});

test("a port that most find closed is not open, and what was found a day ago is forgotten", async () => {
  const clock = new MemoryClock();
  const votes = new DialBackVotes(clock);
  votes.note("a", seen("203.0.113.5", "open"), 4242);
  votes.note("b", seen("203.0.113.5", "closed"), 4242);
  assert.deepEqual([votes.proven(4242), votes.isOpen(4242)], [[], false]);
  votes.note("b", seen("203.0.113.5", "open"), 4242);
  assert.equal(votes.isOpen(4242), true, "a peer's last word counts");
  await clock.advance(25 * 3_600_000);
  assert.deepEqual([votes.proven(4242), votes.isOpen(4242)], [[], undefined]);
});

test("of ten thousand reporters a bounded number is remembered", () => {
  const votes = new DialBackVotes(new MemoryClock());
  for (let number = 0; number < 10_000; number++) {
    votes.note(`${number}`, seen("203.0.113.5", "closed"), 4242);
  }
  for (let number = 0; number < 32; number++) {
    votes.note(`honest ${number}`, seen("203.0.113.5", "open"), 4242);
  }
  assert.equal(votes.isOpen(4242), true);
});
