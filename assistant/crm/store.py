"""The record: customers, products, orders, subscriptions, interactions, offers. All SQL is in crm/."""

import itertools
import json
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from assistant.crm.actions import Actions
from assistant.crm.codes import Codes
from assistant.crm.conversations import Conversations
from assistant.crm.database import Database
from assistant.errors import RecordError

if TYPE_CHECKING:
    import pandas
    import sqlite_utils

Progress = Callable[[str, int, int | None], None]

# Columns that hold JSON objects: dicts outside, text inside.
_JSON_COLUMNS = frozenset({"attributes", "rules", "state", "detail", "report", "arguments"})
_KEYS = {
    "meta": ("key",),
    "customers": ("id",),
    "products": ("id",),
    "orders": ("id",),
    "order_lines": ("order_id", "line"),
    "variants": ("id",),
    "payment_methods": ("id",),
    "payments": ("id",),
    "subscriptions": ("id",),
    "interactions": ("id",),
    "offers": ("id",),
    "offers_made": ("id",),
    "conversations": ("id",),
    "turns": ("id",),
    "handoffs": ("id",),
    "messages": ("id",),
    "imports": ("id",),
    "audit": ("id",),
    "actions": ("id",),
}
TABLES = tuple(_KEYS)


class Store:
    """The company's record in one SQLite file, opened and brought to the newest schema.

    May be used from several threads at once. Rows are plain dicts with the schema's column names; JSON
    columns are dicts. Lookups of something that isn't there return None; changes to it raise ``RecordError``.
    """

    def __init__(self, path: Path | str, *, create: bool = True) -> None:
        self.database = Database(Path(path).expanduser(), create=create)
        self._columns: dict[str, tuple[str, ...]] = {}
        talk = Conversations(self.database)
        self.start_conversation = talk.start_conversation
        self.conversation = talk.conversation
        self.conversations = talk.conversations
        self.update_conversation = talk.update_conversation
        self.close_conversation = talk.close_conversation
        self.save_turn = talk.save_turn
        self.turns = talk.turns
        self.turn = talk.turn
        self.recent_turns = talk.recent_turns
        self.rate_turn = talk.rate_turn
        self.hand_off = talk.hand_off
        self.handoffs = talk.handoffs
        self.handoff = talk.handoff
        self.keep_suggestion = talk.keep_suggestion
        self.claim_handoff = talk.claim_handoff
        self.close_handoff = talk.close_handoff
        self.add_message = talk.add_message
        self.messages = talk.messages
        self.add_note = talk.add_note
        self.notes = talk.notes
        self.remove_note = talk.remove_note
        self.audit = talk.audit
        self.audit_log = talk.audit_log
        acts = Actions(self.database, talk)
        self.perform_action = acts.perform_action
        self.undo_action = acts.undo_action
        self.action = acts.action
        self.action_by_key = acts.action_by_key
        self.actions = acts.actions
        codes = Codes(self.database)
        self.add_code = codes.add_code
        self.count_codes = codes.count_codes
        self.try_code = codes.try_code
        self.last_code = codes.last_code

    @property
    def path(self) -> Path:
        return self.database.path

    @property
    def home(self) -> Path:
        """The folder the record lies in."""
        return self.database.path.parent

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- the whole record

    def meta(self, key: str, default: str | None = None) -> str | None:
        row = self.database.row("SELECT value FROM meta WHERE key = ?", (key,))
        return row["value"] if row else default

    def set_meta(self, key: str, value: str) -> None:
        self.database.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )

    @property
    def as_of(self) -> date:
        """The day of the last order or interaction, the record's "today"; the real today when it has none."""
        row = self.database.row(
            "SELECT max(at) AS last FROM (SELECT max(ordered_at) AS at FROM orders"
            " UNION ALL SELECT max(at) FROM interactions)"
        )
        return date.fromisoformat(row["last"][:10]) if row and row["last"] else date.today()

    def counts(self) -> dict[str, int]:
        """Rows per table."""
        sql = ", ".join(f"(SELECT count(*) FROM {table}) AS {table}" for table in TABLES)
        row = self.database.row(f"SELECT {sql}")
        return dict(row) if row else {}

    def frame(self, table_or_sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> "pandas.DataFrame":
        """A table, or the result of a SELECT, as a data frame. The connection used can't write."""
        import pandas

        sql = f"SELECT * FROM {table_or_sql}" if table_or_sql in _KEYS else table_or_sql
        with self.database.read() as connection:
            try:
                cursor = connection.execute(sql, params)
            except sqlite3.OperationalError as error:
                raise RecordError(f"The record can't answer this query: {error}.") from error
            names = [column[0] for column in cursor.description or ()]
            return pandas.DataFrame.from_records(map(tuple, cursor), columns=names)

    @contextmanager
    def tables(self) -> "Iterator[sqlite_utils.Database]":
        """The record as a sqlite-utils database that can't write: for exports, scripts and notebooks."""
        import sqlite_utils

        with self.database.read() as connection:
            yield sqlite_utils.Database(connection)

    def upsert(
        self, table: str, rows: Iterable[Mapping[str, Any]], *, progress: Progress | None = None
    ) -> int:
        """Insert rows, or change those whose key is there already, in one transaction; returns how many.

        Only the columns a row names are changed. An order may carry ``lines`` (dicts of order_lines' columns,
        numbered in their order): they replace the order's lines. Raises RecordError for an unknown table or
        column and for a row that points at something the record doesn't hold.
        """
        if table not in _KEYS:
            raise RecordError(f"The record has no table {table!r}.", f"one of: {', '.join(TABLES)}")
        total = len(rows) if isinstance(rows, Sequence) else None
        done = 0
        statements: dict[tuple[str, ...], str] = {}
        with self.database.write() as connection:
            for row in rows:
                lines = row.get("lines") if table == "orders" else None
                columns = tuple(name for name in row if not (name == "lines" and table == "orders"))
                if columns not in statements:
                    statements[columns] = self._upsert_sql(table, columns)
                connection.execute(statements[columns], [_stored(name, row[name]) for name in columns])
                if lines is not None:
                    self._replace_lines(connection, row["id"], lines)
                done += 1
                if progress and done % 1000 == 0:
                    progress(table, done, total)
        if progress:
            progress(table, done, total)
        return done

    def _upsert_sql(self, table: str, columns: tuple[str, ...]) -> str:
        if unknown := [name for name in columns if name not in self.columns(table)]:
            raise RecordError(f"The table {table} has no column {unknown[0]!r}.")
        keys = _KEYS[table]
        changes = [f"{name} = excluded.{name}" for name in columns if name not in keys]
        action = f"UPDATE SET {', '.join(changes)}" if changes else "NOTHING"
        marks = ", ".join("?" * len(columns))
        return (
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
            f" ON CONFLICT ({', '.join(keys)}) DO {action}"
        )

    @staticmethod
    def _replace_lines(
        connection: sqlite3.Connection, order_id: str, lines: Iterable[Mapping[str, Any]]
    ) -> None:
        connection.execute("DELETE FROM order_lines WHERE order_id = ?", (order_id,))
        connection.executemany(
            "INSERT INTO order_lines (order_id, line, product_id, quantity, unit_price, amount, variant_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    order_id, number, line.get("product_id"), line["quantity"], line.get("unit_price"),
                    line.get("amount"), line.get("variant_id"),
                )
                for number, line in enumerate(lines, 1)
            ],
        )  # fmt: skip

    def columns(self, table: str) -> tuple[str, ...]:
        """The names of a table's columns."""
        if table not in self._columns:
            rows = self.database.rows("SELECT name FROM pragma_table_info(?)", (table,))
            self._columns[table] = tuple(row["name"] for row in rows)
        return self._columns[table]

    # --- customers

    def customer(self, id: str) -> dict[str, Any] | None:
        return _row(self.database.row("SELECT * FROM customers WHERE id = ?", (id,)))

    def customers(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Customers in the order of their ids, e.g. ``customers(country="Germany", churned=0)``.

        A list stands for "one of these", None for "not known".
        """
        where, params = self._where("customers", filters)
        with self.database.read() as connection:
            for row in connection.execute(f"SELECT * FROM customers{where} ORDER BY id", params):
                yield _row(row) or {}

    def find_customers(self, text: str) -> list[dict[str, Any]]:
        """Customers whose id, name, e-mail address or telephone number is this, in any case."""
        text = " ".join(unicodedata.normalize("NFC", text).split())
        phone = "phone"
        for mark in " +-()./":
            phone = f"replace({phone}, '{mark}', '')"
        rows = self.database.rows(
            "SELECT * FROM customers WHERE id IN (:text, :upper, :lower)"
            " UNION SELECT * FROM customers WHERE name COLLATE NOCASE IN (SELECT value FROM json_each(:cases))"
            " UNION SELECT * FROM customers WHERE email COLLATE NOCASE IN (SELECT value FROM json_each(:cases))"
            " UNION SELECT * FROM customers WHERE length(:digits) >= 7 AND phone IS NOT NULL"
            f" AND {phone} = :digits ORDER BY id",
            {
                "text": text, "upper": text.upper(), "lower": text.lower(), "digits": re.sub(r"\D", "", text),
                "cases": json.dumps(_cases(text)),
            },
        )  # fmt: skip
        return [_row(row) or {} for row in rows]

    def closest_customers(self, text: str, n: int = 3) -> list[dict[str, Any]]:
        """The ``n`` whose id, name or e-mail address is most like ``text``, with a ``score`` of 0..1."""
        from rapidfuzz import fuzz, process, utils

        rows = self.database.rows("SELECT id, name, email FROM customers")
        best: dict[int, float] = {}
        for column in ("id", "name", "email"):
            choices = {number: row[column] for number, row in enumerate(rows) if row[column]}
            # a name may stand in a longer text; an id or an address has to match as a whole
            scorer = fuzz.WRatio if column == "name" else fuzz.ratio
            found = process.extract(text, choices, scorer=scorer, processor=utils.default_process, limit=n)
            for _, score, number in found:
                best[number] = max(best.get(number, 0.0), score / 100)
        ranked = sorted(best.items(), key=lambda item: (-item[1], rows[item[0]]["id"]))[:n]
        return [{**dict(rows[number]), "score": round(score, 3)} for number, score in ranked]

    def unknown_customers(self, ids: Iterable[str]) -> set[str]:
        """Those of ``ids`` that are no customer's."""
        rows = self.database.rows(
            "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT id FROM customers)",
            (json.dumps(sorted(ids), ensure_ascii=False),),
        )
        return {row["value"] for row in rows}

    def example_id(self, table: str) -> str | None:
        """Some id of ``table``, to see what the company's ids look like; None when it is empty."""
        if table not in _KEYS:
            raise RecordError(f"There is no table {table!r}.")
        row = self.database.row(f"SELECT id FROM {table} ORDER BY id LIMIT 1")
        return str(row["id"]) if row else None

    # --- orders and products

    def orders(
        self,
        customer_id: str,
        *,
        limit: int | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
    ) -> list[dict[str, Any]]:
        """A customer's orders with their lines, newest first; ``since`` and ``until`` are days, included."""
        where, params = _period("ordered_at", since, until)
        rows = self.database.rows(
            f"SELECT * FROM orders WHERE customer_id = ?{where} ORDER BY ordered_at DESC, id DESC LIMIT ?",
            [customer_id, *params, -1 if limit is None else limit],
        )
        return self._with_lines(rows)

    def order(self, order_id: str) -> dict[str, Any] | None:
        found = self._with_lines(self.database.rows("SELECT * FROM orders WHERE id = ?", (order_id,)))
        return found[0] if found else None

    def _with_lines(self, rows: Sequence[sqlite3.Row]) -> list[dict[str, Any]]:
        orders: dict[str, dict[str, Any]] = {row["id"]: {**(_row(row) or {}), "lines": []} for row in rows}
        ids = list(orders)
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            lines = self.database.rows(
                "SELECT l.order_id, l.product_id, coalesce(p.name, l.product_id) AS product, l.quantity,"
                " l.unit_price, l.amount FROM order_lines l LEFT JOIN products p ON p.id = l.product_id"
                f" WHERE l.order_id IN ({', '.join('?' * len(part))}) ORDER BY l.order_id, l.line",
                part,
            )
            for line in lines:
                values = dict(line)
                orders[values.pop("order_id")]["lines"].append(values)
        return list(orders.values())

    def items(self, order_id: str) -> list[dict[str, Any]]:
        """An order's lines with ``line`` (1, 2, ...), ``variant_id`` and the variant's ``options``."""
        rows = self.database.rows(
            "SELECT l.*, coalesce(p.name, l.product_id) AS product, v.attributes AS options FROM order_lines l"
            " LEFT JOIN products p ON p.id = l.product_id LEFT JOIN variants v ON v.id = l.variant_id"
            " WHERE l.order_id = ? ORDER BY l.line",
            (order_id,),
        )
        return [{**(_row(row) or {}), "options": json.loads(row["options"] or "{}")} for row in rows]

    def variants(self, product_id: str) -> list[dict[str, Any]]:
        """A product's variants in the order of their codes; ``attributes`` are their options."""
        rows = self.database.rows("SELECT * FROM variants WHERE product_id = ? ORDER BY id", (product_id,))
        return [_row(row) or {} for row in rows]

    def variant(self, id: str) -> dict[str, Any] | None:
        return _row(self.database.row("SELECT * FROM variants WHERE id = ?", (id,)))

    def payment_methods(self, customer_id: str) -> list[dict[str, Any]]:
        """The ways a customer may pay or be paid back."""
        rows = self.database.rows(
            "SELECT * FROM payment_methods WHERE customer_id = ? ORDER BY id", (customer_id,)
        )
        return [_row(row) or {} for row in rows]

    def payments(self, order_id: str) -> list[dict[str, Any]]:
        """What was paid and paid back for an order, in that order."""
        rows = self.database.rows("SELECT * FROM payments WHERE order_id = ? ORDER BY rowid", (order_id,))
        return [_row(row) or {} for row in rows]

    def product(self, id: str) -> dict[str, Any] | None:
        return _row(self.database.row("SELECT * FROM products WHERE id = ?", (id,)))

    def products(self, active: bool | None = True) -> list[dict[str, Any]]:
        """Products in the order of their codes; ``active=None`` for all."""
        where, params = self._where("products", {} if active is None else {"active": int(active)})
        rows = self.database.rows(f"SELECT * FROM products{where} ORDER BY id", params)
        return [_row(row) or {} for row in rows]

    # --- subscriptions, interactions, offers

    def subscriptions(self, customer_id: str) -> list[dict[str, Any]]:
        """A customer's subscriptions, newest first."""
        rows = self.database.rows(
            "SELECT * FROM subscriptions WHERE customer_id = ? ORDER BY started_on DESC, id DESC",
            (customer_id,),
        )
        return [_row(row) or {} for row in rows]

    def subscription(self, id: str) -> dict[str, Any] | None:
        return _row(self.database.row("SELECT * FROM subscriptions WHERE id = ?", (id,)))

    def interactions(
        self,
        customer_id: str | None = None,
        *,
        channel: str | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """What was written and said, newest first; ``since`` and ``until`` are days, both included."""
        where, params = _period("at", since, until)
        for column, value in (("customer_id", customer_id), ("channel", channel)):
            if value is not None:
                where += f" AND {column} = ?"
                params.append(value)
        rows = self.database.rows(
            f"SELECT * FROM interactions WHERE 1{where} ORDER BY at DESC, id DESC LIMIT ?",
            [*params, -1 if limit is None else limit],
        )
        return [_row(row) or {} for row in rows]

    def interactions_mark(self) -> int:
        """Differs whenever an interaction has come, gone or been written again; read without a look at them."""
        return int(self.database.rows("SELECT number FROM interaction_changes", ())[0][0])

    def interaction(self, id: str) -> dict[str, Any] | None:
        return _row(self.database.row("SELECT * FROM interactions WHERE id = ?", (id,)))

    def offers(self, active_on: date | str | None = None) -> list[dict[str, Any]]:
        """All offers, or those a customer may have on that day."""
        where, params = "", []
        if active_on is not None:
            where = (
                " WHERE active = 1 AND coalesce(valid_from, '') <= ?"
                " AND coalesce(valid_to, '9999-12-31') >= ?"
            )
            params = [_day(active_on)] * 2
        rows = self.database.rows(f"SELECT * FROM offers{where} ORDER BY id", params)
        return [_row(row) or {} for row in rows]

    def offer(self, id: str) -> dict[str, Any] | None:
        return _row(self.database.row("SELECT * FROM offers WHERE id = ?", (id,)))

    def offers_made(self, customer_id: str) -> list[dict[str, Any]]:
        """What a customer has been offered, newest first, with ``name``, ``kind`` and ``value``."""
        rows = self.database.rows(
            "SELECT m.*, o.name, o.kind, o.value FROM offers_made m JOIN offers o ON o.id = m.offer_id"
            " WHERE m.customer_id = ? ORDER BY m.at DESC, m.id DESC",
            (customer_id,),
        )
        return [dict(row) for row in rows]

    def offer_answers(self, *, wait_days: int = 30) -> dict[str, tuple[int, int]]:
        """Of each offer how many accepted it, and how many were asked; one without an answer counts after ``wait_days``."""
        rows = self.database.rows(
            "SELECT offer_id, sum(outcome = 'accepted') AS yes, count(*) AS asked FROM offers_made"
            " WHERE outcome IN ('accepted', 'declined') OR (outcome = 'sent' AND at < ?) GROUP BY offer_id",
            (_day(self.as_of - timedelta(days=wait_days)),),
        )
        return {row["offer_id"]: (int(row["yes"]), int(row["asked"])) for row in rows}

    def offers_accepted(self, offer_id: str, since: date | str) -> int:
        """How often an offer was accepted from a day on, by whomever."""
        row = self.database.row(
            "SELECT count(*) AS n FROM offers_made WHERE offer_id = ? AND outcome = 'accepted' AND at >= ?",
            (offer_id, _day(since)),
        )
        return int(row["n"]) if row else 0

    def record_offer(
        self,
        offer_id: str,
        customer_id: str,
        *,
        at: date | str | None = None,
        channel: str | None = None,
        text: str | None = None,
        outcome: str = "drafted",
    ) -> int:
        """Keep that an offer was drafted, sent, accepted or declined (``outcome``); returns its number."""
        cursor = self.database.execute(
            "INSERT INTO offers_made (offer_id, customer_id, at, channel, text, outcome)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (offer_id, customer_id, _stored("at", at or self.as_of), channel, text, outcome),
        )
        return int(cursor.lastrowid or 0)

    def set_offer_outcome(self, number: int, outcome: str) -> None:
        cursor = self.database.execute("UPDATE offers_made SET outcome = ? WHERE id = ?", (outcome, number))
        if not cursor.rowcount:
            raise RecordError(f"There is no offer number {number} on record.")

    def _where(self, table: str, filters: Mapping[str, Any]) -> tuple[str, list[Any]]:
        parts: list[str] = []
        params: list[Any] = []
        for name, value in filters.items():
            if name not in self.columns(table):
                raise RecordError(f"The table {table} has no column {name!r}.")
            if value is None:
                parts.append(f"{name} IS NULL")
            elif isinstance(value, list | tuple | set | frozenset):
                parts.append(f"{name} IN (SELECT value FROM json_each(?))")
                params.append(json.dumps(list(value)))
            else:
                parts.append(f"{name} = ?")
                params.append(_stored(name, value))
        return (" WHERE " + " AND ".join(parts) if parts else ""), params


def _cases(text: str, most: int = 6) -> list[str]:
    """``text`` in both cases of its letters with accents, of which SQLite's NOCASE knows nothing (of the first ``most``)."""
    ways: list[tuple[str, ...]] = []
    for character in text:
        both = {character, character.lower(), character.upper()}
        varies = not character.isascii() and len(both) > 1 and sum(len(way) > 1 for way in ways) < most
        ways.append(tuple(way for way in both if len(way) == 1) if varies else (character,))
    return ["".join(way) for way in itertools.product(*ways)]


def _row(row: sqlite3.Row | None) -> dict[str, Any] | None:
    """A row as a dict, its JSON columns read."""
    if row is None:
        return None
    values = dict(row)
    for name in _JSON_COLUMNS & values.keys():
        values[name] = json.loads(values[name])
    return values


def _stored(name: str, value: Any) -> Any:
    """A Python value as the record keeps it: JSON, ISO dates, 0 and 1."""
    if name in _JSON_COLUMNS and not isinstance(value, str):
        return json.dumps(value if value is not None else {}, ensure_ascii=False, default=str)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return int(value) if isinstance(value, bool) else value


def _day(value: date | str) -> str:
    return value[:10] if isinstance(value, str) else value.isoformat()[:10]


def _period(column: str, since: date | str | None, until: date | str | None) -> tuple[str, list[Any]]:
    """Conditions for a column of days or moments between two days, both included."""
    where, params = "", []
    if since is not None:
        where += f" AND {column} >= ?"
        params.append(_day(since))
    if until is not None:
        where += f" AND {column} < ?"
        params.append((date.fromisoformat(_day(until)) + timedelta(days=1)).isoformat())
    return where, params
