"""Whole messages of wishes about single items: what is understood, when it is possible, and that it is done once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from assistant.crm import Store
from assistant.dialogue import Session, identity
from assistant.dialogue.actions import Desk, Reply, Said, propose
from assistant.dialogue.addresses import Address, read_parts
from assistant.dialogue.options import choose, read_target
from assistant.dialogue.policy import Identify, Policy
from assistant.dialogue.proposals import Case, Missing, Proposal, Refusal
from assistant.dialogue.understand import references
from assistant.settings import Settings

EVA = Session("customer", "U-1", "U-1")
POLICY = Policy.model_validate(
    {
        "cancel_order": {"statuses": ["open"], "refund_working_days": 5, "reasons": ["not wanted any more", "mistake"]},
        "change_address": {"statuses": ["open"], "days_before_dispatch": 0, "countries": {"US": ["USA"]}},
        "change_items": {"statuses": ["open"], "becomes": "open (changed)"},
        "change_payment": {"statuses": ["open"], "refund_working_days": 5},
        "exchange_items": {"statuses": ["delivered"], "becomes": "exchange"},
        "return_items": {"statuses": ["delivered"], "becomes": "return", "refund_to": ["gift_card"], "refund_working_days": 5},
    }
)  # fmt: skip
SHIRTS = {  # code: colour, size, price, in stock
    "S1": ("red", "S", 20.0, 1), "S2": ("red", "M", 20.0, 1), "S3": ("blue", "M", 22.0, 1), "S4": ("green", "M", 21.0, 0),
    "S5": ("blue", "L", 25.0, 1),
}  # fmt: skip
LAMPS = {"L1": ("steel", "low", 30.0, 1), "L2": ("steel", "high", 40.0, 1), "L3": ("wood", "high", 35.0, 1)}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "crm.sqlite") as store:
        home = {
            "address": "12 Hill Road",
            "city": "Austin",
            "state": "TX",
            "postcode": "78701",
            "country": "USA",
        }
        store.upsert(
            "customers",
            [
                {"id": "U-1", "name": "Eva Stone", "email": "eva@example.org", "city": "Austin", "country": "USA", "attributes": home},
                {"id": "U-2", "name": "Max Reed", "email": "max@example.org", "attributes": {"postcode": "78702"}},
            ],
        )  # fmt: skip
        store.upsert("products", [{"id": "P-1", "name": "Linen Shirt"}, {"id": "P-2", "name": "Desk Lamp"}])
        for product, names, rows in (
            ("P-1", ("colour", "size"), SHIRTS),
            ("P-2", ("material", "brightness"), LAMPS),
        ):
            store.upsert(
                "variants",
                [
                    {"id": id, "product_id": product, "price": price, "available": stock, "attributes": {names[0]: a, names[1]: b}}
                    for id, (a, b, price, stock) in rows.items()
                ],
            )  # fmt: skip
        store.upsert(
            "payment_methods",
            [
                {"id": "card", "customer_id": "U-1", "kind": "credit_card", "attributes": {"brand": "visa", "last_four": "1111"}},
                {"id": "gift", "customer_id": "U-1", "kind": "gift_card", "balance": 3.0},
                {"id": "pal", "customer_id": "U-1", "kind": "paypal"},
                {"id": "other", "customer_id": "U-2", "kind": "paypal"},
            ],
        )  # fmt: skip
        york = {**home, "address": "7 Lake Street", "city": "New York", "state": "NY", "postcode": "10001"}
        for id, status, variants, address, customer in (
            ("#A1001", "open", ("S2", "L1"), home, "U-1"),
            ("#A1002", "delivered", ("S2", "L2"), york, "U-1"),
            ("#A1003", "delivered", ("L1",), home, "U-1"),
            ("#A1004", "open", ("S1",), home, "U-2"),
        ):
            prices = {code: row[2] for code, row in {**SHIRTS, **LAMPS}.items()}
            lines = [
                {"product_id": "P-1" if v[0] == "S" else "P-2", "variant_id": v, "quantity": 1, "unit_price": prices[v], "amount": prices[v]}
                for v in variants
            ]  # fmt: skip
            total = sum(line["amount"] for line in lines)
            row = {
                "id": id,
                "customer_id": customer,
                "ordered_at": f"2026-05-0{id[-1]}",
                "status": status,
                "currency": "USD",
            }
            store.upsert("orders", [{**row, "total": total, "attributes": address, "lines": lines}])
            method = "card" if customer == "U-1" else "other"
            store.upsert(
                "payments", [{"id": f"{id}-1", "order_id": id, "method_id": method, "amount": total}]
            )
        yield store


class Talk:
    """A conversation with the desk alone."""

    def __init__(self, store: Store, session: Session = EVA, policy: Policy = POLICY) -> None:
        self.desk, self.store = Desk(store, policy, date(2026, 5, 9)), store
        self.conversation = store.start_conversation(session.role, session.customer)
        self.said = Said("", False, session, self.conversation)

    def say(self, message: str) -> Reply | None:
        orders = references(self.store, message).orders
        reply = self.desk.reply(replace(self.said, message=message, orders=orders))
        pending = reply.pending if reply else None
        last = reply.last if reply else None
        self.said = replace(self.said, turns=self.said.turns + 1, pending=pending, last=last)
        return reply


def done(reply: Reply | None) -> list[tuple[str, dict[str, Any]]]:
    assert reply is not None
    return [(t.name, dict(t.arguments)) for t in reply.tools]


def swap(order: str, old: list[str], new: list[str], payment: str = "card") -> dict[str, Any]:
    return {"order": order, "items": old, "new_items": new, "payment": payment}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Please change the shirt in my open order #A1001 to blue.", [("change_items", swap("#A1001", ["S2"], ["S3"]))]),
        ("I want to exchange the delivered shirt for one size larger in blue.", [("exchange_items", swap("#A1002", ["S2"], ["S5"]))]),
        ("I want to exchange the delivered shirt to the cheapest blue one and the lamp in order #A1002 to a wooden one.",
         [("exchange_items", swap("#A1002", ["S2", "L2"], ["S3", "L3"]))]),
        ("I want to change the lamp of order 1001 to a brighter one. If there's a difference I'd pay with PayPal.",
         [("change_items", swap("#A1001", ["L1"], ["L2"], "pal"))]),
        ("I want to return everything in order #A1002 except the lamp.",
         [("return_items", {"order": "#A1002", "items": ["S2"], "refund_to": "card"})]),
        ("I want to return the low lamp, refund to my gift card.",
         [("return_items", {"order": "#A1003", "items": ["L1"], "refund_to": "gift"})]),
        ("I want to return the lamp in order #A1003 to PayPal. If that is not possible, refund to the gift card.",
         [("return_items", {"order": "#A1003", "items": ["L1"], "refund_to": "gift"})]),
        ("I want to change the shirt in #A1001 to green. If that is not available, cancel the whole order, it was a mistake.",
         [("cancel_order", {"order": "#A1001", "reason": "mistake"})]),
        ("Please change the payment of order #A1001 to PayPal.", [("change_payment", {"order": "#A1001", "payment": "pal"})]),
        # in other words
        ("I'd like the shirt from #A1002 in large instead of medium.", [("exchange_items", swap("#A1002", ["S2"], ["S5"]))]),
        ("I ordered the wrong size. The shirt in #A1002 should be L and blue.", [("exchange_items", swap("#A1002", ["S2"], ["S5"]))]),
        ("I would rather have the most expensive shirt available in #A1001.", [("change_items", swap("#A1001", ["S2"], ["S5"]))]),
        ("My lamp in #A1002 is too bright. I want the dimmer one, same material.", [("exchange_items", swap("#A1002", ["L2"], ["L1"]))]),
        ("Make the lamp in #A1001 a high one, keep steel.", [("change_items", swap("#A1001", ["L1"], ["L2"]))]),
        ("can u change shirt #A1001 to blue n lamp to wooden pls", [("change_items", swap("#A1001", ["S2", "L1"], ["S3", "L3"]))]),
        ("What about exchanging the shirt for a blue one in L? It's order #A1002. Pay any difference with PayPal.",
         [("exchange_items", swap("#A1002", ["S2"], ["S5"], "pal"))]),
        ("Return both items of #A1002 and refund to the original payment method.",
         [("return_items", {"order": "#A1002", "items": ["S2", "L2"], "refund_to": "card"})]),
        ("Send back the shirt from #A1002, and exchange the lamp in #A1003 for wood.",
         [("return_items", {"order": "#A1002", "items": ["S2"], "refund_to": "card"}),
          ("exchange_items", swap("#A1003", ["L1"], ["L3"]))]),
        ("I got two lamps. I want to return the cheaper one.",
         [("return_items", {"order": "#A1003", "items": ["L1"], "refund_to": "card"})]),
    ],
)  # fmt: skip
def test_wishes_are_done_after_a_yes_and_not_before(shop: Store, message: str, expected: Any) -> None:
    talk = Talk(shop)
    shown = talk.say(message)
    assert shown is not None and shown.pending is not None and not shown.tools, shown
    assert not shop.actions("U-1")
    found = done(talk.say("Yes."))
    assert found == expected


def test_what_is_done_stands_in_the_record_and_is_undone_as_a_whole(shop: Store) -> None:
    before = [shop.order("#A1001"), shop.items("#A1001"), shop.payment_methods("U-1"), shop.customer("U-1")]
    talk = Talk(shop)
    talk.say("I want to change the lamp of #A1001 to the wooden one and pay the difference by PayPal.")
    talk.say("I also want to change the address of order #A1001 to my New York address.")
    assert len(done(talk.say("yes"))) == 2
    order, paid = shop.order("#A1001"), shop.payments("#A1001")
    assert order is not None and order["status"] == "open (changed)" and order["total"] == 55.0
    assert order["attributes"]["city"] == "New York"
    assert [(p["kind"], p["amount"], p["method_id"]) for p in paid] == [
        ("payment", 50.0, "card"),
        ("payment", 5.0, "pal"),
    ]
    assert [i["variant_id"] for i in shop.items("#A1001")] == ["S2", "L3"]
    talk.say("undo")
    after = [shop.order("#A1001"), shop.items("#A1001"), shop.payment_methods("U-1"), shop.customer("U-1")]
    assert after == before and len(shop.payments("#A1001")) == 1


@pytest.mark.parametrize(
    ("message", "street", "where"),
    [
        ("Please ship order #A1001 to my New York address instead.", "7 Lake Street", ["orders"]),
        ("Use the same address as order #A1002 for order #A1001.", "7 Lake Street", ["orders"]),
        ("Change my default address to the one of order #A1002.", "7 Lake Street", ["customers"]),
        ("I moved. My new address is 9 Oak Ave, Denver, CO 80202. Update my account and the pending order.",
         "9 Oak Ave", ["orders", "customers"]),
    ],
)  # fmt: skip
def test_where_something_goes_is_said_in_many_ways(
    shop: Store, message: str, street: str, where: list[str]
) -> None:
    talk = Talk(shop)
    assert talk.say(message) is not None
    talk.say("yes")
    row: dict[str, Any] = {"orders": shop.order("#A1001"), "customers": shop.customer("U-1")}
    changed = [table for table, found in row.items() if found["attributes"]["address"] == street]
    assert changed == where
    if street == "9 Oak Ave":
        assert all(found["attributes"]["state"] == "CO" for found in row.values())


def test_another_way_to_pay_is_a_wish_too(shop: Store) -> None:
    reply = Talk(shop).say("I want to pay #A1001 with my gift card instead.")
    assert reply is not None and "50.00 would be needed, it holds 3.00" in reply.text


def test_two_yes_do_it_once(shop: Store) -> None:
    talk = Talk(shop)
    talk.say("I want to cancel order #A1001, it was a mistake.")
    waiting = talk.said
    assert len(done(talk.say("yes"))) == 1
    assert done(talk.desk.reply(replace(waiting, message="yes"))) == []
    assert len(shop.actions("U-1")) == 1 and len(shop.payments("#A1001")) == 2


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("Only exchange the lamp.", [("exchange_items", swap("#A1002", ["L2"], ["L3"]))]),
        ("Please use PayPal instead of the card.", [("exchange_items", swap("#A1002", ["S2", "L2"], ["S3", "L3"], "pal"))]),
        ("I also want to return the lamp of order #A1003.",
         [("return_items", {"order": "#A1003", "items": ["L1"], "refund_to": "card"}),
          ("exchange_items", swap("#A1002", ["S2", "L2"], ["S3", "L3"]))]),
    ],
)  # fmt: skip
def test_what_is_shown_may_be_changed_before_the_yes(shop: Store, answer: str, left: Any) -> None:
    talk = Talk(shop)
    talk.say("I want to exchange the shirt in #A1002 to blue and the lamp to wood.")
    again = talk.say(answer)
    assert again is not None and again.pending is not None and not shop.actions("U-1")
    assert done(talk.say("Yes, please")) == left


@pytest.mark.parametrize("answer", ["No.", "I regret it and want to keep it.", "never mind"])
def test_a_change_of_mind_changes_nothing(shop: Store, answer: str) -> None:
    talk = Talk(shop)
    talk.say("I want to cancel order #A1001, it was a mistake.")
    talk.say(answer)
    reply = talk.say("yes")
    assert not shop.actions("U-1") and (reply is None or not reply.tools)


def test_what_is_missing_is_asked_for(shop: Store) -> None:
    talk = Talk(shop)
    first = talk.say("I want to return the lamp.")
    assert first is not None and "Which Desk Lamp" in first.text
    talk.say("the bright one, high")
    assert done(talk.say("yes")) == [
        ("return_items", {"order": "#A1002", "items": ["L2"], "refund_to": "card"})
    ]
    talk = Talk(shop)
    asked = talk.say("I want to cancel order #A1001.")
    assert asked is not None and "reason" in asked.text
    talk.say("it was a mistake")
    assert done(talk.say("yes")) == [("cancel_order", {"order": "#A1001", "reason": "mistake"})]


@pytest.mark.parametrize(
    "message",
    ["How do I return the lamp?", "What is the status of order #A1001?", "I don't want to return the lamp.", "Can I change the shirt later?"],
)  # fmt: skip
def test_a_question_is_no_wish(shop: Store, message: str) -> None:
    reply = Talk(shop).say(message)
    assert reply is None or reply.pending is None


def test_somebody_elses_order_and_payment_stay_closed(shop: Store) -> None:
    for message in (
        "I want to cancel order #A1004, it was a mistake.",
        "I want to return the shirt of order #A1004.",
    ):
        talk = Talk(shop)
        talk.say(message)
        talk.say("yes")
    assert not shop.actions("U-2")
    row = shop.customer("U-1")
    assert row is not None
    case = Case(
        shop, POLICY, row, date(2026, 5, 9), False, {"order": "#A1002", "items": [1], "payment": "other"}
    )
    answer = propose("return_items", case)
    assert isinstance(answer, Refusal) and answer.reason == "no_such_payment"


@pytest.mark.parametrize(
    ("kind", "slots", "reason"),
    [
        ("exchange_items", {"order": "#A1002", "items": [[1, "S3"]]}, None),
        ("exchange_items", {"order": "#A1001", "items": [[1, "S3"]]}, "order_open"),
        ("exchange_items", {"order": "#A1004", "items": [[1, "S3"]]}, "no_such_order"),
        ("exchange_items", {"order": "#A1002", "items": [[1, "S4"]]}, "not_available"),
        ("exchange_items", {"order": "#A1002", "items": [[1, "S2"]]}, "same_item"),
        ("exchange_items", {"order": "#A1002", "items": [[1, "L3"]]}, "other_product"),
        ("exchange_items", {"order": "#A1002", "items": [[9, "S3"]]}, "not_in_order"),
        ("exchange_items", {"order": "#A1002", "items": [[1, "S3"]], "payment": "gift"}, None),
        ("exchange_items", {"order": "#A1002", "items": [[1, "S5"]], "payment": "gift"}, "balance"),
        ("change_items", {"order": "#A1001", "items": [[1, "S3"]]}, None),
        ("change_items", {"order": "#A1002", "items": [[1, "S3"]]}, "order_delivered"),
        ("return_items", {"order": "#A1002", "items": [1]}, None),
        ("return_items", {"order": "#A1002", "items": [1], "payment": "gift"}, None),
        ("return_items", {"order": "#A1002", "items": [1], "payment": "pal"}, "refund_to"),
        ("return_items", {"order": "#A1001", "items": [1]}, "order_open"),
        ("return_items", {"order": "#A1002", "items": [7]}, "not_in_order"),
        ("change_payment", {"order": "#A1001", "payment": "pal"}, None),
        ("change_payment", {"order": "#A1001", "payment": "card"}, "same_payment"),
        ("change_payment", {"order": "#A1001", "payment": "gift"}, "balance"),
        ("change_payment", {"order": "#A1002", "payment": "pal"}, "order_delivered"),
        ("change_address", {"order": "#A1001", "parts": Address("1 Elm Road", "", "Reno", "NV", "89501", "USA").as_dict()}, None),
        ("change_address", {"order": "#A1002", "parts": Address("1 Elm Road").as_dict()}, "order_delivered"),
        ("cancel_order", {"order": "#A1001", "reason": "mistake"}, None),
        ("cancel_order", {"order": "#A1001", "reason": "bored"}, "missing"),
    ],
)  # fmt: skip
def test_preconditions_from_both_sides(
    shop: Store, kind: str, slots: dict[str, Any], reason: str | None
) -> None:
    row = shop.customer("U-1")
    assert row is not None
    case = Case(shop, POLICY, row, date(2026, 5, 9), False, slots, orders=(slots["order"],))
    answer = propose(kind, case)
    if reason is None:
        assert isinstance(answer, Proposal), answer
    else:
        found = "missing" if isinstance(answer, Missing) else getattr(answer, "reason", None)
        assert found == reason, answer
    closed = propose(kind, replace(case, policy=Policy()))
    assert isinstance(closed, Refusal) and closed.reason == "not_offered"


BAGS = [
    {"id": str(n), "price": price, "available": stock, "attributes": {"size": size, "colour": colour, "volume": volume, "waterproof": dry}}
    for n, (size, colour, volume, dry, price, stock) in enumerate(
        [
            ("M", "red", "20 liters", "no", 50.0, 1), ("L", "red", "30 liters", "no", 60.0, 1), ("L", "black", "30 liters", "yes", 70.0, 1),
            ("XL", "black", "40 liters", "yes", 90.0, 1), ("S", "red", "10 liters", "yes", 45.0, 1), ("M", "green", "20 liters", "no", 40.0, 0),
        ]
    )
]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "variant"),
    [
        ("for a larger one", "1"),
        ("one size smaller", "4"),
        ("to the 40L one", "3"),
        ("with the biggest volume", "3"),
        ("to a black one", "2"),
        ("to green", None),
        ("a waterproof one, the cheapest", "4"),
        ("to the most expensive, I don't care about anything else", "3"),
        ("10 liters more please", "1"),
        ("black if possible, but in size L", "2"),
        ("something black instead of red, same size", None),
        ("in size L, keep the colour", "1"),
    ],
)
def test_options_are_read_against_the_real_variants(said: str, variant: str | None) -> None:
    item = {"variant_id": "0", "options": BAGS[0]["attributes"]}
    best, _ = choose(read_target(said, item, BAGS), item, BAGS)
    assert (best["id"] if best else None) == variant


def test_addresses_in_parts() -> None:
    known = [Address("12 Hill Road", "", "Austin", "TX", "78701", "USA")]
    assert read_parts("send it to 5 Oak Avenue, Suite 3, Austin, 78702", known) == Address(
        "5 Oak Avenue", "Suite 3", "Austin", "TX", "78702", "USA"
    )
    assert read_parts("to my other address", known) is None


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("I am Eva Stone, 78701.", "U-1"),
        ("I'm Eva Stone from Austin", None),
        ("Eva Stone, zip 99999", "nobody"),
        ("My e-mail is EVA@example.org", "U-1"),
        ("wrong@example.org, but I am Max Reed in 78702", "U-2"),
        ("nobody@example.org", "nobody"),
        ("How long is delivery?", None),
    ],
)
def test_known_by_facts_where_the_policy_allows_it(shop: Store, message: str, found: str | None) -> None:
    rule = Identify(by=("email", "name_and_postcode"))
    assert identity.known_by(shop, Settings(home=shop.home), rule.by, message, "CV-1") == found


def test_guessing_facts_is_limited(shop: Store) -> None:
    settings = Settings(home=shop.home)
    by = ("name_and_postcode",)
    tried = [
        identity.known_by(shop, settings, by, f"Eva Stone, 9000{n}", "CV-1", at=1000.0) for n in range(6)
    ]
    assert tried == ["nobody"] * 5 + ["wait"]
    assert identity.known_by(shop, settings, by, "Eva Stone, 78701", "CV-1", at=1001.0) == "wait"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("I want to cancel the lamp in order #A1001. I never want to cancel the whole order.", "only the whole order #A1001"),
        ("Cancel order #A1001 because I ordered it by mistake. If you cannot refund to PayPal, no cancellation at all.",
         "goes back the way it was paid"),
    ],
)  # fmt: skip
def test_an_order_is_not_cancelled_on_other_terms_than_the_customers(
    shop: Store, message: str, said: str
) -> None:
    reply = Talk(shop).say(message)
    assert reply is not None and said in reply.text and not reply.pending


def test_terms_that_are_met_stand_in_nobodys_way(shop: Store) -> None:
    message = "Cancel order #A1001 because I ordered it by mistake. If you cannot refund to my visa card, no cancellation at all."
    reply = Talk(shop).say(message)
    assert reply is not None and reply.pending and "is cancelled" in reply.text


def test_a_reason_that_begins_with_no_is_a_reason(shop: Store) -> None:
    talk = Talk(shop)
    asked = talk.say("I want to cancel order #A1001")
    assert asked is not None and asked.pending and asked.pending.get("need") == "reason"
    shown = talk.say("No longer wanted.")
    assert shown is not None and "This is what will happen" in shown.text


def test_the_new_home_is_where_something_was_sent(shop: Store) -> None:
    shop.upsert("products", [{"id": "P-9", "name": "Kettle"}])
    new = {"address": "9 Hill Road", "city": "Albany", "state": "NY", "postcode": "12201", "country": "USA"}
    line = {"product_id": "P-9", "quantity": 1, "unit_price": 20.0, "amount": 20.0}
    shop.upsert("orders", [{"id": "#A1005", "customer_id": "U-1", "ordered_at": "2026-05-08", "status": "open", "currency": "USD",
                            "total": 20.0, "attributes": new, "lines": [line]}])  # fmt: skip
    reply = Talk(shop).say(
        "I recently moved to a new house and bought a kettle sent to there. Please change my wrong order address to the new home."
    )
    assert reply is not None and "#A1001 is sent to: 9 Hill Road" in reply.text and "#A1005" not in reply.text
