"""What code settles before anything is looked up: who a visitor is, a message that commands, an action and its yes."""

import re
import time
from dataclasses import replace
from typing import Any

from assistant.dialogue import actions, identity, phrases, safety
from assistant.dialogue.events import Outcome, Session, Understood
from assistant.dialogue.parts import Parts
from assistant.dialogue.plan import needs_account
from assistant.dialogue.understand import MEANT_ORDER, Memory, Message, asks_what_you_are, language_of


def known_as(session: Session, memory: Memory) -> Session:
    """The session, or for a visitor who has lately proved to be a customer in this conversation, the customer's."""
    lately = memory.proved and time.time() - memory.proved_at < identity.PROVED_SECONDS
    if session.role == "visitor" and memory.proved and lately:
        return Session("customer", memory.proved, memory.proved)
    return session


def settle(
    parts: Parts, message: Message, session: Session, memory: Memory, conversation: str
) -> tuple[actions.Reply, Memory] | None:
    """What there is to say, and what the conversation remembers then; None where the message is a question."""
    identified = _identify(parts, message, session, memory, conversation)
    if identified is not None:
        return identified
    reply = _guard(parts, message, session, memory, conversation)
    reply = reply or _act(parts, message, session, memory, conversation)
    if reply is None:
        return None
    done = memory.just_done if reply.kind == "confirm" else bool(reply.tools)
    pending = dict(reply.pending) if reply.pending else None
    return reply, replace(memory, pending=pending, last_action=reply.last, just_done=done)


def _identify(
    parts: Parts, message: Message, session: Session, memory: Memory, conversation: str
) -> tuple[actions.Reply, Memory] | None:
    """Facts, where the policy takes them for a proof; an e-mail address or a code from a visitor."""
    if session.role != "visitor":
        return None
    say = phrases.speaking(_spoken(memory, message))
    if parts.policy.identify is not None:
        by = parts.policy.identify.by
        found = identity.known_by(parts.store, parts.settings, by, message.text, conversation)
        if found in ("nobody", "wait"):
            text = say.code_wait if found == "wait" else say.facts_wrong
            return actions.Reply("sign_in", text, "refused"), memory
        if found:
            return actions.Reply("sign_in", say.code_right, customer=found), _proved(memory, found)
    email = identity.read_email(message.text)
    if email is not None:
        sent = identity.request_code(parts.store, parts.settings, email, conversation, language=say.language)
        return actions.Reply("sign_in", say.code_sent if sent == "sent" else say.code_wait), memory
    code = identity.read_code(message.text)
    if code is None or not identity.waits_for_code(parts.store, conversation):
        return None
    customer = identity.prove(parts.store, parts.settings, conversation, code)
    if customer is None:
        return actions.Reply("sign_in", say.code_wrong, "refused"), memory
    return actions.Reply("sign_in", say.code_right, customer=customer), _proved(memory, customer)


def _proved(memory: Memory, customer: str) -> Memory:
    if memory.proved not in (None, customer):
        memory = Memory(question=memory.question)  # somebody else: nothing that was said before is theirs
    return replace(memory, proved=customer, proved_at=time.time(), pending=None, customers=(customer,))


def _spoken(memory: Memory, message: Message) -> str:
    """The language of the conversation, for a message that has none of its own (an address, a code)."""
    if re.search(r"[\u3400-\u9fff]", message.text) or not memory.question:
        return message.language
    return language_of(
        next(
            (q for q, _ in reversed(memory.history) if not re.fullmatch(r"[\W\d]*|\S+@\S+", q)), message.text
        )
    )


def _guard(
    parts: Parts, message: Message, session: Session, memory: Memory, conversation: str
) -> actions.Reply | None:
    """A refusal for a message that tries to command the assistant; staff may write what they like."""
    if session.is_staff:
        return None
    found = safety.scan(message.text)
    if found.label != "block":
        return None
    parts.store.audit(
        session.user, session.role, "blocked_message", session.customer,
        {"conversation": conversation, "reasons": list(found.reasons)},
    )  # fmt: skip
    say = phrases.speaking(message.language)
    return actions.Reply(
        "forbidden", say.refused, "refused", last=memory.last_action, customer=session.customer
    )


def _act(
    parts: Parts, message: Message, session: Session, memory: Memory, conversation: str
) -> actions.Reply | None:
    """What there is to say when the message asks for something to be done, answers a proposal, or undoes."""
    if not (memory.pending or memory.last_action or actions.may_be_one(message.text, parts.policy)):
        return None
    zh, found, store = message.language == "zh", message.found, parts.store
    said = actions.Said(
        message=message.text,
        zh=zh,
        session=session,
        conversation=conversation,
        turns=len(store.turns(conversation)) + len(store.messages(conversation)),
        customers=found.customers,
        orders=found.orders or (memory.orders if MEANT_ORDER.search(message.text) else ()),
        products=found.products,
        unknown=found.unknown,
        known=memory.customers,
        pending=memory.pending,
        last=memory.last_action,
        just_done=memory.just_done,
        visitor_text=phrases.speaking("zh" if zh else "en").sign_in_first,
    )
    return actions.Desk(store, parts.policy, parts.today).reply(said)


def fixed(
    store: Any, message: str, understood: Understood, session: Session, company: str
) -> tuple[str, Outcome] | None:
    """What code answers by itself: courtesy, refusals, a missing account."""
    intent, say = understood.intent, phrases.speaking(understood.language)
    if understood.routed_by == "unsure" and understood.customers:
        return None
    if asks_what_you_are(message):
        return say.what_i_am.format(company=company), "answered"
    if intent == "human" and not session.is_staff:
        return say.handed_off, "handed_off"
    if intent == "forbidden":
        return say.refused, "refused"
    if intent == "out_of_scope" and not understood.products:
        text = say.out_of_scope_agent if session.is_staff else say.out_of_scope
        return text.format(company=company), "refused"
    if intent == "greeting_thanks":
        thanks = any(w in message.lower() for w in ("thank", "thx", "cheers", "bye", "谢", "再见"))
        return (say.thanks if thanks else say.greeting).format(company=company), "answered"
    if needs_account(intent) and not understood.customers:
        if session.is_staff:
            if understood.unknown:
                closest = store.closest_customers(understood.unknown[0])
                return str(phrases.unknown_customer(understood.unknown[0], closest)), "unknown"
            if understood.orders or understood.products:
                return None
            return say.which_customer, "unknown"
        if not session.customer and not (intent == "recommend" and understood.products):
            return say.sign_in, "refused"
    return None
