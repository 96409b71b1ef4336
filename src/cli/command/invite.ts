import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { INVITATION_LIFETIME_MAX_MS, INVITATION_USES_MAX } from "../../base/limits.ts";
import { CliError } from "../error.ts";
import { describeInvitation, warningsOf } from "../invitation-text.ts";
import type { MadeInvitation } from "../invitation-text.ts";
import { drawQrCode, svgQrCode } from "../qr-code.ts";
import { openSession } from "../session.ts";
import { parseSpan } from "../span.ts";

interface InviteOptions {
  uses: string;
  expires: string;
  qr?: true;
  out?: string;
}

/** `invite`: makes the string with which others join this home's swarm. */
export function configure(command: Command): void {
  command
    .option("--uses <n>", "how many peers may join with it", "1")
    .option("--expires <time>", "how long it works, as 12h or 7d", "7d")
    .option("--qr", "draw its QR code, also where this is no terminal")
    .option("--out <file>", "write it to a file; *.svg gets its QR code as a picture")
    .addHelpText("after", "\nExample:\n  holdfast invite --uses 3 --expires 2d")
    .action(async (options: InviteOptions) => {
      const input = {
        uses: usesOf(options.uses),
        lifetimeMs: parseSpan(options.expires, "--expires", [1, INVITATION_LIFETIME_MAX_MS]),
      };
      const session = openSession(command);
      const made = await session.ask<MadeInvitation>("POST", "/v1/invite", input);
      if (options.out !== undefined) writeOut(options.out, made.invitation);
      session.say(textOf(made, options));
      for (const line of warningsOf(made)) session.note(line);
      session.result(made);
    });
}

/** On a terminal everything that a person needs; elsewhere the string alone. */
function textOf(made: MadeInvitation, { qr, out }: InviteOptions): string {
  if (process.stdout.isTTY) {
    return describeInvitation(made, drawQrCode(made.invitation), process.stdout.columns);
  }
  const code = qr === true ? (drawQrCode(made.invitation)?.lines ?? "") : "";
  return out === undefined ? `${made.invitation}\n${code}` : code;
}

/** Written for this user alone: whoever has the file can join.
 * @throws CliError USAGE for an invitation that no QR code holds */
function writeOut(file: string, invitation: string): void {
  const picture = file.endsWith(".svg");
  const text = picture ? svgQrCode(invitation) : `${invitation}\n`;
  if (text === undefined) {
    throw new CliError("USAGE", "this invitation is too long for a QR code", {
      hint: "write it as text: --out invitation.txt",
    });
  }
  writeFileSync(file, text, { mode: 0o600 });
}

function usesOf(text: string): number {
  const uses = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (uses > 0 && uses <= INVITATION_USES_MAX) return uses;
  const wanted = `wanted a number from 1 to ${INVITATION_USES_MAX}`;
  throw new CliError("USAGE", `--uses ${JSON.stringify(text)}: ${wanted}`);
}
