import { equalBytes } from "../../base/bytes.ts";
import type { PeerId, ShardId } from "../../base/id.ts";
import { openCard } from "../card-book.ts";
import type { Agent, AgentSelf, Introduction, IntroductionWish, Question } from "./agent.ts";

/** A tracker's own holder: an agent without a stream. */
export class LocalAgent implements Agent {
  readonly peer: PeerId;
  readonly seen = undefined;
  readonly #self: AgentSelf;
  #card: Agent["card"];

  constructor(peer: PeerId, self: AgentSelf) {
    this.peer = peer;
    this.#self = self;
  }

  get card(): Agent["card"] {
    const bytes = this.#self.card();
    // To open it means to check a signature, which no look-up should wait for.
    if (this.#card === undefined || !equalBytes(this.#card.bytes, bytes)) {
      this.#card = { body: openCard(bytes), bytes };
    }
    return this.#card;
  }

  get freeBytes(): number {
    return this.#self.freeBytes();
  }

  holds(id: ShardId): boolean {
    return this.#self.inventory.holds(id);
  }

  whoHas(id: ShardId): Question<boolean> {
    return asked(Promise.resolve(this.#self.inventory.holds(id)));
  }

  introduce(wish: IntroductionWish): Question<Introduction> {
    return asked(this.#self.introduce(wish));
  }
}

function asked<Answer>(answer: Promise<Answer>): Question<Answer> {
  return { answer, giveUp: () => undefined };
}
