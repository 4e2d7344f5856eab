"""A model of a yes/no question about the rows of a table: how it is fitted, and how it reads a table by
itself."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from assistant.errors import ModelError
from assistant.insight.columns import (
    SENSITIVE_NAMES,
    Column,
    blanks,
    closest,
    describe,
    find_leaks,
    guess_columns,
    prepare,
    read_target,
)
from assistant.insight.evaluate import (
    Reference,
    RetrainAdvice,
    calibration_error,
    calibration_table,
    confusion,
    cost_threshold,
    drift,
    references,
    retrain_advice,
)
from assistant.insight.explain import Counterfactual, Reason, counterfactuals, global_importance, reasons
from assistant.insight.fairness import fairness
from assistant.insight.registry import (
    Progress,
    hash_data,
)
from assistant.insight.scoring import CalibratedScorer, select

LEAST_ROWS, LEAST_PER_CLASS = 50, 10


@dataclass(frozen=True)
class TablePrediction:
    """One row's answer. ``row`` is its number in the file from 0, ``id`` its id column's value if there is
    one."""

    row: int
    id: str | None
    probability: float
    band: str  # low | medium | high
    reasons: tuple[Reason, ...]
    version: str


class TableModel:
    """A calibrated scorer together with what it needs to read a table by itself."""

    version: str | None = None
    metrics: Mapping[str, Any] = {}

    def __init__(
        self,
        columns: Sequence[Column],
        scorer: CalibratedScorer,
        *,
        target: str,
        positive: str,
        id: str | None,
        rate: float,
        trained_on: Sequence[Reference],
        importance: Mapping[str, float],
        rows: int,
        typical: Mapping[str, Sequence[Any]],
    ) -> None:
        self.columns = list(columns)
        self.scorer = scorer
        self.target = target
        self.positive = positive
        self.id = id
        self.rate = rate
        self.trained_on = list(trained_on)
        self.importance = dict(importance)
        self.rows = rows
        self.typical = {k: list(v) for k, v in typical.items()}

    def prepare(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The model's columns of a table, in types; :class:`ModelError` names those that are missing."""
        check_columns(frame, self.columns)
        return prepare(frame, self.columns)

    def complete(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The table with columns that it lacks added as missing, for rows that come without empty columns."""
        lacking = [c.name for c in self.columns if c.name not in frame.columns]
        return frame.assign(**dict.fromkeys(lacking)) if lacking else frame

    def probability(self, frame: pd.DataFrame) -> np.ndarray:
        """(n,) calibrated probabilities of the event for the rows of a raw table."""
        return self.scorer.probability(self.prepare(frame))

    def bands(self, probability: np.ndarray) -> np.ndarray:
        return band_names(probability, self.rate)

    def predict(self, frame: pd.DataFrame, *, reasons_per_row: int | None = None) -> list[TablePrediction]:
        """Predictions with reasons, all of them by default, so that they sum to the score in log-odds."""
        X = self.prepare(frame)
        probability = self.scorer.probability(X)
        bands = self.bands(probability)
        parts, _ = self.scorer.contributions(X)
        values = [X[name].tolist() for name in self.scorer.columns]
        ids = frame[self.id].astype(str).tolist() if self.id in frame.columns else [None] * len(frame)
        return [
            TablePrediction(
                row,
                ids[row],
                float(probability[row]),
                str(bands[row]),
                tuple(
                    reasons(
                        self.scorer.columns,
                        [v[row] for v in values],
                        parts[row],
                        self.phrase,
                        n=reasons_per_row,
                    )
                ),
                self.version or "",
            )
            for row in range(len(X))
        ]

    def what_if(
        self, row: pd.DataFrame, actionable: Sequence[str] | None = None, *, goal: float | None = None
    ) -> list[Counterfactual]:
        """What would bring one row's probability down, over columns one can act on (all, if none are
        named)."""
        X = self.prepare(row)
        names = list(actionable) if actionable is not None else list(self.typical)
        for name in names:
            if name not in self.typical:
                near = ", ".join(closest(name, list(self.typical)))
                raise ModelError(f"{name!r} is no column of this model", f"did you mean: {near}")
        return counterfactuals(self.scorer, X, {name: self.typical[name] for name in names}, goal=goal)

    def phrase(self, column: str, value: Any) -> tuple[str, str]:
        spec = next((c for c in self.columns if c.name == column), None)
        text = describe(value, spec)
        return (f"{column} is {text}", f"{column}：{'无' if text == 'none' and value is None else text}")

    def advice(self, frame: pd.DataFrame, *, age_days: int | None = None) -> RetrainAdvice:
        """Have the columns moved since training, and is it time to train again?"""
        moved = drift(self.trained_on, self.prepare(frame))
        return retrain_advice(
            moved, age_days=age_days, rows_then=self.rows, rows_now=None, importance=self.importance
        )


def check_columns(frame: pd.DataFrame, columns: Sequence[Column]) -> None:
    """:class:`ModelError` naming those of a model's columns that a table lacks, and what they may be called."""
    names = [c.name for c in columns]
    missing = [name for name in names if name not in frame.columns]
    if missing:
        near = {name: closest(name, [str(c) for c in frame.columns], 1) for name in missing[:3]}
        hint = "; ".join(f"for {name}, is it {found[0]!r}?" for name, found in near.items() if found)
        raise ModelError(
            f"The table lacks {len(missing)} of the model's {len(names)} columns: {', '.join(missing[:6])}",
            hint or "it needs the columns that the model was trained on",
        )


def band_names(probability: np.ndarray, rate: float) -> np.ndarray:
    """``low`` below the overall rate, ``high`` from twice the rate (or halfway to 1 for rates above 1/3)."""
    high = min(2 * rate, (1 + rate) / 2)
    return np.where(probability >= high, "high", np.where(probability >= rate, "medium", "low"))


@dataclass(frozen=True)
class FittedTable:
    """What :func:`fit_table` learned, before it is saved."""

    model: TableModel
    metrics: Mapping[str, Any]
    details: Mapping[str, Any]
    left_out: Sequence[Mapping[str, str]]
    notes: Sequence[str]
    rows: int
    data_hash: str


def fit_table(
    frame: pd.DataFrame,
    target: str,
    id: str | None = None,
    *,
    sensitive: Sequence[str] = (),
    use_sensitive: bool = False,
    positive: str | None = None,
    keep: Sequence[str] = (),
    drop: Sequence[str] = (),
    cost_missed: float = 5.0,
    cost_alarm: float = 1.0,
    folds: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
) -> FittedTable:
    """Learn ``target`` from the other columns of a frame as it was read (texts, numbers, dates, all mixed).

    ``sensitive`` columns are compared in the fairness part of the report and, unless ``use_sensitive``, not
    used. ``keep`` forces columns in that would be left out, ``drop`` leaves more out. A missed event costs
    ``cost_missed``, a false alarm ``cost_alarm``: their ratio sets the threshold of the confusion table.
    All figures are of held-out rows in cross-validation; rows that share an id, or are exact copies, share
    a fold.
    """
    names = [str(c) for c in frame.columns]
    for name in [target, *([id] if id else []), *sensitive, *keep, *drop]:
        if name not in names:
            near = ", ".join(closest(name, names))
            raise ModelError(f"The table has no column {name!r}", f"did you mean: {near}")
    if len(frame) < LEAST_ROWS:
        raise ModelError(
            f"The table has {len(frame)} rows; a model needs at least {LEAST_ROWS}", "give a larger table"
        )
    answer = read_target(frame[target], target, positive)
    notes = [answer.note]
    if lost := frame.attrs.get("unreadable"):
        notes.append(f"{lost} rows have too many cells and were not used")
    if not answer.known.all():
        notes.append(f"{int((~answer.known).sum())} rows without {target} were not used")
    table, y = frame[answer.known].reset_index(drop=True), answer.labels
    if min(y.sum(), len(y) - y.sum()) < LEAST_PER_CLASS:
        raise ModelError(
            f"Only {int(y.sum())} rows have {target} = {answer.positive} and {int(len(y) - y.sum())} have not; "
            f"a model needs {LEAST_PER_CLASS} of each",
            "give a larger table",
        )
    columns, left_out = _choose(
        table, y, target, id, () if use_sensitive else sensitive, keep, drop, progress
    )
    used = [c for c in columns if c.used]
    looks = [c.name for c in used if SENSITIVE_NAMES.search(c.name) and c.name not in sensitive]
    if looks:
        notes.append(
            f"may be sensitive, and is used: {', '.join(looks)} (name it as sensitive to leave it out)"
        )
    X = prepare(table, used)
    kinds = {c.name: c.kind for c in used}
    groups = _groups(table, X, y, id, notes)
    fold_of = make_folds(y, groups, folds, seed)
    selection = select(X, y, kinds, fold_of, progress=progress)
    if len(selection.scorer.columns) < len(used):
        notes.append(f"of {len(used)} columns the {len(selection.scorer.columns)} that say most are used")
        used = [c for c in used if c.name in set(selection.scorer.columns)]
        X, kinds = X[[c.name for c in used]], {c.name: c.kind for c in used}
    p = selection.kept.probability
    threshold = cost_threshold(cost_missed, cost_alarm)
    importance = global_importance(selection.scorer, X)
    fair = [fairness(y, p, table[name], threshold=threshold, column=name) for name in sensitive]
    notes += [warning for report in fair for warning in report.warnings]
    metrics: dict[str, Any] = {
        **selection.kept.metrics,
        "calibration_error": calibration_error(y, p),
        "rate": float(y.mean()),
        "rows": len(y),
    }
    details = {
        "target": target,
        "positive": answer.positive,
        "negative": answer.negative,
        "kept": selection.kept.kind,
        "candidates": selection.figures(),
        "calibration": calibration_table(y, p),
        "confusion": confusion(y, p, threshold),
        "costs": {"missed": cost_missed, "alarm": cost_alarm},
        "importance": [asdict(i) for i in importance],
        "fairness": [f.as_dict() for f in fair],
        "folds": folds,
    }
    model = TableModel(
        used,
        selection.scorer,
        target=target,
        positive=answer.positive,
        id=id or next((c.name for c in columns if c.role == "id"), None),
        rate=float(y.mean()),
        trained_on=references(X, kinds),
        importance={i.column: i.share for i in importance},
        rows=len(y),
        typical=_typical(X, used),
    )
    return FittedTable(model, metrics, details, left_out, notes, len(y), hash_data(X, y))


def make_folds(y: np.ndarray, groups: np.ndarray | None, folds: int, seed: int) -> np.ndarray:
    """(n,) fold numbers: stratified by ``y``; rows of one group share a fold."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    smallest = int(min(y.sum(), len(y) - y.sum()))
    folds = max(2, min(folds, smallest))
    out = np.zeros(len(y), dtype=int)
    if groups is None:
        parts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(out, y)
    else:
        parts = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(out, y, groups)
    for number, (_, test) in enumerate(parts):
        out[test] = number
    return out


def _choose(
    table: pd.DataFrame,
    y: np.ndarray,
    target: str,
    id: str | None,
    sensitive: Sequence[str],
    keep: Sequence[str],
    drop: Sequence[str],
    progress: Progress | None,
) -> tuple[list[Column], list[dict[str, str]]]:
    """(all columns with their roles, those left out with their reasons); an error when none can be used."""
    if progress:
        progress("looking at the columns", 0, len(table.columns))
    asked = dict.fromkeys(sensitive, "sensitive: named so, and not used by default")
    asked |= dict.fromkeys(drop, "left out on request")
    if id:
        asked[id] = "it names the rows"
    columns = guess_columns(table, skip=[target, *asked])
    left_out = [{"column": name, "reason": reason} for name, reason in asked.items()]
    columns = [Column(c.name, "category") if c.name in keep and not c.used else c for c in columns]
    left_out += [{"column": c.name, "reason": c.reason} for c in columns if not c.used]
    leaks = find_leaks(prepare(table, columns), y, columns, target)
    left_out += [{"column": name, "reason": why} for name, why in leaks.items() if name not in keep]
    chosen = [c for c in columns if not c.used or c.name not in leaks or c.name in keep]
    if not columns and not left_out:
        raise ModelError(
            f"The table has no column beside {target}",
            "give a table with columns that describe the customers",
        )
    if not any(c.used for c in chosen):
        why = "; ".join(f"{item['column']}: {item['reason']}" for item in left_out[:4])
        raise ModelError(
            f"No column is left to learn {target} from. {why}",
            "give a table with columns that describe the customers, or force one in: --keep COLUMN",
        )
    return chosen, left_out


def _groups(
    table: pd.DataFrame, X: pd.DataFrame, y: np.ndarray, id: str | None, notes: list[str]
) -> np.ndarray | None:
    if id and table[id].astype(str)[~blanks(table[id])].duplicated().any():
        notes.append(f"rows with the same {id} were kept together in cross-validation")
        return np.asarray(pd.factorize(table[id].astype(str))[0])
    same = pd.util.hash_pandas_object(X, index=False).to_numpy()
    copies = len(same) - len(np.unique(same))
    if copies > 0.05 * len(same) and len(np.unique(same)) > 20:
        notes.append(f"{copies} rows are copies of others; copies were kept together in cross-validation")
        return np.asarray(pd.factorize(same)[0])
    return None


def _typical(X: pd.DataFrame, columns: Sequence[Column]) -> dict[str, list[Any]]:
    """Per column, the values that :meth:`TableModel.what_if` tries: common levels, or nine quantiles."""
    out: dict[str, list[Any]] = {}
    for column in columns:
        values = X[column.name].dropna()
        if column.kind == "category":
            counts = values.value_counts(normalize=True)
            out[column.name] = counts[counts >= 0.02].index[:8].tolist()
        else:
            grid = np.unique(np.quantile(values, np.linspace(0.1, 0.9, 9), method="nearest"))
            out[column.name] = [float(v) for v in grid]
    return out
