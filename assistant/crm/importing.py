"""Bring a company's own file into the record: customers, products, orders or interactions.

Two passes over the file: the first surveys whole columns (how dates and numbers are written), the second cleans
row by row. What can't be kept goes to a rejects file with its line and the reason; nothing is dropped in silence.
"""

import contextlib
import csv
import hashlib
import json
import os
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from assistant.crm import cleaning
from assistant.crm.columns import KINDS, Guess, guess_roles, role_kinds
from assistant.crm.conversations import now
from assistant.crm.merging import GatheredOrders, GatheredRows
from assistant.crm.reading import Row, Table, open_table
from assistant.crm.rows import Cleaner
from assistant.crm.store import Progress, Store
from assistant.errors import ImportFileError, RecordError

SAMPLE_ROWS = 5000
CHUNK_ROWS = 5000
# no numbers, even where they look like some
_POSTCODE = re.compile(r"(?:zip|post(?:al)?[ _]?code|plz|邮编)$", re.I)


@dataclass(frozen=True)
class ImportReport:
    """What an import found and did.

    ``rows = accepted + rejected + duplicates`` counts rows of the file; ``added``, ``updated`` and ``unchanged``
    count records of the kind that was imported. ``problems`` counts everything doubtful by its reason: the
    reasons for rejecting rows (also in ``reasons``) and remarks on rows that were kept.
    """

    kind: str
    file: str
    rows: int
    accepted: int
    rejected: int
    duplicates: int
    added: int
    updated: int
    unchanged: int
    found: dict[str, int]
    problems: dict[str, int]
    reasons: dict[str, int]
    mapping: dict[str, str]
    left_over: tuple[str, ...]
    columns: tuple[Guess, ...]
    notes: tuple[str, ...]
    rejects_file: Path | None
    seconds: float
    dry_run: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **asdict(self),
            "rejects_file": str(self.rejects_file) if self.rejects_file else None,
            "left_over": list(self.left_over),
            "notes": list(self.notes),
            "columns": [asdict(guess) for guess in self.columns],
        }

    def lines(self) -> list[str]:
        """For people."""
        tried = " (a try: nothing was written)" if self.dry_run else ""
        lines = [f"{self.file}: {self.rows:,} rows read as {self.kind}{tried}"]
        width = max((len(guess.column) for guess in self.columns), default=0)
        for guess in self.columns:
            meaning = f"{guess.role} ({guess.why})" if guess.role else guess.why
            lines.append(
                f"  {guess.column:<{width}}  ->  {meaning}"
                + (f"   e.g. {guess.example}" * bool(guess.example))
            )
        lines.append(
            f"kept {self.accepted:,} rows, rejected {self.rejected:,}, left out {self.duplicates:,} exact duplicates"
        )
        lines.append(
            f"{self.kind}: {self.added:,} new, {self.updated:,} updated, {self.unchanged:,} unchanged"
        )
        others = [f"{number:,} {what}" for what, number in self.found.items() if number and what != self.kind]
        if others:
            lines.append("found " + ", ".join(others))
        for problem, number in sorted(self.problems.items(), key=lambda item: -item[1]):
            sort = "rejected" if problem in self.reasons else "noted"
            lines.append(f"  {number:,} x {problem} ({sort})")
        lines.extend(f"note: {note}" for note in self.notes)
        if self.rejects_file:
            lines.append(f"rejected rows and duplicates are in {self.rejects_file}")
        return lines


def import_file(
    store: Store,
    kind: str,
    path: Path | str,
    *,
    mapping: dict[str, str] | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    encoding: str | None = None,
) -> ImportReport:
    """Import ``path`` into the record as ``kind``: one of ``KINDS``.

    ``mapping`` (column to role, e.g. ``{"Ref": "customer_id"}``; ``attribute`` and ``ignore`` are roles too)
    overrules the guesses. ``dry_run`` reports everything and writes nothing. Rows with a known key update it, so
    importing a file again changes nothing. All or nothing: an error or Ctrl-C leaves the record as it was.
    Raises ImportFileError with a hint for a file that can't be imported.
    """
    if kind not in KINDS:
        raise ImportFileError(f"{kind!r} can't be imported.", f"one of: {', '.join(KINDS)}")
    path = Path(path).expanduser()
    started = time.monotonic()
    table = open_table(path, encoding=encoding)
    _check_space(store.home, path)
    head = list(islice((row for row in table.rows() if not row.fault), SAMPLE_ROWS))
    if not head:
        raise ImportFileError(f"{path} has no rows below its header.", "export it again, with its data")
    sample = {column: [row.cells[at] for row in head] for at, column in enumerate(table.columns)}
    guesses = guess_roles(kind, table.columns, sample, mapping, has_header=table.has_header, file=path.name)
    with _explained(path, store.home):
        surveys, numeric, total = _survey(table, kind, guesses, progress)
        cleaner = Cleaner(kind, table, guesses, surveys, numeric)
        connection = store.database.connect()
        try:
            # lets Ctrl-C through while a long statement runs
            connection.set_progress_handler(lambda: 0, 200_000)
            gathered: GatheredOrders | GatheredRows
            if kind == "orders":
                gathered = GatheredOrders(
                    connection, lines=cleaner.has_lines, total_given="total" in cleaner.roles
                )
            else:
                gathered = GatheredRows(connection, kind, cleaner.stored_columns)
            digest = _digest(path)
            place = _rejects_place(connection, store.home, path.name, kind, digest)
            rejects = _Rejects(place, table.columns, dry_run)
            try:
                rows = duplicates = 0
                for chunk in _chunks(table.rows()):
                    kept = []
                    for row in chunk:
                        record = cleaner.clean(row)
                        if record is None:
                            rejects.add(row, cleaner.reason)
                        else:
                            kept.append((row, record))
                    if isinstance(gathered, GatheredRows):
                        orderless = gathered.orderless([record for _, record in kept])
                        for at in sorted(orderless):
                            rejects.add(kept[at][0], cleaner.refuse("its order isn't in the record"))
                        kept = [pair for at, pair in enumerate(kept) if at not in orderless]
                    repeated: set[int] = set()
                    if cleaner.drops_repeated:
                        repeated = gathered.repeated([row.cells for row, _ in kept])
                        duplicates += len(repeated)
                        for at in sorted(repeated):
                            rejects.add(kept[at][0], "exactly as an earlier row")
                    gathered.add([record for at, (_, record) in enumerate(kept) if at not in repeated])
                    rows += len(chunk)
                    if progress:
                        progress("cleaning", rows, total)
                if progress:
                    progress("saving", 0, None)
                gathered.begin()
                merged = gathered.merge()
                report = ImportReport(
                    kind=kind,
                    file=path.name,
                    rows=rows,
                    accepted=rows - duplicates - sum(cleaner.reasons.values()),
                    rejected=sum(cleaner.reasons.values()),
                    duplicates=duplicates,
                    added=merged.added,
                    updated=merged.updated,
                    unchanged=merged.unchanged,
                    found=merged.found,
                    problems=dict(cleaner.reasons + cleaner.remarks),
                    reasons=dict(cleaner.reasons),
                    mapping={g.column: g.role for g in guesses if g.role},
                    left_over=tuple(g.column for g in guesses if g.role is None),
                    columns=tuple(guesses),
                    notes=tuple(_notes(table, cleaner, surveys)),
                    rejects_file=rejects.target,
                    seconds=round(time.monotonic() - started, 2),
                    dry_run=dry_run,
                )
                if not dry_run:
                    _log(connection, report, digest)
                    rejects.publish()
                gathered.end(keep=not dry_run)
            except BaseException:
                rejects.discard()
                raise
        finally:
            connection.close()  # an open transaction ends undone
    if not dry_run:
        store.database.checkpoint()
    if progress:
        progress("saving", 1, 1)
    return report


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK_ROWS)):
        yield chunk


def _check_space(home: Path, path: Path) -> None:
    needed, free = 2 * path.stat().st_size, shutil.disk_usage(home).free
    if free < needed:
        raise ImportFileError(
            f"No space: importing {path.name} needs about {needed >> 20} MB in {home}, where {free >> 20} MB are free.",
            "free some space, or choose another home with --home FOLDER",
        )


def _survey(
    table: Table, kind: str, guesses: Sequence[Guess], progress: Progress | None
) -> tuple[dict[str, cleaning.Survey], set[str], int]:
    """Surveys of the columns with numbers and dates, the other columns that hold only plain numbers, and the rows."""
    kinds = role_kinds(kind)
    comma = table.delimiter == ";"
    surveys: dict[str, cleaning.Survey] = {}
    watched: list[tuple[int, cleaning.Survey]] = []
    open_columns: list[tuple[int, str]] = []
    for at, guess in enumerate(guesses):
        sort = {"number": "number", "day": "date", "moment": "date"}.get(kinds.get(guess.role or "", ""))
        if sort is not None:
            surveys[guess.column] = cleaning.Survey(sort, usual_comma=comma)
            watched.append((at, surveys[guess.column]))
        elif guess.role is None and not _POSTCODE.search(guess.column):
            open_columns.append((at, guess.column))
    plain = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?$")
    numeric = {column for _, column in open_columns}
    some_number: set[str] = set()
    total = 0
    for row in table.rows():
        total += 1
        if progress and total % 20_000 == 0:
            progress("reading", total, None)
        if row.fault:
            continue
        for at, survey in watched:
            survey.see(row.cells[at])
        for at, column in open_columns:
            if column in numeric:
                cell = row.cells[at]
                if isinstance(cell, str) and plain.match(cell.strip()):
                    some_number.add(column)
                elif isinstance(cell, str) and not cleaning.is_blank(cell):
                    numeric.discard(column)
    return surveys, numeric & some_number, total


def _notes(table: Table, cleaner: Cleaner, surveys: Mapping[str, cleaning.Survey]) -> list[str]:
    notes = list(table.notes)
    for column, survey in surveys.items():
        notes += survey.remarks(column)
    if len(cleaner.currencies) > 1:
        counted = ", ".join(f"{code} {number:,}" for code, number in cleaner.currencies.most_common())
        notes.append(f"several currencies, kept as they are and never added together: {counted} rows")
    if cleaner.kind == "orders" and "order_id" not in cleaner.roles:
        notes.append(
            "no order numbers: a customer's rows of one moment are one order, equal rows are all kept"
        )
    return notes


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _rejects_place(connection: sqlite3.Connection, home: Path, name: str, kind: str, digest: str) -> Path:
    """Where the rows go that this file loses: the same file's again where it went before, another file of that name
    beside it."""
    number = 1
    while True:
        place = home / "rejects" / f"{name}.{kind}{f'.{number}' if number > 1 else ''}.csv"
        last = connection.execute(
            "SELECT sha256 FROM imports WHERE report ->> 'rejects_file' = ? ORDER BY id DESC LIMIT 1",
            (str(place),),
        ).fetchone()
        if not place.exists() or (last is not None and last[0] == digest):
            return place
        number += 1


def _log(connection: sqlite3.Connection, report: ImportReport, digest: str) -> None:
    kept = report.as_dict()
    for guess in kept["columns"]:
        del guess["example"]  # may be somebody's name
    connection.execute(
        "INSERT INTO imports (at, kind, file, sha256, accepted, rejected, report) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            now(), report.kind, report.file, digest, report.accepted, report.rejected,
            json.dumps(kept, ensure_ascii=False, default=str),
        ),
    )  # fmt: skip


def last_imports(store: Store, limit: int) -> list[dict[str, Any]]:
    """The newest imports: ``id``, ``at``, ``kind``, ``file``, rows read, taken, rejected and left out, and ``problems``
    (counts by what cleaning found, those that were rejected for it among them)."""
    rows = store.database.rows(
        "SELECT id, at, kind, file, report FROM imports ORDER BY id DESC LIMIT ?", (limit,)
    )
    found = []
    for id, at, kind, file, report in rows:
        told = json.loads(report)
        numbers = {name: int(told.get(name, 0)) for name in ("rows", "accepted", "rejected", "duplicates")}
        found.append(
            {"id": id, "at": at, "kind": kind, "file": file, **numbers, "problems": told.get("problems", {})}
        )
    return found


def remove_leftovers(folder: Path) -> None:
    """Delete half-written rejects files of imports that were killed more than an hour ago."""
    for path in folder.glob(".writing-*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > 3600:
                path.unlink()


class _Rejects:
    """The file of rows that were left out: written beside its place, put there when the import succeeds."""

    def __init__(self, place: Path, columns: Sequence[str], dry_run: bool) -> None:
        self._place = place
        self._header = ["line", "reason", *columns]
        self._dry_run = dry_run
        remove_leftovers(self._place.parent)
        self._file: IO[str] | None = None
        self.target: Path | None = None

    def add(self, row: Row, reason: str) -> None:
        if self._dry_run:
            return
        if self._file is None:
            self._place.parent.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115
                "w", dir=self._place.parent, prefix=".writing-", newline="", encoding="utf-8", delete=False
            )
            self._writer = csv.writer(self._file)
            self._writer.writerow(self._header)
            self.target = self._place
        self._writer.writerow([row.line, reason, *row.cells])

    def publish(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            Path(self._file.name).replace(self._place)
            self._file = None

    def discard(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            Path(self._file.name).unlink(missing_ok=True)
            self._file = None


@contextlib.contextmanager
def _explained(path: Path, home: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "interrupted" in text:  # Ctrl-C came while SQLite was at work
            raise KeyboardInterrupt from error
        if "full" in text:
            raise _no_space(path, home) from error
        if "locked" in text or "busy" in text:
            raise RecordError(
                "Another process is writing to the record.", "wait until it is done and import again"
            ) from error
        raise
    except sqlite3.IntegrityError as error:
        raise RecordError(
            f"The record changed while {path.name} was read: {error}.", "nothing was written; import it again"
        ) from error
    except OSError as error:
        if error.errno == 28:
            raise _no_space(path, home) from error
        raise ImportFileError(
            f"{path.name} can't be imported: {error.strerror or error}.", f"check the file and {home}"
        ) from error


def _no_space(path: Path, home: Path) -> ImportFileError:
    return ImportFileError(
        f"The disk is full: {path.name} was not imported, the record is as it was.",
        f"free some space where {home} and the temporary files lie, and import again",
    )
