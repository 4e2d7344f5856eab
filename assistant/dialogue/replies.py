"""A reply to a customer's last message, for an agent to read, change and send.

The model writes around the evidence; greeting and signature are put in by code. Each sentence is checked: what is not in
the evidence, promises something, or says that something was done, is left out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import HumanMessage, SystemMessage

from assistant.dialogue import safety
from assistant.dialogue.answer import UNKNOWN, Stop, never, stoppable
from assistant.dialogue.events import Sentence
from assistant.dialogue.facts import sentences
from assistant.dialogue.prompts import render
from assistant.dialogue.verify import Verifier, cite
from assistant.errors import Cancelled
from assistant.evidence import Evidence

if TYPE_CHECKING:
    from assistant.dialogue.parts import Parts
    from assistant.dialogue.tools import Toolbox

LONGEST = 5  # sentences
TONE = {"en": "friendly and clear, the answer first, no excuses", "zh": "亲切清楚，先回答问题，不找借口"}
# what a draft may only say where the evidence says it too
_PROMISE = re.compile(
    r"\b(?:refund|credit|compensat\w+|discount|voucher|free of charge|for free|replacement|guarantee\w*)\b|退款|补偿|赔偿|折扣|优惠券|免费|换货|保证",
    re.I,
)
_CLAIM = re.compile(
    r"\b(?:I|we)(?:'ve| have)(?: just| already)? (?!received|read|seen|noted|got\b|been|any\b|your\b|no\b)\w+"
    r"|\b(?:has|have) been (?:cancel|chang|refund|sent|ship|book|updat|process|credit|arrang)\w*"
    r"|已(?:经)?(?:为您)?(?:取消|更改|退款|寄出|发出|登记|预约|处理|安排|办理|核实|确认)",
    re.I,
)
_INTERNAL = re.compile(
    r"\b(?:churn|segment|risk of leaving|evidence|customer [A-Z]{1,3}-\d+)\b|流失|证据|资料", re.I
)


# a text for the customer is wanted, whatever it is to say; offers have drafts of their own
_TEXT_WANTED = re.compile(
    r"^\W*(?:(?:please|can you|could you|help me(?: to)?|now|and|ok|okay)\W+)*(?:write|draft|compose|word|phrase|formulate|prepare)\b"
    r"(?=.{0,40}\b(?:her|him|them|back|customer|reply|answer|response|message|mail|e-?mail|text|letter|note|apology|sms|[a-z]{1,3}-\d+)\b)"
    r"|(?:写|起草|草拟|拟|编)(?:一?下?[封条段个份则]?|个)?.{0,12}(?:信|邮件|回复|答复|短信|消息|留言|道歉)",
    re.I,
)
_OFFERED = re.compile(
    r"\boffers?\b(?! a (?:replacement|refund))|discount|voucher|coupon|promo|win-?back|retention|\bcredit\b|\d ?%|script|优惠|折扣|挽留|报价|召回|话术|促销|打.折",
    re.I,
)
_OTHER_LANGUAGE = re.compile(
    r"(?<=\bin )(?:dutch|german|french|spanish|italian|portuguese|polish|danish|swedish|japanese|korean|russian|turkish|arabic)\b|(?<=用)(?:荷兰|德|法|西班牙|意大利|日|韩|俄)[语文]",
    re.I,
)
_LANGUAGES = {
    "zh": re.compile(r"\bin chinese\b|中文", re.I),
    "en": re.compile(r"\bin english\b|英[文语]", re.I),
}
# what asking for a draft is made of; what is left over is what the draft is to say
_ASKING = re.compile(
    r"\b(?:please|can|could|you|write|draft|compose|word|phrase|formulate|prepare|suggest|give|help|me|a|an|the|to|of|for|in|our|on|from|i|send|short|few|lines|two|sentences|friendly|nice|quick|tone|"
    r"her|his|him|she|he|them|their|customer(?:'s)?|client|reply|answer|response|back|message|mail|e-?mail|text|letter|note|sms|chat|ticket|review|complaint|last|latest|yesterday|today|chinese|english|dutch|german|french|that|this|what|wrote|says?|saying)\b"
    r"|[A-Z]{1,3}-\d+|[请帮我给写起草拟的了一封条段个份则信回复答短消息留言邮件客户他她用中英文你您最后]",
    re.I,
)


def asks_for_text(message: str) -> bool:
    """Whether a colleague wants a text for a customer that is no offer.

    >>> asks_for_text("Write her a short note that the parcel is on its way"), asks_for_text("Draft an offer for him")
    (True, False)
    """
    return bool(_TEXT_WANTED.search(message)) and not _OFFERED.search(message)


def says_what(message: str) -> bool:
    """Whether a wish for a draft says what is to be in it.

    >>> says_what("Write her that the House Blend is on its way"), says_what("Draft a reply to his last message, please")
    (True, False)
    """
    left = _ASKING.sub(" ", message)
    return len(re.findall(r"[A-Za-z]{3,}", left)) > 1 or len(re.findall(r"[\u3400-\u9fff]", left)) > 5


def wanted_language(message: str) -> str | None:
    """The language a colleague wants a draft in, where the message says one that we write."""
    return next((name for name, words in _LANGUAGES.items() if words.search(message)), None)


@dataclass(frozen=True)
class Reply:
    """A draft, and the ids of the evidence that its sentences rest on."""

    text: str
    sources: tuple[str, ...]


def draft_reply(
    model: Any,
    facts: Mapping[str, Any],
    evidence: Sequence[Evidence],
    *,
    company: str,
    tone: str = "",
    wish: str = "",
    cancelled: Stop = never,
) -> Reply:
    """The draft, in the customer's language. ``facts`` and ``evidence`` are what the tool ``reply_facts`` gives.

    ``wish`` is what the colleague asked for, where that is more than a reply: it answers for what it says itself.
    Raises Cancelled when ``cancelled`` says so.
    """
    language = wanted_language(wish) or ("zh" if facts["language"] == "zh" else "en")
    system = render("reply", language, company=company, tone=tone or TONE[language])
    message = facts["message"]["text"]
    known = "\n".join(f"- {e.text}" for e in evidence[1:])
    if wish:
        evidence = [*evidence, Evidence("policy:wish", "policy", wish, "your message")]
    prompt = {"en": f"Evidence:\n{known}\n\nThe customer's message:\n{message[:1500]}", "zh": f"资料：\n{known}\n\n客户的留言：\n{message[:1500]}"}[language]  # fmt: skip
    if wish:
        prompt += {"en": f"\n\nYour colleague wants the reply to say this:\n{wish}", "zh": f"\n\n同事希望回复里这样说：\n{wish}"}[language]  # fmt: skip
    said = model.invoke([SystemMessage(system), HumanMessage(prompt)], **stoppable(model, cancelled))
    if cancelled():
        raise Cancelled
    found = _checked(said.content if isinstance(said.content, str) else "", evidence, company)
    kept = [sentence.strip() for sentence, _ in found]
    sources = dict.fromkeys(evidence[n - 1].id for _, numbers in found for n in numbers)
    if not kept:
        kept = [
            "谢谢您的留言，我们正在核实，会尽快给您回复。"
            if language == "zh"
            else "Thank you for your message; we are looking into it and will write back to you."
        ]
    return Reply(_framed(kept, facts, company, language), tuple(sources))


def reply_for_agent(
    parts: "Parts",
    box: "Toolbox",
    customer: str,
    shown: Sequence[Evidence],
    message: str = "",
    cancelled: Stop = never,
) -> tuple[str, list[Sentence]]:
    """A draft of the reply to a customer's last message, in the customer's language, and what of ``shown`` it rests on.

    ``message`` is what the colleague wrote; what it wants the reply to say goes in.
    """
    called, evidence = box.call("reply_facts", {"customer": customer})
    facts = called.result
    if not facts.get("message"):
        return "", []
    reply = draft_reply(
        parts.model,
        facts,
        safety.as_data(evidence, box.language),
        company=parts.company_in(facts["language"]),
        tone=parts.settings.tone,
        wish=message if says_what(message) else "",
        cancelled=cancelled,
    )
    if other := _OTHER_LANGUAGE.search(message):
        note = box.t(f"I write English and Chinese; {other[0]} is for you to put it into.", f"我只能用中文或英文写，{other[0]}请您自行翻译。")  # fmt: skip
        reply = Reply(f"{reply.text}\n({note})", reply.sources)
    numbers = tuple(n for n, e in enumerate(shown, start=1) if e.id in reply.sources)
    if not numbers:
        return reply.text, []
    rests = Sentence(cite(box.t("(The draft rests on", "（草稿依据："), numbers), numbers)
    return f"{reply.text}\n{rests.text}{box.t(')', '）')}", [rests]


def _checked(text: str, evidence: Sequence[Evidence], company: str) -> list[tuple[str, tuple[int, ...]]]:
    """The sentences that may stay, with the evidence they rest on: each fact is there, nothing else is promised."""
    ours = " ".join(e.text for e in evidence[1:]).lower()
    verifier = Verifier(evidence, context=company)
    kept = []
    for sentence in sentences(re.sub(r"\s*[\[【]\d{1,2}[\]】]", "", text)):
        promises = [m[0].lower() for m in _PROMISE.finditer(sentence)]
        if any(p not in ours for p in promises) or any(
            words.search(sentence) for words in (_CLAIM, _INTERNAL, UNKNOWN)
        ):
            continue
        if re.match(
            r"(?:dear|hi|hello|kind regards|best regards|sincerely)\b|亲爱的|尊敬的|此致|您好[，,！!]?[^，。]{0,12}[。！!]?$",
            sentence,
            re.I,
        ):
            continue
        found, check = verifier.check(sentence)
        if found is not None and check.verdict == "kept":
            kept.append((sentence, found.citations))
    return kept[:LONGEST]


def _framed(kept: Sequence[str], facts: Mapping[str, Any], company: str, language: str) -> str:
    """Greeting and signature as the channel wants them: a letter for e-mails and tickets, neither for a chat."""
    name, letter = str(facts.get("name") or ""), facts["channel"] in ("email", "ticket", "review")
    if language == "zh":
        body = "".join(kept)
        return f"{name}，您好！\n{body}\n{company}客服" if letter else f"您好！{body}"
    first = name.split()[0] if name else ""
    body = " ".join(kept)
    if not letter:
        return f"Hi{f' {first}' if first else ''}, {body}"
    return f"Dear {first or 'customer'},\n{body}\nKind regards, {company}"
