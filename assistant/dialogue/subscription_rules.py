"""Subscriptions: pausing, skipping, changing, beginning and ending them, by the policy."""

import calendar
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from assistant.crm.actions import Addition, Change
from assistant.dialogue import requests
from assistant.dialogue.proposals import Answer, Case, Missing, Proposal, Refusal, Row


def later(day: date, months: int) -> date:
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _running(case: Case, *statuses: str) -> Row | Refusal:
    found = case.subscription(*statuses)
    if found is not None:
        return found
    other = case.subscription("active", "paused")
    if other is not None and other["status"] == "paused":
        return Refusal(
            "paused",
            case.t(
                f"The subscription {other['id']} is paused already.", f"订阅{other['id']}已经处于暂停状态。"
            ),
        )
    if other is not None:
        return Refusal(
            "not_paused",
            case.t(f"The subscription {other['id']} is not paused.", f"订阅{other['id']}没有暂停。"),
        )
    return Refusal(
        "no_subscription",
        case.t("There is no running subscription in this account.", "这个账户没有有效的订阅。"),
    )


def _deadline(case: Case, subscription: Row, rule: Any) -> Refusal | None:
    """Whether the next box can still be changed; its dispatch day must be known for that."""
    if not subscription["next_delivery_on"]:
        return None
    box = date.fromisoformat(subscription["next_delivery_on"])
    last = box - timedelta(days=rule.days_before_dispatch)
    if case.today <= last:
        return None
    return Refusal(
        "deadline",
        case.t(f"The box of {box} can't be changed any more: the last day for it was {last}. You can ask again from {box + timedelta(days=1)} on.",
               f"{box}的包裹已无法更改：截止日期是{last}。请从{box + timedelta(days=1)}起再提出。"),
    )  # fmt: skip


def pause_subscription(case: Case, rule: Any) -> Answer:
    found = _running(case, "active")
    if isinstance(found, Refusal):
        return found
    if late := _deadline(case, found, rule):
        return late
    attributes = found["attributes"]
    first = attributes.get("first_box_after_pause")
    if first and (found["next_delivery_on"] or "") <= first:
        return Refusal(
            "pause_again",
            case.t(
                "After a pause at least one box must be sent before the next pause.",
                "暂停结束后，至少要寄出一个包裹才能再次暂停。",
            ),
        )
    months = case.slot("months", requests.read_months)
    allowed = case.t(" or ", "或").join(str(m) for m in rule.months)
    if months is None:
        return Missing("months", case.t(f"For how many months: {allowed}?", f"暂停几个月：{allowed}？"))
    if months not in rule.months:
        return Refusal(
            "months",
            case.t(
                f"A pause can last {rule.months[0]} to {rule.months[-1]} months, not {months}.",
                f"可以暂停{rule.months[0]}到{rule.months[-1]}个月，不能暂停{months}个月。",
            ),
        )
    box = found["next_delivery_on"]
    again = later(date.fromisoformat(box), months).isoformat() if box else None
    will = [
        case.t(f"The subscription {found['id']} ({_plan(case, found)}) is paused for {months} month{'s' if months > 1 else ''}; nothing is sent or charged meanwhile.",
               f"订阅{found['id']}（{_plan(case, found)}）暂停{months}个月，期间不寄送、不收费。"),
    ]  # fmt: skip
    if again:
        will.append(
            case.t(
                f"It starts again by itself with the box of {again}; you can end the pause earlier.",
                f"之后从{again}的包裹起自动恢复，您也可以提前结束暂停。",
            )
        )
    return Proposal(
        "pause_subscription", found["id"], {"subscription": found["id"], "months": months}, tuple(will),
        case.t(f"The subscription {found['id']} is paused" + (f" until the box of {again}." if again else "."), f"订阅{found['id']}已暂停" + (f"，{again}恢复寄送。" if again else "。")),
        (Change("subscriptions", found["id"], {"status": "active", "next_delivery_on": box, "attributes": attributes},
                {"status": "paused", "next_delivery_on": again, "attributes": {**attributes, "first_box_after_pause": again, "box_before_pause": box}}),),
    )  # fmt: skip


def resume_subscription(case: Case, rule: Any) -> Answer:
    found = _running(case, "paused")
    if isinstance(found, Refusal):
        return found
    attributes = found["attributes"]
    box = _next_dispatch(
        case.today, rule.days_before_dispatch, (attributes.get("dispatch_day") or _day_of(found) or 5,)
    )
    held = found["next_delivery_on"]
    if held and held < box.isoformat():
        box = date.fromisoformat(held)
    return Proposal(
        "resume_subscription", found["id"], {"subscription": found["id"]},
        (
            case.t(f"The pause of the subscription {found['id']} ({_plan(case, found)}) ends now.", f"订阅{found['id']}（{_plan(case, found)}）的暂停现在结束。"),
            case.t(f"The next box is dispatched on {box}; it costs {case.money(found['price'] or 0, found.get('currency'))} as before.", f"下一个包裹于{box}寄出，价格仍为{case.money(found['price'] or 0, found.get('currency'))}。"),
        ),
        case.t(f"The subscription {found['id']} runs again; the next box is dispatched on {box}.", f"订阅{found['id']}已恢复，下一个包裹于{box}寄出。"),
        (Change("subscriptions", found["id"], {"status": "paused", "next_delivery_on": held, "attributes": attributes},
                {"status": "active", "next_delivery_on": box.isoformat(), "attributes": {**attributes, "first_box_after_pause": box.isoformat()}}),),
    )  # fmt: skip


def skip_delivery(case: Case, rule: Any) -> Answer:
    found = _running(case, "active")
    if isinstance(found, Refusal):
        return found
    if not found["next_delivery_on"]:
        return Refusal(
            "no_box", case.t("No next box is planned that could be skipped.", "目前没有可跳过的下一个包裹。")
        )
    if late := _deadline(case, found, rule):
        return late
    box = date.fromisoformat(found["next_delivery_on"])
    skipped = list(found["attributes"].get("skipped", []))
    in_a_row, before = 0, later(box, -1)
    while before.isoformat() in skipped:
        in_a_row, before = in_a_row + 1, later(before, -1)
    if in_a_row >= rule.in_a_row:
        return Refusal(
            "in_a_row",
            case.t(
                f"{rule.in_a_row} boxes in a row have been skipped already. For a longer break the subscription can be paused.",
                f"已经连续跳过{rule.in_a_row}个包裹。如需更长时间，可以暂停订阅。",
            ),
        )
    following = later(box, 1)
    attributes = found["attributes"]
    return Proposal(
        "skip_delivery", found["id"], {"subscription": found["id"], "box": box.isoformat()},
        (
            case.t(f"The box of {box} is not sent and not charged.", f"{box}的包裹不寄送，也不收费。"),
            case.t(f"The next box comes on {following} as usual.", f"下一个包裹照常于{following}寄出。"),
        ),
        case.t(f"The box of {box} is skipped; the next one is dispatched on {following}.", f"{box}的包裹已跳过，下一个于{following}寄出。"),
        (Change("subscriptions", found["id"], {"status": "active", "next_delivery_on": found["next_delivery_on"], "attributes": attributes},
                {"next_delivery_on": following.isoformat(), "attributes": {**attributes, "skipped": [*skipped, box.isoformat()]}}),),
    )  # fmt: skip


def change_plan(case: Case, rule: Any) -> Answer:
    found = _running(case, "active", "paused")
    if isinstance(found, Refusal):
        return found
    plan = case.slot("plan", lambda text: requests.read_plan(text, rule.plans))
    if plan is None:
        return Missing(
            "plan", case.t("Which plan: ", "换成哪个套餐：") + _plans(case, rule) + case.t("?", "？")
        )
    if plan == found["plan"]:
        return Refusal(
            "same_plan",
            case.t(
                f"The subscription {found['id']} is on the plan {plan} already.",
                f"订阅{found['id']}已经是{_plan(case, found)}套餐。",
            ),
        )
    if late := _deadline(case, found, rule):
        return late
    price, currency = rule.plans[plan].price, found.get("currency")
    name = rule.plans[plan].zh if case.zh and rule.plans[plan].zh else plan
    box = found["next_delivery_on"]
    return Proposal(
        "change_plan", found["id"], {"subscription": found["id"], "plan": plan},
        (
            case.t(f"The subscription {found['id']} changes from {found['plan']} to {plan}.", f"订阅{found['id']}由{_plan(case, found)}改为{name}。"),
            case.t(f"The price becomes {case.money(price, currency)} a month instead of {case.money(found['price'] or 0, currency)}; there is no fee.",
                   f"价格由每月{case.money(found['price'] or 0, currency)}变为{case.money(price, currency)}，不收手续费。"),
            *((case.t(f"It holds from the box of {box} on.", f"从{box}的包裹起生效。"),) if box else ()),
        ),
        case.t(f"The subscription {found['id']} is now on the plan {plan}, {case.money(price, currency)} a month.", f"订阅{found['id']}已改为{name}套餐，每月{case.money(price, currency)}。"),
        (Change("subscriptions", found["id"], {"status": found["status"], "plan": found["plan"], "price": found["price"]}, {"plan": plan, "price": price}),),
    )  # fmt: skip


def start_subscription(case: Case, rule: Any) -> Answer:
    running = case.subscription("active", "paused")
    plan = case.slot("plan", lambda text: requests.read_plan(text, rule.plans))
    if running is not None:
        return Refusal(
            "has_subscription",
            case.t(
                f"There is a subscription already: {running['id']} ({running['plan']}). Its plan can be changed instead.",
                f"账户已有订阅{running['id']}（{_plan(case, running)}），可以更换套餐。",
            ),
        )
    if plan is None:
        return Missing(
            "plan", case.t("Which plan: ", "选择哪个套餐：") + _plans(case, rule) + case.t("?", "？")
        )
    country = case.policy.change_address
    if country and case.customer.get("country") and case.customer["country"] not in country.countries:
        return Refusal(
            "country",
            case.t("I'm sorry, we don't deliver to your country.", "抱歉，我们不配送到您所在的国家。"),
        )
    box = _next_dispatch(case.today, rule.days_before_dispatch, rule.dispatch_days)
    price, name = rule.plans[plan].price, rule.plans[plan].zh if case.zh and rule.plans[plan].zh else plan
    currency = case.store.meta("currency", "EUR")
    row = {"customer_id": case.customer["id"], "plan": plan, "status": "active", "started_on": case.today.isoformat(), "price": price,
           "currency": currency, "interval": "month", "next_delivery_on": box.isoformat(), "attributes": {"dispatch_day": box.day}}  # fmt: skip
    return Proposal(
        "start_subscription", case.customer["id"], {"customer": case.customer["id"], "plan": plan},
        (
            case.t(f"A subscription with the plan {plan} begins, {case.money(price, currency)} a month.", f"开始订阅{name}套餐，每月{case.money(price, currency)}。"),
            case.t(f"The first box is dispatched on {box}. It can be changed or cancelled at any time.", f"第一个包裹于{box}寄出，可随时更改或取消。"),
        ),
        case.t(f"The subscription has begun; the first box is dispatched on {box}.", f"订阅已开始，第一个包裹于{box}寄出。"),
        additions=(Addition("subscriptions", row),),
    )  # fmt: skip


def cancel_subscription(case: Case, rule: Any) -> Answer:
    found = _running(case, "active", "paused")
    if isinstance(found, Refusal):
        return found
    box = found["next_delivery_on"]
    ends, will, kept = case.today, [], None
    if box and found["status"] == "active":
        day = date.fromisoformat(box)
        if case.today <= day - timedelta(days=rule.days_before_dispatch):
            ends = max(case.today, day - timedelta(days=1))
            will.append(case.t("No further box is sent or charged.", "不再寄送包裹，也不再收费。"))
        else:
            ends, kept = later(day, 1) - timedelta(days=1), box
            will.append(
                case.t(
                    f"The box of {box} is being made and still comes; it is the last one.",
                    f"{box}的包裹已在准备，仍会寄出，这是最后一个。",
                )
            )
    elif found["status"] == "paused":
        will.append(case.t("No further box is sent or charged.", "不再寄送包裹，也不再收费。"))
    will.insert(
        0,
        case.t(
            f"The subscription {found['id']} ({_plan(case, found)}) is cancelled; its last day is {ends}. There is no fee.",
            f"取消订阅{found['id']}（{_plan(case, found)}），最后一天是{ends}，不收费用。",
        ),
    )
    will.append(
        case.t(
            "The benefits of the plan end with it; the account and its points stay.",
            "套餐权益随之结束，账户和积分保留。",
        )
    )
    before = {"status": found["status"], "ended_on": found["ended_on"], "next_delivery_on": box}
    return Proposal(
        "cancel_subscription", found["id"], {"subscription": found["id"]}, tuple(will),
        case.t(f"The subscription {found['id']} is cancelled; its last day is {ends}.", f"订阅{found['id']}已取消，最后一天是{ends}。"),
        (Change("subscriptions", found["id"], before, {"status": "cancelled", "ended_on": ends.isoformat(), "next_delivery_on": kept}),),
    )  # fmt: skip


def _next_dispatch(today: date, days_before: int, days: Sequence[int]) -> date:
    """The first dispatch day that can still be reached."""
    day = today + timedelta(days=days_before)
    while day.day not in days:
        day += timedelta(days=1)
    return day


def _day_of(subscription: Row) -> int | None:
    return int(subscription["next_delivery_on"][8:10]) if subscription["next_delivery_on"] else None


def _plan(case: Case, subscription: Row) -> str:
    plans = case.policy.change_plan.plans if case.policy.change_plan else {}
    known = plans.get(subscription["plan"])
    return known.zh if case.zh and known and known.zh else str(subscription["plan"])


def _plans(case: Case, rule: Any) -> str:
    return case.t(", ", "、").join(
        f"{p.zh if case.zh and p.zh else n} ({case.money(p.price, 'EUR')})" for n, p in rule.plans.items()
    )
