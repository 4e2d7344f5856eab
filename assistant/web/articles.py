"""Editing the company's articles: checked before they are saved, each save can be undone, the index follows by a build.

The demo company's articles belong to the program; the first edit copies them to ``kb/`` in the home folder, which is
used from then on.
"""

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr

from assistant.errors import AssistantError
from assistant.files import write_atomic
from assistant.settings import Settings
from assistant.web.admin import QUIET, Part
from assistant.web.fields import Fields

_NEW = re.compile(r"(public|internal)/[a-z]{2}/[a-z0-9][a-z0-9-]{0,60}\.md")
KEPT = 20  # saves of one article that can be undone
LONGEST = 200_000  # characters


class Articles:
    """The markdown articles of one company, by their path below its folder."""

    def __init__(self, settings: Settings, *, demo: bool) -> None:
        self.settings, self._demo = settings, demo

    @property
    def folder(self) -> Path:
        """Where they are; it doesn't exist before a company's first article."""
        return self.settings.kb_dir(demo=self._demo)

    def names(self) -> list[str]:
        folder = self.folder
        return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.md"))

    def read(self, name: str) -> str:
        return self._path(name).read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        """Save an article, new or not. Raises AssistantError when nothing could be made of it."""
        text = text.replace("\r\n", "\n").strip() + "\n"
        self._check(name, text)
        if name not in self.names() and not _NEW.fullmatch(name):
            raise AssistantError(f"{name!r} is no place for an article.", "e.g. public/en/returns.md")
        self._own()
        path = self.folder / name
        if path.is_file():
            before = path.read_text(encoding="utf-8")
            if before == text:
                return
            kept = self._kept(name)
            number = int(kept[-1].stem.rsplit(".", 1)[1]) + 1 if kept else 1
            write_atomic(self._history / f"{name}.{number:06d}.old", before)
            for old in kept[: max(0, len(kept) + 1 - KEPT)]:
                old.unlink()
        write_atomic(path, text)

    def undo(self, name: str) -> str:
        """Bring back what the last save replaced; returns it. Raises AssistantError when there is nothing."""
        path, kept = self._path(name), self._kept(name)
        if not kept:
            raise AssistantError(f"Nothing was changed in {name}.")
        text = kept[-1].read_text(encoding="utf-8")
        write_atomic(path, text)
        kept[-1].unlink()
        return text

    @property
    def _history(self) -> Path:
        return self.settings.home_dir / "articles.old"

    def _kept(self, name: str) -> list[Path]:
        """Earlier texts of an article, oldest first."""
        folder, stem = (self._history / name).parent, Path(name).name
        return sorted(p for p in folder.glob("*.old") if p.name[: len(stem) + 1] == f"{stem}.")

    def _path(self, name: str) -> Path:
        if name not in self.names():  # nothing but what is listed: no way out of the folder
            raise AssistantError(f"There is no article {name!r}.")
        return self.folder / name

    def _own(self) -> None:
        """A folder of the company's own, with the demo company's articles where it is that."""
        if self.settings.own_articles:
            return
        target = self.settings.home_dir / "kb"
        with tempfile.TemporaryDirectory(dir=self.settings.home_dir) as work:
            copy = Path(work) / "kb"
            if self._demo:
                shutil.copytree(self.folder, copy)
            else:
                copy.mkdir()
            copy.replace(target)

    @staticmethod
    def _check(name: str, text: str) -> None:
        import frontmatter

        if len(text) > LONGEST:
            raise AssistantError("The article is too long.", f"at most {LONGEST:,} characters")
        try:
            post = frontmatter.loads(text)
        except Exception as problem:  # whatever the reader of YAML says
            raise AssistantError(
                "The lines between --- and --- can't be read.", str(problem)[:200]
            ) from problem
        if not post.content.strip():
            raise AssistantError("The article has no text.")
        if not str(post.get("title") or "").strip():
            raise AssistantError(
                "The article has no title.", "begin with --- title: ... audience: public ---"
            )
        said = post.get("audience", "internal")
        if said not in ("public", "internal"):
            raise AssistantError(f"There is no audience {said!r}.", "public or internal")
        if said == "public" and name.startswith("internal/"):
            raise AssistantError(
                "An article below internal/ is internal.", "write audience: internal, or choose public/"
            )


NEW_TEXT = "---\ntitle: \naudience: public\nlanguage: en\nupdated: \n---\n\n"


class Editor(Part):
    """Choose an article, change it, save it, take that back."""

    @property
    def articles(self) -> Articles:
        return Articles(self.context.settings, demo=self.context.is_demo)

    def lay_out(self, page: gr.Blocks, tab: gr.Tab) -> None:
        with gr.Accordion("Edit an article", open=False, elem_id="edit"):
            with gr.Row():
                name = gr.Dropdown(
                    [], label="Article, or a new one such as public/en/opening-hours.md", allow_custom_value=True,
                    elem_id="edit-name", scale=3,
                )  # fmt: skip
            text = gr.Textbox(
                label="Text, markdown; title and audience between the lines of ---", lines=14, max_lines=30,
                max_length=LONGEST, elem_id="edit-text",
            )  # fmt: skip
            with gr.Row():
                save = gr.Button("Save", variant="primary", size="sm", elem_id="edit-save")
                undo = gr.Button("Undo the last save", size="sm", elem_id="edit-undo")
        fields = Fields([text])
        page.load(self.listed, None, name, **QUIET)
        fields.fill(name.change, self.opened, name, [], empty=[""], of=name, **QUIET)
        save.click(self.save, [name, fields.of, text], name, **QUIET)
        fields.fill(undo.click, self.undo, name, [], of=name, **QUIET)

    def listed(self, request: gr.Request) -> Any:
        self.admin(request)
        return gr.update(choices=self.articles.names())

    def opened(self, name: str | None, request: gr.Request) -> Any:
        self.admin(request)
        text = self.articles.read(name) if name in self.articles.names() else NEW_TEXT
        return Fields.found([text], name)

    def save(self, name: str | None, shown: str, text: str, request: gr.Request) -> Any:
        """``shown`` is the article whose text is on the screen: it must not become another one's."""

        def do() -> str:
            if name != shown and name in self.articles.names():  # a new one has nothing to wait for
                raise AssistantError(f"{name} is still being opened.", "save when its text is there")
            self.articles.write((name or "").strip(), text or "")
            return (name or "").strip()

        self.tried(request, "edited an article", do, "{} is saved. Build the index, and answers use it.")
        return gr.update(choices=self.articles.names())

    def undo(self, name: str | None, request: gr.Request) -> Any:
        found: list[str] = []

        def do() -> str:
            found.append(self.articles.undo(name or ""))
            return name or ""

        self.tried(
            request, "took an edit back", do, "{} is as it was before. Build the index, and answers use it."
        )
        return Fields.found(found, name) if found else None
