"""Bring a company's own file into the record: customers, products, orders or interactions.

Two passes over the file: the first surveys whole columns (how dates and numbers are written), the second cleans
row by row. What can't be kept goes to a rejects file with its line and the reason; nothing is dropped in silence.
"""

import contextlib
import csv
import hashlib
import json
import math
import os
import re
import shutil
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Any

from assistant.crm import cleaning
from assistant.crm.columns import ATTRIBUTE, IGNORE, KINDS, Guess, guess_roles, role_kinds
from assistant.crm.conversations import now
from assistant.crm.merging import GatheredOrders, GatheredRows
from assistant.crm.reading import Row, Table, open_table
from assistant.crm.store import Progress, Store
from assistant.errors import ImportFileError, RecordError

SAMPLE_ROWS = 5000
CHUNK_ROWS = 5000
_BAD = object()  # a cell that holds something, but not what its column holds
_EARLIEST = "1900"


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
    """Import ``path`` into the record as ``kind``: customers, products, orders or interactions.

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
        cleaner = _Cleaner(kind, table, guesses, surveys, numeric)
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
            rejects = _Rejects(store.home, path, kind, table.columns, dry_run)
            try:
                rows = duplicates = 0
                for chunk in _chunks(table.rows()):
                    records = []
                    for row in chunk:
                        record = cleaner.clean(row)
                        if record is None:
                            rejects.add(row, cleaner.reason)
                        elif gathered.is_repeated(row.cells) and cleaner.drops_repeated:
                            duplicates += 1
                            rejects.add(row, "exactly as an earlier row")
                        else:
                            records.append(record)
                    gathered.add(records)
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
                    _log(connection, report, path)
                    rejects.publish()
                gathered.end(keep=not dry_run)
            except BaseException:
                rejects.discard()
                raise
        finally:
            connection.close()  # an open transaction ends undone
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
        elif guess.role is None:
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


class _Cleaner:
    """Rows of cells to records of roles; counts why rows were refused and what was doubtful in the others."""

    def __init__(
        self,
        kind: str,
        table: Table,
        guesses: Sequence[Guess],
        surveys: Mapping[str, cleaning.Survey],
        numeric: set[str],
    ) -> None:
        self.kind = kind
        self.reason = ""
        self.reasons: Counter[str] = Counter()
        self.remarks: Counter[str] = Counter()
        self.roles = {g.role: g.column for g in guesses if g.role and g.role != IGNORE}
        self._latest = (datetime.now() + timedelta(days=1)).isoformat(timespec="seconds")
        kinds = role_kinds(kind)
        self._columns: list[tuple[int, str, str, Callable[[Any], Any], dict[Any, Any]]] = []
        self._others: list[tuple[int, str, bool]] = []
        self._limits: dict[str, tuple[float, float]] = {}
        for at, guess in enumerate(guesses):
            if guess.role == IGNORE:
                continue
            if guess.role is None or guess.role == ATTRIBUTE:
                self._others.append((at, guess.column, guess.column in numeric))
                continue
            survey = surveys.get(guess.column)
            parse = _parser(kinds[guess.role], survey, self._latest)
            self._columns.append((at, guess.column, guess.role, parse, {}))
            if survey is not None and survey.kind == "number":
                self._limits[guess.role] = survey.limits()
        has = self.roles.keys()
        self.has_lines = bool({"product_id", "product", "quantity", "unit_price", "amount"} & has)
        # without an order number two equal rows may be two purchases
        self.drops_repeated = kind != "orders" or "order_id" in has
        self._critical = {
            "orders": {"customer_id", "ordered_at", "quantity", "unit_price", "amount", "total"},
            "customers": {"id"},
            "products": {"id", "price"},
            "interactions": {"id", "customer_id", "at", "text"},
        }[kind]
        self._money_column = next(
            (at for at, _, role, _, _ in self._columns if role in ("unit_price", "amount", "total", "price")),
            None,
        )
        self.currencies: Counter[str] = Counter()

    @property
    def stored_columns(self) -> list[str]:
        """Columns of the record that this file has values for."""
        names = [name for name in self.roles if name not in ("first_name", "last_name")]
        if {"first_name", "last_name"} & self.roles.keys() and "name" not in names:
            names.append("name")
        if self.kind == "products" and self._money_column is not None and "currency" not in names:
            names.append("currency")
        return names

    def clean(self, row: Row) -> dict[str, Any] | None:
        """The row as a record, or None with ``reason`` set (and counted)."""
        self.reason = row.fault or ""
        if row.fault:
            self.reasons[re.sub(r"\d+", "N", row.fault, count=1)] += 1
            return None
        cells = row.cells
        record: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        for at, column, role, parse, cache in self._columns:
            cell = cells[at]
            try:
                value = cache[cell]
            except KeyError:
                if len(cache) > 50_000:
                    cache.clear()
                value = cache[cell] = parse(cell)
            if value is None:
                if role not in self._critical:
                    self.remarks[f"{column} is blank"] += 1
            elif value is _BAD or value.__class__ is _Fault:
                if role in self._critical:
                    return self._refuse(f"{column} {value.text if value is not _BAD else 'can not be read'}")
                self.remarks[f"{column} can't be read as {role}, kept as an attribute"] += 1
                attributes[column] = str(cell)
                continue
            record[role] = value
        for at, column, is_number in self._others:
            cell = cells[at]
            if cell is None or (cell.__class__ is str and not cell.strip()):
                self.remarks[f"{column} is blank"] += 1
            else:
                attributes[column] = _attribute(cell, is_number)
        record["attributes"] = json.dumps(attributes, ensure_ascii=False, default=str) if attributes else "{}"
        if self._money_column is not None and record.get("currency") is None:
            record["currency"] = cleaning.parse_currency(cells[self._money_column])
        if (currency := record.get("currency")) is not None:
            self.currencies[currency] += 1
        return getattr(self, f"_check_{self.kind}")(record)

    def _refuse(self, reason: str) -> None:
        self.reason = reason
        self.reasons[reason] += 1

    def _outliers(self, record: dict[str, Any]) -> None:
        for role, (low, high) in self._limits.items():
            value = record.get(role)
            if value is not None and not low <= value <= high:
                self.remarks[f"{self.roles[role]} is an outlier (beyond {_short(high)})"] += 1

    def _check_orders(self, record: dict[str, Any]) -> dict[str, Any] | None:
        get = record.get
        if get("customer_id") is None:
            record["customer_id"] = get("customer_email")
            if record["customer_id"] is None:
                return self._refuse("no customer")
        if get("ordered_at") is None:
            return self._refuse("no date")
        if "order_id" in self.roles:
            if get("order_id") is None:
                return self._refuse("no order number")
        else:
            record["order_id"] = (
                f"{record['customer_id']}-{re.sub('[-:]|T00:00:00', '', record['ordered_at'])}"
            )
        if self.has_lines and not self._complete_line(record):
            return None
        if get("product_id") is None and get("product") is not None:
            record["product_id"] = record["product"]
        self._outliers(record)
        return record

    def _complete_line(self, record: dict[str, Any]) -> bool:
        quantity, price, amount = record.get("quantity"), record.get("unit_price"), record.get("amount")
        if quantity == 0:
            self._refuse(f"{self.roles['quantity']} is 0")
            return False
        if price is not None and price < 0:
            self._refuse(f"{self.roles['unit_price']} is below 0")
            return False
        for role in ("quantity", "unit_price", "amount"):
            if role in self.roles and record.get(role) is None:
                self.remarks[f"{self.roles[role]} is blank"] += 1
        if quantity is None:
            quantity = -1.0 if amount is not None and amount < 0 else 1.0
        if price is None and amount is not None:
            price = round(abs(amount / quantity), 4)
        elif amount is None and price is not None:
            amount = round(quantity * price, 4)
        elif amount is not None and amount > 0 > quantity:
            amount = -amount
        if price == 0:
            self.remarks[f"{self.roles.get('unit_price') or self.roles['amount']} is 0"] += 1
        record["quantity"], record["unit_price"], record["amount"] = quantity, price, amount
        return True

    def _check_customers(self, record: dict[str, Any]) -> dict[str, Any] | None:
        if record.get("id") is None:
            record["id"] = record.get("email")
            if record["id"] is None:
                return self._refuse("no customer id")
        if record.get("name") is None:
            names = [record[role] for role in ("first_name", "last_name") if record.get(role)]
            record["name"] = " ".join(names) or None
        return record

    def _check_products(self, record: dict[str, Any]) -> dict[str, Any] | None:
        if record.get("id") is None:
            record["id"] = record.get("name")
            if record["id"] is None:
                return self._refuse("no product code")
        if (record.get("price") or 0) < 0:
            return self._refuse(f"{self.roles['price']} is below 0")
        self._outliers(record)
        return record

    def _check_interactions(self, record: dict[str, Any]) -> dict[str, Any] | None:
        for role, what in (("customer_id", "customer"), ("at", "date"), ("text", "text")):
            if record.get(role) is None:
                return self._refuse(f"no {what}")
        if record.get("id") is None:
            told = "\0".join(
                str(record.get(role)) for role in ("customer_id", "at", "channel", "author", "text")
            )
            record["id"] = "IM-" + hashlib.sha256(told.encode()).hexdigest()[:16]
        return record


@dataclass(frozen=True)
class _Fault:
    text: str


def _parser(kind: str, survey: cleaning.Survey | None, latest: str) -> Callable[[Any], Any]:
    """A function from a cell to a value, None for blank, or what is wrong with it."""
    day_first = survey.day_first if survey is not None and survey.kind == "date" else True
    decimal = survey.decimal if survey is not None and survey.kind == "number" else "."

    def moment(cell: Any) -> Any:
        value = cleaning.parse_moment(cell, day_first)
        if value is None:
            return _Fault("is no date")
        if value > latest:
            return _Fault("is in the future")
        if value < _EARLIEST:
            return _Fault("is before 1900")
        return value if kind == "moment" else value[:10]

    def number(cell: Any) -> Any:
        value = cleaning.parse_number(cell, decimal)
        return _Fault("is no number") if value is None else value

    def rating(cell: Any) -> Any:
        value = cleaning.parse_number(cell)
        return int(value) if value is not None and value == int(value) and 0 <= value <= 10 else _BAD

    def or_bad(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def parsed(cell: Any) -> Any:
            value = parse(cell)
            return _BAD if value is None else value

        return parsed

    by_kind: dict[str, Callable[[Any], Any]] = {
        "id": cleaning.parse_id,
        "text": cleaning.parse_text,
        "long": cleaning.parse_long_text,
        "email": cleaning.parse_text,
        "phone": cleaning.parse_id,
        "number": number,
        "day": moment,
        "moment": moment,
        "flag": or_bad(cleaning.parse_flag),
        "currency": or_bad(cleaning.parse_currency),
        "rating": rating,
    }
    parse = by_kind[kind]
    return lambda cell: None if cleaning.is_blank(cell) else parse(cell)


def _attribute(cell: Any, is_number: bool) -> Any:
    if isinstance(cell, str):
        text = cell.strip()
        if is_number:
            return float(text) if "." in text else int(text)
        return text
    if isinstance(cell, float) and not math.isfinite(cell):
        return str(cell)
    return cell


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2f}"


def _notes(table: Table, cleaner: _Cleaner, surveys: Mapping[str, cleaning.Survey]) -> list[str]:
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


def _log(connection: sqlite3.Connection, report: ImportReport, path: Path) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    connection.execute(
        "INSERT INTO imports (at, kind, file, sha256, accepted, rejected, report) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            now(), report.kind, report.file, digest.hexdigest(), report.accepted, report.rejected,
            json.dumps(report.as_dict(), ensure_ascii=False, default=str),
        ),
    )  # fmt: skip


class _Rejects:
    """The file of rows that were left out: written beside its place, put there when the import succeeds."""

    def __init__(self, home: Path, path: Path, kind: str, columns: Sequence[str], dry_run: bool) -> None:
        self._place = home / "rejects" / f"{path.name}.{kind}.csv"
        self._header = ["line", "reason", *columns]
        self._dry_run = dry_run
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
            os.replace(self._file.name, self._place)
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
