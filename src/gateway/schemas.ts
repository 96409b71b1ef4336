import { z } from "zod";
import { parseAddress } from "../base/address.ts";
import { CARD_ADDRESSES_MAX, CARD_SITE_MAX, PEERS_PAGE_MAX } from "../base/limits.ts";

const PATH_MAX_CHARACTERS = 65_536;
const PATTERNS_MAX = 1_000;

const count = z.number().int().nonnegative();
const remotePath = z.string().min(1).max(PATH_MAX_CHARACTERS);
const localPath = z
  .string()
  .min(1)
  .max(PATH_MAX_CHARACTERS)
  .regex(/^\/[^\0]*$/, "wanted an absolute path");
/** A number of a query string, or of a JSON body. */
export const numberIn = z.union([
  count,
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
]);
/** A flag of a query string, or of a JSON body. */
export const flagIn = z.union([
  z.boolean(),
  z.enum(["true", "false"]).transform((text) => text === "true"),
]);
const codeIn = z.string().regex(/^\d{1,3}\/\d{1,3}$/, 'wanted "k/n"');
/** An id, as of a peer. */
export const id = z.string().regex(/^[a-z2-7]{52}$/, "wanted an id of 52 characters");

const address = z.string().refine((text) => parseAddress(text) !== undefined, 'wanted "host:port"');

/** A peer that was added by hand counts as offering something until it says how much. */
const OFFER_UNKNOWN_BYTES = 1;

const putOptions = {
  code: codeIn.optional(),
  ack: z.enum(["full", "r"]).optional(),
};

export const nothing = z.strictObject({});
export const putInput = z.strictObject({
  source: localPath,
  target: remotePath,
  exclude: z.array(z.string().max(PATH_MAX_CHARACTERS)).max(PATTERNS_MAX).default([]),
  ...putOptions,
});
export const putStreamInput = z.strictObject({ target: remotePath, ...putOptions });
export const uploadInput = putInput.omit({ target: true });
export const getInput = z.strictObject({
  source: remotePath,
  target: localPath,
  peersOnly: flagIn.default(false),
  at: numberIn.optional(),
});
export const downloadInput = z.strictObject({
  id,
  target: localPath,
  peersOnly: flagIn.default(false),
});
export const readInput = getInput.omit({ target: true });
export const listInput = z.strictObject({
  path: remotePath.default("/"),
  recursive: flagIn.default(false),
  after: remotePath.optional(),
  limit: numberIn.pipe(count.min(1).max(10_000)).default(1_000),
});
export const pathInput = z.strictObject({ path: remotePath });
export const moveInput = z.strictObject({ from: remotePath, to: remotePath });
export const historyInput = z.strictObject({ path: remotePath.optional() });
export const addPeersInput = z.strictObject({
  peers: z
    .array(
      z.strictObject({
        id,
        addresses: z.array(address).min(1).max(CARD_ADDRESSES_MAX),
        offeredBytes: count.default(OFFER_UNKNOWN_BYTES),
        site: z.string().min(1).max(CARD_SITE_MAX).optional(),
      }),
    )
    .min(1)
    .max(PEERS_PAGE_MAX),
});
export const configGetInput = z.strictObject({ key: z.string().max(64).optional() });
export const configSetInput = z.strictObject({
  key: z.string().max(64),
  value: z.string().max(4096).optional(),
});
export const clockInput = z.strictObject({ advanceMs: z.number().nonnegative().max(1e13) });

export const about = z.object({
  version: z.string(),
  pid: count,
  home: z.string(),
  peer: id,
  account: id,
  port: count,
  startedAt: z.string(),
});
export const usage = z.object({
  shards: count,
  bytes: count,
  spaceBytes: count,
  accounts: count,
  orphans: count,
  aside: count,
});
export const status = about.extend({
  safe: z.boolean(),
  reasons: z.array(z.string()),
  redundancy: z.object({ k: count, n: count, r: count }),
  peers: z.object({ known: count, usable: count }),
  snapshot: count,
  packs: z.object({ full: count, partial: count, local: count }),
  packBytes: count,
  holder: usage,
  /** Requests to the local API that are worked on, this one included. */
  jobs: count,
});
export const putSummary = z.object({
  files: count,
  directories: count,
  bytes: count,
  newBytes: count,
  storedBytes: count,
  snapshot: count,
  safe: z.boolean(),
  contentId: z.string(),
  warnings: count,
  k: count,
  n: count,
});
export const uploadSummary = putSummary.extend({ path: z.string() });
export const getSummary = z.object({
  files: count,
  bytes: count,
  warnings: count,
  repairedShards: count,
  badPeers: z.array(z.string()),
});
export const entries = z.object({
  entries: z.array(
    z.object({
      path: z.string(),
      kind: z.enum(["file", "directory", "symlink"]),
      sizeBytes: count,
      mtimeMs: z.number(),
      mode: count,
      contentId: z.string().optional(),
    }),
  ),
});
export const snapshot = z.object({ snapshot: count });
export const snapshots = z.object({
  snapshots: z.array(
    z.object({ number: count, timeMs: z.number(), device: z.string(), message: z.string() }),
  ),
});
export const scrubReport = z.object({ shards: count, bytes: count, corrupt: z.array(z.string()) });
export const uploads = z.object({
  uploads: z.array(z.object({ path: z.string(), id: z.string() })),
});
export const configKeys = z.object({ keys: z.record(z.string(), z.unknown()) });
export const stopping = z.object({ pid: count });
export const clockTime = z.object({ nowMs: z.number() });
