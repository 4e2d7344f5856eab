"""Every path, called as every role: nothing opens that should not, Gradio's own endpoints included."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from assistant.web.guard import door_of

ROLES = ("visitor", "customer", "agent", "admin")
PAGES = {
    "/customer/": set(ROLES),
    "/zh/customer/": set(ROLES),
    "/agent/": {"agent", "admin"},
    "/admin/": {"admin"},
}
GRADIO = (
    ("POST", "gradio_api/queue/join"),
    ("GET", "gradio_api/queue/data?session_hash=abc"),
    ("GET", "config"),
    ("POST", "gradio_api/cancel"),
    ("POST", "gradio_api/reset"),
    ("GET", "gradio_api/info"),
)
CLOSED = (
    "gradio_api/file=/etc/passwd",
    "gradio_api/proxy=http://example.org/",
    "gradio_api/run/predict",
    "gradio_api/call/ask",
    "gradio_api/api/ask",
    "gradio_api/openapi.json",
    "gradio_api/component_server",
    "gradio_api/vibe-edit/",
    "gradio_api/deep_link",
    "monitoring",
    "monitoring/summary",
    "gradio_api/runs",
)
Client = Callable[..., Any]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("page", PAGES)
def test_pages_open_for_their_roles_only(client: Client, role: str, page: str) -> None:
    answer = client(role).get(page)
    if role in PAGES[page]:
        assert answer.status_code == 200 and "gradio_config" in answer.text
    elif role in ("visitor", "customer"):
        assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
    else:
        assert answer.status_code == 403


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("method", "path"), GRADIO)
def test_gradio_endpoints_are_refused_without_the_role(
    client: Client, role: str, page: str, method: str, path: str
) -> None:
    if role in PAGES[page]:
        assert door_of(page + path.split("?")[0]) is not None
        return
    answer = client(role).request(
        method, page + path, json={"fn_index": 1, "data": [], "session_hash": "abc"}
    )
    assert answer.status_code in (401, 403)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("path", CLOSED)
def test_what_gradio_offers_beyond_the_pages_is_closed_for_everybody(
    client: Client, page: str, path: str
) -> None:
    for method in ("GET", "POST"):
        assert client("admin").request(method, page + path).status_code == 404


def test_files_are_taken_on_the_administrators_page_only(client: Client) -> None:
    files = {"files": ("x.csv", b"a,b\n1,2\n")}
    for page in ("/customer/", "/zh/customer/", "/agent/"):
        assert client("admin").post(page + "gradio_api/upload", files=files).status_code == 404
    assert client("agent").post("/admin/gradio_api/upload", files=files).status_code == 403
    assert client("admin").post("/admin/gradio_api/upload", files=files).status_code == 200


def _page_functions(client: Any, page: str) -> list[dict[str, Any]]:
    config = client.get(page + "config").json()
    return [d for d in config["dependencies"] if d["backend_fn"]]


@pytest.mark.parametrize("page", ["/agent/", "/admin/"])
def test_no_function_of_a_staff_page_runs_for_an_agent_who_was_shut_out(
    house: Any, client: Client, page: str
) -> None:
    """A cookie that was good when the page was opened is refused for each function of it later."""
    from assistant.web.access import STAFF_COOKIE

    access = house.state.context.access
    once = access.add("tom", "admin")
    person = access.change_password("tom", once, "another good password")
    tom = client()
    tom.cookies.set(STAFF_COOKIE, access.staff_cookie(person))
    functions = _page_functions(tom, page)
    assert len(functions) > 10
    access.shut_out("tom")
    for function in functions:
        body = {"fn_index": function["id"], "data": [], "session_hash": "abc", "event_data": None}
        assert tom.post(page + "gradio_api/queue/join", json=body).status_code == 401
    del access._people["tom"]


def test_every_function_of_the_staff_pages_looks_the_caller_up_itself(house: Any) -> None:
    """Behind the guard: called with a request of nobody, each refuses."""
    import asyncio
    import inspect

    import gradio as gr
    from starlette.requests import Request

    from assistant.errors import PermissionDenied

    nobody = gr.Request(
        Request({"type": "http", "headers": [], "method": "POST", "path": "/", "query_string": b""})
    )
    blocks = [
        route.app.get_blocks() for route in house.routes if hasattr(getattr(route, "app", None), "get_blocks")
    ]
    assert len(blocks) == 4
    tried = 0
    for page in (b for b in blocks if b.title.endswith(("Agents", "Administration"))):
        for block_function in page.fns.values():
            function = block_function.fn
            if function is None:
                continue
            names = [p for p in inspect.signature(function).parameters if p != "request"]
            arguments: dict[str, Any] = dict.fromkeys(names, "x")
            with pytest.raises(PermissionDenied):
                result = function(**arguments, request=nobody)
                if inspect.isasyncgen(result):
                    asyncio.run(anext(result))  # type: ignore[arg-type]
                elif inspect.isgenerator(result):
                    next(result)
            tried += 1
    assert tried > 25


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"origin": "http://127.0.0.1"}, 303),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
    ],
)
def test_changes_from_other_sites_are_refused(client: Client, headers: dict[str, str], status: int) -> None:
    assert client("admin").post("/sign-out", headers=headers).status_code == status


def test_other_host_names_are_refused(client: Client) -> None:
    assert client().get("/health", headers={"host": "evil.example"}).status_code == 421
    assert client().get("/health", headers={"host": "localhost:7860"}).status_code == 200


def test_responses_carry_the_security_headers_and_pages_point_nowhere_else(client: Client) -> None:
    for page in ("/", "/customer/", "/sign-in"):
        answer = client().get(page)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        for outside in ("fonts.googleapis", "cdnjs", "huggingface.co", 'src="http', 'href="http'):
            assert outside not in answer.text, (page, outside)


def test_large_requests_are_refused(client: Client) -> None:
    assert client().post("/v1/chat", content=b"x" * (2**20 + 1)).status_code == 413


def test_the_report_and_others_conversations_are_for_staff_only(house: Any, client: Client) -> None:
    status = {role: client(role).get("/report").status_code for role in ROLES}
    assert status == {"visitor": 303, "customer": 303, "agent": 403, "admin": 404}
    path = house.state.context.settings.home_dir / "report.html"
    path.write_text("<!doctype html><title>Models</title>")
    assert client("admin").get("/report").text.endswith("<title>Models</title>")
    path.unlink()
    store = house.state.assistant.store
    store.start_conversation("visitor", id="CV-theirs")
    store.save_turn("CV-theirs", message="Is <b>it</b> open?", answer="Yes.")
    source = {"of": "conversation:CV-theirs", "as": "staff"}
    status = {role: client(role).get("/source", params=source).status_code for role in ROLES}
    assert status == {"visitor": 404, "customer": 404, "agent": 200, "admin": 200}
    assert "&lt;b&gt;" in client("agent").get("/source", params=source).text


def test_unknown_paths_are_closed(client: Client) -> None:
    for path in (
        "/docs",
        "/redoc",
        "/gradio_api/queue/join",
        "/static/x",
        "/../etc/passwd",
        "/customerx",
        "/shop/x",
    ):
        assert client("admin").get(path).status_code == 404


def test_signing_in_and_out(house: Any, client: Client) -> None:
    from .conftest import PASSWORD

    browser = client()
    form = {"name": "marieke", "password": "wrong", "next": "https://evil.example"}
    refused = browser.post("/sign-in", data=form)
    assert refused.status_code == 401 and "not right" in refused.text
    answer = browser.post("/sign-in", data=form | {"password": PASSWORD})
    assert answer.status_code == 303 and answer.headers["location"] == "/agent"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert browser.get("/agent/").status_code == 200
    browser.post("/sign-out")
    assert browser.get("/agent/").status_code == 303
    log = [(row["actor"], row["action"]) for row in house.state.assistant.store.audit_log()]
    assert ("marieke", "signed in") in log and ("marieke", "sign-in refused") in log


def test_a_one_time_password_opens_nothing_but_the_change(house: Any, client: Client) -> None:
    access = house.state.context.access
    once = access.add("new", "admin")
    browser = client()
    answer = browser.post("/sign-in", data={"name": "new", "password": once, "next": "/admin"})
    assert answer.headers["location"] == "/password"
    assert browser.get("/admin/").headers["location"] == "/password"
    assert browser.post("/admin/gradio_api/queue/join", json={}).status_code == 403
    bad = browser.post("/password", data={"old": once, "new": "long enough one", "again": "different one"})
    assert bad.status_code == 400
    good = browser.post("/password", data={"old": once, "new": "long enough one", "again": "long enough one"})
    assert good.status_code == 303 and browser.get("/admin/").status_code == 200
    access.shut_out("new")


def test_the_demo_lets_one_choose_a_listed_customer_only(house: Any, client: Client) -> None:
    browser = client()
    assert browser.post("/session/customer", data={"customer": "C-1001"}).status_code == 303
    context = house.state.context
    visitor = context.access.visitor({k: v.strip('"') for k, v in browser.cookies.items()})
    assert visitor.customer == "C-1001"
    assert browser.post("/session/customer", data={"customer": "C-9999"}).status_code == 403
    store = house.state.assistant.store
    store.database.execute("DELETE FROM meta WHERE key = 'demo_seed'", ())
    try:
        assert browser.post("/session/customer", data={"customer": "C-1001"}).status_code == 403
    finally:
        store.set_meta("demo_seed", "7")


def test_a_signed_token_signs_a_customer_in(house: Any, client: Client) -> None:
    access = house.state.context.access
    browser = client()
    good = browser.get("/session/token", params={"token": access.customer_token("C-1002")})
    assert good.status_code == 303 and good.headers["location"] == "/customer"
    for bad in ("x", access.customer_token("C-1002", seconds=-5), access.customer_token("C-9999")):
        assert client().get("/session/token", params={"token": bad}).status_code == 403


def test_a_new_browser_gets_a_conversation_of_its_own(client: Client) -> None:
    first, second = (client().get("/customer/").headers["set-cookie"] for _ in range(2))
    assert first != second and "HttpOnly" in first
    browser = client()
    browser.get("/customer/")
    assert "set-cookie" not in browser.get("/customer/").headers


def test_sources_open_for_those_who_may_see_them(client: Client) -> None:
    def status(role: str, of: str, **more: str) -> int:
        return int(client(role).get("/source", params={"of": of, **more}).status_code)

    assert status("customer", "record:LO-100001") == 200  # C-1001's own
    assert status("customer", "record:LO-100004") == 404  # of C-1002
    assert status("visitor", "record:LO-100001") == 404
    assert status("customer", "interaction:IN-000001") == 200
    assert status("customer", "interaction:IN-000002") == 404  # her own, but internal
    assert status("customer", "interaction:IN-000003") == 404  # of C-1002
    assert status("customer", "record:C-1002/orders") == 404
    assert status("customer", "record:C-1001/orders") == 200
    for of in ("record:LO-100004", "interaction:IN-000002", "interaction:IN-000003", "record:C-1002/profile"):
        assert status("agent", of) == 404  # as a visitor of the customer page
        assert status("agent", of, **{"as": "staff"}) == 200
        assert status("customer", of, **{"as": "staff"}) == 404
        assert status("visitor", of, **{"as": "staff"}) == 404


def test_the_list_of_functions_needs_no_secret_to_be_harmless(client: Client) -> None:
    """What the customer page tells of itself names no path of this machine and no secret."""
    text = json.dumps(client().get("/customer/config").json())
    assert "site_secret" not in text and "crm.sqlite" not in text and "access.json" not in text
