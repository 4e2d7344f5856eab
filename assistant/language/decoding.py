"""From logits to tokens, and from tokens to text."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch


class Tail:
    """Token ids to text that is safe to show: whole characters only, nothing that may become a stop text."""

    def __init__(self, tokenizer: Any, stop: Sequence[str]) -> None:
        from tokenizers.decoders import DecodeStream

        self._tokenizer = tokenizer.backend_tokenizer
        self._stream = DecodeStream(skip_special_tokens=True)
        self._stop = [text for text in stop if text]
        self._held = ""

    def add(self, token: int) -> tuple[str, bool]:
        """Text that became final, and whether a stop text was completed."""
        self._held += self._stream.step(self._tokenizer, token) or ""
        ends = [at for at in (self._held.find(text) for text in self._stop) if at >= 0]
        if ends:
            return self._held[: min(ends)], True
        keep = max((_overlap(self._held, text) for text in self._stop), default=0)
        final, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return final, False

    def rest(self) -> str:
        held, self._held = self._held, ""
        return held


class Sampler:
    """The next token: the most likely, or drawn from the most likely ones that hold ``top_p`` together."""

    def __init__(self, temperature: float, top_p: float, seed: int | None) -> None:
        self._temperature, self._top_p = temperature, top_p
        self._generator = torch.Generator()
        if seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(seed)

    def pick(self, logits: torch.Tensor) -> Iterable[int]:
        """The token after each row (rows, vocabulary), chosen when it is asked for."""
        if self._temperature <= 0:
            best: list[int] = logits.argmax(1).tolist()
            return best
        return map(self._draw, logits)

    def _draw(self, logits: torch.Tensor) -> int:
        chances, tokens = torch.softmax(logits.cpu() / self._temperature, 0).sort(descending=True)
        chances[chances.cumsum(0) - chances > self._top_p] = 0  # the smallest set that holds top_p
        return int(tokens[torch.multinomial(chances, 1, generator=self._generator)])


def _overlap(text: str, mark: str) -> int:
    """Length of the longest end of ``text`` that is a beginning of ``mark``."""
    return next((n for n in range(min(len(text), len(mark) - 1), 0, -1) if text.endswith(mark[:n])), 0)
