"""Who the customer is and what happened: the record, importing and cleaning, privacy, the demo company.

Public names are loaded on first use.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "ImportReport": "assistant.crm.importing",
    "Store": "assistant.crm.store",
    "erase_customer": "assistant.crm.privacy",
    "export_customer": "assistant.crm.privacy",
    "import_file": "assistant.crm.importing",
    "last_imports": "assistant.crm.importing",
    "make_demo": "assistant.crm.demo",
    "mask": "assistant.crm.privacy",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'assistant.crm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
