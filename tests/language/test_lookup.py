"""Guesses for an answer that copies its prompt."""

import threading
import time

import pytest
import torch

from assistant.language.engine import Engine
from assistant.language.lookup import Lookup


@pytest.mark.parametrize(
    ("ids", "guess"),
    [
        ([1, 2, 3, 4, 5, 1, 2], [3, 4, 5]),
        ([1, 2, 3, 9, 1, 2, 4, 9, 1, 2], [4, 9, 1]),  # the latest place
        ([7, 1, 2, 3, 8, 1, 2, 4, 7, 1, 2], [3, 8, 1]),  # the longest run before the latest place
        ([1, 2, 3], []),
        ([5, 5, 5], [5]),
        ([5], []),
        ([], []),
    ],
)
def test_what_followed_before_is_guessed(ids: list[int], guess: list[int]) -> None:
    assert Lookup(ids).guess(3) == guess


class _Counts:
    """A runner whose next token is always the last one plus one; the cache is the list of ids."""

    vocab_size, few_rows, shared_rows, caches = 50, 4, 16, None

    def __init__(self) -> None:
        self.passes = 0

    def new(self) -> list[int]:
        return []

    def copy(self, cache: list[int], length: int) -> list[int]:
        return cache[:length]

    def cut(self, cache: list[int], length: int) -> None:
        del cache[length:]

    def forward(self, cache: list[int], ids: list[int], rows: int = 1) -> torch.Tensor:
        self.passes += 1
        cache += ids
        logits = torch.zeros(rows, self.vocab_size)
        for row, id in enumerate(cache[-rows:]):
            logits[row, (id + 1) % self.vocab_size] = 1
        return logits

    def forward_many(self, parts: list[tuple[list[int], list[int], int]]) -> list[torch.Tensor]:
        found = [self.forward(cache, ids, rows) for cache, ids, rows in parts]
        self.passes -= len(parts) - 1
        return found


@pytest.mark.parametrize(
    ("guess", "chosen"),
    [([], [6]), ([6], [6, 7]), ([6, 7, 8], [6, 7, 8, 9]), ([6, 9, 9], [6, 7]), ([4, 7], [6])],
)
def test_a_guess_is_taken_as_far_as_it_is_right(guess: list[int], chosen: list[int]) -> None:
    runner = _Counts()
    engine = Engine(runner, budget=100)
    with engine.run([3, 4]) as run:
        before = runner.passes
        assert run.next(5, guess, lambda logits: logits.argmax(1).tolist()) == chosen
        assert runner.passes == before + 1
        assert run._kept.ids == run._kept.cache == [3, 4, 5, *chosen[:-1]]
        assert int(run.logits.argmax()) == chosen[-1]


def test_answers_under_way_share_their_passes() -> None:
    runner = _Counts()
    slowly = runner.forward_many

    def forward_many(parts: list[tuple[list[int], list[int], int]]) -> list[torch.Tensor]:
        assert sum(len(ids) for _, ids, _ in parts) <= runner.shared_rows
        time.sleep(0.003)
        return slowly(parts)

    runner.forward_many = forward_many  # type: ignore[method-assign]
    engine = Engine(runner, budget=1000)
    got: dict[int, list[int]] = {}

    def answer(first: int) -> None:
        with engine.run([first]) as run:
            ids = [first + 1]
            while len(ids) < 20:
                ids += run.next(ids[-1], [], lambda logits: logits.argmax(1).tolist())
            got[first] = ids

    threads = [threading.Thread(target=answer, args=(n,)) for n in range(0, 48, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert got == {n: [(n + 1 + i) % 50 for i in range(20)] for n in range(0, 48, 8)}
    assert runner.passes < 6 * 19 * 0.4


def test_a_failed_pass_fails_for_all_that_shared_it_and_leaves_their_caches_whole() -> None:
    runner = _Counts()
    engine = Engine(runner, budget=1000)
    with engine.run([3, 4]) as run:

        def fail(parts: object) -> list[torch.Tensor]:
            run._kept.cache += [9, 9]
            raise MemoryError

        good, runner.forward_many = runner.forward_many, fail  # type: ignore[method-assign]
        with pytest.raises(MemoryError):
            run.next(5, [6], lambda logits: logits.argmax(1).tolist())
        assert run._kept.cache == run._kept.ids == [3, 4]
        runner.forward_many = good  # type: ignore[method-assign]
        assert run.next(5, [], lambda logits: logits.argmax(1).tolist()) == [6]
