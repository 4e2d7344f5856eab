"""A made-up record with signs of leaving in it: unhappy customers complain, order less, and go."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from assistant.crm import Store

START, END = datetime(2025, 1, 1), datetime(2026, 1, 31)


def make_record(path: Path, customers: int = 150, seed: int = 0, *, interactions: bool = True) -> Store:
    """Customers 0..n-1 order every two to four weeks; each week an unhappy one complains more and may go."""
    rng = np.random.default_rng(seed)
    store = Store(path)
    people, orders, talks, subs = [], [], [], []
    for i in range(customers):
        customer = f"K{i:04d}"
        unhappy = rng.random()
        joined = START - timedelta(days=int(rng.integers(0, 400)))
        people.append(
            {"id": customer, "name": f"Person {i}", "joined_on": joined.date().isoformat(), "country": "NL"}
        )
        day, gap = START + timedelta(days=int(rng.integers(0, 40))), float(rng.uniform(14, 28))
        gone, subscribed = False, i % 3 == 0
        ended = None
        while day < END and not gone:
            number = len(orders)
            total = float(np.round(rng.lognormal(3.3, 0.4), 2))
            when = day + timedelta(hours=int(rng.integers(8, 20)))
            late = 11 if rng.random() < 0.05 else 3
            orders.append(
                {
                    "id": f"O{number:05d}",
                    "customer_id": customer,
                    "ordered_at": when.isoformat(),
                    "status": "delivered",
                    "channel": "subscription" if subscribed else "web",
                    "total": total,
                    "delivered_at": (when + timedelta(days=late)).isoformat(),
                }
            )
            if rng.random() < 0.15 + 0.5 * unhappy:
                text = (
                    "The parcel was damaged and I am very disappointed."
                    if rng.random() < unhappy
                    else "Thank you, the coffee is wonderful."
                )
                talks.append(
                    {
                        "id": f"I{len(talks):05d}",
                        "customer_id": customer,
                        "at": (when + timedelta(days=4)).isoformat(),
                        "channel": "email",
                        "text": text,
                    }
                )
            if rng.random() < 0.16 * unhappy**2:
                gone = True
                ended = day + timedelta(days=10)
            day += timedelta(days=float(rng.gamma(20, gap / 20)))
        if subscribed:
            subs.append(
                {
                    "id": f"S{i:04d}",
                    "customer_id": customer,
                    "plan": "Home" if i % 2 else "Taster",
                    "status": "cancelled" if ended else "active",
                    "started_on": joined.date().isoformat(),
                    "ended_on": ended.date().isoformat() if ended else None,
                    "price": 19.9,
                }
            )
    store.upsert("customers", people)
    store.upsert("orders", orders)
    store.upsert("subscriptions", subs)
    if interactions:
        store.upsert("interactions", [t for t in talks if t["at"] < END.isoformat()])
    return store
