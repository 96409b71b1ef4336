import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** When a process started, as the system says it: with the pid it names one process for ever, since
 * pids are used again. Undefined where there is no such process. */
export function startOf(pid: number): string | undefined {
  try {
    if (process.platform !== "linux") {
      return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
    }
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold anything; the fields after it are fixed: state is the third
    // of all, the start time the 22nd (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
