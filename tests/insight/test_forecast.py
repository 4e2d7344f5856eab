from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assistant.crm import Store
from assistant.errors import ModelError
from assistant.insight.forecast import (
    ForecastModel,
    _draw_weeks,
    _fit_series,
    _season,
    _seasonal_naive,
    _Series,
    _stretches,
    train_forecast,
    weekly_sales,
)

from .small_shop import orders_only, small_shop

START = date(2026, 1, 5)  # a Monday


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with small_shop(tmp_path_factory.mktemp("shop")) as store:
        yield store


@pytest.fixture(scope="module")
def model(shop: Store) -> ForecastModel:
    return ForecastModel().fit(shop)


def _wave(weeks: int, noise: float = 4.0) -> np.ndarray:
    t = np.arange(weeks)
    return 100 + 25 * np.sin(2 * np.pi * t / 52.18) + np.random.default_rng(5).normal(0, noise, weeks)


def _naive(y: np.ndarray, ahead: int) -> tuple[np.ndarray, np.ndarray]:
    return _seasonal_naive(y, ahead, _draw_weeks(len(y), _season(len(y)), ahead))


def test_weeks_are_whole_and_gaps_are_zero(tmp_path: Path) -> None:
    first = date(2025, 1, 1)  # a Wednesday: its week is not whole
    rows = [("a", first.isoformat(), 3.0)]
    monday = date(2025, 1, 6)
    rows += [("a", (monday + timedelta(weeks=n, days=4)).isoformat(), 10.0) for n in range(40) if n != 7]
    rows.append(("b", (monday + timedelta(weeks=40, days=1)).isoformat(), 99.0))  # a week that has only begun
    with orders_only(tmp_path, rows) as store:
        weekly = weekly_sales(store)
    assert list(weekly.columns) == [("all", "orders"), ("all", "revenue")]
    assert weekly.index[0].date() == monday and len(weekly) == 40
    revenue = weekly["all", "revenue"].to_numpy()
    assert revenue[7] == 0.0 and revenue.sum() == 390.0


def test_a_yearly_wave_is_seen() -> None:
    found = _fit_series(_wave(150), START)
    assert found.kept == "ETS on a yearly wave"
    truth = 100 + 25 * np.sin(2 * np.pi * np.arange(150, 163) / 52.18)
    naive, _ = _naive(_wave(150), 13)
    assert np.mean(np.abs(found.values - truth)) < np.mean(np.abs(naive - truth))
    noisy = truth + np.random.default_rng(6).normal(0, 4.0, (200, 13))
    low, high = np.quantile(found.courses, [0.1, 0.9], axis=0)
    assert 0.6 < np.mean((noisy >= low) & (noisy <= high)) < 0.97


def test_over_a_quarter_the_noise_of_single_weeks_mostly_cancels() -> None:
    """The interval of a sum is narrower than the sum of the weeks', and holds about as often as it should."""
    t = np.arange(90 + 8)
    sold = {("all", f"s{k}"): 100 + np.random.default_rng(k).normal(0, 8.0, len(t)) for k in range(12)}
    weekly = pd.DataFrame(sold, index=pd.date_range("2024-01-01", periods=len(t), freq="7D"))
    model = ForecastModel().fit_weekly(weekly.iloc[:90])
    inside = 0
    for group, series in sold:
        weeks = model.forecast(8, group=group, measure=series)
        total = model.total(weeks[0].week, weeks[-1].week + timedelta(days=6), group=group, measure=series)
        inside += total.low < weekly[group, series].iloc[90:].sum() < total.high
        assert total.high - total.low < 0.75 * sum(p.high - p.low for p in weeks)
    assert inside >= 7
    assert 0.5 < model.metrics["inside_80%_interval"] <= 1 and 1 <= model.stretch_[0] <= model.stretch_[1] < 3


def test_intervals_are_stretched_until_past_ones_would_have_held() -> None:
    courses = np.linspace(-10.0, 10.0, 501)[:, None] * np.ones(4)  # 8 of 10 lie within 8
    off = np.array([4.0, 8.0, 12.0, 16.0])
    tried = [(np.full(4, 100.0), 100 + courses, 100 + off), (np.full(4, 100.0), 100 + courses, 100 - off)]
    week, total = _stretches(tried)
    assert week == pytest.approx(2.0)  # as far as the worst: of 9, 8 are to hold
    assert total == week  # sums were no further off, but are never called surer than their weeks
    assert _stretches(tried[:1]) == (1.0, 1.0)  # four weeks tell too little
    assert _stretches([(v, c, s * 9) for v, c, s in tried])[0] == 3.0


def test_a_trend_is_followed() -> None:
    y = 50 + 2.0 * np.arange(60) + np.random.default_rng(1).normal(0, 3.0, 60)
    found = _fit_series(y, START)
    assert "ETS" in found.kept
    assert found.values[-1] == pytest.approx(50 + 2 * 72, rel=0.1)


def test_seasonal_naive_by_hand() -> None:
    y = np.arange(80.0)
    values, courses = _naive(y, 3)
    assert values.tolist() == [28.0, 29.0, 30.0]  # the same weeks a year before
    short, risen = _naive(y[:40], 3)
    assert short.tolist() == [39.0, 39.0, 39.0]
    # every week was 52 above the one a year before, and one above the one before
    assert (courses == values + 52).all() and (risen == [40.0, 41.0, 42.0]).all()


def test_forecast_of_a_record(model: ForecastModel, shop: Store) -> None:
    assert model.groups_[0] == "all" and {"beans", "tea"} <= set(model.groups_)
    points = model.forecast(6, group="beans", measure="revenue")
    assert [p.week for p in points] == [date(2026, 6, 29) + timedelta(weeks=k) for k in range(6)]
    assert all(0 <= p.low <= p.value <= p.high for p in points)
    recent = weekly_sales(shop)["beans", "revenue"].to_numpy()[-10:].mean()
    assert 0.5 * recent < np.mean([p.value for p in points]) < 2 * recent
    for row in model.table_.values():
        assert row["mase"] in (row["ets_mase"], row["seasonal_naive_mase"]) or row["kept"].startswith("ETS ")
    assert {"mase", "ets_mase", "seasonal_naive_mase"} <= set(model.metrics)


def test_the_total_of_some_weeks(model: ForecastModel) -> None:
    points = model.forecast(4, group="all", measure="orders")
    total = model.total(date(2026, 6, 29), date(2026, 7, 26))
    assert total is not None and total.weeks == tuple(p.week for p in points)
    assert total.value == pytest.approx(sum(p.value for p in points), abs=0.05)
    # of 60 weeks nothing tells a season from chance: as wide as if all weeks were low, or high, together
    assert total.low == pytest.approx(sum(p.low for p in points), abs=0.05)
    assert total.high == pytest.approx(sum(p.high for p in points), abs=0.05)
    assert total.high - total.low > max(p.high - p.low for p in points)
    one = model.total(date(2026, 7, 2), date(2026, 7, 8))
    assert one is not None and (one.weeks, one.low) == ((points[0].week,), points[0].low)
    assert model.total(date(2026, 7, 4), date(2026, 7, 5)) is None  # no Thursday
    assert model.total(date(2026, 6, 29), date(2026, 7, 26), group="machine") is None
    assert model.reach() == date(2026, 6, 29) + timedelta(weeks=12)


def test_a_model_of_an_older_version_says_what_to_type(model: ForecastModel) -> None:
    old = ForecastModel()
    old.groups_ = ["all"]
    series = object.__new__(_Series)
    series.__dict__.update(start=START, values=np.ones(13), widths=np.ones(13))
    old._series = {("all", "orders"): series}
    with pytest.raises(ModelError, match="older version") as error:
        old.forecast(2)
    assert error.value.hint == "crm-assistant train forecast"
    with pytest.raises(ModelError, match="older version"):
        old.total(START, START + timedelta(days=30))


def test_a_group_that_hardly_sells_is_left_out_and_named(model: ForecastModel) -> None:
    assert any("machine" in item["column"] and "weeks only" in item["reason"] for item in model.left_out_)
    with pytest.raises(ModelError, match="no forecast of orders for 'machine'") as error:
        model.forecast(group="machine")
    assert "beans" in error.value.hint


@pytest.mark.parametrize("weeks", [0, 14])
def test_reach(model: ForecastModel, weeks: int) -> None:
    with pytest.raises(ModelError, match="1 to 13 weeks"):
        model.forecast(weeks)


def test_too_few_weeks(tmp_path: Path) -> None:
    rows = [("a", (START + timedelta(days=n)).isoformat(), 5.0) for n in range(100)]
    with orders_only(tmp_path, rows) as store, pytest.raises(ModelError, match="26 whole weeks"):
        ForecastModel().fit(store)


def test_training_saves(shop: Store, tmp_path: Path) -> None:
    from assistant.insight.registry import load_model

    report = train_forecast(shop, home=tmp_path)
    assert report.version == "v1" and report.metrics["series"] >= 4
    assert "naive forecast repeats the last week" in report.notes[0]
    assert len(load_model(tmp_path, "forecast").forecast(4)) == 4
