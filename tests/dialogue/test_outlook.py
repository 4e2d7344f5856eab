"""For agents: what a customer will still buy, how much the company will sell, what lowers a risk, how the models are."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

from assistant.crm import Store
from assistant.dialogue import Session
from assistant.dialogue.model_status import read_model
from assistant.dialogue.outlook import read_group
from assistant.dialogue.periods import span_ahead
from assistant.dialogue.tools import Toolbox
from assistant.dialogue.understand import asks_plainly, references
from assistant.errors import ModelError, PermissionDenied
from assistant.insight import TRAINERS, ForecastModel, LifetimeModel, save_model
from assistant.insight.explain import Counterfactual
from assistant.insight.forecast import _Series
from assistant.insight.lifetime import BgNbd, GammaGamma
from assistant.insight.moved import record_facts
from assistant.insight.registry import note_record

from .doubles import FixedChurn, LittleAssistant

Make = Callable[..., LittleAssistant]
AGENT = Session("agent", user="marieke")
TODAY = date(2026, 10, 31)


def lifetime() -> LifetimeModel:
    """The real model with parameters of a shop whose customers order about once a month."""
    model = LifetimeModel()
    model.buying_ = BgNbd()
    model.buying_.r_, model.buying_.alpha_, model.buying_.a_, model.buying_.b_ = 2.0, 12.0, 0.5, 6.0
    model.spend_ = GammaGamma()
    model.spend_.p_, model.spend_.q_, model.spend_.v_, model.spend_.mean_ = 6.0, 4.0, 20.0, 40.0
    return model


def forecast() -> ForecastModel:
    """13 weeks from 2026-11-02: 10, 11, 12 ... orders, and 100 EUR of beans a week."""
    model = ForecastModel()

    def series(values: np.ndarray, width: float) -> _Series:
        """Eight of ten courses lie within ``width`` of the values; each is high or low in all weeks."""
        away = np.linspace(-1.25, 1.25, 501)[:, None] * width
        return _Series("ETS", date(2026, 11, 2), values, np.maximum(values + away, 0.0), {})

    model._series = {
        ("all", "orders"): series(np.arange(10.0, 23.0), 2.0),
        ("all", "revenue"): series(np.full(13, 500.0), 50.0),
        ("beans", "revenue"): series(np.full(13, 100.0), 120.0),
    }
    model.groups_, model.stretch_, model.seasonal_ = ["all", "beans"], (1.0, 1.0), True
    return model


def box(store: Store, session: Session = AGENT, language: str = "en", **models: Any) -> Toolbox:
    def model(name: str) -> Any:
        if name not in models:
            raise ModelError(f"No {name} model has been trained yet", f"crm-assistant train {name}")
        return models[name]

    return Toolbox(store=store, index=None, models=model, session=session, language=language)


@pytest.mark.parametrize(
    ("message", "span"),
    [
        ("How many orders do we expect next month?", ("2026-11-01", "2026-11-30")),
        ("下个月预计有多少订单", ("2026-11-01", "2026-11-30")),
        ("sales next week", ("2026-11-02", "2026-11-08")),
        ("revenue next quarter", ("2027-01-01", "2027-03-31")),
        ("in the next two weeks", ("2026-11-01", "2026-11-14")),
        ("over the next 6 months", ("2026-11-01", "2027-04-29")),
        ("这个客户未来一年预计会花多少钱", ("2026-11-01", "2027-10-31")),
        ("未来半年的消费", ("2026-11-01", "2027-05-01")),
        ("what will we sell in December", ("2026-12-01", "2026-12-31")),
        ("十二月能卖多少", ("2026-12-01", "2026-12-31")),
        ("3月份的收入", ("2027-03-01", "2027-03-31")),
        ("will she order again", None),
        ("十分重要的客户", None),
    ],
)
def test_the_days_ahead_that_a_message_speaks_of(message: str, span: tuple[str, str] | None) -> None:
    found = span_ahead(message, TODAY)
    assert found == (tuple(map(date.fromisoformat, span)) if span else None)


def test_the_product_group_that_a_message_names(store: Store) -> None:
    assert read_group(store, "expected demand for grinders") == "grinder"
    assert read_group(store, "咖啡豆的预测") == "beans"
    assert read_group(store, "how much of it will we sell", ("LG-302",)) == "grinder"
    assert read_group(store, "revenue forecast by category") == "each" == read_group(store, "各品类的预测")
    assert read_group(store, "how many orders next month") is None


def test_what_a_customer_is_expected_to_spend(store: Store) -> None:
    called, evidence = box(store, lifetime=lifetime()).call("lifetime_value", {"customer": "C-1042"})
    data = called.result
    assert 0 < data["probability_alive"] < 1 and data["currency"] == "EUR" and data["orders_so_far"] == 2
    assert data["expected_spend"] == pytest.approx(data["expected_orders"] * data["expected_order_value"], abs=0.02)  # fmt: skip
    assert data["discounted_value"] < data["expected_spend"]
    assert f"about {data['expected_orders']:.1f} orders and spend about {data['expected_spend']:.2f} EUR in the next 12 months" in evidence[0].text  # fmt: skip
    month = box(store, lifetime=lifetime()).call("lifetime_value", {"customer": "C-1042", "days": 30})
    assert "in the next 30 days" in month[1][0].text
    assert month[0].result["expected_orders"] < data["expected_orders"]


def test_nothing_is_foretold_of_who_never_ordered(store: Store) -> None:
    called, evidence = box(store, lifetime=lifetime()).call("lifetime_value", {"customer": "C-1002"})
    assert called.result["orders"] == 0 and "no order yet" in evidence[0].text


def test_the_weeks_of_a_month_are_summed_with_a_span(store: Store) -> None:
    month = {"since": date(2026, 11, 1), "until": date(2026, 11, 30)}
    called, evidence = box(store, forecast=forecast()).call("sales_forecast", month | {"group": "each"})
    every, beans = called.result["groups"]
    assert (called.result["since"], called.result["until"]) == ("2026-11-02", "2026-11-29")
    assert every["orders"] == {"value": 46.0, "low": 38.0, "high": 54.0}
    assert beans["orders"] is None and beans["revenue"] == {"value": 400.0, "low": 0.0, "high": 880.0}
    assert "4 weeks from 2026-11-02 to 2026-11-29" in evidence[0].text
    assert (
        evidence[1].text == "In all: about 46 orders (38 to 54) and revenue of about 2000 EUR (1800 to 2200)."
    )
    assert evidence[2].text == "Beans: revenue of about 400 EUR (0 to 880)."


def test_a_forecast_says_where_it_ends(store: Store) -> None:
    far = {"since": date(2026, 11, 1), "until": date(2027, 10, 31)}
    assert "(it reaches no further)" in box(store, forecast=forecast()).call("sales_forecast", far)[1][0].text
    later = {"since": date(2028, 1, 1), "until": date(2028, 1, 31)}
    result = box(store, forecast=forecast()).call("sales_forecast", later)[0].result
    assert "ends with the week of 2027-01-25" in result["error"] and "train forecast" in result["hint"]
    result = box(store, forecast=forecast()).call("sales_forecast", {"group": "soap"})[0].result
    assert "soap" in result["error"] and "all, beans" in result["hint"]


@pytest.mark.parametrize("session", [Session("customer", customer="C-1042"), Session("visitor")])
@pytest.mark.parametrize("tool", ["lifetime_value", "sales_forecast"])
def test_customers_never_see_what_is_expected_of_them(store: Store, session: Session, tool: str) -> None:
    toolbox = box(store, session, lifetime=lifetime(), forecast=forecast())
    with pytest.raises(PermissionDenied):
        toolbox.call(tool, {"customer": "C-1042"} if tool == "lifetime_value" else {})
    assert tool not in {t.name for t in toolbox.as_langchain()}


@pytest.mark.parametrize(
    ("message", "tool", "words"),
    [
        ("How much will C-1042 spend next year?", "lifetime_value", "in the next 12 months"),
        ("C-1042未来一年预计会花多少钱？", "lifetime_value", "预计客户C-1042未来12个月下约"),
        ("How many orders do we expect next month?", "sales_forecast", "about 46 orders (38 to 54)"),
        ("下个月预计有多少订单？", "sales_forecast", "约46个订单（38至54）"),
    ],
)
def test_an_agent_asks_what_is_to_come(make: Make, message: str, tool: str, words: str) -> None:
    turn = make("Nonsense.", lifetime=lifetime(), forecast=forecast()).ask(message, session=AGENT)
    assert words in turn.answer and [t.name for t in turn.tools] == [tool] and turn.citations
    nobody = make("Nonsense.").ask(message, session=AGENT)
    assert nobody.outcome == "unknown" and "No " in nobody.answer


# -- what would help, and how the models are --------------------------------------------------------------------------


class Levers(FixedChurn):
    """What the model would say of other customers like this one."""

    def what_if(self, store: Any, customer: str) -> list[Counterfactual]:
        if customer != "C-1042":
            return []
        order = {"days_since_order": (61.0, 1.0)}
        return [
            Counterfactual(order, 0.73, 0.31),
            Counterfactual({"offers_accepted_365": (0.0, 1.0)}, 0.73, 0.58),
            Counterfactual({**order, "offers_accepted_365": (0.0, 1.0)}, 0.73, 0.22),
        ]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("What would lower the risk of C-1042?", ["73%", "Last order 1 day ago (now: last order 61 days ago): 31%", "58%"]),
        ("怎样降低C-1042的风险？", ["73%", "最近一次下单在 1 天前（现在：最近一次下单在 61 天前）：31%", "58%"]),
    ],
)  # fmt: skip
def test_an_agent_asks_what_would_lower_a_risk(make: Make, message: str, words: list[str]) -> None:
    turn = make("Nonsense.", churn=Levers(C_1042=0.73)).ask(message, session=AGENT)
    assert [t.name for t in turn.tools] == ["risk_levers"] and all(w in turn.answer for w in words)
    assert turn.tools[0].result["changes"][2]["probability"] == 0.22


def test_where_nothing_helps_it_says_so(store: Store) -> None:
    called, evidence = box(store, churn=Levers()).call("risk_levers", {"customer": "C-1001"})
    assert called.result == {
        "customer": "C-1001",
        "percent": 20,
        "changes": [],
        "model_version": "churn-test",
    }
    assert "Nothing that the company can change" in evidence[0].text


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("How good is the churn model?", "churn"),
        ("客户分群是哪天算出来的", "segments"),
        ("when was the forecast model trained", "forecast"),
        ("which models should be trained again", None),
    ],
)
def test_the_model_that_a_message_names(message: str, name: str | None) -> None:
    assert read_model(message) == name


def test_an_agent_asks_how_good_a_model_is(make: Make) -> None:
    assistant = make("Nonsense.")
    metrics = {"mase": 0.789, "series": 4}
    version = save_model(assistant.home, "forecast", {"a": "model"}, metrics=metrics, features=[], data_hash="")  # fmt: skip
    fair = [{"column": "gender", "warnings": ["women are called twice as often"], "groups": []}]
    save_model(assistant.home, "lifetime", {}, metrics={"mae": 1.5}, features=[], data_hash="", report={"fairness": fair})  # fmt: skip
    note_record(assistant.home, "forecast", version, record_facts(assistant.store))
    turn = assistant.ask("How good is the forecast model?", session=AGENT)
    assert [t.name for t in turn.tools] == ["model_status"]
    assert "scaled error 0.789" in turn.answer and "It need not be trained again" in turn.answer
    every = assistant.toolbox(AGENT, "zh").call("model_status", {})
    rows = {r["model"]: r for r in every[0].result["models"]}
    assert list(rows) == list(TRAINERS) and rows["churn"]["version"] is None
    assert rows["lifetime"]["fairness_warnings"] == ["women are called twice as often"]
    assert any("平均误差每位客户1.50单" in e.text and "women" in e.text for e in every[1])
    assert "no model called" in assistant.toolbox(AGENT, "en").call("model_status", {"model": "x"})[0].result["error"]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "intent"),
    [
        ("How can we reduce her risk?", "lower_risk"),
        ("by how much would the churn probability of C-1042 drop with a new order", "lower_risk"),
        ("怎样才能降低C-1042的流失风险", "lower_risk"),
        ("C-1042的风险怎么压下去", "lower_risk"),
        ("How can we reduce churn?", None),
        ("Why is her churn probability so high?", None),
        ("is the churn model fair to all groups", "models"),
        ("do our models need retraining", "models"),
        ("which models do we have to train again", "models"),
        ("流失模型有多准", "models"),
        ("哪些模型需要重新训练", "models"),
        ("Why does the churn model think she'll leave?", None),
        ("Is the newer grinder model quieter?", None),
        ("Which model of the espresso machine is best?", None),
    ],
)
def test_what_is_asked_in_so_many_words(store: Store, message: str, intent: str | None) -> None:
    assert asks_plainly(message, references(store, message)) == intent
