"""Drafts for a person who holds a conversation: nobody is told of them and nothing is kept."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from assistant.dialogue.handover import unanswered
from assistant.errors import AssistantError
from assistant.web.drafts import begin_draft


def waited(ticket: Any) -> Any:
    until = time.monotonic() + 60
    while not ticket.done:
        assert time.monotonic() < until
        time.sleep(0.02)
    return ticket


def test_a_draft_answers_what_is_open_and_leaves_no_trace(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = house.state.context
    store = context.store
    told: list[Any] = []
    monkeypatch.setattr(context.webhooks, "tell", lambda *said: told.append(said))
    pending = {"pending": {"kind": "cancel_order", "customer": "C-1001"}}
    store.start_conversation("customer", "C-1001", id="CV-draft", state=pending)
    store.save_turn("CV-draft", message="A person, please", outcome="handed_off", intent="human")
    handoff = store.hand_off("CV-draft", "asked")
    store.add_message("CV-draft", "customer", "Where is my order?")
    counts = store.counts()
    ticket = waited(begin_draft(context, "CV-draft"))
    assert ticket.error is None and "LO-100003" in ticket.turn.answer
    message, session = context.assistant.asked[-1]
    assert (message, session.role, session.customer) == ("Where is my order?", "customer", "C-1001")
    assert store.counts() == counts and not told
    kept = store.conversation("CV-draft")
    assert (kept["held_by"], kept["state"]) == ("person", pending)
    store.add_message("CV-draft", "customer", "I want a person!")
    assert waited(begin_draft(context, "CV-draft")).turn.outcome == "handed_off"
    assert [h["id"] for h in store.handoffs() if h["conversation_id"] == "CV-draft"] == [handoff] and not told
    store.close_handoff(handoff)


def test_what_is_open_is_what_was_said_since_a_person_spoke(house: Any) -> None:
    store = house.state.assistant.store
    store.start_conversation("visitor", id="CV-open")
    with pytest.raises(AssistantError, match="no question"):
        unanswered(store, "CV-open")
    store.save_turn("CV-open", message="Is it loud?", answer="Yes.", intent="product")
    store.save_turn("CV-open", message="A person!", outcome="handed_off", intent="human")
    assert unanswered(store, "CV-open") == "Is it loud?"
    store.add_message("CV-open", "marieke", "Hello")
    for text in ("And how heavy?", "ann@example.org", "Hello?"):
        store.add_message("CV-open", "customer", text)
    assert unanswered(store, "CV-open") == "And how heavy?\nHello?"
    store.add_message("CV-open", "marieke", "2 kg")
    with pytest.raises(AssistantError):
        unanswered(store, "CV-open")


def test_the_line_names_a_visitor_who_has_proved_who_they_are_and_how_they_sound(house: Any) -> None:
    from assistant.web.inbox import Inbox

    store, inbox = house.state.assistant.store, Inbox(house.state.context)
    proved = {"proved": "C-1002", "proved_at": time.time()}
    store.start_conversation("visitor", id="CV-proved", state=proved)
    store.save_turn("CV-proved", message="It is broken again!", outcome="handed_off", sentiment="negative")
    id = store.hand_off("CV-proved", "asked", "It is broken again!\nA person, please")
    found = next(h for h in store.handoffs() if h["id"] == id)
    assert inbox._label(found) == "Tom de Wit · negative · waiting < 1 min · “It is broken again!”"
    head = inbox._head(inbox._found(id) or {})
    assert "C-1002" in head and "negative" in head and "asked for a person" in head
    store.close_handoff(id)


def test_a_hand_off_comes_with_a_suggestion_that_its_colleague_may_use(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assistant.dialogue.events import Session
    from assistant.web.fields import Acts
    from assistant.web.inbox import Inbox

    context, inbox = house.state.context, Inbox(house.state.context)
    store = context.store
    monkeypatch.setattr(context, "staff", lambda *_: SimpleNamespace(name="marieke", role="agent"))
    for message in ("Can I return it?", "Where is my order? A person, please"):
        waited(context.ask(message, Session("customer", "C-1001", "C-1001"), "CV-suggest"))
    handoff = store.handoffs(conversation="CV-suggest")[0]["id"]
    until = time.monotonic() + 60
    while store.handoff(handoff)["suggestion"] is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    shown = inbox.refresh("All", handoff, None)  # type: ignore[arg-type]
    assert "Hi, we look into it." in shown[3] and "LO-100003" in shown[3]
    assert "Can I return it?" in shown[1] and "public/en/returns.md" in shown[1]  # what was tried
    with pytest.warns(UserWarning, match="Take the conversation over"):
        assert inbox.use(handoff, None) is None  # type: ignore[arg-type]
    store.claim_handoff(handoff, "marieke")
    assert inbox.use(handoff, None) == {"values": ["Hi, we look into it."], "of": handoff}  # type: ignore[arg-type]
    store.add_message("CV-suggest", "agent", "It is on its way.")
    assert inbox.refresh("All", handoff, None)[3] == ""  # type: ignore[arg-type]
    # one made before a restart, or for an earlier message, is made when the conversation is opened
    store.add_message("CV-suggest", "customer", "Thanks! And how heavy is it?")
    inbox.open("All", handoff, Acts(), None)  # type: ignore[arg-type]
    while (store.handoff(handoff)["suggestion"] or {}).get("to") != "Thanks! And how heavy is it?":
        assert time.monotonic() < until
        time.sleep(0.02)
    store.close_handoff(handoff)
