import { HoldfastError } from "../base/error.ts";

export type SecretsCode = "SECRET_UNREADABLE" | "SECRET_UNWRITABLE";

/** A secret that the disk does not give or take; the message names its file. */
export class SecretsError extends HoldfastError<SecretsCode> {}
