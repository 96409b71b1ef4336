import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import * as fc from "fast-check";
import { loadConfig, setConfigKey } from "./config.ts";
import { DaemonError } from "./error.ts";
import { parseBytes, parseCode } from "./quantity.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-config-"));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, "config.toml");
const load = (text: string): ReturnType<typeof loadConfig> => {
  writeFileSync(file, text);
  return loadConfig(file);
};

test("loadConfig() gives defaults where there is no file", () => {
  const config = loadConfig(join(folder, "none.toml"));
  assert.equal(config.port, 0);
  assert.equal(config.altruism, 0.3);
  assert.equal(config.file_storage, undefined);
});

test("loadConfig() reads every key", () => {
  const config = load(`port = 4242
peer_list = "/p.json"
file_list = "/f.json"
file_storage = "50 GiB"
store_dir = "/disk"
public_address = "example.org:4242"
upload_limit = "1 MiB"
download_limit = 1000
schedule = "22:00-06:00"
site = "cellar"
altruism = 1
code = "5/10"
`);
  assert.equal(config.file_storage, 50 * 2 ** 30);
  assert.deepEqual(config.code, { k: 5, n: 10 });
});

const refused: readonly (readonly [string, RegExp])[] = [
  ["port = 4242\n\nprot = 1\n", /line 3: prot: there is no such key/],
  ["port = \n", /line 1/],
  ["\n\nport = 70000\n", /line 3: port/],
  ["port = true\n", /line 1: port/],
  ['file_storage = "many"\n', /file_storage: wanted bytes/],
  ['code = "10/5"\n', /code: wanted "k\/n"/],
  ['schedule = "25:00-26:00"\n', /schedule: wanted/],
  ["[port]\na = 1\n", /port/],
  ["\u0000\u0001 binary", /line 1/],
];
for (const [text, message] of refused) {
  test(`loadConfig() refuses ${JSON.stringify(text)} with its place`, () => {
    assert.throws(
      () => load(text),
      (error) =>
        error instanceof DaemonError &&
        error.code === "CONFIG_INVALID" &&
        error.hint !== undefined &&
        message.test(error.message) &&
        error.message.includes(file),
    );
  });
}

test("setConfigKey() keeps the other lines, and refuses what does not hold", () => {
  writeFileSync(file, '# mine\nport = 1\nsite = "a"\n');
  setConfigKey(file, "port", "4242");
  setConfigKey(file, "file_storage", "5 GiB");
  assert.equal(
    readFileSync(file, "utf8"),
    '# mine\nsite = "a"\nport = 4242\nfile_storage = "5 GiB"\n',
  );
  assert.throws(() => setConfigKey(file, "port", "many"), /port/);
  assert.throws(() => setConfigKey(file, "no_such", "1"), /no_such/);
  assert.throws(() => setConfigKey(file, "__proto__", "1"), DaemonError);
  assert.equal(loadConfig(file).port, 4242);
  setConfigKey(file, "port", undefined);
  assert.equal(loadConfig(file).port, 0);
});

test("parseBytes() and parseCode() take what they print", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(254), (bytes, n, less) => {
      assert.equal(parseBytes(String(bytes)), bytes);
      assert.equal(parseBytes(`${bytes % 1000} KiB`), (bytes % 1000) * 1024);
      const k = Math.max(1, n - less);
      assert.deepEqual(parseCode(`${k}/${n}`), { k, n });
    }),
  );
  for (const text of ["", "-1", "1 Gib b", "1e9", "0x10", "9999999 TiB", "١"]) {
    assert.equal(parseBytes(text), undefined, text);
  }
  for (const text of ["", "5", "0/1", "2/1", "1/256", "1/2/3", " 1/2"]) {
    assert.equal(parseCode(text), undefined, text);
  }
});
