"""What is read into the index: a company's files and its customers' interactions, all as one type.

Every file format becomes markdown (or is markdown already), so that passages are cut in one way. Who may see a
document follows the stricter of what the document says of itself (front matter, ``<meta name="audience">``, a
column of an FAQ table), what ``documents.csv`` at the top of the folder says of it, and the folder it lies in
(``public/`` or ``internal/``). **A document that nobody called public is internal.**
"""

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

Audience = Literal["public", "internal", "customer"]
LARGEST_FILE = 64 * 1024 * 1024
TABLE_OF_DOCUMENTS = "documents.csv"

_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_QUESTION_COLUMNS = {"question", "questions", "q", "query", "title", "问题", "问", "标题", "常见问题"}
_ANSWER_COLUMNS = {
    "answer",
    "answers",
    "a",
    "response",
    "reply",
    "text",
    "content",
    "答案",
    "回答",
    "答",
    "内容",
    "回复",
}
_IGNORED = {TABLE_OF_DOCUMENTS, "policy.yaml", "thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Document:
    """One article, one row of an FAQ table, or one interaction, as markdown.

    ``source`` is the path below the knowledge base folder (``public/en/returns.md``) or
    ``interaction:IN-000123``. ``part`` tells the rows of one file apart (``row12``). ``at`` is an ISO date or
    date-time. ``keys`` are ids that must find this document exactly (order and product codes).
    """

    source: str
    kind: Literal["article", "interaction"]
    title: str
    text: str
    audience: Audience = "internal"
    language: str = "en"
    at: str | None = None
    customer_id: str | None = None
    channel: str | None = None
    part: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unreadable:
    """A file that was left out, and why, in words for a person."""

    source: str
    reason: str


@dataclass(frozen=True)
class _Said:
    """What is known of a file before its own words are read: from its folder and the table of documents."""

    title: str = ""
    language: str = ""
    updated: str | None = None
    audiences: tuple[str, ...] = field(default=())


def language_of(text: str) -> str:
    """``zh`` where Chinese characters carry the text, else ``en`` (the two languages that search tells apart)."""
    letters = sum(character.isalpha() for character in text)
    # one Chinese character says about as much as two or three Latin letters
    return "zh" if letters and len(_CJK.findall(text)) / letters >= 0.25 else "en"


def read_folders(kb_dirs: Sequence[Path]) -> Iterator[Document | Unreadable]:
    """All documents below these folders, in a stable order; what can't be read comes as :class:`Unreadable`."""
    taken: set[str] = set()
    for kb_dir in kb_dirs:
        if not kb_dir.is_dir():
            yield Unreadable(str(kb_dir), "no such folder")
            continue
        table, problem = _table_of_documents(kb_dir)
        if problem:
            yield problem
        for path in files_below(kb_dir):
            below = path.relative_to(kb_dir).as_posix()
            source = below if below not in taken else f"{kb_dir.name}/{below}"
            while source in taken:
                source = f"~{source}"
            taken.add(source)
            yield from read_file(path, source, _said_by_place(below, table.get(below, {})), top=kb_dir)


def read_file(
    path: Path, source: str, said: _Said | None = None, *, top: Path | None = None
) -> list[Document | Unreadable]:
    """The documents of one file: usually one, for an FAQ table one per row."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        return [Unreadable(source, f"files of type {path.suffix or '(none)'} aren't read")]
    try:
        if top is not None and not path.resolve().is_relative_to(top.resolve()):
            return [Unreadable(source, "a link that leads out of the folder")]
        size = path.stat().st_size
        if size > LARGEST_FILE:
            return [Unreadable(source, f"larger than {LARGEST_FILE // 2**20} MB ({size / 2**20:.0f} MB)")]
        if size == 0:
            return [Unreadable(source, "empty file")]
        documents = [
            doc for doc in reader(path, source, said or _said_by_place(source, {})) if doc.text.strip()
        ]
    except (
        Exception
    ) as problem:  # a reader may fail in any way on a damaged file; the others must still be read
        return [Unreadable(source, _reason(problem))]
    return list(documents) or [Unreadable(source, "no text in it (a scan without text, or an empty table?)")]


def interaction_documents(rows: Iterable[Mapping[str, Any]]) -> Iterator[Document]:
    """The record's interactions; each is for agents and for the customer it belongs to.

    One whose ``attributes`` say ``"internal": true`` is for agents only.
    """
    for row in rows:
        text = str(row.get("text") or "").strip()
        if not text:
            continue
        attributes = row.get("attributes") or {}
        if isinstance(attributes, str):
            attributes = json.loads(attributes)
        subject = str(row.get("subject") or "").strip()
        title = f"{row['channel']} {str(row['at'])[:10]}" + (f": {subject}" if subject else "")
        yield Document(
            source=f"interaction:{row['id']}",
            kind="interaction",
            title=title,
            text=text,
            audience="internal" if attributes.get("internal") else "customer",
            language=row.get("language") or language_of(text),
            at=row["at"],
            customer_id=row["customer_id"],
            channel=row["channel"],
            keys=tuple(
                str(row[key]) for key in ("id", "customer_id", "order_id", "product_id") if row.get(key)
            ),
        )


# -- audience, language, title -----------------------------------------------------------------------------


def audience_of(said: Iterable[str | None]) -> Audience:
    """Public only where something says ``public`` and nothing says otherwise."""
    words = {str(word).strip().lower() for word in said if word is not None and str(word).strip()}
    return "public" if words == {"public"} else "internal"


def _said_by_place(below: str, row: Mapping[str, str]) -> _Said:
    folders = [part.lower() for part in Path(below).parts[:-1]]
    audiences = [name for name in folders if name in ("public", "internal")]
    if row.get("audience"):
        audiences.append(row["audience"])
    language = row.get("language") or next(
        (name for name in reversed(folders) if re.fullmatch(r"[a-z]{2}", name)), ""
    )
    return _Said(row.get("title", ""), language.lower()[:2], row.get("updated") or None, tuple(audiences))


def _table_of_documents(kb_dir: Path) -> tuple[dict[str, dict[str, str]], Unreadable | None]:
    path = kb_dir / TABLE_OF_DOCUMENTS
    if not path.is_file():
        return {}, None
    try:
        rows = [
            {k.strip().lower(): (v or "").strip() for k, v in row.items() if k}
            for row in _csv_rows(_decoded(path))
        ]
        return {row["file"]: row for row in rows if row.get("file")}, None
    except Exception as problem:
        return {}, Unreadable(TABLE_OF_DOCUMENTS, _reason(problem))


def _document(
    source: str, said: _Said, text: str, own: Mapping[str, Any] | None = None, *, title: str = ""
) -> Document:
    """One article from its text, what it says of itself (``own``) and what its place says (``said``)."""
    own = own or {}
    heading = re.search(r"^#\s+(.+?)\s*#*$", text, re.MULTILINE)
    named = (
        str(own.get("title") or "").strip() or said.title or title or (heading.group(1) if heading else "")
    )
    updated = own.get("updated") or own.get("date") or said.updated
    return Document(
        source=source,
        kind="article",
        title=named or Path(source).stem.replace("-", " ").replace("_", " ").capitalize(),
        text=text,
        audience=audience_of([own.get("audience"), *said.audiences]),
        language=str(own.get("language") or own.get("lang") or said.language or language_of(text)).lower()[
            :2
        ],
        at=str(updated) if updated else None,
    )


# -- readers, one per format --------------------------------------------------------------------------------


def _read_markdown(path: Path, source: str, said: _Said) -> list[Document]:
    import frontmatter

    post = frontmatter.loads(_decoded(path))
    return [_document(source, said, post.content, post.metadata)]


def _read_text(path: Path, source: str, said: _Said) -> list[Document]:
    return [_document(source, said, _as_plain(_decoded(path)))]


def _read_html(path: Path, source: str, said: _Said) -> list[Document]:
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    soup = BeautifulSoup(path.read_bytes(), "lxml")
    metas = {str(m["name"]).lower(): m.get("content") for m in soup.find_all("meta", attrs={"name": True})}
    own = {name: metas.get(name) for name in ("audience", "language", "updated")}
    if soup.html and soup.html.get("lang") and not own["language"]:
        own["language"] = soup.html.get("lang")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    for noise in soup(["script", "style", "template", "nav", "footer", "form", "head", "noscript"]):
        noise.decompose()
    body = soup.find("main") or soup.find("article") or soup.body or soup
    return [
        _document(source, said, MarkdownConverter(heading_style="ATX").convert_soup(body), own, title=title)
    ]


def _read_pdf(path: Path, source: str, said: _Said) -> list[Document]:
    from pypdf import PdfReader

    reader = PdfReader(path)
    if reader.is_encrypted and not reader.decrypt(""):
        raise ValueError("locked with a password")
    pages = [_unwrapped(page.extract_text() or "") for page in reader.pages]
    title = str((reader.metadata.title if reader.metadata else None) or "")
    return [_document(source, said, _as_plain("\n\n".join(pages)), title=title)]


def _read_docx(path: Path, source: str, said: _Said) -> list[Document]:
    import docx
    from docx.table import Table

    file = docx.Document(str(path))
    blocks: list[str] = []
    for item in file.iter_inner_content():
        if isinstance(item, Table):
            cells = [[cell.text.strip().replace("\n", " ") for cell in row.cells] for row in item.rows]
            blocks.append(_markdown_table(cells))
            continue
        words, style = item.text.strip(), (item.style.name or "") if item.style else ""
        level = re.fullmatch(r"Heading (\d)", style)
        if not words:
            continue
        if style == "Title" or level:
            blocks.append(f"{'#' * (int(level.group(1)) if level else 1)} {words}")
        elif style.startswith("List"):
            blocks.append(f"- {words}")
        else:
            blocks.append(_as_plain(words))
    own = {"title": file.core_properties.title, "language": file.core_properties.language}
    return [_document(source, said, "\n\n".join(blocks), own)]


def _read_csv(path: Path, source: str, said: _Said) -> list[Document]:
    return _rows_to_documents(list(_csv_rows(_decoded(path))), source, said)


def _read_jsonl(path: Path, source: str, said: _Said) -> list[Document]:
    documents = []
    # not splitlines: it also cuts at characters that may stand inside a JSON string
    for number, line in enumerate(_decoded(path).split("\n"), start=1):
        if not line.strip():
            continue
        record = json.loads(line)
        if not isinstance(record, dict) or not isinstance(record.get("text"), str):
            raise ValueError(f'line {number} is no JSON object with "text"')
        # interactions belong to the record, where a customer's rights over them are kept
        if record.get("kind", "article") == "article":
            own = {**record, "updated": record.get("at") or record.get("updated")}
            title = str(record.get("title") or record["text"][:60])
            documents.append(
                replace(_document(source, said, record["text"], own, title=title), part=f"line{number}")
            )
    return documents


def _read_xlsx(path: Path, source: str, said: _Said) -> list[Document]:
    from openpyxl import load_workbook

    book = load_workbook(path, read_only=True, data_only=True)
    try:
        documents: list[Document] = []
        for number, sheet in enumerate(book.worksheets):
            rows = sheet.iter_rows(values_only=True)
            header = [str(cell or "").strip() for cell in next(rows, ())]
            records = [
                dict(zip(header, ("" if v is None else str(v) for v in row), strict=False)) for row in rows
            ]
            prefix = "" if number == 0 else f"sheet{number + 1}-"
            documents += _rows_to_documents(records, source, said, prefix=prefix)
        return documents
    finally:
        book.close()


_READERS: dict[str, Callable[[Path, str, _Said], list[Document]]] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".txt": _read_text,
    ".html": _read_html,
    ".htm": _read_html,
    ".pdf": _read_pdf,
    ".docx": _read_docx,
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".xlsx": _read_xlsx,
    ".jsonl": _read_jsonl,
}


# -- helpers ------------------------------------------------------------------------------------------------


def files_below(folder: Path) -> Iterator[Path]:
    """The files of a folder of articles in a stable order, without hidden and half-written ones."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            # "~$" is what an open Word file leaves beside itself
            if not name.startswith((".", "~$")) and name.lower() not in _IGNORED:
                yield Path(place) / name


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        if b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ValueError("not a text file (binary content)") from None
        best = from_bytes(raw).best()
        if best is None:
            raise ValueError("not a text file, or in an unknown encoding") from None
        return str(best)


def _csv_rows(text: str) -> Iterator[dict[str, str]]:
    first_line = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=first_line.count)
    for row in csv.DictReader(io.StringIO(text), delimiter=delimiter):
        yield {
            str(key).strip(): (value or "").strip() for key, value in row.items() if isinstance(value, str)
        }


def _rows_to_documents(
    rows: list[dict[str, str]], source: str, said: _Said, *, prefix: str = ""
) -> list[Document]:
    """An FAQ table: one document per row. A table without question and answer columns: its rows in words."""
    if not rows:
        return []
    columns = {name.strip().lower(): name for name in rows[0]}
    question = next((columns[name] for name in columns if name in _QUESTION_COLUMNS), None)
    answer = next(
        (columns[name] for name in columns if name in _ANSWER_COLUMNS and columns[name] != question), None
    )
    documents = []
    for number, row in enumerate(rows, start=1):
        filled = {key: value.strip() for key, value in row.items() if key and value and value.strip()}
        own = {
            name: filled[columns[name]]
            for name in ("audience", "language", "updated")
            if columns.get(name) in filled
        }
        if question and answer:
            title, text = filled.get(question, ""), filled.get(answer, "")
        else:
            title = next(iter(filled.values()), "")
            text = "; ".join(f"{key}: {value}" for key, value in filled.items() if key.lower() not in own)
        if text:
            document = _document(source, said, _as_plain(text), own, title=title)
            documents.append(replace(document, part=f"{prefix}row{number}"))
    return documents


def _markdown_table(rows: list[list[str]]) -> str:
    if not rows:
        return ""
    lines = ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def _as_plain(text: str) -> str:
    """Plain text made safe to be read as markdown: nothing in it turns into a heading or code by accident."""
    lines = [line.strip() for line in text.replace("\r\n", "\n").split("\n")]
    return "\n".join("\\" + line if re.match(r"#|>|```|~~~|=+$|-+$|<", line) else line for line in lines)


def _unwrapped(page: str) -> str:
    """A PDF page's lines as flowing text: words cut at the line's end are joined, blank lines part paragraphs."""
    page = re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", page)
    return re.sub(r"(?<=[\u3400-\u9fff，、])\n(?=[\u3400-\u9fff])", "", page)


def _reason(problem: Exception) -> str:
    if isinstance(problem, PermissionError):
        return "no permission to read it"
    name, words = type(problem).__name__, " ".join(str(problem).split())
    return (
        f"{words[:160]}"
        if isinstance(problem, ValueError) and words
        else f"damaged or not of its type ({name}: {words[:120]})"
    )
