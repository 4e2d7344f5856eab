"""Guesses the next tokens of an answer from the text it is copied from.

Answers repeat their evidence: names, dates, amounts, whole clauses. Where the last tokens occurred before, what
followed them there is tried, several tokens in one pass; the model's own choice decides, so the answer is the same.
Prompt lookup decoding, Apoorv Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding.
"""

from collections.abc import Sequence

_LONGEST, _SHORTEST = 4, 2


class Lookup:
    """The places of every run of two to four tokens in a growing list of ids; the latest place wins."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids: list[int] = []
        self._places: dict[tuple[int, ...], int] = {}
        for id in ids:
            self.add(id)

    def add(self, id: int) -> None:
        """One more token. Runs that end with it are found from the next token on, so none finds itself."""
        end = len(self._ids)
        for length in range(_SHORTEST, min(_LONGEST, end) + 1):
            self._places[tuple(self._ids[end - length :])] = end
        self._ids.append(id)

    def guess(self, most: int) -> list[int]:
        """Up to ``most`` tokens that followed the longest known end of the list, or none."""
        for length in range(min(_LONGEST, len(self._ids)), _SHORTEST - 1, -1):
            place = self._places.get(tuple(self._ids[-length:]))
            if place is not None:
                return self._ids[place : place + most]
        return []
