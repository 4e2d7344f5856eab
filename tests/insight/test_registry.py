"""Saving, loading and going back: what is on disk is complete, verified, and never replaced without a
word."""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assistant.errors import ModelError
from assistant.insight import moved, training
from assistant.insight.registry import (
    TrainReport,
    better,
    current_version,
    hash_data,
    history,
    load_model,
    model_names,
    put_in_place,
    rollback,
    save_model,
)


@dataclass
class Toy:
    weight: float = 1.0


@dataclass(frozen=True)
class FrozenToy:
    weight: float = 1.0


def save(
    home: Path, loss: float, *, weight: float = 1.0, force: bool = False, sd: float | None = None
) -> str:
    metrics = {"log_loss": loss} | ({"log_loss_sd": sd} if sd is not None else {})
    return save_model(
        home, "churn", Toy(weight), metrics=metrics, features=["a"], data_hash="0" * 16, force=force
    )


def test_what_was_saved_comes_back_with_version_and_metrics(tmp_path: Path) -> None:
    version = save(tmp_path, 0.5, weight=2.5)
    model = load_model(tmp_path, "churn")
    assert (model.weight, model.version, model.metrics) == (2.5, version, {"log_loss": 0.5})
    assert load_model(tmp_path, "churn") is model
    manifest = json.loads((tmp_path / "models/churn" / version / "manifest.json").read_text())
    assert manifest["features"] == ["a"] and manifest["libraries"]["scikit-learn"]
    assert model_names(tmp_path) == ["churn"]


def test_a_frozen_estimator_gets_its_version_too(tmp_path: Path) -> None:
    save_model(tmp_path, "toy", FrozenToy(3.0), metrics={}, features=[], data_hash="")
    assert load_model(tmp_path, "toy").version == "v1"


def test_a_clearly_worse_model_is_saved_but_not_put_in_place(tmp_path: Path) -> None:
    assert [save(tmp_path, loss) for loss in (0.50, 0.49, 0.70)] == ["v1", "v2", "v3"]
    assert current_version(tmp_path, "churn") == "v2"
    newest = history(tmp_path, "churn")[0]
    assert newest.version == "v3" and not newest.current and "worse" in newest.report["comparison"]
    assert load_model(tmp_path, "churn", "v3").metrics["log_loss"] == 0.70
    save(tmp_path, 0.9, force=True)
    assert current_version(tmp_path, "churn") == "v4"


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ({"auc": 0.80}, {"auc": 0.85}, False),
        ({"auc": 0.845}, {"auc": 0.85}, True),  # within 2 %
        ({"auc": 0.80, "auc_sd": 0.06}, {"auc": 0.85}, True),  # within the spread
        ({"log_loss": 0.6, "auc": 0.9}, {"log_loss": 0.4, "auc": 0.8}, False),  # log loss decides
        ({"accuracy": 0.9}, {"auc": 0.9}, True),  # nothing to compare
        ({"auc": float("nan")}, {"auc": 0.6}, False),
        ({"auc": 0.6}, None, True),
    ],
)
def test_better(new: dict[str, float], old: dict[str, float] | None, expected: bool) -> None:
    assert bool(better(new, old)) is expected


def test_a_figure_that_was_no_number_never_keeps_a_model_out(tmp_path: Path) -> None:
    for value in (float("nan"), 0.5, float("nan")):
        save_model(tmp_path, "toy", Toy(), metrics={"mase": value}, features=[], data_hash="")
    assert [v.current for v in history(tmp_path, "toy")] == [False, True, False]
    assert "not a number" in history(tmp_path, "toy")[0].report["comparison"]


def test_rollback_walks_back_over_what_was_in_place(tmp_path: Path) -> None:
    for loss in (0.5, 0.4, 0.9, 0.3):  # v3 never gets in place
        save(tmp_path, loss)
    assert rollback(tmp_path, "churn") == "v2"
    assert load_model(tmp_path, "churn").metrics["log_loss"] == 0.4
    assert rollback(tmp_path, "churn") == "v1"
    with pytest.raises(ModelError, match="no earlier"):
        rollback(tmp_path, "churn")
    put_in_place(tmp_path, "churn", "v3")
    assert rollback(tmp_path, "churn") == "v1"


def test_rollback_passes_over_damaged_versions(tmp_path: Path) -> None:
    for loss in (0.5, 0.4, 0.3):
        save(tmp_path, loss)
    (tmp_path / "models/churn/v2/model.joblib").write_bytes(b"broken")
    assert rollback(tmp_path, "churn") == "v1"


@pytest.mark.parametrize("damage", ["flip", "remove", "manifest"])
def test_damaged_files_are_refused(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "models/churn" / save(tmp_path, 0.5)
    if damage == "flip":
        path = folder / "model.joblib"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "remove":
        (folder / "model.joblib").unlink()
    else:
        (folder / "manifest.json").write_text("{}")
    with pytest.raises(ModelError, match="damaged"):
        load_model(tmp_path, "churn")


def test_missing_models_versions_and_odd_names_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"No churn model .*train churn"):
        load_model(tmp_path, "churn")
    save(tmp_path, 0.5)
    with pytest.raises(ModelError, match=r"no version v9 .*v1"):
        load_model(tmp_path, "churn", "v9")
    with pytest.raises(ModelError, match="not a name"):
        load_model(tmp_path, "../churn")


def test_what_a_crash_left_is_ignored_and_cleared(tmp_path: Path) -> None:
    save(tmp_path, 0.5)
    left_over = tmp_path / "models/churn/.partial-v2-1"
    left_over.mkdir()
    assert [saved.version for saved in history(tmp_path, "churn")] == ["v1"]
    assert save(tmp_path, 0.5) == "v2"
    assert not left_over.exists()


SAVE_THREE = """
import sys
from pathlib import Path
from types import SimpleNamespace
from assistant.insight.registry import save_model
for _ in range(3):
    save_model(Path(sys.argv[1]), "churn", SimpleNamespace(), metrics={}, features=[], data_hash="")
"""


def test_two_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", SAVE_THREE, str(tmp_path)]
    workers = [subprocess.Popen(command, cwd=root) for _ in range(2)]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    assert {saved.version for saved in history(tmp_path, "churn")} == {f"v{n}" for n in range(1, 7)}


def test_the_hash_of_data_sees_values_names_and_order() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    assert hash_data(frame, 3) == hash_data(frame.copy(), 3)
    others = [frame.rename(columns={"a": "c"}), frame.iloc[::-1], frame.assign(a=[1, 3])]
    assert len({hash_data(other, 3) for other in [frame, *others]}) == 4
    assert hash_data(np.zeros(3)) != hash_data(np.zeros(4))
    assert hash_data(pd.Series([[1], [2]])) != hash_data(pd.Series([[1], [3]]))


def test_reports_are_plain_json() -> None:
    report = TrainReport("churn", "v1", {"auc": np.float64(0.8), "curve": np.arange(2), "bad": float("nan")})
    assert json.loads(json.dumps(report.as_dict()))["metrics"] == {"auc": 0.8, "curve": [0, 1], "bad": None}


class Record:
    """As much of a record as training asks of it; ``loss`` is what a model on it reaches."""

    def __init__(self, loss: float, as_of: date = date(2026, 1, 31), orders: int = 100) -> None:
        self.loss, self.as_of, self.orders = loss, as_of, orders

    def counts(self) -> dict[str, int]:
        return {"orders": self.orders}


def train_good(store: Record, *, home: Path, embedder: object, progress: object) -> TrainReport:
    loss = store.loss
    version = save_model(home, "good", Toy(), metrics={"log_loss": loss}, features=[], data_hash="")
    return TrainReport("good", version, {"log_loss": loss})


def train_poor(store: object, *, home: Path, embedder: object, progress: object) -> TrainReport:
    raise ModelError("Ten customers are too few", "import more")


def test_train_all_reports_what_could_not_be_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainers = {"good": f"{__name__}:train_good", "poor": f"{__name__}:train_poor", "gone": "no.such:thing"}
    monkeypatch.setattr(training, "TRAINERS", trainers)
    seen: list[str] = []
    reports = training.train(
        Record(0.5), home=tmp_path, progress=lambda phase, done, total: seen.append(phase)
    )
    assert [(r.model, r.version, r.kept) for r in reports] == [
        ("good", "v1", True),
        ("poor", None, False),
        ("gone", None, False),
    ]
    assert "too few" in reports[1].notes[0] and "train good" in seen
    with pytest.raises(ModelError, match="too few"):
        training.train(Record(0.5), "poor", home=tmp_path)
    with pytest.raises(ModelError, match=r"no model called 'chrn'.*good"):
        training.train(Record(0.5), "chrn", home=tmp_path)


def test_a_worse_model_takes_the_place_only_by_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "TRAINERS", {"good": f"{__name__}:train_good"})
    training.train(Record(0.5), "good", home=tmp_path)
    [report] = training.train(Record(0.9), "good", home=tmp_path)
    assert not report.kept and "clearly worse than v1" in report.notes[-1]
    [report] = training.train(Record(0.9), "good", home=tmp_path, force=True)
    assert report.kept and current_version(tmp_path, "good") == report.version == "v3"


def test_only_what_moved_is_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "TRAINERS", {"good": f"{__name__}:train_good"})
    monkeypatch.setitem(moved.OLDEST, "good", 60)
    [check] = moved.check_models(Record(0.5), tmp_path)
    assert check.advice.retrain and check.advice.reasons == ("not trained yet",)
    training.train(Record(0.5), home=tmp_path, if_moved=True)

    def again(**later: object) -> TrainReport:
        return training.train(Record(0.5, **later), home=tmp_path, if_moved=True)[0]

    same = again(as_of=date(2026, 3, 1))
    assert same.version is None and "v1 stays in place" in same.notes[0]
    grown = again(as_of=date(2026, 3, 1), orders=230)
    assert grown.version == "v2" and "230 rows now, 100 at training" in grown.notes[-1]
    late = again(as_of=date(2026, 6, 1), orders=230)
    assert late.version == "v3" and "trained 92 days ago" in late.notes[-1]


def test_what_is_due_has_been_trained_and_was_not_tried_on_this_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainers = {"good": f"{__name__}:train_good", "poor": f"{__name__}:train_poor"}
    monkeypatch.setattr(training, "TRAINERS", trainers)
    monkeypatch.setitem(moved.OLDEST, "good", 60)
    assert moved.due_models(Record(0.5), tmp_path) == [], "nobody has trained anything yet"
    training.train(Record(0.5), ["good"], home=tmp_path)
    assert moved.due_models(Record(0.5), tmp_path) == []
    assert [c.model for c in moved.due_models(Record(0.5, orders=230), tmp_path)] == ["good"]
    [report] = training.train(Record(0.9, orders=230), ["good"], home=tmp_path, if_moved=True)
    assert not report.kept and current_version(tmp_path, "good") == "v1"
    assert moved.due_models(Record(0.9, orders=230), tmp_path) == [], "it would end the same way"
    assert [c.model for c in moved.due_models(Record(0.5, orders=600), tmp_path)] == ["good"]


def test_a_scorecard_of_a_table_is_not_replaced_by_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainers = {"good": f"{__name__}:train_good", "scorecard": f"{__name__}:train_poor"}
    monkeypatch.setattr(training, "TRAINERS", trainers)
    save_model(
        tmp_path,
        "scorecard",
        Toy(),
        metrics={"auc": 0.8},
        features=[],
        data_hash="",
        report={"target": "paid"},
    )
    card, good = training.train(Record(0.5), home=tmp_path)
    assert (good.version, card.version) == ("v1", None) and "a table (paid)" in card.notes[0]
    with pytest.raises(ModelError, match="too few"):
        training.train(Record(0.5), "scorecard", home=tmp_path)


def test_a_rival_measured_today_counts_instead_of_old_figures(tmp_path: Path) -> None:
    def save(loss: float, rival: dict[str, float] | None = None) -> bool:
        metrics = {"log_loss": 0.3, "forward_log_loss": loss}
        version = save_model(
            tmp_path, "good", Toy(), metrics=metrics, features=[], data_hash="",
            metric="forward_log_loss" if rival else None, rival=rival,
        )  # fmt: skip
        return current_version(tmp_path, "good") == version

    assert save(0.2)
    assert save(0.4, {"forward_log_loss": 0.5}), "worse than long ago, but better than the old one is now"
    assert not save(0.4, {"forward_log_loss": 0.3})
    assert "forward_log_loss 0.4 against 0.3" in history(tmp_path, "good")[0].report["comparison"]


def test_nothing_trained_at_all_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "TRAINERS", {"poor": f"{__name__}:train_poor"})
    with pytest.raises(ModelError, match="No model could be trained"):
        training.train(Record(0.5), home=tmp_path)
