"""The administrators' tab of gaps, without a browser: groups, a draft, an accepted article that closes its group."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assistant.crm import Store
from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.web.access import Person
from tests.dialogue.doubles import ScriptedModel
from tests.knowledge.doubles import HashedEmbedder


@pytest.fixture
def context(tmp_path: Path) -> Any:
    store = Store(tmp_path / "crm.sqlite")
    for text in ("can I pay with a gift card", "do you let me pay with a gift card"):
        conversation = store.start_conversation("visitor")
        store.save_turn(conversation, message=text, outcome="unknown", language="en")
        store.add_message(conversation, "agent", "Yes, gift cards are taken <b>at the till</b>.")
    return SimpleNamespace(
        settings=Settings(home=tmp_path), store=store, is_demo=False,
        staff=lambda request, *roles: Person("ada", "admin", True, False) if request == "ada" else _refuse(),
        assistant=SimpleNamespace(
            embedder=HashedEmbedder(),
            model=ScriptedModel(replies=["Paying with a gift card\nGift cards are taken at the till."]),
        ),
    )  # fmt: skip


def _refuse() -> Person:
    raise AssistantError("Sign in first.")


def test_a_gap_is_shown_drafted_and_filled(context: Any, tmp_path: Path) -> None:
    from assistant.web.gaps import Gaps

    part, me = Gaps(context), "ada"
    table, chosen = part.show(None, me)  # type: ignore[arg-type]
    assert "2 questions in 1 groups" in table
    ident = chosen.value
    assert "value" not in part.show(ident, me)[1], "what is chosen stays it"  # type: ignore[arg-type]
    begun, examples = part.choose(ident, me)  # type: ignore[arg-type]
    assert "do you let me pay" in examples and "&lt;b&gt;at the till" in examples and not begun["values"][1]
    written = ["Paying with a gift card", "Gift cards are taken at the till."]
    assert part.draft(ident, me) == {"values": written, "of": ident}  # type: ignore[arg-type]
    body = "You can pay with a gift card. Do you let me pay with a gift card? Yes."
    filled = part._fill(ident, "Pay with a gift card", body, "public", lambda *step: None, lambda: False)
    assert "2 of 2" in filled.lines()[0]
    assert (tmp_path / "articles/public/en/pay-with-a-gift-card.md").is_file()
    assert "Nothing open" in part.show(ident, me)[0]  # type: ignore[arg-type]
    assert [entry["action"] for entry in context.store.audit_log()] == ["drafted an article"]


def test_only_an_administrator_gets_there(context: Any) -> None:
    from assistant.web.gaps import Gaps

    part = Gaps(context)
    for call in (
        lambda r: part.show("x", r),
        lambda r: part.choose("x", r),
        lambda r: part.draft("x", r),
        lambda r: part.dismiss("x", r),
    ):
        with pytest.raises(AssistantError, match="Sign in"):
            call("somebody")  # type: ignore[arg-type]
