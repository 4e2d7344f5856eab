"""Documents to passages: cut at headings, then at blocks, then at sentences, never over the embedder's length.

A passage carries the path of headings above it (``Returns > Opened coffee``), because a paragraph often doesn't
name what it is about. Lengths are counted by the embedder's own tokenizer, title included.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from assistant.knowledge.documents import Document

CountTokens = Callable[[str], int]

# a sentence ends at . ! ? before a capital or a digit, but not after the usual abbreviations or a lone initial
_SENTENCE_END = re.compile(
    r"(?<=[。！？；])[”」』）]?"
    r"|(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bNo\.)(?<!\bMr\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSt\.)(?<!\b[A-Z]\.)"
    r"[\"”')]?\s+(?=[\"“'(]?[A-Z0-9\u3400-\u9fff])"
)
_CLAUSE_END = re.compile(r"(?<=[，、：,;:])\s*")


@dataclass(frozen=True)
class Passage:
    """A piece of a document that is embedded and found as one.

    ``id`` is stable over rebuilds: ``kb:public/en/returns.md#2``, ``interaction:IN-000123``. ``title`` is the title
    path. ``document`` is where it comes from.
    """

    id: str
    title: str
    text: str
    document: Document

    @property
    def embedded_text(self) -> str:
        """What the embedder sees: an article's title path says what a paragraph is about, a mail's subject and date
        only water down what one of its sentences says."""
        return self.text if self.document.kind == "interaction" else f"{self.title}\n{self.text}"

    @property
    def content_hash(self) -> str:
        """Equal for passages whose vectors are equal, whatever their ids and audience."""
        return hashlib.sha256(self.embedded_text.encode()).hexdigest()


def split(document: Document, count_tokens: CountTokens, max_tokens: int) -> list[Passage]:
    """The passages of one document, in order; each at most ``max_tokens`` long with its title."""
    base = document.source if document.kind == "interaction" else f"kb:{document.source}"
    if document.kind == "interaction":
        title = _shortened(document.title, count_tokens, max_tokens)
        pieces = [
            (title, text)
            for said in _said(document.text)
            for text in _packed([said], title, count_tokens, max_tokens)
        ]
    else:
        pieces = []
        for path, blocks in _sections(document.title, document.text):
            title = _shortened(" > ".join(path), count_tokens, max_tokens)
            pieces += [(title, text) for text in _packed(blocks, title, count_tokens, max_tokens)]
    passages = []
    for number, (title, text) in enumerate(pieces, start=1):
        if document.part:
            ident = f"{base}#{document.part}" + (f".{number}" if number > 1 else "")
        elif document.kind == "interaction":
            ident = base + (f"#{number}" if number > 1 else "")
        else:
            ident = f"{base}#{number}"
        passages.append(Passage(ident, title, text, document))
    return passages


def sentences(text: str) -> list[str]:
    """``text`` cut after sentences, English and Chinese; blanks at the ends are dropped."""
    found, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        found.append(text[start : match.end()].strip())
        start = match.end()
    return [sentence for sentence in [*found, text[start:].strip()] if sentence]


# A sentence of a message shorter than this goes together with the next: a greeting alone says nothing.
_SHORTEST_SAID = 40


def _said(text: str) -> list[str]:
    """A message in sentences: one vector for a whole mail would drown the one thing said in passing."""
    said: list[str] = []
    whole = False
    for line in text.splitlines():
        for sentence in sentences(line):
            if said and not whole:
                said[-1] += f" {sentence}"
            else:
                said.append(sentence)
            weight = 2 if re.search(r"[\u3400-\u9fff]", said[-1]) else 1
            whole = len(said[-1]) * weight >= _SHORTEST_SAID
    if len(said) > 1 and not whole:
        last = said.pop()
        said[-1] += f" {last}"
    return said


# -- sections -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _parser() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table").disable("code")


def _sections(title: str, text: str) -> list[tuple[tuple[str, ...], list[str]]]:
    """(title path, blocks of plain text) for each heading that has text of its own below it."""
    sections: list[tuple[tuple[str, ...], list[str]]] = [((title,), [])]
    above: list[tuple[int, str]] = []
    tokens = _parser().parse(text)
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.type == "heading_open":
            level, words = int(token.tag[1]), _inline(tokens[at + 1])
            above = [(depth, name) for depth, name in above if depth < level]
            # a first heading that repeats the document's title adds nothing
            if words and words.casefold() != title.casefold():
                above.append((level, words))
            sections.append(((title, *(name for _, name in above)), []))
            at += 3
            continue
        end = _block_end(tokens, at)
        sections[-1][1].extend(_block(tokens[at:end]))
        at = end
    return [(path, blocks) for path, blocks in sections if blocks]


def _block_end(tokens: list[Any], at: int) -> int:
    depth = 0
    for index in range(at, len(tokens)):
        depth += tokens[index].nesting
        if depth == 0:
            return index + 1
    return len(tokens)


def _block(tokens: list[Any]) -> list[str]:
    """The text of one top-level block; a list is one string per item, a table one per row."""
    first = tokens[0]
    if first.type == "table_open":
        return list(_table_rows(tokens))
    if first.type in ("fence", "code_block"):
        return [first.content.strip()] if first.content.strip() else []
    if first.type == "html_block":
        words = re.sub(r"<!--.*?-->|<[^>]+>", " ", first.content, flags=re.DOTALL)
        return [" ".join(words.split())] if words.strip() else []
    lines: list[str] = []
    markers: list[str] = []
    fresh = ""
    numbers: list[int] = []
    for token in tokens:
        if token.type in ("bullet_list_open", "ordered_list_open"):
            markers.append("-" if token.type.startswith("bullet") else "1.")
            numbers.append(int(token.attrGet("start") or 1))
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            markers.pop()
            numbers.pop()
        elif token.type == "list_item_open":
            marker = "-" if markers[-1] == "-" else f"{numbers[-1]}."
            numbers[-1] += 1
            fresh = "  " * (len(markers) - 1) + marker + " "
        elif token.type == "inline":
            words = _inline(token)
            if words:
                lines.append(fresh + words)
            fresh = ""
        elif token.type == "fence":
            lines.append(token.content.strip())
    return lines


def _table_rows(tokens: list[Any]) -> Iterator[str]:
    """Each row says its columns' names, so that it can stand alone: ``Plan: Home; Price: 21.90``."""
    header: list[str] = []
    row: list[str] = []
    in_head = False
    for token in tokens:
        if token.type == "thead_open":
            in_head = True
        elif token.type == "thead_close":
            in_head = False
        elif token.type == "inline":
            row.append(_inline(token))
        elif token.type == "tr_close":
            if in_head:
                header = row
            else:
                named = [
                    f"{name}: {cell}" if name else cell
                    for name, cell in zip(header, row, strict=False)
                    if cell
                ]
                yield "; ".join(named)
            row = []


def _inline(token: Any) -> str:
    """The words of a run of inline markdown; line breaks become blanks, between Chinese characters nothing."""
    parts: list[str] = []
    for child in token.children or []:
        if child.type in ("text", "code_inline", "text_special"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "image":
            parts.append(child.content)
    words = "".join(parts)
    words = re.sub(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n(?=[\u3000-\u9fff\uff00-\uffef])", "", words)
    return " ".join(words.split())


# -- packing ------------------------------------------------------------------------------------------------


def _packed(blocks: list[str], title: str, count_tokens: CountTokens, max_tokens: int) -> Iterator[str]:
    """Blocks together while they fit under the title; a block that doesn't fit alone is cut at sentences."""

    def fits(text: str) -> bool:
        whole = f"{title}\n{text}"
        # a token covers at least one byte, so a short text needn't be counted
        return len(whole.encode()) <= max_tokens or count_tokens(whole) <= max_tokens

    whole = "\n".join(blocks)
    if fits(whole):
        if whole.strip():
            yield whole
        return
    held = ""
    for block in blocks:
        pieces = [("\n", block)] if fits(block) else [(" ", piece) for piece in _cut(block, fits)]
        for joint, piece in pieces:
            joint = "" if joint == " " and held[-1:] and held[-1] in "。！？；，、" else joint
            together = f"{held}{joint}{piece}" if held else piece
            if fits(together):
                held = together
            else:
                if held:
                    yield held
                held = piece
    if held:
        yield held


def _cut(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """``text`` in pieces that fit: at sentences, else at clauses, else at blanks, else anywhere."""
    for sentence in sentences(text):
        if fits(sentence):
            yield sentence
            continue
        for clause in (part.strip() for part in _CLAUSE_END.split(sentence)):
            rest = clause
            while rest and not fits(rest):
                low, high = 1, len(rest)  # the longest beginning that fits, by halving
                while low < high:
                    middle = (low + high + 1) // 2
                    low, high = (middle, high) if fits(rest[:middle]) else (low, middle - 1)
                blank = rest.rfind(" ", low // 2, low)
                at = blank if blank > 0 else low
                yield rest[:at].strip()
                rest = rest[at:].strip()
            if rest:
                yield rest


def _shortened(title: str, count_tokens: CountTokens, max_tokens: int) -> str:
    """A title that leaves at least half of the passage for its text."""
    while len(title.encode()) > max_tokens // 2 and count_tokens(title) > max_tokens // 2:
        title = title[: int(len(title) * 0.8)].rstrip()
    return title
