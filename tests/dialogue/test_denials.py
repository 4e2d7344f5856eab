"""Denials against evidence: one that the evidence contradicts gives way to it, a true or a narrower one stays."""

from datetime import date

import pytest

from assistant.dialogue.denials import contradicted
from assistant.dialogue.periods import without_period
from assistant.dialogue.verify import Verifier
from assistant.evidence import Evidence

TODAY = date(2026, 10, 31)


def record(text: str, part: str = "C-7/value") -> Evidence:
    return Evidence(f"record:{part}", "record", text, part.replace("/", " "))


VALUE = record(
    "Customer C-7 has spent 423.50 EUR in 9 orders, 47.06 EUR on average, 423.50 EUR in the last 12 months."
)
OLD = record(
    "Customer C-7 has spent 423.50 EUR in 9 orders, 47.06 EUR on average, 0.00 EUR in the last 12 months."
)
PROFILE = record(
    "Customer C-7 is Anna Vermeer, customer since 2021-03-04. Tier: Gold. E-mail: anna@example.org. "
    "Subscription: Home, active, since 2025-01-10. 9 orders, in total 423.50 EUR, the last on 2026-10-02.",
    "C-7/profile",
)
ENDED = record("Subscription: Home, cancelled, since 2025-01-10.", "C-7/profile")
ORDERS = record(
    "Customer C-7 has 3 orders from 2026-09-01 to 2026-09-30, in total 80.00 EUR. The last order: Order LO-1 was placed "
    "on 2026-09-20 and arrived on 2026-09-23; status: delivered, total 20.00 EUR.",
    "C-7/orders",
)
NONE = record("Customer C-7 has no orders from 2026-09-01 to 2026-09-30.", "C-7/orders")
SENT = record("Order LO-2 was placed on 2026-10-28; status: shipped, total 20.00 EUR.", "LO-2")
THERE = record("Order LO-1 was placed on 2026-09-20 and arrived on 2026-09-23; status: delivered.", "LO-1")
RISK = Evidence("prediction:C-7/churn", "prediction", "The probability that customer C-7 leaves within 90 days is 9% (low risk).", "C-7 churn")  # fmt: skip
OFFER = Evidence("policy:offers/C-7", "policy", "Best offer for customer C-7: Ten percent (RET10): 10 % off two deliveries.", "offer policy, C-7")  # fmt: skip
SAID = Evidence("interaction:I-1", "interaction", "Customer C-7 wrote on 2026-10-01 (email): I want to complain about my order.", "interaction:I-1")  # fmt: skip
ARTICLE = Evidence(
    "kb:returns#0", "article",
    "Returns\nOpened bags can be returned when they are faulty.\nWe ship to Norway and Switzerland.\nGift cards can't be exchanged for cash.",
    "public/en/returns.md",
)  # fmt: skip
ZH_VALUE = record("客户C-7共消费423.50 EUR，9个订单，平均每单47.06 EUR，最近12个月消费423.50 EUR。")
ZH_OLD = record("客户C-7共消费423.50 EUR，9个订单，平均每单47.06 EUR，最近12个月消费0.00 EUR。")
ZH_PROFILE = record(
    "客户C-7：安娜，自2021-03-04起为客户。邮箱：anna@example.org。订阅：Home，有效，始于2025-01-10。共9个订单，累计消费423.50 EUR，最近一次在2026-10-02。",
    "C-7/profile",
)
ZH_NONE = record("客户C-7在2026-09-01至2026-09-30期间没有订单。", "C-7/orders")


@pytest.mark.parametrize(
    ("draft", "evidence"),
    [
        ("Customer C-7 has not made any purchases in the last 12 months.", VALUE),
        ("C-7 hasn't bought anything from us over the past 12 months.", VALUE),
        ("No orders were placed in the last 12 months.", VALUE),
        ("The customer has never ordered anything.", VALUE),
        ("The customer has never ordered anything.", OLD),
        ("There are no purchases on record for this customer.", PROFILE),
        ("No, the customer has not placed any orders this month.", PROFILE),
        ("The customer does not have a subscription.", PROFILE),
        ("Anna is not a Gold customer.", PROFILE),
        ("There is no e-mail address on record.", PROFILE),
        ("C-7 did not order anything in September 2026.", ORDERS),
        ("C-7 has not ordered since June 2026.", ORDERS),
        ("Order LO-1 has not been delivered yet.", ORDERS),
        ("The order has not arrived.", THERE),
        ("There are no offers for this customer.", OFFER),
        ("We do not ship to Norway.", ARTICLE),
        ("客户C-7在最近12个月内没有任何购买记录。", ZH_VALUE),
        ("客户C-7最近12个月没有消费。", ZH_VALUE),
        ("该客户从未下单。", ZH_VALUE),
        ("该客户从未下单。", ZH_OLD),
        ("该客户目前没有订阅。", ZH_PROFILE),
        ("客户C-7没有邮箱。", ZH_PROFILE),
    ],
)
def test_a_false_denial_is_found(draft: str, evidence: Evidence) -> None:
    found = contradicted(draft, [RISK, evidence], today=TODAY)
    assert found is not None and found[1] == 2
    assert found[0] in evidence.text


@pytest.mark.parametrize(
    ("draft", "evidence"),
    [
        ("Customer C-7 has not made any purchases in the last 12 months.", OLD),
        ("C-7 has not ordered anything in the last 90 days.", OLD),
        ("C-7 has not ordered for more than 60 days.", VALUE),
        ("C-7 has not ordered since 2026-10-15.", PROFILE),
        ("C-7 has not ordered anything in September 2026.", NONE),
        ("The customer has no orders from 2026-09-01 to 2026-09-30.", NONE),
        ("The customer did not order any decaf.", VALUE),
        ("The customer has no active subscription.", ENDED),
        ("The customer has no subscription.", ENDED),
        ("The customer has not complained.", SAID),
        ("The customer has not left.", RISK),
        ("The customer is not at high risk.", RISK),
        ("The customer has no complaints.", VALUE),
        ("The customer has not cancelled any orders.", VALUE),
        ("Order LO-2 has not been delivered.", THERE),
        ("Order LO-2 has not been delivered yet.", SENT),
        ("The customer is not only a Gold customer.", PROFILE),
        ("You can't return an opened bag unless it is faulty.", ARTICLE),
        ("Gift cards can't be exchanged for cash.", ARTICLE),
        ("We do not ship to Iceland.", ARTICLE),
        ("No later than tomorrow.", PROFILE),
        ("Has the customer not ordered?", VALUE),
        ("The customer has spent 423.50 EUR in 9 orders.", VALUE),
        ("客户C-7最近12个月没有消费。", ZH_OLD),
        ("客户C-7在2026年9月没有订单。", ZH_NONE),
        ("客户没有投诉。", ZH_VALUE),
        ("客户没有购买低因咖啡。", ZH_VALUE),
        ("没关系，共消费423.50 EUR。", ZH_VALUE),
    ],
)
def test_a_true_or_narrower_denial_stays(draft: str, evidence: Evidence) -> None:
    assert contradicted(draft, [evidence], today=TODAY) is None


def test_the_time_may_stand_in_the_question() -> None:
    draft = "No, the customer has not ordered anything."
    assert contradicted(draft, [OLD], question="Any orders in the last 12 months?", today=TODAY) is None
    assert contradicted(draft, [VALUE], question="Any orders in the last 12 months?", today=TODAY) is not None


def test_which_of_two_orders_is_meant_is_not_guessed() -> None:
    draft = "The order has not been delivered yet."
    assert contradicted(draft, [THERE, SENT], today=TODAY) is None
    assert contradicted("Order LO-1 has not been delivered yet.", [SENT, THERE], today=TODAY) is not None


def test_the_verifier_says_what_the_evidence_says_instead() -> None:
    verifier = Verifier([RISK, VALUE], question="revenue over the last 12 months?", today=TODAY)
    sentence, check = verifier.check("Customer C-7 has not made any purchases in the last 12 months [2].")
    assert (
        sentence is not None and sentence.citations == (2,) and "423.50 EUR in the last 12" in sentence.text
    )
    assert check.verdict == "replaced" and check.reasons == ("denies what the evidence states",)
    again, check = verifier.check("The customer has bought nothing in the last 12 months.")
    assert again is None and check.verdict == "dropped"
    true, check = Verifier([OLD], today=TODAY).check("C-7 has not made any purchases in the last 12 months.")
    assert true is not None and check.verdict == "kept"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("no orders in the last 12 months", "no orders"),
        ("no orders since June 2026", "no orders"),
        ("nothing from 2026-09-01 to 2026-09-30", "nothing"),
        ("no orders this customer knows of", "no orders this customer knows of"),
        ("最近12个月内没有消费", "没有消费"),
        ("在2026年9月没有订单", "在 没有订单"),
    ],
)
def test_words_for_a_time_are_taken_out(text: str, left: str) -> None:
    assert " ".join(without_period(text).split()) == left


WROTE = Evidence("interaction:I-2", "interaction", "Customer C-7 wrote on 2026-10-13 (email): please put our number on it.", "interaction:I-2", "2026-10-13T16:02:48")  # fmt: skip
SCHRIEB = Evidence("interaction:I-2", "interaction", "客户C-7说（2026-10-13，邮件）：发票上请写订单号。", "interaction:I-2", "2026-10-13T16:02:48")  # fmt: skip
NOTE = Evidence("interaction:I-3", "interaction", "Our note on C-7 on 2026-10-14 (call): nobody answered.", "interaction:I-3", "2026-10-14T09:00:00")  # fmt: skip


@pytest.mark.parametrize(
    ("draft", "evidence", "denied"),
    [
        ("The customer has not contacted us in October 2026.", WROTE, True),
        ("C-7 has never written to us.", WROTE, True),
        ("该客户从未联系过我们。", SCHRIEB, True),
        ("该客户2026年10月没有联系我们。", SCHRIEB, True),
        # another time, something narrower, our own note
        ("The customer has not contacted us in September 2026.", WROTE, False),
        ("The customer has not contacted us about the delivery.", WROTE, False),
        ("The customer did not ask for a refund.", WROTE, False),
        ("The customer has not written back since.", WROTE, False),
        ("The customer has not contacted us in October 2026.", NOTE, False),
        ("该客户没有联系我们要求退款。", SCHRIEB, False),
    ],
)
def test_that_somebody_was_in_touch_is_proved_by_what_was_said(
    draft: str, evidence: Evidence, denied: bool
) -> None:
    assert (contradicted(draft, [evidence], today=TODAY) is not None) is denied
