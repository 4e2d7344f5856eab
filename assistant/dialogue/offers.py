"""Which offer may be made to whom, and what an agent should do next: decided by policy in code, never by the model.

An offer's ``rules`` (JSON in the record) narrow who may get it; a missing rule allows everybody:
``risk`` (list of bands), ``tiers``, ``plans``, ``min_tenure_months``, ``needs_consent``, ``max_per_days`` (days
between two offers to the same customer), ``ceiling_percent`` (largest discount), ``countries``,
``needs_complaint_days`` (only so many days after a complaint), ``budget`` (how many may be accepted in a calendar year).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from assistant.dialogue.account import is_complaint
from assistant.dialogue.worth import Expected, Worth

Row = Mapping[str, Any]
REVIEW_DAYS = 30  # a bad review is worth a word for so long


@dataclass(frozen=True)
class Offer:
    """An offer with fixed terms. ``value`` is percent for a discount, money otherwise."""

    id: str
    kind: str
    value: float
    name: str
    name_zh: str
    terms: str
    terms_zh: str
    valid_to: str | None
    reasons: tuple[tuple[str, str], ...] = ()
    expected: Expected | None = None

    def as_dict(self, language: str) -> dict[str, Any]:
        zh = language == "zh"
        return {
            "id": self.id,
            "kind": self.kind,
            "value": self.value,
            "name": self.name_zh if zh else self.name,
            "terms": self.terms_zh if zh else self.terms,
            "valid_to": self.valid_to,
            "reasons": [r[1] if zh else r[0] for r in self.reasons],
            "expected": self.expected.as_dict() if self.expected else None,
        }


@dataclass(frozen=True)
class Choice:
    """Offers the policy allows, best first, and what spoke against the others, in English and Chinese."""

    offers: tuple[Offer, ...]
    against: tuple[tuple[str, str], ...]

    def as_dict(self, language: str) -> dict[str, Any]:
        return {
            "offers": [o.as_dict(language) for o in self.offers],
            "against": [a[1] if language == "zh" else a[0] for a in self.against],
        }


def choose(store: Any, customer: Row, *, risk: str | None, today: date, worth: Worth | None = None) -> Choice:
    """Check each active offer's rules against the customer and rank what remains: by expected value, with ``worth``.

    Without it retention offers (with a rule on risk) come first for those at risk; among equals the larger value wins.
    """
    subscription = next((s for s in store.subscriptions(customer["id"]) if s["status"] != "cancelled"), None)
    made = [m for m in store.offers_made(customer["id"]) if m.get("outcome") != "drafted"]
    allowed: list[tuple[tuple[float, float], Offer]] = []
    against: list[tuple[str, str]] = []
    for row in store.offers(today):
        rules = json.loads(row["rules"]) if isinstance(row["rules"], str) else dict(row["rules"] or {})
        no = _obstacle(store, rules, row, customer, subscription, made, risk, today)
        if no:
            against.append((f"{row['name']}: {no[0]}", f"{row.get('name_zh') or row['name']}：{no[1]}"))
            continue
        reasons = []
        if rules.get("risk") and risk:
            reasons.append(
                (
                    f"churn risk is {risk}",
                    f"流失风险为{ {'low': '低', 'medium': '中', 'high': '高'}.get(risk, risk) }",
                )
            )
        if rules.get("tiers"):
            reasons.append((f"tier is {customer.get('tier')}", f"等级为{customer.get('tier')}"))
        if rules.get("plans") and subscription:
            reasons.append((f"plan is {subscription['plan']}", f"订阅为{subscription['plan']}"))
        expected = worth.of(row, subscription) if worth else None
        if worth and expected:
            reasons += worth.reasons(row, expected)
        offer = Offer(
            row["id"], row["kind"], float(row["value"]), row["name"], row.get("name_zh") or row["name"],
            row["terms"], row.get("terms_zh") or row["terms"], row.get("valid_to"), tuple(reasons), expected,
        )  # fmt: skip
        narrow = (
            len(rules.get("risk") or [1, 2, 3, 4])
            if risk in ("medium", "high")
            else 4 - bool(rules.get("tiers"))
        )
        allowed.append(((-expected.value, 0.0) if expected else (narrow, -offer.value), offer))
    allowed.sort(key=lambda x: x[0])
    return Choice(tuple(o for _, o in allowed), tuple(against))


def _obstacle(
    store: Any,
    rules: Row,
    offer: Row,
    customer: Row,
    subscription: Row | None,
    made: Sequence[Row],
    risk: str | None,
    today: date,
) -> tuple[str, str] | None:
    """Why this customer may not get this offer, or None."""
    if rules.get("needs_consent", True) and not customer.get("consent_marketing"):
        return "no marketing consent", "未同意接收优惠"
    if rules.get("risk") and risk not in rules["risk"]:
        return f"churn risk is {risk or 'not known'}", "流失风险不符"
    if rules.get("tiers") and customer.get("tier") not in rules["tiers"]:
        return "wrong tier", "等级不符"
    if rules.get("plans") and (subscription is None or subscription["plan"] not in rules["plans"]):
        return "wrong plan", "订阅方案不符"
    joined = customer.get("joined_on")
    months = rules.get("min_tenure_months")
    if months and joined and date.fromisoformat(joined[:10]) > today - timedelta(days=int(30.4 * months)):
        return f"customer for less than {months} months", f"成为客户不足{months}个月"
    if rules.get("countries") and customer.get("country") not in rules["countries"]:
        return "wrong country", "国家不符"
    complaint_days = rules.get("needs_complaint_days")
    if complaint_days and not _complained(store, customer["id"], today - timedelta(days=int(complaint_days))):
        return f"no complaint in the last {complaint_days} days", f"最近{complaint_days}天没有投诉"
    days = rules.get("max_per_days")
    recent = today - timedelta(days=int(days)) if days else None
    if recent and any(m["at"][:10] >= recent.isoformat() for m in made):
        return f"had an offer in the last {days} days", f"最近{days}天内已获得优惠"
    budget = rules.get("budget")
    if budget and store.offers_accepted(offer["id"], since=date(today.year, 1, 1)) >= budget:
        return (
            f"its budget of {budget:g} for {today.year} is used up",
            f"{today.year}年的{budget:g}份名额已用完",
        )
    ceiling = rules.get("ceiling_percent")
    if ceiling and offer["kind"] == "discount" and float(offer["value"]) > float(ceiling):
        return f"above the ceiling of {ceiling} %", f"超过{ceiling}%的上限"
    return None


def _complained(store: Any, customer: str, since: date) -> bool:
    """Whether a ticket was opened or a review of at most two stars written since a day."""
    rows = store.interactions(customer, since=since)
    return any(is_complaint(r) for r in rows)


@dataclass(frozen=True)
class Action:
    """One thing to do next: a code, and what and why in both languages."""

    code: str
    text: str
    text_zh: str
    why: str = ""
    why_zh: str = ""

    def as_dict(self, language: str) -> dict[str, str]:
        zh = language == "zh"
        return {
            "code": self.code,
            "text": self.text_zh if zh else self.text,
            "why": self.why_zh if zh else self.why,
        }


def next_actions(
    store: Any,
    customer: Row,
    *,
    risk: str | None,
    today: date,
    drivers: Sequence[tuple[str, str]] = (),
    worth: Worth | None = None,
) -> list[Action]:
    """What is open for a customer, most pressing first: open tickets, an unanswered message, a bad review, risk, an
    allowed offer. ``drivers`` are what raises the risk, in English and Chinese.
    """
    actions: list[Action] = []
    rows = store.interactions(customer["id"], limit=40)
    for row in [r for r in rows if r["channel"] == "ticket" and r.get("status") == "open"][:2]:
        about = row.get("subject") or row["text"][:60]
        actions.append(
            Action("open_ticket", f"Answer the open ticket {row['id']} of {row['at'][:10]} ({about}).",
                   f"处理{row['at'][:10]}的未结工单{row['id']}（{about}）。",
                   f"it has been open for {_days(row, today)} days", f"已等待{_days(row, today)}天")
        )  # fmt: skip
    newest = rows[0] if rows else None
    fresh = newest and newest["at"][:10] >= (today - timedelta(days=14)).isoformat()
    if newest and fresh and newest["author"] == "customer" and newest["channel"] in ("email", "chat"):
        actions.append(
            Action("reply", f"Reply to the {newest['channel']} of {newest['at'][:10]} ({newest['id']}).",
                   f"回复{newest['at'][:10]}的留言（{newest['id']}）。",
                   "the customer wrote last and has no answer", "客户的留言还没有得到回复")
        )  # fmt: skip
    late = (today - timedelta(days=REVIEW_DAYS)).isoformat()
    review = next((r for r in rows if r["channel"] == "review" and is_complaint(r) and r["at"] >= late), None)
    if review and not any(r["author"] == "agent" and r["at"] > review["at"] for r in rows):
        actions.append(
            Action("review", f"Write to the customer about the review of {review['at'][:10]} ({review['id']}).",
                   f"就{review['at'][:10]}的评价（{review['id']}）联系客户。",
                   f"it has only {review['rating']} of 5 stars", f"评分仅{review['rating']}星（满分5星）")
        )  # fmt: skip
    reasons = ("; ".join(en for en, _ in drivers[:2]), "；".join(zh for _, zh in drivers[:2]))
    choice = choose(store, customer, risk=risk, today=today, worth=worth)
    if risk == "high":
        text = "Call the customer: the churn risk is high.", "致电客户：流失风险高。"
        actions.append(Action("call", *text, *reasons))
    pays = [o for o in choice.offers if o.expected is None or o.expected.value > 0]
    if pays and risk in ("medium", "high"):
        first = pays[0]
        actions.append(
            Action(
                "offer",
                f"Make the offer {first.name} ({first.id}).",
                f"提供优惠“{first.name_zh}”（{first.id}）。",
                "; ".join(en for en, _ in first.reasons),
                "；".join(zh for _, zh in first.reasons),
            )
        )
    return actions


def _days(row: Row, today: date) -> int:
    return max(0, (today - date.fromisoformat(row["at"][:10])).days)
