"""The demo company: Larkfield Coffee, a roastery in Utrecht that exists only here, made by code from a seed."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from assistant.crm.demo.catalogue import (
    CURRENCY,
    LAST_DAY,
    offer_rows,
    plan_price,
    product_rows,
)
from assistant.crm.demo.facts import DemoFact
from assistant.crm.demo.life import END, Life
from assistant.crm.demo.people import make_people
from assistant.crm.demo.talk import write_all
from assistant.errors import RecordError

if TYPE_CHECKING:
    from assistant.crm.store import Store

__all__ = ["DemoFact", "demo_facts", "demo_rows", "make_demo"]
META = {"company_name": "Larkfield Coffee", "company_name_zh": "云雀咖啡", "currency": CURRENCY}
TABLES = (
    "customers", "products", "orders", "order_lines", "subscriptions", "interactions", "offers", "offers_made",
)  # fmt: skip
_EDITION = "1"
Rows = dict[str, list[dict[str, Any]]]


@lru_cache(maxsize=2)
def _world(seed: int) -> tuple[Rows, tuple[DemoFact, ...]]:
    lives = [Life(person, seed).live() for person in make_people(seed)]
    orders = sorted(
        (o.placed, life.person.number, o) for life in lives for o in life.orders if o.placed <= END
    )
    for number, (_, _, order) in enumerate(orders, 100001):
        order.id = f"LO-{number}"
    subs = sorted(
        ((s.started, life.person.number, s) for life in lives for s in life.subscriptions),
        key=lambda item: item[:2],
    )
    for number, (_, _, sub) in enumerate(subs, 2001):
        sub.id = f"SU-{number}"
    interactions, told = write_all(lives, seed)
    rows: Rows = {table: [] for table in TABLES}
    rows["products"], rows["offers"], rows["interactions"] = product_rows(), offer_rows(), interactions
    for life in lives:
        rows["customers"].append(_customer(life))
        for order in life.orders:
            if order.id:
                _order(life, order, rows)
        rows["subscriptions"].extend(_subscription(life, sub) for sub in life.subscriptions)
    rows["orders"].sort(key=lambda row: row["id"])
    rows["order_lines"].sort(key=lambda row: (row["order_id"], row["line"]))
    rows["subscriptions"].sort(key=lambda row: row["id"])
    made = sorted((o.at, life.person.id, o) for life in lives for o in life.offers)
    rows["offers_made"] = [
        {
            "id": number, "offer_id": o.offer, "customer_id": customer, "at": at.isoformat(timespec="seconds"),
            "channel": o.channel, "text": None, "outcome": o.outcome,
        }
        for number, (at, customer, o) in enumerate(made, 1)
    ]  # fmt: skip
    return rows, tuple(told)


def _spent(life: Life, days: int) -> float:
    """What was paid for delivered goods in the last ``days``, EUR, as points and status count it."""
    since = END - timedelta(days=days)
    return sum(o.basket.counted for o in life.orders if o.placed > since and o.status == "delivered")


def _customer(life: Life) -> dict[str, Any]:
    person = life.person
    year = _spent(life, 365)
    left = _left_on(life)
    attributes: dict[str, Any] = {"postcode": person.postcode, "larks": int(_spent(life, 548))}
    if person.company:
        attributes |= {
            "company": person.company,
            "account_manager": "Pieter Claes" if person.number % 2 else "Julie Marchand",
        }
    return {
        "id": person.id, "name": person.name, "email": person.email, "phone": person.phone,
        "language": person.language, "city": person.city, "country": person.country,
        "joined_on": person.joined_on.isoformat(), "tier": "gold" if year >= 400 else "silver" if year >= 150 else None,
        "consent_marketing": person.consent, "churned": int(left is not None), "churned_on": left,
        "attributes": json.dumps(attributes, ensure_ascii=False),
    }  # fmt: skip


def _left_on(life: Life) -> str | None:
    """The day a customer counts as gone: the subscription's end if nothing was bought since, else 150 silent days."""
    if life.sub:
        return None
    last = max((o.placed for o in life.orders), default=None)
    ended = max((s.ended for s in life.subscriptions if s.ended), default=None)
    if ended and (last is None or last.date() <= ended):
        return ended.isoformat()
    if last and (END - last).days > 150:
        return (last.date() + timedelta(days=150)).isoformat()
    return None


def _order(life: Life, order: Any, rows: Rows) -> None:
    basket = order.basket
    attributes: dict[str, Any] = {
        "shipping": basket.shipping,
        "shipping_method": basket.method,
        "payment": order.payment,
    }
    if basket.discount_percent:
        attributes["discount_percent"] = basket.discount_percent
    if basket.gift:
        attributes["gift"] = True
    rows["orders"].append({
        "id": order.id, "customer_id": life.person.id, "ordered_at": order.placed.isoformat(timespec="seconds"),
        "status": order.status, "channel": order.channel, "currency": CURRENCY, "total": basket.total,
        "delivered_at": order.delivered.isoformat(timespec="seconds") if order.delivered else None,
        "tracking": order.tracking, "attributes": json.dumps(attributes),
    })  # fmt: skip
    rows["order_lines"].extend(
        {
            "order_id": order.id, "line": number, "product_id": line.product, "quantity": float(line.quantity),
            "unit_price": line.unit_price, "amount": line.amount,
        }
        for number, line in enumerate(basket.lines, 1)
    )  # fmt: skip


def _subscription(life: Life, sub: Any) -> dict[str, Any]:
    paused = sub.ended is None and sub.paused_until is not None and sub.paused_until > LAST_DAY
    following = None
    if sub.ended is None:
        day = max(LAST_DAY, sub.paused_until or LAST_DAY) + timedelta(days=1)
        while day.day != sub.day:
            day += timedelta(days=1)
        following = day.isoformat()
    return {
        "id": sub.id, "customer_id": life.person.id, "plan": sub.plan,
        "status": "cancelled" if sub.ended else "paused" if paused else "active",
        "started_on": sub.started.isoformat(), "ended_on": sub.ended.isoformat() if sub.ended else None,
        "price": plan_price(sub.plan, sub.ended or LAST_DAY), "currency": CURRENCY, "interval": "month",
        "next_delivery_on": following, "end_reason": sub.reason,
        "attributes": json.dumps({"dispatch_day": sub.day}),
    }  # fmt: skip


def demo_rows(seed: int = 7) -> Rows:
    """The demo company as rows per table, in an order in which they can be inserted. The same seed, the same rows."""
    return {table: [dict(row) for row in rows] for table, rows in _world(seed)[0].items()}


def demo_facts(seed: int = 7) -> list[DemoFact]:
    """Facts that customers mentioned once and no column holds, for evaluations; they are not stored in the record."""
    return list(_world(seed)[1])


def make_demo(
    store: "Store", seed: int = 7, progress: Callable[[str, int, int | None], None] | None = None
) -> None:
    """Writes the demo company into ``store``, all of it or nothing. Doing it again changes nothing.

    Raises RecordError if the store holds other customers, or a demo company made from another seed.
    """
    here = store.meta("demo_seed")
    if here is None and store.counts()["customers"]:
        raise RecordError(
            "This record already holds customers, so the demo company isn't written into it.",
            "choose an empty folder: --home FOLDER",
        )
    if here not in (None, str(seed)):
        raise RecordError(
            f"This record holds the demo company of seed {here}, not {seed}.",
            "choose an empty folder: --home FOLDER",
        )
    if store.meta("demo_complete") == _EDITION:
        return
    report = progress or (lambda phase, done, total: None)
    report("inventing the demo company", 0, None)
    rows = _world(seed)[0]
    with store.database.write():
        for table in TABLES:
            store.upsert(table, rows[table])
            report(f"writing {table}", len(rows[table]), len(rows[table]))
        for key, value in {**META, "demo_seed": str(seed), "demo_complete": _EDITION}.items():
            store.set_meta(key, value)
