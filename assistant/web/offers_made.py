"""What an account was offered: an agent notes that an offer went out and what became of it.

Contact frequency, budgets and the chance that an offer is accepted are counted from these notes.
"""

from html import escape
from typing import Any

import gradio as gr

from assistant.web import charts, look
from assistant.web.context import Context
from assistant.web.inbox import QUIET

CHANNELS = ("email", "chat", "phone")
OUTCOMES = {"sent": "no answer yet", "accepted": "accepted", "declined": "declined"}
_SHOWN = 6


class OffersMade:
    """The part of the agents' page below the offers that the policy allows."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def lay_out(self, found: gr.Radio) -> list[Any]:
        """Returns the events after which other offers may be allowed."""
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
        found.change(self.show, found, fields, **QUIET)
        return [
            send.click(self.sent, [found, offer, channel], fields, **QUIET),
            answer.click(self.answered, [found, made, outcome], fields, **QUIET),
        ]

    def show(self, customer: str | None, request: gr.Request) -> tuple[Any, ...]:
        person = self.context.staff(request)
        row = self.context.store.customer(customer) if customer else None
        if row is None:
            return gr.update(visible=False), "", *[gr.update()] * 4
        made = [m for m in self.context.store.offers_made(row["id"]) if m["outcome"] in OUTCOMES][:_SHOWN]
        items = "".join(
            f"<li><b>{escape(m['name'])}</b> <span class='soft small'>{escape(m['at'][:10])}"
            f" {escape(m['channel'] or '')}</span> <span class='pill'>{OUTCOMES[m['outcome']]}</span></li>"
            for m in made
        )
        may = [(o["name"], o["id"]) for o in self._allowed(row["id"], person.name)]
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
        self, customer: str | None, offer: str | None, channel: str | None, request: gr.Request
    ) -> tuple[Any, ...]:
        """Note that an offer went out. The policy is asked again: it may have changed since the page was drawn."""
        person = self.context.staff(request)
        store = self.context.store
        if customer and store.customer(customer):
            allowed = {o["id"]: o["name"] for o in self._allowed(customer, person.name)}
            if offer not in allowed or channel not in CHANNELS:
                look.warn("The policy doesn't allow this offer now. Choose one of those listed.")
            else:
                number = store.record_offer(offer, customer, channel=channel, outcome="sent")
                self._audit(
                    person, "offer sent", customer, {"offer": offer, "channel": channel, "number": number}
                )
                look.inform(f"Noted: {allowed[offer]} went out by {channel}.")
        return self.show(customer, request)

    def answered(
        self, customer: str | None, made: int | None, outcome: str | None, request: gr.Request
    ) -> tuple[Any, ...]:
        """Note what the customer said to an offer; "no answer yet" takes an answer back."""
        person = self.context.staff(request)
        store = self.context.store
        known = {m["id"]: m for m in store.offers_made(customer)} if customer else {}
        if made not in known or outcome not in OUTCOMES:
            look.warn("Choose an offer that was made to this customer, and its answer.")
        elif known[made]["outcome"] != outcome:
            store.set_offer_outcome(made, outcome)
            detail = {"number": made, "before": known[made]["outcome"], "now": outcome}
            self._audit(person, "offer answered", customer or "", detail)
            look.inform(f"Noted: {known[made]['name']}, {OUTCOMES[outcome]}.")
        return self.show(customer, request)

    def _allowed(self, customer: str, agent: str) -> list[dict[str, Any]]:
        tools = self.context.tools(customer, agent)
        result = tools.call("eligible_offers", {"customer": customer})[0].result
        return list(result["offers"]) if isinstance(result, dict) and not result.get("error") else []

    def _audit(self, person: Any, action: str, customer: str, detail: dict[str, Any]) -> None:
        self.context.store.audit(person.name, person.role, action, customer, detail)
