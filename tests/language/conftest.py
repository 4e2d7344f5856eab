"""A tiny Qwen2 model as a GGUF file, made here: random weights, a byte-level tokenizer, a chat template."""

from pathlib import Path

import numpy as np
import pytest

from assistant.settings import Settings

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LAYERS, HIDDEN, INNER, HEADS, KV_HEADS, WIDTH = 2, 256, 512, 4, 2, 64


def q4_k_bytes(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Random but sensible Q4_K rows: 144 bytes for 256 weights of about 0.05."""
    blocks = rng.integers(0, 256, (rows * columns // 256, 144), dtype=np.uint8)
    blocks[:, 0:2] = np.full((len(blocks), 1), 0.0004, dtype=np.float16).view(np.uint8)
    blocks[:, 2:4] = np.full((len(blocks), 1), 0.003, dtype=np.float16).view(np.uint8)
    return blocks.reshape(rows, -1)


def byte_tokens() -> list[str]:
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())


def write_gguf(path: Path, seed: int = 0) -> Path:
    import gguf

    rng = np.random.default_rng(seed)
    letters = byte_tokens()
    merges = ["t h", "th e", "Ġ a", "e r", "i n", "o n"]
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokens = [*letters, *(merge.replace(" ", "") for merge in merges), *special]
    tokens += [f"[PAD{n}]" for n in range(len(tokens), 320)]
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_block_count(LAYERS)
    writer.add_context_length(2048)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types(
        [3 if token in special else 5 if token.startswith("[PAD") else 1 for token in tokens]
    )
    writer.add_token_merges(merges)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_chat_template(TEMPLATE)

    def plain(name: str, *shape: int, scale: float = 0.05, add: float = 0.0) -> None:
        writer.add_tensor(name, (rng.standard_normal(shape) * scale + add).astype(np.float32))

    def q4(name: str, rows: int, columns: int) -> None:
        raw = q4_k_bytes(rng, rows, columns)
        writer.add_tensor(name, raw, raw_dtype=gguf.GGMLQuantizationType.Q4_K)

    def q8(name: str, rows: int, columns: int) -> None:
        values = (rng.standard_normal((rows, columns)) * 0.05).astype(np.float32)
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)

    embedding = (rng.standard_normal((len(tokens), HIDDEN)) * 0.3).astype(np.float32)
    for name in ("token_embd.weight", "output.weight"):
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quantize(embedding, kind), raw_dtype=kind)
    plain("output_norm.weight", HIDDEN, add=1.0)
    for layer in range(LAYERS):
        at = f"blk.{layer}"
        plain(f"{at}.attn_norm.weight", HIDDEN, add=1.0)
        plain(f"{at}.ffn_norm.weight", HIDDEN, add=1.0)
        for part, rows in (("q", HEADS * WIDTH), ("k", KV_HEADS * WIDTH), ("v", KV_HEADS * WIDTH)):
            plain(f"{at}.attn_{part}.bias", rows, scale=0.02)
            (q8 if part == "v" and layer else q4)(f"{at}.attn_{part}.weight", rows, HIDDEN)
        q4(f"{at}.attn_output.weight", HIDDEN, HEADS * WIDTH)
        q4(f"{at}.ffn_gate.weight", INNER, HIDDEN)
        q4(f"{at}.ffn_up.weight", INNER, HIDDEN)
        (q8 if layer else q4)(f"{at}.ffn_down.weight", HIDDEN, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="session")
def tiny_folder(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from assistant.language.convert import convert_gguf

    folder = tmp_path_factory.mktemp("tiny")
    convert_gguf(tiny_gguf, folder, lambda *_: None)
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, weights=tmp_path / "weights", context_tokens=512, answer_tokens=16)
