import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeQR } from "qr/decode.js";
import { encodeQR } from "qr";
import { describeInvitation, invitationIn, warningsOf } from "./invitation-text.ts";
import type { MadeInvitation } from "./invitation-text.ts";
import { drawQrCode, svgQrCode } from "./qr-code.ts";

const MADE: MadeInvitation = {
  invitation: `holdfast://join/${"kX2_".repeat(200)}`,
  open: false,
  uses: 1,
  expiresMs: new Date(2026, 10, 28, 12, 40).getTime(),
  members: 3,
  reachable: 1,
  warnings: [],
};

test("describeInvitation() says what to type, until when it works and how often", () => {
  const text = describeInvitation(MADE, drawQrCode(MADE.invitation), 200);
  assert.ok(text.startsWith(`${MADE.invitation}\n`));
  assert.match(text, /▀[^]*holdfast join -\n[^]*works once, until 2026-11-28 12:40/);
  assert.match(text, /3 members, 1 of them publicly reachable/);
  assert.match(describeInvitation({ ...MADE, uses: 5 }, undefined, 80), /works 5 times/);
  assert.match(describeInvitation({ ...MADE, open: true }, undefined, 80), /without end/);
});

test("describeInvitation() draws no code that the terminal would break", () => {
  const code = drawQrCode(MADE.invitation);
  const columns = code?.columns ?? 0;
  assert.ok(columns > 80);
  assert.match(describeInvitation(MADE, code, columns), /▀/);
  const narrow = describeInvitation(MADE, code, columns - 1);
  assert.ok(!narrow.includes("▀"));
  assert.match(narrow, new RegExp(`takes ${columns} columns[^]*--out`));
});

test("a drawn code reads as the invitation", () => {
  const lines = drawQrCode(MADE.invitation)?.lines ?? "";
  const colours = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");
  const rows = lines.trimEnd().replace(colours, "").split("\n");
  // Two modules a character, the upper and the lower one; light ones are drawn.
  const light = rows.flatMap((row) => [
    [...row].map((cell) => "█▀".includes(cell)),
    [...row].map((cell) => "█▄".includes(cell)),
  ]);
  const bits = encodeQR(MADE.invitation, "raw", { ecc: "low", border: 2 });
  bits.forEach((row, y) =>
    assert.deepEqual(
      light[y],
      row.map((dark) => !dark),
    ),
  );
  const scale = 4;
  const size = bits.length * scale;
  const data = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const shade = light[Math.floor(y / scale)]?.[Math.floor(x / scale)] === true ? 255 : 0;
      data.fill(shade, (y * size + x) * 3, (y * size + x) * 3 + 3);
    }
  }
  assert.equal(decodeQR({ width: size, height: size, data }), MADE.invitation);
});

test("a text that no code holds is left undrawn", () => {
  assert.equal(drawQrCode("x".repeat(3_000)), undefined);
  assert.equal(svgQrCode("x".repeat(3_000)), undefined);
});

test("warningsOf() gives the remedies only where nobody is reachable", () => {
  assert.deepEqual(warningsOf({ ...MADE, warnings: ["a"] }), ["warning: a"]);
  const lines = warningsOf({ ...MADE, reachable: 0 }).join("\n");
  for (const remedy of [/public_address/, /holdfast tracker/, /public_dht true/]) {
    assert.match(lines, remedy);
  }
});

test("invitationIn() finds it in what mail programs make of it", () => {
  const prefix = "holdfast://join/";
  const whole = MADE.invitation;
  const lines = whole.replace(/.{76}/g, "$&\n");
  const quoted = lines.replace(/^/gm, "> > ");
  const pasted = [
    whole,
    `  ${whole}\r\n`,
    `<${whole}>`,
    `"${whole}".`,
    `Hello,\njoin me: ${whole}\n\nSee you, -- \nme`,
    `Hello,\r\n\r\n${lines.replaceAll("\n", "\r\n")}\r\n\r\nSee you`,
    quoted,
    `> Hello,\n>\n${quoted}\n>\n> See you`,
    whole.replace(/.{75}/g, "$&=\r\n"),
  ];
  for (const text of pasted) assert.equal(invitationIn(text, prefix), whole, text);
  assert.equal(invitationIn(" https://example .org", prefix), "https://example.org");
});
