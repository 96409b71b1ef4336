export type LogLevel = "debug" | "info" | "warn" | "error";

/** Structured log. Fields are plain values; never secrets, file names or content. */
export interface Log {
  write(
    level: LogLevel,
    event: string,
    fields?: Readonly<Record<string, string | number | boolean>>,
  ): void;
}
