"""One account for an agent: its history in a few lines, what changed since the last contact, what a reply needs.

Code chooses the lines and each is evidence of its own, so that a summary can only say what one of them says.
"""

import copy
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from assistant.dialogue.events import Session
from assistant.dialogue.toolkit import ToolResult
from assistant.errors import AssistantError
from assistant.evidence import Evidence

if TYPE_CHECKING:
    from assistant.dialogue.tools import Toolbox

Row = Mapping[str, Any]
RECENT_DAYS = 30  # a bad review of so many days is still an open matter
MOST_CHANGES = 7
WORST_STARS = 2  # a review of so many stars is a complaint
_DONE: Mapping[str, tuple[str, str]] = {
    "cancel_order": ("an order was cancelled", "取消了订单"),
    "return_order": ("a return was booked", "登记了退货"),
    "change_address": ("an address was changed", "更改了地址"),
    "pause_subscription": ("the subscription was paused", "暂停了订阅"),
    "resume_subscription": ("the subscription was resumed", "恢复了订阅"),
    "skip_delivery": ("a delivery was skipped", "跳过了一次配送"),
    "change_plan": ("the plan was changed", "更换了套餐"),
    "start_subscription": ("a subscription was started", "开通了订阅"),
    "cancel_subscription": ("the subscription was cancelled", "取消了订阅"),
    "leave_newsletter": ("the newsletter was cancelled", "退订了邮件"),
    "open_ticket": ("a ticket was opened", "登记了工单"),
    "book_callback": ("a call-back was booked", "预约了回电"),
}


def is_complaint(row: Row) -> bool:
    """A customer's ticket, or a review of at most two stars."""
    return row["author"] == "customer" and (
        row["channel"] == "ticket" or (row.get("rating") or 5) <= WORST_STARS
    )


def open_matters(store: Any, customer: str, today: date) -> list[Row]:
    """What waits for an answer, newest first: open tickets, bad reviews of late, a message nobody has answered."""
    rows = store.interactions(customer, limit=60)
    since = (today - timedelta(days=RECENT_DAYS)).isoformat()
    answered = next((r["at"] for r in rows if r["author"] == "agent"), "")
    unanswered = next(
        (r for r in rows if r["author"] == "customer" and r["channel"] in ("email", "chat")), None
    )
    if unanswered is not None and (unanswered["at"] <= answered or unanswered["at"] < since):
        unanswered = None
    return [
        r
        for r in rows
        if r is unanswered
        or (r["channel"] == "ticket" and r.get("status") == "open")
        or (r["channel"] == "review" and is_complaint(r) and r["at"] >= since)
    ]


def account_history(box: "Toolbox", customer: str) -> ToolResult:
    """A customer's whole history in a few lines: profile, orders, what is open, last contacts, mood, risk of leaving."""
    row, store = box.customer_row(customer), box.store
    contacts = store.interactions(customer)
    waiting = open_matters(store, customer, store.as_of)
    newest = [r for r in contacts if not any(r["id"] == w["id"] for w in waiting)]
    shown = [*waiting[:2], *newest[: max(1, 2 - len(waiting))]]
    parts = [box.customer_profile(customer), box.subscription(customer), box.orders(customer, limit=0)]
    evidence = [part.evidence[0] for part in parts]
    open_line = _open_line(box, waiting)
    evidence.append(box.record(customer, "open", open_line))
    evidence += [_said(box, r) for r in shown]
    data: dict[str, Any] = {
        "customer": customer,
        "name": row.get("name"),
        "orders": parts[2].data["count"],
        "total": parts[2].data["total"],
        "contacts": len(contacts),
        "open": [_matter(r) for r in waiting],
        "last_contacts": [_matter(r) for r in contacts[:3]],
    }
    for name, tool in (("sentiment", box.sentiment_trend), ("churn", box.churn_risk)):
        try:
            found = tool(customer)
        except AssistantError:
            continue  # not trained yet: the rest of the history stands without it
        data[name] = found.data.get("counts") or {k: found.data[k] for k in ("percent", "band")}
        evidence.append(found.evidence[0])
    return ToolResult(data, evidence)


def changes_since_contact(box: "Toolbox", customer: str, since: date | None = None) -> ToolResult:
    """What changed in a customer's account since a colleague was last in touch, or since a day."""
    box.customer_row(customer)
    store = box.store
    contact = None if since else _last_contact(store, customer)
    start = since.isoformat() if since else contact["at"] if contact else ""
    found = sorted(_changes(box, customer, start), key=lambda x: x[0], reverse=True) if start else []
    risk = _risk_then_and_now(box, customer, start)
    shown = [evidence for _, evidence in found[: MOST_CHANGES - bool(risk)]]
    if contact:
        channel = box.say.channel(contact["channel"])
        by = contact.get("agent")
        head = box.t(
            f"The last contact with customer {customer} was on {contact['at'][:10]} ({channel}{f' with {by}' if by else ''}, {contact['id']}).",
            f"与客户{customer}的上次联系是{contact['at'][:10]}（{channel}{f'，{by}' if by else ''}，{contact['id']}）。",
        )
    elif since:
        head = box.t(f"Customer {customer} since {since}.", f"客户{customer}自{since}以来的情况。")
    else:
        head = box.t(f"There was no contact with customer {customer} yet.", f"与客户{customer}还没有过联系。")
    if start and not found:
        head += box.t(" Nothing has been recorded since then.", "此后没有新的记录。")
    elif found:
        few = len(shown) < len(found)
        head += box.t(
            f" Since then {len(found)} thing{'s' if len(found) != 1 else ''} changed{f'; the newest {len(shown)}:' if few else ':'}",
            f"此后有{len(found)}项变化{f'，最新的{len(shown)}项：' if few else '：'}",
        )
    header = _said(box, contact, text=head) if contact else box.record(customer, "changes", head)
    data = {
        "customer": customer,
        "since": start[:10] or None,
        "contact": contact["id"] if contact else None,
        "count": len(found),
        "changes": [{"at": at[:10], "id": e.id, "text": e.text} for at, e in found],
        "risk": risk[1] if risk else None,
    }
    return ToolResult(data, [header, *shown, *([risk[0]] if risk else [])])


def reply_facts(box: "Toolbox", customer: str) -> ToolResult:
    """What a reply to a customer's last message needs: the message, the account, the public articles about it."""
    row, store = box.customer_row(customer), box.store
    rows = store.interactions(customer, limit=60)
    message = next((r for r in rows if r["author"] == "customer"), None)
    if message is None:
        text = box.t(
            f"Customer {customer} has not written anything yet.", f"客户{customer}还没有写过任何内容。"
        )
        return ToolResult({"customer": customer, "message": None}, [box.record(customer, "messages", text)])
    later = [r for r in rows if r["author"] == "agent" and r["at"] > message["at"]]
    evidence = [_said(box, message)]
    evidence += [_said(box, r) for r in later[-1:]]
    evidence += known_of(box, customer, [message["order_id"]] if message.get("order_id") else [])
    evidence += public_articles(box, message["text"])
    data = {
        "customer": customer,
        "name": row.get("name"),
        "language": message.get("language") or row.get("language") or "en",
        "channel": message["channel"],
        "message": {"id": message["id"], "at": message["at"], "text": message["text"]},
        "answered": bool(later),
    }
    return ToolResult(data, evidence)


def known_of(box: "Toolbox", customer: str, orders: Sequence[str] = ()) -> list[Evidence]:
    """What an answer to a customer may need of the account: these orders, else the newest, and the subscription."""
    rows = [row for row in map(box.store.order, orders) if row] or box.store.orders(customer, limit=1)
    evidence = [
        Evidence(f"record:{o['id']}", "record", box.say.order(o), f"order {o['id']}", o["ordered_at"])
        for o in rows
    ]
    if box.store.subscriptions(customer):
        evidence.append(box.subscription(customer).evidence[0])
    return evidence


def public_articles(box: "Toolbox", question: str, k: int = 3) -> list[Evidence]:
    """What a customer may be told about something: found with a customer's rights, whoever is asking."""
    if box.index is None:
        return []
    visitors = copy.copy(box)
    visitors.session = Session("visitor")
    return [e for e in visitors.search_knowledge(question, k=k).evidence if e.score >= box.index.threshold]


# -- the lines ---------------------------------------------------------------------------------------------------


def _said(box: "Toolbox", row: Row, text: str = "") -> Evidence:
    id = f"interaction:{row['id']}"
    return Evidence(id, "interaction", text or box.say.interaction(row), id, row["at"])


def _matter(row: Row) -> dict[str, Any]:
    return {
        k: row.get(k) for k in ("id", "at", "channel", "author", "subject", "rating", "status") if row.get(k)
    }


def _open_line(box: "Toolbox", waiting: Sequence[Row]) -> str:
    if not waiting:
        return box.t("No complaint and no ticket is open.", "没有未处理的投诉或工单。")
    items = [
        box.t(
            f"{box.say.channel(r['channel'])} {r['id']} of {r['at'][:10]}"
            + (f" ({r['subject']})" if r.get("subject") else ""),
            f"{r['at'][:10]}的{box.say.channel(r['channel'])}{r['id']}"
            + (f"（{r['subject']}）" if r.get("subject") else ""),
        )
        for r in waiting[:3]
    ]
    count = len(waiting)
    return box.t(
        f"{count} matter{'s are' if count != 1 else ' is'} open: {', '.join(items)}.",
        f"有{count}件未处理的事：{'，'.join(items)}。",
    )


def _last_contact(store: Any, customer: str) -> Row | None:
    """The last time that a colleague wrote or spoke to a customer; where none ever did, the last message."""
    rows = store.interactions(customer)
    return next((r for r in rows if r["author"] == "agent"), rows[0] if rows else None)


def _changes(box: "Toolbox", customer: str, start: str) -> list[tuple[str, Evidence]]:
    """Everything on record after ``start`` (ISO, a day or a moment), each with its moment."""
    store, day = box.store, start[:10]
    found: list[tuple[str, Evidence]] = []

    def add(at: str, id: str, text: str, kind: Any = "record") -> None:
        found.append((at, Evidence(id, kind, text, id.partition(":")[2], at)))

    for o in store.orders(customer):
        if o["ordered_at"] > start:
            add(o["ordered_at"], f"record:{o['id']}", box.say.order(o))
        elif (o.get("delivered_at") or "") > start:
            add(
                o["delivered_at"],
                f"record:{o['id']}",
                box.t(f"Order {o['id']} of {o['ordered_at'][:10]} was delivered on {o['delivered_at'][:10]}.", f"{o['ordered_at'][:10]}的订单{o['id']}已于{o['delivered_at'][:10]}送达。"),
            )  # fmt: skip
    for s in store.subscriptions(customer):
        if s["started_on"] > day or (s.get("ended_on") or "") > day:
            add(
                max(s["started_on"], s.get("ended_on") or ""),
                f"record:{s['id']}",
                box.say.subscriptions(customer, [s]),
            )
    for r in store.interactions(customer, since=day):
        if r["author"] == "customer" and r["at"] > start:
            new = box.t("New complaint: ", "新投诉：") if is_complaint(r) else ""
            add(r["at"], f"interaction:{r['id']}", new + box.say.interaction(r, limit=160), "interaction")
    for a in store.actions(customer):
        if a["at"] > start and not a["undone_at"]:
            en, zh = _DONE.get(a["kind"], (a["kind"], a["kind"]))
            what = "; ".join(
                f"{k} {v}" for k, v in a["arguments"].items() if isinstance(v, str) and k != "customer"
            )
            what = f" ({what})" if what else ""
            add(
                a["at"],
                f"record:{a['id']}",
                box.t(f"On {a['at'][:10]} {en}{what}.", f"{a['at'][:10]}{zh}{what}。"),
            )
    for m in store.offers_made(customer):
        if m["at"] > start and m.get("outcome") != "drafted":
            add(
                m["at"],
                f"record:offer-made-{m['id']}",
                box.t(f"Offer {m['offer_id']} ({m['name']}) of {m['at'][:10]}: {m['outcome']}.", f"{m['at'][:10]}的优惠{m['offer_id']}（{m['name']}）：{box.say.outcome(m['outcome'])}。"),
            )  # fmt: skip
    for c in store.conversations(customer_id=customer):
        if c["role"] == "customer" and c["turn_count"] and c["last_at"] > start:
            n = c["turn_count"]
            add(
                c["last_at"],
                f"record:{c['id']}",
                box.t(f"On {c['last_at'][:10]} a chat with the assistant ({n} question{'s' if n != 1 else ''}).", f"{c['last_at'][:10]}与助手对话（{n}个问题）。"),
            )  # fmt: skip
    return found


def _risk_then_and_now(box: "Toolbox", customer: str, start: str) -> tuple[Evidence, dict[str, Any]] | None:
    """The probability of leaving now and at the last contact, by today's model over what was on record at each time.

    None where no model is trained, or where the model learns from the company's own labels, which have no time.
    """
    if not start:
        return None
    try:
        model = box.models("churn")
        now = model.predict(box.store, [customer])[0]
        then = model.predict(box.store, [customer], as_of=date.fromisoformat(start[:10]))[0]
    except (AssistantError, TypeError):
        return None
    if getattr(model, "table", None) is not None or not then.active:
        return None
    before, after = round(100 * then.probability), round(100 * now.probability)
    en = (
        "unchanged"
        if before == after
        else f"{'up' if after > before else 'down'} by {abs(after - before)} points"
    )
    zh = (
        "没有变化"
        if before == after
        else f"{'上升' if after > before else '下降'}了{abs(after - before)}个百分点"
    )
    text = box.t(
        f"The probability of leaving within 90 days was {before}% then and is {after}% now: {en}.",
        f"90天内流失的概率当时为{before}%，现在为{after}%：{zh}。",
    )
    data = {"then": round(then.probability, 3), "now": round(now.probability, 3), "then_on": start[:10]}
    return box.prediction(customer, "churn then and now", text), data
