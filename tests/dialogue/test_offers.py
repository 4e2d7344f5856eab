"""Offers: each rule from both sides, their order, what to do next, and drafts whose terms no model touches."""

from datetime import date
from typing import Any

import pytest

from assistant.crm import Store
from assistant.dialogue.offer_drafts import drafts
from assistant.dialogue.offers import choose, next_actions
from assistant.dialogue.worth import Worth, cost_of
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
    store: Store, reply: str, customer: str = "C-1042", offer: str = "OF-1", **more: Any
) -> tuple[str, ScriptedModel]:
    model = ScriptedModel(replies=[reply])
    names = {"en": "Larkfield Coffee", "zh": "云雀咖啡"}
    return drafts(store, model, customer, offer, company_in=lambda language: names[language], **more)[
        0
    ], model


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


# -- drafts for other channels --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("customer", "channel", "lines"),
    [
        ("C-1042", "chat", ["Hi Anna, Thank you for being with us. 15 % off your next three deliveries. (valid until 2026-12-31)"]),
        ("C-1042", "phone", [
            "Hello, this is Larkfield Coffee. Am I speaking with Anna Vermeer?", "Thank you for being with us.",
            "15 % off your next three deliveries. (valid until 2026-12-31)", "Would you like that?",
            "(If the customer says no: that is quite all right, thank you for your time.)",
        ]),
        ("C-1003", "chat", ["陈静，您好！感谢您的支持。接下来三次配送享受85折优惠。（有效期至2026-12-31）"]),
        ("C-1003", "phone", [
            "您好，我是云雀咖啡的客服，请问是陈静吗？", "感谢您的支持。", "接下来三次配送享受85折优惠。（有效期至2026-12-31）",
            "您愿意试试吗？", "（如果客户拒绝：没关系，感谢您的时间。）",
        ]),
    ],
)  # fmt: skip
def test_a_draft_has_the_form_of_its_channel(
    store: Store, customer: str, channel: str, lines: list[str]
) -> None:
    said = "Thank you for being with us." if customer == "C-1042" else "感谢您的支持。"
    text, model = written(store, said, customer, channel=channel)
    assert text.splitlines() == lines
    assert ("telephone" in model.prompts[0] or "电话" in model.prompts[0]) is (channel == "phone")


def test_two_versions_the_second_of_one_sentence(store: Store) -> None:
    model = ScriptedModel(replies=["Thank you for being with us. We are glad.", "We are glad. Thank you."])
    both = drafts(store, model, "C-1042", "OF-1", company_in=lambda _: "Larkfield Coffee", channel="chat")
    assert [t.split(" 15 %")[0] for t in both] == ["Hi Anna, Thank you for being with us. We are glad.", "Hi Anna, We are glad."]  # fmt: skip
    assert "two or three" in model.prompts[0] and "one short sentence" in model.prompts[1]
    same = ScriptedModel(replies=["Thank you."])
    assert len(drafts(store, same, "C-1042", "OF-1", company_in=lambda _: "Larkfield Coffee")) == 1


# -- expected value -------------------------------------------------------------------------------------------------


def worth(**changed: Any) -> Worth:
    known = {
        "leaves": 0.5, "year": 400.0, "order": 40.0, "quiet": 0.5, "margin": 0.4, "keeps": 0.25, "currency": "EUR",
        "answers": {"OF-1": (20, 40), "OF-2": (10, 40)}, "kinds": {"OF-1": "discount", "OF-2": "gift"},
    }  # fmt: skip
    return Worth(**{**known, **changed})  # type: ignore[arg-type]


GIFT = {"id": "OF-2", "kind": "gift", "value": 9.5, "terms": "A bag of House Blend with your next order."}
CUT = {"id": "OF-1", "kind": "discount", "value": 15.0, "terms": "15 % off your next three deliveries."}
HOME = {"price": 20.0}


def test_an_expected_value_is_what_its_figures_give() -> None:
    found = worth().of(GIFT, HOME)
    assert (found.kept, found.sold, found.cost) == pytest.approx(
        (0.5 * 0.25 * 400 * 0.4, 0.5 * 40 * 0.4, 9.5)
    )
    everybody = (30 + 2 * 0.5) / 82
    gifts = (10 + 10 * everybody) / 50
    assert found.accept == pytest.approx((10 + 10 * gifts) / 50)
    assert found.value == pytest.approx(found.accept * (20 + 8 - 9.5))
    cut = worth().of(CUT, HOME)
    assert (cut.sold, cut.cost) == pytest.approx((0.0, 20 * 0.15 * 3))


@pytest.mark.parametrize(("terms", "cost"), [("15 % off two deliveries.", 6.0), ("15 % off your next box.", 3.0), ("15 % off 4 orders", 12.0)])  # fmt: skip
def test_a_discount_costs_its_share_of_the_deliveries(terms: str, cost: float) -> None:
    assert cost_of({**CUT, "terms": terms}, HOME) == pytest.approx(cost)
    assert cost_of({**CUT, "terms": terms}, None) == 0.0


def test_what_was_answered_so_far_moves_the_chance() -> None:
    never = worth(answers={"OF-1": (0, 200), "OF-2": (0, 200)}).of(GIFT, HOME)
    always = worth(answers={"OF-1": (200, 200), "OF-2": (200, 200)}).of(GIFT, HOME)
    unknown = worth(answers={}).of(GIFT, HOME)
    assert never.accept < 0.01 and always.accept > 0.99 and unknown.accept == pytest.approx(0.5)


def test_offers_are_ranked_by_expected_value_with_its_figures(store: Store) -> None:
    customer = store.customer("C-1042") or {}
    generous = choose(
        store, customer, risk="high", today=TODAY, worth=worth(answers={"OF-1": (10, 40), "OF-2": (20, 40)})
    )
    assert [o.id for o in generous.offers] == ["OF-2", "OF-1"]
    first = generous.as_dict("en")["offers"][0]
    assert first["expected"]["value"] == round(generous.offers[0].expected.value, 2)  # type: ignore[union-attr]
    assert any(r.startswith("expected value ") for r in first["reasons"]) and "20 of 40" in " ".join(
        first["reasons"]
    )
    assert any(r.startswith("期望收益") for r in generous.as_dict("zh")["offers"][0]["reasons"])
    # a gift is of no use where an order comes anyway and nearly nobody takes it
    busy = worth(quiet=0.0, answers={"OF-1": (38, 40), "OF-2": (0, 40)})
    assert [o.id for o in choose(store, customer, risk="high", today=TODAY, worth=busy).offers] == [
        "OF-1",
        "OF-2",
    ]


def test_an_offer_that_loses_money_is_no_next_step(store: Store) -> None:
    customer = store.customer("C-1042") or {}
    poor = worth(leaves=0.0, quiet=0.0)
    codes = [a.code for a in next_actions(store, customer, risk="high", today=TODAY, worth=poor)]
    assert codes == ["call"]
    assert [a.code for a in next_actions(store, customer, risk="high", today=TODAY, worth=worth())] == [
        "call",
        "offer",
    ]


def test_answers_of_the_record(store: Store) -> None:
    for day, outcome in (("2026-10-30", "sent"), ("2026-08-01", "sent"), ("2026-08-02", "accepted"), ("2026-08-03", "drafted"), ("2026-10-29", "declined")):  # fmt: skip
        store.record_offer("OF-1", "C-1001", at=day, outcome=outcome)
    assert store.offer_answers() == {"OF-1": (1, 3)}
