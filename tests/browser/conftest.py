"""The real pages on a real port, over a small company with a real index, in Debian's chromium."""

import importlib.util
import itertools
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


def _neighbour(folder: str) -> Any:
    """``doubles.py`` of another folder of tests, which are packages of their own."""
    path = Path(__file__).parent.parent / folder / "doubles.py"
    spec = importlib.util.spec_from_file_location(f"{folder}_doubles", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


web = _neighbour("web")
HashedEmbedder = _neighbour("knowledge").HashedEmbedder
PASSWORD = "correct horse battery"
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
DELIVERY = ("Delivery", "Standard delivery takes 2 to 4 working days and costs 4.90 EUR.")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
fresh = itertools.count(1)  # for names that a second try must find unused
SLOWEST = 60_000  # milliseconds that anything may take on a busy machine, where a page alone has taken 20 s


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A browser, a server and a machine that does other things share one processor here, so that one failure in some
    hundred runs may be of neither's making: a browser test gets a second try, and the summary names it."""
    if config.pluginmanager.hasplugin("rerunfailures"):
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    again = terminalreporter.stats.get("rerun", [])
    if again:
        terminalreporter.section("browser tests that needed a second try: each is a race to be found")
    for report in again:
        terminalreporter.write_line(report.nodeid)
        terminalreporter.write_line(f"    {str(report.longrepr).strip().splitlines()[-1]}")


class IndexedAssistant(web.ScriptedAssistant):  # type: ignore[misc, name-defined]
    """Finds its passages in a real index of a few articles, with an embedder that counts words."""

    def __init__(self, home: Path, *, pause: float = 0.0) -> None:
        super().__init__(home, pause=pause)
        self._embedder = HashedEmbedder()
        self._index: Any = None

    @property
    def embedder(self) -> Any:
        return self._embedder

    @property
    def index(self) -> Any:
        from assistant.knowledge import KnowledgeIndex, index_status

        if self._index is None and index_status(self.home)["build"]:
            self._index = KnowledgeIndex.open(self.home, self._embedder)
        return self._index

    def _events(self, message: str, session: Any, conversation: str) -> Iterator[Any]:
        """What is asked of the index is answered by its best passage."""
        from assistant.dialogue.events import Answered, Citation, Planned, Sentence, Step, Understood

        if "working days" not in message or self.index is None:
            yield from super()._events(message, session, conversation)
            return
        yield Understood("en", "policy", 0.9, "neutral")
        yield Planned((Step("search_knowledge", {}),))
        best = self.index.search(message, role=session.role, k=1)[0]
        said = best.text.split("\n")[-1].split(". ")[0] + " [1]."
        yield Sentence(said, (1,))
        cited = (Citation(1, best.source, "article", best.text, best.passage_id),)
        yield Answered(said, "answered", cited, (), {"total_s": 0.1})


class House:
    """A running server and what stands behind it."""

    def __init__(self, base: str, assistant: IndexedAssistant, kb: Path) -> None:
        self.base, self.assistant, self.kb = base, assistant, kb


def write_article(kb: Path, name: str, title: str, text: str, audience: str = "public") -> None:
    folder = kb / audience / "en"
    folder.mkdir(parents=True, exist_ok=True)
    front = f"---\ntitle: {title}\naudience: {audience}\nlanguage: en\nupdated: 2026-10-01\n---\n\n"
    (folder / f"{name}.md").write_text(front + text + "\n")


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    import uvicorn

    from assistant.settings import Settings
    from assistant.web.access import Access
    from assistant.web.app import create_app

    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    pytest.importorskip("playwright", reason="playwright is not installed: pip install crm-assistant[dev]")
    home = tmp_path_factory.mktemp("home")
    kb = home / "kb"
    write_article(
        kb,
        "returns",
        "Returns",
        "You can return a product within 30 days of delivery. The label costs 3.90 EUR.",
    )
    write_article(kb, "delivery", *DELIVERY)
    write_article(
        kb, "ceiling", "Retention ceiling", "Agents may offer up to 10 percent.", audience="internal"
    )
    assistant = IndexedAssistant(home, pause=0.25)
    assistant.settings = Settings(home=home, kb=kb, widget_origins="http://localhost:*", questions_a_minute=0)
    access = Access(home, hasher=web.FAST_HASHER)
    access.change_password("admin", access.first_password or "", PASSWORD)
    access.change_password("marieke", access.add("marieke", "agent"), PASSWORD)
    app = create_app(assistant.settings, assistant=assistant, access=access)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.05)
    yield House(f"http://127.0.0.1:{listening.getsockname()[1]}", assistant, kb)
    server.should_exit = True
    thread.join(10)
    listening.close()
    assistant.store.close()


@pytest.fixture(
    scope="module"
)  # not longer: it keeps an event loop running, in which others can't run theirs
def chromium(house: House) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def profiles(chromium: Any) -> Iterator[list[Any]]:
    """Browser profiles that nobody uses now, without anybody's cookies; they have read Gradio's scripts before, which
    takes a new profile seconds."""
    spare: list[Any] = []
    yield spare
    for context in spare:
        context.close()


@pytest.fixture
def open_page(house: House, chromium: Any, profiles: list[Any]) -> Iterator[Callable[..., Any]]:
    """``open_page("/customer")`` in a browser profile of its own. Afterwards: nothing was asked of another host, no
    script failed, and nothing was blocked."""
    contexts: list[Any] = []
    outside: list[str] = []
    failures: list[str] = []

    def request(asked: Any) -> None:
        if not asked.url.startswith((house.base, "data:", "blob:")):
            outside.append(asked.url)

    def told(message: Any) -> None:
        # leaving a page cuts its open streams off, which the page's own script calls an error
        cut_off = "AbortError" in message.text or "Connection errored out" in message.text
        if message.type == "error" and not cut_off:
            failures.append(message.text)

    def make(
        path: str, *, user: str | None = None, width: int = 1280, height: int = 860, scheme: str = "light"
    ) -> Any:
        context = profiles.pop() if profiles else chromium.new_context()
        contexts.append(context)
        context.set_default_timeout(SLOWEST)
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.on("request", request)
        page.on("console", told)
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto(house.base + path)
        if user:
            page.fill("input[name=name]", user)
            page.fill("input[name=password]", PASSWORD)
            page.click("button.go")
        return page

    yield make
    for context in contexts:
        kept = {"origin": house.base, "storageTypes": "cookies,local_storage"}
        context.new_cdp_session(context.pages[0]).send("Storage.clearDataForOrigin", kept)
        context.clear_cookies()
        for page in context.pages:
            page.close()
        profiles.append(context)
    assert not outside, f"asked of other hosts: {outside}"
    assert not failures, failures


def tab_to(page: Any, selector: str) -> None:
    """Press Tab until what this selects has the focus."""
    page.wait_for_selector(selector)
    for _ in range(80):
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} can't be reached by Tab")


def sign_in_by_keyboard(page: Any, name: str) -> None:
    """Fill the form that has the focus in its first field: the browser gives it after the page is loaded, and what is
    typed before goes nowhere."""
    page.wait_for_selector("input[name=name]:focus")
    for text in (name, PASSWORD):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
