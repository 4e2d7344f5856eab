"""A GGUF's weights laid out for torch's CPU kernels: ``fast.safetensors`` beside the bf16 weights.

For few rows (an answer's tokens) the file's own blocks, regrouped:

Q4_K stores 4-bit numbers q in groups of 32 with a scale and a minimum, w = scale*q - minimum. That is the form of
``aten._weight_int4pack_mm_for_cpu`` with groups of 32, w = (q - 8)*scale + zero, so the numbers are carried over as
they are and only scale and zero are rounded to bf16. The head, whose best few rows are multiplied again in bf16, is
rounded to the same form whatever its type. Every other matrix becomes int8 with one scale per row, for
``aten._weight_int8pack_mm``.

For many rows (a prompt, or several answers at once) int8 with one scale per row, for oneDNN's product of int8 by
int8 (``onednn.qlinear_pointwise``), in the blocks that it makes of weights on CPUs with AMX: half of bf16's bytes
and more than twice its speed.

Tensors: ``NAME.q4`` uint8 (N, K/2) in blocks of 64 rows as the AVX-512 kernel wants them, ``NAME.sz`` bf16
(K/32, N, 2); ``NAME.q8`` int8 (N, K), ``NAME.s8`` bf16 (N); ``NAME.p8`` int8 (N*K + 4*N), ``NAME.ps`` float32 (N).
Query, key and value of a layer are one matrix where all are Q4_K and in ``p8``, likewise gate and up.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from assistant.language.gguf_file import GgufFile, GgufTensor

GROUP, BLOCK_ROWS, BLOCK_COLUMNS = 32, 64, 64
_Q4_K = 12
_CHUNK_ROWS = 2048
_Made = TypeVar("_Made")
Spec = tuple[str, str, tuple[int, ...]]  # name, dtype of safetensors, shape


@dataclass(frozen=True)
class FastPlan:
    """Which tensors make which matrix: ``int4[name]`` and ``packed[name]`` are stacked, ``int8[name]`` is one.

    ``head`` is rounded to int4, or None where its rows don't fit.
    """

    head: GgufTensor | None
    int4: dict[str, list[GgufTensor]]
    int8: dict[str, GgufTensor]
    packed: dict[str, list[GgufTensor]]


def plan(names: Mapping[str, GgufTensor], layers: int) -> FastPlan:
    """The fast matrices of a model whose tensors are ``names`` (transformers' names)."""
    int4: dict[str, list[GgufTensor]] = {}
    packed: dict[str, list[GgufTensor]] = {}
    head = names["lm_head.weight" if "lm_head.weight" in names else "model.embed_tokens.weight"]
    fits = _fits_packed(head)
    singles = {} if fits else {"lm_head": head}
    for layer in range(layers):
        attention, mlp = f"model.layers.{layer}.self_attn", f"model.layers.{layer}.mlp"
        groups = {
            f"{attention}.qkv": [f"{attention}.{part}_proj" for part in "qkv"],
            f"{attention}.o_proj": [f"{attention}.o_proj"],
            f"{mlp}.gate_up": [f"{mlp}.gate_proj", f"{mlp}.up_proj"],
            f"{mlp}.down_proj": [f"{mlp}.down_proj"],
        }
        for name, parts in groups.items():
            tensors = [names[f"{part}.weight"] for part in parts]
            if all(_fits_packed(tensor) for tensor in tensors):
                packed[name] = tensors
            if all(_fits_int4(tensor) for tensor in tensors):
                int4[name] = tensors
                continue
            for part, tensor in zip(parts, tensors, strict=True):
                if _fits_int4(tensor):
                    int4[part] = [tensor]
                else:
                    singles[part] = tensor
    return FastPlan(head if fits else None, int4, singles, packed)


def specs(fast: FastPlan) -> list[Spec]:
    """Names, types and shapes in the order of ``blocks``."""
    found: list[Spec] = []
    for name, tensors in {**({"lm_head": [fast.head]} if fast.head else {}), **fast.int4}.items():
        rows, columns = sum(tensor.rows for tensor in tensors), tensors[0].shape[-1]
        found.append((f"{name}.q4", "U8", (rows, columns // 2)))
        found.append((f"{name}.sz", "BF16", (columns // GROUP, rows, 2)))
    for name, tensor in fast.int8.items():
        found.append((f"{name}.q8", "I8", tensor.shape))
        found.append((f"{name}.s8", "BF16", (tensor.rows,)))
    for name, tensors in fast.packed.items():
        rows, columns = sum(tensor.rows for tensor in tensors), tensors[0].shape[-1]
        found.append((f"{name}.p8", "I8", (rows * columns + 4 * rows,)))
        found.append((f"{name}.ps", "F32", (rows,)))
    return found


def blocks(gguf: GgufFile, fast: FastPlan) -> Iterator[bytes]:
    """The bytes of all tensors of ``specs``, in order."""
    if fast.head is not None:
        scales, zeros = [], []
        for q, scale, zero in in_order(_chunks(int4_rows, gguf, [fast.head])):
            scales.append(scale)
            zeros.append(zero)
            yield pack_int4(q).tobytes()
        yield _int4_scales(np.concatenate(scales), np.concatenate(zeros))
    yield from in_order(partial(_int4_bytes, gguf, tensors) for tensors in fast.int4.values())
    for tensor in fast.int8.values():
        scale_bits = []
        for q8, bits in in_order(_chunks(int8_rows, gguf, [tensor])):
            scale_bits.append(bits)
            yield q8.tobytes()
        yield np.concatenate(scale_bits).tobytes()
    for tensors in fast.packed.values():
        sums, scale_bits = [], []
        for q8, bits in in_order(_chunks(int8_rows, gguf, tensors)):
            sums.append(-q8.sum(axis=1, dtype=np.int32))
            scale_bits.append(bits)
            yield pack_int8(q8).tobytes()
        yield np.concatenate(sums).tobytes()
        yield (np.concatenate(scale_bits).astype(np.uint32) << np.uint32(16)).tobytes()


def in_order(jobs: Iterable[Callable[[], _Made]]) -> Iterator[_Made]:
    """What the jobs make, one after the other, made by a few threads with at most a few results ahead."""
    workers = min(4, os.cpu_count() or 1)
    waiting: deque[Future[_Made]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for job in jobs:
                waiting.append(pool.submit(job))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _int4_bytes(gguf: GgufFile, tensors: list[GgufTensor]) -> bytes:
    parts = [q4_k_groups(gguf.raw(tensor)) for tensor in tensors]
    q, scales, zeros = (np.concatenate(same) for same in zip(*parts, strict=True))
    return pack_int4(q).tobytes() + _int4_scales(scales, zeros)


def _int4_scales(scales: np.ndarray, zeros: np.ndarray) -> bytes:
    return bf16_bits(np.stack([scales.T, zeros.T], axis=-1)).tobytes()


def _chunks(
    rounded: Callable[[np.ndarray], _Made], gguf: GgufFile, tensors: list[GgufTensor]
) -> Iterator[Callable[[], _Made]]:
    def rows(tensor: GgufTensor, start: int) -> _Made:
        return rounded(gguf.dequantised(tensor, start, start + _CHUNK_ROWS))

    for tensor in tensors:
        for start in range(0, tensor.rows, _CHUNK_ROWS):
            yield partial(rows, tensor, start)


def q4_k_groups(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Q4_K rows (N, bytes) to q uint8 (N, K) in 0..15, scales and zeros float32 (N, K/32): w = (q-8)*scale + zero."""
    from gguf.quants import Q4_K

    rows = raw.shape[0]
    block = np.ascontiguousarray(raw).reshape(-1, 144)
    d, dmin = (
        np.ascontiguousarray(block[:, at : at + 2]).view(np.float16).astype(np.float32) for at in (0, 2)
    )
    scale_bits, minimum_bits = Q4_K.get_scale_min(block[:, 4:16])
    scales = d * scale_bits.reshape(-1, 8).astype(np.float32)
    minima = dmin * minimum_bits.reshape(-1, 8).astype(np.float32)
    halves = block[:, 16:].reshape(-1, 4, 1, 32) >> np.array([0, 4], dtype=np.uint8).reshape(1, 1, 2, 1)
    q = (halves & np.uint8(15)).reshape(rows, -1)
    return q, scales.reshape(rows, -1), (8 * scales - minima).reshape(rows, -1)


def pack_int4(q: np.ndarray) -> np.ndarray:
    """uint8 (N, K) in 0..15, N a multiple of 64, to (N, K/2): 64 rows side by side, rows j and j+32 in one byte."""
    rows, columns = q.shape
    turned = q.reshape(rows // BLOCK_ROWS, BLOCK_ROWS, columns).transpose(0, 2, 1)
    half = BLOCK_ROWS // 2
    return np.ascontiguousarray(turned[..., half:] << np.uint8(4) | turned[..., :half]).reshape(
        rows, columns // 2
    )


def unpack_int4(packed: np.ndarray) -> np.ndarray:
    """The inverse of ``pack_int4``."""
    rows, half_columns = packed.shape
    turned = packed.reshape(rows // BLOCK_ROWS, 2 * half_columns, BLOCK_ROWS // 2)
    both = np.concatenate([turned & np.uint8(15), turned >> np.uint8(4)], axis=-1)
    return np.ascontiguousarray(both.transpose(0, 2, 1)).reshape(rows, 2 * half_columns)


def pack_int8(q: np.ndarray) -> np.ndarray:
    """int8 (N, K), both multiples of 64, in oneDNN's ``BA16a64b4a``: blocks of 64 rows by 64 columns, each with four
    columns of all its rows side by side. Behind the whole matrix belongs minus the sum of each row, as int32."""
    rows, columns = q.shape
    blocks = q.reshape(rows // BLOCK_ROWS, BLOCK_ROWS, columns // BLOCK_COLUMNS, BLOCK_COLUMNS // 4, 4)
    return np.ascontiguousarray(blocks.transpose(0, 2, 3, 1, 4))


def int4_rows(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """float32 (N, K) to what ``q4_k_groups`` returns, rounded to the nearest of 16 steps between a group's ends."""
    groups = values.reshape(len(values), -1, GROUP)
    low, high = groups.min(axis=2), groups.max(axis=2)
    scales = _as_bf16(np.where(high > low, (high - low) / 15, 1.0))
    zeros = _as_bf16(low + 8 * scales)
    q = np.rint((groups - zeros[..., None]) / scales[..., None]) + 8
    return np.clip(q, 0, 15).astype(np.uint8).reshape(values.shape), scales, zeros


def int8_rows(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32 (N, K) to int8 (N, K) and the bf16 bits of one scale per row, rounded so that nothing overflows."""
    top = np.abs(values).max(axis=1)
    scales = _as_bf16(np.where(top > 0, top / 126.0, 1.0))
    bits = bf16_bits(scales)
    return np.clip(np.rint(values / scales[:, None]), -127, 127).astype(np.int8), bits


def bf16_bits(values: np.ndarray) -> np.ndarray:
    """float32 rounded to bf16 (nearest, ties to even), as uint16."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    rounded = bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))
    return (rounded >> np.uint32(16)).astype("<u2")


def _as_bf16(values: np.ndarray) -> np.ndarray:
    """float32 numbers that are bf16's."""
    return (bf16_bits(values).astype(np.uint32) << np.uint32(16)).view(np.float32)


def _fits_packed(tensor: GgufTensor) -> bool:
    return tensor.rows % BLOCK_ROWS == 0 and tensor.shape[-1] % BLOCK_COLUMNS == 0


def _fits_int4(tensor: GgufTensor) -> bool:
    return tensor.type == _Q4_K and tensor.rows % BLOCK_ROWS == 0
