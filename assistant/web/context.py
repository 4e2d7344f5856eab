"""What all doors share: the assistant, the line in front of it, who may come in, and the work in the background."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from assistant.crm.conversations import new_id
from assistant.dialogue.events import HandedOff, Session
from assistant.dialogue.identity import PROVED_SECONDS
from assistant.dialogue.tools import Toolbox
from assistant.dialogue.understand import Memory
from assistant.errors import AssistantError, PermissionDenied
from assistant.evidence import Role
from assistant.settings import Settings
from assistant.web.access import Access, Person, Visitor
from assistant.web.desk import Desk, Ticket
from assistant.web.jobs import Job, Jobs
from assistant.web.keys import Keys
from assistant.web.limits import Limits
from assistant.web.metrics import Metrics
from assistant.web.webhooks import Webhooks

log = logging.getLogger(__name__)
PAUSE = 0.1  # seconds between two looks at a ticket


@dataclass
class Context:
    settings: Settings  # those of now: see apply
    assistant: Any
    desk: Desk
    access: Access
    jobs: Jobs
    keys: Keys
    webhooks: Webhooks
    metrics: Metrics
    limits: Limits
    on_settings: Callable[[Settings], None] = lambda settings: None  # told when they have changed

    @classmethod
    def make(cls, settings: Settings, assistant: Any, access: Access) -> "Context":
        """All parts, each told of what it needs to hear."""
        home, desk = settings.home_dir, Desk(assistant)
        context = cls(
            settings, assistant, desk, access, Jobs(home / "jobs"), Keys(home), Webhooks(home, internal=settings.internal_hosts),
            Metrics(desk, assistant.store), Limits(lambda: context.settings.questions_a_minute),
        )  # fmt: skip
        desk.on_end, context.jobs.on_end = context._turn_ended, context._job_ended
        return context

    def apply(self, settings: Settings) -> None:
        """From now on these settings hold; whoever reads one reads it here or at the assistant."""
        self.settings = self.assistant.settings = settings
        self.on_settings(settings)

    def close(self) -> None:
        self.desk.close()
        self.jobs.close(wait=5.0)
        self.webhooks.close()

    # -- what happens, and who is told ------------------------------------------------------------------------------

    def begin(self, role: Role, customer: str | None, *, id: str, language: str | None = None) -> None:
        """Begin a conversation."""
        self.store.start_conversation(role, customer, language=language, id=id)
        if role in ("visitor", "customer"):
            self.webhooks.tell("conversation.started", {"conversation": id, "role": role})

    def rate(self, turn: dict[str, Any], rating: int | None, comment: str | None = None) -> None:
        """Keep whether an answer helped."""
        self.store.rate_turn(turn["id"], rating, comment)
        self.metrics.rating(rating)
        told = {"turn": turn["id"], "conversation": turn["conversation_id"], "rating": rating}
        self.webhooks.tell("turn.rated", told)

    def suggest(self, conversation: str) -> None:
        """Have a reply suggested for whoever takes this conversation, once nobody waits for the model."""
        self.desk.when_idle(
            f"a reply for {conversation}",
            lambda cancelled: self.assistant.suggest_reply(conversation, cancelled),
        )

    def handed_off(self, conversation: str, handoff: str) -> None:
        """A person was asked for, by a message or by the page's button."""
        self.suggest(conversation)
        self.webhooks.tell("handoff.requested", {"conversation": conversation, "handoff": handoff})

    def _turn_ended(self, ticket: Ticket) -> None:
        if ticket.draft:
            return
        self.metrics.turn(ticket)
        for event in ticket.events:
            if isinstance(event, HandedOff):
                if event.reason != "held" and event.handoff_id:
                    self.handed_off(ticket.conversation_id, event.handoff_id)
                else:
                    self.suggest(ticket.conversation_id)  # the suggestion was for an earlier message

    def _job_ended(self, job: Job) -> None:
        self.metrics.job(job)
        self.webhooks.tell("job.done", {"job": job.id, "kind": job.kind, "state": job.state})

    # -- what the pages ask -----------------------------------------------------------------------------------------

    @property
    def store(self) -> Any:
        return self.assistant.store

    @property
    def company(self) -> str:
        return str(self.assistant.company)

    @property
    def is_demo(self) -> bool:
        """Whether the record is the demo company's: only then may a visitor choose to be one of its customers."""
        return bool(self.assistant.is_demo)

    def tools(self, customer: str | None, user: str, language: str = "en") -> Toolbox:
        """The tools as the agent ``user`` has them for an account, without search."""
        return Toolbox(
            store=self.store,
            index=None,
            models=self.assistant.predictor,
            session=Session("agent", customer, user),
            language=language,
            policy=self.assistant.policy,
        )

    def warm_up(self) -> None:
        """Load what the first question would have to wait for. What is missing is told when somebody asks."""
        for part in ("embedder", "index", "router", "model"):
            try:
                getattr(self.assistant, part)
                if part == "model":
                    self.assistant.prepare()
            except (AssistantError, AttributeError) as problem:
                log.warning("%s is not ready: %s", part, problem)

    def visitor(self, request: Any) -> Visitor:
        """Whose browser sent this, by its signed cookie. Without one, a visitor that nobody has seen before."""
        return self.access.visitor(_cookies(request)) or Visitor(new_id("CV"))

    def proven(self, conversation: Mapping[str, Any]) -> dict[str, Any] | None:
        """The customer whose conversation this is: signed in by the company's site, or proved by an e-mailed code."""
        customer = conversation["customer_id"]
        if customer is None and conversation["role"] == "visitor":
            memory = Memory.from_dict(conversation.get("state") or {})
            if time.time() - memory.proved_at < PROVED_SECONDS:
                customer = memory.proved
        found: dict[str, Any] | None = self.store.customer(customer) if customer else None
        return found

    def staff(self, request: Any, *roles: str) -> Person:
        """The person who sent this; raises PermissionDenied for everybody else."""
        person = self.access.staff(_cookies(request))
        if person is None or person.must_change or person.role not in (roles or ("agent", "admin")):
            raise PermissionDenied("Sign in first." if person is None else "This is not for your role.")
        return person

    def ask(self, message: str, session: Session, conversation_id: str) -> Ticket:
        """Join the line in front of the model, in a conversation that is begun when it is new."""
        if self.store.conversation(conversation_id) is None:
            self.begin(session.role, session.customer, id=conversation_id)
        return self.desk.ask(message, session=session, conversation_id=conversation_id)

    def place_in_line(self, conversation_id: str) -> tuple[int, str | None]:
        """(place among those who wait for a person, who has taken it); (0, None) when none was asked for."""
        waiting = 0
        for handoff in self.store.handoffs(open=True, limit=1000):
            waiting += handoff["agent"] is None
            if handoff["conversation_id"] == conversation_id:
                return (0 if handoff["agent"] else waiting), handoff["agent"]
        return 0, None


async def follow(ticket: Ticket) -> AsyncIterator[int]:
    """Wakes whenever there is something new to show; gives how many are answered before this ticket.

    Ends when the ticket is done or stopped, even while the model still writes the sentence it has begun.
    """
    shown: tuple[int, int] | None = None
    while not ticket.ended:
        now = (len(ticket.events), ticket._desk.before(ticket))
        if now != shown:
            shown = now
            yield now[1]
        await asyncio.sleep(PAUSE)


def _cookies(request: Any) -> dict[str, Any]:
    """The cookies of a Gradio or a Starlette request."""
    inner = getattr(request, "request", None) or request
    return dict(getattr(inner, "cookies", None) or {})
