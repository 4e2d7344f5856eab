"""What is said where the model finds nothing: the record's or the best article's own words, in the lines that fit."""

from collections.abc import Callable, Sequence
from typing import Any

from assistant.dialogue.events import Understood
from assistant.dialogue.facts import sentences
from assistant.dialogue.focus import Focus
from assistant.dialogue.understand import IN_AN_ARTICLE, language_of
from assistant.evidence import Evidence
from assistant.knowledge.words import query_words, segment

# in one account's few conversations even a weak hit may be the one; below this it never was
NEAREST = 0.1
# an article found with this score answers in its own words where the model finds nothing in it; no question of the
# cases that nobody can answer reaches 0.55
ABOUT_IT = 0.8


def nearest(focus: Focus, message: str, evidence: Sequence[Evidence]) -> tuple[float, int, list[int]] | None:
    """How well the best article fits, its number, and which of its sentences answer best; None where none is near."""
    found = [(round(e.score, 1), -n) for n, e in enumerate(evidence, start=1) if e.kind == "article"]
    score, n = max(found, default=(0.0, 0))
    if score < IN_AN_ARTICLE:
        return None
    lines = sentences(evidence[-n - 1].text)[1:]  # after the title
    best = focus.best(message, lines) or fitting(focus, message, lines)
    return (evidence[-n - 1].score, -n, [1 + i for i in best]) if best else None


def nearest_said(
    evidence: Sequence[Evidence], speaks: Callable[[Sequence[Evidence]], bool]
) -> tuple[float, int, list[int]] | None:
    """How well the best of one account's conversations that speak of the question fits, its number, and its sentences;
    None where none is near.
    """
    found = [
        (e.score, -n) for n, e in enumerate(evidence, start=1) if e.kind == "interaction" and speaks([e])
    ]
    score, n = max(found, default=(0.0, 0))
    if score < NEAREST:
        return None
    return score, -n, list(range(len(sentences(evidence[-n - 1].text))))


def fitting(focus: Focus, message: str, lines: Sequence[str]) -> list[int]:
    """The three lines of an article that fit best; in Chinese, where meaning is told less well, its first is one."""
    if language_of(message) == "zh":
        return sorted({0, *focus.best(message, lines, 2, shared=0.0)} if lines else ())
    return focus.best(message, lines, 3, shared=0.0)


def closest_record(
    message: str, understood: Understood, evidence: Sequence[Evidence], records: Sequence[int]
) -> int:
    """The number of the record to quote: the first, or a single order that is meant or holds more of the words."""
    words = set(query_words(message))
    shares = {n: len(words & set(segment(evidence[n - 1].text))) for n in records}
    single = [n for n in records if "/" not in evidence[n - 1].id]
    first = single[0] if single and understood.intent == "order_status" else records[0]
    better = {n: shares[n] for n in single if shares[n] > shares[first]}
    return max(better, key=lambda n: (better[n], -n), default=first)


def worth_reading(evidence: Sequence[Evidence], index: Any | None) -> bool:
    """Whether anything is evidence by key, or found by search with a score above the index's threshold."""
    threshold = getattr(index, "threshold", 0.0) if index is not None else 0.0
    return any(
        e.kind in ("record", "prediction", "policy")
        or e.score >= (NEAREST if e.kind == "interaction" else threshold)
        for e in evidence
    )
