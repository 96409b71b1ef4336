import { openBlobs } from "../adapters/blobs.node.ts";
import type { BlobStore } from "../adapters/blobs.node.ts";
import type { PeerId } from "../base/id.ts";
import { readIfThere, replaceFile } from "./atomic-file.ts";
import { DaemonError } from "./error.ts";

/** Opens a folder of blobs of this home, and remembers its marker in `stores.json`: a folder that
 * was a store once and is empty now is a disk that is not mounted, and is refused.
 * @throws DaemonError STORES_INVALID, and what `openBlobs` throws */
export async function openStore(file: string, folder: string, owner: PeerId): Promise<BlobStore> {
  const markers = readMarkers(file);
  const store = await openBlobs(folder, { owner, marker: markers[folder] });
  if (markers[folder] !== store.marker) {
    replaceFile(file, `${JSON.stringify({ ...markers, [folder]: store.marker }, undefined, 1)}\n`);
  }
  return store;
}

function readMarkers(file: string): Record<string, string> {
  const text = readIfThere(file);
  if (text === undefined) return {};
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
    if (entries.every(([, marker]) => typeof marker === "string")) {
      return Object.fromEntries(entries) as Record<string, string>;
    }
  } catch {
    // Told below.
  }
  throw new DaemonError("STORES_INVALID", `${file} is no JSON of folder → marker`, {
    hint: `mount all disks of this home, then move ${file} away: it is made again`,
  });
}
