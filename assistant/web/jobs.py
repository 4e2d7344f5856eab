"""Work in the background: one job of a kind at a time, with progress, cancelling, and a note of it on disk.

A job that a stop of the program cut short is ``interrupted`` after the next start; starting it again goes on from
what is kept (the index keeps its vectors, imports skip what is there).
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Event, RLock, Thread
from typing import Any, Literal

from assistant.crm.conversations import new_id, now
from assistant.errors import AssistantError
from assistant.files import write_json

log = logging.getLogger(__name__)
State = Literal["running", "done", "failed", "cancelled", "interrupted"]
Progress = Callable[[str, int, int | None], None]
Work = Callable[[Progress, Callable[[], bool]], Any]
KEPT = 50


class Cancelled(AssistantError):
    """A job was asked to stop, and did."""


@dataclass
class Job:
    """One piece of work. ``report`` is what it returned as lines for a person, ``error`` why it failed."""

    id: str
    kind: str
    by: str
    state: State = "running"
    phase: str = ""
    done: int = 0
    total: int | None = None
    started: str = field(default_factory=now)
    ended: str | None = None
    report: list[str] = field(default_factory=list)
    error: str = ""
    phase_began: float = field(default_factory=time.monotonic, repr=False)
    began: float = field(default_factory=time.monotonic, repr=False)

    @property
    def rate(self) -> float | None:
        """Pieces per second in this phase, None where it can't be told yet."""
        seconds = time.monotonic() - self.phase_began
        return self.done / seconds if self.done and seconds > 0.5 else None

    @property
    def seconds_left(self) -> float | None:
        """Of this phase, by its rate so far."""
        rate = self.rate
        return (self.total - self.done) / rate if rate and self.total else None

    def as_dict(self) -> dict[str, Any]:
        return {k: v for k, v in asdict(self).items() if k not in ("phase_began", "began")}


class Jobs:
    """The jobs of one home folder, newest first in ``all()``; those of earlier starts are read from disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = RLock()
        self._jobs: dict[str, Job] = {}
        self._stops: dict[str, Event] = {}
        self._threads: list[Thread] = []
        self.on_end: Callable[[Job], None] = lambda job: None  # told of every job that has ended
        for path in sorted(folder.glob("*.json")):
            try:
                job = Job(**json.loads(path.read_text()))
            except (ValueError, TypeError, OSError):
                continue
            if job.state == "running":
                job.state, job.ended = "interrupted", now()
                self._keep(job)
            self._jobs[job.id] = job

    def start(self, kind: str, by: str, work: Work) -> Job:
        """Begin a job in a thread of its own. Raises AssistantError while another of this kind runs.

        ``work(progress, cancelled)`` returns a report (``lines()``, a list of lines, or None); each call of
        ``progress`` stops the work when it was cancelled.
        """
        with self._lock:
            if self.running(kind) is not None:
                raise AssistantError(
                    f"A job of this kind is running already ({kind}).", "wait for it or cancel it"
                )
            job = Job(new_id("JB"), kind, by)
            stop = Event()
            self._jobs[job.id], self._stops[job.id] = job, stop
            self._keep(job)
            for old in sorted(self._jobs.values(), key=lambda j: j.started)[:-KEPT]:
                if old.state != "running":
                    del self._jobs[old.id]
                    (self.folder / f"{old.id}.json").unlink(missing_ok=True)
        thread = Thread(target=self._run, args=(job, work, stop), name=f"job {kind}", daemon=True)
        self._threads.append(thread)
        thread.start()
        return job

    def _run(self, job: Job, work: Work, stop: Event) -> None:
        def progress(phase: str, done: int, total: int | None) -> None:
            if stop.is_set():
                raise Cancelled("The work was cancelled.")
            if phase != job.phase:
                job.phase, job.phase_began = phase, time.monotonic()
            job.done, job.total = done, total

        try:
            result = work(progress, stop.is_set)
            job.report = [
                str(line) for line in (result.lines() if hasattr(result, "lines") else result or [])
            ]
            job.state = "done"
        except AssistantError as error:
            job.state = "cancelled" if stop.is_set() else "failed"
            job.error = str(error)
        except Exception as error:  # the page has to say what happened
            log.exception("the job %s failed", job.kind)
            job.state, job.error = "failed", f"{type(error).__name__}: {error}"
        ended = now()
        self._keep(replace(job, ended=ended))  # on disk before anybody can see that it has ended
        job.ended = ended
        try:
            self.on_end(job)
        except Exception:  # who only listens must not fail the job
            log.exception("what follows a job failed")

    def cancel(self, id: str) -> None:
        """Ask a job to stop; it does at its next step."""
        if id in self._stops:
            self._stops[id].set()

    def running(self, kind: str | None = None) -> Job | None:
        with self._lock:
            return next(
                (j for j in self._jobs.values() if j.state == "running" and kind in (None, j.kind)), None
            )

    def get(self, id: str) -> Job | None:
        return self._jobs.get(id)

    def all(self) -> list[Job]:
        with self._lock:
            return sorted(self._jobs.values(), key=lambda j: j.started, reverse=True)

    def last(self, kind: str) -> Job | None:
        return next((j for j in self.all() if j.kind == kind), None)

    def close(self, wait: float = 10.0) -> None:
        """Ask everything to stop, and give it so many seconds."""
        for stop in self._stops.values():
            stop.set()
        until = time.monotonic() + wait
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _keep(self, job: Job) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / f"{job.id}.json", job.as_dict())
