"""The vectors of an index, and the nearest ones to a question among the rows a search may see.

:class:`VectorIndex` is the narrow interface; :class:`FaissVectors` is the embedded default. Rows are numbered from 0
in the order they were added; vectors have length 1, so the inner product is the cosine.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.errors import IndexError_

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]
Progress = Callable[[str, int, int | None], None]

# below this share of visible rows, comparing with just these rows is faster than a pass over all with a filter
GATHER_SHARE = 0.25


class Embedder(Protocol):
    """What search and build need of an embedder (``assistant.language.load_embedder`` gives one)."""

    name: str
    fingerprint: str
    dimension: int
    max_tokens: int

    def encode(
        self, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None
    ) -> Vectors: ...

    def count_tokens(self, text: str) -> int: ...


class VectorIndex(Protocol):
    """Vectors by row number."""

    def __len__(self) -> int: ...

    def search(self, question: Vectors, k: int, allowed: NDArray[np.bool_] | None) -> tuple[Rows, Vectors]:
        """The ``k`` allowed rows nearest to ``question`` (d,), best first, with their cosines.

        ``allowed`` is one bool per row, None for all rows. Fewer than ``k`` come back only where fewer are allowed.
        """

    def rows(self, numbers: Rows) -> Vectors:
        """The vectors of these rows, (n, d)."""


class FaissVectors:
    """Exact search: every allowed row is compared, so a filter never loses a hit at any selectivity."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def from_matrix(cls, matrix: Vectors) -> "FaissVectors":
        """An index over ``matrix`` (n, d) of rows of length 1."""
        import faiss

        index = faiss.IndexFlatIP(matrix.shape[1])
        if len(matrix):
            index.add(np.ascontiguousarray(matrix, dtype=np.float32))
        return cls(index)

    @classmethod
    def load(cls, path: Path) -> "FaissVectors":
        import faiss

        try:
            return cls(faiss.read_index(str(path)))
        except RuntimeError as problem:
            raise IndexError_(
                f"{path.name} of the index is damaged", "crm-assistant index rollback"
            ) from problem

    def save(self, path: Path) -> None:
        import faiss

        faiss.write_index(self._index, str(path))

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, question: Vectors, k: int, allowed: NDArray[np.bool_] | None) -> tuple[Rows, Vectors]:
        faiss: Any = import_module("faiss")  # its type stubs don't know the numpy forms of its calls
        total = len(self)
        visible = total if allowed is None else int(allowed.sum())
        k = min(k, visible)
        if k == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        question = np.ascontiguousarray(question, dtype=np.float32)
        if allowed is not None and visible < total * GATHER_SHARE:
            numbers = np.flatnonzero(allowed)
            cosines = self.rows(numbers) @ question
            best = np.argpartition(-cosines, k - 1)[:k]
            best = best[np.argsort(-cosines[best], kind="stable")]
            return numbers[best], cosines[best]
        parameters = None
        if allowed is not None and visible < total:
            bits = np.packbits(allowed, bitorder="little")
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
        scores, rows = self._index.search(question[None, :], k, params=parameters)
        found = rows[0] >= 0
        return rows[0][found], scores[0][found]

    def rows(self, numbers: Rows) -> Vectors:
        if len(numbers) == 0:
            return np.empty((0, self.dimension), np.float32)
        return np.asarray(self._index.reconstruct_batch(np.ascontiguousarray(numbers, dtype=np.int64)))
