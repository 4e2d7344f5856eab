"""The pieces of work that are started from the administrators' page and over the API."""

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


def training_work(context: Context, what: str) -> Work:
    """Train one model on the record, or all."""

    def work(progress: Any, cancelled: Any) -> list[str]:
        from assistant.insight import train

        embedder = context.assistant.embedder if what in ("all", "sentiment", "intents") else None
        home = context.settings.home_dir
        reports = train(context.store, what, home=home, embedder=embedder, progress=progress)
        return [
            f"{r.model} {r.version or 'not trained'}: {figures(r.metrics)}"
            + (f" ({'; '.join(r.notes)})" if r.notes else "")
            for r in reports
        ]

    return work


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
