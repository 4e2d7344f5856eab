"""Whether what was said in an account's conversations speaks of what is asked at all.

A small model asked for a blood type finds one in any message. In one account's few messages a word of the question
nearly always stands beside its answer: on the demo company's 50 questions of this kind with an answer, 46 times, and
beside 250 messages that don't hold what is asked 11 times.
"""

import re
from collections.abc import Callable, Sequence

from assistant.dialogue.facts import sentences
from assistant.dialogue.focus import Focus
from assistant.knowledge.words import is_chinese, query_words, segment

# for one thing; a yes or no may rest on words of another kind ("is she happy?")
_ASKS_FOR = re.compile(
    r"\b(?:what|whats|which|who|whom|whose|where|when|how|why)\b|什么|哪|谁|几|怎么|怎样|如何|为何|多[少大高长久重]",
    re.I,
)
# what such a question is put with, not what it is about
_FORM = frozenset(
    [
        *segment(
            "name type kind sort number mention say said tell told time thing other use used give given year day"
        )
    ]
) | set("名字叫谁号哪何什么时候客户家里用去提到里年月日天现个")
# about the contact or the mood as such, which no message needs to name
_OF_CONTACT = re.compile(
    r"\b(?:complain\w*|complaint\w*|contact\w*|wr[io]te\w*|written|call(?:ed|s)?|review\w*|convers\w*|talk\w*|message\w*|respon\w*|repl\w+|"
    r"problem\w*|issue\w*|trouble\w*|wrong|angry|upset|(?:un)?happy|annoyed|(?:dis)?satisf\w*|feel\w*|mood|open|summar\w*|latest|last|recent\w*|newest)\b"
    r"|投诉|抱怨|联系过|沟通|评价|反馈|来信|不满|满意|生气|高兴|情绪|问题|困难|最近|上次|最后",
    re.I,
)
# how near a sentence has to be by meaning, where it shares no word; of Chinese the embedder tells too little
NEAR = 0.28


def speaks_of(
    focus: Focus, question: str, texts: Sequence[str], translate: Callable[[str], str] | None = None
) -> bool:
    """Whether ``texts``, which an answer cites, speak of what ``question`` (without the account's name) asks for.

    True where that can't be told. ``translate`` makes English of a Chinese question, for English texts.
    """
    if not texts or not _ASKS_FOR.search(question) or _OF_CONTACT.search(question):
        return True
    chinese = is_chinese(question)
    if chinese and not any(map(is_chinese, texts)):
        question, chinese = (translate(question) if translate else ""), False
    elif not chinese and any(map(is_chinese, texts)):
        return True
    asked = {
        w for w in query_words(question) if w not in _FORM and (len(w) < 2 or not chinese or w.isascii())
    }
    if not asked or asked & {word for text in texts for word in segment(text)}:
        return True
    return not chinese and focus.nearness(question, [s for text in texts for s in sentences(text)]) >= NEAR
