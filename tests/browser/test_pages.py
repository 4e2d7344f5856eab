"""What people do on the pages, in a real browser."""

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import House, fresh, sign_in_by_keyboard, tab_to, write_article

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Any]


def ask(page: Any, box: str, text: str) -> None:
    page.wait_for_selector(f"{box} textarea")
    page.fill(f"{box} textarea", text)
    page.press(f"{box} textarea", "Enter")


def test_a_visitor_sees_the_answer_grow_and_opens_its_source(house: House, open_page: OpenPage) -> None:
    page = open_page("/customer")
    house.assistant.hold = threading.Event()
    try:
        ask(page, "#box", "Can I return my machine?")
        page.wait_for_selector("#chat :text('within 30 days')")
        page.wait_for_selector("#chat .doing")
        assert not page.locator("#chat details").count(), (
            "the first sentence is there before the answer is whole"
        )
    finally:
        house.assistant.hold.set()
        house.assistant.hold = None
    page.wait_for_selector("#chat details")
    assert "<b>in all</b> *cases*" in page.inner_text("#chat"), "what a model writes is text, not markup"
    assert page.locator("#chat .passage").is_hidden()
    page.click("#chat details summary")
    page.wait_for_selector("#chat .passage:has-text('3.90 EUR')")


def test_a_conversation_is_still_there_after_a_reload_and_a_rating_is_kept(
    house: House, open_page: OpenPage
) -> None:
    page = open_page("/customer")
    ask(page, "#box", "Can I return this grinder?")
    page.wait_for_selector("#chat details")
    page.reload()
    page.wait_for_selector("#chat :text('this grinder')")
    page.click("#chat button[aria-label='Dislike']")
    page.wait_for_selector("text=we will look at this answer")
    turns = house.assistant.store.recent_turns(rating=-1)
    assert turns[0]["message"] == "Can I return this grinder?"


def test_a_customer_gets_own_orders_and_another_customer_starts_afresh(
    house: House, open_page: OpenPage
) -> None:
    page = open_page("/customer")
    page.wait_for_selector("#who")
    with page.expect_navigation():
        page.select_option("#who", "C-1001")
    ask(page, "#box", "Where is my order?")
    page.wait_for_selector("#chat :text('LO-100003')")
    assert house.assistant.asked[-1][1].customer == "C-1001"
    page.wait_for_selector("#chat details")
    page.click("#chat details summary")
    with page.expect_popup() as opened:
        page.click("#chat .passage a")
    opened.value.wait_for_selector("h1:has-text('Order LO-100003')")
    with page.expect_navigation():
        page.select_option("#who", "C-1002")
    page.wait_for_selector("#chat :text('How can we help?')")
    assert "LO-100003" not in page.inner_text("body")


def test_stopping_ends_the_answer_at_once(house: House, open_page: OpenPage) -> None:
    """Also while the model is silent for long: the page says so and takes the next question."""
    page = open_page("/customer")
    before = house.assistant.closed_early
    hold = house.assistant.hold = threading.Event()
    try:
        ask(page, "#box", "Can I return it, in very many words?")
        page.wait_for_selector("#chat :text('within 30 days')")
        page.click("#box button[aria-label='Stop']")
        page.wait_for_selector("#chat :text('Stopped.')")
        page.wait_for_selector("#box button[aria-label='Send']")
        ask(page, "#box", "And the label?")
        page.wait_for_selector("#chat :text('And the label?')")
        assert house.assistant.closed_early == before, "the turn was held until here"
    finally:
        hold.set()
        house.assistant.hold = None
    page.wait_for_selector("#chat details")
    assert house.assistant.closed_early == before + 1


def test_chinese_page(open_page: OpenPage) -> None:
    page = open_page("/customer")
    page.click("a:has-text('中文')")
    page.wait_for_selector("text=有什么可以帮您？")
    ask(page, "#box", "可以退货吗？")
    page.wait_for_selector("#chat :text('您可以在30天内退货')")
    page.wait_for_selector("#person:has-text('转接人工客服')")


def test_the_chosen_theme_is_kept(open_page: OpenPage) -> None:
    page = open_page("/customer")
    page.click("button[aria-label='Light or dark']")
    page.wait_for_selector("body.dark")
    page.reload()
    page.wait_for_selector("#box textarea")
    page.wait_for_timeout(1000)
    assert page.locator("body.dark").count() == 1


def test_nothing_is_cut_off_on_a_telephone(open_page: OpenPage) -> None:
    for path, user, ready in (
        ("/customer", None, "#box textarea"),
        ("/agent", "marieke", "#found label"),
        ("/admin", "admin", "#articles table"),
    ):
        page = open_page(path, user=user, width=390, height=780, scheme="dark")
        page.wait_for_selector(ready)
        assert page.evaluate("document.documentElement.scrollWidth") <= 391, path
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert max(int(n) for n in re.findall(r"\d+", dark)[:3]) < 60, "the dark theme follows the system"


def test_a_person_takes_over_answers_and_hands_back(house: House, open_page: OpenPage) -> None:
    customer = open_page("/customer")
    ask(customer, "#box", "Can I return my old kettle?")
    customer.wait_for_selector("#chat details")
    customer.click("#person")
    customer.wait_for_selector("#state:has-text('in line')")
    agent = open_page("/agent", user="marieke")
    agent.click("button[role=tab]:has-text('Line of hand-offs')")
    agent.click("#line label:has-text('Visitor') >> nth=-1")
    agent.wait_for_selector("#talk :text('old kettle')")
    ask(agent, "#reply", "not mine yet")
    agent.wait_for_selector("text=Take the conversation over first")
    agent.click("#take")
    agent.wait_for_selector("#handoff :text('with marieke')")
    customer.wait_for_selector("#state:has-text('marieke')")
    ask(agent, "#reply", "Yes, the kettle too.")
    customer.wait_for_selector("#chat :text('Yes, the kettle too.')")
    asked = len(house.assistant.store.recent_turns())
    ask(customer, "#box", "Thank you, Marieke")
    agent.wait_for_selector("#talk :text('Thank you, Marieke')")
    assert len(house.assistant.store.recent_turns()) == asked, "the assistant is silent while a person speaks"
    agent.click("#back")
    customer.wait_for_function("!document.querySelector('#state').innerText.includes('marieke')")
    ask(customer, "#box", "And a return label?")
    customer.wait_for_selector("#chat details >> nth=1")


def test_an_agent_finds_an_account_and_asks_about_it(house: House, open_page: OpenPage) -> None:
    page = open_page("/agent", user="marieke")
    page.wait_for_selector("#found label")
    page.fill("#find textarea, #find input", "ann@example.org")
    page.press("#find textarea, #find input", "Enter")
    page.wait_for_selector("#found :text('like')")
    page.click("#found label:has-text('Ann Byrne')")
    page.wait_for_selector("#profile :text('2025-02-03')")
    page.wait_for_selector("#timeline li >> nth=1")
    page.wait_for_selector("#risk :text('No churn model')")
    page.click("#channel label:has-text('email')")
    page.wait_for_function("document.querySelectorAll('#timeline li').length === 1")
    ask(page, "#ask", "What about the order?")
    page.wait_for_selector("#about :text('LO-100003')")
    page.wait_for_selector("#about details")
    ask(page, "#ask", "What did she complain about?")
    page.click("#about details:has-text('Grinder is loud') summary")
    page.click("#about a:has-text('Show it in the timeline')")
    page.wait_for_selector("#IN-000001.marked")  # and no other page was opened
    assert len(page.context.pages) == 1
    session = house.assistant.asked[-1][1]
    assert (session.role, session.customer, session.user) == ("agent", "C-1001", "marieke")


def test_an_administrator_builds_finds_and_rolls_back_by_keyboard_alone(
    house: House, open_page: OpenPage
) -> None:
    (house.kb / "public/en/loan.md").unlink(missing_ok=True)
    page = open_page("/admin")
    sign_in_by_keyboard(page, "admin")

    def press(selector: str) -> None:
        tab_to(page, selector)
        page.keyboard.press("Enter")

    def build() -> None:
        before = page.inner_text("#index-status")
        press("#build")
        page.wait_for_function(
            "before => document.querySelector('#build-progress .note.good')"
            " && document.querySelector('#index-status').innerText !== before",
            arg=before,
        )

    def search(text: str) -> None:
        tab_to(page, "#try textarea")
        page.keyboard.press("Control+A")
        page.keyboard.type(text)
        page.keyboard.press("Enter")

    page.wait_for_selector("#articles :text('Retention ceiling')")
    build()
    search("How long does standard delivery take?")
    page.wait_for_selector("#hits :text('2 to 4 working days')")
    page.wait_for_selector("#hits :text('telling words (')")  # why it was found
    search("What may agents offer, the retention ceiling?")
    page.wait_for_function("!document.querySelector('#hits').innerText.includes('standard delivery takes')")
    assert "10 percent" not in page.inner_text("#hits"), "a visitor never sees what is internal"
    tab_to(page, "#try-role label:nth-of-type(3) input")
    page.keyboard.press("Space")
    tab_to(page, "#try textarea")
    page.keyboard.press("Enter")
    page.wait_for_selector("#hits :text('10 percent')")
    write_article(house.kb, "loan", "Loan machines", "Enthusiasts borrow a loan machine during repairs.")
    build()
    page.wait_for_selector("#articles :text('Loan machines')")
    search("Do I get a loan machine?")
    page.wait_for_selector("#hits :text('during repairs')")
    press("#build-back")
    page.wait_for_selector("text=is live.")
    search("loan machine during repairs please")
    page.wait_for_function("!document.querySelector('#hits').innerText.includes('Enthusiasts borrow')")


def test_an_administrator_checks_a_file_before_importing_it(
    house: House, open_page: OpenPage, tmp_path: Any
) -> None:
    new, other = f"C-2{next(fresh):03}", f"C-3{next(fresh):03}"
    count = house.assistant.store.counts()["customers"]
    file = tmp_path / "customers.csv"
    file.write_text(
        f"customer_id,name,email\n{new},New Person,{new}@example.org\n{other},Other One,{other}@example.org\n"
    )
    page = open_page("/admin", user="admin")
    page.click("button[role=tab]:has-text('Data')")
    page.click("#import-kind label:has-text('customers')")
    page.set_input_files("#import-file input[type=file]", str(file))
    page.wait_for_selector("#import-file :text('customers')")
    page.click("#dry")
    page.wait_for_selector("#import-report :text('nothing was written')")
    assert house.assistant.store.customer(new) is None
    page.click("#import")
    page.wait_for_selector("#import-report :text('2 new')")  # the check says so too
    page.wait_for_selector(f"#counts dd:text-is('{count + 2}')")
    assert house.assistant.store.customer(new)["name"] == "New Person"


def test_staff_pages_ask_for_a_password_and_people_can_be_added(open_page: OpenPage) -> None:
    page = open_page("/admin", user="admin")
    page.click("button[role=tab]:has-text('People')")
    name = f"jonas{next(fresh)}"
    page.fill("#person-name textarea, #person-name input", name)
    page.click("#person-add")
    password = page.inner_text("#person-once code")
    other = open_page("/agent")
    other.fill("input[name=name]", name)
    other.fill("input[name=password]", password)
    other.click("button.go")
    other.wait_for_selector("h1:has-text('Choose a password')")
