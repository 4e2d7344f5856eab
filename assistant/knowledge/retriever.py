"""The index in the LangChain ecosystem, and its passages as JSONL."""

import json
from pathlib import Path

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from assistant.errors import IndexError_
from assistant.evidence import Role
from assistant.files import write_atomic
from assistant.knowledge.documents import Unreadable, read_file
from assistant.knowledge.index import KnowledgeIndex

_FIELDS = (
    "passage_id",
    "source",
    "kind",
    "title",
    "text",
    "audience",
    "language",
    "at",
    "customer_id",
    "channel",
)


class KnowledgeRetriever(BaseRetriever):
    """A :class:`KnowledgeIndex` as a LangChain retriever, for one role (and one customer).

    The role is fixed when the retriever is made, so a chain or a model can't change who it searches for. With
    ``only_above_threshold`` (the default) nothing is returned where nothing fits.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    index: KnowledgeIndex
    role: Role
    customer: str | None = None
    k: int = 5
    only_above_threshold: bool = True

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[LangChainDocument]:
        hits = self.index.search(query, role=self.role, customer=self.customer, k=self.k)
        least = self.index.threshold if self.only_above_threshold else 0.0
        return [
            LangChainDocument(
                id=hit.passage_id,
                page_content=f"{hit.title}\n{hit.text}",
                metadata={
                    "source": hit.source, "kind": hit.kind, "title": hit.title, "at": hit.at,
                    "language": hit.language, "audience": hit.audience, "score": hit.score,
                },
            )
            for hit in hits
            if hit.score >= least
        ]  # fmt: skip


def export_passages(index: KnowledgeIndex, path: Path) -> int:
    """Write every passage of the live build as one JSON object per line; how many there are.

    The file holds what only agents may read, customers' words too: keep it where the record is kept.
    """
    lines = [
        json.dumps({name: getattr(hit, name) for name in _FIELDS}, ensure_ascii=False)
        for hit in index.everything()
    ]
    write_atomic(path, "".join(line + "\n" for line in lines))
    return len(lines)


def import_passages(path: Path, folder: Path) -> int:
    """Put a JSONL file of passages into a knowledge base folder, where the next build reads it; how many there are.

    Each line needs ``text``; ``title``, ``audience``, ``language`` and ``at`` are taken over. What isn't said to be
    public is internal. Interactions are left out: they belong to the record. Raises IndexError_ on a line that is none.
    """
    if path.suffix.lower() != ".jsonl":
        raise IndexError_(
            f"{path.name} is no file of passages", "one that 'index export' wrote, its name ending in .jsonl"
        )
    found = read_file(path, path.name)
    for problem in found:
        if isinstance(problem, Unreadable):
            raise IndexError_(f"{path.name}: {problem.reason}", 'one JSON object with "text" per line')
    write_atomic(folder / path.name, path.read_bytes())
    return len(found)
