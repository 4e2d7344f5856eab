"""The record's tables out to files, as CSV or JSON lines."""

import csv
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from assistant.crm.store import Store
from assistant.errors import RecordError


def export_table(store: Store, table: str, out: Path) -> int:
    """Write every row of ``table`` to ``out`` (``.csv`` or ``.jsonl``), row by row; returns how many.

    The file appears whole or not at all. Raises RecordError for an unknown table or another ending.
    """
    if out.suffix not in (".csv", ".jsonl"):
        raise RecordError(f"{out.name} is neither .csv nor .jsonl.", "give --out FILE.csv or FILE.jsonl")
    with store.tables() as database:
        if table not in database.table_names():
            names = ", ".join(sorted(database.table_names()))
            raise RecordError(f"The record has no table {table!r}.", f"one of: {names}")
        count = 0
        with _whole(out) as file:
            writer = csv.DictWriter(file, database.table(table).columns_dict)
            if out.suffix == ".csv":
                writer.writeheader()  # also where there are no rows
            for row in database.table(table).rows:
                if out.suffix == ".csv":
                    writer.writerow(row)
                else:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
    return count


@contextmanager
def _whole(path: Path) -> Iterator[IO[str]]:
    """A file beside ``path`` that takes its place when everything is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
