"""A conversational CRM assistant on your own machine.

Public names are loaded on first use, so that ``import assistant`` stays light.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Assistant": "assistant.dialogue",
    "AssistantError": "assistant.errors",
    "ChatModel": "assistant.language",
    "Embedder": "assistant.language",
    "Evidence": "assistant.evidence",
    "KnowledgeIndex": "assistant.knowledge",
    "Settings": "assistant.settings",
    "Store": "assistant.crm",
}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'assistant' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
