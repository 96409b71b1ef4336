import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { DAEMON_ENGINE_OPTIONS, DAEMON_ENVIRONMENT } from "../../daemon/engine-options.ts";
import { messageOf } from "../../base/error.ts";
import { waitStopped } from "../daemon-process.ts";
import { CliError } from "../error.ts";
import { openSession } from "../session.ts";
import type { Session } from "../session.ts";

const NAME = "holdfast.service";

/** `service`: a systemd user unit that starts the daemon with the machine. */
export function configure(command: Command): void {
  command.addHelpText("after", "\nExample:\n  holdfast service install");
  command
    .command("install")
    .description("write the unit, enable and start it")
    .addHelpText("after", "\nExample:\n  holdfast service install --print")
    .option("--print", "only print the unit")
    .action(async (options: { print?: true }) => {
      const session = openSession(command);
      const unit = unitOf(session.paths.home);
      if (options.print === true) {
        process.stdout.write(unit);
        return;
      }
      checkSystemd();
      await install(session, unit);
    });
  command
    .command("uninstall")
    .description("stop and disable the service, and remove its unit")
    .addHelpText("after", "\nExample:\n  holdfast service uninstall")
    .action(() => {
      const session = openSession(command);
      checkSystemd();
      const file = unitFile();
      if (existsSync(file)) systemctl("disable", "--now", NAME);
      rmSync(file, { force: true });
      systemctl("daemon-reload");
      session.say(`removed ${file}\n`);
      session.result({ unit: file });
    });
}

async function install(session: Session, unit: string): Promise<void> {
  const file = unitFile();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, unit);
  session.say(`wrote ${file}:\n\n${unit}\n`);
  // The service must be the one that holds the home.
  const pid = await session
    .askRunning<{ pid: number }>("POST", "/v1/down")
    .then((answer) => answer.pid)
    .catch(() => undefined);
  if (pid !== undefined) await waitStopped(session.paths.home, pid);
  systemctl("daemon-reload");
  systemctl("enable", "--now", NAME);
  const linger = `loginctl enable-linger ${userInfo().username}`;
  session.say(
    `enabled and started.\nSo that it also runs while you are not logged in:\n  ${linger}\n`,
  );
  session.result({ unit: file, linger });
}

/** The unit's text for a home. */
export function unitOf(home: string): string {
  const main = fileURLToPath(
    new URL(`../main.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url),
  );
  const node = [process.execPath, ...process.execArgv, ...DAEMON_ENGINE_OPTIONS];
  const words = [...node, main, "--home", home, "up", "--foreground"];
  const environment = Object.entries(DAEMON_ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
  return `[Unit]
Description=Holdfast peer
Documentation=file:${fileURLToPath(new URL("../../../docs/operations.md", import.meta.url))}
After=network-online.target

[Service]
Type=exec
Environment=${environment.join(" ")}
ExecStart=${words.map(quoted).join(" ")}
Restart=on-failure
RestartSec=5
TimeoutStopSec=30
NoNewPrivileges=true

[Install]
WantedBy=default.target
`;
}

/** A word of ExecStart: systemd would expand percent signs and dollars. */
function quoted(word: string): string {
  const text = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

function unitFile(): string {
  const config = process.env["XDG_CONFIG_HOME"] || join(homedir(), ".config");
  return join(config, "systemd", "user", NAME);
}

function checkSystemd(): void {
  if (process.platform === "linux" && existsSync("/run/systemd/system")) return;
  throw new CliError("SYSTEMD_MISSING", "this machine does not run systemd", {
    hint: "let your service manager run `holdfast up --foreground`; `--print` shows a unit",
  });
}

function systemctl(...args: string[]): void {
  try {
    execFileSync("systemctl", ["--user", ...args], { stdio: ["ignore", "ignore", "pipe"] });
  } catch (cause) {
    const reason = messageOf(cause).trim().split("\n").at(-1) ?? "";
    throw new CliError("SYSTEMD_FAILED", `systemctl --user ${args.join(" ")}: ${reason}`, {
      cause,
      hint: "log in as this user (not through su), then try again",
    });
  }
}
