"""One-time codes: what was asked for, when, and how often somebody tried. Only keyed hashes come in here."""

from typing import Any

from assistant.crm.database import Database


class Codes:
    """``Store`` carries the public methods of this under the same names. Times are seconds since 1970."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_code(
        self, conversation_id: str, address: str, customer_id: str | None, code: str | None, *, at: float
    ) -> int:
        """Keep that a code was asked for; ``customer_id`` and ``code`` are None where the address is nobody's."""
        cursor = self._database.execute(
            "INSERT INTO codes (at, purpose, conversation_id, address, customer_id, code)"
            " VALUES (?, 'sign_in', ?, ?, ?, ?)",
            (at, conversation_id, address, customer_id, code),
        )
        return int(cursor.lastrowid or 0)

    def count_codes(
        self, *, since: float, conversation_id: str | None = None, address: str | None = None
    ) -> int:
        """How many were asked for in a conversation, or for an address, since a moment."""
        row = self._database.row(
            "SELECT count(*) AS n FROM codes WHERE at >= ? AND (conversation_id = ? OR address = ?)",
            (since, conversation_id, address),
        )
        return int(row["n"]) if row else 0

    def try_code(self, conversation_id: str, code: str, *, since: float, most: int, at: float) -> str | None:
        """The customer whose unused code this is, the newest of the conversation since a moment; it is then used up.

        Each call counts as a try, right or wrong; after ``most`` tries not even the right code counts.
        """
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT * FROM codes WHERE conversation_id = ? AND at >= ? ORDER BY id DESC LIMIT 1",
                (conversation_id, since),
            ).fetchone()
            if row is None or row["used_at"] is not None or row["tries"] >= most:
                return None
            connection.execute("UPDATE codes SET tries = tries + 1 WHERE id = ?", (row["id"],))
            if row["code"] is None or row["code"] != code:
                return None
            connection.execute("UPDATE codes SET used_at = ? WHERE id = ?", (at, row["id"]))
            return str(row["customer_id"])

    def last_code(self, conversation_id: str) -> dict[str, Any] | None:
        """When a conversation last asked for a code, and how often it was tried."""
        row = self._database.row(
            "SELECT at, tries, used_at FROM codes WHERE conversation_id = ? ORDER BY id DESC LIMIT 1",
            (conversation_id,),
        )
        return dict(row) if row else None
