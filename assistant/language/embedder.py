"""Sentence vectors over sentence-transformers.

In bf16 where the CPU has it, and in batches of like length with a fixed number of tokens rather than of texts: what a
batch costs goes with its padded tokens, so one size of batch is too small for short texts or too large for long
ones. ``scripts/bench_index.py --only speed`` compares with plain ``SentenceTransformer.encode``.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from assistant.errors import WeightsError
from assistant.language.weights import Progress, ensure, sha256_of
from assistant.settings import Settings

# padded tokens in one batch: enough to keep two cores busy, and its activations stay in their caches
_BATCH_TOKENS = 1024
_ACCELERATOR_TOKENS = 32 * _BATCH_TOKENS
_SLICE = 1024  # texts tokenized together
_FINGERPRINTED = (
    "model.safetensors",
    "pytorch_model.bin",
    "tokenizer.json",
    "vocab.txt",
    "config.json",
    "modules.json",
)


class Embedder:
    """Texts to vectors. ``dimension`` and ``max_tokens`` are the model's; safe to share between threads.

    A text longer than ``max_tokens`` is represented by its beginning: cut texts into passages before.
    """

    def __init__(self, folder: Path, name: str) -> None:
        from sentence_transformers import SentenceTransformer

        from assistant.language import device

        self.name = name
        self.folder = folder
        try:
            self._model = SentenceTransformer(str(folder), device=device.accelerator(), local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise WeightsError(
                f"{folder} can't be loaded as a sentence-transformers model: {error}",
                f"delete it: rm -r '{folder}'",
            ) from error
        self._model.eval().to(device.precision())
        self._batch_tokens = _BATCH_TOKENS if device.accelerator() == "cpu" else _ACCELERATOR_TOKENS
        self._lock = threading.Lock()
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        self.max_tokens = int(self._model.max_seq_length or 512)
        self.fingerprint = fingerprint(folder)

    def encode(
        self, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None
    ) -> np.ndarray:
        """float32 (n, dimension), rows of length 1, in the order of ``texts``.

        Equal texts are computed once, and texts of like length together, so that little is padded.
        ``progress(done, total)`` counts texts.
        """
        if isinstance(texts, str):
            raise TypeError("encode takes a sequence of texts, not one text")
        places: dict[str, list[int]] = {}
        for place, text in enumerate(texts):
            places.setdefault(text, []).append(place)
        distinct = sorted(places, key=len, reverse=True)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        done = 0
        for start in range(0, len(distinct), _SLICE):
            for batch in self._batches(distinct[start : start + _SLICE]):
                for text, vector in zip(batch, self._encode(batch), strict=True):
                    vectors[places[text]] = vector
                    done += len(places[text])
                if progress:
                    progress(done, len(texts))
        return vectors

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text`` without the model's own marks."""
        with self._lock:
            return len(
                self._model.tokenizer.encode(text, add_special_tokens=False, truncation=False, verbose=False)
            )

    def _batches(self, texts: list[str]) -> Iterator[list[str]]:
        """``texts`` in batches of about ``_batch_tokens`` padded tokens, longest first."""
        with self._lock:
            tokens = self._model.tokenizer(texts, return_attention_mask=False, verbose=False)["input_ids"]
        lengths = [min(len(ids), self.max_tokens) for ids in tokens]
        order = sorted(range(len(texts)), key=lambda at: -lengths[at])
        start = 0
        while start < len(order):
            size = max(1, self._batch_tokens // max(1, lengths[order[start]]))
            yield [texts[at] for at in order[start : start + size]]
            start += size

    def _encode(self, batch: list[str]) -> np.ndarray:
        with self._lock:  # the tokenizer keeps its padding in itself
            found = self._model.encode(
                batch,
                batch_size=len(batch),
                show_progress_bar=False,
                convert_to_numpy=True,
                normalize_embeddings=True,
            )
        rows = np.asarray(found, dtype=np.float32)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)  # bf16 rounds the length


def load_embedder(settings: Settings, progress: Progress | None = None) -> Embedder:
    """The configured embedder; its weights are fetched where they aren't there."""
    from assistant.language import device

    device.quiet()
    device.use_threads(settings)
    return Embedder(ensure(settings, settings.embedder, progress), settings.embedder)


def fingerprint(folder: Path) -> str:
    """16 hex digits that differ when weights, vocabulary or layout differ. Known digests aren't computed again."""
    try:
        known = json.loads((folder / "ready.json").read_text())["files"]
    except (OSError, ValueError, KeyError):
        known = {}
    digest = hashlib.sha256()
    for name in _FINGERPRINTED:
        path = folder / name
        if path.is_file():
            digest.update(f"{name}:{known.get(name, {}).get('sha256') or sha256_of(path)};".encode())
    return digest.hexdigest()[:16]
