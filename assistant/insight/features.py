"""What is known about each customer as of a day: buying, subscription, contacts, moods. Nothing later leaks
in.

Every feature is computed from rows dated on or before the day, and states that the record only holds as of
today (a subscription's status, a customer's tier) are derived from dated rows instead. Missing means
"doesn't apply", e.g. days since the last complaint of someone who never complained.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from assistant.insight.purchases import amounts_in, currency
from assistant.insight.signals import read_signals

if TYPE_CHECKING:
    from assistant.crm import Store

Sentiment = Callable[[Sequence[str]], np.ndarray]
"""Moods -1..1 of texts, e.g. from the sentiment model: P(positive) - P(negative)."""

ACTIVE_DAYS = 120  # someone without a subscription is a customer for so long after an order
_EPOCH = pd.Timestamp("1970-01-01")
_LATE_DAYS = 7.0  # a delivery that takes longer is late, where no date was promised


@dataclass
class History:
    """The record's dated rows as arrays, customers numbered 0..n-1; rows of each table in order of time.

    Days are floats since 1970 (a moment is a fraction), NaN where unknown.
    """

    ids: np.ndarray  # (n,) customers' ids
    customers: pd.DataFrame  # their rows, in the same order
    orders: dict[
        str, np.ndarray
    ]  # who, day, total, cancelled, subscription, web, promised, delivered, basket
    lines: dict[str, np.ndarray]  # who, day, category, product
    subscriptions: dict[str, np.ndarray]  # who, start, end, price, plan
    contacts: dict[str, np.ndarray]  # who, day, review, rating, mood, complaint, leaving, call
    offers: dict[str, np.ndarray]  # who, day, accepted, declined
    categories: list[str]
    plans: list[str]
    first_day: float
    last_day: float

    @classmethod
    def read(
        cls, store: "Store", ids: Sequence[str] | None = None, *, sentiment: Sentiment | None = None
    ) -> "History":
        """All customers' history, or only that of ``ids`` (a few: each is a parameter of the queries)."""

        def frame(sql: str, column: str, order: str) -> pd.DataFrame:
            if ids is None:
                return store.frame(f"{sql} ORDER BY {order}")
            marks = ",".join("?" * len(ids))
            return store.frame(f"{sql} WHERE {column} IN ({marks}) ORDER BY {order}", tuple(ids))

        customers = frame("SELECT * FROM customers", "id", "id")
        index = pd.Index(customers["id"])

        def who(values: pd.Series) -> np.ndarray:
            return np.asarray(index.get_indexer(values), dtype=int)

        o = frame("SELECT * FROM orders", "customer_id", "ordered_at")
        extra = o["attributes"].map(_json) if len(o) else pd.Series([], dtype=object)
        promised = extra.map(lambda a: a.get("promised_on") or a.get("promised"))
        ordered, delivered = days(o["ordered_at"]), days(o["delivered_at"])
        status = o["status"].fillna("").astype(str)
        total = amounts_in(o["currency"], o["total"], currency(store)).to_numpy(float, na_value=np.nan)
        orders = {
            "who": who(o["customer_id"]),
            "day": ordered,
            "total": np.nan_to_num(total),
            "cancelled": status.isin(["cancelled", "canceled"]).to_numpy()
            | (pd.to_numeric(o["total"], errors="coerce") < 0).to_numpy(),
            "subscription": (o["channel"] == "subscription").to_numpy(dtype=bool),
            "phone": o["channel"].isin(["phone", "call"]).to_numpy(dtype=bool),
            "promised": days(promised) + 0.99,  # the whole of the promised day counts
            "delivered": delivered,
        }
        line = frame(
            "SELECT o.customer_id, o.ordered_at, p.category, l.product_id FROM order_lines l "
            "JOIN orders o ON o.id = l.order_id LEFT JOIN products p ON p.id = l.product_id",
            "o.customer_id",
            "o.ordered_at",
        )
        category = pd.Categorical(line["category"].fillna("(none)").astype(str))
        lines = {
            "who": who(line["customer_id"]),
            "day": days(line["ordered_at"]),
            "category": np.asarray(category.codes, dtype=int),
            "product": np.asarray(pd.factorize(line["product_id"])[0], dtype=int),
        }
        s = frame("SELECT * FROM subscriptions", "customer_id", "started_on")
        plan = pd.Categorical(s["plan"].astype(str))
        subscriptions = {
            "who": who(s["customer_id"]),
            "start": days(s["started_on"]),
            "end": days(s["ended_on"]) + 1.0,  # the last day is still a customer's
            "price": pd.to_numeric(s["price"], errors="coerce").to_numpy(float, na_value=np.nan),
            "plan": np.asarray(plan.codes, dtype=int),
        }
        # a company may keep no end dates: then cancelled ones end nowhere, and are dropped
        unknown_end = np.isnan(subscriptions["end"]) & (s["status"] == "cancelled").to_numpy(dtype=bool)
        subscriptions = {k: v[~unknown_end] for k, v in subscriptions.items()}
        i = frame("SELECT * FROM interactions", "customer_id", "at")
        text = (i["subject"].fillna("").astype(str) + ". " + i["text"].fillna("").astype(str)).tolist()
        said = read_signals(text)
        rating = pd.to_numeric(i["rating"], errors="coerce").to_numpy(float, na_value=np.nan)
        mood = np.asarray(sentiment(text), dtype=float) if sentiment is not None and len(text) else said.mood
        written = ((i["author"] != "agent") | (i["channel"] == "call")).to_numpy(dtype=bool)
        contacts = {
            "who": who(i["customer_id"]),
            "day": days(i["at"]),
            "review": (i["channel"] == "review").to_numpy(dtype=bool),
            "rating": rating,
            "mood": mood,
            "complaint": said.complaint & (mood <= 0.25) | (rating <= 2),
            "leaving": said.leaving,
        }
        contacts = {k: v[written] for k, v in contacts.items()}
        f = frame("SELECT customer_id, at, outcome FROM offers_made", "customer_id", "at")
        offers = {
            "who": who(f["customer_id"]),
            "day": days(f["at"]),
            "accepted": (f["outcome"] == "accepted").to_numpy(dtype=bool),
            "declined": (f["outcome"] == "declined").to_numpy(dtype=bool),
            "drafted": (f["outcome"] == "drafted").to_numpy(dtype=bool),
        }
        dated = [ordered, contacts["day"]]
        known = np.concatenate([d[np.isfinite(d)] for d in dated]) if dated else np.empty(0)
        tables = (orders, lines, contacts, offers)
        orders, lines, contacts, offers = (
            {k: v[np.isfinite(t["day"])] for k, v in t.items()} for t in tables
        )
        return cls(
            customers["id"].to_numpy(dtype=object),
            customers,
            orders,
            lines,
            subscriptions,
            contacts,
            offers,
            list(map(str, category.categories)),
            list(map(str, plan.categories)),
            float(np.floor(known.min())) if len(known) else float("nan"),
            float(np.floor(known.max())) if len(known) else float("nan"),
        )

    def __len__(self) -> int:
        return len(self.ids)


def customer_features(
    store: "Store",
    as_of: date | None = None,
    ids: Sequence[str] | None = None,
    *,
    sentiment: Sentiment | None = None,
) -> pd.DataFrame:
    """Features of all customers (or of ``ids``) as of the end of a day (the record's last by default), by
    id."""
    history = History.read(store, ids, sentiment=sentiment)
    return features_at(history, day_number(as_of or store.as_of))


STEPS, STEP_DAYS = 26, 14  # of the course of events: a year
CHANNELS = ("orders", "spend", "late", "cancelled", "contacts", "complaints", "leaving", "mood", "offers")


def courses_at(history: History, day: float) -> np.ndarray:
    """(customers, 26, 9) what happened in each fortnight of the year that ends with ``day``, oldest first.

    Counts and sums on a logarithm, moods as they are; rows dated later are never read.
    """
    end = np.floor(day) + 1.0
    out = np.zeros((len(history), STEPS, len(CHANNELS)), dtype=np.float32)

    def add(
        channel: str, table: dict[str, np.ndarray], rows: np.ndarray, weights: np.ndarray | float = 1.0
    ) -> None:
        back = np.floor((end - table["day"]) / STEP_DAYS)
        inside = rows & (table["day"] < end) & (back < STEPS)
        step = STEPS - 1 - back[inside].astype(int)
        amount = np.broadcast_to(weights, rows.shape)[inside]
        np.add.at(out[:, :, CHANNELS.index(channel)], (table["who"][inside], step), amount)

    orders, contacts, offers = history.orders, history.contacts, history.offers
    placed = ~orders["cancelled"]
    add("orders", orders, placed)
    add("spend", orders, placed, np.maximum(orders["total"], 0.0))
    add("late", orders, _late(orders, end))
    add("cancelled", orders, orders["cancelled"])
    everything = np.ones(len(contacts["who"]), dtype=bool)
    add("contacts", contacts, everything)
    add("complaints", contacts, contacts["complaint"].astype(bool))
    add("leaving", contacts, contacts["leaving"].astype(bool))
    add("mood", contacts, everything, np.nan_to_num(contacts["mood"]))
    add("offers", offers, ~offers["drafted"])
    counts = [k for k, name in enumerate(CHANNELS) if name != "mood"]
    out[:, :, counts] = np.log1p(out[:, :, counts])
    return out


def features_at(history: History, day: float) -> pd.DataFrame:
    """(customers, features) as of the end of ``day`` (days since 1970); rows dated later are never read."""
    n, end = len(history), np.floor(day) + 1.0
    out: dict[str, Any] = {}
    joined = days(history.customers["joined_on"])

    # --- buying
    o = {k: v[history.orders["day"] < end] for k, v in history.orders.items()}
    valid = ~o["cancelled"]
    who, when, total = o["who"][valid], o["day"][valid], o["total"][valid]
    ago = end - when
    by_sub = o["subscription"][valid]

    def count(mask: np.ndarray, weights: np.ndarray | None = None, codes: np.ndarray = who) -> np.ndarray:
        w = weights[mask] if weights is not None else None
        return np.bincount(codes[mask], weights=w, minlength=n).astype(float)

    recent, before = ago <= 90, (ago > 90) & (ago <= 180)
    last, first = _last(n, who, when), _first(n, who, when)
    orders = count(np.ones(len(who), dtype=bool))
    known_since = np.fmin(
        np.where(np.isfinite(joined), joined, np.inf), np.where(np.isfinite(first), first, np.inf)
    )
    known_since = np.where(np.isfinite(known_since) & (known_since < end), known_since, np.nan)
    tenure = end - known_since
    shop_last = _last(n, who[~by_sub], when[~by_sub])
    shop_first = _first(n, who[~by_sub], when[~by_sub])
    shop = count(~by_sub)
    out["tenure_days"] = tenure
    out["days_since_order"] = end - last
    out["days_since_shop_order"] = end - shop_last
    out["orders_total"] = orders
    out["orders_90"] = count(recent)
    out["orders_trend"] = out["orders_90"] - count(before)
    out["spend_90"] = count(recent, total)
    out["spend_trend"] = out["spend_90"] - count(before, total)
    out["spend_365"] = count(ago <= 365, total)
    out["basket"] = _ratio(count(np.ones(len(who), dtype=bool), total), orders)
    gap = np.where(shop >= 2, (shop_last - shop_first) / np.maximum(shop - 1, 1), np.nan)
    out["order_gap"] = gap
    # how overdue: 2 = twice the customer's usual time between orders has gone by
    out["overdue"] = np.clip(_ratio(end - shop_last, np.maximum(gap, 7.0)), 0, 20)
    out["phone_share"] = _ratio(count(o["phone"][valid]), orders)
    cancelled = o["cancelled"] & (end - o["day"] <= 180)
    out["cancelled_orders_180"] = np.bincount(o["who"][cancelled], minlength=n).astype(float)
    late = _late(o, end)
    out["late_90"] = np.bincount(o["who"][late & (end - o["day"] <= 90)], minlength=n).astype(float)
    out["late_365"] = np.bincount(o["who"][late & (end - o["day"] <= 365)], minlength=n).astype(float)

    line = {k: v[history.lines["day"] < end] for k, v in history.lines.items()}
    within = end - line["day"] <= 365
    out["products_365"] = _distinct(n, line["who"][within], line["product"][within])
    out["categories_365"] = _distinct(n, line["who"][within], line["category"][within])

    # --- subscription
    s = {k: v[history.subscriptions["start"] < end] for k, v in history.subscriptions.items()}
    running = ~(s["end"] <= end)  # no end, or one that lies ahead
    active = np.bincount(s["who"][running], minlength=n) > 0
    plan = np.full(n, "", dtype=object)
    plan[s["who"][running]] = np.array(history.plans or [""], dtype=object)[s["plan"][running]]
    out["subscribed"] = active.astype(float)
    plan[~active] = None
    out["plan"] = plan
    start = _last(n, s["who"][running], s["start"][running])
    out["subscription_days"] = end - start
    out["past_subscriptions"] = np.bincount(s["who"][~running], minlength=n).astype(float)
    out["subscription_price"], out["price_change_180"] = _prices(n, who, total, ago, by_sub, active)
    delivered_90 = count(recent & by_sub)
    expected = np.clip(np.minimum(end - start, 90.0), 0, None) / 30.4
    skipped = np.where(
        active & (count(by_sub) > 0), np.floor(np.maximum(expected - delivered_90 + 0.2, 0)), np.nan
    )
    out["skipped_90"] = skipped
    since_delivery = end - _last(n, who[by_sub], when[by_sub])
    out["days_since_delivery"] = np.where(active, since_delivery, np.nan)

    # --- contacts
    c = {k: v[history.contacts["day"] < end] for k, v in history.contacts.items()}
    ago_c, who_c, letters = end - c["day"], c["who"], ~c["review"]
    for window in (30, 90, 365):
        out[f"contacts_{window}"] = count(letters & (ago_c <= window), codes=who_c)
        out[f"complaints_{window}"] = count(c["complaint"] & (ago_c <= window), codes=who_c)
    out["days_since_contact"] = end - _last(n, who_c, c["day"])
    out["days_since_complaint"] = end - _last(n, who_c[c["complaint"]], c["day"][c["complaint"]])
    out["leaving_words_90"] = count(c["leaving"] & letters & (ago_c <= 90), codes=who_c)
    now, earlier = ago_c <= 90, (ago_c > 90) & (ago_c <= 365)
    mood_now = _ratio(count(now, c["mood"], who_c), count(now, codes=who_c))
    mood_before = _ratio(count(earlier, c["mood"], who_c), count(earlier, codes=who_c))
    out["mood_90"] = mood_now
    out["mood_365"] = _ratio(count(ago_c <= 365, c["mood"], who_c), count(ago_c <= 365, codes=who_c))
    out["mood_trend"] = mood_now - mood_before
    out["mood_last"] = _last(n, who_c, c["mood"], keep_value=True)
    rated = np.isfinite(c["rating"])
    in_year = rated & (ago_c <= 365)
    out["rating_365"] = _ratio(count(in_year, c["rating"], who_c), count(in_year, codes=who_c))
    out["rating_last"] = _last(n, who_c[rated], c["rating"][rated], keep_value=True)

    # --- offers
    f = {k: v[(history.offers["day"] < end) & ~history.offers["drafted"]] for k, v in history.offers.items()}
    year = end - f["day"] <= 365
    out["offers_365"] = count(year, codes=f["who"])
    out["offers_accepted_365"] = count(year & f["accepted"], codes=f["who"])
    out["offers_declined_365"] = count(year & f["declined"], codes=f["who"])

    out["country"] = history.customers["country"].to_numpy(dtype=object)
    out["language"] = history.customers["language"].to_numpy(dtype=object)
    out["consent"] = pd.to_numeric(history.customers["consent_marketing"], errors="coerce").to_numpy(
        float, na_value=np.nan
    )
    return pd.DataFrame(out, index=pd.Index(history.ids, name="customer_id"))


def active_at(history: History, day: float) -> np.ndarray:
    """(n,) who is a customer at the end of ``day``: subscribed, or with an order in the last 120 days.

    Deliveries of a subscription that has ended by then don't count: who cancelled and bought nothing since has left.
    """
    end = np.floor(day) + 1.0
    o, s = history.orders, history.subscriptions
    recent = (o["day"] >= end - ACTIVE_DAYS) & (o["day"] < end) & ~o["cancelled"] & ~o["subscription"]
    bought = np.bincount(o["who"][recent], minlength=len(history)) > 0
    ended = s["end"] <= end
    last_end = _last(len(history), s["who"][ended], s["end"][ended])
    since = _last(len(history), o["who"][recent], o["day"][recent]) >= last_end
    return _subscribed(history, end) | (bought & (since | np.isnan(last_end)))


def left_within(history: History, day: float, horizon: int = 90) -> np.ndarray:
    """(n,) who left within ``horizon`` days after ``day``: the only thing here that looks ahead.

    A subscriber leaves by no longer having a subscription at the end of the horizon; anyone else by placing
    no order and starting no subscription in it.
    """
    end = np.floor(day) + 1.0
    was, still = _subscribed(history, end), _subscribed(history, end + horizon)
    return np.where(was, ~still, ~(_ordered_between(history, end, end + horizon) | still))


def attribute_features(customers: pd.DataFrame) -> pd.DataFrame:
    """Customers' own columns and their attributes as one table, for records without any history."""
    extra = pd.DataFrame.from_records([_json(a) for a in customers["attributes"]], index=customers.index)
    names = ["id", "language", "city", "country", "joined_on", "tier", "consent_marketing"]
    table = customers[names].join(extra[[c for c in extra.columns if c not in customers.columns]])
    return table.dropna(axis=1, how="all")


def day_number(day: date | pd.Timestamp) -> float:
    """Whole days since 1970-01-01."""
    return float((pd.Timestamp(day) - _EPOCH).days)


def day_of(number: float) -> date:
    """The date of a number of days since 1970-01-01."""
    return (_EPOCH + pd.Timedelta(days=float(np.floor(number)))).date()


def days(values: pd.Series) -> np.ndarray:
    """ISO dates or moments as days since 1970 with fractions; NaN for what isn't one."""
    if not len(values):
        return np.empty(0, dtype=float)
    moments = pd.to_datetime(values, format="ISO8601", errors="coerce")
    out = (moments - _EPOCH) / pd.Timedelta(days=1)
    return np.asarray(out.to_numpy(dtype=float, na_value=np.nan))


def _subscribed(history: History, end: float) -> np.ndarray:
    s = history.subscriptions
    running = (s["start"] < end) & ~(s["end"] <= end)
    return np.bincount(s["who"][running], minlength=len(history)) > 0


def _ordered_between(history: History, start: float, end: float) -> np.ndarray:
    o = history.orders
    mask = (o["day"] >= start) & (o["day"] < end) & ~o["cancelled"]
    return np.bincount(o["who"][mask], minlength=len(history)) > 0


def _late(o: dict[str, np.ndarray], end: float) -> np.ndarray:
    """Which orders were late as far as was known at ``end``; one that is still on its way counts by then."""
    arrived = np.where(
        o["delivered"] < end, o["delivered"], np.where(np.isfinite(o["delivered"]), end, np.nan)
    )
    promised = np.where(np.isfinite(o["promised"]), o["promised"], o["day"] + _LATE_DAYS)
    return np.asarray(np.nan_to_num(arrived, nan=-np.inf) > promised) & ~o["cancelled"]


def _prices(
    n: int, who: np.ndarray, total: np.ndarray, ago: np.ndarray, by_sub: np.ndarray, active: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of subscription deliveries: what the last one cost, and by how much that differs from 180 days ago.

    The older price is the last one before 180 days ago, or the first of all.
    """
    codes, paid, age = who[by_sub], total[by_sub], ago[by_sub]
    latest = _last(n, codes, paid, keep_value=True)
    first = np.full(n, np.nan)
    first[codes[::-1]] = paid[::-1]
    old = age > 180
    older = _last(n, codes[old], paid[old], keep_value=True)
    older = np.where(np.isfinite(older), older, first)
    return np.where(active, latest, np.nan), np.where(active, latest - older, np.nan)


def _last(n: int, who: np.ndarray, values: np.ndarray, *, keep_value: bool = False) -> np.ndarray:
    """(n,) the last of each customer's values; rows are in order of time, unless the largest is wanted."""
    out = np.full(n, np.nan)
    if keep_value:
        out[who] = values  # of several assignments to one place the last one stays
    elif len(who):
        out = np.full(n, -np.inf)
        np.maximum.at(out, who, values)
        out[~np.isfinite(out)] = np.nan
    return out


def _first(n: int, who: np.ndarray, values: np.ndarray) -> np.ndarray:
    return -_last(n, who, -values)


def _distinct(n: int, who: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(n,) how many different codes each customer has."""
    if not len(who):
        return np.zeros(n)
    width = int(codes.max()) + 2
    pairs = np.unique(who.astype(np.int64) * width + codes + 1)
    return np.bincount(pairs // width, minlength=n).astype(float)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def _json(text: Any) -> dict[str, Any]:
    if isinstance(text, dict):
        return text
    try:
        value = json.loads(text) if text else {}
    except (TypeError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
