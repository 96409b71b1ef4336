import { idOf } from "../../base/id.ts";
import { openNet, type CarrierNet } from "../net/net.ts";
import { SESSION_BOUNDS, SESSION_TIMES } from "../net/options.ts";
import { createUpgrades } from "../net/upgrade.ts";
import { openDirectCarrier } from "./carrier.ts";
import type { TlsNetOptions } from "./options.ts";

/** Opens a Net over the direct carrier alone: TCP, the knock, mutual TLS 1.3 over the peer keys,
 * HTTP/1.1.
 * @see docs/protocol.md */
export function openTlsNet(options: TlsNetOptions): CarrierNet {
  const times = { ...SESSION_TIMES, ...options.times };
  const bounds = { ...SESSION_BOUNDS, ...options.bounds };
  const direct = openDirectCarrier(options);
  return openNet({
    self: idOf(options.key.publicKey),
    carriers: [direct],
    upgrades: createUpgrades(direct, times.answerMs),
    port: () => direct.port,
    log: options.log,
    times,
    bounds,
  });
}
