"""The lines of the found articles that a question is about, so that the model reads eight lines and not five pages.

Search finds the article; the passage that matched best need not be the one that answers. So every sentence of the
best articles is held against the question again, by meaning and by words, and the best stay, in the articles' order.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from assistant.dialogue.facts import sentences
from assistant.evidence import Evidence
from assistant.knowledge.words import query_words, segment

_ARTICLES, _LINES = 3, 8
_KEPT_VECTORS = 8000
# how much a line with all of the question's words gains over one with none, in cosine
_WORDS = 0.5
# such a part of the question's words has to stand in a line that answers by itself
_SHARED = 0.5
_LIST_ITEM = re.compile(r"^(?:[-•*]|\d{1,2}[.)、])\s*")


@dataclass(frozen=True)
class _Line:
    place: tuple[int, int]  # article, line
    source: str
    text: str


class Focus:
    """Picks lines; remembers the vectors of lines it has met. Safe to share between threads."""

    def __init__(self, encode: Callable[[Sequence[str]], Any]) -> None:
        self._encode = encode
        self._vectors: OrderedDict[str, Any] = OrderedDict()
        self._lock = Lock()

    def pick(
        self, question: str, articles: Sequence[tuple[Evidence, Sequence[Any]]], translated: str = ""
    ) -> list[Evidence]:
        """Each article's best lines as one piece of evidence; the article with the best line first.

        ``articles`` are the found passages, best first, each with all passages of its article (``title``, ``text``).
        With the question ``translated``, a line counts by the one of the two that it fits better.
        """
        lines: list[_Line] = []
        for number, (found, passages) in enumerate(articles[:_ARTICLES]):
            for passage in passages:
                heading = passage.title.rsplit(" > ", 1)[-1] if " > " in passage.title else ""
                for part in sentences(passage.text):
                    item = _LIST_ITEM.sub("", part)
                    # an item of a list says nothing without what the list is about
                    text = f"{heading}: {item}" if heading and item != part else part
                    lines.append(_Line((number, len(lines)), found.source, text))
        if not lines:
            return [found for found, _ in articles]
        texts = [line.text for line in lines]
        scores = self._scores(question, texts)
        if translated:
            scores = np.maximum(scores, self._scores(translated, texts))
        best = np.argsort(-scores, kind="stable")[:_LINES]
        chosen = sorted(int(i) for i in best)
        evidence: list[tuple[float, Evidence]] = []
        for number, (found, passages) in enumerate(articles[:_ARTICLES]):
            mine = [i for i in chosen if lines[i].place[0] == number]
            if mine:
                title = passages[0].title.split(" > ", 1)[0]
                text = "\n".join([title, *(lines[i].text for i in mine)])
                score = float(scores[mine].max())
                evidence.append(
                    (score, Evidence(found.id, found.kind, text, found.source, found.at, found.score))
                )
        return [e for _, e in sorted(evidence, key=lambda pair: -pair[0])]

    def best(self, question: str, lines: Sequence[str], n: int = 2, shared: float = _SHARED) -> list[int]:
        """The ``n`` lines that fit a question best, in their own order; none where the best has less than that share of
        the question's words."""
        order = np.argsort(-self._scores(question, lines), kind="stable")[:n]
        words = set(query_words(question))
        if not len(order) or len(words & set(segment(lines[order[0]]))) < shared * len(words):
            return []
        return sorted(int(i) for i in order)

    def nearness(self, question: str, lines: Sequence[str]) -> float:
        """How near the nearest of ``lines`` is to a question by meaning alone (cosine)."""
        vectors = self._encoded([question, *lines])
        return float((vectors[1:] @ vectors[0]).max(initial=0.0))

    def _scores(self, question: str, lines: Sequence[str]) -> np.ndarray:
        words = set(query_words(question))
        shared = np.array([len(words & set(segment(line))) for line in lines]) / max(len(words), 1)
        vectors = self._encoded([question, *lines])
        found: np.ndarray = vectors[1:] @ vectors[0] + _WORDS * shared
        return found

    def _encoded(self, texts: Sequence[str]) -> np.ndarray:
        with self._lock:
            known = {text: self._vectors[text] for text in texts if text in self._vectors}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known.update(zip(missing, self._encode(missing), strict=True))
            with self._lock:
                self._vectors.update({text: known[text] for text in missing})
                while len(self._vectors) > _KEPT_VECTORS:
                    self._vectors.popitem(last=False)
        return np.stack([known[text] for text in texts])
