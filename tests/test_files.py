"""Writing files: the old one or the new one, never half of one."""

import json
import os
import stat
from datetime import date
from pathlib import Path

import pytest

from assistant import files
from assistant.files import parse_json, write_atomic, write_json


def test_text_bytes_and_folders(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "file.txt"
    write_atomic(target, "云雀 Larkfield\n")
    assert target.read_text(encoding="utf-8") == "云雀 Larkfield\n"
    write_atomic(target, b"\x00\xff")
    assert target.read_bytes() == b"\x00\xff"
    assert [p.name for p in target.parent.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    target = tmp_path / "file.txt"
    write_atomic(target, "old")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    if broken == "fsync":
        monkeypatch.setattr(files.os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(target, "new")
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_a_stop_in_the_middle_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file.txt"
    write_atomic(target, "old")

    def stopped(fd: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(target, "new")
    assert target.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_others_can_not_read_what_is_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = os.fsync

    def looked_at(fd: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(fd).st_mode))
        real(fd)

    monkeypatch.setattr(files.os, "fsync", looked_at)
    write_atomic(tmp_path / "secret", "key")
    assert seen == [0o600]


def test_json_is_readable_by_people(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "陈静", "on": date(2026, 10, 31), "n": [1, 2]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "陈静" in text and text.endswith("}\n") and len(text.splitlines()) > 3
    assert json.loads(text) == {"name": "陈静", "on": "2026-10-31", "n": [1, 2]}


@pytest.mark.parametrize(
    ("text", "value"),
    [('"a \\ud83d"', "a ?"), ('{"\\uDE00x": 1}', {"?x": 1}), ('"\\ud83d\\ude00"', "\U0001f600"), ('"\\\\ud83d"', "\\ud83d")],
    ids=["half a character", "half a character in a key", "a whole one", "written out"],
)  # fmt: skip
def test_json_of_others_can_be_kept(text: str, value: object) -> None:
    assert parse_json(text) == value
