"""The agents' console by keyboard; notes, moods, offers and keys on the staff's pages."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import House

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Any]


def test_an_agent_works_by_keyboard_alone(house: House, open_page: OpenPage) -> None:
    store = house.assistant.store
    store.start_conversation("visitor", id="CV-keys")
    store.save_turn("CV-keys", message="Is anybody there?", answer="", outcome="handed_off")
    store.hand_off("CV-keys", "asked", "Is anybody there?")
    page = open_page("/agent", user="marieke")
    page.wait_for_selector("#found label")
    page.keyboard.press("/")
    page.keyboard.type("ann@example.org")
    page.keyboard.press("Enter")
    page.wait_for_selector("#found :text('like')")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.wait_for_selector("#profile :text('Ann Byrne')")
    page.wait_for_selector("#notes :text('None yet')")
    page.keyboard.press("n")
    page.keyboard.type("Likes decaf.")
    page.keyboard.press("Enter")
    page.wait_for_selector("#notes :text('Likes decaf.')")
    assert [n["author"] for n in store.notes(customer_id="C-1001")] == ["marieke"]
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    page.wait_for_selector("#line label")
    for _ in range(page.locator("#line label").count()):  # those of other tests may come first
        page.keyboard.press("j")
        page.wait_for_timeout(700)
        if "Is anybody there?" in page.inner_text("#talk"):
            break
    page.wait_for_selector("#talk :text('Is anybody there?')")
    page.keyboard.press("t")
    page.wait_for_selector("#handoff :text('with marieke')")
    page.keyboard.press("r")
    page.keyboard.type("I am here.")
    page.keyboard.press("Enter")
    page.wait_for_selector("#talk :text('I am here.')")
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.wait_for_selector("#handoff :text('Choose a conversation'), #handoff :text('Nobody is waiting')")
    assert store.conversation("CV-keys")["held_by"] == "assistant"
    page.keyboard.press("?")
    page.wait_for_selector(".keys kbd")


def test_an_administrator_edits_an_offer_and_takes_it_back(house: House, open_page: OpenPage) -> None:
    store = house.assistant.store
    page = open_page("/admin", user="admin")
    page.click("button[role=tab]:has-text('Offers')")
    page.click("#offer-id input")
    page.fill("#offer-id input", "OF-9")
    page.press("#offer-id input", "Enter")
    page.wait_for_function("document.querySelector('#offer-rules textarea').value === '{}'")
    page.fill("#offer-name textarea, #offer-name input", "Nine off")
    page.fill("#offer-value input", "9")
    page.fill("#offer-terms textarea", "9 percent off the next order.")
    page.fill("#offer-rules textarea", '{"colour": "red"}')
    page.click("#offer-save")
    page.wait_for_selector("text=There is no rule")
    assert store.offer("OF-9") is None
    page.fill("#offer-rules textarea", '{"risk": ["high"]}')
    page.click("#offer-save")
    page.wait_for_selector("#offers :text('9 percent off the next order.')")
    kept = store.offer("OF-9")
    assert kept["rules"] == {"risk": ["high"]} and kept["active"] == 1
    page.click("#offer-undo")
    page.wait_for_selector("text=as it was before")
    assert store.offer("OF-9")["active"] == 0


def test_an_administrator_makes_a_key_and_revokes_it(house: House, open_page: OpenPage) -> None:
    page = open_page("/admin", user="admin")
    page.click("button[role=tab]:has-text('Connections')")
    page.fill("#key-name textarea, #key-name input", "Warehouse")
    page.click("#key-scopes label:has-text('search')")
    page.click("#key-add")
    text = page.inner_text("#key-once code >> nth=0")
    page.wait_for_selector("#keys :text('Warehouse')")
    headers = {"authorization": f"Bearer {text}"}
    status = lambda: page.request.get(f"{house.base}/v1/search?query=x", headers=headers).status  # noqa: E731
    assert status() in (200, 400)  # 400 where no index is built yet
    page.click("#key-id input")
    page.click("[role=option]:has-text('Warehouse')")
    page.click("#key-revoke")
    page.wait_for_selector("text=It opens nothing any more")
    assert status() == 401
