"""How good probabilities are, how good they are in each fold, and whether data have moved since training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


def log_loss(y: np.ndarray, p: np.ndarray) -> float:
    """Mean negative log likelihood of labels 0/1; probabilities are kept 1e-7 away from 0 and 1."""
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return float(-np.mean(np.where(y == 1, np.log(p), np.log1p(-p))))


def lift(y: np.ndarray, p: np.ndarray, share: float = 0.10) -> float:
    """Rate of positives among the ``share`` of rows with the highest ``p``, over the rate among all."""
    top = np.argsort(-p, kind="stable")[: max(1, round(len(y) * share))]
    rate = np.mean(y)
    return float(np.mean(y[top]) / rate) if rate else float("nan")


def measure(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    """AUC, average precision, log loss, Brier score and lift at 10 % of probabilities ``p`` for labels
    ``y``."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    y = np.asarray(y, dtype=int)
    both = 0 < y.sum() < len(y)
    return {
        "auc": float(roc_auc_score(y, p)) if both else float("nan"),
        "average_precision": float(average_precision_score(y, p)) if both else float("nan"),
        "log_loss": log_loss(y, p),
        "brier": float(np.mean((p - y) ** 2)),
        "lift_10": lift(y, p),
    }


def by_fold(y: np.ndarray, p: np.ndarray, folds: np.ndarray) -> dict[str, float]:
    """The figures' mean over folds, and as ``<figure>_sd`` their standard deviation; fold -1 isn't
    measured."""
    numbers = sorted(set(folds.tolist()) - {-1})
    rows = pd.DataFrame([measure(y[folds == n], p[folds == n]) for n in numbers])
    out: dict[str, float] = {}
    for name in rows.columns:
        out[name] = float(rows[name].mean())
        out[f"{name}_sd"] = float(rows[name].std(ddof=1)) if len(numbers) > 1 else 0.0
    return out


def calibration_table(y: np.ndarray, p: np.ndarray, bins: int = 10) -> list[dict[str, float]]:
    """Rows in order of ``p``, cut into ``bins`` equal parts: how many, mean probability, share of
    positives."""
    y = np.asarray(y, dtype=float)
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, len(order))) if len(part)]
    return [
        {"rows": len(part), "predicted": float(p[part].mean()), "observed": float(y[part].mean())}
        for part in parts
    ]


def calibration_error(y: np.ndarray, p: np.ndarray, bins: int = 10) -> float:
    """Mean distance between predicted and observed over the calibration table, weighted by rows (ECE)."""
    table = calibration_table(y, p, bins)
    return float(sum(r["rows"] * abs(r["predicted"] - r["observed"]) for r in table) / max(1, len(y)))


def cost_threshold(cost_missed: float, cost_alarm: float) -> float:
    """The probability from which acting is cheaper than waiting, for calibrated probabilities (Elkan
    2001)."""
    return cost_alarm / (cost_alarm + cost_missed)


def confusion(y: np.ndarray, p: np.ndarray, threshold: float) -> dict[str, float]:
    """Counts at ``p >= threshold``, with precision and recall."""
    y = np.asarray(y, dtype=bool)
    said = p >= threshold
    hits, alarms = int(np.sum(said & y)), int(np.sum(said & ~y))
    missed, rest = int(np.sum(~said & y)), int(np.sum(~said & ~y))
    return {
        "threshold": float(threshold),
        "true_positive": hits,
        "false_positive": alarms,
        "false_negative": missed,
        "true_negative": rest,
        "precision": hits / (hits + alarms) if hits + alarms else float("nan"),
        "recall": hits / (hits + missed) if hits + missed else float("nan"),
    }


@dataclass(frozen=True)
class Reference:
    """How one column was distributed in training: shares per bin, in the order edges or levels give."""

    column: str
    edges: tuple[float, ...] | None  # inner edges of a number's bins
    levels: tuple[str, ...] | None  # a category's levels; one more bin is "anything else"
    shares: tuple[float, ...]  # the last one: missing values
    rows: int = 0  # that the shares are of


@dataclass(frozen=True)
class Drift:
    """How far one column has moved: population stability index, 0 = not at all."""

    column: str
    psi: float
    verdict: str  # steady | moved | changed


@dataclass(frozen=True)
class RetrainAdvice:
    """Whether to train again, and why."""

    retrain: bool
    reasons: tuple[str, ...]
    drift: tuple[Drift, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "retrain": self.retrain,
            "reasons": list(self.reasons),
            "drift": [
                {"column": d.column, "psi": round(d.psi, 4), "verdict": d.verdict}
                for d in self.drift
                if d.verdict != "steady"
            ],
        }


def references(X: pd.DataFrame, kinds: Mapping[str, str], bins: int = 10) -> list[Reference]:
    """What :func:`drift` compares later data with; ``kinds`` as in
    :class:`assistant.insight.scoring.Encoder`."""
    out = []
    for column, kind in kinds.items():
        if kind == "number":
            values = pd.to_numeric(X[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
            known = values[np.isfinite(values)]
            edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])) if len(known) else known
            # a value that half of the rows have (0, say) is a bin of its own, or it would hide everything
            # else
            reference = Reference(column, tuple(float(e) for e in edges), None, ())
        else:
            counts = X[column].astype("string").value_counts()
            reference = Reference(column, None, tuple(map(str, counts.index[:20])), ())
        shares = tuple(float(s) for s in _shares(X[column], reference))
        out.append(Reference(column, reference.edges, reference.levels, shares, len(X)))
    return out


def drift(trained: Sequence[Reference], X: pd.DataFrame) -> list[Drift]:
    """PSI per column of ``X`` against training, most moved first; a column that is gone counts as changed.

    By the usual reading, below 0.1 is steady and above 0.25 changed; with few rows, what chance alone would
    give (up to its 99.9th percentile) is steady too.
    """
    out = []
    for reference in trained:
        if reference.column not in X.columns or not len(X):
            out.append(Drift(reference.column, float("inf"), "changed"))
            continue
        value = psi(np.array(reference.shares), _shares(X[reference.column], reference), len(X))
        noise = _psi_noise(len(reference.shares), reference.rows, len(X))
        verdict = (
            "changed" if value >= max(0.25, noise) else "moved" if value >= max(0.1, noise) else "steady"
        )
        out.append(Drift(reference.column, value, verdict))
    return sorted(out, key=lambda d: -d.psi)


def psi(expected: np.ndarray, found: np.ndarray, rows: int) -> float:
    """Population stability index of two share vectors; an empty bin counts as half a row."""
    least = 0.5 / max(rows, 1)
    e, f = np.clip(expected, least, None), np.clip(found, least, None)
    return float(np.sum((f - e) * np.log(f / e)))


def _psi_noise(bins: int, rows_then: int, rows_now: int) -> float:
    """What PSI hardly ever exceeds when nothing moved: it is nearly (1/n + 1/m) times a chi-square
    variable."""
    from scipy.stats import chi2

    if not rows_then:
        return 0.0
    return float((1 / rows_then + 1 / max(rows_now, 1)) * chi2.ppf(0.999, max(bins - 1, 1)))


def retrain_advice(
    moved: Sequence[Drift],
    *,
    age_days: int | None = None,
    rows_then: int | None = None,
    rows_now: int | None = None,
    importance: Mapping[str, float] | None = None,
) -> RetrainAdvice:
    """Train again when an important column changed, a third of them moved, data doubled, or half a year
    went by.

    ``importance`` (column -> share of the total, 0..1) keeps columns that hardly matter from deciding.
    """
    weigh = importance or {}
    matter = [d for d in moved if not weigh or weigh.get(d.column, 0.0) >= 0.02]
    reasons = [f"{d.column} changed (PSI {d.psi:.2f})" for d in matter if d.verdict == "changed"]
    half_moved = [d.column for d in matter if d.verdict != "steady"]
    if matter and len(half_moved) >= max(2, len(matter) / 3):
        reasons.append(f"{len(half_moved)} of {len(matter)} columns moved")
    if rows_then and rows_now and rows_now >= 2 * rows_then:
        reasons.append(f"{rows_now:,} rows now, {rows_then:,} at training")
    if age_days is not None and age_days > 180:
        reasons.append(f"trained {age_days} days ago")
    return RetrainAdvice(bool(reasons), tuple(reasons), tuple(moved))


def _shares(values: pd.Series, reference: Reference) -> np.ndarray:
    """Share of rows per bin of ``reference``; the last bin holds missing values."""
    if reference.edges is not None:
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        known = np.isfinite(numbers)
        where = np.searchsorted(np.array(reference.edges), numbers[known], side="right")
        counts = np.bincount(where, minlength=len(reference.edges) + 1)
        missing = int(np.sum(~known))
    else:
        levels = reference.levels or ()
        text = values.astype("string")
        codes = pd.Index(levels, dtype=object).get_indexer(text.dropna().to_numpy(dtype=object))
        counts = np.bincount(np.where(codes < 0, len(levels), codes), minlength=len(levels) + 1)
        missing = int(text.isna().sum())
    return np.append(counts, missing) / max(1, len(values))
