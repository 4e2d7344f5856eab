"""The judge: right and wrong outcomes, sources, facts in other spellings, leaks and inventions."""

from typing import Any

import pytest

from assistant.dialogue.cases import Case
from assistant.dialogue.evaluate import Report, holds, invented, judge
from assistant.dialogue.events import Citation, ToolCalled, Turn, Understood
from assistant.evidence import Evidence

LABEL = Evidence(
    "kb:public/en/returns.md#0",
    "article",
    "The return label costs 3.90 EUR, within 30 days.",
    "public/en/returns.md",
)


def turn(answer: str, **fields: Any) -> Turn:
    made = Turn("What does the label cost?", answer=answer, outcome="answered", evidence=(LABEL,))
    made.understood = Understood("en", "policy", 0.9, "neutral")
    made.citations = (Citation(1, LABEL.source, LABEL.kind, LABEL.text, LABEL.id),)
    made.tools = [ToolCalled("search_knowledge", {}, {"hits": 1}, 0.1)]
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def case(**fields: Any) -> Case:
    return Case("x-01", "x", "visitor", "What does the label cost?", **fields)


RIGHT = "The return label costs €3.90 [1]."


@pytest.mark.parametrize(
    ("wanted", "answered", "passed"),
    [
        ({"facts": (("3.90",),)}, RIGHT, True),
        ({"facts": (("4.90",), )}, RIGHT, False),
        ({"facts": (("4.90", "3.90"),)}, RIGHT, True),
        ({"facts": (("3.90",), ("30 days",))}, RIGHT, False),
        ({"sources": ("public/en/returns.md",)}, RIGHT, True),
        ({"sources": ("public/en/warranty.md",)}, RIGHT, False),
        ({"tools": ("orders", "search_knowledge")}, RIGHT, True),
        ({"tools": ("orders",)}, RIGHT, False),
        ({"outcome": "unknown"}, RIGHT, False),
        ({"absent": ("3.90",)}, RIGHT, False),
        ({"absent": ("LABEL COSTS",)}, RIGHT, False),
        ({}, "The return label costs 4.90 EUR [1].", False),  # invented
        ({}, RIGHT, True),
    ],
)  # fmt: skip
def test_verdicts(wanted: dict[str, Any], answered: str, passed: bool) -> None:
    assert judge(case(**wanted), turn(answered), 1.0).passed is passed


@pytest.mark.parametrize(
    ("fact", "answer", "does"),
    [
        ("3.90", "It costs 3.9 euros.", True),
        ("3.90", "It costs 13.90 euros.", False),
        ("2026-10-05", "It came on 5 October 2026.", True),
        ("2026-10-05", "2026年10月5日送达。", True),
        ("2026-10-05", "It came on 6 October 2026.", False),
        ("73%", "The risk is 73 %.", True),
        ("LO-100001", "Order LO-100001 it is.", True),
        ("Free Shipping", "There is free  shipping.", True),
        ("3", "She has three orders.", True),
        ("3", "She has 13 orders.", False),
        ("no orders", "She has no orders.", True),
    ],
)
def test_a_fact_may_be_spelled_otherwise(fact: str, answer: str, does: bool) -> None:
    assert holds(fact, answer) is does


def test_inventions_are_facts_in_no_evidence_result_or_question() -> None:
    assert invented(turn("The label costs 3.90 EUR, or 7.77 EUR by 24 December 2026 [1].")) == (
        "24 December 2026",
        "7.77",
    )
    assert invented(turn("It is 7.77.", tools=[ToolCalled("value", {}, {"revenue": 7.77}, 0.1)])) == ()
    assert invented(turn("I can't say 7.77.", outcome="refused")) == ()


def test_a_citation_of_nothing_is_seen() -> None:
    assert judge(case(), turn(RIGHT), 1.0).citations_resolve
    assert not judge(case(), turn("The label costs 3.90 EUR [2]."), 1.0).citations_resolve


def test_a_report_adds_up() -> None:
    good = judge(case(facts=(("3.90",),)), turn(RIGHT, timing={"first_token_s": 0.5}), 2.0)
    bad = judge(case(facts=(("3.90",),), held_out=True), turn("The label costs 7.77 EUR [1]."), 4.0)
    report = Report((good, bad)).as_dict()
    assert (report["cases"], report["passed"], report["right_fact"], report["invented"]) == (2, 0.5, 0.5, 1)
    assert (report["seconds_median"], report["first_token_median_s"], report["held_out"]["passed"]) == (
        3.0,
        0.5,
        0.0,
    )
    assert report["right_source"] is None and list(report["groups"]) == ["x"]
    assert len(Report((good, bad)).lines()) == 5
    assert Report((good,)).lines()
