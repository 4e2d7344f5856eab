"""Conversion and the two runners: the same numbers by every road."""

from pathlib import Path

import numpy as np
import pytest
import torch

from assistant.errors import WeightsError
from assistant.language import quant
from assistant.language.convert import convert_gguf
from assistant.language.engine import Cancelled, Engine, TransformersRunner
from assistant.language.gguf_file import GgufFile
from assistant.language.lean import LeanRunner

# How far int8 for many rows and int4 for few may be from each other and from float32, on random weights and 64 columns.
ROUNDED = 0.25
IDS = [84, 104, 101, 10, 260, 90, 91, 92, 33, 44, 55, 66]


def load(folder: Path, dtype: torch.dtype) -> TransformersRunner:
    from transformers import AutoModelForCausalLM

    return TransformersRunner(AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval())


def drift(a: torch.Tensor, b: torch.Tensor) -> float:
    """Difference of the likely words, which the head computes exactly, relative to how far the logits spread."""
    likely = b.topk(16).indices
    return float((a.gather(-1, likely) - b.gather(-1, likely)).abs().max() / b.std())


def test_int4_rows_are_within_half_a_step_and_the_ends_of_a_group_are_kept() -> None:
    values = np.random.default_rng(5).standard_normal((64, 128)).astype(np.float32)
    values[3, 32:64] = 0.5  # nothing to tell apart
    q, scales, zeros = quant.int4_rows(values)
    found = (q.reshape(64, 4, 32).astype(np.float32) - 8) * scales[..., None] + zeros[..., None]
    error = np.abs(found - values.reshape(64, 4, 32))
    assert (error <= 0.56 * scales[..., None]).all(), "half a step and what bf16 rounds off the zero"
    assert q.min() == 0 and q.max() == 15


def test_header_and_tensors_agree_with_the_gguf_package(tiny_gguf: Path) -> None:
    import gguf

    theirs = gguf.GGUFReader(tiny_gguf)
    with GgufFile(tiny_gguf) as ours:
        assert ours.fields["tokenizer.ggml.tokens"] == theirs.fields["tokenizer.ggml.tokens"].contents()
        assert ours.fields["qwen2.rope.freq_base"] == 10000.0
        assert list(ours.tensors) == [tensor.name for tensor in theirs.tensors]
        for tensor in theirs.tensors:
            want = gguf.dequantize(tensor.data, tensor.tensor_type)
            got = ours.dequantised(ours.tensors[tensor.name])
            np.testing.assert_array_equal(got.reshape(want.shape), want)


def test_conversion_is_the_model_that_transformers_reads_from_the_gguf(
    tiny_gguf: Path, tiny_folder: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    theirs = AutoModelForCausalLM.from_pretrained(
        tiny_gguf.parent, gguf_file=tiny_gguf.name, dtype=torch.bfloat16
    )
    ours = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.bfloat16)
    want = theirs.state_dict()
    for name, value in ours.state_dict().items():
        assert torch.equal(value, want[name]), name
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    text = "<|im_start|>user\nthe other café 咖啡<|im_end|>\n"
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    other = AutoTokenizer.from_pretrained(tiny_gguf.parent, gguf_file=tiny_gguf.name)
    assert other.encode(text) == ids
    assert tokenizer.eos_token == "<|im_end|>"
    assert ours.config.tie_word_embeddings


@pytest.mark.parametrize("damage", ["cut", "magic", "empty"])
def test_damaged_gguf_is_said_to_be_damaged(tiny_gguf: Path, tmp_path: Path, damage: str) -> None:
    data = tiny_gguf.read_bytes()
    bad = tmp_path / "bad.gguf"
    bad.write_bytes({"cut": data[:-500], "magic": b"GGML" + data[4:], "empty": b""}[damage])
    with pytest.raises(WeightsError, match="not a whole GGUF file"):
        convert_gguf(bad, tmp_path, lambda *_: None)


def test_int4_layout_is_the_kernels_own_and_can_be_undone() -> None:
    rng = np.random.default_rng(3)
    q = rng.integers(0, 16, (128, 64), dtype=np.uint8)
    packed = quant.pack_int4(q)
    np.testing.assert_array_equal(quant.unpack_int4(packed), q)
    if torch.backends.cpu.get_cpu_capability() == "AVX512":
        theirs = torch.ops.aten._convert_weight_to_int4pack_for_cpu(torch.from_numpy(q.astype(np.int32)), 1)
        np.testing.assert_array_equal(packed, theirs.numpy())


def test_int8_blocks_are_those_of_onednn() -> None:
    from assistant.language import lean

    if not torch.cpu._is_amx_tile_supported():
        pytest.skip("oneDNN packs int8 otherwise without AMX")
    assert lean._packs_alike()


def test_a_cpu_that_packs_otherwise_uses_bf16(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assistant.language import lean

    usual = lean.LeanRunner(tiny_folder, 512)
    monkeypatch.setattr(lean, "_packs_alike", lambda: False)
    dense = lean.LeanRunner(tiny_folder, 512)
    assert dense._layers[0].qkv._many is None
    ids = IDS[:8]
    a, b = usual.forward(usual.new(), ids, len(ids)), dense.forward(dense.new(), ids, len(ids))
    assert float(torch.cosine_similarity(a, b).min()) > 0.99


def test_weights_that_end_early_are_said_to_be_damaged(tiny_folder: Path, tmp_path: Path) -> None:
    import shutil

    from assistant.language.lean import _WeightsFile

    folder = shutil.copytree(tiny_folder, tmp_path / "cut")
    fast = folder / "fast.safetensors"
    whole = fast.read_bytes()
    fast.write_bytes(whole[:-100])
    cut = _WeightsFile(fast)
    with pytest.raises(WeightsError, match="shorter than it says"):
        for name in cut.names - {"__metadata__"}:
            cut.tensor(name)
    with pytest.raises(WeightsError, match="has no nothing"):
        cut.tensor("nothing")
    for damaged in (b"", whole[:40], b"\xff" * 64):
        fast.write_bytes(damaged)
        with pytest.raises(WeightsError, match="list of its tensors"):
            LeanRunner(folder, 512)


def test_q4_k_groups_are_the_dequantised_weights(tiny_gguf: Path) -> None:
    with GgufFile(tiny_gguf) as gguf:
        tensor = gguf.tensors["blk.0.ffn_gate.weight"]
        q, scales, zeros = quant.q4_k_groups(gguf.raw(tensor))
        again = (q.reshape(*scales.shape, 32).astype(np.float32) - 8) * scales[..., None] + zeros[..., None]
        np.testing.assert_allclose(again.reshape(q.shape), gguf.dequantised(tensor), atol=1e-6)
        assert q.max() == 15 and q.min() == 0


def test_int8_rows_lose_less_than_one_step() -> None:
    values = np.random.default_rng(5).standard_normal((8, 64)).astype(np.float32)
    values[3] = 0
    q, bits = quant.int8_rows(values)
    scales = (bits.astype(np.uint32) << 16).view(np.float32)
    assert np.abs(q * scales[:, None] - values).max() <= scales.max() * 0.51


def test_lean_prompt_agrees_with_transformers(tiny_folder: Path) -> None:
    lean, full = LeanRunner(tiny_folder, 512), load(tiny_folder, torch.float32)
    exact = full.forward(full.new(), IDS)
    rounded = load(tiny_folder, torch.bfloat16)
    usual = drift(rounded.forward(rounded.new(), IDS), exact)  # what bf16 costs anyway
    assert drift(lean.forward(lean.new(), IDS), exact) < max(2 * usual, 0.02)


def test_lean_tokens_agree_with_transformers(tiny_folder: Path) -> None:
    lean, full = LeanRunner(tiny_folder, 512), load(tiny_folder, torch.float32)
    a, b = lean.new(), full.new()
    lean.forward(a, IDS[:6])
    full.forward(b, IDS[:6])
    for token in IDS[6:]:
        logits, want = lean.forward(a, [token]), full.forward(b, [token])
        assert drift(logits, want) < ROUNDED
        assert (logits - want).abs().max() / want.std() < 0.5, "also where nobody looks twice"


def test_other_int4_layouts_are_packed_anew(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assistant.language import lean

    usual = lean.LeanRunner(tiny_folder, 512)
    monkeypatch.setattr(lean, "_layout_fits", lambda: False)
    packed = lean.LeanRunner(tiny_folder, 512)
    assert torch.equal(usual.forward(usual.new(), [7]), packed.forward(packed.new(), [7]))


@pytest.mark.parametrize("kind", ["lean", "transformers"])
def test_reused_beginnings_change_nothing(tiny_folder: Path, kind: str) -> None:
    runner = LeanRunner(tiny_folder, 512) if kind == "lean" else load(tiny_folder, torch.float32)
    fresh, warm = (Engine(runner, budget=1000) for _ in range(2))
    long = (IDS * 12)[:120]
    with warm.run(long) as run:
        assert run.cached == 0
        run.feed([9, 8, 7])
    for ids in (long, [*long[:60], 5, 6, 7, 8, 9], [*long, 9, 8, 7, 6], [1, 2, 3]):
        with warm.run(ids) as run:
            want = fresh.logits(ids)
            fresh.forget()
            assert drift(run.logits, want) < (ROUNDED if kind == "lean" else 1e-3)
            if len(ids) > 3:
                assert run.cached >= 60
            else:
                assert run.cached == 0


def test_caches_stay_within_the_budget(tiny_folder: Path) -> None:
    engine = Engine(LeanRunner(tiny_folder, 512), budget=100)
    for start in range(8):
        engine.logits([start + 1, *IDS, *IDS, *IDS])
    assert sum(len(kept.ids) for kept in engine._kept) <= 100
    with engine.run([1, *IDS, *IDS, *IDS]) as run:
        assert run.cached == 0  # the oldest went first


def test_two_runs_at_once_do_not_mix(tiny_folder: Path) -> None:
    engine = Engine(LeanRunner(tiny_folder, 512), budget=1000)
    with engine.run(IDS) as one, engine.run([*IDS, 3]) as two:
        for token in (5, 6, 7):
            one.feed([token])
            two.feed([token])
        got = one.logits, two.logits
    for ids, logits in (([*IDS, 5, 6, 7], got[0]), ([*IDS, 3, 5, 6, 7], got[1])):
        engine.forget()
        assert drift(logits, engine.logits(ids)) < ROUNDED


def test_several_answers_in_one_pass_are_as_each_by_itself(tiny_folder: Path) -> None:
    runner = LeanRunner(tiny_folder, 512)
    prompts = [IDS, [*IDS, 3, 4], [7]]
    steps = [([5], 1), ([6, 7], 2), ([8], 1)]
    together, alone = [[runner.new() for _ in prompts] for _ in range(2)]
    for caches in (together, alone):
        for cache, ids in zip(caches, prompts, strict=True):
            runner.forward(cache, ids)
    parts = [(cache, ids, rows) for cache, (ids, rows) in zip(together, steps, strict=True)]
    for found, cache, (ids, rows) in zip(runner.forward_many(parts), alone, steps, strict=True):
        want = runner.forward(cache, ids, rows)
        assert found.shape == want.shape == (rows, runner.vocab_size)
        for one, other in zip(found, want, strict=True):
            assert drift(one, other) < 0.06
    assert [c.length for c in together] == [c.length for c in alone]


def test_stopping_during_a_long_prompt(tiny_folder: Path) -> None:
    engine = Engine(LeanRunner(tiny_folder, 2048), budget=4000)
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 1

    with pytest.raises(Cancelled), engine.run(IDS * 150, cancelled):
        pytest.fail("the prompt was computed to its end")
    assert len(asked) == 2
    assert engine.logits(IDS).shape == (320,)  # the turn was given back
