"""A draft of what the assistant would answer, for the person who holds a conversation to send, change or discard.

It is made on a copy of the record, with what the customer may see and nothing more, so that it leaves no trace: no
turn, no hand-off, nothing done that waited for a yes.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assistant.dialogue.events import Session
from assistant.dialogue.handover import unanswered
from assistant.web.context import Context
from assistant.web.desk import Ticket


def begin_draft(context: Context, conversation: str) -> Ticket:
    """Join the line for a draft. Raises AssistantError when nothing waits for an answer."""
    found = context.store.conversation(conversation)
    message = unanswered(context.store, conversation)
    session = Session(found["role"], found["customer_id"], found["customer_id"] or "visitor")

    def run(message: str, *, conversation_id: str, **named: Any) -> Iterator[Any]:
        with TemporaryDirectory() as folder, context.assistant.over_copy(Path(folder)) as other:
            state = {**(found["state"] or {}), "pending": None, "last_action": None, "just_done": False}
            other.store.update_conversation(conversation, held_by="assistant", state=state)
            yield from other.turn(message, conversation_id=conversation, **named)

    return context.desk.ask(message, session=session, conversation_id=f"draft {conversation}", run=run)
