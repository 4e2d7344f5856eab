"""Features as of a day: right by hand on a small record, and blind to everything later."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assistant.crm import Store
from assistant.insight.features import (
    CHANNELS,
    STEPS,
    History,
    active_at,
    attribute_features,
    courses_at,
    customer_features,
    day_number,
    day_of,
    left_within,
)
from assistant.insight.phrases import feature_phrase
from assistant.insight.signals import mood, read_signals

from .little_record import make_record


def order(number: int, customer: str, day: str, total: float = 20.0, **more: object) -> dict[str, object]:
    base = {"id": f"O{number}", "customer_id": customer, "ordered_at": f"{day}T10:00:00", "total": total}
    return base | {"status": "delivered", "channel": "web"} | more


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "crm.sqlite")
    store.upsert("customers", [{"id": c, "joined_on": "2026-01-01"} for c in ("A", "B", "C", "D")])
    store.upsert("products", [{"id": "P1", "name": "Beans", "category": "beans"}])
    store.upsert(
        "offers", [{"id": "F1", "name": "ten", "kind": "discount", "value": 10.0, "terms": "10 % off"}]
    )
    store.upsert(
        "orders",
        [
            order(1, "A", "2026-01-10", 30.0, lines=[{"product_id": "P1", "quantity": 2.0}]),
            order(2, "A", "2026-02-10", 50.0, delivered_at="2026-02-25T10:00:00"),
            order(3, "A", "2026-06-10", 10.0, channel="phone"),
            order(4, "A", "2026-06-11", 99.0, status="cancelled"),
            order(5, "B", "2026-03-05", 19.9, channel="subscription"),
            order(6, "B", "2026-04-05", 19.9, channel="subscription"),
            order(7, "B", "2026-06-05", 21.9, channel="subscription"),
            order(8, "D", "2026-06-20", 5.0),
        ],
    )
    store.upsert(
        "subscriptions",
        [
            {
                "id": "S1",
                "customer_id": "B",
                "plan": "Home",
                "status": "cancelled",
                "started_on": "2026-02-20",
                "ended_on": "2026-08-19",
            },
            {
                "id": "S2",
                "customer_id": "C",
                "plan": "Taster",
                "status": "cancelled",
                "started_on": "2026-01-01",
                "ended_on": "2026-05-31",
            },
        ],
    )
    talk = [
        ("A", "2026-06-01", "email", "This is terrible, the machine is broken and I want a refund.", None),
        ("A", "2026-03-01", "email", "Thank you, wonderful coffee.", None),
        ("A", "2026-06-15", "review", "Weak.", 2),
        ("B", "2026-06-20", "chat", "How do I cancel my subscription?", None),
    ]
    store.upsert(
        "interactions",
        [
            {"id": f"I{n}", "customer_id": c, "at": f"{d}T12:00:00", "channel": ch, "text": t, "rating": r}
            for n, (c, d, ch, t, r) in enumerate(talk)
        ],
    )
    made = [("A", "2026-05-01", "accepted"), ("A", "2026-06-29", "drafted"), ("A", "2026-07-05", "declined")]
    store.upsert(
        "offers_made",
        [
            {"id": n, "offer_id": "F1", "customer_id": c, "at": f"{d}T09:00:00", "outcome": o}
            for n, (c, d, o) in enumerate(made, 1)
        ],
    )
    return store


def test_the_course_of_events_by_hand_and_blind_to_what_comes_later(store: Store) -> None:
    history = History.read(store)
    day = day_number(date(2026, 6, 30))
    a = courses_at(history, day)[list(history.ids).index("A")]
    assert a.shape == (STEPS, len(CHANNELS))
    orders = np.expm1(a[:, CHANNELS.index("orders")])
    assert orders.sum() == pytest.approx(3) and orders[STEPS - 1 - 20 // 14] == pytest.approx(1)
    assert np.expm1(a[:, CHANNELS.index("spend")]).sum() == pytest.approx(90.0)
    assert np.expm1(a[:, CHANNELS.index("late")]).sum() == pytest.approx(1)
    assert np.expm1(a[:, CHANNELS.index("offers")]).sum() == pytest.approx(1)
    assert a[:, CHANNELS.index("mood")].min() < 0
    before = courses_at(history, day_number(date(2026, 3, 2)))
    store.upsert("orders", [order(20 + k, "A", "2026-03-03", 77.0) for k in range(5)])
    store.upsert(
        "interactions",
        [
            {
                "id": "later",
                "customer_id": "A",
                "at": "2026-03-04T12:00:00",
                "channel": "email",
                "text": "Awful.",
            }
        ],
    )
    assert np.array_equal(before, courses_at(History.read(store), day_number(date(2026, 3, 2))))


def test_features_by_hand(store: Store) -> None:
    found = customer_features(store, date(2026, 6, 30))
    a, b, c, d = (found.loc[x] for x in "ABCD")
    assert a["orders_total"] == 3 and a["spend_365"] == 90.0 and a["basket"] == 30.0
    assert a["orders_90"] == 1 and a["orders_trend"] == -1 and a["cancelled_orders_180"] == 1
    assert a["days_since_order"] == pytest.approx(20 + 14 / 24)
    assert a["order_gap"] == pytest.approx(75.5) and a["phone_share"] == pytest.approx(1 / 3)
    assert a["late_365"] == 1 and a["late_90"] == 0 and a["products_365"] == 1
    assert a["contacts_30"] == 1 and a["contacts_365"] == 2 and a["complaints_30"] == 2
    assert a["mood_90"] < 0 < a["mood_365"] + 1 and a["rating_last"] == 2 and a["mood_trend"] < 0
    assert a["offers_365"] == 1 and a["offers_accepted_365"] == 1 and a["offers_declined_365"] == 0
    assert a["subscribed"] == 0 and pd.isna(a["plan"]) and np.isnan(a["subscription_days"])
    assert b["subscribed"] == 1 and b["plan"] == "Home" and b["price_change_180"] == pytest.approx(2.0)
    assert b["skipped_90"] == 1 and b["leaving_words_90"] == 1 and np.isnan(b["order_gap"])
    assert c["subscribed"] == 0 and c["past_subscriptions"] == 1 and np.isnan(c["days_since_order"])
    assert d["tenure_days"] == pytest.approx(181) and d["orders_total"] == 1


def test_who_is_a_customer_and_who_left(store: Store) -> None:
    history = History.read(store)
    day = day_number(date(2026, 6, 30))
    assert active_at(history, day).tolist() == [True, True, False, True]
    assert left_within(history, day).tolist() == [True, True, True, True]  # A and D order nothing, B cancels
    april = day_number(date(2026, 4, 1))
    assert active_at(history, april).tolist() == [True, True, True, False]
    assert left_within(history, april).tolist() == [False, False, True, False]
    # a subscription's last deliveries don't make someone a customer who has cancelled
    assert not active_at(history, day_number(date(2026, 8, 25)))[1]


def test_nothing_later_leaks_in(tmp_path: Path) -> None:
    with make_record(tmp_path / "all.sqlite", 60) as whole:
        day = date(2025, 9, 15)
        seen = customer_features(whole, day)
        cut = f"{day}T23:59:59"
        with Store(tmp_path / "cut.sqlite") as part:
            part.upsert("customers", whole.frame("customers").to_dict("records"))
            orders = whole.frame("SELECT * FROM orders WHERE ordered_at <= ?", (cut,))
            part.upsert("orders", orders.astype(object).where(orders.notna(), None).to_dict("records"))
            talks = whole.frame("SELECT * FROM interactions WHERE at <= ?", (cut,))
            part.upsert("interactions", talks.astype(object).where(talks.notna(), None).to_dict("records"))
            subs = whole.frame("SELECT * FROM subscriptions WHERE started_on <= ?", (str(day),))
            subs["ended_on"] = [e if isinstance(e, str) and e <= str(day) else None for e in subs["ended_on"]]
            subs["status"] = ["cancelled" if isinstance(e, str) else "active" for e in subs["ended_on"]]
            part.upsert("subscriptions", subs.astype(object).where(subs.notna(), None).to_dict("records"))
            pd.testing.assert_frame_equal(seen, customer_features(part, day))


def test_one_customer_alone_has_the_same_features(tmp_path: Path) -> None:
    with make_record(tmp_path / "crm.sqlite", 40) as store:
        every = customer_features(store)
        some = customer_features(store, ids=["K0007", "K0003"])
        pd.testing.assert_frame_equal(some.loc[["K0003", "K0007"]], every.loc[["K0003", "K0007"]])


def test_orders_alone_and_nothing_at_all(tmp_path: Path) -> None:
    with make_record(tmp_path / "a.sqlite", 20, interactions=False) as store:
        found = customer_features(store)
        assert (found["contacts_365"] == 0).all() and found["mood_90"].isna().all()
        assert found["orders_total"].sum() == store.counts()["orders"]
    with Store(tmp_path / "b.sqlite") as store:
        assert len(customer_features(store)) == 0


def test_the_sentiment_model_may_be_given(store: Store) -> None:
    found = customer_features(store, date(2026, 6, 30), sentiment=lambda texts: np.full(len(texts), 0.5))
    assert found.loc["A", "mood_90"] == 0.5


def test_attributes_become_columns(tmp_path: Path) -> None:
    with Store(tmp_path / "crm.sqlite") as store:
        store.upsert("customers", [{"id": "1", "attributes": {"tenure": "3"}}, {"id": "2", "attributes": {}}])
        table = attribute_features(store.frame("customers"))
    assert table["tenure"].tolist()[0] == "3" and pd.isna(table["tenure"].tolist()[1])
    assert "email" not in table.columns


def test_every_feature_has_words_in_both_languages(store: Store) -> None:
    found = customer_features(store, date(2026, 6, 30))
    for name in found.columns:
        for value in found[name].tolist():
            en, zh = feature_phrase(name, value)
            assert en and any("\u4e00" <= char <= "\u9fff" for char in zh), (name, value, zh)
            assert not en.startswith(f"{name} is") and not en.startswith(f"{name}:"), (name, en)
    assert feature_phrase("days_since_order", 96.7)[0] == "last order 96 days ago"
    assert feature_phrase("complaints_90", 3.0) == ("3 complaints in the last 90 days", "近 90 天投诉 3 次")
    assert feature_phrase("complaints_90", 1.0)[0] == "1 complaint in the last 90 days"


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("The coffee is wonderful, thank you!", 1),
        ("Not good at all.", -1),
        ("The bag arrived torn and I am very disappointed.", -1),
        ("When do you open?", 0),
        ("", 0),
        ("咖啡很好喝，谢谢", 1),
        ("太失望了，包装破损", -1),
        ("我不满意", -1),
    ],
)
def test_mood(text: str, sign: int) -> None:
    assert np.sign(mood(text)) == sign


def test_signals() -> None:
    said = read_signals(["I want to cancel my plan", "退订", "The grinder is broken", "hello"])
    assert said.leaving.tolist() == [True, True, False, False]
    assert said.complaint.tolist() == [False, False, True, False]


def test_day_numbers_go_both_ways() -> None:
    assert day_of(day_number(date(2026, 10, 31))) == date(2026, 10, 31)
