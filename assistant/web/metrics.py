"""Figures for monitoring, as Prometheus reads them: what was asked, how it ended, how long it took, who waits."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from assistant.dialogue.events import Answered
from assistant.web.desk import Desk, Ticket
from assistant.web.jobs import Job

SECONDS = (0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)


class Metrics:
    """One registry per application, so that two in one process don't count each other's turns."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, desk: Desk, store: Any) -> None:
        self.registry = r = CollectorRegistry()
        self._turns = Counter("crm_turns", "Turns by role and outcome", ["role", "outcome"], registry=r)
        self._first = Histogram(
            "crm_first_sentence_seconds", "From the question to the first sentence, waiting included",
            buckets=SECONDS, registry=r,
        )  # fmt: skip
        self._whole = Histogram(
            "crm_answer_seconds", "From the question to the whole answer, waiting included", buckets=SECONDS,
            registry=r,
        )  # fmt: skip
        self._tokens = Counter(
            "crm_model_tokens", "Tokens read and written by the model", ["kind"], registry=r
        )
        self._ratings = Counter("crm_ratings", "Ratings of answers", ["rating"], registry=r)
        self._jobs = Counter("crm_jobs", "Work in the background that ended", ["kind", "state"], registry=r)
        Gauge("crm_turns_waiting", "Questions that wait for the model", registry=r).set_function(
            lambda: desk.waiting
        )
        Gauge(
            "crm_handoffs_open", "Conversations that wait for a person or are with one", registry=r
        ).set_function(lambda: len(store.handoffs(open=True, limit=100_000)))

    def turn(self, ticket: Ticket) -> None:
        if ticket.error is not None or ticket.stopped:
            outcome = "failed" if ticket.error is not None else "stopped"
        else:
            outcome = ticket.turn.outcome
        self._turns.labels(ticket.session.role, outcome).inc()
        if ticket.first is not None:
            self._first.observe(ticket.first - ticket.asked)
        if ticket.whole is not None:
            self._whole.observe(ticket.whole - ticket.asked)
        answered = next((e for e in reversed(ticket.events) if isinstance(e, Answered)), None)
        timing = dict(answered.timing) if answered is not None else {}
        for kind in ("prompt", "cached", "answer"):
            if count := timing.get(f"{kind}_tokens"):
                self._tokens.labels(kind).inc(count)

    def rating(self, rating: int | None) -> None:
        if rating:
            self._ratings.labels("helpful" if rating > 0 else "not helpful").inc()

    def job(self, job: Job) -> None:
        self._jobs.labels(job.kind, job.state).inc()

    def text(self) -> bytes:
        return generate_latest(self.registry)
