"""What came in can go out: tables to CSV and JSON lines."""

import csv
import json
from pathlib import Path

import pytest

from assistant.crm import Store
from assistant.crm.exporting import export_table
from assistant.errors import RecordError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "crm.sqlite")
    store.upsert(
        "customers", [{"id": "C-1", "name": "Li Wei 李伟"}, {"id": "C-2", "name": 'A "quoted", name'}]
    )
    return store


def test_csv_and_json_lines_hold_every_row(store: Store, tmp_path: Path) -> None:
    assert export_table(store, "customers", tmp_path / "c.csv") == 2
    with (tmp_path / "c.csv").open(encoding="utf-8", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["Li Wei 李伟", 'A "quoted", name']
    assert export_table(store, "customers", tmp_path / "c.jsonl") == 2
    lines = (tmp_path / "c.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["C-1", "C-2"]


@pytest.mark.parametrize(("table", "name"), [("nothing", "x.csv"), ("customers", "x.txt")])
def test_what_cannot_be_written_leaves_no_file(store: Store, tmp_path: Path, table: str, name: str) -> None:
    with pytest.raises(RecordError):
        export_table(store, table, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_the_view_for_scripts_cannot_write(store: Store) -> None:
    with store.tables() as database, pytest.raises(Exception, match="readonly"):
        database.execute("DELETE FROM customers")
    assert store.counts()["customers"] == 2
