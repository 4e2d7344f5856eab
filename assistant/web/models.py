"""The administrators' tab of models: training them, what was measured, the way back, and the report with plots."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import gradio as gr

from assistant.insight import TRAINERS
from assistant.web import charts, look
from assistant.web.admin import Part, progress_html
from assistant.web.inbox import QUIET
from assistant.web.segment_names import SegmentNames
from assistant.web.work import TRAINING, figures, report_path, report_work, training_work

ALL = "all"


class Models(Part):
    """Any model over the record, or all of them."""

    kind = TRAINING

    def lay_out(self, page: gr.Blocks, tab: gr.Tab) -> None:
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                what = gr.Radio(
                    [(name.capitalize(), name) for name in (ALL, *TRAINERS)], value=ALL, label="Train on the record",
                    elem_id="what", elem_classes="pick",
                )  # fmt: skip
                with gr.Row():
                    start = gr.Button("Train", variant="primary", size="sm", elem_id="train")
                    stop = gr.Button("Cancel", size="sm", elem_id="train-cancel")
                    back = gr.Button("Roll back", size="sm", elem_id="model-back")
                shown = gr.HTML("", elem_id="train-progress")
                check = gr.Button("Has the record moved?", size="sm", elem_id="models-check")
                report = gr.Button("Write the report with plots", size="sm", elem_id="report")
                written = gr.HTML("", elem_id="report-progress")
            with gr.Column(scale=5, min_width=320):
                versions = gr.HTML("", elem_id="versions")
                moved = gr.HTML("", elem_id="moved")
        gr.HTML("<h3>Names of segments</h3>")
        SegmentNames(self.context).lay_out(page, tab)

        async def train(name: str, request: gr.Request) -> AsyncIterator[tuple[str, Any]]:
            wanted = name if name in TRAINERS else ALL
            async for html in self.work(self.kind, request, training_work(self.context, wanted)):
                yield html, gr.skip()
            yield html, self._versions()

        async def watching(request: gr.Request) -> AsyncIterator[tuple[str, Any]]:
            self.admin(request)
            yield progress_html(self.context.jobs.last(self.kind)), self._versions()
            if self.context.jobs.running(self.kind):
                async for html in self.watch(self.kind):
                    yield html, gr.skip()
                yield html, self._versions()

        def cancel(request: gr.Request) -> None:
            self.cancel(self.kind, request)

        def go_back(name: str, request: gr.Request) -> str:
            from assistant.insight import rollback

            if name not in TRAINERS:
                self.admin(request)
                look.warn("Choose one model first.")
            else:
                self.tried(
                    request,
                    f"model rolled back: {name}",
                    lambda: rollback(self.home, name),
                    name + " {} is in place.",
                )
            return self._versions()

        async def write(request: gr.Request) -> AsyncIterator[str]:
            async for html in self.work("report", request, report_work(self.context)):
                yield html
            yield html + self._report()

        def last(request: gr.Request) -> str:
            self.admin(request)
            return self._report()

        check.click(self.moved, None, moved, **{**QUIET, "show_progress": "minimal"})
        page.load(self.schedule, None, moved, **QUIET)
        report.click(write, None, written, **QUIET)
        page.load(last, None, written, **QUIET)
        start.click(train, what, [shown, versions], **QUIET)
        stop.click(cancel, None, None, **QUIET)
        back.click(go_back, what, versions, **QUIET)
        page.load(watching, None, [shown, versions], **QUIET)

    def schedule(self, request: gr.Request) -> str:
        """How often the record is looked at."""
        self.admin(request)
        hours = self.context.settings.retrain_hours
        said = (
            f"Whether models have to be trained again is looked at every {hours:g} hours."
            if hours
            else "Models are trained again when somebody says so; the settings can have the record looked at now and then."
        )
        return f'<p class="soft small">{said}</p>'

    def moved(self, request: gr.Request) -> str:
        """Which models should be trained again, and why."""
        from assistant.insight import check_models

        self.admin(request)
        rows = [
            (c.model, c.version or "", "Yes" if c.advice.retrain else "No", "; ".join(c.advice.reasons))
            for c in check_models(self.context.store, self.home)
        ]
        head = ("Model", "Version", "Train again", "Because")
        return charts.card("Models and the record", charts.table(head, rows)) + self.schedule(request)

    def _report(self) -> str:
        path = report_path(self.home)
        if not path.is_file():
            return '<p class="soft small">Calibration, gains, reasons, segments, forecast and more on one page.</p>'
        when = datetime.fromtimestamp(path.stat().st_mtime).strftime("%Y-%m-%d %H:%M")
        return f'<p class="small"><a href="/report" target="_blank" rel="noopener">Open the report of {when}</a></p>'

    def _versions(self) -> str:
        from assistant.insight import history, model_names

        rows = []
        for name in model_names(self.home):
            for saved in history(self.home, name)[:5]:
                version = f"{saved.version}, in place" if saved.current else saved.version
                when, against = saved.at[:16].replace("T", " "), str(saved.report.get("comparison", ""))
                rows.append((name, version, when, figures(saved.metrics), against))
        if not rows:
            return charts.card("Models", '<p class="empty">None is trained yet.</p>')
        head = ("Model", "Version", "Trained (UTC)", "Measured on held-out data", "Against the one before")
        return charts.card("Models", charts.table(head, rows))
