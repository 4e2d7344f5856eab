"""What somebody types or chooses while an answer of the server is on its way: each test has the answer come last."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from .conftest import House, fresh

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Any]


@contextmanager
def held(monkeypatch: Any, owner: Any, name: str, which: Callable[..., bool]) -> Iterator[threading.Event]:
    """Within this, calls of ``owner.name`` that ``which`` picks by their arguments keep their result to themselves; the
    event says that there is such a one. At the end they may give it back."""
    real, entered, release = getattr(owner, name), threading.Event(), threading.Event()

    def call(*args: Any, **given: Any) -> Any:
        found = real(*args, **given)
        if not release.is_set() and which(*args, **given):
            entered.set()
            release.wait(60)
        return found

    monkeypatch.setattr(owner, name, call)
    try:
        yield entered
    finally:
        release.set()


def waiting(store: Any, conversation: str, text: str) -> str:
    """A conversation in the line of those who wait for a person; the hand-off's id."""
    store.start_conversation("visitor", id=conversation, language="en")
    store.save_turn(conversation, message=text, answer="A colleague will answer.", outcome="handed_off")
    return str(store.hand_off(conversation, "asked", text))


@pytest.fixture
def line(house: House) -> Iterator[tuple[str, str]]:
    """Two hand-offs that only this test has."""
    store = house.assistant.store
    number = len(store.handoffs(limit=1000))
    ids = (
        waiting(store, f"CV-red-{number}", "The red one leaks"),
        waiting(store, f"CV-blue-{number}", "The blue one hums"),
    )
    yield ids
    for id in ids:
        store.close_handoff(id)


def test_replies_stay_and_go_where_the_agent_sees_them(
    house: House, open_page: OpenPage, line: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from assistant.web.inbox import Inbox

    store, red = house.assistant.store, line[0]
    page = open_page("/agent", user="marieke")
    page.click("button[role=tab]:has-text('Line of hand-offs')")
    row, box = "#line label:has-text('{}')", "#reply textarea"

    # a poll that looked before the click says so after it
    page.click(row.format("red one"))
    page.wait_for_selector("#talk :text('leaks')")
    with held(monkeypatch, Inbox, "refresh", lambda _, which, chosen, request: chosen == red) as polled:
        assert polled.wait(60)
        page.click(row.format("blue one"))
        page.wait_for_selector("#talk :text('hums')")
        page.fill(box, "typed at the blue one")
    page.wait_for_timeout(500)
    assert page.locator(f"{row.format('blue one')} input").is_checked()
    assert "hums" in page.inner_text("#talk") and page.input_value(box) == "typed at the blue one"

    # sent before it may be: it is said why, and the text comes back, in front of what was typed meanwhile
    with held(monkeypatch, Inbox, "_may", lambda *_: True) as refused:
        page.press(box, "Enter")
        page.wait_for_function("!document.querySelector('#reply textarea').value")
        assert refused.wait(60)
        page.fill(box, "and more")
    page.wait_for_selector("text=Take the conversation over first")
    page.wait_for_function(
        "document.querySelector('#reply textarea').value === 'typed at the blue one\\nand more'"
    )

    # another row is clicked, and the agent types before it is opened: what was typed is not emptied afterwards
    with held(monkeypatch, Inbox, "refresh", lambda _, which, chosen, request: chosen == red) as opening:
        page.click(row.format("red one"))
        page.wait_for_function("!document.querySelector('#reply textarea').value")
        assert opening.wait(60)
        page.fill(box, "typed early")
        page.press(box, "Enter")  # the blue one is on the screen, and is not taken: nothing is said anywhere
        page.wait_for_function("!document.querySelector('#reply textarea').value")
    page.wait_for_selector("#talk :text('leaks')")
    page.wait_for_function("document.querySelector('#reply textarea').value === 'typed early'")
    assert not [m for h in line for m in store.messages(store.handoff(h)["conversation_id"])]

    # a draft comes while somebody writes: it goes below; and nowhere once another conversation is open
    page.fill(box, "")
    page.click("#take")
    page.wait_for_selector("#handoff :text('with marieke')")
    hold = house.assistant.hold = threading.Event()
    try:
        page.click("#draft")
        page.wait_for_selector("#drafted [role=status]")
        page.fill(box, "Hello,")
    finally:
        hold.set()
    page.wait_for_function(
        "document.querySelector('#reply textarea').value.startsWith('Hello,\\n\\nYou can return')"
    )
    hold = house.assistant.hold = threading.Event()
    try:
        page.click("#draft")
        page.wait_for_selector("#drafted [role=status] .doing")
        page.click(row.format("blue one"))
        page.wait_for_selector("#talk :text('hums')")
        page.fill(box, "Dear blue one,")
    finally:
        hold.set()
        house.assistant.hold = None
    page.wait_for_function("!document.querySelector('#drafted').innerText")
    page.wait_for_timeout(500)
    assert page.input_value(box) == "Dear blue one,"


def test_what_a_customer_types_while_a_question_is_sent_stays(
    house: House, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assistant.web.context import Context

    page = open_page("/customer")
    box = "#box textarea"
    page.wait_for_selector(box)
    with held(monkeypatch, Context, "ask", lambda *_: True) as asked:
        page.fill(box, "Can I return it first?")
        page.press(box, "Enter")
        page.wait_for_function("!document.querySelector('#box textarea').value")
        assert asked.wait(60)
        page.fill(box, "Can I return it second?")
    page.wait_for_selector("#chat details")
    assert page.input_value(box) == "Can I return it second?"
    page.press(box, "Enter")
    page.wait_for_selector("#chat details >> nth=1")
    assert [m for m, _ in house.assistant.asked[-2:]] == ["Can I return it first?", "Can I return it second?"]
    assert page.input_value(box) == ""


def test_what_an_administrator_writes_stays_and_is_saved_to_what_is_on_the_screen(
    house: House, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assistant.web.articles import Articles
    from assistant.web.configuration import Configuration

    color, field = (
        "#set-company_color input, #set-company_color textarea",
        "document.querySelector('#set-widget_origins textarea').value",
    )
    with held(monkeypatch, Configuration, "_table", lambda *_: True) as reading:
        page = open_page("/admin", user="admin")
        page.click("button[role=tab]:has-text('Settings')")
        assert reading.wait(60)
        page.click("#set-save")  # of fields that hold nothing yet
        page.fill(color, "#123456")
    page.wait_for_selector("text=The settings are still being read")
    page.wait_for_function(f"{field}.length > 0")  # the others have come
    assert page.input_value(color) == "#123456"
    page.click("button[role=tab]:has-text('Activity')")
    page.click("button[role=tab]:has-text('Settings')")
    page.wait_for_function(f"{field}.length > 0")
    assert page.input_value(color) == "#123456", "what is not saved yet is there when the tab is opened again"

    page.click("button[role=tab]:has-text('Knowledge')")
    page.click("#edit button")
    names, text = "#edit-name input", "#edit-text textarea"
    before = {
        name: (house.kb / name).read_text() for name in ("public/en/returns.md", "internal/en/ceiling.md")
    }

    def choose(name: str) -> None:
        page.click(names)
        page.fill(names, name)
        page.click(f"[role=option]:has-text('{name}')")

    choose("internal/en/ceiling.md")
    page.wait_for_function("document.querySelector('#edit-text textarea').value.includes('10 percent')")
    with held(monkeypatch, Articles, "read", lambda _, name: name == "public/en/returns.md") as opening:
        choose("public/en/returns.md")
        assert opening.wait(60)
        assert page.input_value(text) == "", "no text stands below another one's name"
        page.click("#edit-save")
        page.wait_for_selector("text=is still being opened")
    page.wait_for_function("document.querySelector('#edit-text textarea').value.includes('30 days')")
    assert {name: (house.kb / name).read_text() for name in before} == before


def test_an_account_shows_nothing_of_the_one_that_was_open_before(
    house: House, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assistant.web.agent import _Account

    real = _Account._risk
    monkeypatch.setattr(
        _Account, "_risk", lambda self, id, tools: real(self, id, tools) + f"<p>risk of {id}</p>"
    )
    page = open_page("/agent", user="marieke")
    with held(monkeypatch, _Account, "_risk", lambda _, id, tools: id == "C-1001") as predicting:
        page.click("#found label:has-text('Ann Byrne')")
        page.wait_for_selector("#profile :text('Ann Byrne')")
        page.wait_for_selector("#note textarea")  # which needs no prediction
        assert predicting.wait(60)
        page.click("#found label:has-text('Tom de Wit')")
        page.wait_for_selector("#risk :text('risk of C-1002')")
        page.wait_for_selector("#advice .card")
    note = f"Tom likes filter coffee no. {next(fresh)}"
    page.fill("#note textarea", note)
    page.press("#note textarea", "Enter")
    page.wait_for_selector(f"#notes :text('{note}')")
    assert note in [n["text"] for n in house.assistant.store.notes(customer_id="C-1002")]
    assert "Tom de Wit" in page.inner_text("#profile") and "C-1001" not in page.inner_text("#risk")
    assert page.input_value("#note textarea") == ""
