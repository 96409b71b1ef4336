// Finds out what kind of router a host of the lab is behind, independently of what Holdfast thinks.
//   node udp-probe.ts serve HOST PORT          says to each who asks where it was seen
//   node udp-probe.ts ask HOST:PORT HOST:PORT  asks both from one socket; prints what it found
import { createSocket } from "node:dgram";
import { setTimeout as timer } from "node:timers/promises";

/** What `ask` prints. */
export interface Found {
  /** Where each of the asked saw this host, or null where no answer came. */
  seen: (string | null)[];
  /** Whether a datagram of somebody who was never asked came in. */
  unasked: boolean;
}

/** Datagrams of the lab are lost only where a router drops them. */
const WAIT_MS = 300;

async function serve(host: string, port: number): Promise<void> {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, { address, port: from }) => {
    const [word, target = `${address}:${from}`] = bytes.toString().split(" ");
    const [there = "", thatPort = ""] = target.split(":");
    // `pass OTHER` makes OTHER, whom the asker does not know, send it something.
    const text = { pass: `tell ${address}:${from}`, tell: "unasked" }[word ?? ""];
    socket.send(text ?? `${address}:${from}`, Number(thatPort), there);
  });
  await new Promise<void>((resolve) => socket.bind(port, host, resolve));
  console.log("ready");
}

async function ask(first: string, second: string): Promise<Found> {
  const socket = createSocket("udp4");
  const seen = new Map<string, string>();
  let unasked = false;
  socket.on("message", (bytes, { address, port }) => {
    const text = bytes.toString();
    if (text === "unasked") unasked = true;
    else seen.set(`${address}:${port}`, text);
  });
  const send = (text: string, [host = "", port = ""]: string[]): void =>
    socket.send(text, Number(port), host);
  // Before the second is asked, so that it is still a stranger to the router.
  send("who", first.split(":"));
  send(`pass ${second}`, first.split(":"));
  await timer(WAIT_MS);
  send("who", second.split(":"));
  await timer(WAIT_MS);
  socket.close();
  return { seen: [first, second].map((target) => seen.get(target) ?? null), unasked };
}

const [mode, first = "", second = ""] = process.argv.slice(2);
if (mode === "serve") await serve(first, Number(second));
else if (mode === "ask") console.log(JSON.stringify(await ask(first, second)));
