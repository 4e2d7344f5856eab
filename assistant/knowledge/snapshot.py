"""One build of the index, opened for reading: its passages, their words and their vectors. It never changes.

Row ``i`` is the same passage everywhere: in ``passages``, in the table of words, in the vectors and in the columns
that decide what a search may see.
"""

import sqlite3
import threading
import weakref
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from assistant.errors import IndexError_, PermissionDenied
from assistant.evidence import Role
from assistant.knowledge import builds
from assistant.knowledge.passages import Passage
from assistant.knowledge.vectors import Mask, Rows, VectorIndex, Vectors, open_vectors
from assistant.knowledge.words import segment
from assistant.settings import get_settings

_MASKS = 16  # what the same role sees is asked again and again

_SCHEMA = """
CREATE TABLE passages (
    row INTEGER PRIMARY KEY,           -- from 0, the row of its vector
    id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    part TEXT NOT NULL,
    kind TEXT NOT NULL,                -- article | interaction
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    audience TEXT NOT NULL,            -- public | internal | customer
    language TEXT NOT NULL,
    at TEXT,
    customer_id TEXT,
    channel TEXT,
    keys TEXT NOT NULL,                -- codes that find it exactly, as words
    words TEXT NOT NULL,               -- its text as words, for scoring
    title_words TEXT NOT NULL,
    hash TEXT NOT NULL                 -- of what was embedded
) STRICT;
CREATE INDEX passages_source ON passages (source);
CREATE INDEX passages_hash ON passages (hash);
-- the words themselves are in passages; only their index is here
CREATE VIRTUAL TABLE words USING fts5(
    title, body, keys, content='', tokenize="unicode61 remove_diacritics 0 tokenchars '._'"
);
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, 'row');
"""
_INSERT = "INSERT INTO passages VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"


@dataclass(frozen=True)
class StoredPassage:
    """A passage as the index holds it, with its row, words and codes."""

    row: int
    id: str
    source: str
    kind: str
    title: str
    text: str
    audience: str
    language: str
    at: str | None
    customer_id: str | None
    channel: str | None
    keys: frozenset[str]
    words: tuple[str, ...]
    title_words: frozenset[str]


def write_passages(
    path: Path, passages: Iterable[Passage], beat: Callable[[int], None] = lambda done: None
) -> float:
    """A fresh database of passages; rows in the order given. ``beat`` is called now and then with the count.

    Returns the mean number of words of a passage.
    """
    words = 0
    db = sqlite3.connect(path, isolation_level=None)
    try:
        # a half-written file is never used, so nothing has to survive a crash here
        db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _SCHEMA)
        db.execute("BEGIN")
        for row, passage in enumerate(passages):
            document = passage.document
            title, body = segment(passage.title), segment(passage.text)
            keys = [word for key in document.keys for word in segment(key)]
            words += len(body)
            db.execute(
                _INSERT,
                (
                    row, passage.id, document.source, document.part, document.kind, passage.title, passage.text,
                    document.audience, document.language, document.at, document.customer_id, document.channel,
                    " ".join(keys), " ".join(body), " ".join(title), passage.content_hash,
                ),
            )  # fmt: skip
            db.execute(
                "INSERT INTO words(rowid, title, body, keys) VALUES (?,?,?,?)",
                (row, " ".join(title), " ".join(body), " ".join(keys)),
            )
            if row % 500 == 0:
                beat(row)
        db.execute("INSERT INTO words(words) VALUES ('optimize')")
        db.execute("COMMIT")
        count = db.execute("SELECT count(*) FROM passages").fetchone()[0]
    finally:
        db.close()
    return words / count if count else 1.0


def customers_in(folder: Path) -> set[str]:
    """Whose words a build holds; nobody's where it can't be read."""
    try:
        with closing(_opened(folder)) as db:
            found = db.execute("SELECT DISTINCT customer_id FROM passages WHERE customer_id IS NOT NULL")
            return {customer for (customer,) in found}
    except sqlite3.DatabaseError:
        return set()


def _opened(folder: Path) -> sqlite3.Connection:
    uri = (folder / builds.PASSAGES).absolute().as_uri() + "?mode=ro&immutable=1"
    return sqlite3.connect(uri, uri=True, check_same_thread=False)


class _Column:
    """A text column of all rows as numbers: what equals or lies between values is found without comparing texts."""

    def __init__(self, codes: NDArray[np.int32], texts: list[str]) -> None:
        """``codes`` number the rows' values in ``texts``, in any order."""
        order = sorted(range(len(texts)), key=texts.__getitem__)
        rank = np.empty(len(texts), dtype=np.int32)
        rank[order] = np.arange(len(texts), dtype=np.int32)
        self._texts = [texts[at] for at in order]
        self._codes = rank[codes] if len(texts) else codes

    def __len__(self) -> int:
        return len(self._codes)

    def equals(self, text: str) -> Mask:
        return self.between(text, text)

    def among(self, texts: Collection[str]) -> Mask:
        found = np.zeros(len(self), dtype=bool)
        for text in texts:
            found |= self.equals(text)
        return found

    def between(self, first: str, last: str) -> Mask:
        """Rows whose value is at least ``first`` and at most ``last``."""
        low, high = bisect_left(self._texts, first), bisect_right(self._texts, last)
        return np.asarray((self._codes >= low) & (self._codes < high))


class _Filter:
    """The mask of the running search, as a function of SQL: one decision about permission serves words and vectors."""

    allowed: Mask | None = None

    def __call__(self, row: int) -> bool:
        return bool(self.allowed is not None and self.allowed[row])


class Snapshot:
    """A published build. Safe to use from several threads; stays readable after its folder was removed."""

    def __init__(self, manifest: builds.Manifest, db: sqlite3.Connection, vectors: VectorIndex) -> None:
        self.manifest = manifest
        self.vectors = vectors
        self._db = db
        self._lock = threading.Lock()
        self._filter = _Filter()
        db.create_function("visible", 1, self._filter, deterministic=False)
        weakref.finalize(self, db.close)
        self._read_columns()
        self.document_count = lru_cache(maxsize=16384)(self._document_count)
        self.passage = lru_cache(maxsize=16384)(self._passage)
        self._mask = lru_cache(maxsize=_MASKS)(self._visible)

    @classmethod
    def open(cls, home: Path, build: str) -> "Snapshot":
        """Raises IndexError_ where the build is damaged."""
        return cls.at(builds.index_dir(home) / build, builds.read_manifest(home, build))

    @classmethod
    def at(cls, folder: Path, manifest: builds.Manifest, server: str | None = None) -> "Snapshot":
        """The build in this folder, which need not be published yet. ``server``: see ``Settings.vector_server``."""
        server = get_settings().vector_server if server is None else server
        vectors = open_vectors(folder, manifest.vectors, server=server)
        damaged = IndexError_(
            f"Build {manifest.build} of the index is damaged", "crm-assistant index rollback"
        )
        with ExitStack() as opened:  # what was opened is closed again unless all of it is well
            opened.callback(vectors.close)
            try:
                db = opened.enter_context(closing(_opened(folder)))
                snapshot = cls(manifest, db, vectors)
            except sqlite3.DatabaseError as problem:
                raise damaged from problem
            if len(snapshot) != len(vectors):
                raise damaged
            opened.pop_all()
        return snapshot

    def close(self) -> None:
        with self._lock:
            self._db.close()
        self.vectors.close()

    def __len__(self) -> int:
        return self._count

    # -- who may see what ---------------------------------------------------------------------------------

    def visible(
        self,
        role: Role,
        customer: str | None = None,
        *,
        kinds: Collection[str] | None = None,
        language: str | None = None,
        since: str | None = None,
        until: str | None = None,
        channel: str | None = None,
    ) -> Mask:
        """One bool per row: whether this search may find it. The only place where permission is decided.

        Nothing is visible that isn't named here: public articles to everyone; a customer's own interactions to that
        customer; all articles and interactions to agents and administrators, or one customer's interactions where
        ``customer`` is given. The other filters only take away. ``since`` and ``until`` are ISO dates, inclusive.
        """
        if role not in get_args(Role):
            raise PermissionDenied(f"Unknown role {role!r}", "one of " + ", ".join(get_args(Role)))
        chosen = None if kinds is None else tuple(sorted(kinds))
        return self._mask(role, customer, chosen, language, since, until, channel)

    def _visible(
        self,
        role: str,
        customer: str | None,
        kinds: tuple[str, ...] | None,
        language: str | None,
        since: str | None,
        until: str | None,
        channel: str | None,
    ) -> Mask:
        articles = self._kind.equals("article")
        owned = ~articles & self._customer.equals(customer) if customer else np.zeros(len(self), dtype=bool)
        if role in ("agent", "admin"):
            seen = articles | (owned if customer else ~articles)
        elif role == "customer":
            seen = (articles & self._audience.equals("public")) | (owned & self._audience.equals("customer"))
        else:
            seen = articles & self._audience.equals("public")
        if kinds is not None:
            seen &= self._kind.among(kinds)
        if language:
            seen &= self._language.equals(language)
        if channel:
            seen &= self._channel.equals(channel)
        if since or until:
            # a date without a time means the whole day; a row without a date is outside every span
            last = until or "9999"
            seen &= self._at.between(since or "0", last + "T99" if len(last) == 10 else last)
        seen.flags.writeable = False  # it is kept and shared
        return seen

    def not_in(self, language: str, allowed: Mask) -> Mask:
        """The ``allowed`` rows that aren't written in ``language``."""
        return allowed & ~self._language.equals(language)

    # -- candidates ---------------------------------------------------------------------------------------

    def by_words(self, words: Sequence[str], allowed: Mask, limit: int) -> Rows:
        """The allowed rows that share the most telling words with ``words``, best first (BM25 of FTS5)."""
        if not words or not allowed.any():
            return np.empty(0, np.int64)
        question = " OR ".join('"' + word.replace('"', "") + '"' for word in words)
        with self._lock:
            self._filter.allowed = allowed
            found = self._db.execute(
                "SELECT rowid FROM words WHERE words MATCH ? AND visible(rowid) ORDER BY bm25(words, 2.0, 1.0, 3.0) LIMIT ?",
                (question, limit),
            ).fetchall()
        return np.array([row for (row,) in found], dtype=np.int64)

    def by_vector(self, question: Vectors, allowed: Mask, limit: int) -> Rows:
        """The allowed rows nearest to ``question`` (d,), best first."""
        return self.vectors.search(question, limit, allowed)[0]

    def rows_of(self, source: str) -> list[int]:
        """Rows of all passages of one article or interaction, in order."""
        return [
            row for (row,) in self._all("SELECT row FROM passages WHERE source = ? ORDER BY row", (source,))
        ]

    # -- contents -----------------------------------------------------------------------------------------

    def hashes(self) -> dict[str, int]:
        """Content hash -> a row whose vector belongs to it."""
        return dict(self._all("SELECT hash, row FROM passages", ()))

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        """These columns of all passages, in row order."""
        return self._all(f"SELECT {columns} FROM passages ORDER BY row", ())

    def _document_count(self, word: str) -> int:
        """In how many passages a word occurs."""
        found = self._all("SELECT doc FROM vocabulary WHERE term = ?", (word,))
        return int(found[0][0]) if found else 0

    def _passage(self, row: int) -> StoredPassage:
        names = (
            "row", "id", "source", "kind", "title", "text", "audience", "language", "at", "customer_id", "channel",
            "keys", "words", "title_words",
        )  # fmt: skip
        (values,) = self._all(f"SELECT {', '.join(names)} FROM passages WHERE row = ?", (int(row),))
        named = dict(zip(names, values, strict=True))
        named["keys"] = frozenset(named["keys"].split())
        named["words"] = tuple(named["words"].split())
        named["title_words"] = frozenset(named["title_words"].split())
        return StoredPassage(**named)

    def _read_columns(self) -> None:
        names = ("kind", "audience", "language", "channel", "at", "customer_id")
        known: list[dict[str, int]] = [{} for _ in names]
        codes = np.zeros((len(names), len(self.vectors)), dtype=np.int32)
        count = 0
        with self._lock:
            for count, row in enumerate(
                self._db.execute(f"SELECT {', '.join(names)} FROM passages ORDER BY row"), start=1
            ):
                if count > len(self.vectors):
                    break  # more passages than vectors: told by at()
                for column, value in enumerate(row):
                    codes[column, count - 1] = known[column].setdefault(value or "", len(known[column]))
            self.mean_length = self.manifest.mean_words or float(
                self._db.execute(
                    "SELECT coalesce(avg(length(words) - length(replace(words, ' ', '')) + 1), 1) FROM passages"
                ).fetchone()[0]
            )
        self._count = count
        self._kind, self._audience, self._language, self._channel, self._at, self._customer = (
            _Column(column[:count], list(texts)) for column, texts in zip(codes, known, strict=True)
        )

    def _all(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()
