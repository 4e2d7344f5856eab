"""The time that words mean: "last month", "since June 2026", "最近12个月", counted from the day of the turn."""

import re
from datetime import date, timedelta

from assistant.dialogue.facts import MONTHS, chinese_number

Span = tuple[date | None, date | None]
_UNIT = r"(?:days?|weeks?|months?|quarters?|years?|天|日|周|星期|个?月|年)"
_AMOUNT = r"(?:\d{1,3}|[一二两三四五六七八九十]+|a few|two|three|four|five|six|seven|eight|nine|ten|twelve)"
# everything that ``period`` reads, with the little words around it
_SPOKEN = re.compile(
    rf"(?:\b(?:in|within|over|during|for|since|from|after|until|till|up to|through|and|to|of|on|at|the|as of)\s+)*"
    rf"(?:\d{{4}}-\d{{2}}(?:-\d{{2}})?|(?:(?:last|past|previous|this)\s+(?:{_AMOUNT}\s+)?{_UNIT}\b)|\b(?:today|yesterday)\b"
    rf"|\b(?:{'|'.join(sorted((m for m in MONTHS if m != 'may'), key=len, reverse=True))}|May)\b(?:\s+\d{{1,2}}\b,?)?(?:\s+\d{{4}})?|\b20\d{{2}}\b"
    rf"|(?:最近|过去|近|上个?|这个?|本)\s*{_AMOUNT}?\s*个?\s*{_UNIT}|(?:\d{{4}}\s*年)?\s*\d{{1,2}}\s*月份?|\d{{4}}\s*年|今年|去年|今天|昨天)"
    r"(?:以来|之后|以内|之内|期间|内|中|里)?",
    re.I,
)
# what lies ahead: "next two weeks", "未来半年"; "next month", "明年"
_DAYS_OF = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365, "天": 1, "周": 7, "星期": 7, "月": 30, "季": 91, "年": 365}  # fmt: skip
_HOW_MANY = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "twelve": 12, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "十二": 12, "半": 0.5}  # fmt: skip
_NEXT_FEW = re.compile(
    r"(?:next|coming|following|within|in)\s+(?:the\s+(?:next|coming)\s+)?(\d{1,3}|two|three|four|five|six|twelve)[\s-]*(day|week|month|quarter|year)s?\b"
    r"|(?:未来|接下来|今后|往后|下)\s*(\d{1,3}|一|两|三|四|五|六|十二|半)\s*个?\s*(天|周|星期|月|季|年)",
    re.I,
)
_NEXT = re.compile(
    r"\b(?:next|coming|upcoming)\s+(week|month|quarter|year)\b|(下个?周|下个?星期)|(下个?月)|(下个?季)|(明年|来年)",
    re.I,
)
# words of time: those of them that ``period`` didn't read leave open which time is meant
TIME_WORDS = re.compile(
    rf"\b(?:since|ago|lately|recent\w*|previous\w*|past|last|before|during|until|{_UNIT})\b"
    r"|最近|近|自|以来|之前|以前|期间|\d\s*(?:天|日|周|月|年)|[一二两三四五六七八九十](?:天|周|个月|年)|季度",
    re.I,
)


def without_period(text: str) -> str:
    """``text`` without the words for a time."""
    return _SPOKEN.sub(" ", text)


def period(message: str, today: date) -> tuple[date | None, date | None]:
    """The first and last day a message speaks of, both inclusive, relative to ``today``; None where it says none.

    >>> period("what did he order last month?", date(2026, 10, 31))
    (datetime.date(2026, 9, 1), datetime.date(2026, 9, 30))
    """
    text = message.lower()
    first_of_month = today.replace(day=1)
    named = [
        d for m in re.finditer(r"(\d{4})-(\d{2})-(\d{2})", text) if (d := _safe_date(*map(int, m.groups())))
    ]
    if len(named) > 1:
        return min(named), max(named)
    if named:
        open_end = re.search(r"since|from|after|自|从|以来|之后", text)
        return named[0], today if open_end else named[0]
    if (m := re.search(r"(?<![\d-])(\d{4})-(\d{2})(?![\d-])", text)) and 1 <= int(m[2]) <= 12:
        return _month(int(m[1]), int(m[2]))
    if m := re.search(
        r"(?:last|past|previous|最近|过去|近)\s*(\d{1,3}|[一二两三四五六七八九十]+|a few|two|three|four|five|six|seven|eight|nine|ten|twelve)?\s*个?\s*(days?|weeks?|months?|years?|天|日|周|星期|月|年)",
        text,
    ):
        count = _count(m[1])
        unit = m[2][0]
        if (
            m[1] is None and unit in "wmy" and not re.match(r"最近|过去|近", m[0])
        ):  # "last month": the calendar's
            if unit == "m":
                end = first_of_month - timedelta(days=1)
                return end.replace(day=1), end
            if unit == "y":
                return date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)
            monday = today - timedelta(days=today.weekday())
            return monday - timedelta(days=7), monday - timedelta(days=1)
        days = (
            count
            * {"d": 1, "w": 7, "m": 30, "y": 365, "天": 1, "日": 1, "周": 7, "星": 7, "月": 30, "年": 365}[
                unit
            ]
        )
        return today - timedelta(days=days), today
    if re.search(r"上个?月", text):
        end = first_of_month - timedelta(days=1)
        return end.replace(day=1), end
    if re.search(r"this month|(这|本)个?月", text):
        return first_of_month, today
    if re.search(r"this year|今年", text):
        return date(today.year, 1, 1), today
    if re.search(r"去年", text):
        return date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)
    if re.search(r"this week|(这|本)周", text):
        return today - timedelta(days=today.weekday()), today
    if re.search(r"上(个)?(周|星期)", text):
        monday = today - timedelta(days=today.weekday())
        return monday - timedelta(days=7), monday - timedelta(days=1)
    if re.search(r"\btoday\b|今天", text):
        return today, today
    if re.search(r"\byesterday\b|昨天", text):
        return today - timedelta(days=1), today - timedelta(days=1)
    month = r"|".join(name for name in sorted(MONTHS, key=len, reverse=True) if name != "may")
    if m := re.search(
        rf"\b(in|since|during|from|of|last)\s+(may|{month})\b(?:\s+(\d{{4}}))?|\b({month})\s+(\d{{4}})", text
    ):
        number = MONTHS[m[2] or m[4]]
        year = int(m[3] or m[5] or (today.year if number <= today.month else today.year - 1))
        start, end = _month(year, number)
        return (start, today) if m[1] in ("since", "from") else (start, end)
    if m := re.search(
        r"(?:(\d{4})\s*年)?\s*(\d{1,2}|十[一二]?|(?<![上这本下十])[一二三四五六七八九])\s*月份?", text
    ):
        number = int(m[2]) if m[2].isdigit() else chinese_number(m[2])
        if 1 <= number <= 12:
            start, end = _month(
                int(m[1] or (today.year if number <= today.month else today.year - 1)), number
            )
            return (start, today) if re.search(r"以来|之后|起", text) else (start, end)
    if m := re.search(r"\b(?:in|during|of)\s+(20\d{2})\b|(20\d{2})\s*年", text):
        year = int(m[1] or m[2])
        return date(year, 1, 1), date(year, 12, 31)
    return None, None


def span_ahead(message: str, today: date) -> tuple[date, date] | None:
    """The first and last day ahead that a message speaks of, both inclusive; None where it says none.

    >>> span_ahead("how many orders next month?", date(2026, 10, 31))
    (datetime.date(2026, 11, 1), datetime.date(2026, 11, 30))
    """
    tomorrow = today + timedelta(days=1)
    if m := _NEXT_FEW.search(message):
        count, unit = (m[1], m[2]) if m[1] else (m[3], m[4])
        number = float(count) if count.isdigit() else float(_HOW_MANY.get(count.lower(), 1))
        return tomorrow, today + timedelta(days=round(number * _DAYS_OF[unit.lower()]))
    if m := _NEXT.search(message):
        unit = m[1].lower() if m[1] else ("week", "month", "quarter", "year")[
            next(i for i, found in enumerate(m.groups()[1:]) if found)
        ]  # fmt: skip
        if unit == "week":
            monday = today + timedelta(days=7 - today.weekday())
            return monday, monday + timedelta(days=6)
        if unit == "month":
            return _months_ahead(today, 1)
        if unit == "quarter":
            first = 3 - (today.month - 1) % 3
            return _months_ahead(today, first)[0], _months_ahead(today, first + 2)[1]
        return tomorrow, today + timedelta(days=365)
    named = "|".join(name for name in sorted(MONTHS, key=len, reverse=True) if name != "may")
    if m := re.search(rf"\b(?:in|for|during)\s+(may|{named})\b", message, re.I):
        return _months_ahead(today, (MONTHS[m[1].lower()] - today.month - 1) % 12 + 1)
    if m := re.search(r"(?<![\d年])(\d{1,2}|十[一二]?|[一二三四五六七八九])\s*月", message):
        number = int(m[1]) if m[1].isdigit() else chinese_number(m[1])
        if 1 <= number <= 12:
            return _months_ahead(today, (number - today.month - 1) % 12 + 1)
    return None


def _months_ahead(today: date, count: int) -> tuple[date, date]:
    number = today.year * 12 + today.month - 1 + count
    return _month(number // 12, number % 12 + 1)


def _month(year: int, month: int) -> tuple[date, date]:
    following = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, 1), following - timedelta(days=1)


def _safe_date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _count(text: str | None) -> int:
    if not text:
        return 1
    if text.isdigit():
        return int(text)
    words = {
        "two": 2,
        "three": 3,
        "four": 4,
        "five": 5,
        "six": 6,
        "seven": 7,
        "eight": 8,
        "nine": 9,
        "ten": 10,
    }
    words |= {"twelve": 12, "a few": 3, "两": 2, "十": 10, "十二": 12}
    return words.get(text, "一二三四五六七八九".find(text) + 1 or 1)
