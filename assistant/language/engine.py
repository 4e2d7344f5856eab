"""Token ids in, logits out: the model's weights, its key/value caches, and whose turn it is.

A cache belongs to a list of token ids and is only ever reused for a prompt that begins with the same ids, so it
saves work and can't carry anything from one prompt into another: the result is what computing anew would give.
Caches live in this process's memory; of constant beginnings alone a copy may be asked for (``beginning``).
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch

from assistant.errors import Cancelled, WeightsError
from assistant.language import device

# Longest piece of a prompt computed in one go: how long others wait for their turn, and how soon a stop is noticed.
_PIECE, _SMALL_PIECE = 512, 128  # the smaller while others are being answered
# A cache is continued in place if that throws away no more than this many ids, else its beginning is copied.
_SPOIL = 32
# So long at most a pass waits for answers that are between two tokens, to take them along: no longer than a pass takes.
_GATHER_S = 0.02


class Runner(Protocol):
    """A model that extends a cache by some tokens."""

    vocab_size: int
    few_rows: int
    """So many tokens are computed at nearly the price of one; 1 where each has its price."""
    shared_rows: int
    """So many tokens of several answers are computed for less than twice the price of one."""
    caches: int | None
    """So many caches have room where passes are fastest; None where all are alike."""

    def new(self) -> Any:
        """An empty cache."""

    def copy(self, cache: Any, length: int) -> Any:
        """A new cache with the first ``length`` positions of ``cache``."""

    def cut(self, cache: Any, length: int) -> None:
        """Forget all positions from ``length`` on."""

    def tensors(self, cache: Any) -> dict[str, torch.Tensor]:
        """What ``restore`` makes the same cache of, on the CPU."""

    def restore(self, tensors: dict[str, torch.Tensor]) -> Any:
        """The cache that ``tensors`` were taken from. Raises KeyError, RuntimeError or ValueError for another model's."""

    def forward(self, cache: Any, ids: Sequence[int], rows: int = 1) -> torch.Tensor:
        """Append ``ids``; the logits after each of the last ``rows``, float32 (rows, vocab_size) where they were computed."""

    def forward_many(self, parts: Sequence[tuple[Any, Sequence[int], int]]) -> list[torch.Tensor]:
        """``forward`` for several (cache, ids, rows), in one pass where the runner can."""


class _Kept:
    def __init__(self, cache: Any) -> None:
        self.cache = cache
        self.ids: list[int] = []
        self.busy = False


class Run:
    """One prompt being computed and continued. ``logits`` belong to the last id; ``cached`` ids came for free."""

    def __init__(self, engine: "Engine", kept: _Kept, cached: int) -> None:
        self._engine, self._kept = engine, kept
        self.cached = cached
        self.logits: torch.Tensor

    def feed(self, ids: Sequence[int], cancelled: Callable[[], bool] = lambda: False) -> torch.Tensor:
        """Append ids in pieces; between pieces others get their turn. Raises Cancelled."""
        start = 0
        while start < len(ids):
            if cancelled():
                raise Cancelled
            piece = list(ids[start : start + (_SMALL_PIECE if self._engine.busy else _PIECE)])
            start += len(piece)
            with self._engine.turn():
                length = len(self._kept.ids)
                try:
                    self.logits = self._engine.runner.forward(self._kept.cache, piece)[0]
                except BaseException:  # out of memory, Ctrl-C: the cache may hold half of the piece
                    self._engine.runner.cut(self._kept.cache, length)
                    raise
                self._kept.ids += piece
        return self.logits

    def tensors(self) -> dict[str, torch.Tensor]:
        """What ``Engine.restore`` needs to have this prompt again."""
        with self._engine.turn():
            return self._engine.runner.tensors(self._kept.cache)

    def next(
        self,
        token: int,
        guess: Sequence[int],
        pick: Callable[[torch.Tensor], Iterable[int]],
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[int]:
        """Append ``token``; the tokens that ``pick`` chooses after it (for each row of logits one), at least one.

        One pass computes the ``guess`` too: as long as the choice is the guessed token, there is one more to choose.
        All but the last of the returned tokens are then appended already.
        """
        if cancelled():
            raise Cancelled
        step = _Step(self._kept, [token, *guess])
        self._engine.compute(step)
        logits = step.logits
        chosen: list[int] = []
        for token_after, guessed in zip(pick(logits), [*step.ids[1:], None], strict=False):
            chosen.append(token_after)
            if token_after != guessed:
                break
        self.logits = logits[len(chosen) - 1]
        kept = self._kept
        kept.ids += [token, *chosen[:-1]]
        if len(chosen) < len(step.ids):
            self._engine.runner.cut(kept.cache, len(kept.ids))
        return chosen


class _Step:
    """The next tokens of one answer: the first is sure, the others are guesses, left out where others wait."""

    def __init__(self, kept: _Kept, ids: list[int]) -> None:
        self.kept, self.ids = kept, ids
        self.logits: torch.Tensor
        self.error: BaseException | None = None
        self.done = False


class _Waiting:
    def __init__(self, step: _Step | None) -> None:
        self.step = step
        self.woken = threading.Event()


class Engine:
    """Runs prompts on a runner, keeping the caches of recent ones up to ``budget`` ids in total, and so many that one
    more has room."""

    def __init__(self, runner: Runner, budget: int) -> None:
        self.runner = runner
        self.budget = budget
        self._kept: list[_Kept] = []  # least recently used first
        self._waiting: deque[_Waiting] = deque()
        self._taken = False
        self._pass_s = _GATHER_S  # what the last pass took
        self._expected: set[_Kept] = set()  # answered by the last passes and not back yet
        self._mutex = threading.Lock()
        self._gathered = threading.Condition(self._mutex)

    @property
    def busy(self) -> bool:
        """Whether more than one prompt is being computed or answered."""
        return sum(kept.busy for kept in list(self._kept)) > 1

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The right to compute, first come first served."""
        self._wait(_Waiting(None))
        try:
            yield
        finally:
            self._pass_on()

    def compute(self, step: "_Step") -> None:
        """Compute one step of an answer, together with the steps of others that wait, as many as cost little more."""
        self._wait(_Waiting(step))
        if not step.done:
            try:
                self._run(self._with_others(step))
            finally:
                self._pass_on()
        if step.error is not None:
            raise step.error

    def _wait(self, mine: "_Waiting") -> None:
        """Returns when it is this one's turn, or when somebody else has computed its step."""
        with self._mutex:
            if mine.step is not None:
                self._expected.discard(mine.step.kept)
            if not self._taken:
                self._taken = True
                return
            self._waiting.append(mine)
            self._gathered.notify()
        try:
            mine.woken.wait()
        except BaseException:
            with self._mutex:
                waits = mine in self._waiting
                if waits:
                    self._waiting.remove(mine)
            if not waits:
                mine.woken.wait()  # chosen already: a pass that is under way can't be left
                if mine.step is None or not mine.step.done:
                    self._pass_on()
            raise

    def _with_others(self, step: "_Step") -> list[_Waiting]:
        together = [_Waiting(step)]
        with self._mutex:
            # who was answered a moment ago chooses a token now and is back at once: a pass without them costs as much
            self._gathered.wait_for(lambda: not self._expected, min(_GATHER_S, self._pass_s))
            self._expected.clear()
            steps = [other for other in self._waiting if other.step is not None]
            room = self.runner.few_rows if len(steps) < 2 else self.runner.shared_rows
            room -= 1
            for other in steps[:room]:
                self._waiting.remove(other)
                together.append(other)
        room -= len(together) - 1
        for waiting in together:  # guesses get the rows that are left
            assert waiting.step is not None
            ids = waiting.step.ids
            guesses = min(len(ids) - 1, room)
            waiting.step.ids = ids[: 1 + guesses]
            room -= guesses
        return together

    def _run(self, together: Sequence["_Waiting"]) -> None:
        steps = [waiting.step for waiting in together if waiting.step is not None]
        lengths = [len(step.kept.ids) for step in steps]
        started = time.perf_counter()
        try:
            found = self.runner.forward_many([(s.kept.cache, s.ids, len(s.ids)) for s in steps])
            for step, logits in zip(steps, found, strict=True):
                step.logits = logits
        except BaseException as error:  # out of memory, Ctrl-C: the caches may hold half of the pass
            for step, length in zip(steps, lengths, strict=True):
                self.runner.cut(step.kept.cache, length)
                # a Ctrl-C belongs to the thread that computes; to the others it is an end
                step.error = error if isinstance(error, Exception) or step is steps[0] else Cancelled()
        finally:
            self._pass_s = time.perf_counter() - started
            with self._mutex:
                self._expected.update(step.kept for step in steps)
            for waiting, step in zip(together, steps, strict=True):
                step.done = True
                waiting.woken.set()

    @contextmanager
    def run(self, ids: Sequence[int], cancelled: Callable[[], bool] = lambda: False) -> Iterator[Run]:
        """Compute a prompt, from the longest beginning that a kept cache has. Give it back at the end."""
        if not ids:
            raise ValueError("a prompt needs at least one token")
        with self.turn():
            kept, cached = self._claim(ids)
        try:
            run = Run(self, kept, cached)
            run.feed(ids[cached:], cancelled)
            yield run
        finally:
            with self._mutex:
                self._expected.discard(kept)
                self._gathered.notify()
            with self.turn():
                kept.busy = False
                self._evict()

    def logits(self, ids: Sequence[int], cancelled: Callable[[], bool] = lambda: False) -> torch.Tensor:
        """Logits after the last id, float32 (vocab_size,). Raises Cancelled."""
        with self.run(ids, cancelled) as run:
            return run.logits

    def holds(self, ids: Sequence[int]) -> bool:
        """Whether a kept cache begins with all of ``ids``."""
        return any(_common(kept.ids, ids) == len(ids) for kept in list(self._kept))

    def beginning(self, ids: Sequence[int]) -> dict[str, torch.Tensor]:
        """Compute ``ids`` where they aren't held yet, and return what ``restore`` takes."""
        with self.turn():
            for kept in self._kept:
                if _common(kept.ids, ids) == len(ids):
                    return self.runner.tensors(self.runner.copy(kept.cache, len(ids)))
        with self.run(ids) as run:
            return run.tensors()

    def restore(self, ids: Sequence[int], tensors: dict[str, torch.Tensor]) -> None:
        """Keep ``ids`` as computed by an earlier process on the same weights."""
        kept = _Kept(self.runner.restore(tensors))
        kept.ids = list(ids)
        with self.turn():
            self._kept.append(kept)
            self._evict()

    def forget(self) -> None:
        """Drop all caches that aren't in use."""
        with self.turn():
            self._kept = [kept for kept in self._kept if kept.busy]

    def _pass_on(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().woken.set()
            else:
                self._taken = False

    def _claim(self, ids: Sequence[int]) -> tuple[_Kept, int]:
        best, shared = None, 0
        for kept in self._kept:
            # the last id is always computed: its logits are what is asked for
            common = min(_common(kept.ids, ids), len(ids) - 1)
            if common > shared:
                best, shared = kept, common
        if best is None:
            chosen = _Kept(self.runner.new())
        elif not best.busy and len(best.ids) - shared <= _SPOIL:
            chosen = best
            self._kept.remove(best)
            self.runner.cut(chosen.cache, shared)
            del chosen.ids[shared:]
        else:
            chosen = _Kept(self.runner.copy(best.cache, shared))
            chosen.ids = list(best.ids[:shared])
        chosen.busy = True
        self._kept.append(chosen)
        self._evict(len(ids) - shared)
        return chosen, shared

    def _evict(self, coming: int = 0) -> None:
        total = sum(len(kept.ids) for kept in self._kept) + coming
        most = self.runner.caches or len(self._kept) + 1
        for kept in list(self._kept):
            if total <= self.budget and len(self._kept) < most:
                break
            if not kept.busy:
                self._kept.remove(kept)
                total -= len(kept.ids)


class TransformersRunner:
    """Any causal language model of transformers, wherever accelerate placed it."""

    few_rows = shared_rows = 4  # reading the weights is what a pass costs, with four tokens or one
    caches: int | None = None

    def __init__(self, model: Any) -> None:
        self.model = model
        self.vocab_size = int(model.config.get_text_config().vocab_size)

    def new(self) -> Any:
        from transformers import DynamicCache

        return DynamicCache(config=self.model.config)

    def copy(self, cache: Any, length: int) -> Any:
        fresh = self.new()
        for number, layer in enumerate(cache.layers):
            fresh.update(layer.keys[..., :length, :].clone(), layer.values[..., :length, :].clone(), number)
        return fresh

    def cut(self, cache: Any, length: int) -> None:
        if (extra := cache.get_seq_length() - length) > 0:
            cache.crop(-extra)

    def tensors(self, cache: Any) -> dict[str, torch.Tensor]:
        pairs = [(f"{n}.keys", layer.keys) for n, layer in enumerate(cache.layers)]
        pairs += [(f"{n}.values", layer.values) for n, layer in enumerate(cache.layers)]
        return {name: tensor.cpu().contiguous() for name, tensor in pairs}

    def restore(self, tensors: dict[str, torch.Tensor]) -> Any:
        cache = self.new()
        for number in range(len(tensors) // 2):
            keys, values = (tensors[f"{number}.{part}"].to(self.model.device) for part in ("keys", "values"))
            cache.update(keys, values, number)
        return cache

    @torch.inference_mode()
    def forward(self, cache: Any, ids: Sequence[int], rows: int = 1) -> torch.Tensor:
        inputs = torch.tensor([list(ids)], device=self.model.device)
        answer = self.model(input_ids=inputs, past_key_values=cache, use_cache=True, logits_to_keep=rows)
        found: torch.Tensor = answer.logits[0, -rows:].float()
        return found

    def forward_many(self, parts: Sequence[tuple[Any, Sequence[int], int]]) -> list[torch.Tensor]:
        return [self.forward(cache, ids, rows) for cache, ids, rows in parts]


def load_model(folder: Path) -> Any:
    """The transformers model of a folder, placed by accelerate, in this machine's fast number format."""
    from transformers import AutoModelForCausalLM

    device.quiet()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=device.precision(), device_map="auto", local_files_only=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise WeightsError(
            f"{folder} can't be loaded as a chat model: {error}",
            f"delete it to make it anew: rm -r '{folder}'",
        ) from error
    return model.eval()


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    for place, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return place
    return min(len(a), len(b))
