"""From evidence to checked sentences: the model writes, the verifier reads each sentence before anybody else does."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage

from assistant.dialogue import phrases
from assistant.dialogue.events import Answered, Check, Citation, Sentence
from assistant.dialogue.facts import UNENDED, sentences
from assistant.dialogue.prompts import render
from assistant.dialogue.verify import NOTHING_OF, Verifier, cite
from assistant.errors import Cancelled
from assistant.evidence import Evidence

UNKNOWN = re.compile(
    r"\bI (?:don't|do not) know\b|\bthere is no (?:information|mention)\b|\bno (?:information|details) (?:is|are|about|on)\b"
    r"|\b(?:evidence|information|articles?|records?|text|message) (?:provided |given |above )?"
    r"(?:does not|doesn't|do not|don't) (?:mention|say|specify|contain|provide|include|answer|state)"
    r"|\b(?:is|are|was|were) not (?:mentioned|specified|provided|stated|given) in\b"
    # a draft that begs off by itself: what the company can't do it says as "we"
    r"|^(?:I'm |I am )?(?:sorry|unfortunately),? (?:but )?I (?:can't|cannot|can not|am (?:not able|unable)|'m unable)\b"
    r"|^(?:很?抱歉|对不起)[，,]?我(?:无法|不能|没办法|没有办法)"
    r"|我不知道|^不知道|资料(?:里|中)?(?:没有|并未|未)|没有提(?:到|及)|未提(?:到|及)|没有相关(?:的)?信息|无法(?:确定|回答)",
    re.I,
)
_ENDS = re.compile(r"(?<=[.!?])(?:\s*\[\d{1,2}\])*\s+(?=[^a-z])|(?<=[。！？])(?:\s*[\[【]\d{1,2}[\]】])*|\n+")

Stop = Callable[[], bool]


def never() -> bool:
    """For a turn that nobody can stop."""
    return False


def stoppable(model: Any, cancelled: Stop) -> dict[str, Any]:
    """Keyword arguments that make ``model`` ask ``cancelled`` at each step, where it is one that can.

    Any other LangChain chat model is stopped by closing its stream, between two of its chunks.
    """
    return {"cancelled": cancelled} if getattr(model, "takes_cancelled", False) else {}


def instructions(language: str, company: str, staff: bool, tone: str = "") -> str:
    """The system message of answers: the same for all questions of a role in a language."""
    return render("answer", language, company=company, staff=staff, tone=tone)


class Writer:
    """Writes one answer; afterwards ``answered`` holds the result. Raises Cancelled when ``cancelled`` says so."""

    def __init__(
        self,
        model: BaseChatModel,
        *,
        company: str,
        staff: bool,
        language: str,
        today: str,
        cancelled: Stop = never,
        tone: str = "",
        choose: Callable[[Sequence[str]], Sequence[int]] | None = None,
        speaks: Callable[[Sequence[Evidence]], bool] | None = None,
    ) -> None:
        self.speaks = speaks  # whether what a sentence cites speaks of what is asked
        self.choose = choose  # which lines of an article to say where none of the drafts could stay
        self.model, self.company, self.staff, self.tone = model, company, staff, tone
        self.cancelled = cancelled
        self.language, self.today = language, today
        self.say = phrases.speaking(language)
        self.answered: Answered | None = None

    def _told(self, line: str) -> str:
        """A line of the record as it is said to whoever asks: to customers it speaks of themselves."""
        return line if self.staff else self.say.to_customer(line)

    def quote(
        self, evidence: Sequence[Evidence], n: int, only: Sequence[int] | None = None
    ) -> Iterator[Sentence]:
        """The sentences of evidence ``[n]`` as the answer, all or those with the numbers ``only``, from 0."""
        started = time.perf_counter()
        parts = sentences(evidence[n - 1].text)
        chosen = range(len(parts)) if only is None else only
        kept = [Sentence(cite(self._told(parts[i]), (n,)), (n,)) for i in chosen]
        yield from kept
        timing = {"total_s": round(time.perf_counter() - started, 3)}
        self.answered = Answered(
            join(kept, self.language),
            "answered" if kept else "unknown",
            citations(kept, evidence),
            (),
            timing,
        )

    def nearest(self, evidence: Sequence[Evidence], n: int, only: Sequence[int]) -> Sentence:
        """What evidence ``[n]`` says in these sentences, said to be the closest there is and not the answer."""
        parts = sentences(evidence[n - 1].text)
        if evidence[n - 1].kind == "interaction":
            return Sentence(f"{self.say.closest_said} {cite(' '.join(parts[i] for i in only), (n,))}", (n,))
        said = " ".join(parts[i] for i in only)
        return Sentence(f"{self.say.closest.format(title=parts[0])} {cite(said, (n,))}", (n,))

    def recite(self, evidence: Sequence[Evidence], numbers: Sequence[int]) -> Iterator[Sentence]:
        """These pieces of evidence as they are: the first as it stands, the others as a list below it."""
        started = time.perf_counter()
        kept = []
        for place, n in enumerate(numbers):
            text = " ".join(evidence[n - 1].text.split())
            kept.append(Sentence(("- " if place else "") + cite(text, (n,)), (n,)))
        yield from kept
        timing = {"total_s": round(time.perf_counter() - started, 3)}
        found = citations(kept, evidence)
        self.answered = Answered(
            join(kept, self.language), "answered" if kept else "unknown", found, (), timing
        )

    def write(
        self, question: str, evidence: Sequence[Evidence], *, before: str | None = None, hint: str = ""
    ) -> Iterator[Sentence]:
        """Yield checked sentences while the model is writing. Closing the generator stops the model."""
        started = time.perf_counter()
        system = instructions(self.language, self.company, self.staff, self.tone)
        prompt = render(
            "question",
            self.language,
            evidence=evidence,
            question=question,
            today=self.today,
            before=before,
            hint=hint,
        )
        verifier = Verifier(
            evidence,
            question=question,
            context=self.company,
            secret=system,
            today=date.fromisoformat(self.today),
        )
        checks: list[Check] = []
        kept: list[Sentence] = []
        timing: dict[str, Any] = {}
        unknown = False
        stream = self.model.stream(
            [SystemMessage(system), HumanMessage(prompt)], **stoppable(self.model, self.cancelled)
        )
        try:
            for draft in _drafts(stream, timing, self.cancelled):
                if UNKNOWN.search(draft):
                    unknown = True
                    checks.append(Check(draft, "dropped", ("says that it is not known",)))
                    if not kept:
                        break
                    continue
                sentence, check = verifier.check(draft)
                cited = [evidence[n - 1] for n in sentence.citations] if sentence else []
                if cited and self.speaks and not self.speaks(cited):
                    sentence, check = None, Check(draft, "dropped", ("speaks of something else",))
                    unknown = True
                checks.append(check)
                unknown = unknown or any(reason.startswith(NOTHING_OF) for reason in check.reasons)
                if sentence is not None:
                    timing.setdefault("first_sentence_s", round(time.perf_counter() - started, 3))
                    kept.append(sentence)
                    yield sentence
        finally:
            close = getattr(stream, "close", None)
            if close:
                close()
        if (
            not kept and not unknown and self.speaks is None
        ):  # who the account is answers no question of what was said
            for sentence in compose(evidence, choose=self.choose, tell=self._told):
                kept.append(sentence)
                yield sentence
        timing["total_s"] = round(time.perf_counter() - started, 3)
        self.answered = Answered(
            answer=join(kept, self.language),
            outcome="answered" if kept else "unknown",
            citations=citations(kept, evidence),
            checks=tuple(checks),
            timing=timing,
        )


def compose(
    evidence: Sequence[Evidence],
    *,
    limit: int = 3,
    choose: Callable[[Sequence[str]], Sequence[int]] | None = None,
    tell: Callable[[str], str] = str,
) -> list[Sentence]:
    """An answer put together from the evidence itself: its leading sentences, each with its number.

    A record can stand for an answer, and so can the article that fits best, in the lines that ``choose`` picks; what
    somebody once said about something can't.
    """
    out: list[Sentence] = []
    for n, e in enumerate(evidence[:limit], start=1):
        if e.kind in ("record", "prediction", "policy"):
            parts = sentences(e.text)[: 4 if n == 1 else 2]
            out += [Sentence(cite(tell(part), (n,)), (n,)) for part in parts]
    if out:
        return out
    articles = [(e.score, -n) for n, e in enumerate(evidence, start=1) if e.kind == "article"]
    if not articles:
        return []
    n = -max(articles)[1]
    lines = sentences(evidence[n - 1].text.partition("\n")[2]) or sentences(
        evidence[n - 1].text
    )  # after the title
    chosen = choose(lines) if choose else range(len(lines))
    return [Sentence(cite(lines[i], (n,)), (n,)) for i in list(chosen)[:limit]]


def citations(kept: Sequence[Sentence], evidence: Sequence[Evidence]) -> tuple[Citation, ...]:
    """The evidence that the kept sentences name, in the order of its numbers."""
    used = sorted({n for s in kept for n in s.citations})
    return tuple(
        Citation(n, evidence[n - 1].source, evidence[n - 1].kind, evidence[n - 1].text, evidence[n - 1].id)
        for n in used
    )


def join(kept: Sequence[Sentence], language: str) -> str:
    """Sentences as one text: list items on lines of their own, Chinese without spaces between sentences."""
    text = ""
    for s in kept:
        if text:
            text += "\n" if re.match(r"[-•*]\s|\d{1,2}[.)、]\s?", s.text) else "" if language == "zh" else " "
        text += s.text
    return text


def _drafts(stream: Any, timing: dict[str, Any], cancelled: Stop = never) -> Iterator[str]:
    """Whole sentences out of a stream of chunks; the last chunk's metadata goes into ``timing``."""
    buffer = ""
    for chunk in stream:
        if cancelled():
            raise Cancelled
        text = (
            chunk.content if isinstance(chunk.content, str) else "".join(str(part) for part in chunk.content)
        )
        buffer += text
        metadata = getattr(chunk, "response_metadata", None) or {}
        timing.update(metadata.get("timing", {}))
        searched = 0
        while match := _ENDS.search(buffer, searched):
            # a citation may follow the full stop: wait until something else does
            if match.end() >= len(buffer) or buffer[match.end() :].lstrip()[:1] in ("[", "【", ""):
                break
            if UNENDED.search(buffer[: match.start()].rstrip()):
                searched = match.end()
                continue
            sentence, buffer, searched = buffer[: match.end()].strip(), buffer[match.end() :], 0
            if sentence:
                yield sentence
    if buffer.strip():
        yield buffer.strip()
