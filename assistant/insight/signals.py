"""What a message says between the lines, by word lists: its mood, a complaint, thoughts of leaving.

English and Chinese, quick and the same on every machine; features over a whole record use it. Where the
sentiment model is at hand it can be given instead (see
:func:`assistant.insight.features.customer_features`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_GOOD = [
    "love",
    "loved",
    "lovely",
    "great",
    "excellent",
    "amazing",
    "perfect",
    "perfectly",
    "wonderful",
    "fantastic",
    "delicious",
    "superb",
    "happy",
    "pleased",
    "glad",
    "thanks",
    "thank",
    "grateful",
    "quick",
    "quickly",
    "fast",
    "friendly",
    "helpful",
    "kind",
    "impressed",
    "recommend",
    "best",
    "brilliant",
    "enjoy",
    "enjoyed",
    "enjoying",
    "tasty",
    "smooth",
    "beautiful",
    "satisfied",
    "appreciate",
    "appreciated",
    "awesome",
    "outstanding",
    "good",
    "nice",
    "fresh",
    "favourite",
    "favorite",
    "delighted",
    "easy",
    "well",
    "reliable",
]
_BAD = [
    "bad",
    "terrible",
    "awful",
    "horrible",
    "worst",
    "poor",
    "disappointed",
    "disappointing",
    "disappointment",
    "annoyed",
    "annoying",
    "angry",
    "frustrated",
    "frustrating",
    "unacceptable",
    "useless",
    "broken",
    "damaged",
    "leaking",
    "leaks",
    "leak",
    "late",
    "delayed",
    "delay",
    "missing",
    "lost",
    "wrong",
    "faulty",
    "defective",
    "stale",
    "flat",
    "bitter",
    "sour",
    "burnt",
    "expensive",
    "overpriced",
    "rude",
    "ignored",
    "waiting",
    "waited",
    "never",
    "nobody",
    "refund",
    "complaint",
    "complain",
    "problem",
    "problems",
    "issue",
    "issues",
    "fail",
    "failed",
    "fails",
    "cancel",
    "unhappy",
    "upset",
    "sorry",
    "unfortunately",
    "mistake",
    "error",
    "charged",
    "twice",
    "ridiculous",
    "disgusting",
    "slow",
    "worse",
    "loud",
    "uneven",
    "unevenly",
    "overcharged",
    "dented",
    "crushed",
    "torn",
]
_NOT = [
    "not",
    "no",
    "never",
    "don't",
    "didn't",
    "doesn't",
    "isn't",
    "wasn't",
    "won't",
    "can't",
    "cannot",
    "couldn't",
    "hardly",
    "without",
    "neither",
]
_STRONG = ["very", "really", "extremely", "so", "absolutely", "totally", "completely", "utterly"]
_GOOD_ZH = [
    "喜欢",
    "很好",
    "非常好",
    "太好",
    "好喝",
    "满意",
    "感谢",
    "谢谢",
    "棒",
    "完美",
    "开心",
    "高兴",
    "推荐",
    "香",
    "新鲜",
    "很快",
    "方便",
    "不错",
    "贴心",
    "耐心",
    "优秀",
    "赞",
    "惊喜",
    "值得",
]
_BAD_ZH = [
    "差",
    "糟",
    "失望",
    "生气",
    "太慢",
    "慢",
    "坏",
    "破损",
    "漏",
    "错",
    "少了",
    "没收到",
    "丢",
    "贵",
    "难喝",
    "苦",
    "不新鲜",
    "投诉",
    "退款",
    "问题",
    "不满",
    "不好",
    "垃圾",
    "麻烦",
    "等了",
    "迟",
    "晚了",
    "故障",
    "异响",
    "噪音",
    "涨价",
    "没人",
    "敷衍",
    "无语",
    "受够",
]
_LEAVING = re.compile(
    r"\b(cancel(?:ling|ing|led)? (?:my|the|our|this) (?:\w+ )?(?:subscription|plan|account|contract|membership)"
    r"|(?:how|want|like|going|need|wish) to (?:cancel|leave|stop|quit|end|terminate)|unsubscribe"
    r"|(?:stop|end|quit|pause|skip)(?:ping|ping)? (?:my|the|our|this|next|a) (?:\w+ )?"
    r"(?:subscription|plan|delivery|deliveries|month|box|dispatch)"
    r"|another (?:roaster|shop|provider|supplier|company)|competitors?|elsewhere|switch(?:ing|ed)? to"
    r"|too (?:expensive|dear|much coffee)|cheaper|close my account|leaving you)\b"
    r"|取消订阅|退订|不想再订|不再订|停止订阅|暂停|跳过|换一家|别家|别的品牌|更便宜|注销|终止|太贵|不续",
    re.I,
)
_COMPLAINT = re.compile(
    r"\b(complain\w*|refund\w*|disappoint\w*|unaccept\w*|never (?:came|arrived)|(?:not|n't|still) (?:yet )?(?:arriv|receiv"
    r"|work|come)\w*|damaged|broken|faulty|defective|leak\w*|wrong (?:item|product|order|bag|grind|beans?|coffee)|missing"
    r"|overcharg\w*|charged (?:me )?twice|double charge|too (?:late|loud|expensive)|stale|tast\w+ flat|rip.?off|fed up"
    r"|last time|had enough|price (?:rise|increase|hike))\b"
    r"|投诉|退款|失望|没收到|还没到|破损|坏了|漏水|发错|少发|不新鲜|难喝|多扣|扣了两次|受够|涨价|太贵|噪音|异响",
    re.I,
)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_WORD = re.compile(r"[a-z']+")
_ZH_WORDS = re.compile(
    r"(不|没|没有|不太|不够)?(" + "|".join(sorted(_GOOD_ZH + _BAD_ZH, key=len, reverse=True)) + ")"
)
_EN_VALUE = dict.fromkeys(_GOOD, 1.0) | dict.fromkeys(_BAD, -1.0)
_NOT_SET, _STRONG_SET, _GOOD_ZH_SET = frozenset(_NOT), frozenset(_STRONG), frozenset(_GOOD_ZH)


@dataclass(frozen=True)
class Signals:
    """Per text (n,): mood in -1..1, and whether it complains or speaks of leaving, pausing or going
    elsewhere."""

    mood: np.ndarray
    complaint: np.ndarray
    leaving: np.ndarray


def read_signals(texts: Sequence[str]) -> Signals:
    """Mood, complaint and leaving for each text; empty texts are neutral."""
    return Signals(
        np.array([mood(t) for t in texts], dtype=float),
        np.array([bool(_COMPLAINT.search(t)) for t in texts], dtype=bool),
        np.array([bool(_LEAVING.search(t)) for t in texts], dtype=bool),
    )


def mood(text: str) -> float:
    """-1 (all words bad) .. 1 (all words good), 0 without such words; negation turns a word around."""
    total, seen = 0.0, 0
    if _CHINESE.search(text):
        for match in _ZH_WORDS.finditer(text):
            value = 1.0 if match.group(2) in _GOOD_ZH_SET else -1.0
            total += -value if match.group(1) else value
            seen += 1
    words = _WORD.findall(text.lower())
    for i, word in enumerate(words):
        value = _EN_VALUE.get(word, 0.0)
        if not value:
            continue
        before = words[max(0, i - 3) : i]
        if _NOT_SET.intersection(before):
            value *= -0.7
        if _STRONG_SET.intersection(before[-1:]):
            value *= 1.5
        total += value
        seen += 1
    # few words say less: one good word alone is not an enthusiastic letter
    return float(np.clip(total / (seen + 1.0), -1.0, 1.0)) if seen else 0.0
