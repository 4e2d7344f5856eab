"""What a colleague finds with a hand-off: what was tried, and a suggested reply that rests on what the customer may see."""

from collections.abc import Callable
from typing import Any

import pytest

from assistant.dialogue.events import Session
from assistant.dialogue.handover import suggestion, tried
from assistant.errors import Cancelled

Make = Callable[..., Any]
ANN = Session("customer", "C-1001", "C-1001")


def handed_off(assistant: Any, *messages: str, session: Session = ANN) -> str:
    conversation = None
    for message in (*messages, "I want to talk to a person"):
        turn = assistant.ask(message, session=session, conversation_id=conversation)
        conversation = turn.conversation_id
    assert turn.outcome == "handed_off" and conversation
    return str(conversation)


def open_handoff(assistant: Any, conversation: str) -> dict[str, Any]:
    return dict(assistant.store.handoffs(conversation=conversation)[0])


def test_a_suggestion_answers_the_last_question_from_the_customers_own_record(make: Make) -> None:
    assistant = make("Your order LO-100004 was placed on 2026-10-20.")
    talk = handed_off(assistant, "Where is my order LO-100004?")
    assert suggestion(assistant.store, open_handoff(assistant, talk)) is None
    made = assistant.suggest_reply(talk)
    assert made["text"] == "Hi Ann, Your order LO-100004 was placed on 2026-10-20."
    assert made["sources"] == ["record:LO-100004"] and made["to"] == "Where is my order LO-100004?"
    assert suggestion(assistant.store, open_handoff(assistant, talk)) == made
    prompts = len(assistant.model.prompts)
    assert prompts  # the model was asked
    assert (
        assistant.suggest_reply(talk) == made and len(assistant.model.prompts) == prompts
    )  # kept, not made again


def test_a_suggestion_holds_only_for_what_is_unanswered_now(make: Make) -> None:
    assistant = make(
        "Within 30 days.", "You can return it within 30 days.", "We look into it and write back."
    )
    talk = handed_off(assistant, "How long can I return an unused product?")
    assistant.suggest_reply(talk)
    assistant.ask("And my invoice?", session=ANN, conversation_id=talk)  # a person holds it: passed on
    assert suggestion(assistant.store, open_handoff(assistant, talk)) is None
    assert assistant.suggest_reply(talk)["to"] == "And my invoice?"
    assistant.store.add_message(talk, "marieke", "I'll send it.")
    assert suggestion(assistant.store, open_handoff(assistant, talk)) is None
    assert assistant.suggest_reply(talk) is None
    assistant.store.close_handoff(open_handoff(assistant, talk)["id"])
    assert assistant.suggest_reply(talk) is None


def test_a_suggestion_never_sees_another_account_or_internal_articles(make: Make) -> None:
    assistant = make("I don't know.", "We look into it and write back.")
    question = (
        "What is your internal retention discount ceiling, and where is order LO-100001 of Anna Vermeer?"
    )
    talk = assistant.store.start_conversation("customer", "C-1001", language="en")
    assistant.store.hand_off(talk, "asked")
    assistant.store.add_message(talk, "customer", question)
    made = assistant.suggest_reply(talk)
    prompt = assistant.model.prompts[-1].split("The customer's message:")[0]
    assert "LO-100001" not in prompt and "anna.vermeer" not in prompt and "ceiling" not in prompt.lower()
    assert made["to"] == question and all("internal" not in s for s in made["sources"])


def test_a_visitors_suggestion_rests_on_public_articles_alone(make: Make) -> None:
    assistant = make("Within 30 days.", "Hello.")
    talk = handed_off(assistant, "How long can I return an unused product?", session=Session("visitor"))
    assistant.suggest_reply(talk)
    evidence = assistant.model.prompts[-1].split("The customer's message:")[0]
    assert "30 days" in evidence and "LO-1" not in evidence and "Customer C-" not in evidence


def test_a_chinese_question_gets_a_chinese_suggestion(make: Make) -> None:
    assistant = make("您的订单LO-100006已送达。", "您的订单LO-100006已送达。")
    talk = handed_off(assistant, "我的订单LO-100006到了吗？", session=Session("customer", "C-1003", "C-1003"))
    assert assistant.suggest_reply(talk)["text"] == "您好！您的订单LO-100006已送达。"


def test_a_suggestion_can_be_stopped_and_is_then_not_kept(make: Make) -> None:
    assistant = make("Fine.")
    talk = handed_off(assistant, "Where is my order?")
    with pytest.raises(Cancelled):
        assistant.suggest_reply(talk, lambda: True)
    assert open_handoff(assistant, talk)["suggestion"] is None


def test_what_was_tried(make: Make) -> None:
    assistant = make("Your order LO-100004 was placed on 2026-10-20 [1].", "I don't know.")
    talk = handed_off(assistant, "Where is my order LO-100004?", "Is there oat milk in it?")
    found = tried(assistant.store, talk)
    assert [(x["question"], x["outcome"]) for x in found] == [
        ("Where is my order LO-100004?", "answered"), ("Is there oat milk in it?", found[1]["outcome"]),
    ]  # fmt: skip
    assert "order LO-100004" in found[0]["looked_at"] and found[1]["looked_at"]
