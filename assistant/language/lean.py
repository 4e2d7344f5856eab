"""The Qwen2 architecture on a CPU with as little as possible between the weights and the answer.

Many rows at once (a prompt) go through the bf16 weights and oneDNN; few rows (an answer, token by token) go through
the same weights in 4 and 8 bits, which is a third of the memory traffic. Weights are mapped from disk, caches are
preallocated, projections of one input are one product. Same interface as ``engine.TransformersRunner``.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from assistant.language import device, quant

# At so many rows the int4 kernel still beats oneDNN's bf16 product; at 16 it is several times slower.
_FEW_ROWS = 4
_GROW = 512


@dataclass
class _Cache:
    keys: torch.Tensor  # (layers, heads, room, width) bf16
    values: torch.Tensor
    length: int = 0


class _Linear:
    """One matrix: parts in bf16 for many rows; int4 and int8 parts for few rows. Parts are stacked on the output."""

    def __init__(self, dense: list[torch.Tensor], fast: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        self._dense = dense
        self._fast = fast

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] <= _FEW_ROWS or not self._dense:
            parts = [_few(x, weights, scales) for weights, scales in self._fast]
        else:
            parts = [functional.linear(x, weights) for weights in self._dense]
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


def _few(x: torch.Tensor, weights: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    if weights.dtype is torch.int8:
        return torch.ops.aten._weight_int8pack_mm(x, weights, scales)
    return torch.ops.aten._weight_int4pack_mm_for_cpu(x, weights, quant.GROUP, scales)


@dataclass
class _Layer:
    norm_in: torch.Tensor
    norm_mid: torch.Tensor
    bias: torch.Tensor | None
    qkv: _Linear
    out: _Linear
    gate_up: _Linear
    down: _Linear


@dataclass
class _Span:
    """The rows of one cache in a pass over several: positions ``start`` to ``end``."""

    cache: _Cache
    rows: slice
    start: int
    end: int
    mask: torch.Tensor | None


class LeanRunner:
    """A Qwen2 model of a converted folder on the CPU in bf16 and int4. ``folder`` holds ``fast.safetensors``."""

    few_rows = _FEW_ROWS

    def __init__(self, folder: Path, context_tokens: int) -> None:
        from safetensors import safe_open

        config = json.loads((folder / "config.json").read_text())
        self.vocab_size = int(config["vocab_size"])
        self._heads, self._kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
        self._width = config["head_dim"]
        self._eps = config["rms_norm_eps"]
        with (
            safe_open(folder / "model.safetensors", "pt") as plain,
            safe_open(folder / "fast.safetensors", "pt") as fast,
        ):
            self._names = set(fast.keys())
            self._repack = not _layout_fits()
            self._embedding = plain.get_tensor("model.embed_tokens.weight")
            self._norm_out = plain.get_tensor("model.norm.weight")
            self._head = _Linear([], [self._fast(fast, "lm_head")])
            self._layers = [self._layer(plain, fast, number) for number in range(config["num_hidden_layers"])]
        theta = config["rope_parameters"]["rope_theta"]
        powers = 1.0 / theta ** (torch.arange(0, self._width, 2, dtype=torch.float32) / self._width)
        angles = torch.outer(torch.arange(context_tokens + 1, dtype=torch.float32), powers).repeat(1, 2)
        self._cos, self._sin = angles.cos().bfloat16(), angles.sin().bfloat16()
        self._sin[:, : self._width // 2] *= -1  # the sign of rotate_half, once

    def new(self) -> _Cache:
        shape = (len(self._layers), self._kv_heads, 0, self._width)
        return _Cache(torch.empty(shape, dtype=torch.bfloat16), torch.empty(shape, dtype=torch.bfloat16))

    def copy(self, cache: _Cache, length: int) -> _Cache:
        fresh = self.new()
        self._make_room(fresh, length)
        fresh.keys[:, :, :length] = cache.keys[:, :, :length]
        fresh.values[:, :, :length] = cache.values[:, :, :length]
        fresh.length = length
        return fresh

    def cut(self, cache: _Cache, length: int) -> None:
        cache.length = min(cache.length, length)

    def forward(self, cache: _Cache, ids: Sequence[int], rows: int = 1) -> torch.Tensor:
        return self.forward_many([(cache, ids, rows)])[0]

    @torch.inference_mode()
    def forward_many(self, parts: Sequence[tuple[_Cache, Sequence[int], int]]) -> list[torch.Tensor]:
        """``forward`` for several caches in one pass: the weights are read once, each cache attends by itself."""
        spans: list[_Span] = []
        for cache, ids, _ in parts:
            end = cache.length + len(ids)
            self._make_room(cache, end)
            mask = None
            if len(ids) > 1 and cache.length:
                mask = torch.ones(len(ids), end, dtype=torch.bool).tril(cache.length)
            at = spans[-1].rows.stop if spans else 0
            spans.append(_Span(cache, slice(at, at + len(ids)), cache.length, end, mask))
        place = torch.cat([torch.arange(span.start, span.end) for span in spans])
        cos, sin = self._cos[place].unsqueeze(1), self._sin[place].unsqueeze(1)
        x = self._embedding[torch.tensor([id for _, ids, _ in parts for id in ids])]
        for number, layer in enumerate(self._layers):
            mixed = self._attend(layer, self._norm(x, layer.norm_in), spans, number, cos, sin)
            x = x + layer.out(mixed)
            gate, up = layer.gate_up(self._norm(x, layer.norm_mid)).chunk(2, 1)
            x = x + layer.down(functional.silu(gate) * up)
        for span in spans:
            span.cache.length = span.end
        wanted = [x[span.rows][-rows:] for span, (_, _, rows) in zip(spans, parts, strict=True)]
        logits = self._head(self._norm(torch.cat(wanted), self._norm_out)).float()
        return list(logits.split([len(part) for part in wanted]))

    def _attend(
        self,
        layer: _Layer,
        x: torch.Tensor,
        spans: Sequence["_Span"],
        number: int,
        cos: torch.Tensor,
        sin: torch.Tensor,
    ) -> torch.Tensor:
        heads, kv_heads, width = self._heads, self._kv_heads, self._width
        qkv = layer.qkv(x)
        if layer.bias is not None:
            qkv += layer.bias
        qkv = qkv.view(x.shape[0], heads + 2 * kv_heads, width)
        both = qkv[:, : heads + kv_heads]
        both = both * cos + both.roll(width // 2, 2) * sin
        found = []
        for span in spans:
            turned, start, end = both[span.rows], span.start, span.end
            rows = end - start
            keys, values = span.cache.keys[number, :, :end], span.cache.values[number, :, :end]
            keys[:, start:] = turned[:, heads:].transpose(0, 1)
            values[:, start:] = qkv[span.rows, heads + kv_heads :].transpose(0, 1)
            if rows == 1:  # the query heads that share a key are as many queries of one
                query = turned[0, :heads].view(1, kv_heads, heads // kv_heads, width)
                one = functional.scaled_dot_product_attention(query, keys[None], values[None])
                found.append(one.reshape(1, heads * width))
                continue
            query = turned[:, :heads].transpose(0, 1)[None]
            many = functional.scaled_dot_product_attention(
                query,
                keys[None],
                values[None],
                attn_mask=span.mask,
                is_causal=span.mask is None,
                enable_gqa=True,
            )
            found.append(many[0].transpose(0, 1).reshape(rows, heads * width))
        return found[0] if len(found) == 1 else torch.cat(found)

    def _norm(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        if x.shape[0] > _FEW_ROWS:
            return functional.rms_norm(x, (x.shape[-1],), weight, self._eps)
        # the same in fewer and smaller steps: for one row rms_norm takes longer than the query's product
        mean = (
            torch.linalg.vector_norm(x, dim=1, keepdim=True, dtype=torch.float32).square_().div_(x.shape[1])
        )
        return (x * mean.add_(self._eps).rsqrt_()).bfloat16().mul_(weight)

    def _make_room(self, cache: _Cache, length: int) -> None:
        room = cache.keys.shape[2]
        if length > self._cos.shape[0]:
            raise ValueError(f"{length} tokens are more than the context of {self._cos.shape[0] - 1}")
        if length <= room:
            return
        more = -(-length // _GROW) * _GROW
        for name in ("keys", "values"):
            old = getattr(cache, name)
            grown = old.new_empty(old.shape[0], old.shape[1], more, old.shape[3])
            grown[:, :, : cache.length] = old[:, :, : cache.length]
            setattr(cache, name, grown)

    def _layer(self, plain: Any, fast: Any, number: int) -> _Layer:
        at = f"model.layers.{number}"

        def linear(whole: str, *parts: str) -> _Linear:
            dense = [plain.get_tensor(f"{at}.{part}.weight") for part in parts]
            names = [whole] if f"{at}.{whole}.q4" in self._names else list(parts)
            return _Linear(dense, [self._fast(fast, f"{at}.{name}") for name in names])

        biases = [f"{at}.self_attn.{part}_proj.bias" for part in "qkv"]
        has_bias = biases[0] in plain.keys()  # noqa: SIM118
        return _Layer(
            norm_in=plain.get_tensor(f"{at}.input_layernorm.weight"),
            norm_mid=plain.get_tensor(f"{at}.post_attention_layernorm.weight"),
            bias=torch.cat([plain.get_tensor(name) for name in biases]) if has_bias else None,
            qkv=linear("self_attn.qkv", *(f"self_attn.{part}_proj" for part in "qkv")),
            out=linear("self_attn.o_proj", "self_attn.o_proj"),
            gate_up=linear("mlp.gate_up", "mlp.gate_proj", "mlp.up_proj"),
            down=linear("mlp.down_proj", "mlp.down_proj"),
        )

    def _fast(self, fast: Any, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        if f"{name}.q8" in self._names:
            return fast.get_tensor(f"{name}.q8"), fast.get_tensor(f"{name}.s8")
        weights = fast.get_tensor(f"{name}.q4")
        if self._repack:
            plain = torch.from_numpy(quant.unpack_int4(weights.numpy()).astype(np.int32))
            weights = torch.ops.aten._convert_weight_to_int4pack_for_cpu(plain, 1)
        return weights, fast.get_tensor(f"{name}.sz")


def can_run(folder: Path) -> bool:
    """Whether this folder and this machine are what ``LeanRunner`` is made for."""
    if device.accelerator() != "cpu" or not device.fast_bf16() or not (folder / "fast.safetensors").is_file():
        return False
    config = json.loads((folder / "config.json").read_text())
    return config.get("model_type") == "qwen2" and not config.get("use_sliding_window")


def _layout_fits() -> bool:
    """Whether this CPU's kernel packs int4 as the file does (AVX-512); else it is packed anew while loading."""
    q = (
        np.arange(2 * quant.BLOCK_ROWS * quant.GROUP, dtype=np.int32).reshape(2 * quant.BLOCK_ROWS, -1)
        * 7
        % 16
    )
    theirs = torch.ops.aten._convert_weight_to_int4pack_for_cpu(torch.from_numpy(q), 1)
    return bool((theirs.numpy() == quant.pack_int4(q.astype(np.uint8))).all())
