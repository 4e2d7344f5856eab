"""Any table: roles, leaks, targets, errors, scoring in parts."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assistant.errors import AssistantError, ModelError
from assistant.insight import scoring, tables
from assistant.insight.columns import guess_columns, read_table, read_target, to_numbers
from assistant.insight.registry import history, load_model
from assistant.insight.tablemodel import band_names, fit_table, make_folds
from assistant.insight.tables import predict_table, train_table

GERMAN = Path(__file__).parents[2].parent / "shared/data/german_credit/germancredit.csv"


def table(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Age and plan matter, everything else is noise or forbidden fruit."""
    rng = np.random.default_rng(seed)
    months = rng.integers(1, 70, rows)
    plan = rng.choice(["basic", "plus", "pro"], rows)
    score = 1.5 - 0.06 * months + np.where(plan == "basic", 1.2, -0.6)
    left = rng.random(rows) < 1 / (1 + np.exp(-score))
    return pd.DataFrame(
        {
            "customer": rng.permutation(rows) + 7000,
            "months": months,
            "plan": plan,
            "spend": [f"€ {v:,.2f}" for v in rng.lognormal(4, 1, rows)],
            "joined": pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.integers(0, 500, rows), unit="D"),
            "note": [f"called about the thing number {i} again" for i in range(rows)],
            "currency": "EUR",
            "months_again": months,
            "closing_balance": np.where(left, 0, rng.integers(1, 90, rows)),
            "cancel_reason": np.where(left & (rng.random(rows) < 0.6), "price", ""),
            "left": np.where(left, "yes", "no"),
        }
    )


def test_roles_leaks_and_figures(tmp_path: Path) -> None:
    report = train_table("churn", table(), "left", home=tmp_path)
    reasons = {item["column"]: item["reason"] for item in report.left_out}
    assert set(reasons) == {
        "customer", "note", "currency", "months_again", "closing_balance", "cancel_reason",
    }  # fmt: skip
    assert "almost perfectly" in reasons["closing_balance"] and "only where" in reasons["cancel_reason"]
    assert "same values as months" in reasons["months_again"] and "free text" in reasons["note"]
    assert 0.7 < report.metrics["auc"] < 0.95 and report.metrics["auc_sd"] > 0
    assert report.details["positive"] == "yes" and report.details["importance"][0]["column"] in (
        "months",
        "plan",
    )
    assert sum(row["rows"] for row in report.details["calibration"]) == 400
    confusion = report.details["confusion"]
    counts = [confusion[k] for k in ("true_positive", "false_positive", "false_negative", "true_negative")]
    assert sum(counts) == 400 and confusion["threshold"] == pytest.approx(1 / 6)
    saved = history(tmp_path, "churn-table")[0]
    assert saved.features == ["months", "plan", "spend", "joined"] and saved.report["left_out"]


def test_the_reasons_of_a_row_sum_to_its_score() -> None:
    frame = table()
    model = fit_table(frame, "left").model
    for prediction in model.predict(frame.head(5)):
        total = (
            sum(r.contribution for r in prediction.reasons)
            + model.scorer.contributions(model.prepare(frame.head(1)))[1]
        )
        assert total == pytest.approx(np.log(prediction.probability / (1 - prediction.probability)), abs=1e-6)
    assert {r.text_en.split(" is ")[0] for r in prediction.reasons} == {"months", "plan", "spend", "joined"}


def test_a_sensitive_column_is_compared_but_not_used(tmp_path: Path) -> None:
    frame = table(600)
    frame["gender"] = np.random.default_rng(1).choice(["f", "m"], 600)
    report = train_table("churn", frame, "left", home=tmp_path, sensitive=["gender"])
    assert report.details["fairness"][0]["column"] == "gender"
    assert "gender" not in load_model(tmp_path, "churn-table").scorer.columns
    used = fit_table(frame, "left", sensitive=["gender"], use_sensitive=True)
    assert "gender" in used.model.scorer.columns
    unnamed = fit_table(frame, "left")
    assert any("may be sensitive" in note and "gender" in note for note in unnamed.notes)


@pytest.mark.parametrize(
    ("frame", "target", "message"),
    [
        (table().assign(left="yes"), "left", "only one value"),
        (table(10), "left", "has 10 rows"),
        (table()[["customer", "left"]], "left", "No column is left"),
        (table(), "lft", r"no column 'lft'.*left"),
        (table(), "months", "a yes/no question has two"),
        (table(), "note", "has 400 values"),
        (table().assign(left=["yes"] * 5 + ["no"] * 395), "left", "Only 5 rows"),
        (table().assign(left=""), "left", "only one value"),
    ],
)
def test_what_can_not_be_learned_is_said(
    tmp_path: Path, frame: pd.DataFrame, target: str, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        train_table("churn", frame, target, home=tmp_path)


def test_a_table_of_the_answer_alone_is_told_so() -> None:
    with pytest.raises(ModelError, match="no column beside left"):
        fit_table(table()[["left"]], "left")


def test_dates_of_five_kinds_in_one_column_are_dates() -> None:
    forms = ["%Y-%m-%d", "%d.%m.%Y", "%d %b %Y", "%Y年%m月%d日", "%Y/%m/%d %H:%M"]
    days = pd.date_range("2024-01-01", periods=100, freq="3D")
    [column] = guess_columns(pd.DataFrame({"since": [d.strftime(forms[i % 5]) for i, d in enumerate(days)]}))
    assert (column.role, column.origin) == ("date", "2024-10-24")


def test_what_spreadsheets_write_for_failed_sums_is_missing() -> None:
    values = [str(v) for v in np.arange(95) / 7] + ["inf", "-inf", "#DIV/0!", "#VALUE!", "1e300"]
    [column] = guess_columns(pd.DataFrame({"ratio": values}))
    assert column.role == "number"
    assert to_numbers(pd.Series(values)).isna().sum() == 5
    assert to_numbers(pd.Series([1.0, np.inf, 1e300])).isna().tolist() == [False, True, True]


def test_rows_that_can_not_be_read_are_counted(tmp_path: Path) -> None:
    frame = table(100)[["months", "plan", "left"]]
    lines = frame.to_csv(index=False).splitlines()
    (tmp_path / "t.csv").write_text("\n".join(line + ",9,9" * (i in (7, 30)) for i, line in enumerate(lines)))
    report = train_table("churn", tmp_path / "t.csv", "left", home=tmp_path)
    assert report.rows == 98 and any("2 rows have too many cells" in note for note in report.notes)


def test_of_very_many_columns_the_best_are_chosen_without_looking_at_held_out_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scoring, "MOST_COLUMNS", 15)
    rng = np.random.default_rng(4)
    noise = pd.DataFrame(rng.normal(size=(300, 400)).round(4), columns=[f"n{i}" for i in range(400)])
    y = np.where(rng.random(300) < 0.4, "yes", "no")
    chance = fit_table(noise.assign(left=y), "left")
    assert chance.metrics["auc"] < 0.6, "columns chosen on all rows would reach 0.8 on noise"
    known = noise.assign(plan=np.where(rng.random(300) < 0.7, y, "other"), left=y)
    fitted = fit_table(known, "left")
    assert "plan" in fitted.model.scorer.columns and len(fitted.model.columns) == 15
    assert any("of 401 columns the 15" in note for note in fitted.notes)
    assert len(fitted.model.probability(known[[c.name for c in fitted.model.columns]])) == 300


def test_another_question_takes_the_place_whatever_its_figures(tmp_path: Path) -> None:
    train_table("risk", table(), "left", home=tmp_path)
    other = table().drop(columns=["left", "months", "months_again", "closing_balance", "cancel_reason"])
    other["paid"] = np.random.default_rng(1).choice(["yes", "no"], len(other))
    report = train_table("risk", other, "paid", home=tmp_path)
    assert report.kept and any("another question (left)" in note for note in report.notes)


@pytest.mark.parametrize(
    ("values", "positive", "chosen"),
    [
        (["Yes", "No", "No"], None, "Yes"),
        (["good", "bad", "good"], None, "bad"),
        ([0, 1, 1, 1], None, "1"),
        ([1.0, 0.0, np.nan], None, "1"),
        ([True, False, False], None, "1"),
        (["Existing Customer", "Attrited Customer"], None, "Attrited Customer"),
        (["流失", "未流失"], None, "流失"),
        (["blue", "blue", "red"], None, "red"),
        (["a", "b", "c"], "B", "b"),
    ],
)
def test_the_event_is_guessed(values: list[Any], positive: str | None, chosen: str) -> None:
    answer = read_target(pd.Series(values), "t", positive)
    assert answer.positive == chosen and answer.labels.sum() >= 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1.234,56", "7,5", ""], [1234.56, 7.5, None]),
        (["1,234.56", "$ 7.5", "n/a"], [1234.56, 7.5, None]),
        (["12 %", "50%", " "], [12, 50, None]),
    ],
)
def test_numbers_as_people_write_them(values: list[str], expected: list[float | None]) -> None:
    series = pd.Series(values * 20)
    [column] = guess_columns(pd.DataFrame({"x": series}))
    assert column.role == "number"
    found = to_numbers(series, column.decimal).tolist()[:3]
    assert found[:2] == expected[:2] and np.isnan(found[2])


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("user_id", list(range(100, 200)), "id"),
        ("x", [f"u{i}" for i in range(100)], "id"),
        ("income", list(np.random.default_rng(0).integers(0, 90_000, 100)), "number"),
        ("day", ["03/14/2025", "01/02/2025"] * 50, "date"),
        ("city", ["Gent", "Lyon"] * 50, "category"),
        ("empty", [""] * 100, "constant"),
        ("code", [1, 2] * 50, "number"),
    ],
)
def test_roles(name: str, values: list[Any], role: str) -> None:
    [column] = guess_columns(pd.DataFrame({name: values}))
    assert column.role == role
    if name == "day":
        assert not column.day_first and column.origin == "2025-03-14"


def test_scoring_a_file_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = table()
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    frame.drop(columns="left").to_csv(path, index=False, sep=";")
    frame.to_csv(tmp_path / "train.csv", index=False)
    train_table("churn", tmp_path / "train.csv", "left", "customer", home=tmp_path)
    monkeypatch.setattr(tables, "CHUNK", 150)
    seen: list[tuple[int, int | None]] = []
    scores = predict_table(
        "churn", path, home=tmp_path, out=out, reasons_per_row=2,
        progress=lambda phase, done, total: seen.append((done, total)),
    )  # fmt: skip
    written = pd.read_csv(out)
    assert seen == [(150, 400), (300, 400), (400, 400)] and scores.rows == len(written) == 400
    assert written["customer"].tolist() == frame["customer"].tolist()
    assert written["band"].value_counts().to_dict() == {k: v for k, v in scores.bands.items() if v}
    assert written["reasons"].str.contains("raises|lowers").all() and not scores.advice.retrain
    whole = predict_table("churn", path, home=tmp_path).frame
    assert whole is not None and np.allclose(whole["probability"], written["probability"])


def test_a_failed_scoring_leaves_the_old_file(tmp_path: Path) -> None:
    frame = table()
    train_table("churn", frame, "left", home=tmp_path)
    out = tmp_path / "out.csv"
    out.write_text("old")
    with pytest.raises(ModelError, match=r"lacks 1 of the model's 4 columns: months.*'Month'"):
        predict_table("churn", frame.rename(columns={"months": "Month"}), home=tmp_path, out=out)
    assert out.read_text() == "old" and not list(tmp_path.glob(".out.csv*"))
    with pytest.raises(AssistantError, match="no file"):
        predict_table("churn", tmp_path / "nothing.csv", home=tmp_path)


def test_data_that_moved_is_noticed(tmp_path: Path) -> None:
    train_table("churn", table(800), "left", home=tmp_path)
    assert not predict_table("churn", table(800, seed=1), home=tmp_path).advice.retrain
    moved = table(800, seed=1)
    moved["months"] += 40
    advice = predict_table("churn", moved, home=tmp_path).advice
    assert advice.retrain and "months changed" in advice.reasons[0]


def test_new_levels_and_missing_values_are_scored() -> None:
    frame = table()
    model = fit_table(frame, "left").model
    odd = frame.head(3).astype(object)
    odd["plan"] = ["never seen", None, "pro"]
    odd["months"] = ["", "many", 10_000]
    assert np.isfinite(model.probability(odd)).all()


def test_groups_share_a_fold() -> None:
    y = np.tile([0, 1, 0], 40)
    groups = np.repeat(np.arange(40), 3)
    folds = make_folds(y, groups, 5, 0)
    assert all(len(set(folds[groups == g])) == 1 for g in range(40)) and set(folds) == set(range(5))
    doubled = pd.concat([table()] * 2, ignore_index=True).drop(columns="customer")
    assert any("copies" in note for note in fit_table(doubled, "left").notes)


def test_bands_follow_the_rate() -> None:
    assert band_names(np.array([0.05, 0.15, 0.25]), 0.1).tolist() == ["low", "medium", "high"]
    assert band_names(np.array([0.3, 0.6, 0.8]), 0.5).tolist() == ["low", "medium", "high"]


@pytest.mark.skipif(not GERMAN.exists(), reason="shared/data/german_credit is not here")
def test_german_credit(tmp_path: Path) -> None:
    report = train_table("risk", GERMAN, "creditability", home=tmp_path)
    assert report.details["positive"] == "bad"
    assert report.metrics["auc"] >= 0.79 and report.metrics["brier"] < 0.17


def test_names_that_occur_twice_or_are_missing_at_the_end_are_still_names(tmp_path: Path) -> None:
    lines = [f"K{n:03d},{n % 7}.5,{n % 5},{'yes' if n % 3 else 'no'},{n % 4}" for n in range(80)]
    path = tmp_path / "twice.csv"
    path.write_text("\n".join(["id,x,x,left,", *lines]))
    frame = read_table(path)
    assert list(frame.columns) == ["id", "x", "x (2)", "left", "column 5"] and len(frame) == 80
    assert frame.attrs["unreadable"] == 0
    path.write_text("\n".join(["id,x,left,,", *(line.rsplit(",", 2)[0] + ",," for line in lines)]))
    assert list(read_table(path).columns) == ["id", "x", "left"], (
        "columns without a name and without a value are none"
    )
