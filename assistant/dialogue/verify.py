"""Checking a sentence against the evidence, before anybody sees it.

Every number, date, reference, address and name in an answer must occur in the evidence. A sentence that fails is
replaced by the evidence sentence it comes closest to, or left out. Citations are kept where they hold and added
where they are missing, so that each one resolves.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from assistant.dialogue.denials import contradicted
from assistant.dialogue.events import Check, Sentence
from assistant.dialogue.facts import (
    Fact,
    facts,
    numbers_in,
    ranges,
    sentences,
    strip_citations,
    supported,
)
from assistant.dialogue.misread import better_line, echoes, of_other_unit, other_status
from assistant.dialogue.safety import gives_away
from assistant.evidence import Evidence
from assistant.knowledge.words import is_chinese, query_words, segment, stem

_TOKEN = re.compile(r"[a-zà-ÿ0-9]+|[\u4e00-\u9fff]")
_STOP = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "to",
        "in",
        "on",
        "at",
        "is",
        "are",
        "was",
        "were",
        "and",
        "or",
        "for",
        "with",
        "by",
        "as",
        "it",
        "its",
        "this",
        "that",
        "be",
        "has",
        "have",
        "had",
        "from",
        "you",
        "your",
        "we",
        "our",
        "i",
        "he",
        "she",
        "his",
        "her",
        "they",
        "their",
        "not",
        "no",
        "can",
        "will",
        "may",
        "的",
        "了",
        "是",
        "在",
        "和",
        "有",
        "我",
        "您",
        "你",
        "他",
        "她",
        "们",
        "这",
        "那",
        "与",
        "或",
    ]
)
# what an answer says of itself or of courtesy needs no evidence
_SMALL_TALK = re.compile(
    r"^(sorry|i'm sorry|unfortunately|please|thank|thanks|let me know|if you|feel free|i hope|you're welcome|"
    r"happy to|of course|抱歉|很抱歉|请|谢谢|感谢|如果|希望|当然|您好|你好)",
    re.I,
)


# what a date may be of: a draft that gives it for one of these must find it said of that, or of none of them
_DATED = {
    "end": re.compile(r"\b(?:expir\w*|run out|runs out|valid until|lapse\w*)\b|过期|到期|有效期|失效", re.I),
    "order": re.compile(r"\b(?:order(?:ed|s)?|placed|bought|purchased)\b|下单|订单|购买", re.I),
    "contact": re.compile(r"\b(?:wrote|said|called|contact\w*|complained|review)\b|留言|联系|投诉|说", re.I),
    "join": re.compile(r"\b(?:since|joined|started)\b|始于|加入|开始", re.I),
    "delivery": re.compile(
        r"\b(?:deliver\w*|arriv\w*|shipped|dispatch\w*|come|comes|sent)\b|送达|配送|发货|寄出|到货", re.I
    ),
}


NOTHING_OF = "the evidence doesn't speak of"
_NOUNS = re.compile(
    r"\b(?:the|your|an?|her|his|last|first|this|that|newest|latest) orders?\b|\border (?=[A-Z]{1,3}-?\d)|订单",
    re.I,
)
_THE_QUANTITY = re.compile(
    r"^(?:the|your|our|its|his|her)\s+(?:[a-z]+\s)?([a-z]{4,})\s+(?:on|of|for|in)\b[^.]*\b(?:is|are|was|were)\b[^.]*\d",
    re.I,
)
# what a number of the evidence may be called though it isn't called so there
_ANY_QUANTITY = frozenset(
    "price prices cost costs amount total number date name time fee charge value sum probability risk chance length period deadline status order customer".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class _Known:
    facts: frozenset[Fact]
    text: str
    words: frozenset[str]
    lines: tuple[str, ...]  # in sentences
    body: tuple[str, ...]  # those after an article's title


class Verifier:
    """Holds the evidence of one turn; ``check`` is called for each sentence as it is written.

    ``context`` is text that may be repeated but proves nothing else: the company's name, names and references in
    the question. A number in the question is no evidence.
    """

    def __init__(
        self,
        evidence: Sequence[Evidence],
        *,
        question: str = "",
        context: str = "",
        secret: str = "",
        today: date | None = None,
    ) -> None:
        self.evidence = list(evidence)
        self._today = today  # what "last month" in a sentence counts from
        self._secret = secret  # the rules given to the model: not to be recited
        self._question = question
        self._known = [
            _Known(
                frozenset(facts(f"{e.text} {e.source}")),
                f"{e.text} {e.source}".lower(),
                _words(e.text),
                tuple(sentences(e.text)),
                tuple(sentences(e.text.partition("\n")[2])),
            )
            for e in evidence
        ]
        spoken = {f for f in facts(question) if f.kind in ("reference", "date", "address")}
        self._facts = set(facts(context)).union(spoken, *(k.facts for k in self._known))
        self._text = " ".join([context.lower(), question.lower(), *(k.text for k in self._known)])
        self._said: set[str] = set()

    def check(self, sentence: str) -> tuple[Sentence | None, Check]:
        """The sentence to show (None: nothing), and what was done with the draft."""
        plain, cited = strip_citations(sentence)
        if not re.search(r"\w", plain):
            return None, Check(sentence, "dropped", ("nothing but a citation",))
        if self._secret and gives_away(plain, self._secret):
            return None, Check(sentence, "dropped", ("recites the assistant's own rules",))
        missing = [f.written for f in facts(plain) if not supported(f, self._facts, self._text)]
        missing += [written for low, high, written in ranges(plain) if not self._spans(low, high)]
        missing += of_other_unit(plain, self._text)
        dates = [f for f in facts(plain, names=False) if f.kind == "date"]
        misdated = [f.written for f in dates if self._misdated(plain, f)]
        if named := self._of_nothing(plain):
            return None, Check(sentence, "dropped", (f"{NOTHING_OF}: {named}",))
        missing += misdated
        if missing:
            reasons = tuple(f"not in the evidence: {m}" for m in missing)
            closest = None if misdated else self._closest(plain)
            if closest is not None:
                text, n = closest
                if self._repeats(text):
                    return None, Check(sentence, "dropped", reasons)
                return Sentence(cite(text, (n,)), (n,)), Check(sentence, "replaced", reasons)
            return None, Check(sentence, "dropped", reasons)
        if self._repeats(plain):
            return None, Check(sentence, "dropped", ("said already",))
        if self._question and echoes(self._question, plain):
            return None, Check(sentence, "dropped", ("says the question again",))
        better = self._misread(plain)
        reasons = ("the article's own words say it differently",)
        if better is None:
            better = contradicted(plain, self.evidence, question=self._question, today=self._today)
            reasons = ("denies what the evidence states",)
        if better is not None:
            line, n = better
            if self._repeats(line):
                return None, Check(sentence, "dropped", reasons)
            return Sentence(cite(line, (n,)), (n,)), Check(sentence, "replaced", reasons)
        if status := other_status(plain, [e.text for e in self.evidence if e.kind == "record"]):
            return None, Check(sentence, "dropped", (f"no record has the status: {status}",))
        numbers = self._citations(plain, cited)
        if not numbers and self._question and self._of_account(plain):  # a letter may say what is courteous
            return None, Check(sentence, "dropped", ("nothing in the evidence speaks of it",))
        return Sentence(cite(plain, numbers), numbers), Check(sentence, "kept")

    def _spans(self, low: str, high: str) -> bool:
        """Whether one sentence of the evidence holds both ends of a range: each by itself may be of something else."""
        return any({low, high} <= numbers_in(line) for known in self._known for line in known.lines)

    def _misdated(self, plain: str, day: Fact) -> bool:
        """Whether the evidence gives that day for something else: an order's is not the one on which points expire."""
        said = _NOUNS.sub(" ", plain)  # "the last order was delivered on" speaks of a delivery
        wanted = {kind for kind, words in _DATED.items() if words.search(said)}
        if not wanted:
            return False
        told = [line for known in self._known for line in known.lines if supported(day, set(facts(line)), "")]
        kinds = [{kind for kind, words in _DATED.items() if words.search(line)} for line in told]
        return bool(kinds) and all(kind and not kind & wanted for kind in kinds)

    def _of_nothing(self, plain: str) -> str:
        """The quantity that a draft gives a number for though the evidence never speaks of one: "the margin is 1190"."""
        found = _THE_QUANTITY.search(plain)
        if found is None or found[1].lower() in _ANY_QUANTITY:
            return ""
        word = stem(found[1].lower())
        return "" if any(word in segment(known.text) for known in self._known) else found[1]

    def _repeats(self, text: str) -> bool:
        form = "".join(_TOKEN.findall(text.lower()))
        if form in self._said:
            return True
        self._said.add(form)
        return False

    def _citations(self, plain: str, cited: tuple[int, ...]) -> tuple[int, ...]:
        """The drafted citations that share something with their evidence; else the evidence that fits best."""
        wanted = set(facts(plain))
        words = _words(plain)
        valid = [n for n in cited if 1 <= n <= len(self._known) and self._fit(n, wanted, words) > 0]
        if wanted and valid and all(self._covers(n, wanted) < len(wanted) for n in valid):
            # the draft's number doesn't hold all that is said: add the one that holds most of the rest
            best = max(range(1, len(self._known) + 1), key=lambda n: self._covers(n, wanted))
            if self._covers(best, wanted) > max(self._covers(n, wanted) for n in valid):
                valid = [best]
        if valid:
            return tuple(valid[:3])
        if not self._known or (_SMALL_TALK.match(plain) and not wanted):
            return ()
        best = max(range(1, len(self._known) + 1), key=lambda n: self._fit(n, wanted, words))
        return (best,) if self._fit(best, wanted, words) >= 1 else ()

    def _of_account(self, plain: str) -> bool:
        """Whether a sentence that cites nothing claims something of an account, in the language of what is known of it."""
        of_account = [e.text for e in self.evidence if e.kind in ("record", "interaction", "prediction")]
        chinese = is_chinese(plain)
        claims = len(query_words(plain)) > 1 and not _SMALL_TALK.match(plain)
        return claims and any(is_chinese(text) == chinese for text in of_account)

    def _covers(self, n: int, wanted: set[Fact]) -> int:
        known = self._known[n - 1]
        return sum(supported(f, set(known.facts), known.text) for f in wanted)

    def _fit(self, n: int, wanted: set[Fact], words: frozenset[str]) -> float:
        return 3 * self._covers(n, wanted) + len(words & self._known[n - 1].words)

    def _misread(self, plain: str) -> tuple[str, int] | None:
        """The article's line that should be said instead of a draft that takes its number or yes from another."""
        wanted = [f for f in facts(plain) if f.kind == "number"]
        for e, known in zip(self.evidence, self._known, strict=True):
            if e.kind != "article" and any(supported(f, set(known.facts), known.text) for f in wanted):
                return None  # the record or a prediction says so
        lines = [
            (line, n)
            for n, e in enumerate(self.evidence, start=1)
            if e.kind == "article"
            for line in self._known[n - 1].body
        ]
        alone = all(e.kind == "article" for e in self.evidence)
        found = better_line(self._question, plain, [line for line, _ in lines], alone)
        return None if found is None else lines[found]

    def _closest(self, plain: str) -> tuple[str, int] | None:
        """The evidence sentence that shares most words with a failed draft, when it shares enough of them."""
        words = _words(plain)
        best: tuple[float, str, int] | None = None
        for n, known in enumerate(self._known, start=1):
            for candidate in known.lines:
                shared = words & _words(candidate)
                share = len(shared) / max(len(words), 1)
                if len(shared) >= 3 and share >= 0.5 and (best is None or share > best[0]):
                    best = (share, candidate.strip(), n)
        return (best[1], best[2]) if best else None


def _words(text: str) -> frozenset[str]:
    return frozenset(w for w in _TOKEN.findall(text.lower()) if w not in _STOP)


def cite(plain: str, numbers: tuple[int, ...]) -> str:
    """The sentence with its citations before the final mark."""
    text = plain.strip()
    if not numbers:
        return text
    marks = "".join(f"[{n}]" for n in numbers)
    match = re.search(r"[.!?。！？；:：]+$", text)
    if match:
        body = text[: match.start()]
        return f"{body} {marks}{match[0]}"
    return f"{text} {marks}"
