"""Plans: from what was understood to steps, for each intent and role."""

from datetime import date
from typing import Any

import pytest

from assistant.crm import Store
from assistant.dialogue.events import Session, Understood
from assistant.dialogue.plan import ABOUT_ACCOUNT, FIXED, make_plan, needs_account
from assistant.dialogue.toolkit import ARGUMENTS, ROLES
from assistant.dialogue.tools import Toolbox

from .doubles import intents

TODAY = date(2026, 10, 31)


def plan(
    store: Store, intent: str, message: str = "What about it?", role: str = "agent", **fields: Any
) -> list[tuple[str, dict[str, Any]]]:
    understood = Understood("en", intent, fields.pop("confidence", 0.95), "neutral", **fields)
    steps = make_plan(understood, message, session=Session(role), store=store, today=TODAY)  # type: ignore[arg-type]
    return [(s.tool, dict(s.arguments)) for s in steps]


@pytest.mark.parametrize("intent", sorted(intents()))
def test_every_intent_has_a_plan_of_known_tools(store: Store, intent: str) -> None:
    for customers in ((), ("C-1042",), ("C-1042", "C-1001")):
        for confidence in (0.2, 0.6, 0.95):
            for tool, arguments in plan(
                store, intent, customers=customers, orders=("LO-100001",), confidence=confidence
            ):
                assert tool in ROLES
                assert set(arguments) <= set(ARGUMENTS[tool].model_fields) | {"k", "limit"}, (
                    tool,
                    arguments,
                )


@pytest.mark.parametrize("intent", sorted(ABOUT_ACCOUNT))
def test_what_is_about_an_account_asks_its_tools_of_that_account(store: Store, intent: str) -> None:
    steps = plan(store, intent, customers=("C-1042",))
    assert tuple(tool for tool, _ in steps) == ABOUT_ACCOUNT[intent]
    assert all(a["customer"] == "C-1042" for _, a in steps)
    assert needs_account(intent) and plan(store, intent) == []


@pytest.mark.parametrize("intent", FIXED)
def test_what_code_answers_needs_no_tool(store: Store, intent: str) -> None:
    assert plan(store, intent, customers=("C-1042",)) == []


def test_a_policy_question_searches_in_its_own_words(store: Store) -> None:
    assert plan(store, "policy", "How long?", role="visitor") == [
        ("search_knowledge", {"query": "How long?"})
    ]


def test_a_period_goes_to_the_tools_that_know_periods(store: Store) -> None:
    span = {"since": "2026-09-01", "until": "2026-09-30"}
    days = {"since": date(2026, 9, 1), "until": date(2026, 9, 30)}
    assert plan(store, "order_history", customers=("C-1042",), **span) == [
        ("orders", {"customer": "C-1042"} | days)
    ]
    assert plan(store, "churn_risk", customers=("C-1042",), **span) == [
        ("churn_risk", {"customer": "C-1042"})
    ]


def test_a_named_order_is_looked_up_itself(store: Store) -> None:
    assert plan(store, "order_status", orders=("LO-100001",)) == [("order_status", {"order": "LO-100001"})]
    assert plan(store, "order_status", customers=("C-1042",)) == [
        ("orders", {"customer": "C-1042", "limit": 2})
    ]
    assert [t for t, _ in plan(store, "order_history", customers=("C-1042",), orders=("LO-100001",))] == [
        "order_status"
    ]


def test_a_named_product_is_looked_up_beside_the_articles(store: Store) -> None:
    assert [t for t, _ in plan(store, "policy", products=("LB-104",))] == ["products", "search_knowledge"]


def test_two_customers_are_compared(store: Store) -> None:
    steps = plan(store, "compare", customers=("C-1042", "C-1001"))
    assert {a["customer"] for _, a in steps} == {"C-1042", "C-1001"} and {t for t, _ in steps} == {
        "value",
        "churn_risk",
    }


def test_a_list_is_read_from_the_message(store: Store) -> None:
    assert plan(store, "list_customers", "which silver customers are in Austria") == [
        ("list_customers", {"tier": "Silver", "country": "AT"})
    ]


def test_where_the_router_is_unsure_what_was_said_is_searched(store: Store) -> None:
    unsure = plan(store, "churn_risk", customers=("C-1042",), confidence=0.2, routed_by="unsure")
    assert [t for t, _ in unsure] == ["contact_history", "customer_profile", "search_knowledge"]
    half = plan(store, "churn_risk", customers=("C-1042",), confidence=0.5, routed_by="unsure")
    assert [t for t, _ in half] == ["contact_history", "customer_profile", "churn_risk"]
    likely = plan(store, "churn_risk", customers=("C-1042",), confidence=0.7, routed_by="unsure")
    assert [t for t, _ in likely] == ["churn_risk", "contact_history"]
    # a customer's own question never searches what was noted about them
    assert not [
        t
        for t, _ in plan(store, "subscription", role="customer", customers=("C-1042",), confidence=0.2)
        if t == "contact_history"
    ]


def test_steps_of_a_customers_intents_are_allowed_to_customers(store: Store) -> None:
    for name, intent in intents().items():
        if "customer" in intent["roles"]:
            for tool, _ in plan(store, name, role="customer", customers=("C-1042",), orders=("LO-100001",)):
                assert "customer" in ROLES[tool], (name, tool)


def test_plans_run(store: Store) -> None:
    """Each step's arguments fit its tool's signature."""
    from .doubles import FixedChurn, WordMood

    models = {"churn": FixedChurn(), "sentiment": WordMood()}
    for intent in sorted(intents()):
        if intent in (
            "segment",
            "recommend",
            "risk_score",
            "unusual_orders",
            "lifetime",
            "forecast",
            "lower_risk",
            "models",
        ):
            continue
        toolbox = Toolbox(store=store, index=None, models=models.__getitem__, session=Session("agent"))
        for tool, arguments in plan(
            store, intent, customers=("C-1042",), since="2026-06-01", until="2026-09-30"
        ):
            called, _ = toolbox.call(tool, arguments)
            assert "error" not in (called.result if isinstance(called.result, dict) else {})
