"""How good and how quick the insight models are, beside scikit-learn's on the same rows and folds.

    python scripts/bench_insight.py [--data ../shared/data] [--rows 1000000] [--only telco german
    wholesale leak unlearnable cdnow demo scale import]

Prints one line per table and model, and ends in one line that says whether every bar was met.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from assistant.crm import Store
from assistant.crm.demo import make_demo
from assistant.errors import ModelError
from assistant.insight.churn import train_churn
from assistant.insight.columns import guess_columns, prepare, read_table, read_target
from assistant.insight.evaluate import by_fold
from assistant.insight.lifetime import BgNbd, summary
from assistant.insight.registry import load_model
from assistant.insight.risk import train_scorecard
from assistant.insight.tablemodel import make_folds
from assistant.insight.tables import predict_table, train_table

FIGURES = ("auc", "auc_sd", "average_precision", "log_loss", "brier", "lift_10")
TELCO = "telco_churn_ibm/Telco-Customer-Churn.csv"
WHOLESALE = "wholesale_uci/wholesale.csv"
CDNOW = "cdnow/CDNOW_sample.txt"
# Fader, Hardie, Lee: "Counting Your Customers" the Easy Way, Marketing Science 24 (2005), table 2
PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
GERMAN = "german_credit/germancredit.csv"


def line(table: str, model: str, metrics: dict[str, Any], seconds: float) -> None:
    figures = "  ".join(f"{name} {metrics[name]:.4f}" for name in FIGURES)
    print(f"{table:8s} {model:32s} {figures}  {seconds:6.1f} s", flush=True)


def peers(table: str, path: Path, target: str) -> None:
    """scikit-learn's logistic regression and histogram boosting by the same five folds, ids left out by
    hand."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    frame = read_table(path)
    answer = read_target(frame[target], target)
    columns = [c for c in guess_columns(frame, skip=[target]) if c.used]
    X, y = prepare(frame, columns), answer.labels
    numbers = [c.name for c in columns if c.kind == "number"]
    words = [c.name for c in columns if c.kind == "category"]
    X[words] = X[words].fillna("")
    scale = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    linear = make_pipeline(
        ColumnTransformer([("n", scale, numbers), ("c", OneHotEncoder(handle_unknown="ignore"), words)]),
        LogisticRegression(max_iter=2000),
    )
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    boosted = make_pipeline(
        ColumnTransformer([("n", "passthrough", numbers), ("c", codes, words)]),
        HistGradientBoostingClassifier(
            categorical_features=list(range(len(numbers), len(numbers) + len(words))), random_state=0
        ),
    )
    folds = make_folds(y, None, 5, 0)
    for name, model in (("LogisticRegression", linear), ("HistGradientBoosting", boosted)):
        started = time.perf_counter()
        p = np.zeros(len(y))
        for number in range(5):
            test = folds == number
            p[test] = model.fit(X[~test], y[~test]).predict_proba(X[test])[:, 1]
        line(table, f"scikit-learn {name}", by_fold(y, p, folds), time.perf_counter() - started)


def tables(data: Path, home: Path, which: list[str]) -> list[tuple[str, bool]]:
    met: list[tuple[str, bool]] = []
    for table, kind, file, target in (
        ("telco", "churn", TELCO, "Churn"),
        ("german", "risk", GERMAN, "creditability"),
        ("wholesale", "channel", WHOLESALE, "Channel"),
    ):
        if table not in which:
            continue
        path = data / file
        if not path.exists():
            print(f"{table}: skipped, {path} is not here")
            continue
        report = train_table(kind, path, target, home=home)
        line(table, f"this project ({report.details['kept']})", dict(report.metrics), report.seconds)
        peers(table, path, target)
        if table == "telco":
            met.append(("telco AUC >= 0.846", report.metrics["auc"] >= 0.846))
            met.append(("telco Brier <= 0.136", report.metrics["brier"] <= 0.136))
        elif table == "german":
            card = train_scorecard(path, target, home=home)
            line(table, "this project (scorecard)", dict(card.metrics), card.seconds)
            met.append(("german AUC >= 0.79", report.metrics["auc"] >= 0.79))
    return met


def leak(home: Path) -> list[tuple[str, bool]]:
    """A made-up table with two columns that are known only afterwards."""
    rng = np.random.default_rng(0)
    n = 3000
    x = rng.normal(size=(n, 3))
    left = rng.random(n) < 1 / (1 + np.exp(1.2 - x[:, 0] - 0.5 * x[:, 1]))
    frame = pd.DataFrame({"use": x[:, 0], "age_of_contract": x[:, 1], "noise": x[:, 2]})
    frame["final_invoice"] = np.where(left, rng.lognormal(3, 1, n), 0.0)
    frame["exit_survey"] = np.where(left & (rng.random(n) < 0.4), "filled", "")
    frame["left"] = np.where(left, "yes", "no")
    report = train_table("leak", frame, "left", home=home)
    for item in report.left_out:
        print(f"leak     {item['column']}: {item['reason']}")
    line("leak", f"this project ({report.details['kept']})", dict(report.metrics), report.seconds)
    found = {item["column"] for item in report.left_out}
    return [("both leaks found", found == {"final_invoice", "exit_survey"})]


def unlearnable(home: Path) -> list[tuple[str, bool]]:
    """Tables that nothing can be learned from: each has to end in an error that says why."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    y = np.where(rng.random(300) < 0.4, "yes", "no")
    cases = {
        "constant target": pd.DataFrame({"x": x, "left": "no"}),
        "ten rows": pd.DataFrame({"x": x[:10], "left": y[:10]}),
        "all ids": pd.DataFrame({"id": range(300), "code": [f"K{i}" for i in range(300)], "left": y}),
        "nothing but the target": pd.DataFrame({"left": y}),
        "three answers": pd.DataFrame({"x": x, "left": rng.choice(["a", "b", "c"], 300)}),
        "three leavers": pd.DataFrame({"x": x, "left": ["yes"] * 3 + ["no"] * 297}),
    }
    refused = []
    for name, frame in cases.items():
        try:
            train_table("unlearnable", frame, "left", home=home)
            refused.append(False)
        except ModelError as error:
            refused.append(bool(error.hint))
            print(f"unlearnable {name}: {error.message} -> {error.hint}")
    return [("unlearnable tables refused", all(refused))]


def cdnow(data: Path) -> list[tuple[str, bool]]:
    """BG/NBD on the 1/10 sample, calibrated until 1997-09-30 as in the paper."""
    path = data / CDNOW
    if not path.exists():
        print(f"cdnow: skipped, {path} is not here")
        return []
    names = ["master", "customer_id", "at", "cds", "total"]
    frame = pd.read_csv(path, sep=r"\s+", header=None, names=names)
    frame["at"] = pd.to_datetime(frame["at"].astype(str))
    table = summary(frame.astype({"customer_id": str}), pd.Timestamp("1997-09-30"))
    fitted = BgNbd().fit(*(table[name].to_numpy(float) for name in ("frequency", "recency", "age")))
    found = {"r": fitted.r_, "alpha": fitted.alpha_, "a": fitted.a_, "b": fitted.b_}
    off = {name: found[name] / value - 1 for name, value in PUBLISHED.items()}
    print("cdnow    " + "  ".join(f"{n} {found[n]:.4f} ({PUBLISHED[n]}, {off[n]:+.2%})" for n in found))
    return [("cdnow within 1 %", all(abs(value) <= 0.01 for value in off.values()))]


def import_lines(home: Path, rows: int) -> None:
    """Order lines made up here, about four to an order, imported into a fresh record."""
    rng = np.random.default_rng(0)
    path = home / "lines.csv"
    order = np.sort(rng.integers(0, rows // 4, rows))
    day = pd.Timestamp("2023-01-01") + pd.to_timedelta(order * (900 * 86_400 // (rows // 4)), unit="s")
    frame = pd.DataFrame(
        {"order": order, "customer": order % (rows // 40), "date": day, "sku": "", "quantity": 1}
    )
    frame["sku"] = [f"P{n:04d}" for n in rng.integers(0, 3000, rows)]
    frame["quantity"] = rng.integers(1, 6, rows)
    frame["price"] = rng.lognormal(2.5, 0.6, rows).round(2)
    frame.to_csv(path, index=False)
    del frame, order, day
    # in a process of its own: the peak is the import's alone
    code = (
        "import resource, sys, time; from pathlib import Path; from assistant.crm import Store, import_file\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024; started = time.perf_counter()\n"
        "with Store(Path(sys.argv[2])) as store: report = import_file(store, 'orders', Path(sys.argv[1]))\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "print(f'import   {report.rows:,} order lines imported ({report.added:,} rows added) in "
        "{time.perf_counter() - started:.0f} s, peak memory {peak:.0f} MB (before: {before:.0f} MB)')"
    )
    subprocess.run([sys.executable, "-c", code, str(path), str(home / "lines.sqlite")], check=True)


def demo(home: Path) -> list[tuple[str, bool]]:
    with Store(home / "crm.sqlite") as store:
        make_demo(store)
        report = train_churn(store, home=home)
        line("demo", f"this project ({report.details['kept']})", dict(report.metrics), report.seconds)
        later = {k.removeprefix("forward_"): v for k, v in report.metrics.items() if k.startswith("forward_")}
        if later:
            line("demo", "  trained earlier, tried later", {"auc_sd": float("nan"), **later}, 0.0)
        model = load_model(home, "churn")
        started = time.perf_counter()
        everyone = model.predict(store)
        print(
            f"demo     {len(everyone)} customers predicted with reasons in {time.perf_counter() - started:.2f} s"
        )
        started = time.perf_counter()
        model.predict(store, [everyone[0].customer_id])
        print(f"demo     one customer in {1000 * (time.perf_counter() - started):.0f} ms")
    return [("demo AUC in 0.80..0.90", 0.80 <= report.metrics["auc"] <= 0.90)]


def scale(data: Path, home: Path, rows: int) -> None:
    """The telco table's rows again and again until there are ``rows``, scored from a file into a file."""
    path = data / TELCO
    if not path.exists():
        print(f"scale: skipped, {path} is not here")
        return
    if not (home / "models" / "churn-table").exists():
        train_table("churn", path, "Churn", home=home)
    head, *body = path.read_text(encoding="utf-8").splitlines()
    large = home / "large.csv"
    with large.open("w", encoding="utf-8") as file:
        file.write(head + "\n")
        for start in range(0, rows, len(body)):
            file.write("\n".join(body[: rows - start]) + "\n")

    def show(phase: str, done: int, total: int | None) -> None:
        print(f"\r{phase} {done:,} of {total or 0:,}", end="", file=sys.stderr, flush=True)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    scores = predict_table("churn", large, home=home, out=home / "scores.csv", progress=show)
    print(file=sys.stderr)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"scale    {scores.rows:,} rows scored in {scores.seconds:.0f} s, "
        f"peak memory {peak:.0f} MB (before: {before:.0f} MB)"
    )


def main() -> int:
    warnings.filterwarnings("ignore")  # the peers' own
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[1].parent / "shared/data")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parts = ["telco", "german", "wholesale", "leak", "unlearnable", "cdnow", "demo", "scale", "import"]
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    arguments = parser.parse_args()
    met: list[tuple[str, bool]] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        met += tables(arguments.data, home, arguments.only)
        if "leak" in arguments.only:
            met += leak(home)
        if "unlearnable" in arguments.only:
            met += unlearnable(home)
        if "cdnow" in arguments.only:
            met += cdnow(arguments.data)
        if "demo" in arguments.only:
            met += demo(home)
        if "scale" in arguments.only:
            scale(arguments.data, home, arguments.rows)
        if "import" in arguments.only:
            import_lines(home, arguments.rows)
    missed = [name for name, good in met if not good]
    print("all bars met: " + "; ".join(n for n, _ in met) if not missed else "NOT met: " + "; ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
