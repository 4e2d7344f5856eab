"""Actions with confirmation: asked for, listed, confirmed by an explicit yes, done once, and undone where possible.

Nothing here asks a language model. The customer is the session's own, or for staff the one that code resolved from the
message; what may be done and until when is in the policy (``policy.yaml``).
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from assistant.dialogue import contact_rules, item_rules, order_rules, phrases, requests, subscription_rules
from assistant.dialogue.events import Outcome, Session, ToolCalled
from assistant.dialogue.policy import Policy
from assistant.dialogue.proposals import Answer, Case, Missing, Proposal, Refusal
from assistant.dialogue.several import KIND, READ_BY_ITEM, Several, may_be, offered
from assistant.errors import PermissionDenied, RecordError
from assistant.evidence import Evidence, Role

# who may have what done; everything else is denied. A customer acts on the own account only (see ``whose``).
KNOWN: tuple[Role, ...] = ("customer", "agent", "admin")
ACTION_ROLES: Mapping[str, tuple[Role, ...]] = {
    "cancel_order": KNOWN,
    "return_order": KNOWN,
    "exchange_items": KNOWN,
    "change_items": KNOWN,
    "return_items": KNOWN,
    "change_payment": KNOWN,
    "change_address": KNOWN,
    "pause_subscription": KNOWN,
    "resume_subscription": KNOWN,
    "skip_delivery": KNOWN,
    "change_plan": KNOWN,
    "start_subscription": KNOWN,
    "cancel_subscription": KNOWN,
    "leave_newsletter": KNOWN,
    "open_ticket": KNOWN,
    "book_callback": KNOWN,
}
PROPOSERS: Mapping[str, Callable[[Case, Any], Answer]] = {
    "cancel_order": order_rules.cancel_order,
    "return_order": order_rules.return_order,
    "exchange_items": item_rules.exchange_items,
    "change_items": item_rules.change_items,
    "return_items": item_rules.return_items,
    "change_payment": item_rules.change_payment,
    "change_address": order_rules.change_address,
    "pause_subscription": subscription_rules.pause_subscription,
    "resume_subscription": subscription_rules.resume_subscription,
    "skip_delivery": subscription_rules.skip_delivery,
    "change_plan": subscription_rules.change_plan,
    "start_subscription": subscription_rules.start_subscription,
    "cancel_subscription": subscription_rules.cancel_subscription,
    "leave_newsletter": contact_rules.leave_newsletter,
    "open_ticket": contact_rules.open_ticket,
    "book_callback": contact_rules.book_callback,
}
TRIES = 2  # how often a missing detail is asked for


def propose(kind: str, case: Case) -> Answer:
    """Check an action's preconditions and say what it would do. The policy decides whether it is done here at all."""
    rule = getattr(case.policy, kind)
    if rule is None:
        return Refusal(
            "not_offered",
            case.t("I can't do that here; a colleague can: just write \"talk to a person\".", "这件事我无法在这里办理，请输入“转人工”，由同事为您处理。"),
        )  # fmt: skip
    return PROPOSERS[kind](case, rule)


@dataclass(frozen=True)
class Reply:
    """What the assistant says about an action. ``pending`` is what waits for a yes, kept with the conversation;
    ``last`` the action that "undo" would take back; ``tool`` what was really done."""

    kind: str
    text: str
    outcome: Outcome = "answered"
    pending: Mapping[str, Any] | None = None
    last: str | None = None
    tools: tuple[ToolCalled, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    customer: str | None = None
    handoff: str | None = None  # the hand-over that was made, for outcome handed_off


@dataclass(frozen=True)
class Said:
    """One message with what code read from it, and what the conversation remembers.

    ``customers`` and ``unknown`` are accounts named in the message; ``known`` those spoken of before. ``turns`` counts
    what was said before it, so that a yes answers the message right before it and nothing older.
    """

    message: str
    zh: bool
    session: Session
    conversation: str
    turns: int = 0
    customers: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    pending: Mapping[str, Any] | None = None
    last: str | None = None
    just_done: bool = False  # the message before this one was the yes to ``last``
    visitor_text: str = ""


@dataclass(frozen=True)
class Desk:
    """Where actions are done: a record, a policy, and the day it is."""

    store: Any
    policy: Policy
    today: date = field(default_factory=date.today)

    def reply(self, said: Said) -> Reply | None:
        """What to say when ``said`` is about an action; None when it is not."""
        if said.session.role == "visitor" and (said.pending or said.last):
            # the proof of who it is has run out since then
            said = replace(said, pending=None, last=None)
            if requests.is_yes(said.message) or requests.is_undo(said.message):
                return Reply("sign_in", said.visitor_text, "refused")
        pending = said.pending
        if pending and pending.get("turns") != said.turns:
            pending = None
        if (several := Several(self).reply(said, pending)) is not None:
            return several
        if pending and pending["kind"] != KIND:
            answered = self._answered(said, pending)
            if answered is not None:
                return answered
        if requests.is_undo(said.message):
            return self._undo(said)
        if requests.is_yes(said.message):
            if said.just_done:
                return Reply("confirm", _t(said, "That is done already.", "已经办好了。"), last=said.last)
            text = _t(
                said,
                "Nothing is waiting for a yes, so nothing has been done.",
                "目前没有等待确认的事项，没有办理任何操作。",
            )
            return Reply("confirm", text, "unknown", last=said.last)
        request = requests.read_request(said.message, self.policy)
        if request is None or (not said.zh and request.kind in READ_BY_ITEM and offered(self.policy)):
            return None
        whose = self.whose(said)
        if whose is None:
            return None
        if isinstance(whose, Reply):
            return Reply(**{**whose.__dict__, "kind": request.kind})
        slots = {"message": request.slots["message"]}
        return self._propose(said, request.kind, whose, slots, said.orders, said.products)

    # -- the answer to what was shown -----------------------------------------------------------------------------

    def _answered(self, said: Said, pending: Mapping[str, Any]) -> Reply | None:
        said = replace(said, zh=bool(pending["zh"]))
        if requests.is_no(said.message):
            text = _t(said, "All right, nothing has been changed.", "好的，没有做任何更改。")
            return Reply(pending["kind"], text, last=said.last, customer=pending["customer"])
        need = pending.get("need")
        if need:
            if requests.read_request(said.message, self.policy) is not None or said.message.rstrip().endswith(
                ("?", "？")
            ):
                return None
            slots = {**pending["slots"], need: said.message.strip()}
            orders = tuple(pending["orders"])
            if need == "order" and said.orders:
                orders, slots["order"] = said.orders, said.orders[0]
            return self._propose(
                said, pending["kind"], pending["customer"], slots, orders, tuple(pending["products"]),
                tries=int(pending.get("tries", 1)) + 1,
            )  # fmt: skip
        if requests.is_yes(said.message):
            return self._perform(said, pending)
        if requests.is_unclear(said.message):
            again = _t(
                said,
                'Nothing has been done yet. Please answer "yes" if I shall do it, or "no".',
                "还没有办理。需要办理请回复“确认”，不需要请回复“不用”。",
            )
            return Reply(
                pending["kind"], again, pending={**pending, "turns": said.turns + 1}, last=said.last,
                customer=pending["customer"],
            )  # fmt: skip
        return None

    def whose(self, said: Said) -> str | Reply | None:
        """The customer an action is for; None where the message is for somebody else to judge (a refusal)."""
        session = said.session
        if session.role == "visitor" or (session.role == "customer" and not session.customer):
            return Reply("", said.visitor_text, "refused")
        if not session.is_staff:
            if said.unknown or any(c != session.customer for c in said.customers):
                return None
            return session.customer
        if said.unknown:
            return None
        if said.customers:
            return said.customers[0]
        owners = [o["customer_id"] for o in (self.store.order(x) for x in said.orders) if o]
        found = owners[0] if owners else said.known[0] if said.known else session.customer
        if found is None:
            text = _t(
                said,
                "Which customer is it for? Please give a customer id, an e-mail address or a full name.",
                "请问是哪位客户？请提供客户编号、邮箱或全名。",
            )
            return Reply("", text, "unknown")
        return found

    def to_person(self, said: Said, customer: str, why: str, summary: str) -> Reply:
        """Hand the conversation over, because what is wanted isn't possible here and a person was asked for."""
        handoff = self.store.hand_off(said.conversation, "asked", summary)
        say = phrases.speaking("zh" if said.zh else "en")
        text = f"{why}\n\n{say.handed_off}".strip()
        return Reply("human", text, "handed_off", last=said.last, customer=customer, handoff=handoff)

    def case(
        self,
        said: Said,
        customer: str,
        slots: Mapping[str, Any],
        orders: tuple[str, ...],
        products: tuple[str, ...],
    ) -> Case:
        row = self.store.customer(customer)
        if row is None:
            raise RecordError(f"There is no customer {customer}.")
        return Case(self.store, self.policy, row, self.today, said.zh, slots, orders, products)

    def _propose(
        self,
        said: Said,
        kind: str,
        customer: str,
        slots: Mapping[str, Any],
        orders: tuple[str, ...],
        products: tuple[str, ...],
        *,
        tries: int = 1,
    ) -> Reply:
        self.allow(kind, said.session, customer)
        found = propose(kind, self.case(said, customer, slots, orders, products))
        rule = getattr(self.policy, kind)
        source = rule.article if rule else "policy"
        waiting = {
            "kind": kind, "customer": customer, "slots": dict(slots), "orders": list(orders), "products": list(products),
            "turns": said.turns + 1, "zh": said.zh,
        }  # fmt: skip
        if isinstance(found, Refusal):
            return self._said(kind, found.text, "refused", source, last=said.last, customer=customer)
        if isinstance(found, Missing):
            if tries > TRIES:
                text = _t(
                    said,
                    'I didn\'t understand that, so nothing has been changed. You can ask again, or write "talk to a person".',
                    "我没有理解，因此没有做任何更改。您可以重新提出，或输入“转人工”。",
                )
                return Reply(kind, text, "unknown", last=said.last, customer=customer)
            pending = {**waiting, "need": found.slot, "tries": tries}
            return self._said(
                kind, found.question, "answered", source, pending=pending, last=said.last, customer=customer
            )
        text = _listed(said, found)
        pending = {**waiting, "key": f"{said.conversation}/{uuid.uuid4().hex}", "shown": list(found.will)}
        return self._said(kind, text, "answered", source, pending=pending, last=said.last, customer=customer)

    def allow(self, kind: str, session: Session, customer: str) -> None:
        if session.role not in ACTION_ROLES.get(kind, ()):
            raise PermissionDenied(f"{session.role} may not have {kind} done")
        if not session.is_staff and customer != session.customer:
            raise PermissionDenied("not the own account")

    def _perform(self, said: Said, pending: Mapping[str, Any]) -> Reply:
        """Do what was shown, if it is still what would happen."""
        kind, customer = pending["kind"], pending["customer"]
        self.allow(kind, said.session, customer)
        done = self.store.action_by_key(pending["key"])
        if done is not None:
            return Reply(
                kind, _t(said, "That is done already.", "已经办好了。"), last=done["id"], customer=customer
            )
        orders, products = tuple(pending["orders"]), tuple(pending["products"])
        found = propose(kind, self.case(said, customer, pending["slots"], orders, products))
        if not isinstance(found, Proposal) or list(found.will) != list(pending["shown"]):
            # something else has changed meanwhile, or the language of the answer has: show it again
            return self._propose(said, kind, customer, pending["slots"], orders, products)
        session = said.session
        try:
            action = self.store.perform_action(
                pending["key"], kind, customer_id=customer, actor=session.user, role=session.role, changes=found.changes,
                additions=found.additions, arguments=found.arguments, conversation_id=said.conversation,
            )  # fmt: skip
        except RecordError:
            text = _t(
                said,
                "The record has changed meanwhile, so nothing was done. Please ask again.",
                "记录刚刚发生了变化，没有做任何更改，请重新提出。",
            )
            return Reply(kind, text, "unknown", customer=customer)
        added = [x["id"] for x in action["detail"]["added"]]
        text = found.done
        if added:
            text += _t(said, f" The number is {added[0]}.", f"编号是{added[0]}。")
        minutes = self.policy.undo_minutes
        text += _t(
            said,
            f' If that was a mistake, write "undo" within {minutes} minutes.',
            f"如果有误，请在{minutes}分钟内输入“撤销”。",
        )
        result = {"action": action["id"], "done": True, "added": added}
        tool = ToolCalled(kind, dict(found.arguments), result, 0.0)
        evidence = (
            Evidence(f"record:{action['id']}", "record", text, f"action {action['id']}", action["at"]),
        )
        return Reply(kind, text, last=action["id"], tools=(tool,), evidence=evidence, customer=customer)

    def _undo(self, said: Said) -> Reply | None:
        if not said.last:
            if said.session.role == "visitor":
                return None
            return Reply(
                "undo",
                _t(said, "There is nothing here that I could undo.", "这里没有可以撤销的操作。"),
                "unknown",
            )
        ids = said.last.split()
        found = [self.store.action(id) for id in ids]
        if any(a is None or a["conversation_id"] != said.conversation for a in found):
            return Reply(
                "undo",
                _t(said, "There is nothing here that I could undo.", "这里没有可以撤销的操作。"),
                "unknown",
            )
        customer, session = found[0]["customer_id"], said.session
        tools: list[ToolCalled] = []
        repeated = False
        for action in reversed(found):  # the last one first, as far as it goes
            self.allow(action["kind"], session, customer)
            try:
                undone = self.store.undo_action(
                    action["id"], actor=session.user, role=session.role, minutes=self.policy.undo_minutes
                )
            except RecordError:
                text = _t(
                    said,
                    'That can\'t be undone here any more; a colleague can help: just write "talk to a person".',
                    "现在已无法在这里撤销，请输入“转人工”，由同事为您处理。",
                )
                return Reply("undo", text, "refused", last=said.last, customer=customer, tools=tuple(tools))
            repeated = repeated or undone["repeated"]
            arguments = {"action": action["id"], "kind": action["kind"]}
            tools.append(ToolCalled("undo", arguments, {"action": action["id"], "undone": True}, 0.0))
        if repeated:
            return Reply(
                "undo", _t(said, "That has been undone already.", "已经撤销过了。"), customer=customer
            )
        text = _t(said, "Undone: everything is as it was before.", "已撤销，一切恢复原样。")
        return Reply("undo", text, tools=tuple(tools), customer=customer)

    def _said(self, kind: str, text: str, outcome: Outcome, source: str, **more: Any) -> Reply:
        evidence = (Evidence(f"policy:{kind}", "policy", text, source or "policy"),)
        return Reply(kind, text, outcome, evidence=evidence, **more)


def may_be_one(message: str, policy: Policy) -> bool:
    """Whether a message could be about an action, when nothing waits for an answer."""
    if requests.is_undo(message) or may_be(message, policy):
        return True
    return requests.read_request(message, policy) is not None


def _listed(said: Said, found: Proposal) -> str:
    lines = "\n".join(f"- {line}" for line in found.will)
    return _t(
        said,
        f'This is what will happen:\n{lines}\nShall I do it? Please answer "yes" or "no".',
        f"将办理以下事项：\n{lines}\n需要办理请回复“确认”，不需要请回复“不用”。",
    )


def _t(said: Said, en: str, zh: str) -> str:
    return zh if said.zh else en
