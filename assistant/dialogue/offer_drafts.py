"""Messages with an offer, for an agent to send or to say: in the customer's language, for e-mail, chat or telephone, each in two
versions. The model writes the opening; greeting, terms and signature are put in by code, and an opening with a number in it
is left out.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import HumanMessage, SystemMessage

from assistant.dialogue.answer import Stop, never, stoppable
from assistant.dialogue.facts import facts, sentences
from assistant.dialogue.negotiation import read_channel
from assistant.dialogue.prompts import render
from assistant.errors import Cancelled, RecordError

if TYPE_CHECKING:
    from assistant.dialogue.parts import Parts
    from assistant.dialogue.tools import Toolbox

Row = Mapping[str, Any]
CHANNELS: Mapping[str, tuple[str, str]] = {
    "email": ("e-mail", "邮件"),
    "chat": ("chat", "聊天"),
    "phone": ("telephone", "电话"),
}
# words of an offer's terms: these are for code to say
_PROMISE = re.compile(
    r"[\[%]|\b(half|free|discount|off|gift|voucher|credit|refund)\b|半价|免费|折|赠|优惠券|退款|补偿", re.I
)


def drafts(
    store: Any,
    model: Any,
    customer_id: str,
    offer_id: str,
    *,
    company_in: Callable[[str], str],
    channel: str = "email",
    cancelled: Stop = never,
) -> list[str]:
    """The message in two versions, a longer and a shorter one; one alone where they come out the same.

    Raises RecordError when the customer or the offer isn't there, Cancelled when ``cancelled`` says so.
    """
    customer, offer = store.customer(customer_id), store.offer(offer_id)
    if customer is None or offer is None:
        raise RecordError(f"No customer {customer_id!r} or no offer {offer_id!r} in the record.")
    language = "zh" if customer.get("language") == "zh" else "en"
    company = company_in(language)
    name = customer.get("name") or ("顾客" if language == "zh" else "customer")
    known = _known(store, customer, language)
    made = []
    for short in (False, True):
        prompt = render("offer", language, company=company, name=name, short=short, spoken=channel == "phone")
        reply = model.invoke(
            [SystemMessage(prompt), HumanMessage(known)],
            **stoppable(model, cancelled),
        )
        if cancelled():
            raise Cancelled
        text = reply.content if isinstance(reply.content, str) else ""
        opening = _allowed(text, f"{known} {company} {name}".lower())[: 1 if short else 3]
        made.append(_framed(opening, offer, name, company, language, channel))
    return list(dict.fromkeys(made))


def drafts_for_agent(
    parts: "Parts", box: "Toolbox", customers: Sequence[str], message: str, cancelled: Stop = never
) -> str:
    """The offer that ``message`` names, else the best one, as messages for the channel that it names, else e-mail; with
    headings in the agent's language. Empty where no offer may be made."""
    if not customers:
        return ""
    offers = box.call("eligible_offers", {"customer": customers[0]})[0].result.get("offers") or []
    if not offers:
        return ""
    offer = next((o for o in offers if o["id"].lower() in message.lower()), offers[0])
    channel = read_channel(message) or "email"
    made = drafts(
        parts.store,
        parts.model,
        customers[0],
        offer["id"],
        company_in=parts.company_in,
        channel=channel,
        cancelled=cancelled,
    )
    way = box.t(*CHANNELS[channel])
    heads = (box.t(f"Draft, {way}:", f"草稿（{way}）："), box.t("Shorter:", "简短版："))
    return "\n\n".join(f"{head}\n{text}" for head, text in zip(heads, made, strict=False))


def _allowed(text: str, known: str) -> list[str]:
    """The sentences that name nothing but what is known, and promise nothing."""
    return [
        s
        for s in sentences(text)
        if not any(
            f.kind in ("number", "date", "address", "reference") or f.value not in known for f in facts(s)
        )
        and not _PROMISE.search(s)
    ]


def _framed(opening: list[str], offer: Row, name: str, company: str, language: str, channel: str) -> str:
    """The opening with what code says around it, as the channel wants it."""
    day = offer.get("valid_to")
    if language == "zh":
        until = f"（有效期至{day}）" if day else ""
        terms = (offer.get("terms_zh") or offer["terms"]) + until
        text = "".join(opening)
        if channel == "chat":
            return f"{name}，您好！{text}{terms}"
        if channel == "phone":
            return "\n".join(
                x
                for x in (
                    f"您好，我是{company}的客服，请问是{name}吗？",
                    text,
                    terms,
                    "您愿意试试吗？",
                    "（如果客户拒绝：没关系，感谢您的时间。）",
                )
                if x
            )
        return f"{name}，您好！\n{text}\n{terms}\n{company}"
    until = f" (valid until {day})" if day else ""
    terms, first, text = offer["terms"] + until, name.split()[0], " ".join(opening)
    if channel == "chat":
        return " ".join(x for x in (f"Hi {first},", text, terms) if x)
    if channel == "phone":
        return "\n".join(
            x
            for x in (
                f"Hello, this is {company}. Am I speaking with {name}?",
                text,
                terms,
                "Would you like that?",
                "(If the customer says no: that is quite all right, thank you for your time.)",
            )
            if x
        )
    return f"Dear {first},\n{text}\n{terms}\nKind regards, {company}"


def _known(store: Any, customer: Row, language: str) -> str:
    """What the opening may refer to: since when, plan, and what was bought last. Nothing a customer would mind."""
    orders = store.orders(customer["id"], limit=1)
    subscription = next((s for s in store.subscriptions(customer["id"]) if s["status"] == "active"), None)
    items = [line["product"] for line in orders[0]["lines"][:2]] if orders else []
    if language == "zh":
        parts = [
            f"订阅：{subscription['plan']}。" if subscription else "",
            f"最近购买：{'、'.join(items)}。" if items else "",
        ]
        return "已知情况：" + ("".join(parts) or "老客户。")
    parts = [
        f"Subscription: {subscription['plan']}." if subscription else "",
        f"Bought last: {', '.join(items)}." if items else "",
    ]
    return "What is known: " + (" ".join(p for p in parts if p) or "a customer of ours.")
