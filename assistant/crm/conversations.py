"""Conversations, their turns, hand-offs to people, and the audit log."""

import json
import sqlite3
import uuid
from datetime import datetime
from typing import Any

from assistant.crm.database import Database
from assistant.errors import RecordError


def now() -> str:
    """This moment in the computer's local time, ISO, to the second."""
    return datetime.now().isoformat(timespec="seconds")


def new_id(prefix: str) -> str:
    """An id nobody can guess, e.g. ``CV-5f0c...``."""
    return f"{prefix}-{uuid.uuid4().hex}"


class Conversations:
    """What was said in this program. ``Store`` carries every public method of this under the same name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start_conversation(
        self,
        role: str,
        customer_id: str | None = None,
        *,
        language: str | None = None,
        state: dict[str, Any] | None = None,
        id: str | None = None,
    ) -> str:
        """Begin a conversation held by the assistant; returns its id."""
        id = id or new_id("CV")
        self._database.execute(
            "INSERT INTO conversations (id, role, customer_id, language, state, started_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (id, role, customer_id, language, _json(state or {}), now()),
        )
        return id

    def conversation(self, id: str) -> dict[str, Any] | None:
        return _decoded(self._database.row("SELECT * FROM conversations WHERE id = ?", (id,)), "state")

    def conversations(
        self,
        *,
        customer_id: str | None = None,
        held_by: str | None = None,
        open: bool | None = None,
        proved: bool = False,
        limit: int = 100,
    ) -> list[dict[str, Any]]:
        """Newest first; each with ``turn_count`` and ``last_at``. ``proved``: also those in which a visitor has proved to
        be this customer."""
        sql = (
            "SELECT c.*, (SELECT count(*) FROM turns t WHERE t.conversation_id = c.id) AS turn_count,"
            " coalesce((SELECT max(at) FROM turns t WHERE t.conversation_id = c.id), c.started_at) AS last_at"
            " FROM conversations c WHERE 1"
        )
        params: list[Any] = []
        if customer_id is not None:
            also = " OR json_extract(c.state, '$.proved') = ?" if proved else ""
            sql += f" AND (c.customer_id = ?{also})"
            params += [customer_id] * (2 if proved else 1)
        if held_by is not None:
            sql += " AND c.held_by = ?"
            params.append(held_by)
        if open is not None:
            sql += f" AND c.closed_at IS {'' if open else 'NOT '}NULL"
        rows = self._database.rows(
            sql + " ORDER BY c.started_at DESC, c.rowid DESC LIMIT ?", [*params, limit]
        )
        return [_decoded(row, "state") or {} for row in rows]

    def update_conversation(self, id: str, **changes: Any) -> None:
        """Change ``customer_id``, ``held_by``, ``language``, ``state`` (a dict) or ``closed_at``."""
        allowed = {"customer_id", "held_by", "language", "state", "closed_at"}
        if unknown := set(changes) - allowed:
            raise TypeError(f"a conversation has no {', '.join(sorted(unknown))} to change")
        if not changes:
            return
        values = [_json(value) if key == "state" else value for key, value in changes.items()]
        assignments = ", ".join(f"{key} = ?" for key in changes)
        cursor = self._database.execute(f"UPDATE conversations SET {assignments} WHERE id = ?", [*values, id])
        if not cursor.rowcount:
            raise _unknown("conversation", id)

    def close_conversation(self, id: str) -> None:
        self.update_conversation(id, closed_at=now())

    def save_turn(
        self,
        conversation_id: str,
        *,
        message: str,
        answer: str = "",
        outcome: str = "answered",
        intent: str | None = None,
        sentiment: str | None = None,
        language: str | None = None,
        detail: dict[str, Any] | None = None,
        state: dict[str, Any] | None = None,
        id: str | None = None,
        at: str | None = None,
    ) -> str:
        """Keep one message and its answer as the conversation's next turn; returns the turn's id.

        ``state`` is what the dialogue remembers afterwards; it is kept in the same transaction.
        """
        id = id or new_id("TU")
        with self._database.write() as connection:
            if self.conversation(conversation_id) is None:
                raise _unknown("conversation", conversation_id)
            connection.execute(
                "INSERT INTO turns (id, conversation_id, number, at, message, answer, outcome, intent,"
                " sentiment, language, detail)"
                " SELECT ?, ?, coalesce(max(number), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?"
                " FROM turns WHERE conversation_id = ?",
                (
                    id, conversation_id, at or now(), message, answer, outcome, intent, sentiment,
                    language, _json(detail or {}), conversation_id,
                ),
            )  # fmt: skip
            if state is not None:
                self.update_conversation(conversation_id, state=state)
        return id

    def turns(self, conversation_id: str, *, limit: int | None = None) -> list[dict[str, Any]]:
        """The conversation's turns, oldest first; with ``limit``, its last ones."""
        rows = self._database.rows(
            "SELECT * FROM turns WHERE conversation_id = ? ORDER BY number DESC LIMIT ?",
            (conversation_id, -1 if limit is None else limit),
        )
        return [_decoded(row, "detail") or {} for row in reversed(rows)]

    def turn(self, id: str) -> dict[str, Any] | None:
        return _decoded(self._database.row("SELECT * FROM turns WHERE id = ?", (id,)), "detail")

    def recent_turns(
        self,
        *,
        since: str | None = None,
        rating: int | None = None,
        outcome: str | None = None,
        limit: int = 100,
    ) -> list[dict[str, Any]]:
        """Turns of all conversations, newest first, for whoever watches quality."""
        sql, params = "SELECT * FROM turns WHERE 1", []
        for column, value in (("rating", rating), ("outcome", outcome)):
            if value is not None:
                sql += f" AND {column} = ?"
                params.append(value)
        if since is not None:
            sql += " AND at >= ?"
            params.append(since)
        rows = self._database.rows(f"{sql} ORDER BY at DESC, rowid DESC LIMIT ?", [*params, limit])
        return [_decoded(row, "detail") or {} for row in rows]

    def rate_turn(self, id: str, rating: int | None, comment: str | None = None) -> None:
        """1 for helpful, -1 for not, None to take a rating back."""
        if rating not in (1, -1, None):
            raise RecordError(f"A rating is 1 or -1, not {rating!r}.")
        cursor = self._database.execute(
            "UPDATE turns SET rating = ?, comment = ? WHERE id = ?", (rating, comment, id)
        )
        if not cursor.rowcount:
            raise _unknown("turn", id)

    def hand_off(self, conversation_id: str, reason: str, summary: str = "") -> str:
        """Give the conversation to the people; returns the hand-off's id (the open one, if there is one)."""
        with self._database.write() as connection:
            waiting = connection.execute(
                "SELECT id FROM handoffs WHERE conversation_id = ? AND closed_at IS NULL", (conversation_id,)
            ).fetchone()
            if waiting is not None:
                return str(waiting["id"])
            self.update_conversation(conversation_id, held_by="person")
            id = new_id("HO")
            connection.execute(
                "INSERT INTO handoffs (id, conversation_id, at, reason, summary) VALUES (?, ?, ?, ?, ?)",
                (id, conversation_id, now(), reason, summary),
            )
        return id

    def handoffs(
        self, open: bool | None = True, *, conversation: str | None = None, limit: int = 100
    ) -> list[dict[str, Any]]:
        """Who waits longest comes first; each with ``customer_id``, ``language`` and ``role``."""
        where, params = " WHERE 1", []
        if open is not None:
            where += f" AND h.closed_at IS {'' if open else 'NOT '}NULL"
        if conversation is not None:
            where += " AND h.conversation_id = ?"
            params.append(conversation)
        rows = self._database.rows(
            "SELECT h.*, c.customer_id, c.language, c.role FROM handoffs h"
            f" JOIN conversations c ON c.id = h.conversation_id{where} ORDER BY h.at, h.rowid LIMIT ?",
            [*params, limit],
        )
        return [_decoded(row, "suggestion") or {} for row in rows]

    def handoff(self, id: str) -> dict[str, Any] | None:
        return _decoded(self._database.row("SELECT * FROM handoffs WHERE id = ?", (id,)), "suggestion")

    def keep_suggestion(self, id: str, suggestion: dict[str, Any] | None) -> None:
        """Keep the reply that is suggested to whoever takes a hand-off; None takes it away."""
        made = None if suggestion is None else _json(suggestion)
        cursor = self._database.execute("UPDATE handoffs SET suggestion = ? WHERE id = ?", (made, id))
        if not cursor.rowcount:
            raise _unknown("hand-off", id)

    def claim_handoff(self, id: str, agent: str) -> None:
        """Take a waiting conversation. Raises RecordError when a colleague was quicker or it is closed."""
        with self._database.write() as connection:
            found = self.handoff(id)
            if found is None:
                raise _unknown("hand-off", id)
            if found["closed_at"]:
                raise RecordError("This hand-off is closed already.")
            if found["agent"] not in (None, agent):
                raise RecordError(f"{found['agent']} has taken this conversation already.")
            connection.execute("UPDATE handoffs SET agent = ? WHERE id = ?", (agent, id))

    def close_handoff(self, id: str) -> None:
        """End a hand-off and give its conversation back to the assistant."""
        with self._database.write() as connection:
            found = self.handoff(id)
            if found is None:
                raise _unknown("hand-off", id)
            if found["closed_at"]:
                return
            connection.execute("UPDATE handoffs SET closed_at = ? WHERE id = ?", (now(), id))
            self.update_conversation(found["conversation_id"], held_by="assistant")

    def add_message(self, conversation_id: str, author: str, text: str) -> int:
        """Keep what a customer or an agent said while a person holds the conversation; returns its id."""
        cursor = self._database.execute(
            "INSERT INTO messages (conversation_id, at, author, text) VALUES (?, ?, ?, ?)",
            (conversation_id, now(), author, text),
        )
        return int(cursor.lastrowid or 0)

    def messages(self, conversation_id: str, *, after: int = 0) -> list[dict[str, Any]]:
        """Oldest first; only those with an id above ``after``."""
        rows = self._database.rows(
            "SELECT * FROM messages WHERE conversation_id = ? AND id > ? ORDER BY id",
            (conversation_id, after),
        )
        return [dict(row) for row in rows]

    def add_note(
        self, text: str, author: str, *, customer_id: str | None = None, conversation_id: str | None = None
    ) -> int:
        """Leave a note for colleagues about a customer, a conversation, or both; returns its id."""
        if not text.strip():
            raise RecordError("The note is empty.")
        if customer_id is None and conversation_id is None:
            raise RecordError("A note is about a customer or a conversation.")
        cursor = self._database.execute(
            "INSERT INTO notes (customer_id, conversation_id, at, author, text) VALUES (?, ?, ?, ?, ?)",
            (customer_id, conversation_id, now(), author, text.strip()),
        )
        return int(cursor.lastrowid or 0)

    def notes(
        self, *, customer_id: str | None = None, conversation_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Notes about a customer or a conversation, newest first."""
        rows = self._database.rows(
            "SELECT * FROM notes WHERE customer_id = ? OR conversation_id = ? ORDER BY id DESC",
            (customer_id, conversation_id),
        )
        return [dict(row) for row in rows]

    def remove_note(self, id: int, author: str) -> bool:
        """Take one's own note back; False where there is none of this author."""
        cursor = self._database.execute("DELETE FROM notes WHERE id = ? AND author = ?", (id, author))
        return bool(cursor.rowcount)

    def audit(
        self,
        actor: str,
        role: str,
        action: str,
        target: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Note who did what to what."""
        self._database.execute(
            "INSERT INTO audit (at, actor, role, action, target, detail) VALUES (?, ?, ?, ?, ?, ?)",
            (now(), actor, role, action, target, _json(detail or {})),
        )

    def audit_log(self, limit: int = 100, *, action: str | None = None) -> list[dict[str, Any]]:
        """Newest first."""
        where, params = ("", []) if action is None else (" WHERE action = ?", [action])
        rows = self._database.rows(f"SELECT * FROM audit{where} ORDER BY id DESC LIMIT ?", [*params, limit])
        return [_decoded(row, "detail") or {} for row in rows]


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _decoded(row: sqlite3.Row | None, column: str) -> dict[str, Any] | None:
    if row is None:
        return None
    return {**dict(row), column: None if row[column] is None else json.loads(row[column])}


def _unknown(what: str, id: str) -> RecordError:
    return RecordError(f"There is no {what} {id}.")
