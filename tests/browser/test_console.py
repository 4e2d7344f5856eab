"""The agents' console by keyboard; notes, moods, offers and keys on the staff's pages."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import House, fresh, sign_in_by_keyboard, tab_to

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Any]


@pytest.fixture
def admin_tab(open_page: OpenPage) -> Callable[[str], Any]:
    """``admin_tab("Offers")``: the administrators' page with this tab open."""

    def opened(name: str) -> Any:
        page = open_page("/admin", user="admin")
        page.click(f"button[role=tab]:has-text('{name}')")
        return page

    return opened


def test_customer_and_agent_by_keyboard_alone(house: House, open_page: OpenPage) -> None:
    store = house.assistant.store
    customer = open_page("/customer")
    tab_to(customer, "#box textarea")
    customer.keyboard.type("Can I return it by keyboard?")
    customer.keyboard.press("Enter")
    customer.wait_for_selector("#chat details")
    tab_to(customer, "#chat details summary")
    customer.keyboard.press("Enter")
    customer.wait_for_selector("#chat .passage:has-text('3.90 EUR')")
    tab_to(customer, "#person")
    customer.keyboard.press("Enter")
    customer.wait_for_selector("#state:has-text('in line')")
    handoff = store.handoffs(open=True)[-1]
    page = open_page("/agent")
    sign_in_by_keyboard(page, "marieke")
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
    note = f"Likes decaf no. {next(fresh)}"
    page.keyboard.type(note)
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#notes :text('{note}')")
    assert ("marieke", note) in [(n["author"], n["text"]) for n in store.notes(customer_id="C-1001")]
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    page.wait_for_selector("#line label")
    for _ in range(page.locator("#line label").count()):  # those of other tests come first
        page.keyboard.press("j")
    page.wait_for_selector("#talk :text('by keyboard?')")
    page.keyboard.press("t")
    page.wait_for_selector("#handoff :text('with marieke')")
    page.keyboard.press("d")
    page.wait_for_function("document.querySelector('#reply textarea').value.includes('within 30 days')")
    page.wait_for_selector("#drafted details")
    assert not store.messages(handoff["conversation_id"]), "a draft reaches nobody"
    page.keyboard.press("r")
    page.keyboard.press("End")
    page.keyboard.type(" Also when it is used.")
    page.keyboard.press("Enter")
    customer.wait_for_selector("#chat :text('Also when it is used.')")
    page.wait_for_function("!document.querySelector('#drafted').innerText")
    sent = store.messages(handoff["conversation_id"])[-1]["text"]
    assert sent.startswith("You can return") and "[1]" not in sent
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.wait_for_selector("#handoff :text('Choose a conversation'), #handoff :text('Nobody is waiting')")
    assert store.conversation(handoff["conversation_id"])["held_by"] == "assistant"
    page.keyboard.press("?")
    page.wait_for_selector(".keys kbd")


def test_an_administrator_changes_a_setting_and_takes_it_back(
    house: House, admin_tab: Callable[[str], Any]
) -> None:
    page = admin_tab("Settings")
    page.wait_for_selector("#settings :text('CRM_ASSISTANT_TONE')")
    page.fill("#set-company_color textarea, #set-company_color input", "blue")
    page.click("#set-save")
    page.wait_for_selector("text=a colour is written")
    page.fill("#set-company_color textarea, #set-company_color input", "#aa0044")
    page.click("#set-save")
    page.wait_for_selector("#settings tr:has-text('COMPANY_COLOR'):has-text('this page')")
    assert "#aa0044" in page.request.get(house.base + "/widget/look.css").text()
    page.click("#set-undo")
    page.wait_for_selector("#settings tr:has-text('COMPANY_COLOR'):has-text('#0f6b5c')")
    assert "#0f6b5c" in page.request.get(house.base + "/widget/look.css").text()


def test_an_administrator_edits_an_offer_and_takes_it_back(
    house: House, admin_tab: Callable[[str], Any]
) -> None:
    store, offer = house.assistant.store, f"OF-9{next(fresh)}"
    page = admin_tab("Offers")
    page.click("#offer-id input")
    page.fill("#offer-id input", offer)
    page.press("#offer-id input", "Enter")
    page.wait_for_function("document.querySelector('#offer-rules textarea').value === '{}'")
    page.fill("#offer-name textarea, #offer-name input", "Nine off")
    page.fill("#offer-value input", "9")
    page.fill("#offer-terms textarea", "9 percent off the next order.")
    page.fill("#offer-rules textarea", '{"colour": "red"}')
    page.click("#offer-save")
    page.wait_for_selector("text=There is no rule")
    assert store.offer(offer) is None
    page.fill("#offer-rules textarea", '{"risk": ["high"]}')
    page.click("#offer-save")
    page.wait_for_selector("#offers :text('9 percent off the next order.')")
    kept = store.offer(offer)
    assert kept["rules"] == {"risk": ["high"]} and kept["active"] == 1
    page.click("#offer-undo")
    page.wait_for_selector("text=as it was before")
    assert store.offer(offer)["active"] == 0


def test_an_administrator_makes_a_key_and_revokes_it(house: House, admin_tab: Callable[[str], Any]) -> None:
    page = admin_tab("Connections")
    name = f"Warehouse {next(fresh)}"
    page.fill("#key-name textarea, #key-name input", name)
    page.click("#key-scopes label:has-text('search')")
    page.click("#key-add")
    text = page.inner_text("#key-once code >> nth=0")
    page.wait_for_selector(f"#keys :text('{name}')")
    headers = {"authorization": f"Bearer {text}"}
    status = lambda: page.request.get(f"{house.base}/v1/search?query=x", headers=headers).status  # noqa: E731
    assert status() in (200, 400)  # 400 where no index is built yet
    page.click("#key-id input")
    page.click(f"[role=option]:has-text('{name}')")
    page.click("#key-revoke")
    page.wait_for_selector("text=It opens nothing any more")
    assert status() == 401
