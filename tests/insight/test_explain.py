"""Reasons, counterfactuals and pictures; the scorers' contributions are exact."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assistant.insight.explain import (
    counterfactuals,
    global_importance,
    reasons,
)
from assistant.insight.scoring import (
    BlendScorer,
    BoostedScorer,
    CalibratedScorer,
    LinearScorer,
    fit_line,
    select,
    sigmoid,
)
from assistant.insight.tablemodel import make_folds

KINDS = {"a": "number", "b": "number", "c": "category"}


def data(rows: int = 600) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"a": rng.normal(size=rows), "b": rng.normal(size=rows), "c": rng.choice(["x", "y"], rows)}
    )
    X.loc[::17, "a"] = np.nan
    score = 2 * X["a"].fillna(1).to_numpy() - np.where(X["c"] == "x", 1.0, 0.0)
    return X, (rng.random(rows) < sigmoid(score)).astype(int)


MAKERS: list[Callable[[], Any]] = [
    lambda: LinearScorer(KINDS),
    lambda: BoostedScorer(KINDS),
    lambda: BoostedScorer(KINDS, shallow=False),
    lambda: BlendScorer(LinearScorer(KINDS), BoostedScorer(KINDS)),
    lambda: CalibratedScorer(LinearScorer(KINDS).fit(*data()), 1.3, -0.2),
]


@pytest.mark.parametrize("make", MAKERS)
def test_contributions_sum_to_the_score(make: Callable[[], Any]) -> None:
    X, y = data()
    scorer = make()
    if hasattr(scorer, "fit"):
        scorer.fit(X, y)
    odd = pd.DataFrame({"a": [np.nan, 99.0], "b": [0.0, np.nan], "c": ["new", None]})
    for rows in (X, odd):
        parts, base = scorer.contributions(rows)
        assert np.allclose(parts.sum(axis=1) + base, scorer.logit(rows), atol=1e-8)


def test_the_better_scorer_is_kept_and_calibrated() -> None:
    X, y = data(1200)
    chosen = select(X, y, KINDS, make_folds(y, None, 5, 0))
    assert chosen.kept.metrics["log_loss"] == min(c.metrics["log_loss"] for c in chosen.candidates)
    assert chosen.kept.metrics["auc"] > 0.8
    assert abs(chosen.scorer.probability(X).mean() - y.mean()) < 0.03


def test_a_line_mends_scores_that_are_too_sure() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=5000)
    y = (rng.random(5000) < sigmoid(truth)).astype(int)
    slope, offset = fit_line(3 * truth + 1, y)
    assert slope == pytest.approx(1 / 3, abs=0.05) and offset == pytest.approx(-1 / 3, abs=0.1)
    assert fit_line(truth, np.ones(5000)) == (1.0, 0.0)


def test_reasons_are_ordered_and_may_be_cut() -> None:
    found = reasons(
        ["a", "b", "c"], [1, 2, 3], np.array([0.1, -2.0, 0.5]), lambda c, v: (f"{c}={v}", f"{c}是{v}")
    )
    assert [r.feature for r in found] == ["b", "c", "a"]
    assert found[0].text_en == "b=2 (lowers)" and found[1].text_zh == "c是3（提高）"
    assert len(reasons(["a"], [1], np.array([0.1]), lambda c, v: ("", ""), least=0.2)) == 0
    assert found[0].as_dict()["contribution"] == -2.0


def test_counterfactuals_lower_the_probability() -> None:
    X, y = data()
    scorer = CalibratedScorer(LinearScorer(KINDS).fit(X, y))
    row = pd.DataFrame({"a": [1.5], "b": [0.0], "c": ["y"]})
    found = counterfactuals(scorer, row, {"a": [-1.0, 0.0, 1.5], "c": ["x", "y"]})
    assert found[0].changes == {"a": (1.5, -1.0)}
    assert [len(f.changes) for f in found] == sorted(len(f.changes) for f in found)
    for change in found:
        changed = row.assign(**{k: [to] for k, (_, to) in change.changes.items()})
        assert scorer.probability(changed)[0] == pytest.approx(change.after)
        assert change.after < change.before
    both = [f for f in found if len(f.changes) == 2]
    assert both and both[0].after < found[0].after
    reached = counterfactuals(scorer, row, {"a": [-1.0, 0.0]}, goal=found[0].after)
    assert [f.changes for f in reached] == [{"a": (1.5, -1.0)}]
    assert counterfactuals(scorer, row, {"a": [1.5]}) == []


def test_importance_finds_what_matters() -> None:
    X, y = data()
    found = global_importance(CalibratedScorer(BoostedScorer(KINDS).fit(X, y)), X)
    assert found[0].column == "a" and sum(i.share for i in found) == pytest.approx(1.0)
