"""Orders and addresses: when they may be cancelled, returned or changed, by the policy."""

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from assistant.crm.actions import Change
from assistant.dialogue import item_rules, requests
from assistant.dialogue.proposals import Answer, Case, Missing, Proposal, Refusal, Row
from assistant.dialogue.subscription_rules import later


def _order(case: Case, wanted: Callable[[Row], bool], verb: tuple[str, str]) -> Row | Missing | Refusal:
    """The order that is meant: the one named, or the only one of the account that fits."""
    named = list(case.orders)
    if (answered := case.slots.get("order")) is not None:
        token = str(answered).strip().strip(".。").upper()
        named = [token, *(w.strip(".,。，") for w in token.split())]
        named = [n for n in named if case.store.order(n)] or [token]
    if named:
        row = case.store.order(named[0])
        if (
            row is None or row["customer_id"] != case.customer["id"]
        ):  # the same words for "not there" and "not yours"
            return Refusal(
                "no_such_order",
                case.t(f"There is no order {named[0]} in this account. Please check the number.", f"这个账户里没有订单{named[0]}，请核对订单号。"),
            )  # fmt: skip
        return dict(row)
    rows = [dict(r) for r in case.store.orders(case.customer["id"])]
    fitting = [r for r in rows if wanted(r)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        if rows:
            return rows[0]  # its own obstacle is the answer
        return Refusal("no_orders", case.t("There is no order in this account.", "这个账户里没有订单。"))
    listed = ", ".join(
        f"{r['id']} ({r['ordered_at'][:10]}, {case.money(r['total'] or 0, r.get('currency'))})"
        for r in fitting[:4]
    )
    return Missing(
        "order", case.t(f"Which order shall I {verb[0]}: {listed}?", f"您想{verb[1]}哪个订单：{listed}？")
    )


_STATUS_ZH = {
    "placed": "已下单",
    "shipped": "已发货",
    "delivered": "已送达",
    "cancelled": "已取消",
    "returned": "已退货",
}


def cancel_order(case: Case, rule: Any) -> Answer:
    found = _order(case, lambda r: r["status"] in rule.statuses, ("cancel", "取消"))
    if isinstance(found, Missing | Refusal):
        return found
    id, status = found["id"], found["status"]
    if status not in rule.statuses:
        return Refusal(f"order_{status}", _too_late(case, found))
    arguments: dict[str, Any] = {"order": id}
    after: dict[str, Any] = {"status": "cancelled"}
    before: dict[str, Any] = {"status": status}
    if rule.reasons:
        reason = str(case.slots.get("reason") or "")
        if reason not in rule.reasons:
            listed = case.t(" or ", "或").join(f'"{r}"' for r in rule.reasons)
            question = (
                f"For which reason is order {id} to be cancelled: {listed}?",
                f"取消订单{id}的原因是：{listed}？",
            )
            return Missing("reason", case.t(*question))
        arguments["reason"] = reason
        before["attributes"] = found["attributes"]
        after["attributes"] = {**found["attributes"], "cancel_reason": reason}
    paid, moved = item_rules.refund_all(case, id)
    total = case.money(found["total"] or 0, found.get("currency"))
    items = _items(case, found["lines"])
    return Proposal(
        "cancel_order", id, arguments,
        (
            case.t(f"Order {id} of {found['ordered_at'][:10]} ({items}) is cancelled.", f"取消{found['ordered_at'][:10]}的订单{id}（{items}）。"),
            case.t(f"{total} is refunded within {rule.refund_working_days} working days, the way it was paid.", f"{total}将在{rule.refund_working_days}个工作日内按原支付方式退回。"),
        ),
        case.t(f"Order {id} is cancelled. The refund of {total} comes within {rule.refund_working_days} working days.", f"订单{id}已取消，{total}将在{rule.refund_working_days}个工作日内退回。"),
        (Change("orders", id, before, after), *moved), paid,
    )  # fmt: skip


def _too_late(case: Case, order: Row) -> str:
    id, status = order["id"], order["status"]
    shown = _STATUS_ZH.get(status, status) if case.zh else status
    text = case.t(
        f'Order {id} has the status "{shown}", so it can\'t be cancelled or changed any more.',
        f"订单{id}的状态是“{shown}”，已无法取消或更改。",
    )
    rule = case.policy.return_order
    if status in ("shipped", "delivered") and rule:
        text += case.t(
            f" Unopened items may be returned within {rule.days} days of delivery.",
            f"未拆封的商品可在收货后{rule.days}天内退回。",
        )
    return text


def _items(case: Case, lines: Sequence[Row]) -> str:
    names = []
    for line in lines:
        product = case.store.product(line["product_id"]) if line.get("product_id") else None
        name = (
            ((product or {}).get("name_zh") if case.zh else None)
            or line.get("product")
            or line.get("product_id")
        )
        names.append(f"{line['quantity']:g} x {name}")
    return case.t(", ", "、").join(names[:6]) or case.t("no items", "无商品")


def return_order(case: Case, rule: Any) -> Answer:
    def fits(r: Row) -> bool:
        return r["status"] == "delivered" and _age(case, r) <= rule.days and not r["attributes"].get("return")

    found = _order(case, fits, ("return", "退"))
    if isinstance(found, Missing | Refusal):
        return found
    id, status = found["id"], found["status"]
    if status != "delivered":
        cancel = case.policy.cancel_order
        if cancel and status in cancel.statuses:
            text = case.t(
                f'Order {id} hasn\'t been shipped yet: it can be cancelled instead. Just write "cancel {id}".',
                f"订单{id}尚未发货，可以直接取消：请输入“取消订单{id}”。",
            )
        else:
            shown = _STATUS_ZH.get(status, status) if case.zh else status
            text = case.t(
                f'Order {id} has the status "{shown}"; only what has been delivered can be returned.',
                f"订单{id}的状态是“{shown}”，只有已送达的订单才能退货。",
            )
        return Refusal(f"order_{status}", text)
    if found["attributes"].get("return"):
        return Refusal(
            "return_registered",
            case.t(f"A return of order {id} is registered already.", f"订单{id}的退货已经登记过了。"),
        )
    if _age(case, found) > rule.days:
        return Refusal(
            "too_late",
            case.t(f"Order {id} was delivered on {found['delivered_at'][:10]}, more than {rule.days} days ago, so it can't be returned any more.",
                   f"订单{id}于{found['delivered_at'][:10]}送达，已超过{rule.days}天，无法再退货。"),
        )  # fmt: skip
    lines = [line for line in found["lines"] if not case.products or line["product_id"] in case.products]
    allowed = [
        line
        for line in lines
        if (case.store.product(line["product_id"]) or {}).get("category") not in rule.never
    ]
    if not lines:
        return Refusal(
            "not_in_order", case.t(f"That product isn't in order {id}.", f"订单{id}里没有这件商品。")
        )
    if not allowed:
        return Refusal("never_returned", case.t("Gift cards can't be returned.", "礼品卡不能退货。"))
    if _opened(case.said):
        return Refusal("opened", case.t("Opened or used items can't be returned. If something is faulty, or you don't like a blend, a colleague can help: just write \"talk to a person\".",
                                        "已拆封或使用过的商品不能退货。如果商品有问题或不合口味，请输入“转人工”，由同事为您处理。"))  # fmt: skip
    faulty = _faulty(case.said)
    amount = sum(line["amount"] or 0 for line in allowed)
    if len(allowed) == len(found["lines"]) and _age(case, found) <= rule.shipping_days:
        amount += float(found["attributes"].get("shipping") or 0)
    label = 0.0 if faulty else rule.label
    currency = found.get("currency")
    record = {
        "registered_on": case.today.isoformat(),
        "products": [line["product_id"] for line in allowed],
        "label": label,
    }
    attributes = found["attributes"]
    cost = (
        case.t("The return label is free.", "退货标签免费。")
        if faulty
        else case.t(
            f"The return label costs {case.money(label, currency)}, which is taken off the refund.",
            f"退货标签{case.money(label, currency)}，将从退款中扣除。",
        )
    )
    return Proposal(
        "return_order", id, {"order": id, "products": record["products"]},
        (
            case.t(f"A return of {_items(case, allowed)} from order {id} is registered.", f"登记订单{id}中{_items(case, allowed)}的退货。"),
            case.t(f"The items must be unused, unopened and in their original box, and handed in within {rule.hand_in_days} days.", f"商品须未使用、未拆封、带原包装，并在{rule.hand_in_days}天内交寄。"),
            cost,
            case.t(f"{case.money(max(0.0, amount - label), currency)} is refunded within {rule.refund_working_days} working days of the parcel's arrival.",
                   f"包裹到达仓库后{rule.refund_working_days}个工作日内退回{case.money(max(0.0, amount - label), currency)}。"),
        ),
        case.t(f"The return of order {id} is registered. Hand the parcel in within {rule.hand_in_days} days.", f"订单{id}的退货已登记，请在{rule.hand_in_days}天内交寄。"),
        (Change("orders", id, {"status": status, "attributes": attributes}, {"attributes": {**attributes, "return": record}}),),
    )  # fmt: skip


def _age(case: Case, order: Row) -> int:
    delivered = order.get("delivered_at") or order["ordered_at"]
    return (case.today - date.fromisoformat(delivered[:10])).days


def _opened(text: str) -> bool:
    return bool(
        re.search(
            r"(?<!un)(?<!not )(?<!n't )\bopened\b|\bused it\b|\bi(?:'ve| have) (?:already )?(?:used|opened|tried|drunk)|(?<!未)(?<!没)(?<!没有)(?:拆封|开封|打开|用过|拆开|喝过)",
            text,
            re.I,
        )
    )


def _faulty(text: str) -> bool:
    return bool(
        re.search(
            r"\b(?:faulty|defective|broken|damaged|wrong (?:item|product|one|coffee)|doesn't work|does not work)\b|坏了|损坏|有问题|发错|寄错|故障",
            text,
            re.I,
        )
    )


# -- addresses ---------------------------------------------------------------------------------------------------


def change_address(case: Case, rule: Any) -> Answer:
    if case.slots.get("parts"):
        return item_rules.new_address(case, rule)
    of_order = (
        bool(case.orders)
        or case.slots.get("order") is not None
        or bool(re.search(r"\b(?:order|parcel|package)\b|订单|包裹", case.said, re.I))
    )
    order: Row | None = None
    subscription = case.subscription("active", "paused")
    if of_order:
        found = _order(case, lambda r: r["status"] in rule.statuses, ("send elsewhere", "改寄"))
        if isinstance(found, Missing | Refusal):
            return found
        order = found
        if order["status"] not in rule.statuses:
            return Refusal(f"order_{order['status']}", _too_late(case, order))
    answered = case.slots.get("address")
    address = (
        requests.read_address(str(answered), whole=True)
        if answered is not None
        else requests.read_address(case.said)
    )
    if address is None:
        return Missing(
            "address",
            case.t(
                "What is the whole new address: street and number, postcode, town and country?",
                "请告诉我完整的新地址：街道和门牌号、邮编、城市和国家。",
            ),
        )
    country = _country(address, rule)
    if country == "elsewhere":
        names = case.t(", ", "、").join(n[-1] if case.zh else n[0] for n in rule.countries.values())
        return Refusal(
            "country",
            case.t(
                f"I'm sorry, we only deliver to these countries: {names}.",
                f"抱歉，我们只配送到以下国家：{names}。",
            ),
        )
    country = country or case.customer.get("country")
    if re.search(r"\bp\.?\s?o\.? ?box\b|\bpostbus\b|\bpostfach\b|邮政信箱", address, re.I):
        return Refusal(
            "post_box",
            case.t(
                "DHL can't deliver to a post office box. Please give a street address.",
                "DHL无法投递到邮政信箱，请提供街道地址。",
            ),
        )
    if order is not None:
        id, attributes = order["id"], order["attributes"]
        return Proposal(
            "change_address", id, {"order": id, "address": address},
            (case.t(f"Order {id} is sent to: {address}.", f"订单{id}将寄往：{address}。"),),
            case.t(f"Order {id} will be sent to: {address}.", f"订单{id}将寄往：{address}。"),
            (Change("orders", id, {"status": order["status"], "attributes": attributes}, {"attributes": {**attributes, "address": address}}),),
        )  # fmt: skip
    customer = case.customer
    postcode = requests.read_postcode(address)
    after: dict[str, Any] = {
        "attributes": {**customer["attributes"], "address": address}
        | ({"postcode": postcode} if postcode else {})
    }
    before: dict[str, Any] = {"attributes": customer["attributes"]}
    if country != customer.get("country"):
        before["country"], after["country"] = customer.get("country"), country
    if postcode and (city := _city(address, postcode)) and city != customer.get("city"):
        before["city"], after["city"] = customer.get("city"), city
    will = [
        case.t(
            f"The delivery address of the account {customer['id']} becomes: {address}.",
            f"账户{customer['id']}的收货地址改为：{address}。",
        )
    ]
    if subscription and subscription["next_delivery_on"]:
        box = date.fromisoformat(subscription["next_delivery_on"])
        in_time = case.today <= box - timedelta(days=rule.days_before_dispatch)
        first = box if in_time else later(box, 1)
        will.append(
            case.t(f"It holds for subscription boxes from {first} on.", f"从{first}的订阅包裹起生效。")
        )
        if not in_time:
            will.append(case.t(f"The box of {box} still goes to the old address: changes are possible until {rule.days_before_dispatch} days before dispatch.",
                               f"{box}的包裹仍寄往旧地址：更改须在发货{rule.days_before_dispatch}天前提出。"))  # fmt: skip
    will.append(case.t("Orders that are under way are not redirected.", "已经发出的订单不会改寄。"))
    return Proposal(
        "change_address", customer["id"], {"customer": customer["id"], "address": address}, tuple(will),
        case.t(f"The new delivery address is: {address}.", f"新的收货地址是：{address}。"),
        (Change("customers", customer["id"], before, after),),
    )  # fmt: skip


def _city(address: str, postcode: str) -> str | None:
    """What stands beside the postcode: "10115 Berlin", "Cork T12 AB34"."""
    part = next((p for p in re.split(r"[,，;；]", address) if postcode in p), "")
    city = part.replace(postcode, " ").strip()
    return city if city and not re.search(r"\d", city) else None


def _country(address: str, rule: Any) -> str | None:
    for name in sorted(rule.elsewhere, key=len, reverse=True):
        pattern = rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])" if name.isascii() else re.escape(name)
        if re.search(pattern, address, 0 if len(name) <= 3 else re.I):
            return "elsewhere"
    for code, names in rule.countries.items():
        if any(
            re.search(
                rf"(?<![A-Za-z]){re.escape(n)}(?![A-Za-z])" if n.isascii() else re.escape(n), address, re.I
            )
            for n in names
        ):
            return str(code)
    return None
