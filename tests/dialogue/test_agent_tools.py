"""For agents: history, changes since the last contact, reply drafts, negotiation, orders that stand out, risk points."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from assistant.crm import Store
from assistant.dialogue import Session, Toolbox
from assistant.dialogue.account import open_matters
from assistant.dialogue.facts import strip_citations
from assistant.dialogue.negotiation import read_channel
from assistant.dialogue.policy import OfferWorth, Policy, read_policy
from assistant.dialogue.replies import asks_for_text, draft_reply, says_what
from assistant.errors import Cancelled, ModelError
from assistant.settings import data_folder

from .doubles import FixedChurn, LittleAssistant, ScriptedModel, WordMood

Make = Callable[..., LittleAssistant]
AGENT = Session("agent", user="marieke")
TODAY = date(2026, 10, 31)
POLICY = read_policy(data_folder("kb"))


class ChangingChurn(FixedChurn):
    """0.2 on any day before the record's last one."""

    def predict(self, store: Any, ids: Any = None, *, as_of: date | None = None) -> list[Any]:
        found = super().predict(store, ids)
        if as_of is not None:
            for p in found:
                p.probability = 0.2
        return found


def box(store: Store, language: str = "en", index: Any = None, **models: Any) -> Toolbox:
    known = {"churn": ChangingChurn(C_1042=0.73, C_1001=0.41), "sentiment": WordMood(), **models}

    def model(name: str) -> Any:
        if known.get(name) is None:
            raise ModelError(f"No {name} model has been trained yet", f"crm-assistant train {name}")
        return known[name]

    return Toolbox(store=store, index=index, models=model, session=AGENT, language=language, policy=POLICY)


# -- history ----------------------------------------------------------------------------------------------------


def test_a_history_has_one_line_for_each_side_of_the_account(store: Store) -> None:
    called, evidence = box(store).call("account_history", {"customer": "C-1001"})
    ids = [e.id for e in evidence]
    assert ids == [
        "record:C-1001/profile", "record:C-1001/subscription", "record:C-1001/orders", "record:C-1001/open",
        "interaction:IN-000004", "prediction:C-1001/sentiment", "prediction:C-1001/churn",
    ]  # fmt: skip
    assert "IN-000004" in evidence[3].text and "Late parcel" in evidence[3].text
    assert called.result["churn"] == {"percent": 41, "band": "medium"} and called.result["orders"] == 2
    assert [x["id"] for x in called.result["open"]] == ["IN-000004"]


def test_a_history_stands_without_trained_models(store: Store) -> None:
    called, evidence = box(store, churn=None, sentiment=None).call("account_history", {"customer": "C-1042"})
    assert not called.result.get("error") and all(e.kind != "prediction" for e in evidence)
    assert "No complaint and no ticket is open." in [e.text for e in evidence]


def test_what_waits_for_an_answer(store: Store) -> None:
    store.upsert(
        "interactions",
        [
            {"id": "IN-1", "customer_id": "C-1042", "at": "2026-10-31T12:00:00", "channel": "email", "author": "customer", "text": "And?"},
            {"id": "IN-2", "customer_id": "C-1042", "at": "2026-10-20T12:00:00", "channel": "review", "author": "customer", "text": "Flat.", "rating": 2},
            {"id": "IN-3", "customer_id": "C-1042", "at": "2026-10-21T12:00:00", "channel": "review", "author": "customer", "text": "Fine.", "rating": 4},
        ],
    )  # fmt: skip
    assert [r["id"] for r in open_matters(store, "C-1042", TODAY)] == ["IN-1", "IN-2"]


@pytest.mark.parametrize("message", ["Summarise the history of C-1001", "who is C-1001?"])
def test_a_summary_is_written_from_these_lines_and_checked(make: Make, message: str) -> None:
    assistant = make(
        "Ann Byrne is Gold [1]. One matter is open: ticket IN-000004 [3]. She owes us 500 EUR [1]."
    )
    turn = assistant.ask(message, session=AGENT)
    assert [t.name for t in turn.tools] == ["customer_profile", "account_history"]
    assert "IN-000004" in turn.answer and "500" not in turn.answer
    assert turn.outcome == "answered" and turn.citations
    assert "The probability" in assistant.model.prompts[0] or "41%" in assistant.model.prompts[0]


# -- changes ----------------------------------------------------------------------------------------------------


def test_changes_since_a_colleague_was_last_in_touch(store: Store) -> None:
    store.upsert(
        "interactions",
        [
            {"id": "IN-000090", "customer_id": "C-1001", "at": "2026-10-01T09:00:00", "channel": "call", "author": "agent",
             "text": "Asked for the invoice.", "agent": "Lin Yue"},
        ],
    )  # fmt: skip
    called, evidence = box(store).call("changes_since_contact", {"customer": "C-1001"})
    texts = [e.text for e in evidence]
    assert texts[0].startswith(
        "The last contact with customer C-1001 was on 2026-10-01 (call with Lin Yue, IN-000090)."
    )
    assert evidence[0].id == "interaction:IN-000090"
    assert [e.id for e in evidence[1:3]] == ["interaction:IN-000004", "record:LO-100004"]
    assert texts[1].startswith("New complaint: ")
    assert "was 20% then and is 41% now: up by 21 points." in texts[-1]
    assert called.result["since"] == "2026-10-01" and called.result["count"] == 2


def test_changes_name_what_was_done_and_offered(store: Store) -> None:
    from assistant.crm.actions import Change

    store.perform_action(
        "k1", "change_address", customer_id="C-1042", actor="C-1042", role="customer",
        changes=[Change("customers", "C-1042", {"city": "Gent"}, {"city": "Brugge"})],
        arguments={"customer": "C-1042", "address": "Markt 1, 8000 Brugge"},
    )  # fmt: skip
    store.record_offer("OF-2", "C-1042", at="2026-10-31", outcome="sent")
    store.record_offer("OF-1", "C-1042", at="2026-10-31", outcome="drafted")
    called, _ = box(store).call("changes_since_contact", {"customer": "C-1042", "since": date(2026, 10, 30)})
    said = " ".join(c["text"] for c in called.result["changes"])
    assert "an address was changed (address Markt 1, 8000 Brugge)" in said
    assert "OF-2" in said and "OF-1" not in said
    assert "LO-100001" not in said  # of August


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Nothing has been recorded since"), ("zh", "此后没有新的记录")]
)
def test_no_change_is_said_plainly(store: Store, language: str, words: str) -> None:
    _, evidence = box(store, language).call("changes_since_contact", {"customer": "C-1042"})
    assert words in evidence[0].text and "IN-000002" in evidence[0].text


def test_a_customer_nobody_has_spoken_to(store: Store) -> None:
    store.upsert("customers", [{"id": "C-2000", "name": "New One"}])
    called, evidence = box(store).call("changes_since_contact", {"customer": "C-2000"})
    assert "no contact" in evidence[0].text and called.result["risk"] is None


@pytest.mark.parametrize(
    ("message", "first"),
    [
        ("What changed since the last contact with C-1001?", "The last contact with customer C-1001"),
        ("自上次联系以来C-1001有什么变化？", "与客户C-1001的上次联系是"),
    ],
)
def test_an_agent_asks_what_changed(make: Make, message: str, first: str) -> None:
    assistant = make("Nonsense 12.")
    turn = assistant.ask(message, session=AGENT)
    assert turn.answer.startswith(first) and assistant.model.prompts == []
    numbers = {n for line in turn.answer.splitlines() for n in strip_citations(line)[1]}
    assert numbers == {c.n for c in turn.citations} and turn.citations


# -- replies ----------------------------------------------------------------------------------------------------

FACTS = {
    "language": "en", "channel": "email", "name": "Anna Vermeer", "message": {"id": "IN-1", "text": "Where is LO-100001?"},
}  # fmt: skip


def evidence_for(store: Store, customer: str = "C-1042") -> list[Any]:
    return box(store).call("reply_facts", {"customer": customer})[1]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Your order LO-100001 was placed on 2026-08-31.", True),
        ("We look into it and write back.", True),
        ("You will get a refund of 43.80 EUR.", False),  # nobody promised one
        ("I have sent a replacement.", False),
        ("We have cancelled your order.", False),
        ("Your order LO-999999 is on its way.", False),
        ("It arrives on 2026-12-24.", False),
        ("As your churn risk is high, we care.", False),
        ("I'm sorry, but I can't assist with that.", False),
    ],
)
def test_a_draft_keeps_only_what_the_evidence_bears(store: Store, said: str, kept: bool) -> None:
    reply = draft_reply(ScriptedModel(replies=[said]), FACTS, evidence_for(store), company="Larkfield Coffee")
    assert (said in reply.text) is kept
    assert reply.text.startswith("Dear Anna,\n") and reply.text.endswith("Kind regards, Larkfield Coffee")


def test_a_draft_speaks_the_customers_language_in_the_companys_tone(store: Store) -> None:
    model = ScriptedModel(replies=["您的订单LO-100006已送达。"])
    facts = {**FACTS, "language": "zh", "channel": "chat", "name": "陈静"}
    reply = draft_reply(model, facts, evidence_for(store, "C-1003"), company="云雀咖啡", tone="像朋友一样")
    assert reply.text == "您好！您的订单LO-100006已送达。" and reply.sources == ("record:LO-100006",)
    assert "像朋友一样" in model.prompts[0]


def test_a_draft_says_what_the_colleague_wants_said(store: Store) -> None:
    said = "The missing House Blend is on its way with a voucher over 7 EUR."
    evidence = evidence_for(store)
    alone = draft_reply(ScriptedModel(replies=[said]), FACTS, evidence, company="Larkfield Coffee")
    assert said not in alone.text
    model = ScriptedModel(replies=[said])
    wish = "write her in Chinese or not that the missing House Blend is on its way, with a voucher over 7 EUR"
    told = draft_reply(
        model, FACTS, evidence, company="Larkfield Coffee", wish=wish.replace("in Chinese or not ", "")
    )
    assert said in told.text and "on its way" in model.prompts[0]
    assert "客服" in draft_reply(ScriptedModel(), FACTS, evidence, company="云雀咖啡", wish=wish).text


@pytest.mark.parametrize(
    ("message", "wanted", "says"),
    [
        ("Write her a short text that the parcel is on its way, and sorry", True, True),
        ("draft a reply to his last message, please", True, False),
        ("帮我写一封中文道歉信，说明咖啡不合口味可以换", True, True),
        ("帮我给客户写封回信", True, False),
        ("Draft a retention offer for C-1042", False, False),
        ("给她写一封带折扣的邮件", False, False),
        ("What did she write in her last e-mail?", False, False),
        ("她最后一封邮件写了什么", False, False),
    ],
)
def test_who_wants_a_text_for_a_customer(message: str, wanted: bool, says: bool) -> None:
    assert asks_for_text(message) is wanted
    if wanted:
        assert says_what(message) is says


def test_a_language_that_is_not_written_here_is_said(make: Make) -> None:
    turn = make("Your order LO-100001 was delivered.").ask(
        "write C-1042 in Dutch that the order was delivered", session=AGENT
    )
    assert "I write English and Chinese; Dutch is for you to put it into." in turn.answer


def test_a_draft_can_be_stopped(store: Store) -> None:
    with pytest.raises(Cancelled):
        draft_reply(ScriptedModel(), FACTS, evidence_for(store), company="A", cancelled=lambda: True)


def test_a_reply_never_rests_on_internal_articles(store: Store, index: Any) -> None:
    store.upsert(
        "interactions",
        [{"id": "IN-000099", "customer_id": "C-1042", "at": "2026-10-31T20:00:00", "channel": "email", "author": "customer",
          "text": "What is your internal retention discount ceiling, and how long can I return an unused product?"}],
    )  # fmt: skip
    _, evidence = box(store, index=index).call("reply_facts", {"customer": "C-1042"})
    articles = [e.source for e in evidence if e.kind == "article"]
    assert articles and all(s.startswith("public/") for s in articles)


@pytest.mark.parametrize(
    ("message", "head"),
    [("Draft a reply to C-1042's last message", "Customer C-1042"), ("帮我回复C-1042", "客户C-1042说")],
)
def test_an_agent_asks_for_a_draft(make: Make, message: str, head: str) -> None:
    assistant = make("Your order LO-100001 was delivered.")
    turn = assistant.ask(message, session=AGENT)
    assert turn.answer.startswith(head) and "IN-000001" in turn.citations[0].id
    assert "Dear Anna,\nYour order LO-100001 was delivered.\nKind regards, Larkfield Coffee" in turn.answer
    assert "record:LO-100001" in [c.id for c in turn.citations]
    assert set(strip_citations(turn.answer)[1]) <= {c.n for c in turn.citations}


# -- negotiation --------------------------------------------------------------------------------------------------


def test_what_may_still_be_conceded(store: Store) -> None:
    called, evidence = box(store).call("negotiation", {"customer": "C-1042"})
    data = called.result
    assert (data["risk"], data["ceiling_percent"], data["left_percent"]) == ("high", 20, 20)
    assert [s["id"] for s in data["steps"]] == [
        "skip_delivery",
        "pause_subscription",
        "change_plan/Taster",
        "OF-2",
        "OF-1",
    ]
    assert data["steps"][-1]["cost"] == pytest.approx(21.9 * 0.15 * 3, abs=0.01)
    assert set(data["steps"][0]["say"]) == {"phone", "chat", "email"}
    assert "15 % off your next three deliveries." in data["steps"][-1]["say"]["phone"]
    assert "up to 15.00" in evidence[-1].text and "40.00" in evidence[-1].text


def test_after_an_offer_nothing_is_left_for_a_while(store: Store) -> None:
    store.record_offer("OF-1", "C-1042", at="2026-09-10", outcome="declined")
    data = box(store).call("negotiation", {"customer": "C-1042"})[0].result
    assert data["left_percent"] == 0 and data["next_offer_from"] == "2026-12-10"
    assert all(s["cost"] == 0 for s in data["steps"])
    store.record_offer("OF-1", "C-1004", at="2026-07-01", outcome="sent")  # long ago
    assert box(store).call("negotiation", {"customer": "C-1004"})[0].result["left_percent"] > 0


def test_an_offer_above_the_ceiling_is_no_concession(store: Store) -> None:
    low = box(store, churn=ChangingChurn(C_1042=0.1))
    store.upsert(
        "offers",
        [
            {
                "id": "OF-1",
                "name": "Stay",
                "kind": "discount",
                "value": 15.0,
                "terms": "15 % off.",
                "rules": {},
            }
        ],
    )
    data = low.call("negotiation", {"customer": "C-1042"})[0].result
    assert data["ceiling_percent"] == 10 and "OF-1" not in [s["id"] for s in data["steps"]]


def test_without_a_policy_the_offers_say_the_ceiling(store: Store) -> None:
    plain = box(store)
    plain.policy = Policy()
    data = plain.call("negotiation", {"customer": "C-1042"})[0].result
    assert data["ceiling_percent"] == 15 and [s["id"] for s in data["steps"]] == ["OF-2", "OF-1"]


def test_a_chinese_customer_is_spoken_to_in_chinese(store: Store) -> None:
    data = box(store).call("negotiation", {"customer": "C-1003", "channel": "email"})[0].result
    said = data["steps"][0]["say"]
    assert list(said) == ["email"] and said["email"].startswith("陈静，您好！")


@pytest.mark.parametrize(
    ("message", "channel"),
    [("on the phone", "phone"), ("by chat", "chat"), ("in an e-mail", "email"), ("电话里怎么说", "phone"), ("邮件怎么写", "email"), ("how?", "")],
)  # fmt: skip
def test_the_channel_that_a_message_names(message: str, channel: str) -> None:
    assert read_channel(message) == channel


@pytest.mark.parametrize(
    ("message", "first"),
    [
        (
            "What can I still concede to C-1042 on the phone?",
            "Customer C-1042, churn risk high: the discount ceiling is 20 %.",
        ),
        ("我还能给C-1042让步多少？", "客户C-1042，流失风险高：折扣上限为20%。"),
    ],
)
def test_an_agent_asks_how_to_negotiate(make: Make, message: str, first: str) -> None:
    assistant = make("Nonsense.")
    turn = assistant.ask(message, session=AGENT)
    assert turn.answer.startswith(first.rstrip(".。")[:20]) and assistant.model.prompts == []
    assert [t.name for t in turn.tools] == ["negotiation"] and turn.citations


@pytest.mark.parametrize(
    ("first", "then", "said", "unsaid"),
    [
        (
            "What can I still concede to C-1042?",
            "And how do I say it on the phone?",
            "On the phone",
            "By e-mail",
        ),
        ("What can I still concede to C-1042?", "what do I write by e-mail?", "By e-mail", "On the phone"),
        ("What can I still concede to C-1042?", "And by e-mail?", "By e-mail", "On the phone"),
        ("我还能给C-1042让步多少？", "电话里该怎么跟他说？", "电话", "邮件"),
        ("我还能给C-1042让步多少？", "那电话呢", "电话", "邮件"),
    ],
)
def test_how_to_say_it_is_a_question_about_what_was_found(
    make: Make, first: str, then: str, said: str, unsaid: str
) -> None:
    assistant = make("Nonsense.")
    one = assistant.ask(first, session=AGENT)
    two = assistant.ask(then, session=AGENT, conversation_id=one.conversation_id)
    assert [t.name for t in two.tools] == ["negotiation"] and two.tools[0].arguments["customer"] == "C-1042"
    assert said in two.answer and unsaid not in two.answer and assistant.model.prompts == []


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ("Which offer may I make to C-1042?", "How do I say it on the phone?", "Hello, this is Larkfield Coffee. Am I speaking with Anna Vermeer?"),
        ("可以给C-1042什么优惠？", "电话里怎么跟她说？", "Hello, this is Larkfield Coffee. Am I speaking with Anna Vermeer?"),
    ],
)  # fmt: skip
def test_an_offer_comes_with_its_figures_and_two_drafts(make: Make, first: str, then: str, said: str) -> None:
    assistant = make("Thank you for being with us.", "We are glad to have you.")
    assistant._parts["policy"] = Policy(offers=OfferWorth(margin_percent=40, keeps_percent=25))
    one = assistant.ask(first, session=AGENT)
    offer = one.tools[0].result["offers"][0]
    assert f"{offer['expected']['value']:.2f}" in one.answer  # its expected value, with what it comes from
    assert (
        "Dear Anna,\nThank you for being with us." in one.answer and "Dear Anna,\nWe are glad" in one.answer
    )
    two = assistant.ask(then, session=AGENT, conversation_id=one.conversation_id)
    assert [t.name for t in two.tools][:1] == ["eligible_offers"] and said in two.answer


def test_how_to_say_something_else_is_not_about_the_negotiation(make: Make) -> None:
    assistant = make("I don't know.")
    one = assistant.ask("What can I still concede to C-1042?", session=AGENT)
    for message in ("What did C-1001 say on the phone?", "How do I say it to C-1001?"):
        turn = assistant.ask(message, session=AGENT, conversation_id=one.conversation_id)
        assert not any(t.name == "negotiation" for t in turn.tools), message
    alone = assistant.ask("And how do I say it on the phone?", session=AGENT)
    assert not any(t.name == "negotiation" for t in alone.tools)


@pytest.mark.parametrize("session", [Session("customer", "C-1042", "C-1042"), Session("visitor")])
@pytest.mark.parametrize(
    "message",
    [
        "What can you still concede to me?",
        "你们还能给我让步多少？",
        "Show me the negotiation script for C-1042",
    ],
)
def test_negotiation_is_never_for_customers(make: Make, session: Session, message: str) -> None:
    turn = make(lambda prompt: prompt).ask(message, session=session)
    assert not any(t.name == "negotiation" for t in turn.tools)
    assert not any(word in turn.answer for word in ("ceiling", "折扣上限", "40.00", "OF-1"))


# -- orders that stand out, risk points ---------------------------------------------------------------------------


def unusual(monkeypatch: pytest.MonkeyPatch) -> None:
    from assistant import insight
    from assistant.insight.risk import Anomaly

    def found(store: Any) -> list[Any]:
        return [
            Anomaly(order_id="LO-100004", customer_id="C-1001", at="2026-10-20T10:00:00", amount=19.0, score=0.99,
                            reasons=("8.0 times this customer's usual amount",), reasons_zh=("是该客户平时金额的 8.0 倍",), currency="EUR"),
            Anomaly(order_id="LO-100007", customer_id="C-1004", at="2026-07-07T10:00:00", amount=250.0, score=0.999,
                            reasons=("40 pieces in one order",), reasons_zh=("一笔订单共 40 件",)),
        ]  # fmt: skip

    monkeypatch.setattr(insight, "find_anomalies", found, raising=False)


@pytest.mark.parametrize(
    ("arguments", "orders"),
    [
        ({}, ["LO-100004"]),
        ({"since": date(2026, 7, 1), "until": date(2026, 7, 31)}, ["LO-100007"]),
        ({"customer": "C-1004"}, ["LO-100007"]),
        ({"customer": "C-1042"}, []),
    ],
)
def test_orders_that_stand_out(
    store: Store, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], orders: list[str]
) -> None:
    unusual(monkeypatch)
    called, evidence = box(store).call("unusual_orders", arguments)
    assert [o["order"] for o in called.result["orders"]] == orders and len(evidence) == 1 + len(orders)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Which orders look unusual this month?", "8.0 times this customer's usual amount"),
        ("这个月哪些订单看起来异常？", "平时金额的 8.0 倍"),
    ],
)
def test_an_agent_asks_for_unusual_orders(
    make: Make, monkeypatch: pytest.MonkeyPatch, message: str, words: str
) -> None:
    unusual(monkeypatch)
    turn = make("Nonsense.").ask(message, session=AGENT)
    assert words in turn.answer and "LO-100004" in turn.answer and "LO-100007" not in turn.answer


def test_too_few_orders_say_so(store: Store) -> None:
    assert "too few" in box(store).call("unusual_orders", {})[0].result["error"]


def scorecard() -> Any:
    import numpy as np
    import pandas as pd

    from assistant.insight import Scorecard
    from assistant.insight.columns import guess_columns, prepare

    rng = np.random.default_rng(0)
    late = rng.integers(0, 9, 400)
    tier = rng.choice(["Gold", "Silver"], 400)
    bad = (rng.random(400) < 0.05 + 0.09 * late + 0.2 * (tier == "Silver")).astype(int)
    frame = pd.DataFrame({"late_payments": late, "tier": tier})
    columns = guess_columns(frame)
    return Scorecard(columns).fit(prepare(frame, columns), bad)


def test_points_of_a_scorecard_with_what_costs_most(store: Store) -> None:
    store.upsert("customers", [{"id": "C-1001", "tier": "Gold", "attributes": {"late_payments": 8}}])
    called, evidence = box(store, scorecard=scorecard()).call("risk_score", {"customer": "C-1001"})
    data = called.result
    assert data["points"] == sum(line["points"] for line in data["lines"])
    assert data["lines"][0]["column"] == "late_payments" and data["lines"][0]["lost"] > 0
    assert f"{data['points']} of at most {data['most']} points" in evidence[0].text
    assert "late payments: " in evidence[0].text


def test_a_scorecard_of_other_columns_says_what_is_missing(store: Store) -> None:
    card = scorecard()
    card.bins_ = {f"never_{k}": v for k, v in card.bins_.items()}
    result = box(store, scorecard=card).call("risk_score", {"customer": "C-1001"})[0].result
    assert "asks for never_" in result["error"] and "predict scorecard" in result["hint"]


@pytest.mark.parametrize(
    "message", ["What is the risk score of C-1001 and why?", "C-1001的风险评分是多少，为什么？"]
)
def test_an_agent_asks_for_a_risk_score(make: Make, message: str) -> None:
    assistant = make("Nonsense.", scorecard=scorecard())
    assistant.store.upsert("customers", [{"id": "C-1001", "attributes": {"late_payments": 8}}])
    turn = assistant.ask(message, session=AGENT)
    assert "late payments" in turn.answer and [t.name for t in turn.tools] == ["risk_score"]
    nobody = make("Nonsense.").ask(message, session=AGENT)
    assert nobody.outcome == "unknown" and "No scorecard model" in nobody.answer
