"""What a message asks for: the assistant's own intents, and a company's own labels.

The router learns from the example sentences in ``prompts/intents.yaml``; whoever adds a sentence there has
taught it. A company's labelled messages (``train intents --table``) become a second model of the same kind.
"""

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assistant.errors import ImportFileError, ModelError
from assistant.insight.registry import (
    Progress,
    TrainReport,
    current_version,
    hash_data,
    history,
    load_model,
    not_placed,
    save_model,
)
from assistant.insight.text import (
    MOST_EXAMPLES,
    Array,
    Label,
    TextClassifier,
    TextEmbedder,
    TextModel,
    calibration_error,
    encode,
    keep_learned,
    milliseconds,
    read_yaml,
)

log = logging.getLogger(__name__)

OUT_OF_SCOPE = "out_of_scope"
TABLE_MODEL = "intents-table"
_FORMAT = 2  # of a cached router; raise it when what is learned from the same sentences changes


def read_intents(path: Path | None = None) -> dict[str, Any]:
    """``prompts/intents.yaml``: ``{"intents": {name: {roles, description, examples: {language: [...]}}},
    "follow_ups": {language: [...]}}``. Raises :class:`ModelError` when it isn't that."""

    def check(content: Any) -> None:
        for name, intent in content["intents"].items():
            if not intent["roles"] or not intent["description"] or not any(intent["examples"].values()):
                raise ValueError(f"{name} has no roles, description or examples")

    return read_yaml(path, "intents.yaml", check)


class IntentModel(TextModel):
    """Which label a text has, with calibrated probabilities, and when it isn't sure.

    ``intents`` holds roles and descriptions of the assistant's own intents (empty for a company's labels).
    """

    name = "intents"

    def __init__(
        self, embedder: TextEmbedder | None = None, *, intents: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(embedder)
        self.intents: dict[str, Any] = dict(intents or {})

    def fit(
        self, texts: Sequence[str], labels: Sequence[str], *, progress: Progress | None = None
    ) -> "IntentModel":
        """Learn labels of texts; needs the embedder."""
        vectors = self.vectors(texts, progress)
        roles = sorted({role for intent in self.intents.values() for role in intent["roles"]})
        views = [self.allowed(role) for role in roles if len(self.allowed(role)) > 1]
        if progress:
            progress("learn", 0, None)
        return self.learn(TextClassifier().fit(texts, labels, vectors, views=views))

    @property
    def labels(self) -> list[str]:
        return [str(c) for c in self.classifier.classes_]

    def allowed(self, role: str) -> list[str]:
        """Intents that somebody in ``role`` can mean."""
        return [name for name, intent in self.intents.items() if role in intent["roles"]]

    def classify(self, texts: Sequence[str], *, allowed: Collection[str] | None = None) -> list[Label]:
        """One label per text, among ``allowed`` if given. ``sure`` is False where the model should be asked,
        or the person: such labels are right in fewer than six of ten cases by leave-one-out."""
        if not len(texts):
            return []
        return self.classifier.classify(texts, self.vectors(texts), allowed=allowed)

    @classmethod
    def default(
        cls, embedder: TextEmbedder, *, home: Path | None = None, path: Path | None = None
    ) -> "IntentModel":
        """The router over ``prompts/intents.yaml`` (or ``path``), learned when sentences or embedder changed.

        What was learned is kept in ``home`` under the hash of both.
        """
        content = read_intents(path)

        def learn() -> IntentModel:
            texts, labels = examples(content)
            return cls(embedder, intents=content["intents"]).fit(texts, labels)

        key = f"{_FORMAT} {embedder.fingerprint} {hash_data(str(content))}"
        return keep_learned(cls, "router", key, home, learn).use(embedder)


def examples(content: Mapping[str, Any] | None = None) -> tuple[list[str], list[str]]:
    """Texts and labels of all example sentences."""
    intents = (content or read_intents())["intents"]
    pairs = [
        (str(text), name)
        for name, intent in intents.items()
        for sentences in intent["examples"].values()
        for text in sentences
    ]
    return [text for text, _ in pairs], [name for _, name in pairs]


def load_intents(home: Path, embedder: TextEmbedder) -> IntentModel:
    """The company's own model if one was trained, else the assistant's router."""
    if current_version(home, TABLE_MODEL):
        model: IntentModel = load_model(home, TABLE_MODEL)
        return model.use(embedder)
    return IntentModel.default(embedder, home=home)


def train_intents(
    store: Any, *, home: Path, embedder: TextEmbedder, progress: Progress | None = None
) -> TrainReport:
    """Train the router on ``prompts/intents.yaml`` and save it as ``intents``.

    ``store`` isn't read: the assistant's intents don't depend on the record.
    """
    started = time.perf_counter()
    content = read_intents()
    texts, labels = examples(content)
    if embedder is None:
        raise ModelError(
            "Intents need the embedder", "crm-assistant doctor shows whether its weights are there"
        )
    model = IntentModel(embedder, intents=content["intents"]).fit(texts, labels, progress=progress)
    metrics = {**model.metrics, **milliseconds(model.classify, texts)}
    before: Mapping[str, Any] = next(
        (v.report.get("by_label", {}) for v in history(home, "intents") if v.current), {}
    )
    # of 29 labels the right one is harder to tell than of 27: such figures say nothing of each other
    others = {"labels": len(before)} if set(before) != set(model.labels) else None
    version = save_model(
        home,
        "intents",
        model,
        metrics=metrics,
        features=["sentence vector", "words", "letters"],
        data_hash=hash_data(texts, labels),
        report={"by_label": model.classifier.by_label_},
        rival=others,
    )
    return TrainReport("intents", version, metrics, rows=len(texts), seconds=time.perf_counter() - started)


def train_intents_table(
    path: Path,
    text: str,
    label: str,
    *,
    home: Path,
    embedder: TextEmbedder,
    progress: Progress | None = None,
    test_share: float = 0.2,
    force: bool = False,
) -> TrainReport:
    """Learn a company's own labels from a table's columns ``text`` and ``label``.

    A share of the rows, drawn by label, measures accuracy and calibration; then the kept model learns from
    all of them. Unless the table has a label ``out_of_scope``, our own examples of messages that no company's
    assistant is for are added as that label, so that such a message isn't forced into one of the others.
    """
    started = time.perf_counter()
    texts, labels, left_out = _rows(path, text, label)
    y = np.asarray(labels)
    test = _held_out(y, test_share)
    learn = np.setdiff1d(np.arange(len(y)), test)
    vectors = encode(embedder, texts, progress)
    extra, extra_vectors = _outside(labels, embedder)

    def fit(rows: Array) -> IntentModel:
        classifier = TextClassifier().fit(
            [*(texts[i] for i in rows), *extra],
            [*(labels[i] for i in rows), *[OUT_OF_SCOPE] * len(extra)],
            np.concatenate([vectors[rows], extra_vectors]),
        )
        return IntentModel(embedder).learn(classifier)

    if progress:
        progress("learn", 0, 2)
    trial = fit(learn)
    found = trial.classifier.classify([texts[i] for i in test], vectors[test])
    right = np.asarray([a.label == labels[i] for a, i in zip(found, test, strict=True)])
    sure = np.asarray([a.sure for a in found])
    confidence = np.asarray([a.scores[a.label] for a in found])
    if progress:
        progress("learn", 1, 2)
    model = fit(np.arange(len(y)))
    metrics: dict[str, Any] = {
        "accuracy": float(right.mean()),
        "log_loss": float(
            -np.mean(
                [np.log(max(a.scores.get(labels[i], 0), 1e-12)) for a, i in zip(found, test, strict=True)]
            )
        ),
        "sure": float(sure.mean()),
        "accuracy_when_sure": float(right[sure].mean()) if sure.any() else None,
        "calibration_error": calibration_error(confidence, right),
        "tested_on": len(test),
        "labels": len(set(labels)),
        **milliseconds(model.classify, texts),
    }
    model.metrics = metrics
    notes = [f"accuracy was measured on {len(test)} rows that the measured model didn't see"]
    if len(labels) > MOST_EXAMPLES:
        notes.append(f"learnt from {MOST_EXAMPLES} of {len(labels)} rows, each label by its share")
    before = next((v.report.get("target", label) for v in history(home, TABLE_MODEL) if v.current), None)
    version = save_model(
        home,
        TABLE_MODEL,
        model,
        metrics=metrics,
        features=["sentence vector", "words", "letters"],
        data_hash=hash_data(texts, labels),
        report={"by_label": model.classifier.by_label_, "target": label},
        force=force or before not in (None, label),
    )
    kept = current_version(home, TABLE_MODEL) == version
    if not kept:
        notes.append(not_placed(home, TABLE_MODEL, version))
    return TrainReport(
        TABLE_MODEL,
        version,
        metrics,
        left_out=left_out,
        rows=len(labels),
        seconds=time.perf_counter() - started,
        kept=kept,
        notes=notes,
    )


def _rows(path: Path, text: str, label: str) -> tuple[list[str], list[str], list[dict[str, str]]]:
    """Texts and labels of a table's usable rows."""
    from assistant.insight.columns import read_table

    frame = read_table(Path(path))
    for column in (text, label):
        if column not in frame.columns:
            raise ImportFileError(
                f"{Path(path).name} has no column {column!r}",
                f"columns: {', '.join(map(str, frame.columns))}",
            )
    frame = frame[[text, label]].dropna()
    frame = frame[(frame[text].astype(str).str.strip() != "") & (frame[label].astype(str).str.strip() != "")]
    frame = frame.drop_duplicates()
    counts = frame[label].value_counts()
    rare = counts[counts < 3]
    frame = frame[~frame[label].isin(rare.index)]
    if frame[label].nunique() < 2 or len(frame) < 20:
        raise ModelError(
            f"{Path(path).name} has too little to learn from: {len(frame)} usable rows,"
            f" {frame[label].nunique()} labels with three rows or more",
            "at least 20 rows and two labels are needed",
        )
    if frame[label].nunique() > max(50, len(frame) // 4):
        raise ModelError(
            f"Column {label!r} has {frame[label].nunique()} different values in {len(frame)} rows",
            "--label names the column of categories",
        )
    left_out = [{"column": str(name), "reason": f"label with only {n} rows"} for name, n in rare.items()]
    return [str(t) for t in frame[text]], [str(name) for name in frame[label]], left_out


def _held_out(y: Array, share: float) -> Array:
    random = np.random.default_rng(0)
    rows: list[int] = []
    for name in np.unique(y):
        of = random.permutation(np.flatnonzero(y == name))
        rows += list(of[: max(1, round(share * len(of)))])
    return np.sort(np.asarray(rows))


def _outside(labels: Sequence[str], embedder: TextEmbedder) -> tuple[list[str], Array]:
    if OUT_OF_SCOPE in set(labels):
        return [], np.zeros((0, embedder.encode(["a"]).shape[1]), np.float32)
    texts, names = examples()
    extra = [t for t, name in zip(texts, names, strict=True) if name == OUT_OF_SCOPE]
    return extra, encode(embedder, extra)
