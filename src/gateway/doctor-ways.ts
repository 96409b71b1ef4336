import { parseAddress } from "../base/address.ts";
import type { DoctorFacts } from "./doctor-facts.ts";
import { NEED_PUBLIC_PEER } from "./doctor-network.ts";
import { fail, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";

const OPEN_A_PORT =
  "forward a TCP port (and UDP from that number on, four of them) to this machine and set " +
  "public_address, or switch on UPnP in the router";
/** By which carriers sessions with this peer can run, and whether there is any at all. */
export function judgeWays(facts: DoctorFacts): Finding[] {
  const ways = [judgeDirect(facts), judgePunched(facts), judgeRelayed(facts)];
  return [...ways, judgePeers(facts, ways)];
}

function judgeDirect({ port, publicAddress, dialBack }: DoctorFacts): Finding {
  const { asked, reached, near, address } = dialBack;
  const seen = parseAddress(address ?? "")?.host;
  const named = parseAddress(publicAddress ?? "")?.host;
  if (seen !== undefined && named !== undefined && isOther(seen, named)) {
    return warn(
      "direct",
      `public_address says ${publicAddress}, but others see this peer at ${seen}`,
      "correct public_address, or unset it: `holdfast config unset public_address`, then restart",
    );
  }
  const where = address ?? publicAddress ?? `port ${port}`;
  if (reached > 0) return ok("direct", `peers get through to ${where}`);
  if (asked === 0) {
    const why = near > 0 ? "only peers of this network could try, and do" : "no peer could try";
    return warn(
      "direct",
      `whether others get through to TCP ${where} from outside is unknown: ${why}`,
      "ask again when peers of other networks are there",
    );
  }
  const tried = asked === 1 ? "the one peer that tried did not get" : `none of ${asked} peers got`;
  const remedy =
    publicAddress === undefined
      ? OPEN_A_PORT
      : "public_address is set: check that the router forwards that port to this machine, and the " +
        "machine's firewall";
  return warn("direct", `TCP ${where} is closed from outside: ${tried} through`, remedy);
}

/** Whether two hosts of one kind differ; a name may stand for any address. */
function isOther(seen: string, named: string): boolean {
  const kindOf = (host: string): number => (host.includes(":") ? 6 : /^[\d.]+$/.test(host) ? 4 : 0);
  return kindOf(named) === kindOf(seen) && seen !== named;
}

function judgePunched({ router, dht }: DoctorFacts): Finding {
  const none = (why: string, remedy: string): Finding =>
    warn("punched", `will not work: ${why}`, remedy);
  if (router.udpBlocked) return none("UDP is blocked", "allow outgoing UDP in the firewall");
  if (!dht.bootstrapped) return none("no node of the DHT is reached", NEED_PUBLIC_PEER);
  if (router.nat === "open") return ok("punched", "works with every router at the other side");
  if (router.nat === "consistent") {
    return ok("punched", "works, with a symmetric router at the other side after some tries");
  }
  if (router.nat === "random") {
    return warn(
      "punched",
      "works with open and cone routers at the other side, not with another symmetric one",
      OPEN_A_PORT,
    );
  }
  return warn("punched", "may work: the router's kind is unknown", NEED_PUBLIC_PEER);
}

function judgeRelayed({ relays, peers }: DoctorFacts): Finding {
  if (relays.isRelay) return ok("relayed", "this peer relays for others itself");
  if (relays.connected > 0) {
    return ok("relayed", `${relays.connected} of ${relays.known} known relays are connected`);
  }
  if (relays.known > 0) {
    return warn(
      "relayed",
      `none of ${relays.known} known relays can be reached`,
      "start them again, or have another member with a public address",
    );
  }
  if (peers.known === 0) return ok("relayed", "not needed yet: no other peer is known");
  return warn("relayed", "will not work: no known member relays", NEED_PUBLIC_PEER);
}

/** The peer as a whole: it fails where others are known and none of the ways is open. */
function judgePeers({ peers, dialBack }: DoctorFacts, ways: readonly Finding[]): Finding {
  const { known, direct, punched, relayed } = peers;
  if (known === 0) {
    return warn(
      "peers",
      "no other peer is known",
      "`holdfast invite` makes an invitation, `holdfast join` takes one",
    );
  }
  const there = direct + punched + relayed;
  if (there === 0) {
    const [, hole, relay] = ways;
    const closed = dialBack.reached === 0 && [hole, relay].every((way) => way?.verdict !== "ok");
    const says = `none of ${known} known peers is reached`;
    return closed
      ? fail("peers", `${says}, and no way is open to them`, NEED_PUBLIC_PEER)
      : warn("peers", says, "they may be switched off; `holdfast peers --probe` asks each");
  }
  const kinds = [`${direct} directly`, `${punched} punched`, `${relayed} relayed`];
  return ok("peers", `${there} of ${known} reached: ${kinds.join(", ")}`);
}
