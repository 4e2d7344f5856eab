"""A file of any usual kind as rows: what it is, how it is written, and then one row after the other.

The content decides, not the file's name. Text is read as a stream, so a file may be larger than memory (JSON
arrays and compressed Excel or Parquet files excepted).
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

from assistant.errors import ImportFileError
from assistant.files import parse_json

SNIFF_BYTES = 1 << 16
LONGEST_CELL = 1 << 22  # characters; more than that in one cell is a quotation mark nobody closed
_DELIMITERS = ",;\t|"
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef\u3040-\u30ff]")
_BINARY = {
    b"\xd0\xcf\x11\xe0": ("an old Excel file (.xls)", "save it as .xlsx or CSV"),
    b"%PDF": ("a PDF", "export the table as CSV or XLSX"),
    b"SQLite format 3": ("an SQLite database", "export the table as CSV"),
    b"BZh": ("compressed with bzip2", "unpack it first: bunzip2 FILE"),
    b"\xfd7zXZ": ("compressed with xz", "unpack it first: unxz FILE"),
    b"(\xb5/\xfd": ("compressed with zstd", "unpack it first: unzstd FILE"),
    b"\x89PNG": ("a picture", "export the table as CSV or XLSX"),
    b"\xff\xd8\xff": ("a picture", "export the table as CSV or XLSX"),
    b"7z\xbc\xaf": ("a 7-Zip archive", "unpack it first"),
    b"Rar!": ("a RAR archive", "unpack it first"),
}


@dataclass(frozen=True)
class Row:
    """One row: its line in the file (from 1), its cells, and why it can't be read if it can't."""

    line: int
    cells: Sequence[Any]
    fault: str = ""


@dataclass(frozen=True)
class Table:
    """An opened file. ``rows()`` may be called again and again; every call starts at the first row."""

    path: Path
    format: str  # csv | whitespace | jsonl | json | parquet | xlsx
    columns: tuple[str, ...]
    rows: Callable[[], Iterator[Row]]
    encoding: str = ""
    delimiter: str = ""
    has_header: bool = True
    notes: tuple[str, ...] = field(default=())


def open_table(path: Path, *, encoding: str | None = None) -> Table:
    """Find out what ``path`` is and how to read it. Raises ImportFileError with a hint when it can't be read."""
    path = path.expanduser()
    if not path.exists():
        raise ImportFileError(
            f"There is no file {path}.", "check the path; relative ones start where you are"
        )
    if path.is_dir():
        raise ImportFileError(f"{path} is a folder.", "name one file in it")
    try:
        with _opened(path) as file:
            head = file.read(SNIFF_BYTES)
        if not head.strip():
            raise ImportFileError(f"{path} is empty.", "export it again, with its header line")
        if head.startswith(b"PAR1"):
            return _parquet(path)
        if head.startswith(b"PK\x03\x04"):
            return _xlsx(path)
        for magic, (what, hint) in _BINARY.items():
            if head.startswith(magic):
                raise ImportFileError(f"{path} is {what}, which can't be imported.", hint)
        return _text(path, head, encoding)
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise _damaged(path, error) from error
        raise ImportFileError(
            f"{path} can't be read: {error.strerror or error}.", "check that you may read it"
        ) from error
    except (EOFError, zlib.error) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ImportFileError:
    return ImportFileError(f"{path} is damaged or cut short: {error}.", "copy or export it again")


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def _seekable(path: Path) -> IO[bytes]:
    """The file for readers that jump about in it; a compressed one is unpacked in memory."""
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path.open("rb")
    with gzip.open(path, "rb") as packed:
        return io.BytesIO(packed.read())


# --- text


def _text(path: Path, head: bytes, encoding: str | None) -> Table:
    notes: list[str] = []
    marks = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    fallback = ""
    told = encoding is not None
    if encoding is not None:
        try:
            "".encode(encoding)
        except LookupError:
            raise ImportFileError(
                f"There is no encoding {encoding!r}.", "e.g. utf-8, cp1252, gb18030"
            ) from None
    elif head[:2] in marks:
        encoding = marks[head[:2]]
    elif len(head) > 20 and head[1::2].count(0) > 0.4 * len(head[1::2]):
        encoding = "utf-16-le"
    elif len(head) > 20 and head[0::2].count(0) > 0.4 * len(head[0::2]):
        encoding = "utf-16-be"
    elif b"\0" in head or sum(byte < 9 or 13 < byte < 32 for byte in head) > 0.02 * len(head):
        raise ImportFileError(
            f"{path} is a binary file, not a table of text.",
            "CSV, TSV, JSON, JSONL, Parquet and XLSX can be imported, also compressed with gzip",
        )
    else:
        encoding, fallback = _encoding(path)
        if fallback:
            notes.append(f"mixed encodings: lines that aren't UTF-8 are read as {fallback}")
        elif encoding not in ("utf-8", "utf-8-sig"):
            notes.append(f"not UTF-8: read as {encoding}")

    def lines() -> Iterator[str]:
        return _lines(path, encoding or "utf-8", fallback, strict=told)

    start = next((line for line in lines() if line.strip()), "").lstrip("\ufeff \t")
    if start.startswith(("{", "[")):
        return _json_table(path, start, lines, encoding, notes)
    return _delimited(path, lines, encoding, notes)


def _encoding(path: Path) -> tuple[str, str]:
    """(encoding, fallback): the fallback is for those lines of a UTF-8 file that aren't."""
    good = bad = 0
    strange: list[bytes] = []
    with _opened(path) as file:
        with_mark = False
        for number, line in enumerate(file):
            if number == 0 and line.startswith(b"\xef\xbb\xbf"):
                with_mark, line = True, line[3:]
            if line.isascii():
                continue
            try:
                line.decode("utf-8")
                good += 1
            except UnicodeDecodeError:
                bad += 1
                if len(strange) < 2000:
                    strange.append(line)
    if not bad:
        return ("utf-8-sig" if with_mark else "utf-8"), ""
    other = _legacy(b"".join(strange))
    return ("utf-8", other) if good >= bad or with_mark else (other, "")


def _legacy(sample: bytes) -> str:
    """The likeliest encoding of text that isn't UTF-8."""
    from charset_normalizer import from_bytes

    east = ["gb18030", "big5", "cp932", "euc_kr"]
    found = from_bytes(sample, cp_isolation=[*east, "cp1252", "cp1250", "cp1251"]).best()
    name = found.encoding if found is not None else "cp1252"
    if name not in ("gb18030", "big5", "cp932") and _is_everyday_chinese(sample, korean=name == "euc_kr"):
        return "gb18030"
    if name in east:
        # Western letters in a row can look like a Chinese character or two; then nearly all text stays Western.
        text = sample.decode(name, errors="replace")
        if len(_WIDE.findall(text)) < 0.5 * sum(not character.isascii() for character in text):
            name = "cp1252"
    if name == "cp1252":
        try:
            sample.decode("cp1252")
        except UnicodeDecodeError:
            return "latin-1"
    return name


def _is_everyday_chinese(sample: bytes, *, korean: bool) -> bool:
    """A few words are too little for statistics. But as GB2312, Chinese consists nearly only of its first 3,755
    characters, those of everyday use (first byte up to 0xD7); lower-case Cyrillic or Western letters don't.
    Where it may be ``korean``: modern Korean stays below 0xC9.
    """
    high = re.findall(rb"[\x80-\xff]+", sample)
    if any(len(run) % 2 for run in high):
        return False
    first = b"".join(run[::2] for run in high)
    second = b"".join(run[1::2] for run in high)
    common = sum(0xB0 <= byte <= 0xD7 for byte in first)
    marks = sum(0xA1 <= byte <= 0xA3 for byte in first)  # punctuation and wide letters
    if korean and max(first, default=0) <= 0xC8:
        return False
    return min(second, default=0) >= 0xA1 and common > 0 and common + marks >= 0.9 * len(first)


def _lines(path: Path, encoding: str, fallback: str, *, strict: bool) -> Iterator[str]:
    if encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32")):
        try:
            with io.TextIOWrapper(_opened(path), encoding=encoding, newline="") as text:
                yield from text
        except UnicodeError as error:
            raise _wrong_encoding(path, encoding) from error
        return
    with _opened(path) as file:
        first = file.read(SNIFF_BYTES)
    if b"\r" in first and b"\n" not in first:  # as old Macintoshes wrote
        with io.TextIOWrapper(_opened(path), encoding=encoding, errors="replace") as text:
            yield from text
        return
    plain = "utf-8" if encoding == "utf-8-sig" else encoding
    with _opened(path) as file:
        for number, raw in enumerate(file):
            if number == 0:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            try:
                yield raw.decode(plain)
            except UnicodeDecodeError:
                if strict:
                    raise _wrong_encoding(path, encoding, number + 1) from None
                if fallback:
                    yield raw.decode(fallback, errors="replace")
                else:
                    yield raw.decode(plain, errors="replace")


def _wrong_encoding(path: Path, encoding: str, line: int | None = None) -> ImportFileError:
    where = f" (line {line})" if line else ""
    return ImportFileError(
        f"{path} isn't written in {encoding}{where}.",
        "leave the encoding out to have it found, or name another",
    )


def _delimited(path: Path, lines: Callable[[], Iterator[str]], encoding: str, notes: list[str]) -> Table:
    sample = list(islice((line for line in lines() if line.strip()), 200))
    delimiter = _delimiter(sample)
    split = _splitter(delimiter, path)
    first_rows = list(islice(split(sample), 100))
    has_header = _is_header(first_rows)
    width = Counter(len(cells) for _, cells in first_rows).most_common(1)[0][0]
    if has_header:
        filled = [n for _, cells in first_rows[1:] for n, cell in enumerate(cells, 1) if cell.strip()]
        columns = _names(first_rows[0][1], max(filled, default=0))
    else:
        columns = tuple(str(number) for number in range(1, width + 1))
        notes.append(f"no header line: the columns are called 1 to {width}")

    def rows() -> Iterator[Row]:
        expected = len(columns)
        waiting_for_header = has_header
        for line, cells in split(lines()):
            if not cells or (len(cells) == 1 and not cells[0].strip() and expected > 1):
                continue
            if waiting_for_header:
                waiting_for_header = False
                continue
            if len(cells) > expected:
                if any(cell.strip() for cell in cells[expected:]):
                    yield Row(line, cells, f"{len(cells)} cells where {expected} are expected")
                    continue
                cells = cells[:expected]
            elif len(cells) < expected:
                cells = cells + [""] * (expected - len(cells))
            yield Row(line, cells)

    kind = "whitespace" if delimiter == " " else "csv"
    return Table(path, kind, columns, rows, encoding, delimiter, has_header, tuple(notes))


def _splitter(delimiter: str, path: Path) -> Callable[[Iterable[str]], Iterator[tuple[int, list[str]]]]:
    def by_space(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        for number, line in enumerate(lines, 1):
            yield number, line.split()

    def by_mark(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        csv.field_size_limit(LONGEST_CELL)
        raw: list[str] = []  # the lines of the row that is being read

        def kept() -> Iterator[str]:
            for text in lines:
                raw.append(text)
                yield text

        reader = csv.reader(kept(), delimiter=delimiter)
        line = 0
        try:
            while True:
                line = reader.line_num + 1
                raw.clear()
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                if len(raw) > 1 and _left_open(raw, delimiter):
                    raise csv.Error("the file ends inside a cell")
                yield line, cells
        except csv.Error as error:
            raise ImportFileError(
                f'{path}, line {line}: {error}; probably a quotation mark (") that is never closed.',
                "mend that line, or export the file again",
            ) from error

    return by_space if delimiter == " " else by_mark


def _left_open(lines: Sequence[str], delimiter: str) -> bool:
    """Whether the last cell of a row's ``lines`` begins with a quotation mark and has no other at its end."""
    try:
        list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _delimiter(sample: Sequence[str]) -> str:
    """The mark that cuts the sample's lines into the same number of cells, more than one, most often."""
    best, best_score = ",", 0.0
    for mark in _DELIMITERS:
        try:
            widths = Counter(len(cells) for cells in csv.reader(sample, delimiter=mark))
        except csv.Error:
            continue
        width, times = widths.most_common(1)[0]
        score = times / max(1, sum(widths.values())) + 0.001 * width if width > 1 else 0.0
        if score > best_score:
            best, best_score = mark, score
    if best_score < 0.5:
        widths = Counter(len(line.split()) for line in sample)
        width, times = widths.most_common(1)[0]
        if width > 1 and times / len(sample) >= 0.8:
            return " "
    return best


_DATA = re.compile(r"[-+(]?[\d.,:/\s%€$£¥-]*\d[\d.,:/\s%€$£¥)TZ-]*$")


def _is_header(rows: Sequence[tuple[int, Sequence[str]]]) -> bool:
    """Names in the first row: none of them a number or a date; each name once, unless there are numbers below it."""
    first = [cell.strip() for cell in rows[0][1]]
    if any(_DATA.match(cell) for cell in first if cell):
        return False
    if len(rows) == 1:
        return True
    if len({cell for cell in first if cell}) == len([cell for cell in first if cell]):
        return True
    return any(_DATA.match(cell.strip()) for _, cells in rows[1:] for cell in cells if cell.strip())


def _names(cells: Sequence[Any], filled: int = 0) -> tuple[str, ...]:
    """Column names: trimmed, numbered where blank, told apart where the same. Blank ones at the end are no columns,
    but for the first ``filled``, which hold something."""
    names: dict[str, None] = {}
    for number, cell in enumerate(cells, 1):
        name = (
            " ".join(str(cell if cell is not None else "").replace("\ufeff", "").split())
            or f"column {number}"
        )
        base, again = name, 2
        while name in names:
            name, again = f"{base} ({again})", again + 1
        names[name] = None
    found = list(names)
    while (
        len(found) > max(filled, 1)
        and re.fullmatch(r"column \d+", found[-1])
        and not str(cells[len(found) - 1] or "").strip()
    ):
        found.pop()
    return tuple(found)


# --- JSON


def _json_table(
    path: Path, start: str, lines: Callable[[], Iterator[str]], encoding: str, notes: list[str]
) -> Table:
    line_by_line = start.startswith("{")
    if line_by_line:
        try:
            parse_json(start)
        except ValueError:
            line_by_line = False

    def documents() -> Iterator[tuple[int, Any, str]]:
        if not line_by_line:
            for number, value in enumerate(_json_array(path, "".join(lines())), 1):
                yield number, value, ""
            return
        for number, line in enumerate(lines(), 1):
            if not line.strip():
                continue
            try:
                yield number, parse_json(line), ""
            except ValueError:
                yield number, line.rstrip("\n"), "not JSON"

    def records() -> Iterator[tuple[int, dict[str, Any], str]]:
        for number, value, fault in documents():
            if fault or not isinstance(value, dict):
                yield number, {"": value}, fault or "not a JSON object"
                continue
            for flat in _flat(value):
                yield number, flat, ""

    names: dict[str, None] = {}
    for _, record, fault in records():
        if not fault:
            names.update(dict.fromkeys(record))
    if not names:
        raise ImportFileError(f"{path} holds no JSON objects.", "one object per line, or an array of objects")
    columns = tuple(names)

    def rows() -> Iterator[Row]:
        for number, record, fault in records():
            if fault:
                yield Row(number, [record[""]], fault)
            else:
                yield Row(number, [record.get(name) for name in columns])

    return Table(path, "jsonl" if line_by_line else "json", columns, rows, encoding, notes=tuple(notes))


def _json_array(path: Path, text: str) -> list[Any]:
    try:
        value = parse_json(text)
    except ValueError as error:
        raise ImportFileError(f"{path} isn't valid JSON: {error}.", "export it again") from error
    if isinstance(value, dict):
        lists = [item for item in value.values() if isinstance(item, list)]
        value = lists[0] if len(lists) == 1 else [value]
    if not isinstance(value, list):
        raise ImportFileError(f"{path} holds no list of objects.", "an array of objects, or one per line")
    return value


def _flat(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Objects inside become ``outer.inner``; a list of objects (an order's lines) becomes one row each."""
    flat: dict[str, Any] = {}
    many: tuple[str, list[dict[str, Any]]] | None = None
    for key, value in record.items():
        if isinstance(value, dict):
            flat.update({f"{key}.{inner}": _plain(item) for inner, item in value.items()})
        elif many is None and isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
            many = (key, value)
        else:
            flat[key] = _plain(value)
    if many is None:
        yield flat
        return
    for item in many[1]:
        yield {**flat, **{f"{many[0]}.{inner}": _plain(value) for inner, value in item.items()}}


def _plain(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else value


# --- Parquet and Excel


def _parquet(path: Path) -> Table:
    import pyarrow
    import pyarrow.parquet

    try:
        with _seekable(path) as file:
            columns = tuple(pyarrow.parquet.ParquetFile(file).schema_arrow.names)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise _damaged(path, error) from error

    def rows() -> Iterator[Row]:
        line = 0
        try:
            with _seekable(path) as file:
                for batch in pyarrow.parquet.ParquetFile(file).iter_batches(batch_size=8192):
                    for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                        line += 1
                        yield Row(line, [_plain(cell) for cell in cells])
        except (pyarrow.ArrowInvalid, OSError) as error:
            raise _damaged(path, error) from error

    return Table(path, "parquet", columns, rows)


def _xlsx(path: Path) -> Table:
    import warnings
    import zipfile

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    def sheet_rows() -> Iterator[tuple[int, tuple[Any, ...]]]:
        with _seekable(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and validations, which don't matter here
            try:
                book = openpyxl.load_workbook(file, read_only=True, data_only=True)
                sheet = book.worksheets[0]
                sheet.reset_dimensions()  # some programs write a wrong size
                for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
                    if any(cell is not None and str(cell).strip() for cell in cells):
                        yield number, cells
            except (  # all that a damaged workbook makes the reader stumble over
                *(ArithmeticError, AttributeError, EOFError, LookupError, OSError, SyntaxError, TypeError),
                *(ValueError, zlib.error, zipfile.BadZipFile, InvalidFileException, NotImplementedError),
            ) as error:
                raise ImportFileError(
                    f"{path} is a zip archive, but not an Excel workbook that can be read ({error}).",
                    "unpack it, or save the table as .xlsx or CSV",
                ) from error

    first = next(sheet_rows(), None)
    if first is None:
        raise ImportFileError(f"{path}: the first sheet is empty.", "put the table on the first sheet")
    has_header = not any(isinstance(cell, int | float) for cell in first[1])
    columns = _names(first[1]) if has_header else tuple(str(n) for n in range(1, len(first[1]) + 1))

    def rows() -> Iterator[Row]:
        for number, cells in sheet_rows():
            if has_header and number == first[0]:
                continue
            width = len(columns)
            if any(cell is not None and str(cell).strip() for cell in cells[width:]):
                yield Row(number, cells, f"{len(cells)} cells where {width} are expected")
            else:
                yield Row(number, [*cells[:width], *[None] * (width - len(cells))])

    return Table(path, "xlsx", columns, rows, has_header=has_header)
