"""Parts of the report about customers: segments, recommendation, lifetime, forecast, and what they write."""

from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import ModelError
from assistant.insight import plots
from assistant.insight.registry import (
    current_version,
    load_model,
)

if TYPE_CHECKING:
    from assistant.crm import Store

from assistant.insight.report_base import (
    Language,
    Plot,
    Section,
    Table,
    bar_plot,
    number,
    saved_current,
    share,
    untrained,
)

# -- segments, recommendation, lifetime, forecast --------------------------------------------------------------


def segments_part(home: Path, language: Language = "en") -> Section:
    section = Section("segments", "Segments")
    if untrained(home, "segments", section, "crm-assistant train segments"):
        return section
    model = load_model(home, "segments")
    m = model.metrics
    zh = language == "zh"
    section.figures = [
        ("Segments", str(m["segments"]), str(m["method"])),
        ("Silhouette", f"{m['silhouette']:.3f}", "how far apart, up to 1"),
        ("Stability", f"{m['stability']:.3f}", "same customers together in samples, up to 1"),
    ]
    picture = model.picture_
    series = {
        f"{s.segment} {s.name_zh if zh else s.name_en}": [
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
                "; ".join(
                    (f"{n}：{len(p)} 位客户" if zh else f"{n}: {len(p)} customers") for n, p in series.items()
                ),
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
            [
                [
                    s.name_zh if zh else s.name_en,
                    s.customers,
                    f"{s.share:.0%}",
                    s.profile_zh if zh else s.profile_en,
                ]
                for s in model.segments_
            ],
        )
    )
    tried = sorted(model.table_, key=lambda r: -r["silhouette"] * r["stability"])
    section.tables.append(
        Table(
            "Ways that were compared",
            ["method", "segments", "silhouette", "stability", "smallest share"],
            [
                [r["method"], r["segments"], number(r["silhouette"]), number(r["stability"]), f"{r['smallest_share']:.0%}"]
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


def recommend_part(home: Path) -> Section:
    section = Section("recommend", "Recommendation")
    if untrained(home, "recommend", section, "crm-assistant train recommend"):
        return section
    saved = saved_current(home, "recommend")
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
                                number(q[k])
                                for k in ("recall_at_5", "recall_at_10", "ndcg_at_10", "coverage")
                            ),
                        ]
                        for n, q in rows
                    ],
                )
            )
    section.notes.append("The dashed line is popularity; the coloured bar is the ranking in use.")
    return section


def lifetime_part(home: Path, store: "Store | None") -> Section:
    section = Section("lifetime", "Lifetime value")
    if untrained(home, "lifetime", section, "crm-assistant train lifetime"):
        return section
    m = saved_current(home, "lifetime").metrics
    section.intro = "BG/NBD for how often customers still buy, Gamma-Gamma for how much they spend."
    section.figures = [
        (f"BG/NBD {k}", f"{m[k]:.4g}", "") for k in ("r", "alpha", "a", "b") if m.get(k) is not None
    ]
    if m.get("mae") is not None:
        section.plots.append(
            bar_plot(
                f"Mean error of orders foretold for {m['test_days']} days, per customer",
                [("this model", m["mae"]), ("everybody goes on at the own past rate", m["own_rate_mae"])],
                f"Error {m['mae']:.2f} against {m['own_rate_mae']:.2f}",
                ["model", "mean error"],
                "{:.2f}",
                marked=["this model"],
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
                bar_plot(
                    "Customers by the chance that they still buy",
                    bins,
                    f"{counts[9]} of {len(everyone)} customers at 90 % or more",
                    ["chance", "customers"],
                    "{:,.0f}",
                )
            )
    return section


def forecast_part(home: Path, store: "Store | None") -> Section:
    section = Section("forecast", "Forecast")
    if untrained(home, "forecast", section, "crm-assistant train forecast"):
        return section
    saved = saved_current(home, "forecast")
    m = saved.metrics
    section.intro = "Weekly orders and revenue. MASE below 1 is better than repeating the season; the band should hold 8 of 10 weeks."
    section.figures = [
        ("MASE", f"{m['mase']:.3f}", f"{m['seasonal_naive_mase']:.3f} by the seasonal naive forecast"),
        ("Inside the interval", share(m.get("inside_80%_interval")), "of test weeks, 80 % wanted"),
        ("Series", str(m["series"]), f"{m['weeks']} weeks"),
    ]
    if store is not None:
        section.plots += _forecast_plots(home, store)
    rows = [
        [
            name,
            f["kept"],
            number(f["mase"]),
            number(f["seasonal_naive_mase"]),
            share(f["inside_interval"]),
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


def texts_part(home: Path, store: "Store | None") -> Section:
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
        saved = saved_current(home, name)
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
                        [n, f["examples"], *(number(f[k]) for k in ("precision", "recall", "f1"))]
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
