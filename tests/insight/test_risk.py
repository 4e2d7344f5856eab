"""The scorecard adds up, and planted odd orders are found."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assistant.crm import Store
from assistant.errors import ModelError
from assistant.insight.features import customer_features
from assistant.insight.registry import load_model
from assistant.insight.risk import Scorecard, find_anomalies, train_record_scorecard, train_scorecard

from .little_record import make_record
from .small_shop import small_shop

GERMAN = Path(__file__).parents[2].parent / "shared/data/german_credit/germancredit.csv"


def applicants(rows: int = 800, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    months, savings = rng.integers(3, 60, rows), rng.choice(["none", "some", "much"], rows)
    bad = rng.random(rows) < 1 / (
        1 + np.exp(-(-2.2 + 0.05 * months + np.where(savings == "none", 1.2, -0.4)))
    )
    return pd.DataFrame(
        {
            "months": months,
            "savings": savings,
            "shoe": rng.integers(36, 47, rows),
            "result": np.where(bad, "bad", "good"),
        }
    )


def test_points_add_up_and_mean_something(tmp_path: Path) -> None:
    frame = applicants(4000)
    report = train_scorecard(frame, "result", home=tmp_path)
    card: Scorecard = load_model(tmp_path, "scorecard")
    assert report.metrics["auc"] > 0.65 and report.metrics["gini"] == pytest.approx(
        2 * report.metrics["auc"] - 1
    )
    for score in card.predict(frame.head(20)):
        assert score.points == sum(points for _, _, points in score.lines)
    points = np.array([s.points for s in card.predict(frame)])
    bad = (frame["result"] == "bad").to_numpy()
    assert points[~bad].mean() > points[bad].mean() + 10
    # twenty points more double the odds of being good
    p = card.probability
    few, more = (
        s.probability for s in sorted(card.predict(frame), key=lambda s: s.points)[:: len(frame) - 1]
    )
    assert few > more and p is not None
    assert abs(np.mean([s.probability for s in card.predict(frame)]) - bad.mean()) < 0.02
    assert {"column": "shoe"}.items() <= report.left_out[0].items()


def test_the_printed_card_says_what_the_data_say(tmp_path: Path) -> None:
    frame = applicants()
    train_scorecard(frame, "result", home=tmp_path)
    table = load_model(tmp_path, "scorecard").table()
    months = table[(table["column"] == "months") & (table["rows"] > 0)]
    assert months["rows"].sum() == 800 and months["bad_rate"].is_monotonic_increasing
    assert months["points"].is_monotonic_decreasing
    none = table[table["label"].str.contains("none")].iloc[0]
    assert none["bad_rate"] == pytest.approx(
        (frame[frame["savings"] == "none"]["result"] == "bad").mean(), abs=0.01
    )


def test_unseen_and_missing_values_have_points(tmp_path: Path) -> None:
    train_scorecard(applicants(), "result", home=tmp_path)
    card = load_model(tmp_path, "scorecard")
    [score] = card.predict(pd.DataFrame({"months": [None], "savings": ["gold"], "shoe": [40]}))
    labels = {column: label for column, label, _ in score.lines}
    assert labels["months"] == labels["savings"] == "missing or new"


def test_a_category_of_many_rare_levels_does_not_tell_the_answer(tmp_path: Path) -> None:
    frame = applicants(400)
    plain = train_scorecard(frame, "result", home=tmp_path / "plain").metrics["auc"]
    street = [f"street {k % 190}" for k in range(len(frame))]
    report = train_scorecard(frame.assign(street=street), "result", home=tmp_path / "streets")
    assert report.metrics["auc"] == pytest.approx(plain, abs=0.005)
    assert "street" in [x["column"] for x in report.left_out]


def test_scorecard_needs_enough_of_both(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="50 good and 50 bad"):
        train_scorecard(applicants(80), "result", home=tmp_path)
    with pytest.raises(ModelError, match="no column 'outcome'"):
        train_scorecard(applicants(), "outcome", home=tmp_path)
    noise = pd.DataFrame({"x": np.arange(400) % 7, "result": ["bad", "good"] * 200})
    with pytest.raises(ModelError, match="tells good from bad"):
        train_scorecard(noise, "result", home=tmp_path)


@pytest.mark.skipif(not GERMAN.exists(), reason="shared/data/german_credit is not here")
def test_german_credit_scorecard(tmp_path: Path) -> None:
    report = train_scorecard(GERMAN, "creditability", home=tmp_path)
    assert report.metrics["auc"] >= 0.78


def test_odd_orders_stand_out(tmp_path: Path) -> None:
    with make_record(tmp_path / "crm.sqlite", 60) as store:
        odd = {"id": "ODD", "customer_id": "K0001", "ordered_at": "2025-11-20T03:10:00", "total": 4800.0}
        store.upsert("orders", [odd])
        found = find_anomalies(store)
        assert "ODD" in [a.order_id for a in found] and len(found) <= store.counts()["orders"] * 0.01
        flagged = next(a for a in found if a.order_id == "ODD")
        assert flagged.score > 0.99 and flagged.customer_id == "K0001"
        assert any("times this customer's usual amount" in r for r in flagged.reasons)
        assert any("at night (3 h)" in r for r in flagged.reasons) and len(flagged.reasons_zh) == len(
            flagged.reasons
        )
        assert find_anomalies(store) == found


def test_amounts_stand_out_among_those_of_their_own_currency(tmp_path: Path) -> None:
    with make_record(tmp_path / "crm.sqlite", 60) as store:
        orders = store.frame("SELECT id, customer_id, ordered_at, total, status FROM orders").assign(
            currency="EUR"
        )
        store.upsert("orders", orders.to_dict("records"))
        usual = orders.loc[orders["total"] > 0, "total"].median()
        rng = np.random.default_rng(0)
        yen = [
            {"id": f"Y{n}", "customer_id": f"K{n % 50:04d}", "ordered_at": f"2025-{1 + n // 50:02d}-{1 + n % 28:02d}T10:00:00", "status": "delivered",
             "total": float(usual * 170 * rng.uniform(0.9, 1.1)), "currency": "JPY"}
            for n in range(150)
        ]  # fmt: skip
        yen.append({**yen[0], "id": "MUCH", "total": float(usual * 170 * 40)})
        odd = {"id": "ODD", "customer_id": "K0001", "ordered_at": "2025-11-20T03:10:00", "total": usual * 40}
        store.upsert("orders", [*yen, odd])
        found = {a.order_id: a for a in find_anomalies(store, share=0.02)}
    assert "MUCH" in found and found["MUCH"].currency == "JPY" and "JPY" in found["MUCH"].money
    # a usual amount of yen is a large number, and large beside this customer's euros, but stands out in no way
    assert not [
        why
        for a in found.values()
        if a.order_id.startswith("Y")
        for why in a.reasons
        if "usual amount" in why
    ]
    # and an order that is much without a currency, which counts as the usual one, stays among the highest
    assert any("among the highest" in why for why in found["ODD"].reasons) and found["ODD"].currency is None


def test_too_few_orders_for_anomalies(tmp_path: Path) -> None:
    with Store(tmp_path / "crm.sqlite") as store, pytest.raises(ModelError, match="too few"):
        find_anomalies(store)


def test_a_scorecard_of_the_record_gives_its_customers_points(tmp_path: Path) -> None:
    with small_shop(tmp_path) as store:
        report = train_record_scorecard(store, home=tmp_path)
        card: Scorecard = load_model(tmp_path, "scorecard")
        frame = customer_features(store)
    points = [s.points for s in card.predict(frame)]
    assert report.metrics["auc"] > 0.6 and len(points) == 150 and len(set(points)) > 5
