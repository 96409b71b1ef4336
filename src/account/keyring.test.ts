import assert from "node:assert/strict";
import { test } from "node:test";
import { idOf } from "../base/id.ts";
import { agree, agreementKeyOf } from "../crypto/agree.node.ts";
import { openCertificate } from "../object/certificate.ts";
import type { Random } from "../ports/random.ts";
import { encodeKeyFile } from "./key-file.ts";
import { CERTIFICATE_FILE, SECRET_FILES, createKeyring, loadKeyring } from "./keyring.ts";

/** Randomness that a test can repeat: 1, 1, 1 … then 2, 2, 2 … */
function countingRandom(): Random {
  let count = 0;
  return { bytes: (lengthBytes) => new Uint8Array(lengthBytes).fill(++count) };
}
const options = { deviceName: "laptop" };
const fresh = (): Map<string, Uint8Array> => createKeyring(countingRandom(), options).files;
const secret = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

test("createKeyring() makes keys that belong together and a certificate that says so", () => {
  const { keyring, files } = createKeyring(countingRandom(), options);
  assert.deepEqual([...files.keys()], [...SECRET_FILES, CERTIFICATE_FILE]);
  assert.deepEqual(openCertificate(keyring.certificate), {
    account: idOf(keyring.root.publicKey),
    peer: keyring.peerId,
    agreementKey: keyring.agreementKey.publicKey,
    name: "laptop",
    number: 1,
  });
  assert.equal(keyring.account, idOf(keyring.root.publicKey));
  assert.equal(keyring.peerId, idOf(keyring.peer.publicKey));
  assert.equal(keyring.generation.number, 1);
  const other = agreementKeyOf(secret(9));
  const shared = agree(keyring.agreementKey, other.publicKey);
  assert.deepEqual(agree(other, keyring.agreementKey.publicKey), shared);
});

test("no two secrets of a keyring are one, and no two keyrings share any", () => {
  const { keyring } = createKeyring(countingRandom(), options);
  const { peerId, account, generation, swarmKey } = keyring;
  const all = [peerId, account, idOf(generation.secret), idOf(swarmKey)];
  assert.equal(new Set(all).size, 4);
});

test("loadKeyring() gives back what createKeyring() made", () => {
  const { keyring, files } = createKeyring(countingRandom(), options);
  const loaded = loadKeyring(files);
  assert.equal(loaded.peerId, keyring.peerId);
  assert.equal(loaded.account, keyring.account);
  assert.deepEqual(loaded.certificate, keyring.certificate);
  assert.deepEqual(loaded.generation, keyring.generation);
  assert.deepEqual(loaded.swarmKey, keyring.swarmKey);
});

test("the key of the swarm is the one that was given", () => {
  const { keyring } = createKeyring(countingRandom(), { ...options, swarmKey: secret(77) });
  assert.deepEqual(keyring.swarmKey, secret(77));
});

test("loadKeyring() takes the newest generation", () => {
  const files = fresh();
  files.set("generation-10.key", encodeKeyFile("generation-10.key", secret(10)));
  files.set("generation-9.key", encodeKeyFile("generation-9.key", secret(9)));
  assert.deepEqual(loadKeyring(files).generation, { number: 10, secret: secret(10) });
});

for (const name of [...SECRET_FILES, CERTIFICATE_FILE]) {
  test(`loadKeyring() names ${name} when it is missing`, () => {
    const files = fresh();
    files.delete(name);
    const missing = { name: "AccountError", code: "KEY_MISSING", message: RegExp(`keys/${name}`) };
    assert.throws(() => loadKeyring(files), missing);
  });

  test(`loadKeyring() names ${name} when a byte of it is flipped`, () => {
    const whole = fresh();
    const bytes = whole.get(name) ?? new Uint8Array(0);
    assert.ok(bytes.length > 0);
    for (let at = 0; at < bytes.length; at++) {
      const forged = bytes.slice();
      forged[at] = (forged[at] ?? 0) ^ 0x10;
      const malformed = { code: "KEY_MALFORMED", message: RegExp(`keys/${name}`) };
      assert.throws(() => loadKeyring(new Map(whole).set(name, forged)), malformed);
    }
  });
}

for (const name of ["root.key", "peer.key", "agreement.key"]) {
  test(`loadKeyring() refuses a ${name} that the certificate does not name`, () => {
    const files = fresh().set(name, encodeKeyFile(name, secret(99)));
    const mismatch = { code: "KEY_MISMATCH", message: RegExp(`keys/${name}`) };
    assert.throws(() => loadKeyring(files), mismatch);
  });
}

test("loadKeyring() refuses a certificate that is none under a good checksum", () => {
  const files = fresh();
  files.set(CERTIFICATE_FILE, encodeKeyFile(CERTIFICATE_FILE, secret(1)));
  const malformed = { code: "KEY_MALFORMED", message: /device\.cert/ };
  assert.throws(() => loadKeyring(files), malformed);
});

test("createKeyring() refuses a name that no device may have", () => {
  for (const deviceName of ["", "a\nb", "x".repeat(65)]) {
    const malformed = { code: "FORMAT_MALFORMED" };
    assert.throws(() => createKeyring(countingRandom(), { deviceName }), malformed);
  }
});
