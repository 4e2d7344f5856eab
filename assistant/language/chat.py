"""The chat model: a langchain-core ``BaseChatModel`` over a local model, with two calls made for small ones."""

import hashlib
import json
import logging
import math
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from assistant.errors import AssistantError, Cancelled, WeightsError
from assistant.language.beginnings import Beginnings
from assistant.language.decoding import Sampler, Tail
from assistant.language.engine import Engine, Runner
from assistant.language.lookup import Lookup
from assistant.language.prompt import Cut, PromptWriter
from assistant.language.weights import Progress, ensure
from assistant.settings import Settings

log = logging.getLogger(__name__)
_Form = TypeVar("_Form", bound=BaseModel)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PRIORS_KEPT = 256
_BEGUN_KEPT = 24


@dataclass(frozen=True)
class Choice:
    """One of the options, and how likely the model finds each (they sum to 1)."""

    option: str
    probabilities: dict[str, float]


class StreamedChatModel(BaseChatModel):
    """A chat model whose blocking call drains its stream, and which counts tokens its own way.

    A call's keyword ``cancelled`` (a function) is asked at each step whether somebody still wants the answer.
    """

    takes_cancelled: ClassVar[bool] = True

    _priors: dict[str, list[float]] = PrivateAttr(default_factory=dict)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    @abstractmethod
    def count_tokens(self, text: str) -> int:
        """Tokens of ``text`` by itself."""

    @abstractmethod
    def _letters(
        self, messages: list[BaseMessage], n: int, cancelled: Callable[[], bool]
    ) -> tuple[list[float], bool]:
        """Log probability of each of the first ``n`` letters as the answer, and whether these are more than a guess."""

    def choose(
        self,
        prompt: str | Sequence[BaseMessage],
        options: Sequence[str],
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Choice:
        """The best option by the probabilities of their letters: one forward pass, no answer is written.

        ``options`` are up to 26 short descriptions. They stand in the system message, before the message that
        changes, so their cache is reused. A model favours some letters whatever is asked: what it says to the
        same instructions with an empty question is subtracted (contextual calibration, Zhao et al. 2021,
        https://arxiv.org/abs/2102.09690), which costs one more pass the first time only.
        Raises Cancelled.
        """
        if not 2 <= len(options) <= len(LETTERS):
            raise ValueError(f"choose takes 2 to {len(LETTERS)} options, not {len(options)}")
        if len(set(options)) != len(options):
            raise ValueError("choose takes options that differ")
        messages = with_options(as_messages(prompt), options)
        found, calibrate = self._letters(messages, len(options), cancelled)
        if calibrate:
            prior = self._prior([*messages[:-1], HumanMessage("N/A")], len(options), cancelled)
            found = [score - before for score, before in zip(found, prior, strict=True)]
        top = max(found)
        weights = [math.exp(score - top) for score in found]
        probabilities = {
            option: weight / sum(weights) for option, weight in zip(options, weights, strict=True)
        }
        return Choice(max(probabilities, key=probabilities.__getitem__), probabilities)

    def _prior(self, messages: list[BaseMessage], n: int, cancelled: Callable[[], bool]) -> list[float]:
        """``_letters`` of a question that is asked again and again; only a digest of its words is remembered."""
        key = hashlib.sha256(
            repr([(m.type, m.text) for m in messages]).encode("utf-8", "replace")
        ).hexdigest()
        if (known := self._priors.get(key)) is not None:
            return known
        found, _ = self._letters(messages, n, cancelled)
        with self._lock:
            if len(self._priors) >= _PRIORS_KEPT:
                self._priors.pop(next(iter(self._priors)))
            self._priors[key] = found
        return found

    def get_num_tokens(self, text: str) -> int:
        return self.count_tokens(text)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))


class ChatModel(StreamedChatModel):
    """``invoke``, ``stream``, ``choose`` and ``fill``. Safe to share between threads.

    Greedy unless ``temperature`` is above 0. Answers end after ``answer_tokens`` (or ``max_tokens`` of a call).
    Concurrent calls take turns token by token, so a short one needn't wait for a long one. Closing a stream stops it
    as ``cancelled`` does.

    The last chunk's ``response_metadata`` holds ``finish_reason`` (``stop`` | ``length`` | ``cancelled``),
    ``timing`` (``prompt_tokens``, ``cached_tokens``, ``answer_tokens``, ``first_token_s``, ``total_s``) and
    ``cut``: None, or what the prompt lost to fit ``context_tokens`` (``dropped_messages``, ``cut_tokens``).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name_: str = "local"
    context_tokens: int = 4096
    answer_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 0.9
    seed: int | None = None

    _engine: Engine = PrivateAttr()
    _writer: PromptWriter = PrivateAttr()
    _ends: frozenset[int] = PrivateAttr()
    _beginnings: Beginnings | None = PrivateAttr(default=None)
    _begun: dict[str, list[int]] = PrivateAttr(default_factory=dict)
    _guide: Any = PrivateAttr(default=None)

    def __init__(
        self,
        engine: Engine,
        tokenizer: Any,
        ends: Sequence[int],
        beginnings: Beginnings | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(**fields)
        self._engine = engine
        self._beginnings = beginnings
        self._writer = PromptWriter(tokenizer)
        self._ends = frozenset(ends)

    @property
    def _llm_type(self) -> str:
        return "crm-assistant-local"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.name_, "temperature": self.temperature, "answer_tokens": self.answer_tokens}

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text`` by itself."""
        return self._writer.count(text)

    def prepare(self, instructions: str) -> None:
        """Compute what every prompt with this system message begins with, so that the first needn't wait for it.

        Kept on disk for the next process, so ``instructions`` must be nobody's secret: no question, no customer's text.
        """
        ids = self._beginning(instructions)
        kept = self._beginnings is None or self._beginnings.has(ids)
        if not self._recall(ids) or not kept:
            tensors = self._engine.beginning(ids)
            if self._beginnings is not None:
                self._beginnings.write(ids, tensors)

    def _recall(self, ids: list[int]) -> bool:
        """Whether the beginning is computed already, by this process or, as its file says, by an earlier one."""
        if self._engine.holds(ids):
            return True
        tensors = self._beginnings.read(ids) if self._beginnings else None
        if tensors is None:
            return False
        try:
            self._engine.restore(ids, tensors)
        except (KeyError, RuntimeError, ValueError) as problem:
            log.warning("a kept beginning of a prompt does not fit: %s", problem)
            return False
        return True

    def _beginning(self, instructions: str) -> list[int]:
        """The ids that all prompts with this system message share, whatever is asked. Those of the last few messages
        are remembered: finding them takes longer than all else before a short prompt."""
        with self._lock:
            if (known := self._begun.pop(instructions, None)) is not None:
                self._begun[instructions] = known
                return known
        one, other = (
            self._writer.ids([SystemMessage(instructions), HumanMessage(question)], self.context_tokens)[0]
            for question in ("A", "?")
        )
        found = one[: next(place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)]
        with self._lock:
            self._begun[instructions] = found
            if len(self._begun) > _BEGUN_KEPT:
                self._begun.pop(next(iter(self._begun)))
        return found

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        limit = int(kwargs.get("max_tokens") or self.answer_tokens)
        cancelled: Callable[[], bool] = kwargs.get("cancelled") or (lambda: False)
        started = time.perf_counter()
        ids, cut = self._writer.ids(messages, self.context_tokens - limit)
        if self._beginnings is not None and isinstance(messages[0], SystemMessage) and cut is None:
            self._recall(self._beginning(messages[0].text))
        timing = {
            "prompt_tokens": len(ids),
            "cached_tokens": 0,
            "answer_tokens": 0,
            "passes": 0,
            "first_token_s": 0.0,
        }
        reason = "stop"
        try:
            for text, reached in self._texts(ids, limit, stop or [], cancelled, timing, started):
                reason = reached
                if text:
                    chunk = ChatGenerationChunk(message=AIMessageChunk(content=text))
                    if run_manager:
                        run_manager.on_llm_new_token(text, chunk=chunk)
                    yield chunk
        except Cancelled:
            reason = "cancelled"
        yield last_chunk(self.name_, reason, timing, cut, time.perf_counter() - started)

    def _texts(
        self,
        ids: list[int],
        limit: int,
        stop: list[str],
        cancelled: Callable[[], bool],
        timing: dict[str, Any],
        started: float,
    ) -> Iterator[tuple[str, str]]:
        """Pieces of the answer that can't be part of a stop text any more, each with the reason to finish so far."""
        tail = Tail(self._writer.tokenizer, stop)
        sampler = Sampler(self.temperature, self.top_p, self.seed)
        lookup, most = Lookup(ids), self._engine.runner.few_rows - 1
        with self._engine.run(ids, cancelled) as run:
            timing["cached_tokens"] = run.cached
            tokens = list(sampler.pick(run.logits[None]))
            timing["first_token_s"] = round(time.perf_counter() - started, 4)
            while True:
                for token in tokens:
                    if token in self._ends:
                        yield tail.rest(), "stop"
                        return
                    timing["answer_tokens"] += 1
                    lookup.add(token)
                    text, stopped = tail.add(token)
                    if text:
                        yield text, "stop"
                    if stopped:
                        return
                    if timing["answer_tokens"] == limit:
                        yield tail.rest(), "length"
                        return
                timing["passes"] += 1
                guess = lookup.guess(min(most, limit - timing["answer_tokens"] - 1))
                tokens = run.next(tokens[-1], guess, sampler.pick, cancelled)

    def _letters(
        self, messages: list[BaseMessage], n: int, cancelled: Callable[[], bool]
    ) -> tuple[list[float], bool]:
        letters = [
            self._writer.tokenizer.encode(letter, add_special_tokens=False)[0] for letter in LETTERS[:n]
        ]
        ids = self._writer.ids(messages, self.context_tokens - 1)[0]
        return torch.log_softmax(self._engine.logits(ids, cancelled)[letters], 0).tolist(), True

    def fill(self, prompt: str | Sequence[BaseMessage], form: type[_Form], **kwargs: Any) -> _Form:
        """A filled-in ``form``: the answer can't be anything but JSON of its schema.

        Free strings are held to 300 characters and lists to 16 entries unless the form says otherwise.
        Raises AssistantError where the answer isn't finished within the answer's tokens or a validator refuses.
        """
        from assistant.language.constrain import JsonGuide

        limit = int(kwargs.get("max_tokens") or self.answer_tokens)
        cancelled: Callable[[], bool] = kwargs.get("cancelled") or (lambda: False)
        with self._lock:
            if self._guide is None:
                self._guide = JsonGuide(self._writer.tokenizer, self._engine.runner.vocab_size)
        constraint = self._guide.constraint(form)
        messages = with_form(as_messages(prompt), form)
        ids, _ = self._writer.ids(messages, self.context_tokens - limit)
        answer: list[int] = []
        with self._engine.run(ids, cancelled) as run:
            while len(answer) < limit:
                token = constraint.best(run.logits)
                if token in self._ends:
                    break
                new = constraint.take(token)
                answer += new
                if constraint.done:
                    break
                run.feed(new, cancelled)
        text = self._writer.tokenizer.decode(answer, skip_special_tokens=True)
        try:
            return form.model_validate_json(text)
        except ValidationError as error:
            raise AssistantError(
                f"The model's answer doesn't make a {form.__name__}: {error.errors()[0]['msg']}",
                "allow a longer answer (CRM_ASSISTANT_ANSWER_TOKENS), or ask for less in one form",
            ) from error


def load_chat_model(settings: Settings, progress: Progress | None = None) -> BaseChatModel:
    """The configured chat model; a local one's weights are fetched and converted where they aren't there."""
    from assistant.language import device

    if settings.chat_model.startswith("openai:"):
        from assistant.language.remote import RemoteChatModel

        return RemoteChatModel.at(settings.chat_model, settings)

    device.use_threads(settings)
    return open_chat_model(ensure(settings, settings.chat_model, progress), settings)


def open_chat_model(folder: Path, settings: Settings) -> ChatModel:
    """The chat model of a folder in the Hugging Face layout, on the fastest runner that this machine has for it."""
    from concurrent.futures import ThreadPoolExecutor

    from assistant.language import lean

    with ThreadPoolExecutor(1, "weights") as pool:  # the weights are read while transformers is imported
        fast = pool.submit(lean.LeanRunner, folder, settings.context_tokens) if lean.can_run(folder) else None
        tokenizer, longest, ends = _texts_of(folder, settings)
    context = min(settings.context_tokens, longest)
    runner: Runner
    if fast is not None:
        runner = fast.result()
    else:
        from assistant.language.batched import BatchedRunner
        from assistant.language.engine import TransformersRunner, load_model

        model = load_model(folder)
        try:
            runner = BatchedRunner(model, context)
        except ValueError as reason:
            log.info("%s: %s; answers don't share passes", folder.name, reason)
            runner = TransformersRunner(model)
    return ChatModel(
        Engine(runner, budget=(runner.caches or 2) * context),
        tokenizer,
        ends,
        Beginnings(settings.home_dir / "beginnings", folder, type(runner).__name__),
        name_=folder.name,
        context_tokens=context,
        answer_tokens=settings.answer_tokens,
    )


def _texts_of(folder: Path, settings: Settings) -> tuple[Any, int, list[int]]:
    """The tokenizer of a folder, the model's longest context, and the tokens that end an answer."""
    try:
        if (folder / "fast.safetensors").is_file():
            tokenizer, config, ends = _converted_texts(folder)
        else:
            from transformers import AutoConfig, AutoTokenizer, GenerationConfig

            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            config = AutoConfig.from_pretrained(folder, local_files_only=True).get_text_config().to_dict()
            ends = tokenizer.eos_token_id
            if (folder / "generation_config.json").is_file():
                ends = GenerationConfig.from_pretrained(folder).eos_token_id or ends
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{folder} can't be loaded as a chat model: {error}", "give another folder"
        ) from error
    if not tokenizer.chat_template:
        raise WeightsError(f"{folder} has no chat template", "use an instruction-tuned model")
    longest = int(config.get("max_position_embeddings") or settings.context_tokens)
    return tokenizer, longest, ends if isinstance(ends, list) else [ends]


def _converted_texts(folder: Path) -> tuple[Any, dict[str, Any], list[int]]:
    """The same of a folder that ``convert`` wrote, without transformers' search for what it is (1.6 s)."""
    from transformers import PreTrainedTokenizerFast

    config, generation, texts = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("config", "generation_config", "tokenizer_config")
    )
    template = folder / "chat_template.jinja"
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        chat_template=template.read_text(encoding="utf-8") if template.is_file() else None,
        **{name: texts.get(name) for name in ("bos_token", "eos_token", "pad_token", "unk_token")},
    )
    return tokenizer, config, generation["eos_token_id"]


def last_chunk(
    name: str, reason: str, timing: dict[str, Any], cut: Cut | None, total_s: float
) -> ChatGenerationChunk:
    metadata = {
        "model_name": name,
        "finish_reason": reason,
        "timing": {**timing, "total_s": round(total_s, 4)},
        "cut": asdict(cut) if cut else None,
    }
    prompt, answer = timing["prompt_tokens"], timing["answer_tokens"]
    message = AIMessageChunk(
        content="",
        response_metadata=metadata,
        usage_metadata={"input_tokens": prompt, "output_tokens": answer, "total_tokens": prompt + answer},
        chunk_position="last",
    )
    return ChatGenerationChunk(message=message, generation_info={"finish_reason": reason})


def as_messages(prompt: str | Sequence[BaseMessage]) -> list[BaseMessage]:
    messages: list[BaseMessage] = [HumanMessage(prompt)] if isinstance(prompt, str) else list(prompt)
    if not messages:
        raise ValueError("a prompt needs at least one message")
    return messages


def _in_system(messages: list[BaseMessage], text: str) -> list[BaseMessage]:
    """``text`` at the end of the system message, which is made if there is none."""
    if isinstance(messages[0], SystemMessage):
        return [SystemMessage(f"{messages[0].text}\n\n{text}"), *messages[1:]]
    return [SystemMessage(text), *messages]


def with_options(messages: list[BaseMessage], options: Sequence[str]) -> list[BaseMessage]:
    listed = "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False))
    return _in_system(
        messages, f"Options:\n{listed}\n\nAnswer with the letter of the one option that fits best."
    )


def with_form(messages: list[BaseMessage], form: type[BaseModel]) -> list[BaseMessage]:
    schema = form.model_json_schema()
    lines = []
    for name, field in schema.get("properties", {}).items():
        allowed = field.get("enum") or field.get("type") or "value"
        note = f" – {field['description']}" if field.get("description") else ""
        lines.append(
            f"- {name} ({', '.join(map(str, allowed)) if isinstance(allowed, list) else allowed}){note}"
        )
    return _in_system(messages, "Answer with one JSON object with these fields:\n" + "\n".join(lines))
