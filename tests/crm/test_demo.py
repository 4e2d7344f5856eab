"""The demo company: the same from the same seed, whole, honest in money and dates, and readable."""

import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import pytest

from assistant.crm import Store, demo, make_demo
from assistant.crm.demo import TABLES, demo_facts, demo_rows
from assistant.crm.demo.catalogue import plan_price
from assistant.crm.demo.people import make_people
from assistant.errors import RecordError

LAST = "2026-10-31"


@pytest.fixture(scope="module")
def rows():
    return demo_rows(7)


@pytest.fixture(scope="module")
def orders(rows):
    return {order["id"]: order for order in rows["orders"]}


@pytest.fixture(scope="module")
def lines(rows):
    found = defaultdict(list)
    for line in rows["order_lines"]:
        found[line["order_id"]].append(line)
    return found


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A company of 60 customers, made as the large one is: its rows, and the record it was written into."""
    monkeypatch.setattr(demo, "make_people", lambda seed: make_people(seed, 60))
    monkeypatch.setattr(demo, "_world", lru_cache(demo._world.__wrapped__))
    with Store(tmp_path / "demo" / "crm.sqlite") as made:
        make_demo(made, 7)
        yield demo_rows(7), made


SMALL_WORLD = """
import hashlib, json
from assistant.crm import demo
few, demo.make_people = demo.make_people, lambda seed: few(seed, 60)
print(hashlib.sha256(json.dumps(demo.demo_rows(7)).encode()).hexdigest())
"""


def test_same_seed_same_rows(rows):
    """In other processes, too, where sets have another order: a small company, made as the large one is."""
    made = [
        subprocess.run(
            [sys.executable, "-c", SMALL_WORLD],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True, text=True, check=True, timeout=100,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert made[0] == made[1] and len(made[0].strip()) == 64
    names = {row["name"] for row in rows["customers"]}
    assert names == {person.name for person in make_people(7)}
    assert len(names & {person.name for person in make_people(8)}) < 300


def test_size(rows):
    counts = {table: len(found) for table, found in rows.items()}
    assert counts["customers"] == 1000
    assert max(row["at"] for row in rows["interactions"])[:10] == LAST
    assert counts["products"] == 48
    assert counts["interactions"] >= 12_000
    assert 6 <= counts["offers"] <= 10
    assert counts["offers_made"] >= 100
    assert counts["subscriptions"] >= 600
    assert {row["channel"] for row in rows["interactions"]} == {"email", "chat", "call", "ticket", "review"}


def test_ids_are_unique_and_references_hold(rows):
    keys = {}
    for table in TABLES:
        if table == "order_lines":
            found = [(row["order_id"], row["line"]) for row in rows[table]]
        else:
            found = [row["id"] for row in rows[table]]
        assert len(found) == len(set(found)), table
        keys[table] = set(found)
    for table in ("orders", "subscriptions", "interactions", "offers_made"):
        assert {row["customer_id"] for row in rows[table]} <= keys["customers"]
    assert {row["order_id"] for row in rows["order_lines"]} == keys["orders"]
    assert {row["product_id"] for row in rows["order_lines"]} <= keys["products"]
    assert {row["product_id"] for row in rows["interactions"]} - {None} <= keys["products"]
    assert {row["order_id"] for row in rows["interactions"]} - {None} <= keys["orders"]
    assert {row["offer_id"] for row in rows["offers_made"]} <= keys["offers"]
    emails = [row["email"] for row in rows["customers"]]
    assert len(set(emails)) == len(emails)
    assert all(email.isascii() and email.endswith(".example") for email in emails)


def test_money(rows, lines):
    """Amounts sum to the total less shipping; a subscription's box costs what the plan cost on that day."""
    plans = defaultdict(list)
    for sub in rows["subscriptions"]:
        plans[sub["customer_id"]].append(sub)
    boxes = Counter()
    for order in rows["orders"]:
        extra = json.loads(order["attributes"])
        own = lines[order["id"]]
        for line in own:
            assert round(line["unit_price"] * line["quantity"], 2) == line["amount"]
        goods = round(sum(line["amount"] for line in own), 2)
        assert order["total"] == pytest.approx(goods + extra["shipping"], abs=0.001)
        day = date.fromisoformat(order["ordered_at"][:10])
        if order["channel"] == "subscription":
            [plan] = {
                sub["plan"] for sub in plans[order["customer_id"]]
                if sub["started_on"] < day.isoformat() <= (sub["ended_on"] or "9999")
            }  # fmt: skip
            price = plan_price(plan, day) * (1 - extra.get("discount_percent", 0) / 100)
            assert goods == pytest.approx(price, abs=0.006)
            boxes[plan, plan_price(plan, day)] += 1
            assert day.day in (5, 20)
        elif extra["shipping_method"] == "standard":
            assert extra["shipping"] == 0 or (extra["shipping"] == 4.9 and goods < 45)
    assert boxes["Home", 19.9] > 500 and boxes["Home", 21.9] > 200
    for sub in rows["subscriptions"]:
        assert sub["price"] == plan_price(sub["plan"], date.fromisoformat(sub["ended_on"] or LAST))


def test_dates(rows, orders):
    joined = {row["id"]: row["joined_on"] for row in rows["customers"]}
    for order in rows["orders"]:
        assert joined[order["customer_id"]] <= order["ordered_at"][:10] <= LAST
        assert order["ordered_at"] >= "2024-11-01"
        if order["delivered_at"]:
            assert order["ordered_at"] < order["delivered_at"][:19] and order["delivered_at"][:10] <= LAST
        assert bool(order["delivered_at"]) == (order["status"] in ("delivered", "returned"))
    for sub in rows["subscriptions"]:
        assert joined[sub["customer_id"]] <= sub["started_on"] <= (sub["ended_on"] or LAST) <= LAST
        assert (sub["status"] == "cancelled") == bool(sub["ended_on"])
        assert (sub["next_delivery_on"] is None) == bool(sub["ended_on"])
        assert sub["next_delivery_on"] is None or sub["next_delivery_on"] > LAST
        assert sub["ended_on"] or sub["end_reason"] is None
    for row in rows["interactions"]:
        assert joined[row["customer_id"]] <= row["at"][:10] <= LAST
        assert row["order_id"] is None or orders[row["order_id"]]["ordered_at"] < row["at"]
    assert [row["at"] for row in rows["interactions"]] == sorted(row["at"] for row in rows["interactions"])
    assert max(row["at"] for row in rows["interactions"])[:10] == LAST
    for row in rows["interactions"]:
        if row["channel"] in ("call", "chat"):
            at = datetime.fromisoformat(row["at"])
            assert at.weekday() < 6 and 9 <= at.hour < 18, row


def test_orders_named_in_texts_are_the_customers_own_and_earlier(rows, orders):
    named = 0
    for row in rows["interactions"]:
        for number in re.findall(r"LO-\d+", row["text"] + " " + (row["subject"] or "")):
            named += 1
            assert orders[number]["customer_id"] == row["customer_id"]
            assert orders[number]["ordered_at"] < row["at"]
        assert "lo-1" not in row["text"]
    assert named > 2000


def test_texts_are_varied_and_finished(rows):
    texts = [row["text"] for row in rows["interactions"]]
    distinct = {re.sub(r"[A-Z]{2}-\d+|\d+", "", text) for text in texts}
    assert len(distinct) / len(texts) > 0.85
    assert not [text for text in texts if re.search(r"[{}<|@\[\]]|\w>", text)]
    words = sorted(len(row["text"].split()) for row in rows["interactions"] if row["language"] == "en")
    assert (
        words[0] >= 1 and words[len(words) // 20] <= 9 and words[-len(words) // 20] >= 33 and words[-1] <= 160
    )
    letters = {row["text"][:12] for row in rows["interactions"] if row["channel"] == "email"}
    assert len(letters) > 900


def test_languages(rows):
    share = sum(row["language"] == "zh" for row in rows["customers"]) / 1000
    assert 0.045 <= share <= 0.085
    for row in rows["interactions"]:
        han = bool(re.search(r"[\u4e00-\u9fff]{2}", row["text"]))
        if row["language"] == "en" and row["channel"] != "call":
            assert not han, row
        elif row["language"] == "zh":
            assert han, row


def test_stars_fit_the_words(rows):
    by_stars = defaultdict(list)
    for row in rows["interactions"]:
        if row["channel"] == "review":
            assert row["rating"] in (1, 2, 3, 4, 5) and row["product_id"]
            by_stars[row["rating"]].append(row["text"].lower())
        else:
            assert row["rating"] is None
    assert all(len(by_stars[stars]) > 40 for stars in (1, 2, 3, 4, 5))
    glad = re.compile(r"love it|excellent|wonderful|favourite|fantastic")
    share = {
        stars: sum(bool(glad.search(t)) for t in texts) / len(texts) for stars, texts in by_stars.items()
    }
    assert share[5] > 0.25 and share[1] < 0.02 and share[2] < 0.02


def test_left_customers_are_marked(rows):
    last_order = {}
    for order in rows["orders"]:
        last_order[order["customer_id"]] = max(
            last_order.get(order["customer_id"], ""), order["ordered_at"][:10]
        )
    running = {row["customer_id"] for row in rows["subscriptions"] if row["ended_on"] is None}
    ended = {row["customer_id"]: row["ended_on"] for row in rows["subscriptions"] if row["ended_on"]}
    silent = (date.fromisoformat(LAST) - timedelta(days=150)).isoformat()
    for row in rows["customers"]:
        last = last_order.get(row["id"], "")
        left = row["id"] not in running and (
            (row["id"] in ended and last <= ended[row["id"]]) or ("" < last < silent)
        )
        assert row["churned"] == int(left), row
        assert (row["churned_on"] is None) == (not left)
        assert row["churned_on"] is None or row["churned_on"] <= LAST
    assert 0.2 < sum(row["churned"] for row in rows["customers"]) / 1000 < 0.5


def test_facts_stand_in_their_interaction_only(rows):
    texts = {row["id"]: row for row in rows["interactions"]}
    facts = demo_facts(7)
    assert len({fact.customer_id for fact in facts}) >= 300
    assert sum(fact.language == "zh" for fact in facts) >= 20
    assert len({fact.topic for fact in facts}) >= 25
    for fact in facts:
        row = texts[fact.interaction_id]
        assert row["customer_id"] == fact.customer_id
        assert fact.text in row["text"] and fact.answer in fact.text
    known = Counter((fact.customer_id, fact.topic) for fact in facts)
    assert max(known.values()) == 1


def test_events_left_their_marks(rows):
    def mentions(pattern, since, until):
        return sum(
            bool(re.search(pattern, row["text"], re.I)) for row in rows["interactions"]
            if since <= row["at"][:10] <= until and row["author"] == "customer"
        )  # fmt: skip

    assert mentions(r"strike", "2026-09-07", "2026-10-15") > 20
    assert mentions(r"strike", "2025-09-07", "2025-10-15") < 5
    assert mentions(r"21\.90", "2026-04-15", "2026-07-31") > 40
    assert mentions(r"21\.90", "2024-11-01", "2026-04-14") == 0
    assert (
        mentions(
            r"sidamo.*(flat|dull|baked|toast|nothing|empty|papery|lifeless|bread|hollow)",
            "2026-08-05",
            "2026-10-31",
        )
        > 10
    )
    assert mentions(r"Piccolo G2", "2026-03-25", "2026-08-31") >= 5
    assert mentions(r"Aurora One", "2025-09-01", LAST) >= 5


def test_offers_have_rules_and_are_made_within_them(rows):
    offers = {row["id"]: row for row in rows["offers"]}
    for row in offers.values():
        rules = json.loads(row["rules"])
        assert row["kind"] in ("discount", "gift", "upgrade", "credit") and row["terms"] and row["terms_zh"]
        assert rules["budget"] > 0
        if row["kind"] == "discount":
            assert row["value"] <= rules["ceiling_percent"] <= 20
    consent = {row["id"]: row["consent_marketing"] for row in rows["customers"]}
    last = {}
    for made in rows["offers_made"]:
        offer = offers[made["offer_id"]]
        rules = json.loads(offer["rules"])
        assert offer["valid_from"] <= made["at"][:10] <= (offer["valid_to"] or LAST)
        assert made["outcome"] in ("sent", "accepted", "declined")
        if rules.get("needs_consent"):
            assert consent[made["customer_id"]] == 1
            before = last.get(made["customer_id"])
            at = datetime.fromisoformat(made["at"])
            assert before is None or (at - before).days >= 90
            last[made["customer_id"]] = at


def test_store_holds_it_all(small):
    rows, store = small
    counts = store.counts()
    assert {table: counts[table] for table in TABLES} == {table: len(found) for table, found in rows.items()}
    assert store.as_of.isoformat() == max(row["at"] for row in rows["interactions"])[:10]
    assert store.meta("company_name") == "Larkfield Coffee"
    assert store.meta("company_name_zh") == "云雀咖啡"
    assert store.meta("currency") == "EUR" and store.meta("demo_seed") == "7"


def test_again_changes_nothing(small):
    _, store = small
    before = {table: store.frame(table) for table in TABLES}
    store.set_meta("demo_complete", "")  # as after an interruption
    phases = []
    make_demo(store, 7, lambda phase, done, total: phases.append(phase))
    assert all(store.frame(table).equals(before[table]) for table in TABLES)
    assert "writing interactions" in phases


def test_stopped_on_the_way_it_leaves_nothing(tmp_path: Path):
    def stop(phase, done, total):
        if phase == "writing products":
            raise KeyboardInterrupt

    with Store(tmp_path / "crm.sqlite") as store:
        with pytest.raises(KeyboardInterrupt):
            make_demo(store, 7, stop)
        assert store.meta("demo_seed") is None and not any(
            count for table, count in store.counts().items() if table != "meta"
        )


def test_other_records_are_left_alone(small, tmp_path: Path):
    _, store = small
    with pytest.raises(RecordError, match="seed 7"):
        make_demo(store, 8)
    with Store(tmp_path / "crm.sqlite") as other:
        other.upsert("customers", [{"id": "C-1001", "name": "Somebody real"}])
        with pytest.raises(RecordError, match="already holds customers"):
            make_demo(other, 7)
        assert other.counts()["customers"] == 1
