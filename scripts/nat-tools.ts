// The system's programs that the NAT lab of tests/nat needs.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Programs, and the packages of Debian that have them. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: "iproute2",
  nft: "nftables",
  tcpdump: "tcpdump",
};

/** Installs what is missing, as root on Debian and its kin where `mayInstall` says so; elsewhere
 * says what to install. The tests skip themselves where it stays missing. */
export function provideNatTools(mayInstall: boolean): void {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return;
  const missing = Object.keys(PACKAGES).filter((tool) => !isThere(tool));
  if (missing.length === 0) return;
  const packages = missing.map((tool) => PACKAGES[tool] ?? tool);
  const command = ["apt-get", "install", "--yes", "--no-install-recommends", ...packages];
  if (!mayInstall || !existsSync("/usr/bin/apt-get")) {
    say(`nat: ${missing.join(", ")} missing\nhint: ${command.join(" ")}`);
    return;
  }
  say(`nat: ${missing.join(", ")} missing: ${command.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const words of [["apt-get", "update", "--quiet=2"], command]) {
    const [program = "", ...args] = words;
    // Its output is not part of the tests' results.
    const { status } = spawnSync(program, args, { env, stdio: ["ignore", 2, 2] });
    if (status === 0) continue;
    say(`nat: ${words.join(" ")}: status ${status}; the NAT lab is skipped`);
    return;
  }
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function isThere(tool: string): boolean {
  return spawnSync(tool, ["-V"], { stdio: "ignore" }).error === undefined;
}
