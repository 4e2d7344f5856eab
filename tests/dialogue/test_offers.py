"""Offers: each rule from both sides, their order, what to do next, and drafts whose terms no model touches."""

from datetime import date
from typing import Any

import pytest

from assistant.crm import Store
from assistant.dialogue.offers import choose, draft, next_actions
from assistant.errors import RecordError

from .doubles import ScriptedModel

TODAY = date(2026, 10, 31)


def only(store: Store, rules: dict[str, Any], **fields: Any) -> None:
    """Leave one offer, with these rules."""
    store.upsert("offers", [{"id": o["id"], "name": o["name"], "kind": o["kind"], "value": o["value"], "terms": o["terms"], "active": 0}
                            for o in store.offers()])  # fmt: skip
    store.upsert(
        "offers",
        [
            {
                "id": "OF-9",
                "name": "Test",
                "kind": "discount",
                "value": 10.0,
                "terms": "10 % off.",
                "rules": rules,
            }
            | fields
        ],
    )


def allowed(store: Store, customer: str = "C-1042", risk: str | None = None) -> tuple[bool, list[str]]:
    choice = choose(store, store.customer(customer) or {}, risk=risk, today=TODAY)
    return "OF-9" in [o.id for o in choice.offers], [en for en, _ in choice.against]


@pytest.mark.parametrize(
    ("rules", "customer", "risk", "may"),
    [
        ({}, "C-1042", None, True),
        ({}, "C-1002", None, False),  # no consent
        ({"needs_consent": True}, "C-1002", None, False),
        ({"needs_consent": False}, "C-1002", None, True),
        ({"risk": ["medium", "high"]}, "C-1042", "high", True),
        ({"risk": ["medium", "high"]}, "C-1042", "low", False),
        ({"risk": ["medium", "high"]}, "C-1042", None, False),
        ({"tiers": ["Gold"]}, "C-1001", None, True),
        ({"tiers": ["Gold"]}, "C-1003", None, False),
        ({"tiers": ["Gold"]}, "C-1042", None, False),
        ({"plans": ["Home"]}, "C-1042", None, True),
        ({"plans": ["Home"]}, "C-1001", None, False),
        ({"plans": ["Enthusiast"]}, "C-1001", None, True),  # a paused subscription is one
        ({"plans": ["Home"]}, "C-1003", None, False),
        ({"min_tenure_months": 12}, "C-1042", None, True),
        ({"min_tenure_months": 36}, "C-1042", None, False),
        ({"ceiling_percent": 10}, "C-1042", None, True),
        ({"ceiling_percent": 9}, "C-1042", None, False),
    ],
)
def test_each_rule_from_both_sides(
    store: Store, rules: dict[str, Any], customer: str, risk: str | None, may: bool
) -> None:
    only(store, rules)
    verdict, against = allowed(store, customer, risk)
    assert verdict is may
    assert bool(against) is not may and all(a.startswith("Test: ") for a in against)


def test_a_ceiling_is_for_discounts(store: Store) -> None:
    only(store, {"ceiling_percent": 9}, kind="credit")
    assert allowed(store)[0]


@pytest.mark.parametrize(
    ("at", "outcome", "may"),
    [("2026-10-01", "sent", False), ("2026-08-02", "declined", False), ("2026-08-01", "accepted", True),
     ("2026-10-30", "drafted", True)],
)  # fmt: skip
def test_days_between_two_offers(store: Store, at: str, outcome: str, may: bool) -> None:
    """90 days before the last day of the record is 2026-08-02; a draft that nobody sent does not count."""
    only(store, {"max_per_days": 90})
    store.record_offer("OF-2", "C-1042", at=at, outcome=outcome)
    assert allowed(store)[0] is may
    assert allowed(store, "C-1001")[0]


@pytest.mark.parametrize(
    ("fields", "may"),
    [({"valid_from": "2026-10-31", "valid_to": "2026-10-31"}, True), ({"valid_from": "2026-11-01"}, False),
     ({"valid_to": "2026-10-30"}, False), ({"active": 0}, False)],
)  # fmt: skip
def test_only_while_it_runs(store: Store, fields: dict[str, Any], may: bool) -> None:
    only(store, {}, **fields)
    assert allowed(store)[0] is may


def test_retention_comes_first_for_those_at_risk(store: Store) -> None:
    customer = store.customer("C-1042") or {}
    at_risk = choose(store, customer, risk="high", today=TODAY)
    assert [o.id for o in at_risk.offers] == ["OF-1", "OF-2"]
    assert at_risk.offers[0].reasons == (("churn risk is high", "流失风险为高"),)
    calm = choose(store, customer, risk="low", today=TODAY)
    assert [o.id for o in calm.offers] == ["OF-2"]
    assert calm.as_dict("zh")["against"] == ["留下来：流失风险不符"]


def test_terms_are_the_offers_own_in_both_languages(store: Store) -> None:
    choice = choose(store, store.customer("C-1042") or {}, risk="high", today=TODAY)
    assert choice.as_dict("en")["offers"][0]["terms"] == "15 % off your next three deliveries."
    assert choice.as_dict("zh")["offers"][0]["terms"] == "接下来三次配送享受85折优惠。"


def test_what_to_do_next(store: Store) -> None:
    def codes(customer: str, risk: str | None) -> list[str]:
        return [a.code for a in next_actions(store, store.customer(customer) or {}, risk=risk, today=TODAY)]

    assert codes("C-1001", "medium") == ["open_ticket", "offer"]
    assert codes("C-1042", "high") == ["call", "offer"]  # the last word was the agent's
    assert codes("C-1042", "low") == []
    assert codes("C-1002", "low") == []  # what was asked seven weeks ago has gone cold
    ticket = next_actions(store, store.customer("C-1001") or {}, risk=None, today=TODAY)[0]
    assert "IN-000004" in ticket.text and "Late parcel" in ticket.text and "IN-000004" in ticket.text_zh


def written(
    store: Store, reply: str, customer: str = "C-1042", offer: str = "OF-1"
) -> tuple[str, ScriptedModel]:
    model = ScriptedModel(replies=[reply])
    names = {"en": "Larkfield Coffee", "zh": "云雀咖啡"}
    return draft(store, model, customer, offer, company_in=names.get), model


def test_a_draft_is_an_opening_around_fixed_terms(store: Store) -> None:
    text, model = written(store, "Thank you for being with us. We hope the House Blend tastes great.")
    assert text.splitlines() == [
        "Dear Anna,",
        "Thank you for being with us. We hope the House Blend tastes great.",
        "15 % off your next three deliveries. (valid until 2026-12-31)",
        "Kind regards, Larkfield Coffee",
    ]
    assert "House Blend" in model.prompts[0] and "15" not in model.prompts[0]


def test_a_chinese_customer_is_written_to_in_chinese(store: Store) -> None:
    text, model = written(store, "感谢您一直以来的支持。", customer="C-1003")
    assert text.splitlines() == [
        "陈静，您好！",
        "感谢您一直以来的支持。",
        "接下来三次配送享受85折优惠。（有效期至2026-12-31）",
        "云雀咖啡",
    ]
    assert "云雀咖啡" in model.prompts[0]


@pytest.mark.parametrize(
    "invented",
    [
        "We give you 50% off everything.",
        "Take fifty percent off.",
        "It costs only 9.99 EUR.",
        "This ends on 12 December.",
        "Use code SAVE50 today.",
        "Your manager is Hendrik Jansen.",
        "Mail deals@evil.example for more.",
        "Dear [Name], hello.",
        "Enjoy everything at half price.",
    ],
)
def test_numbers_in_the_opening_are_left_out(store: Store, invented: str) -> None:
    text, _ = written(store, f"Thank you for being with us. {invented}")
    assert text.splitlines()[1] == "Thank you for being with us."
    assert text.count("15 %") == 1


@pytest.mark.parametrize(
    "invented", ["全场五折优惠。", "给您打八折。", "赠送三袋咖啡。", "只要9.99欧元。", "一律半价。"]
)
def test_numbers_in_a_chinese_opening_are_left_out(store: Store, invented: str) -> None:
    text, _ = written(store, f"感谢您的支持。{invented}", customer="C-1003")
    assert text.splitlines()[1] == "感谢您的支持。"


def test_an_opening_that_is_all_invention_leaves_the_terms(store: Store) -> None:
    text, _ = written(store, "50% off! Only 3 days! Code X1.")
    assert "50" not in text and "15 % off your next three deliveries." in text


def test_a_draft_for_nobody_or_of_nothing(store: Store) -> None:
    for customer, offer in (("C-9999", "OF-1"), ("C-1042", "OF-99")):
        with pytest.raises(RecordError):
            written(store, "Hello.", customer, offer)


def test_a_budget_is_what_may_be_accepted_in_a_year(store: Store) -> None:
    only(store, {"budget": 1})
    store.record_offer("OF-9", "C-1001", at="2025-12-31", outcome="accepted")
    store.record_offer("OF-9", "C-1001", at="2026-02-01", outcome="declined")
    assert allowed(store)[0]
    store.record_offer("OF-9", "C-1003", at="2026-02-01", outcome="accepted")
    may, against = allowed(store)
    assert not may and against == ["Test: its budget of 1 for 2026 is used up"]
