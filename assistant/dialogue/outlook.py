"""What the models expect: how much a customer will still buy, and the orders and revenue of the coming weeks."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from assistant.dialogue.toolkit import ToolResult
from assistant.errors import ModelError
from assistant.evidence import Evidence

if TYPE_CHECKING:
    from assistant.dialogue.tools import Toolbox

YEAR = 365
HARDLY = 0.05  # expected orders that are said as none
USUAL_WEEKS = 4  # where no time is named
MOST_GROUPS = 7  # lines beside the first one: more are not read
_EACH = re.compile(
    r"\b(?:per|by|each|every)\s+(?:product\s+|item\s+)?(?:group|categor(?:y|ies)|kind|type)|各(?:个)?(?:品类|类别|产品组|类)|每(?:个)?(?:品类|类别|产品组|类)|按(?:品类|类别|产品组)",
    re.I,
)


def read_group(store: Any, message: str, products: Sequence[str] = ()) -> str | None:
    """The product group that a message names, itself or by a product; ``"each"`` where it asks for all of them."""
    from assistant.insight.segments import CATEGORIES_ZH

    if _EACH.search(message):
        return "each"
    if products and (row := store.product(products[0])) and row.get("category"):
        return str(row["category"])
    text = message.lower()
    groups = {str(r["category"]) for r in store.products(active=None) if r.get("category")}
    for group in sorted(groups, key=len, reverse=True):
        stem = group.lower().removesuffix("s")
        zh = CATEGORIES_ZH.get(group.lower())
        if re.search(rf"\b{re.escape(stem)}s?\b", text) or (zh and zh in text):
            return group
    if "beans" in groups and re.search(
        r"\b(?:coffees?|blends?)\b(?! ?(?:machine|maker))|咖啡(?!机|杯)|豆(?!机)", text
    ):
        return "beans"  # as everybody calls them
    return None


def lifetime_value(box: "Toolbox", customer: str, days: int = YEAR) -> ToolResult:
    """What a customer is expected to order and to spend within so many days, and whether they still buy at all."""
    box.customer_row(customer)
    model = box.models("lifetime")
    found = model.predict(box.store, [customer], horizon_days=days)
    if not found:
        text = box.t(
            f"Customer {customer} has no order yet, so there is nothing to foretell.",
            f"客户{customer}还没有订单，因此无法预测。",
        )
        return ToolResult({"customer": customer, "orders": 0}, [box.prediction(customer, "lifetime", text)])
    p = found[0]
    currency = next((o.get("currency") for o in box.store.orders(customer, limit=1)), None) or ""
    spend = None if p.expected_value is None else round(p.expected_orders * p.expected_value, 2)
    span = box.t("12 months" if days == YEAR else f"{days} days", "12个月" if days == YEAR else f"{days}天")
    money = f" {currency}" if currency else ""
    if p.expected_orders < HARDLY:
        lines = [(f"Customer {customer} is expected to place hardly any order in the next {span}.", f"预计客户{customer}未来{span}几乎不会下单。")]  # fmt: skip
    else:
        worth = (
            ("", "")
            if spend is None
            else (f" and spend about {spend:.2f}{money}", f"，消费约{spend:.2f}{money}")
        )
        lines = [(f"Customer {customer} is expected to place about {p.expected_orders:.1f} orders{worth[0]} in the next {span}.", f"预计客户{customer}未来{span}下约{p.expected_orders:.1f}个订单{worth[1]}。")]  # fmt: skip
    sure = _sure(p.p_alive, box)
    lines.append(
        (f"The probability that this customer still buys is {sure}.", f"该客户仍在购买的可能性为{sure}。")
    )
    if p.next_order_on is not None:
        lines.append((f"The next order is as likely as not to come by {p.next_order_on}.", f"下一单有一半可能在{p.next_order_on}之前到来。"))  # fmt: skip
    elif p.p_alive <= 0.5:
        lines.append(("More likely than not there will be no further order.", "更有可能不再下单。"))
    if spend:
        lines.append((f"An order of this customer is worth {p.expected_value:.2f}{money} on average.", f"平均每单约{p.expected_value:.2f}{money}。"))  # fmt: skip
    text = box.t(" ".join(en for en, _ in lines), "".join(zh for _, zh in lines))
    data = {
        "customer": customer,
        "days": days,
        "orders_so_far": p.orders,
        "probability_alive": p.p_alive,
        "expected_orders": p.expected_orders,
        "expected_order_value": p.expected_value,
        "expected_spend": spend,
        "discounted_value": p.lifetime_value,
        "next_order_on": p.next_order_on.isoformat() if p.next_order_on else None,
        "currency": currency or None,
        "model_version": getattr(model, "version", None),
    }
    return ToolResult(data, [box.prediction(customer, "lifetime", text)])


def sales_forecast(
    box: "Toolbox", since: date | None = None, until: date | None = None, group: str | None = None
) -> ToolResult:
    """Expected orders and revenue of the coming weeks with intervals, in all, of one product group, or of each."""
    model = box.models("forecast")
    today = box.store.as_of
    first, last = since or today + timedelta(days=1), until or today + timedelta(weeks=USUAL_WEEKS)
    groups = [str(g) for g in model.groups_]
    if group not in (None, "each", *groups):
        raise ModelError(f"There is no forecast for {group!r}", f"groups: {', '.join(groups)}")
    wanted = groups if group == "each" else [group or groups[0]]
    rows = [_expected(model, name, first, last) for name in wanted]
    weeks: tuple[date, ...] = next((r["weeks"] for r in rows if r["weeks"]), ())
    if not weeks:
        reach = model.reach(wanted[0])
        raise ModelError(
            f"The forecast ends with the week of {reach}, which is before {first}"
            if reach and reach < first
            else f"The forecast has no whole week between {first} and {last}",
            "crm-assistant train forecast learns from the newest weeks",
        )
    begin, end = weeks[0], weeks[-1] + timedelta(days=6)
    count = len(weeks)
    head = box.t(
        f"Forecast for the {f'{count} weeks' if count > 1 else 'week'} from {begin} to {end}"
        + (" (it reaches no further)" if end + timedelta(days=4) < last else "") + "; 8 of 10 times it lies within the span named.",
        f"{begin}至{end}（{count}周）的预测" + ("（最远只到这里）" if end + timedelta(days=4) < last else "") + "；八成的情况落在所给区间内。",
    )  # fmt: skip
    used = {row["currency"] for row in box.store.products(active=None) if row.get("currency")}
    currency = used.pop() if len(used) == 1 else ""
    evidence = [_evidence(box, "header", head)]
    evidence += [_evidence(box, r["group"], _line(box, r, currency)) for r in rows[:MOST_GROUPS]]
    data = {
        "since": begin.isoformat(),
        "until": end.isoformat(),
        "groups": [{k: v for k, v in r.items() if k != "weeks"} for r in rows],
        "currency": currency or None,
        "model_version": getattr(model, "version", None),
    }
    return ToolResult(data, evidence)


def _expected(model: Any, group: str, first: date, last: date) -> dict[str, Any]:
    """Sums over the weeks that lie mostly between two days, with intervals."""
    found: dict[str, Any] = {"group": group, "weeks": ()}
    for measure in ("orders", "revenue"):
        total = model.total(first, last, group=group, measure=measure)
        found["weeks"] = found["weeks"] or (total.weeks if total else ())
        found[measure] = total and {"value": total.value, "low": total.low, "high": total.high}
    return found


def _line(box: "Toolbox", row: dict[str, Any], currency: str) -> str:
    from assistant.insight.forecast import ALL
    from assistant.insight.segments import CATEGORIES_ZH

    group = row["group"]
    en = "In all" if group == ALL else f"{group[:1].upper()}{group[1:]}"
    zh = "总计" if group == ALL else CATEGORIES_ZH.get(group.lower(), group)
    parts_en, parts_zh = [], []
    if orders := row["orders"]:
        parts_en.append(f"about {orders['value']:.0f} orders ({orders['low']:.0f} to {orders['high']:.0f})")
        parts_zh.append(f"约{orders['value']:.0f}个订单（{orders['low']:.0f}至{orders['high']:.0f}）")
    if revenue := row["revenue"]:
        money = f" {currency}" if currency else ""
        parts_en.append(
            f"revenue of about {revenue['value']:.0f}{money} ({revenue['low']:.0f} to {revenue['high']:.0f})"
        )
        parts_zh.append(f"收入约{revenue['value']:.0f}{money}（{revenue['low']:.0f}至{revenue['high']:.0f}）")
    if not parts_en:
        return box.t(f"{en}: sold too rarely for a forecast.", f"{zh}：销售太少，无法预测。")
    return box.t(f"{en}: {' and '.join(parts_en)}.", f"{zh}：{'，'.join(parts_zh)}。")


def _sure(probability: float, box: "Toolbox") -> str:
    """A model of the past is never certain."""
    if probability > 0.99:
        return box.t("over 99%", "99%以上")
    if probability < 0.01:
        return box.t("under 1%", "不到1%")
    return f"{probability:.0%}"


def _evidence(box: "Toolbox", part: str, text: str) -> Evidence:
    return Evidence(
        f"prediction:forecast/{part}", "prediction", text, f"forecast, {part}", box.store.as_of.isoformat()
    )
