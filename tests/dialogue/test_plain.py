"""Questions about one account that leave nothing open: counted, looked up and said by code."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from assistant.dialogue import Session
from assistant.dialogue.plain import asks_for_part, counts_orders, of_last_order

from .doubles import KeywordRouter, LittleAssistant

Make = Callable[..., LittleAssistant]
AGENT = Session("agent", user="marieke")
ANNA = Session("customer", "C-1042")


class Misled(KeywordRouter):
    """A router that takes one intent for likeliest, whatever is asked, and isn't sure of it."""

    def __init__(self, intent: str) -> None:
        super().__init__()
        self.intent = intent

    def _one(self, text: str, allowed: list[str]) -> SimpleNamespace:
        scores = {i: 0.42 if i == self.intent else 0.5 / len(allowed) for i in allowed}
        return SimpleNamespace(label=self.intent, sure=False, scores=scores)


@pytest.mark.parametrize(
    ("message", "session", "answer"),
    [
        ("number of orders for Ann Byrne?", AGENT, "Customer C-1001 has 2 orders,"),
        ("Orders of C-1001 since October 2026, how many?", AGENT, "Customer C-1001 has 1 order from 2026-10-01 to 2026-10-31,"),
        ("how many orders did C-1042 place in July 2026", AGENT, "Customer C-1042 has no orders from 2026-07-01 to 2026-07-31"),
        ("C-1001自2026年10月以来有多少个订单？", AGENT, "客户C-1001在2026-10-01至2026-10-31期间共有1个订单"),
        ("客户C-1042一共下过多少单", AGENT, "客户C-1042共有3个订单"),
        ("How many orders have I placed so far?", ANNA, "You have 3 orders"),
        ("我总共下过几次单？", ANNA, "您共有3个订单"),
    ],
)  # fmt: skip
def test_orders_are_counted_by_code_whatever_the_router_takes_it_for(
    make: Make, message: str, session: Session, answer: str
) -> None:
    assistant = make("There were 12 orders.")
    assistant.the_router = Misled("account_summary")
    turn = assistant.ask(message, session=session)
    assert turn.answer.startswith(answer)
    assert turn.outcome == "answered" and [c.n for c in turn.citations] == [1]
    assert assistant.model.prompts == []


@pytest.mark.parametrize(
    "message",
    [
        "how many orders were cancelled", "How many coffees did she order?", "他取消了多少个订单", "多少订单迟到了",
        "How many days until my order comes?", "他一共下过多少单，花了多少钱", "how many orders came before June",
    ],
)  # fmt: skip
def test_what_narrows_the_orders_down_is_no_plain_count(message: str) -> None:
    assert not counts_orders(message)


@pytest.mark.parametrize(
    ("message", "guess", "part"),
    [
        ("Ann Byrne（C-1001）近期离开的可能性高吗", "churn_risk", "churn_risk"),
        ("how big is the chance that we lose her", "churn_risk", "churn_risk"),
        ("C-1042现在是什么订阅？每月多少钱？", "value", "subscription"),
        ("which plan does C-1042 have and since when", "value", "subscription"),
        ("revenue from Gregor Wagenknecht over the last 12 months", "value", "value"),
        ("C-1042过去一年的消费总额", "value", "value"),
        ("why did she cancel her subscription", "value", None),
        ("what did he say about leaving the flat", "churn_risk", None),
    ],
)
def test_the_part_of_the_record_that_the_words_ask_for(message: str, guess: str, part: str | None) -> None:
    assert asks_for_part(message, guess) == part


@pytest.mark.parametrize(
    ("message", "guess", "said"),
    [
        ("Ann Byrne（C-1001）近期离开的可能性高吗", "churn_risk", "41%"),
        ("is there a risk of C-1001 leaving", "churn_risk", "41%"),
    ],
)
def test_a_risk_is_said_as_it_was_computed_where_the_router_isnt_sure(
    make: Make, message: str, guess: str, said: str
) -> None:
    assistant = make("The risk is high.")
    assistant.the_router = Misled(guess)
    turn = assistant.ask(message, session=AGENT)
    assert said in turn.answer and "high" not in turn.answer.split(".")[0]


@pytest.mark.parametrize("message", ["what did I order last", "我上次的订单买了什么？"])
def test_the_last_order_is_said_with_its_number_and_day(make: Make, message: str) -> None:
    turn = make("You ordered House Blend.").ask(message, session=ANNA)
    assert all(part in turn.answer for part in ("LO-100001", "2026-08-31", "House Blend", "Sidamo Sunrise"))


@pytest.mark.parametrize(
    ("message", "meant"),
    [("what was in my latest order", True), ("最近一次买了什么", True), ("what did I order", False),
     ("which item did I return last?", False), ("上次退了什么", False)],
)  # fmt: skip
def test_which_order_is_meant(message: str, meant: bool) -> None:
    assert of_last_order(message) is meant
