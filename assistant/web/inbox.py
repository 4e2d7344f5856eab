"""The line of hand-offs on the agents' page: conversations that wait for a person, and those that one has taken."""

import hashlib
import json
import re
from collections.abc import AsyncIterator
from datetime import datetime
from html import escape
from typing import Any

import gradio as gr

from assistant.dialogue.handover import suggestion, tried
from assistant.errors import AssistantError
from assistant.web import charts, look, views
from assistant.web.context import Context, follow
from assistant.web.drafts import begin_draft
from assistant.web.fields import Acts, Fields, on_submit
from assistant.web.words import EN

POLL_SECONDS = 3.0
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}


_NOBODY = {
    "All": "Nobody is waiting.",
    "Waiting": "Nobody is waiting.",
    "Mine": "You have no conversation: take one over.",
}
_SHOWN = 14  # how many components refresh tells about


def _controls(handoff: dict[str, Any] | None, me: str) -> tuple[Any, ...]:
    """What may be done with a hand-off now: take over, use the suggestion, draft, hand back, reply, note."""
    mine = handoff is not None and handoff["agent"] == me
    free = handoff is not None and handoff["agent"] is None
    said = "Write a reply" if mine else "Take the conversation over to reply"
    return (
        gr.update(visible=free),
        gr.update(visible=mine),
        gr.update(visible=mine),
        gr.update(visible=mine),
        gr.update(visible=mine or free, placeholder=said),
        gr.update(visible=handoff is not None),
    )


class Inbox:
    """Conversations that wait for a person, and those that one has taken."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def lay_out(self, page: gr.Blocks, count: gr.HTML, timer: gr.Timer) -> None:
        """``count`` shows how many wait and ``timer`` looks for news, also while another tab is open."""
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                which = gr.Radio(
                    [("Unassigned", "Waiting"), "Mine", "All"],
                    value="All",
                    label="Show",
                    show_label=False,
                    container=False,
                    elem_id="which",
                    elem_classes="pick",
                )
                line = gr.Radio([], label="Hand-offs", elem_id="line", elem_classes="list")
            with gr.Column(scale=5, min_width=320):
                head = gr.HTML('<p class="empty">Choose a conversation.</p>', elem_id="handoff")
                chat = gr.Chatbot(
                    label="Conversation", show_label=False, elem_classes="chat card-like", elem_id="talk", height=420, buttons=[],
                    latex_delimiters=[], allow_tags=False, group_consecutive_messages=False, placeholder=" ",
                )  # fmt: skip
                suggested = gr.HTML("", elem_id="suggested")
                drafted = gr.HTML("", elem_id="drafted")
                box = gr.Textbox(
                    placeholder="Take the conversation over to reply", show_label=False, label="Reply", container=False,
                    submit_btn=True, max_lines=6, max_length=5000, elem_classes="box", elem_id="reply", visible=False,
                )  # fmt: skip
                with gr.Row():
                    take = gr.Button("Take over", variant="primary", size="sm", elem_id="take", visible=False)
                    use = gr.Button("Use the suggestion", size="sm", elem_id="use", visible=False)
                    draft = gr.Button("Draft a reply", size="sm", elem_id="draft", visible=False)
                    discard = gr.Button("Discard the draft", size="sm", elem_id="discard", visible=False)
                    back = gr.Button("Hand back to the assistant", size="sm", elem_id="back", visible=False)
                noted = gr.HTML("", elem_id="talk-notes")
                note = gr.Textbox(
                    placeholder="A note for colleagues; customers never see it", show_label=False, label="Note", container=False,
                    submit_btn=True, max_lines=4, max_length=4000, elem_classes="box", elem_id="talk-note", visible=False,
                )  # fmt: skip
        # held by the browser: the hand-off whose row was clicked, the one that is on the screen, and a digest of what is
        chosen, opened, seen = (gr.Textbox("", visible=False) for _ in range(3))
        acts = gr.State(Acts())
        reply = Fields([box], joined=[box])
        shown = [line, head, chat, suggested, noted, take, use, draft, back, box, note, count, opened, seen]
        asked = [which, chosen, opened, acts]
        # never put off behind the one before: that would run what stands before it, the emptying, once more
        at_once = {**QUIET, "trigger_mode": "multiple"}
        gr.on([page.load, which.change], self.look, [which, chosen, acts], shown, **at_once)
        timer.tick(self.poll, [which, chosen, acts, seen], shown, **QUIET)
        # the row's own value is neither read nor written by the server: the list may change while somebody chooses
        line.change(None, line, chosen, js="(id) => id || ''", **QUIET)
        reply.empty(line.change, [""])
        line.change(self.open, [which, chosen, acts], [drafted, discard, *shown], **at_once)
        take.click(self.take, asked, shown, **QUIET)
        reply.empty(back.click, [""])
        back.click(self.give_back, asked, [drafted, discard, *shown], **QUIET)
        on_submit(box, self.reply, asked, [drafted, discard, *shown], **QUIET)
        reply.fill(use.click, self.use, opened, [], over=False, of=opened, **QUIET)
        reply.fill(
            draft.click, self.draft, [opened, acts], [drafted, discard], over=False, of=opened, **QUIET
        )
        reply.empty(discard.click, [""])
        discard.click(self.discard, None, [drafted, discard], **QUIET)
        on_submit(note, self.add_note, asked, shown, **QUIET)

    def look(self, which: str, chosen: str, acts: Acts, request: gr.Request) -> tuple[Any, ...]:
        """What is to be seen; nothing where somebody has done something meanwhile, which shows more recent things."""
        self.context.staff(request)
        return self._shown_after(acts, acts.last, which, chosen, request)

    def _shown_after(
        self, acts: Acts, act: int, which: str, chosen: str, request: gr.Request
    ) -> tuple[Any, ...]:
        shown = self.refresh(which, chosen, request)
        return shown if acts.last == act else (gr.skip(),) * _SHOWN

    def refresh(self, which: str, chosen: str | None, request: gr.Request) -> tuple[Any, ...]:
        """Updates of the list, the chosen conversation, what may be done with it, its id, and a digest of all that."""
        person, store = self.context.staff(request), self.context.store
        found = store.handoffs(open=True, limit=200)
        rows = [
            h for h in found
            if which == "All" or (h["agent"] is None if which == "Waiting" else h["agent"] == person.name)
        ]  # fmt: skip
        waiting = sum(h["agent"] is None for h in found)
        count = f'<span data-waiting="{waiting}">{waiting} waiting</span>'
        choices = [(self._label(h), h["id"]) for h in rows]
        label = f"Hand-offs ({len(rows)})"
        current = self._found(chosen)
        if current is None or current["closed_at"] or chosen not in {h["id"] for h in rows}:
            said = "Choose a conversation." if rows else _NOBODY.get(which, _NOBODY["All"])
            none = f'<section class="card"><p class="empty">{said}</p></section>'
            return (
                gr.update(choices=choices, label=label),
                none,
                gr.update(value=[], visible=False),
                "",
                "",
                *_controls(None, ""),
                count,
                "",
                _digest([which, chosen, choices, waiting]),
            )
        notes = store.notes(conversation_id=current["conversation_id"])
        messages, _ = views.transcript(store, current["conversation_id"], EN, staff=True)
        suggested = suggestion_card(suggestion(store, current))
        return (
            gr.update(choices=choices, label=label),
            self._head(current),
            gr.update(value=messages, visible=True),
            suggested,
            notes_card(notes),
            *_controls(current, person.name),
            count,
            current["id"],
            _digest(
                [which, chosen, choices, current["agent"], len(messages), len(notes), suggested, waiting]
            ),
        )

    def open(self, which: str, chosen: str, acts: Acts, request: gr.Request) -> tuple[Any, ...]:
        """Show what was chosen; a hand-off without a suggested reply (made before a restart, say) gets one."""
        self.context.staff(request)
        act, acts.on = acts.begin(), chosen
        shown = self._shown_after(acts, act, which, chosen, request)
        found = self._found(chosen)
        if found is not None and not found["closed_at"] and suggestion(self.context.store, found) is None:
            self.context.suggest(found["conversation_id"])
        return "", gr.update(visible=False), *shown

    def use(self, opened: str, request: gr.Request) -> Any:
        """The suggested reply for the box, to be changed and sent."""
        person, found = self.context.staff(request), self._found(opened)
        if found is None or not self._may(found, person.name):
            return None
        made = suggestion(self.context.store, found)
        if made is None:
            look.warn("There is no suggestion for this yet.")
            return None
        return Fields.found([made["text"]], opened)

    def poll(self, which: str, chosen: str, acts: Acts, seen: str, request: gr.Request) -> tuple[Any, ...]:
        shown = self.look(which, chosen, acts, request)
        return (gr.skip(),) * _SHOWN if shown[-1] == seen else shown

    def take(self, which: str, chosen: str, opened: str, acts: Acts, request: gr.Request) -> tuple[Any, ...]:
        person, act = self.context.staff(request), acts.begin()
        if opened:
            try:
                self.context.store.claim_handoff(opened, person.name)
                self.context.store.audit(person.name, person.role, "took a conversation over", opened)
            except AssistantError as error:
                look.warn(str(error))
        return self._shown_after(acts, act, which, chosen, request)

    def give_back(
        self, which: str, chosen: str, opened: str, acts: Acts, request: gr.Request
    ) -> tuple[Any, ...]:
        person, store, act = self.context.staff(request), self.context.store, acts.begin()
        found = self._found(opened)
        if found is not None and self._may(found, person.name):
            store.close_handoff(found["id"])
            store.audit(person.name, person.role, "handed a conversation back", found["id"])
        return "", gr.update(visible=False), *self._shown_after(acts, act, which, chosen, request)

    def reply(
        self, text: str, which: str, chosen: str, opened: str, acts: Acts, request: gr.Request
    ) -> tuple[Any, ...]:
        """Say something in the conversation that is on the screen; what may not be said goes back into the box."""
        person, store, act = self.context.staff(request), self.context.store, acts.begin()
        found, said = self._found(opened), (text or "").strip()
        sent = bool(said) and found is not None and self._may(found, person.name)
        if found is not None and sent:
            store.add_message(found["conversation_id"], "agent", said)
        gone = ("", gr.update(visible=False)) if sent else (gr.skip(),) * 2
        return "" if sent else said, *gone, *self._shown_after(acts, act, which, chosen, request)

    async def draft(
        self, opened: str, acts: Acts, request: gr.Request
    ) -> AsyncIterator[tuple[Any, Any, Any]]:
        """What the assistant would answer, for the box, to be changed, with where it comes from."""
        person, found, shown = self.context.staff(request), self._found(opened), acts.on
        nothing = (None, gr.skip(), gr.skip())
        if found is None or not self._may(found, person.name):
            yield nothing
            return
        try:
            ticket = begin_draft(self.context, found["conversation_id"])
        except AssistantError as error:
            look.warn(str(error))
            yield nothing
            return
        async for waiting in follow(ticket):
            if acts.on != shown:  # another conversation is on the screen
                break
            doing = views.doing(ticket.events, EN, staff=True, waiting=waiting)
            yield gr.skip(), f'<div class="chat" role="status">{doing}</div>', gr.update(visible=True)
        if acts.on != shown:
            yield nothing
            return
        turn = ticket.turn
        if ticket.error is not None or turn.outcome != "answered":
            why = str(ticket.error) if ticket.error else "The assistant knows no answer to this."
            note = f'<p class="note" role="status">{escape(why)}</p>'
            yield None, note, gr.update(visible=False)
            return
        cited = views.sources([c.__dict__ for c in turn.citations], EN, staff=True)
        note = f'<div class="note plain" role="status">A draft: nobody has seen it but you.<div class="chat">{cited}</div></div>'
        written = re.sub(r"\s*\[\d{1,2}\]", "", turn.answer)
        yield Fields.found([written], opened), note, gr.update(visible=True)

    def discard(self, request: gr.Request) -> tuple[str, Any]:
        self.context.staff(request)
        return "", gr.update(visible=False)

    def add_note(
        self, text: str, which: str, chosen: str, opened: str, acts: Acts, request: gr.Request
    ) -> tuple[Any, ...]:
        person, found, act = self.context.staff(request), self._found(opened), acts.begin()
        if found is not None and (text or "").strip():
            self.context.store.add_note(text, person.name, conversation_id=found["conversation_id"])
            text = ""
        return text, *self._shown_after(acts, act, which, chosen, request)

    def _found(self, id: str | None) -> dict[str, Any] | None:
        """A hand-off, with whose conversation it is."""
        found = self.context.store.handoff(id) if id else None
        if found is None:
            return None
        conversation = self.context.store.conversation(found["conversation_id"]) or {}
        return {**found, "language": conversation.get("language")}

    def _may(self, handoff: dict[str, Any], name: str) -> bool:
        """Only who has taken a conversation speaks in it."""
        if handoff["agent"] == name and not handoff["closed_at"]:
            return True
        look.warn(
            "Take the conversation over first." if not handoff["agent"] else f"{handoff['agent']} has it."
        )
        return False

    def _label(self, handoff: dict[str, Any]) -> str:
        customer, mood = self._who(handoff)
        state = f"with {handoff['agent']}" if handoff["agent"] else "waiting"
        about = " ".join((handoff["summary"] or "").split("\n", 1)[0].split())
        about = f"“{about[:44]}{'…' if len(about) > 44 else ''}”" if about else ""
        reason = "" if handoff["reason"] == "asked" else handoff["reason"]  # as nearly all have
        parts = [_name(customer), reason, mood, f"{state} {_ago(handoff['at'])}", about]
        return " · ".join(part for part in parts if part and part != "neutral")

    def _who(self, handoff: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
        """The customer of a hand-off, if it is one, and how their last message to the assistant sounded."""
        store, id = self.context.store, handoff["conversation_id"]
        last = store.turns(id, limit=1)
        return self.context.proven(store.conversation(id)), (last[0]["sentiment"] or "") if last else ""

    def _head(self, handoff: dict[str, Any]) -> str:
        customer, mood = self._who(handoff)
        name = _name(customer)
        state = (
            f'<span class="pill good">with {escape(handoff["agent"])}</span>'
            if handoff["agent"]
            else f'<span class="pill warn">waiting {escape(_ago(handoff["at"]))}</span>'
        )
        summary = escape(handoff["summary"] or "").replace("\n", "<br>")
        pairs = [
            ("Customer", customer["id"] if customer else None),
            ("Language", handoff["language"]),
            ("Reason", "asked for a person" if handoff["reason"] == "asked" else handoff["reason"]),
            ("Sentiment", mood),
            *(("Tried", line) for line in map(_tried, tried(self.context.store, handoff["conversation_id"]))),
        ]
        return (
            f'<section class="card"><h3>{escape(name)} {state}</h3>{charts.facts(pairs)}'
            f'<p class="small soft" style="margin:.6rem 0 0">{summary}</p></section>'
        )


def suggestion_card(made: dict[str, Any] | None) -> str:
    """The suggested reply with where it comes from; nothing where there is none for what is unanswered now."""
    if made is None:
        return ""
    text = escape(made["text"]).replace("\n", "<br>")
    sources = ", ".join(s.split("#")[0].removeprefix("kb:").removeprefix("record:") for s in made["sources"])
    rests = f'<p class="small soft">Rests on {escape(sources)}.</p>' if sources else ""
    return charts.card("Suggested reply", f"<p>{text}</p>{rests}")


def _tried(step: dict[str, Any]) -> str:
    """One line on a question that the assistant met before it handed over."""
    question = " ".join(step["question"].split())
    looked = ", ".join(x.split("#")[0] for x in step["looked_at"][:3])
    short = f"“{question[:60]}{'…' if len(question) > 60 else ''}”: {step['outcome'].replace('_', ' ')}"
    return f"{short} ({looked})" if looked else short


def notes_card(notes: list[dict[str, Any]]) -> str:
    """What colleagues have noted, newest first."""
    items = "".join(
        f'<li><span class="when">{escape(n["at"][:16].replace("T", " "))} · {escape(n["author"])}</span>'
        f'<div class="said">{escape(n["text"])}</div></li>'
        for n in notes
    )
    body = (
        f'<ul class="timeline" tabindex="0">{items}</ul>'
        if items
        else '<span class="soft small">None yet.</span>'
    )
    return charts.card("Notes", body)


def _name(customer: dict[str, Any] | None) -> str:
    return str(customer.get("name") or customer["id"]) if customer else "Visitor"


def _digest(shown: Any) -> str:
    return hashlib.sha256(json.dumps(shown, default=str).encode()).hexdigest()[:16]


def _ago(at: str) -> str:
    minutes = int((datetime.now() - datetime.fromisoformat(at)).total_seconds() // 60)
    if minutes < 1:
        return "< 1 min"
    return (
        f"{minutes} min"
        if minutes < 60
        else f"{minutes // 60} h"
        if minutes < 2880
        else f"{minutes // 1440} days"
    )
