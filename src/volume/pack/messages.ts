import type { ShardId } from "../../base/id.ts";
import type { PackEntry, PackKind } from "../../codec/pack.ts";
import type { TreeEntry } from "../../codec/tree.ts";
import type { VolumeKeys } from "../../object/keys.ts";
import type { StripeCode } from "../../object/stripe.ts";

/** What a pack worker is started with. */
export interface PackSetup {
  memory: WebAssembly.Memory;
  keys: VolumeKeys;
  /** Path of the index database, which the worker only reads. */
  indexPath: string;
}

/** A coded pack in a slot of the arena. The slot belongs to the receiver until it releases it. */
export interface ReadyStripe {
  slot: number;
  /** Where the stripe begins in the arena. */
  at: number;
  kind: PackKind;
  packBytes: number;
  code: StripeCode;
  ids: ShardId[];
  entries: PackEntry[];
}

export interface PackCounts {
  files: number;
  directories: number;
  bytes: number;
  newBytes: number;
}

export type PackCommand =
  /** The code of the packs that are begun from now on. */
  | { type: "code"; code: StripeCode }
  /** Stores what lies at a path of the user's disk. */
  | { type: "scan"; call: number; path: Uint8Array; exclude: readonly string[] }
  /** Stores a stream: blocks follow, `credit` asks for more, an empty block ends it. */
  | { type: "stream"; call: number; mtimeMs: number }
  | { type: "block"; bytes: Uint8Array }
  /** Stores one chunk of metadata. */
  | { type: "chunk"; call: number; kind: PackKind; bytes: Uint8Array }
  /** Ends the packs that are open; answered after their stripes. */
  | { type: "flush"; call: number }
  /** Asks for a free slot, to fill it with a pack that exists. */
  | { type: "slot"; call: number }
  /** Codes the pack that was put into a slot. */
  | { type: "recode"; slot: number; kind: PackKind; packBytes: number; code: StripeCode }
  | { type: "release"; slot: number };

export type PackEvent =
  | { type: "stripe"; stripe: ReadyStripe }
  | { type: "progress"; counts: PackCounts }
  | { type: "warning"; code: string; message: string; path: string }
  | { type: "node"; name: Uint8Array; bytes: Uint8Array }
  | { type: "credit" }
  | { type: "answer"; call: number; value: PackAnswer }
  | { type: "failure"; call: number; code: string; message: string; hint?: string };

export type PackAnswer =
  | { kind: "scanned"; entry: TreeEntry; counts: PackCounts }
  | { kind: "named"; name: Uint8Array }
  | { kind: "flushed" }
  | { kind: "slot"; slot: number; at: number };
