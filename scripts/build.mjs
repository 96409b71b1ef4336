// `npm run build`: the JavaScript that `npm pack` ships, in dist/. Node does not strip types from what
// lies under a node_modules folder, so an installed package cannot run the sources.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./node.mjs";
import { run } from "./run.mjs";
import { main, setUp } from "./setup.mjs";

await main(async () => {
  const node = await setUp();
  rmSync(join(root, "dist"), { recursive: true, force: true });
  return run(node, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"]);
});
