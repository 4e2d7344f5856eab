"""Setting a home folder up from nothing, and telling what is missing in one. Each step is skipped when it is done,
so that an interrupted set-up goes on where it stopped.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistant.errors import AssistantError
from assistant.settings import Settings

Progress = Callable[[str, int, int | None], None]


@dataclass
class SetUpReport:
    """Seconds per step and what came of it."""

    home: Path
    seconds: dict[str, float] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)

    def lines(self) -> list[str]:
        steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.seconds.items())
        return [f"Set up in {self.home}: {steps}."] + [f"{k}: {v}" for k, v in self.found.items()]

    def as_dict(self) -> dict[str, Any]:
        return {"home": str(self.home), "seconds": self.seconds, "found": self.found}


def set_up_demo(settings: Settings, *, seed: int, progress: Progress) -> SetUpReport:
    """Model weights, demo company, predictions and index, each only when it isn't there yet.

    Refuses to fill a record that holds another company's customers.
    """
    from assistant.crm import Store, make_demo
    from assistant.insight import model_names, train
    from assistant.knowledge import build_index
    from assistant.language import ensure, load_embedder

    report = SetUpReport(settings.home_dir)

    def timed(name: str, do: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        value = do()
        report.seconds[name] = round(time.perf_counter() - started, 1)
        return value

    settings.home_dir.mkdir(parents=True, exist_ok=True)
    with Store(settings.record_path) as store:
        others = store.counts()["customers"]
        if others and store.meta("demo_seed") != str(seed):
            raise AssistantError(
                f"{settings.home_dir} holds another company's record ({others} customers).",
                "crm-assistant serve shows that one; for the demo choose a folder: crm-assistant --home FOLDER demo",
            )
        if not settings.chat_model.startswith("openai:"):
            timed("chat model", lambda: ensure(settings, None, progress))
        timed("embedder", lambda: ensure(settings, settings.embedder, progress))
        # also where there are customers: an earlier version could be stopped between two tables
        timed("demo company", lambda: make_demo(store, seed=seed, progress=progress))
        embedder = load_embedder(settings)
        if not {"churn", "segments", "recommend", "sentiment"} <= set(model_names(settings.home_dir)):
            reports = timed(
                "predictions",
                lambda: train(store, "all", home=settings.home_dir, embedder=embedder, progress=progress),
            )
            for r in reports:
                figures = ", ".join(
                    f"{k} {v:.3f}" for k, v in list(r.metrics.items())[:3] if isinstance(v, float)
                )
                report.found[f"model {r.model}"] = figures or "; ".join(r.notes)
        built = timed(
            "index",
            lambda: build_index(
                store,
                embedder,
                home=settings.home_dir,
                kb_dirs=settings.article_folders(demo=True),
                progress=progress,
            ),
        )
        report.found["customers"] = store.counts()["customers"]
        report.found["passages"] = built.passages
    return report


@dataclass(frozen=True)
class Finding:
    """One thing ``doctor`` looked at."""

    what: str
    ok: bool
    found: str
    hint: str = ""
    needed: bool = True


def diagnose(settings: Settings) -> list[Finding]:
    """Look at weights, record, index, models, device and disk. Loads no model and changes nothing, except that a record
    of an older version is brought to this one's schema, as by every command that opens it."""
    return [
        *_weights(settings),
        _record(settings),
        _index(settings),
        _models(settings),
        _device(),
        _disk(settings),
    ]


def _weights(settings: Settings) -> list[Finding]:
    from assistant.language import weights_status

    return [
        _servers(settings)
        if s.name.startswith("openai:")
        else Finding(
            f"{s.role}: {s.name}",
            s.state == "ready",
            f"{s.state}, {s.bytes_on_disk / 1e6:.0f} MB in {s.folder}",
            s.hint,
        )
        for s in weights_status(settings)
    ]


def _servers(settings: Settings) -> Finding:
    from assistant.language.remote import RemoteChatModel

    what = f"chat: {settings.chat_model.partition('@')[0]}"
    try:
        answers = RemoteChatModel.at(settings.chat_model, settings).healthy()
    except AssistantError as error:
        return Finding(what, False, error.message, error.hint)
    shown = ", ".join(f"{url} {'answers' if there else 'does not answer'}" for url, there in answers.items())
    return Finding(what, any(answers.values()), shown, "start a server, or check CRM_ASSISTANT_CHAT_MODEL")


def _record(settings: Settings) -> Finding:
    from assistant.crm import Store

    if not settings.record_path.exists():
        return Finding(
            "record",
            False,
            f"no {settings.record_path}",
            "crm-assistant demo, or crm-assistant import orders FILE",
        )
    try:
        with Store(settings.record_path, create=False) as store:
            counts = store.counts()
    except AssistantError as error:
        return Finding("record", False, error.message, error.hint)
    shown = ", ".join(f"{counts[t]} {t}" for t in ("customers", "orders", "interactions", "turns"))
    return Finding("record", bool(counts["customers"]), shown, "crm-assistant import customers FILE")


def _index(settings: Settings) -> Finding:
    from assistant.knowledge import index_status

    status = index_status(settings.home_dir)
    build = status["build"]
    shown = status["problem"] or (f"{build}: {status['counts']}" if build else "none built")
    return Finding(
        "index", bool(build) and not status["problem"], shown, "crm-assistant index build", needed=False
    )


def _models(settings: Settings) -> Finding:
    from assistant.insight import current_version, model_names

    names = model_names(settings.home_dir)
    shown = ", ".join(f"{n} {current_version(settings.home_dir, n)}" for n in names)
    return Finding(
        "predictions", bool(names), shown or "none trained", "crm-assistant train all", needed=False
    )


def _device() -> Finding:
    from assistant.language import device_summary

    return Finding("device", True, device_summary())


def _disk(settings: Settings) -> Finding:
    import shutil

    folder = settings.home_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return Finding(
        "disk",
        free > 2e9,
        f"{free / 1e9:.1f} GB free at {folder}",
        "free at least 2 GB, or choose another folder: --home",
    )
