import type { Readable } from "node:stream";
import type { Command } from "commander";
import { CliError } from "../error.ts";
import { counted, printable } from "../format.ts";
import { invitationIn } from "../invitation-text.ts";
import { shortId } from "../peer-name.ts";
import { openSession } from "../session.ts";

/** What the daemon answers to `join`. */
interface JoinedSwarm {
  swarm: string;
  admittedBy: string;
  carrier?: string;
  peers: number;
  steps: string[];
}

/** A pasted text longer than this is no invitation. */
const INPUT_MAX_CHARACTERS = 65_536;

/** `join`: brings this home into the swarm of an invitation; makes the home where there is none. */
export function configure(command: Command): void {
  command
    .argument("<invitation>", "the string that `holdfast invite` printed; - reads it from input")
    .addHelpText("after", "\nExample:\n  holdfast join -")
    .action(async (given: string) => {
      const session = openSession(command);
      if (given === "-" && process.stdin.isTTY) {
        session.note("paste the invitation, then an empty line:");
      }
      const text = given === "-" ? await readInvitation(process.stdin) : given;
      // What is mistyped makes no home and starts no daemon.
      const codec = await import("../../swarm/membership/invitation.ts");
      const invitation = invitationIn(text, codec.INVITATION_PREFIX);
      codec.parseInvitation(invitation);
      const joined = await session.ask<JoinedSwarm>("POST", "/v1/join", { invitation });
      session.say(describe(joined));
      session.result(joined);
    });
}

function describe({ swarm, admittedBy, carrier, peers, steps }: JoinedSwarm): string {
  const by = carrier === undefined ? "" : ` (${carrier})`;
  // Into an open swarm nobody has to let anybody in.
  const letIn = admittedBy === "" ? "" : `; peer ${shortId(admittedBy)} let us in${by}`;
  const lines = [
    ...steps.map(printable),
    `joined the swarm ${shortId(swarm)}${letIn}`,
    `${counted(peers, "peer")} known: \`holdfast peers --probe\` says who is there`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** Reads standard input: all of it from a pipe; from a terminal, where nobody thinks of ending the
 * input, up to an empty line, since mail programs break an invitation into several. */
async function readInvitation(input: Readable & { isTTY?: boolean }): Promise<string> {
  let text = "";
  input.setEncoding("utf8");
  for await (const part of input as AsyncIterable<string>) {
    text += part;
    const isWhole = input.isTTY === true && /\S\s*\n\s*\n$/.test(text);
    if (isWhole || text.length > INPUT_MAX_CHARACTERS) break;
  }
  if (text.trim() !== "") return text;
  throw new CliError("USAGE", "the input has no invitation", {
    hint: "it begins with holdfast://join/",
  });
}
