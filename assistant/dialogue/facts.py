"""The checkable facts in a sentence: numbers, dates, references, addresses and names, in English and Chinese.

Two spellings of a fact have the same normal form: ``21.9`` and ``€21.90``; ``2026-10-05``, ``5 October 2026`` and
``2026年10月5日``; ``three`` and ``3`` and ``三个``. That form is what the verifier compares.
"""

import re
from dataclasses import dataclass
from typing import Literal

FactKind = Literal["number", "date", "reference", "address", "name"]


@dataclass(frozen=True)
class Fact:
    kind: FactKind
    value: str  # normal form
    written: str = ""  # as it stood in the text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fact) and (self.kind, self.value) == (other.kind, other.value)

    def __hash__(self) -> int:
        return hash((self.kind, self.value))


MONTHS = {
    name: number
    for number, names in enumerate(
        [
            "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul",
            "august aug", "september sept sep", "october oct", "november nov", "december dec",
        ],
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_UNITS = dict(
    zip("one two three four five six seven eight nine".split(), range(1, 10), strict=True)  # noqa: SIM905
)
_TEENS = dict(
    zip(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(),  # noqa: SIM905
        range(10, 20),
        strict=True,
    )
)
_TENS = dict(
    zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True)  # noqa: SIM905
)
_WORD_NUMBER = re.compile(
    rf"\b(?:({'|'.join(_TENS)})(?:[- ]({'|'.join(_UNITS)}))?|({'|'.join(_TEENS)})|({'|'.join(_UNITS)}))\b(?:[- ](hundred))?"
    r"|\b(a|one) (hundred)\b",
    re.I,
)
_ZH_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_ZH_COUNTED = "个天日周月年次件袋包杯份张位名家条款种公斤克升毫升小时分钟工作元块欧%"

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"https?://[^\s)\]】，。]+|www\.[^\s)\]】，。]+")
_PHONE = re.compile(r"\+\d[\d \-()]{6,}\d")
_REFERENCE = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z0-9\-_/]*\d)(?=[A-Za-z0-9\-_/]*[A-Z])[A-Za-z0-9]+(?:[-_/][A-Za-z0-9]+)*"
)
_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2})?)?(?!\d)")
_ISO_MONTH = re.compile(r"(?<![\d-])(\d{4})-(\d{2})(?![\d-])")
_ZH_DATE = re.compile(r"(?:(\d{4})\s*年)?\s*(\d{1,2})\s*月\s*(?:(\d{1,2})\s*[日号])?")
_DMY = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTH})\b\.?,?(?: (\d{{4}}))?", re.I)
_MDY = re.compile(rf"\b({_MONTH})\b\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (\d{{4}}))?(?![\d:%]|\.\d)", re.I)
_MY = re.compile(rf"\b({_MONTH})\b\.?,? (\d{{4}})\b", re.I)
_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:[,\u202f ]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?")
_TIME = re.compile(r"(?<!\d)([01]?\d|2[0-3])[:：]([0-5]\d)(?!\d)")
_ZH_NUMBER = re.compile(rf"[零一二两三四五六七八九十百千〇]+(?=[{_ZH_COUNTED}])")
_ZH_PERCENT = re.compile(r"百分之([零一二两三四五六七八九十百〇]+|\d+(?:\.\d+)?)")
_ZH_DISCOUNT = re.compile(r"([一二三四五六七八九]{1,2}|\d(?:\.\d)?)\s*折")
_CURRENCY = re.compile(r"\b(?:EUR|USD|GBP|CNY|RMB|CHF)(?=\d)")
_RANGE = re.compile(
    r"(?<![A-Za-z0-9.,:+_-])(\d+(?:[.,]\d+)?)\s*(?:[–~～-]|to|bis|至|到)\s*"
    r"(\d+(?:[.,]\d+)?)(?![A-Za-z0-9_-]|[:：.]\d|\s*[月日号])",
    re.I,
)
# the number that begins a list item
_ITEM = re.compile(r"(?m)^\s*\d{1,2}[.)、](?=\s|[\u3400-\u9fff])")
_CITATION = re.compile(r"\s*[\[【](\d{1,2}(?:\s*[,，]\s*\d{1,2})*)[\]】]")
_NAME = re.compile(
    r"\b[A-ZÀ-Þ][\w'’à-ÿ]+(?:[ -](?:(?:de|van|der|den|von|of|la|le|du|el|al)\b[ -])*[A-ZÀ-Þ][\w'’à-ÿ]+)*"
)
_STARTS = re.compile(r"(?:^|[.!?:;•*\-–—\n(\"“])\s*$")

# a full stop after these, or after the number of a list item, ends no sentence
UNENDED = re.compile(r"\b(?:e\.g|i\.e|Mr|Mrs|Ms|Dr|No|St|approx|incl)\.$|(?:^|[\s:;])\d{1,2}\.$")


def strip_citations(text: str) -> tuple[str, tuple[int, ...]]:
    """``text`` without its ``[1]`` marks, and the numbers that stood in them, in order, each once."""
    numbers = [int(n) for found in _CITATION.findall(text) for n in re.split(r"[,，]", found)]
    return _CITATION.sub("", text), tuple(dict.fromkeys(numbers))


def ranges(text: str) -> list[tuple[str, str, str]]:
    """Spans such as "2 to 4" and "7 至 42": both ends in normal form, and how it is written."""
    return [(_number(m[1]), _number(m[2]), m[0]) for m in _RANGE.finditer(text) if len(m[1]) < 4]


def numbers_in(text: str) -> frozenset[str]:
    """The normal forms of all numbers in ``text``, those of dates among them."""
    written = (_number(m[0]) for m in _NUMBER.finditer(text))
    return frozenset(written).union(f.value for f in facts(text, names=False) if f.kind == "number")


def facts(text: str, *, names: bool = True) -> list[Fact]:
    """The facts in ``text`` in normal form, left to right within each kind."""
    found: list[Fact] = []
    rest = _ITEM.sub(" ", _CURRENCY.sub(" ", text))

    def take(pattern: re.Pattern[str]) -> list[re.Match[str]]:
        nonlocal rest
        matches = list(pattern.finditer(rest))
        for match in matches:
            rest = rest[: match.start()] + " " * (match.end() - match.start()) + rest[match.end() :]
        return matches

    for pattern in (_EMAIL, _URL):
        found += [Fact("address", m[0].lower().rstrip("./"), m[0]) for m in take(pattern)]
    found += [Fact("number", re.sub(r"\D", "", m[0]), m[0]) for m in take(_PHONE)]
    for m in take(_ISO):
        found.append(_date(m[1], m[2], m[3], m[0]))
    for m in take(_ISO_MONTH):
        found.append(_date(m[1], m[2], None, m[0]))
    for m in take(_ZH_PERCENT):
        found.append(Fact("number", _number(m[1]) if m[1][0].isdigit() else str(chinese_number(m[1])), m[0]))
    for m in take(_ZH_DISCOUNT):
        digits = m[1] if m[1][0].isdigit() else ".".join(str(_ZH_DIGITS[c]) for c in m[1])
        found.append(Fact("number", f"{digits}折", m[0]))
    for m in take(_ZH_DATE):
        if 1 <= int(m[2]) <= 12:
            found.append(_date(m[1], m[2], m[3], m[0]))
    rest = re.sub(r"\bmay\b(?! \d{4})", "   ", rest)  # the verb; the month has a capital or a year
    for m in take(_DMY):
        found.append(_date(m[3], MONTHS[m[2].lower()], m[1], m[0]))
    for m in take(_MY):
        found.append(_date(m[2], MONTHS[m[1].lower()], None, m[0]))
    for m in take(_MDY):
        found.append(_date(m[3], MONTHS[m[1].lower()], m[2], m[0]))
    for m in take(_TIME):
        found.append(Fact("number", f"{int(m[1])}:{m[2]}", m[0]))
    for m in take(_REFERENCE):
        found.append(Fact("reference", m[0].upper(), m[0]))
    if names:
        found += [Fact("name", name.lower(), name) for name in _names(rest)]
    for m in take(_NUMBER):
        found.append(Fact("number", _number(m[0]), m[0]))
    for m in take(_ZH_NUMBER):
        # "一个" is an article as "a" is, "十分" is "very"
        if m[0] != "一" and not (m[0] == "十" and rest[m.end() : m.end() + 1] == "分"):
            found.append(Fact("number", str(chinese_number(m[0])), m[0]))
    for m in _WORD_NUMBER.finditer(rest):
        tens, unit, teen, alone, hundred = (x.lower() if x else "" for x in m.groups()[:5])
        value = _TENS.get(tens, 0) + _UNITS.get(unit, 0) + _TEENS.get(teen, 0) + _UNITS.get(alone, 0) or 1
        if hundred or m[7]:
            value *= 100
        if value > 1:  # "one" is mostly an article
            found.append(Fact("number", str(value), m[0]))
    return found


def _names(text: str) -> list[str]:
    """Capitalised words inside a sentence; the first word of a sentence is capitalised anyway and left out."""
    names = []
    for m in _NAME.finditer(text):
        words = re.sub(r"['’]s?(?=\s|$)", "", m[0]).split()
        if re.match(r"I['’]", m[0]):
            words = words[1:]
        if _STARTS.search(text[: m.start()]):
            words = words[1:]
        if words and len(" ".join(words)) > 2:
            names.append(" ".join(words))
    return names


def _date(year: str | None, month: int | str, day: int | str | None, written: str) -> Fact:
    return Fact(
        "date",
        f"{year or '*'}-{int(month):02d}-{int(day):02d}" if day else f"{year or '*'}-{int(month):02d}",
        written,
    )


def _number(written: str) -> str:
    """``1,234.50`` -> ``1234.5``; ``4,90`` -> ``4.9``."""
    text = written.replace("\u202f", "").replace(" ", "")
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    text = text.replace(",", ".")
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{decimals}" if decimals else whole


def chinese_number(text: str) -> int:
    """Numbers up to 9999 in characters: 三 -> 3, 十二 -> 12, 二十四 -> 24, 一百五十 -> 150."""
    if not any(c in "十百千" for c in text):
        return int("".join(str(_ZH_DIGITS[c]) for c in text))
    total, digit = 0, 0
    for c in text:
        if c in _ZH_DIGITS:
            digit = _ZH_DIGITS[c]
        else:
            total += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[c]
            digit = 0
    return total + digit


def supported(fact: Fact, known: set[Fact], known_text: str) -> bool:
    """Whether ``fact`` occurs among ``known`` facts (of evidence), or for a name in ``known_text`` (lower case)."""
    if fact in known:
        return True
    match fact.kind:
        case "date":
            return any(k.kind == "date" and _dates_agree(fact.value, k.value) for k in known)
        case "name":
            words = [w for w in re.split(r"[ \-]", fact.value) if w]
            return all(
                re.search(rf"\b{re.escape(_singular(w))}" + ("" if len(w) > 3 else r"\b"), known_text)
                for w in words
            )
        case "reference":
            return any(k.kind == "reference" and fact.value in re.split(r"[-_/]", k.value) for k in known)
        case "number":
            # a year alone, or the day of a date, is part of a date in the evidence
            return any(k.kind == "date" and fact.value == k.value.split("-")[0] for k in known)
        case _:
            return False


def _singular(word: str) -> str:
    """A name's word without the s of a plural: two "Gesha Lanterns" are two of Gesha Lantern."""
    return word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word


def _dates_agree(said: str, known: str) -> bool:
    """A date said with fewer parts (no year, no day) agrees with a fuller one."""
    a, b = said.split("-"), known.split("-")
    if len(a) > len(b):
        return False
    return all(x in (y, "*") for x, y in zip(a, b, strict=False)) or (b[0] == "*" and a[1:] == b[1 : len(a)])


def sentences(text: str) -> list[str]:
    """``text`` in sentences and lines; a dot inside a number, an abbreviation or an id ends nothing."""
    parts = re.split(r"(?<=[.!?])\s+(?=[^a-z])|(?<=[。！？；])|\n+", text)
    joined: list[str] = []
    for part in parts:
        if not part or not part.strip():
            continue
        if joined and UNENDED.search(joined[-1]):
            joined[-1] += " " + part
        else:
            joined.append(part.strip())
    return joined
