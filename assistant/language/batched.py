"""Several answers of a transformers model in one pass, and on CUDA its short passes as graphs.

transformers computes everything but the attention, which is this module's own (its ``AttentionInterface``): the rows
of all prompts and answers in a pass stand one after the other, and each attends to the cache that it belongs to. A
pass of a few rows on a GPU takes as long as Python needs to start a thousand kernels; recorded as a CUDA graph they
start at once. Same interface as ``engine.TransformersRunner``.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from assistant.language.caches import Cache, CachingRunner, Pool

log = logging.getLogger(__name__)
_NAME = "crm_assistant"  # under which transformers knows this attention
# Rows of the recorded passes, of several caches and of one, and up to which position these reach: a pass takes the
# next larger of each.
_SHARED = (4, 8, 16, 32)
_ALONE = (1, 4, 8, 32, 128, 512)
_REACHES = (1024, 4096, 16384)
_MOST_SLOTS = 64
_TRIED = 0.05  # relative: rounding to bf16 makes about 0.01


@dataclass
class _Span:
    """The rows of one cache in a pass, which are its positions ``start`` to ``end``."""

    cache: Cache
    rows: slice
    start: int
    end: int


class _Spans:
    """Attention of a pass of any size: each cache by itself."""

    def __init__(self, spans: Sequence[_Span], like: torch.Tensor) -> None:
        self._spans = spans
        self._masks = [
            torch.ones(span.end - span.start, span.end, dtype=torch.bool, device=like.device).tril(span.start)
            if span.start
            else None
            for span in spans
        ]

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """(heads, rows, width) of the query, fewer heads of the others, to (rows, heads, width)."""
        found = []
        for span, mask in zip(self._spans, self._masks, strict=True):
            keys, values = span.cache.keys[layer, :, : span.end], span.cache.values[layer, :, : span.end]
            keys[:, span.start :] = key[:, span.rows]
            values[:, span.start :] = value[:, span.rows]
            found.append(_grouped(query[:, span.rows], keys, values, mask, scale))
        return torch.cat(found)


class _Recorded:
    """A pass of a fixed number of rows, of any caches of the pool and at any positions below ``reach``; of a single
    cache if ``alone``. On CUDA it is recorded, elsewhere computed anew each time."""

    def __init__(self, runner: "BatchedRunner", pool: Pool, rows: int, reach: int, alone: bool) -> None:
        self._model, self._pool, self._reach, self._alone = runner.model, pool, reach, alone
        where = pool.keys.device
        self._given = torch.zeros(3, rows, dtype=torch.int64, device=where)  # ids, slots, positions
        self._given[1] = pool.nobody
        self._all = torch.arange(reach, device=where)
        self._graph: Any = None
        if where.type != "cuda":
            return
        aside = torch.cuda.Stream(where)
        aside.wait_stream(torch.cuda.current_stream(where))
        with torch.cuda.stream(
            aside
        ):  # libraries choose their kernels in the first passes, which can't be recorded
            for _ in range(2):
                self._pass()
        torch.cuda.current_stream(where).wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        # the embedder may be at work in another thread meanwhile, which is not our business
        with torch.cuda.graph(self._graph, pool=runner.memory, capture_error_mode="thread_local"):
            self._logits = self._pass()

    def __call__(self, ids: list[int], slots: list[int], places: list[int]) -> torch.Tensor:
        """Logits (rows, vocabulary), float32; the rows of one cache are consecutive positions of it."""
        rows, empty = len(ids), self._given.shape[1] - len(ids)
        # empty rows write behind the last position of a single cache, where nothing is read before it is written anew,
        # else into the slot that belongs to nobody
        behind = min(places[-1] + 1, self._pool.keys.shape[3] - 1)
        spare = (slots[0], behind) if self._alone and behind > places[-1] else (self._pool.nobody, 0)
        given = [ids + [0] * empty, slots + [spare[0]] * empty, places + [spare[1]] * empty]
        self._given.copy_(torch.tensor(given))
        if self._graph is None:
            self._logits = self._pass()
        else:
            self._graph.replay()
        return self._logits[:rows].clone()

    def _pass(self) -> torch.Tensor:
        ids, self._slots, self._places = self._given
        self._mask = self._all <= self._places[:, None]
        answer = self._model(
            input_ids=ids[None], position_ids=self._places[None], use_cache=False, caches=self
        )
        logits: torch.Tensor = answer.logits[0].float()
        return logits

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        heads, rows, width = query.shape
        kv_heads = key.shape[0]
        keys = self._seen(self._pool.keys[layer], key)
        values = self._seen(self._pool.values[layer], value)
        if self._alone:
            return _grouped(query, keys[0], values[0], self._mask, scale)
        shared = query.transpose(0, 1).reshape(rows, kv_heads, heads // kv_heads, width)
        mask = self._mask[:, None, None].expand(rows, kv_heads, heads // kv_heads, self._reach)
        one = functional.scaled_dot_product_attention(shared, keys, values, attn_mask=mask, scale=scale)
        return one.reshape(rows, heads, width)

    def _seen(self, whole: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        """Put the new rows into their slots; what the cache of each row holds (of the one cache, if there is but one),
        (rows, heads, reach, width)."""
        whole[self._slots, :, self._places] = new.transpose(0, 1)
        slots = self._slots[:1] if self._alone else self._slots
        return whole[:, :, : self._reach].index_select(0, slots)


def _grouped(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor | None,
    scale: float | None,
) -> torch.Tensor:
    """Attention of the rows of one cache, (heads, rows, width) to (rows, heads, width); causal where ``mask`` (rows,
    positions) is None."""
    heads, rows, width = query.shape
    kv_heads = keys.shape[0]
    if mask is None:
        one = functional.scaled_dot_product_attention(
            query[None], keys[None], values[None], is_causal=True, scale=scale, enable_gqa=heads > kv_heads
        )
        return one[0].transpose(0, 1)
    # the query heads that share a key are as many queries of one: no copy of the keys, on any backend
    one = functional.scaled_dot_product_attention(
        query.reshape(1, kv_heads, -1, width), keys[None], values[None], scale=scale,
        attn_mask=mask.repeat(heads // kv_heads, 1),
    )  # fmt: skip
    return one.reshape(heads, rows, width).transpose(0, 1)


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    scaling: float | None = None,
    *,
    caches: _Spans | _Recorded,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    if sliding_window is not None or softcap is not None or s_aux is not None:
        raise ValueError("windows, caps and sinks of attention are not computed here")
    return caches.attend(module.layer_idx, query[0], key[0], value[0], scaling)[None], None


class BatchedRunner(CachingRunner):
    """A causal language model of transformers on one device. Raises ValueError for one that attends otherwise."""

    few_rows = shared_rows = 4  # reading the weights is what a pass costs, with four tokens or one

    def __init__(self, model: Any, context_tokens: int) -> None:
        from transformers import AttentionInterface

        config = model.config.get_text_config()
        self.model = model
        self.vocab_size = int(config.vocab_size)
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        layers = config.num_hidden_layers
        like = torch.empty(0, dtype=model.dtype, device=model.device)
        super().__init__(layers, heads, width, context_tokens, like)
        if len(set(getattr(model, "hf_device_map", {}).values())) > 1:
            raise ValueError("its layers stand on several devices")
        AttentionInterface.register(_NAME, _attention)
        self._agree()
        self._recorded: dict[tuple[int, int, bool], _Recorded] | None = None
        if like.device.type == "cuda":
            self.few_rows, self.shared_rows = 8, _SHARED[-1]
            each = 2 * layers * heads * width * context_tokens * like.element_size()
            slots = min(_MOST_SLOTS, torch.cuda.mem_get_info(like.device)[0] // 2 // each)
            self._pool = Pool(slots, layers, heads, context_tokens, width, like) if slots > 1 else None
            self.memory = torch.cuda.graph_pool_handle()
            if self._pool is not None:
                self.caches, self._recorded = slots, {}
                for alone, sizes in (
                    (True, _ALONE),
                    (False, _SHARED),
                ):  # a tenth of a second each, not in an answer
                    for rows in sizes:
                        self._record(rows, min(_REACHES[0], context_tokens), alone)

    def forward(self, cache: Cache, ids: Sequence[int], rows: int = 1) -> torch.Tensor:
        return self.forward_many([(cache, ids, rows)])[0]

    @torch.inference_mode()
    def forward_many(self, parts: Sequence[tuple[Cache, Sequence[int], int]]) -> list[torch.Tensor]:
        """``forward`` for several caches in one pass: the weights are read once, each cache attends by itself."""
        spans: list[_Span] = []
        for cache, ids, _ in parts:
            end = cache.length + len(ids)
            self._make_room(cache, end)
            at = spans[-1].rows.stop if spans else 0
            spans.append(_Span(cache, slice(at, at + len(ids)), cache.length, end))
        tokens = [id for _, ids, _ in parts for id in ids]
        places = [place for span in spans for place in range(span.start, span.end)]
        wanted = [
            row for span, (_, _, rows) in zip(spans, parts, strict=True)
            for row in range(max(span.rows.start, span.rows.stop - rows), span.rows.stop)
        ]  # fmt: skip
        if (recorded := self._fitting(spans)) is not None:
            slots = [span.cache.slot or 0 for span in spans for _ in range(span.start, span.end)]
            logits = recorded(tokens, slots, places)
            logits = logits if len(wanted) == len(tokens) else logits[wanted]
        else:
            where = self.model.device
            answer = self.model(
                input_ids=torch.tensor([tokens], device=where),
                position_ids=torch.tensor([places], device=where),
                logits_to_keep=torch.tensor(wanted, device=where),
                use_cache=False,
                caches=_Spans(spans, self._like),
            )
            logits = answer.logits[0].float()
        for span in spans:
            span.cache.length = span.end
        if self._like.is_cuda:  # who shares the next pass is decided when this one is over
            torch.cuda.current_stream(self._like.device).synchronize()
        return list(logits.split([min(rows, len(ids)) for _, ids, rows in parts]))

    def _fitting(self, spans: Sequence[_Span]) -> _Recorded | None:
        """The recorded pass for these rows, made on its first use; None where there is no such."""
        rows, alone = spans[-1].rows.stop, len(spans) == 1
        sizes = _ALONE if alone else _SHARED
        if self._pool is None or self._recorded is None or rows > sizes[-1]:
            return None
        if any(span.cache.slot is None for span in spans):
            return None
        end = max(span.end for span in spans)
        reach = next((reach for reach in _REACHES if reach >= end), self._longest)
        return self._record(next(size for size in sizes if size >= rows), min(reach, self._longest), alone)

    @torch.inference_mode()
    def _record(self, rows: int, reach: int, alone: bool) -> _Recorded | None:
        kind = rows, reach, alone
        if self._pool is None or self._recorded is None:
            return None
        if kind not in self._recorded:
            try:
                self._recorded[kind] = _Recorded(self, self._pool, *kind)
            except (
                RuntimeError
            ) as problem:  # a model that asks the CPU in the middle of a pass can't be recorded
                log.warning("passes are not recorded as CUDA graphs, answers take longer: %s", problem)
                self._recorded = None
                return None
        return self._recorded[kind]

    @torch.inference_mode()
    def _agree(self) -> None:
        """Try whether a pass says what transformers' own attention says."""
        ids = [min(id, self.vocab_size - 1) for id in (1, 2, 3, 5, 8)]
        theirs = self.model(input_ids=torch.tensor([ids], device=self.model.device)).logits[0, 1:].float()
        before = self.model.config._attn_implementation
        norms = _fuse_norms(self.model) if self._like.is_cuda else []
        self.model.set_attn_implementation(_NAME)
        try:
            cache = self.new()
            self.forward(cache, ids[:2])
            ours = torch.cat([self.forward(self.copy(cache, 1), ids[1:2]), self.forward(cache, ids[2:], 3)])
            off = ((ours - theirs).norm() / theirs.norm()).item()
            if not off < _TRIED:
                raise ValueError(f"logits are off by {off:.3f}")
        except (TypeError, ValueError, RuntimeError, AttributeError) as problem:
            self.model.set_attn_implementation(before)
            for norm in norms:
                del norm.forward
            raise ValueError(f"this model attends in its own way: {problem}") from problem


def _fuse_norms(model: Any) -> list[Any]:
    """One kernel for each normalisation instead of six (an eighth of a recorded pass); the modules that were changed."""
    found = [
        module
        for module in model.modules()
        if type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon")
    ]
    for module in found:
        module.forward = partial(
            functional.rms_norm,
            normalized_shape=module.weight.shape,
            weight=module.weight,
            eps=module.variance_epsilon,
        )
    return found
