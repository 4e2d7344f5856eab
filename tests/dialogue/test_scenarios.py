"""Scenario files: read, played on a copy, judged turn by turn, and compared with the last run."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.dialogue.scenarios import is_scenario_file, read_scenarios, run_scenarios
from assistant.errors import AssistantError

from .doubles import LittleAssistant

Make = Callable[..., LittleAssistant]
SHIPPED = Path(__file__).parents[1] / "data" / "scenarios.yaml"
PAUSE = {
    "id": "pause",
    "customer": "C-1042",
    "turns": [
        {"say": "Pause my subscription for two months", "facts": [["SU-2001", "SU-9"], "2027-01-05"]},
        {"say": "yes", "tools": ["pause_subscription"], "outcome": "answered"},
    ],
    "after": [{"table": "subscriptions", "id": "SU-2001", "status": "paused"}],
}


@pytest.fixture
def shop(make: Make) -> LittleAssistant:
    assistant = make()
    assistant.store.set_meta("demo_seed", "1")
    return assistant


def written(tmp_path: Path, *scenarios: object) -> Path:
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(s) + "\n" for s in scenarios))
    return path


def test_a_scenario_is_played_on_a_copy(shop: LittleAssistant, tmp_path: Path) -> None:
    path = written(tmp_path, PAUSE)
    assert is_scenario_file(path) and is_scenario_file(SHIPPED)
    report = run_scenarios(shop, read_scenarios(path), out=tmp_path / "report.json")
    assert report.passed == {"pause": True} and report.as_dict()["right"] == 1.0
    assert shop.store.subscription("SU-2001")["status"] == "active" and shop.store.actions() == []
    assert json.loads((tmp_path / "report.json").read_text())["turns"] == 2


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"facts": ["SU-9"]}, "not said: SU-9"),
        ({"absent": ["nothing is sent"]}, "said: nothing is sent"),
        ({"tools": ["pause_subscription"]}, "done: nothing instead of pause_subscription"),
        ({"looks": ["orders"]}, "not looked at: orders"),
        ({"outcome": "refused"}, "answered instead of refused"),
    ],
)
def test_what_is_wrong_is_said(
    shop: LittleAssistant, tmp_path: Path, change: dict[str, object], wrong: str
) -> None:
    scenario = {**PAUSE, "turns": [{**PAUSE["turns"][0], **change}], "after": []}  # type: ignore[index,dict-item]
    report = run_scenarios(shop, read_scenarios(written(tmp_path, scenario)))
    assert report.turns[0].wrong == (wrong,) and wrong in report.lines()[-1]


def test_the_record_afterwards_counts(shop: LittleAssistant, tmp_path: Path) -> None:
    after = [{"table": "subscriptions", "id": "SU-2001", "status": "cancelled"}]
    report = run_scenarios(shop, read_scenarios(written(tmp_path, {**PAUSE, "after": after})))
    assert report.turns[1].wrong == ("SU-2001 status is 'paused'",)
    with pytest.raises(AssistantError, match="audit"):
        run_scenarios(
            shop, read_scenarios(written(tmp_path, {**PAUSE, "after": [{"table": "audit", "id": "1"}]}))
        )


def test_a_run_is_compared_with_the_last_one(shop: LittleAssistant, tmp_path: Path) -> None:
    worse = {**PAUSE, "after": [{"table": "subscriptions", "id": "SU-2001", "status": "active"}]}
    assert run_scenarios(shop, read_scenarios(written(tmp_path, worse))).before is None
    report = run_scenarios(shop, read_scenarios(written(tmp_path, PAUSE)))
    assert report.as_dict()["better"] == ["pause"] and report.as_dict()["worse"] == []
    report = run_scenarios(shop, read_scenarios(written(tmp_path, worse)))
    assert report.as_dict()["worse"] == ["pause"] and "worse pause" in "\n".join(report.lines())


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("- id: x\n  turns: []", "turns"),
        ("- id: x\n  turns: [{sya: hi}]", "scenario 1"),
        ("- [", "can't be read"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(AssistantError, match=match):
        read_scenarios(tmp_path / "own.yaml")
    with pytest.raises(AssistantError, match="no file"):
        read_scenarios(tmp_path / "none.yaml")


def test_the_shipped_scenarios_are_many_and_mixed() -> None:
    scenarios = read_scenarios(SHIPPED)
    turns = [t for s in scenarios for t in s.turns]
    chinese = [t for t in turns if any("\u4e00" <= c <= "\u9fff" for c in t.say)]
    assert len(turns) >= 100 and len(chinese) >= len(turns) / 4
    assert {s.role for s in scenarios} == {"visitor", "customer", "agent"}
    assert len({s.id for s in scenarios}) == len(scenarios) and all(len(s.turns) > 1 for s in scenarios)
    assert abs(sum(s.held_out for s in scenarios) - len(scenarios) / 2) <= 1
