"""Notes of colleagues: about whom, by whom, and gone with the customer."""

from pathlib import Path

import pytest

from assistant.crm import Store
from assistant.crm.privacy import erase_customer, export_customer
from assistant.errors import RecordError


def test_notes_are_about_a_customer_or_a_conversation(tmp_path: Path) -> None:
    with Store(tmp_path / "crm.sqlite") as store:
        store.upsert("customers", [{"id": "C-1"}, {"id": "C-2"}])
        store.start_conversation("customer", "C-1", id="CV-1")
        first = store.add_note(" Likes decaf. ", "marieke", customer_id="C-1")
        store.add_note("Is upset.", "jonas", conversation_id="CV-1")
        store.add_note("Another's.", "jonas", customer_id="C-2")
        assert [n["text"] for n in store.notes(customer_id="C-1")] == ["Likes decaf."]
        assert [n["author"] for n in store.notes(conversation_id="CV-1")] == ["jonas"]
        for text, about in (("", {"customer_id": "C-1"}), ("x", {})):
            with pytest.raises(RecordError):
                store.add_note(text, "jonas", **about)
        assert not store.remove_note(first, "jonas") and store.remove_note(first, "marieke")
        assert store.notes(customer_id="C-1") == []


def test_notes_are_given_out_and_erased_with_the_customer(tmp_path: Path) -> None:
    with Store(tmp_path / "crm.sqlite") as store:
        store.upsert("customers", [{"id": "C-1"}, {"id": "C-2"}])
        store.start_conversation("customer", "C-1", id="CV-1")
        store.add_note("Likes decaf.", "marieke", customer_id="C-1")
        store.add_note("Is upset.", "jonas", conversation_id="CV-1")
        store.add_note("Stays.", "jonas", customer_id="C-2")
        assert [n["text"] for n in export_customer(store, "C-1")["notes"]] == ["Likes decaf."]
        assert erase_customer(store, "C-1", actor="admin")["notes"] == 2
        assert [dict(r)["text"] for r in store.database.rows("SELECT text FROM notes", ())] == ["Stays."]
