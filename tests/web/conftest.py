"""The application over a small company, and clients that are signed in as each role."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from . import doubles

PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One application for all tests of this folder: building three Gradio pages takes seconds."""
    from assistant.web.access import Access
    from assistant.web.app import create_app

    home = tmp_path_factory.mktemp("home")
    assistant = doubles.ScriptedAssistant(home)
    access = Access(home, hasher=doubles.FAST_HASHER)
    assert access.first_password is not None
    access.change_password("admin", access.first_password, PASSWORD)
    once = access.add("marieke", "agent")
    access.change_password("marieke", once, PASSWORD)
    app = create_app(assistant.settings, assistant=assistant, access=access)
    app.state.assistant = assistant
    yield app
    app.state.context.desk.close()
    app.state.context.jobs.close()
    assistant.store.close()


@pytest.fixture
def client(house: Any) -> Callable[..., Any]:
    """``client()`` for a visitor, ``client("agent")``, ``client("admin")``, ``client("customer")`` (C-1001)."""
    from starlette.testclient import TestClient

    from assistant.web.access import STAFF_COOKIE, VISITOR_COOKIE, Visitor

    def make(role: str = "visitor", *, conversation: str | None = None) -> TestClient:
        access = house.state.context.access
        made = TestClient(house, base_url="http://127.0.0.1", follow_redirects=False)
        people = {p.name: p for p in access.people()}
        if role in ("agent", "admin"):
            made.cookies.set(
                STAFF_COOKIE, access.staff_cookie(people["marieke" if role == "agent" else "admin"])
            )
        if role in ("customer",) or conversation:
            customer = "C-1001" if role == "customer" else None
            made.cookies.set(
                VISITOR_COOKIE, access.visitor_cookie(Visitor(conversation or "CV-test", customer))
            )
        return made

    return make
