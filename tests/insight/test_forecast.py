from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from assistant.crm import Store
from assistant.errors import ModelError
from assistant.insight.forecast import (
    ForecastModel,
    _fit_series,
    _seasonal_naive,
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
    naive, _ = _seasonal_naive(_wave(150), 13)
    assert np.mean(np.abs(found.values - truth)) < np.mean(np.abs(naive - truth))
    noisy = truth + np.random.default_rng(6).normal(0, 4.0, (200, 13))
    inside = np.mean(np.abs(noisy - found.values) <= found.widths)
    assert 0.6 < inside < 0.97


def test_a_trend_is_followed() -> None:
    y = 50 + 2.0 * np.arange(60) + np.random.default_rng(1).normal(0, 3.0, 60)
    found = _fit_series(y, START)
    assert "ETS" in found.kept
    assert found.values[-1] == pytest.approx(50 + 2 * 72, rel=0.1)


def test_seasonal_naive_by_hand() -> None:
    y = np.arange(80.0)
    values, widths = _seasonal_naive(y, 3)
    assert values.tolist() == [28.0, 29.0, 30.0]  # the same weeks a year before
    short, _ = _seasonal_naive(y[:40], 3)
    assert short.tolist() == [39.0, 39.0, 39.0]
    assert widths.shape == (3,)


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
