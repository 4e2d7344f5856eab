"""The API under ``/v1``: chat as JSON or as server-sent events. Errors are problem+json.

Who calls is told by a bearer token: a customer token that the company's site has signed, or none for a visitor.
Cookies mean nothing here, so that no other site can call in somebody's name.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any, Literal

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from assistant.crm.conversations import new_id
from assistant.dialogue import identity, mail
from assistant.dialogue.events import (
    Answered,
    HandedOff,
    Planned,
    Retrieved,
    Sentence,
    Session,
    ToolCalled,
    Understood,
)
from assistant.dialogue.understand import Memory
from assistant.errors import AssistantError, PermissionDenied
from assistant.web import views
from assistant.web.access import Visitor
from assistant.web.context import Context, follow
from assistant.web.customer import ask_for_person
from assistant.web.desk import Busy, Ticket
from assistant.web.guard import problem, too_often
from assistant.web.limits import TooOften
from assistant.web.words import EN, ZH, Words


class ChatRequest(BaseModel):
    """One message. ``conversation`` continues one; it has to be the caller's own."""

    message: str = Field(min_length=1, max_length=100_000)
    conversation: str | None = Field(default=None, max_length=80)
    stream: bool = Field(default=False, description="Answer as server-sent events")


class Beginning(BaseModel):
    language: Literal["en", "zh"] = "en"


class Source(BaseModel):
    n: int
    source: str
    kind: str
    text: str
    id: str


class ChatAnswer(BaseModel):
    conversation: str
    turn: str
    answer: str
    outcome: Literal["answered", "unknown", "refused", "handed_off"]
    language: str | None
    sources: list[Source]


class Rating(BaseModel):
    rating: Literal[1, -1] | None = Field(description="1 helpful, -1 not, null takes it back")
    comment: str | None = Field(default=None, max_length=2000)


def add(app: FastAPI, context: Context) -> None:
    """Put the routes of the API on the application."""
    store = context.store

    @app.exception_handler(AssistantError)
    async def _failed(request: Request, error: Exception) -> Response:
        assert isinstance(error, AssistantError)
        if isinstance(error, TooOften):
            return too_often(error)
        status = 503 if isinstance(error, Busy) else 403 if isinstance(error, PermissionDenied) else 400
        return problem(status, error.message, error.hint)

    @app.exception_handler(HTTPException)
    async def _refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, str(error.detail))

    @app.post("/v1/chat", response_model=ChatAnswer, tags=["chat"])
    async def chat(body: ChatRequest, request: Request) -> Any:
        """Ask. With ``stream`` the reply is ``text/event-stream``: ``status``, ``sentence``, then ``answer``,
        ``handoff`` or ``error``."""
        visitor = _caller(context, request, body.conversation)
        session = Session(visitor.role, visitor.customer, visitor.customer or "api")
        ticket = context.ask(body.message, session, visitor.conversation)
        if body.stream:
            return StreamingResponse(_events(context, ticket), media_type="text/event-stream")
        async for _ in follow(ticket):
            if await request.is_disconnected():
                ticket.stop()
                raise HTTPException(499, "The caller has gone.")
        if ticket.error is not None:
            raise (
                ticket.error
                if isinstance(ticket.error, AssistantError)
                else HTTPException(500, "It failed here.")
            )
        return JSONResponse(_answer(ticket))

    @app.post("/v1/conversations", tags=["chat"], status_code=201)
    def begin(body: Beginning, request: Request) -> dict[str, str]:
        """Begin a conversation before anything is said, e.g. to ask for a person at once."""
        visitor = _caller(context, request, None)
        context.begin(visitor.role, visitor.customer, id=visitor.conversation, language=body.language)
        return {"conversation": visitor.conversation}

    @app.get("/v1/conversations/{conversation}/transcript", tags=["chat"], response_class=PlainTextResponse)
    def transcript(conversation: str, request: Request, language: Literal["en", "zh"] = "en") -> Response:
        """The conversation as a text file."""
        _caller(context, request, conversation)
        company = context.assistant.company_in(language)
        text = views.as_text(store, conversation, company, ZH if language == "zh" else EN)
        return text_file(text, "conversation.txt")

    @app.post("/v1/conversations/{conversation}/transcript/mail", tags=["chat"], status_code=202)
    def mail_transcript(
        conversation: str, request: Request, language: Literal["en", "zh"] = "en"
    ) -> dict[str, str]:
        """Send the conversation to the e-mail address on record of the customer whose it provably is."""
        visitor = _caller(context, request, conversation)
        return {"to": mail_conversation(context, visitor.conversation, ZH if language == "zh" else EN)}

    @app.get("/v1/conversations/{conversation}", tags=["chat"])
    def conversation(conversation: str, request: Request, after: int = 0) -> dict[str, Any]:
        """The turns of a conversation, what people have said in it (``after`` an id), and who holds it."""
        visitor = _caller(context, request, conversation)
        found = store.conversation(conversation)
        if found is None:
            raise HTTPException(404, "There is no such conversation.")
        place, agent = context.place_in_line(visitor.conversation)
        return {
            "conversation": conversation,
            "held_by": found["held_by"],
            "place_in_line": place,
            "agent": agent,
            **_standing(context, found),
            "turns": [
                {
                    "turn": t["id"], "at": t["at"], "message": t["message"], "answer": t["answer"],
                    "outcome": t["outcome"], "rating": t["rating"],
                    "sources": (t.get("detail") or {}).get("citations") or [],
                }
                for t in store.turns(conversation)
            ],
            "messages": store.messages(conversation, after=after),
        }  # fmt: skip

    @app.post("/v1/conversations/{conversation}/handoff", tags=["chat"], status_code=201)
    def handoff(conversation: str, request: Request) -> dict[str, Any]:
        """Ask for a person."""
        visitor = _caller(context, request, conversation)
        found = store.conversation(conversation)
        words = ZH if found and found.get("language") == "zh" else EN
        return {"handoff": ask_for_person(context, visitor, words)}

    @app.put("/v1/turns/{turn}/rating", tags=["chat"], status_code=204)
    def rate(turn: str, body: Rating, request: Request) -> Response:
        """Say whether an answer helped."""
        found = store.turn(turn)
        if found is None:
            raise HTTPException(404, "There is no such turn.")
        _caller(context, request, found["conversation_id"])
        context.rate(found, body.rating, body.comment)
        return Response(status_code=204)


def mail_conversation(context: Context, conversation: str, words: Words) -> str:
    """Send a conversation to whom it belongs; the address it went to, shortened.

    Raises PermissionDenied for whoever has not proved to be a customer, AssistantError where there is no address.
    """
    found = context.store.conversation(conversation)
    customer = context.proven(found) if found else None
    if customer is None:
        raise PermissionDenied("Sign in first.", "type the e-mail address of your account into the chat")
    to = str(customer.get("email") or "")
    if not to:
        raise AssistantError("There is no e-mail address in your account.", "download the conversation")
    context.limits.mail(str(customer["id"]))
    company = context.assistant.company_in(words.language)
    text = views.as_text(context.store, conversation, company, words)
    mail.send(context.settings, to, f"{company} · {words.chat_label}", text)
    context.store.audit(str(customer["id"]), "customer", "mailed a conversation", conversation)
    name, _, domain = to.partition("@")
    return f"{name[:1]}…@{domain}"


def _standing(context: Context, conversation: dict[str, Any]) -> dict[str, Any]:
    """Who speaks here, whether a code is waited for, and which short replies make sense now."""
    customer = context.proven(conversation)
    waits = customer is None and identity.waits_for_code(context.store, conversation["id"])
    return {
        "signed_in": (customer.get("name") or customer["id"]) if customer else None,
        "code_sent": waits,
        "quick": _quick(Memory.from_dict(conversation.get("state") or {})),
    }


def _quick(memory: Memory) -> list[str]:
    if memory.pending:
        return [] if memory.pending.get("need") else ["yes", "no"]
    return ["undo"] if memory.just_done and memory.last_action else []


def _caller(context: Context, request: Request, conversation: str | None) -> Visitor:
    """The caller by the token, in this conversation or a new one. Refuses a bad token and others' conversations."""
    header = request.headers.get("authorization", "")
    customer: str | None = None
    if header:
        scheme, _, token = header.partition(" ")
        customer = context.access.customer_of(token.strip()) if scheme.lower() == "bearer" else None
        if customer is None or context.store.customer(customer) is None:
            raise HTTPException(401, "The token is not valid or too old.")
    visitor = Visitor(conversation or new_id("CV"), customer)
    if conversation:
        found = context.store.conversation(conversation)
        # the same answer for "not there" and "not yours"
        if found is None or found["role"] != visitor.role or found["customer_id"] != customer:
            raise HTTPException(404, "There is no such conversation.")
    return visitor


def text_file(text: str, name: str) -> Response:
    """A text that the browser saves."""
    return PlainTextResponse(text, headers={"content-disposition": f'attachment; filename="{name}"'})


async def _events(context: Context, ticket: Ticket) -> AsyncIterator[str]:
    sent = 0
    try:
        yield _event("status", {"conversation": ticket.conversation_id, "doing": "waiting"})
        async for before in follow(ticket):
            if before and not ticket.events:
                yield _event("status", {"doing": "waiting", "before": before})
            while sent < len(ticket.events):  # more may come while one is on its way
                sent += 1
                yield _as_event(ticket.events[sent - 1])
        while sent < len(ticket.events):
            sent += 1
            yield _as_event(ticket.events[sent - 1])
        if ticket.error is not None:
            known = isinstance(ticket.error, AssistantError)
            yield _event("error", {"title": str(ticket.error) if known else "It failed here."})
        else:
            found = context.store.conversation(ticket.conversation_id)
            yield _event("done", {**_answer(ticket), **_standing(context, found)})
    finally:
        if not ticket.done:  # the caller has gone
            ticket.stop()


def _as_event(event: Any) -> str:
    match event:
        case Understood():
            return _event("status", {"doing": "understood", "language": event.language})
        case Planned():
            return _event("status", {"doing": "planned", "tools": [s.tool for s in event.steps]})
        case ToolCalled():
            return _event("status", {"doing": "looked", "tool": event.name})
        case Retrieved():
            return _event("status", {"doing": "writing"})
        case Sentence():
            return _event("sentence", {"text": event.text, "citations": list(event.citations)})
        case HandedOff():
            return _event("handoff", {"reason": event.reason, "message": event.message})
        case Answered():
            sources = [asdict(c) for c in event.citations]
            return _event("answer", {"answer": event.answer, "outcome": event.outcome, "sources": sources})
    return ""


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _answer(ticket: Ticket) -> dict[str, Any]:
    turn = ticket.turn
    return {
        "conversation": ticket.conversation_id,
        "turn": turn.id,
        "answer": turn.answer,
        "outcome": turn.outcome,
        "language": turn.understood.language if turn.understood else None,
        "sources": [asdict(c) for c in turn.citations],
    }
