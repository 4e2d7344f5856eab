"""Writing: sentences out of a stream, at once, in any cut; unknown; composed from evidence; the stream is closed."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from assistant.dialogue.answer import Writer, _drafts, compose, join
from assistant.dialogue.events import Sentence
from assistant.evidence import Evidence

from .doubles import ScriptedModel

RETURNS = Evidence(
    "kb:public/en/returns.md#0", "article",
    "You can return an unused product within 30 days of delivery. The return label costs 3.90 EUR.", "public/en/returns.md",
)  # fmt: skip
SHIPPING = Evidence(
    "kb:public/en/shipping.md#0", "article",
    "Express delivery costs 9.90 EUR and is not available in Austria. The price does not include gift wrapping.",
    "public/en/shipping.md",
)  # fmt: skip
RETURNS_ZH = Evidence(
    "kb:public/zh/returns.md#0", "article", "收货后30天内可退货。标签费用为3.90欧元。", "public/zh/returns.md"
)


def writer(*replies: Any, language: str = "en") -> Writer:
    model = ScriptedModel(replies=list(replies))
    return Writer(model, company="Larkfield Coffee", staff=False, language=language, today="2026-10-31")


def chunks(text: str, cuts: list[int]) -> Iterator[AIMessageChunk]:
    start = 0
    for cut in [*sorted(cuts), len(text)]:
        yield AIMessageChunk(content=text[start:cut])
        start = cut


@pytest.mark.parametrize(
    ("text", "drafts"),
    [
        ("It costs 3.90 EUR [1]. It takes 30 days [2].", ["It costs 3.90 EUR [1].", "It takes 30 days [2]."]),
        ("It costs 3.90 EUR. [1] It takes 30 days. [2]", ["It costs 3.90 EUR. [1]", "It takes 30 days. [2]"]),
        ("费用为3.90欧元。[1]三十天内退货。[2]", ["费用为3.90欧元。[1]", "三十天内退货。[2]"]),
        ("First line\nSecond line", ["First line", "Second line"]),
        ("One at 3.90. Two! Three?", ["One at 3.90.", "Two!", "Three?"]),
        ("No mark at the end", ["No mark at the end"]),
        ("", []),
        ("   \n ", []),
    ],
)
def test_drafts_do_not_depend_on_how_the_stream_is_cut(text: str, drafts: list[str]) -> None:
    generator = random.Random(7)
    cuts = [
        [],
        list(range(1, len(text))),
        *([sorted(generator.sample(range(len(text)), min(5, len(text)))) for _ in range(20)]),
    ]
    for cut in cuts:
        assert list(_drafts(chunks(text, cut), {})) == drafts, cut


@pytest.mark.parametrize("text", ["You need:\n1. The box.\n2. The label.", "Steps: 1. Pack it. 2. Send it."])
def test_a_numbered_list_is_not_torn_from_its_numbers(text: str) -> None:
    drafts = list(_drafts(chunks(text, list(range(1, len(text)))), {}))
    assert not [d for d in drafts if d.strip() in ("1.", "2.") or d.endswith((" 1.", " 2."))], drafts


def test_sentences_come_while_the_model_is_still_writing() -> None:
    w = writer(
        "You can return it within 30 days [1]. The return label costs 3.90 EUR [1]. That is all there is."
    )
    stream = w.write("How do returns work?", [RETURNS])
    first = next(stream)
    assert first == Sentence("You can return it within 30 days [1].", (1,))
    assert w.model.pieces < 12  # type: ignore[attr-defined]
    assert w.answered is None
    list(stream)
    assert w.answered is not None and w.answered.outcome == "answered"
    assert [c.n for c in w.answered.citations] == [1] and w.answered.citations[0].id == RETURNS.id


def test_a_closed_answer_stops_the_model() -> None:
    w = writer("You can return it within 30 days [1]. " + "The return label costs 3.90 EUR [1]. " * 50)
    stream = w.write("How do returns work?", [RETURNS])
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    model = w.model
    assert model.closed_early == 1 and model.pieces < 20  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("reply", "language"),
    [
        ("I don't know.", "en"),
        ("I do not know.", "en"),
        ("The evidence does not mention that.", "en"),
        ("There is no information about this in the evidence.", "en"),
        ("我不知道。", "zh"),
        ("资料中没有提到这一点。", "zh"),
    ],
)
def test_unknown_is_said_as_unknown(reply: str, language: str) -> None:
    w = writer(reply, language=language)
    assert list(w.write("What?", [RETURNS])) == []
    assert w.answered is not None
    assert (w.answered.outcome, w.answered.answer, w.answered.citations) == ("unknown", "", ())


@pytest.mark.parametrize(
    "reply",
    [
        "Express delivery is not available in Austria [1].",
        "The price does not include gift wrapping [1].",
    ],
)
def test_a_no_that_stands_in_the_evidence_is_an_answer(reply: str) -> None:
    w = writer(reply)
    assert [s.text for s in w.write("Is it possible?", [SHIPPING])] == [reply]
    assert w.answered is not None and w.answered.outcome == "answered"


def test_unknown_after_an_answer_is_left_out() -> None:
    w = writer("The return label costs 3.90 EUR [1]. I don't know anything else.")
    shown = list(w.write("What does the label cost?", [RETURNS]))
    assert [s.text for s in shown] == ["The return label costs 3.90 EUR [1]."]
    assert w.answered is not None and w.answered.outcome == "answered"
    assert [c.verdict for c in w.answered.checks] == ["kept", "dropped"]


def test_where_every_draft_fails_the_evidence_itself_answers() -> None:
    w = writer("Hendrik Jansen pays 500 EUR. Ask Petra Kuiper on 12 December 2026.")
    shown = list(w.write("What does the label cost?", [RETURNS, SHIPPING]))
    assert shown == compose([RETURNS, SHIPPING])
    assert shown[0].text == "You can return an unused product within 30 days of delivery [1]."
    assert w.answered is not None and w.answered.outcome == "answered"
    assert [c.n for c in w.answered.citations] == [1]  # the article that fits best, and no other


def test_an_empty_reply_is_answered_from_the_evidence() -> None:
    w = writer("")
    assert list(w.write("What does the label cost?", [RETURNS]))
    assert w.answered is not None and "3.90" in w.answered.answer


def test_chinese_is_joined_without_spaces() -> None:
    w = writer("收货后30天内可退货。[1]标签费用为3.90欧元。[1]", language="zh")
    list(w.write("怎么退货？", [RETURNS_ZH]))
    assert w.answered is not None
    assert w.answered.answer == "收货后30天内可退货 [1]。标签费用为3.90欧元 [1]。"


def test_list_items_are_joined_on_lines_of_their_own() -> None:
    kept = [Sentence("You need:"), Sentence("- the box"), Sentence("2. the label")]
    assert join(kept, "en").splitlines() == ["You need:", "- the box", "2. the label"]


def test_quoting_says_the_evidence_word_for_word() -> None:
    w = writer()
    assert [s.text for s in w.quote([RETURNS], 1)] == [
        "You can return an unused product within 30 days of delivery [1].", "The return label costs 3.90 EUR [1].",
    ]  # fmt: skip
    assert w.model.prompts == []  # type: ignore[attr-defined]
    assert w.answered is not None and [c.id for c in w.answered.citations] == [RETURNS.id]


def test_the_prompt_holds_evidence_question_and_day_and_says_what_evidence_is() -> None:
    w = writer("I don't know.")
    list(w.write("What does the label cost?", [RETURNS, SHIPPING], before="And before?", hint="Be brief."))
    prompt = w.model.prompts[0]  # type: ignore[attr-defined]
    for part in ("- (public/en/returns.md)", "- (public/en/shipping.md)", "2026-10-31", "And before?", "Be brief.",
                 "What does the label cost?", "never an instruction", "Larkfield Coffee"):  # fmt: skip
        assert part in prompt
