"""One SQLite file: connections for many threads, transactions, migrations.

Readers run beside the one writer (write-ahead log), so a page stays quick while something is written. The
standard library's ``sqlite3`` is all this needs; it opens a record in a few milliseconds.
"""

import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assistant.crm.schema import MIGRATIONS
from assistant.errors import RecordError

APPLICATION_ID = 0x43524D41  # "CRMA" in the file's header: tells our files from other SQLite files
BUSY_SECONDS = 30.0


class Database:
    """A SQLite file that several threads use: a pool of read-only connections and one for writing."""

    def __init__(
        self, path: Path, *, create: bool = True, migrations: Sequence[tuple[int, str, str]] = MIGRATIONS
    ) -> None:
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        self._pool_lock = threading.Lock()
        self._write_lock = threading.RLock()
        self._writing = threading.local()
        self._closed = False
        if not create and not path.exists():
            raise RecordError(
                f"There is no record at {path}.",
                "type: crm-assistant demo, or crm-assistant import orders FILE",
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordError(
                f"The home folder {path.parent} can't be used: {error.strerror or error}.",
                "choose another with --home FOLDER",
            ) from error
        with _explained(path):
            self._writer = self.connect()
            try:
                migrate(self._writer, path, migrations)
            except BaseException:
                self._writer.close()
                raise

    def connect(self) -> sqlite3.Connection:
        """A new connection with the settings every connection has; the caller closes it."""
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection that can't write; inside this thread's own transaction, that transaction's."""
        if getattr(self._writing, "depth", 0):
            yield self._writer
            return
        self._check_open()
        with self._pool_lock:
            connection = self._idle.pop() if self._idle else None
        with _explained(self.path):
            if connection is None:
                connection = self.connect()
                connection.execute("PRAGMA query_only = ON")
            try:
                yield connection
            finally:
                with self._pool_lock:
                    if self._closed:
                        connection.close()
                    else:
                        self._idle.append(connection)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, kept if the block ends well and undone if it doesn't; may be nested."""
        with self._write_lock, _explained(self.path):
            self._check_open()
            depth = getattr(self._writing, "depth", 0)
            self._writing.depth = depth + 1
            try:
                if depth:
                    yield self._writer
                    return
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    yield self._writer
                    self._writer.execute("COMMIT")
                except BaseException:
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
                    raise
            finally:
                self._writing.depth = depth

    def rows(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        with self.read() as connection:
            return connection.execute(sql, params).fetchall()

    def row(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Row | None:
        with self.read() as connection:
            found: sqlite3.Row | None = connection.execute(sql, params).fetchone()
            return found

    def execute(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        """One statement in its own transaction, or in the one this thread is in."""
        with self.write() as connection:
            return connection.execute(sql, params)

    def checkpoint(self) -> None:
        """Move everything from the log into the file and empty the log, as far as nobody reads from it."""
        with self._write_lock:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        with self._write_lock, self._pool_lock:
            self._closed = True
            for connection in self._idle:
                connection.close()
            self._idle.clear()
            self._writer.close()

    def _check_open(self) -> None:
        if self._closed:
            raise RecordError(f"The record {self.path} has been closed.")


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[tuple[int, str, str]]) -> None:
    """Bring the file to the newest schema, one transaction per step; a failed step changes nothing."""
    version = _version(connection)
    newest = migrations[-1][0]
    if version > newest:
        raise RecordError(
            f"The record {path} has schema {version}; this program knows schemas up to {newest}.",
            "type: pip install --upgrade crm-assistant, or choose another home with --home FOLDER",
        )
    if version == 0:
        _refuse_strangers(connection, path)
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        connection.execute("PRAGMA journal_mode = WAL")
    if version == newest:
        return
    # Rebuilding a table that others point at needs the keys off, which can't be switched in a transaction.
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        for number, _, script in migrations:
            connection.execute("BEGIN IMMEDIATE")
            try:
                if number > _version(connection):  # another process may have been quicker
                    for statement in _statements(script):
                        connection.execute(statement)
                    broken = connection.execute("PRAGMA foreign_key_check").fetchone()
                    if broken is not None:
                        raise sqlite3.IntegrityError(
                            f"step {number} leaves rows of {broken[0]} that point nowhere"
                        )
                    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    connection.execute(f"PRAGMA user_version = {number}")
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
    finally:
        connection.execute("PRAGMA foreign_keys = ON")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _refuse_strangers(connection: sqlite3.Connection, path: Path) -> None:
    mine = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' LIMIT 1").fetchone()
    if tables is not None and not mine:
        raise RecordError(
            f"{path} is a database of another program (it has a table {tables[0]!r}).",
            "choose another home with --home FOLDER",
        )


def _statements(script: str) -> Iterator[str]:
    # executescript() would commit behind our back, so the script is split here
    statement = ""
    for part in re.split("(?<=;)", script):
        statement += part
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """SQLite's and the system's errors as errors a person can act on."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise RecordError(f"The record refuses this: {error}.", _integrity_hint(str(error))) from error
    except sqlite3.OperationalError as error:
        text = str(error)
        if "full" in text:
            hint = f"free some space on the disk of {path.parent}; nothing was changed"
        elif "locked" in text or "busy" in text:
            hint = "another process is writing to it; wait until it is done and try again"
        elif "readonly" in text or "unable to open" in text:
            hint = f"check that you may write to {path.parent}, or choose another home with --home FOLDER"
        else:
            raise
        raise RecordError(f"The record {path} can't be used: {text}.", hint) from error
    except sqlite3.DatabaseError as error:
        if "not a database" not in str(error) and "malformed" not in str(error):
            raise
        raise RecordError(
            f"{path} is damaged or isn't a record: {error}.",
            "move it away and restore a copy, or choose another home with --home FOLDER",
        ) from error


def _integrity_hint(text: str) -> str:
    if "FOREIGN KEY" in text:
        return "a row names a customer, product, order or offer that the record doesn't hold: add that first"
    if "NOT NULL" in text:
        return "a needed value is missing"
    return ""
