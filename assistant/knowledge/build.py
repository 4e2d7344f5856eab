"""Build the index beside the live one, try it, publish it; go back; say how it stands."""

import errno
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.errors import IndexError_
from assistant.knowledge import builds, words
from assistant.knowledge.builds import Manifest
from assistant.knowledge.documents import Document, Unreadable, interaction_documents, read_folders
from assistant.knowledge.passages import Passage, split
from assistant.knowledge.ranking import Query, candidates, scores
from assistant.knowledge.snapshot import Snapshot, customers_in, write_passages
from assistant.knowledge.vectors import EXACT_UP_TO, Embedder, Progress, Vectors, write_vectors
from assistant.settings import get_settings

if TYPE_CHECKING:
    from assistant.crm import Store

CHUNK = 256  # passages embedded between two looks at `cancel`
MARKS = 4  # tokens that a model sets around a text and an embedder's count leaves out
CANARIES = 40
_MATRIX = ".vectors.npy"
_COPIED = 50_000  # vectors taken over from the live build at a time
# a build is refused that no longer finds this share of the canaries (and at least so many), or keeps less than half
LOST_SHARE, LOST_LEAST = 0.3, 3
SHRUNK_TO, SHRUNK_LEAST = 0.5, 20


class BuildCancelled(IndexError_):
    """The build was stopped before it was published."""


class BuildRefused(IndexError_):
    """The new build lost too much; ``canaries`` says what. The live index is as it was."""

    def __init__(self, message: str, hint: str, canaries: "CanaryReport") -> None:
        super().__init__(message, hint)
        self.canaries = canaries


@dataclass(frozen=True)
class Canary:
    """A question that the index must go on answering from ``source``."""

    query: str
    source: str


@dataclass(frozen=True)
class CanaryReport:
    """How the canaries fared before (in the live build) and after; ``lost`` and ``gained`` name them."""

    tried: int = 0
    found_before: int = 0
    found_after: int = 0
    lost: tuple[Canary, ...] = ()
    gained: tuple[Canary, ...] = ()


@dataclass(frozen=True)
class BuildReport:
    """What a build did, in passages. ``published`` is False where nothing had changed and the live build stays."""

    build: str
    published: bool
    documents: int
    passages: int
    embedded: int
    reused: int
    removed: int
    unreadable: tuple[Unreadable, ...]
    canaries: CanaryReport
    seconds: float
    per_second: float  # passages embedded per second of the embedding phase
    counts: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """For people."""
        first = f"Build {self.build}" if self.published else f"Nothing changed: build {self.build} stays"
        lines = [
            f"{first}: {self.documents} documents, {self.passages} passages in {self.seconds:.1f} s",
            f"{self.embedded} embedded ({self.per_second:.0f}/s), {self.reused} reused, {self.removed} removed",
        ]
        if self.canaries.tried:
            lines.append(
                f"Trial questions found: {self.canaries.found_before} before, {self.canaries.found_after} now"
            )
            for said, canaries in (("No longer", self.canaries.lost), ("Newly", self.canaries.gained)):
                lines += [f"{said} found: “{c.query}” in {c.source}" for c in canaries]
        return lines + [f"Not read: {left.source}: {left.reason}" for left in self.unreadable]


def build_index(
    store: "Store | None",
    embedder: Embedder,
    *,
    home: Path,
    kb_dirs: Sequence[Path],
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
    force: bool = False,
    wait: float = 0.0,
    server: str | None = None,
    exact_up_to: int = EXACT_UP_TO,
) -> BuildReport:
    """Read, cut, embed what changed, write, try, publish. The live index serves until the last step, and if it fails.

    ``progress(phase, done, total)`` runs through ``reading``, ``cutting``, ``embedding``, ``writing``,
    ``indexing``, ``trying``, ``publishing``. ``cancel`` is asked often; True stops the build. ``force`` publishes what would be refused.
    ``wait`` is how many seconds to wait for another build to end. ``server`` is the PostgreSQL server that takes the
    vectors (default: the setting; "" keeps them in files), ``exact_up_to`` the number of passages up to which every
    search compares with all of them. Raises BuildCancelled, BuildRefused, IndexError_.
    """
    server = get_settings().vector_server if server is None else server
    home = Path(home).expanduser()
    started = time.perf_counter()
    tell = progress or (lambda phase, done, total: None)

    def step(phase: str, done: int, total: int | None = None) -> None:
        if cancel is not None and cancel():
            raise BuildCancelled("The build was cancelled", "the live index is as it was")
        tell(phase, done, total)

    with builds.exclusive(home, wait):
        _forget_erased(home, store)
        builds.remove_leftovers(home)
        if server:
            _remove_tables(server, home)
        live = _live_snapshot(home, server)
        try:
            with builds.new_build(home) as (name, folder):
                documents, unreadable = _read(store, kb_dirs, step)
                passages = _cut(documents, embedder, step)
                if not passages and not force:
                    raise IndexError_("There is nothing to index: no article could be read and there are no interactions",
                                      "check the --kb folder, import interactions, or build with --force")  # fmt: skip
                content = _content_digest(passages)
                old = live if live is not None and _same_embedder(live.manifest, embedder) else None
                moved = old is not None and (old.manifest.vectors.get("engine") == "postgres") != bool(server)
                if old is not None and old.manifest.content == content and not (force or moved):
                    return _unchanged(old, documents, unreadable, time.perf_counter() - started)
                vectors, embedded, seconds = _vectors(passages, embedder, old, folder, step)
                step("writing", 0, len(passages))
                mean_words = write_passages(
                    folder / builds.PASSAGES, passages, lambda done: step("writing", done, len(passages))
                )
                step("indexing", 0, None)
                engine = write_vectors(
                    folder, vectors, name=_table(server, home, name), server=server, exact_up_to=exact_up_to
                )
                del vectors
                (folder / _MATRIX).unlink(missing_ok=True)
                manifest = Manifest(
                    build=name,
                    created=datetime.now().isoformat(timespec="seconds"),
                    embedder=embedder.name,
                    fingerprint=embedder.fingerprint,
                    dimension=embedder.dimension,
                    counts=_counts(documents, passages),
                    content=content,
                    unreadable=[asdict(left) for left in unreadable],
                    vectors=engine,
                    mean_words=mean_words,
                )
                canaries = _try(home, live, old, folder, manifest, embedder, step, server)
                _refuse_losses(live, len(passages), canaries, force)
                step("publishing", 0, 1)
                manifest = Manifest(**{**asdict(manifest), "canaries": asdict(canaries)})
                builds.publish(home, folder, manifest)
                _forget_erased(home, store)
                if server:
                    _remove_tables(server, home)
                tell("publishing", 1, 1)
                known = live.hashes() if live is not None else {}
                gone = known.keys() - {passage.content_hash for passage in passages}
        except OSError as problem:
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                raise IndexError_("No space left on the disk for the new index", "free some and build again; "
                                  "the live index is as it was") from problem  # fmt: skip
            raise
        finally:
            if live is not None:
                live.close()
    return BuildReport(
        build=name,
        published=True,
        documents=len(documents),
        passages=len(passages),
        embedded=embedded,
        reused=len(passages) - embedded,
        removed=len(gone),
        unreadable=tuple(unreadable),
        canaries=canaries,
        seconds=round(time.perf_counter() - started, 2),
        per_second=round(embedded / seconds, 1) if embedded else 0.0,
        counts=manifest.counts,
    )


def rollback(home: Path, *, wait: float = 0.0) -> str:
    """Make the build before the live one live again; its name. Running searches go over to it. Raises IndexError_."""
    home = Path(home).expanduser()
    with builds.exclusive(home, wait):
        return builds.step_back(home)


def index_status(home: Path) -> dict[str, Any]:
    """The live build (None before the first), its age and counts, the builds to go back to, whether one is being made."""
    home = Path(home).expanduser()
    names = builds.published(home)
    status: dict[str, Any] = {
        "build": None,
        "earlier": [],
        "building": builds.being_built(home),
        "problem": None,
    }
    if not names:
        return status
    status.update(build=names[0], earlier=names[1:])
    try:
        manifest = builds.read_manifest(home, names[0])
    except IndexError_ as problem:
        status["problem"] = str(problem)
        return status
    folder = builds.index_dir(home) / names[0]
    status.update(
        created=manifest.created,
        embedder=manifest.embedder,
        fingerprint=manifest.fingerprint,
        dimension=manifest.dimension,
        vectors=manifest.vectors,
        counts=manifest.counts,
        unreadable=manifest.unreadable,
        canaries=manifest.canaries,
        bytes=sum(path.stat().st_size for path in folder.iterdir()),
    )
    return status


# -- phases -------------------------------------------------------------------------------------------------

Step = Callable[[str, int, int | None], None]


def _read(
    store: "Store | None", kb_dirs: Sequence[Path], step: Step
) -> tuple[list[Document], list[Unreadable]]:
    documents: list[Document] = []
    unreadable: list[Unreadable] = []
    for found in _everything(store, kb_dirs):
        (documents if isinstance(found, Document) else unreadable).append(found)  # type: ignore[arg-type]
        if len(documents) % 100 == 0:
            step("reading", len(documents), None)
    step("reading", len(documents), len(documents))
    return documents, unreadable


def _everything(store: "Store | None", kb_dirs: Sequence[Path]) -> Iterator[Document | Unreadable]:
    yield from read_folders([Path(folder) for folder in kb_dirs])
    if store is not None:
        yield from interaction_documents(store.interactions())


def _cut(documents: list[Document], embedder: Embedder, step: Step) -> list[Passage]:
    passages: list[Passage] = []
    for done, document in enumerate(documents):
        passages += split(document, embedder.count_tokens, embedder.max_tokens - MARKS)
        if done % 100 == 0:
            step("cutting", done, len(documents))
    step("cutting", len(documents), len(documents))
    return passages


def _vectors(
    passages: list[Passage], embedder: Embedder, old: Snapshot | None, folder: Path, step: Step
) -> tuple[Vectors, int, float]:
    """(n, d) vectors of all passages; how many passages had to be embedded, and in how many seconds.

    A text that the live build has, or that occurs twice, is not embedded again. The vectors are in a file in
    ``folder`` and mapped into memory, as they may be larger than it.
    """
    shape = (len(passages), embedder.dimension)
    matrix = np.zeros(shape, dtype=np.float32)
    if passages:
        matrix = np.lib.format.open_memmap(folder / _MATRIX, mode="w+", dtype=np.float32, shape=shape)
    hashes = [passage.content_hash for passage in passages]
    known = old.hashes() if old is not None else {}
    taken = [(row, known[digest]) for row, digest in enumerate(hashes) if digest in known]
    for at in range(0, len(taken) if old is not None else 0, _COPIED):
        rows, from_rows = zip(*taken[at : at + _COPIED], strict=True)
        matrix[list(rows)] = old.vectors.rows(np.array(from_rows, dtype=np.int64))  # type: ignore[union-attr]
    first: dict[str, int] = {}
    for row, digest in enumerate(hashes):
        if digest not in known:
            first.setdefault(digest, row)
    # longest first: texts of like length share a batch, and the slowest part comes while patience is fresh
    todo = sorted(first.values(), key=lambda row: -len(passages[row].embedded_text))
    started = time.perf_counter()
    step("embedding", 0, len(todo))
    for at in range(0, len(todo), CHUNK):
        chunk = todo[at : at + CHUNK]
        found = embedder.encode([passages[row].embedded_text for row in chunk])
        if found.shape != (len(chunk), embedder.dimension) or not np.isfinite(found).all():
            raise IndexError_(
                f"The embedder {embedder.name} gave vectors of the wrong shape or with gaps",
                "check the embedder",
            )
        matrix[chunk] = found
        step("embedding", at + len(chunk), len(todo))
    seconds = time.perf_counter() - started
    for row, digest in enumerate(hashes):
        if digest in first and first[digest] != row:
            matrix[row] = matrix[first[digest]]
    return matrix, sum(digest not in known for digest in hashes), max(seconds, 1e-6)


def _try(
    home: Path,
    live: Snapshot | None,
    comparable: Snapshot | None,
    folder: Path,
    manifest: Manifest,
    embedder: Embedder,
    step: Step,
    server: str,
) -> CanaryReport:
    """Ask the new build what the live one answers. ``comparable`` is the live build where it has the same embedder."""
    questions = _canaries(home, live)
    step("trying", 0, len(questions))
    new = Snapshot.at(folder, manifest, server)
    try:
        if not questions:
            return CanaryReport()
        vectors = embedder.encode([canary.query for canary in questions])
        lost, gained, before, after = [], [], 0, 0
        for at, (canary, vector) in enumerate(zip(questions, vectors, strict=True)):
            query = Query.of(canary.query, vector)
            # a live build of another embedder can't be asked; it counts as having found its own articles
            was = comparable is None or _finds(comparable, query, canary.source)
            now = _finds(new, query, canary.source)
            before, after = before + was, after + now
            if was and not now:
                lost.append(canary)
            elif now and not was:
                gained.append(canary)
            step("trying", at + 1, len(questions))
        return CanaryReport(len(questions), before, after, tuple(lost), tuple(gained))
    finally:
        new.close()


def _canaries(home: Path, live: Snapshot | None) -> list[Canary]:
    """The company's own (``canaries.jsonl`` in the home folder), then titles of articles in the live build."""
    own: list[Canary] = []
    path = home / "canaries.jsonl"
    if path.is_file():
        try:
            lines = [
                json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()
            ]
            own = [Canary(str(line["query"]), str(line["source"])) for line in lines]
        except (ValueError, KeyError, TypeError) as problem:
            raise IndexError_(
                f"{path.name} in the home folder can't be read",
                'one JSON object per line: {"query": ..., "source": ...}',
            ) from problem
    if live is None:
        return own
    titles = {
        source: title for source, title, kind in live.rows("source, title, kind")[::-1] if kind == "article"
    }
    # a fixed sample, spread over the folders: the same articles are asked from build to build
    chosen = sorted(titles, key=lambda source: hashlib.sha256(source.encode()).digest())[:CANARIES]
    return own + [Canary(titles[source].replace(" > ", " "), source) for source in chosen]


def _finds(snapshot: Snapshot, query: Query, source: str, k: int = 5) -> bool:
    allowed = snapshot.visible("admin", kinds=["article"] if not source.startswith("interaction:") else None)
    rows = candidates(snapshot, query, allowed)
    best = rows[np.argsort(-scores(snapshot, query, rows), kind="stable")]
    found = dict.fromkeys(snapshot.passage(int(row)).source for row in best)
    return source in list(found)[:k]


def _refuse_losses(live: Snapshot | None, passages: int, canaries: CanaryReport, force: bool) -> None:
    if live is None or force:
        return
    lost = len(canaries.lost)
    if lost >= LOST_LEAST and lost > LOST_SHARE * canaries.found_before:
        some = ", ".join(canary.source for canary in canaries.lost[:3])
        raise BuildRefused(
            f"The new build no longer finds {lost} of {canaries.found_before} trial questions ({some}, ...)",
            "check the --kb folder; if that is meant: crm-assistant index build --force",
            canaries,
        )
    before = len(live)
    if before >= SHRUNK_LEAST and passages < before * SHRUNK_TO:
        raise BuildRefused(
            f"The new build has {passages} passages, the live one {before}",
            "check the --kb folder and the record; if that is meant: crm-assistant index build --force",
            canaries,
        )


# -- small things ---------------------------------------------------------------------------------------------


def _live_snapshot(home: Path, server: str) -> Snapshot | None:
    """The live build, or None before the first and where it is damaged: a build is how damage is repaired."""
    names = builds.published(home)
    try:
        manifest = builds.read_manifest(home, names[0]) if names else None
        # vectors that moved back from a server are read there once more, where its address is still set
        at = server or get_settings().vector_server
        return Snapshot.at(builds.index_dir(home) / names[0], manifest, at) if manifest else None
    except IndexError_:
        return None


def _forget_erased(home: Path, store: "Store | None") -> None:
    """An earlier build with the words of a customer who was erased since is no way back. Hold the lock."""
    if store is None:
        return
    customers = {name: customers_in(builds.index_dir(home) / name) for name in builds.published(home)[1:]}
    erased = store.unknown_customers(set().union(*customers.values()))
    builds.forget(home, [name for name, of_it in customers.items() if of_it & erased])


def _table(server: str, home: Path, build: str) -> str:
    if not server:
        return ""
    from assistant.knowledge.postgres import table_name

    return table_name(home, build)


def _remove_tables(server: str, home: Path) -> None:
    """On the server, too, a build that was never published leaves nothing behind."""
    from assistant.knowledge.postgres import remove_tables

    remove_tables(server, home, builds.published(home))


def _same_embedder(manifest: Manifest, embedder: Embedder) -> bool:
    return (manifest.fingerprint, manifest.dimension) == (embedder.fingerprint, embedder.dimension)


def _content_digest(passages: list[Passage]) -> str:
    """Of everything a search can see or is filtered by: equal digests, equal indexes."""
    digest = hashlib.sha256(f"words {words.EDITION}".encode())
    for passage in passages:
        d = passage.document
        told = (
            passage.id,
            passage.content_hash,
            d.kind,
            d.audience,
            d.language,
            d.at,
            d.customer_id,
            d.channel,
            d.keys,
        )
        digest.update(repr(told).encode())
    return digest.hexdigest()


def _counts(documents: list[Document], passages: list[Passage]) -> dict[str, int]:
    counts: Counter[str] = Counter(passages=len(passages))
    for document in documents:
        counts[f"{document.kind}s"] += 1
        counts[f"{document.kind}s_{document.audience}"] += 1
        counts[f"{document.kind}s_{document.language}"] += 1
    return dict(sorted(counts.items()))


def _unchanged(
    live: Snapshot, documents: list[Document], unreadable: list[Unreadable], seconds: float
) -> BuildReport:
    return BuildReport(
        build=live.manifest.build,
        published=False,
        documents=len(documents),
        passages=len(live),
        embedded=0,
        reused=len(live),
        removed=0,
        unreadable=tuple(unreadable),
        canaries=CanaryReport(),
        seconds=round(seconds, 2),
        per_second=0.0,
        counts=live.manifest.counts,
    )
