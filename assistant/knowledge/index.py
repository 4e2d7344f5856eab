"""Search in the live build of the knowledge index, by role and customer."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from assistant.errors import IndexError_
from assistant.evidence import Evidence, Role
from assistant.knowledge import builds, ranking
from assistant.knowledge.ranking import Query
from assistant.knowledge.snapshot import Snapshot, StoredPassage
from assistant.knowledge.vectors import Embedder, Vectors
from assistant.knowledge.words import is_chinese, query_words

Kind = Literal["article", "interaction"]
MOST_PARTS = 8
THRESHOLD = 0.5  # see ranking.py: where the two kinds of error balance
# a Chinese question whose best hit is at least so sure needn't be asked in English, too; see scripts/bench_index.py
SURE = 0.93
_REMEMBERED = 256

# where a question may have a second side; both sides must have words of their own
_SENTENCE_END = re.compile(r"(?<=[?？！!。])\s*|(?<=[^\W_]{2}\.)\s+|\n+")
_JOINTS = re.compile(
    r"[,;，；]?\s+(?:and also|and|also|plus|or)\s+|[，,；;]?(?:以及|另外|还有|同时|并且)[，,]?|；|;\s",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Hit:
    """A passage that was found. ``score`` says in 0..1 how surely it answers the question.

    ``also`` names near-duplicates that it stands for, visible in the same search.
    """

    passage_id: str
    source: str
    kind: Kind
    title: str
    text: str
    at: str | None
    customer_id: str | None
    audience: str
    language: str
    score: float
    channel: str | None = None
    also: tuple[str, ...] = ()

    def as_evidence(self) -> Evidence:
        """The same as evidence that an answer may cite, headed by its title path."""
        return Evidence(
            id=self.passage_id,
            kind=self.kind,
            text=f"{self.title}\n{self.text}",
            source=self.source,
            at=self.at,
            score=self.score,
        )


class KnowledgeIndex:
    """The live build, reopened by itself when another is published. Safe to use from several threads.

    Hits below :attr:`threshold` are more likely wrong than useful: say that nothing was found.
    """

    def __init__(self, home: Path, embedder: Embedder, snapshot: Snapshot) -> None:
        self.home = home
        self.embedder = embedder
        self.threshold = THRESHOLD
        self._snapshot = snapshot
        self._opening = threading.Lock()
        self._vectors: OrderedDict[str, Vectors] = OrderedDict()

    @classmethod
    def open(cls, home: Path | str, embedder: Embedder) -> "KnowledgeIndex":
        """Raises IndexError_ where there is no index, a damaged one, or one of another embedder."""
        home = Path(home).expanduser()
        return cls(home, embedder, _open_live(home, embedder))

    def search(
        self,
        query: str,
        *,
        role: Role,
        customer: str | None = None,
        k: int = 5,
        kinds: Collection[Kind] | None = None,
        language: str | None = None,
        since: str | None = None,
        until: str | None = None,
        channel: str | None = None,
        one_per_source: bool = False,
        translate: Callable[[str], str] | None = None,
    ) -> list[Hit]:
        """The ``k`` best passages that this role may see, best first.

        ``customer`` is the session's customer for the role ``customer`` (never what a message claims), and narrows
        interactions to one customer for agents. ``since`` and ``until`` are ISO dates, inclusive; with them, articles
        without a date are left out. ``translate`` makes English of a Chinese question ("" where it can't); it is
        only called where there is something in English to be seen and the question's own best hit isn't sure.
        Every filter acts before the ranking.
        """
        snapshot = self._live()
        allowed = snapshot.visible(
            role, customer, kinds=kinds, language=language, since=since, until=until, channel=channel
        )
        query = " ".join(query.split())
        if not query or k < 1 or not allowed.any():
            return []
        ranked = self._ranked(snapshot, query, allowed, bool(customer))
        if translate is not None and is_chinese(query) and (not ranked or ranked[0][1] < SURE):
            english = snapshot.not_in("zh", allowed)
            translated = " ".join(translate(query).split()) if english.any() else ""
            if translated and translated != query:
                found = self._ranked(snapshot, translated, english, bool(customer))
                ranked = _agreed(ranked, found, float(english.sum() / allowed.sum()))
        kept = ranking.distinct(snapshot, [row for row, _ in ranked[: 4 * k + 12]])
        score = dict(ranked)
        hits: list[Hit] = []
        seen: set[str] = set()
        for row, twins in kept.items():
            passage = snapshot.passage(row)
            if one_per_source and passage.source in seen:
                continue
            seen.add(passage.source)
            hits.append(_hit(passage, score[row], tuple(snapshot.passage(twin).id for twin in twins)))
            if len(hits) == k:
                break
        return hits

    def why(self, query: str, hits: Sequence[Hit]) -> list[dict[str, Any]]:
        """What made each hit's score: the features of ``ranking`` by name, and the question's ``words`` that it has.

        All nothing for a hit that a build published since no longer holds.
        """
        snapshot = self._live()
        vector = self._encoded([query])[0]
        asked = Query.of(" ".join(query.split()), vector)
        found = []
        for hit in hits:
            rows = [r for r in snapshot.rows_of(hit.source) if snapshot.passage(r).id == hit.passage_id]
            if not rows:
                found.append({**dict.fromkeys(ranking.FEATURES, 0.0), "words": []})
                continue
            row = rows[0]
            values = ranking.features(snapshot, asked, np.array([row]))[0]
            passage = snapshot.passage(row)
            has = {*passage.words, *passage.title_words, *passage.keys}
            words = [word for word in asked.words if word in has]
            found.append({**dict(zip(ranking.FEATURES, map(float, values), strict=True)), "words": words})
        return found

    def read(self, source: str, *, role: Role, customer: str | None = None) -> list[Hit]:
        """All passages of one article or interaction in order, for someone who opens a citation; by role as in search.

        Empty where there is none or this role may not see it.
        """
        snapshot = self._live()
        allowed = snapshot.visible(role, customer)
        return [_hit(snapshot.passage(row), 1.0) for row in snapshot.rows_of(source) if allowed[row]]

    def everything(self) -> Iterator[Hit]:
        """Every passage of the live build, for export. No permission is asked here: for administrators only."""
        snapshot = self._live()
        for row in range(len(snapshot)):
            yield _hit(snapshot.passage(row), 1.0)

    def status(self) -> dict[str, Any]:
        """As :func:`assistant.knowledge.index_status`, of the build that is searched now."""
        from assistant.knowledge.build import index_status

        return index_status(self.home)

    def close(self) -> None:
        self._snapshot.close()

    # -- inside -------------------------------------------------------------------------------------------

    def _live(self) -> Snapshot:
        """The snapshot of the live build; a build published since the last search is opened here."""
        live = builds.published(self.home)[:1]
        if live and live[0] != self._snapshot.manifest.build:
            with self._opening:
                if live[0] != self._snapshot.manifest.build:
                    # searches that still run on the old one keep it; it is closed when the last lets go of it
                    self._snapshot = _open_live(self.home, self.embedder)
        return self._snapshot

    def _ranked(
        self, snapshot: Snapshot, query: str, allowed: Any, of_customer: bool
    ) -> list[tuple[int, float]]:
        """(row, score) of all candidates, best first; each side of a many-sided question has its best near the top."""
        parts = split_question(query)
        vectors = self._encoded(parts)
        return _merged(
            [
                self._ranked_one(snapshot, Query.of(part, vector, of_customer=of_customer), allowed)
                for part, vector in zip(parts, vectors, strict=True)
            ]
        )

    @staticmethod
    def _ranked_one(snapshot: Snapshot, query: Query, allowed: Any) -> list[tuple[int, float]]:
        rows = ranking.candidates(snapshot, query, allowed)
        scores = ranking.scores(snapshot, query, rows)
        order = np.argsort(-scores, kind="stable")
        return [(int(rows[at]), float(scores[at])) for at in order]

    def _encoded(self, texts: Sequence[str]) -> list[Vectors]:
        """Vectors of questions; the last few hundred are remembered, as one turn asks the same more than once."""
        with self._opening:
            known = {text: self._vectors[text] for text in texts if text in self._vectors}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known.update(zip(missing, self.embedder.encode(missing), strict=True))
            with self._opening:
                self._vectors.update({text: known[text] for text in missing})
                while len(self._vectors) > _REMEMBERED:
                    self._vectors.popitem(last=False)
        return [known[text] for text in texts]


def split_question(text: str) -> list[str]:
    """A question and, where it has several sides or is long, its sides: the whole first, at most eight in all.

    Sides are sentences, and parts joined by "and", "also", "以及", ... that each have two telling words or more.
    """
    sides: list[str] = []
    for sentence in (piece.strip() for piece in _SENTENCE_END.split(text)):
        joined = [side.strip(" ,;，；") for side in _JOINTS.split(sentence)]
        if len(joined) > 1 and all(len(query_words(side)) >= 2 for side in joined):
            sides += joined
        elif sentence:
            sides.append(sentence)
    sides = [side for side in dict.fromkeys(sides) if len(query_words(side)) >= 2]
    if len(sides) < 2:
        return [text]
    # of a long story, the sentences that ask, then the last ones, say what is wanted
    asking = [side for side in sides if side.endswith(("?", "？"))]
    chosen = list(dict.fromkeys([*asking, *reversed(sides)]))[: MOST_PARTS - 1]
    return [text, *(side for side in sides if side in chosen)]


def _merged(lists: list[list[tuple[int, float]]]) -> list[tuple[int, float]]:
    """One ranking of several: each row by its best score, and the best of each list before the rest.

    The best of a side counts as such only where it is at least half as good as the best of all.
    """
    if len(lists) == 1:
        return lists[0]
    best: dict[int, float] = {}
    for ranked in lists:
        for row, score in ranked:
            best[row] = max(score, best.get(row, 0.0))
    top = max(best.values(), default=0.0)
    first = {ranked[0][0] for ranked in lists if ranked and ranked[0][1] >= top / 2}
    return sorted(best.items(), key=lambda item: (item[0] not in first, -item[1]))


def _agreed(
    own: list[tuple[int, float]], translated: list[tuple[int, float]], share: float
) -> list[tuple[int, float]]:
    """One ranking of a question's and its translation's; the question's is less sure where the other finds less.

    A Chinese question shares characters with nearly everything, so its own best hit often looks better than it is. Where
    its translation finds nothing as good, that counts for as much as the ``share`` of English in what may be seen (at
    most one half).
    """
    merged = _merged([own, translated])
    before, after = (ranked[0][1] if ranked else 0.0 for ranked in (own, translated))
    doubt = min(0.5, share) * (1 - after / before) if before > after else 0.0
    return [(row, score * (1 - doubt)) for row, score in merged]


def _hit(passage: StoredPassage, score: float, also: tuple[str, ...] = ()) -> Hit:
    return Hit(
        passage_id=passage.id,
        source=passage.source,
        kind=cast(Kind, passage.kind),
        title=passage.title,
        text=passage.text,
        at=passage.at,
        customer_id=passage.customer_id,
        audience=passage.audience,
        language=passage.language,
        score=round(min(1.0, max(0.0, score)), 4),
        channel=passage.channel,
        also=also,
    )


def _open_live(home: Path, embedder: Embedder) -> Snapshot:
    live = builds.published(home)
    if not live:
        raise IndexError_("There is no knowledge index yet", "crm-assistant index build")
    manifest = builds.read_manifest(home, live[0])
    if (manifest.fingerprint, manifest.dimension) != (embedder.fingerprint, embedder.dimension):
        raise IndexError_(
            f"The index was built with the embedder {manifest.embedder}, now it is {embedder.name}",
            "crm-assistant index build, or set CRM_ASSISTANT_EMBEDDER back",
        )
    return Snapshot.open(home, live[0])
