import { CliError } from "./error.ts";
import { printable } from "./format.ts";

const ID = /^[a-z2-7]{52}$/;
/** Fewer characters are too easily another's. */
const PREFIX_MIN_CHARACTERS = 6;
/** So many characters of an id are shown in tables: enough to name a peer by. */
const SHORT_CHARACTERS = 10;

/** The beginning of an id, as tables show it; `resolvePeer` takes it. */
export function shortId(id: string): string {
  return id.slice(0, SHORT_CHARACTERS);
}

/** The id of the peer that a user means by a whole id or by the beginning of one that is known.
 * @throws CliError USAGE where it is none, or several have it */
export function resolvePeer(text: string, known: readonly { id: string }[]): string {
  if (ID.test(text)) return text;
  const name = JSON.stringify(printable(text));
  if (!/^[a-z2-7]*$/.test(text) || text.length < PREFIX_MIN_CHARACTERS) {
    throw new CliError("USAGE", `peer ${name}: wanted an id, or its first characters`, {
      hint: `at least ${PREFIX_MIN_CHARACTERS} of them; \`holdfast peers\` shows the ids`,
    });
  }
  const found = known.filter(({ id }) => id.startsWith(text));
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first.id;
  const why = first === undefined ? "no known peer's id begins so" : `${found.length} ids begin so`;
  throw new CliError("USAGE", `peer ${name}: ${why}`, {
    hint: "`holdfast peers` shows the known ones; give more characters",
  });
}
