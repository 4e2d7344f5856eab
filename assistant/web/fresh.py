"""While the pages are served: changed articles and interactions lead to a build of the index, and a record that has
moved away from the models to their training."""

import logging
from threading import Event, Thread

from assistant.crm.conversations import now
from assistant.knowledge.watch import Freshness, Seen, seen
from assistant.settings import Settings
from assistant.web.context import Context
from assistant.web.work import INDEX, TRAINING, index_work, training_work

log = logging.getLogger(__name__)
FIRST_LOOK = 600.0  # seconds after the start, so that the first questions don't wait; and after a look that had to be put off


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


class KeepTrained:
    """Looks every ``Settings.retrain_hours`` whether models have to be trained again, and has a job do it.

    ``looked`` says when it last did. A model that turns out clearly worse is kept out and not tried again before the
    record has moved on (:func:`assistant.insight.moved.due_models`).
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._hours = 0.0
        self._stop = Event()
        self._thread: Thread | None = None
        self.looked = ""
        self.follow(context.settings)

    def follow(self, settings: Settings) -> None:
        """Look as these settings say from now on."""
        if settings.retrain_hours == self._hours:
            return
        self.stop()
        self._hours = settings.retrain_hours
        if self._hours:
            self._stop = Event()
            self._thread = Thread(target=self._run, args=(self._stop,), name="models", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread, self._hours = None, 0.0

    def step(self) -> bool:
        """One look; False where it has to be put off, as other work is running."""
        from assistant.insight import due_models

        context = self._context
        if context.jobs.running() is not None:
            return False
        due = due_models(context.store, context.settings.home_dir)
        self.looked = now()
        if due:
            names = [check.model for check in due]
            job = context.jobs.start(TRAINING, "schedule", training_work(context, names, if_moved=True))
            context.store.audit(
                "schedule", "program", f"started: {TRAINING}", f"{job.id}: {', '.join(names)}"
            )
        return True

    def _run(self, stop: Event) -> None:
        wait = min(FIRST_LOOK, 3600 * self._hours)
        while not stop.wait(wait):
            try:
                wait = 3600 * self._hours if self.step() else FIRST_LOOK
            except Exception:  # a record that is away for a while must not end the looks
                log.warning("the look for models to train again failed", exc_info=True)
                wait = FIRST_LOOK
