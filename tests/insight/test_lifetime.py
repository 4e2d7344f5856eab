from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assistant.crm import Store
from assistant.errors import ModelError
from assistant.insight.lifetime import BgNbd, GammaGamma, LifetimeModel, summary, train_lifetime

from .small_shop import orders_only, small_shop

CDNOW = Path(__file__).parents[3] / "shared" / "data" / "cdnow" / "CDNOW_sample.txt"
needs_cdnow = pytest.mark.skipif(not CDNOW.is_file(), reason="the CDNOW sample is not there")


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    frame = pd.read_csv(
        CDNOW, sep=r"\s+", header=None, names=["master", "customer_id", "at", "cds", "total"],
        dtype={"master": str, "customer_id": str, "at": str},
    )  # fmt: skip
    frame["at"] = pd.to_datetime(frame["at"], format="%Y%m%d")
    return frame


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with small_shop(tmp_path_factory.mktemp("shop")) as store:
        yield store


def _arrays(table: pd.DataFrame) -> list[np.ndarray]:
    return [table[c].to_numpy(float) for c in ("frequency", "recency", "age")]


def test_summary_by_hand() -> None:
    orders = pd.DataFrame(
        [
            ("a", "2026-01-01 09:00", 10.0),
            ("a", "2026-01-15 10:00", 20.0),
            ("a", "2026-01-15 18:00", 30.0),
            ("a", "2026-02-05 10:00", 40.0),
            ("b", "2026-01-22 10:00", 7.0),
            ("b", "2026-03-01 10:00", 8.0),  # after the end
        ],
        columns=["customer_id", "at", "total"],
    )
    orders["at"] = pd.to_datetime(orders["at"])
    table = summary(orders, pd.Timestamp("2026-02-12"))
    a, b = table.loc["a"], table.loc["b"]
    assert (a["frequency"], a["recency"], a["age"], a["value"], a["spent"]) == (2, 5.0, 6.0, 45.0, 100.0)
    assert (b["frequency"], b["recency"], b["age"], b["spent"]) == (0, 0.0, 3.0, 7.0)
    assert np.isnan(b["value"])


@needs_cdnow
def test_published_parameters(cdnow: pd.DataFrame) -> None:
    """Fader, Hardie & Lee (2005), calibration period of 39 weeks; Fader & Hardie (2013) for the spend."""
    table = summary(cdnow, pd.Timestamp("1997-09-30"))
    assert len(table) == 2357
    m = BgNbd().fit(*_arrays(table))
    assert m.r_ == pytest.approx(0.243, rel=0.01)
    assert m.alpha_ == pytest.approx(4.414, rel=0.01)
    assert m.a_ == pytest.approx(0.793, rel=0.01)
    assert m.b_ == pytest.approx(2.426, rel=0.01)
    assert m.log_likelihood_ == pytest.approx(-9582.4, abs=0.1)
    # a customer with two repeat purchases, the last in week 30.43 of 38.86: the next 39 weeks
    one = np.array([2.0]), np.array([30.43]), np.array([38.86])
    assert m.expected(39.0, *one)[0] == pytest.approx(1.226, abs=0.001)
    spenders = table[table["value"] > 0]
    g = GammaGamma().fit(spenders["frequency"].to_numpy(), spenders["value"].to_numpy())
    assert g.p_ == pytest.approx(6.25, rel=0.01)
    assert g.q_ == pytest.approx(3.74, rel=0.01)
    assert g.v_ == pytest.approx(15.44, rel=0.01)


@needs_cdnow
def test_held_out_orders_of_cdnow_are_foretold_better_than_by_own_rates(cdnow: pd.DataFrame) -> None:
    metrics = LifetimeModel().fit_orders(cdnow).metrics
    assert metrics["mae"] < metrics["own_rate_mae"]
    assert metrics["rmse"] < metrics["own_rate_rmse"]


def _simulated(n: int, seed: int, r: float, alpha: float, a: float, b: float) -> list[np.ndarray]:
    """Frequency, recency, age, and purchases in the ten weeks after, of customers who follow the model."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        rate, drop, age = rng.gamma(r, 1 / alpha), rng.beta(a, b), rng.uniform(20, 50)
        now, x, last, later = 0.0, 0, 0.0, 0
        while True:
            now += rng.exponential(1 / rate)
            if now > age + 10:
                break
            if now <= age:
                x, last = x + 1, now
            else:
                later += 1
            if rng.random() < drop:
                break
        rows.append((x, last, age, later))
    return [np.array(column, float) for column in zip(*rows, strict=True)]


def test_finds_the_parameters_customers_were_made_with() -> None:
    x, t, age, later = _simulated(3000, 1, 1.2, 6.0, 0.8, 3.0)
    m = BgNbd().fit(x, t, age)
    assert m.r_ == pytest.approx(1.2, rel=0.15)
    assert m.alpha_ == pytest.approx(6.0, rel=0.15)
    assert m.a_ / (m.a_ + m.b_) == pytest.approx(0.8 / 3.8, rel=0.15)
    foretold = m.expected(10.0, x, t, age)
    assert foretold.sum() == pytest.approx(later.sum(), rel=0.07)
    often = foretold > np.median(foretold)
    assert later[often].mean() > 2 * later[~often].mean()


def test_customers_who_never_leave_are_learnt_too() -> None:
    rng = np.random.default_rng(4)
    rate, age = rng.gamma(2.0, 1 / 6.0, 1000), rng.uniform(20, 50, 1000)
    x = rng.poisson(rate * age).astype(float)
    last = np.where(
        x > 0, age * rng.random(1000) ** (1 / np.maximum(x, 1)), 0.0
    )  # the latest of x even times
    m = BgNbd().fit(x, last, age)
    assert m.r_ == pytest.approx(2.0, rel=0.15) and m.alpha_ == pytest.approx(6.0, rel=0.15)
    assert m.p_alive(x, last, age).min() > 0.9
    foretold = m.expected(10.0, x, last, age)
    assert foretold.sum() == pytest.approx(10.0 * ((2.0 + x) / (6.0 + age)).sum(), rel=0.05)


@pytest.mark.parametrize(("a", "b"), [(0.8, 2.5), (2.5, 4.0), (1.0, 3.0)])
def test_expected_equals_the_closed_form(a: float, b: float) -> None:
    from scipy.special import hyp2f1

    m = BgNbd()
    m.r_, m.alpha_, m.a_, m.b_ = 0.6, 5.0, a + 1e-9, b  # the closed form divides by a - 1
    a = m.a_
    x, t, age, span = 3.0, 20.0, 30.0, 12.0
    top = (a + b + x - 1) / (a - 1)
    grown = ((5.0 + age) / (5.0 + age + span)) ** (0.6 + x)
    top *= 1 - grown * hyp2f1(0.6 + x, b + x, a + b + x - 1, span / (5.0 + age + span))
    closed = top / (1 + a / (b + x - 1) * ((5.0 + age) / (5.0 + t)) ** (0.6 + x))
    found = m.expected(span, np.array([x]), np.array([t]), np.array([age]))[0]
    assert found == pytest.approx(closed, rel=1e-3)


def test_without_drop_out_it_is_a_plain_rate() -> None:
    m = BgNbd()
    m.r_, m.alpha_, m.a_, m.b_ = 2.0, 10.0, 1e-4, 5000.0
    found = m.expected(10.0, np.array([8.0]), np.array([40.0]), np.array([40.0]))[0]
    assert found == pytest.approx(10.0 * (2 + 8) / (10 + 40), rel=1e-3)


def test_alive_and_wait() -> None:
    m = BgNbd()
    m.r_, m.alpha_, m.a_, m.b_ = 1.0, 4.0, 0.8, 2.4
    x, age = np.array([5.0, 5.0, 0.0]), np.array([50.0, 50.0, 50.0])
    t = np.array([49.0, 10.0, 0.0])
    alive = m.p_alive(x, t, age)
    assert alive[0] > 0.8 > 0.1 > alive[1]  # the one has just bought, the other has been silent for long
    assert alive[2] == 1.0  # the model's own view of customers who bought once
    wait = m.wait(0.5, x, t, age)
    assert np.isinf(wait[1]) and wait[0] < wait[2]
    # by the foretold time half of the probability has happened
    assert alive[0] * (1 - ((4.0 + 50) / (4.0 + 50 + wait[0])) ** 6) == pytest.approx(0.5)


def test_spend_leans_on_everybody() -> None:
    rng = np.random.default_rng(2)
    n = 2000
    own = 3.0 / rng.gamma(4.0, 1 / 20.0, n)
    x = rng.integers(1, 8, n)
    value = np.array([rng.gamma(3.0 * k, 1.0 / k, 1)[0] * m / 3.0 for k, m in zip(x, own, strict=True)])
    g = GammaGamma().fit(x, value)
    assert g.expected(np.array([0.0]), np.array([np.nan]))[0] == pytest.approx(own.mean(), rel=0.07)
    few, many = g.expected(np.array([1.0, 50.0]), np.array([60.0, 60.0]))
    assert own.mean() < few < many < 60.0
    assert abs(g.correlation_) < 0.1
    tenfold = GammaGamma().fit(x, value * 10)  # another currency
    assert tenfold.p_ == pytest.approx(g.p_, rel=1e-3) and tenfold.v_ == pytest.approx(10 * g.v_, rel=1e-3)


def test_predictions_of_a_record(shop: Store) -> None:
    model = LifetimeModel().fit(shop)
    assert model.metrics["mae"] > 0 and model.metrics["own_rate_mae"] > 0
    everybody = {p.customer_id: p for p in model.predict(shop, horizon_days=180)}
    assert set(everybody) == set(shop.frame("orders")["customer_id"])
    often, seldom = everybody["c001"], everybody["c007"]  # every 12 and every 50 days
    assert often.expected_orders > 2 * seldom.expected_orders > 0
    assert often.usual_gap_days == pytest.approx(12, abs=3)
    assert often.next_order_on is not None and often.next_order_on > date(2026, 6, 30)
    assert often.lifetime_value is not None and often.expected_value is not None
    assert 0.9 < often.lifetime_value / (often.expected_value * often.expected_orders) < 1.0  # discounted
    gone = everybody["c038"]  # left months ago after frequent orders
    assert gone.p_alive < 0.3 and gone.next_order_on is None
    assert "no further order" in gone.text_en and "不再下单" in gone.text_zh
    some = model.predict(shop, ["c007", "c001"], horizon_days=180)
    assert some == [seldom, often]
    assert model.predict(shop, ["nobody"]) == []
    longer = model.predict(shop, ["c001"], horizon_days=360)[0]
    assert longer.expected_orders > often.expected_orders


def test_training_saves(shop: Store, tmp_path: Path) -> None:
    from assistant.insight.registry import load_model

    report = train_lifetime(shop, home=tmp_path)
    assert report.version == "v1" and report.rows > 1000 and report.metrics["r"] > 0
    assert load_model(tmp_path, "lifetime").predict(shop, ["c001"])[0].orders > 20


def test_orders_without_totals_have_no_value(tmp_path: Path) -> None:
    rows = [(f"k{k % 60}", f"2026-{1 + n:02d}-{1 + k % 27:02d}", None) for k in range(60) for n in range(5)]
    with orders_only(tmp_path, rows) as store:
        report = train_lifetime(store, home=tmp_path)
        prediction = LifetimeModel().fit(store).predict(store, ["k1"])[0]
    assert prediction.lifetime_value is None and prediction.expected_orders > 0
    assert "no value" in report.notes[0]


@pytest.mark.parametrize(
    "rows",
    [
        [("a", "2026-01-01", 5.0)],
        [(f"k{n}", "2026-01-01", 5.0) for n in range(200)],  # nobody came back
        [(f"k{n % 100}", f"2026-01-{1 + n % 20:02d}", 5.0) for n in range(400)],  # three weeks
    ],
)
def test_too_little(rows, tmp_path: Path) -> None:
    with (
        orders_only(tmp_path, rows) as store,
        pytest.raises(ModelError, match="Lifetime value needs") as error,
    ):
        LifetimeModel().fit(store)
    assert error.value.hint
