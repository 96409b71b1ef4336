// `npm test [-- STEP | FILE …]`: sets up what is missing, then runs scripts/steps.ts on the pinned Node.
import { run } from "./run.mjs";
import { main, setUp } from "./setup.mjs";

await main(async () => run(await setUp(), ["scripts/steps.ts", ...process.argv.slice(2)]));
