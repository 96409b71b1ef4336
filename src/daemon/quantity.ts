const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** The bytes of `1073741824`, `50 GiB`, `1.5TB`; undefined where the text is no such thing. */
export function parseBytes(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = UNITS[(match?.[2] ?? "").toLowerCase()];
  if (match === null || unit === undefined) return undefined;
  const bytes = Math.floor(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Data shards and all shards of `5/10`; undefined unless 1 ≤ k ≤ n ≤ 255. */
export function parseCode(text: string): { k: number; n: number } | undefined {
  const match = /^(\d{1,3})\/(\d{1,3})$/.exec(text);
  const k = Number(match?.[1]);
  const n = Number(match?.[2]);
  return match !== null && k >= 1 && k <= n && n <= 255 ? { k, n } : undefined;
}
