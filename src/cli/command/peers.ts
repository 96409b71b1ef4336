import type { Command } from "commander";
import { parseAddress } from "../../base/address.ts";
import type { KnownPeer } from "../../gateway/control.ts";
import { CliError } from "../error.ts";
import { counted } from "../format.ts";
import { resolvePeer, shortId } from "../peer-name.ts";
import { describePeers } from "../peer-table.ts";
import { openSession } from "../session.ts";

interface Peers {
  peers: KnownPeer[];
}

/** `peers`: the known peers; adding some by hand, and forgetting them. */
export function configure(command: Command): void {
  command
    .option("--probe", "ask each whether it is there, and how long an answer takes")
    .addHelpText(
      "after",
      "\nExample:\n  holdfast peers --probe\n  holdfast peers add <id>@192.0.2.7:4242",
    )
    .action(async (options: { probe?: true }) => {
      const session = openSession(command);
      const input = { probe: options.probe === true };
      const answer = await session.ask<Peers>("GET", "/v1/peers", input);
      session.say(describePeers(answer.peers));
      session.result(answer);
    });
  command
    .command("add <peer...>")
    .description("add peers, each as ID@HOST:PORT")
    .addHelpText("after", "\nExample:\n  holdfast peers add <id>@192.0.2.7:4242")
    .action(async (texts: string[]) => {
      const session = openSession(command);
      const peers = texts.map(parsePeer);
      const answer = await session.ask<Peers>("POST", "/v1/peers", { peers });
      session.say(`${counted(answer.peers.length, "peer")} known\n`);
      session.result(answer);
    });
  command
    .command("remove <peer>")
    .description("forget a peer, by its id or the first characters of it")
    .addHelpText("after", "\nExample:\n  holdfast peers remove k5x2ab")
    .action(async (text: string) => {
      const session = openSession(command);
      const known = await session.ask<Peers>("GET", "/v1/peers");
      const peer = resolvePeer(text, known.peers);
      const answer = await session.ask<Peers>("POST", "/v1/peers/remove", { peer });
      session.say(`forgot peer ${shortId(peer)}; ${counted(answer.peers.length, "peer")} known\n`);
      session.result(answer);
    });
}

function parsePeer(text: string): { id: string; addresses: string[] } {
  const match = /^([a-z2-7]{52})@(\S+:\d{1,5})$/.exec(text);
  if (match === null || parseAddress(match[2] ?? "") === undefined) {
    throw new CliError("USAGE", `peer ${JSON.stringify(text)}: wanted ID@HOST:PORT`, {
      hint: "`holdfast status` on the other machine shows its id and port",
    });
  }
  return { id: match[1] ?? "", addresses: [match[2] ?? ""] };
}
