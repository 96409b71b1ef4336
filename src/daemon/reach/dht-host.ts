import { openDhtNode, type DhtNode, type DhtOptions } from "../../adapters/dht/node.ts";
import type { Carrier, Session } from "../../adapters/net/carrier.ts";
import { NetError } from "../../adapters/net-error.ts";
import { messageOf } from "../../base/error.ts";
import { Mutex } from "../../base/mutex.ts";
import type { CarrierKind } from "../../ports/net.ts";
import type { DhtParts } from "./dht-parts.ts";

/** What never changes of the node. */
export type DhtHostOptions = Pick<
  DhtOptions,
  "key" | "swarmKeys" | "clock" | "random" | "log" | "publicDht"
> & {
  /** Makes the carriers and the rest beside a node. */
  equip: (node: DhtNode) => DhtParts;
};

/** How this peer takes part in the DHT. */
export interface DhtRole {
  /** `host:port` (UDP) of nodes that are known. */
  bootstrap: readonly string[];
  /** Where others reach the nodes that this peer runs for them; undefined: it is behind a
   * router. */
  outside: { host: string; port: number } | undefined;
}

/** The DHT node of a peer, if it has one now. It comes with the first known bootstrap address, and
 * is opened anew when this peer turns out to be reachable from outside. */
export class DhtHost {
  readonly #options: DhtHostOptions;
  readonly #changing = new Mutex();
  #parts: DhtParts | undefined;
  #outside: string | undefined;
  #take: ((session: Session) => void) | undefined;
  #isClosed = false;
  /** Sessions through holes in both routers. */
  readonly punched: Carrier = this.#carrier("punched");
  /** Sessions over relays by UDP. */
  readonly relayed: Carrier = this.#carrier("relayed");

  constructor(options: DhtHostOptions) {
    this.#options = options;
  }

  /** The node and what belongs to it, where there is one. */
  get parts(): DhtParts | undefined {
    return this.#parts;
  }

  /** Opens the node, opens it anew, or tells it of more bootstrap addresses. A node that does not
   * open is a line in the log: this peer goes on without. */
  async play(role: DhtRole): Promise<void> {
    await this.#changing.run(async () => {
      if (this.#isClosed) return;
      const { bootstrap, outside } = role;
      const where = outside === undefined ? undefined : `${outside.host}:${outside.port}`;
      if (this.#parts !== undefined && where === this.#outside) {
        this.#parts.node.addBootstrap(bootstrap);
        return;
      }
      const hasNodes = bootstrap.length > 0 || this.#options.publicDht !== undefined;
      if (outside === undefined && !hasNodes) return;
      await this.#parts?.close();
      this.#parts = undefined;
      try {
        this.#parts = await this.#open(bootstrap, outside);
        this.#outside = where;
        if (this.#take !== undefined) await this.#parts.listen(this.#take);
      } catch (error) {
        this.#options.log.write("warn", "dht.off", { reason: messageOf(error) });
      }
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#changing.run(async () => {
      await this.#parts?.close();
      this.#parts = undefined;
    });
  }

  async #open(bootstrap: readonly string[], outside: DhtRole["outside"]): Promise<DhtParts> {
    const { equip, ...common } = this.#options;
    const isPublic = outside !== undefined;
    const at = isPublic ? { port: outside.port, publicHost: outside.host } : {};
    return equip(await openDhtNode({ ...common, bootstrap, isPublic, ...at }));
  }

  #carrier(kind: CarrierKind): Carrier {
    const own = (): Carrier | undefined =>
      kind === "punched" ? this.#parts?.punched : this.#parts?.relayed;
    return {
      kind,
      mayReach: (peer) => own()?.mayReach(peer) === true,
      dial: (peer, signal) => {
        const carrier = own();
        if (carrier !== undefined) return carrier.dial(peer, signal);
        throw new NetError("PEER_UNREACHABLE", `peer ${peer}: there is no DHT to find it by`);
      },
      listen: async (take) => {
        this.#take = take;
        if (kind === "punched") await this.#parts?.listen(take);
      },
      close: () => (kind === "punched" ? this.close() : Promise.resolve()),
    };
  }
}
