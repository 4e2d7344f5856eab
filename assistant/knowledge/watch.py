"""Keeping the index fresh: a look at the articles and the record now and then, and a build where they have changed.

The look is cheap (names, sizes and times of files; the record's count of changes to interactions); only a change
starts a build, which itself embeds only what is new. A file that is being written is left alone until two looks
agree.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from assistant.knowledge.documents import TABLE_OF_DOCUMENTS, files_below

if TYPE_CHECKING:
    from assistant.crm import Store

log = logging.getLogger(__name__)
Seen = tuple[object, ...]


def seen(store: "Store | None", folders: Sequence[Path]) -> Seen:
    """What a build would read, without reading it. Equal values: nothing to do."""
    files = []
    for folder in folders:
        if folder.is_dir():
            for path in (folder / TABLE_OF_DOCUMENTS, *files_below(folder)):
                try:
                    known = path.stat()
                except OSError:
                    continue  # not there, or removed in this moment
                files.append((str(path), known.st_size, known.st_mtime_ns))
    return (tuple(files), store.interactions_mark() if store is not None else None)


class Looks:
    """A thread that looks again and again: ``look`` gives the seconds until the next time, as ``first`` is those until the
    first. A look that fails is told in the log and tried again after ``first``."""

    def __init__(self, look: Callable[[], float], first: float, *, name: str) -> None:
        self._look, self._first, self._name = look, first, name
        self._stop = Event()
        self.thread = Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def stop(self, wait: float = 5.0) -> None:
        """End after the look that is under way; ``wait`` seconds for it at most."""
        self._stop.set()
        self.thread.join(wait)

    def _run(self) -> None:
        wait = self._first
        while not self._stop.wait(wait):
            try:
                wait = self._look()
            except Exception:  # a folder or a record that is away for a while must not end the looks
                log.warning("the look for %s failed", self._name, exc_info=True)
                wait = self._first


class Freshness:
    """Looks every ``seconds`` and calls ``build`` when something has changed and has come to rest.

    ``build`` returns whether it was started or is done (False: try again at the next look, e.g. as another build
    runs). ``look`` gives what a build would read. :meth:`step` is one look, for tests and for other schedulers.
    """

    def __init__(self, look: Callable[[], Seen], build: Callable[[], bool], seconds: float) -> None:
        self._look = look
        self._build = build
        self._seconds = seconds
        self._looks: Looks | None = None
        self._built: Seen | None = None
        self._last: Seen | None = None

    def start(self, *, fresh: bool = False) -> None:
        """Begin; with ``fresh``, what is there now counts as built already."""
        if fresh:
            self._built = self._look()
        self._looks = Looks(self._step, self._seconds, name="changed articles")

    def stop(self, wait: float = 5.0) -> None:
        if self._looks is not None:
            self._looks.stop(wait)

    def step(self) -> bool:
        """One look; whether it led to a build."""
        now = self._look()
        settled, self._last = now == self._last, now
        if now == self._built or not settled:
            return False
        if not self._build():
            return False
        self._built = now
        return True

    def _step(self) -> float:
        self.step()
        return self._seconds
