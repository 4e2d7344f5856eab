"""Several questions in one message: told apart by code, answered one after the other, put together as one turn.

One search for two questions finds little for either, and a small model that reads both answers one. A question that leans
on the one before it ("and when do they expire?") stays with it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from assistant.dialogue.events import (
    Answered,
    Citation,
    Event,
    HandedOff,
    Outcome,
    Planned,
    Retrieved,
    Sentence,
    Step,
    Turn,
)
from assistant.dialogue.understand import Memory, Message
from assistant.evidence import Evidence
from assistant.knowledge.words import query_words

if TYPE_CHECKING:
    from assistant.dialogue.actions import Reply
    from assistant.dialogue.policy import Policy

MOST, LONGEST = 3, 400  # questions, characters: what is longer is a letter, read as a whole
_CUTS = re.compile(
    r"(?<=[?？!！。])\s*|(?<=[a-z\d]\.)\s+"
    r"|[,;]?\s+(?:(?:and|but)\s+)?(?:also|another question|one more thing|by the way|btw)\b[,:]?\s+"
    r"|[,;]\s+and\s+(?=(?:do|does|can|could|is|are|what|how|when|where|which|will)\b)"
    r"|[，,；;]\s*(?=另外|还有|顺便|再问|以及)",
    re.I,
)
_ASKS = re.compile(
    r"\?\s*$|^\W*(?:(?:and|but|so|ok|okay|hi|hello|hey|please|also)\b\W*)*"
    r"(?:how|what|whats|when|where|why|which|who|can|could|may|do|does|did|is|are|am|will|would|should|have|has|was|were|any)\b"
    r"|\bi(?:['’]d| would) like to\b|\bi (?:want|need) to\b|\b(?:tell|show|give) me\b"
    r"|\bplease\b|请|麻烦"  # a request is one, too: what is asked beside it stands alone
    r"|？|吗|什么|怎么|怎样|多少|多久|哪|几[天个位号点]|能不能|可以|会不会|有没有|是否|呢|我想|我要|帮我",
    re.I,
)
_LEANS = re.compile(
    r"\b(?:it|its|they|them|their|that|those|these|this|one|ones|there|then|if (?:so|not|yes))\b|[它]|[这那](?!里)|其中|如果",
    re.I,
)

_OWN_SUBJECT = re.compile(r"^(?:另外|还有|顺便|再问|以及)|[他她]|你们|客户|顾客")


def split(text: str) -> list[str]:
    """The questions of a message, each with what was said before it; the whole message where it holds only one.

    >>> split("How much is shipping? And do you deliver to Spain?")
    ['How much is shipping?', 'And do you deliver to Spain?']
    >>> split("My cup broke. Can I get a new one? How do I send it?")
    ['My cup broke. Can I get a new one? How do I send it?']
    """
    if len(text) > LONGEST:
        return [text]
    found: list[str] = []
    begun = ""
    for piece in _CUTS.split(text):
        if not (piece := piece.strip()):
            continue
        begun = f"{begun} {piece}".strip()
        if _ASKS.search(piece):
            found.append(begun)
            begun = ""
    if begun and found:
        found[-1] += f" {begun}"
    several = 1 < len(found) <= MOST and all(len(query_words(part)) > 1 for part in found)
    return found if several and not any(map(_leans, found[1:])) else [text]


def beside(text: str, reply: "Reply", policy: "Policy") -> list[str]:
    """The questions of a message that also asked for something to be done, which ``reply`` proposes."""
    from assistant.dialogue import actions

    if reply.pending is None or reply.pending["kind"] == actions.KIND:
        return []
    parts = split(text)
    return [p for p in parts if not actions.may_be_one(p, policy)] if len(parts) > 1 else []


def _leans(part: str) -> bool:
    """Whether a question says only with the one before it what it is about; a short Chinese one leaves its subject out."""
    if _LEANS.search(part):
        return True
    short = len(re.findall(r"[\u3400-\u9fff]", part)) and sum(len(w) == 1 for w in query_words(part)) < 5
    return bool(short) and not _OWN_SUBJECT.search(part)


def one_after_another(
    parts: Sequence[Message], answer: Callable[[Message, Memory], Iterator[Event]], memory: Memory
) -> Iterator[Event]:
    """The events of a turn that answers ``parts`` in order; evidence is numbered through, the last event is one answer.

    Each part is answered with what the ones before it left in ``memory``. A hand-off ends the turn.
    """
    steps: tuple[Step, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    answers: list[Answered] = []
    for part in parts:
        before, here = evidence, Turn(part.text)
        for event in answer(part, memory):
            here.take(event)
            match event:
                case Planned():
                    steps += event.steps
                    yield Planned(steps)
                case Retrieved():
                    evidence = before + event.evidence
                    yield Retrieved(evidence)
                case Sentence():
                    yield Sentence(_shifted(event.text, len(before)), _numbers(event.citations, len(before)))
                case Answered():
                    answers.append(_moved(event, len(before)))
                case HandedOff():
                    said = "\n\n".join([*(a.answer for a in answers), event.message])
                    yield replace(event, message=said)
                    return
                case _:
                    yield event
        if here.understood:
            memory = memory.after(part.text, here.understood, here.answer)
    yield together(answers)


def together(answers: Sequence[Answered]) -> Answered:
    """Several answers as one."""
    outcomes: list[Outcome] = [a.outcome for a in answers]
    timing = dict(answers[0].timing)
    for key in ("total_s", "answer_tokens", "prompt_tokens", "cached_tokens"):
        values = [a.timing[key] for a in answers if key in a.timing]
        if values:
            timing[key] = values[-1] if key == "total_s" else sum(values)  # its clock began with the turn
    return Answered(
        "\n\n".join(a.answer for a in answers),
        "answered" if "answered" in outcomes else outcomes[0],
        tuple(c for a in answers for c in a.citations),
        tuple(c for a in answers for c in a.checks),
        timing,
    )


def _numbers(numbers: Sequence[int], by: int) -> tuple[int, ...]:
    return tuple(n + by for n in numbers)


def _shifted(text: str, by: int) -> str:
    return re.sub(r"\[(\d{1,2})\]", lambda m: f"[{int(m[1]) + by}]", text) if by else text


def _moved(answer: Answered, by: int) -> Answered:
    """An answer whose evidence stands ``by`` places further on."""
    cited: tuple[Citation, ...] = tuple(replace(c, n=c.n + by) for c in answer.citations)
    return replace(answer, answer=_shifted(answer.answer, by), citations=cited)
