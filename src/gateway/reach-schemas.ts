import { z } from "zod";
import {
  INVITATION_LIFETIME_MAX_MS,
  INVITATION_USES_MAX,
  REKEY_EXCLUDED_MAX,
  REKEY_GRACE_MAX_MS,
} from "../base/limits.ts";
import { flagIn, id } from "./schemas.ts";

/** Characters of an invitation that are looked at; the longest that is made is shorter. */
const INVITATION_MAX_CHARACTERS = 16_384;
/** How long an invitation, and the old key after a rekey, works unless somebody says otherwise. */
const WEEK_MS = 7 * 86_400_000;

const count = z.number().int().nonnegative();

export const inviteInput = z.strictObject({
  uses: count.min(1).max(INVITATION_USES_MAX).default(1),
  lifetimeMs: count.min(1).max(INVITATION_LIFETIME_MAX_MS).default(WEEK_MS),
  vouchBytes: count.optional(),
});
export const joinInput = z.strictObject({
  invitation: z.string().min(1).max(INVITATION_MAX_CHARACTERS),
});
export const swarmCreateInput = z.strictObject({ open: flagIn.default(false) });
export const rekeyInput = z.strictObject({
  without: z.array(id).max(REKEY_EXCLUDED_MAX).default([]),
  graceMs: count.max(REKEY_GRACE_MAX_MS).default(WEEK_MS),
});
export const peersInput = z.strictObject({ probe: flagIn.default(false) });
export const removePeerInput = z.strictObject({ peer: id });

export const invited = z.object({
  invitation: z.string(),
  /** Into an open swarm: then it has no end, and no count of uses. */
  open: z.boolean(),
  uses: count,
  expiresMs: z.number(),
  members: count,
  reachable: count,
  warnings: z.array(z.string()),
});
const carrier = z.enum(["direct", "punched", "relayed"]);
export const joined = z.object({
  swarm: z.string(),
  admittedBy: z.string(),
  carrier: carrier.optional(),
  peers: count,
  steps: z.array(z.string()),
});
export const swarmSummary = z.object({
  id: z.string(),
  open: z.boolean(),
  founder: z.string().nullable(),
  isFounder: z.boolean(),
  keyNumber: count,
  members: count,
});
export const rekeyed = z.object({
  number: count,
  told: count,
  waiting: count,
  leftBehind: z.array(z.string()),
});
export const knownPeers = z.object({
  peers: z.array(
    z.object({
      id: z.string(),
      addresses: z.array(z.string()),
      offeredBytes: count,
      site: z.string().optional(),
      reachable: z.boolean().optional(),
      carrier: carrier.optional(),
      roundTripMs: z.number().optional(),
      bytesPerSecond: z.number().optional(),
      holdsForMeBytes: count,
      holdForItBytes: count,
      roles: z.array(z.enum(["relay", "tracker"])),
      source: z.string(),
      lastSeenMs: z.number().optional(),
    }),
  ),
});
export const doctorReport = z.object({
  healthy: z.boolean(),
  findings: z.array(
    z.object({
      name: z.string(),
      verdict: z.enum(["ok", "warn", "fail"]),
      says: z.string(),
      remedy: z.string().optional(),
    }),
  ),
});
