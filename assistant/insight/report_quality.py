"""Parts of the report about yes/no questions, fairness, risk, and the life of all models."""

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError
from assistant.insight import plots
from assistant.insight.registry import (
    DECIDING,
    current_version,
    history,
    load_model,
    model_names,
)

if TYPE_CHECKING:
    from assistant.crm import Store

from assistant.insight.report_base import (
    FIGURES,
    Language,
    Plot,
    Section,
    Table,
    bar_plot,
    calibration_plot,
    number,
    saved_current,
    saved_report,
    share,
    untrained,
)

# -- churn and other yes/no questions -------------------------------------------------------------------------


def yes_no_models_part(home: Path) -> list[Section]:
    names = [n for n in model_names(home) if n != "scorecard" and "calibration" in saved_report(home, n)]
    if "churn" in names:
        names = ["churn", *(n for n in names if n != "churn")]
    if not names:
        return [Section("churn", "Churn", todo="crm-assistant train churn")]
    return [_yes_no(home, name) for name in names]


def _yes_no(home: Path, name: str) -> Section:
    saved = saved_current(home, name)
    m, report = saved.metrics, saved.report
    title = "Churn" if name == "churn" else f"{name.removesuffix('-table').title()} on a table"
    section = Section(name, title)
    said = str(report.get("definition") or f"{report.get('target')}: the event is {report.get('positive')}")
    section.intro = said[:1].upper() + said[1:] + "."
    for key in ("auc", "average_precision", "log_loss", "brier", "lift_10", "calibration_error"):
        if m.get(key) is not None:
            spread = f"± {m[f'{key}_sd']:.3f} over folds" if m.get(f"{key}_sd") is not None else ""
            section.figures.append((FIGURES[key], f"{m[key]:.3f}", spread))
    table = report["calibration"]
    rate = float(m.get("rate") or 1)
    section.plots.append(
        calibration_plot(
            "Calibration: does what it says happen?",
            table,
            f"Calibration in {len(table)} groups; mean distance {m.get('calibration_error', 0):.3f}",
        )
    )
    tenths = [(f"tenth {i + 1}", r["observed"] / rate) for i, r in enumerate(reversed(table))]
    section.plots.append(
        bar_plot(
            "Lift: how much more often it happens, by score from the highest tenth down",
            tenths,
            f"The highest tenth has {tenths[0][1]:.1f} times the average rate",
            ["tenth", "times the average rate"],
            "{:.2f}×",
            line=1.0,
        )
    )
    important = [(i["column"].replace("_", " "), i["share"]) for i in report.get("importance", [])][:15]
    if important:
        section.plots.append(
            bar_plot(
                "What the scores rest on",
                important,
                f"Most important: {important[0][0]}",
                ["column", "share of all contributions"],
                "{:.1%}",
            )
        )
    kept = report.get("kept", "")
    rows = [
        [kind, *(number(f.get(k)) for k in ("auc", "average_precision", "log_loss", "brier"))]
        for kind, f in sorted(report.get("candidates", {}).items(), key=lambda kv: kv[1]["log_loss"])
    ]
    section.tables.append(
        Table(
            "Candidates in the same cross-validation; the lowest log loss is kept",
            ["model", "AUC", "average precision", "log loss", "Brier"],
            rows,
            [i for i, row in enumerate(rows) if row[0] == kept],
        )
    )
    c = report.get("confusion")
    if c:
        section.tables.append(
            Table(
                f"Who would be called at a score of {c['threshold']:.0%} or more",
                ["", "event", "no event"],
                [
                    ["called", c["true_positive"], c["false_positive"]],
                    ["not called", c["false_negative"], c["true_negative"]],
                ],
            )
        )
        section.notes.append(f"Precision {number(c['precision'])}, recall {number(c['recall'])} there.")
    later = {k.removeprefix("forward_"): v for k, v in m.items() if k.startswith("forward_")}
    if later.get("auc") is not None:
        section.notes.append(
            f"Learned from earlier days and tried on the newest: AUC {later['auc']:.3f}, Brier {later['brier']:.3f}."
        )
    section.notes += [f"Left out {x['column']}: {x['reason']}" for x in report.get("left_out", [])]
    return section


def fairness_part(home: Path) -> Section:
    section = Section("fairness", "Fairness")
    section.intro = "Rates and errors by group, for columns that were named sensitive; the models don't read those columns."
    for name in model_names(home):
        for found in saved_report(home, name).get("fairness", []):
            groups = found["groups"]
            names = [f"{g['group']} ({g['rows']:,.0f})" for g in groups]
            series = {
                "real rate": "rate",
                "called": "selected",
                "called wrongly": "false_positive_rate",
                "missed": "false_negative_rate",
            }
            values = {
                k: [float("nan") if g[f] is None else float(g[f]) for g in groups] for k, f in series.items()
            }
            section.plots.append(
                Plot(
                    f"{name}: {found['column']}",
                    plots.grouped_bars(
                        names,
                        values,
                        f"Rates and errors of {name} by {found['column']}, {len(groups)} groups",
                    ),
                    ["group", *series],
                    [[n, *(share(values[k][i]) for k in series)] for i, n in enumerate(names)],
                )
            )
            section.warnings += [f"{name}: {w}" for w in found["warnings"]]
    if not section.plots:
        section.todo = "crm-assistant train churn --table FILE --target COLUMN --sensitive COLUMN"
    return section


# -- risk -----------------------------------------------------------------------------------------------------


def scorecard_part(home: Path) -> Section:
    section = Section("scorecard", "Scorecard")
    if untrained(home, "scorecard", section, "crm-assistant train scorecard"):
        return section
    saved = saved_current(home, "scorecard")
    m, report = saved.metrics, saved.report
    section.intro = (
        f"Points for {report['target']}: more is better, 20 points double the odds of a good outcome."
    )
    section.figures = [
        ("AUC", f"{m['auc']:.3f}", f"± {m['auc_sd']:.3f} over folds"),
        ("Gini", f"{m['gini']:.3f}", ""),
        ("Brier score", f"{m['brier']:.3f}", f"bad cases: {m['rate']:.0%}"),
    ]
    section.plots.append(
        calibration_plot("Calibration", report["calibration"], "Calibration of the scorecard")
    )
    section.tables.append(
        Table(
            "The card: a customer's points are the sum over the columns",
            ["column", "value", "rows", "bad cases", "points"],
            [
                [b["column"], b["label"], f"{b['rows']:,.0f}", share(b["bad_rate"]), b["points"]]
                for b in report["card"]
            ],
        )
    )
    return section


def anomalies_part(store: "Store | None", language: Language = "en") -> Section:
    from assistant.insight.risk import find_anomalies

    section = Section("anomalies", "Orders that stand out")
    section.intro = "By an isolation forest over amount, pieces, hour and the customer's own habit. A flag is a reason to look, no more."
    if store is None:
        section.todo = "crm-assistant import orders FILE"
        return section
    try:
        found = find_anomalies(store)
    except AssistantError as error:
        section.notes.append(error.message)
        section.todo = error.hint or ""
        return section
    top = sorted(found, key=lambda a: -a.score)
    section.figures = [("Flagged", str(len(found)), "orders, 0.5 % of all")]
    if found:
        days = [date.fromisoformat(a.at[:10]) for a in found]
        first = min(days)
        points: dict[str, list[tuple[float, float, str]]] = {}
        for d, a in zip(days, found, strict=True):
            name = f"flagged, {a.currency}" if a.currency else "flagged"
            at = (float((d - first).days), a.amount, f"{a.order_id}, {a.at[:10]}: {a.money}")
            points.setdefault(name, []).append(at)
        section.plots.append(
            Plot(
                "Flagged orders by day and amount",
                plots.scatter(
                    points,
                    f"{len(found)} orders from {first} on",
                    x_form=lambda v: (first + timedelta(days=v)).isoformat(),
                    up="amount",
                ),
            )
        )
    section.tables.append(
        Table(
            "The most unusual",
            ["order", "customer", "day", "amount", "why"],
            [
                [
                    a.order_id,
                    a.customer_id,
                    a.at[:10],
                    a.money,
                    "；".join(a.reasons_zh) if language == "zh" else "; ".join(a.reasons),
                ]
                for a in top[:20]
            ],
        )
    )
    return section


# -- life of the models ---------------------------------------------------------------------------------------


def life_part(home: Path, store: "Store | None") -> Section:
    section = Section("life", "Versions and drift")
    section.intro = "Every training run is kept; crm-assistant models rollback NAME puts the version before back in place."
    rows: list[list[Any]] = []
    marked: list[int] = []
    for name in model_names(home):
        versions = history(home, name)
        figure = next((n for n, _ in DECIDING if any(n in v.metrics for v in versions)), None)
        for v in versions:
            if v.current:
                marked.append(len(rows))
            value = v.metrics.get(figure) if figure else None
            rows.append(
                [
                    name,
                    v.version,
                    v.at[:16].replace("T", " "),
                    f"{FIGURES.get(figure, figure)} {number(value)}" if figure else "",
                    v.data_hash[:8],
                    v.report.get("comparison", ""),
                ]
            )
        known = [v for v in reversed(versions) if figure and v.metrics.get(figure) is not None]
        if figure and len(known) > 1:
            title = f"{name}: {FIGURES.get(figure, figure)} by version"
            values = [float(v.metrics[figure]) for v in known]
            section.plots.append(
                Plot(
                    title,
                    plots.lines(
                        [v.version for v in known],
                        {name: values},
                        f"{title}: {values[-1]:.3f}",
                        points=True,
                        zero=False,
                    ),
                    ["version", figure],
                    [[v.version, number(v.metrics[figure])] for v in known],
                )
            )
    if not rows:
        section.todo = "crm-assistant train all"
        return section
    section.tables.append(
        Table(
            "Versions; the marked ones are in place",
            ["model", "version", "trained", "figure", "data", "comparison"],
            rows,
            marked,
        )
    )
    if store is not None and current_version(home, "churn"):
        advice = load_model(home, "churn").advice(store)
        moved = [d for d in advice.drift if d.psi == d.psi][:15]
        if moved:
            section.plots.insert(
                0,
                Plot(
                    "Drift of the churn model's columns since training (population stability index)",
                    plots.bars(
                        [(d.column.replace("_", " "), min(d.psi, 9.0)) for d in moved],
                        f"Most moved: {moved[0].column}, {moved[0].psi:.2f}",
                        form="{:.3f}",
                        line=0.25,
                    ),
                    ["column", "PSI", "verdict"],
                    [[d.column, f"{d.psi:.3f}", d.verdict] for d in moved],
                ),
            )
        if advice.retrain:
            section.warnings.append("Train churn again: " + "; ".join(advice.reasons))
        else:
            section.notes.append(
                "The churn model's columns are as they were in training: no need to train again."
            )
    return section
