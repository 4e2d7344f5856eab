"""The record: opening, migrations, transactions, lookups, threads."""

import sqlite3
import threading
import time
from datetime import date
from pathlib import Path

import pytest

from assistant.crm import Store
from assistant.crm.database import Database
from assistant.crm.schema import MIGRATIONS
from assistant.errors import RecordError

STEP_ONE = (1, "one", "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);")

_NEWEST = MIGRATIONS[-1][0]


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "crm.sqlite") as store:
        store.upsert(
            "customers",
            [
                {"id": "C-1", "name": "Ann Lee", "country": "Ireland", "attributes": {"hats": 2}},
                {"id": "C-2", "name": "Bo Jansen", "email": "bo@larch.example", "phone": "+31 (30) 555-0199"},
                {"id": "C-3", "name": "王小明", "country": "Ireland", "churned": True},
            ],
        )
        store.upsert("products", [{"id": "P-1", "name": "Tall Kettle", "name_zh": "高水壶", "price": 30.0}])
        store.upsert(
            "orders",
            [
                {
                    "id": "O-1",
                    "customer_id": "C-1",
                    "ordered_at": "2026-01-31T23:10:00",
                    "lines": [{"product_id": "P-1", "quantity": 2, "unit_price": 30.0, "amount": 60.0}],
                },
                {"id": "O-2", "customer_id": "C-1", "ordered_at": "2026-02-01T08:00:00"},
            ],
        )
        yield store


def test_opening_is_quick(tmp_path):
    Store(tmp_path / "crm.sqlite").close()
    took = []
    for _ in range(5):
        start = time.perf_counter()
        with Store(tmp_path / "crm.sqlite") as store:
            store.counts()
        took.append(time.perf_counter() - start)
    assert min(took) < 0.05


def test_a_newer_schema_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "crm.sqlite"
    Store(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute(f"PRAGMA user_version = {_NEWEST + 1}")
    raw.close()
    with pytest.raises(RecordError) as caught:
        Store(path)
    assert str(_NEWEST + 1) in caught.value.message and "upgrade" in caught.value.hint
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA user_version").fetchone()[0] == _NEWEST + 1
    raw.close()


def test_a_failing_migration_leaves_the_old_schema_and_can_be_repeated(tmp_path):
    path = tmp_path / "crm.sqlite"
    Database(path, migrations=[STEP_ONE]).close()
    broken = (2, "two", "CREATE TABLE b (y INTEGER) STRICT; INSERT INTO a VALUES (2); SELECT * FROM nowhere;")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        Database(path, migrations=[STEP_ONE, broken])
    old = Database(path, migrations=[STEP_ONE])
    assert [row["x"] for row in old.rows("SELECT x FROM a")] == [1]
    assert old.row("SELECT name FROM sqlite_master WHERE name = 'b'") is None
    old.close()
    mended = (
        2,
        "two",
        "CREATE TABLE b (y INTEGER) STRICT; -- a remark; with a semicolon\nINSERT INTO a VALUES (2);",
    )
    new = Database(path, migrations=[STEP_ONE, mended])
    assert [row["x"] for row in new.rows("SELECT x FROM a")] == [1, 2]
    new.close()


def test_a_migration_that_breaks_references_is_undone(tmp_path):
    one = (
        1,
        "one",
        "CREATE TABLE a (x INTEGER PRIMARY KEY); CREATE TABLE b (a INTEGER REFERENCES a (x));"
        "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);",
    )
    Database(tmp_path / "x", migrations=[one]).close()
    with pytest.raises(RecordError, match="point nowhere"):
        Database(tmp_path / "x", migrations=[one, (2, "two", "DELETE FROM a;")])
    database = Database(tmp_path / "x", migrations=[one])
    assert len(database.rows("SELECT * FROM a")) == 1
    database.close()


def test_two_openers_at_once_migrate_once(tmp_path):
    errors = []

    def open_it():
        try:
            Database(tmp_path / "crm.sqlite", migrations=MIGRATIONS).close()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"this is not a database, it is a letter" * 40, "isn't a record"), (None, "another program")],
)
def test_files_of_others_are_refused(tmp_path, content, part):
    path = tmp_path / "crm.sqlite"
    if content is None:
        with sqlite3.connect(path) as raw:
            raw.execute("CREATE TABLE stamps (x)")
        raw.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(RecordError, match=part) as caught:
        Store(path)
    assert caught.value.hint
    assert path.read_bytes() == before


def test_a_missing_record_is_not_made_when_told_so(tmp_path):
    with pytest.raises(RecordError) as caught:
        Store(tmp_path / "none" / "crm.sqlite", create=False)
    assert "crm-assistant demo" in caught.value.hint
    assert not (tmp_path / "none").exists()


def test_a_home_that_is_a_file_is_an_error_with_a_hint(tmp_path):
    (tmp_path / "home").write_text("x")
    with pytest.raises(RecordError, match="home folder") as caught:
        Store(tmp_path / "home" / "crm.sqlite")
    assert "--home" in caught.value.hint


def test_upsert_changes_only_what_is_named(store):
    store.upsert("customers", [{"id": "C-1", "tier": "gold"}])
    found = store.customer("C-1")
    assert (found["name"], found["tier"], found["attributes"]) == ("Ann Lee", "gold", {"hats": 2})
    assert store.counts()["customers"] == 3


def test_upsert_is_all_or_nothing(store):
    rows = [{"id": "C-8", "name": "new"}, {"id": "C-9", "hat": "tall"}]
    with pytest.raises(RecordError, match="hat"):
        store.upsert("customers", rows)
    assert store.customer("C-8") is None

    def interrupted():
        yield {"id": "C-8", "name": "new"}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.upsert("customers", interrupted())
    assert store.customer("C-8") is None
    store.upsert("customers", rows[:1])
    assert store.customer("C-8")["name"] == "new"


def test_a_row_that_points_nowhere_is_refused(store):
    with pytest.raises(RecordError) as caught:
        store.upsert("orders", [{"id": "O-9", "customer_id": "nobody", "ordered_at": "2026-01-01"}])
    assert "add that first" in caught.value.hint


def test_orders_newest_first_with_lines_and_inclusive_days(store):
    assert [order["id"] for order in store.orders("C-1")] == ["O-2", "O-1"]
    assert [order["id"] for order in store.orders("C-1", until="2026-01-31")] == ["O-1"]
    assert [order["id"] for order in store.orders("C-1", since=date(2026, 2, 1))] == ["O-2"]
    assert [order["id"] for order in store.orders("C-1", limit=1)] == ["O-2"]
    assert store.order("O-1")["lines"] == [
        {"product_id": "P-1", "product": "Tall Kettle", "quantity": 2.0, "unit_price": 30.0, "amount": 60.0}
    ]
    assert store.order("O-9") is None
    assert store.as_of == date(2026, 2, 1)


def test_lines_replace_an_orders_lines(store):
    store.upsert("orders", [{"id": "O-1", "customer_id": "C-1", "ordered_at": "2026-01-31", "lines": []}])
    assert store.order("O-1")["lines"] == []


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("C-2", ["C-2"]),
        ("c-2", ["C-2"]),
        ("ann  LEE", ["C-1"]),
        ("BO@larch.example", ["C-2"]),
        ("0031 30 555 0199", []),
        ("+31 30 555 0199", ["C-2"]),
        ("王小明", ["C-3"]),
        ("Ann", []),
        ("", []),
    ],
)
def test_find_customers(store, text, ids):
    assert [found["id"] for found in store.find_customers(text)] == ids


def test_customers_are_found_in_any_case_with_accents_too(store):
    store.upsert(
        "customers",
        [
            {
                "id": "ü-7",
                "name": "ÜMIT Çelik-Øst",
                "email": "É.Blanc@larch.example",
                "phone": "030/123.45.67",
            },
            {"id": "k9", "name": "王芳"},
        ],
    )
    asked = ("ümit çELIK-øST", "u\u0308mit c\u0327elik-øst", "é.blanc@LARCH.example", "030 1234567", "Ü-7")
    assert [[found["id"] for found in store.find_customers(text)] for text in asked] == [["ü-7"]] * 5
    assert [found["id"] for found in store.find_customers("K9")] == ["k9"]
    assert [found["id"] for found in store.find_customers("王芳")] == ["k9"]


def test_closest_customers(store):
    assert store.closest_customers("Anne Leigh")[0]["id"] == "C-1"
    assert store.closest_customers("C-22", n=1)[0]["id"] == "C-2"
    assert all(0 <= found["score"] <= 1 for found in store.closest_customers("x", n=9))


def test_customers_filters(store):
    assert [found["id"] for found in store.customers(country="Ireland")] == ["C-1", "C-3"]
    assert [found["id"] for found in store.customers(id=["C-1", "C-7"], churned=None)] == ["C-1"]
    assert [found["id"] for found in store.customers(churned=True)] == ["C-3"]
    with pytest.raises(RecordError, match="hat"):
        list(store.customers(hat=1))


def test_frame_reads_and_never_writes(store):
    assert list(store.frame("customers")["id"]) == ["C-1", "C-2", "C-3"]
    assert store.frame("SELECT count(*) AS n FROM orders WHERE customer_id = ?", ["C-1"])["n"][0] == 2
    assert list(store.frame("SELECT id FROM offers").columns) == ["id"]
    with pytest.raises(RecordError, match="readonly"):
        store.frame("DELETE FROM customers RETURNING id")
    assert store.counts()["customers"] == 3


def test_offers(store):
    store.upsert(
        "offers",
        [
            {"id": "OF-1", "name": "May", "kind": "discount", "value": 10, "terms": "t",
             "rules": {"tier": "gold"}, "valid_from": "2026-05-01", "valid_to": "2026-05-31"},
            {"id": "OF-2", "name": "Off", "kind": "gift", "value": 5, "terms": "t", "active": False},
        ],
    )  # fmt: skip
    assert [offer["id"] for offer in store.offers(date(2026, 5, 31))] == ["OF-1"]
    assert store.offers(date(2026, 6, 1)) == []
    assert len(store.offers()) == 2 and store.offer("OF-1")["rules"] == {"tier": "gold"}
    number = store.record_offer("OF-1", "C-1", outcome="sent")
    store.set_offer_outcome(number, "accepted")
    made = store.offers_made("C-1")
    assert [(made[0]["name"], made[0]["outcome"], made[0]["at"])] == [("May", "accepted", "2026-02-01")]
    with pytest.raises(RecordError):
        store.set_offer_outcome(99, "sent")


def test_conversation_from_start_to_hand_off(store):
    id = store.start_conversation("customer", "C-1", language="en")
    first = store.save_turn(
        id, message="hello", answer="Good day", detail={"tools": []}, state={"topic": "x"}
    )
    store.save_turn(id, message="bye", outcome="unknown")
    assert [(turn["number"], turn["message"]) for turn in store.turns(id)] == [(1, "hello"), (2, "bye")]
    assert [turn["number"] for turn in store.turns(id, limit=1)] == [2]
    assert store.conversation(id)["state"] == {"topic": "x"}
    store.rate_turn(first, -1, "no")
    assert [turn["id"] for turn in store.recent_turns(rating=-1)] == [first]
    ticket = store.hand_off(id, "asked for a person")
    assert store.hand_off(id, "again") == ticket
    assert store.conversation(id)["held_by"] == "person"
    store.claim_handoff(ticket, "marieke")
    with pytest.raises(RecordError, match="marieke"):
        store.claim_handoff(ticket, "tom")
    told = store.add_message(id, "agent", "I'm here")
    store.add_message(id, "customer", "good")
    assert [message["text"] for message in store.messages(id, after=told)] == ["good"]
    store.close_handoff(ticket)
    assert store.handoffs() == [] and len(store.handoffs(open=None)) == 1
    assert store.conversation(id)["held_by"] == "assistant"


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.save_turn("CV-none", message="x"),
        lambda store: store.rate_turn("TU-none", 1),
        lambda store: store.hand_off("CV-none", "x"),
        lambda store: store.claim_handoff("HO-none", "x"),
        lambda store: store.close_handoff("HO-none"),
        lambda store: store.close_conversation("CV-none"),
    ],
)
def test_changes_to_what_is_not_there_are_errors(store, change):
    with pytest.raises(RecordError, match="none"):
        change(store)


def test_audit_newest_first(store):
    store.audit("a", "agent", "looked", "C-1", {"why": "called"})
    store.audit("b", "admin", "trained")
    assert [entry["actor"] for entry in store.audit_log()] == ["b", "a"]
    assert store.audit_log(action="looked")[0]["detail"] == {"why": "called"}


def test_many_threads_write_and_read(store):
    id = store.start_conversation("visitor")
    errors = []

    def talk():
        try:
            for _ in range(10):
                store.save_turn(id, message="m")
                assert store.turns(id)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=talk) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [turn["number"] for turn in store.turns(id)] == list(range(1, 81))


def test_readers_go_on_while_a_transaction_is_open(store):
    with store.database.write() as connection:
        connection.execute("UPDATE customers SET name = 'Changed' WHERE id = 'C-1'")
        seen = []
        reader = threading.Thread(target=lambda: seen.append(store.customer("C-1")["name"]))
        reader.start()
        reader.join(timeout=10)
        assert seen == ["Ann Lee"]
        assert store.customer("C-1")["name"] == "Changed"


def test_a_closed_store_says_so(tmp_path: Path):
    store = Store(tmp_path / "crm.sqlite")
    store.close()
    with pytest.raises(RecordError, match="closed"):
        store.customer("C-1")
