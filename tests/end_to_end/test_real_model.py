"""A few turns on the default model and the demo company: facts and structure, not wording.

The home folder is set up by the same code as ``crm-assistant demo``; the weights are kept where
CRM_ASSISTANT_WEIGHTS says, by default beside the user's own home folder of the assistant, so that they are fetched once.
"""

import json
import os
import shutil
import socket
import threading
from pathlib import Path

import pytest

from assistant.dialogue import Assistant, Session
from assistant.dialogue.cases import demo_cases
from assistant.dialogue.evaluate import invented, run
from assistant.dialogue.facts import strip_citations
from assistant.settings import Settings

pytestmark = [pytest.mark.model, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    from assistant.setup import set_up_demo

    weights = os.environ.get("CRM_ASSISTANT_WEIGHTS") or Path("~/.crm-assistant/weights").expanduser()
    settings = Settings(home=tmp_path_factory.mktemp("home"), weights=Path(weights))
    set_up_demo(settings, seed=7, progress=lambda phase, done, total: None)
    return Assistant(settings)


@pytest.fixture(scope="module")
def at_risk(assistant: Assistant) -> str:
    predictions = assistant.predictor("churn").predict(assistant.store)
    return max(predictions, key=lambda p: p.probability).customer_id


@pytest.mark.parametrize(
    "question",
    ["How likely is customer {id} to leave, and why?", "客户{id}流失的可能性有多大？为什么？"],
    ids=["english", "chinese"],
)
def test_churn_question_is_answered_from_the_churn_tool(
    assistant: Assistant, at_risk: str, question: str
) -> None:
    turn = assistant.ask(question.format(id=at_risk), session=Session("agent"))
    called = {t.name: t for t in turn.tools}
    assert called["churn_risk"].arguments["customer"] == at_risk
    assert f"{called['churn_risk'].result['percent']}%" in turn.answer.replace(" %", "%")
    _, cited = strip_citations(turn.answer)
    assert cited and set(cited) <= {c.n for c in turn.citations}
    assert invented(turn) == ()


def test_customer_asks_about_a_policy(assistant: Assistant) -> None:
    turn = assistant.ask("How long do I have to send back an unused grinder?", session=Session("visitor"))
    assert turn.outcome == "answered"
    assert "30" in turn.answer
    assert all(c.source.startswith("public/") for c in turn.citations)


def test_what_is_not_known_is_not_invented(assistant: Assistant) -> None:
    turn = assistant.ask("What is the chief executive's shoe size?", session=Session("visitor"))
    assert turn.outcome in ("unknown", "refused")
    assert invented(turn) == ()


def test_customer_gets_no_internal_article(assistant: Assistant) -> None:
    customer = assistant.store.example_id("customers")
    turn = assistant.ask(
        "What discount may your agents give me at most to make me stay?",
        session=Session("customer", customer),
    )
    assert not any(c.source.startswith("internal/") for c in turn.citations)
    assert "20 %" not in turn.answer and "20%" not in turn.answer


def test_a_sample_of_the_evaluation_passes(assistant: Assistant) -> None:
    cases = demo_cases(assistant.store, assistant.predictor("churn"))
    verdicts = [run(assistant, case) for case in cases[:: max(1, len(cases) // 8)][:8]]
    failed = [v.as_dict() for v in verdicts if not v.passed]
    assert len(failed) <= 2, json.dumps(failed, ensure_ascii=False, indent=1)
    assert not any(v.invented or v.leaked for v in verdicts)


def test_a_customer_asks_in_the_browser_and_opens_the_source(assistant: Assistant) -> None:
    """The whole way: the customers' page in chromium, the server, the index, the model, and back."""
    import uvicorn

    from assistant.web.app import create_app

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(assistant.settings, assistant=assistant),
            log_level="error",
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(f"http://127.0.0.1:{listening.getsockname()[1]}/customer")
        page.fill("#box textarea", "Within how many days can I return an unused product?")
        page.press("#box textarea", "Enter")
        page.wait_for_selector("#chat details")
        assert "30" in page.inner_text("#chat")
        page.click("#chat details summary")
        with page.expect_popup() as opened:
            page.click("#chat .passage a")
        opened.value.wait_for_selector("h1")
        assert "30" in opened.value.inner_text("body")
        browser.close()
    server.should_exit = True
    thread.join(10)
    listening.close()
