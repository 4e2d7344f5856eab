"""Passages follow headings and sentences and stay under the embedder's length."""

import random

import pytest

from assistant.knowledge.documents import Document
from assistant.knowledge.passages import sentences, split

from .doubles import HashedEmbedder

COUNT = HashedEmbedder().count_tokens


def article(text: str, title: str = "Returns") -> Document:
    return Document("public/en/returns.md", "article", title, text, "public")


def test_title_path_and_ids() -> None:
    text = "Thirty days.\n\n# Returns\n\n## Cost\n\nA label.\n\n### Faulty\n\nFree.\n\n## Empty\n\n## Time\n\nFive days."
    found = split(article(text), COUNT, 64)
    assert [(p.id, p.title, p.text) for p in found] == [
        ("kb:public/en/returns.md#1", "Returns", "Thirty days."),
        ("kb:public/en/returns.md#2", "Returns > Cost", "A label."),
        ("kb:public/en/returns.md#3", "Returns > Cost > Faulty", "Free."),
        ("kb:public/en/returns.md#4", "Returns > Time", "Five days."),
    ]


def test_markup_becomes_plain_text() -> None:
    text = (
        "See **the** [article](x.md) and `LA-512`.\nNext line.\n\n1. One\n2. Two\n   - inner\n\n"
        "| Plan | Price |\n|---|---|\n| Home | 21.90 |\n| Taster | 11.90 |\n\n<!-- hidden -->\n\n> quoted\n\n```\ncode\n```\n"
    )
    (passage,) = split(article(text), COUNT, 200)
    assert passage.text == (
        "See the article and LA-512. Next line.\n1. One\n2. Two\n  - inner\nPlan: Home; Price: 21.90\n"
        "Plan: Taster; Price: 11.90\nquoted\ncode"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It costs 4.90 EUR, e.g. Here. Mr. Smith and J. Doe came. 5 left.",
         ["It costs 4.90 EUR, e.g. Here.", "Mr. Smith and J. Doe came.", "5 left."]),
        ("可以退货。三十天内！好吗？好", ["可以退货。", "三十天内！", "好吗？", "好"]),
        ("他说：“不行。”然后走了。", ["他说：“不行。”", "然后走了。"]),
    ],
)  # fmt: skip
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_nothing_is_lost_and_nothing_too_long() -> None:
    random.seed(5)
    words = [
        "coffee",
        "delivery",
        "returns,",
        "label.",
        "Gasket",
        "5.00",
        "咖啡",
        "，退货。",
        "a" * 90,
        "\n\n",
        "\n## Part\n\n",
    ]
    for _ in range(150):
        text = " ".join(random.choices(words, k=random.randint(1, 300)))
        document = article(text, title=random.choice(["T", "A title of several words", "长标题" * 30]))
        found = split(document, COUNT, 48)
        assert all(COUNT(passage.embedded_text) <= 48 for passage in found)
        expected = [c for c in text.replace("## Part", "") if not c.isspace()]
        got = [c for passage in found for c in passage.text if not c.isspace()]
        assert got == expected


def test_long_chinese_without_any_stop() -> None:
    text = "咖啡" * 200
    found = split(Document("interaction:IN-000001", "interaction", "chat", text, "customer"), COUNT, 48)
    assert "".join(passage.text for passage in found) == text
    assert [p.id for p in found[:2]] == ["interaction:IN-000001", "interaction:IN-000001#2"]
    assert all(COUNT(passage.embedded_text) <= 48 for passage in found)


def test_breaks_at_sentences_where_it_can() -> None:
    text = " ".join(f"Sentence number {n} says a little about coffee." for n in range(30))
    found = split(article(text), COUNT, 40)
    assert len(found) > 3
    assert all(passage.text.endswith(".") and passage.text.startswith("Sentence") for passage in found)


def test_hash_is_of_what_is_embedded_only() -> None:
    (one,) = split(article("Same."), COUNT, 64)
    (two,) = split(Document("internal/x.md", "article", "Returns", "Same.", "internal"), COUNT, 64)
    (three,) = split(article("Other."), COUNT, 64)
    assert one.content_hash == two.content_hash != three.content_hash
