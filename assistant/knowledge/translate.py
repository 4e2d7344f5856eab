"""A Chinese question in English, by the chat model: for articles that are there in English only.

``index.search(question, ..., translate=Translator(model))``: the model is asked only where a Chinese question finds
nothing above the threshold, and the hits of both questions are ranked together.
"""

import logging
import re
from functools import lru_cache
from typing import Any

from assistant.knowledge.words import codes, is_chinese
from assistant.settings import data_folder

log = logging.getLogger(__name__)
LONGEST = 400  # characters; a longer story is searched by its own words
_REMEMBERED = 256
_LABEL = re.compile(r"^\s*(?:english|translation|英文|翻译)\s*[:：]\s*", re.IGNORECASE)
_QUOTES = "\"'“”‘’「」 "


class Translator:
    """``translator(question) -> English``, or "" where the model gives nothing usable: the search goes on without.

    ``model`` is a LangChain chat model. The last few hundred translations are remembered.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._known = lru_cache(maxsize=_REMEMBERED)(self._ask)

    def __call__(self, question: str) -> str:
        question = " ".join(question.split())
        if not question or len(question) > LONGEST or not is_chinese(question):
            return ""
        try:
            return self._known(question)
        except Exception:  # a translation is a help, not a condition
            log.warning("a question could not be translated", exc_info=True)
            return ""

    def _ask(self, question: str) -> str:
        told = (data_folder("prompts") / "translate.en.j2").read_text(encoding="utf-8").strip()
        said = str(self._model.invoke([("system", told), ("human", question)]).content).strip()
        line = _LABEL.sub("", said.splitlines()[0] if said else "").strip(_QUOTES)
        if not line or is_chinese(line) or len(line) > 6 * LONGEST:
            return ""
        lost = [code for code in codes(question) if code not in codes(line)]
        return " ".join([line, *lost])
