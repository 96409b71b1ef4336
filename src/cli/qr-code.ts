import { encodeQR } from "qr";

/** Light modules around a code: the standard asks for four, readers make do with two. */
const BORDER_MODULES = 2;
/** Light on dark whatever the terminal's own colours are, so that every reader takes it. */
const LIGHT_ON_DARK = "\u001b[97;40m";
const PLAIN = "\u001b[0m";

/** A text as a QR code of two modules a character, in the least size that holds it.
 * @returns the lines, and how many columns they take; undefined for a text that no code holds */
export function drawQrCode(text: string): { lines: string; columns: number } | undefined {
  const drawn = encode(text, "ascii");
  if (drawn === undefined) return undefined;
  const rows = drawn.trimEnd().split("\n");
  return {
    lines: rows.map((row) => `${LIGHT_ON_DARK}${row}${PLAIN}\n`).join(""),
    columns: Math.max(...rows.map((row) => row.length)),
  };
}

/** A text as a QR code in SVG; undefined for a text that no code holds. */
export function svgQrCode(text: string): string | undefined {
  return encode(text, "svg");
}

function encode(text: string, output: "ascii" | "svg"): string | undefined {
  try {
    return encodeQR(text, output, { ecc: "low", border: BORDER_MODULES });
  } catch {
    // It holds 2,953 bytes at most; what the library throws beyond is not told apart.
    return undefined;
  }
}
