// Compiles assembly/ into build/kernels/{relaxed,simd,scalar}.wasm. Does nothing when these are
// newer than what they are made of. Runs on any Node >= 20, before anything else is set up.
import { mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, "assembly");
const target = join(root, "build", "kernels");
/** 1 GiB; an arena may declare less, never more. */
const MEMORY_PAGES_MAX = 16_384;
const FEATURES = {
  relaxed: ["threads", "simd", "relaxed-simd"],
  simd: ["threads", "simd"],
  scalar: ["threads"],
};

/** When a file was last changed, in milliseconds; 0 where there is none. */
function changedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function isFresh() {
  const inputs = [
    fileURLToPath(import.meta.url),
    join(root, "package.json"),
    ...readdirSync(sources).map((name) => join(sources, name)),
  ];
  const outputs = Object.keys(FEATURES).map((variant) => join(target, `${variant}.wasm`));
  return Math.min(...outputs.map(changedMs)) > Math.max(...inputs.map(changedMs));
}

async function compile(asc, variant, features) {
  const scratch = join(target, `.${variant}.${process.pid}.wasm`);
  const { error, stderr } = await asc.main([
    join("assembly", "index.ts"),
    ...["--baseDir", root, "--outFile", scratch, "--runtime", "stub"],
    ...["-O3", "--converge", "--noAssert", "--importMemory", "--noExportMemory"],
    ...["--sharedMemory", "--initialMemory", "1", "--maximumMemory", String(MEMORY_PAGES_MAX)],
    ...features.flatMap((feature) => ["--enable", feature]),
  ]);
  if (error) throw new Error(`kernels ${variant}: ${stderr.toString() || error.message}`);
  // Renamed into place, so that a process that starts meanwhile never loads half a module.
  renameSync(scratch, join(target, `${variant}.wasm`));
}

if (!isFresh()) {
  const { default: asc } = await import("assemblyscript/asc");
  mkdirSync(target, { recursive: true });
  for (const [variant, features] of Object.entries(FEATURES)) {
    await compile(asc, variant, features);
  }
  console.log(`kernels: compiled ${Object.keys(FEATURES).join(", ")}`);
}
