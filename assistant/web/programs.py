"""The API for programs with a key: customers, search, predictions, work in the background, hand-offs, feedback, webhooks.

Each route asks for one scope. A key comes as ``Authorization: Bearer crmk_...``; cookies and customer tokens open
nothing here.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from assistant.errors import AssistantError
from assistant.evidence import Role
from assistant.web.context import Context
from assistant.web.jobs import Job, Work
from assistant.web.keys import SCOPES, Key
from assistant.web.webhooks import EVENTS

PREDICTIONS = (
    "value",
    "lifetime_value",
    "churn_risk",
    "segment",
    "recommend",
    "sentiment_trend",
    "eligible_offers",
    "next_action",
    "risk_score",
)
PAUSE = 0.5
_Limit = Annotated[int, Query(ge=1, le=500)]


class NewJob(BaseModel):
    """``train`` needs the name of a model, or ``all``."""

    kind: Literal["index", "train"]
    model: Literal[
        "all", "churn", "segments", "recommend", "sentiment", "intents", "lifetime", "forecast", "scorecard"
    ] = "all"


class NewMessage(BaseModel):
    text: str = Field(min_length=1, max_length=5000)


class NewWebhook(BaseModel):
    url: str = Field(max_length=2000, examples=["https://shop.example/crm-events"])
    events: list[str] = Field(min_length=1, examples=[list(EVENTS)])


def key_for(context: Context, scope: str) -> Any:
    """A dependency that gives the key of a request; 401 without a good one, 403 without this scope."""
    assert scope in SCOPES
    bearer = HTTPBearer(auto_error=False, description=f"A key with the scope {scope}: {SCOPES[scope]}")

    def asked(given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Key:
        key = context.keys.key_of(given.credentials) if given is not None else None
        if key is None:
            raise HTTPException(401, "A key is needed, and this is not a valid one.")
        if scope not in key.scopes:
            raise HTTPException(403, f"This key is not for {scope}.")
        return key

    return Depends(asked)


def add(app: FastAPI, context: Context) -> None:
    """Put the routes for programs on the application."""
    _customers(app, context)
    _work(app, context)
    _people(app, context)
    _webhooks(app, context)

    watch = key_for(context, "metrics")

    @app.get("/metrics", tags=["monitoring"])
    def metrics(key: Key = watch) -> Response:
        """Figures for Prometheus."""
        return Response(context.metrics.text(), media_type=context.metrics.content_type)


def _customers(app: FastAPI, context: Context) -> None:
    store = context.store
    read, look, predict = (key_for(context, s) for s in ("customers", "search", "predictions"))

    def known(customer: str) -> dict[str, Any]:
        row: dict[str, Any] | None = store.customer(customer)
        if row is None:
            raise HTTPException(404, f"There is no customer {customer}.")
        return row

    @app.get("/v1/customers", tags=["customers"])
    def customers(
        key: Key = read, query: str = "", country: str | None = None, tier: str | None = None,
        after: str | None = None, limit: _Limit = 50,
    ) -> dict[str, Any]:  # fmt: skip
        """Customers in the order of their ids, or those whose name, e-mail or id fits ``query``.

        ``next`` is the ``after`` of the page that follows, null on the last one.
        """
        if query:
            return {"customers": store.find_customers(query)[:limit], "next": None}
        filters = {k: v for k, v in (("country", country), ("tier", tier)) if v is not None}
        rows: list[dict[str, Any]] = []
        for row in store.customers(**filters):
            if after is None or row["id"] > after:
                rows.append(row)
            if len(rows) > limit:
                break
        return {"customers": rows[:limit], "next": rows[limit - 1]["id"] if len(rows) > limit else None}

    @app.get("/v1/customers/{customer}", tags=["customers"])
    def customer(customer: str, key: Key = read) -> dict[str, Any]:
        """One customer with their subscriptions."""
        return {**known(customer), "subscriptions": store.subscriptions(customer)}

    @app.get("/v1/customers/{customer}/orders", tags=["customers"])
    def orders(customer: str, key: Key = read, limit: _Limit = 50) -> dict[str, Any]:
        """Newest first, with their lines."""
        known(customer)
        return {"orders": store.orders(customer, limit=limit)}

    @app.get("/v1/customers/{customer}/interactions", tags=["customers"])
    def interactions(
        customer: str, key: Key = read, channel: str | None = None, limit: _Limit = 50
    ) -> dict[str, Any]:
        """What was said with this customer on all channels, newest first."""
        known(customer)
        return {"interactions": store.interactions(customer, channel=channel, limit=limit)}

    @app.get("/v1/customers/{customer}/predictions", tags=["predictions"])
    def predictions(
        customer: str, key: Key = predict, language: Literal["en", "zh"] = "en"
    ) -> dict[str, Any]:
        """Everything that is predicted or decided by policy for one customer; what has no model says so."""
        known(customer)
        tools = context.tools(customer, f"key:{key.id}", language)
        return {"customer": customer} | {
            name: tools.call(name, {"customer": customer})[0].result for name in PREDICTIONS
        }

    @app.get("/v1/predictions/churn", tags=["predictions"])
    def churn(key: Key = predict, limit: _Limit = 50) -> dict[str, Any]:
        """The customers most likely to leave, most likely first."""
        found = sorted(context.assistant.predictor("churn").predict(store), key=lambda p: -p.probability)
        return {
            "customers": [{"customer": p.customer_id, "probability": p.probability} for p in found[:limit]]
        }

    @app.get("/v1/predictions/forecast", tags=["predictions"])
    def forecast(
        key: Key = predict, since: date | None = None, until: date | None = None, group: str | None = None
    ) -> dict[str, Any]:
        """Expected orders and revenue with their intervals, for the next four weeks or between two days: in all, of one
        product group, or of ``each``."""
        tools = context.tools(None, f"key:{key.id}")
        given = {"since": since, "until": until, "group": group}
        found: dict[str, Any] = tools.call("sales_forecast", given)[0].result
        if "error" in found:
            raise AssistantError(found["error"], found.get("hint") or "")
        return found

    @app.get("/v1/search", tags=["search"])
    def search(
        query: Annotated[str, Query(min_length=1, max_length=500)], key: Key = look, role: Role = "visitor",
        customer: str | None = None, k: Annotated[int, Query(ge=1, le=50)] = 8,
    ) -> dict[str, Any]:  # fmt: skip
        """Passages that fit, best first, as this role may see them: ``agent`` sees internal articles too."""
        index = context.assistant.index
        if index is None:
            raise AssistantError("There is no index yet.", "crm-assistant index build")
        hits = index.search(query, role=role, customer=customer, k=k)
        return {
            "hits": [
                {"source": h.source, "kind": h.kind, "title": h.title, "text": h.text, "score": h.score, "at": h.at}
                for h in hits
            ]
        }  # fmt: skip


def _work(app: FastAPI, context: Context) -> None:
    jobs, allowed = context.jobs, key_for(context, "jobs")

    def known(id: str) -> Job:
        job = jobs.get(id)
        if job is None:
            raise HTTPException(404, f"There is no job {id}.")
        return job

    @app.get("/v1/jobs", tags=["jobs"])
    def all_jobs(key: Key = allowed) -> dict[str, Any]:
        """The last jobs, newest first."""
        return {"jobs": [job.as_dict() for job in jobs.all()]}

    @app.post("/v1/jobs", tags=["jobs"], status_code=202)
    def start(body: NewJob, key: Key = allowed) -> dict[str, Any]:
        """Build the index or train models. One of a kind runs at a time."""
        from assistant.web.work import INDEX, TRAINING, index_work, training_work

        work: Work = index_work(context) if body.kind == "index" else training_work(context, body.model)
        job = jobs.start(INDEX if body.kind == "index" else TRAINING, f"key {key.name}", work)
        context.store.audit(f"key:{key.id}", "program", f"started: {job.kind}", job.id)
        return job.as_dict()

    @app.get("/v1/jobs/{job}", tags=["jobs"])
    def one(job: str, key: Key = allowed) -> dict[str, Any]:
        return known(job).as_dict()

    @app.get("/v1/jobs/{job}/events", tags=["jobs"])
    def events(job: str, request: Request, key: Key = allowed) -> Response:
        """The job's progress as server-sent events until it ends."""
        return StreamingResponse(_progress(known(job), request), media_type="text/event-stream")

    @app.post("/v1/jobs/{job}/cancel", tags=["jobs"], status_code=202)
    def cancel(job: str, key: Key = allowed) -> dict[str, Any]:
        """Ask a job to stop; it does at its next step."""
        found = known(job)
        jobs.cancel(job)
        context.store.audit(f"key:{key.id}", "program", f"cancelled: {found.kind}", job)
        return found.as_dict()


async def _progress(job: Job, request: Request) -> AsyncIterator[str]:
    last = None
    while True:
        now = {**job.as_dict(), "seconds_left": job.seconds_left}
        shown = (job.phase, job.done, job.state)
        if shown != last:
            last = shown
            yield f"event: {'progress' if job.ended is None else 'end'}\ndata: {json.dumps(now, ensure_ascii=False)}\n\n"
        if now["ended"] is not None or await request.is_disconnected():
            return
        await asyncio.sleep(PAUSE)


def _people(app: FastAPI, context: Context) -> None:
    store = context.store
    allowed, ratings = key_for(context, "handoffs"), key_for(context, "feedback")

    def known(id: str) -> dict[str, Any]:
        found: dict[str, Any] | None = store.handoff(id)
        if found is None:
            raise HTTPException(404, f"There is no hand-off {id}.")
        return found

    @app.get("/v1/handoffs", tags=["handoffs"])
    def handoffs(key: Key = allowed, open: bool = True, limit: _Limit = 100) -> dict[str, Any]:
        """Conversations that wait for a person, longest first."""
        return {"handoffs": store.handoffs(open=open, limit=limit)}

    def turn_to(name: str, do: Callable[[str, str], None]) -> Callable[..., dict[str, Any]]:
        def route(handoff: str, key: Key = allowed) -> dict[str, Any]:
            known(handoff)
            do(handoff, key.name)
            store.audit(f"key:{key.id}", "program", name, handoff)
            return known(handoff)

        return route

    def close(id: str, name: str) -> None:
        _own(known(id), name)
        store.close_handoff(id)

    claim_text = "Take a waiting conversation in the key's name; refused when somebody was quicker."
    close_text = "Hand the conversation back to the assistant."
    app.post("/v1/handoffs/{handoff}/claim", tags=["handoffs"], description=claim_text, name="claim")(
        turn_to("took a conversation over", store.claim_handoff)
    )
    app.post("/v1/handoffs/{handoff}/close", tags=["handoffs"], description=close_text, name="close")(
        turn_to("handed a conversation back", close)
    )

    @app.post("/v1/handoffs/{handoff}/messages", tags=["handoffs"], status_code=201)
    def reply(handoff: str, body: NewMessage, key: Key = allowed) -> dict[str, Any]:
        """Answer in a conversation that this key has taken."""
        found = known(handoff)
        _own(found, key.name)
        return {"message": store.add_message(found["conversation_id"], "agent", body.text)}

    @app.get("/v1/feedback", tags=["feedback"])
    def feedback(
        key: Key = ratings,
        since: str | None = None,
        rating: Annotated[int | None, Query(ge=-1, le=1)] = None,
        limit: _Limit = 100,
    ) -> dict[str, Any]:
        """Rated answers, newest first; ``since`` an ISO moment."""
        turns = [
            t
            for value in ((rating,) if rating else (1, -1))
            for t in store.recent_turns(since=since, rating=value, limit=limit)
        ]
        turns.sort(key=lambda t: t["at"], reverse=True)
        names = ("id", "conversation_id", "at", "message", "answer", "outcome", "rating", "comment")
        return {"feedback": [{name: t[name] for name in names} for t in turns[:limit]]}


def _own(handoff: dict[str, Any], name: str) -> None:
    if handoff["closed_at"] or handoff["agent"] != name:
        raise HTTPException(
            409, "Claim the hand-off first." if not handoff["agent"] else "Somebody else has it."
        )


def _webhooks(app: FastAPI, context: Context) -> None:
    hooks, allowed = context.webhooks, key_for(context, "webhooks")

    def known(id: str) -> None:
        if id not in {h.id for h in hooks.all()}:
            raise HTTPException(404, f"There is no webhook {id}.")

    @app.get("/v1/webhooks", tags=["webhooks"])
    def all_hooks(key: Key = allowed) -> dict[str, Any]:
        """The webhooks, without their secrets, and the events there are."""
        shown = [{"id": h.id, "url": h.url, "events": h.events, "at": h.at} for h in hooks.all()]
        return {"webhooks": shown, "events": EVENTS}

    @app.post("/v1/webhooks", tags=["webhooks"], status_code=201)
    def new(body: NewWebhook, key: Key = allowed) -> dict[str, Any]:
        """Have an address told of events. ``secret`` is shown only now: requests are signed with it."""
        hook = hooks.add(body.url, body.events, by=f"key {key.name}")
        context.store.audit(f"key:{key.id}", "program", "added a webhook", hook.url)
        return {"id": hook.id, "url": hook.url, "events": hook.events, "secret": hook.secret}

    @app.delete("/v1/webhooks/{webhook}", tags=["webhooks"], status_code=204)
    def remove(webhook: str, key: Key = allowed) -> Response:
        known(webhook)
        hooks.remove(webhook)
        context.store.audit(f"key:{key.id}", "program", "removed a webhook", webhook)
        return Response(status_code=204)

    @app.get("/v1/webhooks/{webhook}/deliveries", tags=["webhooks"])
    def deliveries(webhook: str, key: Key = allowed) -> dict[str, Any]:
        """What was sent or is to be sent, with how often it was tried."""
        known(webhook)
        names = ("id", "event", "at", "tries", "state", "result")
        return {"deliveries": [{name: getattr(d, name) for name in names} for d in hooks.deliveries(webhook)]}
