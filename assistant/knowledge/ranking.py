"""How well a passage answers a question: what vectors say and what words say, in one calibrated number.

Ranks are not added up: a rank says nothing about how sure a ranker is, and adding ranks lets the worse ranker spoil
the better one. Instead both rankers give scores on a fixed scale - the cosine, and the share of the question's
telling words that the passage has, each word counted by how rare it is - and a logistic function, fitted on questions
with known answers (``scripts/bench_index.py --fit``), makes the chance of a right passage of them. Its weights differ
for English and Chinese questions, because the default embedder knows hardly any Chinese.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assistant.knowledge.snapshot import Snapshot, StoredPassage
from assistant.knowledge.vectors import Rows, Vectors
from assistant.knowledge.words import codes, is_chinese, query_words

CANDIDATES = 50
RARE = 25  # a code found in at most this many passages names them
_K1, _B = 1.2, 0.6


@dataclass(frozen=True)
class Weights:
    """Of the logistic function: intercept, then one weight per feature, in the order of :data:`FEATURES`."""

    intercept: float
    features: tuple[float, ...]


FEATURES = ("cosine", "coverage", "bm25", "title", "language")
# Fitted on tests/data/retrieval.jsonl. The intercepts are raised so that 0.5 is where letting a wrong answer through
# and holding a right one back are about equally frequent; the weight of the language in Chinese is set, not fitted:
# of an article that is there in both languages, the one in the question's language comes first.
ENGLISH = Weights(-9.2, (13.0, 4.5, 0.2, 0.7, 2.0))
CHINESE = Weights(-6.0, (6.5, 3.7, 1.4, 5.5, 0.5))


@dataclass(frozen=True)
class Query:
    """One question made ready to be searched: its words, codes and vector (d,).

    ``of_customer``: it is asked by one customer, or with one customer's account open.
    """

    text: str
    words: tuple[str, ...]
    codes: tuple[str, ...]
    vector: Vectors
    chinese: bool
    of_customer: bool = False

    @classmethod
    def of(cls, text: str, vector: Vectors, *, of_customer: bool = False) -> "Query":
        words, found = tuple(query_words(text)), tuple(codes(text))
        return cls(text, words, found, vector, is_chinese(text), of_customer)


def candidates(snapshot: Snapshot, query: Query, allowed: NDArray[np.bool_], limit: int = CANDIDATES) -> Rows:
    """Allowed rows worth scoring: the nearest by vector and the best by words."""
    near = snapshot.by_vector(query.vector, allowed, limit)
    named = snapshot.by_words(query.words, allowed, limit)
    rare = [code for code in query.codes if 0 < snapshot.document_count(code) <= RARE]
    exact = snapshot.by_words(rare, allowed, limit) if rare else near[:0]
    return np.unique(np.concatenate([near, named, exact]))


def features(snapshot: Snapshot, query: Query, rows: Rows) -> NDArray[np.float64]:
    """(n, len(FEATURES)) of the rows, each feature in about 0..1."""
    passages = [snapshot.passage(int(row)) for row in rows]
    cosines = snapshot.vectors.rows(rows) @ query.vector
    total = len(snapshot)
    rarity = {
        word: math.log(1 + (total + 0.5) / (snapshot.document_count(word) + 0.5)) for word in query.words
    }
    weight = sum(rarity.values()) or 1.0
    table = np.zeros((len(rows), len(FEATURES)))
    for at, passage in enumerate(passages):
        counts = Counter(passage.words)
        length = _K1 * (1 - _B + _B * len(passage.words) / snapshot.mean_length)
        matched = in_title = bm25 = 0.0
        for word, rare in rarity.items():
            title = word in passage.title_words
            often = counts[word] + 2 * title + 3 * (word in passage.keys)
            if often:
                matched += rare
                in_title += rare * title
                bm25 += rare * often * (_K1 + 1) / (often + length)
        if query.of_customer and passage.kind == "interaction":
            # A sentence of a mail has no title that says what it is about: where one customer is asked about, it
            # counts as its own. Otherwise articles, whose titles do, come before what the customer said.
            in_title = matched
        table[at] = (
            max(0.0, float(cosines[at])),
            matched / weight,
            bm25 / (weight * (_K1 + 1)),
            in_title / weight,
            # an article may be there in both languages, what a customer said is there once
            passage.kind == "interaction" or (passage.language == "zh") == query.chinese,
        )
    return table


def scores(snapshot: Snapshot, query: Query, rows: Rows) -> NDArray[np.float64]:
    """The score 0..1 of each row. Rows that hold a rare code of the question come before all others."""
    weights = CHINESE if query.chinese else ENGLISH
    chance = logistic(weights, features(snapshot, query, rows))
    rare = {code for code in query.codes if 0 < snapshot.document_count(code) <= RARE}
    if rare:
        for at, row in enumerate(rows):
            share = len(rare & _codes_of(snapshot.passage(int(row)))) / len(rare)
            if share:
                chance[at] = (
                    max(chance[at], 0.9 * share) + (1 - max(chance[at], 0.9 * share)) * 0.5 * chance[at]
                )
    return chance


def logistic(weights: Weights, table: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-(weights.intercept + table @ np.array(weights.features)))))


def distinct(snapshot: Snapshot, rows: Sequence[int]) -> dict[int, list[int]]:
    """Rows, best first, to those kept -> the near-duplicates each of them stands for.

    Two passages of one kind are near-duplicates where nine of ten of their words are the same; different numbers or
    codes in them make them different.
    """
    kept: dict[int, list[int]] = {}
    for row in rows:
        passage = snapshot.passage(row)
        twin = next((other for other in kept if _same_words(passage, snapshot.passage(other))), None)
        if twin is None:
            kept[row] = []
        else:
            kept[twin].append(row)
    return kept


def _same_words(one: StoredPassage, other: StoredPassage) -> bool:
    if one.kind != other.kind:
        return False
    a, b = set(one.words), set(other.words)
    if one.kind == "article":  # the same words under another heading say another thing
        a, b = a | one.title_words, b | other.title_words
    if any(character.isdigit() for word in a ^ b for character in word):
        return False
    return len(a & b) >= 0.9 * len(a | b)


def _codes_of(passage: StoredPassage) -> frozenset[str]:
    return passage.keys | passage.title_words | set(passage.words)
