"""What holds for every test: no real model unless the test says so, and whose warnings are not ours."""

from collections.abc import Iterator
from typing import Any

import pytest

# warnings that libraries raise about themselves while they are imported or set up; everything else is an error
_THEIRS = (
    "ignore:'future.no_silent_downcasting' is deprecated",  # gradio sets an option that pandas is giving up
    "ignore:The copy keyword is deprecated",  # gradio's queue sums its own times with it
)


def pytest_configure(config: pytest.Config) -> None:
    for line in _THEIRS:
        config.addinivalue_line("filterwarnings", line)


@pytest.fixture(autouse=True)
def _no_real_models(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that loads weights by accident fails at once instead of being slow; ``model`` marks those that may."""
    if request.node.get_closest_marker("model") is None:
        import assistant.language

        def refused(*args: Any, **named: Any) -> Any:
            raise AssertionError("a test without the mark 'model' has loaded a real model")

        # by the module's dictionary: to be set as attributes they would be looked up first, and torch loaded for it
        monkeypatch.setitem(vars(assistant.language), "load_chat_model", refused)
        monkeypatch.setitem(vars(assistant.language), "load_embedder", refused)
    yield
