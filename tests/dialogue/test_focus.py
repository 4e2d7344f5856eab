"""The lines of found articles that a question is about."""

from dataclasses import dataclass

from assistant.dialogue.focus import Focus
from assistant.evidence import Evidence

from .doubles import WordEmbedder


@dataclass
class Passage:
    title: str
    text: str


WARRANTY = [
    Passage("Warranty", "Machines and grinders have 24 months of warranty. Repairs are free."),
    Passage("Warranty > What isn't covered", "- Damage from limescale.\n- Falls, or water in the motor."),
]
GIFTS = [Passage("Gift cards", "Gift cards are valid for 3 years. " + "They come by post. " * 3)]


def evidence(name: str, passage: Passage) -> Evidence:
    return Evidence(f"kb:{name}#0", "article", passage.text, f"public/en/{name}.md", None, 0.8)


def test_the_article_with_the_best_line_comes_first_and_items_keep_their_heading() -> None:
    focus = Focus(WordEmbedder().encode)
    articles = [(evidence("gifts", GIFTS[0]), GIFTS), (evidence("warranty", WARRANTY[0]), WARRANTY)]
    found = focus.pick("Is limescale covered by the warranty?", articles)
    assert found[0].source == "public/en/warranty.md"
    lines = found[0].text.splitlines()
    assert lines[0] == "Warranty" and "What isn't covered: Damage from limescale." in lines
    assert lines.index("Repairs are free.") < lines.index("What isn't covered: Damage from limescale.")
    assert found[0].score == 0.8 and found[0].id == "kb:warranty#0"


def test_a_translated_question_picks_lines_in_its_own_language() -> None:
    focus = Focus(WordEmbedder().encode)
    articles = [(evidence("gifts", GIFTS[0]), GIFTS), (evidence("warranty", WARRANTY[0]), WARRANTY)]
    found = focus.pick("水垢在保修范围内吗", articles, "Is limescale covered by the warranty?")
    assert found[0].source == "public/en/warranty.md" and "limescale" in found[0].text


def test_what_answers_by_itself_shares_the_questions_words() -> None:
    focus = Focus(WordEmbedder().encode)
    lines = ["Machines and grinders have 24 months of warranty.", "Repairs are free.", "We roast on Tuesday."]
    assert 0 in focus.best("warranty on grinders", lines)
    assert focus.best("opening hours of the museum", lines) == []


def test_vectors_are_computed_once() -> None:
    asked: list[int] = []
    inner = WordEmbedder()

    def encode(texts: list[str]) -> object:
        asked.append(len(texts))
        return inner.encode(texts)

    focus = Focus(encode)  # type: ignore[arg-type]
    for _ in range(2):
        focus.pick("warranty", [(evidence("warranty", WARRANTY[0]), WARRANTY)])
    assert len(asked) == 1
