#!/usr/bin/env python
"""Measure the router, sentiment and learning a company's labels, on texts that none of them learned from.

    python scripts/bench_classify.py [--only router|sentiment|ways|table]
        [--table FILE --text COL --label COL [--folds N]]

The embedder is the settings' one (CRM_ASSISTANT_EMBEDDER: an id or a folder). The test sets in tests/data were
written apart from the example sentences in prompts/ and are used for nothing but this.
"""

import argparse
import json
import logging
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from assistant.insight.intents import IntentModel, train_intents_table
from assistant.insight.sentiment import LABELS, SentimentModel
from assistant.insight.text import calibration_error, milliseconds
from assistant.language import load_embedder
from assistant.settings import get_settings

DATA = Path(__file__).parent.parent / "tests" / "data"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def router(embedder: Any, home: Path, wrong: bool) -> None:
    start = time.perf_counter()
    model = IntentModel.default(embedder, home=home)
    print(f"router: learned in {time.perf_counter() - start:.1f} s; {_short(model.metrics)} (leave-one-out)")
    test = rows("router.jsonl")
    total: list[tuple[bool, bool, float]] = []
    misses: Counter[tuple[str, str]] = Counter()
    for role in ("agent", "customer"):
        for language in ("en", "zh"):
            part = [r for r in test if r["role"] == role and r["language"] == language]
            found = model.classify([r["text"] for r in part], allowed=model.allowed(role))
            seen = []
            for row, label in zip(part, found, strict=True):
                right = label.label == row["intent"]
                seen.append((right, label.sure, label.scores[label.label]))
                if not right:
                    misses[row["intent"], label.label] += 1
                    if wrong:
                        print(
                            f"  {row['intent']} -> {label.label} {label.scores[label.label]:.2f}: {row['text']}"
                        )
            print(f"  {role:8} {language}: {_line(seen)}")
            total += seen
    print(f"  all: {_line(total)}")
    print("  most confused:", ", ".join(f"{a} as {b} {n}" for (a, b), n in misses.most_common(6)))
    print("  ", _short(milliseconds(model.classify, [r["text"] for r in test])))


def _line(seen: list[tuple[bool, bool, float]]) -> str:
    right, sure, confidence = (np.array(x) for x in zip(*seen, strict=True))
    return (
        f"accuracy {right.mean():.3f} of {len(right)}, not sure {1 - sure.mean():.3f}, "
        f"accuracy when sure {right[sure].mean():.3f}, calibration error {calibration_error(confidence, right):.3f}"
    )


def sentiment(embedder: Any, home: Path, wrong: bool) -> None:
    from sklearn.metrics import accuracy_score, f1_score

    start = time.perf_counter()
    model = SentimentModel.default(embedder, home=home)
    print(
        f"sentiment: learned in {time.perf_counter() - start:.1f} s; {_short(model.metrics)} (leave-one-out)"
    )
    for language in ("en", "zh"):
        test = rows(f"sentiment_{language}.jsonl")
        texts, truth = [r["text"] for r in test], np.array([r["label"] for r in test])
        labels = model.classify(texts)
        found = np.array([label.label for label in labels])
        two = truth != "neutral"
        better = np.array(
            ["positive" if x.scores["positive"] >= x.scores["negative"] else "negative" for x in labels]
        )
        confidence = np.array([x.scores[x.label] for x in labels])
        print(
            f"  {language}: three classes macro-F1 {f1_score(truth, found, average='macro'):.3f}, accuracy "
            f"{accuracy_score(truth, found):.3f} of {len(truth)}; two classes {(better == truth)[two].mean():.3f} of {two.sum()}; "
            f"F1 {dict(zip(LABELS, np.round(f1_score(truth, found, average=None, labels=LABELS), 3).tolist(), strict=True))}; "
            f"not sure {np.mean([not x.sure for x in labels]):.3f}; calibration error {calibration_error(confidence, found == truth):.3f}; "
            f"{_short(milliseconds(model.classify, texts))}"
        )
        if wrong:
            for text, a, b in zip(texts, truth, found, strict=True):
                if a != b:
                    print(f"    {a} -> {b}: {text}")


def ways(embedder: Any, home: Path, most: int) -> None:
    """Three ways to tell sentiment: the classifier, the chat model's choice, and the mean of both's probabilities."""
    from sklearn.metrics import f1_score

    from assistant.language import load_chat_model

    options = {"positive": "happy: praise or thanks", "neutral": "neutral: a question, a request or a plain fact",
               "negative": "unhappy: a complaint or anger"}  # fmt: skip
    chat = load_chat_model(get_settings())
    model = SentimentModel.default(embedder, home=home)
    for language in ("en", "zh"):
        test = rows(f"sentiment_{language}.jsonl")
        test = test[:: max(1, len(test) // most)][:most]
        texts, truth = [r["text"] for r in test], np.array([r["label"] for r in test])
        chat.choose(
            f"How does the writer of this message feel?\n\n{texts[0]}", list(options.values())
        )  # warm
        found: dict[str, tuple[np.ndarray, float]] = {}
        start = time.perf_counter()
        found["classifier"] = (
            np.array([[model.classify([t])[0].scores[x] for x in LABELS] for t in texts]),
            time.perf_counter() - start,
        )
        start = time.perf_counter()
        chosen = [
            chat.choose(
                f"How does the writer of this message feel?\n\n{t}", list(options.values())
            ).probabilities
            for t in texts
        ]
        found["chat model"] = (
            np.array([[c[options[x]] for x in LABELS] for c in chosen]),
            time.perf_counter() - start,
        )
        both = (found["classifier"][0] + found["chat model"][0]) / 2
        found["both"] = (both, found["classifier"][1] + found["chat model"][1])
        two = truth != "neutral"
        for name, (p, seconds) in found.items():
            said = np.array(LABELS)[p.argmax(1)]
            better = np.where(p[:, 0] >= p[:, 2], "positive", "negative")
            print(
                f"  {language} {name:10} three classes macro-F1 {f1_score(truth, said, average='macro'):.3f}, two classes "
                f"{(better == truth)[two].mean():.3f}; {seconds / len(texts):.3f} s per message ({len(texts)} messages)",
                flush=True,
            )


def folded(embedder: Any, path: Path, text: str, label: str, folds: int) -> None:
    """Accuracy of learning a table's labels by cross-validation over ``folds`` parts.

    Exact for kernel ridge regression from one inverse (An, Liu, Venkatesh 2007): the error on a part is
    (inverse of the part's block of K^-1) times the part's dual weights. The kernel's five weights and the vocabulary are
    those found on all rows.
    """
    from sklearn.model_selection import StratifiedKFold

    from assistant.insight.intents import _rows
    from assistant.insight.text import TextClassifier, encode

    texts, labels, _ = _rows(path, text, label)
    start = time.perf_counter()
    model = TextClassifier().fit(texts, labels, encode(embedder, texts))
    y = np.searchsorted(model.classes_, labels)
    gram = model._gram(model.kernel_, *model._parts_within()).astype(np.float32)
    gram[np.diag_indices_from(gram)] += np.float32(model.kernel_.ridge)
    inverse = np.linalg.inv(gram)
    right = np.zeros(len(y))
    for _, test in StratifiedKFold(folds, shuffle=True, random_state=0).split(texts, y):
        error = np.linalg.solve(inverse[np.ix_(test, test)], model.dual_[test])
        scores = np.eye(len(model.classes_))[y[test]] - error
        right[test] = scores.argmax(1) == y[test]
    print(
        f"{path.name}: accuracy {right.mean():.4f} in {folds}-fold cross-validation over {len(y)} rows "
        f"(leave-one-out {model.metrics_['accuracy']:.4f}), {model.kernel_}, {time.perf_counter() - start:.0f} s"
    )


def table(embedder: Any, path: Path, text: str, label: str) -> None:
    with TemporaryDirectory() as home:
        report = train_intents_table(path, text, label, home=Path(home), embedder=embedder)
    print(f"{path.name}: {_short(report.metrics)}, {report.rows} rows, {report.seconds:.0f} s in all")


def _short(metrics: Any) -> str:
    return ", ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in metrics.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", choices=["router", "sentiment", "ways", "table"])
    parser.add_argument("--table", type=Path)
    parser.add_argument("--text", default="text")
    parser.add_argument("--label", default="category")
    parser.add_argument("--folds", type=int, help="cross-validate the table instead of one held-out fifth")
    parser.add_argument("--most", type=int, default=150, help="messages per language for --only ways")
    parser.add_argument(
        "--wrong", action="store_true", help="show what went wrong (then the tests are spent)"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    embedder = load_embedder(get_settings())
    print(f"embedder {embedder.name}, {embedder.dimension} numbers")
    with TemporaryDirectory() as home:
        if options.only in (None, "router"):
            router(embedder, Path(home), options.wrong)
        if options.only in (None, "sentiment"):
            sentiment(embedder, Path(home), options.wrong)
        if options.only == "ways":  # loads the chat model: only when asked for
            ways(embedder, Path(home), options.most)
    if options.table and options.folds and options.only in (None, "table"):
        folded(embedder, options.table, options.text, options.label, options.folds)
    elif options.table and options.only in (None, "table"):
        table(embedder, options.table, options.text, options.label)


if __name__ == "__main__":
    main()
