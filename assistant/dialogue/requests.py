"""Whether a message asks for something to be done, and what: read by code, in English and Chinese.

A question about how something is done is not a request. What is read here changes nothing by itself: the assistant
says what would happen and waits for an explicit yes (see ``actions``).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from assistant.dialogue.policy import Policy


@dataclass(frozen=True)
class Request:
    """One thing to do: ``kind`` is an action's name, ``slots`` what the message says about it."""

    kind: str
    slots: Mapping[str, Any] = field(default_factory=dict)


# -- yes, no, undo ----------------------------------------------------------------------------------------------

_YES = re.compile(
    r"(?:(?:yes|yep|yeah|yup|sure)(?:[, ]+(?:please|sure|do it|do that|go ahead|i confirm|i agree|i am sure|i'm sure|that's right|correct|confirm|cancel it|"
    r"please do|please do it|please go ahead|thanks|thank you|i do|absolutely|definitely|of course))*"
    r"|(?:i )?confirm(?:ed)?|i agree|agreed|please confirm it|(?:please )?(?:do it|do that|go ahead|proceed)(?: please)?|please do"
    r"|(?:ok|okay)[, ]+(?:yes|do it|go ahead|confirm|please do|i confirm)(?: please)?"
    r"|(?:是|是的|对|对的|确认|我确认|确定|我确定|同意|我同意|请办理|请执行|请继续|好的?[，, ]*(?:确认|是的|请办理|办吧)|是的?[，, ]*(?:请|请办理|确认|没错|谢谢)|确认[，, ]*谢谢|没错|嗯[，, ]*确认))",
    re.I,
)
_NO = re.compile(
    r"(?:no|nope|nah|no thanks|no thank you|not now|never ?mind|forget (?:it|about it)|stop|don't|do not|don't do (?:it|that)|please don't|leave it"
    r"|rather not|i changed my mind|no(?! (?:longer|preference|particular|special|problem)\b)[, ]+.*|不|不用了?|不要了?|不是|算了|不必了?|先不要?|否|别|停|不了|我改变主意了|不用了?[，, ]*谢谢)",
    re.I,
)
_UNCLEAR = re.compile(
    r"(?:ok|okay|k|hm+|mhm|uh(?: huh)?|maybe|perhaps|i think so|i guess(?: so)?|probably|possibly|fine|alright|all right|right|cancel|good|great|cool|thanks|thank you"
    r"|yes\?+|yes[, ]+but.*|好|好的|好吧|嗯+|行|可以|可能|也许|大概|应该吧|取消|谢谢|[\W_]+|👍)",
    re.I,
)
_UNDO = re.compile(
    r"(?:please |can you |could you )?(?:undo|revert|reverse)(?: that| it| this| the last (?:change|action|step)| my last (?:change|request))?(?: please)?"
    r"|(?:please )?take (?:that|it) back(?: please)?|(?:请|帮我)?(?:撤销|撤回|恢复原样|改回来|改回去)(?:刚才的?(?:操作|更改|修改)?|上一步|一下)?(?:吧|谢谢)?",
    re.I,
)


def _whole(pattern: re.Pattern[str], message: str) -> bool:
    return bool(pattern.fullmatch(message.strip().strip("\"'“”").rstrip(".!。！~ ,，").strip()))


def is_yes(message: str) -> bool:
    """An explicit yes and nothing else; "ok", a smiley or "yes, but ..." is none."""
    return _whole(_YES, message)


def is_no(message: str) -> bool:
    return _whole(_NO, message)


def is_unclear(message: str) -> bool:
    """Said in answer to a proposal, but neither yes nor no."""
    return _whole(_UNCLEAR, message)


def is_polite(message: str) -> bool:
    """Whether a question is a request: "could you ..."."""
    return bool(_POLITE.search(message))


def asks_how(message: str) -> bool:
    """Whether a message asks about something instead of asking for it to be done."""
    return bool(_QUESTION.search(message))


def is_undo(message: str) -> bool:
    return _whole(_UNDO, message)


# -- what is asked for -------------------------------------------------------------------------------------------

_QUESTION = re.compile(
    r"^\W*(?:and |so |but |hi,? |hello,? )*(?:how|what|when|where|why|which|who|until|till|by when|is|are|am|was|were|may i|can i|could i|can we|do|does|did|has|have|"
    r"will|would it|would you say|should|if|in case|suppose|any|for how|not sure|i wonder|tell me (?:how|what|when|whether|if|about)|explain|does it)\b"
    r"|^(?!.*(?:帮我|请(?:把|取消|暂停|恢复|跳过|给|修改|更改|更换|为|开|转)|麻烦)).*(?:怎么|如何|怎样|多久|什么|几天|几个|多长|最多|多少|为何|能不能|能否|是否|可不可以|吗|呢|哪)",
    re.I,
)
_WISH = re.compile(
    r"\b(?:please|pls|kindly|can you|could you|would you|will you|(?:i|we|she|he|they|customer|client|who) (?:really |just |now )?(?:wants?|needs?|wish(?:es)?|would like|have|has)\b|"
    r"(?:i|we|she|he)(?:'d| would) (?:like|rather|love)|i'm moving|(?:i|we)(?:'ve| have)? moved|help me|let's|i no longer want)"
    r"|^\W*(?:(?:hi|hello|hey|dear|ok|okay|so|and|then|also|now|yes|just|go ahead and)\b[^a-z]*|[A-Z]{1,3}-\d+\W+|for \S+[:,]? )*"
    r"(?:cancel+|cancle|stop|revoke|withdraw|return|send|give|bring|change|update|correct|replace|set|fix|edit|new|ship|deliver|pause|put|suspend|hold|resume|"
    r"unpause|un-pause|reactivate|restart|continue|end|skip|switch|upgrade|downgrade|move|subscribe|sign|start|begin|open|get|order|terminate|quit|close|"
    r"unsubscribe|remove|take|opt|no more|leave|call|phone|ring|book|schedule|arrange|request|create|raise|file|log|make|submit)\b"
    r"|请|帮|我要|我想|我们要|麻烦|需要|想要|我搬家|我不要|^\W*(?:[A-Z]{1,3}-\d+\W*)?(?:把|给|取消|暂停|恢复|跳过|换|改|退|订|开|预约|修改|更|停|终止|结束|新地址|不要再|别再|登记|提交|新建|创建|建|回电|转)",
    re.I,
)
_POLITE = re.compile(
    r"\b(?:please|pls|can you|could you|would you|will you|kindly)\b|请|帮我|麻烦|能.{0,3}帮", re.I
)
_NEGATED = re.compile(
    r"\b(?:don't|do not|didn't|did not|never|won't|would not|wouldn't|not)\b[^.!?]{0,20}\b(?:cancel|return|pause|skip|change|stop|unsubscribe|end|send)\b"
    r"|(?:不想|不要|别|没有|没)(?:再)?(?:取消|退|暂停|跳过|改)",
    re.I,
)
_PAST = re.compile(
    r"\b(?:i|we|you|he|she|they|it|was|were|has been|have been|already|customer) (?:have |has |had |was |were |been |already |just )*"
    r"(?:cancelled|canceled|returned|paused|skipped|changed|asked|tried)\b|(?:已经|刚刚?|之前|昨天|上次)(?:取消|退|暂停|跳过|改)",
    re.I,
)
_ORDER = r"(?:\border\b|\bparcel\b|\bpackage\b|\bLO-\d+|订单|包裹)"
_SUBSCRIPTION = r"(?:\bsubscri\w*|\bplan\b|\bmembership\b|\bSU-\d+|\bdeliver(?:y|ies)\b|\bbox(?:es)?\b|订阅|套餐|配送|会员)"

_KINDS: tuple[tuple[str, str], ...] = (
    ("leave_newsletter",
     r"\b(?:unsubscribe|sign me off|remove me|take me off|opt (?:me )?out|stop (?:sending|the|your|these|all)|no more|leave|cancel)\b.*"
     r"\b(?:newsletters?|mailing list|marketing|advertis\w+|promotion\w*|promo e?-?mails?|promo)\b"
     r"|(?:退订|取消|不要再发|停止发送|别再发).*(?:邮件|简报|通讯|新闻信|广告|促销|推广)"),
    ("book_callback",
     # "before I call her" asks for nothing
     r"(?<!\bi )(?<!\bwe )\b(?:call|phone|ring) (?:me|us|him|her|them|the customer)\b|\bcall[- ]?backs?\b|\bgive (?:me|us) a (?:call|ring)\b|回(?:个)?电|回拨|给我(?:回|打)(?:个)?电话|打(?:个)?电话给我|预约.*电话"),
    ("open_ticket",
     r"\b(?:open|create|raise|file|log|make|submit|start)\b.{0,20}\b(?:ticket|complaint|case)\b|\b(?:i want|i'd like|i would like|i need) to (?:complain|file a complaint)\b"
     r"|(?:开|建|创建|提交|登记|新建).{0,6}(?:工单|投诉|反馈单)|我要投诉"),
    ("skip_delivery",
     r"\bskip\b.*(?:box|deliver|shipment|month|next|one|bag)|跳过"),
    ("resume_subscription",
     r"\b(?:resume|unpause|un-pause|reactivate|restart|continue)\b.*" + _SUBSCRIPTION + r"|\bend (?:the|my|her|his) pause\b|(?:恢复|重新开始|结束暂停).*(?:订阅|套餐|配送|暂停)?"),
    ("pause_subscription",
     r"\b(?:pause|put .* on hold|suspend|hold)\b.*(?:" + _SUBSCRIPTION + r"|\bmonths?\b|\bit\b)|暂停"),
    ("change_plan",
     r"\b(?:switch|change|upgrade|downgrade|move|put)\b.*\b(?:to|on|onto)\b.*\b(?:{plans})\b|(?:换|改|升级|降级|转)(?:成|到|为|至).*(?:{plans_zh})"),
    ("start_subscription",
     r"\b(?:subscribe|sign (?:me )?up|start|begin|open|get me|order)\b.*\b(?:{plans})\b|(?:订阅|开通|订购|办理|开始).{0,8}(?:{plans_zh})"),
    ("cancel_subscription",
     r"\b(?:cancel+|cancle|end|stop|terminate|quit|close)\b[^.?!]*" + _SUBSCRIPTION + r"|\bunsubscribe me(?: from (?:the|my) (?:plan|subscription))?\b|\bno longer want the subscription\b"
     r"|(?:取消|终止|停止|退订|停掉|结束).*(?:订阅|套餐|会员)|不要再给我发货"),
    ("change_address",
     r"\b(?:change|update|correct|replace|set|fix|edit)\b.*\baddress(?:es)?\b|\bnew (?:delivery |shipping |postal )?address(?: is|:)|\b(?:ship|send|deliver)\b[^.?!]{0,30}\bto (?:another|a different|my new|this|the following|a new) address\b"
     r"|\bmoved to\b.*\b(?:send|ship|deliver)\b|\b(?:send|ship|deliver)\b.*\bthere instead\b|搬(?:到|去).*(?:寄|送|发)|(?:寄|送|发)到(?:新家|那里|那边)"
     r"|(?:改|换|更新|更改|修改|变更).{0,8}地址|地址.{0,6}(?:改|换|更新|变更)|新地址"),
    ("return_order",
     r"\b(?:return|send back|give back|give .* back|send .* back|bring back)\b.*(?:" + _ORDER + r"|\bit\b|\bthis\b|\bthat\b|\bthem\b|\bitems?\b|\b(?:the|my)\b)|\bsend (?:it|this|that|them|these) back\b|退货|退掉|退回"),
    ("cancel_order",
     r"\b(?:cancel+|cancle|stop|revoke|withdraw)\b[^.?!]*(?:" + _ORDER + r"|\bit\b|\bthat\b|\bpurchase\b)|取消.{0,10}(?:订单|LO-|那单|这单|它)|(?:订单|LO-\d+).{0,6}(?:取消|不要了)"),
)  # fmt: skip


def read_request(message: str, policy: Policy) -> Request | None:
    """The one thing that ``message`` asks to be done, or None."""
    text = " ".join(message.split())
    if len(text) > 600 or _QUESTION.search(text) or _NEGATED.search(text) or _PAST.search(text):
        return None
    if not _WISH.search(text) or (text.endswith(("?", "？")) and not _POLITE.search(text)):
        return None
    plans = policy.change_plan.plans if policy.change_plan else {}
    names = "|".join(re.escape(p) for p in plans) or "(?!)"
    names_zh = "|".join([*(re.escape(p.zh) for p in plans.values() if p.zh), *plans]) or "(?!)"
    for kind, pattern in _KINDS:
        filled = pattern.replace("{plans}", names).replace("{plans_zh}", names_zh)
        if re.search(filled, text, re.I):
            return Request(kind, {"message": text})
    return None


def read_plan(text: str, plans: Mapping[str, Any]) -> str | None:
    """The plan a message names last ("from Home to Taster" means Taster)."""
    found = [
        (m.end(), name)
        for name, plan in plans.items()
        for form in (name, plan.zh)
        if form
        for m in re.finditer(rf"(?<![A-Za-z]){re.escape(form)}(?![A-Za-z])", text, re.I)
    ]
    return max(found)[1] if found else None


_COUNTS = {"one": 1, "a": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "twelve": 12,
           "一": 1, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "半": 6}  # fmt: skip


def read_months(text: str) -> int | None:
    """A number of months: "for two months", "暂停三个月"."""
    if re.search(r"half a year|半年", text, re.I):
        return 6
    if m := re.search(
        r"\b(\d{1,2}|" + "|".join(w for w in _COUNTS if w.isascii()) + r")[ -]months?\b", text, re.I
    ):
        return int(m[1]) if m[1].isdigit() else _COUNTS[m[1].lower()]
    if m := re.search(r"(\d{1,2}|[一两二三四五六])\s*个?月", text):
        return int(m[1]) if m[1].isdigit() else _COUNTS[m[1]]
    if m := re.fullmatch(r"\W*(\d{1,2}|" + "|".join(_COUNTS) + r")\W*", text, re.I):
        return int(m[1]) if m[1].isdigit() else _COUNTS[m[1].lower()]
    return None


_WEEKDAYS = {name: n for n, names in enumerate(
    ["monday 周一 星期一 礼拜一", "tuesday 周二 星期二 礼拜二", "wednesday 周三 星期三 礼拜三", "thursday 周四 星期四 礼拜四",
     "friday 周五 星期五 礼拜五", "saturday 周六 星期六 礼拜六", "sunday 周日 星期日 周天 星期天"]) for name in names.split()}  # fmt: skip


def read_day(text: str, today: date) -> date | None:
    """The day a call is wanted on, from today on."""
    low = text.lower()
    if m := re.search(r"(\d{4})-(\d{2})-(\d{2})", low):
        try:
            return date(*map(int, m.groups()))
        except ValueError:
            return None
    if re.search(r"day after tomorrow|后天", low):
        return today + timedelta(days=2)
    if re.search(r"\btomorrow\b|明天|明早", low):
        return today + timedelta(days=1)
    if re.search(r"\btoday\b|\bthis (?:afternoon|morning)\b|今天|今日|今早", low):
        return today
    for name, number in _WEEKDAYS.items():
        if re.search(rf"\b{name}\b" if name.isascii() else name, low):
            return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)
    if m := re.search(r"(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]", low):
        return _next(int(m[1]), int(m[2]), today)
    from assistant.dialogue.facts import MONTHS

    months = "|".join(sorted(MONTHS, key=len, reverse=True))
    if m := re.search(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({months})\b", low):
        return _next(MONTHS[m[2]], int(m[1]), today)
    if m := re.search(rf"\b({months}) (\d{{1,2}})(?:st|nd|rd|th)?\b", low):
        return _next(MONTHS[m[1]], int(m[2]), today)
    return None


def _next(month: int, day: int, today: date) -> date | None:
    try:
        found = date(today.year, month, day)
        return found if found >= today else date(today.year + 1, month, day)
    except ValueError:
        return None


def read_time(text: str) -> str | None:
    """A time of day as ``HH:MM``: "at 14:30", "3 pm", "下午三点", "10点半"."""
    low = text.lower()
    if m := re.search(r"(?<!\d)([01]?\d|2[0-3])[:：.h]([0-5]\d)\s*(am|pm)?(?!\d)", low):
        hour = int(m[1]) + (12 if m[3] == "pm" and int(m[1]) < 12 else 0)
        if re.search(r"下午|晚上", low) and hour < 12:
            hour += 12
        return f"{hour:02d}:{m[2]}"
    if m := re.search(r"(?<!\d)(1[0-2]|0?[1-9])\s*(am|pm|a\.m\.|p\.m\.)", low):
        hour = int(m[1]) % 12 + (12 if m[2].startswith("p") else 0)
        return f"{hour:02d}:00"
    if m := re.search(r"(十[一二]?|[一二两三四五六七八九]|\d{1,2})\s*点(半)?", low):
        words = (
            {"十": 10, "十一": 11, "十二": 12}
            | {c: i for i, c in enumerate("零一二三四五六七八九")}
            | {"两": 2}
        )
        hour = int(m[1]) if m[1].isdigit() else words[m[1]]
        if re.search(r"下午|晚上", low) and hour < 12:
            hour += 12
        return f"{hour:02d}:{'30' if m[2] else '00'}" if hour < 24 else None
    if m := re.search(r"\bat (\d{1,2})(?: ?o'?clock)?\b(?![:.\d])", low):
        return f"{int(m[1]):02d}:00" if int(m[1]) < 24 else None
    if re.search(r"\bnoon\b|中午", low):
        return "12:00"
    if re.search(r"\bmorning\b|上午|早上", low):
        return "10:00"
    if re.search(r"\bafternoon\b|下午", low):
        return "14:00"
    return None


_ADDRESS_LEAD = re.compile(
    r"^.*?(?:\baddress(?:\s+(?:of|for|on|in)\s+[^:]{0,60}?)?\s*(?:is|to|:|：)|\bto\b\s*(?::|my new address:?|this address:?)?|\bmoved to\b|新?地址(?:改成|改为|换成|更新为|变更为|是|为|[:：])|(?:改成|改为|换成|更新为|变更为))\s*[:：]?\s*",
    re.I | re.S,
)

# where what follows an address begins: "…, 23552. Can you send it there?"
_NO_ADDRESS = re.compile(
    r"[.!;]\s+(?=(?:can|could|would|will|please|send|ship|deliver|so|and|my|i|is|thanks?)\b)|[。！；]|[，,]\s*(?=(?:请|帮|麻烦|能|可以|把|订单|包裹))",
    re.I,
)


def read_address(text: str, *, whole: bool = False) -> str | None:
    """A postal address on one line: a street with a number, and a place or a postcode beside it.

    With ``whole`` the message is an answer to the question for it, and may be nothing but the address.
    """
    match = _ADDRESS_LEAD.match(text)
    candidate = text[match.end() :] if match else text if whole else ""
    candidate = _NO_ADDRESS.split(candidate, maxsplit=1)[0]
    candidate = re.sub(r"\b(?:please|thanks|thank you)\b|谢谢|请", "", candidate, flags=re.I)
    candidate = " ".join(candidate.split()).strip(" .,;，。；")
    parts = [p for p in re.split(r"[,，;；]", candidate) if p.strip()]
    han = re.search(r"[\u3400-\u9fff]", candidate)
    if not re.search(r"\d", candidate) or "?" in candidate or "？" in candidate or len(candidate) > 200:
        return None
    if (
        len(parts) >= 2
        or (han and len(candidate) >= 8)
        or re.search(r"\b\d{4,5}(?: ?[A-Z]{2})?\b [A-ZÀ-Þ]", candidate)
    ):
        return candidate
    return None


_POSTCODE = re.compile(r"\b(?:\d{4} ?[A-Z]{2}|[A-Z]\d[\dW] [A-Z0-9]{4}|\d{4,5})\b")


def read_postcode(address: str) -> str | None:
    found = _POSTCODE.findall(address)
    return found[-1] if found else None
