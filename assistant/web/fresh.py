"""While the pages are served: changed articles and interactions lead to a build of the index, and a record that has
moved away from the models to their training."""

from typing import ClassVar

from assistant.crm.conversations import now
from assistant.knowledge.watch import Freshness, Looks, Seen, seen
from assistant.settings import Settings
from assistant.web.context import Context
from assistant.web.work import INDEX, TRAINING, index_work, training_work

FIRST_LOOK = 600.0  # seconds after the start, so that the first questions don't wait; and after a look that had to be put off


class _Kept:
    """Looks for as long as the setting ``name`` gives a time between two looks, and as often as it says."""

    name: ClassVar[str]

    def __init__(self, context: Context) -> None:
        self._context = context
        self.between = 0.0  # in the setting's unit; 0: never
        self.watch: Freshness | Looks | None = None
        self.follow(context.settings)

    def follow(self, settings: Settings) -> None:
        """Look as these settings say from now on."""
        between = float(getattr(settings, self.name))
        if between == self.between:
            return
        self.stop()
        self.between = between
        if between:
            self.watch = self._begun()

    def stop(self) -> None:
        if self.watch is not None:
            self.watch.stop()
        self.watch, self.between = None, 0.0

    def _begun(self) -> Freshness | Looks:
        raise NotImplementedError


class KeepFresh(_Kept):
    """Watches as often as ``Settings.refresh_minutes`` says, which may change; the builds are jobs that the page shows."""

    name = "refresh_minutes"

    def _begun(self) -> Freshness:
        watch = Freshness(self._look, self._build, 60 * self.between)
        watch.start()
        return watch

    def _look(self) -> Seen:
        context = self._context
        return seen(context.store, context.settings.article_folders(demo=context.is_demo))

    def _build(self) -> bool:
        if self._context.jobs.running() is not None:
            return False  # not beside other heavy work; the next look tries again
        self._context.jobs.start(INDEX, "schedule", index_work(self._context))
        return True


class KeepTrained(_Kept):
    """Looks every ``Settings.retrain_hours`` whether models have to be trained again, and has a job do it.

    ``looked`` says when it last did. A model that turns out clearly worse is kept out and not tried again before the
    record has moved on (:func:`assistant.insight.moved.due_models`).
    """

    name = "retrain_hours"
    looked = ""

    def _begun(self) -> Looks:
        often = 3600 * self.between
        first = min(FIRST_LOOK, often)
        return Looks(lambda: often if self.step() else FIRST_LOOK, first, name="models to train again")

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
