"""The small company's record, its index, and an assistant over both."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.crm import Store
from assistant.knowledge import KnowledgeIndex, build_index

from .doubles import LittleAssistant, ScriptedModel, WordEmbedder, small_company, write_articles


@pytest.fixture(scope="session")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small company's record; tests get a copy each, which is faster than filling it again."""
    store = small_company(tmp_path_factory.mktemp("record"))
    store.close()
    return store.path


@pytest.fixture
def store(tmp_path: Path, record: Path) -> Iterator[Store]:
    with opened_copy(record, tmp_path / "home") as store:
        yield store


def opened_copy(record: Path, home: Path) -> Store:
    home.mkdir()
    return Store(shutil.copy(record, home / record.name))


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory, record: Path) -> Iterator[KnowledgeIndex]:
    """A real index over a few articles and the small company's conversations; tests only read it."""
    folder = tmp_path_factory.mktemp("index")
    with opened_copy(record, folder / "home") as store:
        build_index(store, WordEmbedder(), home=folder / "home", kb_dirs=[write_articles(folder / "kb")])
    index = KnowledgeIndex.open(folder / "home", WordEmbedder())
    yield index
    index.close()


@pytest.fixture
def make(tmp_path: Path, record: Path, index: KnowledgeIndex) -> Iterator[Callable[..., LittleAssistant]]:
    """``make("reply", ...)``: an assistant whose model says these replies in turn."""
    made: list[LittleAssistant] = []

    def build(*replies: Any, index: Any = index, choice: int = 0, **models: Any) -> LittleAssistant:
        model = ScriptedModel(replies=list(replies) or ["I don't know."], choice=choice)
        home = tmp_path / f"home{len(made)}"
        store = opened_copy(record, home)
        made.append(LittleAssistant(home, store=store, model=model, index=index, **models))
        return made[-1]

    yield build
    for assistant in made:
        assistant.store.close()
