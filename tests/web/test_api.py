"""The API: chat as JSON and as events, conversations, hand-off, ratings; for their owners only."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Client = Callable[..., Any]


@pytest.fixture
def token(house: Any) -> Callable[[str], dict[str, str]]:
    return lambda customer: {"authorization": f"Bearer {house.state.context.access.customer_token(customer)}"}


def events(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n", 1)
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_a_visitor_asks_and_goes_on(client: Client) -> None:
    browser = client()
    first = browser.post("/v1/chat", json={"message": "Can I return it?"}).json()
    assert first["outcome"] == "answered" and first["sources"][0]["kind"] == "article"
    again = browser.post(
        "/v1/chat", json={"message": "unknown thing", "conversation": first["conversation"]}
    ).json()
    assert again["conversation"] == first["conversation"] and again["outcome"] == "unknown"
    kept = browser.get(f"/v1/conversations/{first['conversation']}").json()
    assert [t["outcome"] for t in kept["turns"]] == ["answered", "unknown"] and kept["held_by"] == "assistant"


def test_a_customer_is_who_the_token_says(house: Any, client: Client, token: Any) -> None:
    answer = client().post("/v1/chat", json={"message": "my order?"}, headers=token("C-1001")).json()
    assert answer["sources"][0]["id"] == "record:LO-100003"
    message, session = house.state.assistant.asked[-1]
    assert (message, session.role, session.customer) == ("my order?", "customer", "C-1001")


def test_events_come_in_order_and_end_with_the_whole_answer(client: Client) -> None:
    answer = client().post("/v1/chat", json={"message": "Can I return it?", "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = events(answer.text)
    names = [name for name, _ in found]
    assert names[0] == "status" and names[-2:] == ["answer", "done"] and names.count("sentence") == 2
    assert " ".join(data["text"] for name, data in found if name == "sentence") == found[-1][1]["answer"]


@pytest.mark.parametrize("authorization", ["Bearer x", "Bearer ", "Basic abc", "Bearer a.b", "x"])
def test_bad_tokens_are_refused_and_do_not_make_a_visitor(client: Client, authorization: str) -> None:
    answer = client().post("/v1/chat", json={"message": "hi"}, headers={"authorization": authorization})
    assert answer.status_code == 401 and answer.json()["title"].startswith("The token")


def test_cookies_mean_nothing_to_the_api(house: Any, client: Client) -> None:
    client("customer").post("/v1/chat", json={"message": "my order?"})
    assert house.state.assistant.asked[-1][1].role == "visitor"
    client("admin").post("/v1/chat", json={"message": "my order?"})
    assert house.state.assistant.asked[-1][1].role == "visitor"


def test_conversations_open_for_their_owner_only(client: Client, token: Any) -> None:
    mine = client().post("/v1/chat", json={"message": "my order?"}, headers=token("C-1001")).json()
    id = mine["conversation"]
    assert client().get(f"/v1/conversations/{id}", headers=token("C-1001")).status_code == 200
    for headers in ({}, token("C-1002")):
        assert client().get(f"/v1/conversations/{id}", headers=headers).status_code == 404
        assert (
            client().post("/v1/chat", json={"message": "x", "conversation": id}, headers=headers).status_code
            == 404
        )
        assert client().post(f"/v1/conversations/{id}/handoff", headers=headers).status_code == 404
        rating = client().put(f"/v1/turns/{mine['turn']}/rating", json={"rating": -1}, headers=headers)
        assert rating.status_code == 404


def test_ratings_are_kept(house: Any, client: Client) -> None:
    browser = client()
    turn = browser.post("/v1/chat", json={"message": "Can I return it?"}).json()["turn"]
    assert browser.put(f"/v1/turns/{turn}/rating", json={"rating": -1, "comment": "no"}).status_code == 204
    kept = house.state.assistant.store.turn(turn)
    assert (kept["rating"], kept["comment"]) == (-1, "no")
    assert browser.put(f"/v1/turns/{turn}/rating", json={"rating": 5}).status_code == 422


def test_a_person_takes_over_and_the_assistant_is_silent(house: Any, client: Client) -> None:
    store, browser = house.state.assistant.store, client()
    id = browser.post("/v1/chat", json={"message": "Can I return it?"}).json()["conversation"]
    handoff = browser.post(f"/v1/conversations/{id}/handoff").json()["handoff"]
    assert browser.post(f"/v1/conversations/{id}/handoff").json()["handoff"] == handoff
    state = browser.get(f"/v1/conversations/{id}").json()
    assert state["held_by"] == "person" and state["place_in_line"] >= 1
    answer = browser.post("/v1/chat", json={"message": "Hello?", "conversation": id}).json()
    assert answer["answer"] == "" and answer["outcome"] == "handed_off"
    store.claim_handoff(handoff, "marieke")
    store.add_message(id, "agent", "Here I am.")
    state = browser.get(f"/v1/conversations/{id}").json()
    assert state["agent"] == "marieke" and [m["text"] for m in state["messages"]] == ["Hello?", "Here I am."]
    store.close_handoff(handoff)
    again = browser.post("/v1/chat", json={"message": "Can I return it?", "conversation": id}).json()
    assert again["outcome"] == "answered"


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"message": ""}, 422), ({"message": "x" * 100_001}, 422), ({"message": "hi", "conversation": "CV-0"}, 404),
     ({"message": "broken"}, 400)],
)  # fmt: skip
def test_bad_requests(client: Client, body: dict[str, Any], status: int) -> None:
    assert client().post("/v1/chat", json=body).status_code == status


def test_a_failure_in_a_stream_is_an_event(client: Client) -> None:
    found = events(client().post("/v1/chat", json={"message": "broken", "stream": True}).text)
    assert found[-1][0] == "error" and "doctor" in found[-1][1]["title"]


def test_the_api_describes_itself(client: Client) -> None:
    paths = client().get("/v1/openapi.json").json()["paths"]
    assert {"/v1/chat", "/v1/conversations/{conversation}", "/health"} <= set(paths)
    assert not any(path.startswith(("/sign", "/session", "/password")) for path in paths)
