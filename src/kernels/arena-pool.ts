import { createArena } from "./arena.ts";
import type { Arena } from "./arena.ts";

/** Lends arenas of one size to putting and getting in turn. The one that came back last is kept and
 * lent again, its pages warm, so that a put and a get after it need the memory of one of them. */
export class ArenaPool {
  readonly #lengthBytes: number;
  readonly #onDrop: () => void;
  #spare: Arena | undefined;
  #idleTicks = 0;

  /** Arenas have room for `lengthBytes`; `onDrop` is called when one was let go of, as garbage. */
  constructor(lengthBytes: number, onDrop: () => void = () => undefined) {
    this.#lengthBytes = lengthBytes;
    this.#onDrop = onDrop;
  }

  /** The caller's alone until it is given back. What lies in it is left from before. */
  lend(): Arena {
    const arena = this.#spare ?? createArena(this.#lengthBytes);
    this.#spare = undefined;
    return arena;
  }

  giveBack(arena: Arena): void {
    this.#spare = arena;
    this.#idleTicks = 0;
  }

  /** Called at regular times: lets go of an arena that nobody has used for `ticksMax` of them. */
  tick(ticksMax: number): void {
    if (this.#spare === undefined || ++this.#idleTicks < ticksMax) return;
    this.#spare = undefined;
    this.#onDrop();
  }
}
