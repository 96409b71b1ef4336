import { timingSafeEqual } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { deriveKey, keyedHash } from "../../crypto/hash.node.ts";
import { lobbyKeyOf } from "../../crypto/swarm-key.ts";
import type { Standing } from "../../ports/net.ts";
import type { SwarmKeys } from "../../ports/swarm-keys.ts";

/** The first bytes that a dialler sends inside TLS. */
export const PROOF_BYTES = 32;
const EXPORTER_LABEL = "EXPORTER-holdfast-knock";

/** What both ends of this one session know and nobody else does (RFC 8446, 7.5). */
function exporterOf(socket: TLSSocket): Uint8Array {
  return socket.exportKeyingMaterial(PROOF_BYTES, EXPORTER_LABEL, Buffer.alloc(0));
}

function proofWith(key: Uint8Array, exporter: Uint8Array): Uint8Array {
  return keyedHash(deriveKey("knock proof", key), exporter);
}

/** Binds the knock to the session behind it: who took somebody's knock off the way, which is in
 * clear, cannot make this of a session of his own. */
export function proofOf(swarmKeys: SwarmKeys, socket: TLSSocket): Uint8Array {
  return proofWith(swarmKeys.current().key, exporterOf(socket));
}

/** Whether `proof` was made in this session by somebody who knows the key that goes with the
 * standing that the knock gave. */
export function isProof(
  swarmKeys: SwarmKeys,
  standing: Standing,
  socket: TLSSocket,
  proof: Uint8Array,
): boolean {
  const current = swarmKeys.current().key;
  const previous = swarmKeys.previous()?.key;
  const exporter = exporterOf(socket);
  return keysOf(standing, current, previous).some((key) =>
    timingSafeEqual(proofWith(key, exporter), proof),
  );
}

function keysOf(
  standing: Standing,
  current: Uint8Array,
  previous: Uint8Array | undefined,
): Uint8Array[] {
  if (standing === "member") return [current];
  if (standing === "former") return previous === undefined ? [] : [previous];
  return [current, ...(previous === undefined ? [] : [previous])].map(lobbyKeyOf);
}
