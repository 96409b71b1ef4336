import { parseArgs } from "node:util";
import { resolveHome } from "./home.ts";

/** What the daemon's program is told. */
export interface DaemonArguments {
  home: string;
  /** The wanted port; 0 chooses a new one. */
  port: number | undefined;
  foreground: boolean;
  /** Only make the home. */
  init: boolean;
  deviceName: string | undefined;
  swarmKeyFile: string | undefined;
}

/** Reads the words of the daemon's command line; they come from our own CLI.
 * @throws TypeError for what it does not know */
export function readArguments(words: readonly string[]): DaemonArguments {
  const { values } = parseArgs({
    args: [...words],
    options: {
      home: { type: "string" },
      port: { type: "string" },
      foreground: { type: "boolean", default: false },
      init: { type: "boolean", default: false },
      name: { type: "string" },
      "swarm-key": { type: "string" },
    },
  });
  return {
    home: resolveHome(values.home),
    port: values.port === undefined ? undefined : Number(values.port),
    foreground: values.foreground,
    init: values.init,
    deviceName: values.name,
    swarmKeyFile: values["swarm-key"],
  };
}
