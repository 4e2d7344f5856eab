"""``ask``, its batches and ``eval`` on the command line, over the small company and a scripted model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from assistant.cli import base, main
from assistant.settings import get_settings

from .doubles import LittleAssistant

ORDERS = "Customer C-1042 has 3 orders [1]."
QUESTION = "What are the orders of C-1042?"


@pytest.fixture
def run(
    make: Callable[..., LittleAssistant], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Result]:
    monkeypatch.setenv("CRM_ASSISTANT_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    assistant = make(ORDERS)
    monkeypatch.setattr(base, "open_assistant", lambda settings: assistant)

    def invoke(*arguments: Any) -> Result:
        return CliRunner().invoke(main, [str(a) for a in arguments])

    yield invoke  # type: ignore[misc]
    get_settings.cache_clear()


def batch(run: Callable[..., Result], folder: Path, lines: list[Any], *more: str) -> list[dict[str, Any]]:
    source, out = folder / "in.jsonl", folder / "out.jsonl"
    source.write_text(
        "".join((x if isinstance(x, str) else json.dumps(x, ensure_ascii=False)) + "\n" for x in lines),
        encoding="utf-8",
    )
    done = run("ask", "--batch", source, "--out", out, *more)
    assert done.exit_code == 0, done.output
    assert not list(folder.glob("*.part"))
    return [json.loads(line) for line in out.read_text(encoding="utf-8").split("\n") if line]


def test_an_answer_with_its_sources(run: Callable[..., Result]) -> None:
    done = run("ask", QUESTION)
    assert done.exit_code == 0 and done.stdout.splitlines()[0] == ORDERS
    assert "[1] C-1042 orders:" in done.stdout


def test_an_answer_as_json(run: Callable[..., Result]) -> None:
    line = json.loads(run("ask", QUESTION, "--json").stdout)
    assert (line["intent"], line["outcome"], line["language"], line["customer"]) == (
        "order_history",
        "answered",
        "en",
        "C-1042",
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("ask",), 2, "say what to ask"),
        (("ask", "x", "--role", "king"), 2, "king"),
        (("ask", "x", "--batch", "in", "--out", "out"), 2, "not both"),
        (("ask", "--batch", "in"), 2, "--out"),
        (("ask", "--batch", "nowhere.jsonl", "--out", "out"), 1, "There is no file nowhere.jsonl"),
        (("ask", " "), 1, "The message is empty"),
        (("ask", "x", "--role", "customer"), 1, "has to be signed in"),
        (("ask", "x", "--customer", "C-1043"), 1, "C-1042 (Anna Vermeer)"),
    ],
)
def test_errors_are_a_line_and_a_hint(
    run: Callable[..., Result], arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = run(*arguments)
    assert done.exit_code == code and words in done.stderr and done.stdout == ""
    assert "Traceback" not in done.stderr
    if code == 1:
        assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["error", "hint"]


def test_a_customer_on_the_command_line_is_the_session(run: Callable[..., Result]) -> None:
    line = json.loads(
        run("ask", "What did C-1001 order?", "--role", "customer", "--customer", "C-1042", "--json").stdout
    )
    assert (line["intent"], line["outcome"], line["customer"]) == ("forbidden", "refused", "C-1042")


def test_a_batch_gives_a_line_for_every_line(run: Callable[..., Result], tmp_path: Path) -> None:
    lines = [
        {"id": "a", "message": "Will C-1042 leave?"},
        {"id": "b", "message": ""},
        "this is not JSON",
        {"id": "d"},
        [1, 2],
        {"id": "f", "message": "hello", "role": "visitor"},
        {"id": "g", "message": "my orders", "role": "customer"},
        {"id": "h", "message": "my orders", "role": "customer", "customer": "C-9999"},
        {
            "id": "i",
            "message": "and why?",
            "history": [{"role": "user", "content": "What are the orders of C-1042?"}],
        },
        {"id": "j", "message": 5},
        {"message": "thanks"},
    ]
    out = batch(run, tmp_path, lines)
    assert [line["id"] for line in out] == ["a", "b", 3, "d", 5, "f", "g", "h", "i", "j", 11]
    failed = {line["id"] for line in out if "error" in line}
    assert failed == {"b", 3, "d", 5, "g", "h"}
    first = out[0]
    assert {
        "id",
        "answer",
        "citations",
        "tools",
        "intent",
        "sentiment",
        "language",
        "outcome",
        "checks",
        "timing",
    } <= set(first)
    assert out[8]["customer"] == "C-1042"


@pytest.mark.parametrize(
    "line",
    [
        {"id": "x", "message": "hello", "history": "abc"},
        {"id": "x", "message": "hello", "history": [5]},
        {"id": "x", "message": ["hello"]},
        {"id": "x", "message": "hello\u2028world\u0085again"},
        '{"id": "x", "message": "hello \\ud83d"}',
        {"id": "x", "message": "hello", "role": "king"},
        {"id": "x", "message": "orders of C-1042", "role": "king", "customer": "C-1042"},
        {"id": "x", "message": "hello", "customer": 7},
    ],
)
def test_an_odd_line_does_not_stop_the_batch(run: Callable[..., Result], tmp_path: Path, line: Any) -> None:
    out = batch(run, tmp_path, [line, {"id": "y", "message": "hello"}])
    assert [x["id"] for x in out] == ["x", "y"] and out[1]["outcome"] == "answered"


def test_a_stopped_batch_keeps_what_was_done(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = LittleAssistant.ask, []

    def stop_at_second(self: LittleAssistant, message: str, **more: Any) -> Any:
        asked.append(message)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(self, message, **more)

    monkeypatch.setattr(LittleAssistant, "ask", stop_at_second)
    source = tmp_path / "in.jsonl"
    source.write_text('{"id": 1, "message": "hello"}\n{"id": 2, "message": "hello"}\n')
    done = run("ask", "--batch", source, "--out", tmp_path / "out.jsonl")
    assert done.exit_code == 130 and "Traceback" not in done.stderr
    assert not (tmp_path / "out.jsonl").exists()
    assert json.loads((tmp_path / "out.jsonl.part").read_text())["id"] == 1


def test_cases_of_ones_own(run: Callable[..., Result], tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_text(
        '{"message": "Will C-1042 leave?", "tools": ["churn_risk"], "facts": ["73%"]}\n'
        '{"message": "Will C-1042 leave?", "facts": ["12%"]}\n'
    )
    done = run("eval", "--cases", cases, "--json", "--out", tmp_path / "verdicts.jsonl")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["cases"], report["passed"], report["right_source"], report["right_fact"]) == (
        2,
        0.5,
        1.0,
        0.5,
    )
    verdicts = [json.loads(line) for line in (tmp_path / "verdicts.jsonl").read_text().splitlines()]
    assert [v["passed"] for v in verdicts] == [True, False]
    shown = run("eval", "--cases", cases).stdout
    assert "failed: 2: Will C-1042 leave?" in shown


@pytest.mark.parametrize("text", ["not JSON", '{"question": "x"}', '{"message": "x", "colour": "red"}'])
def test_cases_that_are_none(run: Callable[..., Result], tmp_path: Path, text: str) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_text(text + "\n")
    done = run("eval", "--cases", cases)
    assert done.exit_code == 1 and "line 1" in done.stderr and "Traceback" not in done.stderr
