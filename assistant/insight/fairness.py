"""Do the figures differ between groups of people? Rates and errors per group, and a warning where they do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

LEAST_ROWS = 30  # a smaller group's rates say nothing yet


@dataclass(frozen=True)
class GroupFigures:
    """One group: rows, share of real positives, mean score, share flagged, errors among flagged and
    unflagged."""

    group: str
    rows: int
    rate: float
    mean_probability: float
    selected: float  # share with a probability at or above the threshold
    false_positive_rate: float
    false_negative_rate: float
    auc: float


@dataclass(frozen=True)
class FairnessReport:
    """All groups of one column, the differences between them, and warnings in words."""

    column: str
    groups: tuple[GroupFigures, ...]
    differences: Mapping[str, float]
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "groups": [vars(group) for group in self.groups],
            "differences": dict(self.differences),
            "warnings": list(self.warnings),
        }


def fairness(
    y: np.ndarray, p: np.ndarray, groups: pd.Series, *, threshold: float, column: str | None = None
) -> FairnessReport:
    """Compare groups at a decision threshold. ``y`` labels 0/1, ``p`` out-of-fold probabilities, all (rows,).

    The differences come from fairlearn: demographic parity (largest minus smallest share selected), its
    ratio, and equalised odds (the larger of the differences in false positive and true positive rate).
    Numbers with more than eight values, ages say, are compared by quarters. Warned is where the ratio of
    selection falls below 0.8 (the four-fifths rule) or a rate of errors or of calibration differs by more
    than 0.1.
    """
    from sklearn.metrics import roc_auc_score

    name = column or str(groups.name)
    labels = group_labels(groups)
    y = np.asarray(y, dtype=int)
    said = p >= threshold
    found: list[GroupFigures] = []
    for group in sorted(labels.unique()):
        here = (labels == group).to_numpy()
        yes, no = here & (y == 1), here & (y == 0)
        found.append(
            GroupFigures(
                str(group),
                int(here.sum()),
                float(y[here].mean()),
                float(p[here].mean()),
                float(said[here].mean()),
                _share(said[no]),
                _share(~said[yes]),
                float(roc_auc_score(y[here], p[here])) if yes.any() and no.any() else float("nan"),
            )
        )
    large = [group for group in found if group.rows >= LEAST_ROWS]
    differences = {
        **_differences(y, said, labels, [g.group for g in large]),
        "calibration_difference": _gap([g.mean_probability - g.rate for g in large]),
    }
    return FairnessReport(name, tuple(found), differences, tuple(_warnings(name, large, differences)))


def _differences(
    y: np.ndarray, said: np.ndarray, labels: pd.Series, large: Sequence[str]
) -> dict[str, float]:
    """fairlearn's differences between the groups that are large enough to compare."""
    here = labels.isin(large).to_numpy()
    if len(large) < 2:
        none = {"demographic_parity_difference": 0.0, "demographic_parity_ratio": 1.0}
        return {**none, "equalized_odds_difference": 0.0}
    from fairlearn import metrics

    groups = labels[here]
    found = {
        name: float(getattr(metrics, name)(y[here], said[here].astype(int), sensitive_features=groups))
        for name in (
            "demographic_parity_difference",
            "demographic_parity_ratio",
            "equalized_odds_difference",
        )
    }
    # nobody flagged in any group is no difference
    return {name: value if np.isfinite(value) else 1.0 for name, value in found.items()}


def group_labels(groups: pd.Series) -> pd.Series:
    """Each row's group as text: a number of many values by quarters, missing values as a group of their
    own."""
    numbers = pd.to_numeric(groups, errors="coerce")
    if numbers.notna().mean() > 0.9 and numbers.nunique() > 8:
        edges = np.unique(np.round(numbers.quantile([0, 0.25, 0.5, 0.75, 1.0]).to_numpy(), 6))
        if len(edges) > 2:
            names = [f"{a:g} to {b:g}" for a, b in pairwise(edges)]
            cut = pd.cut(numbers, edges, labels=names, include_lowest=True)
            return cut.astype(object).where(numbers.notna(), "(none)").astype(str)
    return groups.astype(object).where(groups.notna(), "(none)").astype(str)


def _warnings(name: str, groups: Sequence[GroupFigures], differences: Mapping[str, float]) -> list[str]:
    if len(groups) < 2:
        return []
    out = []
    most, least = max(groups, key=lambda g: g.selected), min(groups, key=lambda g: g.selected)
    if differences["demographic_parity_ratio"] < 0.8:
        out.append(
            f"{name}: {most.selected:.0%} of {most.group} are flagged, {least.selected:.0%} of {least.group} "
            f"(their real rates: {most.rate:.0%} and {least.rate:.0%})"
        )
    for field, words in (("false_positive_rate", "flagged wrongly"), ("false_negative_rate", "missed")):
        known = [g for g in groups if np.isfinite(getattr(g, field))]
        if len(known) > 1:
            high = max(known, key=lambda g: getattr(g, field))
            low = min(known, key=lambda g: getattr(g, field))
            if getattr(high, field) - getattr(low, field) > 0.1:
                out.append(
                    f"{name}: {getattr(high, field):.0%} of {high.group} are {words}, "
                    f"{getattr(low, field):.0%} of {low.group}"
                )
    off = max(groups, key=lambda g: abs(g.mean_probability - g.rate))
    if abs(off.mean_probability - off.rate) > 0.1:
        out.append(
            f"{name}: for {off.group} the model says {off.mean_probability:.0%} on average, the real rate is "
            f"{off.rate:.0%}"
        )
    return out


def _share(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _gap(values: Sequence[float]) -> float:
    known = [v for v in values if np.isfinite(v)]
    return max(known) - min(known) if known else 0.0
