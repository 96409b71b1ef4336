import { HoldfastError } from "../base/error.ts";

export type ObjectCode = "CHUNK_FORGED" | "PACK_FORGED";

/** Sealed bytes that are not what their name says. */
export class ObjectError extends HoldfastError<ObjectCode> {}
