"""The vectors in PostgreSQL with pgvector: for a company whose index outgrows the memory of one machine.

PostgreSQL rather than an engine of its own kind: companies run, back up and watch it already, Debian ships the server
and pgvector adds HNSW search in it. Set ``CRM_ASSISTANT_VECTOR_SERVER=postgresql://user@host/database``; the next
``index build`` puts the vectors there, one table per build, so publishing and rolling back stay as they are.

What may be seen goes along as one bit per row and is asked inside the index scan, which goes on until enough visible
rows are found (pgvector's iterative scan); where few rows may be seen they are compared one by one.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from assistant.errors import IndexError_
from assistant.knowledge.vectors import Mask, Rows, Vectors

SCHEMA = "crm_assistant"
EXACT_UP_TO = 10_000  # visible rows that are compared one by one
_HNSW_FROM = 20_000  # rows below which an index isn't worth its making
_TRIES = 2
_Answer = TypeVar("_Answer")


class PostgresVectors:
    """One table of vectors on a server; every search is one statement."""

    def __init__(self, server: str, table: str, count: int, dimension: int) -> None:
        self._server = server
        self._table = table
        self._count = count
        self._dimension = dimension
        self._pool = _pool(server)

    @classmethod
    def write(cls, server: str, name: str, matrix: Vectors) -> dict[str, Any]:
        """Put ``matrix`` (n, d) into a new table; all of it or nothing."""
        psycopg = _psycopg()
        count, dimension = matrix.shape
        table = f"{SCHEMA}.{name}"
        try:
            with psycopg.connect(server) as connection:
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
                _register(connection)
                connection.execute(f"DROP TABLE IF EXISTS {table}")
                connection.execute(
                    f"CREATE TABLE {table} (row integer PRIMARY KEY, vector vector({dimension}) NOT NULL)"
                )
                with connection.cursor().copy(f"COPY {table} FROM STDIN WITH (FORMAT BINARY)") as copy:
                    copy.set_types(["int4", "vector"])
                    for row in range(count):
                        copy.write_row((row, np.asarray(matrix[row], dtype=np.float32)))
                if count >= _HNSW_FROM:
                    connection.execute("SET LOCAL maintenance_work_mem = '1GB'")
                    connection.execute(f"CREATE INDEX ON {table} USING hnsw (vector vector_ip_ops)")
                connection.execute(f"ANALYZE {table}")
        except psycopg.Error as problem:
            raise _told(problem) from problem
        return {"engine": "postgres", "table": table, "count": count, "dimension": dimension}

    @classmethod
    def open(cls, server: str, engine: dict[str, Any]) -> "PostgresVectors":
        """Raises IndexError_ where the server can't be reached or doesn't hold this build."""
        if not server:
            raise IndexError_(
                "The vectors of this index are on a PostgreSQL server, and none is set",
                "set CRM_ASSISTANT_VECTOR_SERVER, or: crm-assistant index build",
            )
        psycopg, table = _psycopg(), str(engine["table"])
        try:
            with psycopg.connect(server, connect_timeout=10) as connection:
                found = connection.execute("SELECT to_regclass(%s)", (table,)).fetchone()
        except psycopg.Error as problem:
            raise _told(problem) from problem
        if found is None or found[0] is None:
            raise IndexError_(
                f"The PostgreSQL server doesn't hold the table {table} of this index",
                "crm-assistant index rollback, or index build",
            )
        return cls(server, table, int(engine["count"]), int(engine["dimension"]))

    def close(self) -> None:
        self._pool.close()

    def __len__(self) -> int:
        return self._count

    def search(self, question: Vectors, k: int, allowed: Mask | None) -> tuple[Rows, Vectors]:
        visible = self._count if allowed is None else int(np.count_nonzero(allowed))
        k = min(k, visible)
        if k == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        asked = np.ascontiguousarray(question, dtype=np.float32)
        if allowed is None or visible == self._count:
            found = self._nearest("TRUE", (), asked, k)
        elif visible <= EXACT_UP_TO:
            found = self._compared("row = ANY(%s)", (np.flatnonzero(allowed).tolist(),), asked, k)
        else:
            bits = np.packbits(allowed, bitorder="little").tobytes()
            found = self._nearest("get_bit(%s::bytea, row) = 1", (bits,), asked, k)
            if len(found) < k:  # the scan gave up before it had enough
                found = self._compared("get_bit(%s::bytea, row) = 1", (bits,), asked, k)
        return (
            np.array([row for row, _ in found], dtype=np.int64),
            np.array([cosine for _, cosine in found], dtype=np.float32),
        )

    def rows(self, numbers: Rows) -> Vectors:
        if len(numbers) == 0:
            return np.empty((0, self._dimension), np.float32)
        sql = f"SELECT row, vector FROM {self._table} WHERE row = ANY(%s)"
        wanted = [int(number) for number in numbers]
        vectors = dict(self._ask(lambda c: c.execute(sql, (wanted,), binary=True).fetchall()))
        return np.array([np.asarray(_numbers(vectors[row]), dtype=np.float32) for row in wanted])

    def _nearest(self, where: str, values: tuple[Any, ...], question: Vectors, k: int) -> list[Any]:
        """By the HNSW index, which is scanned on until ``k`` rows pass ``where``."""
        sql = f"SELECT row, -(vector <#> %s) FROM {self._table} WHERE {where} ORDER BY vector <#> %s LIMIT %s"

        def ask(connection: Any) -> list[Any]:
            with connection.transaction():
                connection.execute(f"SET LOCAL hnsw.ef_search = {min(1000, max(100, 4 * k))}")
                connection.execute("SET LOCAL hnsw.iterative_scan = strict_order")
                connection.execute(f"SET LOCAL hnsw.max_scan_tuples = {max(20_000, self._count)}")
                return list(connection.execute(sql, (question, *values, question, k)).fetchall())

        return self._ask(ask)

    def _compared(self, where: str, values: tuple[Any, ...], question: Vectors, k: int) -> list[Any]:
        """By comparing with every row that passes ``where``."""
        sql = (
            f"WITH seen AS MATERIALIZED (SELECT row, vector FROM {self._table} WHERE {where})"
            " SELECT row, -(vector <#> %s) FROM seen ORDER BY vector <#> %s LIMIT %s"
        )
        return self._ask(lambda c: list(c.execute(sql, (*values, question, question, k)).fetchall()))

    def _ask(self, question: Callable[[Any], _Answer]) -> _Answer:
        """An answer of the server; a connection that broke in the meantime is replaced once."""
        psycopg = _psycopg()
        for last in range(_TRIES):
            try:
                with self._pool.connection(timeout=10) as connection:
                    return question(connection)
            except psycopg.Error as problem:
                if last + 1 == _TRIES or not isinstance(problem, psycopg.OperationalError):
                    raise _told(problem) from problem
        raise AssertionError("unreachable")


def table_name(home: Path, build: str) -> str:
    """The table of a build of this home folder, so that several homes can share a server."""
    return f"{_prefix(home)}{re.sub(r'[^0-9a-z]', '_', build)}"


def remove_tables(server: str, home: Path, keep: Sequence[str]) -> list[str]:
    """Drop this home's tables but those of the builds in ``keep``; the names of what was dropped."""
    psycopg = _psycopg()
    kept = {table_name(home, build) for build in keep}
    try:
        with psycopg.connect(server) as connection:
            found = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = %s", (SCHEMA,)
            ).fetchall()
            gone = [name for (name,) in found if name.startswith(_prefix(home)) and name not in kept]
            for name in gone:
                connection.execute(f"DROP TABLE {SCHEMA}.{name}")
    except psycopg.Error as problem:
        raise _told(problem) from problem
    return gone


def _prefix(home: Path) -> str:
    return "v" + hashlib.sha256(str(Path(home).expanduser().absolute()).encode()).hexdigest()[:10] + "_"


def _numbers(vector: Any) -> Any:
    return vector.to_numpy() if hasattr(vector, "to_numpy") else vector


def _psycopg() -> Any:
    try:
        import pgvector.psycopg
        import psycopg
        import psycopg_pool
    except ImportError as problem:
        raise IndexError_(
            "The packages for PostgreSQL are not installed", "pip install 'crm-assistant[postgres]'"
        ) from problem
    assert pgvector.psycopg and psycopg_pool
    return psycopg


def _register(connection: Any) -> None:
    from pgvector.psycopg import register_vector

    register_vector(connection)


def _pool(server: str) -> Any:
    _psycopg()
    from psycopg_pool import ConnectionPool

    return ConnectionPool(
        server, min_size=1, max_size=4, kwargs={"autocommit": True}, configure=_register, open=True
    )


def _told(problem: Exception) -> IndexError_:
    """For a person; no address is shown, as it may hold a password."""
    said = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
    return IndexError_(
        f"The PostgreSQL server of the vectors says: {said}",
        "check CRM_ASSISTANT_VECTOR_SERVER and that pgvector is installed there",
    )
