"""The tab of models, and training by itself while the pages are served."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assistant.insight import TRAINERS, history
from assistant.settings import Settings
from assistant.web import fresh
from assistant.web.jobs import Jobs
from assistant.web.programs import NewJob
from assistant.web.segment_names import MOST, SegmentNames
from tests.insight.small_shop import small_shop
from tests.insight.test_segments import Namer

Client = Callable[..., Any]


class House:
    """As much of the application as the watch uses, over a real record."""

    def __init__(self, home: Path, hours: float = 0.0) -> None:
        self.store = small_shop(home)
        self.settings = Settings(home=home, retrain_hours=hours)
        self.jobs = Jobs(home / "jobs")
        self.assistant: Any = None


@pytest.fixture
def house_(tmp_path: Path) -> Any:
    made = House(tmp_path)
    yield made
    made.jobs.close()
    made.store.close()


def test_every_model_over_the_record_can_be_asked_for() -> None:
    for name in (*TRAINERS, "all"):
        assert NewJob(kind="train", model=name).model == name  # type: ignore[arg-type]


def test_a_record_that_moved_has_its_models_trained_again(house_: Any) -> None:
    from assistant.insight import train

    home = house_.settings.home_dir
    watch = fresh.KeepTrained(house_)
    assert watch.step() and house_.jobs.all() == [], "nothing is trained that nobody has trained before"
    train(house_.store, "lifetime", home=home)
    assert watch.step() and house_.jobs.all() == [] and watch.looked
    house_.store.upsert("orders", [{"id": f"late{k}", "customer_id": "c001", "ordered_at": "2027-06-01T10:00:00", "total": 5.0} for k in range(3)])  # fmt: skip
    assert watch.step()
    job = house_.jobs.last("training")
    house_.jobs._threads[-1].join(60)
    assert (job.by, job.state) == ("schedule", "done") and "lifetime v2" in job.report[0]
    assert "trained again" in job.report[0] and [v.version for v in history(home, "lifetime")] == ["v2", "v1"]
    entry = house_.store.audit_log(limit=1)[0]
    assert entry["actor"] == "schedule" and "lifetime" in str(entry)


def test_the_look_is_put_off_while_other_work_runs(house_: Any) -> None:
    from threading import Event

    end = Event()
    house_.jobs.start("import", "admin", lambda progress, cancelled: end.wait(30) and None)
    assert not fresh.KeepTrained(house_).step()
    end.set()


def test_the_setting_starts_and_ends_the_looks(house_: Any) -> None:
    watch = fresh.KeepTrained(house_)
    assert watch.watch is None
    watch.follow(house_.settings.model_copy(update={"retrain_hours": 24.0}))
    assert watch.watch is not None
    running = watch.watch.thread
    assert running.is_alive()
    watch.follow(house_.settings)
    assert not running.is_alive() and watch.watch is None


class Tab(SegmentNames):
    """The tab as an administrator has it, without a page around it."""

    def admin(self, request: Any) -> Any:
        return SimpleNamespace(name="admin", role="admin")


def test_names_of_segments_are_proposed_edited_and_saved(house_: Any) -> None:
    from assistant.insight import load_model, train

    home = house_.settings.home_dir
    tab = Tab(house_)
    assert "train segments first" in tab._lines()[0]
    train(house_.store, "segments", home=home)
    count = len(load_model(home, "segments").segments_)
    fields = tab._lines()
    assert [f["visible"] for f in fields[1 : 1 + MOST]] == [k < count for k in range(MOST)]
    house_.assistant = SimpleNamespace(model=Namer())
    found: list[Any] = []
    job = house_.jobs.start(tab.kind, "admin", tab._proposing(found))
    house_.jobs._threads[-1].join(60)
    assert (
        job.state == "done"
        and len(found) == count
        and [v.version for v in history(home, "segments")] == ["v1"]
    )
    english, chinese = ([p.name_en for p in found], [p.name_zh for p in found])
    assert tab._names({p.segment: (p.name_en, p.name_zh) for p in found})["values"][0] == english[0]
    tab.save(["Tea circle", *english[1:], *[""] * (MOST - count)], chinese, None)  # type: ignore[arg-type]
    assert [s.name_en for s in load_model(home, "segments").segments_] == ["Tea circle", *english[1:]]
    assert house_.store.audit_log(limit=1)[0]["action"] == "segments renamed"
