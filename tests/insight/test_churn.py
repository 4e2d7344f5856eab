"""Churn on the record: learns what is in it, explains itself exactly, and says so when it can't."""

import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from assistant.crm import Store
from assistant.errors import ModelError
from assistant.insight import churn
from assistant.insight.churn import ChurnModel, ChurnPrediction, train_churn
from assistant.insight.features import History
from assistant.insight.registry import TrainReport, load_model
from assistant.insight.scoring import BlendScorer, CalibratedScorer, LinearScorer, SequenceScorer

from .little_record import make_record


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Store, ChurnModel, TrainReport, Path]]:
    home = tmp_path_factory.mktemp("home")
    with make_record(home / "crm.sqlite", 220) as store:
        report = train_churn(store, home=home)
        yield store, load_model(home, "churn"), report, home


def log_odds(p: float) -> float:
    return float(np.log(p / (1 - p)))


def test_it_learns_and_reports(trained: tuple[Store, ChurnModel, TrainReport, Path]) -> None:
    _, model, report, _ = trained
    assert report.model == "churn" and report.kept and report.version == model.version == "v1"
    assert report.metrics["auc"] > 0.65 and report.metrics["auc_sd"] > 0
    assert report.metrics["log_loss"] < log_loss_of_the_rate(report.metrics["rate"])
    assert report.metrics["calibration_error"] < 0.05
    assert set(report.details["candidates"]) >= {"linear", "boosted", "linear+boosted"}
    assert {"column": "country", "reason": "the record says the same about everyone"} in list(report.left_out)
    assert max(report.details["days"]) <= "2025-11-02"  # 90 days before the last day: their outcome is known


def log_loss_of_the_rate(rate: float) -> float:
    return float(-(rate * np.log(rate) + (1 - rate) * np.log(1 - rate)))


def test_reasons_sum_to_the_score(trained: tuple[Store, ChurnModel, TrainReport, Path]) -> None:
    store, model, _, _ = trained
    some = [p.customer_id for p in model.predict(store)[:8]]
    for prediction in model.predict(store, some):
        total = prediction.base + sum(r.contribution for r in prediction.reasons)
        assert total == pytest.approx(log_odds(prediction.probability), abs=1e-6)
        weights = [abs(r.contribution) for r in prediction.reasons]
        assert weights == sorted(weights, reverse=True)
        for reason in prediction.reasons:
            assert reason.direction == ("raises" if reason.contribution >= 0 else "lowers")
            assert reason.text_en.endswith(f"({reason.direction})") and reason.text_zh.endswith("）")


def test_one_alone_and_all_together_agree(trained: tuple[Store, ChurnModel, TrainReport, Path]) -> None:
    store, model, _, _ = trained
    everyone = {p.customer_id: p for p in model.predict(store)}
    assert everyone and all(p.active for p in everyone.values())
    for customer in list(everyone)[:3]:
        [alone] = model.predict(store, [customer])
        assert alone.probability == pytest.approx(everyone[customer].probability)
        assert alone.band == everyone[customer].band and alone.version == "v1"
        reasons = [replace(r, contribution=0.0) for r in alone.reasons[:5]]
        assert reasons == [replace(r, contribution=0.0) for r in everyone[customer].reasons]
        effects = [r.contribution for r in everyone[customer].reasons]
        assert [r.contribution for r in alone.reasons[:5]] == pytest.approx(effects, rel=1e-4)


def test_who_complains_is_more_likely_to_leave(trained: tuple[Store, ChurnModel, TrainReport, Path]) -> None:
    store, model, _, _ = trained
    history = History.read(store)
    complains = set(history.ids[history.contacts["who"][history.contacts["complaint"]]])
    high = [p.probability for p in model.predict(store) if p.customer_id in complains]
    low = [p.probability for p in model.predict(store) if p.customer_id not in complains]
    assert np.mean(high) > np.mean(low)


def test_predictions_are_remembered_until_the_record_changes(
    trained: tuple[Store, ChurnModel, TrainReport, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, model, _, _ = trained
    runs = []
    original = ChurnModel._predict

    def counted(self: ChurnModel, *args: object) -> list[ChurnPrediction]:
        runs.append(args)
        return original(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(ChurnModel, "_predict", counted)
    model._cache = None
    model.predict(store)
    model.predict(store)
    assert len(runs) == 1
    model.predict(store, as_of=date(2025, 10, 1))
    assert len(runs) == 2


def test_who_has_left_is_not_active(trained: tuple[Store, ChurnModel, TrainReport, Path]) -> None:
    store, model, _, _ = trained
    active = {p.customer_id for p in model.predict(store)}
    gone = next(c["id"] for c in store.customers() if c["id"] not in active)
    [prediction] = model.predict(store, [gone])
    assert not prediction.active and prediction.as_dict()["active"] is False


def test_an_unknown_customer_is_named_with_the_closest(
    trained: tuple[Store, ChurnModel, TrainReport, Path],
) -> None:
    store, model, _, _ = trained
    with pytest.raises(ModelError, match=r"no customer 'K9999'.*K\d{4}"):
        model.predict(store, ["K9999"])


def test_what_would_change_the_score(trained: tuple[Store, ChurnModel, TrainReport, Path]) -> None:
    store, model, _, _ = trained
    riskiest = max(model.predict(store), key=lambda p: p.probability)
    found = model.what_if(store, riskiest.customer_id)
    assert found
    for change in found:
        assert change.before == pytest.approx(riskiest.probability) and change.after < change.before
        assert set(change.changes) <= set(churn.ACTIONABLE)


def test_right_after_training_nothing_has_moved(trained: tuple[Store, ChurnModel, TrainReport, Path]) -> None:
    store, model, _, _ = trained
    assert not model.advice(store).retrain


def test_a_second_training_on_the_same_record_gives_the_same_model(
    trained: tuple[Store, ChurnModel, TrainReport, Path],
) -> None:
    store, _, report, _ = trained
    data = churn.snapshots(History.read(store))
    again = churn.snapshots(History.read(store))
    one, two = (x.X.drop(columns=churn.COURSE) for x in (data, again))
    assert one.equals(two) and len(data.y) == report.rows
    assert all(np.array_equal(a, b) for a, b in zip(data.X[churn.COURSE], again.X[churn.COURSE], strict=True))


def test_a_sequence_model_competes(trained: tuple[Store, ChurnModel, TrainReport, Path]) -> None:
    tried = trained[2].details["candidates"]
    assert {"sequence", "linear+sequence", "linear+boosted+sequence"} <= set(tried)
    assert tried["sequence"]["auc"] > 0.6


def test_kept_or_not_a_sequence_model_s_reasons_sum_to_its_score(
    trained: tuple[Store, ChurnModel, TrainReport, Path],
) -> None:
    store = trained[0]
    data = churn.snapshots(History.read(store))
    kinds, _ = churn._choose_features(data.X.drop(columns=churn.COURSE))
    scorer = BlendScorer(LinearScorer(kinds), SequenceScorer()).fit(data.X, data.y)
    model = ChurnModel(CalibratedScorer(scorer, 0.9, 0.1), rate=0.2)
    ids = [p.customer_id for p in model.predict(store)[:3]]
    for one in model.predict(store, ids):
        total = one.base + sum(r.contribution for r in one.reasons)
        assert total == pytest.approx(log_odds(one.probability), abs=1e-6)
        course = next(r for r in one.reasons if r.feature == churn.COURSE)
        assert course.value is None and "course of orders" in course.text_en
        assert json.dumps(one.as_dict(None))
    assert model.what_if(store, ids[0]) is not None
    assert pickle.loads(pickle.dumps(scorer)).columns == scorer.columns


@pytest.mark.parametrize(("customers", "message"), [(0, "no customers"), (4, "a model needs at least")])
def test_too_little_to_learn_from(tmp_path: Path, customers: int, message: str) -> None:
    with make_record(tmp_path / "crm.sqlite", customers) as store, pytest.raises(ModelError, match=message):
        train_churn(store, home=tmp_path)


def test_too_short_a_history(tmp_path: Path) -> None:
    with Store(tmp_path / "crm.sqlite") as store:
        store.upsert("customers", [{"id": "A"}])
        store.upsert("orders", [{"id": "1", "customer_id": "A", "ordered_at": "2026-01-01", "total": 1.0}])
        with pytest.raises(ModelError, match="takes 210 days"):
            train_churn(store, home=tmp_path)


def test_a_company_s_own_label_is_a_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    people = []
    for i in range(300):
        months = int(rng.integers(1, 60))
        contract = str(rng.choice(["monthly", "yearly"]))
        leaves = rng.random() < (0.6 if contract == "monthly" else 0.1) * (1 - months / 90)
        people.append(
            {
                "id": f"T{i}",
                "churned": int(leaves),
                "attributes": {
                    "contract": contract,
                    "months": str(months),
                    "shoe": str(rng.integers(36, 46)),
                },
            }
        )
    with Store(tmp_path / "crm.sqlite") as store:
        store.upsert("customers", people)
        report = train_churn(store, home=tmp_path)
        model = load_model(tmp_path, "churn")
        assert "company's own label" in report.notes[0] and report.metrics["auc"] > 0.65
        assert report.details["importance"][0]["column"] in ("contract", "months")
        predictions = model.predict(store)
        assert len(predictions) == 300
        [one] = model.predict(store, ["T5"])
        total = one.base + sum(r.contribution for r in one.reasons)
        assert total == pytest.approx(log_odds(one.probability), abs=1e-6)
        assert model.what_if(store, max(predictions, key=lambda p: p.probability).customer_id)
        assert not model.advice(store).retrain
