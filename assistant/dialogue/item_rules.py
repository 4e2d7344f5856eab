"""Single items of an order, and how it is paid: when they may be exchanged, changed or returned, by the policy.

Everything an action needs is in the case's slots: ``order``, ``items`` (lines of the order, or pairs of a line and the
new variant) and ``payment`` (a payment method of the customer). Who read them from a message is not asked here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from assistant.crm.actions import Addition, Change
from assistant.dialogue.addresses import Address, address_of
from assistant.dialogue.proposals import Answer, Case, Missing, Proposal, Refusal, Row

_KIND_NAMES = {
    "credit_card": ("credit card", "信用卡"),
    "gift_card": ("gift card", "礼品卡"),
    "paypal": ("PayPal", "PayPal"),
}


def own_order(case: Case, statuses: Sequence[str], verb: tuple[str, str]) -> Row | Refusal:
    """The order in the slots, when it is the customer's and has one of these statuses."""
    id = str(case.slots.get("order", ""))
    row = case.store.order(id)
    if row is None or row["customer_id"] != case.customer["id"]:
        text = case.t(f"There is no order {id} in this account.", f"这个账户里没有订单{id}。")
        return Refusal("no_such_order", text)
    if row["status"] not in statuses:
        text = case.t(
            f'Order {id} has the status "{row["status"]}", so I can\'t {verb[0]}.',
            f"订单{id}的状态是“{row['status']}”，无法{verb[1]}。",
        )
        return Refusal("order_" + str(row["status"]).replace(" ", "_"), text)
    return dict(row)


def describe(item: Row, options: Mapping[str, Any]) -> str:
    """ "T-Shirt (blue, M)": what a customer knows an item by."""
    told = ", ".join(
        f"{v} {k}" if str(v).lower() in ("yes", "no", "none") else str(v) for k, v in options.items()
    )
    return f"{item['product']} ({told})" if told else str(item["product"])


def method_name(case: Case, method: Row) -> str:
    name = _KIND_NAMES.get(method["kind"], (method["kind"].replace("_", " "),) * 2)[case.zh]
    last = method["attributes"].get("last_four")
    return f"{name} {case.t('ending in', '尾号')} {last}" if last else name


def methods(case: Case) -> dict[str, Row]:
    return {m["id"]: m for m in case.store.payment_methods(case.customer["id"])}


def paid_with(case: Case, order: str) -> str | None:
    """The method an order was first paid with."""
    return next((p["method_id"] for p in case.store.payments(order) if p["kind"] == "payment"), None)


def _method(case: Case, order: str, question: tuple[str, str]) -> Row | Missing | Refusal:
    """The payment method in the slots; without one that of the order itself."""
    own = methods(case)
    wanted = case.slots.get("payment") or paid_with(case, order)
    if wanted is None:
        return Missing("payment", case.t(*question))
    if wanted not in own:
        text = case.t("That payment method isn't in this account.", "这个账户里没有该支付方式。")
        return Refusal("no_such_payment", text)
    return own[str(wanted)]


def exchange_items(case: Case, rule: Any) -> Answer:
    """Delivered items for other variants: registered now, money moves when the items have come back."""
    return _swap(case, rule, "exchange_items")


def change_items(case: Case, rule: Any) -> Answer:
    """Items of an order that is still to be sent for other variants; the difference is paid or refunded at once."""
    return _swap(case, rule, "change_items")


def _swap(case: Case, rule: Any, kind: str) -> Answer:
    order = own_order(case, rule.statuses, ("exchange items of it", "更换其中的商品"))
    if isinstance(order, Refusal):
        return order
    lines = {item["line"]: item for item in case.store.items(order["id"])}
    pairs = [(int(line), str(variant)) for line, variant in case.slots.get("items") or ()]
    if not pairs:
        return Missing("items", case.t("Which items, and for which ones?", "要更换哪些商品，换成什么？"))
    will, changes, swaps = [], [], []
    difference = 0.0
    for line, code in pairs:
        item, new = lines.get(line), case.store.variant(code)
        if item is None:
            return Refusal("not_in_order", case.t("That isn't in the order.", "订单里没有这件商品。"))
        if new is None or new["product_id"] != item["product_id"]:
            text = case.t(
                f"{item['product']}: only another variant of the same product is possible.",
                f"{item['product']}：只能换成同一产品的其他规格。",
            )
            return Refusal("other_product", text)
        if new["id"] == item["variant_id"]:
            text = case.t(f"{item['product']}: that is what you have.", f"{item['product']}：与现有的相同。")
            return Refusal("same_item", text)
        told = describe(item, new["attributes"])
        if not new["available"]:
            return Refusal("not_available", case.t(f"{told} isn't available now.", f"{told}目前缺货。"))
        quantity, price = float(item["quantity"]), float(new["price"] or 0)
        difference += quantity * price - float(item["amount"] or 0)
        old = describe(item, item["options"])
        will.append(
            case.t(f"Order {order['id']}: {old} is exchanged for {told}, {case.money(price, order['currency'])}.",
                   f"订单{order['id']}：{old}换成{told}，{case.money(price, order['currency'])}。")
        )  # fmt: skip
        before = {
            "variant_id": item["variant_id"],
            "unit_price": item["unit_price"],
            "amount": item["amount"],
        }
        after = {"variant_id": code, "unit_price": price, "amount": round(quantity * price, 2)}
        changes.append(Change("order_lines", f"{order['id']}/{line}", before, after))
        swaps.append([item["variant_id"], code])
    difference = round(difference, 2)
    method = _method(
        case, order["id"], ("How shall the difference be paid or refunded?", "差价如何支付或退还？")
    )
    if isinstance(method, Missing | Refusal):
        return method
    if (short := _too_little(case, method, difference)) is not None:
        return short
    money, name = case.money(abs(difference), order["currency"]), method_name(case, method)
    if difference > 0:
        will.append(case.t(f"You pay {money} more, by {name}.", f"您需补差价{money}，用{name}支付。"))
    elif difference < 0:
        will.append(case.t(f"You get {money} back, to your {name}.", f"退还{money}至您的{name}。"))
    else:
        will.append(case.t(f"The price is the same ({name}).", f"价格不变（{name}）。"))
    if kind == "exchange_items":
        will.append(case.t("Everything to be exchanged of this order has to be named now: it can be done once.",
                           "请一次说明该订单所有要更换的商品，只能办理一次。"))  # fmt: skip
    else:
        will.append(case.t("After that the items of this order can't be changed any more, and it can't be cancelled here.",
                           "此后该订单的商品不能再更改，也不能在这里取消。"))  # fmt: skip
    attributes = order["attributes"]
    arguments = {
        "order": order["id"], "items": [a for a, _ in swaps], "new_items": [b for _, b in swaps], "payment": method["id"],
    }  # fmt: skip
    done = case.t(
        f"The items of order {order['id']} are exchanged as listed.", f"订单{order['id']}的商品已按所列更换。"
    )
    if kind == "exchange_items":
        record = {
            "on": case.today.isoformat(),
            "items": swaps,
            "payment": method["id"],
            "difference": difference,
        }
        change = Change(
            "orders", order["id"], {"status": order["status"], "attributes": attributes},
            {"status": rule.becomes, "attributes": {**attributes, "exchange": record}},
        )  # fmt: skip
        return Proposal(kind, order["id"], arguments, tuple(will), done, (change,))
    total = round(float(order["total"] or 0) + difference, 2)
    changes.insert(
        0,
        Change("orders", order["id"], {"status": order["status"], "total": order["total"]}, {"status": rule.becomes, "total": total}),
    )  # fmt: skip
    paid, moved = moves(order["id"], [("payment" if difference > 0 else "refund", abs(difference), method)])
    return Proposal(kind, order["id"], arguments, tuple(will), done, (*changes, *moved), paid)


def _too_little(case: Case, method: Row, amount: float) -> Refusal | None:
    if method["balance"] is None or amount <= method["balance"]:
        return None
    text = case.t(
        f"There isn't enough on the {method_name(case, method)}: {case.money(amount, '')} would be needed, it holds {method['balance']:.2f}.",
        f"{method_name(case, method)}余额不足：需要{amount:.2f}，余额为{method['balance']:.2f}。",
    )
    return Refusal("balance", text)


def moves(
    order: str, paid: Sequence[tuple[str, float, Row]]
) -> tuple[tuple[Addition, ...], tuple[Change, ...]]:
    """Payments to be written for an order, and the new balances of the methods that hold money themselves."""
    additions = tuple(
        Addition(
            "payments", {"order_id": order, "method_id": m["id"], "kind": kind, "amount": round(amount, 2)}
        )
        for kind, amount, m in paid
    )
    balances: dict[str, tuple[float, float]] = {}
    for kind, amount, method in paid:
        if method["balance"] is not None:
            first, now = balances.get(method["id"], (method["balance"], method["balance"]))
            balances[method["id"]] = first, round(now + (amount if kind == "refund" else -amount), 2)
    changes = tuple(
        Change("payment_methods", id, {"balance": first}, {"balance": now})
        for id, (first, now) in balances.items()
        if first != now
    )
    return additions, changes


def refund_all(case: Case, order: str) -> tuple[tuple[Addition, ...], tuple[Change, ...]]:
    """What was paid for an order, back to where it came from."""
    own = methods(case)
    paid = [p for p in case.store.payments(order) if p["kind"] == "payment" and p["method_id"] in own]
    return moves(order, [("refund", p["amount"], own[p["method_id"]]) for p in paid])


def return_items(case: Case, rule: Any) -> Answer:
    order = own_order(case, rule.statuses, ("take items of it back", "退货"))
    if isinstance(order, Refusal):
        return order
    lines = {item["line"]: item for item in case.store.items(order["id"])}
    chosen = [int(line) for line in case.slots.get("items") or lines]
    if any(line not in lines for line in chosen):
        return Refusal("not_in_order", case.t("That isn't in the order.", "订单里没有这件商品。"))
    method = _method(case, order["id"], ("Where shall the refund go?", "退款退到哪里？"))
    if isinstance(method, Missing | Refusal):
        return method
    if method["id"] != paid_with(case, order["id"]) and method["kind"] not in rule.refund_to:
        names = " / ".join(_KIND_NAMES.get(k, (k, k))[case.zh] for k in rule.refund_to)
        text = case.t(
            f"A refund of order {order['id']} goes to what it was paid with"
            + (f", or to a {names}." if names else "."),
            f"订单{order['id']}的退款只能退至原支付方式" + (f"或{names}。" if names else "。"),
        )
        return Refusal("refund_to", text)
    items = [lines[line] for line in chosen]
    amount = case.money(sum(float(i["amount"] or 0) for i in items), order["currency"])
    named = ", ".join(describe(i, i["options"]) for i in items)
    attributes = order["attributes"]
    codes = [i["variant_id"] or i["product_id"] for i in items]
    record = {"registered_on": case.today.isoformat(), "items": codes, "refund_to": method["id"]}
    return Proposal(
        "return_items", order["id"], {"order": order["id"], "items": codes, "refund_to": method["id"]},
        (
            case.t(f"A return from order {order['id']} is registered: {named}.", f"登记订单{order['id']}的退货：{named}。"),
            case.t(f"{amount} is refunded to your {method_name(case, method)} within {rule.refund_working_days} working days of the parcel's arrival.",
                   f"包裹到达后{rule.refund_working_days}个工作日内退回{amount}至您的{method_name(case, method)}。"),
        ),
        case.t(f"The return from order {order['id']} is registered.", f"订单{order['id']}的退货已登记。"),
        (Change("orders", order["id"], {"status": order["status"], "attributes": attributes},
                {"status": rule.becomes, "attributes": {**attributes, "return": record}}),),
    )  # fmt: skip


def change_payment(case: Case, rule: Any) -> Answer:
    order = own_order(case, rule.statuses, ("change how it is paid", "更改支付方式"))
    if isinstance(order, Refusal):
        return order
    own, payments = methods(case), case.store.payments(order["id"])
    if len(payments) != 1 or payments[0]["method_id"] not in own:
        text = case.t("Its payment can't be changed here.", "无法在这里更改该订单的支付方式。")
        return Refusal("paid_in_parts", text)
    old, wanted = own[payments[0]["method_id"]], case.slots.get("payment")
    if wanted is None:
        return Missing("payment", case.t("Which payment method shall it be?", "要改成哪种支付方式？"))
    new = own.get(str(wanted))
    if new is None:
        return Refusal("no_such_payment", case.t("That payment method isn't in this account.", "这个账户里没有该支付方式。"))  # fmt: skip
    if new["id"] == old["id"]:
        return Refusal("same_payment", case.t("It is paid that way already.", "目前就是这种支付方式。"))
    amount = float(payments[0]["amount"])
    if (short := _too_little(case, new, amount)) is not None:
        return short
    paid, moved = moves(order["id"], [("payment", amount, new), ("refund", amount, old)])
    money = case.money(amount, order["currency"])
    id, to, was = order["id"], method_name(case, new), method_name(case, old)
    return Proposal(
        "change_payment", id, {"order": id, "payment": new["id"]},
        (
            case.t(f"Order {id}: {money} is paid by {to}.", f"订单{id}：改用{to}支付{money}。"),
            case.t(f"What was paid by {was} is refunded within {rule.refund_working_days} working days.", f"原{was}支付的款项将在{rule.refund_working_days}个工作日内退回。"),
        ),
        case.t(f"Order {id} is now paid by {to}.", f"订单{id}现由{to}支付。"),
        (Change("orders", id, {"status": order["status"]}, {"status": order["status"]}), *moved), paid,
    )  # fmt: skip


def new_address(case: Case, rule: Any) -> Answer:
    """An order's or the account's address, given in parts (slot ``parts``)."""
    address = Address(**case.slots["parts"])
    if case.slots.get("order"):
        order = own_order(case, rule.statuses, ("send it elsewhere", "改寄"))
        if isinstance(order, Refusal):
            return order
        if address_of(order) == address:
            text = case.t(f"Order {order['id']} goes there already.", f"订单{order['id']}本来就寄往该地址。")
            return Refusal("same_address", text)
        held = order["attributes"]
        change = Change("orders", order["id"], {"status": order["status"], "attributes": held}, {"attributes": address.into(held)})  # fmt: skip
        will = case.t(
            f"Order {order['id']} is sent to: {address.line}.", f"订单{order['id']}将寄往：{address.line}。"
        )
        arguments = {"order": order["id"], "address": address.line, "parts": address.as_dict()}
        return Proposal("change_address", order["id"], arguments, (will,), will, (change,))
    customer = case.customer
    if address_of(customer) == address:
        text = case.t("That is the account's address already.", "这已经是账户的地址。")
        return Refusal("same_address", text)
    before = {"attributes": customer["attributes"], "city": customer["city"], "country": customer["country"]}
    held = address.into(customer["attributes"], own=("city", "country"))
    after = {"attributes": held, "city": address.city or None, "country": address.country or None}
    will = case.t(
        f"The account's default address becomes: {address.line}.", f"账户的默认地址改为：{address.line}。"
    )
    arguments = {"customer": customer["id"], "address": address.line, "parts": address.as_dict()}
    return Proposal("change_address", customer["id"], arguments, (will,), will, (Change("customers", customer["id"], before, after),))  # fmt: skip
