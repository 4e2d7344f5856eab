"""What a colleague finds with a conversation that was handed over: what was tried, and a reply to begin with.

The suggested reply rests on what the customer of the conversation may see and on nothing else. It is made while nobody waits
for the model, kept with the hand-off, and holds only for the messages it was made for.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assistant.dialogue import identity, safety
from assistant.dialogue.account import known_of, public_articles
from assistant.dialogue.answer import Stop, never
from assistant.dialogue.events import Session
from assistant.dialogue.replies import draft_reply
from assistant.dialogue.settle import known_as
from assistant.dialogue.understand import Memory, Message
from assistant.errors import AssistantError
from assistant.evidence import Evidence

if TYPE_CHECKING:
    from assistant.dialogue.turn import Assistant

Row = Mapping[str, Any]
MOST_TRIED = 4


def unanswered(store: Any, conversation: str) -> str:
    """What the customer has said since a person last spoke, else their last question to the assistant.

    Raises AssistantError where there is nothing to answer.
    """
    messages = store.messages(conversation)
    last = max((i for i, m in enumerate(messages) if m["author"] != "customer"), default=-1)
    said = [m["text"] for m in messages[last + 1 :]]
    if not said and last < 0:
        said = [t["message"] for t in store.turns(conversation) if t["intent"] != "human"][-1:]
    said = [text for text in said if not (identity.read_email(text) or identity.read_code(text))]
    if not said:
        raise AssistantError("There is no question to answer.", "write the reply yourself")
    return "\n".join(said)


def tried(store: Any, conversation: str) -> list[dict[str, Any]]:
    """What the assistant tried before it handed over, oldest first: the question, how it ended, what was looked at."""
    turns = [t for t in store.turns(conversation, limit=2 * MOST_TRIED) if t["intent"] != "human"]
    return [
        {
            "question": t["message"],
            "outcome": t["outcome"],
            "looked_at": list(
                dict.fromkeys(
                    [
                        *(c["source"] for c in t["detail"].get("citations", ())),
                        *(x["name"] for x in t["detail"].get("tools", ())),
                    ]
                )
            ),
        }
        for t in turns[-MOST_TRIED:]
    ]


def suggestion(store: Any, handoff: Row) -> dict[str, Any] | None:
    """The suggested reply of a hand-off, None where there is none for what is unanswered now."""
    kept: dict[str, Any] | None = handoff.get("suggestion")
    try:
        now = unanswered(store, handoff["conversation_id"])
    except AssistantError:
        return None
    return kept if kept and kept["to"] == now else None


def suggest_reply(
    assistant: "Assistant", conversation: str, cancelled: Stop = never
) -> dict[str, Any] | None:
    """Make and keep the suggested reply for a conversation that a person holds: ``text``, ``sources``, ``to``.

    None where nothing waits for an answer or no hand-off is open. Raises Cancelled when ``cancelled`` says so.
    """
    store = assistant.store
    handoff = next((h for h in store.handoffs(conversation=conversation)), None)
    found = store.conversation(conversation)
    if handoff is None or found is None:
        return None
    if (kept := suggestion(store, handoff)) is not None:
        return kept
    try:
        text = unanswered(store, conversation)
    except AssistantError:
        return None
    said = Message(text, store)
    own = Session(found["role"], found["customer_id"], found["customer_id"] or "visitor")
    session = known_as(own, Memory.from_dict(found["state"] or {}))
    box = assistant.toolbox(session, said.language, cancelled)
    row = store.customer(session.customer) if session.customer else None
    evidence = [Evidence("message:unanswered", "interaction", text, "the customer's message")]
    if row is not None:
        mine = [o for o in said.found.orders if (store.order(o) or {}).get("customer_id") == row["id"]]
        evidence += known_of(box, row["id"], mine)
    evidence += public_articles(box, text)
    facts = {
        "name": (row or {}).get("name"),
        "language": said.language,
        "channel": "chat",
        "message": {"text": text},
    }
    reply = draft_reply(
        assistant.model,
        facts,
        safety.as_data(evidence, said.language),
        company=assistant.company_in(said.language),
        tone=assistant.settings.tone,
        cancelled=cancelled,
    )
    made = {"text": reply.text, "sources": list(reply.sources), "to": text}
    store.keep_suggestion(handoff["id"], made)
    return made
