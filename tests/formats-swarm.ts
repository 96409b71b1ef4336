import * as fc from "fast-check";
import type { Arbitrary } from "fast-check";
import { compareBytes } from "../src/base/bytes.ts";
import { idOf } from "../src/base/id.ts";
import {
  decodeAdmissionRequest,
  decodeChain,
  decodeUseReport,
  encodeAdmissionRequest,
  encodeChain,
  encodeUseReport,
} from "../src/codec/admission.ts";
import {
  decodeInvitation,
  decodeToken,
  encodeInvitation,
  encodeToken,
  type Invitation,
} from "../src/codec/invitation.ts";
import { decodeRekey, encodeRekey } from "../src/codec/rekey.ts";
import { decodeSwarmState, encodeSwarmState, type SwarmState } from "../src/codec/swarm-state.ts";
import { format } from "./formats.ts";
import type { Format } from "./formats.ts";

const exactly = (length: number): Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const bytes32 = exactly(32);
const id = bytes32.map(idOf);
const uint = fc.maxSafeNat();
const from1 = (max: number): Arbitrary<number> => fc.integer({ min: 1, max });
const short = fc.uint8Array({ maxLength: 80 });
const sortedIds = fc
  .uniqueArray(bytes32, { maxLength: 4, selector: idOf })
  .map((list) => list.toSorted(compareBytes).map(idOf));

const chain = fc.array(
  fc.record({ account: id, peer: id, token: exactly(16), timeMs: uint, signature: exactly(64) }),
  { maxLength: 3 },
);
const cards = fc.array(short, { maxLength: 5 });
const common = { swarm: id, founder: id, cards };
const invitation: Arbitrary<Invitation> = fc.oneof(
  fc.record({
    kind: fc.constant("closed" as const),
    ...common,
    lobby: bytes32,
    token: short,
    chain,
  }),
  fc.record({
    kind: fc.constant("open" as const),
    ...common,
    keyNumber: from1(Number.MAX_SAFE_INTEGER),
    key: bytes32,
    content: bytes32,
  }),
);
const keys: Arbitrary<SwarmState["keys"]> = fc
  .tuple(from1(99), from1(99), bytes32, bytes32, uint, fc.boolean())
  .map(([number, more, key, old, retiresMs, hasOne]) =>
    hasOne
      ? [{ number, key }]
      : [
          { number: number + more, key },
          { number, key: old, retiresMs },
        ],
  );

/** The formats of membership. */
export const SWARM_FORMATS: readonly Format[] = [
  format("chain", chain, encodeChain, decodeChain),
  format(
    "admission-request",
    fc.record({ token: short, chain, certificate: short }),
    encodeAdmissionRequest,
    decodeAdmissionRequest,
  ),
  format(
    "use-report",
    fc.record({ token: short, chain, guest: id }),
    encodeUseReport,
    decodeUseReport,
  ),
  format(
    "invitation-token",
    fc.record({
      swarm: id,
      id: exactly(16),
      inviter: id,
      keyNumber: from1(Number.MAX_SAFE_INTEGER),
      expiresMs: uint,
      uses: from1(1_000),
      vouchBytes: uint,
    }),
    encodeToken,
    decodeToken,
  ),
  format<Invitation>("invitation", invitation, encodeInvitation, decodeInvitation),
  format(
    "rekey",
    fc
      .record({
        swarm: id,
        number: fc.integer({ min: 2, max: 999 }),
        key: bytes32,
        members: sortedIds,
        excluded: sortedIds,
        timeMs: fc.nat(),
        graceMs: fc.nat(90 * 86_400_000),
      })
      .map(({ graceMs, ...rekey }) => ({ ...rekey, retiresMs: rekey.timeMs + graceMs })),
    encodeRekey,
    decodeRekey,
  ),
  format<SwarmState>(
    "swarm-state",
    fc.record(
      { id, founder: id, open: fc.boolean(), content: bytes32, keys, chain, rekey: short },
      { requiredKeys: ["id", "open", "content", "keys", "chain"] },
    ),
    encodeSwarmState,
    decodeSwarmState,
  ),
];
