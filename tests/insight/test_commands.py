"""Models over tables by command: trained, scored into a file, listed, rolled back, told of on a page."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from assistant.cli import main
from assistant.crm import Store
from assistant.settings import get_settings


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_ASSISTANT_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)
    get_settings.cache_clear()


@pytest.fixture
def loans(tmp_path):
    rng = np.random.default_rng(3)
    n = 500
    income, debt = rng.lognormal(8, 0.4, n), rng.normal(size=n)
    bad = rng.random(n) < 1 / (1 + np.exp(1.2 - debt + (np.log(income) - 8)))
    frame = pd.DataFrame(
        {"loan": [f"L{i:04}" for i in range(n)], "income": income.round(2), "debt": debt.round(3)}
    )
    frame["paid"] = np.where(bad, "no", "yes")
    frame.to_csv(tmp_path / "loans.csv", index=False)
    return tmp_path / "loans.csv"


def test_a_scorecard_from_a_table_to_points_and_back(run, loans, tmp_path):
    def train():
        return run("train", "scorecard", "--table", loans, "--target", "paid", "--positive", "no", "--json")

    first = json.loads(train().stdout)
    assert first["version"] == "v1" and first["metrics"]["auc"] > 0.65
    done = run("predict", "scorecard", "--table", loans, "--out", tmp_path / "points.csv", "--json")
    assert json.loads(done.stdout)["rows"] == 500
    points = pd.read_csv(tmp_path / "points.csv")
    assert list(points) == ["loan", "points", "probability", "band"]
    assert np.corrcoef(points["points"], points["probability"])[0, 1] < -0.9
    assert json.loads(train().stdout)["version"] == "v2"
    assert json.loads(run("models", "rollback", "scorecard", "--json").stdout)["version"] == "v1"
    listed = json.loads(run("models", "list", "--json").stdout)
    assert [(v["name"], v["version"], v["current"]) for v in listed] == [
        ("scorecard", "v2", False),
        ("scorecard", "v1", True),
    ]
    page = json.loads(run("report", "--out", tmp_path / "page.html", "--json").stdout)
    assert (tmp_path / "page.html").stat().st_size > 10_000
    assert any(
        s["section"] == "life" and "scorecard: AUC by version" not in s["todo"] for s in page["sections"]
    )
    lacking = run(
        "predict", "scorecard", "--table", _without(loans, "debt", tmp_path), "--out", tmp_path / "x.csv"
    )
    assert lacking.exit_code == 1 and "debt" in lacking.stderr and not (tmp_path / "x.csv").exists()


def test_risk_is_a_model_of_its_own(run, loans, tmp_path):
    untrained = run("predict", "risk", "--table", loans, "--out", tmp_path / "x.csv")
    assert untrained.exit_code == 1 and "train risk --table FILE --target COLUMN" in untrained.stderr
    report = json.loads(
        run("train", "risk", "--table", loans, "--target", "paid", "--positive", "no", "--json").stdout
    )
    assert report["model"] == "risk-table"
    run("predict", "risk", "--table", loans, "--out", tmp_path / "risk.csv")
    assert pd.read_csv(tmp_path / "risk.csv")["probability"].between(0, 1).all()


def test_orders_that_stand_out_are_found_by_command(run, tmp_path):
    rng = np.random.default_rng(0)
    with Store(tmp_path / "home" / "crm.sqlite") as store:
        store.upsert("customers", [{"id": "A"}, {"id": "B"}])
        orders = [
            {"id": f"O{i}", "customer_id": "AB"[i % 2], "ordered_at": f"2026-01-{1 + i // 10:02}T{9 + i % 8:02}:00:00",
             "total": round(float(rng.normal(50, 5)), 2)}
            for i in range(200)
        ]  # fmt: skip
        orders[150]["total"] = 4000.0
        store.upsert("orders", orders)
    found = json.loads(run("detect", "anomalies", "--json").stdout)
    assert found[0]["order_id"] == "O150" and "times this customer's usual amount" in " ".join(
        found[0]["reasons"]
    )
    run("detect", "anomalies", "--out", tmp_path / "found.csv")
    assert pd.read_csv(tmp_path / "found.csv")["order"].tolist()[0] == "O150"


def _without(path, column, folder):
    pd.read_csv(path).drop(columns=column).to_csv(folder / "less.csv", index=False)
    return folder / "less.csv"
