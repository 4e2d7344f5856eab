"""A small shop made by code: three tastes, machines that last, regular and lapsed customers."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from assistant.crm import Store

LAST = date(2026, 6, 30)
TASTES = {"dark": ("B-1", "B-2", "B-3"), "light": ("B-4", "B-5", "B-6"), "tea": ("T-1", "T-2", "T-3")}
PRODUCTS = [
    *[(f"B-{n}", f"Bean {n}", f"{n}号豆", "beans", 10.0 + n) for n in range(1, 7)],
    *[(f"T-{n}", f"Tea {n}", f"{n}号茶", "tea", 6.0 + n) for n in range(1, 4)],
    ("M-1", "Espresso machine One", "一号咖啡机", "machine", 400.0),
    ("M-2", "Espresso machine Two", "二号咖啡机", "machine", 600.0),
    ("SHIP", "Postage", "邮费", "", 5.0),
]


def small_shop(folder: Path, *, customers: int = 150, days: int = 420, seed: int = 3) -> Store:
    """A record of ``customers`` over ``days`` until LAST; customer ``c000`` likes dark beans and has a machine."""
    rng = np.random.default_rng(seed)
    store = Store(folder / "crm.sqlite")
    store.upsert(
        "products",
        [
            {"id": i, "name": n, "name_zh": z, "category": c or None, "price": p, "currency": "EUR"}
            for i, n, z, c, p in PRODUCTS
        ],
    )
    names = list(TASTES)
    people, orders = [], []
    for k in range(customers):
        taste = names[k % 3]
        country = "Germany" if taste == "tea" else "France"
        people.append({"id": f"c{k:03d}", "name": f"Customer {k}", "language": "en", "country": country})
        gap = (12, 25, 50)[k // 3 % 3]
        start = LAST - timedelta(days=days if k % 5 else int(rng.integers(20, 120)))
        stop = LAST - timedelta(days=int(rng.integers(150, 300)) if k % 7 == 3 else 0)
        day = start + timedelta(days=int(rng.integers(0, gap)))
        first = True
        while day <= stop:
            own = TASTES[taste]
            wanted = {own[int(rng.integers(0, 3))] for _ in range(2)}
            if rng.random() < 0.15:
                wanted.add(PRODUCTS[int(rng.integers(0, 9))][0])
            if first and k % 3 < 2 and k % 2 == 0:
                wanted.add("M-1" if k % 4 == 0 else "M-2")
            price = {p[0]: p[4] for p in PRODUCTS}
            lines = [
                {"product_id": p, "quantity": 1, "unit_price": price[p], "amount": price[p]}
                for p in sorted(wanted)
            ]
            lines.append({"product_id": "SHIP", "quantity": 1, "unit_price": 5.0, "amount": 5.0})
            orders.append(
                {
                    "id": f"o{len(orders):05d}", "customer_id": f"c{k:03d}", "ordered_at": day.isoformat(), "status": "delivered",
                    "total": sum(line["amount"] for line in lines), "currency": "EUR", "lines": lines,
                }
            )  # fmt: skip
            first = False
            day += timedelta(days=max(1, int(rng.normal(gap, gap / 4))))
    store.upsert("customers", people)
    store.upsert("orders", orders)
    return store


def orders_only(folder: Path, rows: list[tuple[str, str, float]]) -> Store:
    """A record with nothing but orders: (customer, ISO day, total), no lines and no products."""
    store = Store(folder / "orders.sqlite")
    store.upsert("customers", [{"id": c} for c in sorted({c for c, _, _ in rows})])
    store.upsert(
        "orders",
        [{"id": f"o{n}", "customer_id": c, "ordered_at": d, "total": t} for n, (c, d, t) in enumerate(rows)],
    )
    return store
