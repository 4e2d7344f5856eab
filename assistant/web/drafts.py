"""A draft of what the assistant would answer, for the person who holds a conversation to send, change or discard.

It is made on a copy of the record, with what the customer may see and nothing more, so that it leaves no trace: no
turn, no hand-off, nothing done that waited for a yes.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assistant.dialogue import identity
from assistant.dialogue.events import Session
from assistant.errors import AssistantError
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


def unanswered(store: Any, conversation: str) -> str:
    """What the customer has said since a person last spoke, else their last question to the assistant."""
    messages = store.messages(conversation)
    last = max((i for i, m in enumerate(messages) if m["author"] != "customer"), default=-1)
    said = [m["text"] for m in messages[last + 1 :]]
    if not said and last < 0:
        said = [t["message"] for t in store.turns(conversation) if t["intent"] != "human"][-1:]
    said = [text for text in said if not (identity.read_email(text) or identity.read_code(text))]
    if not said:
        raise AssistantError("There is no question to answer.", "write the reply yourself")
    return "\n".join(said)
