"""One row of cells to one record of roles, or a reason why not."""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from assistant.crm import cleaning
from assistant.crm.columns import ATTRIBUTE, IGNORE, Guess, role_kinds
from assistant.crm.reading import Row, Table

EARLIEST = "1900"


@dataclass(frozen=True)
class _Fault:
    """A cell that holds something, but not what its column should hold."""

    text: str


_UNREADABLE = _Fault("can't be read")


class Cleaner:
    """Rows of cells to records of roles; counts why rows were refused and what was doubtful in the others."""

    def __init__(
        self,
        kind: str,
        table: Table,
        guesses: Sequence[Guess],
        surveys: Mapping[str, cleaning.Survey],
        numeric: set[str],
    ) -> None:
        self.kind = kind
        self.reason = ""
        self.reasons: Counter[str] = Counter()
        self.remarks: Counter[str] = Counter()
        self.roles = {g.role: g.column for g in guesses if g.role and g.role != IGNORE}
        self._latest = (datetime.now() + timedelta(days=1)).isoformat(timespec="seconds")
        kinds = role_kinds(kind)
        self._columns: list[tuple[int, str, str, Callable[[Any], Any], dict[Any, Any]]] = []
        self._others: list[tuple[int, str, bool]] = []
        self._limits: dict[str, tuple[float, float]] = {}
        for at, guess in enumerate(guesses):
            if guess.role == IGNORE:
                continue
            if guess.role is None or guess.role == ATTRIBUTE:
                self._others.append((at, guess.column, guess.column in numeric))
                continue
            survey = surveys.get(guess.column)
            parse = _parser(kinds[guess.role], survey, self._latest)
            self._columns.append((at, guess.column, guess.role, parse, {}))
            if survey is not None and survey.kind == "number":
                self._limits[guess.role] = survey.limits()
        has = self.roles.keys()
        self.has_lines = bool({"product_id", "product", "quantity", "unit_price", "amount"} & has)
        # without an order number two equal rows may be two purchases
        self.drops_repeated = kind != "orders" or "order_id" in has
        self._critical = {
            "orders": {"customer_id", "ordered_at", "quantity", "unit_price", "amount", "total"},
            "customers": {"id"},
            "products": {"id", "price"},
            "interactions": {"id", "customer_id", "at", "text"},
            "variants": {"id", "product_id", "price"},
            "payment_methods": {"id", "customer_id", "kind"},
            "payments": {"id", "order_id", "amount"},
        }[kind]
        self._money_column = next(
            (at for at, _, role, _, _ in self._columns if role in ("unit_price", "amount", "total", "price")),
            None,
        )
        self.currencies: Counter[str] = Counter()
        self._check = {
            "orders": self._check_orders,
            "customers": self._check_customers,
            "products": self._check_products,
            "interactions": self._check_interactions,
            "variants": self._check_variants,
            "payment_methods": self._check_payment_methods,
            "payments": self._check_payments,
        }[kind]

    @property
    def stored_columns(self) -> list[str]:
        """Columns of the record that this file has values for."""
        names = [name for name in self.roles if name not in ("first_name", "last_name")]
        if {"first_name", "last_name"} & self.roles.keys() and "name" not in names:
            names.append("name")
        if self.kind == "products" and self._money_column is not None and "currency" not in names:
            names.append("currency")
        if self.kind == "interactions" and "channel" not in names:
            names.append("channel")
        if self.kind == "payments" and "kind" not in names:
            names.append("kind")
        return names

    def clean(self, row: Row) -> dict[str, Any] | None:
        """The row as a record, or None with ``reason`` set (and counted)."""
        self.reason = row.fault or ""
        if row.fault:
            self.reasons[re.sub(r"\d+", "N", row.fault, count=1)] += 1
            return None
        cells = row.cells
        record: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        for at, column, role, parse, cache in self._columns:
            cell = cells[at]
            try:
                value = cache[cell]
            except KeyError:
                if len(cache) > 50_000:
                    cache.clear()
                value = cache[cell] = parse(cell)
            if value is None:
                if role not in self._critical:
                    self.remarks[f"{column} is blank"] += 1
            elif value.__class__ is _Fault:
                if role in self._critical:
                    return self._refuse(f"{column} {value.text}")
                self.remarks[f"{column} can't be read as {role}, kept as an attribute"] += 1
                attributes[column] = str(cell)
                continue
            record[role] = value
        for at, column, is_number in self._others:
            cell = cells[at]
            if cell is None or (cell.__class__ is str and not cell.strip()):
                self.remarks[f"{column} is blank"] += 1
            else:
                attributes[column] = _attribute(cell, is_number)
        record["attributes"] = json.dumps(attributes, ensure_ascii=False, default=str) if attributes else "{}"
        if self._money_column is not None and record.get("currency") is None:
            cell = cells[self._money_column]
            if cell.__class__ is str and not (cell[-1:].isdigit() and cell[:1].isdigit()):
                record["currency"] = cleaning.parse_currency(cell)
        if (currency := record.get("currency")) is not None:
            self.currencies[currency] += 1
        customer = "id" if self.kind == "customers" else "customer_id"
        record[customer] = _as_id(record.get(customer))
        return self._check(record)

    def refuse(self, reason: str) -> str:
        """Count one more row that can't be kept, and why; the reason."""
        self.reason = reason
        self.reasons[reason] += 1
        return reason

    def _refuse(self, reason: str) -> dict[str, Any] | None:
        self.refuse(reason)
        return None

    def _outliers(self, record: dict[str, Any]) -> None:
        for role, (low, high) in self._limits.items():
            value = record.get(role)
            if value is not None and not low <= value <= high:
                self.remarks[f"{self.roles[role]} is an outlier (beyond {_short(high)})"] += 1

    def _check_orders(self, record: dict[str, Any]) -> dict[str, Any] | None:
        get = record.get
        if get("customer_id") is None:
            record["customer_id"] = _as_id(get("customer_email"))
            if record["customer_id"] is None:
                return self._refuse("no customer")
        if get("ordered_at") is None:
            return self._refuse("no date")
        if "order_id" in self.roles:
            if get("order_id") is None:
                return self._refuse("no order number")
        else:
            record["order_id"] = (
                f"{record['customer_id']}-{re.sub('[-:]|T00:00:00', '', record['ordered_at'])}"
            )
        if self.has_lines and not self._complete_line(record):
            return None
        if get("product_id") is None and get("product") is not None:
            record["product_id"] = record["product"]
        self._outliers(record)
        return record

    def _complete_line(self, record: dict[str, Any]) -> bool:
        quantity, price, amount = record.get("quantity"), record.get("unit_price"), record.get("amount")
        if quantity == 0:
            self._refuse(f"{self.roles['quantity']} is 0")
            return False
        if price is not None and price < 0:
            self._refuse(f"{self.roles['unit_price']} is below 0")
            return False
        for role in ("quantity", "unit_price", "amount"):
            if role in self.roles and record.get(role) is None:
                self.remarks[f"{self.roles[role]} is blank"] += 1
        if quantity is None:
            quantity = -1.0 if amount is not None and amount < 0 else 1.0
        if price is None and amount is not None:
            price = round(abs(amount / quantity), 4)
        elif amount is None and price is not None:
            amount = round(quantity * price, 4)
        elif amount is not None and amount > 0 > quantity:
            amount = -amount
        if price == 0:
            self.remarks[f"{self.roles.get('unit_price') or self.roles['amount']} is 0"] += 1
        record["quantity"], record["unit_price"], record["amount"] = quantity, price, amount
        return True

    def _check_customers(self, record: dict[str, Any]) -> dict[str, Any] | None:
        if record.get("id") is None:
            record["id"] = _as_id(record.get("email"))
            if record["id"] is None:
                return self._refuse("no customer id")
        if record.get("name") is None:
            names = [record[role] for role in ("first_name", "last_name") if record.get(role)]
            record["name"] = " ".join(names) or None
        return record

    def _check_products(self, record: dict[str, Any]) -> dict[str, Any] | None:
        if record.get("id") is None:
            record["id"] = record.get("name")
            if record["id"] is None:
                return self._refuse("no product code")
        if (record.get("price") or 0) < 0:
            return self._refuse(f"{self.roles['price']} is below 0")
        self._outliers(record)
        return record

    def _check_variants(self, record: dict[str, Any]) -> dict[str, Any] | None:
        for role, what in (("id", "variant's code"), ("product_id", "product code")):
            if record.get(role) is None:
                return self._refuse(f"no {what}")
        if (record.get("price") or 0) < 0:
            return self._refuse(f"{self.roles['price']} is below 0")
        return record

    def _check_payment_methods(self, record: dict[str, Any]) -> dict[str, Any] | None:
        for role, what in (("id", "id"), ("customer_id", "customer"), ("kind", "kind")):
            if record.get(role) is None:
                return self._refuse(f"no {what}")
        return record

    def _check_payments(self, record: dict[str, Any]) -> dict[str, Any] | None:
        for role, what in (("order_id", "order number"), ("amount", "amount")):
            if record.get(role) is None:
                return self._refuse(f"no {what}")
        if record["amount"] < 0:  # a refund, as bookkeeping writes it
            record["kind"], record["amount"] = record.get("kind") or "refund", -record["amount"]
        if record.get("id") is None:
            record["id"] = _made_id("PA", record, ("order_id", "method_id", "kind", "amount", "at"))
        return record

    def _check_interactions(self, record: dict[str, Any]) -> dict[str, Any] | None:
        for role, what in (("customer_id", "customer"), ("at", "date"), ("text", "text")):
            if record.get(role) is None:
                return self._refuse(f"no {what}")
        if record.get("id") is None:
            record["id"] = _made_id("IM", record, ("customer_id", "at", "channel", "author", "text"))
        return record


def _as_id(customer: str | None) -> str | None:
    """An e-mail address that stands for a customer is written in one way, so that all files mean the same one."""
    return customer.lower() if customer and "@" in customer else customer


def _made_id(prefix: str, record: Mapping[str, Any], roles: Sequence[str]) -> str:
    """An id for a row without one; the same row of another import gets the same."""
    told = "\0".join(str(record.get(role)) for role in roles)
    return f"{prefix}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def _parser(kind: str, survey: cleaning.Survey | None, latest: str) -> Callable[[Any], Any]:
    """A function from a cell to a value, None for blank, or what is wrong with it."""
    day_first = survey.day_first if survey is not None and survey.kind == "date" else True
    decimal = survey.decimal if survey is not None and survey.kind == "number" else "."

    def moment(cell: Any) -> Any:
        value = cleaning.parse_moment(cell, day_first)
        if value is None:
            return _Fault("is no date")
        if value > latest:
            return _Fault("is in the future")
        if value < EARLIEST:
            return _Fault("is before 1900")
        return value if kind == "moment" else value[:10]

    def number(cell: Any) -> Any:
        value = cleaning.parse_number(cell, decimal)
        return _Fault("is no number") if value is None else value

    def rating(cell: Any) -> Any:
        value = cleaning.parse_number(cell)
        return int(value) if value is not None and value == int(value) and 0 <= value <= 10 else _UNREADABLE

    def or_bad(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def parsed(cell: Any) -> Any:
            value = parse(cell)
            return _UNREADABLE if value is None else value

        return parsed

    by_kind: dict[str, Callable[[Any], Any]] = {
        "id": cleaning.parse_id,
        "text": cleaning.parse_text,
        "long": cleaning.parse_long_text,
        "email": cleaning.parse_text,
        "phone": cleaning.parse_id,
        "number": number,
        "day": moment,
        "moment": moment,
        "flag": or_bad(cleaning.parse_flag),
        "currency": or_bad(cleaning.parse_currency),
        "rating": rating,
    }
    parse = by_kind[kind]
    return lambda cell: None if cleaning.is_blank(cell) else parse(cell)


def _attribute(cell: Any, is_number: bool) -> Any:
    if isinstance(cell, str):
        text = cell.strip()
        if is_number:
            return float(text) if "." in text else int(text)
        return text
    if isinstance(cell, float) and not math.isfinite(cell):
        return str(cell)
    return cell


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2f}"
