import { spawn } from "node:child_process";
import { root } from "./node.mjs";

/** Runs a program in the project's root and waits for it, whatever signals arrive meanwhile: a
 * terminal's Ctrl-C reaches the child by itself, SIGTERM is handed on.
 * @returns its exit status; 128 + 15 or so where a signal ended it */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { cwd: root, stdio: "inherit", ...options });
  const ignore = () => {};
  const handOn = () => child.kill("SIGTERM");
  process.on("SIGINT", ignore);
  process.on("SIGTERM", handOn);
  try {
    return await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (status, signal) => resolve(status ?? 128 + (SIGNALS[signal] ?? 0)));
    });
  } finally {
    process.off("SIGINT", ignore);
    process.off("SIGTERM", handOn);
  }
}

const SIGNALS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};
