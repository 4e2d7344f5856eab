"""The command line: ``crm-assistant`` = ``python -m assistant``. Heavy parts are imported inside the commands."""

from assistant.cli import classify, index, models, record, talk
from assistant.cli.base import main

__all__ = ["classify", "index", "main", "models", "record", "talk"]
