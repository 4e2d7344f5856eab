"""One page about all models: how good they are, what they say about the record, and whether to train again.

Figures come from the saved versions' manifests, that is from the training runs themselves; what depends on the record
(the forecast's weeks, drift, orders that stand out) is computed when the page is written. The page is one file that
needs no network.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError, ModelError
from assistant.files import write_atomic
from assistant.insight import plots
from assistant.insight.registry import (
    DECIDING,
    Progress,
    SavedModel,
    current_version,
    history,
    load_model,
    model_names,
)

if TYPE_CHECKING:
    from assistant.crm import Store

Rows = Sequence[Sequence[Any]]
_NAMES = {
    "auc": "AUC",
    "average_precision": "Average precision",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "lift_10": "Lift in the top 10 %",
    "calibration_error": "Calibration error",
    "ndcg_at_10": "NDCG@10",
    "recall_at_10": "Recall@10",
    "macro_f1": "Macro-F1",
    "mase": "MASE",
    "mae": "MAE",
    "rmse": "RMSE",
}


@dataclass(frozen=True)
class Plot:
    """A picture, what it shows, and the numbers behind it as a table for those who can't see it."""

    title: str
    svg: str
    head: Sequence[str] = ()
    rows: Rows = ()


@dataclass(frozen=True)
class Table:
    title: str
    head: Sequence[str]
    rows: Rows
    marked: Sequence[int] = ()  # rows that stand out


@dataclass
class Section:
    """One part of the report. ``todo`` says what to type where there is nothing to show."""

    key: str
    title: str
    intro: str = ""
    figures: list[tuple[str, str, str]] = field(default_factory=list)  # name, value, note
    plots: list[Plot] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    todo: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "section": self.key,
            "figures": {name: value for name, value, _ in self.figures},
            "plots": [p.title for p in self.plots],
            "tables": [t.title for t in self.tables],
            "notes": self.notes,
            "warnings": self.warnings,
            "todo": self.todo,
        }


def write_report(
    home: Path, out: Path, *, store: "Store | None" = None, progress: Progress | None = None
) -> list[Section]:
    """Write the page to ``out`` and return its parts. Without a record only trained models are shown.

    Raises :class:`ModelError` when there is nothing at all to tell of.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    if not model_names(home) and store is None:
        raise ModelError(f"There are no models in {home}", "crm-assistant train all")
    sections = build_report(home, store, progress)
    loader = FileSystemLoader(Path(__file__).parent)
    engine = Environment(
        loader=loader,
        autoescape=select_autoescape(["j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    company = store.meta("company_name", "") if store is not None else ""
    page = engine.get_template("report.html.j2").render(
        sections=sections,
        company=company,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        as_of=str(store.as_of) if store is not None and store.counts().get("orders") else "",
    )
    write_atomic(out, page)
    return sections


def build_report(home: Path, store: "Store | None", progress: Progress | None = None) -> list[Section]:
    """All parts of the report, in the page's order."""
    parts: list[Callable[[], Section | list[Section]]] = [
        lambda: _yes_no_models(home),
        lambda: _fairness(home),
        lambda: _segments(home),
        lambda: _recommend(home),
        lambda: _lifetime(home, store),
        lambda: _forecast(home, store),
        lambda: _texts(home, store),
        lambda: _scorecard(home),
        lambda: _anomalies(store),
        lambda: _life(home, store),
    ]
    sections: list[Section] = []
    for done, part in enumerate(parts):
        if progress:
            progress("report", done, len(parts))
        found = part()
        sections += found if isinstance(found, list) else [found]
    if progress:
        progress("report", len(parts), len(parts))
    return sections


# -- churn and other yes/no questions -------------------------------------------------------------------------


def _yes_no_models(home: Path) -> list[Section]:
    names = [n for n in model_names(home) if n != "scorecard" and "calibration" in _report(home, n)]
    if "churn" in names:
        names = ["churn", *(n for n in names if n != "churn")]
    if not names:
        return [Section("churn", "Churn", todo="crm-assistant train churn")]
    return [_yes_no(home, name) for name in names]


def _yes_no(home: Path, name: str) -> Section:
    saved = _current(home, name)
    m, report = saved.metrics, saved.report
    title = "Churn" if name == "churn" else f"{name.removesuffix('-table').title()} on a table"
    section = Section(name, title)
    said = str(report.get("definition") or f"{report.get('target')}: the event is {report.get('positive')}")
    section.intro = said[:1].upper() + said[1:] + "."
    for key in ("auc", "average_precision", "log_loss", "brier", "lift_10", "calibration_error"):
        if m.get(key) is not None:
            spread = f"± {m[f'{key}_sd']:.3f} over folds" if m.get(f"{key}_sd") is not None else ""
            section.figures.append((_NAMES[key], f"{m[key]:.3f}", spread))
    table = report["calibration"]
    rate = float(m.get("rate") or 1)
    section.plots.append(
        Plot(
            "Calibration: does what it says happen?",
            plots.calibration(
                table,
                f"Calibration in {len(table)} groups; mean distance {m.get('calibration_error', 0):.3f}",
            ),
            ["said", "happened", "rows"],
            [[f"{r['predicted']:.1%}", f"{r['observed']:.1%}", f"{r['rows']:,.0f}"] for r in table],
        )
    )
    tenths = [(f"tenth {i + 1}", r["observed"] / rate) for i, r in enumerate(reversed(table))]
    section.plots.append(
        Plot(
            "Lift: how much more often it happens, by score from the highest tenth down",
            plots.bars(
                tenths,
                f"The highest tenth has {tenths[0][1]:.1f} times the average rate",
                form="{:.2f}×",
                line=1.0,
            ),
            ["tenth", "times the average rate"],
            [[n, f"{v:.2f}"] for n, v in tenths],
        )
    )
    important = [(i["column"].replace("_", " "), i["share"]) for i in report.get("importance", [])][:15]
    if important:
        section.plots.append(
            Plot(
                "What the scores rest on",
                plots.bars(important, f"Most important: {important[0][0]}", form="{:.1%}"),
                ["column", "share of all contributions"],
                [[n, f"{v:.1%}"] for n, v in important],
            )
        )
    kept = report.get("kept", "")
    rows = [
        [kind, *(_number(f.get(k)) for k in ("auc", "average_precision", "log_loss", "brier"))]
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
        section.notes.append(f"Precision {_number(c['precision'])}, recall {_number(c['recall'])} there.")
    later = {k.removeprefix("forward_"): v for k, v in m.items() if k.startswith("forward_")}
    if later.get("auc") is not None:
        section.notes.append(
            f"Learned from earlier days and tried on the newest: AUC {later['auc']:.3f}, Brier {later['brier']:.3f}."
        )
    section.notes += [f"Left out {x['column']}: {x['reason']}" for x in report.get("left_out", [])]
    return section


def _fairness(home: Path) -> Section:
    section = Section("fairness", "Fairness")
    section.intro = "Rates and errors by group, for columns that were named sensitive; the models don't read those columns."
    for name in model_names(home):
        for found in _report(home, name).get("fairness", []):
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
                    [[n, *(_share(values[k][i]) for k in series)] for i, n in enumerate(names)],
                )
            )
            section.warnings += [f"{name}: {w}" for w in found["warnings"]]
    if not section.plots:
        section.todo = "crm-assistant train churn --table FILE --target COLUMN --sensitive COLUMN"
    return section


# -- segments, recommendation, lifetime, forecast --------------------------------------------------------------


def _segments(home: Path) -> Section:
    section = Section("segments", "Segments")
    if current_version(home, "segments") is None:
        section.todo = "crm-assistant train segments"
        return section
    model = load_model(home, "segments")
    m = model.metrics
    section.figures = [
        ("Segments", str(m["segments"]), str(m["method"])),
        ("Silhouette", f"{m['silhouette']:.3f}", "how far apart, up to 1"),
        ("Stability", f"{m['stability']:.3f}", "same customers together in samples, up to 1"),
    ]
    picture = model.picture_
    series = {
        f"{s.segment} {s.name_en}": [
            (float(r.x), float(r.y), str(r.customer_id))
            for r in picture[picture["segment"] == s.segment].itertuples()
        ]
        for s in model.segments_
    }
    section.plots.append(
        Plot(
            f"Customers on the two main directions ({m.get('picture_variance', 0):.0%} of the differences)",
            plots.scatter(
                series,
                "; ".join(f"{n}: {len(p)} customers" for n, p in series.items()),
                across="first direction",
                up="second direction",
                ticks=False,
            ),
            ["segment", "customers"],
            [[n, len(p)] for n, p in series.items()],
        )
    )
    section.tables.append(
        Table(
            "Profiles",
            ["segment", "customers", "share", "profile"],
            [[s.name_en, s.customers, f"{s.share:.0%}", s.profile_en] for s in model.segments_],
        )
    )
    tried = sorted(model.table_, key=lambda r: -r["silhouette"] * r["stability"])
    section.tables.append(
        Table(
            "Ways that were compared",
            ["method", "segments", "silhouette", "stability", "smallest share"],
            [
                [r["method"], r["segments"], _number(r["silhouette"]), _number(r["stability"]), f"{r['smallest_share']:.0%}"]
                for r in tried
            ],
            [
                i
                for i, r in enumerate(tried)
                if (r["method"], r["segments"]) == (m["method"], m["segments"])
            ],
        )
    )  # fmt: skip
    return section


def _recommend(home: Path) -> Section:
    section = Section("recommend", "Recommendation")
    if current_version(home, "recommend") is None:
        section.todo = "crm-assistant train recommend"
        return section
    saved = _current(home, "recommend")
    m = saved.metrics
    section.intro = (
        f"Measured on what {m['test_customers']:,} customers bought in the {m['test_days']} days from {m['test_from']}; "
        "the ranking was chosen on earlier days."
    )
    section.figures = [
        ("Recall@10", f"{m['recall_at_10']:.3f}", f"{m['popularity_recall_at_10']:.3f} by popularity"),
        ("NDCG@10", f"{m['ndcg_at_10']:.3f}", f"{m['popularity_ndcg_at_10']:.3f} by popularity"),
        ("Coverage", f"{m['coverage']:.0%}", "of products are shown to somebody"),
    ]
    for kind, title, kept in (
        ("all", "Recall@10, all purchases", m.get("kept")),
        ("new_only", "Recall@10, only products new to the customer", m.get("kept_new_only")),
    ):
        table = saved.report.get("candidates", {}).get(kind, {})
        rows = sorted(table.items(), key=lambda kv: -kv[1]["recall_at_10"])
        if rows:
            section.plots.append(
                Plot(
                    title,
                    plots.bars(
                        [(n, q["recall_at_10"]) for n, q in rows],
                        f"Kept: {kept}",
                        form="{:.3f}",
                        marked=[str(kept)],
                        line=table.get("popularity", {}).get("recall_at_10"),
                    ),
                    ["ranking", "recall@5", "recall@10", "NDCG@10", "coverage"],
                    [
                        [
                            n,
                            *(
                                _number(q[k])
                                for k in ("recall_at_5", "recall_at_10", "ndcg_at_10", "coverage")
                            ),
                        ]
                        for n, q in rows
                    ],
                )
            )
    section.notes.append("The dashed line is popularity; the coloured bar is the ranking in use.")
    return section


def _lifetime(home: Path, store: "Store | None") -> Section:
    section = Section("lifetime", "Lifetime value")
    if current_version(home, "lifetime") is None:
        section.todo = "crm-assistant train lifetime"
        return section
    m = _current(home, "lifetime").metrics
    section.intro = "BG/NBD for how often customers still buy, Gamma-Gamma for how much they spend."
    section.figures = [
        (f"BG/NBD {k}", f"{m[k]:.4g}", "") for k in ("r", "alpha", "a", "b") if m.get(k) is not None
    ]
    if m.get("mae") is not None:
        section.plots.append(
            Plot(
                f"Mean error of orders foretold for {m['test_days']} days, per customer",
                plots.bars(
                    [
                        ("this model", m["mae"]),
                        ("everybody goes on at the own past rate", m["own_rate_mae"]),
                    ],
                    f"Error {m['mae']:.2f} against {m['own_rate_mae']:.2f}",
                    form="{:.2f}",
                    marked=["this model"],
                ),
            )
        )
    if store is not None:
        everyone = load_model(home, "lifetime").predict(store)
        if everyone:
            counts = [0] * 10
            for p in everyone:
                counts[min(9, int(p.p_alive * 10))] += 1
            bins = [(f"{10 * i} to {10 * i + 10} %", float(n)) for i, n in enumerate(counts)]
            section.plots.append(
                Plot(
                    "Customers by the chance that they still buy",
                    plots.bars(
                        bins, f"{counts[9]} of {len(everyone)} customers at 90 % or more", form="{:,.0f}"
                    ),
                    ["chance", "customers"],
                    [[n, f"{v:,.0f}"] for n, v in bins],
                )
            )
    return section


def _forecast(home: Path, store: "Store | None") -> Section:
    section = Section("forecast", "Forecast")
    if current_version(home, "forecast") is None:
        section.todo = "crm-assistant train forecast"
        return section
    saved = _current(home, "forecast")
    m = saved.metrics
    section.intro = "Weekly orders and revenue. MASE below 1 is better than repeating the season; the band should hold 8 of 10 weeks."
    section.figures = [
        ("MASE", f"{m['mase']:.3f}", f"{m['seasonal_naive_mase']:.3f} by the seasonal naive forecast"),
        ("Inside the interval", _share(m.get("inside_80%_interval")), "of test weeks, 80 % wanted"),
        ("Series", str(m["series"]), f"{m['weeks']} weeks"),
    ]
    if store is not None:
        section.plots += _forecast_plots(home, store)
    rows = [
        [
            name,
            f["kept"],
            _number(f["mase"]),
            _number(f["seasonal_naive_mase"]),
            _share(f["inside_interval"]),
        ]
        for name, f in saved.report.get("series", {}).items()
    ]
    section.tables.append(
        Table("Series", ["series", "way", "MASE", "seasonal naive", "inside the interval"], rows)
    )
    return section


def _forecast_plots(home: Path, store: "Store") -> list[Plot]:
    from assistant.insight.forecast import ALL, weekly_sales

    model = load_model(home, "forecast")
    weekly = weekly_sales(store).iloc[-52:]
    found = []
    for measure in ("orders", "revenue"):
        try:
            points = model.forecast(8, group=ALL, measure=measure)
        except ModelError:
            continue
        past = weekly[ALL, measure].tolist()
        days = [d.date().isoformat() for d in weekly.index] + [p.week.isoformat() for p in points]
        gap: list[float | None] = [None] * (len(past) - 1)
        ahead = [*gap, past[-1], *(p.value for p in points)]
        low = [*gap, past[-1], *(p.low for p in points)]
        high = [*gap, past[-1], *(p.high for p in points)]
        found.append(
            Plot(
                f"{measure.title()} a week, and the next eight weeks",
                plots.lines(
                    days,
                    {"so far": [*past, *[None] * len(points)], "forecast": ahead},
                    f"The next eight weeks: {points[0].value:,.0f} to {points[-1].value:,.0f}",
                    band=(low, high),
                    dashed=["forecast"],
                    form="{:,.0f}",
                ),
                ["week", measure, "low", "high"],
                [[p.week, f"{p.value:,.0f}", f"{p.low:,.0f}", f"{p.high:,.0f}"] for p in points],
            )
        )
    return found


# -- texts -----------------------------------------------------------------------------------------------------


def _texts(home: Path, store: "Store | None") -> Section:
    section = Section("texts", "Sentiment and intents")
    section.intro = (
        "Figures are leave-one-out over the example sentences, or of held-out rows of a company's own table."
    )
    for name, title in (
        ("sentiment", "Sentiment"),
        ("intents", "Intents"),
        ("intents-table", "The company's own labels"),
    ):
        if current_version(home, name) is None:
            continue
        saved = _current(home, name)
        m = saved.metrics
        ms = f"{m['ms_per_message']:.0f} ms a message" if m.get("ms_per_message") else ""
        section.figures.append((f"{title}: accuracy", f"{m['accuracy']:.3f}", f"{m['labels']} labels, {ms}"))
        if m.get("accuracy_when_sure") is not None:
            section.figures.append(
                (f"{title}: when sure", f"{m['accuracy_when_sure']:.3f}", f"{m['sure']:.0%} of messages")
            )
        by_label = saved.report.get("by_label", {})
        rows = sorted(by_label.items(), key=lambda kv: -kv[1]["f1"])
        if rows:
            section.plots.append(
                Plot(
                    f"{title}: F1 by label" + (" (the lowest 25)" if len(rows) > 25 else ""),
                    plots.bars(
                        [(n.replace("_", " "), f["f1"]) for n, f in rows[-25:]],
                        f"From {rows[0][1]['f1']:.2f} ({rows[0][0]}) to {rows[-1][1]['f1']:.2f} ({rows[-1][0]})",
                        form="{:.2f}",
                    ),
                    ["label", "examples", "precision", "recall", "F1"],
                    [
                        [n, f["examples"], *(_number(f[k]) for k in ("precision", "recall", "f1"))]
                        for n, f in rows
                    ],
                )
            )
    if not section.figures:
        section.todo = "crm-assistant train sentiment, and crm-assistant train intents"
    if store is not None:
        section.plots += _mood(store)
    return section


def _mood(store: "Store") -> list[Plot]:
    """How customers' messages sounded, month by month, as the churn model reads them."""
    import numpy as np

    from assistant.insight.features import History, day_of

    contacts = History.read(store).contacts
    if len(contacts["day"]) < 30:
        return []
    months = np.array([day_of(d).isoformat()[:7] for d in contacts["day"]])
    names = sorted(set(months.tolist()))[-24:]
    mood = [float(np.mean(contacts["mood"][months == n])) for n in names]
    share = [float(np.mean(contacts["complaint"][months == n])) for n in names]
    count = [int((months == n).sum()) for n in names]
    return [
        Plot(
            "How customers' messages sounded (-1 to 1), and the share of complaints, by month",
            plots.lines(
                names,
                {"mood": mood, "complaints": share},
                f"Last month: mood {mood[-1]:+.2f}, complaints {share[-1]:.0%}",
                form="{:.2f}",
            ),
            ["month", "messages", "mood", "complaints"],
            [[n, c, f"{v:+.2f}", f"{s:.0%}"] for n, c, v, s in zip(names, count, mood, share, strict=True)],
        )
    ]


# -- risk -----------------------------------------------------------------------------------------------------


def _scorecard(home: Path) -> Section:
    section = Section("scorecard", "Scorecard")
    if current_version(home, "scorecard") is None:
        section.todo = "crm-assistant train scorecard --table FILE --target COLUMN"
        return section
    saved = _current(home, "scorecard")
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
        Plot(
            "Calibration",
            plots.calibration(report["calibration"], "Calibration of the scorecard"),
            ["said", "happened", "rows"],
            [
                [f"{r['predicted']:.1%}", f"{r['observed']:.1%}", f"{r['rows']:,.0f}"]
                for r in report["calibration"]
            ],
        )
    )
    section.tables.append(
        Table(
            "The card: a customer's points are the sum over the columns",
            ["column", "value", "rows", "bad cases", "points"],
            [
                [b["column"], b["label"], f"{b['rows']:,.0f}", _share(b["bad_rate"]), b["points"]]
                for b in report["card"]
            ],
        )
    )
    return section


def _anomalies(store: "Store | None") -> Section:
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
        section.plots.append(
            Plot(
                "Flagged orders by day and amount",
                plots.scatter(
                    {
                        "flagged": [
                            (float((d - first).days), a.amount, f"{a.order_id}, {a.at[:10]}: {a.amount:,.2f}")
                            for d, a in zip(days, found, strict=True)
                        ]
                    },
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
                [a.order_id, a.customer_id, a.at[:10], f"{a.amount:,.2f}", "; ".join(a.reasons)]
                for a in top[:20]
            ],
        )
    )
    return section


# -- life of the models ---------------------------------------------------------------------------------------


def _life(home: Path, store: "Store | None") -> Section:
    section = Section("life", "Versions and drift")
    section.intro = "Every training run is kept; crm-assistant models rollback NAME puts the version before back in place."
    rows, marked = [], []
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
                    f"{_NAMES.get(figure, figure)} {_number(value)}" if figure else "",
                    v.data_hash[:8],
                    v.report.get("comparison", ""),
                ]
            )
        known = [v for v in reversed(versions) if figure and v.metrics.get(figure) is not None]
        if figure and len(known) > 1:
            title = f"{name}: {_NAMES.get(figure, figure)} by version"
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
                    [[v.version, _number(v.metrics[figure])] for v in known],
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


def _current(home: Path, name: str) -> SavedModel:
    return next(v for v in history(home, name) if v.current)


def _report(home: Path, name: str) -> Mapping[str, Any]:
    return next((v.report for v in history(home, name) if v.current), {})


def _number(value: Any) -> str:
    return "" if value is None or value != value else f"{float(value):.3f}"


def _share(value: Any) -> str:
    return "" if value is None or value != value else f"{float(value):.0%}"
