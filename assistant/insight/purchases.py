"""What customers bought, read from the record as data frames; cancelled and returned orders are no purchases.

Works on a record that holds nothing but orders: products without a name are called by their code, and an
order without lines still counts as a purchase with a total.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import pandas as pd

from assistant.errors import ModelError

# What companies write in an order's status when nothing was sold in the end.
UNDONE = ("cancelled", "canceled", "returned", "refunded", "void", "failed", "退货", "已取消", "取消")
YEAR = 365  # days
FIRST_ORDERS = 5000  # that tell a record's currency: all of them would be counted for each prediction
SHARE = "share of "  # starts the name of a column: a category's share of what a customer spent
# Invoice lines that are no goods: nobody wants them recommended.
_SERVICE = re.compile(
    r"\b(postage|shipping|carriage|freight|delivery charge|handling|bank charges?|discount|manual|"
    r"adjust(ment)?|fee|sample|donation)\b|运费|邮费|手续费|折扣",
    re.I,
)


class Record(Protocol):
    """The part of ``assistant.crm.Store`` that this package reads."""

    def frame(self, table_or_sql: str, params: Any = ()) -> pd.DataFrame: ...


def orders(store: Record, ids: Sequence[str] | None = None) -> pd.DataFrame:
    """One row per order that stands: ``order_id, customer_id, at`` (datetime64), ``total`` (NaN if unknown).

    The total is the order's own, or else the sum of its lines; unknown where it is in another currency than most
    orders are (:func:`currency`), since sums of both would be of nothing. ``ids``: of these customers only (a few; many
    are read faster all together). Raises :class:`ModelError` if there is none.
    """
    where, params = _of(ids)
    frame = store.frame(
        f"""SELECT o.id AS order_id, o.customer_id, o.ordered_at AS at, o.currency,
                   COALESCE(o.total, SUM(COALESCE(l.amount, l.quantity * l.unit_price))) AS total
            FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id
            WHERE {_standing()}{where} GROUP BY o.id""",
        params,
    )
    frame = _dated(frame)
    frame["total"] = amounts_in(frame.pop("currency"), frame["total"], currency(store))
    # an order that is nothing but a credit note is no purchase
    return frame[~(frame["total"] < 0)].reset_index(drop=True)


def lines(store: Record, ids: Sequence[str] | None = None) -> pd.DataFrame:
    """One row per order line that was sold: ``order_id, customer_id, at, product_id, quantity, amount``."""
    where, params = _of(ids)
    frame = store.frame(
        f"""SELECT o.id AS order_id, o.customer_id, o.ordered_at AS at, o.currency, l.product_id, l.quantity,
                   COALESCE(l.amount, l.quantity * l.unit_price) AS amount
            FROM orders o JOIN order_lines l ON l.order_id = o.id
            WHERE {_standing()}{where} AND l.product_id IS NOT NULL AND l.quantity > 0""",
        params,
    )
    frame = _dated(frame)
    frame["amount"] = amounts_in(frame.pop("currency"), frame["amount"], currency(store))
    return frame


def currency(store: Record) -> str | None:
    """The currency that most of the first orders are in; None where none is named."""
    found = store.frame(
        f"""SELECT currency FROM (SELECT currency FROM orders WHERE currency IS NOT NULL LIMIT {FIRST_ORDERS})
            GROUP BY currency ORDER BY COUNT(*) DESC, currency LIMIT 1"""
    )
    return str(found["currency"].iloc[0]) if len(found) else None


def amounts_in(currencies: pd.Series, amounts: pd.Series, main: str | None) -> pd.Series:
    """Amounts as floats, NaN where they are unknown or in another currency than ``main``; none named counts as it."""
    numbers = pd.to_numeric(amounts, errors="coerce").astype(float)
    return numbers.where(currencies.isna() | (currencies == main))


def last_day(store: Record) -> pd.Timestamp:
    """The day of the record's last order, at midnight; :class:`ModelError` without orders."""
    frame = store.frame("SELECT max(ordered_at) AS at FROM orders")
    return pd.Timestamp(_dated(frame)["at"].iloc[0]).normalize()


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
    frame["service"] = [_is_service(name) for name in frame["name"]]
    return frame


def customer_table(store: Record, ids: Sequence[str] | None = None) -> pd.DataFrame:
    """What segments are told by, per customer with orders (index: id), as of the record's last order.

    Columns that a record can't fill (no subscriptions, no interactions, no categories) are absent.
    """
    today = last_day(store)
    try:
        bought = orders(store, ids)
    except ModelError:
        if ids is None:
            raise
        return pd.DataFrame(dtype=float)
    year = bought[bought["at"] > today - pd.Timedelta(days=YEAR)]
    by = bought.groupby("customer_id")
    table = pd.DataFrame(
        {
            "days_since_order": (today - by["at"].max().dt.normalize()).dt.days,
            "orders_12m": year.groupby("customer_id").size(),
            "order_value": by["total"].mean(),
            "tenure_days": (today - by["at"].min().dt.normalize()).dt.days,
            "spend_12m": year.groupby("customer_id")["total"].sum(),
        }
    )
    _add_lines(table, store, ids)
    _add_subscriptions(table, store)
    _add_contacts(table, store, today)
    return table.astype(float).fillna(0.0)


def _add_lines(table: pd.DataFrame, store: Record, ids: Sequence[str] | None) -> None:
    try:
        sold = lines(store, ids)
    except ModelError:
        return
    catalogue = products(store)
    sold = sold[~sold["product_id"].map(catalogue["service"]).fillna(False).astype(bool)]
    per_order = sold.groupby(["customer_id", "order_id"])["product_id"].nunique()
    table["products_per_order"] = per_order.groupby("customer_id").mean()
    category = sold["product_id"].map(catalogue["category"]).fillna("")
    known = sold.assign(category=category)[category != ""]
    if known.empty:
        return
    spend = known.assign(amount=known["amount"].fillna(0)).pivot_table(
        index="customer_id", columns="category", values="amount", aggfunc="sum", fill_value=0.0
    )
    shares = spend.div(spend.sum(axis=1).replace(0, np.nan), axis=0)
    for name in shares.columns:
        table[f"{SHARE}{name}"] = shares[name]


def _add_subscriptions(table: pd.DataFrame, store: Record) -> None:
    subscriptions = store.frame("SELECT customer_id, status FROM subscriptions")
    if len(subscriptions):
        active = subscriptions.loc[subscriptions["status"].isin(["active", "paused"]), "customer_id"]
        table["subscribed"] = table.index.isin(set(active)).astype(float)


def _add_contacts(table: pd.DataFrame, store: Record, today: pd.Timestamp) -> None:
    since = str((today - pd.Timedelta(days=YEAR)).date())
    contacts = store.frame(
        """SELECT customer_id, COUNT(*) AS n, SUM(channel = 'ticket' OR COALESCE(rating, 5) <= 2) AS unhappy
           FROM interactions WHERE author = 'customer' AND at > ? GROUP BY customer_id""",
        (since,),
    ).set_index("customer_id")
    if len(contacts):
        table["contacts_12m"] = contacts["n"].reindex(table.index)
        table["unhappy_12m"] = contacts["unhappy"].reindex(table.index)


@lru_cache(maxsize=100_000)
def _is_service(name: str) -> bool:
    return _SERVICE.search(name) is not None


def _of(ids: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    if ids is None:
        return "", ()
    return f" AND o.customer_id IN ({','.join('?' * len(ids))})", tuple(ids)


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
