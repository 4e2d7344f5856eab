"""A Chinese question finds an article that is there in English only."""

from pathlib import Path
from typing import Any

import pytest

from assistant.knowledge import KnowledgeIndex, Translator, build_index
from tests.dialogue.doubles import ScriptedModel

from .doubles import HashedEmbedder


def test_an_english_article_answers_a_chinese_question(tmp_path: Path) -> None:
    folder = tmp_path / "kb" / "internal" / "en"
    folder.mkdir(parents=True)
    (folder / "goodwill.md").write_text("---\ntitle: Goodwill credit\n---\nA goodwill credit needs approval of the lead above 25 euros.")  # fmt: skip
    for number in range(8):
        (folder / f"a{number}.md").write_text(f"# About item{number}\n\nThe item{number} is here.\n")
    build_index(None, HashedEmbedder(), home=tmp_path, kb_dirs=[tmp_path / "kb"])
    index = KnowledgeIndex.open(tmp_path, HashedEmbedder())
    question = "补偿金额超过多少需要主管批准"
    assert not any(hit.score >= index.threshold for hit in index.search(question, role="agent"))
    model = ScriptedModel(replies=["goodwill credit above what needs approval of the lead"])
    translate = Translator(model)
    best = index.search(question, role="agent", translate=translate)[0]
    assert best.source == "internal/en/goodwill.md" and best.score >= index.threshold
    index.search(question, role="agent", translate=translate)
    assert len(model.prompts) == 1 and question in model.prompts[0]
    # what a visitor may not read isn't found in any language
    assert not index.search(question, role="visitor", translate=translate)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('English: "Where is my parcel?"', "Where is my parcel?"),
        ("Where is my parcel?\nI hope this helps.", "Where is my parcel?"),
        ("我的包裹在哪里？", ""),
        ("", ""),
    ],
)
def test_only_a_usable_line_is_taken(reply: str, expected: str) -> None:
    assert Translator(ScriptedModel(replies=[reply]))("我的包裹在哪里") == expected


def test_codes_survive_and_english_is_left_alone() -> None:
    translate = Translator(ScriptedModel(replies=["When will my order come?"]))
    assert translate("订单 LO-100234 什么时候到") == "When will my order come? lo100234"
    assert translate("where is my parcel") == "" and translate("包" * 500) == ""


def test_a_model_that_fails_does_not_end_the_search(caplog: Any) -> None:
    class Broken:
        def invoke(self, messages: Any) -> Any:
            raise RuntimeError("out of memory")

    assert Translator(Broken())("我的包裹在哪里") == ""
    assert "could not be translated" in caplog.text
