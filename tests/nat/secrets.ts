// What an observer of the network must not find: everything that tells who is in a swarm and what
// lies there.
import { blake2b } from "@noble/hashes/blake2.js";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeKeyFile } from "../../src/account/key-file.ts";
import { base32Encode } from "../../src/base/base32.ts";
import { base64UrlDecode } from "../../src/base/base64url.ts";
import { idBytes } from "../../src/base/id.ts";
import { deriveKey } from "../../src/crypto/hash.node.ts";
import { contentSecretOf, lobbyKeyOf, swarmIdOf } from "../../src/crypto/swarm-key.ts";
import { formsOf } from "./capture.ts";
import type { LabHost } from "./lab.ts";

/** All forms of some named secrets. */
export type Secrets = Map<string, readonly Buffer[]>;

/** Keys of a swarm; its members, their cards, and where the DHT keeps what they announce.
 * @param founder its first member, of whose key everything is derived */
export function secretsOf(founder: LabHost, members: readonly LabHost[]): Secrets {
  const file = readFileSync(join(founder.home, "keys", "swarm.key"));
  const key = decodeKeyFile("swarm.key", file, 32);
  const content = contentSecretOf(key);
  const secrets: Secrets = new Map([
    ["network key", forms(key)],
    ["lobby key", forms(lobbyKeyOf(key))],
    ["content secret", forms(content)],
    ["swarm id", forms(swarmIdOf(content))],
    ["topic of all members", forms(deriveKey("dht members", key))],
  ]);
  for (const member of members) {
    const id = idBytes(member.id);
    secrets.set(`device name of ${member.name}`, formsOf(Buffer.from(member.deviceName)));
    secrets.set(`peer id of ${member.name}`, forms(id));
    // As hyperdht names what a peer announces: BLAKE2b with 32 bytes, of the key.
    secrets.set(`topic of ${member.name}`, forms(blake2b(id, { dkLen: 32 })));
    for (const [at, card] of cardsOf(member).entries()) {
      // A signed card ends with its signature.
      secrets.set(`card ${at} known to ${member.name}`, forms(card.slice(-64)));
    }
  }
  return secrets;
}

/** What is in files that are put: their names, and slices of what is in them.
 * @param content random bytes, so that compression leaves them as they are */
export function secretsOfFile(name: string, content: Buffer, slices: number): Secrets {
  const secrets: Secrets = new Map([[`name ${name}`, formsOf(Buffer.from(name))]]);
  const step = Math.floor(content.length / slices);
  for (let at = 0; at + 24 <= content.length; at += step) {
    secrets.set(`${name} at ${at}`, [content.subarray(at, at + 24)]);
  }
  return secrets;
}

/** The signed cards in the list of known peers. */
function cardsOf(member: LabHost): Uint8Array[] {
  const text = readFileSync(join(member.home, "peers.json"), "utf8");
  return [...text.matchAll(/"card":\s*"([\w-]+)"/g)].flatMap(([, card = ""]) => {
    const bytes = base64UrlDecode(card);
    return bytes === undefined ? [] : [bytes];
  });
}

function forms(bytes: Uint8Array): Buffer[] {
  return formsOf(bytes, base32Encode(bytes));
}
