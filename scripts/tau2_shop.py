"""The online shop of tau2-bench's retail domain in our record: its data brought in, what was done told in its words.

The reference behaviour of the benchmark's writing tools is ``apply`` (sierra-research/tau2-bench, MIT): which rows a
call changes. Nothing of its texts is kept here.
"""

import copy
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Call = tuple[str, dict[str, Any]]

WRITES = (
    "cancel_pending_order",
    "exchange_delivered_order_items",
    "modify_pending_order_items",
    "modify_pending_order_address",
    "modify_pending_order_payment",
    "modify_user_address",
    "return_delivered_order_items",
    "transfer_to_human_agents",
)
ADDRESS = ("address1", "address2", "city", "state", "country", "zip")


def read_shop(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / "db.json").read_text(encoding="utf-8"))
    return data


def import_shop(db: Mapping[str, Any], store: Any) -> dict[str, int]:
    """Everything of ``db`` through the project's own import; returns rows accepted per kind.

    The benchmark's orders have no dates, which the record needs: they get one day, and the time of their place in
    their customer's list.
    """
    from assistant.crm.importing import import_file

    place = {order: n for user in db["users"].values() for n, order in enumerate(user["orders"])}
    lines: list[dict[str, Any]] = []
    orders: list[dict[str, Any]] = []
    payments: list[dict[str, Any]] = []
    for order in db["orders"].values():
        at = f"2024-05-01T10:00:{place.get(order['order_id'], 0):02d}"
        key = {"order_id": order["order_id"], "customer_id": order["user_id"], "ordered_at": at}
        tracking = [number for f in order["fulfillments"] for number in f["tracking_id"]]
        total = round(sum(item["price"] for item in order["items"]), 2)
        head = {"status": order["status"], "total": total, "currency": "USD"}
        orders.append({**key, **head, "tracking": ", ".join(tracking) or None, "address": order["address"]})
        for item in order["items"]:
            code = {"product_id": item["product_id"], "variant_id": item["item_id"], "product": item["name"]}
            lines.append({**key, **head, **code, "quantity": 1, "unit_price": item["price"]})
        for n, paid in enumerate(order["payment_history"], start=1):
            payments.append(
                {
                    "id": f"{order['order_id']}-{n}", "order_id": order["order_id"], "amount": paid["amount"],
                    "kind": paid["transaction_type"], "method_id": paid["payment_method_id"],
                }
            )  # fmt: skip
    products = [
        {
            "id": p["product_id"],
            "name": p["name"],
            "price": min(v["price"] for v in p["variants"].values()),
            "currency": "USD",
        }
        for p in db["products"].values()
    ]
    variants = [
        {"id": v["item_id"], "product_id": p["product_id"], "price": v["price"], "available": v["available"], **v["options"]}
        for p in db["products"].values()
        for v in p["variants"].values()
    ]  # fmt: skip
    methods = [
        {"customer_id": user["user_id"], **{("kind" if k == "source" else k): v for k, v in method.items()}}
        for user in db["users"].values()
        for method in user["payment_methods"].values()
    ]
    users = [
        {k: v for k, v in u.items() if k in ("user_id", "name", "email", "address")}
        for u in db["users"].values()
    ]
    in_address = {f"address.{part}": "attribute" for part in ADDRESS}
    steps: tuple[tuple[str, Sequence[Mapping[str, Any]], dict[str, str]], ...] = (
        ("customers", users, {k: v for k, v in in_address.items() if k not in ("address.city", "address.country")}),
        ("products", products, {}),
        ("variants", variants, {option: "attribute" for v in variants for option in v} | _VARIANT),
        ("orders", lines, {"product_id": "product_id", "variant_id": "variant_id"}),
        ("orders", orders, in_address),
        ("payment_methods", methods, {}),
        ("payments", payments, {}),
    )  # fmt: skip
    accepted: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (kind, rows, mapping) in enumerate(steps):
            file = Path(folder) / f"{number}-{kind}.jsonl"
            file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            report = import_file(store, kind, file, mapping=mapping)
            if report.rejected:
                raise SystemExit("\n".join(report.lines()))
            accepted[kind] = accepted.get(kind, 0) + report.accepted
    return accepted


_VARIANT = {"id": "id", "product_id": "product_id", "price": "price", "available": "available"}


# -- what was done, in the benchmark's words ---------------------------------------------------------------------


def as_call(kind: str, arguments: Mapping[str, Any]) -> Call | None:
    """An action of the assistant as the benchmark's tool call; None for one the benchmark has no tool for."""
    get = arguments.get
    if kind == "cancel_order":
        return "cancel_pending_order", {"order_id": get("order"), "reason": get("reason")}
    if kind in ("exchange_items", "change_items"):
        name = "exchange_delivered_order_items" if kind == "exchange_items" else "modify_pending_order_items"
        return name, {
            "order_id": get("order"), "item_ids": list(get("items") or ()), "new_item_ids": list(get("new_items") or ()),
            "payment_method_id": get("payment"),
        }  # fmt: skip
    if kind == "return_items":
        return "return_delivered_order_items", {
            "order_id": get("order"), "item_ids": list(get("items") or ()), "payment_method_id": get("refund_to"),
        }  # fmt: skip
    if kind == "change_payment":
        return "modify_pending_order_payment", {
            "order_id": get("order"),
            "payment_method_id": get("payment"),
        }
    if kind == "change_address":
        parts = dict(get("parts") or {})
        address = {
            "address1": parts.get("street", ""), "address2": parts.get("unit", ""), "city": parts.get("city", ""),
            "state": parts.get("state", ""), "country": parts.get("country", ""), "zip": parts.get("postcode", ""),
        }  # fmt: skip
        if get("order"):
            return "modify_pending_order_address", {"order_id": get("order"), **address}
        return "modify_user_address", {"user_id": get("customer"), **address}
    if kind == "hand_off":
        return "transfer_to_human_agents", {}
    return None


def normal(call: Call) -> str:
    """One text for calls that do the same: pairs of items in any order, a hand-over whatever its summary says."""
    name, arguments = call
    told = dict(arguments)
    if name == "transfer_to_human_agents":
        told = {}
    if "new_item_ids" in told:
        told["item_ids"] = sorted(zip(told["item_ids"], told.pop("new_item_ids"), strict=False))
    elif "item_ids" in told:
        told["item_ids"] = sorted(told["item_ids"])
    return f"{name} {json.dumps(told, sort_keys=True)}"


def apply(db: Mapping[str, Any], calls: Iterable[Call]) -> dict[str, Any]:
    """A copy of the rows that the calls change, after them; calls that are not possible raise KeyError or ValueError."""
    users: dict[str, Any] = {}
    orders: dict[str, Any] = {}

    def user_of(id: str) -> Any:
        return users.setdefault(id, copy.deepcopy(db["users"][id]))

    for name, told in calls:
        if name == "modify_user_address":
            user_of(told["user_id"])["address"] = {k: told[k] for k in ADDRESS}
        if "order_id" not in told:
            continue
        order = orders.setdefault(told["order_id"], copy.deepcopy(db["orders"][told["order_id"]]))
        wallet = user_of(order["user_id"])["payment_methods"]
        if name == "cancel_pending_order":
            order["status"], order["cancel_reason"] = "cancelled", told["reason"]
            for paid in list(order["payment_history"]):
                _pay(order, wallet, "refund", paid["amount"], paid["payment_method_id"])
        elif name == "modify_pending_order_address":
            order["address"] = {k: told[k] for k in ADDRESS}
        elif name == "modify_pending_order_payment":
            first = order["payment_history"][0]
            _pay(order, wallet, "payment", first["amount"], told["payment_method_id"])
            _pay(order, wallet, "refund", first["amount"], first["payment_method_id"])
        elif name == "return_delivered_order_items":
            order["status"] = "return requested"
            order["return_items"], order["return_method"] = (
                sorted(told["item_ids"]),
                told["payment_method_id"],
            )
        elif name in ("exchange_delivered_order_items", "modify_pending_order_items"):
            pairs = list(zip(told["item_ids"], told["new_item_ids"], strict=True))
            difference = 0.0
            for old, new in pairs:
                item = next(i for i in order["items"] if i["item_id"] == old)
                fresh = db["products"][item["product_id"]]["variants"][new]
                difference += fresh["price"] - item["price"]
                if name == "modify_pending_order_items":
                    item.update(item_id=new, price=fresh["price"], options=fresh["options"])
            difference = round(difference, 2)
            if name == "exchange_delivered_order_items":
                order["status"] = "exchange requested"
                order["exchanged"] = sorted(map(list, pairs))
                order["exchange_method"], order["exchange_difference"] = told["payment_method_id"], difference
            else:
                order["status"] = "pending (item modified)"
                kind = "payment" if difference > 0 else "refund"
                _pay(order, wallet, kind, abs(difference), told["payment_method_id"])
    return {
        "orders": {id: _order_state(o) for id, o in orders.items()},
        "users": {id: _user_state(u["address"], u["payment_methods"].values()) for id, u in users.items()},
    }


def _pay(order: Any, wallet: Any, kind: str, amount: float, method: str) -> None:
    order["payment_history"].append({"transaction_type": kind, "amount": amount, "payment_method_id": method})
    if "balance" in wallet.get(method, {}):
        change = -amount if kind == "payment" else amount
        wallet[method]["balance"] = round(wallet[method]["balance"] + change, 2)


def _order_state(order: Mapping[str, Any]) -> dict[str, Any]:
    extra = (
        "cancel_reason",
        "return_items",
        "return_method",
        "exchanged",
        "exchange_method",
        "exchange_difference",
    )
    return {
        "status": order["status"],
        "items": sorted((i["item_id"], i["price"]) for i in order["items"]),
        "address": {k: order["address"][k] for k in ADDRESS},
        "payments": sorted(
            (p["transaction_type"], round(p["amount"], 2), p["payment_method_id"])
            for p in order["payment_history"]
        ),
        **{name: order[name] for name in extra if order.get(name) is not None},
    }


def _user_state(address: Mapping[str, Any], methods: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    balances = {m["id"]: round(m["balance"], 2) for m in methods if m.get("balance") is not None}
    return {"address": {k: address[k] for k in ADDRESS}, "balances": balances}


def state_of(store: Any, orders: Iterable[str], users: Iterable[str]) -> dict[str, Any]:
    """The same as ``apply`` returns, read from our record."""
    found: dict[str, Any] = {"orders": {}, "users": {}}
    for id in orders:
        row = store.order(id)
        held = row["attributes"]
        back, swap = held.get("return") or {}, held.get("exchange") or {}
        order = {
            "status": row["status"],
            "items": [{"item_id": i["variant_id"], "price": i["unit_price"]} for i in store.items(id)],
            "address": {k: held.get(f"address.{k}", "") for k in ADDRESS},
            "payment_history": [
                {"transaction_type": p["kind"], "amount": p["amount"], "payment_method_id": p["method_id"]}
                for p in store.payments(id)
            ],
            "cancel_reason": held.get("cancel_reason"),
            "return_items": sorted(back["items"]) if back else None,
            "return_method": back.get("refund_to"),
            "exchanged": sorted(map(list, swap["items"])) if swap else None,
            "exchange_method": swap.get("payment"),
            "exchange_difference": swap.get("difference"),
        }
        found["orders"][id] = _order_state(order)
    for id in users:
        row = store.customer(id)
        address = {k: row["attributes"].get(f"address.{k}", "") for k in ADDRESS}
        address |= {"city": row["city"], "country": row["country"]}
        found["users"][id] = _user_state(address, store.payment_methods(id))
    return found
