"""What the articles don't answer: failed questions in groups, an article drafted from what a person answered, and
the failed questions asked again.

A question failed where the assistant said that it didn't know, gave the chat to a person, or was rated down. Groups
come from agglomerative clustering (average linkage) on how alike two questions are: the mean of the cosine of their
vectors and the cosine of their words, as the embedder alone tells Chinese questions hardly apart. What an
administrator has dealt with is remembered in ``gaps.json`` in the home folder and doesn't come back.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from filelock import FileLock

from assistant.errors import IndexError_
from assistant.evidence import Role
from assistant.files import write_atomic, write_json
from assistant.knowledge.documents import language_of
from assistant.knowledge.vectors import Embedder, Progress
from assistant.knowledge.words import normalised, query_words, stem
from assistant.settings import data_folder

if TYPE_CHECKING:
    from assistant.crm import Store
    from assistant.knowledge.index import KnowledgeIndex

Why = Literal["unknown", "handed over", "rated down"]
CLOSED = "gaps.json"
# Mean similarity from which questions share a group. On 156 of banking77's questions (30 intents) the groups agree with
# the intents by an adjusted Rand index of 0.66 to 0.69 from 0.3 to 0.4; the cosine alone is as good (0.72), but only
# in a narrow band (0.5).
ALIKE = 0.35
MOST_QUESTIONS = 3000  # the newest ones; clustering compares each with each
_SHOWN = 8  # questions and answers that a draft is made from
_NOTHING = re.compile(r"^\s*(no article|nothing)\b", re.IGNORECASE)


@dataclass(frozen=True)
class FailedQuestion:
    """``turn`` is the turn's id; ``answers`` is what a person said in this conversation afterwards."""

    turn: str
    at: str
    question: str
    language: str
    role: Role
    why: Why
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gap:
    """A group of failed questions, newest first; ``title`` is the one that is most like the others."""

    id: str
    title: str
    language: str
    questions: tuple[FailedQuestion, ...]

    @property
    def size(self) -> int:
        return len(self.questions)

    @property
    def whys(self) -> dict[str, int]:
        return dict(Counter(question.why for question in self.questions).most_common())

    @property
    def answers(self) -> tuple[str, ...]:
        """What people answered, each text once."""
        return tuple(dict.fromkeys(answer for question in self.questions for answer in question.answers))

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id, "title": self.title, "size": self.size, "language": self.language, "why": self.whys,
            "examples": [question.question for question in self.questions[:5]], "answers": len(self.answers),
        }  # fmt: skip


@dataclass(frozen=True)
class Draft:
    """An article that nobody has accepted yet. ``audience`` is internal until a person says otherwise."""

    title: str
    text: str
    language: str
    audience: Literal["public", "internal"] = "internal"

    def markdown(self) -> str:
        """As the file that the next build reads."""
        head = {"title": self.title, "audience": self.audience, "language": self.language,
                "updated": date.today().isoformat()}  # fmt: skip
        lines = "".join(f"{name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in head.items())
        return f"---\n{lines}---\n\n{self.text.strip()}\n"


@dataclass(frozen=True)
class Replayed:
    """A failed question asked again: the best article that is found now, and whether that is an answer."""

    question: str
    passed: bool
    source: str
    score: float


@dataclass(frozen=True)
class Filled:
    """What an accepted article led to: its file, the build that has it, and its gap's questions asked again."""

    path: Path
    build: str
    again: tuple[Replayed, ...]

    def lines(self) -> list[str]:
        """For people."""
        passed = sum(one.passed for one in self.again)
        first = f"{self.path.name} is in build {self.build}: {passed} of {len(self.again)} questions find an answer now"
        return [first] + [
            f"{'yes' if one.passed else 'NO '}  {one.question[:100]}  ({one.source or 'nothing'}, {one.score:.2f})"
            for one in self.again
        ]


def failed_questions(store: "Store", *, since: str | None = None) -> list[FailedQuestion]:
    """Newest first, each text of one conversation once."""
    turns: dict[str, tuple[dict[str, Any], Why]] = {}
    kinds: tuple[tuple[Why, dict[str, Any]], ...] = (
        ("rated down", {"rating": -1}),
        ("handed over", {"outcome": "handed_off"}),
        ("unknown", {"outcome": "unknown"}),
    )
    for why, which in kinds:
        for turn in store.recent_turns(since=since, limit=MOST_QUESTIONS, **which):
            turns.setdefault(turn["id"], (turn, why))
    newest = sorted(turns.values(), key=lambda found: found[0]["at"], reverse=True)[:MOST_QUESTIONS]
    conversations: dict[str, tuple[Role, list[dict[str, Any]]]] = {}
    seen: set[tuple[str, str]] = set()
    failed: list[FailedQuestion] = []
    for turn, why in newest:
        ident, text = turn["conversation_id"], " ".join(turn["message"].split())
        wish = turn["intent"] == "human" and why == "handed over"
        if wish or len(query_words(text)) < 2 or (ident, text) in seen:
            continue  # "a person, please" says nothing about what is missing
        seen.add((ident, text))
        if ident not in conversations:
            conversation = store.conversation(ident) or {}
            conversations[ident] = (conversation.get("role") or "visitor", store.messages(ident))
        role, messages = conversations[ident]
        said = tuple(m["text"] for m in messages if m["author"] == "agent" and m["at"] >= turn["at"])
        failed.append(
            FailedQuestion(
                turn["id"], turn["at"], text, turn["language"] or language_of(text), role, why, said
            )
        )
    return failed


def find_gaps(
    store: "Store", embedder: Embedder, *, home: Path, since: str | None = None, least: int = 1
) -> list[Gap]:
    """The groups of at least ``least`` failed questions that nobody has dealt with, largest first."""
    closed = closed_turns(home)
    questions = [q for q in failed_questions(store, since=since) if q.turn not in closed]
    gaps = []
    for language in sorted({q.language for q in questions}):
        own = [q for q in questions if q.language == language]
        likeness = _likeness([q.question for q in own], embedder)
        for members in _groups(likeness):
            if len(members) >= least:
                centre = members[int(np.argmax(likeness[np.ix_(members, members)].sum(axis=1)))]
                chosen = tuple(own[at] for at in sorted(members))
                # named by its oldest question, so that it keeps its name while it grows
                ident = hashlib.sha256(chosen[-1].turn.encode()).hexdigest()[:8]
                gaps.append(Gap(f"G-{ident}", own[centre].question, language, chosen))
    return sorted(gaps, key=lambda gap: (-gap.size, gap.questions[0].at, gap.id))


def gap_named(gaps: Iterable[Gap], ident: str) -> Gap:
    """Raises IndexError_ where there is none of this id."""
    for gap in gaps:
        if gap.id.casefold() == ident.strip().casefold():
            return gap
    raise IndexError_(f"There is no gap {ident}", "crm-assistant index gaps shows those there are")


def draft_article(gap: Gap, model: Any) -> Draft:
    """An article that the model writes from what people answered. ``model`` is a LangChain chat model.

    Raises IndexError_ where no person has answered yet: nothing may be invented. Numbers and codes that no answer
    holds are a reason to refuse the model's text; then the draft is the answers themselves, for a person to edit.
    """
    if not gap.answers:
        raise IndexError_(
            f"Nobody has answered the questions of {gap.id} yet, so there is nothing to draft from",
            "write the article yourself, or wait for an answer to a handed-over chat",
        )
    answers = gap.answers[:_SHOWN]
    chinese = gap.language == "zh"
    asked = "\n".join(f"- {question.question}" for question in gap.questions[:_SHOWN])
    answered = "\n".join(f"- {answer}" for answer in answers)
    told = (
        (data_folder("prompts") / f"article.{'zh' if chinese else 'en'}.j2")
        .read_text(encoding="utf-8")
        .strip()
    )
    written = str(model.invoke([("system", told), ("human", f"{_ASKED[chinese]}\n{asked}\n\n{_ANSWERED[chinese]}\n{answered}")]).content)  # fmt: skip
    title, _, text = written.strip().partition("\n")
    title, text = title.strip().lstrip("#* ").rstrip("* "), text.strip()
    invented = _facts(f"{title} {text}") - _facts(" ".join([asked, answered]))
    if not text or invented or _NOTHING.match(written):
        title, text = gap.title.rstrip("?？ "), "\n\n".join(answers)
    return Draft(title[:120], text, gap.language)


def accept(draft: Draft, *, home: Path) -> Path:
    """Write the article into the home folder's ``articles/``, where every build reads it; the file's path."""
    if not draft.title.strip() or not draft.text.strip():
        raise IndexError_("An article needs a title and a text", "write both, then accept it")
    slug = re.sub(r"[^a-z0-9\u3400-\u9fff]+", "-", normalised(draft.title)).strip("-")[:60] or "article"
    folder = articles_dir(home) / draft.audience / draft.language
    path, number = folder / f"{slug}.md", 1
    while path.exists():
        number += 1
        path = folder / f"{slug}-{number}.md"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(path, draft.markdown())
    return path


def fill(
    gap: Gap,
    draft: Draft,
    *,
    store: "Store",
    embedder: Embedder,
    home: Path,
    folders: Sequence[Path],
    answered: Callable[[FailedQuestion], bool] | None = None,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> "Filled":
    """Accept an article, build, ask the gap's questions again, and close those that pass.

    Where the build fails or is cancelled, the article stays for the next one and the gap stays open.
    """
    from assistant.knowledge.build import build_index
    from assistant.knowledge.index import KnowledgeIndex

    path = accept(draft, home=home)
    read = [*folders, *([] if articles_dir(home) in folders else [articles_dir(home)])]
    report = build_index(store, embedder, home=home, kb_dirs=read, progress=progress, cancel=cancel)
    index = KnowledgeIndex.open(home, embedder)
    try:
        again = replay(index, gap, answered=answered)
    finally:
        index.close()
    passed = {one.question for one in again if one.passed}
    close([q for q in gap.questions if q.question in passed], home=home, because=path.name)
    return Filled(path, report.build, tuple(again))


def close(questions: Iterable[FailedQuestion], *, home: Path, because: str) -> None:
    """Remember that these questions are dealt with: by an article (its file), or ``dismissed``."""
    at = datetime.now().isoformat(timespec="seconds")
    with FileLock(home / f".{CLOSED}.lock"):  # another process may add its own meanwhile
        closed = closed_turns(home)
        closed |= {question.turn: {"at": at, "by": because} for question in questions}
        write_json(home / CLOSED, closed)


def read_draft(path: Path, gap: Gap) -> Draft:
    """A draft that a person has edited: markdown with front matter. Raises IndexError_."""
    import frontmatter
    import yaml

    try:
        post = frontmatter.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as problem:
        why = " ".join(str(problem).split())
        raise IndexError_(f"{path} can't be read: {why}", "a text file in UTF-8, markdown") from problem
    said = post.metadata
    language = str(said.get("language") or "").lower()[:2]
    return Draft(
        str(said.get("title") or gap.title), post.content,
        language if re.fullmatch("[a-z]{2}", language) else gap.language,  # it names a folder
        "public" if said.get("audience") == "public" else "internal",
    )  # fmt: skip


def closed_turns(home: Path) -> dict[str, Any]:
    """Turn id -> when and by what it was dealt with."""
    try:
        known = json.loads((home / CLOSED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        raise IndexError_(
            f"{CLOSED} in the home folder can't be read", f"remove {home / CLOSED}"
        ) from problem
    return dict(known)


def replay(
    index: "KnowledgeIndex",
    gap: Gap,
    *,
    answered: Callable[[FailedQuestion], bool] | None = None,
    k: int = 3,
) -> list[Replayed]:
    """Ask the questions of ``gap`` again, each text once, as the role that asked.

    A question passes where one of the first ``k`` articles is above the index's threshold; with ``answered`` (which
    runs a whole turn), where the turn ends with an answer, too.
    """
    again = []
    for question in {q.question: q for q in gap.questions}.values():
        hits = index.search(question.question, role=question.role, k=k, kinds=["article"])
        best = hits[0] if hits else None
        passed = best is not None and best.score >= index.threshold
        if passed and answered is not None:
            passed = answered(question)
        again.append(
            Replayed(question.question, passed, best.source if best else "", best.score if best else 0.0)
        )
    return again


def articles_dir(home: Path) -> Path:
    """Where accepted articles are kept."""
    return Path(home).expanduser() / "articles"


# -- inside -------------------------------------------------------------------------------------------------

_ASKED = {False: "Customers asked:", True: "客户的问题："}
_ANSWERED = {False: "Our people answered:", True: "同事的答复："}


def _facts(text: str) -> set[str]:
    """Numbers and codes, which a draft must not invent."""
    return set(re.findall(r"\d+(?:[.,:]\d+)*", text))


def _likeness(texts: Sequence[str], embedder: Embedder) -> np.ndarray:
    """(n, n) in 0..1: the mean of the cosine of vectors and the cosine of words, rare words counting more."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if len(texts) < 2:
        return np.ones((len(texts), len(texts)))
    vectors = embedder.encode(list(texts))
    words = TfidfVectorizer(analyzer=lambda text: [stem(word) for word in query_words(text)]).fit_transform(
        texts
    )
    return np.asarray(((vectors @ vectors.T).clip(0, 1) + (words @ words.T).toarray()) / 2)


def _groups(likeness: np.ndarray) -> list[list[int]]:
    if len(likeness) < 2:
        return [[at] for at in range(len(likeness))]
    from sklearn.cluster import AgglomerativeClustering

    clustering = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="average", distance_threshold=1 - ALIKE
    )
    labels = clustering.fit_predict(1 - likeness)
    return [np.flatnonzero(labels == label).tolist() for label in range(labels.max() + 1)]
