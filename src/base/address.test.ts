import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress, parseAddress } from "./address.ts";

test("parseAddress() reads names, IPv4 and bracketed IPv6", () => {
  const cases: [string, string, number][] = [
    ["127.0.0.1:1", "127.0.0.1", 1],
    ["host.example:65535", "host.example", 65_535],
    ["[::1]:4000", "::1", 4_000],
    ["[fe80::1%eth0]:4000", "fe80::1%eth0", 4_000],
  ];
  for (const [text, host, port] of cases) {
    assert.deepEqual(parseAddress(text), { host, port });
    assert.equal(formatAddress({ host, port }), text);
  }
});

test("parseAddress() refuses everything else", () => {
  const bad = ["", "host", "host:", ":1", "host:0", "host:65536", "host:01", "::1:4000", "[::1]"];
  bad.push("[host:1", "a b:1", "host:1 ", "http://host:1", "host:1/x", `${"a".repeat(100)}:1`);
  for (const text of bad) assert.equal(parseAddress(text), undefined, text);
});
