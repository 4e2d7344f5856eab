"""The Qwen2 architecture on a CPU with as little as possible between the weights and the answer.

Many rows at once (a prompt, or the next tokens of several answers) are rounded to int8, each row with a scale of its
own, and multiplied with int8 weights by oneDNN, on the CPU's AMX units where it has them (LLM.int8 without its
outliers: arXiv:2208.07339; what it costs is measured by ``scripts/bench_language.py``). Few rows (an answer, token by
token) stay in bf16 and meet weights of 4 and 8 bits, which is the least memory traffic. Caches are preallocated,
projections of one input are one product. Same interface as ``engine.TransformersRunner``.
"""

import ctypes
import json
import os
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch.nn import functional

from assistant.errors import WeightsError
from assistant.language import device, quant
from assistant.language.caches import Cache, CachingRunner

# At so many rows the int4 kernel is no slower than oneDNN's products; at 16 it is several times slower.
_FEW_ROWS = 4
# Reading the weights is what a product of so many rows costs.
_SHARED_ROWS = 32
# The rows of one AMX tile: a product whose last tile is not full takes up to a sixth longer than with a full one.
_TILE_ROWS = 16
# So many words of the vocabulary get exact logits.
_SURE = 64
_READERS = 2


_Parts = list[tuple[torch.Tensor, torch.Tensor]]


class _Packed:
    """An int8 matrix in oneDNN's own blocks: (rows, K) bf16 in, (rows, N) bf16 out."""

    def __init__(self, weights: torch.Tensor, scales: torch.Tensor) -> None:
        self._weights, self._scales = weights, scales
        self._zeros = torch.zeros(scales.shape[0], dtype=torch.int64)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        # bf16 without its sign orders as the integer of the same bits, whose maximum is found in half the time
        largest = (x.view(torch.int16) & 0x7FFF).amax(1, keepdim=True).view(torch.bfloat16)
        # over 126.4, so that a scale rounded to bf16 still leaves nothing beyond 127
        scale = largest.mul_(1 / 126.4).clamp_(min=1e-12)
        rows = x.shape[0]
        rounded = torch.zeros((-(-rows // _TILE_ROWS) * _TILE_ROWS, x.shape[1]), dtype=torch.int8)
        rounded[:rows] = (x / scale).round_()
        product: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
            rounded,
            1.0,
            0,
            self._weights,
            self._scales,
            self._zeros,
            None,
            1.0,
            0,
            torch.bfloat16,
            "none",
            [],
            "",
        )
        return product[:rows].mul_(scale)


class _Linear:
    """One matrix: int8 or parts in bf16 for many rows; for few the int4 and int8 parts ``names``, which are ``later``
    ready. Parts are stacked on the output."""

    later: Future[_Parts]

    def __init__(
        self, names: Sequence[str], many: _Packed | None = None, dense: Sequence[torch.Tensor] = ()
    ) -> None:
        self.names, self._many, self._dense = names, many, dense

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] <= _FEW_ROWS:
            parts = [_few(x, weights, scales) for weights, scales in self._fast]
        elif self._many is not None:
            return self._many(x)
        else:
            parts = [functional.linear(x, weights) for weights in self._dense]
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)

    @cached_property
    def _fast(self) -> _Parts:
        return self.later.result()


class _Head:
    """Logits, float32 (rows, vocabulary). For few rows in int4, and those that may win once more in bf16: in 3,120
    places of our own articles the best was always among int4's first eight."""

    def __init__(self, weights: torch.Tensor, scales: torch.Tensor, dense: torch.Tensor) -> None:
        self._weights, self._scales, self._dense = weights, scales, dense

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] > _FEW_ROWS:
            return functional.linear(x, self._dense).float()
        logits = _few(x, self._weights, self._scales).float()
        if self._weights.dtype is not torch.int8:
            best = logits.topk(_SURE, sorted=False).indices
            logits.scatter_(1, best, (self._dense[best] @ x[:, :, None]).squeeze(2).float())
        return logits


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

    cache: Cache
    rows: slice
    start: int
    end: int
    mask: torch.Tensor | None


class LeanRunner(CachingRunner):
    """A Qwen2 model of a converted folder on the CPU in bf16 and int4. ``folder`` holds ``fast.safetensors``."""

    few_rows, shared_rows = _FEW_ROWS, _SHARED_ROWS

    def __init__(self, folder: Path, context_tokens: int) -> None:
        config = json.loads((folder / "config.json").read_text())
        self.vocab_size = int(config["vocab_size"])
        self._heads, self._kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
        self._width = config["head_dim"]
        layers, like = config["num_hidden_layers"], torch.empty(0, dtype=torch.bfloat16)
        super().__init__(layers, self._kv_heads, self._width, context_tokens, like)
        self._eps = config["rms_norm_eps"]
        plain, fast = (_WeightsFile(folder / f"{name}.safetensors") for name in ("model", "fast"))
        self._names = fast.names
        self._repack = not _layout_fits()
        self._embedding = plain.mapped("model.embed_tokens.weight")
        self._norm_out = plain.tensor("model.norm.weight")
        head = plain.tensor("lm_head.weight") if "lm_head.weight" in plain.names else self._embedding
        # The first token needs what many rows are multiplied with, and the head; what the further ones need is read
        # while the prompt is computed.
        with ThreadPoolExecutor(_READERS) as pool:
            self._layers = list(pool.map(lambda n: self._layer(plain, fast, n), range(layers)))
        self._head = _Head(*self._fast(fast, "lm_head"), head)
        behind = ThreadPoolExecutor(1, "weights")
        for layer in self._layers:
            for linear in (layer.qkv, layer.out, layer.gate_up, layer.down):
                linear.later = behind.submit(self._parts, fast, linear.names)
        behind.shutdown(wait=False)
        theta = config["rope_parameters"]["rope_theta"]
        powers = 1.0 / theta ** (torch.arange(0, self._width, 2, dtype=torch.float32) / self._width)
        angles = torch.outer(torch.arange(context_tokens + 1, dtype=torch.float32), powers).repeat(1, 2)
        self._cos, self._sin = angles.cos().bfloat16(), angles.sin().bfloat16()
        self._sin[:, : self._width // 2] *= -1  # the sign of rotate_half, once

    def forward(self, cache: Cache, ids: Sequence[int], rows: int = 1) -> torch.Tensor:
        return self.forward_many([(cache, ids, rows)])[0]

    @torch.inference_mode()
    def forward_many(self, parts: Sequence[tuple[Cache, Sequence[int], int]]) -> list[torch.Tensor]:
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
            if layer is self._layers[-1]:  # nothing reads its other rows
                x, mixed = (
                    torch.cat(
                        [whole[span.rows][-rows:] for span, (_, _, rows) in zip(spans, parts, strict=True)]
                    )
                    for whole in (x, mixed)
                )
            x = x + layer.out(mixed)
            gate, up = layer.gate_up(self._norm(x, layer.norm_mid)).chunk(2, 1)
            x = x + layer.down(functional.silu(gate) * up)
        for span in spans:
            span.cache.length = span.end
        logits = self._head(self._norm(x, self._norm_out))
        return list(logits.split([min(rows, len(ids)) for _, ids, rows in parts]))

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

    def _layer(self, plain: "_WeightsFile", fast: "_WeightsFile", number: int) -> _Layer:
        at = f"model.layers.{number}"

        def linear(whole: str, *parts: str) -> _Linear:
            names = [whole] if f"{at}.{whole}.q4" in self._names else parts
            names = [f"{at}.{name}" for name in names]
            if (many := fast.packed(f"{at}.{whole}")) is not None:
                return _Linear(names, many)
            return _Linear(names, dense=[plain.tensor(f"{at}.{part}.weight") for part in parts])

        biases = [f"{at}.self_attn.{part}_proj.bias" for part in "qkv"]
        return _Layer(
            norm_in=plain.tensor(f"{at}.input_layernorm.weight"),
            norm_mid=plain.tensor(f"{at}.post_attention_layernorm.weight"),
            bias=torch.cat([plain.tensor(name) for name in biases]) if biases[0] in plain.names else None,
            qkv=linear("self_attn.qkv", *(f"self_attn.{part}_proj" for part in "qkv")),
            out=linear("self_attn.o_proj", "self_attn.o_proj"),
            gate_up=linear("mlp.gate_up", "mlp.gate_proj", "mlp.up_proj"),
            down=linear("mlp.down_proj", "mlp.down_proj"),
        )

    def _parts(self, fast: "_WeightsFile", names: Sequence[str]) -> _Parts:
        return [self._fast(fast, name) for name in names]

    def _fast(self, fast: "_WeightsFile", name: str) -> tuple[torch.Tensor, torch.Tensor]:
        if f"{name}.q8" in self._names:
            return fast.tensor(f"{name}.q8"), fast.tensor(f"{name}.s8")
        weights = fast.tensor(f"{name}.q4")
        if self._repack:
            plain = torch.from_numpy(quant.unpack_int4(weights.numpy()).astype(np.int32))
            weights = torch.ops.aten._convert_weight_to_int4pack_for_cpu(plain, 1)
        return weights, fast.tensor(f"{name}.sz")


class _WeightsFile:
    """Tensors of a safetensors file, read straight into their memory: a map of the file, as safetensors reads, costs a
    page fault for every 4 kB. Safe to share between threads."""

    _KINDS: ClassVar = {"BF16": torch.bfloat16, "F32": torch.float32, "I8": torch.int8, "U8": torch.uint8}

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shells: dict[tuple[int, int], torch.Tensor] = {}
        self._mutex = threading.Lock()
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        size = int.from_bytes(os.pread(self._file, 8, 0), "little")
        self._start = 8 + size
        try:
            self._entries = json.loads(os.pread(self._file, min(size, path.stat().st_size), 8))
        except ValueError as error:
            raise self._damaged("has no list of its tensors") from error
        self.names = set(self._entries)

    def _damaged(self, how: str) -> WeightsError:
        return WeightsError(f"{self._path} {how}", f"delete it to make it anew: rm -r '{self._path.parent}'")

    @cached_property
    def _fits(self) -> bool:
        return _packs_alike()

    def tensor(self, name: str) -> torch.Tensor:
        kind, shape, begin, end = self._entry(name)
        found = torch.empty(shape, dtype=kind)
        self._into(found.data_ptr(), begin, end)
        return found

    def mapped(self, name: str) -> torch.Tensor:
        """The same of bf16, of which only the rows that are used are ever read."""
        _, shape, begin, _ = self._entry(name)
        # private to this process, and nobody writes
        bits = np.memmap(self._path, dtype=np.int16, mode="c", offset=self._start + begin, shape=shape)
        return torch.from_numpy(bits).view(torch.bfloat16)

    def packed(self, name: str) -> _Packed | None:
        """A matrix in oneDNN's blocks; None where the file doesn't have it or this CPU wants other blocks."""
        if not self._fits or f"{name}.p8" not in self.names:
            return None
        scales = self.tensor(f"{name}.ps")
        _, _, begin, end = self._entry(f"{name}.p8")
        rows = scales.shape[0]
        shape = rows, (end - begin) // rows - 4
        with self._mutex:
            if (
                shape not in self._shells
            ):  # oneDNN takes long to pack, and a copy of a packed matrix is packed alike
                self._shells[shape] = torch.ops.onednn.qlinear_prepack(
                    torch.zeros(shape, dtype=torch.int8), None
                )
        weights = self._shells[shape].clone()
        self._into(torch.ops.mkldnn.data_ptr(weights), begin, end)
        return _Packed(weights, scales)

    def _entry(self, name: str) -> tuple[torch.dtype, tuple[int, ...], int, int]:
        try:
            entry = self._entries[name]
            return self._KINDS[entry["dtype"]], tuple(entry["shape"]), *entry["data_offsets"]
        except (KeyError, TypeError) as error:
            raise self._damaged(f"has no {name}, or not as it should be") from error

    def _into(self, address: int, begin: int, end: int) -> None:
        view = memoryview((ctypes.c_char * (end - begin)).from_address(address)).cast("B")
        done = 0
        while done < len(view):
            if not (got := os.preadv(self._file, [view[done:]], self._start + begin + done)):
                raise self._damaged("is shorter than it says")
            done += got


def can_run(folder: Path) -> bool:
    """Whether this folder and this machine are what ``LeanRunner`` is made for."""
    if device.accelerator() != "cpu" or not device.fast_bf16() or not (folder / "fast.safetensors").is_file():
        return False
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError):  # whoever reads the folder for its tokenizer says what is wrong with it
        return False
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


def _packs_alike() -> bool:
    """Whether oneDNN packs int8 weights here as the file does; so it is on CPUs with AMX."""
    rows, columns = 2 * quant.BLOCK_ROWS, 2 * quant.BLOCK_COLUMNS
    q = (np.arange(rows * columns, dtype=np.int64) * 89 % 251 - 125).astype(np.int8).reshape(rows, columns)
    ours = quant.pack_int8(q).tobytes() + (-q.sum(axis=1, dtype=np.int32)).tobytes()
    theirs = torch.ops.onednn.qlinear_prepack(torch.from_numpy(q), None)
    size = torch.ops.mkldnn._nbytes(theirs)
    return size == len(ours) and ctypes.string_at(torch.ops.mkldnn.data_ptr(theirs), size) == ours
