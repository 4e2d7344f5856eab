"""Names of segments on the administrators' page: proposed by the chat model, edited by a person, saved when they say so."""

from collections.abc import AsyncIterator, Sequence
from html import escape
from typing import Any

import gradio as gr

from assistant.errors import AssistantError
from assistant.web import look
from assistant.web.admin import Part
from assistant.web.fields import Fields
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
            stop = gr.Button("Cancel", size="sm", elem_id="segments-cancel")
        shown = gr.HTML("", elem_id="segments-progress")
        lines = [empty, *rows, *profiles]
        names = Fields([*english, *chinese])

        async def ask(request: gr.Request) -> AsyncIterator[Sequence[Any]]:
            found: list[Any] = []
            async for html in self.work(self.kind, request, self._proposing(found)):
                yield gr.skip(), html
            proposed = {p.segment: (p.name_en, p.name_zh) for p in found}
            yield self._names(proposed) if proposed else None, html

        def save_names(given: dict[Any, str], request: gr.Request) -> Any:
            self.admin(request)
            if not given[names.of]:
                look.warn("The names are still being read: save when they are there.")
                return None
            self.save([given[box] for box in english], [given[box] for box in chinese], request)
            return self._names()

        def show(request: gr.Request) -> Sequence[Any]:
            self.admin(request)
            return self._names(), *self._lines()

        def cancel(request: gr.Request) -> None:
            self.cancel(self.kind, request)

        # what somebody has begun to write stays when the tab is opened again
        names.fill([page.load, tab.select], show, None, lines, over=False, **QUIET)
        names.fill(propose.click, ask, None, [shown], **QUIET)
        names.fill(save.click, save_names, {*english, *chinese, names.of}, [], **QUIET)
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

    def _lines(self) -> list[Any]:
        """What stands beside the names."""
        segments = self._segments()
        profiles = [
            f'<p class="small"><b>{s.customers:,} customers</b><br>{escape(s.profile_en)}</p>'
            for s in segments
        ]
        none = (
            "" if segments else '<p class="soft small">There are no segments yet: train segments first.</p>'
        )
        blank = [""] * (MOST - len(segments))
        return [none, *[gr.update(visible=k < len(segments)) for k in range(MOST)], *profiles, *blank]

    def _names(self, names: dict[int, tuple[str, str]] | None = None) -> dict[str, Any]:
        """The names in place, or those of ``names``."""
        segments, names = self._segments(), names or {}
        called = [names.get(s.segment, (s.name_en, s.name_zh)) for s in segments]
        blank = [""] * (MOST - len(segments))
        return Fields.found([*(en for en, _ in called), *blank, *(zh for _, zh in called), *blank], "names")
