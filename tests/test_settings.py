"""Settings from the environment, and the folders that follow from them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from assistant.settings import Settings, data_folder, get_settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [n for n in os.environ if n.startswith("CRM_ASSISTANT_")]:
        monkeypatch.delenv(name)


def test_defaults() -> None:
    settings = Settings()
    assert settings.home_dir == Path.home() / ".crm-assistant"
    assert (settings.host, settings.port, settings.offline) == ("127.0.0.1", 7860, False)


def test_folders_follow_the_home(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert settings.record_path == tmp_path / "crm.sqlite"
    assert settings.weights_dir == tmp_path / "weights"
    assert Settings(home=tmp_path, weights=tmp_path / "w").weights_dir == tmp_path / "w"


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in (
        ("HOME", str(tmp_path)),
        ("PORT", "8001"),
        ("OFFLINE", "1"),
        ("KB", "~/articles"),
        ("CHAT_MODEL", "small"),
    ):
        monkeypatch.setenv(f"CRM_ASSISTANT_{name}", value)
    settings = Settings()
    assert (settings.home_dir, settings.port, settings.offline, settings.chat_model) == (
        tmp_path,
        8001,
        True,
        "small",
    )
    assert settings.kb_dir(demo=True) == Path.home() / "articles"


def test_the_demos_articles_are_nobody_elses(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert settings.kb_dir(demo=True) == data_folder("kb")
    assert settings.kb_dir(demo=False) == tmp_path / "kb"
    assert settings.article_folders(demo=False) == []
    (tmp_path / "kb").mkdir()
    assert settings.kb_dir(demo=True) == settings.kb_dir(demo=False) == tmp_path / "kb"


def test_a_tilde_is_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_ASSISTANT_HOME", "~/elsewhere")
    assert Settings().home_dir == Path.home() / "elsewhere"


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "0"), ("PORT", "70000"), ("PORT", "abc"), ("CONTEXT_TOKENS", "10"), ("THREADS", "-1"), ("ANSWER_TOKENS", "0"),
     ("OFFLINE", "perhaps")],
)  # fmt: skip
def test_nonsense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CRM_ASSISTANT_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_what_is_not_ours_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_ASSISTANT_SOMETHING_ELSE", "x")
    Settings()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_they_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    get_settings.cache_clear()
    try:
        monkeypatch.setenv("CRM_ASSISTANT_PORT", "8002")
        assert get_settings().port == 8002
        monkeypatch.setenv("CRM_ASSISTANT_PORT", "8003")
        assert get_settings().port == 8002
    finally:
        get_settings.cache_clear()


def test_prompts_and_articles_are_found() -> None:
    assert (data_folder("prompts") / "intents.yaml").is_file()
    assert any(data_folder("kb").rglob("*.md"))
