"""Building, publishing, rolling back, and what a crash leaves behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from assistant.errors import IndexError_
from assistant.knowledge import (
    BuildCancelled,
    BuildRefused,
    KnowledgeIndex,
    build_index,
    builds,
    index_status,
    rollback,
)
from assistant.knowledge.snapshot import Snapshot

from .doubles import HashedEmbedder, ListStore, interaction


def write_kb(folder: Path, articles: int = 6) -> Path:
    for number in range(articles):
        path = folder / "public" / "en" / f"topic{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"---\ntitle: Subject number{number}\naudience: public\n---\n"
            f"About word{number}a and word{number}b.\n\n## Detail{number}\n\nMore on word{number}c."
        )
    return folder


@pytest.fixture
def kb(tmp_path: Path) -> Path:
    return write_kb(tmp_path / "kb")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def top(home: Path, query: str, embedder: HashedEmbedder | None = None) -> str:
    hits = KnowledgeIndex.open(home, embedder or HashedEmbedder()).search(query, role="admin")
    return hits[0].source if hits else ""


def tree(home: Path) -> set[str]:
    return {path.name for path in (home / "index").iterdir()} - {".lock"}


def test_only_what_changed_is_embedded(home: Path, kb: Path) -> None:
    embedder = HashedEmbedder()
    store = ListStore([interaction(n, "C-1", f"letter{n} about subject") for n in range(30)])
    first = build_index(store, embedder, home=home, kb_dirs=[kb])
    assert (first.documents, first.embedded, first.reused, first.removed) == (36, 42, 0, 0)
    assert first.counts["articles_public"] == 6 and first.counts["interactions"] == 30

    (kb / "public/en/topic0.md").write_text(
        "---\ntitle: Subject number0\naudience: public\n---\nNow about elephants."
    )
    (kb / "public/en/topic1.md").unlink()
    embedder.encoded = 0
    second = build_index(store, embedder, home=home, kb_dirs=[kb])
    assert (second.embedded, second.reused, second.removed) == (1, 38, 4)
    assert embedder.encoded == 1 + second.canaries.tried
    assert top(home, "elephants") == "public/en/topic0.md"
    assert not [
        hit
        for hit in KnowledgeIndex.open(home, embedder).search("word1a", role="admin")
        if "topic1" in hit.source
    ]


def test_nothing_changed_publishes_nothing(home: Path, kb: Path) -> None:
    first = build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb])
    second = build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb])
    assert not second.published and second.build == first.build
    assert tree(home) == {first.build, "CURRENT"}


def test_reclassified_article_leaves_at_once_without_embedding(home: Path, kb: Path) -> None:
    embedder = HashedEmbedder()
    build_index(None, embedder, home=home, kb_dirs=[kb])
    index = KnowledgeIndex.open(home, embedder)
    assert index.search("word3a", role="visitor", k=1)[0].source == "public/en/topic3.md"
    path = kb / "public/en/topic3.md"
    path.write_text(path.read_text().replace("audience: public", "audience: internal"))
    report = build_index(None, embedder, home=home, kb_dirs=[kb])
    assert report.published and report.embedded == 0
    # the index that was open goes over to the new build by itself
    assert all("topic3" not in hit.source for hit in index.search("word3a", role="visitor", k=50))
    assert index.search("word3a", role="agent", k=1)[0].source == "public/en/topic3.md"


def test_rollback_and_kept_builds(home: Path, kb: Path) -> None:
    embedder = HashedEmbedder()
    built = []
    for number in range(6):
        (kb / "public/en/new.md").write_text(f"Text of edition{number}.")
        built.append(build_index(None, embedder, home=home, kb_dirs=[kb]).build)
    assert builds.published(home) == built[:1:-1]  # the live one and three before it
    assert tree(home) == {*built[2:], "CURRENT"}
    index = KnowledgeIndex.open(home, embedder)
    assert index.search("edition5", role="admin")[0].text == "Text of edition5."
    assert rollback(home) == built[4]
    assert index.search("edition4", role="admin")[0].text == "Text of edition4."
    assert index_status(home)["earlier"] == [built[3], built[2]]
    rollback(home), rollback(home)
    with pytest.raises(IndexError_, match="no earlier build"):
        rollback(home)


def test_no_way_back_to_the_words_of_an_erased_customer(home: Path, kb: Path) -> None:
    rows = [interaction(n, f"C-{n % 3}", f"letter{n} about subject") for n in range(30)]
    texts = []
    for number in range(3):
        (kb / "public/en/new.md").write_text(f"Text of edition{number}.")
        texts.append(build_index(ListStore(rows), HashedEmbedder(), home=home, kb_dirs=[kb]).build)
    assert builds.published(home) == texts[::-1]
    left = ListStore([row for row in rows if row["customer_id"] != "C-1"])
    report = build_index(left, HashedEmbedder(), home=home, kb_dirs=[kb])
    assert report.removed == 10
    assert builds.published(home) == [report.build] and tree(home) == {report.build, "CURRENT"}


def test_a_look_at_the_status_doesnt_keep_a_build_from_starting(
    home: Path, kb: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    monkeypatch.setattr(builds, "_LOOK_SECONDS", 30)  # however slow this machine is
    (home / "index").mkdir(parents=True)
    look = FileLock(home / "index" / ".lock", thread_local=False)
    look.acquire()
    threading.Timer(0.1, look.release).start()
    assert build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb]).published


def test_a_build_leaves_the_live_one_closed(home: Path, kb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb])
    closed = []
    monkeypatch.setattr(Snapshot, "close", lambda self: closed.append(self.manifest.build))
    live = builds.published(home)[0]
    build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb])
    assert closed == [live]


@pytest.mark.parametrize(
    "phase", ["reading", "cutting", "embedding", "writing", "indexing", "trying", "publishing"]
)
def test_cancel_in_every_phase_leaves_the_live_index(home: Path, kb: Path, phase: str) -> None:
    live = build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb]).build
    (kb / "public/en/topic0.md").write_text("Now about elephants.")
    reached: list[str] = []

    def cancel() -> bool:
        return bool(reached) and reached[-1] == phase

    with pytest.raises(BuildCancelled):
        build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb], cancel=cancel,
                    progress=lambda name, done, total: reached.append(name) or (cancel() and _stop()))  # fmt: skip
    assert builds.published(home) == [live]
    assert tree(home) == {live, "CURRENT"}
    assert top(home, "word0a") == "public/en/topic0.md"


def _stop() -> None:
    raise BuildCancelled("The build was cancelled")


def test_progress_counts_up_in_every_phase(home: Path, kb: Path) -> None:
    seen: dict[str, list[tuple[int, int | None]]] = {}
    build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb],
                progress=lambda name, done, total: seen.setdefault(name, []).append((done, total)))  # fmt: skip
    assert list(seen) == ["reading", "cutting", "embedding", "writing", "indexing", "trying", "publishing"]
    for steps in seen.values():
        assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert seen["embedding"][-1] == (12, 12)


def test_too_much_lost_is_refused_unless_forced(home: Path, kb: Path) -> None:
    live = build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb]).build
    for number in range(4):
        (kb / f"public/en/topic{number}.md").unlink()
    with pytest.raises(BuildRefused) as refused:
        build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb])
    assert {canary.source for canary in refused.value.canaries.lost} == {
        f"public/en/topic{n}.md" for n in range(4)
    }
    assert "--force" in str(refused.value)
    assert builds.published(home) == [live] and tree(home) == {live, "CURRENT"}
    forced = build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb], force=True)
    assert forced.published and forced.canaries.found_after == 2


def test_own_canaries_are_tried(home: Path, kb: Path) -> None:
    home.mkdir()
    (home / "canaries.jsonl").write_text(json.dumps({"query": "word2c", "source": "public/en/topic2.md"}))
    report = build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb])
    assert (report.canaries.tried, report.canaries.found_after) == (1, 1)
    (home / "canaries.jsonl").write_text("{}")
    with pytest.raises(IndexError_, match=r"canaries\.jsonl"):
        build_index(None, HashedEmbedder(), home=home, kb_dirs=[write_kb(kb, 7)])


def test_empty_index_is_no_success(home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(IndexError_, match="nothing to index"):
        build_index(ListStore(), HashedEmbedder(), home=home, kb_dirs=[tmp_path / "empty"])
    with pytest.raises(IndexError_, match="no knowledge index yet"):
        KnowledgeIndex.open(home, HashedEmbedder())


def test_another_embedder_is_refused_and_never_mixed(home: Path, kb: Path) -> None:
    build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb])
    other = HashedEmbedder(dimension=128, name="other")
    with pytest.raises(IndexError_, match="embedder hashed, now it is other"):
        KnowledgeIndex.open(home, other)
    report = build_index(None, other, home=home, kb_dirs=[kb])
    assert report.published and report.reused == 0 and report.embedded == report.passages
    assert top(home, "word4a", other) == "public/en/topic4.md"
    # same dimension, other weights
    third = HashedEmbedder(dimension=128, name="third")
    with pytest.raises(IndexError_):
        KnowledgeIndex.open(home, third)
    assert build_index(None, third, home=home, kb_dirs=[kb]).reused == 0


def test_damaged_build_is_told_and_repaired(home: Path, kb: Path) -> None:
    report = build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb])
    path = home / "index" / report.build / "passages.sqlite"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(IndexError_, match="damaged"):
        KnowledgeIndex.open(home, HashedEmbedder())
    assert "damaged" in index_status(home)["problem"]
    assert build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb]).published
    assert top(home, "word4a") == "public/en/topic4.md"


def test_rollback_checks_the_build_it_goes_to(home: Path, kb: Path) -> None:
    first = build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb]).build
    (kb / "public/en/topic0.md").write_text("Now about elephants.")
    second = build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb]).build
    path = home / "index" / first / "vectors.faiss"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(IndexError_, match="damaged"):
        rollback(home)
    assert builds.published(home)[0] == second


def test_second_build_is_refused_or_waits(home: Path, kb: Path) -> None:
    with builds.exclusive(home):
        assert index_status(home)["building"]
        with pytest.raises(IndexError_, match="Another build"):
            build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb])
        with pytest.raises(IndexError_, match="Another build"):
            build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb], wait=0.2)
    assert build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb], wait=5).published
    assert not index_status(home)["building"]


def test_unreadable_files_are_listed_and_the_rest_goes_on(home: Path, kb: Path) -> None:
    (kb / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    (kb / "picture.png").write_bytes(b"\x89PNG")
    report = build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb, kb / "absent"])
    assert {left.source for left in report.unreadable} == {"broken.pdf", "picture.png", str(kb / "absent")}
    assert report.documents == 6
    assert len(index_status(home)["unreadable"]) == 3


def test_no_space_is_told(home: Path, kb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb]).build
    (kb / "public/en/topic0.md").write_text("Now about elephants.")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("assistant.knowledge.build.write_passages", full)
    with pytest.raises(IndexError_, match="No space left"):
        build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb])
    assert tree(home) == {live, "CURRENT"}


_CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tests.knowledge.doubles import HashedEmbedder
from assistant.knowledge import build_index
print("ready", flush=True)
build_index(None, HashedEmbedder(), home=Path(sys.argv[1]), kb_dirs=[Path(sys.argv[2])],
            progress=lambda phase, done, total: print(phase, flush=True))
"""


@pytest.mark.parametrize("phase", ["embedding", "writing", "indexing", "trying", "publishing"])
def test_kill_9_leaves_the_live_index(home: Path, kb: Path, phase: str) -> None:
    live = build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb]).build
    (kb / "public/en/topic0.md").write_text("Now about elephants.")
    root = str(Path(__file__).parents[2])
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(home), str(kb), root],
                             stdout=subprocess.PIPE, text=True, cwd=root)  # fmt: skip
    assert child.stdout is not None
    with child.stdout:
        for line in child.stdout:
            if line.strip() == phase:
                os.kill(child.pid, signal.SIGKILL)
                break
    child.wait()
    time.sleep(0.05)
    published = builds.published(home)
    assert published[-1] == live and len(published) <= 2
    assert top(home, "word5a") == "public/en/topic5.md"
    # the next build removes what the dead one left
    (kb / "public/en/topic0.md").write_text("Now about giraffes.")
    build = build_index(None, HashedEmbedder(), home=home, kb_dirs=[kb]).build
    assert tree(home) == {build, *published, "CURRENT"}
    assert top(home, "giraffes") == "public/en/topic0.md"
