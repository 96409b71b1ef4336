import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { memorySecrets } from "../adapters/secrets-memory.ts";
import { systemRandom } from "../adapters/random.node.ts";
import type { Secrets } from "../ports/secrets.ts";
import type { Keyring } from "./keyring.ts";
import { openKeyring } from "./open-keyring.ts";

const options = { deviceName: "laptop", create: true };
/** State, five secrets, certificate, state again. */
const WRITES = 8;

const open = async (secrets: Secrets, create = true): Promise<Keyring> =>
  await openKeyring(secrets, systemRandom, { ...options, create });

/** Fails every write from the one that is given on, as a process that was killed before it. */
function killedBefore(write: number, inner: Secrets): Secrets {
  let count = 0;
  return {
    ...inner,
    write: async (name, value) => {
      if (++count >= write) throw new Error("killed");
      await inner.write(name, value);
    },
  };
}

describe("openKeyring", () => {
  test("makes keys once and opens them from then on", async () => {
    const secrets = memorySecrets();
    const made = await open(secrets);
    assert.equal((await secrets.list()).length, WRITES - 1);
    for (const create of [true, false]) {
      const opened = await open(secrets, create);
      assert.equal(opened.peerId, made.peerId);
      assert.equal(opened.account, made.account);
      assert.deepEqual(opened.generation, made.generation);
      assert.deepEqual(opened.swarmKey, made.swarmKey);
    }
  });

  for (let write = 1; write <= WRITES; write++) {
    test(`completes what was cut off before write ${write}, keeping what was there`, async () => {
      const values = new Map<string, Uint8Array>();
      const secrets = memorySecrets(values);
      await assert.rejects(async () => await open(killedBefore(write, secrets)), /killed/);
      const before = new Map(values);
      const keyring = await open(secrets, write === 1);
      for (const [name, bytes] of before) {
        if (name !== "keyring.state") assert.deepEqual(values.get(name), bytes, name);
      }
      const again = await open(secrets, false);
      assert.equal(again.peerId, keyring.peerId);
      assert.equal(again.account, keyring.account);
      assert.deepEqual(again.certificate, keyring.certificate);
    });
  }

  test("a beginning that was interrupted time and again gives one identity", async () => {
    const values = new Map<string, Uint8Array>();
    const secrets = memorySecrets(values);
    const peers = new Set<string>();
    for (let attempt = 1; attempt < WRITES; attempt++) {
      await assert.rejects(async () => await open(killedBefore(2, secrets)), /killed/);
      assert.equal(values.size, attempt);
      const file = values.get("peer.key");
      if (file !== undefined) peers.add(file.join());
    }
    await open(secrets);
    assert.equal(peers.size, 1);
    assert.equal(values.get("peer.key")?.join(), [...peers][0]);
  });

  test("refuses an empty folder of a home that is not new", async () => {
    const values = new Map<string, Uint8Array>();
    const missing = { code: "KEY_MISSING" };
    await assert.rejects(async () => await open(memorySecrets(values), false), missing);
    assert.equal(values.size, 0);
  });

  test("never replaces a file that was lost, alone or with all that came after it", async () => {
    const whole = new Map<string, Uint8Array>();
    await open(memorySecrets(whole));
    const names = ["root.key", "peer.key", "agreement.key", "generation-1.key", "swarm.key"];
    names.push("device.cert");
    for (const [index, name] of names.entries()) {
      for (const lost of [[name], names.slice(index)]) {
        const values = new Map(whole);
        for (const each of lost) values.delete(each);
        const left = new Map(values);
        await assert.rejects(async () => await open(memorySecrets(values)), {
          code: "KEY_MISSING",
          message: RegExp(`keys/(${lost.join("|")}) `),
        });
        assert.deepEqual(values, left);
      }
    }
  });

  test("opens whole keys whose state file was lost, and names a file lost beside it", async () => {
    const values = new Map<string, Uint8Array>();
    const made = await open(memorySecrets(values));
    values.delete("keyring.state");
    assert.equal((await open(memorySecrets(values))).peerId, made.peerId);
    values.delete("swarm.key");
    const missing = { code: "KEY_MISSING", message: /swarm\.key/ };
    await assert.rejects(async () => await open(memorySecrets(values)), missing);
  });

  test("refuses a gap in keys that are being made", async () => {
    const values = new Map<string, Uint8Array>();
    await assert.rejects(async () => await open(killedBefore(5, memorySecrets(values))), /killed/);
    values.delete("peer.key");
    const missing = { code: "KEY_MISSING", message: /peer\.key/ };
    await assert.rejects(async () => await open(memorySecrets(values)), missing);
  });

  test("refuses a damaged file of keys that are being made, and the state file too", async () => {
    for (const [write, name] of [
      [4, "root.key"],
      [4, "keyring.state"],
      [9, "keyring.state"],
    ] as const) {
      const values = new Map<string, Uint8Array>();
      const secrets = memorySecrets(values);
      await open(killedBefore(write, secrets)).catch(() => undefined);
      const bytes = values.get(name);
      assert.ok(bytes);
      bytes[5] = (bytes[5] ?? 0) ^ 1;
      await assert.rejects(async () => await open(secrets), {
        code: "KEY_MALFORMED",
        message: RegExp(`keys/${name}`),
      });
    }
  });

  test("passes over files that are none of ours", async () => {
    const values = new Map([["notes.txt", new Uint8Array(3)]]);
    const made = await open(memorySecrets(values));
    assert.equal((await open(memorySecrets(values), false)).peerId, made.peerId);
  });

  test("takes the swarm key that it is given, and no other later", async () => {
    const secrets = memorySecrets();
    const swarmKey = new Uint8Array(32).fill(5);
    const made = await openKeyring(secrets, systemRandom, { ...options, swarmKey });
    assert.deepEqual(made.swarmKey, swarmKey);
    await openKeyring(secrets, systemRandom, { ...options, swarmKey });
    const other = { ...options, swarmKey: new Uint8Array(32).fill(6) };
    const mismatch = { code: "KEY_MISMATCH", message: /swarm\.key/ };
    await assert.rejects(async () => await openKeyring(secrets, systemRandom, other), mismatch);
    assert.deepEqual((await open(secrets)).swarmKey, swarmKey);
  });
});
