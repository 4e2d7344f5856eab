"""One turn: understand -> plan -> gather -> answer -> verify -> record. The blocking call drains the streaming one."""

import copy
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any

from assistant.dialogue import actions, identity, phrases, safety
from assistant.dialogue.answer import Writer
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
from assistant.dialogue.focus import Focus
from assistant.dialogue.plan import LIKELY, SURE, make_plan, needs_account
from assistant.dialogue.policy import Policy, read_policy
from assistant.dialogue.prompts import render
from assistant.dialogue.tools import Toolbox
from assistant.dialogue.understand import MEANT_ORDER, Memory, language_of, references, understand
from assistant.dialogue.verify import sentences
from assistant.errors import AssistantError, PermissionDenied
from assistant.evidence import Evidence
from assistant.settings import Settings, get_settings

PROVED_SECONDS = identity.PROVED_SECONDS
LONGEST_MESSAGE = (
    8_000  # characters; more is cut with a note, a mail thread of that length is not one question
)
MOST_EVIDENCE = 8
# in one account's few conversations even a weak hit may be the one; below this it never was
NEAREST = 0.1
# where the router left it open and the account's conversations have such a hit, the account's card is all that is added
SAID_IT = 0.6
# an article found with this score answers in its own words where the model finds nothing in it
ABOUT_IT = 0.9
# these are lists, terms and figures that code has already put into sentences; writing them anew could only spoil
# them. The number is how sure the router has to be: a question that only sounds like one of risk is for the model.
EXACT = {"list_customers": 0.0, "offer": 0.0, "next_action": 0.0, "churn_risk": LIKELY}
HINTS = {
    ("account_summary", "en"): "Summarise the account in four sentences: who it is and since when, subscription, orders, and the last contact.",
    ("account_summary", "zh"): "用四句话概括这个账户：是谁、从什么时候开始、订阅、订单，以及最近一次沟通。",
}  # fmt: skip


class Assistant:
    """The whole dialogue over one home folder. Parts are loaded when first needed, or given (a LangChain chat model,
    a store, an embedder, an index), which is how tests and other programs put in their own.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        store: Any = None,
        model: Any = None,
        embedder: Any = None,
        index: Any = None,
    ) -> None:
        self.settings = settings or get_settings()
        self._parts: dict[str, Any] = {
            k: v
            for k, v in {"store": store, "model": model, "embedder": embedder, "index": index}.items()
            if v is not None
        }
        self._lock = Lock()
        self._versions: dict[str, str] = {}

    # -- parts ------------------------------------------------------------------------------------------------

    @property
    def home(self) -> Path:
        return self.settings.home_dir

    def _part(self, name: str) -> Any:
        with self._lock:
            if name not in self._parts:
                if name == "store":
                    from assistant.crm import Store

                    self._parts[name] = Store(self.settings.record_path, create=False)
                elif name == "model":
                    from assistant.language import load_chat_model

                    self._parts[name] = load_chat_model(self.settings)
                elif name == "embedder":
                    from assistant.language import load_embedder

                    self._parts[name] = load_embedder(self.settings)
            return self._parts[name]

    @property
    def store(self) -> Any:
        return self._part("store")

    @property
    def model(self) -> Any:
        return self._part("model")

    @property
    def embedder(self) -> Any:
        return self._part("embedder")

    @property
    def index(self) -> Any | None:
        """The live index (it follows new builds by itself), or None when there is none yet."""
        if "index" in self._parts:
            return self._parts["index"]
        from assistant.knowledge import KnowledgeIndex, index_status

        if index_status(self.home)["build"] is None:
            return None
        embedder = self.embedder
        with self._lock:
            if "index" not in self._parts:
                self._parts["index"] = KnowledgeIndex.open(self.home, embedder)
            return self._parts["index"]

    def predictor(self, name: str) -> Any:
        """A trained model by name, loaded again when another version was put in place."""
        from assistant.insight import current_version, load_model

        current = current_version(self.home, name) or ""
        embedder = self.embedder if name in ("sentiment", "intents") else None
        with self._lock:
            if self._versions.get(name) != current or name not in self._parts:
                model = load_model(self.home, name)
                if embedder is not None and hasattr(model, "use"):
                    model.use(embedder)
                self._parts[name], self._versions[name] = model, current
            return self._parts[name]

    @property
    def router(self) -> Any:
        """The intent model over ``prompts/intents.yaml``."""
        embedder = self.embedder
        with self._lock:
            if "router" not in self._parts:
                from assistant.insight import IntentModel

                self._parts["router"] = IntentModel.default(embedder, home=self.home)
            return self._parts["router"]

    @property
    def focus(self) -> Focus:
        embedder = self.embedder
        with self._lock:
            return self._parts.setdefault("focus", Focus(embedder.encode))

    @property
    def company(self) -> str:
        return self.settings.company_name or self.store.meta("company_name", "the company")

    def company_in(self, language: str) -> str:
        if language == "zh" and not self.settings.company_name:
            return str(self.store.meta("company_name_zh") or self.company)
        return self.company

    @contextmanager
    def over_copy(self, folder: Path) -> Iterator["Assistant"]:
        """The same assistant over a copy of the record in ``folder``: what is done there leaves the record alone."""
        from assistant.crm import Store

        self.store.database.checkpoint()
        with Store(shutil.copy(self.store.path, folder / self.store.path.name)) as store:
            other = copy.copy(self)
            other._parts = {**self._parts, "store": store}
            yield other

    # -- the turn ---------------------------------------------------------------------------------------------

    def ask(
        self,
        message: str,
        *,
        session: Session,
        conversation_id: str | None = None,
        history: Sequence[Mapping[str, str]] = (),
    ) -> Turn:
        """One message, answered. Drains ``turn``; raises AssistantError when the message can't be taken."""
        turn = Turn(message)
        for event in self.turn(
            message, session=session, conversation_id=conversation_id, history=history, into=turn
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
    ) -> Iterator[Event]:
        """The events of one turn. Closing the generator stops the model; nothing is then recorded.

        ``conversation_id`` continues a conversation; without one a new one is begun. ``history`` gives earlier
        messages (``role``, ``content``) of a conversation that this home does not know.
        """
        turn = into if into is not None else Turn(message)
        message = message.strip()
        if not message:
            raise AssistantError("The message is empty.", "type a question")
        cut = len(message) > LONGEST_MESSAGE
        if cut:
            message = message[: LONGEST_MESSAGE // 2] + "\n...\n" + message[-LONGEST_MESSAGE // 2 :]
        conversation = self._conversation(conversation_id, session, message)
        turn.conversation_id = conversation["id"]
        if conversation["held_by"] == "person":
            self.store.add_message(turn.conversation_id, "customer", message)
            yield HandedOff("held", "")
            return
        started = time.perf_counter()
        memory = Memory.from_dict(conversation.get("state") or {})
        if history and not memory.question:
            memory = self._remember(history, session)
        collected = Turn(message)
        if session.role == "visitor" and memory.proved and time.time() - memory.proved_at < PROVED_SECONDS:
            session = Session("customer", memory.proved, memory.proved)
        identified = self._identify(message, session, memory, turn.conversation_id)
        if identified is not None:
            reply, memory = identified
            for event in self._acted(reply, message, started):
                collected.take(event)
                yield event
            self._record(turn, collected, memory, cut)
            return
        acted = self._guard(message, session, memory, turn.conversation_id) or self._act(
            message, session, memory, turn.conversation_id
        )
        if acted is not None:
            events = self._acted(acted, message, started)
            done = memory.just_done if acted.kind == "confirm" else acted.tool is not None
            pending = dict(acted.pending) if acted.pending else None
            memory = replace(memory, pending=pending, last_action=acted.last, just_done=done)
        else:
            events = self._answer(message, session, memory, turn.conversation_id, started)
            if memory.pending:
                events = _reminded(events, language_of(message))
            memory = replace(memory, pending=None, just_done=False)
        for event in events:
            collected.take(event)
            yield event
        self._record(turn, collected, memory, cut)

    # -- who a visitor is ---------------------------------------------------------------------------------------

    def _identify(
        self, message: str, session: Session, memory: Memory, conversation: str
    ) -> tuple[actions.Reply, Memory] | None:
        """An e-mail address or a code from a visitor, and what the conversation knows afterwards."""
        if session.role != "visitor":
            return None
        say = phrases.ZH if _spoken(memory, message) == "zh" else phrases.EN
        email = identity.read_email(message)
        if email is not None:
            sent = identity.request_code(
                self.store, self.settings, email, conversation, language=say.language
            )
            text = say.code_sent if sent == "sent" else say.code_wait
            return actions.Reply("sign_in", text), memory
        code = identity.read_code(message)
        if code is None or not identity.waits_for_code(self.store, conversation):
            return None
        customer = identity.prove(self.store, self.settings, conversation, code)
        if customer is None:
            return actions.Reply("sign_in", say.code_wrong, "refused"), memory
        known = replace(memory, proved=customer, proved_at=time.time(), pending=None, customers=(customer,))
        return actions.Reply("sign_in", say.code_right, customer=customer), known

    def _guard(
        self, message: str, session: Session, memory: Memory, conversation: str
    ) -> actions.Reply | None:
        """A refusal for a message that tries to command the assistant; staff may write what they like."""
        if session.is_staff:
            return None
        found = safety.scan(message)
        if found.label != "block":
            return None
        self.store.audit(
            session.user, session.role, "blocked_message", session.customer,
            {"conversation": conversation, "reasons": list(found.reasons)},
        )  # fmt: skip
        say = phrases.ZH if language_of(message) == "zh" else phrases.EN
        return actions.Reply(
            "forbidden", say.refused, "refused", last=memory.last_action, customer=session.customer
        )

    # -- actions ----------------------------------------------------------------------------------------------

    @property
    def policy(self) -> Policy:
        """What the assistant may do by itself: ``policy.yaml`` in the folder of articles."""
        with self._lock:
            if "policy" not in self._parts:
                self._parts["policy"] = read_policy(self.settings.kb_dir)
            policy: Policy = self._parts["policy"]
            return policy

    @property
    def today(self) -> date:
        """The day of actions and their deadlines: the record's last day for the demo company, else the real one."""
        as_of: date = self.store.as_of
        return as_of if self.store.meta("demo_seed") else max(as_of, date.today())

    def _act(
        self, message: str, session: Session, memory: Memory, conversation_id: str
    ) -> actions.Reply | None:
        """What there is to say when the message asks for something to be done, answers a proposal, or undoes."""
        if not (memory.pending or memory.last_action or actions.may_be_one(message, self.policy)):
            return None
        zh = language_of(message) == "zh"
        found = references(self.store, message)
        said = actions.Said(
            message=message,
            zh=zh,
            session=session,
            conversation=conversation_id,
            turns=len(self.store.turns(conversation_id)) + len(self.store.messages(conversation_id)),
            customers=found.customers,
            orders=found.orders or (memory.orders if MEANT_ORDER.search(message) else ()),
            products=found.products,
            unknown=found.unknown,
            known=memory.customers,
            pending=memory.pending,
            last=memory.last_action,
            just_done=memory.just_done,
            visitor_text=(phrases.ZH if zh else phrases.EN).sign_in_first,
        )
        desk = actions.Desk(self.store, self.policy, self.today)
        return desk.reply(said)

    def _acted(self, reply: actions.Reply, message: str, started: float) -> Iterator[Event]:
        customers = (reply.customer,) if reply.customer else ()
        sentiment = self._sentiment(message)
        yield Understood(language_of(message), reply.kind, 1.0, sentiment, customers, routed_by="rule")
        yield Planned(())
        if reply.tool:
            yield reply.tool
        if reply.evidence:
            yield Retrieved(reply.evidence)
        yield Sentence(reply.text)
        yield _answered(reply.text, reply.outcome, started)

    def _answer(
        self, message: str, session: Session, memory: Memory, conversation_id: str, started: float
    ) -> Iterator[Event]:
        understood = self._understand(message, session, memory)
        about_account = needs_account(understood.intent) or understood.intent == "order_status"
        nobody = not (understood.customers or understood.orders or understood.unknown or session.customer)
        if about_account and nobody:
            # before asking who is meant, or somebody to sign in: an article may answer as it is
            unsure = understood.routed_by == "model" and not session.is_staff
            if unsure or self._article_score(message, session) >= getattr(self.index, "threshold", 1.0):
                understood = replace(understood, intent="policy", routed_by="articles")
        yield understood
        language = understood.language
        say = phrases.ZH if language == "zh" else phrases.EN
        company = self.company_in(language)
        fixed = self._fixed(message, understood, session, say, company)
        if fixed is not None:
            text, outcome = fixed
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
        toolbox = Toolbox(
            store=self.store,
            index=self.index,
            models=self.predictor,
            session=session,
            language=language,
            focus=self.focus if self.index is not None else None,
            translate=self._translate,
        )
        evidence: list[Evidence] = []
        problems: list[str] = []
        said_it = False
        try:
            for step in steps:
                called, found = toolbox.call(step.tool, step.arguments)
                yield called
                if isinstance(called.result, dict) and called.result.get("error"):
                    problems.append(
                        " ".join(x for x in (called.result["error"], called.result.get("hint")) if x)
                    )
                evidence += [e for e in found if e.id not in {x.id for x in evidence}]
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
        )
        prepared = time.perf_counter() - started
        if evidence and _worth_reading(evidence, self.index):
            before = memory.question if memory.history else None
            card = f"record:{understood.customers[0]}/profile" if understood.customers else ""
            said = [
                n
                for n, e in enumerate(evidence, start=1)
                if e.kind in ("record", "prediction", "policy") and (e.id != card or len(steps) == 1)
            ]
            one_order = understood.intent == "order_status" and understood.orders
            exact = understood.confidence >= EXACT.get(understood.intent, 2.0)
            if exact and understood.confidence < SURE and said_it:
                exact = understood.intent != "churn_risk"  # it may be what the customer said about leaving
            if said and (one_order or exact):
                yield from writer.quote(evidence, said[0])
            else:
                hint = HINTS.get((understood.intent, language), "") if understood.confidence >= SURE else ""
                yield from writer.write(message, evidence, before=before, hint=hint)
                unknown = writer.answered is None or writer.answered.outcome == "unknown"
                if unknown and said and understood.confidence >= LIKELY:
                    # the router was right about what is asked, so the record's own words are an answer
                    yield from writer.quote(evidence, said[0])
                elif unknown and not said and (n := _told(evidence)):
                    # so do the words of an article that is certainly about it
                    lines = sentences(evidence[n - 1].text)[1:]  # after the title
                    if best := self.focus.best(message, lines):
                        yield from writer.quote(evidence, n, [1 + i for i in best])
        result = writer.answered
        if result is not None and result.outcome == "answered":
            answer, tail = result.answer, ""
            if understood.intent == "cancel_or_change" and not session.is_staff:
                tail = say.change_note
            elif understood.intent == "offer" and session.is_staff:
                tail = self._draft(toolbox, understood, evidence, company)
            if tail:
                yield Sentence(tail)
                answer += ("\n\n" if language == "en" else "\n") + tail
            timing = dict(result.timing) | {"prepared_s": round(prepared, 3)}
            timing["total_s"] = round(time.perf_counter() - started, 3)
            if "first_token_s" in timing:
                timing["first_token_s"] = round(timing["first_token_s"] + prepared, 3)
            yield Answered(answer, "answered", result.citations, result.checks, timing)
            return
        if problems and (understood.routed_by != "unsure" or not evidence):
            text = problems[0]
        else:
            text = (
                f"{say.unknown} {say.unknown_next_agent if session.is_staff else say.unknown_next_customer}"
            )
        yield Sentence(text)
        checks = result.checks if result else ()
        timing = dict(result.timing) if result else {}
        yield Answered(
            text, "unknown", (), checks, timing | {"total_s": round(time.perf_counter() - started, 3)}
        )

    def _understand(self, message: str, session: Session, memory: Memory) -> Understood:
        return understand(
            message,
            session=session,
            memory=memory,
            store=self.store,
            router=self.router,
            sentiment=self._sentiment,
            choose=self._choose,
            articles=lambda text: self._article_score(text, session),
            intents=self.intents(session),
            today=self.store.as_of,
        )

    def _article_score(self, message: str, session: Session) -> float:
        if self.index is None:
            return 0.0
        hits = self.index.search(
            message, role=session.role, customer=session.customer, k=1, kinds=["article"]
        )
        return float(hits[0].score) if hits else 0.0

    def intents(self, session: Session) -> list[str]:
        """What somebody in this role may ask for."""
        role = "agent" if session.is_staff else "customer"
        return [name for name, intent in self.router.intents.items() if role in intent["roles"]]

    def _sentiment(self, message: str) -> str:
        try:
            return str(self.predictor("sentiment").classify([message])[0].label)
        except AssistantError:
            return "neutral"

    def _translate(self, question: str) -> str:
        """English of a Chinese question, for an article that exists only in English; loads the model when first asked."""
        from assistant.knowledge import Translator

        model = self.model
        with self._lock:
            translator: Translator = self._parts.setdefault("translator", Translator(model))
        return translator(question)

    def _choose(self, message: str, intents: Sequence[str]) -> tuple[str, float]:
        described = {self.router.intents[name]["description"]: name for name in intents}
        prompt = render("route", language_of(message), message=message[:600])
        choice = self.model.choose(prompt, list(described))
        return described[choice.option], float(choice.probabilities[choice.option])

    def _fixed(
        self, message: str, understood: Understood, session: Session, say: type[phrases.EN], company: str
    ) -> tuple[str, Outcome] | None:
        """What code answers by itself: courtesy, refusals, a missing account."""
        intent = understood.intent
        if understood.routed_by == "unsure" and understood.customers:
            return None
        if intent == "human" and not session.is_staff:
            return say.handed_off, "handed_off"
        if intent == "forbidden":
            return say.refused, "refused"
        if intent == "out_of_scope" and not understood.products:
            text = say.out_of_scope_agent if session.is_staff else say.out_of_scope
            return text.format(company=company), "refused"
        if intent == "greeting_thanks":
            thanks = any(w in message.lower() for w in ("thank", "thx", "cheers", "bye", "谢", "再见"))
            return (say.thanks if thanks else say.greeting).format(company=company), "answered"
        if needs_account(intent) and not understood.customers:
            if session.is_staff:
                if understood.unknown:
                    closest = self.store.closest_customers(understood.unknown[0])
                    return str(phrases.unknown_customer(understood.unknown[0], closest)), "unknown"
                if understood.orders or understood.products:
                    return None
                return say.which_customer, "unknown"
            if not session.customer and not (intent == "recommend" and understood.products):
                return say.sign_in, "refused"
        return None

    def _draft(
        self, toolbox: Toolbox, understood: Understood, evidence: Sequence[Evidence], company: str
    ) -> str:
        """A message to the customer around the offer's fixed terms; the model writes only what stands before them."""
        from assistant.dialogue.offers import draft

        customer = understood.customers[0] if understood.customers else None
        if customer is None:
            return ""
        offers = toolbox.call("eligible_offers", {"customer": customer})[0].result.get("offers") or []
        if not offers:
            return ""
        return draft(self.store, self.model, customer, offers[0]["id"], company_in=self.company_in)

    # -- memory -----------------------------------------------------------------------------------------------

    def _conversation(self, conversation_id: str | None, session: Session, message: str) -> dict[str, Any]:
        if conversation_id:
            found = self.store.conversation(conversation_id)
            if found is None:
                raise AssistantError(f"No conversation {conversation_id!r}.", "start a new one")
            if not session.is_staff and (
                found["role"] != session.role or found["customer_id"] != session.customer
            ):
                raise PermissionDenied("This conversation belongs to somebody else.")
            return dict(found)
        new = self.store.start_conversation(session.role, session.customer, language=language_of(message))
        return dict(self.store.conversation(new))

    def _remember(self, history: Sequence[Mapping[str, str]], session: Session) -> Memory:
        """Memory rebuilt from earlier messages by reading each of the user's again."""
        memory, question = Memory(), None
        for line in history[-6:]:
            if line.get("role") == "user":
                question = str(line.get("content", ""))[:LONGEST_MESSAGE]
                if question.strip():
                    memory = memory.after(question, self._understand(question, session, memory), "")
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
            state=_state(after),
        )


def drain(events: Iterable[Event]) -> Turn:
    """A turn out of its events."""
    turn = Turn("")
    for event in events:
        turn.take(event)
    return turn


def _spoken(memory: Memory, message: str) -> str:
    """The language of the conversation, for a message that has none of its own (an address, a code)."""
    if re.search(r"[\u3400-\u9fff]", message) or not memory.question:
        return language_of(message)
    return language_of(
        next((q for q, _ in reversed(memory.history) if not re.fullmatch(r"[\W\d]*|\S+@\S+", q)), message)
    )


def _reminded(events: Iterable[Event], language: str) -> Iterator[Event]:
    """The events of a turn that came instead of a yes, with a word on what has therefore not been done."""
    note = (phrases.ZH if language == "zh" else phrases.EN).not_done
    for event in events:
        if isinstance(event, Answered):
            yield Sentence(note)
            event = replace(event, answer=event.answer + ("" if language == "zh" else "\n\n") + note)
        yield event


def _answered(text: str, outcome: Outcome, started: float) -> Answered:
    return Answered(text, outcome, (), (), {"total_s": round(time.perf_counter() - started, 3)})


def _state(memory: Memory) -> dict[str, Any]:
    return {
        "intent": memory.intent,
        "customers": list(memory.customers),
        "orders": list(memory.orders),
        "products": list(memory.products),
        "question": memory.question,
        "history": [list(pair) for pair in memory.history],
        "pending": memory.pending,
        "last_action": memory.last_action,
        "just_done": memory.just_done,
        "proved": memory.proved,
        "proved_at": memory.proved_at,
    }


def _summary(memory: Memory, message: str) -> str:
    """What a colleague needs to know when taking over: the last questions, newest last."""
    return "\n".join([*(q for q, _ in memory.history), message])[-1000:]


def _told(evidence: Sequence[Evidence]) -> int | None:
    """The number of the first article that is ``ABOUT_IT``."""
    found = (n for n, e in enumerate(evidence, start=1) if e.kind == "article" and e.score >= ABOUT_IT)
    return next(found, None)


def _worth_reading(evidence: Sequence[Evidence], index: Any | None) -> bool:
    """Whether anything is evidence by key, or found by search with a score above the index's threshold."""
    threshold = getattr(index, "threshold", 0.0) if index is not None else 0.0
    return any(
        e.kind in ("record", "prediction", "policy")
        or e.score >= (NEAREST if e.kind == "interaction" else threshold)
        for e in evidence
    )


__all__ = ["Assistant", "ToolCalled", "drain"]
