"""A few turns on the default model and the demo company: facts and structure, not wording.

The home folder is set up by the same code as ``crm-assistant demo``; the weights are kept where
CRM_ASSISTANT_WEIGHTS says, by default beside the user's own home folder of the assistant, so that they are fetched once.
"""

import json
import os
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
