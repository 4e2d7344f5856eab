"""Who is about to leave: learned from the record itself, by looking back at many earlier days.

On each of up to 18 earlier days (30 days apart) the features of everyone who was a customer then are put
beside what they did in the 90 days after it. A record without such a history, but with the company's own
label ``churned``, is learned as a plain table of customers.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from assistant.errors import ModelError
from assistant.insight.evaluate import (
    Reference,
    RetrainAdvice,
    calibration_error,
    calibration_table,
    confusion,
    cost_threshold,
    drift,
    measure,
    references,
    retrain_advice,
)
from assistant.insight.explain import Counterfactual, Reason, counterfactuals, global_importance, reasons
from assistant.insight.features import (
    ACTIVE_DAYS,
    History,
    Sentiment,
    active_at,
    attribute_features,
    courses_at,
    day_number,
    day_of,
    features_at,
    left_within,
)
from assistant.insight.phrases import feature_phrase
from assistant.insight.registry import (
    Progress,
    TrainReport,
    current_version,
    hash_data,
    load_model,
    save_model,
)
from assistant.insight.scoring import CATEGORY, COURSE, NUMBER, CalibratedScorer, make_scorer, select, sigmoid
from assistant.insight.tablemodel import TableModel, band_names, fit_table, make_folds

if TYPE_CHECKING:
    from assistant.crm import Store

HORIZON = 90  # days ahead
STEP, SNAPSHOTS = 30, 18
LEAST_ROWS, LEAST_LEAVERS = 100, 25
MOST_ROWS = 150_000
TOP_REASONS = 5  # that each prediction keeps when everyone is predicted
CATEGORIES = ("plan", "country", "language")
# What a company can do something about, and the values that it could have instead.
ACTIONABLE: dict[str, tuple[Any, ...]] = {
    "complaints_30": (0.0,),
    "complaints_90": (0.0,),
    "days_since_contact": (1.0,),
    "late_90": (0.0,),
    "leaving_words_90": (0.0,),
    "offers_accepted_365": (1.0,),
    "price_change_180": (0.0,),
    "skipped_90": (0.0,),
    "days_since_order": (1.0,),
    "days_since_shop_order": (1.0,),
}


@dataclass(frozen=True)
class ChurnPrediction:
    """How likely a customer is to leave within 90 days, and why; ``reasons`` weightiest first.

    The contributions of all reasons and ``base`` sum to the probability's log-odds. ``active`` is False for
    someone who, by the record, has left already (no subscription, no order for 120 days): then the
    probability says little.
    """

    customer_id: str
    probability: float
    band: str  # low | medium | high
    reasons: tuple[Reason, ...]
    version: str
    active: bool = True
    as_of: str = ""
    base: float = 0.0

    def as_dict(self, reasons: int | None = 5) -> dict[str, Any]:
        return {
            "customer_id": self.customer_id,
            "probability": round(self.probability, 4),
            "band": self.band,
            "active": self.active,
            "as_of": self.as_of,
            "reasons": [r.as_dict() for r in self.reasons[:reasons]],
            "version": self.version,
        }


class ChurnModel:
    """The fitted model; made by :func:`train_churn` and loaded by ``load_model(home, "churn")``."""

    version: str | None = None
    metrics: Mapping[str, Any] = {}

    def __init__(
        self,
        scorer: CalibratedScorer | None,
        *,
        table: TableModel | None = None,
        rate: float,
        trained_on: Sequence[Reference] = (),
        importance: Mapping[str, float] | None = None,
        rows: int = 0,
        as_of: str = "",
    ) -> None:
        self.scorer = scorer
        self.table = table
        self.rate = rate
        self.trained_on = list(trained_on)
        self.importance = dict(importance or {})
        self.rows = rows
        self.as_of = as_of
        self._cache: tuple[Any, list[ChurnPrediction]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cache": None}

    def predict(
        self, store: "Store", ids: Sequence[str] | None = None, *, as_of: date | None = None
    ) -> list[ChurnPrediction]:
        """Predictions for ``ids``, in their order; without ids for everyone who is a customer as of the day.

        With ids every reason is given, so that they sum up; without, the five weightiest. ``as_of`` is the
        record's last day unless given. Raises :class:`ModelError` for unknown customers.
        """
        if ids is not None:
            self._check_known(store, ids)
            if len(ids) <= 500:
                return self._predict(store, ids, as_of)
        key = (str(getattr(store, "path", id(store))), as_of or store.as_of, tuple(store.counts().items()))
        if self._cache is None or self._cache[0] != key:
            self._cache = (key, self._predict(store, None, as_of))
        everyone = self._cache[1]
        if ids is None:
            return [p for p in everyone if p.active]
        by_id = {p.customer_id: p for p in everyone}
        return [by_id[i] for i in ids]

    def what_if(self, store: "Store", customer_id: str, *, goal: float | None = None) -> list[Counterfactual]:
        """Which changes the company can bring about would lower this customer's score, and to what."""
        self._check_known(store, [customer_id])
        if self.table is not None:
            rows = attribute_features(_customers(store, [customer_id]))
            return self.table.what_if(self.table.complete(rows), goal=goal)
        assert self.scorer is not None
        row = _with_course(History.read(store, [customer_id]), day_number(store.as_of))
        X = row[self.scorer.columns]
        options = {name: values for name, values in ACTIONABLE.items() if self._can_change(name, X)}
        return counterfactuals(self.scorer, X, options, goal=goal)

    def advice(self, store: "Store") -> RetrainAdvice:
        """Have the customers' features moved since training, and is it time to train again?"""
        today = store.as_of
        age = (today - date.fromisoformat(self.as_of)).days if self.as_of else None
        if self.table is not None:
            rows = self.table.complete(attribute_features(_customers(store, None)))
            return self.table.advice(rows, age_days=age)
        history = History.read(store)
        day = day_number(today)
        X = features_at(history, day)[active_at(history, day)]
        moved = drift(self.trained_on, X)
        return retrain_advice(moved, age_days=age, importance=self.importance)

    def _can_change(self, name: str, X: pd.DataFrame) -> bool:
        return name in X.columns and not bool(X[name].isna().iloc[0])

    def _check_known(self, store: "Store", ids: Sequence[str]) -> None:
        unknown = [i for i in ids if store.customer(i) is None]
        if unknown:
            near = [str(c["id"]) for c in store.closest_customers(unknown[0])]
            hint = f"the closest are: {', '.join(near)}" if near else "the record holds no customers"
            raise ModelError(f"There is no customer {unknown[0]!r}", hint)

    def _predict(
        self, store: "Store", ids: Sequence[str] | None, as_of: date | None
    ) -> list[ChurnPrediction]:
        day = as_of or store.as_of
        if self.table is not None:
            return self._predict_table(store, ids, day)
        assert self.scorer is not None
        history = History.read(store, ids)
        X = _with_course(history, day_number(day))
        active = active_at(history, day_number(day))
        X = X[self.scorer.columns]
        probability = self.scorer.probability(X)
        parts, base = self.scorer.contributions(X)
        bands = band_names(probability, self.rate)
        columns = self.scorer.columns
        values = {name: X[name].tolist() for name in columns}
        most = None if ids is not None else TOP_REASONS
        found = {}
        for i, customer_id in enumerate(X.index):
            row = [values[name][i] for name in columns]
            why = tuple(reasons(columns, row, parts[i], feature_phrase, n=most))
            found[customer_id] = ChurnPrediction(
                str(customer_id),
                float(probability[i]),
                str(bands[i]),
                why,
                self.version or "",
                bool(active[i]),
                day.isoformat(),
                base,
            )
        return [found[i] for i in ids] if ids is not None else list(found.values())

    def _predict_table(self, store: "Store", ids: Sequence[str] | None, day: date) -> list[ChurnPrediction]:
        assert self.table is not None
        customers = _customers(store, ids)
        if not len(customers):
            return []
        rows = self.table.complete(attribute_features(customers))
        base = self.table.scorer.contributions(self.table.prepare(rows.head(1)))[1]
        predicted = self.table.predict(rows, reasons_per_row=None if ids is not None else TOP_REASONS)
        found = {
            str(customer): ChurnPrediction(
                str(customer),
                p.probability,
                p.band,
                p.reasons,
                self.version or "",
                True,
                day.isoformat(),
                base,
            )
            for customer, p in zip(customers["id"], predicted, strict=True)
        }
        return [found[i] for i in ids] if ids is not None else list(found.values())


@dataclass
class Snapshots:
    """Customers on earlier days: features (rows, features), whether they left (rows,), who and when."""

    X: pd.DataFrame
    y: np.ndarray
    who: np.ndarray
    day: np.ndarray


def snapshots(history: History, progress: Progress | None = None, seed: int = 0) -> Snapshots:
    """Everyone who was a customer on each of the days to learn from, with what became of them."""
    newest, oldest = history.last_day - HORIZON, history.first_day + ACTIVE_DAYS
    number = 1 + int((newest - oldest) // STEP) if newest >= oldest else 0
    if number < 1:
        length = int(history.last_day - history.first_day) if np.isfinite(history.last_day) else 0
        raise ModelError(
            f"The record covers {length} days; learning who leaves takes {HORIZON + ACTIVE_DAYS} days of orders",
            "import older orders, or customers with a column that says who has churned",
        )
    dates = [newest - STEP * k for k in range(min(number, SNAPSHOTS))][::-1]
    rng = np.random.default_rng(seed)
    chosen = np.ones(len(history), dtype=bool)
    if len(history) * len(dates) > MOST_ROWS:
        chosen = rng.random(len(history)) < MOST_ROWS / (len(history) * len(dates))
    parts, labels, people, when = [], [], [], []
    for done, day in enumerate(dates):
        if progress:
            progress("looking back", done, len(dates))
        active = active_at(history, day) & chosen
        parts.append(_with_course(history, day)[active].reset_index(drop=True))
        labels.append(left_within(history, day, HORIZON)[active])
        people.append(np.flatnonzero(active))
        when.append(np.full(int(active.sum()), day))
    X = pd.concat(parts, ignore_index=True)
    return Snapshots(X, np.concatenate(labels).astype(int), np.concatenate(people), np.concatenate(when))


def _with_course(history: History, day: float) -> pd.DataFrame:
    """Features as of a day, and beside them the course of events that the sequence model reads."""
    return features_at(history, day).assign(**{COURSE: list(courses_at(history, day))})


def train_churn(
    store: "Store",
    *,
    home: Path,
    embedder: Any = None,
    progress: Progress | None = None,
    sentiment: Sentiment | None = None,
) -> TrainReport:
    """Learn who leaves from the record, keep the best of the models, and save it as ``churn``."""
    started = time.perf_counter()
    if progress:
        progress("reading the record", 0, None)
    history = History.read(store, sentiment=sentiment)
    if not len(history):
        raise ModelError("The record holds no customers", "crm-assistant import orders FILE")
    labelled = history.customers["churned"].notna()
    long_enough = history.last_day - history.first_day >= HORIZON + ACTIVE_DAYS
    if labelled.sum() >= LEAST_ROWS and not long_enough:
        return _train_on_labels(store, history.customers, home, progress, started)
    data = snapshots(history, progress)
    leavers = int(data.y.sum())
    if len(data.y) < LEAST_ROWS or min(leavers, len(data.y) - leavers) < LEAST_LEAVERS:
        raise ModelError(
            f"The record shows {leavers} customers leaving in {len(data.y)} looks back; a model needs at least "
            f"{LEAST_LEAVERS} that left, {LEAST_LEAVERS} that stayed and {LEAST_ROWS} in all",
            "import more orders, or a longer time",
        )
    kinds, left_out = _choose_features(data.X.drop(columns=COURSE))
    X = data.X[[*kinds, COURSE]]
    folds = make_folds(data.y, data.who, 5, 0)
    selection = select(X, data.y, kinds, folds, progress=progress)
    p = selection.kept.probability
    metrics: dict[str, Any] = {
        **selection.kept.metrics,
        "calibration_error": calibration_error(data.y, p),
        "rate": float(data.y.mean()),
        "rows": len(data.y),
        "customers": len(np.unique(data.who)),
        "snapshots": len(np.unique(data.day)),
        **_forward(data, X, kinds, selection.kept.kind),
    }
    rival = _in_place_on(home, data, metrics)
    importance = global_importance(selection.scorer, X)
    details = {
        "kept": selection.kept.kind,
        "candidates": selection.figures(),
        "calibration": calibration_table(data.y, p),
        "confusion": confusion(data.y, p, cost_threshold(5.0, 1.0)),
        "importance": [asdict(i) for i in importance],
        "definition": f"a customer has a subscription or ordered in the last {ACTIVE_DAYS} days; one leaves who "
        f"within {HORIZON} days has cancelled the subscription, or without one places no order",
        "days": [day_of(d).isoformat() for d in np.unique(data.day)],
    }
    as_of = store.as_of.isoformat()
    now = features_at(history, history.last_day)[active_at(history, history.last_day)]
    model = ChurnModel(
        selection.scorer,
        rate=float(data.y.mean()),
        trained_on=references(now, kinds),
        importance={i.column: i.share for i in importance},
        rows=len(data.y),
        as_of=as_of,
    )
    return _save(
        model,
        home,
        metrics,
        list(kinds),
        hash_data(X[list(kinds)], data.y),
        details,
        left_out,
        [],
        started,
        rival,
    )


def _choose_features(X: pd.DataFrame) -> tuple[dict[str, str], list[dict[str, str]]]:
    kinds: dict[str, str] = {}
    left_out: list[dict[str, str]] = []
    for name in X.columns:
        distinct = X[name].nunique(dropna=False)
        if distinct < 2 or X[name].notna().sum() < 20:
            left_out.append({"column": name, "reason": "the record says the same about everyone"})
        else:
            kinds[name] = CATEGORY if name in CATEGORIES else NUMBER
    return kinds, left_out


def _forward(data: Snapshots, X: pd.DataFrame, kinds: Mapping[str, str], kept: str) -> dict[str, float]:
    """The kept kind of model as it would have done in life: learned from days whose outcome was known by
    then, tried on the newest day."""
    newest = data.day.max()
    old, new = data.day <= newest - HORIZON, data.day == newest
    y_old, y_new = data.y[old], data.y[new]
    if min(y_old.sum(), (1 - y_old).sum()) < LEAST_LEAVERS or not 0 < y_new.sum() < len(y_new):
        return {}
    scorer = make_scorer(kept, kinds)
    p = sigmoid(scorer.fit(X[old], y_old).logit(X[new]))
    return {f"forward_{name}": value for name, value in measure(y_new, p).items()}


def _in_place_on(home: Path, data: Snapshots, new: Mapping[str, Any]) -> dict[str, float] | None:
    """How the model in place does on the newest day, where it was trained before that day's outcomes were known.

    Its own figures are of older data, and the new one's of harder or easier ones; on that day both can be compared.
    """
    if "forward_log_loss" not in new or current_version(home, "churn") is None:
        return None
    newest = data.day.max()
    try:
        old: ChurnModel = load_model(home, "churn")
        if old.scorer is None or not old.as_of or day_number(date.fromisoformat(old.as_of)) > newest:
            return None
        now = data.day == newest
        p = old.scorer.probability(data.X[now][old.scorer.columns])
    except (ModelError, KeyError, ValueError):
        return None  # damaged, or of other features
    return {f"forward_{name}": value for name, value in measure(data.y[now], p).items()}


def _train_on_labels(
    store: "Store", customers: pd.DataFrame, home: Path, progress: Progress | None, started: float
) -> TrainReport:
    """The company's own label and the customers' columns, as a table."""
    table = attribute_features(customers).drop(columns="id")
    table["churned"] = customers["churned"]
    fitted = fit_table(table, "churned", progress=progress)
    model = ChurnModel(
        None, table=fitted.model, rate=fitted.model.rate, rows=fitted.rows, as_of=store.as_of.isoformat()
    )
    notes = [
        "learned from the company's own label, since the record holds no history long enough",
        *fitted.notes,
    ]
    features = [c.name for c in fitted.model.columns]
    return _save(
        model,
        home,
        fitted.metrics,
        features,
        fitted.data_hash,
        fitted.details,
        fitted.left_out,
        notes,
        started,
    )


def _save(
    model: ChurnModel,
    home: Path,
    metrics: Mapping[str, Any],
    features: Sequence[str],
    data_hash: str,
    details: Mapping[str, Any],
    left_out: Sequence[Mapping[str, str]],
    notes: Sequence[str],
    started: float,
    rival: Mapping[str, float] | None = None,
) -> TrainReport:
    report = {**details, "left_out": list(left_out), "notes": list(notes)}
    version = save_model(
        home, "churn", model, metrics=metrics, features=features, data_hash=data_hash, report=report,
        metric="forward_log_loss" if rival else None, rival=rival,
    )  # fmt: skip
    kept = current_version(home, "churn") == version
    seconds = time.perf_counter() - started
    return TrainReport("churn", version, metrics, left_out, model.rows, seconds, kept, notes, details)


def _customers(store: "Store", ids: Sequence[str] | None) -> pd.DataFrame:
    if ids is None:
        return store.frame("SELECT * FROM customers ORDER BY id")
    marks = ",".join("?" * len(ids))
    return store.frame(f"SELECT * FROM customers WHERE id IN ({marks}) ORDER BY id", tuple(ids))
