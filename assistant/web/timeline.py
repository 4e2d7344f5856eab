"""A customer's timeline for agents: what was imported of all channels, and the chats held in this program, by time."""

from collections.abc import Mapping
from html import escape
from typing import Any

from assistant.web import charts

CHANNELS = ("all", "email", "chat", "call", "ticket", "review")
NEWEST = 60
LONG = 400  # characters of one entry before it is cut


def timeline(store: Any, customer: str, channel: str, marked: str = "") -> str:
    """The newest entries as a card; ``marked`` is an interaction to be seen, however old it is."""
    chosen = channel if channel in CHANNELS[1:] else None
    rows = store.interactions(customer, channel=chosen, limit=NEWEST)
    older = store.interaction(marked) if marked and marked not in {r["id"] for r in rows} else None
    if older is not None and older["customer_id"] == customer and chosen in (None, older["channel"]):
        rows.append(older)
    entries = [(str(r["at"]), _interaction(r, marked)) for r in rows]
    if chosen in (None, "chat"):
        entries += [(str(c["last_at"]), _chat(store, c)) for c in chats(store, customer)]
    if not entries:
        said = "Nothing was said yet." if chosen is None else f"Nothing by {chosen} yet."
        return charts.card("Timeline", f'<p class="empty">{said}</p>')
    entries.sort(key=lambda entry: entry[0], reverse=True)
    note = f"{len(entries)} newest" if len(rows) >= NEWEST else f"{len(entries)} entries"
    items = "".join(html for _, html in entries)
    return charts.card("Timeline", f'<ul class="timeline" tabindex="0">{items}</ul>', note=note)


def chats(store: Any, customer: str) -> list[dict[str, Any]]:
    """The customer's own conversations with the assistant in which something was said, newest first; those begun as a
    visitor who then proved by an e-mailed code who they are among them."""
    found = store.conversations(customer_id=customer, proved=True, limit=NEWEST)
    # agents who asked about the account did so in conversations of their own
    return [c for c in found if c["role"] in ("customer", "visitor") and c["turn_count"]]


def _interaction(row: Mapping[str, Any], marked: str) -> str:
    stars = f" · {'★' * int(row['rating'])}" if row.get("rating") else ""
    status = ' <span class="pill warn">open</span>' if row.get("status") == "open" else ""
    subject = f"<b>{escape(row['subject'])}</b><br>" if row.get("subject") else ""
    sort = f"{escape(row['author'])}{' marked' if row['id'] == marked else ''}"
    return (
        f'<li class="{sort}" tabindex="-1" id="{escape(row["id"])}"><span class="when">{_when(row["at"])} ·'
        f" {escape(row['channel'])} · {escape(row['author'])}{stars} · {escape(row['id'])}</span>{status}"
        f'<div class="said">{subject}{_cut(row["text"])}</div></li>'
    )


def _chat(store: Any, conversation: Mapping[str, Any]) -> str:
    """A chat in a few lines: what was asked, how it stands, and the way to the whole of it."""
    id = str(conversation["id"])
    turns = store.turns(id)
    asked = "<br>".join(_cut(t["message"], 160) for t in turns[:3])
    more = len(turns) - 3
    asked += f'<br><span class="soft small">and {more} more</span>' if more > 0 else ""
    handed = any(t["outcome"] == "handed_off" for t in turns)
    state = (
        "with a person" if conversation["held_by"] == "person" else "handed over" if handed else "answered"
    )
    sort = "warn" if conversation["held_by"] == "person" else ""
    proved = " · signed in by code" if conversation["role"] == "visitor" else ""
    return (
        f'<li class="customer" tabindex="-1" id="{escape(id)}"><span class="when">{_when(conversation["last_at"])} · chat ·'
        f' assistant{proved}</span> <span class="pill {sort}">{state}</span><div class="said">{asked}</div>'
        f'<a class="small" href="/source?of=conversation:{escape(id)}&as=staff" target="_blank" rel="noopener">Open the'
        " conversation</a></li>"
    )


def _when(at: str) -> str:
    return escape(at[:16].replace("T", " "))


def _cut(text: str, most: int = LONG) -> str:
    return escape(text if len(text) < most else f"{text[: most - 20].rstrip()} …")
