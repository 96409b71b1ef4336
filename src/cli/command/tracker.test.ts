import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { after, test } from "node:test";
import { loadConfig } from "../../daemon/config.ts";
import { homePaths } from "../../daemon/home.ts";
import { makeTestHomes, startCli } from "../testing.ts";

const homes = makeTestHomes();
after(() => homes.clean());

const configOf = (name: string) => loadConfig(homePaths(homes.home(name)).config);

test("tracker --detach makes a home, offers no space, and says where it is", async () => {
  const made = await homes.run("a", ["tracker", "--detach", "--json"]);
  assert.equal(made.status, 0, made.stderr);
  const summary = JSON.parse(made.stdout) as { peer: string; port: number; addresses: string[] };
  assert.match(summary.peer, /^[a-z2-7]{52}$/);
  assert.ok(summary.port > 0);
  const { tracker, file_storage, public_address } = configOf("a");
  assert.deepEqual([tracker, file_storage, public_address], [true, 0, undefined]);

  const again = await homes.run("a", [
    ...["tracker", "--detach", "--space", "1GiB", "--public-address", "tracker.example:4242"],
  ]);
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stdout, new RegExp(`^tracker  ${summary.peer} `));
  assert.match(again.stdout, /tracker\.example:4242/);
  assert.equal(configOf("a").file_storage, 2 ** 30);
});

test("in the foreground it says the same, and stops when it is told to", async () => {
  const child = startCli(["--home", homes.home("b"), "tracker", "--port", "0"]);
  let text = "";
  let complaint = "";
  child.stderr.on("data", (part: Buffer) => void (complaint += String(part)));
  child.stdout.on("data", (part: Buffer) => {
    const isTold = text.includes("that names it.");
    text += String(part);
    // Once: a second signal would end it at once.
    if (!isTold && text.includes("that names it.")) child.kill("SIGTERM");
  });
  const [status] = (await once(child, "close")) as [number | null];
  assert.equal(status, 0, complaint);
  assert.match(text, /^tracker  [a-z2-7]{52} /m);
});

test("wrong options are refused before anything is made", async () => {
  for (const wrong of [
    ["--port", "x"],
    ["--public-address", "nowhere"],
    ["--space", "much"],
  ]) {
    const outcome = await homes.run("c", ["tracker", "--detach", ...wrong]);
    assert.notEqual(outcome.status, 0, wrong.join(" "));
    assert.match(outcome.stderr, /^error: /m);
    assert.equal(existsSync(homes.home("c")), false);
  }
});
