"""The shared passes of transformers models: what each prompt would get by itself, whoever it shares a pass with."""

import copy
import gc
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen2Config

from assistant.language.batched import BatchedRunner
from assistant.language.caches import Pool
from assistant.language.engine import Engine, TransformersRunner

CUDA = torch.cuda.is_available()
SMALL: dict[str, Any] = {
    "vocab_size": 320,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}
IDS = [84, 104, 101, 10, 260, 90, 91, 92, 33, 44, 55, 66]
CONTEXT = 600


def made(config: Any) -> Any:
    torch.manual_seed(5)
    model = AutoModelForCausalLM.from_config(copy.deepcopy(config), dtype=torch.float32).eval()
    return model.to("cuda" if CUDA else "cpu")


def runners(config: Any) -> tuple[BatchedRunner, TransformersRunner]:
    return BatchedRunner(made(config), CONTEXT), TransformersRunner(made(config))


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and bool((a - b).abs().max() < 2e-3 * b.abs().max())


@pytest.mark.parametrize(
    "config", [Qwen2Config(**SMALL), LlamaConfig(**SMALL, head_dim=32)], ids=["qwen", "llama"]
)
def test_prompts_and_answers_of_several_in_one_pass(config: Any) -> None:
    ours, theirs = runners(config)
    prompts = [IDS, [*IDS, 3, 4], [7], (IDS * 50)[:560]]
    steps = [([5], 1), ([6, 7, 8], 3), ([9], 1), ([1, 2], 1)]
    caches, alone = [ours.new() for _ in prompts], [theirs.new() for _ in prompts]
    firsts = ours.forward_many([(cache, ids, 2) for cache, ids in zip(caches, prompts, strict=True)])
    for first, cache, ids in zip(firsts, alone, prompts, strict=True):
        assert close(first, theirs.forward(cache, ids, 2))
    for _ in range(3):  # on a GPU the first is recorded, the others are replayed
        found = ours.forward_many([(c, *step) for c, step in zip(caches, steps, strict=True)])
        for logits, cache, step in zip(found, alone, steps, strict=True):
            assert close(logits, theirs.forward(cache, *step))
    assert [cache.length for cache in caches] == [cache.get_seq_length() for cache in alone]


def test_a_cache_is_cut_copied_kept_and_restored() -> None:
    ours, theirs = runners(Qwen2Config(**SMALL))
    cache = ours.new()
    ours.forward(cache, [*IDS, 9, 9, 9])
    ours.cut(cache, len(IDS))
    roads = [ours.copy(cache, len(IDS)), ours.restore(ours.tensors(cache)), cache]
    other = theirs.new()
    theirs.forward(other, IDS)
    want = theirs.forward(other, [5, 6], 2)
    for road in roads:
        assert close(ours.forward(road, [5, 6], 2), want)
    with pytest.raises(ValueError, match="another model"):
        ours.restore({"keys": torch.zeros(1, 2, 3, 4), "values": torch.zeros(1, 2, 3, 4)})
    with pytest.raises(ValueError, match="context of 600"):
        ours.forward(cache, [1] * CONTEXT)


def test_models_that_attend_in_their_own_way_are_left_to_transformers() -> None:
    model = made(MistralConfig(**SMALL, sliding_window=4))
    before = model.config._attn_implementation
    with pytest.raises(ValueError, match="its own way"):
        BatchedRunner(model, CONTEXT)
    assert model.config._attn_implementation == before
    assert TransformersRunner(model).forward(TransformersRunner(model).new(), IDS).isfinite().all()


def test_a_folder_without_fast_matrices_is_opened_with_shared_passes(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assistant.language import lean
    from assistant.language.chat import open_chat_model
    from assistant.settings import Settings

    monkeypatch.setattr(lean, "can_run", lambda folder: False)
    chat = open_chat_model(tiny_folder, Settings(home=tmp_path, answer_tokens=16))
    assert isinstance(chat._engine.runner, BatchedRunner)
    assert chat.invoke("the").response_metadata["timing"]["answer_tokens"] > 0
    assert chat.choose("the", ["one", "two"]).option in ("one", "two")


class TestPool:
    def test_a_slot_is_free_again_when_its_cache_is_gone(self) -> None:
        pool = Pool(2, 1, 1, 4, 4, torch.empty(0))
        one, two = pool.take(), pool.take()
        assert one is not None and two is not None and {one.slot, two.slot} == {0, 1}
        assert pool.take() is None
        one.keys.fill_(3)
        assert pool.keys[:, one.slot].eq(3).all() and not pool.keys[:, two.slot].any()
        slot = one.slot
        del one
        gc.collect()
        again = pool.take()
        assert again is not None and again.slot == slot and again.length == 0

    def test_the_engine_leaves_room_for_one_more(self) -> None:
        runner, _ = runners(Qwen2Config(**SMALL))
        runner._pool = Pool(3, 3, 2, CONTEXT, 16, runner._like)
        runner.caches = 3
        runner._recorded = None  # those of the pool that it had
        engine = Engine(runner, budget=10_000)
        for start in range(6):
            engine.logits([start + 1, *IDS])
            assert len(engine._kept) <= 2
            assert all(kept.cache.slot is not None for kept in engine._kept)
        with engine.run([1, 2]), engine.run([2, 3]), engine.run([3, 4]), engine.run([4, 5]) as fourth:
            assert fourth._kept.cache.slot is None, "more than there are slots: memory of its own"
            assert fourth.logits.isfinite().all()


def test_passes_of_a_fixed_size_say_the_same() -> None:
    """As they are recorded on a GPU; on a CPU they are computed each time, by the same code."""
    ours, theirs = runners(Qwen2Config(**SMALL))
    if not CUDA:
        ours._pool = Pool(6, 3, 2, CONTEXT, 16, ours._like)
        ours._recorded = {}
    caches, alone = [ours.new() for _ in range(5)], [theirs.new() for _ in range(5)]
    for number, (cache, other) in enumerate(zip(caches, alone, strict=True)):
        ids = (IDS * 60)[: 100 * number + 1]
        assert close(ours.forward(cache, ids, 2), theirs.forward(other, ids, 2))
    for token in range(20, 40):
        parts = [(cache, [token, token + 1, 7][: 1 + number % 3], 3) for number, cache in enumerate(caches)]
        for found, other, (_, ids, rows) in zip(ours.forward_many(parts), alone, parts, strict=True):
            assert close(found, theirs.forward(other, ids, rows))
    last = CONTEXT - caches[0].length
    for length in (last - 5, 5):  # up to the last position of the context
        ids = (IDS * 60)[:length]
        assert close(ours.forward(caches[0], ids, 2), theirs.forward(alone[0], ids, 2))
    assert ours._recorded and {kind[2] for kind in ours._recorded} == {True, False}
    if CUDA:
        assert all(one._graph is not None for one in ours._recorded.values())
