"""While the pages are served, the index is kept fresh: changed articles and interactions lead to a build."""

from typing import Any

from assistant.knowledge.watch import Freshness, Seen, seen
from assistant.web.context import Context

KIND = "index build"


def keep_fresh(context: Context) -> Freshness | None:
    """Begin to watch, where ``Settings.refresh_minutes`` says so; the builds are jobs that the admin page shows."""
    settings = context.settings
    if not settings.refresh_minutes:
        return None

    def look() -> Seen:
        return seen(context.store, settings.article_folders(demo=context.is_demo))

    def build() -> bool:
        if context.jobs.running() is not None:
            return False  # not beside other heavy work; the next look tries again
        context.jobs.start(KIND, "schedule", _build)
        return True

    def _build(progress: Any, cancelled: Any) -> Any:
        from assistant.knowledge import build_index

        return build_index(
            context.store,
            context.assistant.embedder,
            home=settings.home_dir,
            kb_dirs=settings.article_folders(demo=context.is_demo),
            progress=progress,
            cancel=cancelled,
        )

    watch = Freshness(look, build, 60 * settings.refresh_minutes)
    watch.start()
    return watch
