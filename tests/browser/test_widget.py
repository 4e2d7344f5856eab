"""The widget in a real browser: in the demo shop, on another site that may show it, and on one that may not."""

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .conftest import House

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Any]


def panel(page: Any) -> Any:
    page.wait_for_selector("iframe", state="attached")
    return page.frame_locator("iframe")


def test_a_shop_customer_asks_in_the_widget_and_goes_on_after_a_reload(
    house: House, open_page: OpenPage
) -> None:
    page = open_page("/shop?customer=C-1001")
    page.click("button[aria-label='Open chat']")
    chat = panel(page)
    chat.locator("#box").fill("Where is my order?")
    chat.locator("#box").press("Enter")
    chat.locator(".theirs details").wait_for()
    assert "LO-100003" in chat.locator("#log").inner_text()
    assert "<b>in all</b>" in chat.locator("#log").inner_text(), "what a model writes is text, not markup"
    assert house.assistant.asked[-1][1].customer == "C-1001"
    chat.locator("summary").click()
    chat.locator(".passage:has-text('total 19.00 EUR')").wait_for()
    chat.locator("button[aria-label='Not helpful']").click()
    chat.locator(".rate input").fill("It is late")
    chat.locator(".rate input").press("Enter")
    chat.locator("text=we will look at this answer").wait_for()
    assert house.assistant.store.recent_turns(rating=-1)[0]["comment"] == "It is late"
    page.reload()
    page.click("button[aria-label='Open chat']")
    panel(page).locator(".mine:has-text('Where is my order?')").wait_for()
    with page.expect_download() as saved:
        panel(page).locator("#save").click()
    assert "LO-100003" in Path(saved.value.path()).read_text()
    page.goto(house.base + "/shop?customer=C-1002")
    page.click("button[aria-label='Open chat']")
    panel(page).locator(".quick button").first.wait_for()
    assert "LO-100003" not in panel(page).locator("#log").inner_text()


def test_a_visitor_signs_in_with_a_code_and_has_the_conversation_mailed(
    house: House, open_page: OpenPage
) -> None:
    outbox = house.assistant.settings.home_dir / "outbox"
    page = open_page("/shop")
    page.click("button[aria-label='Open chat']")
    chat = panel(page)
    chat.locator("#sign-in").click()
    chat.get_by_label("E-mail address of your account").fill("tom@example.org")
    chat.get_by_role("button", name="Send me a code").click()
    code = chat.get_by_label("The six digits from the e-mail")
    code.wait_for()
    digits = re.search(
        r"code is (\d{6})", max(outbox.glob("*.eml"), key=lambda p: p.stat().st_mtime).read_text()
    )
    assert digits is not None
    code.fill(digits[1])
    code.press("Enter")
    chat.locator("#who:has-text('Signed in as Tom de Wit')").wait_for()
    assert chat.locator("#sign-in").is_hidden()
    chat.locator("#mail").click()
    chat.locator("#state:has-text('on its way to t…@example.org')").wait_for()
    assert any("Conversation" in p.read_text() for p in outbox.glob("*.eml"))
    page.reload()
    page.click("button[aria-label='Open chat']")
    panel(page).locator("#who:has-text('Tom de Wit')").wait_for()
    panel(page).locator("#box").fill("an unknown thing")
    panel(page).locator("#box").press("Enter")
    panel(page).locator(".now button:has-text('Talk to a person')").click()
    panel(page).locator("#state:has-text('in line')").wait_for()


def test_the_widget_by_keyboard_stops_and_closes(house: House, open_page: OpenPage) -> None:
    page = open_page("/shop")
    page.wait_for_selector("button[aria-label='Open chat']")
    page.focus("button[aria-label='Open chat']")
    page.keyboard.press("Enter")
    chat = panel(page)
    chat.locator(".quick button").first.wait_for()
    page.wait_for_function("document.activeElement?.shadowRoot?.activeElement?.tagName === 'IFRAME'")
    hold = house.assistant.hold = threading.Event()
    try:
        page.keyboard.type("Can I return it?")
        page.keyboard.press("Enter")
        chat.locator("#log .theirs p:has-text('within 30 days')").wait_for()
        chat.locator("#stop").focus()
        page.keyboard.press("Enter")
        chat.locator("#log :text('Stopped.')").wait_for()
    finally:
        hold.set()
        house.assistant.hold = None
    page.keyboard.press("Escape")
    page.wait_for_selector("button[aria-expanded='false']")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.ariaLabel") == "Open chat"


def test_a_person_answers_in_the_widget(house: House, open_page: OpenPage) -> None:
    store = house.assistant.store
    page = open_page("/shop?language=zh", width=390, height=780, scheme="dark")
    page.click("button[aria-label='打开聊天']")
    chat = panel(page)
    chat.locator("#person").click()
    chat.locator("#state:has-text('排队')").wait_for()
    box = page.locator("iframe").bounding_box()
    assert (box["width"], box["height"]) == (390, 780), "the panel fills a telephone"
    handoff = store.handoffs(open=True)[-1]
    store.claim_handoff(handoff["id"], "marieke")
    chat.locator("#close").click()
    store.add_message(handoff["conversation_id"], "agent", "您好，我在。")
    page.wait_for_selector(".count:has-text('1')")
    page.click("button[aria-label^='打开聊天']")
    chat.locator("#log :text('您好，我在。')").wait_for()
    store.close_handoff(handoff["id"])


@pytest.fixture
def elsewhere(house: House) -> Iterator[Callable[[str], str]]:
    """A site on another port, whose pages carry the widget."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<!doctype html><title>Shop</title><body><h1>Shop</h1><script src='{house.base}/widget.js' data-open></script>"
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield lambda host: f"http://{host}:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_api_is_described_on_a_page_that_needs_no_other_host(open_page: OpenPage) -> None:
    page = open_page("/v1/docs")
    page.click(".opblock-tag:has-text('customers')")
    page.click("#operations-customers-customers_v1_customers_get .opblock-summary-control")
    page.wait_for_selector(".opblock.is-open :text('Customers in the order of their ids')")


def test_other_sites_show_it_only_when_they_are_named(house: House, chromium: Any, elsewhere: Any) -> None:
    for host, allowed in (("localhost", True), ("127.0.0.1", False)):
        context = chromium.new_context()
        page = context.new_page()
        told: list[str] = []
        page.on("console", lambda message, told=told: told.append(message.text))
        page.goto(elsewhere(host))
        page.wait_for_selector("iframe", state="attached")
        if allowed:
            box = page.frame_locator("iframe").locator("#box")
            box.fill("Can I return it?")
            box.press("Enter")
            page.frame_locator("iframe").locator("#log .theirs p:has-text('within 30 days')").wait_for()
        else:
            page.wait_for_timeout(1500)
            assert page.frame_locator("iframe").locator("#box").count() == 0
            assert any("frame-ancestors" in text for text in told)
        context.close()
