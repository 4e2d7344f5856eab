"""A Chinese question in English, by the chat model: for articles that are there in English only.

``index.search(question, ..., translate=Translator(model))``: the model is asked only where a Chinese question's own
best hit isn't sure, and the hits of both questions are ranked together.
"""

import logging
import re
from threading import Lock
from typing import Any

from assistant.errors import Cancelled
from assistant.knowledge.words import codes, is_chinese
from assistant.settings import data_folder

log = logging.getLogger(__name__)
LONGEST = 400  # characters; a longer story is searched by its own words
MOST_TOKENS = 48  # of a translation: a question's fifteen are enough, and each costs a tenth of a second
_REMEMBERED = 256
_LABEL = re.compile(r"^\s*(?:english|translation|英文|翻译)\s*[:：]\s*", re.IGNORECASE)
_QUOTES = "\"'“”‘’「」 "


class Translator:
    """``translator(question) -> English``, or "" where the model gives nothing usable: the search goes on without.

    ``model`` is a LangChain chat model. The last few hundred translations are remembered.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._known: dict[str, str] = {}
        self._lock = Lock()

    def __call__(self, question: str, **options: Any) -> str:
        """``options`` go to the model's call. Raises Cancelled where that was stopped."""
        question = " ".join(question.split())
        if not question or len(question) > LONGEST or not is_chinese(question):
            return ""
        with self._lock:
            if question in self._known:
                return self._known[question]
        try:
            found = self._ask(question, **options)
        except Cancelled:
            raise
        except Exception:  # a translation is a help, not a condition
            log.warning("a question could not be translated", exc_info=True)
            return ""
        with self._lock:
            if len(self._known) >= _REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[question] = found
        return found

    def _ask(self, question: str, **options: Any) -> str:
        told = (data_folder("prompts") / "translate.en.j2").read_text(encoding="utf-8").strip()
        reply = self._model.invoke([("system", told), ("human", question)], max_tokens=MOST_TOKENS, **options)
        if reply.response_metadata.get("finish_reason") == "cancelled":
            raise Cancelled
        said = str(reply.content).strip()
        line = _LABEL.sub("", said.splitlines()[0] if said else "").strip(_QUOTES)
        if not line or is_chinese(line) or len(line) > 6 * LONGEST:
            return ""
        lost = [code for code in codes(question) if code not in codes(line)]
        return " ".join([line, *lost])
