"""Prompts are files in ``prompts/`` (Jinja2); a name that is not given fails instead of vanishing."""

from functools import lru_cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from assistant.settings import data_folder


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(data_folder("prompts")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # plain text for a model, not HTML
    )


def render(name: str, language: str, /, **values: Any) -> str:
    """The prompt ``prompts/<name>.<language>.j2`` with ``values`` put in."""
    return _environment().get_template(f"{name}.{language}.j2").render(**values).strip()
