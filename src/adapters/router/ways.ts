/** One port of this machine that the router should open. */
export interface WantedPort {
  protocol: "tcp" | "udp";
  port: number;
}

/** A port that the router opened. */
export interface MappedPort extends WantedPort {
  /** `host:port` on the router's outer side; the host may be private where another router is
   * behind it. */
  external: string;
}

/** Opens ports at one router, in one protocol.
 * @throws whatever the router or the network does: all of it is normal */
export interface RouterWay {
  readonly name: "nat-pmp" | "upnp";
  /** Maps or renews; gives what succeeded, at least one. */
  map(ports: readonly WantedPort[], signal: AbortSignal): Promise<MappedPort[]>;
  /** Removes mappings. */
  unmap(ports: readonly MappedPort[], signal: AbortSignal): Promise<void>;
}

/** Does something for each port; one that the router refuses does not hinder the others.
 * @throws the first error where none succeeded */
export async function forEachPort<P extends WantedPort, R>(
  ports: readonly P[],
  work: (port: P) => Promise<R>,
): Promise<R[]> {
  const done: R[] = [];
  let failure: unknown;
  // One after the other: cheap routers lose requests that come at once.
  for (const port of ports) {
    try {
      done.push(await work(port));
    } catch (error) {
      failure ??= error;
    }
  }
  if (done.length === 0) throw failure;
  return done;
}
