import { openDatabase } from "../adapters/database.node.ts";
import { nodeSourceFiles } from "../adapters/source.node.ts";
import { targetFiles } from "../adapters/target.node.ts";
import { workerChannel } from "../adapters/workers.node.ts";
import { attachArena } from "../kernels/arena.ts";
import { loadKernels } from "../kernels/load.node.ts";
import { runOpenWorker } from "../volume/get/open-worker.ts";
import type { OpenSetup } from "../volume/get/open-worker.ts";
import type { PackSetup } from "../volume/pack/messages.ts";
import { runPackWorker } from "../volume/pack/worker.ts";

/** The module that every worker thread runs: it builds the parts of its task and serves them. */
const { task, setup, channel } = workerChannel();
if (task === "pack") {
  const packSetup = setup as PackSetup;
  const arena = attachArena(packSetup.memory);
  const kernels = await loadKernels(arena);
  const database = openDatabase(packSetup.indexPath, { readOnly: true });
  runPackWorker(channel, {
    arena,
    kernels,
    source: nodeSourceFiles,
    setup: packSetup,
    isKnown: (name) =>
      database.get("SELECT 1 AS known FROM chunks WHERE name = ?", name) !== undefined,
  });
} else {
  runOpenWorker(channel, { setup: setup as OpenSetup, target: targetFiles });
}
