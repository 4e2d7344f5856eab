"""From a GGUF file to a folder that transformers loads in seconds: bf16 safetensors, config, tokenizer.

Tensor by tensor and a few rows at a time, so the memory needed is some tens of megabytes whatever the model's
size. The caller gives an empty folder and publishes it afterwards; nothing here is atomic by itself.
"""

import json
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from assistant.errors import WeightsError
from assistant.language import quant
from assistant.language.gguf_file import GgufFile, GgufTensor

Progress = Callable[[str, int, int | None], None]

_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_ARCHITECTURES = {"qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}
_CHUNK_VALUES = 4_000_000
_BYTES = {"BF16": 2, "F32": 4, "U8": 1, "I8": 1}
_CONTROL, _USER_DEFINED = 3, 4


def convert_gguf(source: Path, folder: Path, progress: Progress) -> None:
    """Fill ``folder``: model.safetensors (bf16), fast.safetensors (int4 and int8), config, tokenizer.

    Raises WeightsError for an architecture that isn't known; OSError (e.g. a full disk) passes through.
    """
    with GgufFile(source) as gguf:
        arch = gguf.fields.get("general.architecture")
        if arch not in _ARCHITECTURES:
            raise WeightsError(
                f"{source.name} holds a {arch!r} model, which can't be converted",
                f"use one of {', '.join(_ARCHITECTURES)}, or set CRM_ASSISTANT_CHAT_MODEL to a "
                "folder or id of a model in the Hugging Face layout",
            )
        tied = _is_tied(gguf)
        _write_json(folder / "config.json", _config(gguf, arch, tied))
        _write_json(
            folder / "generation_config.json",
            {"do_sample": False, "eos_token_id": _end_tokens(gguf), "pad_token_id": _pad_token(gguf)},
        )
        _write_tokenizer(gguf, folder)
        names = _tensor_names(gguf, tied)
        plain: list[quant.Spec] = [(name, "BF16", tensor.shape) for name, tensor in names.items()]
        fast = quant.plan(names, gguf.fields[f"{arch}.block_count"])
        first, second = _bytes_of(plain), _bytes_of(quant.specs(fast))

        def report(done: int) -> None:
            progress("convert", done, first + second)

        _write_tensors(folder / "model.safetensors", plain, _plain_blocks(gguf, names), report)
        _write_tensors(
            folder / "fast.safetensors",
            quant.specs(fast),
            quant.blocks(gguf, fast),
            lambda done: report(first + done),
        )


def _tensor_names(gguf: GgufFile, tied: bool) -> dict[str, GgufTensor]:
    """Name in the transformers layout -> tensor of the file.

    Where the output matrix is the embedding matrix quantised a second time (usually finer), only the finer
    copy is kept, as the embedding: nearer to the published weights, and one matrix less in memory.
    """
    names: dict[str, GgufTensor] = {}
    for name, tensor in gguf.tensors.items():
        parts = name.split(".")
        if parts[0] == "blk" and parts[2] in _LAYER:
            names[f"model.layers.{parts[1]}.{_LAYER[parts[2]]}.{parts[3]}"] = tensor
        elif parts[0] in _TOP:
            names[f"{_TOP[parts[0]]}.{parts[1]}"] = tensor
        else:
            raise WeightsError(
                f"{gguf.path.name} holds a tensor of an unknown name, {name!r}", "use another file"
            )
    if tied and "lm_head.weight" in names:
        head = names.pop("lm_head.weight")
        names["model.embed_tokens.weight"] = max(
            head, names["model.embed_tokens.weight"], key=lambda tensor: tensor.row_bytes
        )
    return names


def _is_tied(gguf: GgufFile) -> bool:
    """Whether input and output embeddings are one matrix: no second one, or equal but for quantisation."""
    if "output.weight" not in gguf.tensors:
        return True
    embedding, output = gguf.tensors["token_embd.weight"], gguf.tensors["output.weight"]
    if embedding.shape != output.shape:
        return False
    rows = min(256, embedding.rows)
    a, b = (gguf.dequantised(tensor, 0, rows).ravel() for tensor in (embedding, output))
    return float(a @ b) > 0.98 * float(np.linalg.norm(a) * np.linalg.norm(b))


def _config(gguf: GgufFile, arch: str, tied: bool) -> dict[str, Any]:
    def field(name: str, default: Any = None) -> Any:
        value = gguf.fields.get(f"{arch}.{name}", default)
        if value is None:
            raise WeightsError(f"{gguf.path.name} lacks {arch}.{name}", "use another file")
        return value

    heads, hidden = field("attention.head_count"), field("embedding_length")
    return {
        "architectures": [_ARCHITECTURES[arch]],
        "model_type": arch,
        "dtype": "bfloat16",
        "hidden_act": "silu",
        "hidden_size": hidden,
        "intermediate_size": field("feed_forward_length"),
        "num_hidden_layers": field("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": field("attention.head_count_kv", heads),
        "head_dim": field("attention.key_length", hidden // heads),
        "max_position_embeddings": field("context_length"),
        "rms_norm_eps": float(f"{field('attention.layer_norm_rms_epsilon', 1e-6):.3g}"),
        "rope_parameters": {"rope_theta": field("rope.freq_base", 10000.0), "rope_type": "default"},
        "tie_word_embeddings": tied,
        "vocab_size": gguf.tensors["token_embd.weight"].shape[0],
        "bos_token_id": gguf.fields.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": gguf.fields.get("tokenizer.ggml.eos_token_id"),
        "use_cache": True,
    }


def _end_tokens(gguf: GgufFile) -> list[int]:
    """Every token that ends an answer: the file's own, and the end-of-text mark where there is one."""
    tokens = gguf.fields["tokenizer.ggml.tokens"]
    ends = [gguf.fields["tokenizer.ggml.eos_token_id"]]
    for text in ("<|im_end|>", "<|endoftext|>"):
        if text in tokens and (at := tokens.index(text)) not in ends:
            ends.append(at)
    return ends


def _pad_token(gguf: GgufFile) -> int:
    return gguf.fields.get("tokenizer.ggml.padding_token_id", gguf.fields["tokenizer.ggml.eos_token_id"])


def _write_tokenizer(gguf: GgufFile, folder: Path) -> None:
    from tokenizers import AddedToken
    from transformers import Qwen2Tokenizer

    fields = gguf.fields
    if fields.get("tokenizer.ggml.model") != "gpt2":
        raise WeightsError(f"{gguf.path.name} has a tokenizer of an unknown kind", "use another file")
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    kinds: list[int] = fields.get("tokenizer.ggml.token_type", [1] * len(tokens))
    merges: Any = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    extra = {i for i, kind in enumerate(kinds) if kind in (_CONTROL, _USER_DEFINED)}
    tokenizer = Qwen2Tokenizer(
        vocab={token: i for i, token in enumerate(tokens)},
        merges=merges,
        eos_token=tokens[fields["tokenizer.ggml.eos_token_id"]],
        pad_token=tokens[_pad_token(gguf)],
        unk_token=None,  # type: ignore[arg-type]
        model_max_length=fields.get(f"{fields['general.architecture']}.context_length", 32768),
    )
    tokenizer.add_tokens(
        [
            AddedToken(tokens[i], special=kinds[i] == _CONTROL, normalized=False)
            for i in sorted(extra)
            if not tokens[i].startswith("[PAD")
        ]
    )
    if template := fields.get("tokenizer.chat_template"):
        tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)


def _write_tensors(
    path: Path, specs: Sequence[quant.Spec], blocks: Iterator[bytes], report: Callable[[int], None]
) -> None:
    """Stream tensors into one safetensors file: its header is known beforehand, so none waits in memory."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, kind, shape in specs:
        end = at + _BYTES[kind] * int(np.prod(shape, dtype=np.int64))
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    raw = json.dumps(header, separators=(",", ":")).encode()
    raw += b" " * (-(len(raw) + 8) % 64)
    done = 0
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        for block in blocks:
            file.write(block)
            done += len(block)
            report(done)
        file.flush()
        os.fsync(file.fileno())


def _bytes_of(specs: Sequence[quant.Spec]) -> int:
    return sum(_BYTES[kind] * int(np.prod(shape, dtype=np.int64)) for _, kind, shape in specs)


def _plain_blocks(gguf: GgufFile, names: dict[str, GgufTensor]) -> Iterator[bytes]:
    """The bf16 bytes of all tensors in order."""
    return quant.in_order(
        partial(_bf16, gguf, tensor, start, start + step)
        for tensor in names.values()
        for step in (max(1, _CHUNK_VALUES // tensor.shape[-1]),)
        for start in range(0, tensor.rows, step)
    )


def _bf16(gguf: GgufFile, tensor: GgufTensor, start: int, stop: int) -> bytes:
    return quant.bf16_bits(gguf.dequantised(tensor, start, stop)).tobytes()


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")
