"""The agents' page: an account with its risk, reasons and timeline, questions about it, and the line of hand-offs."""

import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from html import escape
from typing import Any

import gradio as gr

from assistant.crm.conversations import new_id
from assistant.dialogue.events import Session
from assistant.dialogue.tools import Toolbox
from assistant.errors import AssistantError
from assistant.web import charts, look, views
from assistant.web.context import Context, follow
from assistant.web.desk import Ticket
from assistant.web.fields import Acts, on_submit
from assistant.web.inbox import POLL_SECONDS, QUIET, Inbox, notes_card
from assistant.web.offers_made import NOBODY, OffersMade, policy_of
from assistant.web.timeline import CHANNELS, timeline
from assistant.web.words import EN

ALIKE = 0.75  # how like the text a customer's name has to be where something was said about it, too
KEPT_SECONDS = 300.0  # who is most at risk takes seconds to work out and changes once a day
MOODS = 40  # newest messages of a customer whose mood is shown
SHORTCUTS = (  # key, what it does, what it presses or focuses
    ("/", "find a customer", "#find input, #find textarea"),
    ("q", "ask about the account", "#ask textarea"),
    ("n", "write a note", "#note textarea, #talk-note textarea"),
    ("j", "next in the list", ""),
    ("k", "the one before", ""),
    ("a", "account", "button[role=tab] >> Account"),
    ("l", "line of hand-offs", "button[role=tab] >> Line"),
    ("t", "take over", "#take"),
    ("r", "reply", "#reply textarea"),
    ("d", "draft a reply", "#draft"),
    ("b", "hand back", "#back"),
    ("?", "these keys", "#keys-help"),
)
_NOBODY = (
    '<section class="card"><p class="empty">Choose a customer, or find one by name, e-mail, id, or something that was said.'
    " Press <kbd>/</kbd> to search, <kbd>?</kbd> for all keys.</p></section>"
)
QUESTIONS = (
    "How likely is this customer to leave, and why?",
    "Summarise this account.",
    "What should I do next?",
    "What did they complain about?",
)


def build(context: Context) -> gr.Blocks:
    with gr.Blocks(title=f"{context.company} · Agents", analytics_enabled=False) as page:
        with gr.Column(elem_classes="wide"):
            top = gr.HTML(look.header(context.company, "Agents"))
            gr.HTML(look.shortcuts(SHORTCUTS), elem_id="shortcuts")
            count = gr.HTML("", elem_id="waiting", elem_classes="unseen")
            timer = gr.Timer(POLL_SECONDS)
            with gr.Tabs():
                with gr.Tab("Account", id="account"):
                    _Account(context).lay_out(page)
                with gr.Tab("Line of hand-offs", id="inbox"):
                    Inbox(context).lay_out(page, count, timer)

        def header(request: gr.Request) -> str:
            return staff_header(context, request, "Agents")

        page.load(header, None, top, show_progress="hidden", api_visibility="private")
    page.queue(default_concurrency_limit=16, max_size=200, api_open=False)
    return page


def staff_header(context: Context, request: gr.Request, title: str) -> str:
    """The bar with who is signed in, the other page, and the way out."""
    person = context.staff(request)
    links = ['<a class="quiet" href="/agent">Agents</a>'] if title != "Agents" else []
    if person.role == "admin" and title == "Agents":
        links.append('<a class="quiet" href="/admin">Administration</a>')
    links.append('<a class="quiet" href="/password">Password</a>')
    out = '<form method="post" action="/sign-out" style="display:inline"><button class="quiet">Sign out</button></form>'
    who = (
        f'<span class="soft small">{escape(person.name)}<span class="big soft"> ({person.role})</span></span>'
    )
    return look.header(context.company, title, who + "".join(links) + out)


class _Account:
    """One customer: who they are, what is likely, what was said, and a chat about all that."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._worst: tuple[float, list[tuple[str, str]]] = (-KEPT_SECONDS, [])
        self._asked: dict[tuple[str, str], str] = {}  # (agent, customer) -> conversation
        self._offers = OffersMade(context, self._advice)

    def lay_out(self, page: gr.Blocks) -> None:
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                find = gr.Textbox(
                    label="Find a customer",
                    placeholder="Name, e-mail or id",
                    elem_id="find",
                    max_length=200,
                    submit_btn=True,
                )
                found = gr.Radio([], label="Customers", elem_id="found", elem_classes="list")
                said = gr.Radio(
                    [], label="Said in conversations", elem_id="said", elem_classes="list", visible=False
                )
                marked = gr.State("")
                # held by the browser: the row that was clicked in each list, and the account that is on the screen
                chosen, heard, opened = (gr.Textbox("", visible=False) for _ in range(3))
                acts = gr.State(Acts())
            with gr.Column(scale=7, min_width=320):
                profile = gr.HTML(_NOBODY, elem_id="profile")
                with gr.Row(elem_classes="account"):
                    with gr.Column(scale=5, min_width=320):
                        chat = gr.Chatbot(
                            label="Ask about this account", show_label=False, elem_classes="chat card-like", elem_id="about",
                            height=430, buttons=[], latex_delimiters=[], allow_tags=False, group_consecutive_messages=False,
                            placeholder="<h3>Ask about this account</h3><p>Answers name their sources.</p>",
                            examples=[{"text": q} for q in QUESTIONS],
                        )  # fmt: skip
                        box = gr.Textbox(
                            placeholder="Ask about this account, or anything else", show_label=False, label="Question",
                            container=False, submit_btn=True, stop_btn=False, max_lines=5, max_length=20_000,
                            elem_classes="box", elem_id="ask",
                        )  # fmt: skip
                        channel = gr.Radio(
                            [(name.capitalize(), name) for name in CHANNELS], value="all", label="Timeline",
                            show_label=False, container=False, elem_id="channel", elem_classes="pick", visible=False,
                        )  # fmt: skip
                        shown_timeline = gr.HTML("", elem_id="timeline")
                        notes = gr.HTML("", elem_id="notes")
                        note = gr.Textbox(
                            placeholder="A note for colleagues; customers never see it", show_label=False, label="Note",
                            container=False, submit_btn=True, max_lines=4, max_length=4000, elem_classes="box",
                            elem_id="note", visible=False,
                        )  # fmt: skip
                    with gr.Column(scale=4, min_width=280, elem_classes="facts-first"):
                        risk = gr.HTML("", elem_id="risk")
                        mood = gr.HTML("", elem_id="mood")
                        advice = gr.HTML("", elem_id="advice")
                        offers = self._offers.lay_out(opened, acts, advice)

        page.load(self.first, None, found, **QUIET)
        # on Enter only: results that come while somebody already chooses would take the choice away
        find.submit(None, None, [found, said], js="() => [null, null]", **QUIET)
        find.submit(self.search, find, [found, said], **QUIET)
        # lists change while somebody chooses: the server is told of the row that was clicked, not of the list's value
        found.change(None, found, chosen, js="(id) => id || ''", **QUIET)
        said.change(None, said, heard, js="(id) => id || ''", **QUIET)
        at_once = {**QUIET, "trigger_mode": "multiple"}
        shown = [profile, shown_timeline, chat, box, notes, note, channel, opened]
        predicted = [risk, mood, advice, *offers]
        events = [
            found.change(self.open, [chosen, channel, marked, acts], [*shown, *predicted], **at_once),
            said.change(
                self.show_said, [heard, channel, acts], [found, channel, marked, shown_timeline], **at_once
            ),
        ]
        for event in events:
            event.then(None, None, None, js="() => window.showMarked()")
        events[0].then(self.follow, [chosen, acts], [chat, box], **at_once)
        on_submit(note, self.add_note, [opened, acts], [notes], **QUIET)
        channel.change(self.timeline, [opened, channel, marked, acts], shown_timeline, **QUIET)
        on_submit(box, self.ask, [opened, acts], [chat, box], **QUIET)
        chat.example_select(self.ask_example, [opened, acts], [chat, box], **QUIET)
        box.stop(self.stop, opened, None, **QUIET)

    # -- finding ---------------------------------------------------------------------------------------------------

    def first(self, request: gr.Request) -> Any:
        self.context.staff(request)
        choices, label = self._most_at_risk()
        return gr.update(choices=choices, label=label)

    def search(self, text: str, request: gr.Request) -> tuple[Any, Any]:
        """Customers by name, address or id, and what any customer has said about it."""
        self.context.staff(request)
        text = (text or "").strip()
        if not text:
            choices, label = self._most_at_risk()
            return gr.update(choices=choices, label=label), gr.update(visible=False)
        store = self.context.store
        rows = store.find_customers(text)
        said = [] if rows else self._said(text)
        label = f"Customers like “{text[:40]}”"
        if not rows:
            rows = [r for r in store.closest_customers(text, n=8) if r["score"] >= ALIKE or not said]
            label = "Nobody is called so. Spelled alike:" if rows else "No customer is called so."
        return (
            gr.update(choices=[_choice(r) for r in rows[:8]], label=label),
            gr.update(choices=said, visible=bool(said)),
        )

    def _said(self, text: str) -> list[tuple[str, str]]:
        """Interactions of all customers that fit, best first, with their ids."""
        try:
            index = self.context.assistant.index
            if index is None:
                return []
            hits = index.search(text, role="agent", kinds=["interaction"], k=6, one_per_source=True)
        except AssistantError:
            return []
        choices = []
        for hit in hits:
            row = self.context.store.interaction(hit.source.removeprefix("interaction:"))
            if row is None or hit.score < index.threshold / 2:
                continue
            who = self.context.store.customer(row["customer_id"]) or {}
            quoted = textwrap.shorten(row["text"], 80, placeholder=" …")
            choices.append(
                (
                    f"{row['at'][:10]} · {row['channel']} · {who.get('name') or row['customer_id']}: {quoted}",
                    row["id"],
                )
            )
        return choices

    def show_said(self, id: str, channel: str, acts: Acts, request: gr.Request) -> tuple[Any, ...]:
        """Open the account in whose timeline something was said, with that in view."""
        self.context.staff(request)
        act = acts.last
        row = self.context.store.interaction(id) if id else None
        customer = self.context.store.customer(row["customer_id"]) if row else None
        if row is None or customer is None or acts.last != act:
            return (gr.skip(),) * 4
        whose = gr.update(choices=[_choice(customer)], value=customer["id"], label="Whose it is")
        return whose, "all", row["id"], timeline(self.context.store, customer["id"], "all", row["id"])

    def _most_at_risk(self) -> tuple[list[tuple[str, str]], str]:
        """Whom to look at first, and what to call them; without a churn model, the first customers."""
        store = self.context.store
        if time.monotonic() - self._worst[0] < KEPT_SECONDS:
            return self._worst[1], "Most at risk"
        try:
            predictions = self.context.assistant.predictor("churn").predict(store)
        except AssistantError:
            rows = [c for c, _ in zip(store.customers(), range(8), strict=False)]
            return [_choice(c) for c in rows], "Customers"
        worst = sorted(predictions, key=lambda p: -p.probability)[:8]
        rows = [(store.customer(p.customer_id), p) for p in worst]
        shown = [
            (f"{r.get('name') or r['id']} · {r['id']} · {p.probability:.0%}", r["id"]) for r, p in rows if r
        ]
        self._worst = (time.monotonic(), shown)
        return shown, "Most at risk"

    # -- showing ---------------------------------------------------------------------------------------------------

    def open(
        self, customer: str, channel: str, marked: str, acts: Acts, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """Profile, timeline, chat and notes at once; predictions when they are there, unless another is opened."""
        person = self.context.staff(request)
        row = self.context.store.customer(customer) if customer else None
        act, acts.on = acts.begin(), row["id"] if row else ""
        hidden = gr.update(visible=False)
        if row is None:
            nothing = gr.update(value=[]), gr.update(submit_btn=True, stop_btn=False)
            yield _NOBODY, "", *nothing, "", hidden, hidden, "", "", "", "", *NOBODY
            return
        store, tools = self.context.store, self.context.tools(row["id"], person.name)
        waiting = charts.card("Churn risk", '<p class="empty">Working it out …</p>')
        yield (
            self._profile(row, tools),
            timeline(store, row["id"], channel, marked),
            *self._chat(person.name, row["id"]),
            notes_card(store.notes(customer_id=row["id"])),
            gr.update(visible=True),
            gr.update(visible=True),
            row["id"],
            waiting,
            "",
            "",
            *NOBODY,
        )
        same, skipped = (gr.skip(),) * 8, (gr.skip(),) * len(NOBODY)
        for part in ("risk", "advice", "mood"):
            if acts.last != act:
                break
            if part == "risk":
                found = *same, self._risk(row["id"], tools), gr.skip(), gr.skip(), *skipped
            elif part == "advice":
                policy = policy_of(tools)
                advice = self._advice(tools, policy)
                found = *same, gr.skip(), gr.skip(), advice, *self._offers.shown(row["id"], policy)
            else:
                found = *same, gr.skip(), self._mood(row["id"]), gr.skip(), *skipped
            if acts.last == act:
                yield found
        yield *same, *(gr.skip(),) * 3, *skipped

    async def follow(self, customer: str, acts: Acts, request: gr.Request) -> AsyncIterator[tuple[Any, Any]]:
        """The rest of an answer that was still being written when the account was opened."""
        person = self.context.staff(request)
        ticket = self.context.desk.ticket(self._conversation(person.name, customer))
        if ticket is None or ticket.ended:
            yield gr.skip(), gr.skip()
            return
        async for shown in self._following(ticket, person.name, customer, acts):
            yield shown

    def _profile(self, row: dict[str, Any], tools: Toolbox) -> str:
        store, id = self.context.store, row["id"]
        value = tools.call("value", {"customer": id})[0].result
        plan = next(iter(store.subscriptions(id)), None)
        money = f"{value.get('currency') or ''}".strip()
        may = row.get("consent_marketing")
        consent = None if may is None else "yes" if may else "no"
        pairs = [
            ("Id", id),
            ("E-mail", row.get("email")),
            ("Phone", row.get("phone")),
            ("Place", ", ".join(str(row[k]) for k in ("city", "country") if row.get(k))),
            ("Language", row.get("language")),
            ("Customer since", row.get("joined_on")),
            ("Tier", row.get("tier")),
            ("Plan", f"{plan['plan']}, {plan['status']}" if plan else None),
            ("Next delivery", plan.get("next_delivery_on") if plan else None),
            ("Orders", f"{value.get('orders', 0)}, average {value.get('average_order', 0):,.2f} {money}"),
            ("Revenue", f"{value.get('revenue', 0):,.2f} {money}"),
            ("Last 12 months", f"{value.get('revenue_12_months', 0):,.2f} {money}"),
            ("May be sent offers", consent),
        ]
        left = (
            f' <span class="pill bad">left {escape(row.get("churned_on") or "")}</span>'
            if row.get("churned")
            else ""
        )
        return f'<section class="card"><h3>{escape(row.get("name") or id)}{left}</h3>{charts.facts(pairs)}</section>'

    def _risk(self, customer: str, tools: Toolbox) -> str:
        result = tools.call("churn_risk", {"customer": customer})[0].result
        if result.get("error"):
            return charts.card("Churn risk", _missing(result))
        band = str(result["band"])
        head = f'<div class="risk"><b>{result["percent"]} %</b> <span class="pill {escape(band)}">{escape(band)}</span> <span class="soft small">within 90 days</span></div>'
        return charts.card(
            "Churn risk", head + charts.reasons(result["reasons"]), note=f"model {result['model_version']}"
        )

    def _mood(self, customer: str) -> str:
        """How the customer has felt, by what they wrote."""
        rows = [r for r in self.context.store.interactions(customer, limit=120) if r["author"] == "customer"]
        rows = rows[:MOODS][::-1]
        try:
            labels = (
                self.context.assistant.predictor("sentiment").classify([r["text"] for r in rows])
                if rows
                else []
            )
        except AssistantError as error:
            return charts.card("Sentiment over time", _missing({"error": error.message, "hint": error.hint}))
        points = [
            (r["at"][:10], label.label, f"{r['channel']} {r['id']}")
            for r, label in zip(rows, labels, strict=True)
        ]
        return charts.card("Sentiment over time", charts.moods(points))

    def add_note(self, text: str, customer: str, acts: Acts, request: gr.Request) -> tuple[str, Any]:
        person, store = self.context.staff(request), self.context.store
        if not customer or not store.customer(customer):
            return text, gr.skip()
        if (text or "").strip():
            store.add_note(text, person.name, customer_id=customer)
        return "", notes_card(store.notes(customer_id=customer)) if acts.on == customer else gr.skip()

    def _advice(self, tools: Toolbox, policy: dict[str, Any]) -> str:
        customer = tools.session.customer
        parts = []
        actions = tools.call("next_action", {"customer": customer})[0].result
        if isinstance(actions, list):
            items = "".join(
                f"<li>{escape(a['text'])} <span class='soft small'>{escape(a.get('why', ''))}</span></li>"
                for a in actions
            )
            body = f'<ul class="plain">{items}</ul>'
            parts.append(
                charts.card("Do next", body if items else '<span class="soft">Nothing is open.</span>')
            )
        segment = tools.call("segment", {"customer": customer})[0].result
        if not segment.get("error"):
            text = f'<span class="pill">{escape(str(segment["name"]))}</span> <span class="small soft">{escape(str(segment["profile"]))}</span>'
            parts.append(charts.card("Segment", text))
        products = tools.call("recommend", {"customer": customer})[0].result
        if isinstance(products, list) and products:
            rows = "".join(
                f"<li><b>{escape(str(p['name']))}</b> <span class='soft small'>{_price(p)} {escape(str(p['reason']))}</span></li>"
                for p in products
            )
            parts.append(charts.card("May like", f'<ul class="plain">{rows}</ul>'))
        items = "".join(
            f"<li><b>{escape(o['name'])}</b> <span class='soft small'>{escape(o['terms'])}</span>"
            f"<div class='soft small'>{escape('; '.join(o['reasons']))}</div></li>"
            for o in policy["offers"][:3]
        )
        against = "".join(f"<li>{escape(text)}</li>" for text in policy["against"][:6])
        why = (
            f'<details class="small soft"><summary>Not allowed now ({len(policy["against"])})</summary><ul class="plain">{against}</ul></details>'
            if against
            else ""
        )
        shown = f'<ul class="plain">{items}</ul>' if items else '<span class="soft">None now.</span>'
        parts.append(charts.card("Offers the policy allows", shown + why))
        return f'<div class="steps">{"".join(parts)}</div>'

    def timeline(self, customer: str, channel: str, marked: str, acts: Acts, request: gr.Request) -> Any:
        self.context.staff(request)
        shown = timeline(self.context.store, customer, channel, marked) if customer else ""
        return shown if acts.on == customer else gr.skip()

    # -- asking ----------------------------------------------------------------------------------------------------

    def _conversation(self, agent: str, customer: str) -> str:
        return self._asked.setdefault((agent, customer), new_id("CV"))

    def _messages(self, agent: str, customer: str) -> list[views.Message]:
        conversation = self._conversation(agent, customer)
        ticket = self.context.desk.ticket(conversation)
        return views.transcript(self.context.store, conversation, EN, ticket=ticket, staff=True)[0]

    def _chat(self, agent: str, customer: str, waiting: int = 0) -> tuple[Any, Any]:
        """The chat about an account (about none: ""), and its box with the button that applies."""
        ticket = self.context.desk.ticket(self._conversation(agent, customer))
        running = ticket is not None and not ticket.ended
        messages = self._messages(agent, customer)
        if running and ticket is not None and waiting:
            messages[-1] = views.live(ticket, EN, staff=True, waiting=waiting)[-1]
        return gr.update(value=messages), gr.update(submit_btn=not running, stop_btn=running)

    async def _following(
        self, ticket: Ticket, agent: str, customer: str, acts: Acts
    ) -> AsyncIterator[tuple[Any, Any]]:
        """An answer as it grows, for as long as this account is on the screen."""
        async for waiting in follow(ticket):
            if acts.on != customer:
                break
            yield self._chat(agent, customer, waiting)
        if acts.on == customer:
            yield self._chat(agent, customer)
        yield gr.skip(), gr.skip()

    async def ask(
        self, question: str, customer: str, acts: Acts, request: gr.Request
    ) -> AsyncIterator[tuple[str, Any, Any]]:
        """The answer as it comes; before it, what goes back into the box: the question, where it was not taken."""
        person = self.context.staff(request)
        account = customer if customer and self.context.store.customer(customer) else ""
        if not (question or "").strip():
            yield "", gr.skip(), gr.skip()
            return
        session = Session("admin" if person.role == "admin" else "agent", account or None, person.name)
        try:
            ticket = self.context.ask(question, session, self._conversation(person.name, account))
        except AssistantError as error:
            look.warn(str(error))
            yield question, gr.skip(), gr.skip()
            return
        async for shown in self._following(ticket, person.name, account, acts):
            yield "", *shown

    async def ask_example(
        self, customer: str, acts: Acts, chosen: gr.SelectData, request: gr.Request
    ) -> AsyncIterator[tuple[Any, ...]]:
        self.context.staff(request)
        text = str(chosen.value.get("text", "") if isinstance(chosen.value, dict) else chosen.value)
        async for _, *shown in self.ask(text, customer, acts, request):
            yield tuple(shown)

    def stop(self, customer: str, request: gr.Request) -> None:
        person = self.context.staff(request)
        ticket = self.context.desk.ticket(self._conversation(person.name, customer))
        if ticket is not None:
            ticket.stop()


def _choice(row: dict[str, Any]) -> tuple[str, str]:
    return f"{row.get('name') or row['id']} · {row['id']}", str(row["id"])


def _missing(result: dict[str, Any]) -> str:
    return f'<p class="empty">{escape(str(result["error"]))}<br>{escape(str(result.get("hint") or ""))}</p>'


def _price(product: dict[str, Any]) -> str:
    return (
        f"{product['price']:.2f} {product.get('currency') or ''} ·"
        if product.get("price") is not None
        else ""
    )
