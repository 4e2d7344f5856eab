"""Why a score is what it is, what would change it, and what matters over all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

Direction = Literal["raises", "lowers"]
_ARROWS_ZH = {"raises": "提高", "lowers": "降低"}


class Scorer(Protocol):
    """What explanations need: probabilities and exact contributions in log-odds."""

    @property
    def columns(self) -> list[str]: ...
    def probability(self, X: pd.DataFrame) -> np.ndarray: ...
    def contributions(self, X: pd.DataFrame) -> tuple[np.ndarray, float]: ...


@dataclass(frozen=True)
class Reason:
    """One feature's part in one score: ``contribution`` in log-odds, above 0 raises it."""

    feature: str
    value: Any
    contribution: float
    direction: Direction
    text_en: str
    text_zh: str

    def as_dict(self) -> dict[str, Any]:
        value = self.value.item() if hasattr(self.value, "item") else self.value
        return {
            "feature": self.feature,
            "value": None if isinstance(value, float) and not np.isfinite(value) else value,
            "contribution": round(self.contribution, 4),
            "direction": self.direction,
            "text_en": self.text_en,
            "text_zh": self.text_zh,
        }


@dataclass(frozen=True)
class Importance:
    """How much a column moves scores: mean absolute contribution in log-odds, and its share of all
    columns'."""

    column: str
    mean_abs: float
    share: float


@dataclass(frozen=True)
class Counterfactual:
    """Changes (column -> (from, to)) and the probability that the model would give then.

    It says how the model would score such a customer, not that making the change has this effect.
    """

    changes: Mapping[str, tuple[Any, Any]]
    before: float
    after: float


def reasons(
    columns: Sequence[str],
    values: Sequence[Any],
    contributions: np.ndarray,
    phrase: Callable[[str, Any], tuple[str, str]],
    *,
    n: int | None = None,
    least: float = 0.0,
) -> list[Reason]:
    """The parts of one score, weightiest first; without ``n`` and ``least`` all of them, so that they sum up.

    ``phrase(column, value)`` gives the English and the Chinese words.
    """
    order = np.argsort(-np.abs(contributions), kind="stable")
    out = []
    for i in order[: n if n is not None else len(order)]:
        part = float(contributions[i])
        value = (
            None if isinstance(values[i], np.ndarray) else values[i]
        )  # a whole course of events is no one value
        if abs(part) < least:
            break
        direction: Direction = "raises" if part >= 0 else "lowers"
        en, zh = phrase(columns[i], value)
        out.append(
            Reason(
                columns[i],
                value,
                part,
                direction,
                f"{en} ({direction})",
                f"{zh}（{_ARROWS_ZH[direction]}）",
            )
        )
    return out


def global_importance(
    scorer: Scorer, X: pd.DataFrame, *, sample: int = 5000, seed: int = 0
) -> list[Importance]:
    """Mean absolute contribution per column over (a sample of) ``X``, largest first."""
    if len(X) > sample:
        X = X.sample(sample, random_state=seed)
    values, _ = scorer.contributions(X)
    mean = np.abs(values).mean(axis=0)
    total = float(mean.sum()) or 1.0
    parts = [Importance(c, float(m), float(m / total)) for c, m in zip(scorer.columns, mean, strict=True)]
    return sorted(parts, key=lambda i: -i.mean_abs)


def counterfactuals(
    scorer: Scorer,
    row: pd.DataFrame,
    options: Mapping[str, Sequence[Any]],
    *,
    goal: float | None = None,
    max_changes: int = 2,
    n: int = 5,
) -> list[Counterfactual]:
    """What would bring one row's probability down: changes of up to ``max_changes`` columns one can act on.

    ``options`` gives, per such column, the values it could have instead. Fewer changes come first, then the
    lowest probability; a larger set of changes is only kept when it does clearly better than every part of
    it. With ``goal`` only what gets to that probability or below counts, unless nothing does.
    """
    before = float(scorer.probability(row)[0])
    singles: list[tuple[str, Any]] = []
    for column, values in options.items():
        now = row[column].iloc[0]
        singles += [(column, v) for v in values if not _same(v, now)]
    found: list[tuple[frozenset[tuple[str, Any]], float]] = []
    pool = singles
    for size in range(1, max_changes + 1):
        sets = [c for c in combinations(pool, size) if len({column for column, _ in c}) == size]
        if not sets:
            break
        trial = pd.concat([row] * len(sets), ignore_index=True)
        for column in {column for changes in sets for column, _ in changes}:
            trial[column] = [dict(c).get(column, row[column].iloc[0]) for c in sets]
        after = scorer.probability(trial)
        for changes, value in zip(sets, after, strict=True):
            parts = [p for s, p in found if s < frozenset(changes)]
            if value < min([before, *parts]) - 0.01:
                found.append((frozenset(changes), float(value)))
        # the changes that did most alone are tried together
        best: dict[tuple[str, Any], float] = {c[0]: p for c, p in zip(sets, after, strict=True) if size == 1}
        if best:
            pool = sorted(best, key=lambda c: best[c])[:12]
    if goal is not None and any(p <= goal for _, p in found):
        found = [(s, p) for s, p in found if p <= goal]
    found.sort(key=lambda item: (len(item[0]), item[1]))
    return [
        Counterfactual(
            {c: (_plain(row[c].iloc[0]), _plain(v)) for c, v in sorted(changes, key=str)}, before, after
        )
        for changes, after in found[:n]
    ]


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _same(one: Any, other: Any) -> bool:
    if one is None or (isinstance(one, float) and np.isnan(one)):
        return other is None or (isinstance(other, float) and np.isnan(other))
    return bool(one == other)
