"""The small company's record, its index, and an assistant over both."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.crm import Store
from assistant.knowledge import KnowledgeIndex, build_index

from .doubles import LittleAssistant, ScriptedModel, WordEmbedder, small_company, write_articles


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with small_company(tmp_path / "home") as store:
        yield store


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeIndex]:
    """A real index over a few articles and the small company's conversations; tests only read it."""
    folder = tmp_path_factory.mktemp("index")
    with small_company(folder / "home") as record:
        build_index(record, WordEmbedder(), home=folder / "home", kb_dirs=[write_articles(folder / "kb")])
    index = KnowledgeIndex.open(folder / "home", WordEmbedder())
    yield index
    index.close()


@pytest.fixture
def make(tmp_path: Path, index: KnowledgeIndex) -> Iterator[Callable[..., LittleAssistant]]:
    """``make("reply", ...)``: an assistant whose model says these replies in turn."""
    made: list[LittleAssistant] = []

    def build(*replies: Any, index: Any = index, choice: int = 0, **models: Any) -> LittleAssistant:
        model = ScriptedModel(replies=list(replies) or ["I don't know."], choice=choice)
        made.append(LittleAssistant(tmp_path / f"home{len(made)}", model=model, index=index, **models))
        return made[-1]

    yield build
    for assistant in made:
        assistant.store.close()
