"""What customers bought, read from the record as data frames; cancelled and returned orders are no purchases.

Works on a record that holds nothing but orders: products without a name are called by their code, and an
order without lines still counts as a purchase with a total.
"""

import re
from typing import Any, Protocol

import pandas as pd

from assistant.errors import ModelError

# What companies write in an order's status when nothing was sold in the end.
UNDONE = ("cancelled", "canceled", "returned", "refunded", "void", "failed", "退货", "已取消", "取消")
# Invoice lines that are no goods: nobody wants them recommended.
_SERVICE = re.compile(
    r"\b(postage|shipping|carriage|freight|delivery charge|handling|bank charges?|discount|manual|"
    r"adjust(ment)?|fee|sample|donation)\b|运费|邮费|手续费|折扣",
    re.I,
)


class Record(Protocol):
    """The part of ``assistant.crm.Store`` that this package reads."""

    def frame(self, table_or_sql: str, params: Any = ()) -> pd.DataFrame: ...


def orders(store: Record) -> pd.DataFrame:
    """One row per order that stands: ``order_id, customer_id, at`` (datetime64), ``total`` (money, NaN if
    unknown).

    The total is the order's own, or else the sum of its lines. Raises :class:`ModelError` if there is none.
    """
    frame = store.frame(
        f"""SELECT o.id AS order_id, o.customer_id, o.ordered_at AS at,
                   COALESCE(o.total, SUM(COALESCE(l.amount, l.quantity * l.unit_price))) AS total
            FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id
            WHERE {_standing()} GROUP BY o.id"""
    )
    frame = _dated(frame)
    frame["total"] = pd.to_numeric(frame["total"], errors="coerce").astype(float)
    # an order that is nothing but a credit note is no purchase
    return frame[~(frame["total"] < 0)].reset_index(drop=True)


def lines(store: Record) -> pd.DataFrame:
    """One row per order line that was sold: ``order_id, customer_id, at, product_id, quantity, amount``."""
    frame = store.frame(
        f"""SELECT o.id AS order_id, o.customer_id, o.ordered_at AS at, l.product_id, l.quantity,
                   COALESCE(l.amount, l.quantity * l.unit_price) AS amount
            FROM orders o JOIN order_lines l ON l.order_id = o.id
            WHERE {_standing()} AND l.product_id IS NOT NULL AND l.quantity > 0"""
    )
    frame = _dated(frame)
    frame["amount"] = pd.to_numeric(frame["amount"], errors="coerce").astype(float)
    return frame


def products(store: Record) -> pd.DataFrame:
    """All products, indexed by id: ``name, name_zh, category, price, description, active`` (bool),
    ``service`` (bool).

    ``service`` marks invoice lines such as postage or a discount, told by their name.
    """
    frame = store.frame("SELECT id, name, name_zh, category, price, description, active FROM products")
    frame = frame.set_index("id")
    for column in ("name", "name_zh", "category", "description"):
        frame[column] = frame[column].where(frame[column].notna(), "").astype(str)
    frame["name"] = frame["name"].where(frame["name"] != "", frame.index.astype(str))
    frame["price"] = pd.to_numeric(frame["price"], errors="coerce").astype(float)
    frame["active"] = frame["active"].fillna(1).astype(bool)
    frame["service"] = [bool(_SERVICE.search(name)) for name in frame["name"]]
    return frame


def _standing() -> str:
    words = ", ".join(f"'{word}'" for word in UNDONE)
    return f"(o.status IS NULL OR lower(o.status) NOT IN ({words}))"


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    frame["at"] = pd.to_datetime(frame["at"], format="ISO8601", errors="coerce")
    frame = frame[frame["at"].notna()].reset_index(drop=True)
    if frame.empty:
        raise ModelError("The record holds no orders to learn from", "type: crm-assistant import orders FILE")
    return frame
