"""Rows of one import, gathered beside the record and then merged into it in one transaction.

The rows wait in temporary tables, so that gathering a million of them neither needs memory nor keeps others from
writing. A merge adds what is new, changes what differs, and never blanks a value out. Stopping at any point, or
a full disk, leaves the record as it was.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

# What one row of an order file can say about its order, its line, its customer and its product.
ORDER_COLUMNS = (
    "customer_id",
    "ordered_at",
    "status",
    "channel",
    "currency",
    "total",
    "delivered_at",
    "tracking",
)
LINE_COLUMNS = ("product_id", "quantity", "unit_price", "amount", "variant_id", "attributes")
CUSTOMER_COLUMNS = ("name", "email", "country", "city")
PRODUCT_COLUMNS = ("category", "price", "currency")


@dataclass(frozen=True)
class Merged:
    """What a merge did: rows of the main table, and what else was found or made."""

    added: int
    updated: int
    unchanged: int
    found: dict[str, int]


class Gathered:
    """The temporary tables of one import."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        connection.execute("PRAGMA temp.cache_size = -65536")
        # one transaction for all the gathering; it touches temporary tables only, so it locks nobody out
        connection.execute("BEGIN")
        connection.execute("CREATE TEMP TABLE seen (hash INTEGER PRIMARY KEY)")

    def repeated(self, rows: Sequence[Sequence[Any]]) -> set[int]:
        """Places of those rows that are the very same as an earlier row of the file."""
        hashes = [hash(repr(cells)) for cells in rows]  # of the text: -1 and -2 have the same hash as numbers
        known = {
            found[0]
            for found in self.connection.execute(
                "SELECT hash FROM temp.seen WHERE hash IN (SELECT value FROM json_each(?))",
                (json.dumps(hashes),),
            )
        }
        places = set()
        for place, value in enumerate(hashes):
            if value in known:
                places.add(place)
            known.add(value)
        self.connection.executemany(
            "INSERT OR IGNORE INTO temp.seen VALUES (?)", ((value,) for value in hashes)
        )
        return places

    def begin(self) -> None:
        """Done gathering: from here on the record is written to."""
        self.connection.execute("COMMIT")
        self.connection.execute("BEGIN IMMEDIATE")

    def end(self, *, keep: bool) -> None:
        if self.connection.in_transaction:
            self.connection.execute("COMMIT" if keep else "ROLLBACK")

    def _count(self, sql: str) -> int:
        return int(self.connection.execute(sql).fetchone()[0])


class GatheredRows(Gathered):
    """Rows that are one customer, product, interaction, variant, payment or way to pay each."""

    def __init__(self, connection: sqlite3.Connection, kind: str, columns: Sequence[str]) -> None:
        super().__init__(connection)
        self.kind = kind
        self.columns = [column for column in columns if column not in ("id", "attributes")]
        names = ", ".join(self.columns)
        connection.execute(
            f"CREATE TEMP TABLE row_in (id TEXT PRIMARY KEY, attributes TEXT{', ' if names else ''}{names})"
        )
        changes = ", ".join(f"{name} = coalesce(excluded.{name}, {name})" for name in self.columns)
        self._insert = (
            f"INSERT INTO temp.row_in (id, attributes{', ' if names else ''}{names})"
            f" VALUES ({', '.join('?' * (len(self.columns) + 2))}) ON CONFLICT (id) DO UPDATE SET"
            f" attributes = json_patch(attributes, excluded.attributes){', ' if changes else ''}{changes}"
        )
        self._rows = 0

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        values = [(row["id"], row["attributes"], *(row.get(name) for name in self.columns)) for row in rows]
        self.connection.executemany(self._insert, values)
        self._rows += len(values)

    def orderless(self, rows: Sequence[dict[str, Any]]) -> set[int]:
        """Places of those payments whose order the record doesn't hold."""
        if self.kind != "payments":
            return set()
        known = {
            found[0]
            for found in self.connection.execute(
                "SELECT id FROM main.orders WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps([row["order_id"] for row in rows]),),
            )
        }
        return {place for place, row in enumerate(rows) if row["order_id"] not in known}

    def merge(self) -> Merged:
        run = self.connection.execute
        known = f"EXISTS (SELECT 1 FROM main.{self.kind} m WHERE m.id = i.id)"
        found: dict[str, int] = {}
        total = self._count("SELECT count(*) FROM temp.row_in")
        repeated = self._rows - total
        if repeated:
            found["rows with an id that came before in the file (later values kept)"] = repeated
        if self.kind in ("interactions", "payment_methods"):
            found["customers made"] = run(
                "INSERT INTO main.customers (id) SELECT DISTINCT customer_id FROM temp.row_in"
                " WHERE true ON CONFLICT DO NOTHING"
            ).rowcount
        if self.kind == "variants":
            found["products made"] = run(
                "INSERT INTO main.products (id, name) SELECT DISTINCT product_id, product_id FROM temp.row_in"
                " WHERE true ON CONFLICT DO NOTHING"
            ).rowcount
        extra = ", name" if self.kind == "products" and "name" not in self.columns else ""
        names = ", ".join(["id", "attributes", *self.columns]) + extra
        values = ", ".join(
            ["i.id", "json(i.attributes)", *(self._default(name) for name in self.columns)]
        ) + (", i.id" if extra else "")
        added = self._count(f"SELECT count(*) FROM temp.row_in i WHERE NOT {known}")
        differs = " OR ".join(
            [
                "json_patch(m.attributes, i.attributes) <> json(m.attributes)",
                *(f"(i.{name} IS NOT NULL AND i.{name} IS NOT m.{name})" for name in self.columns),
            ]
        )
        run(
            "CREATE TEMP TABLE changed AS SELECT i.id FROM temp.row_in i"
            f" JOIN main.{self.kind} m ON m.id = i.id WHERE {differs}"
        )
        run(f"INSERT INTO main.{self.kind} ({names}) SELECT {values} FROM temp.row_in i WHERE NOT {known}")
        changes = ", ".join(
            [
                "attributes = json_patch(m.attributes, i.attributes)",
                *(f"{name} = coalesce(i.{name}, m.{name})" for name in self.columns),
            ]
        )
        run(
            f"UPDATE main.{self.kind} AS m SET {changes} FROM temp.row_in i"
            " WHERE i.id = m.id AND m.id IN (SELECT id FROM temp.changed)"
        )
        updated = self._count("SELECT count(*) FROM temp.changed")
        return Merged(added, updated, total - added - updated, {self.kind: total, **found})

    def _default(self, name: str) -> str:
        needed = {
            ("products", "name"): "i.id",
            ("products", "active"): "1",
            ("interactions", "channel"): "'ticket'",
            ("interactions", "author"): "'customer'",
            ("variants", "available"): "1",
            ("payments", "kind"): "'payment'",
        }.get((self.kind, name))
        return f"coalesce(i.{name}, {needed})" if needed else f"i.{name}"


class GatheredOrders(Gathered):
    """Rows of an order file: one order each, or one line of an order each (``lines``)."""

    def __init__(self, connection: sqlite3.Connection, *, lines: bool, total_given: bool) -> None:
        super().__init__(connection)
        self.lines = lines
        self.total_given = total_given
        self._number = 0
        names = ", ".join((*ORDER_COLUMNS, *LINE_COLUMNS))
        for sql in (
            # in the order of the orders, so that their lines lie together
            f"CREATE TEMP TABLE line_in (order_id TEXT, n INTEGER, {names}, PRIMARY KEY (order_id, n)) WITHOUT ROWID",
            f"CREATE TEMP TABLE customer_in (id TEXT PRIMARY KEY, {', '.join(CUSTOMER_COLUMNS)})",
            f"CREATE TEMP TABLE product_in (id TEXT PRIMARY KEY, {', '.join(PRODUCT_COLUMNS)})",
            "CREATE TEMP TABLE product_name_in (id TEXT, name TEXT, times INTEGER, PRIMARY KEY (id, name))",
        ):
            connection.execute(sql)

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        lines: list[tuple[Any, ...]] = []
        customers: dict[str, dict[str, Any]] = {}
        products: dict[str, dict[str, Any]] = {}
        names: Counter[tuple[str, str]] = Counter()
        for row in rows:
            get = row.get
            self._number += 1
            lines.append(
                (
                    row["order_id"], self._number,
                    *[get(name) for name in ORDER_COLUMNS],
                    *[get(name) for name in LINE_COLUMNS],
                )
            )  # fmt: skip
            about = customers.setdefault(row["customer_id"], {})
            for name, role in zip(
                CUSTOMER_COLUMNS, ("customer_name", "customer_email", "country", "city"), strict=True
            ):
                if (value := get(role)) is not None:
                    about[name] = value
            product_id = get("product_id")
            if product_id is not None:
                about = products.setdefault(product_id, {})
                if get("product") is not None:
                    names[product_id, row["product"]] += 1
                for name, role in zip(PRODUCT_COLUMNS, ("category", "unit_price", "currency"), strict=True):
                    if (value := get(role)) not in (None, 0, 0.0):
                        about[name] = value
        many = self.connection.executemany
        width = 2 + len(ORDER_COLUMNS) + len(LINE_COLUMNS)
        many(f"INSERT INTO temp.line_in VALUES ({', '.join('?' * width)})", lines)
        many(
            _keep_latest("customer_in", CUSTOMER_COLUMNS),
            [(id, *(about.get(name) for name in CUSTOMER_COLUMNS)) for id, about in customers.items()],
        )
        many(
            _keep_latest("product_in", PRODUCT_COLUMNS),
            [(id, *(about.get(name) for name in PRODUCT_COLUMNS)) for id, about in products.items()],
        )
        many(
            "INSERT INTO temp.product_name_in VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET times = times + excluded.times",
            [(id, name, times) for (id, name), times in names.items()],
        )

    def merge(self) -> Merged:
        run = self.connection.execute
        self._orders()
        found = self._customers_and_products()
        total = self._count("SELECT count(*) FROM temp.order_in")
        added = self._count("SELECT count(*) FROM temp.order_in WHERE NOT known")
        self._compare()
        updated = self._count("SELECT count(*) FROM temp.changed")
        columns = ", ".join(ORDER_COLUMNS)
        run(
            f"INSERT INTO main.orders (id, {columns}, attributes)"
            f" SELECT id, {columns}, json(attributes) FROM temp.order_in WHERE NOT known"
        )
        changes = ", ".join(
            f"{name} = coalesce(o.{name}, m.{name})" for name in ORDER_COLUMNS if name != "total"
        )
        # a sum of lines replaces the known total only where the lines are others than before
        new_total = "true" if self.total_given else "m.id IN (SELECT id FROM temp.changed WHERE of_lines)"
        run(
            f"UPDATE main.orders AS m SET {changes}, attributes = json_patch(m.attributes, o.attributes),"
            f" total = CASE WHEN {new_total} THEN coalesce(o.total, m.total) ELSE m.total END"
            " FROM temp.order_in o WHERE o.id = m.id AND m.id IN (SELECT id FROM temp.changed)"
        )
        if self.lines:
            run("DELETE FROM main.order_lines WHERE order_id IN (SELECT id FROM temp.changed WHERE of_lines)")
            columns = ", ".join(LINE_COLUMNS)
            run(
                f"INSERT INTO main.order_lines (order_id, line, {columns})"
                " SELECT order_id, row_number() OVER (PARTITION BY order_id ORDER BY n),"
                " product_id, quantity, unit_price, amount, variant_id, json(attributes) FROM temp.line_in"
                " WHERE order_id IN (SELECT id FROM temp.order_in WHERE NOT known"
                " UNION ALL SELECT id FROM temp.changed WHERE of_lines) ORDER BY order_id, n"
            )
        return Merged(added, updated, total - added - updated, {"orders": total, **found})

    def _orders(self) -> None:
        """One row per order: what its first row says, and what its lines add up to."""
        total = "total" if self.total_given else ("round(t.amounts, 4)" if self.lines else "NULL")
        # credit notes: C and the number of an invoice; any other order of minus quantities came back
        status = (
            "coalesce(status, CASE WHEN t.most < 0 THEN CASE WHEN order_id GLOB 'C[0-9]*'"
            " AND substr(order_id, 2) NOT GLOB '*[^0-9]*' THEN 'cancelled' ELSE 'returned' END END)"
        )
        attributes = "'{}'" if self.lines else "attributes"
        # joined with the first row by its number: beside several min() and max(), SQLite picks a row of its own choice
        self.connection.execute(
            "CREATE TEMP TABLE order_in AS SELECT order_id AS id, n, customer_id, ordered_at,"
            f" {status} AS status, channel, currency, {total} AS total, delivered_at, tracking,"
            f" {attributes} AS attributes, t.line_count, t.unlike,"
            " EXISTS (SELECT 1 FROM main.orders m WHERE m.id = order_id) AS known"
            " FROM (SELECT order_id, min(n) AS n, max(quantity) AS most, sum(amount) AS amounts,"
            " count(*) AS line_count, min(customer_id) <> max(customer_id) OR min(ordered_at) <> max(ordered_at)"
            " AS unlike FROM temp.line_in GROUP BY order_id) t JOIN temp.line_in USING (order_id, n)"
        )
        self.connection.execute("CREATE UNIQUE INDEX temp.order_in_id ON order_in (id)")

    def _customers_and_products(self) -> dict[str, int]:
        run = self.connection.execute
        found = {"order lines": self._count("SELECT count(*) FROM temp.line_in")} if self.lines else {}
        found["customers"] = self._count("SELECT count(*) FROM temp.customer_in")
        found["products"] = self._count("SELECT count(*) FROM temp.product_in")
        for status in ("cancelled", "returned"):
            found[f"orders {status}"] = self._count(
                f"SELECT count(*) FROM temp.order_in WHERE status = '{status}'"
            )
        found["orders with minus lines among others"] = self._count(
            "SELECT count(*) FROM (SELECT 1 FROM temp.line_in GROUP BY order_id"
            " HAVING min(quantity) < 0 AND max(quantity) > 0)"
        )
        found["orders whose rows name several customers or dates (the first row's kept)"] = self._count(
            "SELECT count(*) FROM temp.order_in WHERE unlike"
        )
        for table, columns in (("customers", CUSTOMER_COLUMNS), ("products", ("name", *PRODUCT_COLUMNS))):
            incoming = f"temp.{table[:-1]}_in i"
            before = self._count(f"SELECT count(*) FROM main.{table}")
            # what is known about a customer or product already counts more than what an order file says
            changes = ", ".join(f"{name} = coalesce({table}.{name}, excluded.{name})" for name in columns)
            gains = " OR ".join(
                f"({table}.{name} IS NULL AND excluded.{name} IS NOT NULL)" for name in columns
            )
            usual_name = (
                "coalesce((SELECT name FROM temp.product_name_in n WHERE n.id = i.id"
                " ORDER BY times DESC, name LIMIT 1), i.id)"
            )
            values = ", ".join(
                usual_name if (table, name) == ("products", "name") else f"i.{name}" for name in columns
            )
            run(
                f"INSERT INTO main.{table} (id, {', '.join(columns)}) SELECT i.id, {values} FROM {incoming}"
                f" WHERE true ON CONFLICT (id) DO UPDATE SET {changes} WHERE {gains}"
            )
            found[f"{table} made"] = self._count(f"SELECT count(*) FROM main.{table}") - before
        return found

    def _compare(self) -> None:
        """temp.changed: known orders that the file says something else about; ``of_lines`` if about their lines."""
        run = self.connection.execute
        run("CREATE TEMP TABLE changed (id TEXT PRIMARY KEY, of_lines INTEGER NOT NULL)")
        if not self._count("SELECT count(*) FROM temp.order_in WHERE known"):
            return
        if self.lines:
            run(
                "INSERT INTO temp.changed SELECT DISTINCT l.order_id, 1 FROM ("
                "   SELECT *, row_number() OVER (PARTITION BY order_id ORDER BY n) AS line FROM temp.line_in"
                "   WHERE order_id IN (SELECT id FROM temp.order_in WHERE known)) l"
                " LEFT JOIN main.order_lines m ON m.order_id = l.order_id AND m.line = l.line"
                " WHERE m.order_id IS NULL OR m.product_id IS NOT l.product_id OR m.quantity IS NOT l.quantity"
                " OR m.unit_price IS NOT l.unit_price OR m.amount IS NOT l.amount "
                " OR (l.variant_id IS NOT NULL AND m.variant_id IS NOT l.variant_id)"
                " OR json(m.attributes) IS NOT json(l.attributes)"
            )
            run(
                "INSERT INTO temp.changed SELECT o.id, 1 FROM temp.order_in o WHERE o.known AND o.line_count <"
                " (SELECT count(*) FROM main.order_lines m WHERE m.order_id = o.id) ON CONFLICT DO NOTHING"
            )
        compared = [name for name in ORDER_COLUMNS if name != "total" or self.total_given]
        differs = " OR ".join(f"(o.{name} IS NOT NULL AND o.{name} IS NOT m.{name})" for name in compared)
        run(
            "INSERT INTO temp.changed SELECT o.id, 0 FROM temp.order_in o JOIN main.orders m ON m.id = o.id"
            f" WHERE o.known AND ({differs} OR json_patch(m.attributes, o.attributes) <> json(m.attributes))"
            " ON CONFLICT DO NOTHING"
        )


def _keep_latest(table: str, columns: Sequence[str]) -> str:
    changes = ", ".join(f"{name} = coalesce(excluded.{name}, {name})" for name in columns)
    return (
        f"INSERT INTO temp.{table} VALUES ({', '.join('?' * (len(columns) + 1))})"
        f" ON CONFLICT (id) DO UPDATE SET {changes}"
    )
