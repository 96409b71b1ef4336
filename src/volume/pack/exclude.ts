import { fromUtf8 } from "../../base/bytes.ts";

/** A character as it is, or what a wildcard stands for: one character or any number of them within
 * a name, any number of any characters, or nothing and any number of whole folders. */
type Piece = { character: string } | "one" | "many" | "all" | "folders";

/** Decides which entries of a source are left out. A pattern without a slash is compared with each
 * name, one with a slash with the whole path below the source; `*` and `?` stop at slashes, `**`
 * does not, and `**` + `/` also stands for nothing.
 * Names that are not valid UTF-8 match only `*`-like patterns as Latin-1. */
export function excludeFilter(patterns: readonly string[]): (path: Uint8Array) => boolean {
  const rules = patterns.map((pattern) => {
    const trimmed = pattern.replace(/^\/+|\/+$/gu, "");
    return { byName: !trimmed.includes("/"), pieces: piecesOf(trimmed) };
  });
  return (path) => {
    if (rules.length === 0) return false;
    const text = fromUtf8(path) ?? String.fromCharCode(...path);
    const whole = [...text];
    const name = [...text.slice(text.lastIndexOf("/") + 1)];
    return rules.some(({ byName, pieces }) => matches(pieces, byName ? name : whole));
  };
}

function piecesOf(pattern: string): Piece[] {
  const pieces: Piece[] = [];
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    const isDouble = character === "*" && characters[at + 1] === "*";
    if (isDouble && characters[at + 2] === "/") {
      pieces.push("folders");
      at += 2;
    } else if (isDouble) {
      pieces.push("all");
      at += 1;
    } else if (character === "*") pieces.push("many");
    else if (character === "?") pieces.push("one");
    else pieces.push({ character });
  }
  return pieces;
}

/** Walks all ways through the pattern at once, so that it takes at most the product of both
 * lengths: a regular expression would take for ever on `*a*a*a*b` and a name of many a's.
 * A place is the number of pieces that are done with. */
function matches(pieces: readonly Piece[], text: readonly string[]): boolean {
  let places = new Set<number>();
  arrive(pieces, places, 0);
  for (const character of text) {
    const next = new Set<number>();
    for (const place of places) step(pieces, next, place, character);
    if (next.size === 0) return false;
    places = next;
  }
  return places.has(pieces.length);
}

/** Adds a place, and those behind it that are reached with no character more. */
function arrive(pieces: readonly Piece[], places: Set<number>, first: number): void {
  for (let place = first; ; place++) {
    places.add(place);
    const piece = pieces[place];
    if (piece !== "many" && piece !== "all" && piece !== "folders") return;
  }
}

function step(pieces: readonly Piece[], next: Set<number>, place: number, character: string): void {
  const piece = pieces[place];
  if (piece === undefined) return;
  if (piece === "all") arrive(pieces, next, place);
  else if (piece === "many" && character !== "/") arrive(pieces, next, place);
  else if (piece === "one" && character !== "/") arrive(pieces, next, place + 1);
  else if (piece === "folders") {
    // Within a folder's name the place is kept alone: only its slash leads on.
    next.add(place);
    if (character === "/") arrive(pieces, next, place + 1);
  } else if (typeof piece === "object" && piece.character === character) {
    arrive(pieces, next, place + 1);
  }
}
