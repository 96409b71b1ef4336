import { randomUUID } from "node:crypto";
import { open, readFile, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, messageOf } from "../base/error.ts";
import { BlobError } from "./error.ts";
import { makeFolder } from "./make-folder.node.ts";

const MARKER_NAME = "holdfast-store.json";
const MARKER_NEW_NAME = `${MARKER_NAME}.new`;
const VERSION = 1;

/** What a home says about the store it wants to open. */
export interface StoreClaim {
  /** Whose store it is, the peer's id: two homes never use one folder. */
  owner: string;
  /** The marker that this home remembers for the folder; undefined if it never had a store
   * there. */
  marker: string | undefined;
}

/** Checks that the folder is the store that the home remembers, or makes it where the home never
 * had one there. A disk that is not mounted leaves an empty folder behind: that is never filled.
 * @returns the store's marker, for the home to remember
 * @throws BlobError STORE_NOT_MOUNTED | STORE_FOREIGN | STORE_NEWER | BLOB_FAILED */
export async function claimStore(folder: string, claim: StoreClaim): Promise<string> {
  try {
    const found = await readMarker(folder);
    if (found === undefined) return await createStore(folder, claim);
    const isOther = claim.marker !== undefined && found.store !== claim.marker;
    if (found.owner !== claim.owner || isOther) {
      const message = `${folder}: the store ${found.store} there is not this home's`;
      throw new BlobError("STORE_FOREIGN", message, { hint: "name another folder as store_dir" });
    }
    return found.store;
  } catch (cause) {
    if (cause instanceof BlobError) throw cause;
    throw new BlobError("BLOB_FAILED", `${folder}: ${messageOf(cause)}`, { cause });
  }
}

/** Whether the store's marker is still there: it is gone when its disk was unmounted meanwhile. */
export async function isMounted(folder: string): Promise<boolean> {
  try {
    return (await readMarker(folder)) !== undefined;
  } catch {
    return false;
  }
}

/** The error for a store whose marker is gone. */
export function notMounted(folder: string): BlobError {
  return new BlobError("STORE_NOT_MOUNTED", `${folder}: the store is not there, but it was once`, {
    hint: "mount the disk of store_dir, then start again",
  });
}

async function readMarker(folder: string): Promise<{ store: string; owner: string } | undefined> {
  const text = await readFile(join(folder, MARKER_NAME), "utf8").catch((error: unknown) => {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const marker = parseMarker(text);
  if (marker === undefined) {
    throw new BlobError("STORE_FOREIGN", `${folder}: ${MARKER_NAME} there is not a store's marker`);
  }
  if (marker.version !== VERSION) {
    const message = `${folder}: the store has version ${marker.version}, this holdfast knows ${VERSION}`;
    throw new BlobError("STORE_NEWER", message, { hint: "install the newer version again" });
  }
  return marker;
}

function parseMarker(text: string): { version: number; store: string; owner: string } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (!("version" in value && "store" in value && "owner" in value)) return undefined;
  const { version, store, owner } = value;
  if (typeof version !== "number" || typeof store !== "string" || typeof owner !== "string") {
    return undefined;
  }
  return { version, store, owner };
}

async function createStore(folder: string, claim: StoreClaim): Promise<string> {
  if (claim.marker !== undefined) throw notMounted(folder);
  makeFolder(folder);
  const strangers = (await readdir(folder)).filter(
    (name) => name !== MARKER_NEW_NAME && name !== "lost+found",
  );
  if (strangers.length > 0) {
    const message = `${folder}: is not empty (${strangers[0]}) and not a store`;
    throw new BlobError("STORE_FOREIGN", message, { hint: "name an empty folder as store_dir" });
  }
  const store = randomUUID();
  const path = join(folder, MARKER_NEW_NAME);
  await using file = await open(path, "w", 0o600);
  await file.writeFile(`${JSON.stringify({ version: VERSION, store, owner: claim.owner })}\n`);
  await file.sync();
  await rename(path, join(folder, MARKER_NAME));
  await syncFolder(folder);
  return store;
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}
