"""The line in front of the model, and work in the background."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.dialogue.events import Answered, Sentence, Session
from assistant.errors import AssistantError, Cancelled
from assistant.web.context import follow
from assistant.web.desk import Busy, Desk, Ticket, Waiting
from assistant.web.jobs import Jobs

from .doubles import ScriptedAssistant

VISITOR = Session("visitor")


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[ScriptedAssistant]:
    made = ScriptedAssistant(tmp_path)
    yield made
    made.store.close()


def wait_for(true: Callable[[], Any], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.01)


def ask(desk: Desk, message: str, id: str) -> Ticket:
    if desk.assistant.store.conversation(id) is None:
        desk.assistant.store.start_conversation("visitor", id=id)
    return desk.ask(message, session=VISITOR, conversation_id=id)


def test_a_ticket_gives_the_events_of_the_turn_and_the_turn(scripted: ScriptedAssistant) -> None:
    desk = Desk(scripted)
    ticket = ask(desk, "Can I return it?", "CV-1")
    events = [e for e in ticket.follow() if not isinstance(e, Waiting)]
    assert isinstance(events[-1], Answered) and ticket.turn.id.startswith("TU-")
    assert [t["answer"] for t in scripted.store.turns("CV-1")] == [ticket.turn.answer]
    assert [type(e) for e in ticket.follow()] == [type(e) for e in events]  # somebody else who comes later
    desk.close()


def test_questions_are_answered_in_their_order_and_the_line_has_an_end(scripted: ScriptedAssistant) -> None:
    scripted.gate = threading.Event()
    desk = Desk(scripted, longest=2)
    first = ask(desk, "one", "CV-1")
    wait_for(lambda: first.events)
    second, third = ask(desk, "two", "CV-2"), ask(desk, "three", "CV-3")
    assert (desk.before(second), desk.before(third)) == (0, 1)
    assert next(third.follow(0.01)) == Waiting(1)
    with pytest.raises(Busy):
        ask(desk, "four", "CV-4")
    with pytest.raises(AssistantError, match="still being answered"):
        ask(desk, "again", "CV-1")
    scripted.gate.set()
    wait_for(lambda: third.done)
    assert [m for m, _ in scripted.asked] == ["one", "two", "three"]
    desk.close()


def test_stopping_closes_the_turn_and_records_nothing(scripted: ScriptedAssistant) -> None:
    scripted.pause = 0.2
    desk = Desk(scripted)
    ticket = ask(desk, "Can I return it?", "CV-1")
    wait_for(lambda: any(isinstance(e, Sentence) for e in ticket.events))
    ticket.stop()
    wait_for(lambda: ticket.done)
    assert scripted.closed_early == 1 and not scripted.store.turns("CV-1") and not ticket.turn.id
    assert ask(desk, "Again?", "CV-1")
    desk.close()


def test_a_stop_is_seen_and_the_next_question_taken_while_the_model_is_silent(
    scripted: ScriptedAssistant,
) -> None:
    async def followed(ticket: Ticket) -> int:
        return len([None async for _ in follow(ticket)])

    scripted.hold = threading.Event()
    desk = Desk(scripted)
    ticket = ask(desk, "Can I return it?", "CV-1")
    wait_for(lambda: any(isinstance(e, Sentence) for e in ticket.events))
    ticket.stop()
    assert ticket.ended and not ticket.done
    asyncio.run(asyncio.wait_for(followed(ticket), 5))
    again = ask(desk, "And the label?", "CV-1")
    scripted.hold.set()
    wait_for(lambda: again.done)
    assert [t["message"] for t in scripted.store.turns("CV-1")] == ["And the label?"]
    desk.close()


def test_one_who_leaves_the_line_is_not_answered(scripted: ScriptedAssistant) -> None:
    scripted.gate = threading.Event()
    desk = Desk(scripted)
    first = ask(desk, "one", "CV-1")
    wait_for(lambda: first.events)
    second = ask(desk, "two", "CV-2")
    second.stop()
    assert second.done and desk.waiting == 0
    scripted.gate.set()
    wait_for(lambda: first.done)
    assert [m for m, _ in scripted.asked] == ["one"]
    desk.close()


def test_a_failed_turn_ends_and_the_next_one_runs(scripted: ScriptedAssistant) -> None:
    desk = Desk(scripted)
    bad = ask(desk, "broken", "CV-1")
    wait_for(lambda: bad.done)
    assert isinstance(bad.error, AssistantError)
    good = ask(desk, "fine", "CV-1")
    wait_for(lambda: good.done)
    assert good.error is None and good.turn.outcome == "answered"
    desk.close()


def test_work_aside_gives_way_to_a_question_and_is_begun_again(scripted: ScriptedAssistant) -> None:
    desk, begun, done = Desk(scripted), [], threading.Event()

    def work(cancelled: Callable[[], bool]) -> None:
        begun.append(len(scripted.asked))
        if len(begun) == 1:
            wait_for(cancelled)
            raise Cancelled
        done.set()

    desk.when_idle("suggest", work)
    wait_for(lambda: begun)
    desk.when_idle("suggest", work)  # waits already
    ticket = ask(desk, "Can I return it?", "CV-1")
    wait_for(lambda: ticket.done)
    assert done.wait(10) and begun == [0, 1] and ticket.turn.outcome == "answered"
    desk.close()


def test_work_aside_that_fails_is_not_begun_again(scripted: ScriptedAssistant) -> None:
    desk, begun = Desk(scripted), []

    def broken(cancelled: Callable[[], bool]) -> None:
        begun.append(1)
        raise AssistantError("no model")

    after = threading.Event()
    desk.when_idle("broken", broken)
    desk.when_idle("after", lambda cancelled: after.set())
    assert after.wait(10) and begun == [1]
    desk.close()


def test_a_job_tells_its_progress_and_its_report(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    go = threading.Event()

    def work(progress: Any, cancelled: Any) -> list[str]:
        progress("reading", 1, 2)
        go.wait(10)
        progress("reading", 2, 2)
        return ["two read"]

    job = jobs.start("import", "admin", work)
    wait_for(lambda: job.phase == "reading")
    assert jobs.running("import") is job and (job.done, job.total) == (1, 2)
    with pytest.raises(AssistantError, match="running already"):
        jobs.start("import", "admin", work)
    go.set()
    wait_for(lambda: job.ended)
    assert job.state == "done" and job.report == ["two read"]
    assert json.loads((tmp_path / f"{job.id}.json").read_text())["state"] == "done"


def test_a_cancelled_job_stops_at_its_next_step(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)

    def work(progress: Any, cancelled: Any) -> None:
        for n in range(10_000):
            progress("counting", n, None)
            time.sleep(0.005)

    job = jobs.start("training", "admin", work)
    wait_for(lambda: job.done > 2)
    jobs.cancel(job.id)
    wait_for(lambda: job.ended)
    assert job.state == "cancelled" and job.done < 10_000


def test_a_failed_job_says_why(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)

    def work(progress: Any, cancelled: Any) -> None:
        raise AssistantError("The file is empty.", "choose another")

    job = jobs.start("import", "admin", work)
    wait_for(lambda: job.ended)
    assert job.state == "failed" and "choose another" in job.error


def test_a_job_cut_short_by_a_stop_is_interrupted_after_the_next_start(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    release = threading.Event()
    job = jobs.start("training", "admin", lambda progress, cancelled: release.wait(10) and None)
    again = Jobs(tmp_path)
    assert [j.state for j in again.all()] == ["interrupted"] and again.running() is None
    release.set()
    wait_for(lambda: job.ended)
