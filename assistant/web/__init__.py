"""The doors: pages for customers, agents and administrators, and the API. The only place of gradio and fastapi."""

from importlib import import_module
from typing import Any

_HOMES = {
    "Access": "assistant.web.access",
    "create_app": "assistant.web.app",
    "serve": "assistant.web.server",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'assistant.web' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
