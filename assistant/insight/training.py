"""Training the models over the record: one call, one report per model."""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from assistant.errors import AssistantError, ModelError
from assistant.insight.moved import check_models, record_facts
from assistant.insight.registry import (
    Progress,
    TrainReport,
    current_version,
    history,
    not_placed,
    note_record,
    put_in_place,
)

log = logging.getLogger(__name__)

# name -> "module:function", each ``train_X(store, *, home, embedder, progress) -> TrainReport``; in the
# order that "all" trains them. The modules are imported when their turn comes, so that one heavy library
# doesn't delay another.
TRAINERS: dict[str, str] = {
    "segments": "assistant.insight.segments:train_segments",
    "recommend": "assistant.insight.recommend:train_recommend",
    "sentiment": "assistant.insight.sentiment:train_sentiment",
    "intents": "assistant.insight.intents:train_intents",
    "churn": "assistant.insight.churn:train_churn",
    "lifetime": "assistant.insight.lifetime:train_lifetime",
    "forecast": "assistant.insight.forecast:train_forecast",
    "scorecard": "assistant.insight.risk:train_record_scorecard",
}


def train(
    store: Any,
    what: str | Sequence[str] = "all",
    *,
    home: Path,
    embedder: Any = None,
    progress: Progress | None = None,
    force: bool = False,
    if_moved: bool = False,
) -> list[TrainReport]:
    """Train one model of :data:`TRAINERS`, several, or ``"all"``, on the record; saved under ``home/models``.

    A new model that is clearly worse than the one in place is saved beside it and its report has
    ``kept=False``; ``force`` puts it in place all the same. With several or ``"all"`` a model that this record is
    too small for gets a report without a version whose notes say why, and the others are trained; only when
    none could be trained is it an error. A scorecard that the company learned from a table of its own is left in
    place, unless it is the one model that is asked for. With ``if_moved`` only models whose data have moved since
    (:func:`assistant.insight.moved.check_models`) and those not trained yet are trained; the others' reports say so.
    """
    alone = isinstance(what, str) and what != "all"
    names = list(TRAINERS) if what == "all" else [what] if isinstance(what, str) else list(what)
    if unknown := [name for name in names if name not in TRAINERS]:
        raise ModelError(f"There is no model called {unknown[0]!r}", f"one of: {', '.join(TRAINERS)}, all")
    reports: list[TrainReport] = []
    why: dict[str, str] = {}
    if not alone and "scorecard" in names and (target := _table_of_scorecard(Path(home))):
        names.remove("scorecard")
        note = f"the scorecard in place was learned from a table ({target}); crm-assistant train scorecard replaces it"
        reports.append(TrainReport("scorecard", None, notes=(note,)))
    if if_moved:
        for check in check_models(store, home, names):
            if check.advice.retrain:
                why[check.model] = "trained again: " + "; ".join(check.advice.reasons)
            else:
                note = f"{check.version} stays in place: the record hasn't moved since it was trained"
                reports.append(TrainReport(check.model, None, notes=(note,)))
        names = [name for name in names if name in why]
        if not names:
            return reports
    facts = record_facts(store)
    for done, name in enumerate(names):
        if progress:
            progress(f"train {name}", done, len(names))
        started = time.perf_counter()
        try:
            report = _trainer(name)(store, home=Path(home), embedder=embedder, progress=progress)
        except AssistantError as error:
            if alone:
                raise
            log.warning("%s was not trained: %s", name, error)
            notes = tuple(filter(None, (error.message, error.hint)))
            report = TrainReport(name, None, kept=False, notes=notes, seconds=time.perf_counter() - started)
        if report.version:
            note_record(Path(home), name, report.version, facts)
        if name in why:
            report = replace(report, notes=(*report.notes, why[name]))
        reports.append(_settle(report, Path(home), force))
    if progress:
        progress("train", len(names), len(names))
    if not any(report.version for report in reports) and not if_moved:
        reasons = "; ".join(f"{r.model}: {r.notes[0]}" for r in reports if r.notes)
        raise ModelError(
            f"No model could be trained on this record. {reasons}", "crm-assistant import orders FILE"
        )
    return reports


def _table_of_scorecard(home: Path) -> str | None:
    """What the scorecard in place foretells, where it was learned from a table and not from the record."""
    saved = next((v for v in history(home, "scorecard") if v.current), None)
    return str(saved.report.get("target")) if saved is not None and "record" not in saved.report else None


def _settle(report: TrainReport, home: Path, force: bool) -> TrainReport:
    """The report with the truth about which version is in place."""
    if report.version is None:
        return report
    if force and current_version(home, report.model) != report.version:
        put_in_place(home, report.model, report.version)
        note = f"{report.version} was put in place because it was asked for"
        return replace(report, kept=True, notes=(*report.notes, note))
    current = current_version(home, report.model)
    if current == report.version:
        return replace(report, kept=True)
    note = not_placed(home, report.model, report.version)
    return replace(report, kept=False, notes=(*report.notes, note))


def _trainer(name: str) -> Any:
    module, function = TRAINERS[name].split(":")
    try:
        return getattr(import_module(module), function)
    except ImportError as error:
        raise ModelError(
            f"The {name} model can't be trained: {error}", "pip install crm-assistant"
        ) from error
