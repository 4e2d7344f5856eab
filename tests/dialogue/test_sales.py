"""What the company sold: who asks for it, the periods read, the figures against the record."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from assistant.crm import Store
from assistant.crm.sales import best_products, sales_of
from assistant.dialogue import Session
from assistant.dialogue.sales import asks_for_sales, read_sales

from .doubles import LittleAssistant

TODAY = date(2026, 10, 31)
SEPTEMBER = {"since": date(2026, 9, 1), "until": date(2026, 9, 30)}
AUGUST = {"other_since": date(2026, 8, 1), "other_until": date(2026, 8, 31)}
OCTOBER = {"since": date(2026, 10, 1), "until": TODAY}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("How many orders did we have last month?", SEPTEMBER),
        ("how did September orders compare to August", SEPTEMBER | AUGUST),
        ("average order value in October vs September",
         OCTOBER | {"other_since": date(2026, 9, 1), "other_until": date(2026, 9, 30)}),
        ("how does our revenue this month compare?", OCTOBER | {"other_since": date(2026, 9, 1), "other_until": date(2026, 9, 30)}),
        ("which product was returned most?", {"counted": "returned", "products": True}),
        ("best selling coffee in September", SEPTEMBER | {"products": True, "category": "beans"}),
        ("上个月取消了多少订单", SEPTEMBER | {"counted": "cancelled"}),
        ("九月份卖得最好的磨豆机是哪款", SEPTEMBER | {"products": True, "category": "grinder"}),
        ("九月的销售额和八月相比怎么样", SEPTEMBER | AUGUST),
    ],
)  # fmt: skip
def test_what_is_asked(store: Store, message: str, expected: dict[str, Any]) -> None:
    assert asks_for_sales(message, account=False)
    assert read_sales(store, message, TODAY) == expected


@pytest.mark.parametrize(
    "message",
    [
        "How many orders do we expect next month?",
        "Which orders look unusual this month?",
        "下个月预计有多少订单？",
        "what is the margin on our machines",
        "which customers ordered most",
        "How much is shipping?",
    ],
)
def test_what_is_another_question(message: str) -> None:
    assert not asks_for_sales(message, account=False)


def test_beside_an_open_account_only_we_means_the_company() -> None:
    assert not asks_for_sales("how many orders last year?", account=True)
    assert asks_for_sales("how many orders did we have last year?", account=True)


def test_figures_are_the_records(store: Store) -> None:
    year = sales_of(store, date(2026, 1, 1), TODAY)
    assert (year.orders, year.cancelled, year.returned, year.kept) == (7, 1, 0, 6)
    assert year.customers == 4 and dict(year.amounts) == {"EUR": 43.8 + 129.0 + 19.0 + 24.8 + 12.4 + 250.0}
    assert sales_of(store, TODAY, TODAY).orders == 0
    assert [(p["id"], p["pieces"]) for p in best_products(store, date(2026, 1, 1), TODAY)] == [
        ("LB-101", 5), ("LB-104", 5), ("LG-302", 2),
    ]  # fmt: skip
    assert [p["id"] for p in best_products(store, date(2026, 1, 1), TODAY, "cancelled")] == ["LB-101"]
    assert not best_products(store, date(2026, 1, 1), TODAY, category="tea")


def test_amounts_of_two_currencies_stay_apart(store: Store) -> None:
    store.upsert("orders", [{"id": "LO-100099", "customer_id": "C-1002", "ordered_at": "2026-09-02T10:00:00",
                             "status": "delivered", "currency": "CHF", "total": 10.0, "lines": []}])  # fmt: skip
    assert sales_of(store, date(2026, 9, 1), date(2026, 9, 30)).amounts == {"CHF": 10.0, "EUR": 24.8}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "how did September orders compare to August?",
            ["1 orders by 1 customers, 24.80 EUR", "43.80 EUR", "-43.4 %"],
        ),
        ("九月的销售额和八月相比怎么样", ["24.80 EUR", "43.80 EUR", "-43.4 %"]),
        ("which product was cancelled most?", ["House Blend (2)", "1 cancelled"]),
    ],
)
def test_colleagues_are_told_exactly(
    make: Callable[..., LittleAssistant], message: str, said: list[str]
) -> None:
    assistant = make()
    turn = assistant.ask(message, session=Session("agent"))
    assert all(s in turn.answer for s in said), turn.answer
    assert not assistant.model.prompts  # the lines are said as they are
    assert {c.n for c in turn.citations} == set(range(1, len(turn.citations) + 1))


def test_nobody_else_is_told(make: Callable[..., LittleAssistant]) -> None:
    for session in (Session("visitor"), Session("customer", "C-1042")):
        turn = make("I don't know.").ask("how many orders did you have in September?", session=session)
        assert not any(t.name == "sales" for t in turn.tools) and "24.80" not in turn.answer
