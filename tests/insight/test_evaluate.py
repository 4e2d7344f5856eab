"""Figures of quality against their definitions, drift, and the decision to train again."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from assistant.insight import evaluate


def scores(n: int = 500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    return (rng.random(n) < p).astype(int), p


def test_figures_are_scikit_learn_s() -> None:
    y, p = scores()
    found = evaluate.measure(y, p)
    assert found["auc"] == pytest.approx(roc_auc_score(y, p))
    assert found["log_loss"] == pytest.approx(log_loss(y, p)) and found["brier"] == pytest.approx(
        brier_score_loss(y, p)
    )
    assert found["lift_10"] == pytest.approx(y[np.argsort(-p)[:50]].mean() / y.mean())
    assert np.isnan(evaluate.measure(np.ones(5), np.full(5, 0.5))["auc"])


def test_spread_over_folds() -> None:
    y, p = scores()
    folds = np.arange(500) % 5
    found = evaluate.by_fold(y, p, folds)
    by_hand = [roc_auc_score(y[folds == k], p[folds == k]) for k in range(5)]
    assert found["auc"] == pytest.approx(np.mean(by_hand))
    assert found["auc_sd"] == pytest.approx(np.std(by_hand, ddof=1))


def test_calibration_and_confusion() -> None:
    y, p = scores(5000)
    table = evaluate.calibration_table(y, p)
    assert len(table) == 10 and sum(r["rows"] for r in table) == 5000
    assert all(abs(r["predicted"] - r["observed"]) < 0.08 for r in table)
    assert evaluate.calibration_error(y, p) < 0.03 < evaluate.calibration_error(y, p**3)
    assert evaluate.cost_threshold(4, 1) == 0.2
    counts = evaluate.confusion(np.array([1, 1, 0, 0]), np.array([0.9, 0.1, 0.9, 0.1]), 0.5)
    assert (counts["precision"], counts["recall"], counts["true_negative"]) == (0.5, 0.5, 1)


def frame(n: int, shift: float = 0.0, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    share = np.clip(0.3 + shift / 3, 0, 1)
    return pd.DataFrame(
        {"x": rng.normal(shift, 1, n), "c": np.where(rng.random(n) < share, "a", "b"), "z": np.zeros(n)}
    )


KINDS = {"x": "number", "c": "category", "z": "number"}


@pytest.mark.parametrize("rows", [60, 500, 20_000])
def test_nothing_moved_is_steady_at_any_size(rows: int) -> None:
    trained = evaluate.references(frame(rows), KINDS)
    moved = evaluate.drift(trained, frame(rows, seed=1))
    assert {d.verdict for d in moved} == {"steady"}
    assert not evaluate.retrain_advice(moved).retrain


def test_what_moved_is_named() -> None:
    trained = evaluate.references(frame(2000), KINDS)
    moved = evaluate.drift(trained, frame(2000, shift=1.0, seed=1))
    assert [d.column for d in moved][:2] in (["x", "c"], ["c", "x"]) and moved[0].verdict == "changed"
    assert evaluate.retrain_advice(moved).retrain
    assert not evaluate.retrain_advice(moved, importance={"x": 0.01, "c": 0.01, "z": 0.98}).retrain
    gone = evaluate.drift(trained, frame(2000).drop(columns="x"))
    assert gone[0].column == "x" and gone[0].psi == float("inf")
    unknown = frame(2000).assign(c="new")
    assert next(d for d in evaluate.drift(trained, unknown) if d.column == "c").verdict == "changed"


def test_age_and_size_speak_for_training_again() -> None:
    advice = evaluate.retrain_advice((), age_days=200, rows_then=100, rows_now=250)
    assert advice.retrain and len(advice.reasons) == 2 and advice.as_dict()["drift"] == []
    assert not evaluate.retrain_advice((), age_days=10, rows_then=100, rows_now=120).retrain
