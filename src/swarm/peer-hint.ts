import { formatAddress, parseAddress } from "../base/address.ts";
import { parseId, type PeerId } from "../base/id.ts";
import { PEER_SOURCE_MAX_CHARS } from "../base/limits.ts";

/** That a peer is there, and perhaps where, as somebody says who did not sign it. */
export interface PeerHint {
  peer: PeerId;
  /** `host:port`; without it the peer can only be looked for by its id. */
  address?: string;
}

/** Who named a peer: a kind, and the peer that said so where there is one. */
export type HintSource =
  | "hand"
  | "lan"
  | "invitation"
  | "dht"
  /** The peer itself, over a session. */
  | "self"
  | `exchange:${PeerId}`
  | `tracker:${PeerId}`;

/** Reads `<peer id>@<host>:<port>`; undefined where the text is none. */
export function parseHint(text: string): Required<PeerHint> | undefined {
  const at = text.indexOf("@");
  const peer = text.slice(0, at);
  const place = parseAddress(text.slice(at + 1));
  if (at < 0 || parseId(peer) === undefined || place === undefined) return undefined;
  return { peer, address: formatAddress(place) };
}

/** Reads the name of a source; undefined where the text is none. */
export function parseSource(text: string): HintSource | undefined {
  if (text.length > PEER_SOURCE_MAX_CHARS) return undefined;
  switch (text) {
    case "hand":
    case "lan":
    case "invitation":
    case "dht":
    case "self":
      return text;
    default: {
      const [kind, peer = "", ...rest] = text.split(":");
      if (parseId(peer) === undefined || rest.length > 0) return undefined;
      if (kind === "exchange") return `exchange:${peer}`;
      return kind === "tracker" ? `tracker:${peer}` : undefined;
    }
  }
}
