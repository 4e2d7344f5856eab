"""The widget: who may show it, its colours, the shop around it, and what it asks of the API."""

import json
import re
import time
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from assistant.settings import Settings
from assistant.web.widget import contrast, readable, shades

Client = Callable[..., Any]


def test_the_panel_may_be_framed_by_our_own_pages_only_unless_set(client: Client) -> None:
    answer = client().get("/widget")
    policy = answer.headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'self'") and "x-frame-options" not in answer.headers
    assert "unsafe" not in policy and "set-cookie" not in answer.headers
    for other in ("/widget/panel.js", "/customer/", "/sign-in", "/shop"):
        assert "frame-ancestors 'none'" in client().get(other).headers["content-security-policy"]


def test_named_sites_may_frame_it(house: Any) -> None:
    from starlette.responses import PlainTextResponse
    from starlette.testclient import TestClient

    from assistant.web.guard import Guard

    settings = Settings(widget_origins="https://shop.example, https://*.shop.example")
    access = house.state.context.access
    guarded = Guard(PlainTextResponse("panel"), access=access, frames=lambda: settings.allowed_origins)
    policy = TestClient(guarded).get("/widget").headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'self' https://shop.example https://*.shop.example")


@pytest.mark.parametrize(
    "bad", ["*", "shop.example", "https://a.example; script-src *", "https://x/y", "javascript:x"]
)
def test_what_is_no_origin_is_refused(bad: str) -> None:
    with pytest.raises(ValidationError):
        Settings(widget_origins=bad)


def test_colours_can_be_read_in_both_themes() -> None:
    for colour in ("#0f6b5c", "#ffee00", "#000000", "#ffffff", "#7f7f7f", "#c2185b"):
        assert contrast(readable(colour, "#f7f7f5", "#000000"), "#f7f7f5") >= 4.5
        assert contrast(readable(colour, "#1d1f22", "#ffffff"), "#1d1f22") >= 4.5
        ink = "#ffffff" if "--ink: #ffffff" in shades(colour) else "#000000"
        assert contrast(colour, ink) >= 4.5
    with pytest.raises(ValidationError):
        Settings(company_color="red;}")


def test_the_panel_says_the_greeting_and_nothing_ends_its_script_early(house: Any) -> None:
    from assistant.web.widget import _panel
    from assistant.web.words import EN

    page = _panel("A & <b>", EN, "Hi </script><script>x", "dark")
    assert 'data-asked="dark"' in page and "<b>" not in page and page.count("</script>") == 2


def test_the_shop_and_its_tokens_are_there_on_the_demo_only(house: Any, client: Client) -> None:
    context = house.state.context
    page = client().get("/shop", params={"customer": "C-1001"})
    assert 'data-token-url="/shop/token?customer=C-1001"' in page.text and "House Blend" in page.text
    token = client().get("/shop/token", params={"customer": "C-1001"}).text
    assert context.access.customer_of(token) == "C-1001"
    assert client().get("/shop/token", params={"customer": "C-9999"}).status_code == 404
    context.store.database.execute("DELETE FROM meta WHERE key = 'demo_seed'", ())
    try:
        assert client().get("/shop").status_code == 404
        assert client().get("/shop/token", params={"customer": "C-1001"}).status_code == 404
    finally:
        context.store.set_meta("demo_seed", "7")


def test_a_conversation_can_be_begun_and_saved_by_its_owner_only(house: Any, client: Client) -> None:
    sign = house.state.context.access.customer_token
    own = {"authorization": f"Bearer {sign('C-1001')}"}
    id = client().post("/v1/conversations", json={"language": "en"}, headers=own).json()["conversation"]
    client().post("/v1/chat", json={"message": "my order?", "conversation": id}, headers=own)
    saved = client().get(f"/v1/conversations/{id}/transcript", headers=own)
    assert saved.headers["content-disposition"].startswith("attachment")
    assert "You: my order?" in saved.text and "[1] order LO-100003" in saved.text
    for headers in ({}, {"authorization": f"Bearer {sign('C-1002')}"}):
        assert client().get(f"/v1/conversations/{id}/transcript", headers=headers).status_code == 404


def mails(house: Any) -> list[Any]:
    outbox = house.state.context.settings.home_dir / "outbox"
    return [
        message_from_bytes(p.read_bytes(), policy=default)
        for p in sorted(outbox.glob("*.eml"), key=lambda p: p.stat().st_mtime_ns)
    ]


def test_a_visitor_signs_in_by_code_and_gets_the_conversation_at_the_address_on_record(
    house: Any, client: Client
) -> None:
    house.state.context.limits._buckets.clear()
    id = client().post("/v1/conversations", json={}).json()["conversation"]

    def say(text: str) -> dict[str, Any]:
        answer = client().post("/v1/chat", json={"message": text, "conversation": id, "stream": True})
        return dict(json.loads(answer.text.strip().rsplit("data: ", 1)[1]))

    refused = client().post(f"/v1/conversations/{id}/transcript/mail")
    assert refused.status_code == 403 and refused.json()["title"] == "Sign in first."
    first = say("ann@example.org")
    assert first["code_sent"] and first["signed_in"] is None
    code = re.search(r"\d{6}", mails(house)[-1]["subject"])
    assert code is not None
    assert say("000000" if code[0] != "000000" else "111111")["signed_in"] is None
    last = say(code[0])
    assert (last["signed_in"], last["code_sent"]) == ("Ann Byrne", False)
    before = len(mails(house))
    sent = client().post(f"/v1/conversations/{id}/transcript/mail?language=zh")
    assert (sent.status_code, sent.json()) == (202, {"to": "a…@example.org"})
    letters = mails(house)[before:]
    assert [m["to"] for m in letters] == ["ann@example.org"]
    assert "ann@example.org" in letters[0].get_content() and "云雀咖啡" in letters[0]["subject"]
    answers = [client().post(f"/v1/conversations/{id}/transcript/mail") for _ in range(3)]
    assert [a.status_code for a in answers] == [202, 202, 429] and int(answers[2].headers["retry-after"]) > 60


def test_a_conversation_is_mailed_to_nobody_else(house: Any, client: Client) -> None:
    context, store = house.state.context, house.state.assistant.store
    own = {"authorization": f"Bearer {context.access.customer_token('C-1002')}"}
    id = client().post("/v1/conversations", json={}, headers=own).json()["conversation"]
    path, before = f"/v1/conversations/{id}/transcript/mail", len(mails(house))
    for headers in ({}, {"authorization": f"Bearer {context.access.customer_token('C-1001')}"}):
        assert client().post(path, headers=headers).status_code == 404
    stale = {"proved": "C-1001", "proved_at": time.time() - 13 * 3600}
    store.start_conversation("visitor", id="CV-stale", state=stale)
    assert client().post("/v1/conversations/CV-stale/transcript/mail").status_code == 403
    assert len(mails(house)) == before
    email = store.customer("C-1002")["email"]
    store.upsert("customers", [{"id": "C-1002", "email": None}])
    assert client().post(path, headers=own).status_code == 400
    store.upsert("customers", [{"id": "C-1002", "email": email}])


def test_short_replies_are_offered_while_something_waits_for_a_yes(house: Any, client: Client) -> None:
    store = house.state.assistant.store
    for name, state, quick in (
        ("CV-q1", {"pending": {"kind": "cancel_order"}}, ["yes", "no"]),
        ("CV-q2", {"pending": {"kind": "cancel_order", "need": "order"}}, []),
        ("CV-q3", {"just_done": True, "last_action": "AC-1"}, ["undo"]),
        ("CV-q4", {}, []),
    ):
        store.start_conversation("visitor", id=name, state=state)
        assert client().get(f"/v1/conversations/{name}").json()["quick"] == quick, name


def test_the_customer_page_saves_its_own_conversation(house: Any, client: Client) -> None:
    store = house.state.assistant.store
    store.start_conversation("visitor", id="CV-mine")
    store.save_turn("CV-mine", message="Is it open?", answer="Yes, it is.", outcome="answered")
    assert "Is it open?" in client(conversation="CV-mine").get("/session/transcript").text
    assert "Is it open?" not in client().get("/session/transcript").text


def test_the_scripts_are_shipped_with_the_package() -> None:
    import assistant.web.widget as widget

    assert {p.name for p in Path(widget.STATIC).iterdir()} >= {"widget.js", "panel.js", "panel.css"}
