"""An article's way from the editor to the customer's answer, and back."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import DELIVERY, House, write_article

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Any]


def test_an_edited_article_is_in_the_next_answer_and_out_of_it_after_the_way_back(
    house: House, open_page: OpenPage
) -> None:
    write_article(house.kb, "delivery", *DELIVERY)  # as it was before a first try
    file = house.kb / "public/en/delivery.md"
    first = file.read_text()
    admin, customer = open_page("/admin", user="admin"), open_page("/customer")

    def build() -> None:
        live = admin.inner_text("#index-status") if admin.locator("#index-status .facts").count() else ""
        admin.click("#build")
        admin.wait_for_selector("#build-progress .meter")
        admin.wait_for_function(
            "before => document.querySelector('#build-progress .note.good')"
            " && document.querySelector('#index-status').innerText !== before",
            arg=live,
        )

    def answer(n: int) -> str:
        """The n-th answer of the customer's conversation, after its question."""
        customer.fill("#box textarea", "How many working days does standard delivery take?")
        customer.press("#box textarea", "Enter")
        customer.wait_for_selector(f"#chat details >> nth={n}")
        return str(customer.locator("#chat .bot.message").nth(n).inner_text())

    admin.wait_for_selector("#articles table")
    build()
    assert "2 to 4 working days" in answer(0)
    admin.click("#edit button")
    admin.click("#edit-name input")
    admin.fill("#edit-name input", "delivery")
    admin.click("[role=option]:has-text('public/en/delivery.md')")
    admin.wait_for_function("document.querySelector('#edit-text textarea').value.includes('2 to 4')")
    admin.fill("#edit-text textarea", "---\naudience: public\n---\n\nNo title.")
    admin.click("#edit-save")
    admin.wait_for_selector("text=has no title")
    assert file.read_text() == first
    admin.fill("#edit-text textarea", first.replace("2 to 4", "1 to 2"))
    admin.click("#edit-save")
    admin.wait_for_selector("text=is saved")
    assert "2 to 4 working days" in answer(1), "an edit is not in answers before it is built"
    build()
    assert "1 to 2 working days" in answer(2)
    admin.click("#build-back")
    admin.wait_for_selector("text=is live.")
    assert "2 to 4 working days" in answer(3)
    admin.click("#edit-undo")
    admin.wait_for_selector("text=as it was before")
    assert file.read_text() == first
    log = [row["action"] for row in house.assistant.store.audit_log(limit=20)]
    assert {"edited an article", "took an edit back", "index rolled back"} <= set(log)
