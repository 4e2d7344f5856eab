"""What code says, in English and in Chinese: records put into sentences, and the fixed answers of a turn.

Records are rendered in the user's language so that a small model can quote them without translating, and so that
the answer put together from evidence alone reads well.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from assistant.dialogue.phrases.chinese import ZH
from assistant.dialogue.phrases.english import EN
from assistant.errors import RecordError

Row = Mapping[str, Any]


def speaking(language: str) -> type[EN]:
    """The phrases of a language: ``zh``, else English."""
    return ZH if language == "zh" else EN


def unknown_customer(customer: str, closest: Sequence[Row]) -> RecordError:
    names = ", ".join(f"{c['id']} ({c['name']})" if c.get("name") else str(c["id"]) for c in closest)
    return RecordError(f"No customer {customer!r} in the record.", f"closest: {names}" if names else "")


def unknown_order(order: str) -> RecordError:
    return RecordError(f"No order {order!r} in this account.", "check the order number")


__all__ = ["EN", "ZH", "speaking", "unknown_customer", "unknown_order"]
