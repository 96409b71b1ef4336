import { HoldfastError } from "../base/error.ts";

export type AccountCode = "KEY_MISMATCH" | "KEY_MISSING";

/** A home's keys that are not whole, or do not belong together. */
export class AccountError extends HoldfastError<AccountCode> {}
