"""What an action would change, as data; what is missing for it; or why it can't be done.

A proposal changes nothing. It is shown to whoever asked, and carried out by ``actions`` after an explicit yes. The
preconditions are in ``order_rules`` and ``subscription_rules``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from assistant.crm.actions import Addition, Change
from assistant.dialogue.policy import Policy

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Proposal:
    """``will`` lists what will happen, ``done`` says it afterwards; both in the user's language."""

    kind: str
    target: str
    arguments: Mapping[str, Any]
    will: tuple[str, ...]
    done: str
    changes: tuple[Change, ...] = ()
    additions: tuple[Addition, ...] = ()


@dataclass(frozen=True)
class Missing:
    """Something the action needs and nobody has said yet."""

    slot: str
    question: str


@dataclass(frozen=True)
class Refusal:
    """Why it can't be done: a code for programs, a sentence for the user."""

    reason: str
    text: str


Answer = Proposal | Missing | Refusal


@dataclass(frozen=True)
class Case:
    """All that a proposal may look at: the customer comes from the session or was named by an agent, never by a model.

    ``slots`` hold what was said so far; ``orders`` the order numbers named in the conversation.
    """

    store: Any
    policy: Policy
    customer: Row
    today: date
    zh: bool
    slots: Mapping[str, Any] = field(default_factory=dict)
    orders: tuple[str, ...] = ()
    products: tuple[str, ...] = ()

    def t(self, en: str, zh: str) -> str:
        return zh if self.zh else en

    @property
    def said(self) -> str:
        return str(self.slots.get("message", ""))

    def slot(self, name: str, read: Callable[[str], Any]) -> Any:
        """What was asked for and answered, else what the request itself says."""
        answered = self.slots.get(name)
        return read(str(answered)) if answered is not None else read(self.said)

    def money(self, amount: float, currency: str | None) -> str:
        return f"{amount:.2f} {'欧元' if self.zh and currency == 'EUR' else currency or ''}".strip()

    def subscription(self, *statuses: str) -> Row | None:
        rows = self.store.subscriptions(self.customer["id"])
        return next((r for r in rows if r["status"] in statuses), None)
