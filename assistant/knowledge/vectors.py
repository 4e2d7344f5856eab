"""The vectors of an index, and the nearest ones to a question among the rows a search may see.

:class:`VectorIndex` is the narrow interface. Behind it: :class:`FaissVectors` (exact, while the index is small),
:class:`assistant.knowledge.ivf.IvfVectors` (inverted lists, once it is large) and
:class:`assistant.knowledge.postgres.PostgresVectors` (a database server, by a setting). Rows are numbered from 0 in the
order they were added; vectors have length 1, so the inner product is the cosine.

What may be seen comes as one bool per row, whatever the engine: permission is decided in one place
(:meth:`assistant.knowledge.snapshot.Snapshot.visible`) and acts inside every engine's search.
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
Mask = NDArray[np.bool_]
Progress = Callable[[str, int, int | None], None]

FILE = "vectors.faiss"
# below this share of visible rows, comparing with just these rows is faster than a pass over all with a filter
GATHER_SHARE = 0.25
# up to so many rows, comparing with all of them takes no longer than the rest of a search (scripts/bench_index.py)
EXACT_UP_TO = 100_000


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

    def search(self, question: Vectors, k: int, allowed: Mask | None) -> tuple[Rows, Vectors]:
        """The ``k`` allowed rows nearest to ``question`` (d,), best first, with their cosines.

        ``allowed`` is one bool per row, None for all rows. Fewer than ``k`` come back only where fewer are allowed.
        """

    def rows(self, numbers: Rows) -> Vectors:
        """The vectors of these rows, (n, d)."""

    def close(self) -> None:
        """Let go of files and connections."""


def write_vectors(
    folder: Path, matrix: Vectors, *, name: str, server: str = "", exact_up_to: int = EXACT_UP_TO
) -> dict[str, Any]:
    """Put ``matrix`` (n, d) into the engine that fits; what :func:`open_vectors` needs to find it again.

    Exact search up to ``exact_up_to`` rows, inverted lists beyond; with ``server`` (a ``postgresql://`` address) into
    a table of its own there, called after ``name``.
    """
    if server:
        from assistant.knowledge.postgres import PostgresVectors

        return PostgresVectors.write(server, name, matrix)
    if len(matrix) > exact_up_to:
        from assistant.knowledge.ivf import IvfVectors

        return IvfVectors.write(folder / FILE, matrix)
    FaissVectors.from_matrix(matrix).save(folder / FILE)
    return {"engine": "exact"}


def open_vectors(folder: Path, engine: dict[str, Any], *, server: str = "") -> VectorIndex:
    """The vectors of a build, as ``engine`` (from :func:`write_vectors`) says. Raises IndexError_."""
    match engine.get("engine", "exact"):
        case "exact":
            return FaissVectors.load(folder / FILE)
        case "ivf":
            from assistant.knowledge.ivf import IvfVectors

            return IvfVectors.load(folder / FILE, int(engine["probes"]))
        case "postgres":
            from assistant.knowledge.postgres import PostgresVectors

            return PostgresVectors.open(server, engine)
        case other:
            raise IndexError_(f"Unknown vector engine {other!r}", "crm-assistant index build")


def read_faiss(path: Path) -> Any:
    """A faiss index whose vectors stay in the file and are mapped into memory. Raises IndexError_."""
    import faiss

    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
    except RuntimeError as problem:
        raise IndexError_(f"{path.name} of the index is damaged", "crm-assistant index rollback") from problem


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
        return cls(read_faiss(path))

    def save(self, path: Path) -> None:
        import faiss

        faiss.write_index(self._index, str(path))

    def close(self) -> None:
        """Nothing to do: the mapping goes with the object."""

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, question: Vectors, k: int, allowed: Mask | None) -> tuple[Rows, Vectors]:
        faiss: Any = import_module("faiss")  # its type stubs don't know the numpy forms of its calls
        total = len(self)
        visible = total if allowed is None else int(np.count_nonzero(allowed))
        k = min(k, visible)
        if k == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        question = np.ascontiguousarray(question, dtype=np.float32)
        if allowed is not None and visible < total * GATHER_SHARE:
            return nearest(self.rows(np.flatnonzero(allowed)), np.flatnonzero(allowed), question, k)
        parameters = None
        if allowed is not None and visible < total:
            selector = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
            parameters = faiss.SearchParameters(sel=selector)
        scores, rows = self._index.search(question[None, :], k, params=parameters)
        found = rows[0] >= 0
        return rows[0][found], scores[0][found]

    def rows(self, numbers: Rows) -> Vectors:
        if len(numbers) == 0:
            return np.empty((0, self.dimension), np.float32)
        return np.asarray(self._index.reconstruct_batch(np.ascontiguousarray(numbers, dtype=np.int64)))


def nearest(vectors: Vectors, numbers: Rows, question: Vectors, k: int) -> tuple[Rows, Vectors]:
    """The ``k`` best of these rows by comparing with each, best first, with their cosines."""
    cosines = vectors @ question
    best = np.argpartition(-cosines, k - 1)[:k]
    best = best[np.argsort(-cosines[best], kind="stable")]
    return numbers[best], cosines[best]
