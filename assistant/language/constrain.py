"""Answers that are valid JSON of a given schema, by masking the tokens that would break it (llguidance).

llguidance is one library without dependencies of its own and tells which tokens must follow (braces, keys), so they
cost one pass together. ``scripts/bench_language.py`` times it beside xgrammar, the other candidate.
"""

import json
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel

_MAX_STRING = 300


class JsonGuide:
    """Makes constraints for one tokenizer."""

    def __init__(self, tokenizer: Any, vocab_size: int) -> None:
        from llguidance.hf import from_tokenizer

        self._tokenizer = from_tokenizer(tokenizer, n_vocab=vocab_size)
        self._grammars: dict[str, str] = {}

    def constraint(self, model: type[BaseModel]) -> "Constraint":
        """A fresh constraint for the model's JSON schema."""
        schema = json.dumps(bounded(model.model_json_schema()))
        if schema not in self._grammars:
            from llguidance import LLMatcher

            overrides: Any = {"whitespace_flexible": False}
            self._grammars[schema] = LLMatcher.grammar_from_json_schema(schema, overrides=overrides)
        return Constraint(self._tokenizer, self._grammars[schema])


class Constraint:
    """Where in the grammar one answer stands."""

    def __init__(self, tokenizer: Any, grammar: str) -> None:
        from llguidance import LLMatcher

        self._matcher = LLMatcher(tokenizer, grammar)
        if self._matcher.is_error():
            raise ValueError(self._matcher.get_error())

    def best(self, logits: torch.Tensor) -> int:
        """The allowed token with the highest logit."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        allowed = np.unpackbits(bits, bitorder="little")[: len(logits)].view(bool)
        values = logits.cpu().numpy()
        return int(np.where(allowed, values[: len(allowed)], -np.inf).argmax())

    def take(self, token: int) -> list[int]:
        """Accept a token; it and the tokens that must follow it."""
        if not self._matcher.consume_token(token):
            raise ValueError(self._matcher.get_error() or f"token {token} is not allowed here")
        forced = [] if self._matcher.is_stopped() else self._matcher.compute_ff_tokens()
        if forced:
            self._matcher.consume_tokens(forced)
        return [token, *forced]

    @property
    def done(self) -> bool:
        return self._matcher.is_stopped()

    @property
    def complete(self) -> bool:
        return self._matcher.is_accepting() or self._matcher.is_stopped()


def bounded(schema: Any) -> Any:
    """The schema with free strings and lists limited and no fields but its own: a small model must come to an end."""
    if isinstance(schema, list):
        return [bounded(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: bounded(value) for key, value in schema.items()}
    free = schema.get("type") == "string" and not {"enum", "const", "pattern", "format"} & set(schema)
    if free:
        result.setdefault("maxLength", _MAX_STRING)
    if schema.get("type") == "array":
        result.setdefault("maxItems", 16)
    if "properties" in schema and isinstance(schema["properties"], dict) and schema.get("type") == "object":
        result.setdefault("additionalProperties", False)
    return result
