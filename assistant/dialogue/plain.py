"""Questions about one account that leave nothing open: how many orders, how likely to leave, which subscription.

The router tells intents apart by whole sentences; a name, a date or another word order moves it. Where the words
themselves say which part of the record is asked for, that is looked up, and a count is made by code, never by the model.
"""

import re
from collections.abc import Iterable

from assistant.dialogue.periods import without_period
from assistant.knowledge.words import query_words, segment

_COUNT = re.compile(r"\bhow many\b|\bnumber of\b|\bcount\b|多少|[几]\s*[个单次笔]|数量|次数", re.I)
_ORDERS = re.compile(r"\border(?:s|ed)?\b|订单|下单|下[过了]?[^，。？]{0,3}单|订[过了]", re.I)
# what may stand beside these two without narrowing down which orders are meant
_BESIDE = frozenset(
    [
        *segment(
            "how many number count total overall altogether so far order ordered place placed make made put purchase "
            "customer client account exactly ever please there"
        ),
        *"总共一有客户顾账数量次订单下了过几笔个位先生女士目前至今到现在为止曾年月以来多少自从",
    ]
)
_COUNT_OF = re.compile(
    r"\bhow many orders\b|\bnumber of orders\b|\bcount\b|\borders?\b.*\bhow many\b|\bhow many (?:times )?(?:has|have|did)\b|[多几数次]",
    re.I,
)
_LEAVES = re.compile(
    r"\b(?:likel\w*|risk\w*|chance\w*|probab\w*|danger|odds|worr\w*)\b.{0,40}\b(?:leav\w*|churn\w*|lose|losing|lost|gone|quit\w*)\b"
    r"|\b(?:leav\w*|churn\w*|lose|losing)\b.{0,40}\b(?:likel\w*|risk|chance|probab\w*|odds)\b|\bchurn risk\b"
    r"|(?:离开|流失|走掉|流失掉).{0,12}(?:可能|概率|几率|风险|吗)|(?:可能|概率|几率|风险).{0,10}(?:离开|流失|走掉)",
    re.I,
)
_REVENUE = re.compile(
    r"\brevenue\b|\bturnover\b|\bspen[dt]\b.{0,30}\b(?:months?|year|total|so far)\b|营业额|消费(?:总?额|了多少)|花了多少",
    re.I,
)
_PLAN = re.compile(
    r"\b(?:what|which|how much|when)\b[^?.!]*\b(?:subscription|plan)\b(?! to\b)"
    r"|(?:什么|哪[个种款]|多少钱)[^，。？]{0,6}(?:订阅|套餐)|(?:订阅|套餐)[^。]{0,10}(?:什么|哪[个种款]|多少钱|几号|何时)",
    re.I,
)
_LAST_ORDER = re.compile(
    r"\b(?:last|latest|newest|most recent(?:ly)?)\b|(?:上一?|最近[一这]?|最新的?)[次个单]", re.I
)
_BOUGHT = re.compile(r"\b(?:order(?:ed)?|buy|bought|purchased?|get|got)\b|买|订|下单", re.I)
_NARROWER = re.compile(r"\b(?:cancel\w*|return\w*|refund\w*|late|except|before)\b|取消|退|之前|以前", re.I)


def of_last_order(message: str) -> bool:
    """Whether the newest order is meant, not one of several: "what did I order last".

    >>> of_last_order("what did I buy last?"), of_last_order("which item did I return last?")
    (True, False)
    """
    return bool(_LAST_ORDER.search(message) and _BOUGHT.search(message)) and not _NARROWER.search(message)


def counts_orders(message: str, names: Iterable[str] = ()) -> bool:
    """Whether only the number of an account's orders is asked for, in all or in a period; ``names`` say whose.

    >>> counts_orders("Orders of C-1118 since June 2026, how many?", ["C-1118"])
    True
    >>> counts_orders("How many of her orders came late?")
    False
    """
    for name in names:
        message = re.sub(re.escape(name) + r"(['’]s)?", " ", message, flags=re.I)
    if not (_COUNT.search(message) and _ORDERS.search(message)):
        return False
    # of Chinese its characters, which pairs of them would only repeat
    left = {word for word in query_words(without_period(message)) if len(word) < 2 or word.isascii()}
    return left <= _BESIDE and bool(_COUNT_OF.search(message))


def asks_for_part(message: str, guess: str) -> str | None:
    """Which part of an account's record the words ask for, where the router only has a ``guess``.

    >>> asks_for_part("is there a risk that he leaves?", "churn_risk"), asks_for_part("which plan has she?", "value")
    ('churn_risk', 'subscription')
    >>> asks_for_part("revenue from Gregor Wagenknecht over the last 12 months", "value")
    'value'
    """
    if guess == "churn_risk" and _LEAVES.search(message):
        return "churn_risk"
    if guess == "value" and _REVENUE.search(message):
        return "value"
    return "subscription" if _PLAN.search(message) else None
