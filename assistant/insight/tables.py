"""A yes/no question about the rows of any table: who leaves, who doesn't pay. No option is needed but the
target.

Roles are guessed, what would give the answer away is left out and named, a linear model and boosted trees are
compared by cross-validation, and the best is calibrated and kept.
"""

import csv
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from assistant.errors import ModelError
from assistant.insight.columns import (
    count_rows,
    prepare,
    read_chunks,
    read_table,
)
from assistant.insight.evaluate import (
    RetrainAdvice,
)
from assistant.insight.registry import (
    Progress,
    TrainReport,
    current_version,
    history,
    load_model,
    not_placed,
    save_model,
)
from assistant.insight.risk import Scorecard
from assistant.insight.tablemodel import TableModel, band_names, check_columns, fit_table

CHUNK = 50_000


@dataclass(frozen=True)
class TableScores:
    """What scoring a whole file gave: where the scores are, how many in each band, what moved since
    training."""

    path: Path | None
    rows: int
    bands: Mapping[str, int]
    mean_probability: float
    seconds: float
    version: str
    advice: RetrainAdvice
    frame: pd.DataFrame | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "path": str(self.path) if self.path else None,
            "rows": self.rows,
            "bands": dict(self.bands),
            "mean_probability": round(self.mean_probability, 4),
            "seconds": round(self.seconds, 2),
            "version": self.version,
            "advice": self.advice.as_dict(),
        }


def train_table(
    kind: str,
    path: Path | str | pd.DataFrame,
    target: str,
    id: str | None = None,
    *,
    home: Path,
    progress: Progress | None = None,
    force: bool = False,
    **options: Any,
) -> TrainReport:
    """Learn ``target`` from a table's other columns; saved as the model ``<kind>-table`` under
    ``home/models``.

    ``options`` are those of :func:`fit_table`: ``sensitive``, ``positive``, ``keep``, ``drop``, costs, folds.
    """
    started = time.perf_counter()
    if progress:
        progress("reading", 0, None)
    fitted = fit_table(read_table(path), target, id, progress=progress, **options)
    name = f"{kind}-table"
    notes = list(fitted.notes)
    before = next((v for v in history(home, name) if v.current), None)
    if before and before.report.get("target") != target:
        # figures of another question say nothing about this one
        notes.append(f"{before.version} answered another question ({before.report.get('target')})")
        force = True
    version = save_model(
        home,
        name,
        fitted.model,
        metrics=fitted.metrics,
        features=[c.name for c in fitted.model.columns],
        data_hash=fitted.data_hash,
        report={**fitted.details, "left_out": fitted.left_out, "notes": notes},
        force=force,
    )
    kept = current_version(home, name) == version
    if not kept:
        notes.append(not_placed(home, name, version))
    seconds = time.perf_counter() - started
    return TrainReport(
        name, version, fitted.metrics, fitted.left_out, fitted.rows, seconds, kept, notes, fitted.details
    )


def predict_table(
    kind: str,
    path: Path | str | pd.DataFrame,
    *,
    home: Path,
    out: Path | None = None,
    reasons_per_row: int = 0,
    progress: Progress | None = None,
) -> TableScores:
    """Score every row of a table with the ``<kind>-table`` model, in parts, so that memory stays flat.

    With ``out`` the scores are written as CSV (id or row, probability, band, and the ``reasons_per_row``
    weightiest reasons); without it they come back as ``.frame``. A file that stands at ``out`` is replaced
    at the end only.
    """
    model: TableModel = load_model(home, f"{kind}-table")

    def score(part: pd.DataFrame, first_row: int) -> pd.DataFrame:
        return _score(model, part, first_row, reasons_per_row)

    return _in_parts(path, out, progress, score, version=model.version or "", advise=model.advice)


def score_points(
    path: Path | str | pd.DataFrame, *, home: Path, out: Path | None = None, progress: Progress | None = None
) -> TableScores:
    """Points of the ``scorecard`` for every row of a table, as :func:`predict_table` does for probabilities."""
    card: Scorecard = load_model(home, "scorecard")
    columns = [c for c in card.columns if c.name in card.bins_]

    def score(part: pd.DataFrame, first_row: int) -> pd.DataFrame:
        check_columns(part, columns)
        X = prepare(part, columns)
        probability = card.probability(X)
        bands = band_names(probability, float(card.metrics["rate"]))
        scored = pd.DataFrame(
            {"points": card.points(X), "probability": np.round(probability, 6), "band": bands}
        )
        return _named(scored, card.id, part, first_row)

    return _in_parts(path, out, progress, score, version=card.version or "")


def _in_parts(
    path: Path | str | pd.DataFrame,
    out: Path | None,
    progress: Progress | None,
    score: Callable[[pd.DataFrame, int], pd.DataFrame],
    *,
    version: str,
    advise: Callable[[pd.DataFrame], RetrainAdvice] | None = None,
) -> TableScores:
    started = time.perf_counter()
    total = count_rows(path)
    bands = {"low": 0, "medium": 0, "high": 0}
    rows, summed = 0, 0.0
    advice = RetrainAdvice(False, (), ())
    frames: list[pd.DataFrame] = []
    with _Writer(out) as writer:
        for part in read_chunks(path, CHUNK):
            if not len(part):
                continue
            if rows == 0 and advise is not None:
                advice = advise(part)
            scored = score(part, rows)
            for name, count in scored["band"].value_counts().items():
                bands[str(name)] += int(count)
            summed += float(scored["probability"].sum())
            rows += len(scored)
            if out is None:
                frames.append(scored)
            else:
                writer.write(scored)
            if progress:
                progress("scoring", rows, max(rows, total) if total else None)
    if not rows:
        raise ModelError("The table has no rows to score", "give a table with a header line and rows")
    frame = pd.concat(frames, ignore_index=True) if out is None else None
    seconds = time.perf_counter() - started
    return TableScores(out, rows, bands, summed / rows, seconds, version, advice, frame)


def _score(model: TableModel, part: pd.DataFrame, first_row: int, reasons_per_row: int) -> pd.DataFrame:
    X = model.prepare(part)
    probability = model.scorer.probability(X)
    scored = pd.DataFrame({"probability": np.round(probability, 6), "band": model.bands(probability)})
    scored = _named(scored, model.id, part, first_row)
    if reasons_per_row:
        parts, _ = model.scorer.contributions(X)
        top = np.argsort(-np.abs(parts), axis=1, kind="stable")[:, :reasons_per_row]
        names = model.scorer.columns
        values = {name: X[name].tolist() for name in names}
        scored["reasons"] = [
            "; ".join(
                f"{model.phrase(names[j], values[names[j]][i])[0]} ({'raises' if parts[i, j] >= 0 else 'lowers'})"
                for j in top[i]
            )
            for i in range(len(part))
        ]
    return scored


def _named(scored: pd.DataFrame, id: str | None, part: pd.DataFrame, first_row: int) -> pd.DataFrame:
    """With the rows' ids as the first column, or their numbers in the file where there are none."""
    if id in part.columns:
        name = f"{id} (id)" if id in scored.columns else str(id)  # a table may call its ids "points"
        scored.insert(0, name, part[id].to_numpy())
    else:
        scored.insert(0, "row", np.arange(first_row, first_row + len(part)))
    return scored


class _Writer:
    """CSV rows into a file beside ``out``, renamed into place when all of them are written."""

    def __init__(self, out: Path | None) -> None:
        self.out = out

    def __enter__(self) -> "_Writer":
        self.started = False
        if self.out is not None:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.out.parent, prefix=f".{self.out.name}.")
            self.temporary = Path(name)
            self.file = os.fdopen(handle, "w", encoding="utf-8", newline="")
        return self

    def write(self, frame: pd.DataFrame) -> None:
        frame.to_csv(self.file, index=False, header=not self.started, quoting=csv.QUOTE_MINIMAL)
        self.started = True

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.out is None:
            return
        self.file.close()
        if kind is None and self.started:
            self.temporary.replace(self.out)
        else:
            self.temporary.unlink(missing_ok=True)
