import type { Command } from "commander";
import { parseAddress } from "../../base/address.ts";
import type { KnownPeer } from "../../gateway/control.ts";
import { CliError } from "../error.ts";
import { counted, formatBytes, formatTable, printable } from "../format.ts";
import { openSession } from "../session.ts";

interface Peers {
  peers: KnownPeer[];
}

/** `peers`: the known peers, and adding some by hand. */
export function configure(command: Command): void {
  command
    .option("--probe", "ask each whether it is there")
    .addHelpText(
      "after",
      "\nExample:\n  holdfast peers --probe\n  holdfast peers add <id>@192.0.2.7:4242",
    )
    .action(async (options: { probe?: true }) => {
      const session = openSession(command);
      const input = { probe: options.probe === true };
      const answer = await session.ask<Peers>("GET", "/v1/peers", input);
      session.say(formatTable(answer.peers.map(rowOf), [2]));
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
}

function rowOf(peer: KnownPeer): string[] {
  const there = { true: "there", false: "away", undefined: "" }[`${peer.reachable}` as const];
  // One that was added by hand counts as offering a byte until it was asked.
  const offered = peer.offeredBytes > 1 ? formatBytes(peer.offeredBytes) : "?";
  return [peer.id, there, offered, peer.addresses.map(printable).join(" ")];
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
