"""Rates and errors by group, by hand."""

import numpy as np
import pandas as pd
import pytest

from assistant.insight.fairness import fairness, group_labels


def groups(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, pd.Series]:
    rng = np.random.default_rng(seed)
    who = pd.Series(rng.choice(["f", "m"], n), name="gender")
    y = rng.integers(0, 2, n)
    p = np.clip(0.35 + 0.3 * y + np.where(who == "m", 0.2, 0.0) + rng.normal(0, 0.15, n), 0, 1)
    return y, p, who


def test_figures_by_hand() -> None:
    y = np.array([1, 1, 0, 0, 1, 0, 0, 0])
    p = np.array([0.9, 0.2, 0.8, 0.1, 0.7, 0.6, 0.2, 0.1])
    report = fairness(y, p, pd.Series(["a"] * 4 + ["b"] * 4, name="team"), threshold=0.5)
    a, b = report.groups
    assert (a.group, a.rows, a.rate, a.selected) == ("a", 4, 0.5, 0.5)
    assert (a.false_positive_rate, a.false_negative_rate) == (0.5, 0.5)
    assert b.false_positive_rate == pytest.approx(1 / 3) and b.false_negative_rate == 0.0
    assert a.auc == 0.75 and report.warnings == ()  # four rows say nothing yet


def test_a_difference_is_warned_of_with_figures() -> None:
    y, p, who = groups()
    report = fairness(y, p, who, threshold=0.6)
    assert report.differences["demographic_parity_ratio"] < 0.8
    assert any("gender:" in w and "% of m are flagged" in w for w in report.warnings)
    assert any("flagged wrongly" in w for w in report.warnings)
    even = fairness(y, 0.2 + 0.6 * y, who, threshold=0.5)
    assert even.warnings == () and even.differences["equalized_odds_difference"] == 0.0
    assert {"column", "groups", "differences", "warnings"} == set(report.as_dict())


def test_ages_are_compared_by_quarters_and_gaps_are_a_group() -> None:
    labels = group_labels(pd.Series([*range(20, 60), None]))
    assert labels.nunique() == 5 and labels.iloc[-1] == "(none)"
    assert group_labels(pd.Series(["x", None])).tolist() == ["x", "(none)"]


def test_differences_by_hand() -> None:
    y, p, who = groups()
    found = fairness(y, p, who, threshold=0.6).differences
    said = p >= 0.6
    share = [said[who == g].mean() for g in ("f", "m")]
    wrong = [said[(who == g) & (y == 0)].mean() for g in ("f", "m")]
    right = [said[(who == g) & (y == 1)].mean() for g in ("f", "m")]
    assert found["demographic_parity_difference"] == pytest.approx(share[1] - share[0])
    assert found["demographic_parity_ratio"] == pytest.approx(share[0] / share[1])
    assert found["equalized_odds_difference"] == pytest.approx(
        max(abs(wrong[1] - wrong[0]), abs(right[1] - right[0]))
    )


def test_nobody_flagged_is_no_difference() -> None:
    y, p, who = groups()
    report = fairness(y, p, who, threshold=2.0)
    assert (
        report.differences["demographic_parity_ratio"] == 1.0
        and report.differences["demographic_parity_difference"] == 0
    )
