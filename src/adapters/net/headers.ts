import type { IncomingHttpHeaders } from "node:http";

/** Headers as the port has them: one text each, without a prototype. */
export function plainHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const plain = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain[name] = typeof value === "string" ? value : value.join(", ");
  }
  return plain;
}

/** The content-length of a message: undefined where there is none, NaN where it is no number. */
export function contentLength(headers: Readonly<Record<string, unknown>>): number | undefined {
  const text = headers["content-length"];
  if (text === undefined) return undefined;
  const length = typeof text === "string" && /^[0-9]{1,15}$/.test(text) ? Number(text) : NaN;
  return length;
}
