from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assistant.crm import Store
from assistant.errors import ModelError
from assistant.insight.moved import check_models, record_facts
from assistant.insight.naming import name_problem, propose_names, rename_segments
from assistant.insight.purchases import customer_table
from assistant.insight.registry import history, load_model, note_record, rollback
from assistant.insight.segments import Segment, SegmentModel, _fifth, _stability, train_segments

from .small_shop import orders_only, small_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with small_shop(tmp_path_factory.mktemp("shop")) as store:
        store.upsert("customers", [{"id": "new"}])
        yield store


@pytest.fixture(scope="module")
def model(shop: Store) -> SegmentModel:
    return SegmentModel().fit(shop)


def test_customer_table_by_hand(tmp_path: Path) -> None:
    rows = [
        ("a", "2026-01-01", 10.0),
        ("a", "2026-03-02", 30.0),
        ("b", "2024-06-01", 5.0),
        ("b", "2026-03-12", 7.0),
    ]
    with orders_only(tmp_path, rows) as store:
        table = customer_table(store)
    a, b = table.loc["a"], table.loc["b"]
    assert (a["days_since_order"], a["orders_12m"], a["order_value"], a["spend_12m"]) == (10, 2, 20.0, 40.0)
    assert (b["days_since_order"], b["orders_12m"], b["spend_12m"]) == (0, 1, 7.0)
    assert b["tenure_days"] == 649
    assert not {"subscribed", "contacts_12m", "products_per_order"} & set(table)


def test_amounts_of_two_currencies_are_never_added(tmp_path: Path) -> None:
    from assistant.insight.features import customer_features
    from assistant.insight.lifetime import summary
    from assistant.insight.purchases import currency, orders

    rows = [("a", "2026-03-01", 10.0), ("a", "2026-03-05", 30.0), ("b", "2026-03-05", 40.0), ("a", "2026-03-09", 9000.0)]  # fmt: skip
    with orders_only(tmp_path, rows) as store:
        named = [
            {k: r[k] for k in ("id", "customer_id", "ordered_at")}
            | {"currency": "JPY" if r["total"] == 9000 else "EUR"}
            for r in store.orders("a")
        ]
        store.upsert("orders", named)
        assert currency(store) == "EUR"
        table, found = customer_table(store), orders(store)
        assert table.loc["a", ["orders_12m", "spend_12m", "order_value"]].tolist() == [3, 40.0, 20.0]
        assert table.loc["b", "spend_12m"] == 40.0, "an order without a currency is in the usual one"
        assert summary(found, found["at"].max()).loc["a", "value"] == 30.0
        assert customer_features(store).loc["a", "spend_90"] == 40.0


def test_subscriptions_and_contacts_are_features(tmp_path: Path) -> None:
    with small_shop(tmp_path, customers=9) as store:
        store.upsert(
            "subscriptions",
            [
                {
                    "id": "s1",
                    "customer_id": "c001",
                    "plan": "Home",
                    "status": "active",
                    "started_on": "2026-01-01",
                }
            ],
        )
        said = {"customer_id": "c002", "channel": "ticket", "author": "customer", "text": "It leaks."}
        store.upsert(
            "interactions",
            [{"id": "i1", "at": "2026-06-01T10:00:00", **said}, {"id": "i2", "at": "2025-01-01", **said}],
        )
        table = customer_table(store)
    assert table["subscribed"].to_dict() == {c: float(c == "c001") for c in table.index}
    assert table.loc["c002", ["contacts_12m", "unhappy_12m"]].tolist() == [1.0, 1.0]
    assert table.loc["c001", "contacts_12m"] == 0.0


def test_tastes_are_told_apart(model: SegmentModel, shop: Store) -> None:
    """Tea drinkers and bean drinkers do not share segments, whatever else decides."""
    found = {p.customer_id: p for p in model.predict(shop)}
    tea = Counter(found[f"c{k:03d}"].segment for k in range(2, 150, 3))
    beans = Counter(found[f"c{k:03d}"].segment for k in range(150) if k % 3 < 2)
    shared = sum(min(tea[s] / 50, beans[s] / 100) for s in tea)
    assert shared < 0.35
    assert "tea" in " ".join(s.profile_en for s in model.segments_)


def test_choice_is_by_silhouette_and_stability(model: SegmentModel) -> None:
    table = pd.DataFrame(model.table_)
    assert set(table["method"]) == {"k-means", "hierarchical"} and table["segments"].min() == 3
    merit = (table["silhouette"] * table["stability"])[table["smallest_share"] >= 0.03]
    kept = table.loc[merit.idxmax()]
    assert (kept["method"], kept["segments"]) == (model.metrics["method"], model.metrics["segments"])
    assert 0 < model.metrics["silhouette"] < 1 and 0 < model.metrics["stability"] <= 1


def test_stability_tells_clusters_from_noise() -> None:
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [8, 0], [0, 8]])
    clear = np.vstack([rng.normal(c, 0.5, (60, 2)) for c in centres])
    noise = rng.uniform(0, 1, (180, 2))
    samples = [rng.integers(0, 180, 180) for _ in range(4)]
    labels = np.repeat([0, 1, 2], 60)
    assert _stability(clear, labels, samples, "k-means", 3, 1) == pytest.approx(1.0)
    from assistant.insight.segments import _cluster

    found = _cluster(noise, "k-means", 7, 1)
    assert _stability(noise, found, samples, "k-means", 7, 1) < 0.8


def test_names_and_profiles(model: SegmentModel) -> None:
    names = [s.name_en for s in model.segments_]
    assert len(set(names)) == len(names) and len({s.name_zh for s in model.segments_}) == len(names)
    assert all(s.profile_en and s.profile_zh for s in model.segments_)
    assert sum(s.customers for s in model.segments_) == len(model.picture_)
    assert sum(s.share for s in model.segments_) == pytest.approx(1.0)
    spend = [s.means["spend_12m"] for s in model.segments_]
    assert max(spend) == spend[0] or spend == sorted(spend, reverse=True)
    best = model.segments_[0]
    assert best.means["spend_12m"] > best.everybody["spend_12m"]


def test_rfm(model: SegmentModel, shop: Store) -> None:
    found = {p.customer_id: p for p in model.predict(shop)}
    assert found["c001"].rfm[1] == "5"  # every 12 days
    gone = found["c038"]  # frequent once, silent for months
    assert gone.rfm[0] == "1" and gone.rfm_name_en not in ("Champions", "Loyal", "Promising")
    assert {p.rfm_name_zh for p in found.values()} >= {"核心客户"}
    spend = customer_table(shop)["spend_12m"]
    money = pd.Series({c: int(p.rfm[2]) for c, p in found.items() if p.rfm})
    means = spend.groupby(money).mean()
    assert means.is_monotonic_increasing and len(means) == 5


@pytest.mark.parametrize(("value", "fifth"), [(0, 1), (1, 1), (2, 2), (5, 3), (9, 5), (99, 5), (-1, 1)])
def test_fifths(value: float, fifth: int) -> None:
    assert _fifth(np.arange(10.0), value) == fifth


def test_equal_values_share_a_fifth() -> None:
    assert _fifth(np.ones(50), 1.0) == 3


def test_some_customers_and_those_without_orders(model: SegmentModel, shop: Store) -> None:
    everybody = {p.customer_id: p for p in model.predict(shop)}
    some = model.predict(shop, ["c010", "new", "c001"])
    assert [p.customer_id for p in some] == ["c010", "new", "c001"]
    assert some[0] == everybody["c010"] and some[2] == everybody["c001"]
    assert (some[1].segment, some[1].name_en, some[1].rfm) == (0, "No purchases yet", "")
    assert model.predict(shop, ["new"])[0].name_zh == "尚未购买"
    with pytest.raises(ModelError, match="no customer 'x'"):
        model.predict(shop, ["c001", "x"])


def test_picture(model: SegmentModel, shop: Store) -> None:
    picture = model.picture_
    assert list(picture.columns) == ["customer_id", "x", "y", "segment"] and len(picture) == len(
        customer_table(shop)
    )
    assert 0.3 < model.metrics["picture_variance"] <= 1.0
    one = model.predict(shop, ["c001"])[0]
    row = picture.set_index("customer_id").loc["c001"]
    assert (one.x, one.y) == (round(row["x"], 3), round(row["y"], 3)) and one.segment == row["segment"]


def test_renaming_is_a_new_version(shop: Store, tmp_path: Path) -> None:
    report = train_segments(shop, home=tmp_path)
    assert report.version == "v1" and report.metrics["silhouette"] > 0 and len(report.notes) >= 3
    old = load_model(tmp_path, "segments").segments_[0].name_en
    assert rename_segments(tmp_path, {1: ("House friends", "老朋友")}) == "v2"
    names = {p.segment: p.name_en for p in load_model(tmp_path, "segments").predict(shop)}
    assert names[1] == "House friends"
    rollback(tmp_path, "segments")
    assert load_model(tmp_path, "segments").segments_[0].name_en == old
    for bad in ((99, "A", "甲"), (1, " ", "甲"), (1, report.notes[1].split(" (")[0].split(" ", 1)[1], "甲")):
        with pytest.raises(ModelError):
            rename_segments(tmp_path, {bad[0]: bad[1:]})


def test_a_name_stays_with_its_customers_and_what_is_known_of_the_training_with_the_model(
    shop: Store, tmp_path: Path
) -> None:
    train_segments(shop, home=tmp_path)
    note_record(tmp_path, "segments", "v1", record_facts(shop))
    rename_segments(tmp_path, {2: ("House friends", "老朋友")})
    before, saved = history(tmp_path, "segments")[1], history(tmp_path, "segments")[0]
    assert saved.data_hash == before.data_hash and saved.report["record"] == before.report["record"]
    assert saved.report["segments"][1]["name_en"] == "House friends" and saved.report["tried"]
    assert not next(c for c in check_models(shop, tmp_path, ["segments"])).advice.retrain
    report = train_segments(shop, home=tmp_path)
    assert report.notes[-1] == "names kept: House friends"
    named = load_model(tmp_path, "segments").segments_
    assert [s.name_en for s in named].index("House friends") == 1


def test_two_segments_never_share_a_name(shop: Store, tmp_path: Path) -> None:
    train_segments(shop, home=tmp_path)
    with pytest.raises(ModelError, match="Two segments would be called"):
        rename_segments(tmp_path, {1: ("Friends", "朋友"), 2: ("friends", "老友")})
    assert len(history(tmp_path, "segments")) == 1


SLEEPERS = Segment(
    1, "Sleeping customers", "沉睡客户", "", "", 10, 0.1,
    {"days_since_order": 300.0, "orders_12m": 1.0, "spend_12m": 20.0, "subscribed": 0.0},
    {"days_since_order": 60.0, "orders_12m": 8.0, "spend_12m": 200.0, "subscribed": 0.4},
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Dormant small spenders", ""),
        ("One-time buyers", ""),
        ("Shoppers without a subscription", ""),
        ("Loyal tea lovers", "opposite"),
        ("Active subscribers", "opposite"),
        ("High-value friends", "opposite"),
        ("Top 10 buyers", "number"),
        ("Twenty percent club", "number"),
        ("Customer group", "says nothing"),
        ("gone quiet", "another segment"),
        ("People who bought something long ago and never again", "words"),
        ("Sleepers: they don't buy", "more than a name"),
        ("", "words"),
    ],
)
def test_a_name_is_checked_against_the_profile(name: str, problem: str) -> None:
    found = name_problem(name, SLEEPERS, ["Gone quiet"])
    assert problem in found and bool(found) == bool(problem)


@pytest.mark.parametrize(
    ("name", "problem"),
    [("久未下单的客户", ""), ("一次性买家", ""), ("无订阅客户", ""), ("高消费常客", "opposite"), ("每年3单的客户", "number"),
     ("客户群", "says nothing"), ("Sleepers", "Chinese"), ("这些客户已经很久没有下过单了所以需要关注", "Chinese")],
)  # fmt: skip
def test_so_is_a_chinese_one(name: str, problem: str) -> None:
    found = name_problem(name, SLEEPERS, ["已离开的人"], zh=True)
    assert problem in found and bool(found) == bool(problem)


class Namer:
    """Answers in turn: once with a number, then well; to everything Chinese with nonsense."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def invoke(self, messages: list[tuple[str, str]]) -> object:
        from types import SimpleNamespace

        self.asked.append(messages[1][1])
        if "特点" in messages[1][1]:
            return SimpleNamespace(content="Name")
        return SimpleNamespace(content=f'**Name: "{"Club 7" if len(self.asked) == 1 else "Friends of " + "abcdefghijklmnopqrstuvwxyz"[len(self.asked)]}"**\nBecause.')  # fmt: skip


def test_a_model_proposes_names_and_what_fails_keeps_the_rules(shop: Store, tmp_path: Path) -> None:
    train_segments(shop, home=tmp_path)
    namer = Namer()
    found = propose_names(tmp_path, namer)
    assert "Another name" in namer.asked[1] and "Club 7" in namer.asked[1]
    assert all(p.name_en.startswith("Friends of") for p in found)
    assert len({p.name_en for p in found}) == len(found)
    assert all(p.name_zh == p.now_zh and "Chinese" in p.problems[0] for p in found)
    assert history(tmp_path, "segments")[0].version == "v1", "nothing is saved by asking"


def test_same_record_same_segments(shop: Store, model: SegmentModel) -> None:
    again = SegmentModel().fit(shop)
    assert [vars(s) for s in again.segments_] == [vars(s) for s in model.segments_]


def test_orders_alone_are_enough(tmp_path: Path) -> None:
    rows = [
        (f"k{k:02d}", f"2026-{1 + n % 6:02d}-{1 + (k * 3 + n) % 27:02d}", 5.0 + 40 * (k % 2) + n)
        for k in range(80)
        for n in range(1 + k % 4 * 3)
    ]
    with orders_only(tmp_path, rows) as store:
        model = SegmentModel().fit(store)
        assert len(model.predict(store)) == 80
    assert not any("share" in c for c in model._columns)


def test_too_little(tmp_path: Path) -> None:
    with (
        orders_only(tmp_path, [("a", "2026-01-01", 5.0)]) as store,
        pytest.raises(ModelError, match="60 customers"),
    ):
        SegmentModel().fit(store)


def test_all_alike(tmp_path: Path) -> None:
    rows = [(f"k{k}", "2026-01-01", 5.0) for k in range(100)]
    with orders_only(tmp_path, rows) as store, pytest.raises(ModelError, match="all alike"):
        SegmentModel().fit(store)
