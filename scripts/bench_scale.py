#!/usr/bin/env python
"""Measure the vectors of a large index next to plain faiss, with and without filters; ends in one line of JSON.

    scripts/bench_scale.py                    # 1,000,000 passages of 384 dimensions
    scripts/bench_scale.py --rows 100000 --compare   # and HNSW, with the same filters

The vectors are synthetic: passages around subjects, which lie around fields, as articles and mails do. A question is a
passage's vector moved to where a question lies from its passage (cosine about 0.8). ``recall`` is recall@10 against
comparing with every allowed row; times are of one question after the other, and beside them the processor's time,
which other programs on a busy machine change little.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from assistant.knowledge.ivf import exact_nearest
from assistant.knowledge.vectors import Mask, open_vectors, write_vectors

DIMENSION, FIELDS, SUBJECTS, BLOCK = 384, 200, 5000, 50_000


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)


def passages(path: Path, rows: int, rng: np.random.Generator) -> np.ndarray:
    """(rows, DIMENSION), in a file: the memory measured is the index's, not the test data's."""
    fields = unit(rng.standard_normal((FIELDS, DIMENSION), dtype=np.float32))
    subjects = unit(
        fields[rng.integers(0, FIELDS, SUBJECTS)]
        + 0.7 * unit(rng.standard_normal((SUBJECTS, DIMENSION), dtype=np.float32))
    )
    # sums of two rows of a pool: as good as fresh numbers, and much quicker
    pool = (0.9 / (2 * DIMENSION) ** 0.5) * rng.standard_normal((BLOCK, DIMENSION), dtype=np.float32)
    matrix = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, DIMENSION))
    for start in range(0, rows, BLOCK):
        count = min(BLOCK, rows - start)
        noise = pool[rng.integers(0, BLOCK, count)] + pool[rng.integers(0, BLOCK, count)]
        matrix[start : start + count] = unit(subjects[rng.integers(0, SUBJECTS, count)] + noise)
    return matrix


def timed(
    search: Callable[[np.ndarray], np.ndarray], questions: np.ndarray, truth: np.ndarray
) -> dict[str, float]:
    search(questions[0])
    times, worked, shares = [], [], []
    for question, right in zip(questions, truth, strict=True):
        started, busy = time.perf_counter(), time.process_time()
        found = search(question)
        worked.append(1000 * (time.process_time() - busy))
        times.append(1000 * (time.perf_counter() - started))
        shares.append(np.isin(right, found).mean())
    return {
        "recall": round(float(np.mean(shares)), 4),
        "p50_ms": round(float(np.percentile(times, 50)), 2),
        "p99_ms": round(float(np.percentile(times, 99)), 2),
        "cpu_p50_ms": round(float(np.percentile(worked, 50)), 2),
        "cpu_p99_ms": round(float(np.percentile(worked, 99)), 2),
    }


def masks(matrix: np.ndarray, rng: np.random.Generator) -> dict[str, Mask]:
    """Filters by the share that they leave; ``one field`` leaves rows that lie together, most of them far away."""
    rows = len(matrix)
    found = {f"{share:g}": rng.random(rows) < share for share in (0.5, 0.1, 0.01, 0.001, 20 / rows)}
    corner = np.zeros(rows, dtype=bool)
    for start in range(0, rows, BLOCK):
        corner[start : start + BLOCK] = matrix[start : start + BLOCK] @ np.asarray(matrix[0]) > 0.15
    return found | {f"one field ({corner.mean():.3f})": corner}


def memory_mb() -> int:
    """The largest this process has been, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def anonymous_mb() -> int:
    """What this process holds now that isn't a mapped file, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) // 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--compare", action="store_true", help="build an HNSW index, too (slow)")
    options = parser.parse_args()
    print(json.dumps(measure(options.rows, options.questions, options.compare)))


def measure(rows: int = 1_000_000, asked: int = 100, compare: bool = False) -> dict[str, Any]:
    """All figures, told on the way; ``compare`` adds HNSW."""
    rng = np.random.default_rng(1)
    result: dict[str, Any] = {
        "rows": rows,
        "dimension": DIMENSION,
        "threads": faiss.omp_get_max_threads(),
    }
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        matrix = passages(folder / "passages.npy", rows, rng)
        near = matrix[np.sort(rng.choice(rows, asked, replace=False))]
        noise = 0.7 / DIMENSION**0.5 * rng.standard_normal(near.shape, dtype=np.float32)
        questions = unit(near + noise)
        truth = exact_nearest(matrix, questions, 10)
        before = anonymous_mb()
        started = time.perf_counter()
        engine = write_vectors(folder, matrix, name="bench", exact_up_to=0)
        result["build"] = {
            "seconds": round(time.perf_counter() - started, 1),
            **{name: value for name, value in engine.items() if name != "engine"},
            "file_mb": round((folder / "vectors.faiss").stat().st_size / 2**20),
            "peak_mb": memory_mb(),
        }
        print("built", result["build"], flush=True)
        started = time.perf_counter()
        index = open_vectors(folder, engine)
        result["open_seconds"] = round(time.perf_counter() - started, 2)
        result["open_mb"] = anonymous_mb() - before  # without the mapped file, which the system may drop
        result["ours"] = {"all": timed(lambda q: index.search(q, 10, None)[0], questions, truth)}
        print("ours", result["ours"], flush=True)
        filters = masks(matrix, rng)
        truths = {}
        for name, mask in filters.items():
            visible = np.flatnonzero(mask)
            truths[name] = _filtered_truth(matrix, visible, questions)
            mask.flags.writeable = False
            result["ours"][name] = timed(
                lambda q, mask=mask: index.search(q, 10, mask)[0], questions, truths[name]
            )
            print(name, result["ours"][name], flush=True)
        result["plain faiss"] = _plain(matrix, questions, truth, filters, truths, compare)
        result["peak_mb"] = memory_mb()
    return result


def _filtered_truth(matrix: np.ndarray, visible: np.ndarray, questions: np.ndarray) -> np.ndarray:
    best = np.zeros((len(questions), 0), dtype=np.int64)
    scores = np.zeros((len(questions), 0), dtype=np.float32)
    for start in range(0, len(visible), BLOCK):
        rows = visible[start : start + BLOCK]
        scores = np.hstack([scores, questions @ np.asarray(matrix[rows]).T])
        best = np.hstack([best, np.broadcast_to(rows, (len(questions), len(rows)))])
        order = np.argpartition(-scores, min(10, scores.shape[1]) - 1, axis=1)[:, :10]
        scores, best = np.take_along_axis(scores, order, axis=1), np.take_along_axis(best, order, axis=1)
    return best


def _plain(
    matrix: np.ndarray,
    questions: np.ndarray,
    truth: np.ndarray,
    filters: dict[str, Mask],
    truths: dict[str, np.ndarray],
    compare: bool,
) -> dict[str, Any]:
    """faiss's own exact index in memory, with its own filter; and HNSW."""
    found: dict[str, Any] = {}

    def measured(name: str, index: Any, parameters: Callable[[Any], Any], count: int) -> None:
        asked = questions[:count]
        table = {
            "all": timed(
                lambda q: index.search(q[None], 10, params=parameters(None))[1][0], asked, truth[:count]
            )
        }
        for part, mask in filters.items():
            selector = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
            table[part] = timed(
                lambda q, s=selector: index.search(q[None], 10, params=parameters(s))[1][0],
                asked,
                truths[part][:count],
            )
        found[name] = table
        print(name, table, flush=True)

    started = time.perf_counter()
    flat = faiss.IndexFlatIP(DIMENSION)
    for start in range(0, len(matrix), BLOCK):
        flat.add(np.ascontiguousarray(matrix[start : start + BLOCK]))
    seconds = round(time.perf_counter() - started, 1)
    measured("exact", flat, lambda s: faiss.SearchParameters(sel=s) if s else None, 10)
    found["exact"]["build_seconds"] = seconds
    if compare:
        started = time.perf_counter()
        graph = faiss.IndexHNSWSQ(DIMENSION, faiss.ScalarQuantizer.QT_fp16, 24, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = 80
        graph.train(np.ascontiguousarray(matrix[:1000]))
        graph.add(np.ascontiguousarray(matrix))
        seconds = round(time.perf_counter() - started, 1)
        for width in (64, 256):
            name = f"hnsw, ef {width}"
            measured(
                name, graph,
                lambda s, width=width: faiss.SearchParametersHNSW(efSearch=width, **({"sel": s} if s else {})),
                len(questions),
            )  # fmt: skip
            found[name]["build_seconds"] = seconds
    return found


if __name__ == "__main__":
    main()
