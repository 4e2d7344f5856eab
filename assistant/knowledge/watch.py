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


class Freshness:
    """Looks every ``seconds`` and calls ``build`` when something has changed and has come to rest.

    ``build`` returns whether it was started or is done (False: try again at the next look, e.g. as another build
    runs). ``look`` gives what a build would read. :meth:`step` is one look, for tests and for other schedulers.
    """

    def __init__(self, look: Callable[[], Seen], build: Callable[[], bool], seconds: float) -> None:
        self._look = look
        self._build = build
        self._seconds = seconds
        self._stop = Event()
        self._thread: Thread | None = None
        self._built: Seen | None = None
        self._last: Seen | None = None

    def start(self, *, fresh: bool = False) -> None:
        """Begin; with ``fresh``, what is there now counts as built already."""
        if fresh:
            self._built = self._look()
        self._thread = Thread(target=self._run, name="index freshness", daemon=True)
        self._thread.start()

    def stop(self, wait: float = 5.0) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(wait)

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

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self.step()
            except Exception:  # a folder that is away for a while must not end the watch
                log.warning("the look for changed articles failed", exc_info=True)
