// `npm start`: sets up what is missing, then the main job on a swarm of real processes on this machine.
import { join } from "node:path";
import { root } from "./node.mjs";
import { run } from "./run.mjs";
import { main, setUp } from "./setup.mjs";

await main(async () => {
  await setUp();
  return run(join(root, "bin", "holdfast"), ["demo", ...process.argv.slice(2)]);
});
