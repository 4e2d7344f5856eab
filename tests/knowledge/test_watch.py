"""The index keeps itself fresh: a change leads to one build, quiet to none."""

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from assistant.crm import Store
from assistant.knowledge import Freshness, KnowledgeIndex, build_index
from assistant.knowledge.watch import seen
from assistant.settings import Settings

from .doubles import HashedEmbedder


def article(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(f"# About {name}\n\n{text}\n")


def test_only_a_change_that_has_come_to_rest_is_built(tmp_path: Path) -> None:
    store, kb, builds = Store(tmp_path / "crm.sqlite"), tmp_path / "kb", []
    article(kb, "one", "first")
    watch = Freshness(lambda: seen(store, [kb]), lambda: builds.append(1) is None, 60)
    assert [watch.step() for _ in range(4)] == [False, True, False, False]
    article(kb, "two", "second")
    assert not watch.step()  # it may still be being written
    os.utime(kb / "two.md", ns=(1, 1))
    assert not watch.step()
    assert watch.step() and not watch.step()
    (kb / "one.md").unlink()
    assert [watch.step() for _ in range(3)] == [False, True, False]
    with store.database.write() as connection:
        connection.execute("INSERT INTO customers (id) VALUES ('C-1')")
        connection.execute(
            "INSERT INTO interactions (id, customer_id, at, channel, text) VALUES ('I-1', 'C-1', '2026-01-01', 'email', 'hi')"
        )
    assert [watch.step() for _ in range(3)] == [False, True, False]
    with store.database.write() as connection:  # as long as before
        connection.execute("UPDATE interactions SET text = 'ho' WHERE id = 'I-1'")
    assert [watch.step() for _ in range(3)] == [False, True, False]
    with store.database.write() as connection:
        connection.execute("DELETE FROM interactions")
    assert [watch.step() for _ in range(3)] == [False, True, False]
    assert len(builds) == 6


def test_a_build_that_could_not_start_is_tried_again(tmp_path: Path) -> None:
    answers = [False, False, True]
    watch = Freshness(lambda: ("same",), lambda: answers.pop(0), 60)
    assert [watch.step() for _ in range(5)] == [False, False, False, True, False]


def test_serving_keeps_the_index_fresh(tmp_path: Path) -> None:
    from assistant.web.fresh import KeepFresh
    from assistant.web.jobs import Jobs

    store, kb, embedder = Store(tmp_path / "crm.sqlite"), tmp_path / "kb" / "public", HashedEmbedder()
    article(kb, "kettle", "The kettle is blue.")
    build_index(store, embedder, home=tmp_path, kb_dirs=[kb.parent])
    settings = Settings(home=tmp_path, kb=kb.parent, refresh_minutes=0.05 / 60)
    context: Any = SimpleNamespace(
        settings=settings, store=store, is_demo=False, jobs=Jobs(tmp_path / "jobs"),
        assistant=SimpleNamespace(embedder=embedder),
    )  # fmt: skip
    assert KeepFresh(SimpleNamespace(settings=Settings(home=tmp_path))).watch is None  # type: ignore[arg-type]
    index = KnowledgeIndex.open(tmp_path, embedder)
    watch = KeepFresh(context)
    try:
        article(kb, "grinder", "The grinder is red.")
        until = time.monotonic() + 60
        while time.monotonic() < until:
            hits = index.search("red grinder", role="visitor", k=1)
            if hits and hits[0].source == "public/grinder.md":
                break
            time.sleep(0.05)
        else:
            raise AssertionError("the new article was not found")
    finally:
        watch.stop()
        context.jobs.close()
        index.close()
    assert {job.by for job in context.jobs.all()} == {"schedule"} and watch.watch is None
