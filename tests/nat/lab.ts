// A small internet in network namespaces, with real daemons on its hosts.
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { daemonPid, holdfast, holdfastJson, killDaemon, makeFolder } from "../e2e/harness.ts";
import type { Ran } from "../e2e/harness.ts";

const SCRIPT = join(import.meta.dirname, "nat-lab.sh");
const TOOLS = ["ip", "bridge", "nft", "tcpdump", "ss"];
const REMEDY = "apt-get install iproute2 nftables tcpdump";
/** What is shown of each log where something failed. */
const LOG_LINES = 25;

/** How a host is connected: with a public address, or behind a router of some kind. */
export type Mode = "open" | "fullcone" | "cone" | "sym" | "blocked";

/** What a program said, and how it ended. */
export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Why no lab can be built here, or `false` where one can: for the `skip` of a test. */
export function whyNoLab(): string | false {
  if (process.platform !== "linux") return "the NAT lab needs Linux";
  if (process.getuid?.() !== 0) return "the NAT lab needs root";
  const missing = TOOLS.filter((tool) => spawnSync(tool, ["-V"]).error !== undefined);
  if (missing.length > 0) return `the NAT lab needs ${missing.join(", ")}: ${REMEDY}`;
  const name = newLabName();
  const made = spawnSync("ip", ["netns", "add", name], { encoding: "utf8" });
  if (made.status !== 0) return `no network namespace can be made here: ${made.stderr.trim()}`;
  spawnSync("ip", ["netns", "del", name]);
  return false;
}

const PREFIX = process.env["NAT_LAB"] ?? "hf";
let labs = 0;

/** A name that no other lab of this machine has; it tells whose the lab is. */
function newLabName(): string {
  return `${PREFIX}${process.pid}x${++labs}`;
}

function runScript(lab: string, ...args: string[]): void {
  const env = { ...process.env, NAT_LAB: lab };
  const { status, stderr } = spawnSync("bash", [SCRIPT, ...args], { env, encoding: "utf8" });
  if (status !== 0) throw new Error(`nat-lab.sh ${args.join(" ")}: status ${status}\n${stderr}`);
}

/** Removes labs whose test was killed before it could. */
function removeStale(): void {
  const { stdout } = spawnSync("ip", ["netns", "list"], { encoding: "utf8" });
  for (const [, prefix, pid = "", number] of stdout.matchAll(/^(\D+)(\d+)x(\d+)-inet\b/gm)) {
    const isStale = prefix === PREFIX && !existsSync(`/proc/${pid}`);
    if (isStale) runScript(`${prefix}${pid}x${number}`, "down");
  }
}

/** Labs that were not removed yet: a run that is cut removes them as well. */
const standing = new Set<NatLab>();
process.once("exit", () => {
  for (const lab of standing) lab.removeNow();
});

/** Hosts and homes on a network of their own, which nothing leaves. */
export class NatLab {
  readonly name: string;
  /** Free for files; the homes of the daemons are below it. Removed with the lab. */
  readonly folder: string;
  readonly #hosts = new Map<string, LabHost>();
  readonly #children = new Set<ChildProcess>();

  private constructor(name: string, folder: string) {
    this.name = name;
    this.folder = folder;
  }

  /** Builds one: names of hosts with the mode of each, in the order of their addresses. */
  static build(hosts: Readonly<Record<string, Mode>>): NatLab {
    removeStale();
    const name = newLabName();
    const lab = new NatLab(name, makeFolder(name));
    standing.add(lab);
    runScript(name, "up", ...Object.entries(hosts).map((entry) => entry.join(":")));
    for (const [index, [host, mode]] of Object.entries(hosts).entries()) {
      const home = join(lab.folder, host);
      const number = index + 1;
      const publicAddress = `203.0.113.${(mode === "open" ? 10 : 100) + number}`;
      const address = mode === "open" ? publicAddress : `10.${number}.0.2`;
      const about = { name: host, mode, address, publicAddress, home };
      lab.#hosts.set(host, new LabHost(lab, about));
    }
    return lab;
  }

  /** A host or home by its name. */
  host(name: string): LabHost {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new RangeError(`the lab has no host ${name}`);
    return host;
  }

  /** All hosts and homes. */
  get hosts(): LabHost[] {
    return [...this.#hosts.values()];
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Starts a program on a host, a router (`nat-NAME`) or the public network (`inet`). It is ended
   * with the lab. */
  start(where: string, command: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
    const [program = "", ...args] = [...this.through(where), ...command];
    const env = { ...process.env };
    delete env["NODE_TEST_CONTEXT"];
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#children.add(child);
    const said = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
    const ended = once(child, "close").then(([status]) => {
      this.#children.delete(child);
      return { status: status as number | null, ...said };
    });
    return { child, ended };
  }

  /** Words before a command that make it run in a namespace of the lab. */
  through(where: string): string[] {
    return ["ip", "netns", "exec", `${this.name}-${where}`];
  }

  /** Makes the router of a home where UDP is blocked let it through from now on. */
  allowUdp(home: string): void {
    const rule = ["insert", "rule", "ip", "filt", "passing", "iifname", `l-${home}`, "accept"];
    const [program = "", ...args] = [...this.through(`nat-${home}`), "nft", ...rule];
    const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(`nft: ${stderr}`);
  }

  /** Bytes that a public host has received and sent on its line. */
  carriedBytes(host: string): number {
    const command = ["-n", `${this.name}-inet`, "-s", "-j", "link", "show", `b-${host}`];
    const { stdout } = spawnSync("ip", command, { encoding: "utf8" });
    const [line] = JSON.parse(stdout) as [{ stats64: Record<"rx" | "tx", { bytes: number }> }];
    return line.stats64.rx.bytes + line.stats64.tx.bytes;
  }

  /** Runs a part of a test; where it fails, the error shows the ends of all logs, and with
   * HOLDFAST_NAT_KEEP=FOLDER the logs are kept there. */
  async explain<Result>(part: () => Promise<Result>): Promise<Result> {
    try {
      return await part();
    } catch (error) {
      const kept = process.env["HOLDFAST_NAT_KEEP"];
      if (kept !== undefined) this.#keepLogs(join(kept, this.name));
      const logs = this.hosts.map((host) => `── ${host.name}\n${host.logEnd()}`).join("\n");
      throw new Error(`${String(error)}\n${logs}`, { cause: error });
    }
  }

  #keepLogs(folder: string): void {
    mkdirSync(folder, { recursive: true });
    for (const { home, name } of this.hosts) {
      const log = join(home, "daemon.log");
      if (existsSync(log)) cpSync(log, join(folder, `${name}.log`));
    }
  }

  /** Ends everything in it and removes it. */
  async remove(): Promise<void> {
    for (const host of this.hosts) await host.kill();
    this.removeNow();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Removes the network and the programs, at the end of the process: its folder and the daemons
   * below it are removed by whoever made the folder. */
  removeNow(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    standing.delete(this);
    runScript(this.name, "down");
  }
}

type Where = Pick<LabHost, "name" | "mode" | "address" | "publicAddress" | "home">;

/** A machine of the lab with one home of Holdfast. */
export class LabHost {
  readonly name: string;
  readonly mode: Mode;
  /** Where it is in its own network: of a home behind a router nobody outside sees it. */
  readonly address: string;
  /** Where others see it: of a home its router's. */
  readonly publicAddress: string;
  readonly home: string;
  /** Its peer id, from its first start on. */
  id = "";
  readonly #lab: NatLab;

  constructor(lab: NatLab, about: Where) {
    this.#lab = lab;
    this.name = about.name;
    this.mode = about.mode;
    this.address = about.address;
    this.publicAddress = about.publicAddress;
    this.home = about.home;
  }

  /** What it is called in its certificate; recognisable in a capture. */
  get deviceName(): string {
    return `amaranth-${this.name}-machine`;
  }

  /** Runs a command line of Holdfast here. */
  run(...args: string[]): Promise<Ran> {
    return holdfast(["--home", this.home, ...args], this.#here());
  }

  /** Runs one that must succeed, and gives its result. */
  ask<Result>(...args: string[]): Promise<Result> {
    return holdfastJson<Result>(["--home", this.home, ...args], this.#here());
  }

  /** In its own network, where it may multicast and ask its router like any other daemon. */
  #here(): { through: string[]; env: NodeJS.ProcessEnv } {
    return { through: this.#lab.through(this.name), env: { HOLDFAST_TEST_ALONE: "" } };
  }

  /** Makes the home, with these keys in its configuration.
   * @param swarmKey the file of a swarm's key, for a home that is a member from the beginning */
  async init(config: Readonly<Record<string, string | number>> = {}, swarmKey = ""): Promise<void> {
    const words = swarmKey === "" ? [] : ["--swarm-key", swarmKey];
    this.id = (await this.ask<{ peer: string }>("init", "--name", this.deviceName, ...words)).peer;
    for (const [key, value] of Object.entries(config)) {
      await this.ask("config", "set", key, String(value));
    }
  }

  /** Starts its daemon. */
  async up(): Promise<{ port: number }> {
    const up = await this.ask<{ peer: string; port: number }>("up");
    this.id = up.peer;
    return up;
  }

  /** Ends its daemon as a power cut would. */
  kill(): Promise<boolean> {
    return killDaemon(this.home);
  }

  /** The pid of its daemon, or undefined. */
  get pid(): number | undefined {
    return daemonPid(this.home);
  }

  /** The last lines of its daemon's log. */
  logEnd(): string {
    try {
      const lines = readFileSync(join(this.home, "daemon.log"), "utf8").trimEnd().split("\n");
      return lines.slice(-LOG_LINES).join("\n");
    } catch {
      return "(no log)";
    }
  }
}
