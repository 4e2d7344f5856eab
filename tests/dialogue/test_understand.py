"""Reading a message: language, references, periods, follow-ups, and what a customer may not ask about."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from assistant.crm import Store
from assistant.dialogue.events import Session, Understood
from assistant.dialogue.periods import period
from assistant.dialogue.understand import Memory, Message, language_of, references, understand

from .doubles import KeywordRouter

TODAY = date(2026, 10, 31)  # a Saturday
AGENT = Session("agent")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("When was the last order of C-1042?", "en"),
        ("客户C-1042最近一次下单是什么时候？", "zh"),
        ("Sidamo Sunrise 还有货吗？", "zh"),
        ("你好", "zh"),
        ("What does 云雀 mean?", "en"),
        ("C-1042", "en"),
        ("???", "en"),
        ("", "en"),
    ],
)
def test_language(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("message", "customers"),
    [
        ("When did C-1042 order?", ("C-1042",)),
        ("C-1042's last order", ("C-1042",)),
        ("C-1042’s last order", ("C-1042",)),
        ("show c-1042, please", ("C-1042",)),
        ("(C-1042) and C-1001.", ("C-1042", "C-1001")),
        ("客户C-1042会流失吗", ("C-1042",)),
        ("Is anna.vermeer@example.org happy?", ("C-1042",)),
        ("Is ANNA.VERMEER@EXAMPLE.ORG happy?", ("C-1042",)),
        ("write to anna.vermeer@example.org.", ("C-1042",)),
        ("Is Anna Vermeer happy?", ("C-1042",)),
        ("anna vermeer's mood", ("C-1042",)),
        ("Tom de Wit: last order?", ("C-1002",)),
        ("陈静最近买了什么？", ("C-1003",)),
        ("Anna is happy", ()),
        ("No customer here, 1042 and C 1042", ()),
    ],
)
def test_customers_are_found(store: Store, message: str, customers: tuple[str, ...]) -> None:
    assert references(store, message).customers == customers


@pytest.mark.parametrize(
    ("message", "field", "ids"),
    [
        ("where is LO-100001?", "orders", ("LO-100001",)),
        ("lo-100001 and LO-100002", "orders", ("LO-100001", "LO-100002")),
        ("订单LO-100001到了吗", "orders", ("LO-100001",)),
        ("is LB-104 in stock", "products", ("LB-104",)),
        ("is Sidamo Sunrise in stock", "products", ("LB-104",)),
        ("招牌拼配多少钱", "products", ("LB-101",)),
        ("who is C-9999", "unknown", ("C-9999",)),
        ("where is LO-999999", "orders", ("LO-999999",)),
        ("write to nobody@example.org", "unknown", ("nobody@example.org",)),
        ("C-1042 and nobody@example.org", "unknown", ("nobody@example.org",)),
        ("A-1042, COVID-19 and B2B are no ids of ours", "unknown", ()),
        ("SU-2001 and IN-000001 are known", "unknown", ()),
    ],
)
def test_other_references(store: Store, message: str, field: str, ids: tuple[str, ...]) -> None:
    assert getattr(references(store, message), field) == ids


@pytest.mark.parametrize(
    ("message", "since", "until"),
    [
        ("orders last month", "2026-09-01", "2026-09-30"),
        ("orders this month", "2026-10-01", "2026-10-31"),
        ("in the last 30 days", "2026-10-01", "2026-10-31"),
        ("in the past two weeks", "2026-10-17", "2026-10-31"),
        ("during the last three months", "2026-08-02", "2026-10-31"),
        ("over the last twelve months", "2025-11-05", "2026-10-31"),
        ("orders last week", "2026-10-19", "2026-10-25"),
        ("orders this week", "2026-10-26", "2026-10-31"),
        ("what happened yesterday?", "2026-10-30", "2026-10-30"),
        ("what did she write today?", "2026-10-31", "2026-10-31"),
        ("spent last year", "2025-01-01", "2025-12-31"),
        ("spent this year", "2026-01-01", "2026-10-31"),
        ("orders in September", "2026-09-01", "2026-09-30"),
        ("orders in September 2025", "2025-09-01", "2025-09-30"),
        ("orders in December", "2025-12-01", "2025-12-31"),
        ("in February 2024", "2024-02-01", "2024-02-29"),
        ("since June 2026", "2026-06-01", "2026-10-31"),
        ("since 2026-06-15", "2026-06-15", "2026-10-31"),
        ("on 2026-09-12", "2026-09-12", "2026-09-12"),
        ("from 2026-06-01 to 2026-08-31", "2026-06-01", "2026-08-31"),
        ("between 2026-06-01 and 2026-08-31", "2026-06-01", "2026-08-31"),
        ("orders in 2026-09", "2026-09-01", "2026-09-30"),
        ("orders in 2025", "2025-01-01", "2025-12-31"),
        ("上个月的订单", "2026-09-01", "2026-09-30"),
        ("这个月的订单", "2026-10-01", "2026-10-31"),
        ("上周的沟通", "2026-10-19", "2026-10-25"),
        ("本周的沟通", "2026-10-26", "2026-10-31"),
        ("最近三个月的订单", "2026-08-02", "2026-10-31"),
        ("过去30天", "2026-10-01", "2026-10-31"),
        ("9月的订单", "2026-09-01", "2026-09-30"),
        ("2025年12月的订单", "2025-12-01", "2025-12-31"),
        ("2026年6月以来的订单", "2026-06-01", "2026-10-31"),
        ("今年的订单", "2026-01-01", "2026-10-31"),
        ("去年的订单", "2025-01-01", "2025-12-31"),
        ("昨天发生了什么", "2026-10-30", "2026-10-30"),
        ("今天发生了什么", "2026-10-31", "2026-10-31"),
        ("May I return it?", None, None),
        ("may I ask how many orders", None, None),
        ("the last order of C-1042", None, None),
        ("暂停3个月可以吗", None, None),
        ("on 2026-02-30", None, None),
        ("C-1042", None, None),
    ],
)
def test_periods(message: str, since: str | None, until: str | None) -> None:
    expected = tuple(date.fromisoformat(d) if d else None for d in (since, until))
    assert period(message, TODAY) == expected


def test_periods_over_the_turn_of_the_year() -> None:
    new_year = date(2026, 1, 5)  # a Monday
    assert period("last month", new_year) == (date(2025, 12, 1), date(2025, 12, 31))
    assert period("last week", new_year) == (date(2025, 12, 29), date(2026, 1, 4))
    assert period("in December", new_year) == (date(2025, 12, 1), date(2025, 12, 31))


def read(
    store: Store,
    message: str,
    *,
    session: Session = AGENT,
    memory: Memory | None = None,
    choose: Any = None,
    router: KeywordRouter | None = None,
) -> Understood:
    router = router or KeywordRouter()
    role = "agent" if session.is_staff else "customer"
    return understand(
        Message(message, store),
        session=session,
        memory=memory or Memory(),
        router=router,
        sentiment=lambda said: "neutral",
        choose=choose,
        intents=[name for name, intent in router.intents.items() if role in intent["roles"]],
        today=TODAY,
    )


def test_an_intent_and_a_reference(store: Store) -> None:
    u = read(store, "How likely is C-1042 to leave?")
    assert (u.intent, u.customers, u.routed_by, u.language) == ("churn_risk", ("C-1042",), "router", "en")
    assert u.confidence == 0.95


@pytest.mark.parametrize("message", ["and why?", "Why?", "tell me more", "为什么？", "那为什么呢"])
def test_a_follow_up_keeps_intent_and_account(store: Store, message: str) -> None:
    memory = Memory(intent="churn_risk", customers=("C-1042",), question="Will C-1042 leave?")
    u = read(store, message, memory=memory)
    assert (u.intent, u.customers, u.routed_by) == ("churn_risk", ("C-1042",), "memory")


def test_a_follow_up_without_anything_before_is_routed(store: Store) -> None:
    assert read(store, "Why?").routed_by != "memory"


@pytest.mark.parametrize(
    "message", ["and C-1001?", "What about C-1001?", "那C-1001呢？", "How about Ann Byrne?"]
)
def test_another_name_alone_asks_the_same_of_somebody_else(store: Store, message: str) -> None:
    memory = Memory(intent="churn_risk", customers=("C-1042",), question="Will C-1042 leave?")
    u = read(store, message, memory=memory)
    assert (u.intent, u.customers, u.routed_by) == ("churn_risk", ("C-1001",), "memory")


@pytest.mark.parametrize(
    "message", ["When was her last order?", "他最近的订单", "the customer's orders", "last order?"]
)
def test_a_pronoun_or_an_account_question_means_the_account_named_before(store: Store, message: str) -> None:
    assert read(store, message, memory=Memory(customers=("C-1042",))).customers == ("C-1042",)


def test_a_pronoun_means_the_open_account_where_none_was_named(store: Store) -> None:
    assert read(store, "When was her last order?", session=Session("agent", "C-1001")).customers == (
        "C-1001",
    )


def test_a_general_question_is_about_nobody(store: Store) -> None:
    assert read(store, "How long does shipping take?", memory=Memory(customers=("C-1042",))).customers == ()


def test_an_unknown_id_is_not_taken_for_the_one_before(store: Store) -> None:
    u = read(store, "last order of C-9999?", memory=Memory(customers=("C-1042",)))
    assert (u.customers, u.unknown) == ((), ("C-9999",))


def test_an_order_leads_to_its_customer_for_agents(store: Store) -> None:
    u = read(store, "status of LO-100004?")
    assert (u.orders, u.customers) == (("LO-100004",), ("C-1001",))


def test_that_order_is_the_one_spoken_of(store: Store) -> None:
    memory = Memory(intent="order_status", customers=("C-1042",), orders=("LO-100001",))
    assert read(store, "what is the status of that order?", memory=memory).orders == ("LO-100001",)
    assert read(store, "那个订单到了吗？", memory=memory).orders == ("LO-100001",)


@pytest.mark.parametrize(
    "message",
    [
        "What did C-1001 order?",
        "order status of ann@example.org",
        "Where is Ann Byrne's order?",
        "C-1001 和我的订单",
        "C-1001",
    ],
)
def test_a_customer_who_names_somebody_else_is_refused(store: Store, message: str) -> None:
    u = read(store, message, session=Session("customer", "C-1042"))
    assert (u.intent, u.routed_by) == ("forbidden", "rule")
    assert u.customers == ("C-1042",)


def test_a_customer_cannot_tell_who_exists(store: Store) -> None:
    """An id of ours that is somebody else's and one that is nobody's are treated alike."""
    session = Session("customer", "C-1042")
    assert (
        read(store, "orders of C-9999?", session=session).intent
        == read(store, "orders of C-1001?", session=session).intent
    )


def test_a_customer_may_name_the_own_account(store: Store) -> None:
    u = read(store, "What did C-1042, Anna Vermeer, order?", session=Session("customer", "C-1042"))
    assert (u.intent, u.customers) == ("order_history", ("C-1042",))


def test_a_customers_memory_never_holds_another_account(store: Store) -> None:
    memory = Memory(intent="order_history", customers=("C-1001",))
    assert read(
        store, "and her last order?", session=Session("customer", "C-1042"), memory=memory
    ).customers == ("C-1042",)


@pytest.mark.parametrize(
    "message", ["orders of C-1001", "order of ann@example.org", "orders of Ann Byrne", "where is LO-100004"]
)
def test_a_visitor_learns_of_no_account(store: Store, message: str) -> None:
    assert read(store, message, session=Session("visitor")).customers == ()


def test_an_agents_intents_are_not_a_customers(store: Store) -> None:
    u = read(store, "Will I leave? What is my churn risk?", session=Session("customer", "C-1042"))
    assert u.intent != "churn_risk"


def asking(calls: list[Sequence[str]], answer: int) -> Any:
    def choose(message: str, options: Sequence[str]) -> tuple[str, float]:
        calls.append(options)
        return options[answer], 0.6

    return choose


def test_the_model_is_asked_only_where_the_router_is_unsure(store: Store) -> None:
    calls: list[Sequence[str]] = []
    customer = Session("customer", "C-1042")
    assert (
        read(store, "How long does shipping take?", session=customer, choose=asking(calls, 0)).routed_by
        == "router"
    )
    assert calls == []
    u = read(store, "Hmm, zebra crossing?", session=customer, choose=asking(calls, 1))
    assert u.routed_by == "model" and u.intent == calls[0][1] and u.confidence == 0.6
    assert 2 <= len(calls[0]) <= 4 and "churn_risk" not in calls[0]


def test_an_unsure_question_of_an_agent_about_an_account_asks_no_model(store: Store) -> None:
    calls: list[Sequence[str]] = []
    u = read(store, "Does C-1042 have a dog?", choose=asking(calls, 0))
    assert (u.routed_by, u.customers, calls) == ("unsure", ("C-1042",), [])


def test_memory_keeps_the_newest_references_and_three_exchanges(store: Store) -> None:
    memory = Memory()
    for n, message in enumerate(
        ("orders of C-1042", "and C-1001?", "how long does shipping take", "orders of LO-100006")
    ):
        memory = memory.after(message, read(store, message, memory=memory), f"answer {n}")
    assert memory.customers == ("C-1003",) and memory.orders == ("LO-100006",)
    assert [a for _, a in memory.history] == ["answer 1", "answer 2", "answer 3"]


def test_memory_survives_json() -> None:
    import json

    memory = Memory("policy", ("C-1",), ("LO-1",), ("LB-1",), "q", (("q", "a"),))
    assert Memory.from_dict(json.loads(json.dumps(memory.as_dict()))) == memory
    assert Memory.from_dict({}) == Memory()


@pytest.mark.parametrize(
    "message",
    [
        "'; DROP TABLE customers; --",
        "C-1042' OR '1'='1",
        "%",
        "\x00",
        "C-" + "9" * 500,
        "@",
        "a@b",
        "🙂" * 50,
        "\u202e1042-C",
    ],
)
def test_odd_messages_are_read_without_harm(store: Store, message: str) -> None:
    before = store.counts()
    read(store, message)
    assert store.counts() == before


def test_what_somebody_plans_is_no_question_of_what_they_will_buy(store: Store) -> None:
    from assistant.dialogue.understand import _BUYS
    from assistant.insight.intents import read_intents

    spent = read(store, "How much will C-1042 spend next year?")
    assert (spent.intent, spent.routed_by) == ("lifetime", "router")
    opening = read(store, "What is C-1042 opening next year?")
    assert opening.routed_by == "unsure" and opening.confidence < 0.4
    examples = read_intents()["intents"]["lifetime"]["examples"]
    assert [text for texts in examples.values() for text in texts if not _BUYS.search(text)] == []
