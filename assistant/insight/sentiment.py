"""How a message sounds: positive, neutral or negative, and what about (price, delivery, quality, service).

Learned from the example sentences in ``prompts/sentiment.yaml`` with sentence vectors, words, character
n-grams, and counts from the word lists in the same file. English and Chinese.
"""

import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from assistant.errors import ModelError
from assistant.insight.registry import Progress, TrainReport, hash_data, save_model
from assistant.insight.text import (
    Array,
    Label,
    TextClassifier,
    TextEmbedder,
    TextModel,
    keep_learned,
    milliseconds,
    read_yaml,
)

log = logging.getLogger(__name__)

LABELS = ("positive", "neutral", "negative")
ASPECTS = ("price", "delivery", "quality", "service")
_FORMAT = 2  # raise it when what is learned from the same sentences changes

_SENTENCE = re.compile(r"[^.!?。！？；;\n]+(?:[.!?。！？；;]+[\"'”’)]*|\n|$)")
_DOT_INSIDE = re.compile(
    r"(?<=\d)\.(?=\d)|(?<=\b[A-Za-z])\.(?=\w)|(?<=\bMr)\.|(?<=\bMrs)\.|(?<=\bDr)\.", re.I
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_EN_WORD = re.compile(r"[a-z]+(?:['-][a-z]+)*")
_BUT = re.compile(r"\b(?:but|however|although|though|yet|except)\b|但|不过|可是|然而|就是|只是|虽然", re.I)
_MARKS = re.compile(r"[!！]")
_HAPPY = re.compile(r"[:;]-?[)D]|[😀-😆😊😍🙂👍❤♥]")
_CROSS = re.compile(r":-?[(/]|[😞-😣😠😡👎💔]")


@dataclass(frozen=True)
class Sentence:
    """One sentence of a text: how it sounds and what it is about."""

    text: str
    label: Label
    aspects: tuple[str, ...]


@dataclass(frozen=True)
class Mood:
    """How a whole text sounds, its sentences, and per aspect that is mentioned the label of what is said."""

    label: Label
    sentences: tuple[Sentence, ...]
    aspects: Mapping[str, str]


class SentimentModel(TextModel):
    """Texts in, calibrated labels out; :meth:`read` goes into sentences and aspects."""

    name = "sentiment"

    def fit(
        self, texts: Sequence[str], labels: Sequence[str], *, progress: Progress | None = None
    ) -> "SentimentModel":
        """Learn from labelled sentences; needs the embedder."""
        if unknown := set(labels) - set(LABELS):
            raise ModelError(f"Unknown labels: {', '.join(sorted(unknown))}", f"one of: {', '.join(LABELS)}")
        vectors = self.vectors(texts, progress)
        if progress:
            progress("learn", 0, None)
        return self.learn(TextClassifier(extra=word_features).fit(texts, labels, vectors))

    def classify(self, texts: Sequence[str]) -> list[Label]:
        """One label per text. A text of several sentences is judged by the whole and by its sentences,
        those with feeling counting most."""
        split = [_sentences(text) for text in texts]
        flat = [t for text, parts in zip(texts, split, strict=True) for t in (text, *_more(parts))]
        if not flat:
            return []
        rows = self._probabilities(flat)
        found, at = [], 0
        for parts in split:
            n = 1 + len(_more(parts))
            found.append(self._label(_together(rows[at : at + n], self._neutral)))
            at += n
        return found

    def read(self, text: str) -> Mood:
        """The text's label, its sentences' labels, and a label per aspect that is mentioned."""
        parts = _sentences(text) or [text]
        rows = self._probabilities([text, *parts])
        sentences = tuple(
            Sentence(part, self._label(row), aspects_of(part))
            for part, row in zip(parts, rows[1:], strict=True)
        )
        whole = rows if len(parts) > 1 else rows[:1]
        by_aspect = {}
        for aspect in ASPECTS:
            about = [row for s, row in zip(sentences, rows[1:], strict=True) if aspect in s.aspects]
            if about:
                by_aspect[aspect] = self._label(np.mean(about, axis=0)).label
        return Mood(self._label(_together(whole, self._neutral)), sentences, by_aspect)

    @classmethod
    def default(
        cls, embedder: TextEmbedder, *, home: Path | None = None, path: Path | None = None
    ) -> "SentimentModel":
        """The model over ``prompts/sentiment.yaml`` (or ``path``), kept in ``home`` by its content's hash."""
        content = read_sentences(path)

        def learn() -> SentimentModel:
            return cls(embedder).fit(*examples(content))

        key = f"{_FORMAT} {embedder.fingerprint} {hash_data(str(content))}"
        return keep_learned(cls, "sentiment", key, home, learn).use(embedder)

    @property
    def _neutral(self) -> int:
        return int(np.flatnonzero(self.classifier.classes_ == "neutral")[0])

    def _label(self, row: Array) -> Label:
        order = np.argsort(-row, kind="stable")
        scores = {str(self.classifier.classes_[i]): float(row[i]) for i in order}
        best = str(self.classifier.classes_[order[0]])
        return Label(best, scores, bool(row[order[0]] >= self.classifier.threshold_))

    def _probabilities(self, texts: Sequence[str]) -> Array:
        return self.classifier.probabilities(texts, self.vectors(texts))


def train_sentiment(
    store: Any, *, home: Path, embedder: TextEmbedder, progress: Progress | None = None
) -> TrainReport:
    """Train on ``prompts/sentiment.yaml`` and save the model as ``sentiment``.

    ``store`` isn't read. Figures are leave-one-out over the example sentences.
    """
    started = time.perf_counter()
    if embedder is None:
        raise ModelError(
            "Sentiment needs the embedder", "crm-assistant doctor shows if its weights are there"
        )
    texts, labels = examples()
    model = SentimentModel(embedder).fit(texts, labels, progress=progress)
    metrics = {**model.metrics, "macro_f1": _macro_f1(model, labels), **milliseconds(model.classify, texts)}
    version = save_model(
        home,
        "sentiment",
        model,
        metrics=metrics,
        features=["sentence vector", "words", "letters", "word lists"],
        data_hash=hash_data(texts, labels),
        report={"by_label": model.classifier.by_label_},
    )
    return TrainReport("sentiment", version, metrics, rows=len(texts), seconds=time.perf_counter() - started)


def read_sentences(path: Path | None = None) -> dict[str, Any]:
    """``prompts/sentiment.yaml``: ``examples`` by label and language, ``words``, ``aspects``."""

    def check(content: Any) -> None:
        for label in LABELS:
            if not any(content["examples"][label].values()):
                raise ValueError(f"no examples of {label}")
        for name in ("good", "bad", "not", "strong"):
            content["words"][name]["en"].split()
        for name in ASPECTS:
            content["aspects"][name]["en"].split()

    return read_yaml(path, "sentiment.yaml", check)


def aspects_of(sentence: str) -> tuple[str, ...]:
    """Which of :data:`ASPECTS` the sentence mentions, by words."""
    words = set(_EN_WORD.findall(sentence.lower()))
    english, chinese = _aspect_words()
    return tuple(
        a for a in ASPECTS if words & english[a] or (_HAN.search(sentence) and chinese[a].search(sentence))
    )


def word_features(texts: Sequence[str]) -> Array:
    """What the word lists say about each text, shape (n, 7): good and bad words with negation turned round,
    their difference, negations, "but", exclamation marks, and signs such as :-)."""
    return np.asarray([_count(text) for text in texts], dtype=np.float32)


def _count(text: str) -> list[float]:
    good = bad = negations = 0.0
    for value, negated, strong in (*_english(text.lower().replace("’", "'")), *_chinese(text)):
        weight = (1.5 if strong else 1.0) * (0.8 if negated else 1.0)
        if (value > 0) != negated:
            good += weight
        else:
            bad += weight
        negations += negated
    good += len(_HAPPY.findall(text))
    bad += len(_CROSS.findall(text))
    return [
        float(np.log1p(good)),
        float(np.log1p(bad)),
        (good - bad) / (good + bad + 1),
        min(negations, 2.0),
        float(bool(_BUT.search(text))),
        min(len(_MARKS.findall(text)), 3.0),
        float(text.rstrip().endswith(("?", "？", "吗", "呢"))),
    ]


def _english(text: str) -> Iterator[tuple[float, bool, bool]]:
    values, nots, strongs = _english_words()
    words = _EN_WORD.findall(text)
    for i, word in enumerate(words):
        if value := values.get(word, 0.0):
            before = words[max(0, i - 3) : i]
            yield value, bool(nots.intersection(before)), bool(strongs.intersection(before[-1:]))


def _chinese(text: str) -> Iterator[tuple[float, bool, bool]]:
    if not _HAN.search(text):
        return
    values, pattern = _chinese_words()
    for match in pattern.finditer(text):
        yield values[match["word"]], bool(match["no"]), bool(match["strong"])


@lru_cache(maxsize=1)
def _english_words() -> tuple[dict[str, float], frozenset[str], frozenset[str]]:
    words = read_sentences()["words"]
    values = dict.fromkeys(words["bad"]["en"].split(), -1.0) | dict.fromkeys(words["good"]["en"].split(), 1.0)
    return values, frozenset(words["not"]["en"].split()), frozenset(words["strong"]["en"].split())


@lru_cache(maxsize=1)
def _chinese_words() -> tuple[dict[str, float], re.Pattern[str]]:
    words = read_sentences()["words"]
    values = dict.fromkeys(words["bad"]["zh"].split(), -1.0) | dict.fromkeys(words["good"]["zh"].split(), 1.0)
    no, strong = _any_of(words["not"]["zh"].split()), _any_of(words["strong"]["zh"].split())
    return values, re.compile(f"(?P<no>{no})?(?P<strong>{strong})?(?P<word>{_any_of(list(values))})")


@lru_cache(maxsize=1)
def _aspect_words() -> tuple[dict[str, frozenset[str]], dict[str, re.Pattern[str]]]:
    aspects = read_sentences()["aspects"]
    return (
        {a: frozenset(aspects[a]["en"].split()) for a in ASPECTS},
        {a: re.compile(_any_of(aspects[a]["zh"].split())) for a in ASPECTS},
    )


def _any_of(words: Sequence[str]) -> str:
    return "|".join(map(re.escape, sorted(set(words), key=len, reverse=True)))


def examples(content: Mapping[str, Any] | None = None) -> tuple[list[str], list[str]]:
    """Texts and labels of all example sentences."""
    sentences = (content or read_sentences())["examples"]
    pairs = [(str(t), label) for label in LABELS for ts in sentences[label].values() for t in ts]
    return [t for t, _ in pairs], [label for _, label in pairs]


def _sentences(text: str) -> list[str]:
    """Sentences of a text, in order; at most 40 (a longer text's beginning says how it sounds)."""
    masked = _DOT_INSIDE.sub("\u2024", text)
    parts = [m.group().replace("\u2024", ".").strip() for m in _SENTENCE.finditer(masked)]
    return [p for p in parts if any(c.isalnum() for c in p)][:40]


def _more(parts: list[str]) -> list[str]:
    return parts if len(parts) > 1 else []


def _together(rows: Array, neutral: int) -> Array:
    """Probabilities of a text from those of the whole (first row) and of its sentences."""
    if len(rows) == 1:
        return rows[0]
    parts = rows[1:]
    weight = 1.05 - parts[:, neutral]
    return np.asarray((rows[0] + (parts * weight[:, None]).sum(0) / weight.sum()) / 2)


def _macro_f1(model: SentimentModel, labels: Sequence[str]) -> float:
    from sklearn.metrics import f1_score

    classes = model.classifier.classes_
    found = classes[model.classifier.leave_one_out_.argmax(1)]
    return float(f1_score(labels, found, average="macro"))
