"""Additive scorers for yes/no questions: a linear model, boosted trees, a sequence model, and means of them,
compared and calibrated.

Every scorer works in log-odds, and its score is exactly a base value plus one contribution per column: for
the linear model by its coefficients, for trees by TreeSHAP (Lundberg, Erion, Lee 2018; lightgbm's
``pred_contrib``), for the mean by the mean of both. Calibration is a straight line in log-odds (Platt
1999), so it keeps the sum exact.
"""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from assistant.insight.evaluate import by_fold, log_loss
from assistant.insight.registry import Progress

NUMBER, CATEGORY = "number", "category"
COURSE = "course_of_events"  # a column of arrays for the sequence model
MOST_COLUMNS = 500  # that one model reads
MOST_CELLS_AT_ONCE = 5_000_000  # of a table that several models are learned from at the same time
_MISSING = "(none)"  # a category's level for an absent value


class Encoder:
    """Columns of numbers and categories as the matrices that the models read.

    ``kinds`` maps a column to ``"number"`` or ``"category"``. ``trees(X)`` gives (n, columns): numbers as
    they are (NaN where missing), categories as codes. ``design(X)`` gives (n, terms) for a linear model: a
    number becomes its standardised value, cubic B-splines over its quantiles and a flag for "missing"; a
    category one column per level. ``owner_`` names, per term, the position of the column that it belongs
    to. Levels never seen in training are treated as missing.
    """

    def __init__(self, kinds: Mapping[str, str], max_levels: int = 50, knots: int = 8) -> None:
        self.kinds = dict(kinds)
        self.max_levels = max_levels
        self.knots = knots

    def fit(self, X: pd.DataFrame) -> "Encoder":
        from sklearn.preprocessing import SplineTransformer

        self.columns_ = [c for c in self.kinds if c in X.columns]
        self.levels_: dict[str, list[str]] = {}
        self.numbers_: dict[str, tuple[float, float, float, float, float, bool]] = {}
        self.splines_: dict[str, Any] = {}
        owner: list[int] = []
        for position, column in enumerate(self.columns_):
            if self.kinds[column] == CATEGORY:
                counts = _text(X[column]).value_counts()
                least = max(3, len(X) // 1000)
                levels = counts[counts >= least].index[: self.max_levels].tolist()
                self.levels_[column] = sorted(set(levels) - {_MISSING})
                owner += [position] * (len(self.levels_[column]) + 1)
                continue
            values = _number(X[column])
            known = values[np.isfinite(values)]
            if not len(known):
                known = np.zeros(1)
            low, high = float(known.min()), float(known.max())
            median, mean, sd = float(np.median(known)), float(known.mean()), float(known.std()) or 1.0
            has_missing = len(known) < len(values)
            self.numbers_[column] = (low, high, median, mean, sd, has_missing)
            terms = 1 + has_missing
            grid = np.unique(np.quantile(known, np.linspace(0, 1, self.knots)))
            if len(grid) > 3 and len(np.unique(known)) > 8:
                spline = SplineTransformer(knots=grid[:, None], degree=3, extrapolation="constant")
                self.splines_[column] = spline.fit(known[:, None])
                terms += spline.n_features_out_
            owner += [position] * terms
        self.owner_ = np.array(owner, dtype=int)
        return self

    @property
    def categorical_(self) -> list[int]:
        return [i for i, column in enumerate(self.columns_) if column in self.levels_]

    def trees(self, X: pd.DataFrame) -> np.ndarray:
        out = np.empty((len(X), len(self.columns_)))
        for position, column in enumerate(self.columns_):
            if column in self.levels_:
                out[:, position] = self._codes(X[column], column)
            else:
                out[:, position] = _number(X[column])
        return out

    def design(self, X: pd.DataFrame) -> np.ndarray:
        out = np.zeros((len(X), len(self.owner_)))
        at = 0
        for column in self.columns_:
            if column in self.levels_:
                codes = self._codes(X[column], column)
                out[np.arange(len(X)), at + codes] = 1.0
                at += len(self.levels_[column]) + 1
                continue
            low, high, median, mean, sd, has_missing = self.numbers_[column]
            values = _number(X[column])
            missing = ~np.isfinite(values)
            # beyond what was seen in training a straight line would run away
            values = np.clip(np.where(missing, median, values), low, high)
            out[:, at] = (values - mean) / sd
            at += 1
            if has_missing:
                out[:, at] = missing
                at += 1
            if column in self.splines_:
                spline = self.splines_[column]
                out[:, at : at + spline.n_features_out_] = spline.transform(values[:, None])
                at += spline.n_features_out_
        return out

    def _codes(self, values: pd.Series, column: str) -> np.ndarray:
        levels = self.levels_[column]
        # each distinct value is turned into text once: a category has few of them, a table a million rows
        place, distinct = pd.factorize(values, use_na_sentinel=False)
        texts = _text(pd.Series(distinct)).to_numpy(dtype=object)
        codes = pd.Index(levels, dtype=object).get_indexer(texts)
        return np.where(codes < 0, len(levels), codes)[place]


class LinearScorer:
    """Logistic regression with L2 on an :class:`Encoder`'s design matrix."""

    kind = "linear"

    def __init__(self, kinds: Mapping[str, str], C: float = 0.1) -> None:
        self.kinds = kinds
        self.C = C

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "LinearScorer":
        from sklearn.linear_model import LogisticRegression

        self.encoder_ = Encoder(self.kinds).fit(X)
        design = self.encoder_.design(X)
        model = LogisticRegression(C=self.C, max_iter=1000, tol=1e-5).fit(design, y)
        self.coefficients_ = model.coef_[0]
        self.means_ = design.mean(axis=0)
        self.base_ = float(model.intercept_[0] + self.means_ @ self.coefficients_)
        return self

    def logit(self, X: pd.DataFrame) -> np.ndarray:
        return self.base_ + (self.encoder_.design(X) - self.means_) @ self.coefficients_

    def contributions(self, X: pd.DataFrame) -> tuple[np.ndarray, float]:
        """((n, columns), base): per row they sum to ``logit(X) - base``; the base is the average row's
        score."""
        terms = (self.encoder_.design(X) - self.means_) * self.coefficients_
        out = np.zeros((len(X), len(self.encoder_.columns_)))
        np.add.at(out.T, self.encoder_.owner_, terms.T)
        return out, self.base_


class BoostedScorer:
    """Gradient boosted trees (lightgbm). ``shallow``: many trees of depth 2; else deeper ones, stopped
    early."""

    def __init__(self, kinds: Mapping[str, str], shallow: bool = True, seed: int = 0) -> None:
        self.kinds = kinds
        self.shallow = shallow
        self.seed = seed

    @property
    def kind(self) -> str:
        return "boosted" if self.shallow else "boosted-deep"

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "BoostedScorer":
        import lightgbm

        self.encoder_ = Encoder(self.kinds).fit(X)
        matrix = self.encoder_.trees(X)
        common = {
            "objective": "binary",
            "verbosity": -1,
            "seed": self.seed,
            "num_threads": 1 if X.size <= MOST_CELLS_AT_ONCE else 0,  # 0: all
            "deterministic": True,
            "force_row_wise": True,
            "bagging_freq": 1,
            "lambda_l2": 5.0,
            # the defaults (100 and 10) are made for large tables and would join most levels of a small one
            "min_data_per_group": 20,
            "cat_l2": 5.0,
            "cat_smooth": 20.0,
        }
        options: dict[str, Any] = {"categorical_feature": self.encoder_.categorical_, "free_raw_data": True}
        if self.shallow:
            special: dict[str, Any] = {
                "learning_rate": 0.03,
                "max_depth": 2,
                "num_leaves": 4,
                "min_data_in_leaf": 20,
            }
            special |= {"bagging_fraction": 0.7, "feature_fraction": 0.4}
            data = lightgbm.Dataset(matrix, y, **options)
            booster = lightgbm.train(common | special, data, num_boost_round=400)
        else:
            special = {"learning_rate": 0.05, "num_leaves": 24, "min_data_in_leaf": 40}
            special |= {"bagging_fraction": 0.8, "feature_fraction": 0.6}
            held_out = np.random.default_rng(self.seed).random(len(y)) < 0.15
            data = lightgbm.Dataset(matrix[~held_out], y[~held_out], **options)
            check = lightgbm.Dataset(matrix[held_out], y[held_out], reference=data)
            stop = lightgbm.early_stopping(40, verbose=False)
            booster = lightgbm.train(
                common | special, data, num_boost_round=1500, valid_sets=[check], callbacks=[stop]
            )
        self.booster_ = booster
        return self

    def logit(self, X: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.booster_.predict(self.encoder_.trees(X), raw_score=True))

    def contributions(self, X: pd.DataFrame) -> tuple[np.ndarray, float]:
        values = np.asarray(self.booster_.predict(self.encoder_.trees(X), pred_contrib=True))
        return values[:, :-1], float(values[0, -1]) if len(values) else 0.0


class SequenceScorer:
    """A recurrent network over what happened step by step: the column :data:`COURSE` holds one (steps, channels)
    array per row. Its whole score is that one column's contribution."""

    kind = "sequence"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    @property
    def columns(self) -> list[str]:
        return [COURSE]

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "SequenceScorer":
        from assistant.language.networks import train_sequences

        self.weights_ = train_sequences(np.stack(X[COURSE].tolist()), np.asarray(y), seed=self.seed)
        self.base_ = float(self.logit(X).mean())
        return self

    def logit(self, X: pd.DataFrame) -> np.ndarray:
        from assistant.language.networks import read_sequences

        return read_sequences(self.weights_, np.stack(X[COURSE].tolist())) if len(X) else np.zeros(0)

    def contributions(self, X: pd.DataFrame) -> tuple[np.ndarray, float]:
        return (self.logit(X) - self.base_)[:, None], self.base_


class BlendScorer:
    """The mean of several scorers' log-odds."""

    def __init__(self, *parts: Any) -> None:
        self.parts = list(parts)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # saved when there were always two
        self.parts = state.get("parts") or [state["first"], state["second"]]

    @property
    def kind(self) -> str:
        return "+".join(part.kind for part in self.parts)

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys(name for part in self.parts for name in columns_of(part)))

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "BlendScorer":
        _side_by_side([partial(part.fit, X, y) for part in self.parts], X.size)
        return self

    def logit(self, X: pd.DataFrame) -> np.ndarray:
        return np.asarray(sum(part.logit(X) for part in self.parts) / len(self.parts))

    def contributions(self, X: pd.DataFrame) -> tuple[np.ndarray, float]:
        place = {name: i for i, name in enumerate(self.columns)}
        out, base = np.zeros((len(X), len(place))), 0.0
        for part in self.parts:
            values, start = part.contributions(X)
            out[:, [place[name] for name in columns_of(part)]] += values / len(self.parts)
            base += start / len(self.parts)
        return out, base


def columns_of(scorer: Any) -> list[str]:
    """The columns that a scorer's contributions are of, in their order."""
    return list(scorer.columns) if hasattr(scorer, "columns") else list(scorer.encoder_.columns_)


@dataclass
class CalibratedScorer:
    """A fitted scorer and the line ``slope * logit + offset`` that makes its probabilities match
    frequencies."""

    scorer: Any
    slope: float = 1.0
    offset: float = 0.0

    @property
    def kind(self) -> str:
        return str(self.scorer.kind)

    @property
    def columns(self) -> list[str]:
        return columns_of(self.scorer)

    def logit(self, X: pd.DataFrame) -> np.ndarray:
        return self.slope * self.scorer.logit(X) + self.offset

    def probability(self, X: pd.DataFrame) -> np.ndarray:
        return sigmoid(self.logit(X))

    def contributions(self, X: pd.DataFrame) -> tuple[np.ndarray, float]:
        values, base = self.scorer.contributions(X)
        return values * self.slope, base * self.slope + self.offset


@dataclass
class Candidate:
    """One way of scoring, as cross-validation saw it: calibrated out-of-fold probabilities (n,) and
    figures."""

    kind: str
    probability: np.ndarray
    metrics: dict[str, float]
    slope: float = 1.0
    offset: float = 0.0


@dataclass
class Selection:
    """The scorer that was kept, fitted on all rows, and how all candidates did on the same folds."""

    scorer: CalibratedScorer
    kept: Candidate
    candidates: list[Candidate] = field(default_factory=list)
    folds: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))

    def figures(self) -> dict[str, dict[str, float]]:
        return {candidate.kind: candidate.metrics for candidate in self.candidates}


def select(
    X: pd.DataFrame,
    y: np.ndarray,
    kinds: Mapping[str, str],
    folds: np.ndarray,
    *,
    progress: Progress | None = None,
) -> Selection:
    """Compare the scorers by cross-validation over ``folds`` ((n,) fold numbers; -1 = always in training).

    With a column :data:`COURSE` a sequence model competes too. The one with the lowest log loss over the held-out rows
    is kept, calibrated on its out-of-fold scores
    and fitted on all rows. Each fold is calibrated by the line that the other folds gave, so the figures
    are honest about it.
    """
    y = np.asarray(y, dtype=int)
    names = ["linear", "boosted"]
    if len(y) >= 3000:  # deeper trees need rows
        names.append("boosted-deep")
    if COURSE in X.columns:
        names.insert(0, "sequence")  # the slowest first
    numbers = sorted(set(folds.tolist()) - {-1})
    raw = {name: np.full(len(y), np.nan) for name in names}

    def score(name: str, number: int, chosen: Mapping[str, str]) -> None:
        held_out = folds == number
        scorer = make_scorer(name, chosen).fit(X[~held_out], y[~held_out])
        raw[name][held_out] = scorer.logit(X[held_out])

    jobs = []
    for number in numbers:
        # what is promising is looked for in the training part only, or the figures would be too good
        chosen = promising(X[folds != number], y[folds != number], kinds)
        jobs += [partial(score, name, number, chosen) for name in names]
    jobs.sort(key=lambda job: names.index(job.args[0]))
    _side_by_side(jobs, X.size, progress)
    for name in [name for name in names if name != "linear"]:
        raw[f"linear+{name}"] = (raw["linear"] + raw[name]) / 2
    if "sequence" in names:
        raw["linear+boosted+sequence"] = (raw["linear"] + raw["boosted"] + raw["sequence"]) / 3
    candidates = [_candidate(name, y, logit, folds, numbers) for name, logit in raw.items()]
    kept = min(candidates, key=lambda c: c.metrics["log_loss"])
    if progress:
        progress(f"fitting ({kept.kind})", len(numbers), len(numbers))
    fitted = make_scorer(kept.kind, promising(X, y, kinds)).fit(X, y)
    return Selection(CalibratedScorer(fitted, kept.slope, kept.offset), kept, candidates, folds)


def make_scorer(kind: str, kinds: Mapping[str, str]) -> Any:
    """A scorer by its ``kind``, as :attr:`Candidate.kind` names it (``linear+boosted``), not fitted."""
    makers: dict[str, Callable[[], Any]] = {
        "linear": lambda: LinearScorer(kinds),
        "boosted": lambda: BoostedScorer(kinds),
        "boosted-deep": lambda: BoostedScorer(kinds, shallow=False),
        "sequence": SequenceScorer,
    }
    parts = [makers[name]() for name in kind.split("+")]
    return parts[0] if len(parts) == 1 else BlendScorer(*parts)


def promising(X: pd.DataFrame, y: np.ndarray, kinds: Mapping[str, str]) -> Mapping[str, str]:
    """``kinds``, or of more than :data:`MOST_COLUMNS` those that say most about ``y`` one by one (F test)."""
    if len(kinds) <= MOST_COLUMNS:
        return kinds
    from sklearn.feature_selection import f_classif

    numbers = [name for name, kind in kinds.items() if kind == NUMBER]
    values = X[numbers].to_numpy(dtype=float, na_value=np.nan)
    middle = np.array([np.median(known) if len(known := v[np.isfinite(v)]) else 0.0 for v in values.T])
    values = np.where(np.isfinite(values), values, middle)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of columns that hold one value
        strength = dict(zip(numbers, f_classif(values, y)[0], strict=True))
    for name in [name for name in kinds if name not in strength]:
        codes = pd.factorize(X[name], use_na_sentinel=False)[0]
        rows = np.bincount(codes)
        rate = np.bincount(codes, weights=y) / rows
        within = float(np.sum(rows * rate * (1 - rate))) / max(1, len(y) - len(rows))
        between = float(np.sum(rows * (rate - np.mean(y)) ** 2)) / max(1, len(rows) - 1)
        strength[name] = between / max(within, 1e-12)
    best = sorted(strength, key=lambda name: -np.nan_to_num(strength[name]))[:MOST_COLUMNS]
    return {name: kind for name, kind in kinds.items() if name in set(best)}


def _side_by_side(jobs: Sequence[Callable[[], Any]], cells: int, progress: Progress | None = None) -> None:
    """Run jobs, on small tables one per processor at the same time; on large ones they share memory better in turn."""
    workers = min(len(jobs), os.cpu_count() or 1, 4) if cells <= MOST_CELLS_AT_ONCE else 1
    with ThreadPoolExecutor(workers) as pool, threadpool_limits(None if workers == 1 else 1, "blas"):
        try:
            for done, job in enumerate(as_completed([pool.submit(job) for job in jobs])):
                if progress:
                    progress("cross-validation", done, len(jobs))
                job.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _candidate(
    name: str, y: np.ndarray, logit: np.ndarray, folds: np.ndarray, numbers: Sequence[int]
) -> Candidate:
    tested = folds >= 0
    calibrated = logit.copy()
    for number in numbers:
        others = tested & (folds != number)
        slope, offset = fit_line(logit[others], y[others]) if others.any() else (1.0, 0.0)
        calibrated[folds == number] = slope * logit[folds == number] + offset
    before = log_loss(y[tested], sigmoid(logit[tested]))
    after = log_loss(y[tested], sigmoid(calibrated[tested]))
    slope, offset = 1.0, 0.0
    if after < before - 1e-4:
        slope, offset = fit_line(logit[tested], y[tested])
    else:
        calibrated = logit
    probability = sigmoid(calibrated)
    return Candidate(name, probability, by_fold(y, probability, folds), slope, offset)


def fit_line(logit: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope (> 0) and offset that minimise the log loss of ``sigmoid(slope * logit + offset)``."""
    from scipy.optimize import minimize

    if len(np.unique(y)) < 2:
        return 1.0, 0.0

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        score = line[0] * logit + line[1]
        error = sigmoid(score) - y
        value = np.mean(np.logaddexp(0, score) - y * score)
        return float(value), np.array([np.mean(error * logit), np.mean(error)])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.05, 20), (-10, 10)])
    return float(found.x[0]), float(found.x[1])


def sigmoid(x: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return np.asarray(expit(x))


def _text(values: pd.Series) -> pd.Series:
    """Categories as text, absent ones as one level; True/1/1.0 and " x " / "x" are the same level."""
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
        return values.map(lambda v: _MISSING if pd.isna(v) else f"{float(v):g}")
    text = values.astype("string").str.strip().fillna(_MISSING)
    return text.mask(text == "", _MISSING).astype(object)


def _number(values: pd.Series) -> np.ndarray:
    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
