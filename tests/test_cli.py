"""The command line: codes, one-line errors with hints, batches, importing, doctor, demo. No model is loaded."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from assistant import __version__
from assistant.cli import main
from assistant.crm import Store
from assistant.settings import get_settings

ROOT = Path(__file__).parent.parent
Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in [n for n in os.environ if n.startswith("CRM_ASSISTANT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CRM_ASSISTANT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CRM_ASSISTANT_OFFLINE", "1")
    get_settings.cache_clear()
    yield tmp_path / "home"
    get_settings.cache_clear()


@pytest.fixture
def run(home: Path) -> Run:
    return lambda *arguments: CliRunner().invoke(main, [str(a) for a in arguments])


def filled(home: Path) -> None:
    home.mkdir(parents=True)
    with Store(home / "crm.sqlite") as store:
        store.upsert("customers", [{"id": "K-1", "name": "Somebody Else"}])


def process(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("CRM_ASSISTANT_")}
    env |= {"CRM_ASSISTANT_HOME": str(home), "CRM_ASSISTANT_OFFLINE": "1"} | environment
    return subprocess.run(
        [sys.executable, "-m", "assistant", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=200,
    )


def test_help_and_version(run: Run) -> None:
    shown = run("--help")
    assert shown.exit_code == 0
    for name in (
        "demo",
        "ask",
        "chat",
        "serve",
        "import",
        "index",
        "train",
        "predict",
        "classify",
        "detect",
        "report",
        "models",
        "eval",
        "doctor",
    ):
        assert f"\n  {name} " in shown.stdout
    assert __version__ in run("--version").stdout


@pytest.mark.parametrize(
    "command",
    ["demo", "ask", "chat", "serve", "import", "index build", "index search", "index status", "index rollback", "train", "predict",
     "classify", "detect", "report", "models list", "models rollback", "models check", "eval", "doctor"],
)  # fmt: skip
def test_every_command_explains_itself(run: Run, command: str) -> None:
    shown = run(*command.split(), "--help")
    assert shown.exit_code == 0 and "Usage:" in shown.stdout and len(shown.stdout) > 100


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",), ("ask",), ("ask", "x", "--nothing"), ("import", "customers"), ("import", "wishes", "x.csv"), ("classify", "pii"),
        ("classify", "mood", "x"), ("classify", "pii", "--batch", "in.jsonl"), ("index", "search"), ("index", "search", "x", "--k", "0"),
        ("train", "luck"), ("train", "churn", "--table", "t.csv"), ("predict", "churn", "--table", "t.csv"), ("demo", "--port", "x"),
        ("train", "risk"), ("predict", "scorecard"), ("detect", "luck"), ("models", "rollback"),
        ("serve", "--port", "99999"), ("demo", "--port", "0"), ("eval", "--limit", "0"),
    ],
)  # fmt: skip
def test_wrong_usage_is_2(run: Run, home: Path, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2 and "Usage:" in done.stderr and done.stdout == ""
    assert not home.exists()


@pytest.mark.parametrize(
    "arguments",
    [("ask", "hello"), ("chat",), ("serve",), ("index", "status"), ("index", "build"), ("predict", "churn"), ("train", "churn"), ("eval",),
     ("index", "rollback"), ("import", "customers", "nowhere.csv"), ("classify", "pii", "--batch", "nowhere", "--out", "out"),
     ("report",), ("detect", "anomalies"), ("models", "check"), ("models", "rollback", "churn")],
    ids=lambda a: " ".join(a[:2]),
)  # fmt: skip
def test_what_cannot_be_done_is_1_with_one_line_and_a_hint(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == 1 and done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line]
    assert [line.split(":")[0] for line in lines] == ["error", "hint"], done.stderr


def commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))
        else:
            yield " ".join((*before, name)), command


def test_every_command_that_tells_something_can_tell_it_as_json() -> None:
    without = {
        name for name, command in commands(main) if all(option.name != "as_json" for option in command.params)
    }
    assert without == {"chat", "serve"}


def test_bytes_that_are_no_text_stop_no_command(home: Path) -> None:
    done = process("classify", "safety", os.fsdecode(b"caf\xe9 please"), home=home)
    assert (done.returncode, done.stdout, done.stderr) == (0, "allow\n", "")


def test_debug_shows_the_traceback(run: Run) -> None:
    done = run("--debug", "index", "rollback")
    assert done.exit_code == 1 and done.exception is not None and not isinstance(done.exception, SystemExit)


def test_a_setting_that_is_nonsense_is_said(home: Path) -> None:
    done = process("doctor", home=home, CRM_ASSISTANT_PORT="abc")
    assert done.returncode == 1 and "Traceback" not in done.stderr and "CRM_ASSISTANT_PORT" in done.stderr


def test_errors_of_a_process_go_to_standard_error(home: Path) -> None:
    done = process("ask", "hello", home=home)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == f"error: There is no record in {home}."
    assert "crm-assistant demo" in done.stderr and "Traceback" not in done.stderr


# -- classify, in batches -----------------------------------------------------------------------------------------


def test_personal_data_is_masked(run: Run) -> None:
    done = run("classify", "pii", "Write to ann@example.org or call +353 1 555 0101")
    found = json.loads(done.stdout)
    assert done.exit_code == 0 and "ann@example.org" not in found["text"] and "555" not in found["text"]
    assert {"start", "end", "type"} <= set(found["spans"][0])


def batch(run: Run, folder: Path, text: str) -> list[dict[str, Any]]:
    source, out = folder / "in.jsonl", folder / "out.jsonl"
    source.write_text(text, encoding="utf-8")
    done = run("classify", "pii", "--batch", source, "--out", out)
    assert done.exit_code == 0, done.output
    count = sum(bool(line.strip()) for line in text.split("\n"))
    assert not count or f"lines: {count} of {count}" in done.stderr
    assert not (folder / "out.jsonl.part").exists()
    return [json.loads(line) for line in out.read_text(encoding="utf-8").split("\n") if line]


def test_a_batch_gives_a_line_for_every_line_in_order(run: Run, tmp_path: Path) -> None:
    lines = [
        '{"id": "a", "text": "mail ann@example.org"}',
        "{broken",
        '{"id": "c"}',
        '{"id": "d", "text": ""}',
        "7",
        '{"text": "你好"}',
    ]
    out = batch(run, tmp_path, "\n".join(lines) + "\n")
    assert [line["id"] for line in out] == ["a", 2, "c", "d", 5, 6]
    assert ["error" in line for line in out] == [False, True, True, False, True, False]
    assert "ann@" not in out[0]["text"] and out[0]["spans"] and out[5]["text"] == "你好"


@pytest.mark.parametrize(
    "line",
    ['{"id": "x", "text": "a \\ud83d b"}', '{"id": "x", "text": "a\u2028b\u0085c\x0bd"}'.replace("\x0b", ""), '{"id": "x", "text": null}',
     '{"id": "x", "text": ' + "[" * 100_000, '{"id": "x", "text": NaN}'],
    ids=["lone surrogate", "separators inside", "null", "deeply nested", "NaN"],
)  # fmt: skip
def test_an_odd_line_does_not_stop_a_batch(run: Run, tmp_path: Path, line: str) -> None:
    out = batch(run, tmp_path, line + '\n{"id": "y", "text": "plain"}\n')
    assert len(out) == 2 and out[1] == {"id": "y", "text": "plain", "spans": []}


def test_an_empty_batch_and_one_from_windows(run: Run, tmp_path: Path) -> None:
    assert batch(run, tmp_path, "") == []
    out = batch(run, tmp_path, '\ufeff{"id": 1, "text": "x"}\r\n\r\n{"id": 2, "text": "y"}\r\n')
    assert [line["id"] for line in out] == [1, 2] and not any("error" in line for line in out)


# -- importing ----------------------------------------------------------------------------------------------------


CUSTOMERS = "customer_id,name,email,country\nC-1,Ann Byrne,ann@example.org,Ireland\nC-2,Tom de Wit,tom@example.org,Netherlands\nC-1,Ann Byrne,ann@example.org,Ireland\n"


def test_a_dry_run_writes_nothing(run: Run, home: Path, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(CUSTOMERS)
    done = run("import", "customers", tmp_path / "c.csv", "--dry-run", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["accepted"] == 2 and report["mapping"]["customer_id"]
    with Store(home / "crm.sqlite") as store:
        assert store.counts()["customers"] == store.counts()["imports"] == 0


def test_a_small_file_is_imported_once(run: Run, home: Path, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(CUSTOMERS)
    first = run("import", "customers", tmp_path / "c.csv")
    assert first.exit_code == 0 and first.stdout.strip()
    again = json.loads(run("import", "customers", tmp_path / "c.csv", "--json").stdout)
    assert again["updated"] == 0 and again["unchanged"] == 2
    with Store(home / "crm.sqlite") as store:
        assert [c["name"] for c in store.customers()] == ["Ann Byrne", "Tom de Wit"]


def test_a_mapping_that_is_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(CUSTOMERS)
    assert run("import", "customers", tmp_path / "c.csv", "--map", "nonsense").exit_code == 2
    done = run("import", "customers", tmp_path / "c.csv", "--map", "name=shoe_size")
    assert done.exit_code == 1 and "shoe_size" in done.stderr and "hint:" in done.stderr


def test_a_table_goes_out_as_a_file_that_has_a_header_in_any_case(
    run: Run, home: Path, tmp_path: Path
) -> None:
    filled(home)
    done = run("export", "customers", "--out", tmp_path / "c.csv", "--json")
    assert json.loads(done.stdout) == {"table": "customers", "rows": 1, "path": str(tmp_path / "c.csv")}
    assert run("export", "offers", "--out", tmp_path / "new" / "o.csv").exit_code == 0
    assert (tmp_path / "new" / "o.csv").read_text().startswith("id,name,")
    done = run("privacy", "erase", "K-1", "--yes", "--json")
    assert json.loads(done.stdout)["customers"] == 1


# -- looking after it ---------------------------------------------------------------------------------------------


def test_doctor_on_an_empty_home(run: Run, home: Path) -> None:
    done = run("doctor", "--json")
    found = {f["what"]: f for f in json.loads(done.stdout)}
    assert done.exit_code == 1 and not home.exists()
    assert not found["record"]["ok"] and "crm-assistant" in found["record"]["hint"]
    assert not found["index"]["needed"] and found["disk"]["found"]
    shown = run("doctor")
    assert shown.exit_code == 1 and "missing" in shown.stdout and "Traceback" not in shown.output


def test_doctor_asks_the_servers_of_a_model_elsewhere(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai", reason="the extra 'remote' is not installed")
    for address, said in (
        ("openai:large@http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1 does not answer"),
        ("openai:large", "names no model on a server"),
    ):
        monkeypatch.setenv("CRM_ASSISTANT_CHAT_MODEL", address)
        get_settings.cache_clear()
        found = {f["what"]: f for f in json.loads(run("doctor", "--json").stdout)}
        assert not found["chat: openai:large"]["ok"] and said in found["chat: openai:large"]["found"]


def test_demo_leaves_another_companys_record_alone(run: Run, home: Path) -> None:
    filled(home)
    done = run("demo", "--no-serve")
    assert (
        done.exit_code == 1
        and "another company's record (1 customers)" in done.stderr
        and "--home" in done.stderr
    )
    with Store(home / "crm.sqlite") as store:
        assert [c["id"] for c in store.customers()] == ["K-1"]
    assert sorted(p.name for p in home.iterdir() if not p.name.startswith("crm.sqlite")) == []


def test_an_index_without_articles_of_ones_own_is_not_the_demo_companys(run: Run, home: Path) -> None:
    done = run("index", "status", "--json")
    assert done.exit_code == 0 and json.loads(done.stdout)["build"] is None
    filled(home)
    (home / "weights").mkdir()
    done = run("index", "build")
    assert str(home / "kb") in done.stderr and "--kb" in done.stderr


def test_ctrl_c_before_the_command_has_begun_is_one_line(tmp_path: Path) -> None:
    """Python is still importing: the signal comes while the command line's own module is read."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Stop:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'assistant.cli':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stop())\n"
    )
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "assistant", "doctor"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), root])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "Stopped.")
