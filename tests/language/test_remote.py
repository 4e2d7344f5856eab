"""The client of OpenAI-compatible servers, against a real one: llama.cpp's, with the tiny model."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from pydantic import BaseModel

from assistant.errors import AssistantError, ModelError
from assistant.language.chat import load_chat_model
from assistant.language.remote import RemoteChatModel
from assistant.settings import Settings

pytest.importorskip("openai", reason="the extra 'remote' is not installed")
llama = pytest.importorskip("xllamacpp", reason="llama.cpp's server (xllamacpp) is not installed")
MESSAGES = [SystemMessage("Be brief."), HumanMessage("hello there")]
NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture(scope="module")
def url(tiny_gguf: Path) -> Iterator[str]:
    params = llama.CommonParams()
    params.model.path = str(tiny_gguf)
    params.n_ctx, params.n_parallel, params.warmup = 512, 2, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.port = 0
    server = llama.Server(params)
    yield server.listening_address + "/v1"
    del server


def model(*urls: str, **fields: object) -> RemoteChatModel:
    return RemoteChatModel("tiny", urls, context_tokens=512, answer_tokens=12, **fields)  # type: ignore[arg-type]


def test_the_setting_names_model_and_servers(url: str) -> None:
    chat = load_chat_model(Settings(chat_model=f"openai:tiny@{url},{NOWHERE}", answer_tokens=16))
    assert isinstance(chat, RemoteChatModel) and chat.name_ == "tiny"
    assert chat.healthy() == {url: True, NOWHERE: False}
    for wrong in ("openai:tiny", "openai:@http://x", "openai:tiny@ftp://x"):
        with pytest.raises(ModelError, match="names no model"):
            load_chat_model(Settings(chat_model=wrong))


def test_an_answer_streams_with_its_figures(url: str) -> None:
    chunks = list(model(url).stream(MESSAGES))
    text = "".join(chunk.text for chunk in chunks)
    timing = chunks[-1].response_metadata["timing"]
    assert text and timing["answer_tokens"] == 12 and timing["prompt_tokens"] > 10
    assert 0 < timing["first_token_s"] <= timing["total_s"]
    assert model(url).invoke(MESSAGES).text == text  # greedy


def test_cancelled_and_closed_streams_end(url: str) -> None:
    chunks = list(model(url).stream(MESSAGES, cancelled=lambda: True))
    assert chunks[-1].response_metadata["finish_reason"] == "cancelled" and len(chunks) == 1
    stream = model(url).stream(MESSAGES, max_tokens=400)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    started = time.perf_counter()
    assert model(url).invoke(MESSAGES).text and time.perf_counter() - started < 20


def test_choose_gives_each_option_a_probability(url: str) -> None:
    choice = model(url).choose("Which one?", ["red", "green", "blue"])
    assert choice.option in choice.probabilities and list(choice.probabilities) == ["red", "green", "blue"]
    assert sum(choice.probabilities.values()) == pytest.approx(1.0)
    assert choice.probabilities[choice.option] == max(choice.probabilities.values())
    with pytest.raises(ValueError, match="differ"):
        model(url).choose("Which one?", ["red", "red"])


class Slots(BaseModel):
    topic: Literal["orders", "returns"]
    urgent: bool


def test_fill_is_held_to_the_form(url: str) -> None:
    assert model(url).fill("Fill it in.", Slots, max_tokens=60).topic in ("orders", "returns")
    with pytest.raises(AssistantError, match="doesn't make a Slots"):
        model(url).fill("Fill it in.", Slots, max_tokens=2)


def test_another_server_answers_for_one_that_is_down(url: str) -> None:
    chat = model(NOWHERE, url)
    for _ in range(3):
        assert chat.invoke(MESSAGES).text
    assert chat._servers[0].rests_until > time.monotonic() and chat._servers[1].rests_until == 0.0


def test_no_server_is_one_clear_error() -> None:
    with pytest.raises(ModelError, match="No server of tiny answers: " + NOWHERE):
        model(NOWHERE).invoke(MESSAGES)


def test_tokens_are_estimated() -> None:
    assert model(NOWHERE).count_tokens("four word sentence here") == 6
    assert model(NOWHERE).count_tokens("退货多少钱") == 5
