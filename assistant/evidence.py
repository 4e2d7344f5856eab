"""The one type that retrieval and tools return, and that answers cite as ``[1]``."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["visitor", "customer", "agent", "admin"]
EvidenceKind = Literal["article", "interaction", "record", "prediction", "policy"]


@dataclass(frozen=True)
class Evidence:
    """A piece of text an answer may rest on.

    ``id`` is stable (``kb:public/en/returns.md#2``, ``interaction:IN-000123``, ``record:C-1042/orders``);
    ``source`` is what a person is shown and can open; ``at`` is an ISO date or date-time, or None;
    ``score`` is the relevance in 0..1 (1.0 for records and predictions that were looked up by key).
    """

    id: str
    kind: EvidenceKind
    text: str
    source: str
    at: str | None = None
    score: float = 1.0
