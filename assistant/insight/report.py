"""One page about all models: how good they are, what they say about the record, and whether to train again.

Figures come from the saved versions' manifests, that is from the training runs themselves; what depends on the record
(the forecast's weeks, drift, orders that stand out) is computed when the page is written. The page is one file that
needs no network.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import ModelError
from assistant.files import write_atomic
from assistant.insight.registry import (
    Progress,
    model_names,
)

if TYPE_CHECKING:
    from assistant.crm import Store

from assistant.insight.report_base import Language, Section
from assistant.insight.report_customers import (
    forecast_part,
    lifetime_part,
    recommend_part,
    segments_part,
    texts_part,
)
from assistant.insight.report_quality import (
    anomalies_part,
    fairness_part,
    life_part,
    scorecard_part,
    yes_no_models_part,
)
from assistant.insight.report_record import record_part
from assistant.insight.report_zh import to_chinese


def write_report(
    home: Path,
    out: Path,
    *,
    store: "Store | None" = None,
    progress: Progress | None = None,
    language: Language = "en",
) -> list[Section]:
    """Write the page to ``out`` and return its parts. Without a record only trained models are shown.

    Raises :class:`ModelError` when there is nothing at all to tell of.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    if not model_names(home) and store is None:
        raise ModelError(f"There are no models in {home}", "crm-assistant train all")
    sections = build_report(home, store, progress, language)
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
    write_atomic(out, to_chinese(page) if language == "zh" else page)
    return sections


def build_report(
    home: Path, store: "Store | None", progress: Progress | None = None, language: Language = "en"
) -> list[Section]:
    """All parts of the report, in the page's order."""
    parts: list[Callable[[], Section | list[Section]]] = [
        lambda: record_part(store, language),
        lambda: yes_no_models_part(home),
        lambda: fairness_part(home),
        lambda: segments_part(home, language),
        lambda: recommend_part(home),
        lambda: lifetime_part(home, store),
        lambda: forecast_part(home, store),
        lambda: texts_part(home, store),
        lambda: scorecard_part(home),
        lambda: anomalies_part(store, language),
        lambda: life_part(home, store),
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
