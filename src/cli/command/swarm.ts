import type { Command } from "commander";
import type { KnownPeer } from "../../gateway/control.ts";
import type { Rekeyed, SwarmSummary } from "../../gateway/reach.ts";
import { REKEY_GRACE_MAX_MS } from "../../base/limits.ts";
import { confirm } from "../confirm.ts";
import { counted, formatTable } from "../format.ts";
import { resolvePeer, shortId } from "../peer-name.ts";
import { openSession } from "../session.ts";
import { parseSpan } from "../span.ts";

interface RekeyOptions {
  without: string[];
  grace: string;
  yes?: true;
}

/** `swarm`: shows the swarm of this home; makes, re-keys and leaves one. */
export function configure(command: Command): void {
  command
    .addHelpText("after", "\nExample:\n  holdfast swarm\n  holdfast swarm rekey --without k5x2ab")
    .action(async () => {
      const session = openSession(command);
      const swarm = await session.ask<SwarmSummary>("GET", "/v1/swarm");
      session.say(describe(swarm));
      session.result(swarm);
    });
  configureCreate(command);
  configureRekey(command);
  configureLeave(command);
}

function configureCreate(command: Command): void {
  command
    .command("create")
    .description("make a new swarm, of which this home is the founder")
    .option("--open", "anybody may join: its invitation can be printed on a web page")
    .addHelpText("after", "\nExample:\n  holdfast swarm create --open")
    .action(async (options: { open?: true }) => {
      const session = openSession(command);
      const input = { open: options.open === true };
      const swarm = await session.ask<SwarmSummary>("POST", "/v1/swarm/create", input);
      session.say(describe(swarm));
      session.note(
        "`holdfast invite` makes an invitation to it; earlier ones do not hold any more",
      );
      session.result(swarm);
    });
}

function configureRekey(command: Command): void {
  command
    .command("rekey")
    .description("change the network key, and shut out who does not get the new one")
    .option("--without <peer...>", "peers that do not get it: ids, or their first characters", [])
    .option("--grace <time>", "how long members that are away may still fetch it", "7d")
    .option("--yes", "do not ask")
    .addHelpText("after", "\nExample:\n  holdfast swarm rekey --without k5x2ab --grace 14d")
    .action(async (options: RekeyOptions) => {
      const graceMs = parseSpan(options.grace, "--grace", [0, REKEY_GRACE_MAX_MS]);
      const session = openSession(command);
      const { peers } = await session.ask<{ peers: KnownPeer[] }>("GET", "/v1/peers");
      const without = options.without.map((text) => resolvePeer(text, peers));
      const who = without.length === 0 ? "nobody" : without.map(shortId).join(", ");
      const question =
        `This changes the swarm's key and shuts out ${who}. Members that stay away longer than ` +
        `${options.grace} need a new invitation. Go on?`;
      await confirm(question, options.yes === true);
      const input = { without, graceMs };
      const rekeyed = await session.ask<Rekeyed>("POST", "/v1/swarm/rekey", input);
      session.say(describeRekey(rekeyed));
      session.result(rekeyed);
    });
}

function configureLeave(command: Command): void {
  command
    .command("leave")
    .description("leave the swarm for a new one without other members")
    .option("--yes", "do not ask")
    .addHelpText("after", "\nExample:\n  holdfast swarm leave")
    .action(async (options: { yes?: true }) => {
      const session = openSession(command);
      const question =
        "This home's peers will neither keep nor give back its files any more, and what it keeps " +
        "for them is lost to them. Leave the swarm?";
      await confirm(question, options.yes === true);
      const swarm = await session.ask<SwarmSummary>("POST", "/v1/swarm/leave");
      session.say(`left the swarm; this home is alone in a new one, ${shortId(swarm.id)}\n`);
      session.result(swarm);
    });
}

function describe(swarm: SwarmSummary): string {
  const founder = swarm.founder ?? "unknown: nobody can change the key";
  return formatTable([
    ["swarm", swarm.id],
    ["kind", swarm.open ? "open: anybody may join" : "closed: by invitation"],
    ["founder", swarm.isFounder ? `${founder} (this account)` : founder],
    ["key", `number ${swarm.keyNumber}`],
    ["members", `${swarm.members} known, this one included`],
  ]);
}

function describeRekey({ number, told, waiting, leftBehind }: Rekeyed): string {
  const away = `${counted(waiting, "member")}, until they are there again and fetch it`;
  return formatTable([
    ["key", `number ${number}`],
    ["told", counted(told, "member")],
    ["waiting", waiting === 0 ? "for nobody" : `for ${away}`],
    ["left behind", leftBehind.length === 0 ? "nobody" : leftBehind.map(shortId).join(", ")],
  ]);
}
