import type { VolumeKeys } from "../../object/keys.ts";

/** What an open worker is started with. */
export interface OpenSetup {
  memory: WebAssembly.Memory;
  keys: VolumeKeys;
  /** Where STAGING_BYTES of the arena are free for it. */
  stagingAt: number;
}

/** Something to make at an absolute path. Directories come before what lies in them. */
export type OpenItem =
  | { kind: "directory"; path: Uint8Array }
  | { kind: "symlink"; path: Uint8Array; content: Uint8Array; mtimeNs: bigint }
  | {
      kind: "file";
      /** Names the file in the pieces that follow. */
      id: number;
      path: Uint8Array;
      sizeBytes: number;
      mode: number;
      mtimeNs: bigint;
    };

/** A directory with everything in it written. */
export interface DirectoryEnd {
  path: Uint8Array;
  mode: number;
  mtimeNs: bigint;
}

/** A sealed chunk in the arena and where its bytes go. */
export interface OpenPiece {
  name: Uint8Array;
  /** Address in the arena. */
  at: number;
  lengthBytes: number;
  rawBytes: number;
  uses: PieceUse[];
}

export interface PieceUse {
  file: number;
  offset: number;
}

export type OpenCommand =
  | { type: "make"; items: OpenItem[] }
  /** Opens chunks and writes them; answered when the arena is not read any more. A file is put in
   * its place with its last byte. */
  | { type: "write"; call: number; pieces: OpenPiece[] }
  | { type: "finish"; directories: DirectoryEnd[] }
  /** Answered when all that came before was done. */
  | { type: "sync"; call: number }
  /** Removes what is not complete, and does nothing more. */
  | { type: "stop"; call: number };

export interface OpenCounts {
  files: number;
  bytes: number;
}

export type OpenEvent =
  | { type: "answer"; call: number; counts: OpenCounts }
  /** The first thing that went wrong; what comes after it is not done. */
  | { type: "failure"; code: string; message: string; hint?: string };
