"""Messages to token ids, and what gives way when they are too many."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage

from assistant.errors import AssistantError

_GAP = "\n[…]\n"


@dataclass(frozen=True)
class Cut:
    """What a prompt lost to fit: whole messages of the history, and tokens from the middles of others."""

    dropped_messages: int = 0
    cut_tokens: int = 0


class PromptWriter:
    """Writes prompts with the model's own chat template."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._marks = sorted((str(token) for token in tokenizer.get_added_vocab()), key=len, reverse=True)

    def ids(
        self, messages: Sequence[BaseMessage], budget: int, begun: str = ""
    ) -> tuple[list[int], Cut | None]:
        """Token ids of at most ``budget`` with the answer's beginning ``begun``, and what was cut, if anything.

        The oldest messages of the history go first; a message with ``additional_kwargs={"keep": True}`` (say,
        evidence) stays. If that isn't enough, the longest message loses its middle: never the system message,
        and the last message (the question) only when it is by itself too long.
        Raises AssistantError when the system message alone leaves no room.
        """
        parts = [(_role(message), self._plain(message)) for message in messages]
        if not parts:
            raise ValueError("a prompt needs at least one message")
        ids = self._encode(parts, begun)
        if len(ids) <= budget:
            return ids, None
        droppable = [
            place
            for place, message in enumerate(messages[:-1])
            if not isinstance(message, SystemMessage) and not message.additional_kwargs.get("keep")
        ]
        kept = dict(enumerate(parts))
        dropped = 0
        while droppable and len(ids) > budget:
            del kept[droppable.pop(0)]
            dropped += 1
            ids = self._encode(list(kept.values()), begun)
        before = len(ids)
        last = len(parts) - 1
        while len(ids) > budget:
            others = [place for place, (role, _) in kept.items() if role != "system" and place != last]
            longest = max(others, key=lambda place: len(kept[place][1]), default=last)
            role, text = kept[longest]
            shorter = self._without_middle(text, len(ids) - budget)
            if longest != last and not shorter:
                del kept[longest]
                dropped += 1
            elif shorter == text or (longest == last and not shorter):
                raise AssistantError(
                    f"The instructions alone take {self.count(parts[0][1])} tokens of {budget}",
                    "raise CRM_ASSISTANT_CONTEXT_TOKENS",
                )
            else:
                kept[longest] = (role, shorter)
            ids = self._encode(list(kept.values()), begun)
        return ids, Cut(dropped, max(0, before - len(ids)))

    def count(self, text: str) -> int:
        return len(self.tokenizer.encode(text, add_special_tokens=False))

    def _encode(self, parts: Sequence[tuple[str, str]], begun: str) -> list[int]:
        chat = [{"role": role, "content": text} for role, text in parts]
        text = self.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        return list(self.tokenizer.encode(text + begun, add_special_tokens=False))

    def _plain(self, message: BaseMessage) -> str:
        """The text of a message, with the template's own marks taken apart: nobody writes another's turn."""
        text = str(message.text)
        for mark in self._marks:
            if mark in text:
                text = text.replace(mark, f"{mark[0]} {mark[1:]}")
        return text

    def _without_middle(self, text: str, tokens: int) -> str:
        """``text`` with at least ``tokens`` fewer tokens, both ends kept; empty if less than a few would stay."""
        ids = self.tokenizer.encode(text, add_special_tokens=False)
        keep = len(ids) - tokens - self.count(_GAP) - 4
        if keep < 16:
            return ""
        head, tail = ids[: (keep + 1) // 2], ids[len(ids) - keep // 2 :]
        decode = self.tokenizer.decode
        return f"{decode(head)}{_GAP}{decode(tail)}".replace("\ufffd", "")


def _role(message: BaseMessage) -> str:
    if isinstance(message, SystemMessage):
        return "system"
    if isinstance(message, AIMessage):
        return "assistant"
    if isinstance(message, ToolMessage):
        return "tool"
    return "user"
