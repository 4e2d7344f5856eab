"""Text from outside is data. Scanning finds text that tries to command the assistant or to get at what is not for it.

Three labels: ``block`` for an attempt to change the rules, to get at the prompt, or to be somebody else; ``flag`` for
what looks like one, or speaks of such things; ``allow`` for the rest. A customer's or visitor's blocked message is
refused without asking a model. Scanning is the outer fence only: what a role may see is decided by the tools, so that a
message that gets past it gains nothing. Hidden text (base64, hex, rot13, letters apart, look-alikes, invisible
characters) is read in the clear first.
"""

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from assistant.evidence import Evidence

SafetyLabel = Literal["allow", "flag", "block"]


@dataclass(frozen=True)
class Safety:
    """``score`` is in 0..1, ``reasons`` are codes."""

    label: SafetyLabel
    score: float
    reasons: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        blocked = self.score
        flagged = min(1 - blocked, blocked) if blocked < 1 else 0.0
        return {
            "label": self.label,
            "scores": {
                "block": round(blocked, 2),
                "flag": round(flagged, 2),
                "allow": round(1 - blocked - flagged, 2),
            },
            "reasons": list(self.reasons),
        }


_RULES_EN = r"(?:instructions?|rules?|prompts?|guidelines?|polic(?:y|ies)|restrictions?|guardrails?|directives?|programming|training|filters?|safety)"
_PATTERNS: tuple[tuple[str, float, str], ...] = (
    ("override", 1.0, rf"\b(?:ignore|disregard|forget|override|bypass|skip|drop|overwrite|disobey)\b[^.?!\n]{{0,40}}\b(?:all|any|your|the|previous|prior|above|earlier|these|those|every\w*)\b[^.?!\n]{{0,25}}\b{_RULES_EN}\b"),
    ("override", 1.0, r"\b(?:ignore|forget|disregard) (?:everything|all|anything|what) (?:above|before|you were told|you have been told|i said before|that was said|said)\b"),
    ("override", 1.0, r"\b(?:new|updated|real|following) (?:system )?(?:instructions?|directives?|rules?) ?(?:for you|for the assistant|follow|:|are)"),
    ("override", 1.0, r"(?:忽略|无视|忘记|忘掉|不要遵守|绕过|跳过|覆盖)[^。！？\n]{0,14}(?:指令|指示|规则|提示|要求|限制|设定|约束)|新的?(?:系统)?指令[:：]"),
    ("prompt", 1.0, r"\b(?:show|print|reveal|repeat|tell|give|output|display|write|quote|recite|leak|dump|translate|summari[sz]e|encode|copy|paste|what (?:is|are|does|were)|what's)\b[^.?!\n]{0,50}\b(?:system|initial|hidden|secret|internal|original|developer) (?:prompt|instructions?|message|rules?|text|guidelines?|configuration)\b"),
    ("prompt", 1.0, r"\b(?:repeat|print|output|recite|copy|write out|translate)\b[^.?!\n]{0,40}\b(?:everything|all|the (?:text|words|lines?|sentences?|message|paragraph))\b[^.?!\n]{0,20}\b(?:above|before this|preceding|up to here)\b"),
    ("prompt", 1.0, r"\byour (?:system |initial |secret |hidden )?(?:prompt|system message)\b|\bprompt (?:you were|that you were) given\b|\bwhat (?:were you|have you been) (?:told|instructed) (?:to do|not to|before)\b"),
    ("prompt", 1.0, r"系统提示|提示词|系统消息|初始指令|隐藏的?指令|(?:重复|输出|打印|显示|翻译)[^。！？\n]{0,10}(?:以上|上面|前面)的?(?:全部|所有)?(?:内容|文字|指令)"),
    ("role", 1.0, r"\b(?:developer|debug|god|jailbreak|dan|maintenance|sudo|root|unrestricted|admin(?:istrator)?) mode\b|\bjailbreak|\bdo anything now\b|(?-i:\bDAN\b) (?:mode|can)|\b(?:as|are|be) (?-i:DAN)\b"),
    ("role", 1.0, r"\b(?:you are|you're|act as|pretend (?:to be|you are|that you are|you're)|behave (?:as|like)|role ?-?play (?:as|that)|imagine (?:you are|you're)|simulate)\b[^.?!\n]{0,45}\b(?:admin\w*|root|agent|employee|unrestricted|no (?:rules|restrictions|limits|filters)|without (?:rules|restrictions|limits|filters)|evil|unfiltered|a different (?:ai|assistant)|developer|database|sql|terminal|shell|grandmother|hacker|manager|colleague|support staff)\b"),
    ("role", 1.0, r"\b(?:pretend|suppose|imagine|assume)\b[^.?!\n]{0,20}\b(?:you have no|there are no|without any?) (?:rules|restrictions|limits|filters|polic\w+)\b"),
    ("role", 1.0, r"\b(?:i am|i'm|this is|speaking as|as) (?:the |your |an? )?(?:system )?(?:admin(?:istrator)?|developer|owner of (?:this|the) (?:system|database)|ceo|root user|security (?:team|auditor|officer)|openai|anthropic|creator|support agent|employee|it department|auditor)\b(?=[^?]*\b(?:show|give|list|tell|print|reveal|need|export|access|grant|dump|send|unlock|disable|read|let|confirm|code|want|provide|open)\b)"),
    ("role", 1.0, r"(?:假装|扮演|假设|想象)[^。！？\n]{0,14}(?:管理员|客服|员工|没有(?:任何)?(?:规则|限制)|黑客|数据库|开发者)|(?:开发者|调试|管理员|越狱|上帝)模式|我(?:就)?是(?:你们?的?)?(?:系统)?(?:管理员|开发者|老板|客服主管|内部员工|审计员|技术人员|公司员工)"),
    ("role", 1.0, r"(?im)(?:^|\n|[\[<{#|*])\s*/?\s*(?:system|assistant|developer|im_start|im_end|inst|tool_call|function_call)\s*(?:[\]>}|]|:|：)"),
    ("role", 1.0, r"<\|[^|>]{2,20}\|>|\[/?INST\]|</?(?:system|tool_call|evidence|message)>|### ?(?:system|instruction)"),
    ("tools", 1.0, r"\b(?:call|run|execute|invoke|use|trigger)\b[^.?!\n]{0,30}\b(?:list_customers|customer_profile|contact_history|churn_risk|eligible_offers|search_knowledge|tool|function|sql)\b[^.?!\n]{0,40}|\b(?:select|drop|delete|update|insert)\b\s+(?:\*|from|table|into|\w+)\s.{0,40}\b(?:customers?|orders?|users?|table)\b\s*(?:;|where|--|$|set)|'\s*or\s*'?1'?\s*=\s*'?1|;\s*drop table|union select"),
    ("others", 1.0, r"\b(?:list|show|give|export|dump|print|send|tell|read)\b[^.?!\n]{0,40}\b(?:all|every|other|another|each) (?:of )?(?:the |your |our )?(?:customers?|clients?|users?|accounts?|people|subscribers?)(?:'s?|s')?\b(?![^.?!\n]{0,20}\b(?:prefer|like|love|recommend)\b)|\b(?:dump|export|leak)\b[^.?!\n]{0,20}\b(?:database|records?|data ?base|customer data|table)\b"),
    ("others", 1.0, r"(?:列出|显示|导出|给我|告诉我|念|发)[^。！？\n]{0,10}(?:所有|全部|其他|别的|另一位|另一个)的?(?:客户|顾客|用户|账户|人)(?!喜欢)|导出(?:整个)?数据库|数据库里"),
    ("inside", 1.0, r"\b(?:internal|confidential|secret|staff[- ]only|employees?[- ]only|agents?[- ]only|non-?public|classified)\b[^.?!\n]{0,30}\b(?:articles?|documents?|polic(?:y|ies)|rules?|guidelines?|notes?|handbook|playbook|manual|files?|information|data|knowledge|code ?words?|limits?|procedures?|prices?|instructions?|scores?)\b"),
    ("inside", 1.0, r"\b(?:agents?|staff|employees?|support team)(?:'s?|s')? (?:handbook|playbook|manual|guidelines?|notes|instructions|code ?words?)\b|\bretention (?:playbook|offers?|discount)\b|\b(?:code ?words?)\b|\b(?:fraud checks?|escalation matrix|supplier prices?|purchase prices?|profit margins?|discount ceiling|goodwill limits?)\b"),
    ("inside", 1.0, r"内部(?:的)?(?:规定|规则|文件|资料|文章|手册|流程|备注|政策|价格|指南|暗号|信息|知识)|(?:客服|员工)手册|进货价|挽留(?:方案|手册|优惠)|暗号|折扣上限|补偿额度|(?:流失|风险)(?:评分|分数|概率)|机密"),
    ("scores", 1.0, r"\b(?:churn|risk|lifetime[- ]value|segment|sentiment|propensity)\b[^.?!\n]{0,20}\b(?:scores?|probabilit(?:y|ies)|models?|predictions?|rating|segments?|band)\b|\bmy (?:churn|segment|risk band)\b|\b(?:which|what) segment\b"),
    ("hidden", 1.0, r"\b(?:decode|decrypt|base64|rot-?13|hexadecimal)\b[^.?!\n]{0,50}\b(?:and|then|follow|do|obey|execute|run|answer|instruction|says?)\b|(?:解码|解密)[^。！？\n]{0,14}(?:执行|照做|回答|按)"),
    ("asked", 0.5, r"\b(?:ignore|bypass|hack|exploit|inject\w*|jailbreak\w*|password|administrator|system prompt|confidential|as an? (?:agent|employee))\b|管理员|黑客|密码|绕过|机密"),
)  # fmt: skip
_COMPILED = tuple((reason, score, re.compile(pattern, re.I)) for reason, score, pattern in _PATTERNS)
# in an article or an e-mail only commands to the reader count; that it speaks of rules or codes is its right
_COMMANDS = frozenset({"override", "role", "tools", "prompt"})
_LEET = str.maketrans("013457@$", "oieastas")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{16,}={0,2}(?![A-Za-z0-9+/=])")
_HEX = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[ ]?){12,}(?![0-9A-Fa-f])")
LEFT_OUT = {"en": "[left out: a command, not information]", "zh": "[已略去：指令，并非信息]"}


def scan(text: str) -> Safety:
    """How safe a message is: its label, and why."""
    found: dict[str, float] = {}
    for form, hidden in _forms(text):
        for reason, score, pattern in _COMPILED:
            if pattern.search(form):
                found[reason] = max(found.get(reason, 0.0), score)
                if hidden:
                    found["hidden"] = 1.0
    score = max(found.values(), default=0.0)
    label: SafetyLabel = "block" if score >= 1 else "flag" if score > 0 else "allow"
    return Safety(label, score, tuple(sorted(found)))


def _forms(text: str) -> Iterator[tuple[str, bool]]:
    """The text as it reads, and what is hidden in it, each with whether it was hidden."""
    plain = unicodedata.normalize("NFKC", text)
    plain = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    yield plain, False
    yield _looks(plain), False
    if re.search(r"(?:\b\w[ .\-_*]){6,}", plain):  # l e t t e r s  apart; two spaces or more part words
        words = re.split(r"\s{2,}|\n", plain)
        yield (
            " ".join(
                re.sub(r"[ .\-_*]", "", w) if re.search(r"(?:\b\w[ .\-_*]){2,}", w) else w for w in words
            ),
            False,
        )
        yield re.sub(r"(?<=\b\w)[ .\-_*](?=\w\b)", "", plain), False
    if re.search(r"\d", plain):
        yield plain.translate(_LEET), False
    for match in _BASE64.finditer(plain):
        try:
            raw = base64.b64decode(match[0] + "=" * (-len(match[0]) % 4), validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            continue
        if raw.isprintable() or "\n" in raw:
            yield raw, True
    for match in _HEX.finditer(plain):
        try:
            yield bytes.fromhex(match[0].replace(" ", "")).decode("utf-8"), True
        except ValueError:
            continue
    turned = codecs.encode(plain, "rot13")
    if re.search(r"\b(?:ignore|instructions?|show|reveal|customers?|prompt|rules)\b", turned, re.I):
        yield turned, True
    backwards = plain[::-1]
    if re.search(r"\b(?:ignore|instructions|reveal|prompt|rules)\b", backwards, re.I):
        yield backwards, True


_LOOK_ALIKES = str.maketrans("аеорсухіѕԁӏαο", "aeopcyxisdlao")


def _looks(text: str) -> str:
    """Cyrillic and Greek look-alikes as the Latin letters they are taken for."""
    return text.lower().translate(_LOOK_ALIKES)


def is_command(text: str) -> bool:
    """Whether a sentence of an article or a message commands the reader's assistant instead of informing."""
    return any(
        score >= 1 and reason in _COMMANDS and pattern.search(form)
        for form, _ in _forms(text)
        for reason, score, pattern in _COMPILED
    )


def as_data(evidence: Sequence[Evidence], language: str) -> list[Evidence]:
    """The evidence with commands to the assistant taken out of it, sentence by sentence."""
    return [_without_commands(e, language) if is_command(e.text) else e for e in evidence]


def _without_commands(evidence: Evidence, language: str) -> Evidence:
    parts = re.split(r"(?<=[.!?。！？])(\s*)|(\n+)", evidence.text)
    kept = [
        LEFT_OUT[language] if part and part.strip() and is_command(part) else part or "" for part in parts
    ]
    text = "".join(kept)
    # a command that runs over the end of a sentence leaves nothing of the text
    return replace(
        evidence, text=LEFT_OUT[language] if is_command(text.replace(LEFT_OUT[language], " ")) else text
    )


def gives_away(sentence: str, secret: str, *, words: int = 7, characters: int = 12) -> bool:
    """Whether ``sentence`` repeats a run of ``words`` words, or of ``characters`` Chinese characters, of ``secret``."""
    said, held = (re.findall(r"[a-z0-9']+", t.lower()) for t in (sentence, secret))
    runs = {tuple(held[i : i + words]) for i in range(len(held) - words + 1)}
    if any(tuple(said[i : i + words]) in runs for i in range(len(said) - words + 1)):
        return True
    han, hidden = ("".join(re.findall(r"[\u3400-\u9fff]", t)) for t in (sentence, secret))
    return any(han[i : i + characters] in hidden for i in range(len(han) - characters + 1))
