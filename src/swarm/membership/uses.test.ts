import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClock } from "../../adapters/clock-memory.ts";
import { openDatabase } from "../../adapters/database.node.ts";
import { idOf } from "../../base/id.ts";
import { INVITATION_USES_KEPT_MAX } from "../../base/limits.ts";
import type { InvitationToken } from "../../codec/invitation.ts";
import type { Database } from "../../ports/database.ts";
import { openInvitationUses } from "./uses.ts";

const clock = new MemoryClock();
const guestOf = (number: number): string => idOf(new Uint8Array(32).fill(number));
const tokenOf = (number: number, lifeMs: number, uses = 2): InvitationToken => ({
  swarm: guestOf(0),
  id: new Uint8Array(16).fill(number),
  inviter: guestOf(0),
  keyNumber: 1,
  expiresMs: clock.nowMs() + lifeMs,
  uses,
  vouchBytes: 0,
});
const rowsOf = (database: Database): unknown =>
  database.get("SELECT count(*) AS rows FROM invitation_uses")?.["rows"];

test("guests are counted once each, and each invitation for itself", () => {
  const uses = openInvitationUses(openDatabase(":memory:"), clock);
  const [token, other] = [tokenOf(1, 99), tokenOf(2, 99)];
  for (const guest of [1, 1, 2, 2, 1]) assert.equal(uses.take(token, guestOf(guest)), true);
  assert.equal(uses.take(token, guestOf(3)), false);
  assert.equal(uses.take(other, guestOf(3)), true);
});

test("uses are remembered by the next who opens the database", () => {
  const database = openDatabase(":memory:");
  const token = tokenOf(1, 99, 1);
  assert.equal(openInvitationUses(database, clock).take(token, guestOf(1)), true);
  assert.equal(openInvitationUses(database, clock).take(token, guestOf(2)), false);
});

test("uses of invitations that have ended are forgotten", async () => {
  const database = openDatabase(":memory:");
  const uses = openInvitationUses(database, clock);
  uses.take(tokenOf(1, 99), guestOf(1));
  await clock.advance(100);
  uses.take(tokenOf(2, 99), guestOf(1));
  assert.equal(rowsOf(database), 1);
});

test("of more uses than are kept, those that end first are forgotten", () => {
  const database = openDatabase(":memory:");
  const uses = openInvitationUses(database, clock);
  uses.take(tokenOf(1, 1, 1), guestOf(1));
  database.run(
    `WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?)
     INSERT INTO invitation_uses SELECT x'00', CAST(n AS BLOB), ? FROM counted`,
    INVITATION_USES_KEPT_MAX - 1,
    clock.nowMs() + 50,
  );
  assert.equal(rowsOf(database), INVITATION_USES_KEPT_MAX);
  const token = tokenOf(2, 99, 1);
  uses.take(token, guestOf(1));
  assert.equal(rowsOf(database), INVITATION_USES_KEPT_MAX);
  assert.equal(uses.take(token, guestOf(2)), false);
  assert.equal(uses.take(tokenOf(1, 1, 1), guestOf(2)), true);
});
