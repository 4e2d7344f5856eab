"""Text as searchable words, the same for passages and questions: English stems, Chinese pairs of characters, codes.

Chinese has no blanks between words. Single characters and pairs of neighbours find what a dictionary-based cut finds
and don't depend on where it cuts.
"""

import re
import threading
import unicodedata
from functools import lru_cache
from typing import Any

# what is cut out of normalised text: codes like lg-302 or in-000123, words, numbers like 21.90, runs of Chinese
_TOKEN = re.compile(
    r"(?P<code>[a-z]{1,5}-\d[a-z\d_-]*)|(?P<number>\d+(?:[.,:]\d+)*)|(?P<word>[^\W\d_\u3400-\u9fff\uf900-\ufaff]+\d*[a-z\d]*)"
    r"|(?P<han>[\u3400-\u9fff\uf900-\ufaff]+)"
)
EDITION = (
    2  # of the way text is cut: one more where a change makes other words, so that an index is written anew
)
_STEMMING = threading.Lock()
# no \b at its ends: Chinese stands beside a code without a blank, and counts as a letter
_CODE = re.compile(
    r"(?<![A-Za-z0-9_])(?=[A-Za-z0-9-]*\d)(?=[A-Za-z0-9-]*[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)+(?![A-Za-z0-9_])"
)

# words that say nothing about the subject of a question
_ENGLISH = """
a about after again all also am an and any are as at be because been before being but by can could did do does doing
don for from get got had has have having he her here hers him his how i if in into is it its just let ll me more my no
not now of off on once one only or other our out over please re s shall she should so some such t than that the their
them then there these they this those through to too up us ve very was we were what when where which while who whom why
will with would you your yours tell know want need like hi hello thanks thank
"""
# the same in Chinese: a question is cut at these, longest first
_CHINESE = """
为什么 怎么办 怎么样 能不能 可不可以 是不是 有没有 多长时间 请问 什么 怎么 怎样 如何 可以 是否 多少 多久 几天 一下 想要 需要 的话 还是
这个 那个 哪些 哪里 哪种 哪款 我们 你们 您们 他们 告诉 知道 已经 但是 可是 一直 不是 没有 的 了 吗 呢 吧 啊 我 你 您 他 她 它 是 在
有 和 与 就 都 也 还 要 会 能 请 问 么 这 那 把 被 给 到 想 说 对 几 让 又 很 太 没
"""


def normalised(text: str) -> str:
    """Lower case, full-width forms made half-width, accents dropped."""
    text = unicodedata.normalize("NFKC", text).casefold()
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def segment(text: str) -> list[str]:
    """All searchable words of ``text``, in order, repeated as often as they occur."""
    found: list[str] = []
    for match in _TOKEN.finditer(normalised(text)):
        kind, token = match.lastgroup, match.group()
        if kind == "code":
            found.append(token.replace("-", "").replace("_", ""))
        elif kind == "number":
            found.append(token.replace(",", ".").replace(":", "."))
        elif kind == "word":
            found.append(stem(token))
        else:
            found.extend(token)
            found.extend(token[i : i + 2] for i in range(len(token) - 1))
    return found


def query_words(text: str) -> list[str]:
    """The words of a question that carry meaning, each once, in order; all of them where none does."""
    text = normalised(text)
    words = list(dict.fromkeys(segment(_chinese_stops().sub(" ", text))))
    telling = [word for word in words if word not in _stop_words()]
    return telling or words or list(dict.fromkeys(segment(text)))


def codes(text: str) -> list[str]:
    """Codes and ids in ``text`` as they are searched: ``LG-302`` -> ``lg302``."""
    return list(dict.fromkeys(normalised(match).replace("-", "") for match in _CODE.findall(text)))


def is_chinese(text: str) -> bool:
    """Whether words of ``text`` are mostly Chinese."""
    words = segment(text)
    return bool(words) and sum(bool(re.match(r"[\u3400-\u9fff]", word)) for word in words) * 2 > len(words)


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The English stem (Snowball); words of other scripts and short ones stay as they are."""
    if len(word) <= 3 or not word.isascii() or not word.isalpha():
        return word
    with _STEMMING:  # the stemmer keeps the word it works on in itself
        return str(_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    english = _ENGLISH.split()
    return frozenset([*english, *(stem(word) for word in english)])


@lru_cache(maxsize=1)
def _chinese_stops() -> re.Pattern[str]:
    return re.compile("|".join(sorted(_CHINESE.split(), key=len, reverse=True)))
