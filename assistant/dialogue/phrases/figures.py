"""Figures and texts of the record as both languages write them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def spent(orders: Sequence[Row]) -> str:
    """What was paid for all orders that were neither cancelled nor returned."""
    kept = [row for row in orders if row.get("status") not in ("cancelled", "returned")]
    return money(sum(row.get("total") or 0 for row in kept), orders[0].get("currency"))


def money(amount: float | None, currency: str | None) -> str:
    return (
        f"{amount or 0:,.2f}".replace(",", " ") + (f" {currency}" if currency else "")
        if amount and amount >= 10000
        else (f"{amount or 0:.2f}" + (f" {currency}" if currency else ""))
    )


def worth(offer: Row) -> str:
    """An offer's expected value, where it is known."""
    return f", {offer['expected']['value']:.2f}" if offer.get("expected") else ""


def number(value: float) -> str:
    return f"{value:g}"


def short(text: str, limit: int = 420, around: str = "") -> str:
    """At most ``limit`` characters of a message: its beginning, or the part around a sentence of it."""
    text, around = " ".join(text.split()), " ".join(around.split())
    if len(text) <= limit:
        return text
    found = text.find(around) if around else -1
    start = max(0, found - (limit - len(around)) // 2) if found > 0 else 0
    part = text[start : start + limit]
    if start:
        part = "... " + (part.split(" ", 1)[1] if " " in part[:30] else part)
    return part + (" ..." if start + limit < len(text) else "")


def attributes(row: Row) -> list[tuple[str, Any]]:
    value = row.get("attributes") or {}
    attributes = json.loads(value) if isinstance(value, str) else value
    return [(k, v) for k, v in attributes.items() if v not in (None, "")][:24]
