/** A broken invariant of our own. It is never thrown for what a peer or a user sent. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** States an invariant; it is checked in production too.
 * @throws InvariantError when `condition` does not hold */
export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new InvariantError(`invariant broken: ${invariant}`);
}
