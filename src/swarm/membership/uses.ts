import { idBytes, type PeerId } from "../../base/id.ts";
import { INVITATION_USES_KEPT_MAX } from "../../base/limits.ts";
import type { InvitationToken } from "../../codec/invitation.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";

/** Who came in with which invitation, as far as this member knows. */
export interface InvitationUses {
  /** Counts a guest of an invitation, once.
   * @returns false where the invitation is used up and this guest is none of its guests; when it
   *   returns true, the use is durable */
  take(token: InvitationToken, guest: PeerId): boolean;
}

/** Opens the table in a database, which stays the caller's to close. */
export function openInvitationUses(database: Database, clock: Clock): InvitationUses {
  database.exec(`
    CREATE TABLE IF NOT EXISTS invitation_uses(
      token BLOB NOT NULL,
      guest BLOB NOT NULL,
      expires INTEGER NOT NULL,
      PRIMARY KEY(token, guest)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS invitation_uses_expires ON invitation_uses(expires);
  `);
  const count = (sql: string, ...values: Uint8Array[]): number =>
    Number(
      database.get(`SELECT count(*) AS count FROM invitation_uses ${sql}`, ...values)?.["count"],
    );
  return {
    take: (token, guest) =>
      database.transaction(() => {
        const key = [token.id, idBytes(guest)] as const;
        if (count("WHERE token = ? AND guest = ?", ...key) > 0) return true;
        if (count("WHERE token = ?", token.id) >= token.uses) return false;
        database.run("DELETE FROM invitation_uses WHERE expires < ?", clock.nowMs());
        database.run("INSERT INTO invitation_uses VALUES (?, ?, ?)", ...key, token.expiresMs);
        const over = count("") - INVITATION_USES_KEPT_MAX;
        if (over > 0) forgetFirst(database, over);
        return true;
      }),
  };
}

/** Those that expire first: their invitations are worth the least to whoever copied one. */
function forgetFirst(database: Database, rows: number): void {
  database.run(
    `DELETE FROM invitation_uses WHERE (token, guest) IN
       (SELECT token, guest FROM invitation_uses ORDER BY expires LIMIT ?)`,
    rows,
  );
}
