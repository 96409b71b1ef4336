import type { FileList } from "../gateway/control.ts";
import { readIfThere, replaceFile } from "./atomic-file.ts";
import { DaemonError } from "./error.ts";

/** Most entries of the list; the oldest go first. */
const ENTRIES_MAX = 100_000;

/** Opens the list of uploaded things: a JSON object of path → content id, kept at `file`.
 * @throws DaemonError FILE_LIST_INVALID; the file is then untouched */
export function openFileList(file: string): FileList {
  const ids = read(file);
  const save = (): void =>
    replaceFile(file, `${JSON.stringify(Object.fromEntries(ids), null, 1)}\n`);
  return {
    entries: () => [...ids].map(([path, id]) => ({ path, id })),
    find: (id) => [...ids].find(([, each]) => each === id)?.[0],
    set(path, id) {
      if (ids.get(path) === id) return;
      ids.delete(path);
      ids.set(path, id);
      for (const oldest of ids.keys()) {
        if (ids.size <= ENTRIES_MAX) break;
        ids.delete(oldest);
      }
      save();
    },
    remove(path) {
      const inside = [...ids.keys()].filter((each) => isWithin(each, path));
      for (const each of inside) ids.delete(each);
      if (inside.length > 0) save();
    },
    move(from, to) {
      const inside = [...ids].filter(([each]) => isWithin(each, from));
      for (const [each, id] of inside) {
        ids.delete(each);
        ids.set(to + each.slice(from.length), id);
      }
      if (inside.length > 0) save();
    },
  };
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

function read(file: string): Map<string, string> {
  const text = readIfThere(file);
  if (text === undefined) return new Map();
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
    return new Map(entries.map(([path, id]) => [path, textIn(id)]));
  } catch (cause) {
    throw new DaemonError("FILE_LIST_INVALID", `file list ${file} is no JSON of path → id`, {
      cause,
      hint: "correct it or move it away; it only helps `list`, the files are not in it",
    });
  }
}

function textIn(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError("an id is a text");
}
