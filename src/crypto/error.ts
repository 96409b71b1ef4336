import { HoldfastError } from "../base/error.ts";

export type CryptoCode = "SEAL_BROKEN" | "SIGNATURE_INVALID" | "KEY_MALFORMED";

/** Something that does not open, or was not signed by whom it says. */
export class CryptoError extends HoldfastError<CryptoCode> {}
