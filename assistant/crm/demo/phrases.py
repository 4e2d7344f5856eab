"""How phrases are written down, and turned into text.

``{this|that}`` picks one alternative, nested as deep as wanted, ``{maybe |}`` may be nothing; ``<slot>`` is filled in.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

_INNER = re.compile(r"\{([^{}]*)\}")
_SLOT = re.compile(r"<(\w+)>")


@dataclass(frozen=True)
class Topic:
    """What people say about one matter: ``tell`` states it, ``more`` adds a detail, ``ask`` wants something;
    ``note`` is the agent's shorthand after a call, ``reply`` the agent's answer. Empty lists: not said this way.
    A line may begin with a tag, ``[induction]``: such a question gets an answer with the same tag."""

    subject: str
    tell: tuple[str, ...]
    more: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    note: tuple[str, ...] = ()
    reply: tuple[str, ...] = ()


def lines(text: str) -> tuple[str, ...]:
    """The non-empty lines of ``text``."""
    return tuple(line.strip() for line in text.strip().splitlines() if line.strip())


def render(rng: random.Random, pattern: str, slots: Mapping[str, str]) -> str:
    """``pattern`` with alternatives chosen and slots filled. Raises KeyError for a slot that isn't known."""
    while match := _INNER.search(pattern):
        pattern = pattern[: match.start()] + rng.choice(match.group(1).split("|")) + pattern[match.end() :]
    text = _SLOT.sub(lambda m: slots[m.group(1)], pattern)
    return re.sub(r" {2,}", " ", text).strip()


def sentence_case(text: str) -> str:
    """Capitals at the beginning and after full stops, as careful writers have them."""
    return re.sub(r"(^|[.!?]\s+)([a-z])", lambda m: m.group(1) + m.group(2).upper(), text)


def typos(rng: random.Random, text: str, count: int) -> str:
    """``count`` slips of the finger in longer plain words: two letters swapped, one lost or doubled."""
    words = text.split(" ")
    places = [i for i, w in enumerate(words) if len(w) > 4 and w.isascii() and w.isalpha() and w.islower()]
    for i in rng.sample(places, min(count, len(places))):
        w = words[i]
        k = rng.randrange(1, len(w) - 2)
        words[i] = rng.choice((w[:k] + w[k + 1] + w[k] + w[k + 2 :], w[:k] + w[k + 1 :], w[: k + 1] + w[k:]))
    return " ".join(words)
