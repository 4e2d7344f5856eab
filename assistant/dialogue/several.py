"""Several wishes at once: read together, listed together, confirmed by one yes, and changed before it where the customer adds
or takes back something. Each of them is an action of its own in the record, with its own key.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assistant.dialogue import requests
from assistant.dialogue.events import ToolCalled
from assistant.dialogue.policy import Policy
from assistant.dialogue.proposals import Proposal
from assistant.dialogue.steps import Reader, Reading, Step, merged
from assistant.dialogue.wishes import Wish, wishful
from assistant.errors import RecordError
from assistant.evidence import Evidence

if TYPE_CHECKING:
    from assistant.dialogue.actions import Desk, Reply, Said

KIND = "several"
READ_BY_ITEM = ("cancel_order", "return_order", "change_address")  # where wishes are read item by item
_ONLY = re.compile(r"\b(?:only|just)\b", re.I)
_INSTEAD = re.compile(r"\b(?:changed? my mind|instead|rather|on second thought)\b", re.I)
_REGRET = re.compile(
    r"\b(?:regret|keep it|keep them|want to keep|don't want|do not want|leave it as)\b", re.I
)


def offered(policy: Policy) -> bool:
    """Whether the shop lets single items be dealt with at all."""
    return any((policy.exchange_items, policy.change_items, policy.return_items))


def may_be(message: str, policy: Policy) -> bool:
    return offered(policy) and wishful(message)


class Several:
    """The part of the ``Desk`` that deals with whole messages of wishes."""

    def __init__(self, desk: "Desk") -> None:
        self.desk = desk

    def reply(self, said: "Said", pending: Mapping[str, Any] | None) -> "Reply | None":
        """What to say when ``said`` holds wishes or answers what was shown of them; None when it does neither."""
        if said.zh or not offered(self.desk.policy):
            return None
        if pending and pending["kind"] == KIND:
            return self._answered(said, pending)
        if pending or not wishful(said.message):
            return None
        customer = self.desk.whose(said)
        if not isinstance(customer, str):
            return customer
        reader = self._reader(said, customer)
        if (other := self._not_theirs(said, reader)) is not None:
            from assistant.dialogue.actions import Reply

            return Reply(KIND, other, "refused", last=said.last, customer=customer)
        return self._show(said, customer, [said.message], {}, reader.read(said.message))

    def _not_theirs(self, said: "Said", reader: Reader) -> str | None:
        """The same words for an order that isn't there and one that is somebody else's."""
        low = said.message.lower()
        strange = [o for o in said.orders if o not in reader.account.orders and o.strip("#").lower() in low]
        return (
            f"There is no order {strange[0]} in this account. Please check the number." if strange else None
        )

    def _reader(self, said: "Said", customer: str) -> Reader:
        case = self.desk.case(said, customer, {}, (), ())
        from assistant.dialogue.actions import propose

        return Reader(
            self.desk.store,
            self.desk.policy,
            case.customer,
            lambda kind, slots: propose(
                kind, replace(case, slots=slots, orders=tuple(filter(None, [slots.get("order")])))
            ),
        )

    # -- what was shown ---------------------------------------------------------------------------------------

    def _answered(self, said: "Said", pending: Mapping[str, Any]) -> "Reply | None":
        from assistant.dialogue.actions import Reply

        customer, texts, answers = pending["customer"], list(pending["texts"]), dict(pending["answers"])
        reader = self._reader(said, customer)
        if (other := self._not_theirs(said, reader)) is not None:
            waiting = {**pending, "turns": said.turns + 1}
            return Reply(KIND, other, "refused", pending=waiting, last=said.last, customer=customer)
        if pending.get("need"):
            if requests.is_no(said.message):
                return Reply(KIND, "All right, nothing has been changed.", last=said.last, customer=customer)
            need = pending["need"]
            answers[need] = f"{answers.get(need, '')} {said.message}".strip()
            reading = reader.read(" ".join(texts), answers)
            if reading.need == need and int(pending.get("tries", 1)) >= 2:
                text = 'I didn\'t understand that, so nothing has been changed. You can ask again, or write "talk to a person".'
                return Reply(KIND, text, "unknown", last=said.last, customer=customer)
            return self._show(said, customer, texts, answers, reading, tries=int(pending.get("tries", 1)) + 1)
        if requests.is_yes(said.message):
            return self._perform(said, pending)
        if requests.is_no(said.message):
            return Reply(KIND, "All right, nothing has been changed.", last=said.last, customer=customer)
        if requests.is_unclear(said.message):
            again = 'Nothing has been done yet. Please answer "yes" if I shall do it, or "no".'
            return Reply(
                KIND, again, pending={**pending, "turns": said.turns + 1}, last=said.last, customer=customer
            )
        steps = [Step(s["kind"], s["slots"]) for s in pending["steps"]]
        amended = self._amended(said, reader, steps)
        if amended is None:
            return None
        if not amended.says:
            return Reply(KIND, "All right, nothing has been changed.", last=said.last, customer=customer)
        return self._show(said, customer, [*texts, said.message], answers, amended)

    def _amended(self, said: "Said", reader: Reader, steps: Sequence[Step]) -> Reading | None:
        """The steps as the message changes them; None when it is about something else."""
        message = said.message
        mentioned = reader.account.products_in(message)
        if _ONLY.search(message) and mentioned and not re.search(r"\balso\b", message, re.I):
            kept = [left for step in steps if (left := reader.only(step, mentioned))]
            if kept:
                return reader.judged(kept)
        shown = Wish("change", 0, "", items=reader.items_of(steps), orders=[s.slots["order"] for s in steps if s.slots.get("order")])  # fmt: skip
        new = reader.read(message, default=shown) if wishful(message) else Reading()
        if new.need:
            return new
        if new.steps:
            kinds = {s.kind for s in new.steps}
            old = [s for s in steps if s.kind not in kinds] if _INSTEAD.search(message) else list(steps)
            return reader.judged(merged(old, new.steps), new.notes)
        if paid := reader.paid_as(message, steps):
            return reader.judged(paid)
        return Reading() if _REGRET.search(message) else None

    def _show(
        self,
        said: "Said",
        customer: str,
        texts: Sequence[str],
        answers: Mapping[str, str],
        reading: Reading,
        *,
        tries: int = 1,
    ) -> "Reply | None":
        from assistant.dialogue.actions import Reply

        if not reading.says:
            return None
        waiting = {
            "kind": KIND, "customer": customer, "texts": list(texts), "answers": dict(answers), "turns": said.turns + 1,
            "zh": False,
        }  # fmt: skip
        if reading.need:
            evidence = (Evidence("policy:several", "policy", reading.question, "policy"),)
            pending = {**waiting, "need": reading.need, "tries": tries}
            return Reply(
                KIND, reading.question, pending=pending, last=said.last, customer=customer, evidence=evidence
            )
        notes = "\n".join(reading.notes)
        if reading.person and not reading.steps:
            reason = f"{' '.join(texts)[-600:]}\n{notes}"
            return self.desk.to_person(said, customer, notes, reason)
        if not reading.steps:
            evidence = (Evidence("policy:several", "policy", notes, "policy"),)
            return Reply(KIND, notes, "refused", last=said.last, customer=customer, evidence=evidence)
        shown = [self._will(said, customer, step) for step in reading.steps]
        lines = "\n".join(f"- {line}" for will in shown for line in will or ())
        text = f'{notes}\n\nThis is what will happen:\n{lines}\nShall I do it? Please answer "yes" or "no".'.strip()
        pending = {
            **waiting, "steps": [{"kind": s.kind, "slots": dict(s.slots)} for s in reading.steps], "shown": shown,
            "key": f"{said.conversation}/{uuid.uuid4().hex}",
        }  # fmt: skip
        evidence = (Evidence("policy:several", "policy", text, "policy"),)
        kind = reading.steps[0].kind if len(reading.steps) == 1 else KIND
        return Reply(kind, text, pending=pending, last=said.last, customer=customer, evidence=evidence)

    def _proposal(self, said: "Said", customer: str, step: Step) -> Proposal | None:
        found = self._reader(said, customer).judge(step.kind, step.slots)
        return found if isinstance(found, Proposal) else None

    def _will(self, said: "Said", customer: str, step: Step) -> list[str] | None:
        found = self._proposal(said, customer, step)
        return list(found.will) if found else None

    def _perform(self, said: "Said", pending: Mapping[str, Any]) -> "Reply":
        """Do all that was shown, in its order; what is no longer possible is left out and said."""
        from assistant.dialogue.actions import Reply

        customer, session, store = pending["customer"], said.session, self.desk.store
        tools: list[ToolCalled] = []
        ids: list[str] = []
        texts: list[str] = []
        for number, (told, shown) in enumerate(zip(pending["steps"], pending["shown"], strict=True)):
            step, key = Step(told["kind"], told["slots"]), f"{pending['key']}/{number}"
            self.desk.allow(step.kind, session, customer)
            if (done := store.action_by_key(key)) is not None:
                ids.append(done["id"])
                texts.append("That is done already.")
                continue
            found = self._proposal(said, customer, step)
            if found is None or list(found.will) != shown:
                texts.append(f"Not done, because the record has changed meanwhile: {' '.join(shown or ())}")
                continue
            try:
                action = store.perform_action(
                    key, step.kind, customer_id=customer, actor=session.user, role=session.role, changes=found.changes,
                    additions=found.additions, arguments=found.arguments, conversation_id=said.conversation,
                )  # fmt: skip
            except RecordError:
                texts.append(f"Not done, because the record has changed meanwhile: {' '.join(shown)}")
                continue
            ids.append(action["id"])
            texts.append(found.done)
            added = [x["id"] for x in action["detail"]["added"]]
            result = {"action": action["id"], "done": True, "added": added}
            tools.append(ToolCalled(step.kind, dict(found.arguments), result, 0.0))
        text = "\n".join(texts)
        if tools:
            text += f'\nIf that was a mistake, write "undo" within {self.desk.policy.undo_minutes} minutes.'
        evidence = tuple(Evidence(f"record:{id}", "record", text, f"action {id}") for id in ids)
        return Reply(
            KIND, text, "answered" if ids else "unknown", last=" ".join(ids) or said.last, tools=tuple(tools),
            evidence=evidence, customer=customer,
        )  # fmt: skip
