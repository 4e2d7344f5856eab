"""While the pages are served, the index is kept fresh: changed articles and interactions lead to a build."""

from assistant.knowledge.watch import Freshness, Seen, seen
from assistant.settings import Settings
from assistant.web.context import Context
from assistant.web.work import INDEX, index_work


class KeepFresh:
    """Watches as often as ``Settings.refresh_minutes`` says, which may change; the builds are jobs that the page shows."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._minutes = 0.0
        self.watch: Freshness | None = None
        self.follow(context.settings)

    def follow(self, settings: Settings) -> None:
        """Watch as these settings say from now on."""
        if settings.refresh_minutes == self._minutes:
            return
        self.stop()
        self._minutes = settings.refresh_minutes
        if self._minutes:
            self.watch = Freshness(self._look, self._build, 60 * self._minutes)
            self.watch.start()

    def stop(self) -> None:
        if self.watch is not None:
            self.watch.stop()
        self.watch, self._minutes = None, 0.0

    def _look(self) -> Seen:
        context = self._context
        return seen(context.store, context.settings.article_folders(demo=context.is_demo))

    def _build(self) -> bool:
        if self._context.jobs.running() is not None:
            return False  # not beside other heavy work; the next look tries again
        self._context.jobs.start(INDEX, "schedule", index_work(self._context))
        return True
