import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, readVectors, toHex } from "../../../tests/vectors/read.ts";
import { idOf } from "../../base/id.ts";
import { signingKeyOf } from "../../crypto/sign.node.ts";
import { lobbyKeyOf } from "../../crypto/swarm-key.ts";
import { chainFault, signAdmission } from "./chain.ts";
import { foundSwarm } from "./found.ts";
import { createInvitation, parseInvitation } from "./invitation.ts";
import { makeRekey, takeRekey } from "./rekey.ts";

interface Vectors {
  networkKey: string;
  content: string;
  id: string;
  lobby: string;
  founderSeed: string;
  memberSeed: string;
  peerSeed: string;
  admission: { token: string; timeMs: number; signature: string };
  token: { id: string; expiresMs: number; uses: number; bytes: string };
  invitation: string;
  rekey: {
    number: number;
    key: string;
    excluded: string;
    timeMs: number;
    graceMs: number;
    bytes: string;
  };
}

const vectors = readVectors("membership") as Vectors;
const keyOf = (seed: string): ReturnType<typeof signingKeyOf> => signingKeyOf(fromHex(seed));
const [founder, member] = [keyOf(vectors.founderSeed), keyOf(vectors.memberSeed)];
const peer = idOf(keyOf(vectors.peerSeed).publicKey);
const state = foundSwarm(fromHex(vectors.networkKey), idOf(founder.publicKey));

test("vector: what comes from the first network key", () => {
  assert.equal(toHex(state.content), vectors.content);
  assert.equal(state.id, idOf(fromHex(vectors.id)));
  assert.equal(toHex(lobbyKeyOf(state.keys[0].key)), vectors.lobby);
});

const { token, timeMs, signature } = vectors.admission;
const account = idOf(member.publicKey);
const link = signAdmission(founder, state.id, { account, peer, token: fromHex(token), timeMs });

test("vector: an admission that the founder signed", () => {
  assert.equal(toHex(link.signature), signature);
  assert.equal(chainFault(state.id, idOf(founder.publicKey), [link]), undefined);
  const other = { ...link, timeMs: timeMs + 1 };
  assert.match(chainFault(state.id, idOf(founder.publicKey), [other]) ?? "", /not signed/);
});

test("vector: an invitation of that member", () => {
  const { id, expiresMs, uses, bytes } = vectors.token;
  const { text, invitation } = createInvitation({
    state: { ...state, chain: [link] },
    root: member,
    self: peer,
    cards: [],
    nowMs: timeMs,
    expiresMs,
    uses,
    random: { bytes: () => fromHex(id) },
  });
  assert.equal(text, vectors.invitation);
  assert.equal(invitation.kind === "closed" ? toHex(invitation.token) : "", bytes);
  assert.deepEqual(parseInvitation(text), invitation);
});

test("vector: a rekey that shuts one peer out", () => {
  const { number, key, excluded, graceMs, bytes } = vectors.rekey;
  const envelope = makeRekey(state, founder, {
    key: fromHex(key),
    self: peer,
    members: [],
    exclude: [idOf(fromHex(excluded))],
    nowMs: vectors.rekey.timeMs,
    graceMs,
  });
  assert.equal(toHex(envelope), bytes);
  assert.deepEqual(takeRekey(state, fromHex(bytes)).keys[0], { number, key: fromHex(key) });
});
