"""The administrators' page: knowledge, models, data; with quality, people and activity from ``oversight``."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from assistant.crm.columns import KINDS
from assistant.errors import AssistantError
from assistant.web import charts, look
from assistant.web.agent import staff_header
from assistant.web.context import Context
from assistant.web.inbox import QUIET
from assistant.web.jobs import Job, Work
from assistant.web.work import INDEX, index_work

PAUSE = 0.4


def build(context: Context) -> gr.Blocks:
    from assistant.web.configuration import Configuration
    from assistant.web.connections import Connections
    from assistant.web.gaps import Gaps
    from assistant.web.models import Models
    from assistant.web.offers import Offers
    from assistant.web.oversight import Activity, People, Quality

    with gr.Blocks(title=f"{context.company} · Administration", analytics_enabled=False) as page:
        with gr.Column(elem_classes="wide"):
            top = gr.HTML(look.header(context.company, "Administration"))
            with gr.Tabs():
                for title, part in (
                    ("Knowledge", _Knowledge(context)),
                    ("Gaps", Gaps(context)),
                    ("Models", Models(context)),
                    ("Data", _Data(context)),
                    ("Offers", Offers(context)),
                    ("Quality", Quality(context)),
                    ("People", People(context)),
                    ("Connections", Connections(context)),
                    ("Activity", Activity(context)),
                    ("Settings", Configuration(context)),
                ):
                    with gr.Tab(title) as tab:
                        part.lay_out(page, tab)

        def header(request: gr.Request) -> str:
            return staff_header(context, request, "Administration")

        page.load(header, None, top, **QUIET)
    page.queue(default_concurrency_limit=16, max_size=100, api_open=False)
    return page


def progress_html(job: Job | None) -> str:
    """How a job stands: phase, counts, rate and time left; or how it ended."""
    if job is None:
        return ""
    if job.state != "running":
        sort = {"done": "good", "failed": "bad"}.get(job.state, "")
        lines = job.error.splitlines() or job.report or ["Done."]
        title = f"{job.kind} · {job.state} · {(job.ended or '').replace('T', ' ')[:16]} · by {job.by}"
        items = "".join(f"<li>{escape(line)}</li>" for line in lines)
        return f'<div class="note {sort}" role="status"><b>{escape(title)}</b><ul class="report">{items}</ul></div>'
    share = f"{100 * job.done / job.total:.0f}%" if job.total else "0%"
    counts = f"{job.done:,}" + (f" of {job.total:,}" if job.total else "")
    rate, left = job.rate, job.seconds_left
    more = [counts]
    if rate:
        more.append(f"{rate:,.0f} a second" if rate >= 10 else f"{rate:.1f} a second")
    if left is not None:
        more.append(f"about {left:.0f} s left" if left < 120 else f"about {left / 60:.0f} min left")
    return (
        f'<div class="card steps" role="status"><div class="bar"><b>{escape(job.phase or "starting")}</b>'
        f'<span class="grow"></span><span class="soft small">{escape(" · ".join(more))}</span></div>'
        f'<div class="meter{"" if job.total else " unknown"}"><span style="width:{share}"></span></div></div>'
    )


class Part:
    """One tab: what several of them share."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @property
    def home(self) -> Path:
        return self.context.settings.home_dir

    def admin(self, request: gr.Request) -> Any:
        return self.context.staff(request, "admin")

    async def work(self, kind: str, request: gr.Request, work: Work) -> AsyncIterator[str]:
        """Start a job and show its progress until it ends."""
        person = self.admin(request)
        try:
            self.context.jobs.start(kind, person.name, work)
            self.context.store.audit(person.name, person.role, f"started: {kind}")
        except AssistantError as error:
            look.warn(str(error))
        async for shown in self.watch(kind):
            yield shown

    async def watch(self, kind: str) -> AsyncIterator[str]:
        job = self.context.jobs.last(kind)
        while job is not None and job.state == "running":
            yield progress_html(job)
            await asyncio.sleep(PAUSE)
        yield progress_html(job)

    def cancel(self, kind: str, request: gr.Request) -> None:
        person = self.admin(request)
        job = self.context.jobs.running(kind)
        if job is not None:
            self.context.jobs.cancel(job.id)
            self.context.store.audit(person.name, person.role, f"cancelled: {kind}")

    def tried(self, request: gr.Request, action: str, do: Callable[[], Any], done: str) -> None:
        """Do something at once, and say how it went."""
        person = self.admin(request)
        try:
            value = do()
        except AssistantError as error:
            look.warn(str(error))
            return
        self.context.store.audit(person.name, person.role, action, str(value) if value is not None else None)
        look.inform(done.format(value))


class _Knowledge(Part):
    kind = INDEX

    def lay_out(self, page: gr.Blocks, tab: gr.Tab) -> None:
        from assistant.web.articles import Editor

        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                status = gr.HTML("", elem_id="index-status")
                with gr.Row():
                    start = gr.Button("Build the index", variant="primary", size="sm", elem_id="build")
                    stop = gr.Button("Cancel", size="sm", elem_id="build-cancel")
                    back = gr.Button("Roll back", size="sm", elem_id="build-back")
                force = gr.Checkbox(
                    False, label="Publish even if trial questions find less than before", container=False
                )
                shown = gr.HTML("", elem_id="build-progress")
            with gr.Column(scale=4, min_width=320):
                query = gr.Textbox(
                    label="Try the search", placeholder="A question as a customer or an agent would ask it", submit_btn=True,
                    max_length=500, elem_id="try",
                )  # fmt: skip
                with gr.Row():
                    role = gr.Radio(
                        ["visitor", "customer", "agent"],
                        value="visitor",
                        label="As",
                        elem_id="try-role",
                        elem_classes="pick",
                    )
                    customer = gr.Textbox(label="Customer id", max_length=80, elem_id="try-customer")
                hits = gr.HTML("", elem_id="hits")
        Editor(self.context).lay_out(page, tab)
        articles = gr.HTML("", elem_id="articles")

        async def build_index(forced: bool, request: gr.Request) -> AsyncIterator[tuple[str, str]]:
            async for html in self.work(self.kind, request, index_work(self.context, force=forced)):
                yield html, self._status()

        async def watching(request: gr.Request) -> AsyncIterator[tuple[str, str]]:
            self.admin(request)
            yield progress_html(self.context.jobs.last(self.kind)), self._status()
            if self.context.jobs.running(self.kind):
                async for html in self.watch(self.kind):
                    yield html, self._status()

        def cancel(request: gr.Request) -> None:
            self.cancel(self.kind, request)

        def go_back(request: gr.Request) -> str:
            from assistant.knowledge import rollback

            self.tried(request, "index rolled back", lambda: rollback(self.home), "Build {} is live.")
            return self._status()

        start.click(build_index, force, [shown, status], **QUIET)
        stop.click(cancel, None, None, **QUIET)
        back.click(go_back, None, status, **QUIET)
        page.load(watching, None, [shown, status], **QUIET)
        page.load(self.articles, None, articles, **QUIET)
        status.change(self.articles, None, articles, **QUIET)
        query.submit(self.search, [query, role, customer], hits, **{**QUIET, "show_progress": "minimal"})

    def _status(self) -> str:
        from assistant.knowledge import index_status

        status = index_status(self.home)
        if status["build"] is None:
            return charts.card(
                "Index",
                '<p class="empty">There is no index yet. Build it, and answers can quote articles.</p>',
            )
        counts = status.get("counts") or {}
        pairs = [
            ("Live build", status["build"]),
            ("Built", str(status.get("created") or "").replace("T", " ")[:16]),
            *_counted(counts),
            ("Embedder", status.get("embedder")),
            ("Size", f"{status.get('bytes', 0) / 1e6:.1f} MB"),
            ("Earlier builds", len(status["earlier"])),
        ]
        bad = f'<p class="note bad">{escape(status["problem"])}</p>' if status.get("problem") else ""
        left = status.get("unreadable") or []
        unread = "".join(
            f"<li>{escape(u.get('source', ''))}: {escape(u.get('reason', ''))}</li>" for u in left[:10]
        )
        unread = (
            f'<details class="small"><summary>{len(left)} files could not be read</summary><ul>{unread}</ul></details>'
            if left
            else ""
        )
        return charts.card("Index", bad + charts.facts(pairs) + unread)

    def search(self, query: str, role: str, customer: str, request: gr.Request) -> str:
        self.admin(request)
        if not (query or "").strip():
            return ""
        try:
            index = self.context.assistant.index
            if index is None:
                raise AssistantError("There is no index yet.", "build it first")
            found = index.search(query, role=role, customer=(customer or "").strip() or None, k=8)
        except AssistantError as error:
            return f'<p class="note bad">{escape(str(error))}</p>'
        if not found:
            return '<p class="empty">Nothing that this role may see fits.</p>'
        threshold = getattr(index, "threshold", 0.0)
        why = index.why(query, found)
        rows = []
        for h, reason in zip(found, why, strict=True):
            sort = "good" if h.score >= threshold else "warn"
            text = " ".join(h.text.split())
            rows.append(
                f'<tr><td><span class="pill {sort}">{h.score:.2f}</span></td><td><b>{escape(h.title)}</b><br>'
                f'<span class="soft small">{escape(h.source)} · {escape(h.kind)} · {escape(h.audience)} · {escape(h.language)}</span>'
                f"<br>{escape(text[:260])}{' …' if len(text) > 260 else ''}<br><span class='soft small'>{escape(_because(reason))}</span></td></tr>"
            )
        note = f'<p class="soft small">Below {threshold:.2f} the assistant takes a passage for not found.</p>'
        return f'<div class="card"><table class="plain">{"".join(rows)}</table>{note}</div>'

    def articles(self, request: gr.Request) -> str:
        self.admin(request)
        from assistant.knowledge.documents import Document, read_folders

        settings = self.context.settings
        folders = settings.article_folders(demo=self.context.is_demo)
        if not folders:
            return charts.card(
                "Articles",
                '<p class="empty">None yet. Write one above, or name a folder of them: CRM_ASSISTANT_KB=FOLDER</p>',
            )
        rows = []
        for d in read_folders(folders):
            if isinstance(d, Document):
                sort = "good" if d.audience == "public" else "warn"
                link = f"/source?of={quote('kb:' + d.source)}&as=staff"
                rows.append(
                    f'<tr><td data-name="Title"><a href="{link}" target="_blank" rel="noopener">{escape(d.title)}</a></td><td data-name="Audience"><span class="pill {sort}">'
                    f'{escape(d.audience)}</span></td><td data-name="Language">{escape(d.language)}</td>'
                    f'<td class="short" data-name="Updated">{escape(str(d.at or "")[:10])}</td>'
                    f'<td class="soft small" data-name="File">{escape(d.source)}</td></tr>'
                )
        head = "<tr><th>Title</th><th>Audience</th><th>Language</th><th>Updated</th><th>File</th></tr>"
        note = f"{len(rows)} in {', '.join(map(str, folders))}; after a change, build"
        return charts.card(
            "Articles",
            f'<div class="scroll" tabindex="0" style="max-height:26rem;overflow-y:auto"><table class="plain stack">{head}{"".join(rows)}</table></div>',
            note=note,
        )


def _because(why: Mapping[str, Any]) -> str:
    """Why a passage was found, in words."""
    words = f"{why['coverage']:.0%} of the question's telling words"
    words += f" ({', '.join(why['words'])})" if why["words"] else ""
    title = f", {why['title']:.0%} in its title" if why["title"] and why["title"] != why["coverage"] else ""
    return f"meaning {why['cosine']:.2f} · {words}{title} · {'same' if why['language'] else 'other'} language"


def _counted(counts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is in a build, one line a kind: "109 (91 public, 18 internal, 73 en, 36 zh)"."""
    parts = {
        kind: [
            (name.removeprefix(f"{kind}_"), n) for name, n in counts.items() if name.startswith(f"{kind}_")
        ]
        for kind in ("articles", "interactions")
    }
    lines = []
    for kind, found in parts.items():
        shown = ", ".join(
            f"{n:,} {name}" for name, n in sorted(found, key=lambda x: -x[1]) if n != counts.get(kind)
        )
        if kind in counts:
            lines.append((kind.capitalize(), f"{counts[kind]:,}" + (f" ({shown})" if shown else "")))
    return [*lines, ("Passages", f"{counts['passages']:,}")] if "passages" in counts else lines


class _Data(Part):
    kind = "import"

    def lay_out(self, page: gr.Blocks, tab: gr.Tab) -> None:
        counts = gr.HTML("", elem_id="counts")
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                kind = gr.Radio(
                    [(name.replace("_", " ").capitalize(), name) for name in KINDS], value="orders", elem_id="import-kind",
                    label="What is in the file", elem_classes="pick",
                )  # fmt: skip
                file = gr.File(
                    label="CSV, JSONL, Parquet or XLSX", type="filepath", elem_id="import-file", height=180,
                    file_types=[".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx"],
                )  # fmt: skip
                with gr.Row():
                    dry = gr.Button("Check only", size="sm", elem_id="dry")
                    real = gr.Button("Import", variant="primary", size="sm", elem_id="import")
                    stop = gr.Button("Cancel", size="sm", elem_id="import-cancel")
            with gr.Column(scale=5, min_width=320):
                shown = gr.HTML(
                    '<p class="empty">A check reads the whole file, shows what each column was taken for and what is wrong'
                    " with it, and writes nothing.</p>",
                    elem_id="import-report",
                )

        async def run(
            path: str | None, what: str, only: bool, request: gr.Request
        ) -> AsyncIterator[tuple[str, str]]:
            self.admin(request)
            if not path or what not in KINDS:
                look.warn("Choose a file first.")
                yield "", self._counts()
                return
            job = lambda p, c: self._import(p, path, what, only)  # noqa: E731
            async for html in self.work(self.kind, request, job):
                yield html, self._counts()

        async def check(path: str | None, what: str, request: gr.Request) -> AsyncIterator[tuple[str, str]]:
            async for out in run(path, what, True, request):
                yield out

        async def bring_in(
            path: str | None, what: str, request: gr.Request
        ) -> AsyncIterator[tuple[str, str]]:
            async for out in run(path, what, False, request):
                yield out

        def cancel(request: gr.Request) -> None:
            self.cancel(self.kind, request)

        def count(request: gr.Request) -> str:
            self.admin(request)
            return self._counts()

        dry.click(check, [file, kind], [shown, counts], **QUIET)
        real.click(bring_in, [file, kind], [shown, counts], **QUIET)
        stop.click(cancel, None, None, **QUIET)
        page.load(count, None, counts, **QUIET)

    def _import(self, progress: Any, path: str, kind: str, only: bool) -> Any:
        from assistant.crm import import_file

        return import_file(self.context.store, kind, path, dry_run=only, progress=progress)

    def _counts(self) -> str:
        counts = self.context.store.counts()
        names = (
            "customers",
            "products",
            "orders",
            "subscriptions",
            "interactions",
            "offers",
            "conversations",
            "turns",
        )
        pairs = [(n.capitalize(), f"{counts[n]:,}") for n in names] + [("Last day", self.context.store.as_of)]
        return charts.card("The record", charts.facts(pairs))
