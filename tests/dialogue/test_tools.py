"""Tools: denied unless a role is named, a customer's own account only, data and evidence that agree."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from assistant.crm import Store
from assistant.dialogue.events import Session
from assistant.dialogue.focus import Focus
from assistant.dialogue.toolkit import ARGUMENTS as TAKES
from assistant.dialogue.toolkit import ROLES
from assistant.dialogue.tools import Toolbox
from assistant.errors import ModelError, PermissionDenied
from assistant.evidence import Evidence
from assistant.knowledge import KnowledgeIndex

from .doubles import FixedChurn, WordEmbedder, WordMood

Box = Callable[..., Toolbox]
ARGUMENTS: dict[str, dict[str, Any]] = {
    "search_knowledge": {"query": "return"},
    "products": {"products": ["LB-101"]},
    "order_status": {"order": "LO-100001"},
    "list_customers": {},
    "sales_forecast": {},
    "sales": {},
    "model_status": {},
    "data_quality": {},
}


@pytest.fixture
def box(store: Store, index: KnowledgeIndex) -> Box:
    def make(
        role: str, customer: str | None = None, *, language: str = "en", index: Any = index, **models: Any
    ) -> Toolbox:
        known = {"churn": FixedChurn(C_1042=0.73, C_1001=0.41), "sentiment": WordMood(), **models}

        def predictor(name: str) -> Any:
            if known.get(name) is None:
                raise ModelError(f"No {name} model has been trained yet", f"crm-assistant train {name}")
            return known[name]

        session = Session(role, customer)  # type: ignore[arg-type]
        return Toolbox(store=store, index=index, models=predictor, session=session, language=language)

    return make


def everything(called: Any, evidence: list[Evidence]) -> str:
    return repr(called.result) + repr(evidence)


# -- permission -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["visitor", "customer", "agent", "admin"])
@pytest.mark.parametrize("name", sorted(ROLES))
def test_a_tool_runs_only_for_its_roles(box: Box, name: str, role: str) -> None:
    toolbox = box(role, "C-1042" if role == "customer" else None)
    arguments = ARGUMENTS.get(name, {"customer": "C-1042"})
    if role in ROLES[name]:
        assert toolbox.call(name, arguments)[0].name == name
    else:
        with pytest.raises(PermissionDenied):
            toolbox.call(name, arguments)


@pytest.mark.parametrize("name", ["nothing", "_customer", "call", "__init__", "as_langchain", "store"])
@pytest.mark.parametrize("role", ["visitor", "customer", "agent", "admin"])
def test_what_is_no_tool_is_denied(box: Box, name: str, role: str) -> None:
    with pytest.raises(PermissionDenied):
        box(role, "C-1042").call(name, {})


def test_an_unheard_of_role_may_nothing(box: Box) -> None:
    for name in ROLES:
        with pytest.raises(PermissionDenied):
            box("superuser", "C-1042").call(name, ARGUMENTS.get(name, {"customer": "C-1042"}))


def test_every_tool_says_who_may_use_it_and_what_it_takes() -> None:
    assert set(ROLES) == set(TAKES)
    for name in (
        "churn_risk",
        "segment",
        "value",
        "eligible_offers",
        "next_action",
        "list_customers",
        "contact_history",
    ):
        assert set(ROLES[name]) == {"agent", "admin"}
    assert not {n for n, roles in ROLES.items() if "visitor" in roles} - {"search_knowledge", "products"}


@pytest.mark.parametrize("name", ["customer_profile", "orders", "subscription"])
@pytest.mark.parametrize("asked", ["C-1001", "C-1042", "", "C-9999", "' OR 1=1 --"])
def test_a_customers_tools_see_the_own_account_whatever_is_asked(box: Box, name: str, asked: str) -> None:
    called, evidence = box("customer", "C-1042").call(name, {"customer": asked})
    seen = everything(called, evidence)
    for foreign in ("C-1001", "Byrne", "ann@", "LO-100004", "LO-100005", "SU-2002", "Enthusiast"):
        assert foreign not in seen
    assert evidence and all(e.id.startswith(("record:C-1042", "record:LO-")) for e in evidence)


def test_a_customer_without_an_account_sees_none(box: Box) -> None:
    for name in ("customer_profile", "orders", "subscription", "recommend"):
        with pytest.raises(PermissionDenied):
            box("customer").call(name, {"customer": "C-1042"})


def test_somebody_elses_order_and_no_order_look_the_same(box: Box) -> None:
    toolbox = box("customer", "C-1042")
    foreign, nothing = (
        toolbox.call("order_status", {"order": "LO-100004"}),
        toolbox.call("order_status", {"order": "LO-999999"}),
    )
    assert foreign[1] == nothing[1] == []
    assert foreign[0].result["error"].replace("LO-100004", "X") == nothing[0].result["error"].replace(
        "LO-999999", "X"
    )
    assert toolbox.call("order_status", {"order": "LO-100001"})[0].result["id"] == "LO-100001"


def test_a_customer_reads_no_remarks_about_himself(box: Box) -> None:
    called, evidence = box("customer", "C-1001").call("customer_profile", {})
    assert "Ann Byrne" in everything(called, evidence)
    assert "fraud" not in everything(called, evidence) and "Brandt" not in everything(called, evidence)
    assert "fraud_watch" in everything(*box("agent").call("customer_profile", {"customer": "C-1001"}))


def test_articles_by_role(box: Box) -> None:
    query = {"query": "internal retention discount ceiling supplier price"}
    for role in ("visitor", "customer"):
        _, evidence = box(role, "C-1042" if role == "customer" else None).call("search_knowledge", query)
        assert not [e for e in evidence if e.source.startswith("internal/")]
        assert "7.20" not in repr(evidence)
    _, evidence = box("agent").call("search_knowledge", query)
    assert evidence[0].source == "internal/en/retention.md"


# -- what they find ---------------------------------------------------------------------------------------------


def test_a_chinese_question_that_finds_nothing_is_asked_in_english(box: Box) -> None:
    asked: list[str] = []

    def translate(text: str) -> str:
        asked.append(text)
        return "How long does the oat drink keep in the fridge?"

    tools = box("agent", language="zh")
    assert tools.index is not None
    _, before = tools.call("search_knowledge", {"query": "燕麦奶在冰箱里能放几天"})
    assert all(e.score < tools.index.threshold for e in before)
    tools.translate = translate
    _, evidence = tools.call("search_knowledge", {"query": "燕麦奶在冰箱里能放几天"})
    assert asked == ["燕麦奶在冰箱里能放几天"] and evidence[0].source == "public/en/oat.md"
    assert evidence[0].score > max(e.score for e in before)
    tools.call("search_knowledge", {"query": "oat drink"})
    assert len(asked) == 1


def test_orders_in_numbers_and_words(box: Box) -> None:
    called, evidence = box("agent").call("orders", {"customer": "C-1042"})
    assert (
        called.result["count"] == 3 and called.result["total"] == 172.8
    )  # the cancelled one is not in the total
    assert [o["id"] for o in called.result["newest"]] == ["LO-100001", "LO-100002", "LO-100003"]
    assert (
        "3 orders" in evidence[0].text
        and "172.80 EUR" in evidence[0].text
        and "1 of them cancelled" in evidence[0].text
    )
    assert "2 x House Blend" in evidence[1].text and "2026-08-31" in evidence[1].text
    assert all(e.kind == "record" and e.score == 1.0 for e in evidence)


def test_orders_in_a_period(box: Box) -> None:
    called, _ = box("agent").call(
        "orders", {"customer": "C-1042", "since": date(2026, 6, 1), "until": date(2026, 6, 30)}
    )
    assert [o["id"] for o in called.result["newest"]] == ["LO-100002"]
    called, evidence = box("agent").call(
        "orders", {"customer": "C-1042", "since": date(2026, 9, 1), "until": date(2026, 9, 30)}
    )
    assert called.result["count"] == 0 and "no orders from 2026-09-01 to 2026-09-30" in evidence[0].text


def test_value_counts_what_was_paid(box: Box) -> None:
    called, _ = box("agent").call("value", {"customer": "C-1042"})
    assert (
        called.result["orders"] == 2
        and called.result["revenue"] == 172.8
        and called.result["average_order"] == 86.4
    )
    called, evidence = box("agent").call("value", {"customer": "C-1002"})
    assert called.result["revenue"] == 0 and "not bought anything" in evidence[0].text


def test_churn_with_reasons(box: Box) -> None:
    called, evidence = box("agent").call("churn_risk", {"customer": "C-1042"})
    assert (called.result["percent"], called.result["band"]) == (73, "high")
    assert evidence[0].kind == "prediction"
    for part in (
        "73%",
        "high risk",
        "Raises the risk: no order for 61 days",
        "Lowers the risk: customer for 20 months",
    ):
        assert part in evidence[0].text
    _, chinese = box("agent", language="zh").call("churn_risk", {"customer": "C-1042"})
    for part in ("73%", "高风险", "61天没有下单", "成为客户20个月"):
        assert part in chinese[0].text


def test_an_unknown_customer_is_told_the_closest(box: Box) -> None:
    for name in ("orders", "churn_risk", "contact_history", "eligible_offers"):
        called, evidence = box("agent").call(name, {"customer": "C-1043"})
        assert evidence == [] and "C-1043" in called.result["error"]
        assert "C-1042 (Anna Vermeer)" in called.result["hint"]


def test_a_model_that_is_missing_is_said(box: Box) -> None:
    called, evidence = box("agent", churn=None).call("churn_risk", {"customer": "C-1042"})
    assert evidence == [] and called.result == {
        "error": "No churn model has been trained yet", "hint": "crm-assistant train churn",
    }  # fmt: skip


def test_mood_of_the_newest_messages(box: Box) -> None:
    called, evidence = box("agent").call("sentiment_trend", {"customer": "C-1042"})
    assert called.result["counts"] == {
        "positive": 0,
        "neutral": 1,
        "negative": 1,
    }  # the agent's own words don't count
    assert called.result["newest"][0]["interaction"] == "IN-000001"
    assert [e.id for e in evidence[1:]] == ["interaction:IN-000001"]


def test_conversations_that_fit_the_question_come_first(box: Box) -> None:
    _, evidence = box("agent").call(
        "contact_history", {"customer": "C-1042", "query": "the price of the Home plan too expensive"}
    )
    assert "IN-000003" in evidence[0].id
    ids = " ".join(e.id for e in evidence)
    assert not any(f"IN-00000{n}" in ids for n in (4, 5, 6, 7))


def test_conversations_in_a_period(box: Box) -> None:
    called, evidence = box("agent").call(
        "contact_history", {"customer": "C-1042", "since": date(2026, 4, 1), "until": date(2026, 4, 30)}
    )
    assert called.result["count"] == 1 and ["IN-000003" in e.id for e in evidence] == [True]


def test_without_an_index_the_newest_conversations_are_given(box: Box) -> None:
    _, evidence = box("agent", index=None).call("contact_history", {"customer": "C-1042", "query": "burr"})
    assert {e.id for e in evidence} >= {"interaction:IN-000002", "interaction:IN-000001"}
    assert box("agent", index=None).call("search_knowledge", {"query": "returns"})[1] == []


def test_products_in_two_languages(box: Box) -> None:
    called, evidence = box("visitor").call("products", {"products": ["LB-104", "LB-999"]})
    assert [p["id"] for p in called.result] == ["LB-104"] and "12.40 EUR" in evidence[0].text
    assert "西达摩日出" in box("visitor", language="zh").call("products", {"products": ["LB-104"]})[1][0].text


# -- as LangChain tools -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["visitor", "customer", "agent", "admin"])
def test_langchain_tools_are_those_of_the_role(box: Box, role: str) -> None:
    tools = box(role, "C-1042").as_langchain()
    assert {t.name for t in tools} == {name for name, roles in ROLES.items() if role in roles}
    for tool in tools:
        assert tool.description and tool.args_schema is not None


def test_langchain_tools_give_content_and_evidence(box: Box) -> None:
    tools = {t.name: t for t in box("agent").as_langchain()}
    assert tools["churn_risk"].invoke({"customer": "C-1042"})["percent"] == 73
    called = {
        "name": "orders",
        "args": {"customer": "C-1042", "since": "2026-06-01", "until": "2026-06-30"},
        "id": "1",
        "type": "tool_call",
    }
    message = tools["orders"].invoke(called)
    assert "LO-100002" in message.content and "LO-100001" not in message.content
    assert [e.id for e in message.artifact] == ["record:C-1042/orders", "record:LO-100002"]
    listed = tools["list_customers"].invoke({"tier": "Gold", "sort": "spend"})
    assert [c["id"] for c in listed["customers"]] == ["C-1001"]


def test_langchain_tools_of_a_customer_see_the_own_account(box: Box) -> None:
    tools = {t.name: t for t in box("customer", "C-1042").as_langchain()}
    assert tools["orders"].invoke({"customer": "C-1001"})["customer"] == "C-1042"
    assert tools["customer_profile"].invoke({"customer": "C-1001"})["id"] == "C-1042"
    assert "error" in tools["order_status"].invoke({"order": "LO-100004"})


def test_langchain_tools_check_their_arguments(box: Box) -> None:
    from pydantic import ValidationError

    tools = {t.name: t for t in box("agent").as_langchain()}
    for name, wrong in (
        ("orders", {}),
        ("orders", {"customer": "C-1042", "since": "soon"}),
        ("list_customers", {"limit": 10_000}),
    ):
        with pytest.raises(ValidationError):
            tools[name].invoke(wrong)


def test_an_article_comes_in_the_language_of_the_answer_and_none_that_is_far_behind(store: Store, index: KnowledgeIndex) -> None:  # fmt: skip
    def searched(language: str, query: str) -> list[str]:
        toolbox = Toolbox(
            store=store, index=index, models=lambda name: None, session=Session("visitor"), language=language,
            focus=Focus(WordEmbedder().encode),
        )  # fmt: skip
        return [e.source for e in toolbox.call("search_knowledge", {"query": query})[1]]

    assert searched("en", "how much is the return label")[0] == "public/en/returns.md"
    assert searched("zh", "how much is the return label")[0] == "public/zh/returns.md"
    assert searched("zh", "how long is the warranty of grinders")[0] == "public/en/warranty.md"  # only there
    assert searched("en", "how long is the warranty of grinders and machines") == ["public/en/warranty.md"]
