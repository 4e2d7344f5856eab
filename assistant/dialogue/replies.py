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
from assistant.dialogue.answer import Stop, never, stoppable
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
    r"|已(?:经)?(?:为您)?(?:取消|更改|退款|寄出|发出|登记|预约|处理|安排|办理)",
    re.I,
)
_INTERNAL = re.compile(
    r"\b(?:churn|segment|risk of leaving|evidence|customer [A-Z]{1,3}-\d+)\b|流失|证据|资料", re.I
)


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
    cancelled: Stop = never,
) -> Reply:
    """The draft, in the customer's language. ``facts`` and ``evidence`` are what the tool ``reply_facts`` gives.

    Raises Cancelled when ``cancelled`` says so.
    """
    language = "zh" if facts["language"] == "zh" else "en"
    system = render("reply", language, company=company, tone=tone or TONE[language])
    message = facts["message"]["text"]
    known = "\n".join(f"- {e.text}" for e in evidence[1:])
    prompt = {"en": f"Evidence:\n{known}\n\nThe customer's message:\n{message[:1500]}", "zh": f"资料：\n{known}\n\n客户的留言：\n{message[:1500]}"}[language]  # fmt: skip
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
    parts: "Parts", box: "Toolbox", customer: str, shown: Sequence[Evidence], cancelled: Stop = never
) -> tuple[str, list[Sentence]]:
    """A draft of the reply to a customer's last message, in the customer's language, and what of ``shown`` it rests on."""
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
        cancelled=cancelled,
    )
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
        if any(p not in ours for p in promises) or _CLAIM.search(sentence) or _INTERNAL.search(sentence):
            continue
        if re.match(
            r"(?:dear|hi|hello|kind regards|best regards|sincerely)\b|亲爱的|尊敬的|此致", sentence, re.I
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
