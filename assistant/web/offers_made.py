"""What an account was offered: an agent notes that an offer went out and what became of it.

Contact frequency, budgets and the chance that an offer is accepted are counted from these notes.
"""

from collections.abc import Callable
from html import escape
from typing import Any

import gradio as gr

from assistant.dialogue.tools import Toolbox
from assistant.web import charts, look
from assistant.web.context import Context
from assistant.web.fields import Acts
from assistant.web.inbox import QUIET

CHANNELS = ("email", "chat", "phone")
OUTCOMES = {"sent": "no answer yet", "accepted": "accepted", "declined": "declined"}
_SHOWN = 6


NOBODY: tuple[Any, ...] = (gr.update(visible=False), "", *[gr.skip()] * 4)  # where no account is open


def policy_of(tools: Toolbox) -> dict[str, Any]:
    """What the policy says of an account now: ``offers`` that it allows, and what is ``against`` the others."""
    result = tools.call("eligible_offers", {"customer": tools.session.customer})[0].result
    good = isinstance(result, dict) and not result.get("error")
    return result if good else {"offers": [], "against": []}


class OffersMade:
    """The part of the agents' page below the offers that the policy allows. ``advise`` gives the HTML of those."""

    def __init__(self, context: Context, advise: Callable[[Toolbox, dict[str, Any]], str]) -> None:
        self.context, self._advise = context, advise

    def lay_out(self, opened: gr.Textbox, acts: gr.State, advice: gr.HTML) -> list[Any]:
        """``opened`` holds the account on the screen. Returns the components that :meth:`shown` tells about."""
        with gr.Column(visible=False, elem_id="offers-made") as part:
            shown = gr.HTML("")
            with gr.Accordion("Note an offer or its answer", open=False, elem_id="offers-note"):
                with gr.Column(visible=False) as going:
                    offer = gr.Dropdown([], label="Offer that went out", elem_id="offer-out")
                    channel = gr.Dropdown(
                        [(name.capitalize(), name) for name in CHANNELS], value=CHANNELS[0], label="By",
                        elem_id="offer-by",
                    )  # fmt: skip
                    send = gr.Button("Note as sent", size="sm", elem_id="offer-sent")
                with gr.Column(visible=False) as answering:
                    made = gr.Dropdown([], label="Offer made", elem_id="offer-made")
                    outcome = gr.Dropdown(
                        [(name.capitalize(), value) for value, name in OUTCOMES.items()], value="accepted",
                        label="Answer", elem_id="offer-answer",
                    )  # fmt: skip
                    answer = gr.Button("Note the answer", size="sm", elem_id="offer-answered")
        fields = [part, shown, going, offer, answering, made]
        send.click(self.sent, [opened, offer, channel, acts], [*fields, advice], **QUIET)
        answer.click(self.answered, [opened, made, outcome, acts], [*fields, advice], **QUIET)
        return fields

    def shown(self, customer: str, policy: dict[str, Any]) -> tuple[Any, ...]:
        """What was offered to an account, and what may be noted."""
        made = [m for m in self.context.store.offers_made(customer) if m["outcome"] in OUTCOMES][:_SHOWN]
        items = "".join(
            f"<li><b>{escape(m['name'])}</b> <span class='soft small'>{escape(m['at'][:10])}"
            f" {escape(m['channel'] or '')}</span> <span class='pill'>{OUTCOMES[m['outcome']]}</span></li>"
            for m in made
        )
        may = [(o["name"], o["id"]) for o in policy["offers"]]
        return (
            gr.update(visible=bool(made or may)),
            charts.card("Offers made", f'<ul class="plain">{items}</ul>' if items else "None so far."),
            gr.update(visible=bool(may)),
            gr.update(choices=may, value=may[0][1] if may else None),
            gr.update(visible=bool(made)),
            gr.update(
                choices=[(f"{m['name']}, {m['at'][:10]}", m["id"]) for m in made],
                value=made[0]["id"] if made else None,
            ),
        )

    def sent(
        self, customer: str, offer: str | None, channel: str | None, acts: Acts, request: gr.Request
    ) -> tuple[Any, ...]:
        """Note that an offer went out. The policy is asked again: it may have changed since the page was drawn."""
        person = self.context.staff(request)
        store = self.context.store
        if not customer or not store.customer(customer):
            return (gr.skip(),) * 7
        tools = self.context.tools(customer, person.name)
        policy = policy_of(tools)
        allowed = {o["id"]: o["name"] for o in policy["offers"]}
        if offer not in allowed or channel not in CHANNELS:
            look.warn("The policy doesn't allow this offer now. Choose one of those listed.")
        else:
            number = store.record_offer(offer, customer, channel=channel, outcome="sent")
            self._audit(
                person, "offer sent", customer, {"offer": offer, "channel": channel, "number": number}
            )
            look.inform(f"Noted: {allowed[offer]} went out by {channel}.")
            policy = policy_of(tools)  # an offer made counts against others
        return self._after(customer, tools, policy, acts)

    def answered(
        self, customer: str, made: int | None, outcome: str | None, acts: Acts, request: gr.Request
    ) -> tuple[Any, ...]:
        """Note what the customer said to an offer; "no answer yet" takes an answer back."""
        person = self.context.staff(request)
        store = self.context.store
        known = {m["id"]: m for m in store.offers_made(customer)} if customer else {}
        if made not in known or outcome not in OUTCOMES:
            look.warn("Choose an offer that was made to this customer, and its answer.")
            return (gr.skip(),) * 7
        if known[made]["outcome"] != outcome:
            store.set_offer_outcome(made, outcome)
            detail = {"number": made, "before": known[made]["outcome"], "now": outcome}
            self._audit(person, "offer answered", customer, detail)
            look.inform(f"Noted: {known[made]['name']}, {OUTCOMES[outcome]}.")
        tools = self.context.tools(customer, person.name)
        return self._after(customer, tools, policy_of(tools), acts)

    def _after(self, customer: str, tools: Toolbox, policy: dict[str, Any], acts: Acts) -> tuple[Any, ...]:
        """This account's part of the page, unless another one has been opened."""
        if acts.on != customer:
            return (gr.skip(),) * 7
        return *self.shown(customer, policy), self._advise(tools, policy)

    def _audit(self, person: Any, action: str, customer: str, detail: dict[str, Any]) -> None:
        self.context.store.audit(person.name, person.role, action, customer, detail)
