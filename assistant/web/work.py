"""The pieces of work that are started from the administrators' page and over the API."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant.web.context import Context
from assistant.web.jobs import Work

INDEX, TRAINING = "index build", "training"


def index_work(context: Context, *, force: bool = False) -> Work:
    """Build the index of the company's articles and conversations beside the live one."""

    def work(progress: Any, cancelled: Any) -> Any:
        from assistant.knowledge import build_index

        settings = context.settings
        folders = settings.article_folders(demo=context.is_demo)
        return build_index(
            context.store, context.assistant.embedder, home=settings.home_dir, kb_dirs=folders, progress=progress,
            cancel=cancelled, force=force,
        )  # fmt: skip

    return work


def training_work(context: Context, what: str | Sequence[str], *, if_moved: bool = False) -> Work:
    """Train one model on the record, several, or all."""

    def work(progress: Any, cancelled: Any) -> list[str]:
        from assistant.insight import train

        names = {what} if isinstance(what, str) else set(what)
        embedder = context.assistant.embedder if names & {"all", "sentiment", "intents"} else None
        reports = train(
            context.store, what, home=context.settings.home_dir, embedder=embedder, progress=progress, if_moved=if_moved,
        )  # fmt: skip
        return [_said(r) for r in reports]

    return work


def _said(report: Any) -> str:
    """One line about one training run."""
    how = f"{report.model} {report.version or 'not trained'}"
    if report.version and not report.kept:
        how += ", not put in place"
    return ": ".join(filter(None, (how, figures(report.metrics)))) + (
        f" ({'; '.join(report.notes)})" if report.notes else ""
    )


def report_path(home: Path) -> Path:
    return home / "report.html"


def report_work(context: Context) -> Work:
    """Write the page with plots about all models."""

    def work(progress: Any, cancelled: Any) -> list[str]:
        from assistant.insight.report import write_report

        path = report_path(context.settings.home_dir)
        sections = write_report(context.settings.home_dir, path, store=context.store, progress=progress)
        return [f"{len(sections)} parts, {sum(len(s.plots) for s in sections)} plots"]

    return work


def figures(metrics: Any) -> str:
    """The first few measures of a model in one line."""
    shown = []
    for name, value in metrics.items():
        if isinstance(value, float | int) and not isinstance(value, bool) and not name.endswith("_sd"):
            said = name.replace("_", " ")
            shown.append(f"{said} {value:,}" if isinstance(value, int) else f"{said} {value:.3f}")
    return ", ".join(shown[:4])
