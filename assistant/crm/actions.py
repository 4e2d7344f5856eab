"""Changes made on somebody's behalf: done once, in one transaction, with what was before, so that they can be undone.

An action names the rows it changes and what it expects to find in them; when the record has moved on meanwhile nothing
is changed. Every action and every undoing is in the audit log.
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from assistant.crm.conversations import Conversations, new_id, now
from assistant.crm.database import Database
from assistant.errors import RecordError

# what an action may touch: nothing else is ever changed by one
CHANGEABLE: Mapping[str, frozenset[str]] = {
    "orders": frozenset({"status", "total", "attributes"}),
    "subscriptions": frozenset(
        {"status", "plan", "price", "ended_on", "end_reason", "next_delivery_on", "attributes"}
    ),
    "customers": frozenset({"city", "country", "consent_marketing", "attributes"}),
    "order_lines": frozenset({"variant_id", "unit_price", "amount"}),
    "payment_methods": frozenset({"balance"}),
}
ADDABLE = frozenset({"interactions", "subscriptions", "payments"})


@dataclass(frozen=True)
class Change:
    """New values of one row, and the values it must still have for that. A line's id is ``ORDER/LINE``."""

    table: str
    id: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True)
class Addition:
    """A new row; its id is given by the record, next in the table's own numbering."""

    table: str
    row: Mapping[str, Any] = field(default_factory=dict)


class Actions:
    """``Store`` carries the public methods of this under the same names."""

    def __init__(self, database: Database, talk: Conversations) -> None:
        self._database, self._talk = database, talk

    def perform_action(
        self,
        key: str,
        kind: str,
        *,
        customer_id: str,
        actor: str,
        role: str,
        changes: Iterable[Change] = (),
        additions: Iterable[Addition] = (),
        arguments: Mapping[str, Any] | None = None,
        conversation_id: str | None = None,
    ) -> dict[str, Any]:
        """Do all of it or nothing; returns the action, with ``repeated`` True when ``key`` was done before.

        Raises RecordError when a row no longer holds what was expected of it.
        """
        with self._database.write() as connection:
            done = self.action_by_key(key)
            if done is not None:
                return {**done, "repeated": True}
            detail: dict[str, Any] = {"changed": [], "added": []}
            for change in changes:
                if not set(change.after) <= CHANGEABLE.get(change.table, frozenset()):
                    raise RecordError(f"An action may not change {change.table}: {', '.join(change.after)}.")
                _expect(connection, change.table, change.id, change.before)
                _write(connection, change.table, change.id, change.after)
                detail["changed"].append(
                    {"table": change.table, "id": change.id, "before": dict(change.before), "after": dict(change.after)}
                )  # fmt: skip
            for addition in additions:
                if addition.table not in ADDABLE:
                    raise RecordError(f"An action may not add to {addition.table}.")
                id = _next_id(connection, addition.table)
                row = {"id": id, **addition.row}
                names = ", ".join(row)
                connection.execute(
                    f"INSERT INTO {addition.table} ({names}) VALUES ({', '.join('?' * len(row))})",
                    [_stored(value) for value in row.values()],
                )
                detail["added"].append({"table": addition.table, "id": id, "row": dict(addition.row)})
            action: dict[str, Any] = {
                "id": new_id("AC"), "key": key, "at": now(), "kind": kind, "customer_id": customer_id, "actor": actor,
                "role": role, "conversation_id": conversation_id, "arguments": dict(arguments or {}), "detail": detail,
                "undone_at": None,
            }  # fmt: skip
            connection.execute(
                f"INSERT INTO actions ({', '.join(action)}) VALUES ({', '.join('?' * len(action))})",
                [_stored(value) for value in action.values()],
            )
            self._talk.audit(actor, role, kind, customer_id, {"action": action["id"], **action["arguments"]})
        return {**action, "repeated": False}

    def undo_action(self, id: str, *, actor: str, role: str, minutes: int | None = None) -> dict[str, Any]:
        """Put back what an action changed and take away what it added; returns the action, ``repeated`` True when it
        was undone already. Raises RecordError when it is unknown, older than ``minutes``, or the rows have changed since.
        """
        with self._database.write() as connection:
            action = self.action(id)
            if action is None:
                raise RecordError(f"There is no action {id}.")
            if action["undone_at"]:
                return {**action, "repeated": True}
            if minutes is not None:
                age = datetime.now() - datetime.fromisoformat(action["at"])
                if age > timedelta(minutes=minutes):
                    raise RecordError(f"This was done more than {minutes} minutes ago.", "ask a colleague")
            for change in reversed(action["detail"]["changed"]):
                _expect(connection, change["table"], change["id"], change["after"])
                _write(connection, change["table"], change["id"], change["before"])
            for added in reversed(action["detail"]["added"]):
                _expect(connection, added["table"], added["id"], added["row"])
                connection.execute(f"DELETE FROM {added['table']} WHERE id = ?", (added["id"],))
            connection.execute("UPDATE actions SET undone_at = ? WHERE id = ?", (now(), id))
            self._talk.audit(actor, role, f"undo_{action['kind']}", action["customer_id"], {"action": id})
            found = self.action(id)
        return {**(found or {}), "repeated": False}

    def action(self, id: str) -> dict[str, Any] | None:
        return _decoded(self._database.row("SELECT * FROM actions WHERE id = ?", (id,)))

    def actions(self, customer_id: str | None = None, *, limit: int = 100) -> list[dict[str, Any]]:
        """What was done, newest first; of one customer or of all."""
        where, params = ("", []) if customer_id is None else (" WHERE customer_id = ?", [customer_id])
        rows = self._database.rows(
            f"SELECT * FROM actions{where} ORDER BY at DESC, rowid DESC LIMIT ?", [*params, limit]
        )
        return [_decoded(row) or {} for row in rows]

    def action_by_key(self, key: str) -> dict[str, Any] | None:
        """What was done under a key, or None."""
        return _decoded(self._database.row("SELECT * FROM actions WHERE key = ?", (key,)))


def _expect(connection: sqlite3.Connection, table: str, id: str, values: Mapping[str, Any]) -> None:
    where, key = _key(table, id)
    row = connection.execute(f"SELECT * FROM {table} WHERE {where}", key).fetchone()
    if row is None:
        raise RecordError(f"There is no {table} row {id} any more.", "ask again")
    for name, value in values.items():
        held = json.loads(row[name]) if name == "attributes" else row[name]
        if held != value:
            raise RecordError(f"{id} has changed meanwhile ({name}); nothing was done.", "ask again")


def _write(connection: sqlite3.Connection, table: str, id: str, values: Mapping[str, Any]) -> None:
    assignments = ", ".join(f"{name} = ?" for name in values)
    where, key = _key(table, id)
    connection.execute(
        f"UPDATE {table} SET {assignments} WHERE {where}", [*(_stored(v) for v in values.values()), *key]
    )


def _key(table: str, id: str) -> tuple[str, list[str]]:
    if table == "order_lines":
        return "order_id = ? AND line = ?", list(id.rsplit("/", 1))
    return "id = ?", [id]


def _next_id(connection: sqlite3.Connection, table: str) -> str:
    """The number after the table's last one in its own shape: IN-015269 -> IN-015270; payments are the bank's to number."""
    if table == "payments":
        return new_id("PA")
    row = connection.execute(f"SELECT id FROM {table} ORDER BY length(id) DESC, id DESC LIMIT 1").fetchone()
    match = re.search(r"\d+$", row["id"]) if row else None
    if row is None or match is None:
        return new_id({"interactions": "IN", "subscriptions": "SU"}[table])
    return row["id"][: match.start()] + str(int(match[0]) + 1).zfill(len(match[0]))


def _stored(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else value


def _decoded(row: sqlite3.Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {**dict(row), "arguments": json.loads(row["arguments"]), "detail": json.loads(row["detail"])}
