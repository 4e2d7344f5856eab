"""What one turn is made of. A turn is a generator of these; everything else drains it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from assistant.evidence import Evidence, Role

Outcome = Literal["answered", "unknown", "refused", "handed_off"]


@dataclass(frozen=True)
class Session:
    """Who is speaking. Set by the door they came through, never by what they wrote.

    ``customer`` is the signed-in customer (role customer) or the account an agent has open.
    """

    role: Role
    customer: str | None = None
    user: str = "anonymous"

    @property
    def is_staff(self) -> bool:
        return self.role in ("agent", "admin")


@dataclass(frozen=True)
class Understood:
    """The message, read: language, intent with the router's confidence, and the records it speaks of."""

    language: str
    intent: str
    confidence: float
    sentiment: str
    customers: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    unknown: tuple[str, ...] = ()
    routed_by: str = "router"


@dataclass(frozen=True)
class Step:
    """One call of a tool: its name and its arguments, identity excluded for customers."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Planned:
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Retrieved:
    """Everything found so far, in the order in which answers number it: evidence[0] is ``[1]``."""

    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class ToolCalled:
    name: str
    arguments: Mapping[str, Any]
    result: Any
    seconds: float


@dataclass(frozen=True)
class Sentence:
    """A checked sentence, ready to be shown, its citations inside the text as ``[n]``."""

    text: str
    citations: tuple[int, ...] = ()


@dataclass(frozen=True)
class Citation:
    n: int
    source: str
    kind: str
    text: str
    id: str


@dataclass(frozen=True)
class Check:
    """A sentence the verifier looked at: what it did with it, and why."""

    sentence: str
    verdict: Literal["kept", "replaced", "dropped"]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answered:
    answer: str
    outcome: Outcome
    citations: tuple[Citation, ...]
    checks: tuple[Check, ...]
    timing: Mapping[str, float]


@dataclass(frozen=True)
class HandedOff:
    """A person is asked to take over; ``reason`` is a code: asked, complaint, cannot_decide, held."""

    reason: str
    message: str
    handoff_id: str | None = None


Event = Understood | Planned | ToolCalled | Retrieved | Sentence | Answered | HandedOff


@dataclass
class Turn:
    """One message and everything that led to its answer, collected from the events."""

    message: str
    id: str = ""
    conversation_id: str = ""
    understood: Understood | None = None
    plan: tuple[Step, ...] = ()
    tools: list[ToolCalled] = field(default_factory=list)
    evidence: tuple[Evidence, ...] = ()
    answer: str = ""
    outcome: Outcome = "unknown"
    citations: tuple[Citation, ...] = ()
    checks: tuple[Check, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    handoff: HandedOff | None = None

    def take(self, event: Event) -> None:
        """Add one event."""
        match event:
            case Understood():
                self.understood = event
            case Planned():
                self.plan = event.steps
            case ToolCalled():
                self.tools.append(event)
            case Retrieved():
                self.evidence = event.evidence
            case Sentence():
                pass
            case HandedOff():
                self.handoff, self.outcome, self.answer = event, "handed_off", event.message
            case Answered():
                self.answer, self.outcome = event.answer, event.outcome
                self.citations, self.checks, self.timing = event.citations, event.checks, event.timing

    def as_dict(self) -> dict[str, Any]:
        """The line that ``ask --json`` and ``ask --batch`` print."""
        understood = self.understood
        return {
            "answer": self.answer,
            "citations": [asdict(c) for c in self.citations],
            "tools": [
                {"name": t.name, "arguments": dict(t.arguments), "result": t.result} for t in self.tools
            ],
            "intent": understood.intent if understood else None,
            "sentiment": understood.sentiment if understood else None,
            "language": understood.language if understood else None,
            "customer": understood.customers[0] if understood and understood.customers else None,
            "outcome": self.outcome,
            "checks": [asdict(c) for c in self.checks],
            "timing": dict(self.timing),
            "conversation": self.conversation_id,
            "turn": self.id,
        }
