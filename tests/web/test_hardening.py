"""What somebody who means ill would try: guessing in parallel, old cookies, foreign names, markup, addresses within."""

import asyncio
import os
import socket
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.web import access as module
from assistant.web import views, webhooks
from assistant.web.access import STAFF_COOKIE, Access
from assistant.web.server import configured
from assistant.web.timeline import timeline
from assistant.web.words import EN

from .doubles import FAST_HASHER

Client = Callable[..., Any]
EVIL = '<img src=x onerror="window.taken=1">\'&'


def test_many_guesses_at_once_are_no_more_than_the_allowed_ones(tmp_path: Path) -> None:
    access = Access(tmp_path, hasher=FAST_HASHER)
    looked: list[str] = []
    right = access._right
    access._right = lambda person, password: looked.append(password) or right(person, password)  # type: ignore[method-assign,func-returns-value]

    def guess(n: int) -> str:
        try:
            access.sign_in("admin", f"guess {n}", address="192.0.2.1")
        except AssistantError as error:
            return error.message
        return "in"

    with ThreadPoolExecutor(20) as pool:
        said = list(pool.map(guess, range(40)))
    assert len(looked) == module.TRIES and "in" not in said
    assert said.count("Too many tries.") == 40 - module.TRIES


def test_the_present_password_can_not_be_guessed_from_an_open_page(tmp_path: Path) -> None:
    access = Access(tmp_path, hasher=FAST_HASHER)
    for _ in range(module.TRIES):
        with pytest.raises(AssistantError, match="not right"):
            access.change_password("admin", "a guess", "a long new password")
    with pytest.raises(AssistantError, match="Too many"):
        access.change_password("admin", access.first_password or "", "a long new password")


def test_a_signed_out_cookie_stays_void_also_after_a_restart_and_others_go_on(tmp_path: Path) -> None:
    access = Access(tmp_path, hasher=FAST_HASHER)
    person = access.people()[0]
    first, second = ({STAFF_COOKIE: access.staff_cookie(person)} for _ in range(2))
    access.sign_out(first)
    assert access.staff(first) is None and access.staff(second) == person
    again = Access(tmp_path, hasher=FAST_HASHER)
    assert again.staff(first) is None and again.staff(second) == person
    again.sign_out({STAFF_COOKIE: "forged"})
    assert len(again._ended) == 1, "what was never ours is not remembered"


def test_signing_out_ends_a_copy_of_the_cookie(client: Client) -> None:
    browser, thief = client("agent"), client()
    thief.cookies.set(STAFF_COOKIE, browser.cookies[STAFF_COOKIE])
    assert thief.get("/agent/").status_code == 200
    assert browser.post("/sign-out").status_code == 303
    assert thief.get("/agent/").status_code == 303


@pytest.mark.parametrize(("trusted", "address", "scheme"), [("", "192.0.2.9", "http"), ("192.0.2.9", "198.51.100.7", "https")])  # fmt: skip
def test_what_a_request_says_of_its_address_is_believed_of_named_proxies_only(
    tmp_path: Path, trusted: str, address: str, scheme: str
) -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)

    config = configured(app, Settings(home=tmp_path, trusted_proxies=trusted))
    config.load()
    said = [(b"x-forwarded-for", b"203.0.113.1, 198.51.100.7"), (b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "client": ("192.0.2.9", 1), "scheme": "http", "headers": said, "path": "/", "method": "GET"}  # fmt: skip
    asyncio.run(
        config.loaded_app({**scope, "asgi": {}, "http_version": "1.1", "query_string": b""}, None, None)
    )
    assert (seen["client"][0], seen["scheme"]) == (address, scheme)


def test_the_server_answers_to_a_name_it_was_given(tmp_path: Path) -> None:
    from assistant.web.guard import Guard

    access = Access(tmp_path, hasher=FAST_HASHER)
    guard = Guard(lambda *_: None, access=access, hosts=("127.0.0.1", "help.shop.example"))  # type: ignore[arg-type]
    from starlette.datastructures import Headers

    def status(host: str) -> int | None:
        refused = guard._refusal("/health", "GET", Headers({"host": host}), {})
        return refused.status_code if refused else None

    assert status("help.shop.example") is None and status("evil.example") == 421


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x", "http://localhost:1/x", "http://[::1]:1/", "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.7/", "http://192.168.1.1/", "http://[::ffff:10.0.0.1]/", "http://0.0.0.0/", "http://[fe80::1]/",
    ],
)  # fmt: skip
def test_webhooks_reach_nothing_inside_the_network(url: str) -> None:
    with pytest.raises(AssistantError, match="inside this network"):
        webhooks._post(url, b"{}", {})


def test_a_name_that_leads_inside_is_refused_and_the_checked_address_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import httpx

    found = ["93.184.216.34", "10.0.0.1"]
    asked: list[Any] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: [(2, 1, 6, "", (ip, 443)) for ip in found])

    def post(client: Any, url: Any, **more: Any) -> Any:
        asked.append((url, {**more, "redirects": client.follow_redirects}))
        return httpx.Response(204)

    monkeypatch.setattr(httpx.Client, "post", post)
    with pytest.raises(AssistantError, match=r"hooks\.example"):
        webhooks._post("https://hooks.example/in?x=1", b"{}", {})
    found.pop()
    assert webhooks._post("https://hooks.example/in?x=1", b"{}", {"crm-event": "e"}) == 204
    (url, more), = asked  # fmt: skip
    assert str(url) == "https://93.184.216.34/in?x=1" and more["extensions"] == {
        "sni_hostname": "hooks.example"
    }
    assert more["headers"]["host"] == "hooks.example" and more["redirects"] is False


def test_uploads_lie_where_only_the_server_reads_them(house: Any) -> None:
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    assert folder == house.state.context.settings.home_dir / "uploads"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_browser_gets_a_page_and_a_program_gets_a_problem(client: Client) -> None:
    page = client().get("/nothing", headers={"accept": "text/html,*/*"})
    assert page.status_code == 404 and page.headers["content-type"].startswith("text/html")
    assert "<h1>There is nothing here.</h1>" in page.text and int(page.headers["content-length"]) == len(
        page.content
    )
    for path, accept in (("/nothing", "*/*"), ("/v1/nothing", "text/html")):
        plain = client().get(path, headers={"accept": accept})
        assert plain.headers["content-type"] == "application/problem+json" and plain.json()["status"] == 404


def test_what_people_write_is_text_in_the_timeline_and_in_sources(house: Any) -> None:
    store = house.state.assistant.store
    store.start_conversation("customer", "C-1002", id="CV-evil")
    store.save_turn("CV-evil", message=EVIL, answer="No.", outcome="answered")
    store.start_conversation("agent", "C-1002", id="CV-agent")
    store.save_turn("CV-agent", message="How likely is it that they leave?", outcome="answered")
    shown = timeline(store, "C-1002", "chat")
    assert "&lt;img src=x" in shown and "<img" not in shown
    assert "/source?of=conversation:CV-evil&as=staff" in shown and "CV-agent" not in shown
    assert "CV-evil" in timeline(store, "C-1002", "all") and "CV-evil" not in timeline(
        store, "C-1002", "email"
    )
    cited = [{"n": 1, "source": EVIL, "kind": "article", "text": f"{EVIL} can't", "id": "kb:x"}]
    html = views.sources(cited, EN)
    assert "<img" not in html and "&amp;#" not in html and "#x27;t" not in html, "an apostrophe stays one"


def test_a_chat_in_which_a_visitor_proved_who_they_are_is_in_that_customers_timeline(house: Any) -> None:
    store = house.state.assistant.store
    store.start_conversation("visitor", id="CV-by-code", state={"proved": "C-1003", "proved_at": 1.0})
    assert "CV-by-code" not in timeline(store, "C-1003", "all"), "nothing was said yet"
    store.save_turn("CV-by-code", message="Where is my parcel?", answer="On its way.", outcome="answered")
    shown = timeline(store, "C-1003", "chat")
    assert "Where is my parcel?" in shown and "signed in by code" in shown
    assert "CV-by-code" not in timeline(store, "C-1002", "all")
    assert not store.conversations(customer_id="C-1003", limit=5), "it opens nothing to who signs in as them"
