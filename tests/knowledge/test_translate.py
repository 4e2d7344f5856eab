"""A Chinese question finds an article that is there in English only."""

from pathlib import Path
from typing import Any

import pytest

from assistant.knowledge import KnowledgeIndex, Translator, build_index
from assistant.knowledge.index import SURE
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
        def invoke(self, messages: Any, **_: Any) -> Any:
            raise RuntimeError("out of memory")

    assert Translator(Broken())("我的包裹在哪里") == ""
    assert "could not be translated" in caplog.text


def _half_chinese(folder: Path, english: int) -> KnowledgeIndex:
    """An article in Chinese that shares a few characters with many questions, and some in English."""
    texts = {"zh/coffee": "---\ntitle: 咖啡豆\n---\n咖啡豆怎么保存，咖啡袋怎么打开。"}
    texts |= {f"en/a{n}": f"---\ntitle: Subject{n}\n---\nThe subject{n} is here." for n in range(english)}
    for name, text in texts.items():
        path = folder / "kb" / "public" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    build_index(None, HashedEmbedder(), home=folder, kb_dirs=[folder / "kb"])
    return KnowledgeIndex.open(folder, HashedEmbedder())


def test_the_model_is_asked_only_where_its_answer_can_matter(tmp_path: Path) -> None:
    asked: list[str] = []

    def translate(question: str) -> str:
        asked.append(question)
        return "nothing of the kind"

    index = _half_chinese(tmp_path / "both", english=6)
    sure = index.search("咖啡豆怎么保存，咖啡袋怎么打开", role="visitor", translate=translate)
    assert sure[0].score > SURE and not asked
    index.search("where is the subject2", role="visitor", translate=translate)
    index.search("茶包能不能回收", role="visitor", language="zh", translate=translate)
    assert not asked  # English needs no translation, and nothing in English may be seen
    index.search("茶包能不能回收", role="visitor", translate=translate)
    assert len(asked) == 1
    chinese = _half_chinese(tmp_path / "chinese", english=0)
    chinese.search("茶包能不能回收", role="visitor", translate=translate)
    assert len(asked) == 1


def test_a_hit_that_the_translation_does_not_confirm_is_less_sure(tmp_path: Path) -> None:
    question = "咖啡袋怎么回收"
    index = _half_chinese(tmp_path / "half", english=1)
    alone = index.search(question, role="visitor")[0]
    doubted = index.search(question, role="visitor", translate=lambda text: "the weather")[0]
    assert doubted.source == alone.source and doubted.score < 0.9 * alone.score
    # a translation that failed says nothing
    assert index.search(question, role="visitor", translate=lambda text: "")[0].score == alone.score
    # nor does one among next to no English: here every tenth passage at most
    for number in range(9):
        (tmp_path / f"half/kb/public/zh/b{number}.md").write_text(
            f"---\ntitle: 第{number}\n---\n别的事情{number}。"
        )
    build_index(None, HashedEmbedder(), home=tmp_path / "half", kb_dirs=[tmp_path / "half" / "kb"])
    mostly = index.search(question, role="visitor", translate=lambda text: "the weather")[0]
    before = index.search(question, role="visitor")[0]
    assert mostly.score >= 0.9 * before.score
