"""For agents who negotiate: what may still be given to a customer, what to ask for in return, and how to say it.

Everything is computed from ``policy.yaml``, the offers' rules and what this customer has had; no model is asked. What a
customer is told is in the customer's language, the rest in the agent's. Nothing here is ever for a customer's eyes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from assistant.dialogue import offers
from assistant.dialogue.policy import Negotiate, Policy
from assistant.dialogue.toolkit import ToolResult
from assistant.dialogue.worth import cost_of
from assistant.evidence import Evidence

if TYPE_CHECKING:
    from assistant.dialogue.tools import Toolbox

Row = Mapping[str, Any]
CHANNELS = ("phone", "chat", "email")
_CHANNEL_WORDS = (
    ("phone", r"\b(?:phone|call|on the line|telephone)\b|电话|通话"),
    ("chat", r"\bchat\b|聊天|在线"),
    ("email", r"\be-?mails?\b|\bletter\b|邮件"),
)
_LABELS = {
    "phone": ("On the phone", "电话"),
    "chat": ("In the chat", "聊天"),
    "email": ("By e-mail", "邮件"),
}
# what to ask for in return: nothing that binds a customer who may cancel at any time
_ASKS: Mapping[str, tuple[str, str, str, str]] = {
    # kind: to the agent (en, zh), to the customer (en, zh)
    "pause": (
        "a date on which deliveries go on", "约定恢复配送的日期",
        "Shall we fix the day on which your deliveries go on?", "我们现在就约好恢复配送的日期，可以吗？",
    ),
    "skip": (
        "the plan stays as it is afterwards", "之后保持现有套餐",
        "Would you keep your plan and just leave out the next box?", "您愿意保留套餐，只跳过下一次配送吗？",
    ),
    "plan": (
        "two boxes on the smaller plan before deciding", "先试两次小套餐再决定",
        "Would you try it for two boxes before you decide?", "您愿意先试两次再决定吗？",
    ),
    "discount": (
        "the reason for leaving, and to try the deliveries it covers", "说明想离开的原因，并试用优惠期内的配送",
        "Would you give us these deliveries to show that we can do better, and tell me what went wrong?",
        "您愿意再给我们这几次配送的机会，并告诉我哪里做得不好吗？",
    ),
    "gift": (
        "the next order within two weeks", "两周内下一单",
        "Would you place your next order in the coming two weeks?", "您愿意在两周内下一单吗？",
    ),
    "credit": (
        "the complaint is settled with it", "投诉就此了结",
        "Is the matter settled for you with this?", "这样处理，您看这件事可以了结了吗？",
    ),
    "upgrade": (
        "an honest word about the box afterwards", "收到后给出真实反馈",
        "Would you tell me afterwards what you think of it?", "收到后愿意告诉我您的感受吗？",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Concession:
    """One thing that may be given: what it costs the company (money), and its terms in both languages."""

    kind: str
    id: str
    cost: float
    terms: str
    terms_zh: str
    name: str
    name_zh: str


def read_channel(message: str) -> str:
    """The channel a message names, "" where it names none."""
    return next((name for name, words in _CHANNEL_WORDS if re.search(words, message, re.I)), "")


def negotiation(box: "Toolbox", customer: str, channel: str = "") -> ToolResult:
    """What may still be conceded to a customer, what to ask for in return, and how to say it by phone, chat or e-mail."""
    row, store, today = box.customer_row(customer), box.store, box.store.as_of
    rule = box.policy.negotiate or Negotiate()
    risk = box.risk_band(customer)
    subscription = next((s for s in store.subscriptions(customer) if s["status"] != "cancelled"), None)
    last = _last_offer(store, customer, today, rule.days_between)
    choice = offers.choose(store, row, risk=risk, today=today)
    ceiling = rule.ceiling_percent.get(risk or "low", _highest(store, risk, today))
    allowed = [] if last else [o for o in choice.offers if o.kind != "discount" or o.value <= ceiling]
    left = 0.0 if last else ceiling
    steps = sorted(
        [*_free(box.policy, subscription), *(_as_concession(o, subscription) for o in allowed)],
        key=lambda c: c.cost,
    )
    wanted = [channel] if channel in CHANNELS else list(CHANNELS)
    currency = (subscription or {}).get("currency") or store.meta("currency") or ""
    in_zh = row.get("language") == "zh"
    data: dict[str, Any] = {
        "customer": customer,
        "risk": risk,
        "ceiling_percent": ceiling,
        "left_percent": left,
        "last_offer": {k: last[k] for k in ("offer_id", "at", "outcome")} if last else None,
        "next_offer_from": _again(last, rule.days_between) if last else None,
        "steps": [
            {
                "kind": c.kind,
                "id": c.id,
                "name": c.name_zh if box.language == "zh" else c.name,
                "cost": round(c.cost, 2),
                "terms": c.terms_zh if in_zh else c.terms,
                "ask": _ASKS[c.kind][1 if box.language == "zh" else 0],
                "say": {name: _say(c, name, row, in_zh) for name in wanted},
            }
            for c in steps
        ],
        "not_now": [a[1] if box.language == "zh" else a[0] for a in choice.against],
        "goodwill": box.policy.goodwill.model_dump(exclude={"article"}) if box.policy.goodwill else None,
    }
    source = f"negotiation, {customer}"
    texts = [_frame(box, data, last), *_steps(box, data["steps"], currency), _limits(box, data, currency)]
    return ToolResult(
        data,
        [Evidence(f"policy:negotiation/{customer}/{n}", "policy", t, source) for n, t in enumerate(texts)],
    )


# -- what may be given -------------------------------------------------------------------------------------------


def _last_offer(store: Any, customer: str, today: date, days: int) -> Row | None:
    """The newest offer that was really made so lately that no other may be."""
    since = (today - timedelta(days=days)).isoformat()
    made = [m for m in store.offers_made(customer) if m.get("outcome") != "drafted" and m["at"][:10] >= since]
    return made[0] if made else None


def _again(last: Row, days: int) -> str:
    return (date.fromisoformat(last["at"][:10]) + timedelta(days=days + 1)).isoformat()


def _highest(store: Any, risk: str | None, today: date) -> float:
    """The largest discount that any offer gives at this risk: the ceiling where the policy names none."""
    import json

    found = [0.0]
    for row in store.offers(today):
        rules = json.loads(row["rules"]) if isinstance(row["rules"], str) else dict(row["rules"] or {})
        if row["kind"] == "discount" and (not rules.get("risk") or risk in rules["risk"]):
            found.append(min(float(row["value"]), float(rules.get("ceiling_percent") or 100)))
    return max(found)


def _free(policy: Policy, subscription: Row | None) -> list[Concession]:
    """What a customer may have anyway and costs nothing: a pause, a box left out, a smaller plan."""
    if subscription is None or subscription["status"] != "active":
        return []
    found = []
    if policy.skip_delivery:
        found.append(
            Concession(
                "skip",
                "skip_delivery",
                0.0,
                "You can leave out the next delivery, at no cost.",
                "您可以跳过下一次配送，不收任何费用。",
                "Leave out the next delivery",
                "跳过下次配送",
            )
        )
    if policy.pause_subscription:
        months = max(policy.pause_subscription.months)
        found.append(
            Concession("pause", "pause_subscription", 0.0, f"You can pause your plan for up to {months} months, at no cost.", f"您可以暂停套餐，最长{months}个月，不收任何费用。", "Pause the plan", "暂停套餐")
        )  # fmt: skip
    price = subscription.get("price")
    if policy.change_plan and price:
        smaller = {n: p for n, p in policy.change_plan.plans.items() if p.price < price}
        if smaller:
            name, plan = max(smaller.items(), key=lambda item: item[1].price)
            money = f"{plan.price:.2f} {subscription.get('currency') or ''}".strip()
            found.append(
                Concession("plan", f"change_plan/{name}", 0.0, f"The {name} plan costs {money} a delivery.", f"{plan.zh or name}套餐每次{money}。", f"The smaller plan {name}", f"改为{plan.zh or name}套餐")
            )  # fmt: skip
    return found


def _as_concession(offer: offers.Offer, subscription: Row | None) -> Concession:
    cost = cost_of(offer.__dict__, subscription)
    names = f"{offer.name} ({offer.id})", f"{offer.name_zh}（{offer.id}）"
    return Concession(offer.kind, offer.id, cost, offer.terms, offer.terms_zh, *names)


# -- how it is said ----------------------------------------------------------------------------------------------


def _say(c: Concession, channel: str, row: Row, zh: bool) -> str:
    """What to tell the customer: terms as they are, and the question in return."""
    ask = _ASKS[c.kind][3 if zh else 2]
    name = str(row.get("name") or "")
    if zh:
        if channel == "email":
            return f"{name}，您好！感谢您一直以来的支持。{c.terms_zh}{ask}期待您的回复。"
        return f"我们很希望您能留下。{c.terms_zh}{ask}" if channel == "phone" else f"{c.terms_zh}{ask}"
    if channel == "email":
        first = name.split()[0] if name else "customer"
        return f"Dear {first}, thank you for being with us. {c.terms} {ask} I look forward to your answer."
    return f"I'd like you to stay with us. {c.terms} {ask}" if channel == "phone" else f"{c.terms} {ask}"


def _frame(box: "Toolbox", data: Row, last: Row | None) -> str:
    band = box.say.band(data["risk"] or "unknown")
    head = box.t(
        f"Customer {data['customer']}, churn risk {band}: the discount ceiling is {data['ceiling_percent']:g} %.",
        f"客户{data['customer']}，流失风险{band}：折扣上限为{data['ceiling_percent']:g}%。",
    )
    if last is None:
        return head + box.t(
            f" No offer was made lately, so {data['left_percent']:g} % is left.",
            f"近期没有给过优惠，剩余额度为{data['left_percent']:g}%。",
        )
    outcome = box.say.outcome(last["outcome"])
    return head + box.t(
        f" Nothing is left of it now: {last['offer_id']} ({last['name']}) was made on {last['at'][:10]} ({outcome}); the next offer may be made from {data['next_offer_from']}.",
        f"目前没有剩余额度：{last['at'][:10]}已提供{last['offer_id']}（{last['name']}，{outcome}），{data['next_offer_from']}起才可再次提供优惠。",
    )


def _steps(box: "Toolbox", steps: Sequence[Row], currency: str) -> list[str]:
    """One line for each step, cheapest first; all channels' words for the first, the first channel's for the others."""
    lines = []
    for number, step in enumerate(steps[:4], start=1):
        cost = f"{step['cost']:.2f} {currency}".strip()
        price = (
            box.t("costs nothing", "不产生费用") if not step["cost"] else box.t(f"about {cost}", f"约{cost}")
        )
        said = list(step["say"].items())[: None if number == 1 else 1]
        words = " ".join(
            box.t(f'{_LABELS[name][0]}: "{text}"', f"{_LABELS[name][1]}：“{text}”") for name, text in said
        )
        lines.append(
            box.t(
                f"{step['name']} ({price}). Ask in return: {step['ask']}. {words}",
                f"{step['name']}（{price}）。作为交换：{step['ask']}。{words}",
            )
        )
    return lines or [box.t("There is nothing that may be given now: listen, solve what is open, accept a no.", "目前没有可以让步的内容：请倾听，先解决未处理的问题，并尊重客户的决定。")]  # fmt: skip


def _limits(box: "Toolbox", data: Row, currency: str) -> str:
    text = ""
    if data["goodwill"]:
        mine, lead = (f"{data['goodwill'][k]:.2f} {currency}".strip() for k in ("alone", "with_lead"))
        text = box.t(
            f"Goodwill for a real fault: up to {mine} by yourself, up to {lead} with the team lead, not together with an offer. ",
            f"确有过失时可给予补偿：本人最多{mine}，经主管同意最多{lead}，不与优惠同时提供。",
        )
    return text + box.t(
        "Never name limits, risk or scores to the customer, and accept a second no.",
        "不要向客户透露限额、风险或评分；客户第二次拒绝时请接受。",
    )
