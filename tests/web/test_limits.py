"""How often one address may ask."""

from collections.abc import Callable
from typing import Any

import pytest

from assistant.web.limits import OTHERS, Limits, TooOften, network

Client = Callable[..., Any]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills_evenly() -> None:
    clock = Clock()
    limits = Limits(lambda: 6, clock=clock)
    for _ in range(6):
        limits.question("192.0.2.1")
    with pytest.raises(TooOften) as refused:
        limits.question("192.0.2.1")
    assert refused.value.seconds == 10
    limits.question("192.0.2.2")
    clock.now += 10
    limits.question("192.0.2.1")
    with pytest.raises(TooOften):
        limits.question("192.0.2.1")
    clock.now += 3600
    for _ in range(6):  # and holds no more than a minute's
        limits.question("192.0.2.1")
    with pytest.raises(TooOften):
        limits.question("192.0.2.1")


def test_refused_requests_cost_nothing_and_looks_for_news_do_not_use_up_questions() -> None:
    clock = Clock()
    limits = Limits(lambda: 1, clock=clock)
    for _ in range(OTHERS):
        limits.request("GET", "/v1/conversations/CV-1", "192.0.2.1")
    with pytest.raises(TooOften):
        limits.request("POST", "/customer/gradio_api/queue/join", "192.0.2.1")
    limits.request("POST", "/v1/chat", "192.0.2.1")
    for _ in range(5):
        with pytest.raises(TooOften):
            limits.request("POST", "/v1/chat", "192.0.2.1")
    clock.now += 60
    limits.request("POST", "/v1/chat", "192.0.2.1")
    for path in ("/agent/gradio_api/queue/join", "/v1/customers", "/health", "/customer/assets/x.js"):
        for _ in range(2 * OTHERS):
            limits.request("POST", path, "192.0.2.1")


def test_no_limit_and_few_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    free = Limits(lambda: 0)
    for _ in range(500):
        free.question("192.0.2.1")
    monkeypatch.setattr("assistant.web.limits.MOST_KEPT", 10)
    limits = Limits(lambda: 5)
    for n in range(100):
        limits.question(f"192.0.2.{n}")
    assert len(limits._buckets) == 10


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
    ],
)
def test_one_household_is_one_address(a: str, b: str, same: bool) -> None:
    assert (network(a) == network(b)) is same


def test_too_many_questions_are_a_problem_with_the_time_to_wait(house: Any, client: Client) -> None:
    context = house.state.context
    settings = context.settings
    context.apply(settings.model_copy(update={"questions_a_minute": 2}))
    context.limits._buckets.clear()
    try:
        answers = [client().post("/v1/chat", json={"message": "Can I return it?"}) for _ in range(3)]
        assert [a.status_code for a in answers] == [200, 200, 429]
        assert answers[2].headers["content-type"] == "application/problem+json"
        assert 1 <= int(answers[2].headers["retry-after"]) <= 30
        assert "x-frame-options" in answers[2].headers
        looks = [client().get("/session/transcript").status_code for _ in range(2 * OTHERS + 9)]
        assert set(looks[:OTHERS]) == {200} and 429 in looks
    finally:
        context.apply(settings)
        context.limits._buckets.clear()
