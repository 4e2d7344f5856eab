"""A chat model on another machine, behind any server that speaks OpenAI's chat completions: vLLM, SGLang, TGI, llama.cpp.

``CRM_ASSISTANT_CHAT_MODEL=openai:MODEL@URL`` (several URLs separated by commas are taken in turn, and one that
doesn't answer is left alone for a while). The key, where the server wants one, is ``OPENAI_API_KEY``.
The same methods as :class:`assistant.language.chat.ChatModel`; needs the package ``openai`` (extra ``remote``).
"""

import itertools
import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.outputs import ChatGenerationChunk
from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from assistant.errors import AssistantError, Cancelled, ModelError
from assistant.language.chat import (
    LETTERS,
    StreamedChatModel,
    as_messages,
    last_chunk,
    with_form,
)
from assistant.language.constrain import bounded
from assistant.settings import Settings

_Form = TypeVar("_Form", bound=BaseModel)
_REST_SECONDS = 20.0
_UNSEEN = -30.0  # the log probability of a letter that is not among the server's likeliest
_ADDRESS = re.compile(r"openai:(?P<model>[^@]+)@(?P<urls>https?://\S+)")


@dataclass
class _Server:
    url: str
    client: Any
    rests_until: float = 0.0


class RemoteChatModel(StreamedChatModel):
    """``invoke``, ``stream``, ``choose`` and ``fill`` over HTTP. Closing a stream closes the connection.

    Tokens are counted roughly: four characters each, a Chinese character one.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name_: str
    context_tokens: int = 4096
    answer_tokens: int = 256
    temperature: float = 0.0

    _servers: list[_Server] = PrivateAttr()
    _next: Any = PrivateAttr()

    def __init__(self, model: str, urls: Sequence[str], *, timeout_s: float = 60.0, **fields: Any) -> None:
        super().__init__(**{"name_": model, **fields})
        try:
            from openai import OpenAI
        except ImportError as error:
            raise ModelError(
                "A model on a server needs the package openai", 'pip install "crm-assistant[remote]"'
            ) from error
        import os

        key = os.environ.get("OPENAI_API_KEY") or "none"
        self._servers = [
            _Server(url, OpenAI(base_url=url, api_key=key, timeout=timeout_s, max_retries=1)) for url in urls
        ]
        self._next = itertools.count()

    @classmethod
    def at(cls, address: str, settings: Settings) -> "RemoteChatModel":
        """The model of ``openai:MODEL@URL[,URL]``. Raises ModelError on another form."""
        found = _ADDRESS.fullmatch(address.strip())
        if not found:
            raise ModelError(
                f"{address!r} names no model on a server",
                "CRM_ASSISTANT_CHAT_MODEL=openai:MODEL@http://127.0.0.1:8000/v1",
            )
        return cls(
            found["model"],
            [url.rstrip("/") for url in found["urls"].split(",") if url],
            context_tokens=settings.context_tokens,
            answer_tokens=settings.answer_tokens,
        )

    @property
    def _llm_type(self) -> str:
        return "crm-assistant-remote"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.name_, "servers": [server.url for server in self._servers]}

    def count_tokens(self, text: str) -> int:
        """About how many tokens ``text`` has."""
        han = len(re.findall(r"[\u3400-\u9fff]", text))
        return han + math.ceil((len(text) - han) / 4)

    def healthy(self) -> dict[str, bool]:
        """Each server's URL, and whether it answers now. Those that do are taken into service again."""
        found = {}
        for server in self._servers:
            try:
                server.client.with_options(timeout=5.0, max_retries=0).models.list()
                server.rests_until, found[server.url] = 0.0, True
            except Exception:  # whatever it is, the server is of no use
                server.rests_until, found[server.url] = time.monotonic() + _REST_SECONDS, False
        return found

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        cancelled: Callable[[], bool] = kwargs.get("cancelled") or (lambda: False)
        started = time.perf_counter()
        timing: dict[str, Any] = {
            "prompt_tokens": sum(self.count_tokens(m.text) for m in messages),
            "cached_tokens": 0, "answer_tokens": 0, "first_token_s": 0.0,
        }  # fmt: skip
        reason = "stop"
        stream = self._ask(
            messages,
            stream=True,
            stream_options={"include_usage": True},
            max_tokens=int(kwargs.get("max_tokens") or self.answer_tokens),
            **({"stop": stop} if stop else {}),
        )
        try:
            for part in stream:
                if cancelled():
                    reason = "cancelled"
                    break
                if part.usage:
                    timing["prompt_tokens"] = part.usage.prompt_tokens
                    timing["answer_tokens"] = part.usage.completion_tokens
                    details = getattr(part.usage, "prompt_tokens_details", None)
                    timing["cached_tokens"] = getattr(details, "cached_tokens", None) or 0
                if not part.choices:
                    continue
                reason = part.choices[0].finish_reason or reason
                text = part.choices[0].delta.content
                if not text:
                    continue
                if not timing["first_token_s"]:
                    timing["first_token_s"] = round(time.perf_counter() - started, 4)
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=text))
                if run_manager:
                    run_manager.on_llm_new_token(text, chunk=chunk)
                yield chunk
        except _errors() as error:
            raise ModelError(f"The server of {self.name_} broke off: {error}", "ask again") from error
        finally:
            stream.close()
        yield last_chunk(self.name_, reason, timing, None, time.perf_counter() - started)

    def fill(self, prompt: str | Sequence[BaseMessage], form: type[_Form], **kwargs: Any) -> _Form:
        """A filled-in ``form``: constrained by the server where it can (``json_schema``), checked here, asked twice."""
        schema = bounded(form.model_json_schema())
        wanted = {
            "type": "json_schema",
            "json_schema": {"name": form.__name__, "schema": schema, "strict": True},
        }
        messages = with_form(as_messages(prompt), form)
        limit = int(kwargs.get("max_tokens") or self.answer_tokens)
        problem = ""
        for constrained in (True, False):
            extra: dict[str, Any] = {"response_format": wanted} if constrained else {}
            try:
                answer = self._ask(messages, max_tokens=limit, **extra)
            except ModelError:
                if constrained:  # some servers refuse the format, not the question
                    continue
                raise
            text = answer.choices[0].message.content or ""
            found = re.search(r"\{.*\}", text, re.S)
            try:
                return form.model_validate_json(found[0] if found else text)
            except ValidationError as error:
                problem = error.errors()[0]["msg"]
        raise AssistantError(
            f"The model's answer doesn't make a {form.__name__}: {problem}",
            "allow a longer answer or ask for less",
        )

    def _letters(
        self, messages: list[BaseMessage], n: int, cancelled: Callable[[], bool]
    ) -> tuple[list[float], bool]:
        """Of a server that gives no log probabilities, the letter alone: it has then all of it."""
        if cancelled():
            raise Cancelled
        answer = self._ask(messages, max_tokens=1, logprobs=True, top_logprobs=20)
        content = getattr(answer.choices[0].logprobs, "content", None)
        found = dict.fromkeys(LETTERS[:n], _UNSEEN)
        if content:
            for token in content[0].top_logprobs:
                letter = token.token.strip().upper()
                if letter in found:
                    found[letter] = max(found[letter], float(token.logprob))
        else:
            letter = (answer.choices[0].message.content or "").strip()[:1].upper()
            if letter in found:
                found[letter] = 0.0
        return list(found.values()), bool(content)

    def _ask(self, messages: Sequence[BaseMessage], **options: Any) -> Any:
        """The answer of the next server that gives one. Raises ModelError where none does."""
        from openai import APIConnectionError, APIStatusError

        first = next(self._next)
        order = [self._servers[(first + i) % len(self._servers)] for i in range(len(self._servers))]
        now = time.monotonic()
        problem = ""
        for server in sorted(order, key=lambda s: s.rests_until > now):
            try:
                return server.client.chat.completions.create(
                    model=self.name_,
                    messages=convert_to_openai_messages(list(messages)),
                    temperature=self.temperature,
                    **options,
                )
            except APIStatusError as error:
                if error.status_code < 500 and error.status_code != 429:
                    raise ModelError(
                        f"{server.url} refuses: {error.message}", "check the model's name and OPENAI_API_KEY"
                    ) from error
                problem = error.message
            except APIConnectionError as error:  # timeouts are among them
                problem = str(error.__cause__ or error)
            server.rests_until = time.monotonic() + _REST_SECONDS
        urls = ", ".join(server.url for server in self._servers)
        raise ModelError(
            f"No server of {self.name_} answers: {urls} ({problem})", "start it, or wait a minute"
        )


def _errors() -> type[Exception]:
    from openai import OpenAIError

    return OpenAIError
