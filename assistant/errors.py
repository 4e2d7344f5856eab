"""Errors a person can act on: a fact in one line, and a hint that says what to type."""


class AssistantError(Exception):
    """Base of all expected errors. ``message`` states the fact, ``hint`` says what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class WeightsError(AssistantError):
    """Model weights are missing, damaged, or can't be fetched or converted."""


class RecordError(AssistantError):
    """The record (crm.sqlite) can't be opened or doesn't hold what was asked for."""


class ImportFileError(AssistantError):
    """A file can't be imported as what it was said to be."""


class IndexError_(AssistantError):
    """The knowledge index is missing, damaged, or was built with another embedder."""


class ModelError(AssistantError):
    """A predictive model is missing or can't be trained on this data."""


class PermissionDenied(AssistantError):
    """The role of this session may not do or see that."""


class Cancelled(Exception):
    """The caller no longer wants the result. No error that anybody is shown."""
