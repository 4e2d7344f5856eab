"""The whole text behind a citation: an article, a conversation, an order; for whoever may see it."""

import re
from html import escape
from typing import Any

from assistant.dialogue import phrases
from assistant.errors import AssistantError
from assistant.evidence import Role
from assistant.web.context import Context


def read(context: Context, of: str, *, role: Role, customer: str | None) -> tuple[str, str] | None:
    """(title, HTML) of an evidence id, None where there is no such thing or this caller may not see it."""
    kind, _, rest = of.partition(":")
    rest = rest.split("#")[0]
    if kind == "conversation":
        return _conversation(context, rest) if role in ("agent", "admin") else None
    if kind == "record":
        return _record(context.store, rest, role=role, customer=customer)
    if kind in ("kb", "interaction") or "/" in of:
        return _passages(context, of.split("#")[0], role=role, customer=customer)
    return None


def _conversation(context: Context, id: str) -> tuple[str, str] | None:
    from assistant.web.views import as_text
    from assistant.web.words import EN

    if context.store.conversation(id) is None:
        return None
    text = as_text(context.store, id, context.company, EN).partition("\n\n")[2]
    return (
        "Conversation",
        f'<h1>Conversation</h1><p class="soft small">{escape(id)}</p><pre>{escape(text)}</pre>',
    )


def _passages(context: Context, of: str, *, role: Role, customer: str | None) -> tuple[str, str] | None:
    source = of.removeprefix("kb:")
    try:
        index = context.assistant.index
        found = index.read(source, role=role, customer=customer) if index is not None else []
    except AssistantError:
        found = []
    if not found:
        return _interaction(context.store, source, role=role, customer=customer)
    if found[0].kind == "interaction":
        return _interaction(context.store, source, role=role, customer=customer)
    title = found[0].title.split(" > ")[0].split(" / ")[0]
    parts: list[str] = []
    for passage in found:
        heading = passage.title[len(title) :].strip(" >/")
        if heading and f"<h2>{escape(heading)}</h2>" not in parts:
            parts.append(f"<h2>{escape(heading)}</h2>")
        parts.append(_markdown(passage.text))
    when = f'<p class="soft small">{escape(found[0].at or "")}</p>' if found[0].at else ""
    badge = ' <span class="pill">internal</span>' if found[0].audience == "internal" else ""
    return title, f"<h1>{escape(title)}{badge}</h1>{when}{''.join(parts)}"


def _interaction(store: Any, source: str, *, role: Role, customer: str | None) -> tuple[str, str] | None:
    row = store.interaction(source.removeprefix("interaction:"))
    if row is None or role == "visitor":
        return None
    internal = (row.get("attributes") or {}).get("internal")
    if role == "customer" and (internal or customer is None or row["customer_id"] != customer):
        return None
    title = row.get("subject") or f"{row['channel'].capitalize()} of {row['at'][:10]}"
    facts = f"{row['channel']} · {row['at'][:16].replace('T', ' ')} · {row['author']} · {row['id']}"
    return (
        title,
        f'<h1>{escape(title)}</h1><p class="soft small">{escape(facts)}</p><pre>{escape(row["text"])}</pre>',
    )


def _record(store: Any, rest: str, *, role: Role, customer: str | None) -> tuple[str, str] | None:
    staff = role in ("agent", "admin")
    if (order := store.order(rest)) is not None:
        if not staff and (customer is None or order["customer_id"] != customer):
            return None
        lines = "".join(
            f"<tr><td>{escape(str(line.get('product') or line.get('product_id')))}</td><td>{line['quantity']:g}</td>"
            f"<td>{_money(line.get('amount'), order.get('currency'))}</td></tr>"
            for line in order["lines"]
        )
        facts = " · ".join(
            str(x) for x in (order["ordered_at"][:10], order.get("status"), order.get("tracking")) if x
        )
        return (
            f"Order {order['id']}",
            f"<h1>Order {escape(order['id'])}</h1><p>{escape(facts)}</p><table><tr><th>Product</th><th>Quantity</th>"
            f"<th>Amount</th></tr>{lines}</table><p><b>{_money(order.get('total'), order.get('currency'))}</b></p>",
        )
    if (product := store.product(rest)) is not None:
        text = phrases.EN.product(product)
        return product["name"], f"<h1>{escape(product['name'])}</h1><p>{escape(text)}</p>"
    owner, _, part = rest.partition("/")
    row = store.customer(owner)
    if row is None or not (staff or (customer is not None and owner == customer)):
        return None
    if part == "orders":
        items = "".join(
            f"<tr><td>{escape(o['id'])}</td><td>{o['ordered_at'][:10]}</td><td>{escape(o.get('status') or '')}</td>"
            f"<td>{_money(o.get('total'), o.get('currency'))}</td></tr>"
            for o in store.orders(owner, limit=200)
        )
        table = f"<table><tr><th>Order</th><th>Day</th><th>Status</th><th>Total</th></tr>{items}</table>"
        return f"Orders of {owner}", f"<h1>Orders of {escape(row.get('name') or owner)}</h1>{table}"
    if part == "subscription":
        text = phrases.EN.subscriptions(owner, store.subscriptions(owner))
        return f"Subscriptions of {owner}", f"<h1>Subscriptions</h1><p>{escape(text)}</p>"
    orders = store.orders(owner)
    kept = (
        row if staff else {k: v for k, v in row.items() if k not in ("attributes", "churned", "churned_on")}
    )
    return (
        f"Customer {owner}",
        f"<h1>{escape(row.get('name') or owner)}</h1><p>{escape(phrases.EN.profile(kept, orders, None))}</p>",
    )


def _money(amount: float | None, currency: str | None) -> str:
    return "" if amount is None else escape(f"{amount:,.2f} {currency or ''}".strip())


def _markdown(text: str) -> str:
    """An article's Markdown as HTML; raw HTML in it stays text, and links lead nowhere but to web and mail."""
    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return re.sub(r'<img src="https?://[^>]*>', "", html)
