import { existsSync, rmSync } from "node:fs";
import type { VolumeService } from "../volume/service.ts";
import { replaceFile } from "./atomic-file.ts";

/** Notes that a home's keys are being made, so that nothing can have been stored with them yet:
 * with no state in the index there is then nothing to recover. Keys that came from a copy lack the
 * note. */
export function markFresh(file: string): void {
  replaceFile(file, "nothing was stored with these keys yet\n");
}

/** Whether the note is there. */
export function isFresh(file: string): boolean {
  return existsSync(file);
}

/** A volume whose first change takes the note away, before the change is acknowledged: an index
 * that is lost later has to be recovered from the swarm. */
export function leavingFresh(volume: VolumeService, file: string): VolumeService {
  const changed = async <Result>(change: Promise<Result>): Promise<Result> => {
    const result = await change;
    rmSync(file, { force: true });
    return result;
  };
  return {
    put: (request, report, signal) => changed(volume.put(request, report, signal)),
    remove: (path, signal) => changed(volume.remove(path, signal)),
    move: (from, to, signal) => changed(volume.move(from, to, signal)),
    get: (request, report, signal) => volume.get(request, report, signal),
    read: (request, signal) => volume.read(request, signal),
    list: (path, options, signal) => volume.list(path, options, signal),
    history: (path, signal) => volume.history(path, signal),
    status: () => volume.status(),
    findContent: (id, signal) => volume.findContent(id, signal),
    close: () => volume.close(),
  };
}
