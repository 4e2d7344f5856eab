"""A customer's rights: all that is kept about them, in one piece, or gone. And masking, see ``masking``."""

import csv
import json
import os
import re
import sqlite3
import tempfile
from collections.abc import Callable, Collection
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from assistant.crm.conversations import now
from assistant.crm.importing import remove_leftovers
from assistant.crm.masking import Span, find, mask
from assistant.crm.store import Store
from assistant.errors import RecordError

__all__ = ["Span", "erase_customer", "export_customer", "find", "mask"]


def export_customer(store: Store, customer_id: str) -> dict[str, Any]:
    """Everything the record holds about a customer, ready for JSON. Raises RecordError for an unknown id."""
    customer = _known(store, customer_id)
    conversations = []
    proved = store.database.rows(
        "SELECT id FROM conversations WHERE json_extract(state, '$.proved') = ?", (customer_id,)
    )
    also = [
        found
        for row in proved
        if (found := store.conversation(row["id"])) and found["customer_id"] != customer_id
    ]
    for row in [*store.conversations(customer_id=customer_id, limit=-1), *also]:
        handoffs = store.database.rows("SELECT * FROM handoffs WHERE conversation_id = ?", (row["id"],))
        conversations.append(
            {
                **row,
                "turns": store.turns(row["id"]),
                "messages": store.messages(row["id"]),
                "handoffs": [dict(handoff) for handoff in handoffs],
            }
        )
    audit = store.database.rows(
        "SELECT at, action, role, detail FROM audit WHERE target = ? ORDER BY id", (customer_id,)
    )
    return {
        "exported_at": now(),
        "customer": customer,
        "orders": [{**o, "payments": store.payments(o["id"])} for o in store.orders(customer_id)],
        "payment_methods": store.payment_methods(customer_id),
        "subscriptions": store.subscriptions(customer_id),
        "interactions": store.interactions(customer_id),
        "offers_made": store.offers_made(customer_id),
        "actions": store.actions(customer_id, limit=-1),
        "conversations": conversations,
        "notes": store.notes(customer_id=customer_id),
        "audit": [{**dict(row), "detail": json.loads(row["detail"])} for row in audit],
    }


def erase_customer(
    store: Store, customer_id: str, *, actor: str, role: str = "admin", keep_orders: bool = False
) -> dict[str, int]:
    """Remove a customer and all that belongs to them, in one transaction; returns rows removed per table.

    ``keep_orders`` keeps the orders for the books, under a new customer id that says nothing. The audit log keeps
    that someone was erased, by whom and when, but not who; earlier entries about the customer lose their target
    and detail. What colleagues asked about the customer goes too, and so do mails in the outbox and rows in the files
    of rejected rows. The knowledge index must be built again afterwards, since passages of the interactions lie there.
    Raises RecordError for an unknown id.
    """
    customer = _known(store, customer_id)
    words = {
        value for value in (customer_id, customer["email"], customer["phone"], customer["name"]) if value
    }
    removed: dict[str, int] = {}
    with store.database.write() as connection:
        run = connection.execute
        run("PRAGMA secure_delete = ON")  # what is deleted is overwritten in the file
        if keep_orders:
            number = run("SELECT count(*) FROM customers WHERE id GLOB 'erased-*'").fetchone()[0] + 1
            while run("SELECT 1 FROM customers WHERE id = ?", (f"erased-{number}",)).fetchone():
                number += 1
            run(
                "INSERT INTO customers (id, country, churned) SELECT ?, country, churned FROM customers WHERE id = ?",
                (f"erased-{number}", customer_id),
            )
            run(
                "UPDATE orders SET customer_id = ?, tracking = NULL, attributes = '{}' WHERE customer_id = ?",
                (f"erased-{number}", customer_id),
            )
            run(
                "UPDATE order_lines SET attributes = '{}'"
                " WHERE order_id IN (SELECT id FROM orders WHERE customer_id = ?)",
                (f"erased-{number}",),
            )
            run(
                "UPDATE payments SET method_id = NULL, attributes = '{}'"
                " WHERE order_id IN (SELECT id FROM orders WHERE customer_id = ?)",
                (f"erased-{number}",),
            )
        for table in ("order_lines", "payments"):
            removed[table] = run(
                f"DELETE FROM {table} WHERE order_id IN (SELECT id FROM orders WHERE customer_id = ?)",
                (customer_id,),
            ).rowcount
        run(  # conversations in which a visitor proved to be this customer
            "UPDATE conversations SET customer_id = ? WHERE json_extract(state, '$.proved') = ?",
            (customer_id, customer_id),
        )
        talks = "(SELECT id FROM conversations WHERE customer_id = ?)"
        removed["notes"] = run(
            f"DELETE FROM notes WHERE customer_id = ? OR conversation_id IN {talks}",
            (customer_id, customer_id),
        ).rowcount
        for table in ("turns", "messages", "handoffs"):
            removed[table] = run(
                f"DELETE FROM {table} WHERE conversation_id IN {talks}", (customer_id,)
            ).rowcount
        for table in (
            "orders",
            "subscriptions",
            "interactions",
            "offers_made",
            "payment_methods",
            "conversations",
            "actions",
            "codes",
        ):
            removed[table] = run(f"DELETE FROM {table} WHERE customer_id = ?", (customer_id,)).rowcount
        removed["customers"] = run("DELETE FROM customers WHERE id = ?", (customer_id,)).rowcount
        says = _mentions(words)
        for row in run("SELECT id, target, detail FROM audit").fetchall():
            if row["target"] == customer_id or says(json.loads(row["detail"])):
                run("UPDATE audit SET target = NULL, detail = '{}' WHERE id = ?", (row["id"],))
        removed["turns"] += _forget_asked(connection, says)
        store.audit(actor, role, "erase_customer", None, {"removed": removed, "orders_kept": keep_orders})
        remove_leftovers(store.home / "rejects")
        removed["rejected_rows"] = sum(
            _without_rows(path, words) for path in sorted((store.home / "rejects").glob("*.csv"))
        )
        removed["mails"] = _without_mails(store.home / "outbox", customer["email"])
    store.database.checkpoint()
    return removed


def _known(store: Store, customer_id: str) -> dict[str, Any]:
    customer = store.customer(customer_id)
    if customer is None:
        near = ", ".join(found["id"] for found in store.closest_customers(customer_id))
        raise RecordError(
            f"There is no customer {customer_id}.", f"did you mean one of {near}?" if near else ""
        )
    return customer


def _mentions(words: Collection[str]) -> Callable[[Any], bool]:
    """Whether a value of JSON names one of ``words``: by itself, or within a text, where it isn't part of another word.

    Within a text, a number of up to four digits says too little to be somebody.
    """
    exact = {word.casefold() for word in words}
    telling = {word for word in exact if len(word) > 1 and not re.fullmatch(r"\d{1,4}", word)}
    # Chinese has no blanks between words: only letters and digits without accents can belong to a longer one
    pattern = re.compile(
        "|".join(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])" for word in telling) or "(?!)"
    )

    def says(value: Any) -> bool:
        if isinstance(value, dict):
            return any(says(part) for pair in value.items() for part in pair)
        if isinstance(value, list | tuple):
            return any(says(part) for part in value)
        if isinstance(value, str):
            return value.casefold() in exact or bool(pattern.search(value.casefold()))
        return str(value) in telling

    return says


def _forget_asked(connection: sqlite3.Connection, says: Callable[[Any], bool]) -> int:
    """Remove what colleagues asked and were told about a customer in conversations that aren't the customer's own."""
    colleagues = "(SELECT id FROM conversations WHERE role IN ('agent', 'admin'))"
    turns = connection.execute(
        f"SELECT id, message, answer, comment, detail FROM turns WHERE conversation_id IN {colleagues}"
    ).fetchall()
    gone = [
        row["id"]
        for row in turns
        if says([row["message"], row["answer"], row["comment"], json.loads(row["detail"])])
    ]
    connection.executemany("DELETE FROM turns WHERE id = ?", [(id,) for id in gone])
    for row in connection.execute(f"SELECT id, state FROM conversations WHERE id IN {colleagues}").fetchall():
        if says(json.loads(row["state"])):
            connection.execute("UPDATE conversations SET state = '{}' WHERE id = ?", (row["id"],))
    return len(gone)


def _without_mails(folder: Path, address: str | None) -> int:
    """Remove the mails to an address that lie in the outbox; returns how many."""
    gone = 0
    for path in folder.glob("*.eml") if address else ():
        with path.open("rb") as file:
            to = BytesHeaderParser().parse(file)["To"] or ""
        if parseaddr(str(to))[1].casefold() == str(address).casefold():
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _without_rows(path: Path, words: set[str]) -> int:
    """Take the rows with a cell that is one of ``words`` out of a rejects file; returns how many."""
    gone = 0
    with (
        path.open(newline="", encoding="utf-8") as old,
        tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=".writing-", newline="", encoding="utf-8", delete=False
        ) as new,
    ):
        try:
            writer = csv.writer(new)
            for row in csv.reader(old):
                if any(cell.strip() in words for cell in row[2:]):
                    gone += 1
                else:
                    writer.writerow(row)
            new.flush()
            os.fsync(new.fileno())
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise
    if gone:
        Path(new.name).replace(path)
    else:
        Path(new.name).unlink()
    return gone
