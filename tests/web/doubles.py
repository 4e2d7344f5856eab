"""Stand-ins for the pages' tests: a small company in a real record, and an assistant that follows a script."""

import copy
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from assistant.crm import Store
from assistant.dialogue import identity
from assistant.dialogue.events import (
    Answered,
    Citation,
    HandedOff,
    Planned,
    Retrieved,
    Sentence,
    Session,
    Step,
    ToolCalled,
    Turn,
    Understood,
)
from assistant.dialogue.handover import unanswered
from assistant.dialogue.policy import Policy
from assistant.errors import AssistantError
from assistant.evidence import Evidence
from assistant.settings import Settings

FAST_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def small_company(home: Path) -> Store:
    """Three customers of Larkfield Coffee with a few orders and conversations."""
    home.mkdir(parents=True, exist_ok=True)
    store = Store(home / "crm.sqlite")
    store.set_meta("company_name", "Larkfield Coffee")
    store.set_meta("company_name_zh", "云雀咖啡")
    store.set_meta("demo_seed", "7")
    store.upsert(
        "customers",
        [
            {"id": "C-1001", "name": "Ann Byrne", "email": "ann@example.org", "language": "en", "city": "Cork",
             "country": "Ireland", "joined_on": "2025-02-03", "tier": "Gold", "consent_marketing": 1},
            {"id": "C-1002", "name": "Tom de Wit", "email": "tom@example.org", "language": "en", "city": "Utrecht",
             "country": "Netherlands", "joined_on": "2025-05-10", "tier": None, "consent_marketing": 0},
            {"id": "C-1003", "name": "陈静", "email": "jing@example.org", "language": "zh", "city": "Berlin",
             "country": "Germany", "joined_on": "2025-07-21", "tier": "Silver", "consent_marketing": 1},
        ],
    )  # fmt: skip
    store.upsert(
        "products",
        [{"id": "LB-101", "name": "House Blend", "name_zh": "招牌拼配", "category": "beans", "price": 9.5, "currency": "EUR"},
         {"id": "LG-301", "name": "Piccolo", "name_zh": "小磨", "category": "grinder", "price": 129.0, "currency": "EUR"}],
    )  # fmt: skip
    number = 0
    for customer in ("C-1001", "C-1002", "C-1003"):
        for month in ("08", "09", "10"):
            number += 1
            store.upsert(
                "orders",
                [{"id": f"LO-{100000 + number}", "customer_id": customer, "ordered_at": f"2026-{month}-05T10:00:00",
                  "status": "delivered", "channel": "web", "currency": "EUR", "total": 19.0,
                  "lines": [{"product_id": "LB-101", "quantity": 2, "unit_price": 9.5, "amount": 19.0}]}],
            )  # fmt: skip
    store.upsert(
        "subscriptions",
        [{"id": "SU-2001", "customer_id": "C-1001", "plan": "Home", "status": "active", "started_on": "2025-03-01",
          "price": 21.9, "currency": "EUR", "interval": "month", "next_delivery_on": "2026-11-05"}],
    )  # fmt: skip
    store.upsert(
        "interactions",
        [
            {"id": "IN-000001", "customer_id": "C-1001", "at": "2026-10-20T09:00:00", "channel": "email",
             "author": "customer", "subject": "Grinder is loud", "text": "My Piccolo grinds unevenly and is loud.",
             "language": "en"},
            {"id": "IN-000002", "customer_id": "C-1001", "at": "2026-10-21T11:00:00", "channel": "call",
             "author": "agent", "subject": "Call back", "text": "Explained the burr; sends a replacement.",
             "language": "en", "attributes": {"internal": True}},
            {"id": "IN-000003", "customer_id": "C-1002", "at": "2026-10-22T15:00:00", "channel": "chat",
             "author": "customer", "subject": None, "text": "Tom's private question about his invoice.", "language": "en"},
        ],
    )  # fmt: skip
    return store


class ScriptedAssistant:
    """Answers as a real turn does, event by event, without a model. ``pause`` seconds lie between sentences.

    A message with "person" hands over, one with "broken" fails, one with "unknown" is not known.
    """

    company = "Larkfield Coffee"
    index: Any = None
    policy = Policy()

    @property
    def is_demo(self) -> bool:
        return self.store.meta("demo_seed") is not None

    def __init__(self, home: Path, *, pause: float = 0.0) -> None:
        self.settings = Settings(home=home, questions_a_minute=0, webhook_hosts="127.0.0.1")
        self.home = home
        self.store = small_company(home)
        self.pause = pause
        self.asked: list[tuple[str, Session]] = []
        self.closed_early = 0
        self.gate: threading.Event | None = None  # a turn waits for it before its first step
        self.hold: threading.Event | None = None  # and for this one after its first sentence

    def company_in(self, language: str) -> str:
        return "云雀咖啡" if language == "zh" else self.company

    @contextmanager
    def over_copy(self, folder: Path) -> Iterator["ScriptedAssistant"]:
        self.store.database.checkpoint()
        with Store(shutil.copy(self.store.path, folder / self.store.path.name)) as store:
            other = copy.copy(self)
            other.store = store
            yield other

    def predictor(self, name: str) -> Any:
        raise AssistantError(f"No {name} model has been trained yet", f"crm-assistant train {name}")

    @property
    def embedder(self) -> Any:
        raise AssistantError("There is no embedder in this test.")

    def turn(
        self, message: str, *, session: Session, conversation_id: str | None = None, history: Any = (),
        into: Turn | None = None, cancelled: Any = None,
    ) -> Iterator[Any]:  # fmt: skip
        self.asked.append((message, session))
        turn = into or Turn(message)
        conversation = self.store.conversation(conversation_id)
        turn.conversation_id = conversation["id"]
        if conversation["held_by"] == "person":
            self.store.add_message(conversation["id"], "customer", message)
            yield HandedOff("held", "")
            return
        finished = False
        try:
            for event in self._events(message, session, conversation["id"]):
                turn.take(event)
                yield event
            finished = True
        finally:
            self.closed_early += not finished
        turn.id = self.store.save_turn(
            conversation["id"], message=message, answer=turn.answer, outcome=turn.outcome, intent="policy",
            sentiment="neutral", language=turn.understood.language if turn.understood else "en",
            detail={"citations": [c.__dict__ for c in turn.citations]},
        )  # fmt: skip

    def suggest_reply(self, conversation: str, cancelled: Any = None) -> dict[str, Any] | None:
        """The same reply to everything that is unanswered, kept as the real one keeps it."""
        made = {
            "text": "Hi, we look into it.",
            "sources": ["record:LO-100003"],
            "to": unanswered(self.store, conversation),
        }
        self.store.keep_suggestion(self.store.handoffs(conversation=conversation)[0]["id"], made)
        return made

    def _identified(self, message: str, conversation: str) -> str | None:
        """Signing in as the real dialogue does it: an address, then the code that was sent there."""
        if email := identity.read_email(message):
            return identity.request_code(self.store, self.settings, email, conversation)
        if (code := identity.read_code(message)) is None:
            return None
        customer = identity.prove(self.store, self.settings, conversation, code)
        if customer is not None:
            self.store.update_conversation(conversation, state={"proved": customer, "proved_at": time.time()})
        return "welcome" if customer else "wrong"

    def _events(self, message: str, session: Session, conversation: str) -> Iterator[Any]:
        chinese = bool(re.search(r"[\u4e00-\u9fff]", message))
        yield Understood("zh" if chinese else "en", "policy", 0.9, "neutral")
        if self.gate is not None:
            self.gate.wait(10)
        if session.role == "visitor" and (said := self._identified(message, conversation)):
            yield Planned(())
            yield Sentence(said)
            yield Answered(said, "answered", (), (), {})
            return
        if "broken" in message:
            raise AssistantError("The model is not there.", "crm-assistant doctor")
        if "person" in message:
            yield HandedOff(
                "asked",
                "A colleague will answer you here.",
                self.store.hand_off(conversation, "asked", message),
            )
            return
        tool = "orders" if "order" in message and session.customer else "search_knowledge"
        yield Planned((Step(tool, {}),))
        time.sleep(self.pause)
        yield ToolCalled(tool, {}, {}, 0.01)
        article = Evidence(
            "kb:public/en/returns.md#2",
            "article",
            "Returns > How long\nYou can return within 30 days of delivery.\nThe label costs 3.90 EUR.",
            "public/en/returns.md",
        )
        order = Evidence(
            "record:LO-100003",
            "record",
            "Order LO-100003 of 2026-10-05: delivered, total 19.00 EUR.",
            "order LO-100003",
        )
        found = (order, article) if tool == "orders" else (article,)
        if session.is_staff and "complain" in message:
            said = "Grinder is loud\nMy Piccolo grinds unevenly and is loud."
            found = (Evidence("interaction:IN-000001#1", "interaction", said, "IN-000001"),)
        yield Retrieved(found)
        if "unknown" in message:
            yield Sentence("I don't know that.")
            yield Answered("I don't know that.", "unknown", (), (), {"total_s": 0.1})
            return
        first = (
            "Your last order is LO-100003 of 2026-10-05 [1]."
            if tool == "orders"
            else "You can return a product within 30 days [1]."
        )
        if chinese:
            first = "您可以在30天内退货 [1]。"
        sentences = [first, "The label costs 3.90 EUR <b>in all</b> *cases*."]
        for sentence in sentences:
            if self.hold is not None and sentence is not sentences[0]:
                self.hold.wait(20)
            time.sleep(self.pause)
            yield Sentence(sentence, (1,))
        cited = tuple(Citation(n, e.source, e.kind, e.text, e.id) for n, e in enumerate(found[:1], 1))
        yield Answered(" ".join(sentences), "answered", cited, (), {"total_s": 0.2, "first_sentence_s": 0.1})
