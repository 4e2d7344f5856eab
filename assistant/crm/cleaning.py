"""Cells to values: numbers, dates, yes and no, currencies, ids, however they were written.

Whether ``03/04/2024`` is in March or April, and whether ``1.234`` is more than a thousand, can't be seen from
one cell. ``Survey`` looks at a whole column first; the ``parse_*`` functions then read each cell with what it
found. They return None for what they can't read, and never guess silently: the survey counts what was doubtful.
"""

import math
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

BLANKS = frozenset({"", "nan", "nat", "null", "none", "n/a", "#n/a", "<na>", "\\n", "(null)"})
# the first that occurs counts, so 美元 and HK$ stand before 元 and $
CURRENCY_SIGNS = {
    "€": "EUR",
    "HK$": "HKD",
    "NT$": "TWD",
    "NZ$": "NZD",
    "MX$": "MXN",
    "AU$": "AUD",
    "CA$": "CAD",
    "US$": "USD",
    "R$": "BRL",
    "S$": "SGD",
    "A$": "AUD",
    "C$": "CAD",
    "$": "USD",
    "£": "GBP",
    "￥": "CNY",
    "美元": "USD",
    "欧元": "EUR",
    "日元": "JPY",
    "韩元": "KRW",
    "港元": "HKD",
    "港币": "HKD",
    "英镑": "GBP",
    "元": "CNY",
    "₹": "INR",
    "₩": "KRW",
    "ZŁ": "PLN",
}
_CODES = (
    "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KES KRW MAD MXN MYR"
    " NGN NOK NZD PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR"
)
CURRENCIES = frozenset(_CODES.split())
_YES = frozenset(
    {"yes", "y", "true", "t", "1", "1.0", "ja", "oui", "是", "有", "on", "churned", "left", "已流失", "流失"}
)
_NO = frozenset(
    {
        "no",
        "n",
        "false",
        "f",
        "0",
        "0.0",
        "nein",
        "nee",
        "non",
        "否",
        "无",
        "off",
        "stayed",
        "retained",
        "active",
    }
    | {"未流失", "留存"}
)
_MONTH_NAMES = (
    "jan januar janvier gennaio|feb februar février fevrier fev févr|mar mär mrt maart mars märz|apr avr april"
    "|may mai mei|jun juin juni|jul juil juli|aug août aout|sep sept|oct okt|nov|dec dez déc"
)
_MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES.split("|"), 1) for name in names.split()}
_MONEY_EDGE = re.compile(
    r"^(?:[A-Za-z]{3}(?=[\s\d.,+-])|[A-Za-z]{0,3}\$|[€£¥￥₹₩])\s*"
    r"|\s*(?:[A-Za-z]{3}|[A-Za-z]{0,3}\$|[美欧日韩港]?元|港币|英镑|[€£¥￥₹₩%]|zł)$"
)
_CODE = re.compile(r"(?:^|[\s\d.,])([A-Za-z]{3})(?:$|[\s\d.,+$-])")
_SPACES = re.compile(r"[\s'’\u00a0\u202f]")
_DIGITS = re.compile(r"[+-]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?$")
_TIME = (
    r"(?:[T,\s]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?"
    r"\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}|\[.*\])?)?$"
)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})" + _TIME)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})" + _TIME)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[T\s]?(\d{2}):?(\d{2}):?(\d{2})?Z?)?$")
_CHINESE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})[日号]?" + _TIME.replace(r"[T,\s]+", r"[T,\s]*"))
_DAY_WORD = re.compile(r"(?:[^\W\d]+\.?,?\s+)?(\d{1,2})\.?[\s-]+([^\W\d]+)\.?,?[\s-]+(\d{4}|\d{2})" + _TIME)
_WORD_DAY = re.compile(r"(?:[^\W\d]+,\s+)?([^\W\d]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})" + _TIME)


def is_blank(value: Any) -> bool:
    """Nothing there: None, NaN, an empty cell, or a word some programs write for nothing."""
    if value is None:
        return True
    if isinstance(value, str):
        return value.strip().lower() in BLANKS
    return isinstance(value, float) and math.isnan(value)


def parse_text(value: Any) -> str | None:
    """Trimmed, with single spaces, letters and their accents in one piece (NFC); None when blank."""
    return None if is_blank(value) else " ".join(unicodedata.normalize("NFC", str(value)).split())


def parse_long_text(value: Any) -> str | None:
    """Trimmed, line breaks kept; None when blank."""
    return None if is_blank(value) else str(value).strip()


def parse_id(value: Any) -> str | None:
    """An id as text. ``17850.0`` is 17850 that went through a program which made numbers of it."""
    if is_blank(value):
        return None
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return str(int(value))
    text = unicodedata.normalize("NFC", str(value).strip())
    return text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text


def parse_number(value: Any, decimal: str = ".") -> float | None:
    """A number with any signs of money about it; ``decimal`` decides only where the cell itself doesn't."""
    if isinstance(value, int | float | Decimal):
        number = float(value)
        return number if math.isfinite(number) else None
    if not isinstance(value, str):
        return None
    bare, negative = _bare_number(value)
    if bare is None:
        return None
    mark = _decimal_mark(bare)
    if mark == "?":
        mark = decimal
    grouping = "." if mark == "," else ","
    if grouping in bare and not re.match(
        rf"[+-]?\d{{1,3}}(\{grouping}\d{{2,3}})*\{grouping}\d{{3}}(?![\d{grouping}])", bare
    ):
        return None  # 1.2.3 and 1.234.56 are no numbers; 12,34,567 is one in India
    try:
        number = float(bare.replace(grouping, "").replace(",", "."))
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return -number if negative else number


def _bare_number(value: str) -> tuple[str | None, bool]:
    text = value.strip().replace("−", "-")
    negative = text.startswith("(") and text.endswith(")")
    if negative:
        text = text[1:-1]
    if not _DIGITS.match(text):
        text = _MONEY_EDGE.sub("", _MONEY_EDGE.sub("", text))
        if text.startswith("-") and not text[1:2].isdigit():  # -€5
            text = "-" + _MONEY_EDGE.sub("", text[1:])
        if text.endswith("-"):  # 5.00-, as some accounts write it
            text = "-" + text[:-1]
        text = _SPACES.sub("", text)
        if not _DIGITS.match(text):
            return None, False
    return text, negative


def _decimal_mark(bare: str) -> str:
    """``.`` or ``,`` where the number itself tells, ``?`` for ``1.234`` and ``1,234``, empty for neither."""
    dots, commas = bare.count("."), bare.count(",")
    if dots and commas:
        return "." if bare.rfind(".") > bare.rfind(",") else ","
    if not dots and not commas:
        return ""
    mark = "." if dots else ","
    if dots + commas > 1:
        return "," if mark == "." else "."  # 1.234.567: the dots part thousands
    before, after = bare.lstrip("+-").split(mark)
    if len(after) != 3 or not after.isdigit() or before in ("", "0") or len(before) > 3:
        return mark
    return "?"


def parse_currency(value: Any) -> str | None:
    """ISO code of a currency cell or of the sign beside an amount; None when there is none."""
    if not isinstance(value, str):
        return None
    text = value.strip().upper()
    found = _CODE.search(text)
    code = {"RMB": "CNY"}.get(found.group(1), found.group(1)) if found else ""
    if code in CURRENCIES:  # before the sign: of $5 CAD the sign says less
        return code
    for sign, code in CURRENCY_SIGNS.items():
        if sign in text:
            return code
    if "¥" in text:
        return "CNY" if re.search("[\u4e00-\u9fff]", text) else "JPY"
    return {"人民币": "CNY", "EURO": "EUR"}.get(text)


def parse_flag(value: Any) -> int | None:
    """1 for yes, 0 for no, None for neither."""
    if isinstance(value, bool | int | float):
        return int(value) if value in (0, 1) else None
    word = str(value).strip().lower().rstrip(".")
    return 1 if word in _YES else 0 if word in _NO else None


def parse_moment(value: Any, day_first: bool = True) -> str | None:
    """ISO ``YYYY-MM-DDTHH:MM:SS`` as written there (a zone is dropped); ``day_first`` is for 03/04/2024."""
    moment = _moment(value, day_first)
    return moment.isoformat(timespec="seconds") if moment is not None else None


def parse_day(value: Any, day_first: bool = True) -> str | None:
    """ISO ``YYYY-MM-DD``."""
    moment = _moment(value, day_first)
    return moment.date().isoformat() if moment is not None else None


def _moment(value: Any, day_first: bool) -> datetime | None:
    try:
        if isinstance(value, datetime):
            return None if value != value else value.replace(tzinfo=None)  # NaT is unequal to itself
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day)
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return _moment_of_number(float(value))
        if isinstance(value, str):
            return _moment_of_text(value.strip(), day_first)
    except (ValueError, OverflowError):
        return None
    return None


def _moment_of_text(text: str, day_first: bool) -> datetime | None:
    if found := _YEAR_FIRST.match(text):
        year, _, month, day, *clock = found.groups()
        return _built(year, month, day, clock)
    if found := _YEAR_LAST.match(text):
        first, _, second, year, *clock = found.groups()
        if int(second) > 12 or (not day_first and int(first) <= 12):
            first, second = second, first
        return _built(year, second, first, clock)
    if found := _COMPACT.match(text):
        year, month, day, *clock = found.groups()
        return _built(year, month, day, [*clock, None])
    if found := _CHINESE.match(text):
        year, month, day, *clock = found.groups()
        return _built(year, month, day, clock)
    for pattern, day_at, word_at in ((_DAY_WORD, 1, 2), (_WORD_DAY, 2, 1)):
        if found := pattern.match(text):
            word = found.group(word_at).lower()
            month_number = _MONTHS.get(word) or _MONTHS.get(word[:3])
            if month_number is not None:
                return _built(found.group(3), month_number, found.group(day_at), found.groups()[3:])
    if re.fullmatch(r"\d{5}(\.\d+)?|\d{10}(\.\d+)?|\d{13}", text):
        return _moment_of_number(float(text))
    return None


def _moment_of_number(number: float) -> datetime | None:
    """20240305, days since 1899-12-30 as spreadsheets count, seconds or milliseconds since 1970."""
    if 19000101 <= number <= 22001231 and number == int(number):
        return _moment_of_text(str(int(number)), True)
    if 15000 <= number < 75000:  # 1941 to 2105
        return datetime(1899, 12, 30) + timedelta(seconds=round(number * 86400))
    if 1e8 <= number < 1e10:
        return datetime(1970, 1, 1) + timedelta(seconds=int(number))
    if 1e11 <= number < 1e13:
        return datetime(1970, 1, 1) + timedelta(milliseconds=int(number))
    return None


def _built(year: Any, month: Any, day: Any, clock: Any) -> datetime:
    hour, minute, second, half = (*clock, None)[:4]
    full_year = int(year)
    if full_year < 100 and len(str(year)) <= 2:
        full_year += 2000 if full_year < 69 else 1900
    hours = int(hour or 0)
    if half:
        hours = hours % 12 + (12 if half[0] in "pP" else 0)
    return datetime(full_year, int(month), int(day), hours, int(minute or 0), int(second or 0))


@dataclass
class Survey:
    """What a whole column tells about how its numbers and dates are written. Feed it every cell with ``see``."""

    kind: str  # number | date
    comma: int = 0
    dot: int = 0
    day_first_sure: int = 0
    month_first_sure: int = 0
    doubtful: int = 0
    steps_day: int = 0
    steps_month: int = 0
    signs: set[str] = field(default_factory=set)  # the marks between the parts of doubtful dates
    sample: list[float] = field(default_factory=list)
    usual_comma: bool = False  # decimal commas are to be expected where nothing tells
    _last: tuple[tuple[int, int, int], tuple[int, int, int]] | None = None
    _seen: dict[Any, bool] = field(default_factory=dict)
    _count: int = 0

    def see(self, value: Any) -> None:
        if self.kind == "number":
            self._see_number(value)
        elif isinstance(value, str):
            self._see_date(value)

    def _see_number(self, value: Any) -> None:
        self._count += 1
        if self._count > 20_000 and self._count % 50:
            return  # enough to know the spread and the marks
        if isinstance(value, str):
            bare, _ = _bare_number(value)
            mark = _decimal_mark(bare) if bare else ""
            self.comma += mark == ","
            self.dot += mark == "."
            self.doubtful += mark == "?"
        number = parse_number(value, self.decimal)
        if number is not None and len(self.sample) < 50_000:
            self.sample.append(number)

    def _see_date(self, value: str) -> None:
        if value in self._seen:
            self.doubtful += self._seen[value]
            return
        if len(self._seen) > 50_000:
            self._seen.clear()
        found = _YEAR_LAST.match(value.strip())
        unclear = False
        if found:
            first, second, year = int(found[1]), int(found[3]), int(found[4])
            if first > 12 >= second:
                self.day_first_sure += 1
            elif second > 12 >= first:
                self.month_first_sure += 1
            elif first != second and first <= 12:
                self.signs.add(found[2])
                unclear = True
            here = ((year, second, first), (year, first, second))
            if self._last is not None:
                self.steps_day += here[0] >= self._last[0]
                self.steps_month += here[1] >= self._last[1]
            self._last = here
        self._seen[value] = unclear
        self.doubtful += unclear

    @property
    def decimal(self) -> str:
        if self.comma == self.dot == 0:
            return "," if self.usual_comma else "."
        return "," if self.comma > self.dot else "."

    @property
    def day_first(self) -> bool:
        """By the dates that only fit one way; else the way in which the file is more nearly in order; else by the marks."""
        if self.day_first_sure or self.month_first_sure:
            return self.day_first_sure >= self.month_first_sure
        if abs(self.steps_day - self.steps_month) > 2:
            return self.steps_day > self.steps_month
        return "/" not in self.signs

    def remarks(self, column: str) -> list[str]:
        """What a person should know about how this column was read."""
        if self.kind == "number":
            if self.comma and self.dot:
                return [
                    f"{column}: decimal commas and decimal points are mixed; each number read by its own marks"
                ]
            if self.doubtful and not self.comma and not self.dot:
                thousands = "," if self.decimal == "." else "."
                return [
                    f"{column}: numbers like 1{self.decimal}234 fit both ways; {self.decimal!r} read as the decimal mark,"
                    f" {thousands!r} as the mark of thousands: please check"
                ]
            return [f"{column}: decimal comma"] if self.comma else []
        order = "day before month" if self.day_first else "month before day"
        if self.day_first_sure and self.month_first_sure:
            return [
                f"{column}: days first and months first are mixed ({self.day_first_sure} and"
                f" {self.month_first_sure} distinct dates are certain); {self.doubtful} doubtful ones read {order}"
            ]
        if not self.doubtful:
            return []
        if self.day_first_sure or self.month_first_sure:
            return [f"{column}: {order}, which is certain from the other dates in it"]
        why = "which keeps the rows in order" if abs(self.steps_day - self.steps_month) > 2 else "as is usual"
        return [f"{column}: every date fits both ways; read {order}, {why}: please check"]

    def limits(self) -> tuple[float, float]:
        """Bounds beyond which a number is an outlier: six robust deviations about the median, on a log scale."""
        if len(self.sample) < 50:
            return -math.inf, math.inf
        logs = sorted(math.log1p(abs(number)) for number in self.sample)
        middle = logs[len(logs) // 2]
        spread = sorted(abs(value - middle) for value in logs)[len(logs) // 2] * 1.4826
        bound = math.expm1(min(middle + 6 * max(spread, 0.35), 700.0))
        return -bound, bound
