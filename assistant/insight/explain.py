"""Why a score is what it is, what would change it, and what matters over all."""

import html
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
        if abs(part) < least:
            break
        direction: Direction = "raises" if part >= 0 else "lowers"
        en, zh = phrase(columns[i], values[i])
        out.append(
            Reason(
                columns[i],
                values[i],
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


def bars_svg(title: str, values: Sequence[tuple[str, float]], *, width: int = 640) -> str:
    """Horizontal bars as an SVG picture, e.g. importance by column; the values' shares are written beside."""
    top = max((abs(v) for _, v in values), default=1.0) or 1.0
    height = 34 + 22 * len(values)
    label, room = 220, width - 220 - 70
    rows = [
        f'<text x="{label - 8}" y="{44 + 22 * i}" text-anchor="end">{html.escape(name[:34])}</text>'
        f'<rect x="{label}" y="{32 + 22 * i}" width="{max(1.0, room * abs(value) / top):.1f}" height="15" rx="2"/>'
        f'<text x="{label + room * abs(value) / top + 6:.1f}" y="{44 + 22 * i}">{value:.3g}</text>'
        for i, (name, value) in enumerate(values)
    ]
    return _svg(title, width, height, "".join(rows))


def calibration_svg(table: Sequence[Mapping[str, float]], *, size: int = 320) -> str:
    """The calibration table as an SVG picture: predicted against observed, the diagonal being perfect."""
    room, left = size - 70, 46

    def at(p: float, o: float) -> tuple[float, float]:
        return left + room * p, 30 + room * (1 - o)

    points = [at(row["predicted"], row["observed"]) for row in table]
    (x0, y0), (x1, y1) = at(0, 0), at(1, 1)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    body = (
        f'<path d="M{x0} {y0}L{x1} {y1}" stroke="#999" stroke-dasharray="4" fill="none"/>'
        f'<path d="M{x0} {y1}V{y0}H{x1}" stroke="#333" fill="none"/>'
        f'<polyline points="{line}" fill="none" stroke="#2563a8" stroke-width="2"/>'
        + "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points)
        + f'<text x="{left + room / 2}" y="{size - 8}" text-anchor="middle">predicted</text>'
        + f'<text transform="translate(14 {30 + room / 2}) rotate(-90)" text-anchor="middle">observed</text>'
        + f'<text x="{x0}" y="{y0 + 14}" text-anchor="middle">0</text>'
        + f'<text x="{x1}" y="{y0 + 14}" text-anchor="middle">1</text>'
    )
    return _svg("Calibration", size, size, body)


def _svg(title: str, width: int, height: int, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img" '
        f'aria-label="{html.escape(title)}" font-family="system-ui, sans-serif" font-size="12" fill="#2563a8">'
        f'<g><text x="8" y="18" font-size="14" fill="#222">{html.escape(title)}</text>'
        f"<style>text{{fill:#222}}</style>{body}</g></svg>"
    )


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _same(one: Any, other: Any) -> bool:
    if one is None or (isinstance(one, float) and np.isnan(one)):
        return other is None or (isinstance(other, float) and np.isnan(other))
    return bool(one == other)
