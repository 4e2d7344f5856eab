"""From what was understood to the tools to call: plan shapes in code, one per intent."""

import re
from datetime import date
from typing import Any

from assistant.dialogue.events import Session, Step, Understood
from assistant.dialogue.lists import read_filter
from assistant.dialogue.model_status import read_model
from assistant.dialogue.negotiation import read_channel
from assistant.dialogue.outlook import read_group
from assistant.dialogue.periods import span_ahead
from assistant.dialogue.sales import read_sales
from assistant.dialogue.understand import MISSING

# intents that are about one account: an agent has to name it, a customer is signed in to it
ABOUT_ACCOUNT: dict[str, tuple[str, ...]] = {
    "churn_risk": ("churn_risk",),
    "account_summary": ("customer_profile", "account_history"),
    "changes": ("changes_since_contact",),
    "reply_draft": ("reply_facts",),
    "negotiate": ("negotiation",),
    "risk_score": ("risk_score",),
    "order_history": ("orders",),
    "subscription": ("subscription",),
    "contact_history": ("contact_history",),
    "sentiment": ("sentiment_trend",),
    "recommend": ("recommend",),
    "segment": ("segment",),
    "value": ("value",),
    "lifetime": ("lifetime_value",),
    "lower_risk": ("risk_levers",),
    "features": ("customer_features",),
    "offer": ("eligible_offers",),
    "next_action": ("next_action", "churn_risk"),
    "account": ("customer_profile",),
}
# below this the router's best guess is left out and only what was said and written is searched
UNSURE = 0.4
# from this on the router's choice is the likely one and comes before what was said; from SURE on it stands alone
LIKELY, SURE = 0.6, 0.9
ORDER_MATTER = re.compile(
    r"\brefund\w*|money back|\breturned?\b|\bcredited\b|\breplace\w*|退款|退货|退回|补寄|换货", re.I
)
FIXED = ("greeting_thanks", "out_of_scope", "forbidden", "human")


def needs_account(intent: str) -> bool:
    return intent in ABOUT_ACCOUNT or intent == "compare"


def make_plan(
    understood: Understood, message: str, *, session: Session, store: Any, today: date
) -> tuple[Step, ...]:
    """The steps for one message. Permission and identity are the tools' own business, checked again there."""
    intent = understood.intent
    account = understood.customers[0] if understood.customers else None
    span = {
        k: date.fromisoformat(v) for k, v in (("since", understood.since), ("until", understood.until)) if v
    }
    steps: list[Step] = []
    if intent in FIXED and understood.routed_by != "unsure":
        return ()
    said = Step("contact_history", {"customer": account, "query": message, "k": 4} | span)
    doubtful = account and session.is_staff and understood.confidence < SURE and intent != "contact_history"
    general = intent in ("policy", "complaint", "cancel_or_change")
    card = Step("customer_profile", {"customer": account})
    if doubtful and (general or (understood.routed_by == "unsure" and understood.confidence < LIKELY)):
        # it may be anything that was once said or stands in the record; a strong hit there ends the search (see turn)
        steps += [said, card]
        if understood.confidence < UNSURE:
            return (*steps, Step("search_knowledge", {"query": message, "k": 2}))
    if intent == "list_customers":
        return (Step("list_customers", read_filter(store, message, today)),)
    if intent == "unusual_orders":
        return (Step("unusual_orders", span | ({"customer": account} if account else {})),)
    if intent == "models":
        model = read_model(message)
        return (Step("model_status", {"model": model} if model else {}),)
    if intent == "sales":
        return (Step("sales", read_sales(store, message, today)),)
    if intent == "data_quality":
        return (Step("data_quality", {}),)
    if intent == "forecast" and account:
        intent = "lifetime"  # what one customer will order
    elif intent == "forecast":
        ahead = span_ahead(message, today)
        when = {"since": ahead[0], "until": ahead[1]} if ahead else {}
        group = read_group(store, message, understood.products)
        return (Step("sales_forecast", when | ({"group": group} if group else {})),)
    if intent == "compare" and len(understood.customers) > 1:
        return tuple(
            Step(tool, {"customer": c}) for c in understood.customers[:2] for tool in ("value", "churn_risk")
        )
    if understood.orders and intent in (
        "order_status",
        "order_history",
        "complaint",
        "cancel_or_change",
        "policy",
    ):
        steps += [Step("order_status", {"order": o}) for o in understood.orders[:2]]
    elif intent == "order_status" and account:
        steps.append(Step("orders", {"customer": account, "limit": 2}))
    if intent == "order_status" and steps and MISSING.search(message):
        steps.append(Step("search_knowledge", {"query": message, "k": 2}))
    if understood.products and intent in ("policy", "recommend", "out_of_scope"):
        steps.append(Step("products", {"products": list(understood.products[:3])}))
    if account:
        for tool in ABOUT_ACCOUNT.get(intent, ()):
            if any(s.tool == "order_status" for s in steps) and tool == "orders":
                continue
            if card in steps and tool == "customer_profile":
                continue
            extra: dict[str, Any] = {}
            if tool in ("orders", "contact_history"):
                extra |= span
            if tool == "contact_history":
                extra |= {"query": message}
            if tool == "changes_since_contact" and "since" in span:
                extra |= {"since": span["since"]}
            if tool == "lifetime_value" and (ahead := span_ahead(message, today)):
                extra |= {"days": (ahead[1] - today).days}
            if tool == "negotiation":
                extra |= {"channel": read_channel(message)}
            steps.append(Step(tool, {"customer": account} | extra))
        if intent == "compare":
            steps += [Step(tool, {"customer": account}) for tool in ("orders", "value")]
    if account and intent == "contact_history" and ORDER_MATTER.search(message):
        steps.append(
            Step("orders", {"customer": account} | span)
        )  # what was said of it, and what became of it
    if general:
        steps.append(Step("search_knowledge", {"query": message}))
    if doubtful and said not in steps:
        steps.append(said)
    return tuple(steps)
