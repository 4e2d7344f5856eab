"""The administrators' tab of what the articles don't answer: groups of questions, and an article for each."""

from collections.abc import AsyncIterator
from html import escape
from typing import Any

import gradio as gr

from assistant.errors import AssistantError
from assistant.knowledge import gaps
from assistant.web import charts, look
from assistant.web.admin import QUIET, Part
from assistant.web.fields import Fields

SHOWN = 40


class Gaps(Part):
    kind = "article from a gap"

    def lay_out(self, page: gr.Blocks, tab: gr.Tab) -> None:
        table = gr.HTML("", elem_id="gaps")
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                chosen = gr.Dropdown([], label="Group", elem_id="gap", interactive=True)
                examples = gr.HTML("", elem_id="gap-examples")
                dismiss = gr.Button("Don't show this group again", size="sm", elem_id="gap-dismiss")
            with gr.Column(scale=3, min_width=320):
                title = gr.Textbox(label="Title", max_length=120, elem_id="gap-title")
                text = gr.Textbox(label="Article", lines=8, max_length=20_000, elem_id="gap-text")
                audience = gr.Radio(
                    ["internal", "public"], value="internal", label="Who may read it", elem_id="gap-audience"
                )
                with gr.Row():
                    draft = gr.Button("Draft it from the answers", size="sm", elem_id="gap-draft")
                    accept = gr.Button(
                        "Accept, build, ask again", variant="primary", size="sm", elem_id="gap-accept"
                    )
                shown = gr.HTML("", elem_id="gap-progress")

        async def accepted(
            ident: str, of: str, title: str, text: str, audience: str, request: gr.Request
        ) -> AsyncIterator[tuple[str, Any]]:
            self.admin(request)
            html = ""
            if ident != of:  # the article on the screen is another group's
                look.warn(f"{ident or 'A group'} is still being opened.")
                yield gr.skip(), gr.skip()
                return
            async for html in self.work(
                self.kind, request, lambda p, c: self._fill(ident, title, text, audience, p, c)
            ):
                yield html, gr.skip()
            yield html, self._table(self._found())

        article = Fields([title, text], joined=[text])
        tab.select(self.show, chosen, [table, chosen], **QUIET)
        article.fill(chosen.change, self.choose, chosen, [examples], empty=["", ""], of=chosen, **QUIET)
        slow = {**QUIET, "show_progress": "minimal"}
        article.fill(draft.click, self.draft, chosen, [], of=chosen, **slow)
        accept.click(accepted, [chosen, article.of, title, text, audience], [shown, table], **QUIET)
        dismiss.click(self.dismiss, chosen, [table, chosen], **QUIET)

    def show(self, ident: str | None, request: gr.Request) -> tuple[str, Any]:
        """All groups; the one that is chosen stays it, and somebody may be choosing another."""
        self.admin(request)
        try:
            found = self._found()
        except AssistantError as error:
            return f'<p class="note bad" role="alert">{escape(str(error))}</p>', gr.Dropdown([], value=None)
        choices = [(f"{gap.title[:70]} ({gap.size})", gap.id) for gap in found[:SHOWN]]
        if ident in {id for _, id in choices}:
            return self._table(found), gr.update(choices=choices)
        return self._table(found), gr.Dropdown(choices, value=choices[0][1] if choices else None)

    def choose(self, ident: str | None, request: gr.Request) -> tuple[Any, str]:
        self.admin(request)
        try:
            gap = gaps.gap_named(self._found(), ident or "")
        except AssistantError:
            return Fields.found(["", ""], ident), ""
        rows = [(q.at[:16].replace("T", " "), q.why, q.question[:200]) for q in gap.questions[:12]]
        answers = "".join(f"<li>{escape(answer[:300])}</li>" for answer in gap.answers[:8])
        said = (
            f"<p><b>What people answered</b></p><ul>{answers}</ul>"
            if answers
            else '<p class="empty">Nobody has answered these yet: write the article yourself.</p>'
        )
        body = charts.table(("When", "Why", "Question"), rows) + said
        return Fields.found([gap.title, ""], ident), charts.card(gap.id, body, note=f"{gap.size} questions")

    def draft(self, ident: str | None, request: gr.Request) -> Any:
        person = self.admin(request)
        try:
            written = gaps.draft_article(
                gaps.gap_named(self._found(), ident or ""), self.context.assistant.model
            )
        except AssistantError as error:
            look.warn(str(error))
            return None
        self.context.store.audit(person.name, person.role, "drafted an article", ident)
        return Fields.found([written.title, written.text], ident)

    def dismiss(self, ident: str | None, request: gr.Request) -> tuple[str, Any]:
        def close() -> str:
            gap = gaps.gap_named(self._found(), ident or "")
            gaps.close(gap.questions, home=self.home, because="dismissed")
            return gap.id

        self.tried(request, "dismissed a gap", close, "{} won't be shown again.")
        return self.show(ident, request)

    def _fill(self, ident: str, title: str, text: str, audience: str, progress: Any, cancel: Any) -> Any:
        gap = gaps.gap_named(self._found(), ident or "")
        draft = gaps.Draft(title, text, gap.language, "public" if audience == "public" else "internal")
        context = self.context
        return gaps.fill(
            gap, draft, store=context.store, embedder=context.assistant.embedder, home=self.home,
            folders=context.settings.article_folders(demo=context.is_demo), progress=progress, cancel=cancel,
        )  # fmt: skip

    def _found(self) -> list[gaps.Gap]:
        return gaps.find_gaps(self.context.store, self.context.assistant.embedder, home=self.home)

    @staticmethod
    def _table(found: list[gaps.Gap]) -> str:
        if not found:
            return charts.card(
                "What the articles don't answer",
                '<p class="empty">Nothing open: no question was left unanswered, handed over or rated down.</p>',
            )
        rows = [
            (
                gap.title[:120], gap.size, ", ".join(f"{n} {why}" for why, n in gap.whys.items()),
                gap.questions[0].at[:10], "yes" if gap.answers else "no",
            )
            for gap in found[:SHOWN]
        ]  # fmt: skip
        head = ("Question", "Times", "Why", "Last", "Answered by a person")
        note = f"{sum(gap.size for gap in found)} questions in {len(found)} groups"
        return charts.card("What the articles don't answer", charts.table(head, rows), note=note)
