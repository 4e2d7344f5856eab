"""What an administrator watches: how answers fare, who may come in, and what was done."""

from datetime import date, timedelta
from html import escape

import gradio as gr

from assistant.errors import AssistantError
from assistant.web import charts
from assistant.web.access import StaffRole
from assistant.web.admin import QUIET, Part

DAYS = 30


class Quality(Part):
    """Turns by outcome over time, times, ratings, and the questions that went wrong."""

    def lay_out(self, page: gr.Blocks, tab: gr.Tab) -> None:
        shown = gr.HTML("", elem_id="quality")
        gr.on([page.load, tab.select], self.show, None, shown, **QUIET)

    def show(self, request: gr.Request) -> str:
        self.admin(request)
        store = self.context.store
        first = date.today() - timedelta(days=DAYS - 1)
        frame = store.frame(
            "SELECT substr(at, 1, 10) AS day, outcome, count(*) AS n, sum(rating = 1) AS up, sum(rating = -1) AS down"
            " FROM turns WHERE at >= ? GROUP BY 1, 2",
            (first.isoformat(),),
        )
        counted = {(r.day, r.outcome): int(r.n) for r in frame.itertuples()}
        days = [(first + timedelta(days=i)).isoformat() for i in range(DAYS)]
        series = {name: [counted.get((day, name), 0) for day in days] for name in charts.OUTCOMES}
        cost = store.frame(
            "SELECT substr(at, 1, 10) AS day, json_extract(detail, '$.timing.total_s') AS s,"
            " json_extract(detail, '$.timing.first_sentence_s') AS first,"
            " json_extract(detail, '$.timing.prompt_tokens') AS prompt,"
            " json_extract(detail, '$.timing.cached_tokens') AS cached,"
            " json_extract(detail, '$.timing.answer_tokens') AS answer FROM turns WHERE at >= ? ORDER BY s",
            (first.isoformat(),),
        )
        times = cost["s"].dropna().tolist()
        total = sum(counted.values())
        answered = sum(series["answered"])
        up, down = int(frame["up"].fillna(0).sum()), int(frame["down"].fillna(0).sum())
        pairs = [
            ("Questions", f"{total:,}"),
            ("Answered", f"{answered / total:.0%}" if total else "–"),
            ("Not known", f"{sum(series['unknown']):,}"),
            ("Handed over", f"{sum(series['handed_off']):,}"),
            ("Rated helpful", f"{up} of {up + down}" if up + down else "no ratings yet"),
            ("Time to the whole answer, median", f"{times[len(times) // 2]:.1f} s" if times else "–"),
            ("95 % within", f"{times[int(len(times) * 0.95)]:.1f} s" if times else "–"),
            ("Tokens read", f"{int(cost['prompt'].sum()):,}"),
            ("of them from the cache", f"{int(cost['cached'].sum()):,}"),
            ("Tokens written", f"{int(cost['answer'].sum()):,}"),
        ]
        plot = charts.card(
            "Questions a day, by outcome",
            charts.stacked(days, series, colours=charts.OUTCOMES),
            note=f"last {DAYS} days",
        )
        by_day = {str(day): rows for day, rows in cost.groupby("day")}

        def middle(column: str, share: float) -> list[float | None]:
            found = [by_day[d][column].dropna() if d in by_day else None for d in days]
            return [None if x is None or x.empty else float(x.quantile(share)) for x in found]

        slow = {
            "whole answer, median": middle("s", 0.5),
            "95 % within": middle("s", 0.95),
            "first sentence, median": middle("first", 0.5),
        }
        plot += charts.card("Seconds a day", charts.course(days, slow, unit="s"), note=f"last {DAYS} days")
        spent = {
            name: [int(by_day[d][column].sum()) if d in by_day else 0 for d in days]
            for name, column in (("read", "prompt"), ("written", "answer"))
        }
        tokens = charts.stacked(days, spent, colours={"read": "--c-soft", "written": "--c-accent"})
        plot += charts.card("Tokens a day, what answers cost", tokens, note=f"last {DAYS} days")
        since = first.isoformat()
        worst = [("rated not helpful", t) for t in store.recent_turns(rating=-1, since=since, limit=25)]
        worst += [("not known", t) for t in store.recent_turns(outcome="unknown", since=since, limit=25)]
        worst += [("refused", t) for t in store.recent_turns(outcome="refused", since=since, limit=10)]
        rows = [
            (
                charts.Link(
                    t["at"][:16].replace("T", " "), f"/source?of=conversation:{t['conversation_id']}&as=staff"
                ),
                why,
                t["message"][:160],
                (t["answer"] or "")[:200],
                t.get("comment") or "",
            )
            for why, t in worst
        ]
        table = charts.table(("When", "Why", "Question", "Answer", "Comment"), rows)
        return f'<div class="steps">{charts.card("Answers", charts.facts(pairs), note=f"last {DAYS} days")}{plot}{charts.card("Conversations to look at", table)}</div>'


class People(Part):
    """Who of the company may come in."""

    def lay_out(self, page: gr.Blocks, tab: gr.Tab) -> None:
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                name = gr.Textbox(label="Name", max_length=40, elem_id="person-name")
                role = gr.Radio(["agent", "admin"], value="agent", label="Role")
                external = gr.Checkbox(
                    False, label="Signs in with a company account (the name is its e-mail address)",
                    visible=bool(self.context.settings.oidc_issuer),
                )  # fmt: skip
                with gr.Row():
                    add = gr.Button("Add", variant="primary", size="sm", elem_id="person-add")
                    reset = gr.Button("New password", size="sm", elem_id="person-reset")
                    out = gr.Button("Shut out", size="sm", variant="stop", elem_id="person-out")
                once = gr.HTML("", elem_id="person-once")
            with gr.Column(scale=3, min_width=320):
                table = gr.HTML("", elem_id="people")
        gr.on([page.load, tab.select], self.table, None, table, **QUIET)
        add.click(self.add, [name, role, external], [once, table], **QUIET)
        reset.click(self.reset, name, [once, table], **QUIET)
        out.click(self.shut_out, name, [once, table], **QUIET)

    def table(self, request: gr.Request) -> str:
        self.admin(request)
        rows = [
            (
                p.name,
                p.role,
                "may come in" if p.active else "shut out",
                "company account" if p.external else "has to choose a password" if p.must_change else "",
            )
            for p in self.context.access.people()
        ]
        return charts.card("People", charts.table(("Name", "Role", "State", "Note"), rows))

    def add(self, name: str, role: str, external: bool, request: gr.Request) -> tuple[str, str]:
        person, access = self.admin(request), self.context.access
        wanted: StaffRole = "admin" if role == "admin" else "agent"
        try:
            if external and self.context.settings.oidc_issuer:
                access.add_external(name, wanted)
                said = f'<p class="note good" role="status">{escape(name)} can sign in with the company account.</p>'
            else:
                said = _once(name, access.add(name, wanted))
        except AssistantError as error:
            return bad(error), self.table(request)
        self.context.store.audit(person.name, person.role, "added a person", name)
        return said, self.table(request)

    def reset(self, name: str, request: gr.Request) -> tuple[str, str]:
        person = self.admin(request)
        try:
            password = self.context.access.reset(name.strip().lower())
        except AssistantError as error:
            return bad(error), self.table(request)
        self.context.store.audit(person.name, person.role, "reset a password", name)
        return _once(name, password), self.table(request)

    def shut_out(self, name: str, request: gr.Request) -> tuple[str, str]:
        person = self.admin(request)
        try:
            self.context.access.shut_out(name.strip().lower())
        except AssistantError as error:
            return bad(error), self.table(request)
        self.context.store.audit(person.name, person.role, "shut a person out", name)
        return "", self.table(request)


class Activity(Part):
    """Jobs in the background, and the log of who did what."""

    def lay_out(self, page: gr.Blocks, tab: gr.Tab) -> None:
        shown = gr.HTML("", elem_id="activity")
        gr.on([page.load, tab.select], self.show, None, shown, **QUIET)

    def show(self, request: gr.Request) -> str:
        self.admin(request)
        jobs = [
            (j.started.replace("T", " "), j.kind, j.state, j.by, (j.error or " · ".join(j.report))[:200])
            for j in self.context.jobs.all()[:20]
        ]
        log = [
            (a["at"].replace("T", " "), a["actor"], a["role"], a["action"], a["target"] or "")
            for a in self.context.store.audit_log(limit=100)
        ]
        return (
            '<div class="steps">'
            + charts.card("Jobs", charts.table(("Started", "What", "State", "By", "Result"), jobs))
            + charts.card("Who did what", charts.table(("When", "Who", "Role", "What", "To what"), log))
            + "</div>"
        )


def _once(name: str, password: str) -> str:
    return (
        f'<p class="note good" role="status">One-time password of <b>{escape(name)}</b>: <code>{escape(password)}</code><br>'
        "It is shown only now and has to be changed at the first sign-in.</p>"
    )


def bad(error: AssistantError) -> str:
    """An error as a note on the page."""
    return f'<p class="note bad" role="alert">{escape(str(error))}</p>'
