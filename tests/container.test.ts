// There is no container engine where the tests run, so they check that the files agree with the
// rest.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runsHoldfast } from "../scripts/node.mjs";
import { exists, read } from "./tidy/tree.ts";

const dockerfile = read("Dockerfile");
const compose = read("compose.yaml");
const manifest = JSON.parse(read("package.json")) as {
  bin: Record<string, string>;
  scripts: Record<string, string>;
  optionalDependencies: Record<string, string>;
};
/** A Dockerfile's instructions, continued lines joined. */
const instructions = dockerfile
  .replaceAll("\\\n", "")
  .split("\n")
  .filter((line) => /^[A-Z]+ /.test(line))
  .map((line) => ({ verb: line.split(" ")[0] ?? "", words: line.split(/\s+/).slice(1) }));
const all = (verb: string): string[][] =>
  instructions.filter((one) => one.verb === verb).map(({ words }) => words);

test("the image's Node is the pinned one", () => {
  const versions = new Set(Object.values(manifest.optionalDependencies));
  assert.equal(versions.size, 1, "all platforms have one version of Node");
  const [version = ""] = versions;
  assert.ok(runsHoldfast(version));
  const images = all("FROM").map(([image]) => image);
  assert.deepEqual(images, [`node:${version}-slim`, `node:${version}-slim`]);
});

test("what the image copies is there and not ignored", () => {
  const allowed = read(".dockerignore").split("\n");
  assert.equal(allowed[0], "**");
  for (const words of all("COPY")) {
    const from = words.filter((word) => !word.startsWith("--")).slice(0, -1);
    if (words[0]?.startsWith("--from")) continue;
    for (const path of from) {
      assert.ok(exists(path), `${path} exists`);
      assert.ok(allowed.includes(`!${path}`), `${path} is let through by .dockerignore`);
    }
  }
});

test("the image builds with scripts that package.json has", () => {
  const scripts = [...dockerfile.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name ?? "");
  assert.ok(scripts.length > 0);
  for (const name of scripts) assert.ok(manifest.scripts[name] !== undefined, name);
  assert.ok(exists(manifest.bin["holdfast"] ?? ""));
});

test("image and compose file have the same one volume and port", () => {
  const port = dockerfile.match(/^EXPOSE (\d+)$/m)?.[1];
  assert.ok(port !== undefined);
  assert.ok(dockerfile.includes(`"up", "--foreground", "--port", "${port}"]`));
  assert.ok(compose.includes(`- "${port}:${port}"`));
  assert.deepEqual(all("VOLUME"), [["/data"]]);
  assert.ok(dockerfile.includes("ENV HOLDFAST_HOME=/data\n"));
  assert.deepEqual(compose.match(/^ {6}- [a-z]+:\/\S+$/gm), ["      - home:/data"]);
});
