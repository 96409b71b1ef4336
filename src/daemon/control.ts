import type { Keyring } from "../account/keyring.ts";
import type { Control } from "../gateway/control.ts";
import type { ComposedPeer } from "./composed-peer.ts";
import { readConfigKeys, setConfigKey } from "./config.ts";
import type { HomePaths } from "./home.ts";
import { VERSION } from "./version.ts";

/** What the daemon's own affairs are made of. */
export interface ControlParts {
  paths: HomePaths;
  keyring: Keyring;
  startedAt: string;
  peer: ComposedPeer;
  /** Begins to stop. */
  stop: () => void;
  /** The clock, where a test may move it. */
  steer: { advance(stepMs: number): void } | undefined;
}

/** The daemon's own affairs for the local API. */
export function createControl(parts: ControlParts): Control {
  const { paths, keyring, startedAt, peer, stop, steer } = parts;
  return {
    about: () => ({
      version: VERSION,
      pid: process.pid,
      home: paths.home,
      peer: keyring.peerId,
      account: keyring.account,
      port: peer.port,
      startedAt,
    }),
    usage: () => peer.usage(),
    scrub: (signal) => peer.scrub(signal),
    addPeers: (cards) => peer.addPeers(cards),
    configGet(key) {
      const keys = readConfigKeys(paths.config);
      if (key === undefined) return keys;
      return Object.hasOwn(keys, key) ? { [key]: keys[key] } : {};
    },
    configSet: (key, value) => setConfigKey(paths.config, key, value),
    stop,
    ...(steer === undefined ? {} : { advanceClock: (stepMs: number) => steer.advance(stepMs) }),
  };
}
