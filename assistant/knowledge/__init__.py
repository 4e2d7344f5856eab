"""What the company and its customers have written: documents to passages to vectors, built, searched, rolled back."""

from importlib import import_module
from typing import Any

_HOMES = {
    "BuildCancelled": "build",
    "BuildRefused": "build",
    "BuildReport": "build",
    "Document": "documents",
    "Draft": "gaps",
    "Freshness": "watch",
    "Gap": "gaps",
    "Hit": "index",
    "KnowledgeIndex": "index",
    "KnowledgeRetriever": "retriever",
    "Translator": "translate",
    "Unreadable": "documents",
    "build_index": "build",
    "draft_article": "gaps",
    "export_passages": "retriever",
    "find_gaps": "gaps",
    "import_passages": "retriever",
    "index_status": "build",
    "rollback": "build",
    "split_question": "index",
}
__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"assistant.knowledge.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'assistant.knowledge' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
