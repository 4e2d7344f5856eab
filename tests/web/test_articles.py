"""Editing articles: what is taken, what is refused, and the way back."""

from pathlib import Path

import pytest

from assistant.errors import AssistantError
from assistant.settings import Settings, data_folder
from assistant.web.articles import KEPT, Articles

HEAD = "---\ntitle: Hours\naudience: public\nlanguage: en\n---\n\n"


def test_the_demos_articles_are_copied_before_the_first_edit(tmp_path: Path) -> None:
    articles = Articles(Settings(home=tmp_path), demo=True)
    name = articles.names()[0]
    shipped = (data_folder("kb") / name).read_text()
    assert articles.folder == data_folder("kb") and articles.read(name) == shipped
    articles.write(name, shipped + "\nOne line more.")
    assert articles.folder == tmp_path / "kb" and articles.read(name).endswith("One line more.\n")
    assert (data_folder("kb") / name).read_text() == shipped
    assert len(articles.names()) == len(list(data_folder("kb").rglob("*.md")))
    assert articles.undo(name) == shipped == articles.read(name)
    with pytest.raises(AssistantError, match="Nothing was changed"):
        articles.undo(name)


def test_a_company_without_articles_writes_its_first(tmp_path: Path) -> None:
    articles = Articles(Settings(home=tmp_path), demo=False)
    assert articles.folder == tmp_path / "kb" and not articles.names()
    articles.write("public/en/hours.md", HEAD + "Nine to five.")
    assert articles.names() == ["public/en/hours.md"] and articles.folder == tmp_path / "kb"
    for n in range(KEPT + 5):
        articles.write("public/en/hours.md", HEAD + f"From {n}.")
    articles.write("public/en/hours.md", HEAD + f"From {KEPT + 4}.")  # nothing new: nothing to undo
    for n in range(KEPT):
        assert articles.undo("public/en/hours.md").endswith(f"From {KEPT + 3 - n}.\n")
    with pytest.raises(AssistantError):
        articles.undo("public/en/hours.md")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("../outside.md", HEAD + "x"),
        ("public/en/../../../x.md", HEAD + "x"),
        ("/etc/passwd", HEAD + "x"),
        ("public/en/x.html", HEAD + "x"),
        ("", HEAD + "x"),
        ("public/en/x.md", ""),
        ("public/en/x.md", HEAD),
        ("public/en/x.md", "no front matter"),
        ("public/en/x.md", "---\ntitle: [\n---\n\nx"),
        ("public/en/x.md", "---\ntitle: X\naudience: everybody\n---\n\nx"),
        ("internal/en/x.md", HEAD + "x"),
        ("public/en/x.md", HEAD + "x" * 200_001),
    ],
)
def test_what_is_no_article_is_refused(tmp_path: Path, name: str, text: str) -> None:
    articles = Articles(Settings(home=tmp_path / "home", kb=tmp_path / "kb"), demo=False)
    with pytest.raises(AssistantError):
        articles.write(name, text)
    assert not list(tmp_path.rglob("*.md"))


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("x")
    articles = Articles(Settings(home=tmp_path / "home", kb=tmp_path / "kb"), demo=False)
    for name in ("../secret.md", str(tmp_path / "secret.md")):
        with pytest.raises(AssistantError):
            articles.read(name)
        with pytest.raises(AssistantError):
            articles.undo(name)
