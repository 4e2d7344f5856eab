"""Key/value caches in two tensors each, as the runners that attend by themselves keep them."""

import weakref
from collections import deque
from dataclasses import dataclass

import torch

_GROW = 512


@dataclass(eq=False)
class Cache:
    """``keys`` and ``values`` (layers, heads, room, width), of which ``length`` positions are filled.

    ``slot`` is the place in the runner's pool that they are part of; None where they have memory of their own.
    """

    keys: torch.Tensor
    values: torch.Tensor
    length: int = 0
    slot: int | None = None


class Pool:
    """Room for ``slots`` caches of a whole context each at addresses that stay, as CUDA graphs need it.

    ``keys`` and ``values`` (layers, slots + 1, heads, context, width): the last slot belongs to nobody.
    """

    def __init__(
        self, slots: int, layers: int, heads: int, context: int, width: int, like: torch.Tensor
    ) -> None:
        self.keys, self.values = (like.new_zeros(layers, slots + 1, heads, context, width) for _ in range(2))
        self.nobody = slots
        self._free = deque(range(slots))

    def take(self) -> Cache | None:
        """An empty cache, None where all slots are taken. A slot is free again when nobody holds its cache."""
        try:
            slot = self._free.popleft()
        except IndexError:
            return None
        cache = Cache(self.keys[:, slot], self.values[:, slot], slot=slot)
        weakref.finalize(cache, self._free.append, slot).atexit = False
        return cache


class CachingRunner:
    """The half of ``engine.Runner`` that keeps, copies and cuts caches; how a pass is computed is its heirs' matter.

    ``like`` says number format and device, ``longest`` how many positions a cache may have.
    """

    caches: int | None = None

    def __init__(self, layers: int, heads: int, width: int, longest: int, like: torch.Tensor) -> None:
        self._shape = layers, heads, width
        self._longest, self._like = longest, like
        self._pool: Pool | None = None

    def new(self) -> Cache:
        if self._pool is not None and (cache := self._pool.take()) is not None:
            return cache
        layers, heads, width = self._shape
        empty = self._like.new_empty(layers, heads, 0, width)
        return Cache(empty, empty)

    def copy(self, cache: Cache, length: int) -> Cache:
        return self._filled(cache.keys[:, :, :length], cache.values[:, :, :length])

    def cut(self, cache: Cache, length: int) -> None:
        cache.length = min(cache.length, length)

    def tensors(self, cache: Cache) -> dict[str, torch.Tensor]:
        both = {"keys": cache.keys, "values": cache.values}
        return {name: whole[:, :, : cache.length].contiguous().cpu() for name, whole in both.items()}

    def restore(self, tensors: dict[str, torch.Tensor]) -> Cache:
        keys, values = tensors["keys"], tensors["values"]
        layers, heads, width = self._shape
        if keys.shape != (layers, heads, keys.shape[2], width) or values.shape != keys.shape:
            raise ValueError(f"keys of shape {tuple(keys.shape)} belong to another model")
        return self._filled(keys, values)

    def _filled(self, keys: torch.Tensor, values: torch.Tensor) -> Cache:
        cache, length = self.new(), keys.shape[2]
        self._make_room(cache, length)
        cache.keys[:, :, :length] = keys
        cache.values[:, :, :length] = values
        cache.length = length
        return cache

    def _make_room(self, cache: Cache, length: int) -> None:
        room = cache.keys.shape[2]
        if length > self._longest:
            raise ValueError(f"{length} tokens are more than the context of {self._longest}")
        if length <= room:
            return
        more = -(-length // _GROW) * _GROW
        for name in ("keys", "values"):
            old = getattr(cache, name)
            grown = old.new_empty(old.shape[0], old.shape[1], more, old.shape[3])
            grown[:, :, : cache.length] = old[:, :, : cache.length]
            setattr(cache, name, grown)
