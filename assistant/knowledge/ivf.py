"""Inverted lists (IVF) for an index too large to compare with every row: faiss, memory-mapped, filters inside.

Rows are grouped around centroids (k-means on a sample); a search compares with the rows of the lists whose centroids
are nearest. How many lists it must look into is measured when the index is made: the fewest that find
:data:`WANTED_RECALL` of the true ten nearest on questions near the index's own vectors.

A filter acts on the choice of lists too. Lists without a visible row don't count, and lists are opened until as many
*visible* rows are compared as an unfiltered search compares. So a filter that leaves one row in a thousand opens up to
all lists, skips what may not be seen by one bit each, and finds what an exact search finds.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from assistant.knowledge.vectors import Mask, Rows, Vectors, read_faiss

WANTED_RECALL = 0.99
# visible rows that a search compares with at least (fewer is exact): a margin for questions unlike the trial ones,
# and still only one or two milliseconds
LEAST_COMPARED = 20_000
_TRIALS = 200
_BLOCK = 50_000


class IvfVectors:
    """Approximate search of measured recall; exact where few rows may be seen."""

    def __init__(self, index: Any, probes: int) -> None:
        faiss = _faiss()
        self._index = faiss.downcast_index(index)
        self._whole = index  # owns what _index shows
        self.probes = probes
        lists = faiss.downcast_InvertedLists(self._index.invlists)
        if hasattr(lists, "prefetch_nthread"):
            lists.prefetch_nthread = 0  # threads of its own that read lists ahead cost more than they save
        self._index.make_direct_map()  # where a row's vector lies
        self._list_of = np.zeros(len(self), dtype=np.int32)
        for number in range(self._index.nlist):
            if size := lists.list_size(number):
                self._list_of[faiss.rev_swig_ptr(lists.get_ids(number), size)] = number
        self._centroids = self._index.quantizer.reconstruct_n(0, self._index.nlist)
        self._prepared: tuple[Mask, int, Any, Any] | None = None

    @classmethod
    def write(cls, path: Path, matrix: Vectors, *, seed: int = 7) -> dict[str, Any]:
        """Make the index of ``matrix`` (n, d) in a file, and measure how far a search must look."""
        faiss = _faiss()
        count, dimension = matrix.shape
        rng = np.random.default_rng(seed)
        lists = lists_for(count)
        quantizer = faiss.IndexFlatIP(dimension)
        index = faiss.IndexIVFScalarQuantizer(
            quantizer, dimension, lists, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, False
        )
        index.cp.niter, index.cp.max_points_per_centroid, index.cp.spherical = 8, 64, True
        sample = np.sort(rng.choice(count, min(count, 64 * lists), replace=False))
        index.train(np.ascontiguousarray(matrix[sample], dtype=np.float32))
        for start in range(0, count, _BLOCK):
            index.add(np.ascontiguousarray(matrix[start : start + _BLOCK], dtype=np.float32))
        faiss.write_index(index, str(path))
        probes, recall = _probes(index, matrix, rng)
        return {"engine": "ivf", "lists": lists, "probes": probes, "recall_at_10": recall}

    @classmethod
    def load(cls, path: Path, probes: int) -> "IvfVectors":
        return cls(read_faiss(path), probes)

    def close(self) -> None:
        """Nothing to do: the mapping goes with the object."""

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, question: Vectors, k: int, allowed: Mask | None) -> tuple[Rows, Vectors]:
        faiss = _faiss()
        total = len(self)
        question = np.ascontiguousarray(question, dtype=np.float32)
        selector: Any = None
        per_list: Any = None
        visible = total
        if allowed is not None:
            visible, selector, per_list = self._prepare(allowed)
        k = min(k, visible)
        if k == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        compared = max(self.probes * total // self._index.nlist, LEAST_COMPARED, 20 * k)
        if selector is None:
            probes = -(-compared * self._index.nlist // total)
            parameters = faiss.SearchParametersIVF(nprobe=min(probes, self._index.nlist))
        else:
            occupied = per_list > 0
            probes = int(np.count_nonzero(occupied))
            if visible > compared:
                seen = np.cumsum(per_list[np.argsort(-(self._centroids @ question))])
                opened = int(np.searchsorted(seen, compared)) + 1
                probes = min(probes, max(self.probes, opened))
            # both selectors must outlive the call: faiss keeps only pointers
            lists = faiss.IDSelectorBitmap(np.packbits(occupied, bitorder="little"))
            choice = faiss.SearchParameters(sel=lists)
            parameters = faiss.SearchParametersIVF(nprobe=probes, sel=selector, quantizer_params=choice)
        scores, rows = self._index.search(question[None, :], k, params=parameters)
        found = rows[0] >= 0
        return rows[0][found], scores[0][found]

    def rows(self, numbers: Rows) -> Vectors:
        if len(numbers) == 0:
            return np.empty((0, int(self._index.d)), np.float32)
        return np.asarray(self._index.reconstruct_batch(np.ascontiguousarray(numbers, dtype=np.int64)))

    def _prepare(self, allowed: Mask) -> tuple[int, Any, Any]:
        """(visible rows, faiss selector or None for all, visible rows by list); kept for the last unchanging mask."""
        last = self._prepared
        if last is not None and last[0] is allowed:
            return last[1:]
        visible = int(np.count_nonzero(allowed))
        if visible == len(self):
            found: tuple[int, Any, Any] = (visible, None, None)
        else:
            per_list = np.bincount(self._list_of[allowed], minlength=self._index.nlist)
            selector = _faiss().IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
            found = (visible, selector, per_list)
        if not allowed.flags.writeable:  # nobody can change it under the same name
            self._prepared = (allowed, *found)
        return found


def lists_for(count: int) -> int:
    """How many lists: about the root of the number of rows, a power of two, so that training and adding stay quick."""
    return int(2 ** np.clip(np.round(np.log2(max(count, 1) ** 0.5)), 4, 14))


def _probes(index: Any, matrix: Vectors, rng: np.random.Generator) -> tuple[int, float]:
    """The fewest lists (a power of two) that reach the wanted recall@10, and the recall they reach."""
    faiss = _faiss()
    count, dimension = matrix.shape
    questions = np.array(matrix[np.sort(rng.choice(count, min(count, _TRIALS), replace=False))], np.float32)
    # as far from the vectors as a question is from its passage, not the vectors themselves
    questions += 0.7 / dimension**0.5 * rng.standard_normal(questions.shape, dtype=np.float32)
    questions /= np.linalg.norm(questions, axis=1, keepdims=True)
    truth = exact_nearest(matrix, questions, 10)
    probes, recall = 1, 0.0
    while True:
        found = index.search(questions, 10, params=faiss.SearchParametersIVF(nprobe=probes))[1]
        recall = float(np.mean([np.isin(a, b).mean() for a, b in zip(truth, found, strict=True)]))
        if recall >= WANTED_RECALL or probes * 2 > index.nlist:
            return probes, round(recall, 4)
        probes *= 2


def exact_nearest(matrix: Vectors, questions: Vectors, k: int) -> Rows:
    """(m, k) rows nearest to each of ``questions`` (m, d), by comparing with all, in blocks."""
    k = min(k, len(matrix))
    rows = np.zeros((len(questions), 0), dtype=np.int64)
    scores = np.zeros((len(questions), 0), dtype=np.float32)
    for start in range(0, len(matrix), _BLOCK):
        block = questions @ np.asarray(matrix[start : start + _BLOCK], dtype=np.float32).T
        best = np.argpartition(-block, min(k, block.shape[1]) - 1, axis=1)[:, :k]
        rows = np.hstack([rows, best + start])
        scores = np.hstack([scores, np.take_along_axis(block, best, axis=1)])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows, scores = np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1)
    return rows


def _faiss() -> Any:
    return import_module("faiss")  # its type stubs don't know the numpy forms of its calls
