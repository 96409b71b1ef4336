import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { memorySecrets } from "../adapters/secrets-memory.ts";
import { systemRandom } from "../adapters/random.node.ts";
import type { Secrets } from "../ports/secrets.ts";
import { foundSwarm } from "../swarm/membership/found.ts";
import { encodeKeyFile } from "./key-file.ts";
import type { Keyring } from "./keyring.ts";
import { openKeyring } from "./open-keyring.ts";
import { saveSwarmState } from "./swarm-file.ts";

const options = { deviceName: "laptop", create: true };
/** State, six secrets, certificate, state again. */
const WRITES = 9;

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
    const names = ["root.key", "peer.key", "agreement.key", "generation-1.key", "swarm.state"];
    names.push("swarm.key", "device.cert");
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
      [10, "keyring.state"],
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

  test("founds a swarm of its own for a new home", async () => {
    const secrets = memorySecrets();
    const { swarm, swarmKey, account } = await open(secrets);
    assert.deepEqual(swarm, foundSwarm(swarmKey, account));
    assert.deepEqual((await open(secrets)).swarm, swarm);
  });

  for (let write = 1; write <= WRITES; write++) {
    test(`knows no founder where the key was given, cut off before write ${write}`, async () => {
      const values = new Map<string, Uint8Array>();
      const swarmKey = new Uint8Array(32).fill(5);
      const given = { ...options, swarmKey };
      const killed = killedBefore(write, memorySecrets(values));
      await assert.rejects(async () => await openKeyring(killed, systemRandom, given), /killed/);
      const isMade = values.has("swarm.state");
      const again = isMade ? options : given;
      const { swarm } = await openKeyring(memorySecrets(values), systemRandom, again);
      assert.deepEqual(swarm, foundSwarm(swarmKey, undefined));
    });
  }

  test("makes the swarm's file of a home from before once, and misses it from then on", async () => {
    const values = new Map<string, Uint8Array>();
    const made = await open(memorySecrets(values));
    values.delete("swarm.state");
    values.set("keyring.state", encodeKeyFile("keyring.state", new Uint8Array([2])));
    await assert.rejects(async () => await open(killedBefore(2, memorySecrets(values))), /killed/);
    const opened = await open(memorySecrets(values));
    assert.deepEqual(opened.swarm, made.swarm);
    values.delete("swarm.state");
    const missing = { code: "KEY_MISSING", message: /swarm\.state/ };
    await assert.rejects(async () => await open(memorySecrets(values)), missing);
  });

  test("keeps the swarm that was joined, whatever key the home was made with", async () => {
    const secrets = memorySecrets();
    const made = await open(secrets);
    const joined = foundSwarm(new Uint8Array(32).fill(9), undefined);
    await saveSwarmState(secrets, joined);
    const opened = await open(secrets);
    assert.deepEqual(opened.swarm, joined);
    assert.deepEqual(opened.swarmKey, made.swarmKey);
  });

  test("refuses a swarm's file that is none under a good checksum", async () => {
    const values = new Map<string, Uint8Array>();
    await open(memorySecrets(values));
    values.set("swarm.state", encodeKeyFile("swarm.state", new Uint8Array([0x81, 0x01])));
    const malformed = { code: "KEY_MALFORMED", message: /keys\/swarm\.state/ };
    await assert.rejects(async () => await open(memorySecrets(values)), malformed);
  });
});
