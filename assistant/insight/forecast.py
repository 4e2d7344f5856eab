"""Orders and revenue of the coming weeks, per product group, with intervals.

Exponential smoothing (ETS, by statsmodels), the same on top of a yearly wave, the seasonal naive forecast (the same
week a year before) and its mean with ETS are compared per series on past weeks; the best on the earlier ones is kept,
and the figures come from the last ones. Errors are scaled (MASE, Hyndman & Koehler 2006): below 1 is better than repeating the season within the
training weeks. ``statsforecast`` does the same faster on thousands of series but ties pandas to version 2.

Intervals come from sampled courses of the coming weeks: past errors are drawn anew in runs of consecutive weeks (moving
blocks, Künsch 1989) and carried on by the way's own recursion (ETS: statsmodels' ``simulate``). The interval of a sum
over several weeks is that of the courses' sums: bad weeks and good ones cancel in it as they do in the record, where
adding up the weeks' own bounds would take all weeks to err in one direction. What no course knows (growth that ends, a
year unlike the last) is learnt from forecasts of weeks that have passed: all intervals are stretched until as many of
those would have held as should.
"""

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
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
COURSES = 500  # sampled per series
_RUN = 4  # consecutive weeks whose errors are drawn together
MOST_GROUPS = 12
FEWEST_TRIED = 8  # past intervals, below which none is stretched
MOST_STRETCH = 3.0

#: a forecast: values (weeks ahead,) and sampled courses (COURSES, weeks ahead)
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
class ForecastTotal:
    """The sum over ``weeks`` (their Mondays); 8 of 10 such sums should end between ``low`` and ``high``."""

    weeks: tuple[date, ...]
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class _Series:
    kept: str
    start: date
    values: np.ndarray
    courses: np.ndarray
    figures: dict[str, Any]
    tried: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...] = ()
    """Forecasts of past weeks, oldest first: values, courses, and what was sold."""

    def week(self, k: int) -> date:
        return self.start + timedelta(weeks=k)


class ForecastModel:
    """Forecasts of a record's weekly orders and revenue; ``fit`` raises :class:`ModelError` on too few weeks.

    ``groups_`` lists the product groups ("all" first), ``metrics`` means over all series, ``table_`` the
    figures of each. Without categories in the record there is only "all". The first and the last week count
    only if whole.
    """

    name = "forecast"

    def fit(self, store: purchases.Record, *, progress: Progress | None = None) -> Self:
        return self.fit_weekly(weekly_sales(store), progress=progress)

    def fit_weekly(self, weekly: pd.DataFrame, *, progress: Progress | None = None) -> Self:
        """The same from whole weeks (index: Mondays) by (group, measure)."""
        from threadpoolctl import threadpool_limits

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
        self.seasonal_ = _season(len(weekly)) == YEAR
        before = _stretches([tried for s in self._series.values() for tried in s.tried[:-1]])
        for s in self._series.values():
            values, courses, sold = s.tried[-1]
            low, high = _bounds(values, courses, before[0])
            s.figures["inside_interval"] = float(np.mean((sold >= low) & (sold <= high)))
            low, high = _bounds(values.sum(), courses.sum(axis=1), before[1])
            s.figures["sum_inside_interval"] = float(low <= sold.sum() <= high)
        self.stretch_ = _stretches([tried for s in self._series.values() for tried in s.tried])
        self._series = {key: replace(s, tried=()) for key, s in self._series.items()}
        self.table_ = {f"{measure} of {group}": s.figures for (group, measure), s in self._series.items()}
        self.metrics = {
            "mase": _mean(self.table_, "mase"),
            "ets_mase": _mean(self.table_, "ets_mase"),
            "seasonal_naive_mase": _mean(self.table_, "seasonal_naive_mase"),
            f"inside_{LEVEL:.0%}_interval": _mean(self.table_, "inside_interval"),
            f"sum_inside_{LEVEL:.0%}_interval": _mean(self.table_, "sum_inside_interval"),
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
        series = self._of(group, measure)
        return [ForecastPoint(group, measure, series.week(k), *self._span(series, [k])) for k in range(weeks)]

    def total(
        self, since: date, until: date, *, group: str = ALL, measure: Measure = "orders"
    ) -> ForecastTotal | None:
        """The sum over the weeks that lie mostly (by their Thursday) between two days; None where there is no
        such week or no forecast of this series.
        """
        if (group, measure) not in self._series:
            return None
        series = self._of(group, measure)
        inside = [k for k in range(LONGEST) if since <= series.week(k) + timedelta(days=3) <= until]
        if not inside:
            return None
        return ForecastTotal(tuple(series.week(k) for k in inside), *self._span(series, inside))

    def reach(self, group: str = ALL) -> date | None:
        """The last week (its Monday) that a forecast of this group reaches."""
        ends = [s.week(LONGEST - 1) for (name, _), s in self._series.items() if name == group]
        return max(ends, default=None)

    def _span(self, series: _Series, weeks: list[int]) -> tuple[float, float, float]:
        """The value of some weeks together and the bounds of its interval, rounded.

        Never wider than if all weeks erred in one direction, and as wide as that where less than a year and a half is
        known: nothing there tells a season from chance, and forecasts miss whole quarters by it.
        """
        each, courses = series.values[weeks], series.courses[:, weeks]
        value = float(each.sum())
        lows, highs = _bounds(each, courses, self.stretch_[0])
        low, high = lows.sum(), highs.sum()
        if self.seasonal_ and len(weeks) > 1:
            narrow = _bounds(value, courses.sum(axis=1), self.stretch_[1])
            low, high = max(low, narrow[0]), min(high, narrow[1])
        return round(value, 2), round(float(low), 2), round(float(high), 2)

    def _of(self, group: str, measure: str) -> _Series:
        series = self._series.get((group, measure))
        if series is None:
            known = ", ".join(self.groups_)
            raise ModelError(f"There is no forecast of {measure} for {group!r}", f"groups: {known}")
        if not hasattr(series, "courses"):
            raise ModelError("The forecast was learnt by an older version", "crm-assistant train forecast")
        return series


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
    origins = [o for o in (past - 2 * test, past - test) if o >= FEWEST_WEEKS // 2]
    tries = [_paths(y[:o], test) for o in (*origins, past)]
    sold = [y[o : o + test] for o in (*origins, past)]
    errors = [_errors(p, y[:o], s) for p, o, s in zip(tries, (*origins, past), sold, strict=True)]
    *before, tested = errors
    # a way that only the longer history allows has not been tried and can't be chosen
    known = [name for name in tries[-1] if before and all(name in e for e in before)] or ["seasonal naive"]
    kept = min(known, key=lambda name: float(np.mean([e[name] for e in before])) if before else 0.0)
    figures = {
        "kept": kept,
        "mase": tested[kept],
        "ets_mase": tested["ETS"],
        "seasonal_naive_mase": tested["seasonal naive"],
    }
    values, courses = _paths(y, LONGEST)[kept]
    tried = tuple((*p[kept], s) for p, s in zip(tries, sold, strict=True))
    return _Series(kept, start, values, courses.astype(np.float32), figures, tried)


def _paths(y: np.ndarray, ahead: int) -> dict[str, _Path]:
    """Every way's forecast; the yearly wave is tried only where a year and a half is known.

    All ways' courses draw the errors of the same past weeks, so that the mean of two ways errs as both do together.
    """
    drawn = _draw_weeks(len(y), _season(len(y)), ahead)
    naive, ets = _seasonal_naive(y, ahead, drawn), _ets(y, ahead, drawn)
    paths = {
        "seasonal naive": naive,
        "ETS": ets,
        "ETS and seasonal naive": ((naive[0] + ets[0]) / 2, (naive[1] + ets[1]) / 2),
    }
    if _season(len(y)) == YEAR:
        wave, doubt = _wave(y, ahead)
        values, courses = _ets(y - wave[: len(y)], ahead, drawn)
        paths["ETS on a yearly wave"] = (values + wave[len(y) :], courses + wave[len(y) :] + doubt)
    # nothing is sold less than not at all
    return {name: (np.maximum(v, 0.0), np.maximum(c, 0.0)) for name, (v, c) in paths.items()}


def _draw_weeks(n: int, first: int, ahead: int) -> np.ndarray:
    """Positions (COURSES, ahead) of past weeks from ``first`` on, in runs of ``_RUN`` that begin anywhere and go round."""
    random = np.random.default_rng(0)
    starts = random.integers(0, n - first, (COURSES, -(-ahead // _RUN), 1))
    runs = (starts + np.arange(_RUN)).reshape(COURSES, -1)[:, :ahead]
    return np.asarray(first + runs % (n - first))


def _bounds(value: Any, courses: np.ndarray, stretch: float = 1.0) -> tuple[Any, Any]:
    """Bounds of the interval about a value (or an array of them), never below 0; the value lies within."""
    low, high = np.quantile(courses, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    low, high = np.minimum(low, value), np.maximum(high, value)
    return np.maximum(value - stretch * (value - low), 0.0), value + stretch * (high - value)


def _stretches(tried: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """By how much the intervals of a week, and of a sum of weeks, must be wider for a share of ``LEVEL`` of the tried
    ones to have held what was sold (split conformal prediction with scaled residuals, Lei et al. 2018).
    """
    weeks: list[float] = []
    sums: list[float] = []
    for values, courses, sold in tried:
        weeks += [_beyond(values[k], courses[:, k], sold[k]) for k in range(len(sold))]
        sums += [
            _beyond(values[:n].sum(), courses[:, :n].sum(axis=1), sold[:n].sum())
            for n in (len(sold) // 2, len(sold))
        ]
    week, both = _stretch(weeks), _stretch(sums)
    return week, max(week, both)


def _beyond(value: float, courses: np.ndarray, sold: float) -> float:
    """How far from the value what was sold lies, in distances to the bound on that side."""
    low, high = _bounds(value, courses)
    reach = high - value if sold > value else value - low
    return float(abs(sold - value) / max(reach, 1e-9 * max(abs(value), 1.0)))


def _stretch(beyond: Sequence[float]) -> float:
    if len(beyond) < FEWEST_TRIED:
        return 1.0
    rank = min(int(np.ceil((len(beyond) + 1) * LEVEL)), len(beyond))
    return float(np.clip(np.sort(beyond)[rank - 1], 1.0, MOST_STRETCH))


def _errors(paths: Mapping[str, _Path], train: np.ndarray, test: np.ndarray) -> dict[str, float]:
    season = _season(len(train))
    scale = float(np.mean(np.abs(train[season:] - train[:-season]))) or 1.0
    return {name: float(np.mean(np.abs(test - values))) / scale for name, (values, _) in paths.items()}


def _seasonal_naive(y: np.ndarray, ahead: int, drawn: np.ndarray) -> _Path:
    season = _season(len(y))
    values = y[len(y) - season + np.arange(ahead) % season]
    errors = y[drawn] - y[drawn - season]
    for k in range(season, ahead):  # what repeats a forecast week has that week's error, too
        errors[:, k] += errors[:, k - season]
    return values, values + errors


def _wave(y: np.ndarray, ahead: int) -> tuple[np.ndarray, np.ndarray]:
    """Two harmonics of a year of 52.18 weeks, by least squares beside a straight line, over past and coming weeks
    (n + ahead,); and how far off they may be in the coming ones (COURSES, ahead), by fitting them to past errors drawn
    anew: such an error lasts for weeks and doesn't cancel in their sum.
    """
    n = len(y)
    t = np.arange(n + ahead)
    turns = 2 * np.pi * t[:, None] * np.array([1, 2]) / 52.18
    wave = np.hstack([np.sin(turns), np.cos(turns)])
    terms = np.hstack([np.column_stack([np.ones_like(t), t / n]), wave])
    fit = np.linalg.pinv(terms[:n])
    weights = fit @ y
    errors = (y - terms[:n] @ weights)[_draw_weeks(n, 0, n)]
    return wave @ weights[2:], errors @ (wave[n:] @ fit[2:]).T


def _ets(y: np.ndarray, ahead: int, drawn: np.ndarray) -> _Path:
    """The ETS model with the lowest AICc among level, trend and damped trend."""
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
            values = np.full(ahead, float(np.mean(y[-8:])))
            return values, values + y[drawn] - np.mean(y)
        errors = np.asarray(best.resid)
        values = best.forecast(ahead).to_numpy(float) * unit
        courses = best.simulate(
            ahead, anchor="end", repetitions=len(drawn), random_errors=(errors - errors.mean())[drawn].T
        )
    return values, courses.to_numpy(float).T * unit


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
