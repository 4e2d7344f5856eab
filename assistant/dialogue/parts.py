"""What a turn stands on: the record, the models, the index, the router, the policy; each loaded when first needed."""

import copy
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any, Self

from assistant.dialogue.answer import Stop, instructions, never, stoppable
from assistant.dialogue.events import Session
from assistant.dialogue.focus import Focus
from assistant.dialogue.policy import Policy, read_policy
from assistant.dialogue.prompts import render
from assistant.dialogue.understand import Message
from assistant.errors import AssistantError
from assistant.settings import Settings, get_settings


class Parts:
    """The parts over one home folder. Those not given are loaded when first needed; each may be shared by threads."""

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

    def prepare(self) -> None:
        """Let the model compute what its prompts begin with, so that the first question needn't wait for it."""
        if not hasattr(self.model, "prepare"):  # a server has its own cache
            return
        for staff in (False, True):
            for language in ("en", "zh"):
                self.model.prepare(
                    instructions(language, self.company_in(language), staff, self.settings.tone)
                )

    @contextmanager
    def over_copy(self, folder: Path) -> Iterator[Self]:
        """The same assistant over a copy of the record in ``folder``: what is done there leaves the record alone."""
        from assistant.crm import Store

        self.store.database.checkpoint()
        with Store(shutil.copy(self.store.path, folder / self.store.path.name)) as store:
            other = copy.copy(self)
            other._parts = {**self._parts, "store": store}
            yield other

    @property
    def policy(self) -> Policy:
        """What the assistant may do by itself: ``policy.yaml`` in the folder of articles."""
        folder = self.settings.kb_dir(demo=self.is_demo)
        with self._lock:
            if "policy" not in self._parts:
                self._parts["policy"] = read_policy(folder)
            policy: Policy = self._parts["policy"]
            return policy

    @property
    def is_demo(self) -> bool:
        """Whether the record is the demo company's."""
        return self.store.meta("demo_seed") is not None

    @property
    def today(self) -> date:
        """The day of actions and their deadlines: the record's last day for the demo company, else the real one."""
        as_of: date = self.store.as_of
        return as_of if self.is_demo else max(as_of, date.today())

    # -- what the parts say of a message ----------------------------------------------------------------------

    def intents(self, session: Session) -> list[str]:
        """What somebody in this role may ask for."""
        role = "agent" if session.is_staff else "customer"
        return [name for name, intent in self.router.intents.items() if role in intent["roles"]]

    def article_score(self, message: Message, session: Session) -> float:
        """How well the best article that this session may read fits, 0 to 1."""
        if self.index is None:
            return 0.0
        hits = self.index.search(
            message.text, role=session.role, customer=session.customer, k=1, kinds=["article"]
        )
        return float(hits[0].score) if hits else 0.0

    def sentiment(self, message: Message) -> str:
        try:
            return str(self.predictor("sentiment").classify([message.text])[0].label)
        except AssistantError:
            return "neutral"

    def translate(self, question: str, cancelled: Stop = never) -> str:
        """English of a Chinese question, for an article that exists only in English; loads the model when first asked."""
        from assistant.knowledge import Translator

        model = self.model
        with self._lock:
            translator: Translator = self._parts.setdefault("translator", Translator(model))
        return translator(question, **stoppable(model, cancelled))

    def choose(self, message: Message, intents: Sequence[str], cancelled: Stop = never) -> tuple[str, float]:
        """Which of the ``intents`` the model finds likeliest, and how likely."""
        described = {self.router.intents[name]["description"]: name for name in intents}
        prompt = render("route", message.language, message=message.text[:600])
        choice = self.model.choose(prompt, list(described), **stoppable(self.model, cancelled))
        return described[choice.option], float(choice.probabilities[choice.option])
