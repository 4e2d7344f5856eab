"""Orders and revenue of the coming weeks, per product group, with intervals.

Exponential smoothing (ETS, by statsmodels), the same on top of a yearly wave, the seasonal naive forecast (the same
week a year before) and its mean with ETS are compared per series on past weeks; the best on the earlier ones is kept,
and the figures come from the last ones. Errors are scaled (MASE, Hyndman & Koehler 2006): below 1 is better than repeating the season within the
training weeks. ``statsforecast`` does the same faster on thousands of series but ties pandas to version 2.
"""

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from assistant.errors import ModelError
from assistant.insight import purchases
from assistant.insight.registry import Progress, TrainReport, hash_data, save_model

Measure = Literal["orders", "revenue"]
ALL = "all"  # the group that holds every product
YEAR = 52
FEWEST_WEEKS = 26
LONGEST = 13  # weeks ahead
LEVEL = 0.80  # of the intervals
_SIGMAS = 1.2816  # of a normal distribution, for that level
MOST_GROUPS = 12

#: a forecast: values and half widths of the interval, both (weeks ahead,)
_Path = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class ForecastPoint:
    """One week (``week`` is its Monday) of one series; 8 of 10 weeks should end between ``low`` and
    ``high``.
    """

    group: str
    measure: str
    week: date
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class _Series:
    kept: str
    start: date
    values: np.ndarray
    widths: np.ndarray
    figures: dict[str, Any]


class ForecastModel:
    """Forecasts of a record's weekly orders and revenue; ``fit`` raises :class:`ModelError` on too few weeks.

    ``groups_`` lists the product groups ("all" first), ``metrics`` means over all series, ``table_`` the
    figures of each. Without categories in the record there is only "all". The first and the last week count
    only if whole.
    """

    name = "forecast"

    def fit(self, store: purchases.Record, *, progress: Progress | None = None) -> Self:
        from threadpoolctl import threadpool_limits

        weekly = weekly_sales(store)
        self._series: dict[tuple[str, str], _Series] = {}
        self.left_out_: list[dict[str, str]] = []
        columns = list(weekly.columns)
        for done, (group, measure) in enumerate(columns):
            y = weekly[group, measure].to_numpy(float)
            if (y > 0).sum() < FEWEST_WEEKS:
                reason = f"sold in {(y > 0).sum()} weeks only, {FEWEST_WEEKS} are needed"
                self.left_out_.append({"column": f"{measure} of {group}", "reason": reason})
            else:
                start = (weekly.index[-1] + pd.Timedelta(weeks=1)).date()
                with threadpool_limits(1, "blas"):  # many tiny fits: waiting for threads is most of the work
                    self._series[group, measure] = _fit_series(y, start)
            if progress:
                progress("forecast: fit", done + 1, len(columns))
        if not self._series:
            raise ModelError(
                f"Nothing was sold in {FEWEST_WEEKS} weeks or more, which a forecast needs",
                "import more orders: crm-assistant import orders FILE",
            )
        self.groups_ = list(dict.fromkeys(group for group, _ in self._series))
        self.table_ = {f"{measure} of {group}": s.figures for (group, measure), s in self._series.items()}
        self.metrics = {
            "mase": _mean(self.table_, "mase"),
            "ets_mase": _mean(self.table_, "ets_mase"),
            "seasonal_naive_mase": _mean(self.table_, "seasonal_naive_mase"),
            f"inside_{LEVEL:.0%}_interval": _mean(self.table_, "inside_interval"),
            "series": len(self._series),
            "weeks": len(weekly),
            "test_weeks": _test_weeks(len(weekly)),
            "season_weeks": _season(len(weekly) - _test_weeks(len(weekly))),
        }
        return self

    def forecast(
        self, weeks: int = 8, *, group: str = ALL, measure: Measure = "orders"
    ) -> list[ForecastPoint]:
        """The next ``weeks`` (1 to 13) whole weeks after the ones learnt from."""
        if not 1 <= weeks <= LONGEST:
            raise ModelError(f"The forecast reaches 1 to {LONGEST} weeks, not {weeks}", "ask for fewer weeks")
        series = self._series.get((group, measure))
        if series is None:
            known = ", ".join(self.groups_)
            raise ModelError(f"There is no forecast of {measure} for {group!r}", f"groups: {known}")
        points = []
        for k in range(weeks):
            value, width = float(series.values[k]), float(series.widths[k])
            week = (pd.Timestamp(series.start) + pd.Timedelta(weeks=k)).date()
            low, high = max(value - width, 0.0), value + width
            points.append(ForecastPoint(group, measure, week, round(value, 2), round(low, 2), round(high, 2)))
        return points


def weekly_sales(store: purchases.Record) -> pd.DataFrame:
    """Whole weeks (index: Mondays) by (group, measure) for "all" and the groups that sell most; zeros filled
    in.

    Raises :class:`ModelError` below 26 weeks.
    """
    orders = purchases.orders(store)
    monday = orders["at"].dt.normalize() - pd.to_timedelta(orders["at"].dt.day_of_week, unit="D")
    first, last = orders["at"].min(), orders["at"].max()
    begin = monday.min() + pd.Timedelta(weeks=int(first.day_of_week > 0))
    # a company that is closed at the weekend has its week whole by Friday
    end = monday.max() - pd.Timedelta(weeks=int(last.day_of_week < 4))
    weeks = pd.date_range(begin, end, freq="7D")
    if len(weeks) < FEWEST_WEEKS:
        raise ModelError(
            f"A forecast needs {FEWEST_WEEKS} whole weeks of orders; there are {len(weeks)}",
            "import more orders: crm-assistant import orders FILE",
        )
    orders = orders.assign(week=monday)
    table: dict[tuple[str, str], pd.Series] = {
        (ALL, "orders"): orders.groupby("week")["order_id"].nunique(),
        (ALL, "revenue"): orders.groupby("week")["total"].sum(),
    }
    try:
        lines = purchases.lines(store)
    except ModelError:
        lines = None  # orders without lines: there are no groups
    if lines is not None:
        lines = lines.merge(orders[["order_id", "week"]], on="order_id")
        lines["group"] = lines["product_id"].map(purchases.products(store)["category"]).fillna("")
        lines = lines[lines["group"] != ""]
        biggest = lines.groupby("group")["amount"].sum().sort_values(ascending=False, kind="stable")
        for group in biggest.index[:MOST_GROUPS]:
            part = lines[lines["group"] == group]
            table[str(group), "orders"] = part.groupby("week")["order_id"].nunique()
            table[str(group), "revenue"] = part.groupby("week")["amount"].sum()
    frame = pd.DataFrame(
        {key: series.reindex(weeks).fillna(0.0) for key, series in table.items()}, index=weeks
    )
    frame.columns = pd.MultiIndex.from_tuples(list(table))
    return frame


def _season(weeks: int) -> int:
    """52 where a year and a half is known, else 1: then the naive forecast repeats the last week."""
    return YEAR if weeks >= YEAR + FEWEST_WEEKS else 1


def _test_weeks(weeks: int) -> int:
    return 8 if weeks >= YEAR else 4


def _fit_series(y: np.ndarray, start: date) -> _Series:
    """Choose on the weeks before the last ``test``, measure on those, and forecast from all."""
    test = _test_weeks(len(y))
    past = len(y) - test
    errors: list[dict[str, float]] = []
    for origin in (past - 2 * test, past - test):
        if origin >= FEWEST_WEEKS // 2:
            paths = _paths(y[:origin], test)
            errors.append(_errors(paths, y[:origin], y[origin : origin + test]))
    paths = _paths(y[:past], test)
    tested = _errors(paths, y[:past], y[past:])
    # a way that only the longer history allows has not been tried and can't be chosen
    tried = [name for name in paths if errors and all(name in e for e in errors)] or ["seasonal naive"]
    kept = min(tried, key=lambda name: float(np.mean([e[name] for e in errors])) if errors else 0.0)
    values, widths = paths[kept]
    figures = {
        "kept": kept,
        "mase": tested[kept],
        "ets_mase": tested["ETS"],
        "seasonal_naive_mase": tested["seasonal naive"],
        "inside_interval": float(np.mean(np.abs(y[past:] - values) <= widths)),
    }
    values, widths = _paths(y, LONGEST)[kept]
    return _Series(kept, start, values, widths, figures)


def _paths(y: np.ndarray, ahead: int) -> dict[str, _Path]:
    """Every way's forecast; the yearly wave is tried only where a year and a half is known."""
    naive, ets = _seasonal_naive(y, ahead), _ets(y, ahead)
    paths = {
        "seasonal naive": naive,
        "ETS": ets,
        "ETS and seasonal naive": ((naive[0] + ets[0]) / 2, (naive[1] + ets[1]) / 2),
    }
    if _season(len(y)) == YEAR:
        wave = _wave(len(y), ahead, y)
        values, widths = _ets(y - wave[: len(y)], ahead, signed=True)
        paths["ETS on a yearly wave"] = (np.maximum(values + wave[len(y) :], 0.0), widths)
    return paths


def _errors(paths: Mapping[str, _Path], train: np.ndarray, test: np.ndarray) -> dict[str, float]:
    season = _season(len(train))
    scale = float(np.mean(np.abs(train[season:] - train[:-season]))) or 1.0
    return {name: float(np.mean(np.abs(test - values))) / scale for name, (values, _) in paths.items()}


def _seasonal_naive(y: np.ndarray, ahead: int) -> _Path:
    season = _season(len(y))
    steps = np.arange(ahead)
    values = y[len(y) - season + steps % season]
    spread = float(np.std(y[season:] - y[:-season]))
    return np.maximum(values, 0.0), _SIGMAS * spread * np.sqrt(1 + steps // season)


def _wave(n: int, ahead: int, y: np.ndarray) -> np.ndarray:
    """(n + ahead,) two harmonics of a year of 52.18 weeks, by least squares beside a straight line."""
    t = np.arange(n + ahead)
    turns = 2 * np.pi * t[:, None] * np.array([1, 2]) / 52.18
    wave = np.hstack([np.sin(turns), np.cos(turns)])
    line = np.column_stack([np.ones_like(t), t / n])
    weights, *_ = np.linalg.lstsq(np.hstack([line, wave])[:n], y, rcond=None)
    return np.asarray(wave @ weights[2:])


def _ets(y: np.ndarray, ahead: int, *, signed: bool = False) -> _Path:
    """The ETS model with the lowest AICc among level, trend and damped trend; cut at 0 unless ``signed``."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    shapes: list[dict[str, Any]] = [{}, {"trend": "add"}, {"trend": "add", "damped_trend": True}]
    unit = float(np.mean(np.abs(y))) or 1.0
    series = pd.Series(y / unit)  # its predictions need an index
    best = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of starts that do not converge; another shape wins then
        for shape in shapes:
            try:
                model = ETSModel(series, error="add", initialization_method="heuristic", **shape)
                fitted = model.fit(disp=False, maxiter=100)
            except (ValueError, np.linalg.LinAlgError):
                continue
            if np.isfinite(fitted.aicc) and (best is None or fitted.aicc < best.aicc):
                best = fitted
        if best is None:
            values, widths = (
                np.full(ahead, float(np.mean(y[-8:]))),
                np.full(ahead, _SIGMAS * float(np.std(y))),
            )
        else:
            prediction = best.get_prediction(start=len(y), end=len(y) + ahead - 1)
            frame = prediction.summary_frame(alpha=1 - LEVEL)
            values = frame["mean"].to_numpy(float) * unit
            widths = (frame["pi_upper"] - frame["pi_lower"]).to_numpy(float) / 2 * unit
    return (values if signed else np.maximum(values, 0.0)), widths


def _mean(table: dict[str, dict[str, Any]], key: str) -> float:
    return float(np.mean([row[key] for row in table.values()]))


def train_forecast(
    store: Any, *, home: Path, embedder: Any = None, progress: Progress | None = None
) -> TrainReport:
    """Fit a :class:`ForecastModel` on the record and save it under ``home/models/forecast``."""
    started = time.perf_counter()
    weekly = weekly_sales(store)
    model = ForecastModel().fit(store, progress=progress)
    version = save_model(
        home,
        model.name,
        model,
        metrics=model.metrics,
        features=[f"{measure} of {group}" for group, measure in weekly.columns],
        data_hash=hash_data(weekly),
        report={"series": model.table_},
        metric="mase",
    )
    notes: Sequence[str] = ()
    if model.metrics["season_weeks"] == 1:
        notes = (
            "less than a year and a half of orders: the naive forecast repeats the last week, not a season",
        )
    return TrainReport(
        model.name,
        version,
        {**model.metrics, "series_figures": model.table_},
        model.left_out_,
        len(weekly),
        time.perf_counter() - started,
        notes=notes,
    )
