"""What the whole company sold in a period, and how often what was ordered was cancelled or came back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assistant.crm.store import Store

# what products are counted by: what was kept, or what became of the whole order
COUNTED: Mapping[str, str] = {
    "sold": "coalesce(o.status, '') NOT IN ('cancelled', 'returned')",
    "returned": "o.status = 'returned'",
    "cancelled": "o.status = 'cancelled'",
}


@dataclass(frozen=True)
class Sales:
    """One period, both days inclusive. ``amounts`` is money by currency, without cancelled and returned orders."""

    since: date
    until: date
    orders: int
    cancelled: int
    returned: int
    customers: int
    amounts: Mapping[str, float]

    @property
    def kept(self) -> int:
        """Orders that were neither cancelled nor returned."""
        return self.orders - self.cancelled - self.returned


def sales_of(store: "Store", since: date, until: date) -> Sales:
    """All orders from ``since`` to ``until``."""
    frame = store.frame(
        "SELECT coalesce(currency, '') AS currency, coalesce(status, '') AS status, count(*) AS n,"
        " coalesce(sum(total), 0) AS total FROM orders WHERE ordered_at >= ? AND ordered_at < ? GROUP BY 1, 2",
        _bounds(since, until),
    )
    people = store.frame(
        "SELECT count(DISTINCT customer_id) AS n FROM orders WHERE ordered_at >= ? AND ordered_at < ?",
        _bounds(since, until),
    )
    count = {s: int(frame["n"][frame["status"] == s].sum()) for s in ("cancelled", "returned")}
    kept = frame[~frame["status"].isin(("cancelled", "returned"))]
    amounts = {str(k): round(float(v), 2) for k, v in kept.groupby("currency")["total"].sum().items()}
    return Sales(
        since,
        until,
        int(frame["n"].sum()),
        count["cancelled"],
        count["returned"],
        int(people["n"][0]),
        amounts,
    )


def best_products(
    store: "Store",
    since: date,
    until: date,
    counted: str = "sold",
    category: str | None = None,
    limit: int = 5,
) -> list[dict[str, Any]]:
    """The products with most pieces ``sold``, ``returned`` or ``cancelled`` (see COUNTED): id, names, pieces, orders."""
    frame = store.frame(
        "SELECT p.id, p.name, p.name_zh, sum(l.quantity) AS pieces, count(DISTINCT o.id) AS orders"
        " FROM order_lines l JOIN orders o ON o.id = l.order_id JOIN products p ON p.id = l.product_id"
        f" WHERE o.ordered_at >= ? AND o.ordered_at < ? AND {COUNTED[counted]}"
        + (" AND p.category = ? COLLATE NOCASE" if category else "")
        + " GROUP BY p.id ORDER BY pieces DESC, p.id LIMIT ?",
        [*_bounds(since, until), *([category] if category else []), limit],
    )
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _bounds(since: date, until: date) -> list[str]:
    return [since.isoformat(), (until + timedelta(days=1)).isoformat()]
