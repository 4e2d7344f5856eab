"""Names of segments on the administrators' page: proposed by the chat model, edited by a person, saved when they say so."""

from collections.abc import AsyncIterator, Sequence
from html import escape
from typing import Any

import gradio as gr

from assistant.errors import AssistantError
from assistant.web import look
from assistant.web.admin import Part
from assistant.web.inbox import QUIET

MOST = 8  # as many as are ever found


class SegmentNames(Part):
    """A line for each segment: its profile, and its name in English and in Chinese."""

    kind = "segment names"

    def lay_out(self, page: gr.Blocks, tab: gr.Tab) -> None:
        empty = gr.HTML("", elem_id="no-segments")
        rows, profiles, english, chinese = [], [], [], []
        for k in range(1, MOST + 1):
            with gr.Row(visible=False, equal_height=False) as row:
                profiles.append(gr.HTML("", min_width=300))
                options: dict[str, Any] = {"max_length": 60, "min_width": 180, "scale": 1}
                english.append(gr.Textbox(label=f"Segment {k}", elem_id=f"segment-{k}-en", **options))
                chinese.append(
                    gr.Textbox(label=f"Segment {k}, Chinese", elem_id=f"segment-{k}-zh", **options)
                )
            rows.append(row)
        with gr.Row():
            propose = gr.Button("Propose names", size="sm", elem_id="segments-propose")
            save = gr.Button("Save names", variant="primary", size="sm", elem_id="segments-save")
            stop = gr.Button("Cancel", size="sm")
        shown = gr.HTML("", elem_id="segments-progress")
        fields = [empty, *rows, *profiles, *english, *chinese]

        async def ask(request: gr.Request) -> AsyncIterator[Sequence[Any]]:
            found: list[Any] = []
            async for html in self.work(self.kind, request, self._proposing(found)):
                yield [html, *[gr.skip()] * len(fields)]
            names = {p.segment: (p.name_en, p.name_zh) for p in found}
            yield [html, *self._fields(names)]

        def save_names(given: dict[Any, str], request: gr.Request) -> Sequence[Any]:
            self.admin(request)
            self.save([given[box] for box in english], [given[box] for box in chinese], request)
            return self._fields()

        def show(request: gr.Request) -> Sequence[Any]:
            self.admin(request)
            return self._fields()

        def cancel(request: gr.Request) -> None:
            self.cancel(self.kind, request)

        gr.on([page.load, tab.select], show, None, fields, **QUIET)
        propose.click(ask, None, [shown, *fields], **QUIET)
        save.click(save_names, {*english, *chinese}, fields, **QUIET)
        stop.click(cancel, None, None, **QUIET)

    def save(self, english: Sequence[str], chinese: Sequence[str], request: gr.Request) -> None:
        """Give the segments in place these names, where they differ from what they are called."""
        from assistant.insight.naming import rename_segments

        self.admin(request)
        new = {
            s.segment: (en or "", zh or "")
            for s, en, zh in zip(self._segments(), english, chinese, strict=False)
            if ((en or "").strip(), (zh or "").strip()) != (s.name_en, s.name_zh)
        }
        if not new:
            look.inform("Nothing was changed.")
            return
        renamed = lambda: rename_segments(self.home, new)  # noqa: E731
        self.tried(request, "segments renamed", renamed, "Saved: segments {} is in place.")

    def _proposing(self, found: list[Any]) -> Any:
        def work(progress: Any, cancelled: Any) -> list[str]:
            from assistant.insight.naming import propose_names

            found[:] = propose_names(self.home, self.context.assistant.model, progress=progress)
            lines = [f"{p.segment}: {problem}" for p in found for problem in p.problems]
            return ["Proposed; nothing is saved yet.", *(f"Kept as it is called, {line}" for line in lines)]

        return work

    def _segments(self) -> list[Any]:
        from assistant.insight import load_model

        try:
            return list(load_model(self.home, "segments").segments_)[:MOST]
        except AssistantError:
            return []

    def _fields(self, names: dict[int, tuple[str, str]] | None = None) -> list[Any]:
        """What stands in the lines: the names in place, or those of ``names``."""
        segments, names = self._segments(), names or {}
        blank = MOST - len(segments)
        called = [names.get(s.segment, (s.name_en, s.name_zh)) for s in segments]
        profiles = [
            f'<p class="small"><b>{s.customers:,} customers</b><br>{escape(s.profile_en)}</p>'
            for s in segments
        ]
        none = (
            "" if segments else '<p class="soft small">There are no segments yet: train segments first.</p>'
        )
        return [
            none,
            *[gr.update(visible=k < len(segments)) for k in range(MOST)],
            *[*profiles, *[""] * blank],
            *[*(en for en, _ in called), *[""] * blank],
            *[*(zh for _, zh in called), *[""] * blank],
        ]
