import type { Command } from "commander";
import type { DoctorReport } from "../../gateway/doctor.ts";
import { STATUS } from "../exit-status.ts";
import { formatTable, printable } from "../format.ts";
import { openSession } from "../session.ts";

/** `doctor`: says what works on this machine and its network, and what does not. */
export function configure(command: Command): void {
  command
    .addHelpText(
      "after",
      "\nIts exit status is 0 unless something fails; warnings are none.\n\nExample:\n  holdfast doctor --json",
    )
    .action(async () => {
      const session = openSession(command);
      const report = await session.ask<DoctorReport>("GET", "/v1/doctor");
      session.say(describe(report));
      session.result(report);
      if (!report.healthy) process.exitCode = STATUS.failed;
    });
}

/** A remedy that serves several findings stands below the first of them. */
function describe({ findings }: DoctorReport): string {
  const told = new Set<string>();
  const rows = findings.flatMap(({ name, verdict, says, remedy }) => {
    const row = [{ ok: "ok", warn: "warn", fail: "FAIL" }[verdict], name, printable(says)];
    if (remedy === undefined || told.has(remedy)) return [row];
    told.add(remedy);
    return [row, ["", "", `→ ${printable(remedy)}`]];
  });
  return formatTable(rows);
}
