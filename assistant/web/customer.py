"""The customer's page: a chat that streams, shows its sources, and leads to a person."""

from collections.abc import AsyncIterator
from html import escape
from typing import Any

import gradio as gr

from assistant.dialogue import phrases
from assistant.dialogue.events import Session
from assistant.errors import AssistantError, PermissionDenied
from assistant.web import look, views
from assistant.web.access import Visitor
from assistant.web.context import Context, follow
from assistant.web.fields import Acts, on_submit
from assistant.web.limits import TooOften
from assistant.web.words import PANEL, Words

POLL_SECONDS = 3.0
_FEEDBACK = {1: "Like", -1: "Dislike"}


def build(context: Context, words: Words) -> gr.Blocks:
    """The page in one language."""
    with gr.Blocks(
        title=f"{context.company} · {words.title}", analytics_enabled=False, fill_height=True
    ) as page:
        # held by the browser: the turns on the screen, what was seen, the turn that was found not helpful last
        turns, seen = (gr.JSON(visible=False) for _ in range(2))
        rated = gr.Textbox("", visible=False)
        acts = gr.State(Acts())
        with gr.Column(elem_classes="narrow"):
            top = gr.HTML(look.header(context.assistant.company_in(words.language), words.title))
            chat = gr.Chatbot(
                label=words.chat_label,
                show_label=False,
                elem_classes="chat",
                elem_id="chat",
                placeholder=f"<h2>{escape(words.empty_title)}</h2><p class='soft'>{escape(words.empty_text)}</p>",
                examples=[{"text": text} for text in words.examples],
                buttons=[],
                latex_delimiters=[],
                allow_tags=False,
                feedback_options=("Like", "Dislike"),
                group_consecutive_messages=False,
            )
            comment = gr.Textbox(
                placeholder=PANEL[words.language]["comment"], label=PANEL[words.language]["comment"], show_label=False,
                container=False, submit_btn=PANEL[words.language]["send"], max_lines=4, max_length=2000, visible=False,
                elem_classes="box", elem_id="comment",
            )  # fmt: skip
            state = gr.HTML("", elem_classes="state", elem_id="state")
            box = gr.Textbox(
                placeholder=words.placeholder,
                label=words.box_label,
                show_label=False,
                container=False,
                lines=1,
                max_lines=6,
                max_length=20_000,
                submit_btn=True,
                stop_btn=False,
                autofocus=True,
                elem_classes="box",
                elem_id="box",
            )
            with gr.Row(equal_height=True):
                person = gr.Button(words.person, size="sm", elem_id="person", min_width=80)
                new = gr.Button(words.new, size="sm", elem_id="new", min_width=80)
                mail = gr.Button(words.mail, size="sm", elem_id="mail", min_width=80)
        timer = gr.Timer(POLL_SECONDS)

        outputs = [chat, box, state, turns, seen]
        desk = _Chat(context, words)
        page.load(desk.top, None, top, show_progress="hidden", api_visibility="private")
        page.load(desk.open, None, outputs, show_progress="hidden", api_visibility="private")
        shared: dict[str, Any] = {
            "show_progress": "hidden",
            "api_visibility": "private",
            "concurrency_limit": None,
        }
        on_submit(box, desk.ask, [acts], outputs, **shared)
        chat.example_select(desk.ask_example, acts, outputs, **shared)
        chat.option_select(desk.ask_example, acts, outputs, **shared)
        chat.like(desk.rate, turns, [comment, rated], **shared)
        on_submit(comment, desk.comment, [rated], [comment, rated], **shared)
        box.stop(desk.stop, None, None, **shared)
        person.click(desk.person, acts, outputs, **shared)
        mail.click(desk.mail, None, None, **shared)
        new.click(None, None, None, js="() => { location.assign('/session/new?page=' + location.pathname) }")
        timer.tick(desk.poll, [seen, acts], outputs, **shared)
    page.queue(default_concurrency_limit=32, max_size=500, api_open=False)
    return page


class _Chat:
    """The page's functions. Who is speaking comes from the signed cookie, never from the page."""

    def __init__(self, context: Context, words: Words) -> None:
        self.context, self.words = context, words

    # -- what is shown ---------------------------------------------------------------------------------------------

    def top(self, request: gr.Request) -> str:
        """The bar at the top: who you are, and the other language."""
        words, visitor = self.words, self.context.visitor(request)
        save = PANEL[words.language]["save"]
        other = (
            f'<a class="quiet" href="/session/transcript?language={words.language}" download title="{escape(save)}" aria-label="{escape(save)}"><span class="big">{escape(save)}</span><span class="phone">⤓</span></a>'
            f'<a class="quiet" href="{words.other[1]}">{words.other[0]}</a>'
        )
        bar = look.header(self.context.assistant.company_in(words.language), words.title, other)
        if not self.context.is_demo:
            return bar
        choices = [(words.visitor, "")] + [
            (f"{c['name']} ({c['id']})", c["id"]) for c in demo_customers(self.context.store)
        ]
        options = "".join(
            f'<option value="{escape(id)}"{" selected" if id == (visitor.customer or "") else ""}>{escape(name)}</option>'
            for name, id in choices
        )
        return (
            f'{bar}<form class="bar note plain" style="margin-top:.6rem" method="post" action="/session/customer">'
            f'<label class="small" for="who">{escape(words.signed_in)}</label>'
            f'<input type="hidden" name="page" value="{"/zh/customer" if words.language == "zh" else "/customer"}">'
            f'<select id="who" name="customer" class="quiet" onchange="this.form.submit()">{options}</select>'
            f'<span class="soft small big" style="flex:1 1 14rem">{escape(words.demo_note)}</span></form>'
        )

    def _shown(self, visitor: Visitor, *, waiting: int = 0) -> tuple[Any, ...]:
        """Updates of chat, box, state line, turns and what was seen."""
        store, words = self.context.store, self.words
        ticket = self.context.desk.ticket(visitor.conversation)
        messages, turns = views.transcript(store, visitor.conversation, words, ticket=ticket)
        running = ticket is not None and not ticket.ended
        if running and ticket is not None and waiting and messages:
            messages[-1] = views.live(ticket, words, waiting=waiting)[-1]
        line = self._line(visitor)
        ratings = {t["id"]: t["rating"] for t in store.turns(visitor.conversation)}
        feedback = [
            _FEEDBACK.get(ratings.get(turn) or 0) if turn else None
            for message, turn in zip(messages, turns, strict=True)
            if message["role"] == "assistant"
        ]
        return (
            gr.update(value=messages, feedback_value=feedback),
            gr.update(submit_btn=not running, stop_btn=running),
            line,
            turns,
            [len(messages), line, running, next((t for t in reversed(turns) if t), None)],
        )

    def _line(self, visitor: Visitor) -> str:
        place, agent = self.context.place_in_line(visitor.conversation)
        if agent:
            return f'<span role="status">{escape(self.words.queue_with.format(name=agent))}</span>'
        return f'<span role="status">{escape(self.words.queue.format(n=place))}</span>' if place else ""

    # -- what is done ----------------------------------------------------------------------------------------------

    async def open(self, request: gr.Request) -> AsyncIterator[tuple[Any, ...]]:
        """The conversation so far; when something is still being answered, the rest of it as it comes."""
        visitor = self.context.visitor(request)
        chat, *rest = self._shown(visitor)
        if visitor.customer:
            chat["examples"] = [{"text": text} for text in self.words.signed_examples]
        yield (chat, *rest)
        ticket = self.context.desk.ticket(visitor.conversation)
        if ticket is not None and not ticket.ended:
            async for waiting in follow(ticket):
                yield self._shown(visitor, waiting=waiting)
            yield self._shown(visitor)
        yield (gr.skip(),) * 5

    async def ask(self, message: str, acts: Acts, request: gr.Request) -> AsyncIterator[tuple[Any, ...]]:
        """The answer as it comes; before it, what goes back into the box: the message, where it was not taken."""
        visitor, act = self.context.visitor(request), acts.begin()
        if not message.strip():
            yield "", *self._shown(visitor)
            return
        session = Session(visitor.role, visitor.customer, visitor.customer or "visitor")
        try:
            self.context.limits.question(request.client.host if request.client else "")
            ticket = self.context.ask(message, session, visitor.conversation)
        except AssistantError as error:
            if isinstance(error, TooOften):
                self._warn(self.words.too_often.format(n=error.seconds))
            else:
                self._warn(self.words.busy if error.hint.startswith("try again") else str(error))
            yield message, *self._shown(visitor)
            return
        async for waiting in follow(ticket):
            if acts.last == act:  # what was asked after it shows this one, too
                yield "", *self._shown(visitor, waiting=waiting)
        yield "", *self._shown(visitor)
        yield "", *(gr.skip(),) * 5

    async def ask_example(
        self, acts: Acts, chosen: gr.SelectData, request: gr.Request
    ) -> AsyncIterator[tuple[Any, ...]]:
        value = chosen.value
        text = str(value.get("text", "") if isinstance(value, dict) else value)
        async for _, *shown in self.ask(text, acts, request):
            yield tuple(shown)

    def stop(self, request: gr.Request) -> None:
        ticket = self.context.desk.ticket(self.context.visitor(request).conversation)
        if ticket is not None:
            ticket.stop()

    def poll(self, seen: list[Any] | None, acts: Acts, request: gr.Request) -> tuple[Any, ...]:
        """What a person has written meanwhile; nothing at all where nothing is new, or something was asked since."""
        visitor, act = self.context.visitor(request), acts.last
        ticket = self.context.desk.ticket(visitor.conversation)
        if ticket is not None and not ticket.ended:
            return (gr.skip(),) * 5
        shown = self._shown(visitor)
        return (gr.skip(),) * 5 if shown[-1] == seen or acts.last != act else shown

    def person(self, acts: Acts, request: gr.Request) -> tuple[Any, ...]:
        """Ask for a person, without the model in between."""
        visitor = self.context.visitor(request)
        acts.begin()
        ask_for_person(self.context, visitor, self.words)
        return self._shown(visitor)

    def mail(self, request: gr.Request) -> None:
        """Send the conversation to the address on record of the customer whose it is."""
        from assistant.web.api import mail_conversation

        words, visitor = self.words, self.context.visitor(request)
        if self.context.store.conversation(visitor.conversation) is None:
            self._warn(words.nothing_said)
            return
        try:
            to = mail_conversation(self.context, visitor.conversation, words)
            look.inform(words.mailed.format(to=to), title=words.note)
        except PermissionDenied:
            self._warn(words.mail_sign_in)
        except TooOften as error:
            self._warn(words.too_often.format(n=error.seconds))
        except AssistantError:
            self._warn(words.no_address)

    def rate(
        self, turns: list[str | None] | None, given: gr.LikeData, request: gr.Request
    ) -> tuple[Any, str]:
        """Keep a thumb; a thumb down asks for a word on what was wrong."""
        index = given.index[0] if isinstance(given.index, list | tuple) else given.index
        turns = turns or []
        found = self._own_turn(turns[index] if 0 <= index < len(turns) else None, request)
        if found is None:
            return gr.update(visible=False), ""
        liked = {True: 1, False: -1}.get(given.liked) if isinstance(given.liked, bool) else None
        self.context.rate(found, liked)
        if liked is not None:
            look.inform(
                self.words.thanks if liked == 1 else self.words.sorry, title=self.words.note, seconds=3
            )
        wrong = liked == -1
        return gr.update(visible=wrong), found["id"] if wrong else ""

    def comment(self, text: str, turn: str, request: gr.Request) -> tuple[str, Any, str]:
        """Keep what somebody writes about an answer that did not help."""
        found = self._own_turn(turn, request)
        if found is not None and (text or "").strip():
            self.context.rate(found, -1, text.strip()[:2000])
            look.inform(self.words.thanks, title=self.words.note, seconds=3)
        return "", gr.update(visible=False), ""

    def _own_turn(self, turn: str | None, request: gr.Request) -> dict[str, Any] | None:
        """A turn of this browser's own conversation, None for all others."""
        found: dict[str, Any] | None = self.context.store.turn(turn) if turn else None
        mine = found is not None and found["conversation_id"] == self.context.visitor(request).conversation
        return found if mine else None

    def _warn(self, text: str) -> None:
        look.warn(text, title=self.words.note)


def ask_for_person(context: Context, visitor: Visitor, words: Words) -> str:
    """Put a visitor's conversation into the line for a person; the hand-off's id."""
    store, conversation = context.store, visitor.conversation
    if store.conversation(conversation) is None:
        context.begin(visitor.role, visitor.customer, id=conversation, language=words.language)
    if context.place_in_line(conversation) == (0, None):
        summary = "\n".join([*(t["message"] for t in store.turns(conversation, limit=4)), words.ask_person])[
            -1000:
        ]
        said = phrases.ZH.handed_off if words.language == "zh" else phrases.EN.handed_off
        store.save_turn(
            conversation, message=words.ask_person, answer=said, outcome="handed_off", intent="human",
            language=words.language,
        )  # fmt: skip
        handoff = str(store.hand_off(conversation, "asked", summary))
        context.handed_off(conversation, handoff)
        return handoff
    return next(
        h["id"] for h in store.handoffs(open=True, limit=1000) if h["conversation_id"] == conversation
    )


def demo_customers(store: Any, n: int = 6) -> list[dict[str, Any]]:
    """A few customers of the demo company to be: with orders, two of them writing Chinese."""
    chosen: list[dict[str, Any]] = []
    for language, wanted in (("en", n - 2), ("zh", 2)):
        found = 0
        for customer in store.customers(language=language):
            if found < wanted and customer.get("name") and len(store.orders(customer["id"], limit=2)) == 2:
                chosen.append(customer)
                found += 1
            if found == wanted:
                break
    return chosen
