"""Numbers and yes or no that stand in the evidence but are said of the wrong thing.

A small model that reads "machines 24 months, accessories 12 months" may answer 12 for a machine: a number that is in
the evidence. Which line of an article the question is about can be told from its words; where the answer's number
belongs to another line or clause, or its yes meets a no, the line itself is the better answer. That is never false.
"""

import re
from collections.abc import Sequence

from assistant.knowledge.words import codes, query_words, segment

_MEASURE = re.compile(
    r"(?P<before>€)?(?P<value>\d+(?:[.,]\d+)?)\s*(?:-\s*)?(?P<unit>%|€|working days?|business days?|个?工作日|个月|欧元|小时|分钟|[a-z]+|[\u4e00-\u9fff])",
    re.I,
)
# the same of every number, also of one that has no unit
_VALUE = re.compile(_MEASURE.pattern + "?", re.I)
_SAME_UNIT = {
    "€": "eur", "euro": "eur", "euros": "eur", "欧元": "eur", "欧": "eur", "business day": "working day",
    "工作日": "working day", "个工作日": "working day", "日": "day", "天": "day", "个月": "month", "小时": "hour", "分钟": "minute",
    "年": "year",
}  # fmt: skip
# what is measured, not what it is measured of
_MEASURED = frozenset(
    query_words(
        "cost price pay fee long time take month day year hour week valid amount many much something anything"
    )
) | set("天 日 月 年 小时 期限 时间 时限 价格 费用 费 钱 金额".split())  # noqa: SIM905
_HEADING = re.compile(r"^[^:：.。]{1,60}[:：]\s")
_CLAUSES = re.compile(r"[,;:，；：、]\s*|\s(?:and|or|but|while|whereas)\s|(?:而|但)")
_NO = re.compile(
    r"\b(?:not|no|never|cannot|without|neither|nor|none|nothing)\b|n['’]t\b|不|没|无法|未|勿", re.I
)
_YES_NO = re.compile(
    r"^(?:\W*(?:hi|hello|hey|please|so|and|but)\W+)*(?:can|could|may|do|does|did|is|are|will|would|has|have|am|should)\b"
    r"|\bi(?:['’]d| would) like to\b|\bi (?:want|need) to\b"  # a wish asks whether it may be had
    r"|吗|能不能|可不可以|可以|是不是|有没有|是否|能否|可否",
    re.I,
)


# what is not to be had at all: no condition, no time, no part of it
_FORBIDS = re.compile(
    r"\b(?:cannot|can not|not (?:possible|available|allowed|accepted))\b|\b(?:ca|do|does|wo)n['’]t\b"
    r"|不能|不可以?|无法|不(?:支持|接受|提供|送|寄|发)",
    re.I,
)
_ONLY_SO = re.compile(
    r"\b(?:if|unless|except|only|when|once|after|before|until|that (?:has|have|is|are)|yet|again)\b|如果|若|除非|只|[之以]?[后前]",
    re.I,
)
_PARTS = re.compile(
    r"(?:,|，|;|；)\s*(?:and\b|另外|还有)?|\band\b(?=\s+(?:who|what|when|where|how|do|does|can|is|are)\b)|[?？]",
    re.I,
)
_YES = frozenset(query_words("yes yeah sure certainly course indeed also 是的 可以 能 会 有 当然 对"))
_QUESTION_FORM = re.compile(r"(?:^|[^\u3400-\u9fff])?([\u3400-\u9fff])不\1")


_AMOUNTS = ("eur", "usd", "gbp", "chf", "cny", "元", "%")
# what is counted in these is neither money nor a share
_COUNTED = frozenset(
    ["order", "item", "day", "month", "year", "week", "hour",
     "minute", "second", "bag", "gram", "piece", "contact", "review", "customer", "point", "lark", "box", "cup",
     "delivery", "deliverie", "message", "g", "kg", "ml", "l", "min", "mm", "cm", "star", *"个次件条天日月年位项单袋盒杯克分星封笔"]
)  # fmt: skip


def of_other_unit(draft: str, evidence: str) -> list[str]:
    """Amounts of money and shares in ``draft`` whose number the evidence has for something else that is counted.

    >>> of_other_unit("It costs 38 EUR a month.", "38 orders, in total 2429.10 EUR")
    ['38 EUR']
    >>> of_other_unit("It costs 38 EUR.", "38 orders. Home: 38.00 EUR")
    []
    """
    wanted = [m for m in _MEASURE.finditer(draft) if _measure(m)[1] in _AMOUNTS]
    if not wanted:
        return []
    known: dict[str, set[str]] = {}
    for match in _VALUE.finditer(evidence):
        value, unit = _measure(match)
        known.setdefault(value, set()).add(unit)
    return [m[0] for m in wanted if (units := known.get(_measure(m)[0])) and units <= _COUNTED]


# what has become of an order, as a sentence says it and as a record does
_STATUS: dict[str, tuple[re.Pattern[str], re.Pattern[str]]] = {
    "shipped": (
        re.compile(r"\b(?:is|was|has been|have been|already|been) (?:already )?(?:shipped|dispatched|sent out)\b|\bon its way\b|已(?:经)?(?:发货|寄出)|在路上", re.I),
        re.compile(r"\bstatus: (?:shipped|delivered|returned)|\barrived on|状态：(?:已发货|配送中|运输中|已送达|已退)|送达日期", re.I),
    ),
    "delivered": (
        re.compile(r"\b(?:is|was|has been|have been|already) (?:already )?delivered\b|\b(?:has|have) (?:already )?arrived\b|已(?:经)?送达", re.I),
        re.compile(r"\bstatus: (?:delivered|returned)|\barrived on|状态：(?:已送达|已退)|送达日期", re.I),
    ),
    "cancelled": (
        re.compile(r"\b(?:is|was|has been|have been|already) (?:already )?cancell?ed\b|已(?:经)?取消", re.I),
        re.compile(r"\bcancell?ed\b|取消", re.I),
    ),
}  # fmt: skip
_HAS_STATUS = re.compile(r"\bstatus: |状态：", re.I)
_IF = re.compile(
    r"\b(?:if|once|when|until|unless|before|after|as soon as)\b|如果|一旦|之后|以前|之前|[后前]", re.I
)


def other_status(draft: str, records: Sequence[str]) -> str:
    """The status that ``draft`` says an order has though none of the orders in ``records`` has it; "" where it has.

    >>> other_status("Yes, it is shipped.", ["Order LO-1 was placed on 2026-10-31; status: placed, total 9 EUR."])
    'shipped'
    """
    orders = [text for text in records if _HAS_STATUS.search(text)]
    if not orders or _NO.search(draft) or _IF.search(draft):
        return ""
    for status, (said, told) in _STATUS.items():
        if said.search(draft) and not any(map(told.search, orders)):
            return status
    return ""


def echoes(question: str, draft: str) -> bool:
    """Whether a draft only says the question again: as a question, or with none but its words where it asks no yes or no.

    >>> echoes("My cup came broken, do you care?", "Do you care, my cup came broken?")
    True
    >>> echoes("Can I return opened coffee?", "You can return opened coffee.")
    False
    """
    said, asked = set(query_words(draft)), set(query_words(question))
    if not said or not said <= asked:
        return False
    if draft.rstrip().endswith(("?", "？")):
        return True
    if _QUESTION_FORM.search(draft):
        return True
    return len(said) > 3 and not _YES_NO.search(question) and not _NO.search(draft)


def better_line(question: str, draft: str, lines: Sequence[str], alone: bool = False) -> int | None:
    """Which of the articles' ``lines`` to say instead of ``draft``, or None where the draft reads them rightly.

    ``alone`` says that these lines are all that the draft can rest on. Of a question with several parts, the one that
    the draft answers with yes or no is tried by itself, then the whole.
    """
    said = set(query_words(draft))
    for part in dict.fromkeys([*_PARTS.split(question), question]):
        about = set(query_words(part or ""))
        if part != question and (not _YES_NO.search(part.strip()) or 2 * len(about & said) < len(about)):
            continue
        if (found := _better(part, draft, lines, alone)) is not None:
            return found
    return None


def _better(question: str, draft: str, lines: Sequence[str], alone: bool) -> int | None:
    asked = set(query_words(question))
    if not asked:
        return None
    said = set(query_words(draft))
    words = [set(segment(line)) for line in lines]
    affirmed = bool(_YES_NO.search(question.strip())) and not _NO.search(draft)
    if affirmed and (forbidden := _forbidden(asked, said, lines, words)) is not None:
        return forbidden
    fits = [
        -1.0 if _opposite(asked, line, w) else len(asked & w) + 0.3 * len((said - asked) & w)
        for line, w in zip(lines, words, strict=True)
    ]
    best = max(range(len(lines)), key=fits.__getitem__, default=None)
    # a bare yes says no more than the question did: where no line says as much, the nearest line is the answer
    bare = alone and affirmed and not said - asked - _YES
    if bare and best is not None and asked & words[best] and not any(asked & said <= w for w in words):
        return best
    if best is None or len(asked & words[best]) < min(2, len(asked)):
        return None
    named = set(codes(draft))
    if named and (other := set(codes(lines[best]))) and not named & other:
        return None  # the line is about another product than the draft
    if _other_number(asked, draft, lines, words, best) or (
        _YES_NO.search(question.strip())
        and len(asked & words[best]) >= 0.6 * len(asked)
        and bool(_NO.search(draft)) != bool(_NO.search(lines[best]))
    ):
        return best
    return None


def _forbidden(
    asked: set[str], said: set[str], lines: Sequence[str], words: Sequence[set[str]]
) -> int | None:
    """The line that says no: where one of the words asked for ("Switzerland") is in no line that doesn't, or where it
    speaks of hardly anything else ("opened coffee can't be returned") and no line has more of the question."""
    plain = [bool(_FORBIDS.search(line) and not _ONLY_SO.search(line)) for line in lines]
    for word in sorted((asked & said) - _MEASURED, key=lambda word: (-len(word), word)):
        if len(word) < (4 if word.isascii() else 2):
            continue
        holders = [i for i, w in enumerate(words) if word in w]
        if 1 <= len(holders) <= 2 and all(plain[i] for i in holders):
            return max(holders, key=lambda i: len(asked & words[i]))
    most = max((len(asked & w) for w in words), default=0)
    if most < 2 or most < 0.6 * len(asked):
        return None
    return next(
        (
            i
            for i, (line, w) in enumerate(zip(lines, words, strict=True))
            if plain[i] and len(asked & w) == most and len(set(query_words(line)) - asked) <= 1
        ),
        None,
    )


def _opposite(asked: set[str], line: str, words: set[str]) -> bool:
    """Whether a line speaks of the opposite: of unopened bags where an opened one is asked about."""
    return any(f"un{word}" in words if word.isascii() else f"未{word}" in line for word in asked)


def _other_number(
    asked: set[str], draft: str, lines: Sequence[str], words: Sequence[set[str]], best: int
) -> bool:
    there = _measures(lines[best])
    about = asked - _MEASURED
    for value, unit in _measures(draft):
        values = {v for v, u in there if u == unit}
        if not values or values == {value}:
            continue
        if value not in values:
            # one word in common ("delivery") tells no line from the others
            holders = [i for i, line in enumerate(lines) if (value, unit) in _measures(line)]
            # and nor do those of its heading, which it shares with the lines around it
            mine = len(about & set(segment(_HEADING.sub("", lines[best]))))
            return mine > 1 and all(len(about & words[i]) < mine for i in holders)
        clauses = [(len(about & set(segment(c))), _measures(c)) for c in _CLAUSES.split(lines[best]) if c]
        mine = max((fit for fit, found in clauses if (value, unit) in found), default=0)
        others = max(
            (fit for fit, found in clauses if any(u == unit and v != value for v, u in found)), default=0
        )
        if others > mine:
            return True
    return False


def _measures(text: str) -> set[tuple[str, str]]:
    """(value, unit) of every number with a unit: ``("24", "month")``, ``("3.9", "eur")``."""
    return {_measure(match) for match in _MEASURE.finditer(text)}


def _measure(match: re.Match[str]) -> tuple[str, str]:
    unit = "eur" if match["before"] else (match["unit"] or "").lower()
    if unit not in _SAME_UNIT:
        unit = unit.removesuffix("s") if unit.isascii() else unit
    value = match["value"].replace(",", ".")
    value = value.rstrip("0").rstrip(".") if "." in value else value
    return value, _SAME_UNIT.get(unit, unit)
