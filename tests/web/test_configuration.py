"""Settings that change while the server runs: checked, kept in the home folder, audited, taken back."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import AssistantError
from assistant.settings import EDITABLE, Settings
from assistant.web.configuration import CHANGED, Configuration, keep_settings

Client = Callable[..., Any]


def test_what_is_kept_in_the_home_counts_unless_the_environment_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)
    changed = keep_settings(settings, {"company_name": "Larkfield", "questions_a_minute": 5})
    assert (changed.company_name, changed.questions_a_minute) == ("Larkfield", 5)
    assert settings.company_name == "", "settings are values: those before stay as they were"
    again = Settings(home=tmp_path)
    assert (again.company_name, again.questions_a_minute, again.tone) == ("Larkfield", 5, "")
    monkeypatch.setenv("CRM_ASSISTANT_COMPANY_NAME", "Elsewhere")
    monkeypatch.setenv("CRM_ASSISTANT_HOME", str(tmp_path))
    assert (Settings().company_name, Settings().questions_a_minute) == ("Elsewhere", 5)
    with pytest.raises(AssistantError, match="environment"):
        keep_settings(again, {"company_name": "X"})
    back = keep_settings(changed, {"questions_a_minute": None})
    assert back.questions_a_minute == 30 == Settings(home=tmp_path).questions_a_minute


@pytest.mark.parametrize(
    "changes",
    [
        {"company_color": "red"},
        {"widget_origins": "shop.example"},
        {"questions_a_minute": -1},
        {"tone": "x" * 121},
        {"host": "0.0.0.0"},
        {"smtp_password": "x"},
        {"company_name": "Fine", "refresh_minutes": "soon"},
    ],
)
def test_what_is_no_value_is_refused_and_nothing_written(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(AssistantError):
        keep_settings(Settings(home=tmp_path), changes)
    assert not (tmp_path / "settings.json").exists()


def test_a_file_by_hand_sets_nothing_else_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"host": "0.0.0.0", "tone": "brief"}))
    assert (Settings(home=tmp_path).host, Settings(home=tmp_path).tone) == ("127.0.0.1", "brief")
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(OSError, match=r"settings can't be read.*settings\.json"):
        Settings(home=tmp_path)


@pytest.fixture
def configured(house: Any, client: Client) -> Iterator[tuple[Any, Configuration, Any]]:
    import gradio as gr
    from starlette.requests import Request

    context = house.state.context
    before = context.settings
    cookie = "; ".join(f"{k}={v}" for k, v in client("admin").cookies.items())
    scope = {
        "type": "http",
        "headers": [(b"cookie", cookie.encode())],
        "method": "POST",
        "path": "/",
        "query_string": b"",
    }
    yield context, Configuration(context), gr.Request(Request(scope))
    context.apply(before)
    (before.home_dir / "settings.json").unlink(missing_ok=True)


def test_a_save_holds_at_once_is_in_the_log_and_can_be_undone(
    configured: Any, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, page, request = configured
    told: list[Any] = []
    monkeypatch.setattr(context, "on_settings", told.append)
    values = {name: getattr(context.settings, name) for name in EDITABLE}
    values["company_color"] = "#aa0044"
    values["widget_origins"] = "https://shop.example"
    values["widget_greeting"] = "Good day"
    page.set(values, request)
    assert "#aa0044" in client().get("/widget/look.css").text
    panel = client().get("/widget")
    assert "Good day" in panel.text
    assert panel.headers["content-security-policy"].endswith("'self' https://shop.example")
    assert told and told[-1].company_color == context.assistant.settings.company_color == "#aa0044"
    entry = context.store.audit_log(limit=1)[0]
    assert (entry["action"], entry["actor"], entry["target"]) == (
        CHANGED,
        "admin",
        "company_color, widget_greeting, widget_origins",
    )
    page.undo(request)
    assert context.settings.company_color == "#0f6b5c" and "Good day" not in client().get("/widget").text
    assert json.loads((context.settings.home_dir / "settings.json").read_text()) == {}
    page.undo(request)
    assert context.settings.company_color == "#aa0044"
    values["company_color"] = "blue"
    with pytest.warns(
        UserWarning, match="a colour is written"
    ):  # a note on the page, outside of one a warning
        assert page.set(values, request)[0] is None, "what was written stays in its field"
    assert context.settings.company_color == "#aa0044"
    monkeypatch.setenv("CRM_ASSISTANT_TONE", "warm")
    tone = page.show(request)[1 + EDITABLE.index("tone")]
    assert tone["interactive"] is False and "CRM_ASSISTANT_TONE" in tone["info"]
