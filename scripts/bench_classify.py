#!/usr/bin/env python
"""Measure the router, sentiment and learning a company's labels, on texts that none of them learned from.

    python scripts/bench_classify.py [--only router|sentiment|table] [--table FILE --text COL --label COL]

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


def table(embedder: Any, path: Path, text: str, label: str) -> None:
    with TemporaryDirectory() as home:
        report = train_intents_table(path, text, label, home=Path(home), embedder=embedder)
    print(f"{path.name}: {_short(report.metrics)}, {report.rows} rows, {report.seconds:.0f} s in all")


def _short(metrics: Any) -> str:
    return ", ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in metrics.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", choices=["router", "sentiment", "table"])
    parser.add_argument("--table", type=Path)
    parser.add_argument("--text", default="text")
    parser.add_argument("--label", default="category")
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
    if options.table and options.only in (None, "table"):
        table(embedder, options.table, options.text, options.label)


if __name__ == "__main__":
    main()
