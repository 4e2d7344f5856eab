#!/usr/bin/env python
"""Measure the knowledge index: how well it finds, how fast it is built; ends in one line of JSON.

    scripts/bench_index.py                    # all of it, on the record and articles of the home folder
    scripts/bench_index.py --only retrieval   # recall@5 and MRR@10 of vectors, words and both, by language and kind
    scripts/bench_index.py --only retrieval --translate   # Chinese questions also with the chat model's translation
    scripts/bench_index.py --only speed       # build beside plain SentenceTransformer.encode on the same texts
    scripts/bench_index.py --only rebuild     # seconds of a full build, and after 10 of 10,000 documents changed
    scripts/bench_index.py --only scale       # a million passages: see bench_scale.py, which has more options
    scripts/bench_index.py --fit              # fit the weights of assistant/knowledge/ranking.py anew

The questions are in tests/data/retrieval.jsonl: written from the articles and the record, without looking at what a
search returns. Ranks count sources (an article, an interaction), each once.
"""

import argparse
import json
import re
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from assistant.knowledge import Hit, KnowledgeIndex, Translator, build_index, ranking
from assistant.knowledge.build import MARKS
from assistant.knowledge.documents import Document, interaction_documents, read_folders
from assistant.knowledge.passages import split
from assistant.knowledge.ranking import Query
from assistant.knowledge.vectors import Embedder

# mails around a question that stands anywhere in them, with other things that articles are about
STORIES = (
    "Hello there, I hope you are all well. We moved last spring and my sister, who drinks only tea, gave me a grinder for "
    "my birthday. The kitchen is finally painted, the dog is fine. I have been a customer for a while and usually I am "
    "happy. {question} Sorry for the long mail, it has been a busy week with the children at home. Best wishes to the team.",
    "Good morning! {question} I am asking because my husband keeps telling me to write to you. He is the one who gets up "
    "first, makes two cups with the old moka pot and takes them to bed. Yesterday the postman rang three times for the "
    "neighbours. We have guests on Saturday, eight people. Last year they liked your espresso very much. Kind regards",
    "Dear team, first of all thank you for the quick help in January, when the machine made that noise. Since then it runs "
    "every day, and my colleagues at work are jealous. One of them has ordered from you as well, with the code that I gave "
    "her. She was surprised how nicely everything was wrapped. It rains here, as always. I read your page twice and "
    "found nothing. {question}",
    "Hi, this is about several things at once, please bear with me. My account shows my old phone number, never mind that. "
    "We were away for three weeks and the box stood in the hall. {question} My father drank the decaf and noticed nothing, "
    "we laughed a lot. By the way, the new bags look good. Have a nice weekend, and greet the roastery!",
)
CODE = re.compile(r"\b[A-Z]{2}-\d{3,}\b")
QUESTIONS = Path(__file__).parent.parent / "tests" / "data" / "retrieval.jsonl"


@dataclass(frozen=True)
class Case:
    id: str
    query: str
    language: str
    role: str
    kind: str  # article | internal | only_english | interaction | cross | none
    sources: tuple[str, ...]
    customer: str | None = None
    fact: str = (
        ""  # of an interaction: the sentence that answers; its sources are where this customer said it
    )

    @property
    def part(self) -> str:
        return f"{self.language}/{self.kind}"


def read_cases(path: Path = QUESTIONS, store: Any = None) -> list[Case]:
    """The questions; those about interactions only with a record in which the customer has said it."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    cases, gone = [], 0
    for line in lines:
        case = Case(**{**line, "sources": tuple(line["sources"])})
        if case.fact and store is not None:
            said = [row["id"] for row in store.interactions(case.customer) if case.fact in row["text"]]
            case = replace(case, sources=tuple(f"interaction:{ident}" for ident in said))
            gone += not said
        if not case.fact or store is None or case.sources:
            cases.append(case)
    if gone:
        print(f"{gone} questions left out: this record doesn't hold what they ask for")
    return cases


# -- finding ------------------------------------------------------------------------------------------------

Ranker = Callable[[KnowledgeIndex, Case, Any], list[str]]


def by_vectors(index: KnowledgeIndex, case: Case, vector: Any) -> list[str]:
    snapshot = index._live()
    allowed = snapshot.visible(case.role, case.customer)  # type: ignore[arg-type]
    return _sources(index, snapshot.by_vector(vector, allowed, 60))


def by_words(index: KnowledgeIndex, case: Case, vector: Any) -> list[str]:
    snapshot = index._live()
    allowed = snapshot.visible(case.role, case.customer)  # type: ignore[arg-type]
    return _sources(index, snapshot.by_words(Query.of(case.query, vector).words, allowed, 60))


def by_both(index: KnowledgeIndex, case: Case, vector: Any) -> list[str]:
    return [hit.source for hit in asked(index, case, 10, one_per_source=True)]


def asked(index: KnowledgeIndex, case: Case, k: int, **how: Any) -> list[Hit]:
    """The ``k`` best hits of a question, as the one who asks it may see them."""
    return index.search(case.query, role=case.role, customer=case.customer, k=k, **how)  # type: ignore[arg-type]


RANKERS: dict[str, Ranker] = {"vectors": by_vectors, "words": by_words, "fused": by_both}


class Timed:
    """A translator that counts how often the model is asked and how long that takes."""

    def __init__(self, model: Any) -> None:
        self._translate = Translator(model)
        self.seconds: dict[str, float] = {}

    def __call__(self, question: str) -> str:
        started = time.perf_counter()
        found = self._translate(question)
        self.seconds.setdefault(question, time.perf_counter() - started)
        return found

    def ranker(self, index: KnowledgeIndex, case: Case, vector: Any) -> list[str]:
        return [hit.source for hit in asked(index, case, 10, one_per_source=True, translate=self)]

    def figures(self, questions: int) -> dict[str, float]:
        seconds = list(self.seconds.values())
        return {
            "questions": questions,
            "translated": len(seconds),
            "p50_s": round(float(np.percentile(seconds, 50)), 2),
            "p95_s": round(float(np.percentile(seconds, 95)), 2),
        }


def measure_translation(index: KnowledgeIndex, cases: list[Case], model: Any) -> dict[str, Any]:
    """As the other measures, for the Chinese questions with their translation by the chat model."""
    chinese = [case for case in cases if case.language == "zh"]
    timed = Timed(model)
    finding = measure_finding(index, chinese, {**RANKERS, "translated": timed.ranker})
    threshold = measure_threshold(index, chinese, timed)["zh"]
    return {"finding": finding, "threshold": threshold, "model": timed.figures(len(chinese))}


def measure_finding(
    index: KnowledgeIndex, cases: list[Case], rankers: dict[str, Ranker] = RANKERS
) -> dict[str, dict[str, dict[str, float]]]:
    """{part: {ranker: {n, recall@5, mrr@10}}} over the cases that have an answer."""
    answered = [case for case in cases if case.sources]
    vectors = index.embedder.encode([case.query for case in answered])
    table: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for name, ranker in rankers.items():
        ranks: dict[str, list[int]] = defaultdict(list)
        for case, vector in zip(answered, vectors, strict=True):
            found = ranker(index, case, vector)[:10]
            rank = next((at for at, source in enumerate(found, start=1) if source in case.sources), 0)
            for part in (case.part, f"{case.language}/all", "all"):
                ranks[part].append(rank)
        for part, values in ranks.items():
            table[part][name] = {
                "n": len(values),
                "recall@5": round(float(np.mean([0 < rank <= 5 for rank in values])), 3),
                "mrr@10": round(float(np.mean([1 / rank if rank else 0.0 for rank in values])), 3),
            }
    return dict(sorted(table.items()))


def measure_threshold(
    index: KnowledgeIndex, cases: list[Case], translate: Timed | None = None
) -> dict[str, dict[str, float]]:
    """How often the threshold errs: answers let through where there is none, answers held back where there is one.

    A held-back answer is a question with a right hit in the first five, none of which reaches the threshold.
    """
    rates: dict[str, dict[str, float]] = {}
    for language in ("en", "zh"):
        false_accepts, false_rejects = [], []
        for case in cases:
            if case.language != language:
                continue
            hits = asked(index, case, 5, translate=translate)
            best = hits[0].score if hits else 0.0
            if not case.sources:
                false_accepts.append(best >= index.threshold)
            elif any(hit.source in case.sources for hit in hits):
                false_rejects.append(best < index.threshold)
        rates[language] = {
            "false_accept": round(float(np.mean(false_accepts or [0])), 3),
            "false_reject": round(float(np.mean(false_rejects or [0])), 3),
        }
    return rates


def measure_forms(index: KnowledgeIndex, cases: list[Case]) -> dict[str, dict[str, float]]:
    """hit@10 of short questions, of product codes and order numbers, and of questions inside long mails."""

    def found(query: str, sources: Collection[str], case: Case | None = None) -> bool:
        role, customer = (case.role, case.customer) if case else ("admin", None)
        hits = index.search(query, role=role, customer=customer, k=10, one_per_source=True)  # type: ignore[arg-type]
        return any(hit.source in sources for hit in hits)

    english = [case for case in cases if case.sources and case.language == "en"]
    articles = [case for case in english if case.kind in ("article", "internal")]
    short = [found(c.query, c.sources, c) for c in articles if len(c.query.split()) <= 9]
    stories = []
    for number, case in enumerate(c for c in articles if c.kind == "article"):
        question = case.query if case.query.endswith("?") else case.query.rstrip(".") + "."
        story = STORIES[number % len(STORIES)].format(question=question[0].upper() + question[1:])
        stories.append(found(story, case.sources, case))
    holders: dict[str, set[str]] = defaultdict(set)
    for hit in index.everything():
        for code in CODE.findall(hit.text):
            holders[code].add(hit.source)
    named = sorted(code for code, sources in holders.items() if len(sources) <= 5)
    rng = np.random.default_rng(1)
    chosen = [named[at] for at in rng.permutation(len(named))[:60]]
    codes = [found(f"what about {code}?", holders[code]) for code in chosen]
    return {
        name: {"n": len(values), "hit@10": round(float(np.mean(values or [0])), 3)}
        for name, values in (("short", short), ("codes", codes), ("stories", stories))
    }


def measure_latency(index: KnowledgeIndex, cases: list[Case]) -> dict[str, float]:
    """Milliseconds of a search, its question never asked before (embedding included)."""
    times = []
    for case in cases:
        index._vectors.clear()
        started = time.perf_counter()
        index.search(case.query, role=case.role, customer=case.customer)  # type: ignore[arg-type]
        times.append(1000 * (time.perf_counter() - started))
    return {
        "p50_ms": round(float(np.percentile(times, 50)), 1),
        "p99_ms": round(float(np.percentile(times, 99)), 1),
    }


def fit(index: KnowledgeIndex, cases: list[Case]) -> dict[str, Any]:
    """Weights of the logistic function by language, and their MRR on questions that the fit didn't see (5 folds)."""
    from sklearn.linear_model import LogisticRegression

    snapshot = index._live()
    result: dict[str, Any] = {}
    for chinese in (False, True):
        tables, labels, groups, golds = [], [], [], []
        # what is only there in the other language is found through a translation, not by these weights
        chosen = [c for c in cases if (c.language == "zh") == chinese and c.kind != "only_english"]
        for number, (case, vector) in enumerate(
            zip(chosen, index.embedder.encode([c.query for c in chosen]), strict=True)
        ):
            query = Query.of(case.query, vector, of_customer=bool(case.customer))
            rows = ranking.candidates(snapshot, query, snapshot.visible(case.role, case.customer))  # type: ignore[arg-type]
            table = ranking.features(snapshot, query, rows)
            sources = [snapshot.passage(int(row)).source for row in rows]
            # of a right source, only the passage that fits best is taken as right: the others needn't answer it
            first = ranking.logistic(ranking.CHINESE if chinese else ranking.ENGLISH, table)
            right = np.zeros(len(rows), dtype=bool)
            own = [source for source in case.sources if ("/zh/" in source) == chinese] or case.sources
            for source in own:
                of_it = [at for at, name in enumerate(sources) if name == source]
                if of_it:
                    right[max(of_it, key=lambda at: first[at])] = True
            keep = np.array(
                [ok or name not in case.sources for ok, name in zip(right, sources, strict=True)], dtype=bool
            )
            tables.append(table[keep])
            labels.append(right[keep])
            groups.append(np.full(int(keep.sum()), number))
            golds.append(bool(case.sources))
        x, y, group = np.concatenate(tables), np.concatenate(labels), np.concatenate(groups)
        held_out = []
        for fold in range(5):
            train = group % 5 != fold
            model = LogisticRegression(C=10.0, max_iter=2000).fit(x[train], y[train])
            for number in range(fold, len(chosen), 5):
                if golds[number]:
                    chance = model.decision_function(tables[number])
                    order = labels[number][np.argsort(-chance)]
                    held_out.append(1 / (1 + int(np.argmax(order))) if order.any() else 0.0)
        model = LogisticRegression(C=10.0, max_iter=2000).fit(x, y)
        result["zh" if chinese else "en"] = {
            "intercept": round(float(model.intercept_[0]), 2),
            "features": {
                name: round(float(w), 2) for name, w in zip(ranking.FEATURES, model.coef_[0], strict=True)
            },
            "held_out_passage_mrr": round(float(np.mean(held_out)), 3),
        }
    return result


def _sources(index: KnowledgeIndex, rows: Any) -> list[str]:
    snapshot = index._live()
    return list(dict.fromkeys(snapshot.passage(int(row)).source for row in rows))


def passage_texts(store: Any, embedder: Embedder, kb: Path) -> list[str]:
    """What is embedded of the articles and the record, each text once."""
    documents = [found for found in read_folders([kb]) if isinstance(found, Document)]
    if store is not None:
        documents += interaction_documents(store.interactions())
    passages = (p for d in documents for p in split(d, embedder.count_tokens, embedder.max_tokens - MARKS))
    return list(dict.fromkeys(passage.embedded_text for passage in passages))


# -- speed --------------------------------------------------------------------------------------------------


def measure_speed(embedder: Embedder, texts: list[str], plain_model: Path | str) -> dict[str, Any]:
    """Embedding passages: our embedder and plain SentenceTransformer, same texts, same process."""
    from sentence_transformers import SentenceTransformer

    rng = np.random.default_rng(7)
    texts = [texts[at] for at in rng.permutation(len(texts))[:2000]]
    plain = SentenceTransformer(str(plain_model), device="cpu")
    plain.encode(texts[:64]), embedder.encode(texts[:64])  # warm both up
    rates: dict[str, list[float]] = {"ours": [], "plain": []}
    cosine = 1.0
    for _ in range(2):  # alternately, so that other work on the machine hits both
        started = time.perf_counter()
        ours = embedder.encode(texts)
        rates["ours"].append(len(texts) / (time.perf_counter() - started))
        started = time.perf_counter()
        theirs = plain.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        rates["plain"].append(len(texts) / (time.perf_counter() - started))
        cosine = min(cosine, float((ours * theirs).sum(axis=1).min()))
    ours_rate, plain_rate = max(rates["ours"]), max(rates["plain"])
    return {
        "texts": len(texts),
        "tokens_each": round(float(np.mean([embedder.count_tokens(text) for text in texts])), 1),
        "passages_per_s": round(ours_rate, 1),
        "plain_per_s": round(plain_rate, 1),
        "times_plain": round(ours_rate / plain_rate, 2),
        "lowest_cosine": round(cosine, 4),
    }


def measure_rebuild(store: Any, embedder: Embedder, kb: Path, documents: int = 10_000) -> dict[str, Any]:
    """Files with what was said in the record (or the articles over and over), built; ten changed; built again."""
    said = [row["text"] for row in store.interactions()] if store is not None else []
    said = said or [found.text for found in read_folders([kb]) if isinstance(found, Document)]
    with tempfile.TemporaryDirectory() as place:
        home, folder = Path(place) / "home", Path(place) / "kb" / "public"
        folder.mkdir(parents=True)

        def write(number: int, more: str = "") -> None:
            text = said[number % len(said)]
            (folder / f"d{number}.md").write_text(f"# Note {number}\n\n{text}{more}\n", encoding="utf-8")

        for number in range(documents):
            write(number)
        full = build_index(None, embedder, home=home, kb_dirs=[folder.parent])
        for number in range(0, documents, documents // 10):
            write(number, f" Changed today, number {number}.")
        changed = build_index(None, embedder, home=home, kb_dirs=[folder.parent])
    return {
        "documents": full.documents,
        "passages": full.passages,
        "full_seconds": full.seconds,
        "changed_seconds": changed.seconds,
        "embedded_again": changed.embedded,
    }


def measure_index(
    store: Any, embedder: Embedder, kb: Path, *, fitting: bool, model: Any = None
) -> dict[str, Any]:
    """Build an index in a folder of its own and ask it the questions."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        report = build_index(store, embedder, home=home, kb_dirs=[kb])
        again = build_index(store, embedder, home=home, kb_dirs=[kb])
        print(*report.lines(), sep="\n", flush=True)
        built = {
            "documents": report.documents,
            "passages": report.passages,
            "seconds": report.seconds,
            "embedded_per_s": report.per_second,
            "unchanged_again_seconds": again.seconds,
        }
        index = KnowledgeIndex.open(home, embedder)
        return {"build": built, **ask_index(index, store, fitting=fitting, model=model)}


def ask_index(
    index: KnowledgeIndex, store: Any, *, fitting: bool = False, model: Any = None
) -> dict[str, Any]:
    """All that can be measured by asking; with ``model``, translated questions too. Told on the way."""
    result: dict[str, Any] = {}

    def tell(name: str, figures: dict[str, Any]) -> None:
        result[name] = figures
        print(name, json.dumps(figures), flush=True)

    cases = [case for case in read_cases(store=store) if store is not None or not case.fact]
    if fitting:
        tell("fit", fit(index, cases))
    finding = measure_finding(index, cases)
    _print_table(finding)
    tell("finding", finding)
    tell("threshold", {"at": index.threshold, **measure_threshold(index, cases)})
    tell("forms", measure_forms(index, cases))
    if model is not None:
        translated = measure_translation(index, cases, model)
        _print_table(translated["finding"])
        tell("translated", translated)
    tell("latency", measure_latency(index, cases))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--home",
        type=Path,
        help="home folder with a record; default: CRM_ASSISTANT_HOME, else articles alone",
    )
    parser.add_argument("--only", choices=["retrieval", "speed", "rebuild", "scale"], help="just this part")
    parser.add_argument(
        "--live", action="store_true", help="ask the home's live index instead of building one"
    )
    parser.add_argument(
        "--translate", action="store_true", help="load the chat model and translate as a turn does"
    )
    parser.add_argument("--fit", action="store_true", help="fit the ranking's weights and print them")
    options = parser.parse_args()

    if options.only == "scale":
        import bench_scale

        print(json.dumps(bench_scale.measure()))
        return

    from assistant.language import load_embedder
    from assistant.settings import Settings

    settings = Settings(home=options.home) if options.home else Settings()
    embedder = load_embedder(settings)
    store = None
    if settings.record_path.is_file():
        from assistant.crm import Store

        store = Store(settings.record_path, create=False)
    kb = settings.kb_dir(demo=store is None or store.meta("demo_seed") is not None)
    result: dict[str, Any] = {}
    if options.only in (None, "speed"):
        texts = passage_texts(store, embedder, kb)
        result["speed"] = measure_speed(embedder, texts, settings.weights_dir / "all-MiniLM-L6-v2")
    if options.only in (None, "rebuild"):
        result["rebuild"] = measure_rebuild(store, embedder, kb)
    if options.only in (None, "retrieval"):
        model = None
        if options.translate:
            from assistant.language import load_chat_model

            model = load_chat_model(settings)
        if options.live:
            live = KnowledgeIndex.open(settings.home_dir, embedder)
            result |= ask_index(live, store, fitting=options.fit, model=model)
        else:
            result |= measure_index(store, embedder, kb, fitting=options.fit, model=model)
    result["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(result, ensure_ascii=False))


def _print_table(table: dict[str, dict[str, dict[str, float]]]) -> None:
    names = next(iter(table.values()))
    print(f"{'':22}{'n':>5}" + "".join(f"{name + ' R@5':>15}{'MRR@10':>9}" for name in names))
    for part, rankers in table.items():
        cells = "".join(f"{found['recall@5']:>15.3f}{found['mrr@10']:>9.3f}" for found in rankers.values())
        print(f"{part:22}{rankers['fused']['n']:>5.0f}{cells}")


if __name__ == "__main__":
    main()
