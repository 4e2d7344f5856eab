"""Failed questions in groups, an article for them, and the questions asked again."""

from pathlib import Path
from typing import Any

import pytest

from assistant.crm import Store
from assistant.errors import IndexError_
from assistant.knowledge import KnowledgeIndex, build_index, gaps
from assistant.knowledge.documents import Document, read_folders
from tests.dialogue.doubles import ScriptedModel

from .doubles import HashedEmbedder

GIFT = ["can I pay with a gift card", "do you let me pay with a gift card", "pay with a gift card possible?"]
TRADE = ["invoice for my company with vat number", "my company needs an invoice with vat number"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "crm.sqlite")
    for number, text in enumerate(GIFT):
        conversation = store.start_conversation("visitor")
        turn = store.save_turn(conversation, message=text, outcome="unknown", language="en", at=f"2026-03-0{number + 1}T10:00:00")  # fmt: skip
        if number == 0:
            store.rate_turn(turn, -1)
        if number == 1:
            store.add_message(conversation, "customer", "hello?")
            store.add_message(
                conversation, "agent", "Yes, gift cards up to 150 euros are taken at the till page."
            )
    for text in TRADE:
        conversation = store.start_conversation("customer", "C-1")
        store.save_turn(
            conversation, message=text, outcome="handed_off", language="en", at="2026-03-05T10:00:00"
        )
    conversation = store.start_conversation("visitor")
    store.save_turn(
        conversation, message="怎么用礼品卡付款", outcome="unknown", language="zh", at="2026-03-06T10:00:00"
    )
    store.save_turn(
        conversation, message="礼品卡能付款吗", outcome="unknown", language="zh", at="2026-03-06T10:01:00"
    )
    store.save_turn(conversation, message="a person please", outcome="handed_off", language="en")
    store.save_turn(conversation, message="where is my parcel now", outcome="answered", language="en")
    return store


def found(store: Store, home: Path, **more: Any) -> list[gaps.Gap]:
    return gaps.find_gaps(store, HashedEmbedder(), home=home, **more)


def test_questions_that_failed_are_grouped(store: Store, tmp_path: Path) -> None:
    groups = {frozenset(q.question for q in gap.questions) for gap in found(store, tmp_path)}
    assert groups == {frozenset(GIFT), frozenset(TRADE), frozenset(["怎么用礼品卡付款", "礼品卡能付款吗"])}
    first = found(store, tmp_path)[0]
    assert first.size == 3 and first.title in GIFT
    assert first.whys == {"unknown": 2, "rated down": 1}
    assert first.answers == ("Yes, gift cards up to 150 euros are taken at the till page.",)
    assert [gap.size for gap in found(store, tmp_path, least=3)] == [3]
    assert not found(store, tmp_path, since="2027-01-01")
    assert [gap.id for gap in found(store, tmp_path)] == [gap.id for gap in found(store, tmp_path)]
    with pytest.raises(IndexError_, match="no gap"):
        gaps.gap_named(found(store, tmp_path), "G-nothing")


def test_a_draft_is_made_from_what_a_person_answered(store: Store, tmp_path: Path) -> None:
    gap = found(store, tmp_path)[0]
    model = ScriptedModel(
        replies=["# Paying with a gift card\nGift cards up to 150 euros are taken at the till page."]
    )
    draft = gaps.draft_article(gap, model)
    assert (draft.title, draft.audience) == ("Paying with a gift card", "internal")
    assert "150 euros" in draft.text
    assert "up to 150 euros" in model.prompts[0] and GIFT[0] in model.prompts[0]
    assert 'audience: "internal"' in draft.markdown()


def test_a_draft_that_invents_a_number_is_not_shown(store: Store, tmp_path: Path) -> None:
    gap = found(store, tmp_path)[0]
    draft = gaps.draft_article(
        gap, ScriptedModel(replies=["Gift cards\nGift cards up to 500 euros are taken."])
    )
    assert "500" not in draft.text and "150" in draft.text


def test_no_answer_no_draft(store: Store, tmp_path: Path) -> None:
    gap = next(gap for gap in found(store, tmp_path) if gap.questions[0].question in TRADE)
    with pytest.raises(IndexError_, match="Nobody has answered"):
        gaps.draft_article(gap, ScriptedModel(replies=["x"]))


def test_an_accepted_article_lets_the_questions_pass_and_closes_the_gap(store: Store, tmp_path: Path) -> None:
    kb = tmp_path / "kb" / "public"
    kb.mkdir(parents=True)
    for number in range(5):
        (kb / f"a{number}.md").write_text(f"# About item{number}\n\nThe item{number} is here.\n")
    embedder = HashedEmbedder()
    build_index(store, embedder, home=tmp_path, kb_dirs=[kb.parent])
    gap = found(store, tmp_path)[0]
    index = KnowledgeIndex.open(tmp_path, embedder)
    assert not any(one.passed for one in gaps.replay(index, gap))
    index.close()
    draft = gaps.Draft("Pay with a gift card", "You can pay with a gift card. Do you let me pay with a gift card? Yes.", "en", "public")  # fmt: skip
    filled = gaps.fill(gap, draft, store=store, embedder=embedder, home=tmp_path, folders=[kb.parent])
    assert [one.passed for one in filled.again] == [True, True, True]
    assert filled.path == tmp_path / "articles" / "public" / "en" / "pay-with-a-gift-card.md"
    assert "3 of 3" in filled.lines()[0]
    assert gap.id not in [other.id for other in found(store, tmp_path)]
    (article,) = [d for d in read_folders([tmp_path / "articles"]) if isinstance(d, Document)]
    assert (article.title, article.audience, article.language) == ("Pay with a gift card", "public", "en")


def test_questions_that_still_fail_stay_open(store: Store, tmp_path: Path) -> None:
    embedder = HashedEmbedder()
    gap = next(gap for gap in found(store, tmp_path) if gap.questions[0].question in TRADE)
    # an internal article is no answer for the customer who asked
    draft = gaps.Draft(
        "Invoice for a company with vat number", "My company needs an invoice with vat number: yes.", "en"
    )
    filled = gaps.fill(gap, draft, store=store, embedder=embedder, home=tmp_path, folders=[])
    assert not any(one.passed for one in filled.again)
    assert gap.id in [other.id for other in found(store, tmp_path)]
    gaps.close(gap.questions, home=tmp_path, because="dismissed")
    assert gap.id not in [other.id for other in found(store, tmp_path)]


def test_an_edited_draft_is_read_back(store: Store, tmp_path: Path) -> None:
    gap = found(store, tmp_path)[0]
    path = tmp_path / "draft.md"
    path.write_text(gaps.Draft('A "quoted" title: with colon', "Text.", "en", "public").markdown())
    draft = gaps.read_draft(path, gap)
    assert (draft.title, draft.text, draft.audience) == ('A "quoted" title: with colon', "Text.", "public")
    path.write_text("---\ntitle: Title\nlanguage: ../../elsewhere\n---\nText.")
    assert gaps.read_draft(path, gap).language == gap.language
    path.write_text("---\ntitle: [not closed\n---\nText.")
    with pytest.raises(IndexError_, match="can't be read"):
        gaps.read_draft(path, gap)
    with pytest.raises(IndexError_):
        gaps.accept(gaps.Draft("Title", "  ", "en"), home=tmp_path)


def test_the_command_lists_accepts_and_dismisses(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from assistant.cli import base, main
    from assistant.settings import get_settings

    monkeypatch.setenv("CRM_ASSISTANT_HOME", str(tmp_path))
    monkeypatch.setattr(base, "open_embedder", lambda settings: HashedEmbedder())
    get_settings.cache_clear()

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["index", "gaps", *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    try:
        first = found(store, tmp_path)[0]
        assert f"{first.id}     3  {first.title}" in run()
        article = tmp_path / "draft.md"
        article.write_text(gaps.Draft(GIFT[0], ". ".join(GIFT), "en", "public").markdown())
        assert "3 of 3 questions find an answer now" in run("--accept", first.id, "--article", str(article))
        assert first.id not in run() and first.id not in run("--json")
        second = found(store, tmp_path)[0]
        assert second.id in run("--dismiss", second.id) and second.id not in run()
    finally:
        get_settings.cache_clear()
