import { HoldfastError } from "../base/error.ts";

export type KernelCode = "KERNELS_MISSING" | "KERNELS_UNSUPPORTED";

/** The compiled kernels are not there, or this engine cannot run the wanted ones. */
export class KernelError extends HoldfastError<KernelCode> {}
