import { existsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { setTimeout as timer } from "node:timers/promises";
import type { Command } from "commander";
import { formatAddress, parseAddress } from "../../base/address.ts";
import { readDaemonFile } from "../../daemon/daemon-file.ts";
import { parseBytes } from "../../daemon/quantity.ts";
import type { DoctorReport } from "../../gateway/doctor.ts";
import type { SwarmSummary } from "../../gateway/reach.ts";
import { startDaemon, waitStopped } from "../daemon-process.ts";
import type { Started } from "../daemon-process.ts";
import { CliError } from "../error.ts";
import { printable } from "../format.ts";
import { openSession } from "../session.ts";
import type { Session } from "../session.ts";

interface TrackerOptions {
  port?: string;
  publicAddress?: string;
  space?: string;
  detach?: true;
}

/** What the command says of a tracker that runs. */
interface TrackerSummary {
  peer: string;
  port: number;
  pid: number;
  /** Where it may be reached, what is set by hand first. */
  addresses: string[];
  /** Why others may not reach it; absent where nothing speaks against it. */
  unreachable?: { says: string; remedy?: string };
  swarm?: string;
  members?: number;
}

const POLL_MS = 50;

/** `tracker`: runs a peer that answers who has what, and helps others to reach each other. */
export function configure(command: Command): void {
  command
    .option("--port <port>", "TCP port for peers; it is kept for later starts")
    .option("--public-address <host:port>", "where others reach it, if this machine cannot tell")
    .option("--space <size>", "space to offer as well, as 10GiB; a new home offers none")
    .option("--detach", "start it apart and return")
    .addHelpText(
      "after",
      "\nIt is one for the swarm of its home: on a new machine `holdfast join` comes first.\n" +
        "\nExample:\n  holdfast tracker --port 4242 --space 10GiB",
    )
    .action(async (options: TrackerOptions) => {
      const session = openSession(command);
      await prepare(session, options);
      const port = options.port === undefined ? [] : ["--port", options.port];
      if (options.detach !== true) return runHere(session, port);
      await startDaemon(session.paths.home, port);
      await tell(session);
    });
}

/** Makes the home where there is none, and sets what makes it a tracker; a daemon that runs without
 * that is stopped. */
async function prepare(session: Session, options: TrackerOptions): Promise<void> {
  const { paths, note } = session;
  check(options);
  const isNew = !existsSync(paths.version);
  if (isNew) {
    const made = await startDaemon(paths.home, ["--init"]);
    note(`made a new home in ${paths.home}, peer ${made.peer}`);
  }
  const { setConfigKey } = await import("../../daemon/config.ts");
  setConfigKey(paths.config, "tracker", "true");
  const space = options.space ?? (isNew ? "0" : undefined);
  if (space !== undefined) setConfigKey(paths.config, "file_storage", space);
  if (options.publicAddress !== undefined) {
    setConfigKey(paths.config, "public_address", options.publicAddress);
  }
  const running = readDaemonFile(paths);
  if (running === undefined) return;
  await session.askRunning("POST", "/v1/down").catch(() => undefined);
  if (!(await waitStopped(paths.home, running.pid))) {
    throw new CliError("DAEMON_NOT_STARTED", `the daemon (pid ${running.pid}) does not stop`, {
      hint: "run `holdfast down`, then this command again",
    });
  }
  note("stopped the daemon of this home, to start it as a tracker");
}

function check({ port, publicAddress, space }: TrackerOptions): void {
  if (space !== undefined && parseBytes(space) === undefined) {
    throw new CliError("USAGE", `--space ${space}: wanted a size, as 10GiB`);
  }
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535)) {
    throw new CliError("USAGE", `port ${port}: wanted a number from 0 to 65535`);
  }
  if (publicAddress !== undefined && parseAddress(publicAddress) === undefined) {
    throw new CliError("USAGE", `--public-address ${publicAddress}: wanted "host:port"`);
  }
}

/** Runs the daemon in this process, and says where it is as soon as it serves. */
async function runHere(session: Session, port: readonly string[]): Promise<void> {
  const { runDaemon } = await import("../../daemon/main.ts");
  // A terminal or a journal that goes away ends no daemon.
  process.stdout.removeAllListeners("error").on("error", () => {});
  const ended = new AbortController();
  const telling = tellWhenReady(session, ended.signal).catch((error: unknown) => {
    if (!ended.signal.aborted) session.note(`the tracker runs, but: ${String(error)}`);
  });
  const failure = await runDaemon(["--home", session.paths.home, "--foreground", ...port]);
  ended.abort();
  await telling;
  if (failure !== undefined) throw failure;
}

async function tellWhenReady(session: Session, signal: AbortSignal): Promise<void> {
  while (readDaemonFile(session.paths)?.ready !== true) {
    await timer(POLL_MS, undefined, { signal });
  }
  await tell(session);
}

async function tell(session: Session): Promise<void> {
  const summary = await summarise(session);
  session.say(describe(summary));
  session.result(summary);
}

async function summarise(session: Session): Promise<TrackerSummary> {
  const { peer, port, pid } = await session.askRunning<Started>("GET", "/v1/version");
  const { readConfigKeys } = await import("../../daemon/config.ts");
  const set = readConfigKeys(session.paths.config)["public_address"];
  const addresses = [...(typeof set === "string" ? [set] : []), ...localAddresses(port)];
  const ask = <Result>(path: string): Promise<Result | undefined> =>
    session.askRunning<Result>("GET", path).catch(() => undefined);
  const swarm = await ask<SwarmSummary>("/v1/swarm");
  const report = await ask<DoctorReport>("/v1/doctor");
  const direct = report?.findings.find(({ name }) => name === "direct");
  return {
    peer,
    port,
    pid,
    addresses,
    ...(swarm === undefined ? {} : { swarm: swarm.id, members: swarm.members }),
    ...(direct === undefined || direct.verdict === "ok" ? {} : { unreachable: reasonOf(direct) }),
  };
}

function reasonOf({ says, remedy }: DoctorReport["findings"][number]): {
  says: string;
  remedy?: string;
} {
  return { says, ...(remedy === undefined ? {} : { remedy }) };
}

function describe({ peer, addresses, swarm, members, unreachable, pid }: TrackerSummary): string {
  return [
    `tracker  ${peer} (pid ${pid})`,
    ...addresses.map((address, index) => `${index === 0 ? "at     " : "       "}  ${address}`),
    ...(swarm === undefined ? [] : [`swarm    ${swarm}, ${members} known members`]),
    ...(unreachable === undefined
      ? []
      : [
          `warning  ${printable(unreachable.says)}`,
          ...(unreachable.remedy === undefined
            ? []
            : [`         ${printable(unreachable.remedy)}`]),
        ]),
    "Members of its swarm find it by themselves. For others, `holdfast invite` makes an invitation",
    "that names it.",
  ]
    .map((line) => `${line}\n`)
    .join("");
}

function localAddresses(port: number): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .map(({ address }) => formatAddress({ host: address, port }));
}
