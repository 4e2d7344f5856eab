"""Getting in touch: tickets, call-backs, and leaving the newsletter, by the policy."""

import re
from datetime import datetime
from typing import Any

from assistant.crm.actions import Addition, Change
from assistant.dialogue import requests
from assistant.dialogue.proposals import Answer, Case, Missing, Proposal, Refusal


def leave_newsletter(case: Case, rule: Any) -> Answer:
    id, consent = case.customer["id"], case.customer["consent_marketing"]
    if consent == 0:
        return Refusal(
            "no_consent",
            case.t(
                "No newsletter or offers are sent to this account already.",
                "这个账户本来就不会收到通讯或优惠邮件。",
            ),
        )
    return Proposal(
        "leave_newsletter", id, {"customer": id},
        (
            case.t("No newsletter and no offers are sent any more, from now on.", "从现在起不再发送通讯和优惠邮件。"),
            case.t("Messages about orders and the subscription still come.", "与订单和订阅有关的邮件仍会发送。"),
        ),
        case.t("You are off the newsletter; no offers are sent any more.", "已退订，不再发送通讯和优惠邮件。"),
        (Change("customers", id, {"consent_marketing": consent}, {"consent_marketing": 0}),),
    )  # fmt: skip


def open_ticket(case: Case, rule: Any) -> Answer:
    about = case.slots.get("about")
    text = str(about) if about is not None else _about(case.said)
    if len(text) < 8 if not case.zh else len(text) < 4:
        return Missing(
            "about",
            case.t(
                "What is it about? Please describe it in a sentence or two.", "请用一两句话说明是什么问题。"
            ),
        )
    row = {"customer_id": case.customer["id"], "at": _moment(case), "channel": "ticket", "author": "customer", "subject": text[:60],
           "text": text[:2000], "language": "zh" if case.zh else "en", "order_id": case.orders[0] if case.orders else None, "status": "open"}  # fmt: skip
    if case.orders and (case.store.order(case.orders[0]) or {}).get("customer_id") != case.customer["id"]:
        row["order_id"] = None
    return Proposal(
        "open_ticket", case.customer["id"], {"customer": case.customer["id"], "text": text[:2000]},
        (
            case.t(f"A ticket is opened: \"{text[:200]}\"", f"新建工单：“{text[:200]}”"),
            case.t(f"A person answers within {rule.answer_working_days} working days.", f"同事会在{rule.answer_working_days}个工作日内答复。"),
        ),
        case.t(f"The ticket is open; a person answers within {rule.answer_working_days} working days.", f"工单已建立，同事会在{rule.answer_working_days}个工作日内答复。"),
        additions=(Addition("interactions", row),),
    )  # fmt: skip


def _about(text: str) -> str:
    """What follows "about", "because" or a colon; a bare "open a ticket" is about nothing yet."""
    match = re.search(
        r"\b(?:about|because|regarding|concerning|that says|saying|that)\b|[:：]|关于|因为|说", text, re.I
    )
    return text[match.end() :].strip(" ,.，。:：") if match else ""


def book_callback(case: Case, rule: Any) -> Answer:
    when = f"{case.slots.get('when') or ''} {case.said}"
    day, time = requests.read_day(when, case.today), requests.read_time(when)
    if day is None or time is None:
        return Missing(
            "when", case.t("On which day and at what time shall we call?", "请问哪一天、几点给您打电话？")
        )
    hours = rule.hours.get(day.weekday())
    if day < case.today or (day - case.today).days > rule.days_ahead:
        return Refusal(
            "day",
            case.t(
                f"A call can be booked up to {rule.days_ahead} days ahead; {day} isn't possible.",
                f"只能预约{rule.days_ahead}天以内的回电，{day}不行。",
            ),
        )
    if hours is None or day in rule.closed:
        return Refusal(
            "closed",
            case.t(f"We are closed on {day}. Please choose another day.", f"{day}我们休息，请选择其他日期。"),
        )
    first, last = (h.zfill(5) for h in hours)
    if not first <= time < last:
        return Refusal(
            "hours",
            case.t(
                f"On {day} we call between {hours[0]} and {hours[1]}, not at {time}.",
                f"{day}的回电时间是{hours[0]}到{hours[1]}，{time}不行。",
            ),
        )
    phone = _phone(when) or case.customer.get("phone")
    if not phone:
        return (
            Missing(
                "when",
                case.t(
                    f"Which number shall we call on {day} at {time}?", f"{day} {time}我们应该拨打哪个号码？"
                ),
            )
            if not case.slots.get("when")
            else Refusal(
                "no_phone",
                case.t(
                    "There is no phone number in this account. Please ask again and give the number, day and time.",
                    "这个账户没有电话号码，请重新提出并注明号码、日期和时间。",
                ),
            )
        )
    shown = (
        phone
        if _phone(when)
        else case.t(
            f"the number in the account (ending in {phone[-2:]})", f"账户里的号码（尾号{phone[-2:]}）"
        )
    )
    text = f"Call-back on {day} at {time}, {phone}. Asked for: {case.said[:300]}"
    row = {"customer_id": case.customer["id"], "at": _moment(case), "channel": "ticket", "author": "customer", "subject": f"Call-back {day} {time}",
           "text": text, "language": "zh" if case.zh else "en", "status": "open", "attributes": {"callback_at": f"{day}T{time}:00", "phone": phone}}  # fmt: skip
    return Proposal(
        "book_callback", case.customer["id"], {"customer": case.customer["id"], "at": f"{day}T{time}", "phone": phone},
        (case.t(f"A person calls on {day} at {time}, on {shown}.", f"同事将于{day} {time}拨打{shown}。"),),
        case.t(f"The call is booked for {day} at {time}.", f"回电已预约：{day} {time}。"),
        additions=(Addition("interactions", row),),
    )  # fmt: skip


def _phone(text: str) -> str | None:
    match = re.search(r"\+\d[\d \-()]{6,}\d|\b0\d[\d \-]{6,}\d\b", text)
    return match[0].strip() if match else None


def _moment(case: Case) -> str:
    return f"{case.today}T{datetime.now():%H:%M:%S}"
