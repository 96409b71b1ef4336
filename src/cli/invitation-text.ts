import { counted, formatTime } from "./format.ts";
import type { drawQrCode } from "./qr-code.ts";

/** What the daemon answers to `invite`. */
export interface MadeInvitation {
  invitation: string;
  open: boolean;
  uses: number;
  expiresMs: number;
  members: number;
  reachable: number;
  warnings: string[];
}

const NOBODY_REACHABLE =
  "no member is publicly reachable: a guest outside of your network may not get in";
const REMEDIES: readonly string[] = [
  "  - forward a TCP port of your router to this machine (and UDP from that number on, four),",
  "    and tell it:",
  "    holdfast config set public_address HOST:PORT",
  "  - or run `holdfast tracker` on a rented machine, `holdfast invite` there, and join that swarm",
  "  - or use the public DHT, here and on the guest's machine; strangers then see the addresses:",
  "    holdfast config set public_dht true",
];

/** The invitation in a text that somebody pasted, without what mail programs put into and around
 * it: other paragraphs, quote marks, brackets, broken lines. Whether it is whole is for others to
 * say.
 * @param prefix with which it begins */
export function invitationIn(text: string, prefix: string): string {
  const unquoted = text.replace(/^[>|\s]+/gm, (mark) => mark.replace(/[>|]/g, ""));
  const start = unquoted.indexOf(prefix);
  if (start < 0) return text.replace(/\s/g, "");
  const [paragraph = ""] = unquoted.slice(start).split(/\n[^\S\n]*\r?\n/, 1);
  // Quoted-printable ends a line that goes on with "=".
  const bare = paragraph.replace(/=\r?\n|\s/g, "");
  const [end = ""] = /^[\w-]*/.exec(bare.slice(prefix.length)) ?? [];
  return `${prefix}${end}`;
}

/** All that `invite` says on a terminal.
 * @param columns of the terminal */
export function describeInvitation(
  made: MadeInvitation,
  code: ReturnType<typeof drawQrCode>,
  columns: number,
): string {
  const { members, reachable } = made;
  const lines = [
    made.invitation,
    "",
    ...drawingOf(code, columns),
    "On the other machine:",
    "  holdfast join -",
    "and paste the invitation; so it is in no shell's history.",
    "",
    limitsOf(made),
    `It names ${counted(members, "member")}, ${reachable} of them publicly reachable; any that is` +
      " there lets the guest in.",
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** What goes to standard error: warnings, and the remedies where nobody is reachable. */
export function warningsOf({ warnings, reachable }: MadeInvitation): string[] {
  const told = warnings.map((text) => `warning: ${text}`);
  if (reachable > 0) return told;
  return [...(told.length === 0 ? [`warning: ${NOBODY_REACHABLE}`] : told), ...REMEDIES];
}

function limitsOf({ open, uses, expiresMs }: MadeInvitation): string {
  if (open) return "The swarm is open: whoever has this joins, as often as they like, without end.";
  const times = uses === 1 ? "once" : `${uses} times`;
  return `It works ${times}, until ${formatTime(expiresMs)}. Whoever has it can join: keep it private.`;
}

function drawingOf(code: ReturnType<typeof drawQrCode>, columns: number): string[] {
  if (code === undefined) return [];
  if (code.columns > columns) {
    return [
      `(Its QR code takes ${code.columns} columns, this terminal has ${columns}: make it wider, or`,
      "write a picture with --out invitation.svg.)",
      "",
    ];
  }
  return [code.lines];
}
