"""Questions about many customers: the filter read from words, and the customers it finds."""

from datetime import date
from typing import Any

import pytest

from assistant.crm import Store
from assistant.dialogue.events import Session
from assistant.dialogue.lists import find, read_filter
from assistant.dialogue.toolkit import ListArgs
from assistant.dialogue.tools import Toolbox
from assistant.errors import ModelError

from .doubles import FixedChurn

TODAY = date(2026, 10, 31)
CHURN = FixedChurn(C_1042=0.73, C_1001=0.41)


class Only(FixedChurn):
    """Predicts for some customers only, as the model does that leaves out who is not active any more."""

    def __init__(self, *ids: str) -> None:
        super().__init__()
        self.ids = ids

    def predict(self, store: Any, ids: Any = None) -> list[Any]:
        return super().predict(store, self.ids)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Which customers are on the Home plan?", {"plan": "Home"}),
        ("哪些客户订阅了居家方案？", {"plan": "Home"}),
        ("list gold customers", {"tier": "Gold"}),
        ("金卡客户有哪些？", {"tier": "Gold"}),
        ("which customers in Austria", {"country": "AT"}),
        ("Austrian customers, please: which?", {"country": "AT"}),
        ("奥地利的客户有哪些", {"country": "AT"}),
        ("which customers in Belgium have a paused subscription", {"country": "BE", "status": "paused"}),
        ("爱尔兰的客户", {"country": "IE"}),
        ("customers who write Chinese", {"language": "zh"}),
        ("which customers complained about delivery?", {"complaint": "delivery", "sort": "complaints"}),
        ("who complained about the price since June 2026", {"complaint": "price", "since": date(2026, 6, 1)}),
        ("哪些客户投诉过快递？", {"complaint": "delivery"}),
        ("who is unhappy", {"complaint": "any"}),
        ("which customers spent the most", {"sort": "spend"}),
        ("消费最多的五位客户", {"sort": "spend", "limit": 5}),
        ("top 3 customers by revenue", {"sort": "spend", "limit": 3}),
        ("list ten customers who are most likely to leave", {"sort": "risk", "limit": 10}),
        ("which customers are at high risk", {"sort": "risk", "risk": "high"}),
        ("哪些客户流失风险高", {"sort": "risk", "risk": "high"}),
        ("newest customers, list", {"sort": "joined"}),
        ("list customers in Cork", {"city": "Cork"}),
        ("which customers in The Hague spend most", {"city": "The Hague", "sort": "spend"}),
        ("customers from gent, please", {"city": "Gent"}),
        (
            "which customers have not ordered for 6 months",
            {"sort": "last_order", "quiet_since": date(2026, 5, 4)},
        ),
        (
            "哪些订阅客户三个月没下单了",
            {"status": "active", "sort": "last_order", "quiet_since": date(2026, 8, 2)},
        ),
        ("who hasn't bought anything since June?", {"sort": "last_order", "quiet_since": date(2026, 6, 1)}),
        (
            "How many customers joined in September?",
            {
                "sort": "joined",
                "count_only": True,
                "joined_since": date(2026, 9, 1),
                "joined_until": date(2026, 9, 30),
            },
        ),
        ("how many people paused their subscription", {"status": "paused", "count_only": True}),
        ("who has not ordered for long", {"sort": "last_order"}),
        ("how many gold customers are there?", {"tier": "Gold", "count_only": True}),
        ("有多少金卡客户？", {"tier": "Gold", "count_only": True}),
    ],
)
def test_filters_read_from_words(store: Store, message: str, expected: dict[str, Any]) -> None:
    wanted = read_filter(store, message, TODAY)
    assert {k: wanted.get(k) for k in expected} == expected


@pytest.mark.parametrize(
    "message",
    [
        "which customers are at risk",
        "which customers should be called at once",
        "who might be about to leave in the next 90 days",
        "list customers that may be at home",
        "who can de facto be reached",
    ],
)
def test_country_codes_are_no_english_words(store: Store, message: str) -> None:
    store.upsert(
        "customers",
        [
            {"id": f"C-2{n:03d}", "country": c}
            for n, c in enumerate(("AT", "BE", "DE", "IE", "NL", "IN", "IT", "NO", "US", "ME"))
        ],
    )
    assert "country" not in read_filter(store, message, TODAY)


@pytest.mark.parametrize(
    "message", ["show gold customers whose account is at high risk", "show customers by country", "top gold customers for a discount"]
)  # fmt: skip
def test_count_inside_another_word_counts_nothing(store: Store, message: str) -> None:
    assert not read_filter(store, message, TODAY).get("count_only")


@pytest.mark.parametrize(
    "message", ["", "customers", "'; DROP TABLE customers; --", "哪些客户", "which customers like 2026?"]
)
def test_a_message_that_names_no_filter_gives_none(store: Store, message: str) -> None:
    wanted = read_filter(store, message, TODAY)
    ListArgs(**wanted)
    assert not set(wanted) & {"tier", "country", "plan", "status", "risk", "complaint", "limit"}


def test_every_filter_that_is_read_can_be_asked_of_the_tool(store: Store) -> None:
    message = "top 40 gold customers in Austria on the Home plan with paused subscription who complained about price last month, high risk"
    wanted = ListArgs(**read_filter(store, message, TODAY))
    assert (wanted.tier, wanted.country, wanted.plan, wanted.status, wanted.complaint) == (
        "Gold",
        "AT",
        "Home",
        "paused",
        "price",
    )


def found(store: Store, predictions: Any = None, **wanted: Any) -> tuple[list[str], dict[str, Any]]:
    known = {p.customer_id: p for p in (predictions or CHURN).predict(store)}
    data = find(store, ListArgs(**wanted), known)
    return [c["id"] for c in data["customers"]], data


def test_by_columns(store: Store) -> None:
    assert found(store, tier="silver")[0] == ["C-1003", "C-1004"]
    assert found(store, country="AT")[0] == ["C-1004"]
    assert found(store, language="zh")[0] == ["C-1003"]
    assert found(store, tier="Silver", country="AT")[0] == ["C-1004"]
    assert found(store, tier="Platinum")[0] == []


def test_by_subscription(store: Store) -> None:
    assert found(store, plan="home")[0] == ["C-1042"]
    assert found(store, status="paused")[0] == ["C-1001"]
    assert found(store, plan="Home", status="paused")[0] == []
    store.upsert(
        "subscriptions",
        [
            {
                "id": "SU-2001",
                "customer_id": "C-1042",
                "plan": "Home",
                "status": "cancelled",
                "started_on": "2025-03-01",
            }
        ],
    )
    assert found(store, plan="Home")[0] == []


def test_by_risk_and_by_spend(store: Store) -> None:
    assert found(store, sort="risk")[0][:2] == ["C-1042", "C-1001"]
    assert found(store, risk="high")[0] == ["C-1042"]
    ids, data = found(store, sort="spend", limit=2)
    assert ids == ["C-1004", "C-1042"] and data["count"] == 5
    assert data["customers"][1]["facts_en"] == ["172.80 spent"]  # what was cancelled is not spent


def test_by_last_order_and_by_joining(store: Store) -> None:
    assert found(store, sort="joined")[0][0] == "C-1002"
    assert found(store, sort="last_order")[0][:2] == ["C-1002", "C-1004"]  # never ordered, then longest ago


def test_by_town_by_silence_and_by_the_day_of_joining(store: Store) -> None:
    assert found(store, city="cork")[0] == ["C-1001"] and found(store, city="Atlantis")[0] == []
    quiet = found(store, quiet_since=date(2026, 10, 1), sort="last_order")[0]
    assert quiet == ["C-1002", "C-1004", "C-1042"]
    joined = {"joined_since": date(2026, 9, 1), "joined_until": date(2026, 9, 30)}
    ids, data = found(store, **joined)
    assert ids == ["C-1002"] and "2026-09-01" in data["filter_en"] and "2026-09-30" in data["filter_zh"]


def test_by_complaints_in_both_languages(store: Store) -> None:
    assert set(found(store, complaint="delivery", sort="complaints")[0]) == {"C-1001", "C-1002", "C-1003"}
    assert found(store, complaint="price", since=date(2026, 4, 1))[0] == ["C-1042"]
    assert found(store, complaint="price")[0] == []  # the last 90 days where no period is named


def test_counting_lists_nobody(store: Store) -> None:
    ids, data = found(store, tier="Silver", count_only=True)
    assert ids == [] and data["count"] == 2


def test_a_filter_is_no_sql(store: Store) -> None:
    for text in ("x' OR '1'='1", "Silver'; DROP TABLE customers; --", "%"):
        assert found(store, city=text)[0] == []
        assert found(store, tier=text)[0] == found(store, plan=text)[0] == found(store, country=text)[0] == []
    assert store.counts()["customers"] == 5


def ask(store: Store, message: str, language: str = "en", churn: Any = CHURN) -> tuple[list[str], str]:
    def models(name: str) -> Any:
        if churn is None:
            raise ModelError("No churn model has been trained yet", "crm-assistant train churn")
        return churn

    toolbox = Toolbox(store=store, index=None, models=models, session=Session("agent"), language=language)
    called, evidence = toolbox.call("list_customers", read_filter(store, message, TODAY))
    return [c["id"] for c in called.result["customers"]], evidence[0].text


def test_a_question_from_words_to_sentence(store: Store) -> None:
    ids, text = ask(store, "which silver customers are there?")
    assert ids == ["C-1003", "C-1004"] and text.startswith("2 customers with tier Silver.")
    _, text = ask(store, "有多少银卡客户？", "zh")
    assert text == "共有2位Silver等级的客户。"
    assert ask(store, "which customers on the Office plan?")[0] != ["C-1042"]


def test_a_period_ends_where_it_says(store: Store) -> None:
    """Last month is September: what was said in October is not in it."""
    assert ask(store, "which customers complained about delivery last month?")[0] == ["C-1002"]


@pytest.mark.parametrize(
    "churn", [None, Only("C-1003")], ids=["no model", "left customers have no prediction"]
)
def test_customers_without_a_prediction_are_counted_and_listed(store: Store, churn: Any) -> None:
    assert sorted(ask(store, "which silver customers are there?", churn=churn)[0]) == ["C-1003", "C-1004"]
    assert ask(store, "how many silver customers are there?", churn=churn)[1].startswith("2 customers")
    assert ask(store, "which customers spent the most", churn=churn)[0][0] == "C-1004"


@pytest.mark.parametrize("sort", ["risk", "spend", "last_order", "complaints", "joined"])
def test_customers_of_whom_little_is_known(store: Store, sort: str) -> None:
    store.upsert("customers", [{"id": "C-3001", "country": "FR"}, {"id": "C-3002", "country": "FR"}])
    ids, data = found(store, country="FR", sort=sort)
    assert ids == ["C-3001", "C-3002"]
    assert "nan" not in str(data).lower()
