"""The part of the report about the record itself: what is in it, how it came in, and what the models read in it."""

from typing import TYPE_CHECKING

import pandas as pd

from assistant.crm import last_imports
from assistant.insight.report_base import Language, Section, Table, share

if TYPE_CHECKING:
    from assistant.crm import Store

LAST_IMPORTS = 12


def record_part(store: "Store | None", language: Language = "en") -> Section:
    """Counts, the last imports with what they rejected, and every feature with its typical value."""
    section = Section("record", "The record")
    counts = store.counts() if store is not None else {}
    if store is None or not counts.get("orders"):
        section.todo = "crm-assistant import orders FILE"
        return section
    section.intro = (
        "What the models learn from. Features are as of the last day, so that nothing later leaks in."
    )
    section.figures = [
        (name, f"{counts.get(table, 0):,}", "")
        for name, table in (
            ("Customers", "customers"),
            ("Orders", "orders"),
            ("Products", "products"),
            ("Interactions", "interactions"),
        )
    ]
    section.figures.append(("Last day", str(store.as_of), ""))
    imports = last_imports(store, LAST_IMPORTS)
    if imports:
        rows = [
            [r["at"][:16].replace("T", " "), r["kind"], r["file"], f"{r['accepted']:,}", f"{r['rejected']:,}"]
            for r in imports
        ]
        marked = [k for k, r in enumerate(imports) if r["rejected"]]
        section.tables.append(
            Table("The last imports; the marked ones rejected rows", ["when", "kind", "file", "taken", "rejected"], rows, marked)
        )  # fmt: skip
    section.tables.append(_features(store, language))
    return section


def _features(store: "Store", language: Language) -> Table:
    """Each feature said with its median (or its commonest value), and how many customers have none."""
    from assistant.insight.features import customer_features
    from assistant.insight.phrases import feature_phrase

    frame = customer_features(store)
    rows = []
    for name in frame.columns:
        values = frame[name]
        known = values.dropna()
        if known.empty:
            continue
        typical = known.median() if pd.api.types.is_numeric_dtype(known) else known.mode().iloc[0]
        said = feature_phrase(str(name), typical)[language == "zh"]
        rows.append([said, share(values.isna().mean())])
    return Table("What is read of each customer, with the value in the middle", ["feature", "unknown"], rows)
