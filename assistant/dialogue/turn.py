"""One turn: understand -> plan -> gather -> answer -> verify -> record. The blocking call drains the streaming one."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from assistant.dialogue import actions, phrases, questions, safety
from assistant.dialogue.answer import Stop, Writer, citations, never
from assistant.dialogue.events import (
    Answered,
    Event,
    HandedOff,
    Outcome,
    Planned,
    Retrieved,
    Sentence,
    Session,
    ToolCalled,
    Turn,
    Understood,
)
from assistant.dialogue.handover import suggest_reply
from assistant.dialogue.nearest import ABOUT_IT, closest_record, fitting, nearest, nearest_said, worth_reading
from assistant.dialogue.offer_drafts import drafts_for_agent
from assistant.dialogue.parts import Parts
from assistant.dialogue.plain import of_last_order
from assistant.dialogue.plan import LIKELY, SURE, make_plan, needs_account
from assistant.dialogue.questions import one_after_another
from assistant.dialogue.replies import reply_for_agent
from assistant.dialogue.requests import asks_how
from assistant.dialogue.settle import fixed, known_as, settle
from assistant.dialogue.spoken import speaks_of
from assistant.dialogue.tools import SAID_IT, Toolbox, question_alone
from assistant.dialogue.understand import (
    MISSING,
    Memory,
    Message,
    asks_for_count,
    speaks_of_somebody,
    understand,
)
from assistant.errors import AssistantError, Cancelled, PermissionDenied
from assistant.evidence import Evidence

LONGEST_MESSAGE = (
    8_000  # characters; more is cut with a note, a mail thread of that length is not one question
)
MOST_EVIDENCE = 8
# these are lists, terms and figures that code has already put into sentences; writing them anew could only spoil
# them. The number is how sure the router has to be: a question that only sounds like one of risk is for the model.
EXACT = {"list_customers": 0.0, "offer": 0.0, "next_action": 0.0, "churn_risk": LIKELY}
# the tools whose lines are said as they are, each with its own number; of a reply only the message it answers
RECITED = {
    "changes": "changes_since_contact",
    "negotiate": "negotiation",
    "risk_score": "risk_score",
    "lower_risk": "risk_levers",
    "models": "model_status",
    "data_quality": "data_quality",
    "features": "customer_features",
    "lifetime": "lifetime_value",
    "forecast": "sales_forecast",
    "sales": "sales",
    "unusual_orders": "unusual_orders",
    "reply_draft": "reply_facts",
}
ASKS_FOR_ITEMS = re.compile(
    r"\bwhat (?:was|is|were|are) in\b|\b(?:which|what) (?:items?|products?|things)\b|\bwhat did\b.*\b(?:buy|order)\b"
    r"|买了什么|买的什么|什么商品|哪些商品|里面有什么|包含什么",
    re.I,
)
HINTS = {
    ("items", "en"): "Name the items of the order.",
    ("items", "zh"): "请说出订单里的商品。",
    ("account_summary", "en"): "Summarise the account's history in four to six sentences: who it is and since when, subscription and orders, what is open, the last contact, mood and risk of leaving.",
    ("account_summary", "zh"): "用四到六句话概括这个账户的历史：是谁、从什么时候开始、订阅和订单、未处理的事、最近的沟通、情绪和流失风险。",
}  # fmt: skip


class Assistant(Parts):
    """The whole dialogue over one home folder. Its parts (see ``Parts``) are loaded when first needed, or given (a
    LangChain chat model, a store, an embedder, an index), which is how tests and other programs put in their own.
    """

    def ask(
        self,
        message: str,
        *,
        session: Session,
        conversation_id: str | None = None,
        history: Sequence[Mapping[str, str]] = (),
        cancelled: Stop = never,
    ) -> Turn:
        """One message, answered. Drains ``turn``; raises AssistantError when the message can't be taken.

        Once ``cancelled()`` is true the turn ends as it is then: without an answer, and not recorded.
        """
        turn = Turn(message)
        for event in self.turn(
            message,
            session=session,
            conversation_id=conversation_id,
            history=history,
            into=turn,
            cancelled=cancelled,
        ):
            turn.take(event)
        return turn

    def turn(
        self,
        message: str,
        *,
        session: Session,
        conversation_id: str | None = None,
        history: Sequence[Mapping[str, str]] = (),
        into: Turn | None = None,
        cancelled: Stop = never,
    ) -> Iterator[Event]:
        """The events of one turn. Closing the generator stops the model; nothing is then recorded. So does
        ``cancelled``, which is asked (also by the model, at each token) while the caller waits for the next event.

        ``conversation_id`` continues a conversation; without one a new one is begun. ``history`` gives earlier
        messages (``role``, ``content``) of a conversation that this home does not know.
        """
        turn = into if into is not None else Turn(message)
        text = message.strip()
        if not text:
            raise AssistantError("The message is empty.", "type a question")
        cut = len(text) > LONGEST_MESSAGE
        if cut:
            text = text[: LONGEST_MESSAGE // 2] + "\n...\n" + text[-LONGEST_MESSAGE // 2 :]
        said = Message(text, self.store)
        conversation = self._conversation(conversation_id, session, said)
        turn.conversation_id = conversation["id"]
        if conversation["held_by"] == "person":
            self.store.add_message(turn.conversation_id, "customer", text)
            yield HandedOff("held", "")
            return
        started = time.perf_counter()
        memory = Memory.from_dict(conversation.get("state") or {})
        if history and not memory.question:
            memory = self._remember(history, session)
        collected = Turn(text)
        session = known_as(session, memory)
        settled = settle(self, said, session, memory, turn.conversation_id)
        if settled is not None:
            reply, memory = settled
            beside = questions.beside(text, reply, self.policy)
        else:
            # what looks odd is read as it stands
            beside = questions.split(text) if safety.scan(text).label == "allow" else []
        state, here = memory, turn.conversation_id

        def answer(part: Message, memory: Memory) -> Iterator[Event]:
            if settled is not None and part is said:
                return self._settled(settled[0], said, started)
            return self._answer(part, session, memory, here, started, cancelled)

        parts = [Message(part, self.store) for part in beside]
        if settled is not None:
            parts.append(said)  # a proposal comes last: the yes answers what was said before it
        events = one_after_another(parts, answer, state) if len(parts) > 1 else answer(said, state)
        if settled is None:
            if memory.pending:
                events = _reminded(events, said.language)
            memory = replace(memory, pending=None, just_done=False)
        try:
            for event in events:
                collected.take(event)
                yield event
        except Cancelled:
            return
        self._record(turn, collected, memory, cut)

    def _settled(self, reply: actions.Reply, said: Message, started: float) -> Iterator[Event]:
        customers = (reply.customer,) if reply.customer else ()
        yield Understood(said.language, reply.kind, 1.0, self.sentiment(said), customers, routed_by="rule")
        yield Planned(())
        yield from reply.tools
        if reply.evidence:
            yield Retrieved(reply.evidence)
        if reply.handoff:
            yield HandedOff("asked", reply.text, reply.handoff)
            return
        yield Sentence(reply.text)
        yield _answered(reply.text, reply.outcome, started)

    def _answer(
        self,
        said: Message,
        session: Session,
        memory: Memory,
        conversation_id: str,
        started: float,
        cancelled: Stop,
    ) -> Iterator[Event]:
        message = said.text
        articles = cache(lambda asked: self.article_score(asked, session))
        understood = self._understand(said, session, memory, articles, cancelled)
        about_account = needs_account(understood.intent) or understood.intent == "order_status"
        nobody = not (understood.customers or understood.orders or understood.unknown or session.customer)
        anybody = about_account and nobody and understood.routed_by != "rule"
        if anybody:
            # before asking who is meant, or somebody to sign in: an article may answer as it is
            unsure = (
                understood.confidence < SURE and not speaks_of_somebody(message)
                if session.is_staff
                else understood.routed_by == "model"
            )
            if unsure or articles(said) >= getattr(self.index, "threshold", 1.0):
                understood = replace(understood, intent="policy", routed_by="articles")
        doubted = (
            understood.intent == "forbidden" and understood.routed_by == "router" and not session.is_staff
        )
        if doubted and understood.confidence < SURE and articles(said) >= ABOUT_IT:
            # what may be read by everybody is no secret; the tools hold back what isn't, whatever is asked
            understood = replace(understood, intent="policy", routed_by="articles")
        yield understood
        language = understood.language
        say = phrases.speaking(language)
        company = self.company_in(language)
        settled = fixed(self.store, message, understood, session, company)
        if settled is not None:
            text, outcome = settled
            yield Planned(())
            if understood.unknown:  # the customers it names instead come from the record
                yield Retrieved((Evidence("record:closest", "record", text, "customers"),))
            if outcome == "handed_off":
                summary = _summary(memory, message)
                yield HandedOff("asked", text, self.store.hand_off(conversation_id, "asked", summary))
            else:
                yield Sentence(text)
                yield _answered(text, outcome, started)
            return
        steps = make_plan(understood, message, session=session, store=self.store, today=self.store.as_of)
        yield Planned(steps)
        toolbox = self.toolbox(session, language, cancelled)
        evidence: list[Evidence] = []
        lines: list[str] = []  # ids of the evidence that is said as it is
        problems: list[str] = []
        said_it = False
        called_tools: list[str] = []
        try:
            for step in steps:
                if cancelled():
                    raise Cancelled
                called, found = toolbox.call(step.tool, step.arguments)
                called_tools.append(called.name)
                yield called
                if isinstance(called.result, dict) and called.result.get("error"):
                    problems.append(
                        " ".join(x for x in (called.result["error"], called.result.get("hint")) if x)
                    )
                evidence += [e for e in found if e.id not in {x.id for x in evidence}]
                if called.name == RECITED.get(understood.intent):
                    lines = [e.id for e in found]
                if called.name == "contact_history":
                    said_it = said_it or called.result.get("best", 0.0) >= SAID_IT
                elif said_it and steps[0].tool == "contact_history" and called.name == "customer_profile":
                    break
        except PermissionDenied:
            text = say.sign_in if session.role == "visitor" else say.refused
            yield Sentence(text)
            yield _answered(text, "refused", started)
            return
        evidence = safety.as_data(evidence[:MOST_EVIDENCE], language)
        yield Retrieved(tuple(evidence))
        writer = Writer(
            self.model,
            company=company,
            staff=session.is_staff,
            language=language,
            today=self.store.as_of.isoformat(),
            cancelled=cancelled,
            tone=self.settings.tone,
            choose=lambda lines: fitting(self.focus, message, lines),
        )
        if session.is_staff and "contact_history" in called_tools[:1]:
            row = self.store.customer(understood.customers[0])
            alone_asked = question_alone(message, row)
            writer.speaks = lambda cited: self._speaks(alone_asked, cited, toolbox)
        prepared = time.perf_counter() - started
        recited: list[int] = []
        near: tuple[float, int, list[int]] | None = None
        if evidence and worth_reading(evidence, self.index):
            before = memory.question if memory.history else None
            card = f"record:{understood.customers[0]}/profile" if understood.customers else ""
            records = [
                n
                for n, e in enumerate(evidence, start=1)
                if e.kind in ("record", "prediction", "policy") and (e.id != card or len(steps) == 1)
            ]
            alone = all(step.tool != "search_knowledge" for step in steps)
            one_order = understood.intent == "order_status" and understood.orders and alone
            exact = understood.confidence >= EXACT.get(understood.intent, 2.0)
            if exact and understood.confidence < SURE and said_it:
                exact = understood.intent != "churn_risk"  # it may be what the customer said about leaving
            recited = [n for n, e in enumerate(evidence, start=1) if e.id in lines]
            if recited and understood.confidence >= LIKELY:
                yield from writer.recite(
                    evidence, recited[:1] if understood.intent == "reply_draft" else recited
                )
            elif records and called_tools == ["orders"] and asks_for_count(said):
                yield from writer.quote(
                    evidence, records[0], [0]
                )  # counted by code, over the period that is meant
            elif ASKS_FOR_ITEMS.search(message) and (newest := _newest_order(said, understood, evidence)):
                yield from writer.quote(evidence, newest)
            elif records and (one_order or exact):
                yield from writer.quote(evidence, records[0])
            else:
                hint = HINTS.get((understood.intent, language), "") if understood.confidence >= SURE else ""
                if ASKS_FOR_ITEMS.search(message) and any(t.startswith("order") for t in called_tools):
                    hint = HINTS["items", language]
                yield from writer.write(message, evidence, before=before, hint=hint)
                unknown = writer.answered is None or writer.answered.outcome == "unknown"
                if unknown and records and understood.confidence >= LIKELY:
                    # the router was right about what is asked, so the record's own words are an answer
                    yield from writer.quote(evidence, closest_record(message, understood, evidence, records))
                elif unknown and writer.speaks and not records:
                    near = nearest_said(evidence, writer.speaks)
                    if near and near[0] >= ABOUT_IT:  # what was said about just this is an answer
                        yield from writer.quote(evidence, near[1])
                        near = None
                elif unknown and not records:
                    near = nearest(self.focus, message, evidence)
                    if (
                        near and near[0] >= ABOUT_IT
                    ):  # so do the words of an article that is certainly about it
                        yield from writer.quote(evidence, *near[1:])
                        near = None
        result = writer.answered
        if result is not None and result.outcome == "answered":
            answer, tail, cited = result.answer, "", result.citations
            lost = understood.intent == "order_status" and MISSING.search(message)
            if understood.intent == "cancel_or_change" and not session.is_staff and not asks_how(message):
                tail = say.change_note
            elif (understood.intent == "complaint" or lost) and not session.is_staff:
                tail = say.offer_person
            elif understood.intent == "offer" and session.is_staff:
                tail = drafts_for_agent(self, toolbox, understood.customers, message, cancelled)
            elif understood.intent == "reply_draft" and recited:
                tail, used = reply_for_agent(
                    self, toolbox, understood.customers[0], evidence, message, cancelled
                )
                cited = tuple(dict.fromkeys((*cited, *citations(used, evidence))))
            if tail:
                yield Sentence(tail)
                answer += ("\n\n" if language == "en" else "\n") + tail
            timing = dict(result.timing) | {"prepared_s": round(prepared, 3)}
            timing["total_s"] = round(time.perf_counter() - started, 3)
            if "first_token_s" in timing:
                timing["first_token_s"] = round(timing["first_token_s"] + prepared, 3)
            yield Answered(answer, "answered", cited, result.checks, timing)
            return
        cited = ()
        closer = say.unknown_next_agent if session.is_staff else say.unknown_next_customer
        if problems and (understood.routed_by != "unsure" or not evidence):
            text = problems[0]
        elif anybody and session.is_staff:
            text = say.which_customer
        elif near:
            shown = writer.nearest(evidence, *near[1:])
            cited = citations([shown], evidence)
            # who is meant was said; to name the customer would be no help
            text = shown.text if cited[0].kind == "interaction" else f"{shown.text}\n{closer}"
        else:
            text = f"{say.unknown} {closer}"
        if understood.intent == "complaint" and not session.is_staff:
            text = f"{say.sorry} {text}"
        yield Sentence(text, tuple(c.n for c in cited))
        checks = result.checks if result else ()
        timing = dict(result.timing) if result else {}
        yield Answered(
            text, "unknown", cited, checks, timing | {"total_s": round(time.perf_counter() - started, 3)}
        )

    def toolbox(self, session: Session, language: str, cancelled: Stop = never) -> Toolbox:
        """The tools as this session may use them."""
        return Toolbox(
            store=self.store,
            index=self.index,
            models=self.predictor,
            session=session,
            language=language,
            focus=self.focus if self.index is not None else None,
            policy=self.policy,
            home=self.home,
            translate=lambda question: self.translate(question, cancelled),
        )

    def _speaks(self, question: str, cited: Sequence[Evidence], toolbox: Toolbox) -> bool:
        said = all(e.kind == "interaction" or e.id.endswith("/profile") for e in cited)
        return not said or speaks_of(self.focus, question, [e.text for e in cited], toolbox.translate)

    def suggest_reply(self, conversation: str, cancelled: Stop = never) -> dict[str, Any] | None:
        """A reply to begin with for the colleague who takes a conversation over, kept with its hand-off."""
        return suggest_reply(self, conversation, cancelled)

    def _understand(
        self,
        said: Message,
        session: Session,
        memory: Memory,
        articles: Callable[[Message], float],
        cancelled: Stop = never,
    ) -> Understood:
        return understand(
            said,
            session=session,
            memory=memory,
            router=self.router,
            sentiment=self.sentiment,
            choose=lambda asked, intents: self.choose(asked, intents, cancelled),
            articles=articles,
            intents=self.intents(session),
            today=self.store.as_of,
        )

    # -- memory -----------------------------------------------------------------------------------------------

    def _conversation(self, conversation_id: str | None, session: Session, said: Message) -> dict[str, Any]:
        if conversation_id:
            found = self.store.conversation(conversation_id)
            if found is None:
                raise AssistantError(f"No conversation {conversation_id!r}.", "start a new one")
            mine = found["role"] == session.role and found["customer_id"] == session.customer
            # a colleague's question and its answer are not for the customer whose conversation it is
            if not (found["role"] in ("agent", "admin") if session.is_staff else mine):
                raise PermissionDenied("This conversation belongs to somebody else.")
            return dict(found)
        new = self.store.start_conversation(session.role, session.customer, language=said.language)
        return dict(self.store.conversation(new))

    def _remember(self, history: Sequence[Mapping[str, str]], session: Session) -> Memory:
        """Memory rebuilt from earlier messages by reading each of the user's again."""
        memory, question = Memory(), None
        for line in history[-6:]:
            if line.get("role") == "user":
                question = str(line.get("content", ""))[:LONGEST_MESSAGE]
                if question.strip():
                    said = Message(question, self.store)
                    understood = self._understand(
                        said, session, memory, lambda asked: self.article_score(asked, session)
                    )
                    memory = memory.after(question, understood, "")
            elif question is not None and memory.history:
                memory = Memory(
                    **{
                        **memory.__dict__,
                        "history": (*memory.history[:-1], (question, str(line.get("content", "")))),
                    }
                )
        return memory

    def _record(self, turn: Turn, collected: Turn, memory: Memory, cut: bool) -> None:
        understood = collected.understood
        detail = collected.as_dict()
        for key in ("answer", "intent", "sentiment", "language", "outcome", "conversation", "turn"):
            detail.pop(key, None)
        if cut:
            detail["cut"] = (
                f"the message was longer than {LONGEST_MESSAGE} characters; its middle was left out"
            )
        after = memory.after(collected.message, understood, collected.answer) if understood else memory
        turn.id = self.store.save_turn(
            turn.conversation_id,
            message=collected.message,
            answer=collected.answer,
            outcome=collected.outcome,
            intent=understood.intent if understood else None,
            sentiment=understood.sentiment if understood else None,
            language=understood.language if understood else None,
            detail=detail,
            state=after.as_dict(),
        )


def drain(events: Iterable[Event]) -> Turn:
    """A turn out of its events."""
    turn = Turn("")
    for event in events:
        turn.take(event)
    return turn


def _reminded(events: Iterable[Event], language: str) -> Iterator[Event]:
    """The events of a turn that came instead of a yes, with a word on what has therefore not been done."""
    note = phrases.speaking(language).not_done
    for event in events:
        if isinstance(event, Answered):
            yield Sentence(note)
            event = replace(event, answer=event.answer + ("" if language == "zh" else "\n\n") + note)
        yield event


def _newest_order(said: Message, understood: Understood, evidence: Sequence[Evidence]) -> int:
    """The number of the newest order among the evidence where that one is meant, else 0."""
    if understood.intent != "order_history" or understood.since or not of_last_order(said.text):
        return 0
    orders = [n for n, e in enumerate(evidence, start=1) if e.source.startswith("order ")]
    return max(orders, key=lambda n: (evidence[n - 1].at or "", -n), default=0)


def _answered(text: str, outcome: Outcome, started: float) -> Answered:
    return Answered(text, outcome, (), (), {"total_s": round(time.perf_counter() - started, 3)})


def _summary(memory: Memory, message: str) -> str:
    """What a colleague needs to know when taking over: the last questions, newest last."""
    return "\n".join([*(q for q, _ in memory.history), message])[-1000:]


__all__ = ["Assistant", "ToolCalled", "drain"]
