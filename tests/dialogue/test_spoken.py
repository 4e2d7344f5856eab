"""Answers from an account's conversations: from the sentences that are about the question, and about nothing else."""

from collections.abc import Callable

import pytest

from assistant.dialogue import Session
from assistant.dialogue.focus import Focus
from assistant.dialogue.spoken import speaks_of

from .doubles import LittleAssistant, WordEmbedder

Make = Callable[..., LittleAssistant]
AGENT = Session("agent", user="marieke")
LONG = (
    "Hello, could you skip the next box for us, please? I still have enough of the last one. The site wouldn't let me. "
    "I've been with you since 2022. Our rabbit Kopi has a birthday in May."
)


@pytest.mark.parametrize(
    ("question", "text", "speaks"),
    [
        ("What is his blood type?", "The bag closes badly.", False),
        ("What does she never want to be sent?", "Never send dark roasts.", True),
        ("Which other roaster did she mention?", "My parcel was late.", False),
        ("他的血型是什么？", "磨豆机是银色的。", False),
        ("家里用的是什么机器？", "我的咖啡机是二手的。", True),
        ("家里的水怎么样？", "家里人都说好。", False),
        # what asks for no one thing, or for the contact itself, may rest on other words
        ("Is she happy with us?", "Not again, thank you.", True),
        ("What did she complain about last?", "The box came wet.", True),
        ("他最近有什么不满？", "快递太慢了。", True),
        # an English question about Chinese words: that can't be told
        ("What is his blood type?", "磨豆机是银色的。", True),
    ],
)
def test_what_is_cited_has_to_speak_of_what_is_asked(question: str, text: str, speaks: bool) -> None:
    assert speaks_of(Focus(WordEmbedder().encode), question, [text]) is speaks


@pytest.mark.parametrize(
    ("english", "speaks"), [("What is his blood type?", False), ("Where is the driver to knock?", True)]
)
def test_a_chinese_question_is_held_against_english_words_in_english(english: str, speaks: bool) -> None:
    focus = Focus(WordEmbedder().encode)
    assert speaks_of(focus, "他的血型是什么？", ["The driver should knock."], lambda text: english) is speaks


def test_what_is_near_by_meaning_needs_no_common_word() -> None:
    class Near(WordEmbedder):
        def encode(self, texts, *, progress=None):  # type: ignore[no-untyped-def]
            return super().encode(["same" for _ in texts])

    assert speaks_of(Focus(Near().encode), "What is the pet called?", ["Our rabbit Kopi sends greetings."])


@pytest.mark.parametrize(
    ("question", "draft"),
    [
        ("What is the blood type of C-1042?", "The blood type is Piccolo [1]."),
        ("C-1042的血型是什么？", "血型是Piccolo [1]。"),
    ],
)
def test_an_attribute_nobody_spoke_of_is_not_known(make: Make, question: str, draft: str) -> None:
    def reply(prompt: str) -> str:
        return "What is the blood type?" if "Translate the customer's question" in prompt else draft

    turn = make(reply).ask(question, session=AGENT)
    assert turn.outcome == "unknown"
    assert draft[:-5] not in turn.answer
    assert any("speaks of something else" in c.reasons for c in turn.checks)


def test_what_was_said_closest_is_shown_where_the_model_finds_nothing(make: Make) -> None:
    turn = make("I don't know.").ask("Did C-1042 say that the Piccolo G2 grinds unevenly?", session=AGENT)
    assert turn.outcome in ("answered", "unknown")
    assert "grinds unevenly and is loud" in turn.answer
    assert [c.kind for c in turn.citations] == ["interaction"]


def test_a_long_message_is_given_in_the_sentences_that_are_asked_for(make: Make) -> None:
    assistant = make()
    box = assistant.toolbox(AGENT, "en")
    told = box._telling("When is the birthday of the rabbit?", LONG)
    assert "Our rabbit Kopi has a birthday in May." in told and told.startswith("… ")
    assert "2022" not in told
    assert box._telling("the birthday?", "Hello! It is in May.") == "Hello! It is in May."


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("Home plan price too expensive", {"interaction:IN-000003"}),
        ("last Home plan price too expensive", {"interaction:IN-000003", "interaction:IN-000002"}),
        ("最后 Home plan price too expensive", {"interaction:IN-000003", "interaction:IN-000002"}),
    ],
)
def test_a_clear_hit_stands_alone_but_for_the_newest_where_the_last_contact_is_asked_for(
    make: Make, query: str, shown: set[str]
) -> None:
    box = make().toolbox(AGENT, "en")
    _, evidence = box.call("contact_history", {"customer": "C-1042", "query": query, "k": 1})
    assert {e.id for e in evidence} == shown
