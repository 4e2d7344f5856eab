"""Conversations as messages of a chat: what was asked and answered, by whom, with sources that open."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from assistant.dialogue.events import (
    Answered,
    HandedOff,
    Planned,
    Retrieved,
    Sentence,
    ToolCalled,
    Understood,
)
from assistant.web.desk import Busy, Ticket, Waiting
from assistant.web.words import PANEL, Words

Message = dict[str, Any]


def said(text: str) -> str:
    """A person's or the model's text as the chat shows it: as written, line breaks kept, nothing of it is markup."""
    shown = escape(text, quote=False)
    shown = re.sub(r"([\\`*_{}#|~$]|\[|\])", r"\\\1", shown)
    return re.sub(
        r"(?m)^(\s*)([-+>])(?=\s)", r"\1\\\2", re.sub(r"(?m)^(\s*\d+)([.)])(?=\s)", r"\1\\\2", shown)
    )


def answer(text: str) -> str:
    """An answer with its citations raised; simple lists stay lists."""
    shown = escape(text, quote=False)
    shown = re.sub(r"([\\`*_{}#|~$])", r"\\\1", shown)
    return re.sub(r"\s*\[(\d{1,2})\]", r'<sup class="cite">\1</sup>', shown)


def sources(citations: Sequence[Mapping[str, Any]], words: Words, *, staff: bool = False) -> str:
    """The evidence under an answer: one line each, which opens to the passage and leads to the whole text."""
    if not citations:
        return ""
    rows = []
    for c in citations:
        title, text = _title_and_text(str(c["source"]), str(c["kind"]), str(c["text"]))
        link = ""
        if c["kind"] in ("article", "interaction") or str(c.get("id", "")).startswith("record:"):
            address = f"/source?of={quote(str(c.get('id') or c['source']))}" + ("&as=staff" if staff else "")
            # the page's script leads to the timeline where it is there, see look.py
            name = "Show it in the timeline" if staff and c["kind"] == "interaction" else words.whole
            link = f'<br><a href="{address}" target="_blank" rel="noopener">{escape(name)}</a>'
        kind = words.kinds.get(str(c["kind"]), str(c["kind"]))
        if staff and c["kind"] == "record":
            kind = "record"
        shown = escape(text, quote=False).replace("\n", "<br>")
        rows.append(
            f"<details><summary><b>{int(c['n'])}</b> {escape(title)} · {escape(kind)}</summary>"
            f'<div class="passage">{_no_markdown(shown)}{link}</div></details>'
        )
    return f'\n\n<div class="sources">{"".join(rows)}</div>'


def _title_and_text(source: str, kind: str, text: str) -> tuple[str, str]:
    """Passages are headed by their title path; records by nothing."""
    head, _, rest = text.partition("\n")
    if kind in ("article", "interaction") and rest and len(head) < 160:
        return head, rest.strip()
    return source.removeprefix("interaction:"), text


def _no_markdown(html: str) -> str:
    """Keep a Markdown reader from seeing emphasis or lists in text that is inside HTML."""
    return re.sub(r"([*_`\\#\[\]~|$])", lambda m: f"&#{ord(m.group(1))};", html)


def transcript(
    store: Any, conversation_id: str, words: Words, *, ticket: Ticket | None = None, staff: bool = False
) -> tuple[list[Message], list[str | None]]:
    """The messages of a conversation, oldest first, and for each the turn it answers (None for all others)."""
    rows: list[tuple[str, int, Message, str | None]] = []
    for turn in store.turns(conversation_id):
        rows.append((turn["at"], 0, {"role": "user", "content": said(turn["message"])}, None))
        text = turn["answer"] or ""
        cited = (turn.get("detail") or {}).get("citations") or []
        if text:
            body = answer(text) + sources(cited, words, staff=staff)
            rows.append((turn["at"], 0, {"role": "assistant", "content": body}, turn["id"]))
    for message in store.messages(conversation_id):
        if message["author"] == "customer":
            shown = {"role": "user", "content": said(message["text"])}
        else:
            who = "" if message["author"] in ("agent", "person") else f"{message['author']} · "
            name = f'<span class="from">{escape(who + words.colleague)}</span>'
            shown = {"role": "assistant", "content": f"{name}\n\n{said(message['text'])}"}
        rows.append((message["at"], 1, shown, None))
    rows.sort(key=lambda row: row[:2])
    messages, turns = [row[2] for row in rows], [row[3] for row in rows]
    if ticket is not None and not (ticket.done and (ticket.turn.id or _held(ticket))):
        messages += live(ticket, words, staff=staff)
        turns += [None] * (len(messages) - len(turns))
    return messages, turns


def as_text(store: Any, conversation_id: str, company: str, words: Words) -> str:
    """A conversation as plain text, to keep: who said what, when, and the sources of the answers."""
    panel = PANEL[words.language]
    rows: list[tuple[str, int, str]] = []
    for turn in store.turns(conversation_id):
        rows.append((turn["at"], 0, f"{panel['you']}: {turn['message']}"))
        if turn["answer"]:
            cited = (turn.get("detail") or {}).get("citations") or []
            listed = "".join(f"\n    [{c['n']}] {c['source']}" for c in cited)
            rows.append((turn["at"], 0, f"{company}: {turn['answer']}{listed}"))
    for message in store.messages(conversation_id):
        who = panel["you"] if message["author"] == "customer" else words.colleague
        rows.append((message["at"], 1, f"{who}: {message['text']}"))
    rows.sort(key=lambda row: row[:2])
    lines = [f"[{at[:16].replace('T', ' ')}] {text}" for at, _, text in rows]
    return "\n\n".join([f"{company} · {words.chat_label}", *lines]) + "\n"


def live(ticket: Ticket, words: Words, *, staff: bool = False, waiting: int = 0) -> list[Message]:
    """A question that is being answered, or that was stopped or failed: nothing of it is in the record."""
    messages = [{"role": "user", "content": said(ticket.message)}]
    events = list(ticket.events)
    text = "".join(_joined(events, words.language))
    if ticket.error is not None:
        error = ticket.error
        note = words.busy if isinstance(error, Busy) else words.failed
        body = f"{answer(text)}\n\n{said(str(error) if staff else note)}"
    elif ticket.stopped:
        body = f"{answer(text)}\n\n{said(words.stopped)}" if text else said(words.stopped)
    else:
        body = answer(text) + ("" if ticket.done else doing(events, words, staff=staff, waiting=waiting))
        finished = next((e for e in reversed(events) if isinstance(e, Answered)), None)
        if finished is not None:
            cited = [c.__dict__ for c in finished.citations]
            body = answer(finished.answer) + sources(cited, words, staff=staff)
    return [*messages, {"role": "assistant", "content": body}] if body.strip() else messages


def _joined(events: Iterable[Any], language: str) -> list[str]:
    parts: list[str] = []
    for event in events:
        if isinstance(event, Sentence):
            listed = re.match(r"[-•*]\s|\d{1,2}[.)、]\s?", event.text)
            parts.append(("\n" if listed else "" if language == "zh" else " ") if parts else "")
            parts.append(event.text)
        elif isinstance(event, HandedOff) and event.message:
            parts.append(event.message)
    return parts


def doing(events: Sequence[Any], words: Words, *, staff: bool = False, waiting: int = 0) -> str:
    """The line that says what is going on now."""
    text = words.reading
    names = words.doing
    if staff:
        from assistant.web.words import STAFF_DOING as names
    calls = 0
    for event in events:
        match event:
            case Planned() if event.steps:
                text = names.get(event.steps[0].tool, words.reading)
            case ToolCalled():
                calls += 1
                plan = next((e.steps for e in events if isinstance(e, Planned)), ())
                if calls < len(plan):
                    text = names.get(plan[calls].tool, text)
            case Retrieved() | Sentence():
                text = words.writing
            case Understood():
                pass
            case Answered() | HandedOff():
                return ""
    if waiting and not events:
        text = words.waiting.format(n=waiting)
    gap = "\n\n" if any(isinstance(e, Sentence) for e in events) else ""
    return f'{gap}<span class="doing">{escape(text)} …</span>'


def _held(ticket: Ticket) -> bool:
    """Whether the message went to the person who holds the conversation: it is in the record then."""
    return any(isinstance(e, HandedOff) and e.reason == "held" for e in ticket.events)


__all__ = ["Message", "Waiting", "answer", "as_text", "doing", "live", "said", "sources", "transcript"]
