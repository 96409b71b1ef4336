import assert from "node:assert/strict";
import { test } from "node:test";
import { isPublicAddress } from "./public-address.ts";

const PUBLIC = [
  ...["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255"],
  ...["172.32.0.0", "192.167.1.1", "192.0.1.1", "223.255.255.255", "203.0.113.7"],
  ...["2001:db8::1", "2a00:1450::1", "3fff::1", "::ffff:1.1.1.1", "host.example"],
];
const LOCAL = [
  ...["0.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1"],
  ...["169.254.1.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "198.18.0.1", "192.0.2.1"],
  ...[
    "198.51.100.1",
    "224.0.0.251",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fd00::1",
  ],
  ...["fc00::1", "ff02::fb", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "localhost", "a.local", ""],
];

for (const host of PUBLIC) {
  test(`isPublicAddress() holds for ${host}`, () => assert.equal(isPublicAddress(host), true));
}
for (const host of LOCAL) {
  test(`isPublicAddress() does not hold for "${host}"`, () =>
    assert.equal(isPublicAddress(host), false));
}
