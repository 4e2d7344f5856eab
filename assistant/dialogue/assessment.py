"""What the models over the record say beside churn: orders that stand out, points of a scorecard, and what would bring
a risk down."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from assistant.dialogue.toolkit import ToolResult
from assistant.evidence import Evidence

if TYPE_CHECKING:
    from assistant.dialogue.tools import Toolbox

LATE_DAYS = 30  # what "now" means where no time is named
MOST_ORDERS = 6
MOST_LEVERS = 4


def unusual_orders(
    box: "Toolbox", since: date | None = None, until: date | None = None, customer: str | None = None
) -> ToolResult:
    """Which orders stand out, in a period (the last 30 days unless named) or of one customer, and why."""
    from assistant.insight import find_anomalies

    if customer is not None:
        box.customer_row(customer)
    last = until or box.store.as_of
    first = since or (None if customer else last - timedelta(days=LATE_DAYS))
    found = [
        a
        for a in find_anomalies(box.store)
        if (first is None or a.at[:10] >= first.isoformat())
        and a.at[:10] <= last.isoformat()
        and customer in (None, a.customer_id)
    ]
    found.sort(key=lambda a: -a.score)
    who = box.t(f" of customer {customer}", f"客户{customer}的") if customer else ""
    span = box.t(f" from {first} to {last}", f"{first}至{last}") if first else ""
    count = len(found)
    head = box.t(
        f"{count or 'No'} order{'s' if count != 1 else ''}{who}{span} stand{'s' if count == 1 else ''} out.",
        f"{span}{who or '共'}{f'有{count}个订单' if count else '没有订单'}显得异常。",
    )
    if count > MOST_ORDERS:
        head += box.t(f" The {MOST_ORDERS} that do so most:", f"最突出的{MOST_ORDERS}个：")
    evidence = [_evidence(box, "header", head)]
    for a in found[:MOST_ORDERS]:
        why = "；".join(a.reasons_zh) if box.language == "zh" else "; ".join(a.reasons)
        text = box.t(
            f"Order {a.order_id} of {a.at[:10]} (customer {a.customer_id}, {a.money}): {why}.",
            f"订单{a.order_id}（{a.at[:10]}，客户{a.customer_id}，{a.money}）：{why}。",
        )
        evidence.append(_evidence(box, a.order_id, text))
    data = {
        "count": count,
        "since": first.isoformat() if first else None,
        "until": last.isoformat(),
        "orders": [
            {"order": a.order_id, "customer": a.customer_id, "at": a.at, "amount": a.amount, "currency": a.currency, "score": round(a.score, 4),
             "reasons": list(a.reasons_zh if box.language == "zh" else a.reasons)}
            for a in found
        ],
    }  # fmt: skip
    return ToolResult(data, evidence)


def _evidence(box: "Toolbox", part: str, text: str) -> Evidence:
    return Evidence(
        f"prediction:unusual orders/{part}",
        "prediction",
        text,
        f"unusual orders, {part}",
        box.store.as_of.isoformat(),
    )


def risk_score(box: "Toolbox", customer: str) -> ToolResult:
    """A customer's points on the risk scorecard (more is better), and which answers cost most."""
    import pandas as pd

    row = box.customer_row(customer)
    card = box.models("scorecard")
    frame = pd.DataFrame([_columns(box, row, card)])
    score = card.predict(frame)[0]
    lost = sorted(_lost(card, score.lines), key=lambda x: -x[3])
    top = max(sum(max(b.points for b in bins) for bins in card.bins_.values()), score.points)
    percent = 100 * score.probability
    worst = [(c, b, p, n) for c, b, p, n in lost if n > 0][:3]
    why = box.t(
        "; ".join(f"{_name(c)}: {b} (-{n})" for c, b, _, n in worst),
        "；".join(f"{_name(c)}：{b}（-{n}）" for c, b, _, n in worst),
    )
    text = box.t(
        f"Customer {customer} has {score.points} of at most {top} points on the risk scorecard; that stands for a probability of {percent:.1f}% of the bad case.",
        f"客户{customer}的风险评分为{score.points}分（最高{top}分），对应不良情况的概率为{percent:.1f}%。",
    )
    if worst:
        text += box.t(f" What costs most points: {why}.", f"扣分最多的是：{why}。")
    data = {
        "customer": customer,
        "points": score.points,
        "most": top,
        "probability": round(score.probability, 4),
        "lines": [{"column": c, "value": b, "points": p, "lost": n} for c, b, p, n in lost],
        "model_version": card.version,
    }
    return ToolResult(data, [box.prediction(customer, "risk score", text)])


def risk_levers(box: "Toolbox", customer: str) -> ToolResult:
    """What would bring a customer's risk of leaving down, by the model: single changes, best first, or else pairs."""
    from assistant.insight.phrases import feature_phrase

    box.customer_row(customer)
    model = box.models("churn")
    found = model.what_if(box.store, customer)
    shown = [c for c in found if len(c.changes) == 1] or found
    before = round(100 * (found[0].before if found else model.predict(box.store, [customer])[0].probability))
    head = box.t(
        f"By the model customer {customer} leaves within 90 days with a probability of {before}%."
        + (" Among customers like this one it is lower with:" if found else " Nothing that the company can change would bring that down noticeably."),
        f"模型认为客户{customer}在90天内流失的概率为{before}%。" + ("类似客户在以下情况下概率较低：" if found else "公司能改变的因素都不会明显降低它。"),
    )  # fmt: skip
    evidence = [box.prediction(customer, "risk levers", head)]
    for number, c in enumerate(shown[:MOST_LEVERS], start=1):
        said = [
            (feature_phrase(name, new), feature_phrase(name, old)) for name, (old, new) in c.changes.items()
        ]
        after = round(100 * c.after)
        en = " and ".join(f"{new[0]} (now: {old[0]})" for new, old in said)
        zh = "，且".join(f"{new[1]}（现在：{old[1]}）" for new, old in said)
        evidence.append(
            box.prediction(customer, f"risk lever {number}", box.t(f"{en[:1].upper()}{en[1:]}: {after}%.", f"{zh}：{after}%。"))
        )  # fmt: skip
    data = {
        "customer": customer,
        "percent": before,
        "changes": [
            {"changes": {k: list(v) for k, v in c.changes.items()}, "probability": round(c.after, 4)}
            for c in found
        ],
        "model_version": getattr(model, "version", None),
    }
    return ToolResult(data, evidence)


def _columns(box: "Toolbox", row: dict[str, Any], card: Any) -> dict[str, Any]:
    """A customer as a row of the table that the scorecard was learned from: record columns, the company's own
    attributes, and the features that the record gives. Raises ModelError where most of what it asks is not there.
    """
    import json

    from assistant.errors import ModelError

    held = row.get("attributes") or {}
    known: dict[str, Any] = {**row, **(json.loads(held) if isinstance(held, str) else held)}
    if any(name not in known for name in card.bins_):
        from assistant.insight import customer_features

        found = customer_features(box.store, ids=[row["id"]])
        known = {**found.iloc[0].to_dict(), **known} if len(found) else known
    missing = [name for name in card.bins_ if name not in known]
    if 2 * len(missing) > len(card.bins_):
        raise ModelError(
            f"The scorecard asks for {', '.join(missing[:4])}, which the record of {row['id']} doesn't have",
            "crm-assistant predict scorecard --table FILE scores the rows of a table",
        )
    return {name: known.get(name) for name in card.bins_}


def _lost(card: Any, lines: Sequence[tuple[str, str, int]]) -> list[tuple[str, str, int, int]]:
    """Each line with how many points the column's best answer would have given more."""
    return [(c, b, p, max(x.points for x in card.bins_[c]) - p) for c, b, p in lines]


def _name(column: str) -> str:
    return column.replace("_", " ")
