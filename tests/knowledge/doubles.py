"""Stand-ins for tests: an embedder that counts words, a record that is a list."""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class HashedEmbedder:
    """Bag of words, each word hashed to one of ``dimension`` places: near where words are shared, and very fast."""

    def __init__(self, dimension: int = 256, max_tokens: int = 64, name: str = "hashed") -> None:
        self.dimension = dimension
        self.max_tokens = max_tokens
        self.name = name
        self.fingerprint = f"{name}-{dimension}"
        self.encoded = 0

    def encode(
        self, texts: Sequence[str], *, progress: Callable[[int, int], None] | None = None
    ) -> np.ndarray:
        self.encoded += len(texts)
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[0] = 1e-3
            for word in self._words(text):
                row[int(hashlib.md5(word.encode()).hexdigest(), 16) % self.dimension] += 1
            row /= np.linalg.norm(row)
        return rows

    def count_tokens(self, text: str) -> int:
        return len(self._words(text)) + 2

    @staticmethod
    def _words(text: str) -> list[str]:
        return re.findall(r"[a-z0-9]+|[\u3400-\u9fff]", text.lower())


class ListStore:
    """What the index asks of the record."""

    def __init__(self, rows: list[dict[str, Any]] | None = None) -> None:
        self.rows = rows or []

    def interactions(self, *args: Any, **filters: Any) -> list[dict[str, Any]]:
        return self.rows

    def unknown_customers(self, ids: set[str]) -> set[str]:
        return ids - {row["customer_id"] for row in self.rows}


def interaction(number: int, customer: str, text: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"IN-{number:06d}", "customer_id": customer, "at": f"2026-0{number % 9 + 1}-05T10:00:00",
        "channel": "email", "author": "customer", "subject": None, "text": text, "language": "en",
        "order_id": None, "product_id": None, "attributes": "{}", **more,
    }  # fmt: skip
