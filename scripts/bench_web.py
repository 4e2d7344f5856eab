#!/usr/bin/env python
"""Measure the server with many chats open; ends in one line of JSON.

    scripts/bench_web.py                       # 50 chats open, 8 ask at once, the chat model of the settings
    scripts/bench_web.py --asks 24 --model small
    scripts/bench_web.py --memory 500          # memory over so many turns, with a model that only repeats itself

The server runs in this process on a port of its own, as ``crm-assistant serve`` runs it, over the record and the index of
the home folder. Each open chat asks for its conversation every three seconds, as the widget does while a person holds it.
Times are from sending a question to receiving the first sentence, waiting in line included.
"""

import argparse
import asyncio
import json
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

QUESTIONS = (
    "Can I return a machine I have used?",
    "How long does delivery take?",
    "How do I pause my subscription?",
    "Do you ship to Switzerland?",
    "配送需要多长时间？",
    "Is there a discount for students?",
    "How do I clean my grinder?",
    "用过的机器可以退货吗？",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chats", type=int, default=50, help="open chats")
    parser.add_argument("--at-once", type=int, default=8, help="how many of them ask at the same time")
    parser.add_argument("--asks", type=int, default=16, help="questions in all")
    parser.add_argument("--model", default=None, help="chat model: default, small, an id or a folder")
    parser.add_argument("--memory", type=int, default=0, metavar="TURNS", help="measure memory instead")
    asked = parser.parse_args()
    from assistant.settings import Settings, get_settings

    settings = get_settings()
    if asked.model:
        settings = Settings(chat_model=asked.model)
    settings = settings.model_copy(update={"questions_a_minute": 0})  # all of them come from one address here
    if asked.memory:
        with tempfile.TemporaryDirectory() as home:
            result = asyncio.run(memory(asked.memory, Path(home)))
    else:
        result = asyncio.run(load(settings, asked.chats, asked.at_once, asked.asks))
    print(json.dumps(result))


class Server:
    """The application on a free port, in a thread."""

    def __init__(self, settings: Any, assistant: Any = None) -> None:
        import uvicorn

        from assistant.web.app import create_app

        self.app = create_app(settings, assistant=assistant)
        self._listening = socket.socket()
        self._listening.bind(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(self.app, log_level="warning"))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listening]}, daemon=True
        )

    def __enter__(self) -> "Server":
        self._thread.start()
        while not self._server.started:
            time.sleep(0.05)
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._listening.close()


async def load(settings: Any, chats: int, at_once: int, asks: int) -> dict[str, Any]:
    """Open the chats, ask in rounds, and say how long the first sentence took and whether the order was kept."""
    import httpx

    with Server(settings) as server:
        started = time.perf_counter()
        server.app.state.context.warm_up()
        warm = time.perf_counter() - started
        limits = httpx.Limits(max_connections=chats + at_once)
        async with httpx.AsyncClient(base_url=server.base, timeout=600, limits=limits) as client:
            ids = [
                (await client.post("/v1/conversations", json={})).json()["conversation"] for _ in range(chats)
            ]
            polls, failures = [0], list[str]()
            ended = asyncio.Event()

            async def stay_open(id: str) -> None:
                while not ended.is_set():
                    answer = await client.get(f"/v1/conversations/{id}")
                    polls[0] += 1
                    if answer.status_code != 200:
                        failures.append(f"open chat: {answer.status_code}")
                    await asyncio.sleep(3)

            open_chats = [asyncio.create_task(stay_open(id)) for id in ids]
            before = _memory()
            turns: list[dict[str, Any]] = []
            overtaken = 0
            began = time.perf_counter()
            for first in range(0, asks, at_once):
                numbers = range(first, min(first + at_once, asks))
                round_ = await asyncio.gather(*(_ask(client, ids[n % chats], n) for n in numbers))
                joined = sorted(round_, key=lambda t: t["joined"])
                ended_in = [t["done"] for t in joined]
                overtaken += sum(a > b for i, a in enumerate(ended_in) for b in ended_in[i + 1 :])
                turns += round_
            seconds = time.perf_counter() - began
            ended.set()
            await asyncio.gather(*open_chats)
        firsts = sorted(t["first"] for t in turns if t["first"] is not None)
        return {
            "model": settings.chat_model, "chats": chats, "at_once": at_once, "asked": len(turns),
            "answered": sum(t["outcome"] is not None for t in turns), "outcomes": _counts(turns),
            "errors": [*failures, *(t["error"] for t in turns if t["error"])], "overtaken": overtaken,
            "first_s": {"median": round(statistics.median(firsts), 2), "p95": round(_at(firsts, 0.95), 2), "most": round(firsts[-1], 2)},
            "whole_p95_s": round(_at(sorted(t["done"] - t["asked"] for t in turns), 0.95), 2),
            "turns_a_minute": round(60 * len(turns) / seconds, 1), "polls": polls[0], "warm_up_s": round(warm, 1),
            "memory_mb": [before, _memory()],
        }  # fmt: skip


async def _ask(client: Any, conversation: str, n: int) -> dict[str, Any]:
    """One question over server-sent events. The small pauses make the order of joining the line a known one."""
    await asyncio.sleep(0.05 * (n % 8))
    turn: dict[str, Any] = {"first": None, "outcome": None, "error": None, "asked": time.perf_counter()}
    body = {"message": QUESTIONS[n % len(QUESTIONS)], "conversation": conversation, "stream": True}
    try:
        async with client.stream("POST", "/v1/chat", json=body) as answer:
            turn["joined"] = time.perf_counter()
            if answer.status_code != 200:
                turn["error"] = f"HTTP {answer.status_code}"
            name = ""
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    name = line[7:]
                    if name in ("sentence", "handoff") and turn["first"] is None:
                        turn["first"] = time.perf_counter() - turn["asked"]
                elif line.startswith("data: ") and name == "done":
                    turn["outcome"] = json.loads(line[6:])["outcome"]
                elif line.startswith("data: ") and name == "error":
                    turn["error"] = line[6:]
    except Exception as error:  # a broken connection is a result here
        turn["error"] = f"{type(error).__name__}: {error}"
    turn["done"] = time.perf_counter()
    turn.setdefault("joined", turn["done"])
    return turn


async def memory(turns: int, home: Path) -> dict[str, Any]:
    """Memory of the process after every tenth of so many turns, in conversations of ten turns each."""
    import httpx

    from assistant.settings import Settings

    settings = Settings(home=home, questions_a_minute=0)
    with Server(settings, Echo(settings)) as server:
        sizes: list[float] = []
        async with httpx.AsyncClient(base_url=server.base, timeout=60) as client:
            for n in range(turns):
                if n % 10 == 0:
                    id = (await client.post("/v1/conversations", json={})).json()["conversation"]
                turn = await _ask(client, id, n * 8)
                assert turn["error"] is None, turn["error"]
                if (n + 1) % max(1, turns // 10) == 0:
                    sizes.append(_memory())
        return {
            "turns": turns,
            "memory_mb": sizes,
            "growth_mb_second_half": round(sizes[-1] - sizes[len(sizes) // 2], 1),
        }


class Echo:
    """An assistant without a model: the same events, the same record, one fixed article."""

    company, index = "Memory", None

    def __init__(self, settings: Any) -> None:
        from assistant.crm import Store

        settings.home_dir.mkdir(parents=True, exist_ok=True)
        self.store = Store(settings.record_path)

    def company_in(self, language: str) -> str:
        return self.company

    def turn(
        self,
        message: str,
        *,
        session: Any,
        conversation_id: str,
        into: Any,
        history: Any = (),
        cancelled: Any = None,
    ) -> Iterator[Any]:
        from assistant.dialogue.events import Answered, Citation, Planned, Sentence, Step, Understood

        said = "You can return a product within 30 days of delivery [1]."
        cited = (
            Citation(
                1, "public/en/returns.md", "article", "Returns\n" + "Within 30 days. " * 40, "kb:returns#1"
            ),
        )
        for event in (
            Understood("en", "policy", 0.9, "neutral"), Planned((Step("search_knowledge", {}),)), Sentence(said, (1,)),
            Answered(said, "answered", cited, (), {"total_s": 0.0}),
        ):  # fmt: skip
            into.take(event)
            yield event
        into.id = self.store.save_turn(
            conversation_id, message=message, answer=said, outcome="answered",
            detail={"citations": [c.__dict__ for c in cited]},
        )  # fmt: skip


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


def _counts(turns: list[dict[str, Any]]) -> dict[str, int]:
    names = [str(t["outcome"]) for t in turns]
    return {name: names.count(name) for name in sorted(set(names))}


def _memory() -> float:
    """Resident memory of this process now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * 4096 / 1e6, 1)


if __name__ == "__main__":
    main()
