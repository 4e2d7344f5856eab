"""One turn of conversation: understand, plan, gather, answer, verify; with tools, offers and identity beside it."""

from importlib import import_module
from typing import Any

_HOMES = {
    "Assistant": "assistant.dialogue.turn",
    "Session": "assistant.dialogue.events",
    "Toolbox": "assistant.dialogue.tools",
    "Turn": "assistant.dialogue.events",
    "Verifier": "assistant.dialogue.verify",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'assistant.dialogue' has no attribute {name!r}")
