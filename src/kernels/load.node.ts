import { readFile } from "node:fs/promises";
import { KernelError } from "./error.ts";
import type { KernelExports } from "./exports.ts";
import type { Arena } from "./arena.ts";
import { kernelsOver } from "./kernels.ts";
import type { KernelVariant, Kernels } from "./kernels.ts";

/** Fastest first. */
export const VARIANTS: readonly KernelVariant[] = ["relaxed", "simd", "scalar"];
/** Set to one of VARIANTS, it forces that one. */
const VARIANT_ENVIRONMENT = "HOLDFAST_KERNELS";
/** Reached from src/kernels and from a build of it at the same depth alike. */
const BUILD = new URL("../../build/kernels/", import.meta.url);

/** One compilation per variant and thread; undefined for what the engine does not validate. */
const modules = new Map<KernelVariant, Promise<WebAssembly.Module | undefined>>();

/** The fastest kernels that this engine runs, over `arena`, or those that the environment variable
 * HOLDFAST_KERNELS names. `lane`, 0 to LANES - 1, is where this instance keeps tables and scratch:
 * instances that work at the same time or with different gear tables need different lanes.
 * @throws KernelError KERNELS_MISSING | KERNELS_UNSUPPORTED
 * @throws RangeError when there is no such lane */
export async function loadKernels(arena: Arena, lane = 0): Promise<Kernels> {
  const forced = process.env[VARIANT_ENVIRONMENT];
  if (forced) {
    const variant = VARIANTS.find((name) => name === forced);
    if (variant === undefined) {
      throw new KernelError("KERNELS_UNSUPPORTED", `${VARIANT_ENVIRONMENT} is "${forced}"`, {
        hint: `set it to one of ${VARIANTS.join(", ")}, or not at all`,
      });
    }
    return loadVariant(variant, arena, lane);
  }
  for (const variant of VARIANTS) {
    const module = await compile(variant);
    if (module !== undefined) return instantiate(module, variant, arena, lane);
  }
  throw new KernelError("KERNELS_UNSUPPORTED", "this engine runs none of the kernels");
}

/** Like `loadKernels`, for one variant, whatever the environment says. */
export async function loadVariant(
  variant: KernelVariant,
  arena: Arena,
  lane = 0,
): Promise<Kernels> {
  const module = await compile(variant);
  if (module !== undefined) return instantiate(module, variant, arena, lane);
  throw new KernelError("KERNELS_UNSUPPORTED", `this engine does not run the ${variant} kernels`, {
    hint: `unset ${VARIANT_ENVIRONMENT}`,
  });
}

function compile(variant: KernelVariant): Promise<WebAssembly.Module | undefined> {
  const known = modules.get(variant);
  if (known !== undefined) return known;
  const compiled = readModule(variant);
  modules.set(variant, compiled);
  // A failure is not kept: the file may be there the next time.
  compiled.catch(() => modules.delete(variant));
  return compiled;
}

async function readModule(variant: KernelVariant): Promise<WebAssembly.Module | undefined> {
  const file = new URL(`${variant}.wasm`, BUILD);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new KernelError("KERNELS_MISSING", `compiled kernels not found: ${file.pathname}`, {
      cause,
      hint: "run: node scripts/build-kernels.mjs",
    });
  }
  return WebAssembly.validate(bytes) ? WebAssembly.compile(bytes) : undefined;
}

function instantiate(
  module: WebAssembly.Module,
  variant: KernelVariant,
  arena: Arena,
  lane: number,
): Kernels {
  const instance = new WebAssembly.Instance(module, { env: { memory: arena.memory } });
  // The exports are what assembly/index.ts declares; both are one project's.
  return kernelsOver(arena, lane, variant, instance.exports as unknown as KernelExports);
}
