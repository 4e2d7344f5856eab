"""The local models: weights, chat, embeddings. Public names load on first use."""

from importlib import import_module
from typing import Any

_HOMES = {
    "ChatModel": "assistant.language.chat",
    "Choice": "assistant.language.chat",
    "Embedder": "assistant.language.embedder",
    "device_summary": "assistant.language.device",
    "ensure": "assistant.language.weights",
    "load_chat_model": "assistant.language.chat",
    "load_embedder": "assistant.language.embedder",
    "weights_status": "assistant.language.weights",
}
__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'assistant.language' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
