"""Scoring the assistant on cases with known answers: the right source, the right facts, nothing invented."""

import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from assistant.dialogue.cases import Case, demo_cases
from assistant.dialogue.events import Session, Turn
from assistant.dialogue.facts import facts, strip_citations, supported
from assistant.errors import AssistantError
from assistant.files import write_atomic


@dataclass(frozen=True)
class Verdict:
    """How one case went. ``source`` is None where a case asks for none, ``facts`` likewise."""

    case: Case
    answer: str
    outcome_right: bool
    source: bool | None
    facts: bool | None
    leaked: tuple[str, ...]
    invented: tuple[str, ...]
    citations_resolve: bool
    seconds: float
    timing: dict[str, Any]
    intent: str | None
    tools: tuple[str, ...]
    cited: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return (
            self.outcome_right
            and self.source is not False
            and self.facts is not False
            and not self.leaked
            and not self.invented
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.case.id,
            "group": self.case.group,
            "held_out": self.case.held_out,
            "message": self.case.message,
            "answer": self.answer,
            "passed": self.passed,
            "outcome_right": self.outcome_right,
            "source": self.source,
            "facts": self.facts,
            "expected": [list(f) for f in self.case.facts],
            "expected_tools": list(self.case.tools),
            "expected_sources": list(self.case.sources),
            "leaked": list(self.leaked),
            "invented": list(self.invented),
            "citations_resolve": self.citations_resolve,
            "intent": self.intent,
            "tools": list(self.tools),
            "cited": list(self.cited),
            "seconds": round(self.seconds, 2),
            "timing": self.timing,
        }


@dataclass(frozen=True)
class Report:
    verdicts: tuple[Verdict, ...]

    def figures(self, verdicts: Sequence[Verdict] | None = None) -> dict[str, Any]:
        rows = self.verdicts if verdicts is None else verdicts
        sources = [v.source for v in rows if v.source is not None]
        wanted = [v.facts for v in rows if v.facts is not None]
        first = sorted(v.timing["first_token_s"] for v in rows if "first_token_s" in v.timing)
        return {
            "cases": len(rows),
            "passed": _share([v.passed for v in rows]),
            "right_source": _share(sources),
            "right_fact": _share(wanted),
            "right_outcome": _share([v.outcome_right for v in rows]),
            "invented": sum(len(v.invented) for v in rows),
            "leaked": sum(len(v.leaked) for v in rows),
            "citations_resolve": _share([v.citations_resolve for v in rows]),
            "seconds_median": round(median([v.seconds for v in rows]), 2) if rows else None,
            "first_token_median_s": round(median(first), 2) if first else None,
        }

    def as_dict(self) -> dict[str, Any]:
        groups: dict[str, list[Verdict]] = defaultdict(list)
        for v in self.verdicts:
            groups[v.case.group].append(v)
        return {
            **self.figures(),
            "held_out": self.figures([v for v in self.verdicts if v.case.held_out]),
            "groups": {name: self.figures(rows) for name, rows in sorted(groups.items())},
        }

    def lines(self) -> list[str]:
        def line(name: str, f: dict[str, Any]) -> str:
            keys = ("passed", "right_source", "right_fact")
            shown = {k: "-" if f[k] is None else f"{f[k]:.0%}" for k in keys}
            seconds = "-" if f["seconds_median"] is None else f"{f['seconds_median']:.1f}"
            return (
                f"{name:24} {f['cases']:4}  {shown['passed']:>6}  {shown['right_source']:>6}  {shown['right_fact']:>6}"
                f"  {f['invented']:8}  {f['leaked']:6}  {seconds:>7}"
            )

        whole = self.as_dict()
        head = f"{'':24} {'n':>4}  {'passed':>6}  {'source':>6}  {'fact':>6}  {'invented':>8}  {'leaked':>6}  {'seconds':>7}"
        rows = [line(name, f) for name, f in whole["groups"].items()]
        failed = [f"failed: {v.case.id}: {v.case.message[:90]}" for v in self.verdicts if not v.passed]
        return [head, *rows, line("held out", whole["held_out"]), line("all", whole), *failed]


def evaluate(
    assistant: Any,
    *,
    cases: Path | None = None,
    only: str | None = None,
    limit: int | None = None,
    out: Path | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Report:
    """Run the demo company's cases, or those in a JSON lines file, one conversation each."""
    chosen = _read(cases) if cases else demo_cases(assistant.store, _churn(assistant))
    if only:
        chosen = [c for c in chosen if only in c.id or only in c.group]
    chosen = chosen[:limit]
    if not chosen:
        raise AssistantError("There are no such cases.", "leave --only and --limit away")
    verdicts = []
    for number, case in enumerate(chosen, start=1):
        verdicts.append(run(assistant, case))
        if out is not None:
            write_atomic(out, "".join(json.dumps(v.as_dict(), ensure_ascii=False) + "\n" for v in verdicts))
        if progress:
            progress("cases", number, len(chosen))
    return Report(tuple(verdicts))


def _churn(assistant: Any) -> Any:
    """The model that risk cases take their figures from, when one is trained."""
    try:
        return assistant.predictor("churn")
    except AssistantError:
        return None


def run(assistant: Any, case: Case) -> Verdict:
    """Ask one case and judge the answer."""
    started = time.perf_counter()
    session = Session(case.role, case.customer, "eval")
    turn = assistant.ask(case.message, session=session, history=case.history)
    return judge(case, turn, time.perf_counter() - started)


def judge(case: Case, turn: Turn, seconds: float) -> Verdict:
    """Compare a turn with what the case expects."""
    answer = strip_citations(turn.answer)[0]
    tools = tuple(t.name for t in turn.tools)
    cited = tuple(c.source for c in turn.citations)
    source: bool | None = None
    if case.tools or case.sources:
        # a case that names sources needs one of them among what was cited; one that names tools, the tool's call
        by_source = any(s in cited for s in case.sources) if case.sources else None
        by_tool = any(t in tools for t in case.tools) if case.tools else None
        source = bool(by_source or by_tool)
    return Verdict(
        case=case,
        answer=turn.answer,
        outcome_right=turn.outcome == case.outcome,
        source=source,
        facts=all(any(holds(alternative, answer) for alternative in fact) for fact in case.facts)
        if case.facts
        else None,
        leaked=tuple(word for word in case.absent if word.lower() in turn.answer.lower()),
        invented=invented(turn),
        citations_resolve=_resolve(turn),
        seconds=seconds,
        timing=dict(turn.timing),
        intent=turn.understood.intent if turn.understood else None,
        tools=tools,
        cited=cited,
    )


def holds(fact: str, answer: str) -> bool:
    """Whether ``answer`` states ``fact``: literally, or the same numbers, dates and references in another spelling."""
    plain = " ".join(answer.lower().split())
    before = (
        r"(?<!\d)(?<!\d[.,])" if fact[:1].isdigit() else ""
    )  # "3" does not stand in "13", nor "3.90" in "13.90"
    after = r"(?!\d|[.,]\d)" if fact[-1:].isdigit() else ""
    if re.search(before + re.escape(fact.lower()) + after, plain):
        return True
    needed = facts(fact, names=False)
    rest = "".join(c for c in fact if c.isalpha())
    if not needed or len(rest) > 12:
        return False
    said = set(facts(answer))
    return all(supported(f, said, plain) for f in needed)


def invented(turn: Turn) -> tuple[str, ...]:
    """Numbers, dates, references and addresses of an answer that are in no evidence, tool result or question."""
    if turn.outcome in ("refused", "handed_off"):
        return ()
    results = json.dumps([t.result for t in turn.tools], ensure_ascii=False, default=str)
    text = " ".join([*(f"{e.text} {e.source}" for e in turn.evidence), results])
    known = set(facts(text)) | {f for f in facts(turn.message) if f.kind != "number"}
    return tuple(
        f.written
        for f in facts(strip_citations(turn.answer)[0], names=False)
        if not supported(f, known, text.lower())
    )


def _resolve(turn: Turn) -> bool:
    """Every ``[n]`` in the answer is among its citations."""
    _, numbers = strip_citations(turn.answer)
    return set(numbers) <= {c.n for c in turn.citations}


def _share(values: Sequence[bool]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _read(path: Path) -> list[Case]:
    """Cases from a JSON lines file with the fields of ``Case``."""
    if not path.is_file():
        raise AssistantError(f"There is no file {path}.", "give a JSON lines file of cases")
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            value["facts"] = tuple(tuple([f] if isinstance(f, str) else f) for f in value.get("facts", ()))
            for key in ("tools", "sources", "absent", "history"):
                value[key] = tuple(value.get(key, ()))
            found.append(
                Case(**{"id": str(number), "group": "own", "role": "agent", "language": "en"} | value)
            )
        except (json.JSONDecodeError, TypeError) as error:
            raise AssistantError(
                f"{path}, line {number}: {error}", 'needed is at least {"message": "..."}'
            ) from error
    return found
