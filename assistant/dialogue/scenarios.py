"""Scenarios: conversations of several turns with what each answer must hold, and what the record must say afterwards.

A file is YAML (a list) or JSON lines, one scenario each::

    - id: cancel-an-order
      role: customer
      customer: C-1042
      turns:
        - say: Please cancel order LO-100008
          facts: [LO-100008, ["19.00", "19,00"]]    # each must be said; a list holds alternatives
          absent: [C-1001]                          # must not be said
          tools: []                                 # exactly these actions were carried out (default: none)
          outcome: answered                         # answered | unknown | refused | handed_off
        - say: "yes"
          tools: [cancel_order]
      after:
        - {table: orders, id: LO-100008, status: cancelled}

Scenarios run on a copy of the record, so that what they change is gone afterwards.
"""

import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant.dialogue.actions import ACTION_ROLES
from assistant.dialogue.evaluate import holds, invented
from assistant.dialogue.events import Session, Turn
from assistant.dialogue.facts import strip_citations
from assistant.errors import AssistantError
from assistant.evidence import Role
from assistant.files import write_json

TABLES = ("customers", "orders", "subscriptions", "interactions")


class Line(BaseModel):
    """One message and what is expected of the answer; ``looks`` are tools of which one must have been used."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    say: str
    facts: tuple[str | tuple[str, ...], ...] = ()
    absent: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    looks: tuple[str, ...] = ()
    outcome: str | None = None


class Scenario(BaseModel):
    """A conversation; ``after`` names rows (``table``, ``id``) and the values they must have in the end."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    role: Role = "customer"
    customer: str | None = None
    held_out: bool = False
    turns: tuple[Line, ...] = Field(min_length=1)
    after: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class TurnVerdict:
    """One turn: ``wrong`` says what was not as expected, ``invented`` which facts are in no evidence."""

    scenario: str
    number: int
    say: str
    answer: str
    outcome: str
    tools: tuple[str, ...]
    wrong: tuple[str, ...]
    invented: tuple[str, ...]
    citations_resolve: bool
    seconds: float

    @property
    def passed(self) -> bool:
        return not self.wrong and not self.invented


@dataclass(frozen=True)
class ScenarioReport:
    scenarios: tuple[Scenario, ...]
    turns: tuple[TurnVerdict, ...]
    before: Mapping[str, bool] | None = None  # of the last run: whether each scenario passed

    @property
    def passed(self) -> dict[str, bool]:
        """Whether all turns of each scenario passed."""
        return {s.id: all(t.passed for t in self.turns if t.scenario == s.id) for s in self.scenarios}

    def as_dict(self) -> dict[str, Any]:
        held_out = {s.id for s in self.scenarios if s.held_out}
        return {
            **_figures(self.turns),
            "scenarios": len(self.scenarios),
            "scenarios_passed": sum(self.passed.values()),
            "held_out": _figures([t for t in self.turns if t.scenario in held_out]),
            "better": sorted(
                k for k, v in self.passed.items() if self.before and v and self.before.get(k) is False
            ),
            "worse": sorted(
                k for k, v in self.passed.items() if self.before and not v and self.before.get(k)
            ),
            "details": [asdict(t) | {"passed": t.passed} for t in self.turns],
        }

    def lines(self) -> list[str]:
        d = self.as_dict()
        out = [
            f"{name:10} {f['turns']:4} turns  right {f['right']:.0%}  invented {f['invented']}  citations resolve {f['citations_resolve']:.0%}"
            for name, f in (("all", d), ("held out", d["held_out"]))
            if f["turns"]
        ]
        out.append(f"{d['scenarios_passed']} of {d['scenarios']} scenarios passed")
        if self.before is not None:
            out.append(
                f"since the last run: better {', '.join(d['better']) or 'none'}; worse {', '.join(d['worse']) or 'none'}"
            )
        failed = [t for t in self.turns if not t.passed]
        return out + [
            f"failed: {t.scenario} {t.number}: {t.say[:60]!r}: {'; '.join(t.wrong + t.invented)}"
            for t in failed
        ]


def _figures(turns: Sequence[TurnVerdict]) -> dict[str, Any]:
    n = len(turns)
    return {
        "turns": n,
        "right": round(sum(t.passed for t in turns) / n, 4) if n else 0.0,
        "invented": sum(len(t.invented) for t in turns),
        "citations_resolve": round(sum(t.citations_resolve for t in turns) / n, 4) if n else 0.0,
    }


def read_scenarios(path: Path) -> list[Scenario]:
    """The scenarios of a YAML or JSON lines file. Raises AssistantError that names the place of a mistake."""
    if not path.is_file():
        raise AssistantError(f"There is no file {path}.", "give a YAML or JSON lines file of scenarios")
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix.lower() in (".yaml", ".yml"):
            values = yaml.safe_load(text) or []
        else:
            values = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        raise AssistantError(f"{path} can't be read: {error}", "correct the file") from error
    found = []
    for number, value in enumerate(values, start=1):
        try:
            found.append(Scenario.model_validate(value))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(p) for p in first["loc"])
            raise AssistantError(
                f"{path}, scenario {number}: {place}: {first['msg']}", "correct this value"
            ) from error
    return found


def is_scenario_file(path: Path) -> bool:
    """YAML, or JSON lines whose first line has turns."""
    if path.suffix.lower() in (".yaml", ".yml"):
        return True
    first = (
        next((line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()), "")
        if path.is_file()
        else ""
    )
    return '"turns"' in first


def run_scenarios(
    assistant: Any,
    scenarios: Sequence[Scenario],
    *,
    out: Path | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> ScenarioReport:
    """Play every scenario on a copy of the record each, and compare with the last run of this home."""
    last = assistant.home / "eval" / "scenarios.json"
    before = json.loads(last.read_text(encoding="utf-8")) if last.is_file() else None
    turns: list[TurnVerdict] = []
    for number, scenario in enumerate(scenarios, start=1):
        turns += play(assistant, scenario)
        if progress:
            progress("scenarios", number, len(scenarios))
    report = ScenarioReport(tuple(scenarios), tuple(turns), before)
    write_json(last, {**(before or {}), **report.passed})
    if out is not None:
        write_json(out, report.as_dict())
    return report


def play(assistant: Any, scenario: Scenario) -> list[TurnVerdict]:
    """One scenario on a copy of the record: a verdict for each turn; what the record says counts for the last."""
    with (
        tempfile.TemporaryDirectory(prefix="crm-scenario-") as folder,
        assistant.over_copy(Path(folder)) as copy,
    ):
        session = Session(scenario.role, scenario.customer, scenario.customer or "eval")
        verdicts: list[TurnVerdict] = []
        conversation: str | None = None
        for number, line in enumerate(scenario.turns, start=1):
            started = time.perf_counter()
            turn = copy.ask(line.say, session=session, conversation_id=conversation)
            conversation = turn.conversation_id
            wrong = _wrong(line, turn)
            if number == len(scenario.turns):
                wrong += _wrong_rows(copy.store, scenario.after)
            verdicts.append(_verdict(scenario.id, number, line, turn, wrong, time.perf_counter() - started))
        return verdicts


def _wrong(line: Line, turn: Turn) -> list[str]:
    answer = strip_citations(turn.answer)[0]
    wrong = []
    for fact in line.facts:
        alternatives = (fact,) if isinstance(fact, str) else fact
        if not any(holds(a, answer) for a in alternatives):
            wrong.append(f"not said: {' or '.join(alternatives)}")
    wrong += [f"said: {word}" for word in line.absent if word.lower() in answer.lower()]
    used = [t.name for t in turn.tools]
    done = [name for name in used if name in ACTION_ROLES or name == "undo"]
    if done != list(line.tools):
        wrong.append(f"done: {', '.join(done) or 'nothing'} instead of {', '.join(line.tools) or 'nothing'}")
    if line.looks and not set(line.looks) & set(used):
        wrong.append(f"not looked at: {' or '.join(line.looks)}")
    if line.outcome and turn.outcome != line.outcome:
        wrong.append(f"{turn.outcome} instead of {line.outcome}")
    return wrong


def _wrong_rows(store: Any, after: Sequence[Mapping[str, Any]]) -> list[str]:
    wrong = []
    for expected in after:
        table, id = expected["table"], expected["id"]
        if table not in TABLES:
            raise AssistantError(
                f"A scenario can't look at the table {table!r}.", f"one of: {', '.join(TABLES)}"
            )
        row = getattr(store, table.removesuffix("s"))(id) or {}
        wrong += [
            f"{id} {name} is {row.get(name)!r}"
            for name, value in expected.items()
            if name not in ("table", "id") and row.get(name) != value
        ]
    return wrong


def _verdict(
    id: str, number: int, line: Line, turn: Turn, wrong: Sequence[str], seconds: float
) -> TurnVerdict:
    cited = set(strip_citations(turn.answer)[1])
    return TurnVerdict(
        id, number, line.say, turn.answer, turn.outcome, tuple(t.name for t in turn.tools), tuple(wrong), invented(turn),
        cited <= {c.n for c in turn.citations}, round(seconds, 2),
    )  # fmt: skip
