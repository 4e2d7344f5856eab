"""The line in front of the model: turns are answered one after the other, first come, first served.

A turn runs here, not in the request that asked for it: a page that is closed does not hold the model, and one that is
opened again sees the rest of the answer.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Condition, Event, Thread
from typing import Any

from assistant.dialogue.events import Answered, HandedOff, Sentence, Session, Turn
from assistant.dialogue.events import Event as TurnEvent
from assistant.errors import AssistantError, Cancelled

log = logging.getLogger(__name__)
LONGEST_LINE = 24
KEPT_TICKETS = 500


Run = Callable[..., Any]  # as Assistant.turn: a generator of the turn's events
Aside = Callable[[Callable[[], bool]], Any]  # told how to see that it should stop; raises Cancelled then


class Busy(AssistantError):
    """So many are waiting that a new question is not taken."""


@dataclass(frozen=True)
class Waiting:
    """So many questions are answered before this one."""

    before: int


class Ticket:
    """One question at the desk: its events so far, and whether it is done, stopped or failed."""

    def __init__(
        self, desk: "Desk", message: str, session: Session, conversation_id: str, run: Run | None = None
    ) -> None:
        self.run, self.draft = run or desk.assistant.turn, run is not None
        self.message, self.session, self.conversation_id = message, session, conversation_id
        self.turn = Turn(message)
        self.events: list[TurnEvent] = []
        self.error: Exception | None = None
        self.done = False
        self.asked = time.monotonic()
        self.first: float | None = (
            None  # when its first sentence came, and its end: seconds of the same clock
        )
        self.whole: float | None = None
        self._desk = desk
        self._stop = Event()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    @property
    def ended(self) -> bool:
        """Whether nobody waits for more of it: done, or stopped while the model has not noticed yet."""
        return self.done or self.stopped

    def stop(self) -> None:
        """Nobody wants the rest. The model notices at its next token; nothing is recorded then."""
        self._stop.set()
        self._desk.leave(self)

    def follow(self, every: float = 1.0) -> Iterator[TurnEvent | Waiting]:
        """The events from the first, as they come; ``Waiting`` at least every so many seconds until the first."""
        seen = 0
        while True:
            with self._desk.changed:
                if seen == len(self.events) and not self.done:
                    self._desk.changed.wait(every)
                new, done = self.events[seen:], self.done
            yield from new
            seen += len(new)
            if done and seen == len(self.events):
                return
            if not seen:
                yield Waiting(self._desk.before(self))


class Desk:
    """Takes questions and has them answered by ``workers`` threads. One question per conversation at a time."""

    def __init__(self, assistant: Any, *, workers: int = 1, longest: int = LONGEST_LINE) -> None:
        self.assistant = assistant
        self.on_end: Callable[[Ticket], None] = lambda ticket: None  # told of every turn that has ended
        self.longest = longest
        self.changed = Condition()
        self._workers = workers
        self._line: deque[Ticket] = deque()
        self._tickets: dict[str, Ticket] = {}
        self._threads: list[Thread] = []
        self._answering = 0
        self._aside: dict[str, Aside] = {}  # what is done while nobody waits, by name
        self._hurry = Event()  # set when a question has come meanwhile
        self._closed = False

    def ask(self, message: str, *, session: Session, conversation_id: str, run: Run | None = None) -> Ticket:
        """Join the line; ``run`` takes the turn's place for a draft, which nobody but its caller is told of. Raises Busy when it is too long, AssistantError when this conversation waits already."""
        with self.changed:
            last = self._tickets.get(conversation_id)
            if last is not None and not last.ended:
                raise AssistantError("The last question is still being answered.", "wait or stop it")
            if len(self._line) >= self.longest:
                raise Busy("Too many people are asking at the moment.", "try again in a minute")
            ticket = Ticket(self, message, session, conversation_id, run)
            self._tickets.pop(conversation_id, None)
            self._tickets[conversation_id] = ticket
            for id in [i for i, t in self._tickets.items() if t.done][
                : max(0, len(self._tickets) - KEPT_TICKETS)
            ]:
                del self._tickets[id]
            self._line.append(ticket)
            self._hurry.set()
            self._staff()
            self.changed.notify_all()
        return ticket

    def when_idle(self, name: str, work: Aside) -> None:
        """Have ``work`` done while no question waits or is being answered. One that comes in stops it, and it is begun
        again afterwards. The same ``name`` waits once; so do at most as many as questions may."""
        with self.changed:
            if name in self._aside or len(self._aside) >= self.longest:
                return
            self._aside[name] = work
            self._staff()
            self.changed.notify_all()

    def _staff(self) -> None:
        if len(self._threads) < self._workers:
            self._threads.append(Thread(target=self._work, name="desk", daemon=True))
            self._threads[-1].start()

    def ticket(self, conversation_id: str) -> Ticket | None:
        """The conversation's last ticket, None when there was none lately."""
        with self.changed:
            return self._tickets.get(conversation_id)

    def before(self, ticket: Ticket) -> int:
        with self.changed:
            return self._line.index(ticket) if ticket in self._line else 0

    @property
    def waiting(self) -> int:
        with self.changed:
            return len(self._line)

    def leave(self, ticket: Ticket) -> None:
        with self.changed:
            if ticket in self._line:
                self._line.remove(ticket)
                ticket.done = True
            self.changed.notify_all()

    def close(self) -> None:
        """Take nothing more and stop what is running."""
        with self.changed:
            self._closed = True
            for ticket in self._tickets.values():
                ticket._stop.set()
            self._hurry.set()
            self.changed.notify_all()

    def _work(self) -> None:
        while True:
            with self.changed:
                while not (self._line or self._closed or (self._aside and not self._answering)):
                    self.changed.wait()
                if self._closed:
                    return
                ticket = self._line.popleft() if self._line else None
                name = next(iter(self._aside), "")
                if ticket is None:
                    self._hurry.clear()
                self._answering += 1
                self.changed.notify_all()
            try:
                if ticket is not None:
                    self._answer(ticket)
                else:
                    self._do_aside(name)
            finally:
                with self.changed:
                    self._answering -= 1
                    self.changed.notify_all()

    def _do_aside(self, name: str) -> None:
        try:
            self._aside[name](self._hurry.is_set)
        except Cancelled:
            if self._hurry.is_set():
                return  # it stays, and is begun again
        except AssistantError as error:
            log.warning("%s: %s", name, error)
        except Exception:  # what nobody waits for must not stop the line
            log.exception("%s failed", name)
        with self.changed:
            self._aside.pop(name, None)

    def _answer(self, ticket: Ticket) -> None:
        try:
            events = ticket.run(
                ticket.message,
                session=ticket.session,
                conversation_id=ticket.conversation_id,
                into=ticket.turn,
                cancelled=lambda: ticket.stopped,
            )
            try:
                for event in events:
                    ticket.turn.take(event)
                    if ticket.first is None and isinstance(event, Sentence | HandedOff):
                        ticket.first = time.monotonic()
                    with self.changed:
                        ticket.events.append(event)
                        self.changed.notify_all()
                    if ticket.stopped and not isinstance(event, Answered | HandedOff):
                        break
            finally:
                events.close()
        except AssistantError as error:
            ticket.error = error
        except Exception as error:  # a page has to say something whatever went wrong
            log.exception("a turn failed")
            ticket.error = error
        finally:
            ticket.whole = time.monotonic()
            with self.changed:
                ticket.done = True
                self.changed.notify_all()
            try:
                self.on_end(ticket)
            except Exception:  # who only listens must not stop the line
                log.exception("what follows a turn failed")
