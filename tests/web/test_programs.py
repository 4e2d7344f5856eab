"""The API for programs: every route and who may call it; keys, webhooks, figures."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import AssistantError
from assistant.web.keys import SCOPES, Keys
from assistant.web.webhooks import Webhooks, signature, verify

Client = Callable[..., Any]
ANYBODY = "anybody"  # what is behind it is then the caller's own
OWNER = "the owner of the conversation"
# every path that is ours (Gradio's are in test_doors.py), and what it takes to open it: a role, a scope, or being the owner
ROUTES: dict[tuple[str, str], str] = {
    ("GET", "/"): ANYBODY,
    ("GET", "/health"): ANYBODY,
    ("GET", "/favicon.ico"): ANYBODY,
    ("GET", "/sign-in"): ANYBODY,
    ("POST", "/sign-in"): ANYBODY,
    ("POST", "/sign-out"): ANYBODY,
    ("GET", "/password"): "staff",
    ("POST", "/password"): "staff",
    ("GET", "/report"): "staff",  # to administrators, see test_doors.py
    ("POST", "/session/customer"): ANYBODY,  # on the demo company, see test_doors.py
    ("GET", "/session/token"): ANYBODY,  # with a signed token
    ("GET", "/session/new"): ANYBODY,
    ("GET", "/session/transcript"): ANYBODY,
    ("GET", "/source"): ANYBODY,  # to what the caller may see
    ("GET", "/widget.js"): ANYBODY,
    ("GET", "/widget"): ANYBODY,
    ("GET", "/widget/panel.js"): ANYBODY,
    ("GET", "/widget/panel.css"): ANYBODY,
    ("GET", "/widget/look.css"): ANYBODY,
    ("GET", "/shop"): ANYBODY,  # on the demo company, see test_widget.py
    ("GET", "/shop/token"): ANYBODY,
    ("GET", "/v1/openapi.json"): ANYBODY,
    ("GET", "/v1/docs"): ANYBODY,
    ("GET", "/v1/docs/{file}"): ANYBODY,
    ("POST", "/v1/chat"): ANYBODY,
    ("POST", "/v1/conversations"): ANYBODY,
    ("GET", "/v1/conversations/{conversation}"): OWNER,
    ("GET", "/v1/conversations/{conversation}/transcript"): OWNER,
    ("POST", "/v1/conversations/{conversation}/transcript/mail"): OWNER,
    ("POST", "/v1/conversations/{conversation}/handoff"): OWNER,
    ("PUT", "/v1/turns/{turn}/rating"): OWNER,
    ("GET", "/v1/customers"): "customers",
    ("GET", "/v1/customers/{customer}"): "customers",
    ("GET", "/v1/customers/{customer}/orders"): "customers",
    ("GET", "/v1/customers/{customer}/interactions"): "customers",
    ("GET", "/v1/customers/{customer}/predictions"): "predictions",
    ("GET", "/v1/predictions/churn"): "predictions",
    ("GET", "/v1/predictions/forecast"): "predictions",
    ("GET", "/v1/search"): "search",
    ("GET", "/v1/jobs"): "jobs",
    ("POST", "/v1/jobs"): "jobs",
    ("GET", "/v1/jobs/{job}"): "jobs",
    ("GET", "/v1/jobs/{job}/events"): "jobs",
    ("POST", "/v1/jobs/{job}/cancel"): "jobs",
    ("GET", "/v1/handoffs"): "handoffs",
    ("POST", "/v1/handoffs/{handoff}/claim"): "handoffs",
    ("POST", "/v1/handoffs/{handoff}/close"): "handoffs",
    ("POST", "/v1/handoffs/{handoff}/messages"): "handoffs",
    ("GET", "/v1/feedback"): "feedback",
    ("GET", "/v1/webhooks"): "webhooks",
    ("POST", "/v1/webhooks"): "webhooks",
    ("DELETE", "/v1/webhooks/{webhook}"): "webhooks",
    ("GET", "/v1/webhooks/{webhook}/deliveries"): "webhooks",
    ("GET", "/metrics"): "metrics",
}  # fmt: skip
BODIES = {
    ("POST", "/v1/jobs"): {"kind": "nothing"},  # let in, it is refused as a bad request
    ("POST", "/v1/webhooks"): {"url": "ftp://x", "events": ["turn.rated"]},
    ("POST", "/v1/handoffs/{handoff}/messages"): {"text": "hello"},
    ("PUT", "/v1/turns/{turn}/rating"): {"rating": -1},
}


@pytest.fixture(scope="session")
def keys(house: Any) -> dict[str, str]:
    """A key for each scope, and one of each other sort."""
    made = house.state.context.keys
    found = {scope: made.add(scope, [scope], by="admin")[1] for scope in SCOPES}
    found["expired"] = made.add("old", list(SCOPES), by="admin", days=-1)[1]
    revoked, text = made.add("gone", list(SCOPES), by="admin")
    made.revoke(revoked.id)
    return found | {"revoked": text, "forged": found["customers"][:-3] + "abc", "made up": "crmk_000000_x"}


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def call(client: Any, route: tuple[str, str], headers: dict[str, str]) -> int:
    method, path = route
    path = re.sub(r"\{customer\}", "C-1001", path)
    path = re.sub(r"\{\w+\}", "XX-none", path)
    more = {"json": BODIES.get(route, {})} if method in ("POST", "PUT") else {}
    return int(client.request(method, path, params={"query": "x"}, headers=headers, **more).status_code)


def test_every_route_is_in_the_list(house: Any) -> None:
    def walk(routes: Any) -> Iterator[tuple[str, str]]:
        for route in routes:
            inner = getattr(route, "original_router", None)
            if inner is not None:
                yield from walk(inner.routes)
            elif getattr(route, "methods", None):
                for method in route.methods - {"HEAD", "OPTIONS"}:
                    yield method, route.path

    assert set(walk(house.routes)) == set(ROUTES)


@pytest.mark.parametrize("route", [r for r, who in ROUTES.items() if who in SCOPES], ids="-".join)
def test_a_route_for_programs_opens_with_its_scope_only(
    house: Any, client: Client, keys: dict[str, str], route: tuple[str, str]
) -> None:
    scope = ROUTES[route]
    nobody = client()
    token = house.state.context.access.customer_token
    for text in (*(keys[k] for k in ("expired", "revoked", "forged", "made up")), token("C-1001"), "x"):
        assert call(nobody, route, bearer(text)) == 401, text
    assert call(nobody, route, {"authorization": f"Basic {keys[scope]}"}) == 401
    for role in ("visitor", "customer", "agent", "admin"):  # cookies open nothing here
        assert call(client(role), route, {}) == 401
    for other in set(SCOPES) - {scope}:
        assert call(nobody, route, bearer(keys[other])) == 403
    assert call(nobody, route, bearer(keys[scope])) not in (401, 403, 500)


@pytest.mark.parametrize("route", [r for r, who in ROUTES.items() if who == OWNER], ids="-".join)
def test_a_route_for_owners_opens_for_nobody_else(
    house: Any, client: Client, keys: dict[str, str], route: tuple[str, str]
) -> None:
    access, store = house.state.context.access, house.state.assistant.store
    house.state.context.limits._buckets.clear()
    mine = (
        client()
        .post("/v1/chat", json={"message": "my order?"}, headers=bearer(access.customer_token("C-1001")))
        .json()
    )
    method, path = route
    path = path.replace("{conversation}", mine["conversation"]).replace("{turn}", mine["turn"])

    def status(role: str, headers: dict[str, str]) -> int:
        more = {"json": BODIES.get(route, {})} if method != "GET" else {}
        return int(client(role).request(method, path, headers=headers, **more).status_code)

    foreign, late = access.customer_token("C-1002"), access.customer_token("C-1001", seconds=-5)
    forged = access.customer_token("C-1001")[:-3] + "abc"
    for role in ("visitor", "customer", "agent", "admin"):
        assert status(role, {}) == 404
        assert status(role, bearer(foreign)) == 404
        for bad in (late, forged, keys["customers"], keys["forged"]):
            assert status(role, bearer(bad)) == 401
    assert (
        store.turn(mine["turn"])["rating"] is None
        and store.conversation(mine["conversation"])["held_by"] == "assistant"
    )
    assert status("visitor", bearer(access.customer_token("C-1001"))) < 300


@pytest.mark.parametrize("route", [r for r, who in ROUTES.items() if who == "staff"], ids="-".join)
def test_a_route_for_staff_opens_for_staff_only(
    client: Client, keys: dict[str, str], route: tuple[str, str]
) -> None:
    for role in ("visitor", "customer"):
        for headers in ({}, bearer(keys["customers"])):
            assert call(client(role), route, headers) in (303, 401)


# -- keys ----------------------------------------------------------------------------------------------------------


def test_a_key_is_kept_as_a_digest_and_survives_a_restart(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    key, text = keys.add("Shop", ["search", "search"], by="admin", days=30)
    kept = (tmp_path / "keys.json").read_text()
    assert text not in kept and text.rsplit("_", 1)[1] not in kept
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
    again = Keys(tmp_path)
    found = again.key_of(text)
    assert found is not None and found.scopes == ("search",) and found.until is not None
    again.revoke(key.id)
    assert again.key_of(text) is None and Keys(tmp_path).key_of(text) is None
    for bad in ("", "crmk_", "crmk__", text.upper(), text + "x", f"crmk_{key.id}_"):
        assert again.key_of(bad) is None
    for name, scopes in (("", ["search"]), ("x", []), ("x", ["everything"])):
        with pytest.raises(AssistantError):
            keys.add(name, scopes, by="admin")


# -- what the routes do --------------------------------------------------------------------------------------------


def test_customers_come_in_pages(client: Client, keys: dict[str, str]) -> None:
    def get(path: str, **params: Any) -> Any:
        return client().get(path, params=params, headers=bearer(keys["customers"])).json()

    first = get("/v1/customers", limit=2)
    assert [c["id"] for c in first["customers"]] == ["C-1001", "C-1002"] and first["next"] == "C-1002"
    last = get("/v1/customers", limit=2, after=first["next"])
    assert [c["id"] for c in last["customers"]] == ["C-1003"] and last["next"] is None
    assert [c["id"] for c in get("/v1/customers", query="ann@example.org")["customers"]] == ["C-1001"]
    one = get("/v1/customers/C-1001")
    assert one["name"] == "Ann Byrne" and one["subscriptions"][0]["id"] == "SU-2001"
    assert get("/v1/customers/C-1001/orders", limit=1)["orders"][0]["id"] == "LO-100003"
    assert len(get("/v1/customers/C-1001/interactions", channel="email")["interactions"]) == 1
    assert get("/v1/customers/C-9")["status"] == 404


def test_predictions_say_what_is_missing(client: Client, keys: dict[str, str]) -> None:
    found = client().get("/v1/customers/C-1001/predictions", headers=bearer(keys["predictions"])).json()
    assert found["value"]["orders"] == 3 and "No churn model" in found["churn_risk"]["error"]
    answer = client().get("/v1/predictions/churn", headers=bearer(keys["predictions"]))
    assert answer.status_code == 400 and "train churn" in answer.json()["detail"]


def test_a_program_answers_a_waiting_conversation(house: Any, client: Client, keys: dict[str, str]) -> None:
    store, own = house.state.assistant.store, bearer(keys["handoffs"])
    id = client().post("/v1/conversations", json={}).json()["conversation"]
    handoff = client().post(f"/v1/conversations/{id}/handoff").json()["handoff"]
    assert handoff in [h["id"] for h in client().get("/v1/handoffs", headers=own).json()["handoffs"]]
    to = f"/v1/handoffs/{handoff}"
    assert client().post(f"{to}/messages", json={"text": "hi"}, headers=own).status_code == 409
    assert client().post(f"{to}/claim", headers=own).json()["agent"] == "handoffs"
    other = house.state.context.keys.add("another", ["handoffs"], by="admin")[1]
    assert client().post(f"{to}/claim", headers=bearer(other)).status_code == 400
    assert client().post(f"{to}/close", headers=bearer(other)).status_code == 409
    assert client().post(f"{to}/messages", json={"text": "Hello."}, headers=own).status_code == 201
    assert [m["text"] for m in client().get(f"/v1/conversations/{id}").json()["messages"]] == ["Hello."]
    assert client().post(f"{to}/close", headers=own).json()["closed_at"]
    assert store.conversation(id)["held_by"] == "assistant"
    assert store.audit_log(limit=1)[0]["role"] == "program"


def test_feedback_and_figures(client: Client, keys: dict[str, str]) -> None:
    turn = client().post("/v1/chat", json={"message": "Can I return it?"}).json()["turn"]
    client().put(f"/v1/turns/{turn}/rating", json={"rating": -1, "comment": "too long"})
    rated = (
        client()
        .get("/v1/feedback", params={"rating": -1}, headers=bearer(keys["feedback"]))
        .json()["feedback"]
    )
    assert (rated[0]["id"], rated[0]["comment"]) == (turn, "too long")
    text = client().get("/metrics", headers=bearer(keys["metrics"])).text
    figure = lambda name: float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)[1])  # type: ignore[index]  # noqa: E731
    assert figure('crm_turns_total{outcome="answered",role="visitor"}') >= 1
    assert figure('crm_ratings_total{rating="not helpful"}') >= 1
    assert figure("crm_first_sentence_seconds_count") >= 1 and figure("crm_turns_waiting") == 0


def test_a_job_is_started_watched_and_kept(house: Any, client: Client, keys: dict[str, str]) -> None:
    own = bearer(keys["jobs"])
    job = client().post("/v1/jobs", json={"kind": "train", "model": "intents"}, headers=own)
    assert job.status_code == 202 and job.json()["kind"] == "training"
    id = job.json()["id"]
    told = client().get(f"/v1/jobs/{id}/events", headers=own)  # until it ends
    last = json.loads(told.text.strip().split("data: ")[-1])
    assert last["state"] == "failed" and "no embedder" in last["error"], "the scripted assistant has none"
    assert id in [j["id"] for j in client().get("/v1/jobs", headers=own).json()["jobs"]]


def test_the_documents_name_the_keys(client: Client) -> None:
    described = client().get("/v1/openapi.json").json()
    assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert {path for _, path in ROUTES if path.startswith("/v1/c") or path == "/metrics"} <= set(
        described["paths"]
    )
    ids = [o["operationId"] for path in described["paths"].values() for o in path.values()]
    assert len(ids) == len(set(ids))
    page = client().get("/v1/docs").text
    assert "/v1/openapi.json" in page and "://" not in page, "nothing comes from another host"
    for file in re.findall(r"/v1/docs/[^\"]+", page):
        assert len(client().get(file).content) > 100_000
    assert client().get("/v1/docs/favicon.png").status_code == 404
    assert client().get("/v1/docs/..%2f__init__.py").status_code == 404


# -- webhooks ------------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver() -> Iterator[Any]:
    """A program that is told of events; ``answers`` are the statuses it gives, 200 after them."""

    class Receiver(BaseHTTPRequestHandler):
        got: list[tuple[dict[str, str], bytes]] = []  # noqa: RUF012
        answers: list[int] = []  # noqa: RUF012

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(self.answers.pop(0) if self.answers else 200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        Receiver.url = f"http://127.0.0.1:{server.server_port}/events"  # type: ignore[attr-defined]
        yield Receiver
        server.shutdown()
        thread.join()


def wait_for(true: Callable[[], Any], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.01)


def test_what_happens_is_told_signed_and_without_anybodys_words(
    house: Any, client: Client, receiver: Any
) -> None:
    hooks = house.state.context.webhooks
    every = ["conversation.started", "handoff.requested", "turn.rated", "job.done"]
    hook = hooks.add(receiver.url, every, by="admin")
    browser = client()
    first = browser.post("/v1/chat", json={"message": "Can I return my secret thing?"}).json()
    browser.put(f"/v1/turns/{first['turn']}/rating", json={"rating": 1, "comment": "secret"})
    browser.post("/v1/chat", json={"message": "a person please", "conversation": first["conversation"]})
    house.state.context.jobs.start("test", "admin", lambda progress, cancelled: ["secret"])
    wait_for(lambda: {h["crm-event"] for h, _ in receiver.got} == set(every))
    for headers, body in receiver.got:
        assert verify(hook.secret, body, headers["crm-signature"]) and b"secret" not in body
        assert json.loads(body)["id"] == headers["crm-delivery"]
    told = {h["crm-event"]: json.loads(body)["data"] for h, body in receiver.got}
    assert told["turn.rated"] == {"turn": first["turn"], "conversation": first["conversation"], "rating": 1}
    assert told["handoff.requested"]["conversation"] == first["conversation"]
    hooks.remove(hook.id)
    assert not hooks.deliveries(hook.id)


def test_a_failed_delivery_is_tried_again_with_a_new_time_and_given_up_at_last(
    tmp_path: Path, receiver: Any
) -> None:
    hooks = Webhooks(tmp_path, waits=(1.1, 0.01), internal=("127.0.0.1",))
    hook = hooks.add(receiver.url, ["turn.rated"], by="admin")
    receiver.answers[:] = [500]
    hooks.tell("turn.rated", {"turn": "TU-1"})
    wait_for(lambda: hooks.deliveries()[0].state == "delivered")
    (one, body), (two, same) = receiver.got[-2:]
    assert body == same and one["crm-delivery"] == two["crm-delivery"]
    assert one["crm-signature"] != two["crm-signature"] and verify(hook.secret, same, two["crm-signature"])
    receiver.answers[:] = [302, 500, 404]
    hooks.waits = (0.01, 0.01)
    hooks.tell("turn.rated", {"turn": "TU-2"})
    wait_for(lambda: any(d.state == "given up" for d in hooks.deliveries()))
    assert {d.state: d.tries for d in hooks.deliveries()} == {"delivered": 2, "given up": 3}
    hooks.close()


def test_what_was_not_delivered_goes_on_after_a_restart(tmp_path: Path, receiver: Any) -> None:
    def dead(url: str, body: bytes, headers: dict[str, str]) -> int:
        raise OSError("nobody there")

    hooks = Webhooks(tmp_path, send=dead, waits=(0.5,))
    hooks.add(receiver.url, ["job.done"], by="admin")
    hooks.tell("conversation.started", {})  # not wanted
    hooks.tell("job.done", {"job": "JB-1"})
    wait_for(lambda: hooks.deliveries()[0].tries == 1)
    hooks.close()
    again = Webhooks(tmp_path, internal=("127.0.0.1",))
    wait_for(lambda: again.deliveries()[0].state == "delivered")
    assert json.loads(receiver.got[-1][1])["data"] == {"job": "JB-1"}
    again.close()


def test_forged_and_old_requests_are_told_from_ours() -> None:
    now = int(time.time())
    good = signature("secret", b"body", now)
    assert verify("secret", b"body", good)
    assert not verify("secret", b"other", good) and not verify("another", b"body", good)
    assert not verify("secret", b"body", good, at=now + 301)
    for bad in ("", "t=1", f"t={now},v1=00", "v1=x", f"t=x{now},v1=y"):
        assert not verify("secret", b"body", bad)


@pytest.mark.parametrize("url", ["", "shop.example", "file:///etc/passwd", "https://", "http://u:p@x/"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(AssistantError):
        Webhooks(tmp_path).add(url, ["turn.rated"], by="admin")
