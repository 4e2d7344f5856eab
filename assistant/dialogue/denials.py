"""Denials that the evidence contradicts: "has not made any purchases" beside "423.50 EUR in the last 12 months".

Such a sentence holds no number that could be looked up, so it is read the other way round: what is denied, of which time,
and whether a sentence of the evidence states just that. Only what the evidence says outright counts: where it speaks of
another time, hedges, or says less than is denied, the denial stays.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta

from assistant.dialogue.facts import facts, sentences
from assistant.dialogue.periods import TIME_WORDS, Span, period, without_period
from assistant.evidence import Evidence
from assistant.knowledge.words import is_chinese, segment

_NOT = re.compile(
    r"\b(?:has|have|had|did|does|do|is|are|was|were|can|could)(?:\s+not\b(?! only)|n['’]t\b)|\bcannot\b|\bnever\b"
    r"|\bno\b(?=\s+\w)(?!\s+(?:later|more than|less than|sooner|doubt|matter))|\bnothing\b|\bnone\b|\bzero\b",
    re.I,
)
_NOT_ZH = re.compile(r"从来没有?|从未|未曾|并未|尚未|并没有|没有|没(?!关系|问题)|未(?=[购下订消投退收联开使注登])|无(?=[购订投退消优联])")  # fmt: skip
# what makes a sentence of the evidence no plain statement that something is so
_HEDGED = re.compile(
    r"\b(?:not|no|never|without|none|nothing|probability|risk|likely|may|might|can|could|would|if|unless|except|only)\b|n['’]t\b"
    r"|不|没|未|无|概率|风险|可能|可以|如果|若|除非|仅|只",
    re.I,
)
_OVER = re.compile(r"\b(?:cancelled|canceled|returned|ended|closed|paused|expired|declined)\b|已取消|已退货|已暂停|结束|已拒绝|停售", re.I)  # fmt: skip
# a condition or a question inside a draft: it denies something narrower than its words
_NARROWED = re.compile(
    r"\b(?:if|unless|except|only|when|where|why|how|which|what|whether|who|than|after|beyond|once|again|other|another|else|enough|directly|separately|explicitly|specifically)\b"
    r"|如果|除非|只|什么|哪|为何|怎么|是否|之后|超过|其他|再次|明确|具体",
    re.I,
)
_CLAUSES = re.compile(r"[,;，；]\s*|\s(?:but|and|while|although)\s|(?:但是?|而且?)")
_SUBJECT = re.compile(r"\s*(?:[A-ZÀ-Þ][\w'’-]+\s+)+(?=(?:has|have|had|did|does|is|was)\b)")
_ASIDE = re.compile(r"\([^)]*\)|（[^）]*）")
# the customer's own words, not a note of ours
_BY_CUSTOMER = re.compile(r"Customer \S+ (?:wrote|said)\b|客户\S+?(?:说|写)")
# words of one kind of thing: a purchase may be stated as an order, or as money spent
_SAME: tuple[frozenset[str], ...] = tuple(
    frozenset(w for word in words.split() for w in segment(word))
    for words in (
        "purchase purchases buy bought order orders ordered ordering spend spent revenue",
        "subscription subscriptions subscribe subscribed subscriber plan",
        "contact contacts contacted conversation conversations write wrote written message messages",
        "complaint complaints complain complained",
        "deliver delivered delivery arrive arrived",
        "ship shipped shipment shipping",
        "email e-mail mail",
        "ticket tickets",
        "left leave leaves leaving churned",
    )
)
_SAME_ZH = (
    "购买 下单 订单 消费 订购 买",
    "订阅 套餐",
    "联系 沟通 留言",
    "投诉",
    "送达 收到 到货",
    "发货 寄出",
    "邮箱 邮件",
    "工单",
    "优惠",
)
# words that a denial is built from, not what it is about
_LITTLE = frozenset(
    w
    for word in [
        "customer",
        "client",
        "account",
        "make",
        "made",
        "place",
        "placed",
        "any",
        "anything",
        "something",
        "single",
        "yet",
        "record",
        "recorded",
        "known",
        "number",
        "address",
        "date",
        "have",
        "has",
        "had",
        "get",
        "got",
        "been",
        "done",
        "far",
        "current",
        "currently",
        "available",
        "listed",
        "shown",
        "found",
        "show",
        "record's",
        "us",
        "we",
        "our",
        "you",
        "your",
        "their",
        "he",
        "she",
        "they",
        "it",
        "this",
        "that",
        "the",
        "a",
        "an",
        "of",
        "to",
        "for",
        "with",
        "from",
        "by",
        "in",
        "on",
        "at",
        "there",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "did",
        "does",
        "do",
        "not",
        "no",
        "never",
        "nothing",
        "none",
        "zero",
        "yes",
        "so",
        "ever",
        "at",
        "all",
        "also",
        "still",
        "and",
        "or",
    ]
    for w in segment(word)
)
_LITTLE_ZH = re.compile(
    r"客户|该|顾客|这位|您|你|我们|任何|进行|过|的|了|在|内|里|中|期间|记录|信息|目前|还|一次|有|是|他|她|此|其|账户|账号|与|和|曾|到|显示"
)


def contradicted(
    draft: str, evidence: Sequence[Evidence], *, question: str = "", today: date | None = None
) -> tuple[str, int] | None:
    """The sentence of the evidence, with its number, that states what ``draft`` denies; None where nothing does.

    ``today`` is the day that "in the last 12 months" counts from; a time that the draft does not name is the question's.
    """
    zh = is_chinese(draft)
    found = (_NOT_ZH if zh else _NOT).search(draft)
    if found is None or draft.rstrip().endswith(("?", "？")):
        return None
    clause = _denying_clause(draft, found.start())
    if _NARROWED.search(clause) or len((_NOT_ZH if zh else _NOT).findall(clause)) > 1:
        return None
    span: Span = (None, None)
    if today is not None:
        span = period(clause, today)
        if span == (None, None):
            span = period(question, today)
    rest = without_period(clause) if span != (None, None) else clause
    if TIME_WORDS.search(rest):
        return None  # a time that can't be told
    if (who := _SUBJECT.match(rest)) and any(who[0].strip() in e.text for e in evidence):
        rest = rest[who.end() :]  # a name, which need not be said again where the thing is stated
    named = {f.value for f in facts(clause, names=False) if f.kind == "reference"}
    wanted = _Wanted(rest, zh)
    if not wanted.says:
        return None
    single = [e for e in evidence if e.kind == "record" and "/" not in e.id]  # one order, one product
    for n, e in enumerate(evidence, start=1):
        if len(single) > 1 and e in single and not (named or wanted.bought):
            continue  # which of them is meant can't be told
        if e.kind == "interaction":
            # what somebody said proves that it was said, and when; of what it says nothing is believed
            if wanted.contacted and _BY_CUSTOMER.match(e.text) and _said_within(e, span):
                return sentences(e.text)[0].strip(), n
            continue
        if e.kind == "article" and re.search(r"\d", clause):
            continue
        here = {f.value for f in facts(f"{e.text} {e.source}", names=False) if f.kind == "reference"}
        if not named <= here:
            continue
        for sentence in sentences(e.text):
            if wanted.stated_in(sentence, span, today, plain=e.kind == "article"):
                return sentence.strip(), n
    return None


def _denying_clause(draft: str, at: int) -> str:
    """The part between commas, or "but" and "and", in which the negation at ``at`` stands."""
    start = 0
    for cut in _CLAUSES.finditer(draft):
        if cut.start() >= at:
            return draft[start : cut.start()]
        start = cut.end()
    return draft[start:]


class _Wanted:
    """What is denied: words that a sentence must all hold, each in one of its forms."""

    def __init__(self, clause: str, zh: bool) -> None:
        self.groups: list[frozenset[str]] = []
        plain = re.sub(r"[A-Za-z]{1,5}-?\d[\w-]*", " ", clause, flags=re.ASCII)
        if zh:
            left = _NOT_ZH.sub(" ", plain)
            for line in _SAME_ZH:
                forms = frozenset(line.split())
                cut = re.sub("|".join(sorted(forms, key=len, reverse=True)), " ", left)
                if cut != left:
                    self.groups.append(forms)
                left = cut
            left = _LITTLE_ZH.sub(" ", left)
            self.groups += [
                frozenset([part]) for part in re.findall(r"[\u3400-\u9fff]+|[A-Za-z]{2,}|\d+", left)
            ]
            return
        for word in dict.fromkeys(segment(_NOT.sub(" ", plain))):
            if word not in _LITTLE and len(word) > 1:
                self.groups.append(next((g for g in _SAME if word in g), frozenset([word])))
        self.groups = list(dict.fromkeys(self.groups))

    @property
    def says(self) -> bool:
        return bool(self.groups)

    @property
    def bought(self) -> bool:
        """Whether what is denied is that there was any order at all."""
        return len(self.groups) == 1 and bool(self.groups[0] & (_SAME[0] | {"订单"}))

    @property
    def contacted(self) -> bool:
        """Whether what is denied is that the customer was in touch at all."""
        return len(self.groups) == 1 and bool(self.groups[0] & (_SAME[2] | {"联系"}))

    def stated_in(self, sentence: str, span: Span, today: date | None, *, plain: bool) -> bool:
        """Whether ``sentence`` holds all of it, in a clause that gives a quantity, a date or a word for it within ``span``.

        ``plain``: the sentence must be a statement without numbers of its own, as an article's rule.
        """
        whole = _ASIDE.sub(" ", sentence)
        hedges = {m[0].lower() for m in _HEDGED.finditer(whole)}
        if plain and len(self.groups) < 2:
            return False
        if any(not self._about(h) for h in hedges):
            return False
        if not all(self._holds(g, whole) for g in self.groups):
            return False
        if any(not self._about(m[0]) for m in _OVER.finditer(whole)):
            return False
        if plain:
            return True
        clauses = re.split(r"[,;，；]\s*", whole)
        if span == (None, None):
            told = [c for c in clauses if any(self._holds(g, c) for g in self.groups)]
            return any(map(_counts, told))
        return any(_counts(c) and _within(c, span, today) for c in clauses)

    def _about(self, word: str) -> bool:
        """Whether the denial itself speaks of ``word``."""
        return any(self._holds(g, word) for g in self.groups)

    @staticmethod
    def _holds(forms: frozenset[str], text: str) -> bool:
        words = set(segment(text))
        low = text.lower()
        return any(form in words or (not form.isascii() and form in low) for form in forms)


def _said_within(e: Evidence, span: Span) -> bool:
    """Whether a conversation is of a day in ``span``; of any day where that is open."""
    day = (e.at or "")[:10]
    first, last = (d.isoformat() if d else "" for d in span)
    return bool(day) and first <= day and (not last or day <= last)


def _counts(clause: str) -> bool:
    """Whether a clause says that something is there: not with a nought."""
    return not re.search(r"(?<![\d.])0+(?:\.0+)?(?![\d.]*[1-9])(?!\d)", clause)


def _within(clause: str, span: Span, today: date | None) -> bool:
    """Whether what a clause says falls into ``span``: its own period, or the day that it names, lies in it."""
    if today is None:
        return False
    first, last = span[0] or date.min, span[1] or date.max
    start, end = period(clause, today)
    if start is not None and end is not None:
        return start >= first - timedelta(days=5) and end <= last + timedelta(days=5)
    return False
