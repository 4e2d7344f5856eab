"""What an administrator watches: how answers fare, who may come in, and what was done."""

from datetime import date, timedelta
from html import escape

import gradio as gr

from assistant.errors import AssistantError
from assistant.web import charts
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
        times = store.frame(
            "SELECT json_extract(detail, '$.timing.total_s') AS s FROM turns WHERE at >= ? AND s IS NOT NULL ORDER BY s",
            (first.isoformat(),),
        )["s"].tolist()
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
        ]
        plot = charts.card(
            "Questions a day, by outcome",
            charts.stacked(days, series, colours=charts.OUTCOMES),
            note=f"last {DAYS} days",
        )
        since = first.isoformat()
        worst = [("rated not helpful", t) for t in store.recent_turns(rating=-1, since=since, limit=25)]
        worst += [("not known", t) for t in store.recent_turns(outcome="unknown", since=since, limit=25)]
        worst += [("refused", t) for t in store.recent_turns(outcome="refused", since=since, limit=10)]
        rows = [
            (
                t["at"][:16].replace("T", " "),
                why,
                t["message"][:160],
                (t["answer"] or "")[:200],
                t.get("comment") or "",
            )
            for why, t in worst
        ]
        table = charts.table(("When", "Why", "Question", "Answer", "Comment"), rows)
        return f'<div class="steps">{charts.card("Answers", charts.facts(pairs), note=f"last {DAYS} days")}{plot}{charts.card("To look at", table)}</div>'


class People(Part):
    """Who of the company may come in, and what the shop's site signs customers in with."""

    def lay_out(self, page: gr.Blocks, tab: gr.Tab) -> None:
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                name = gr.Textbox(label="Name", max_length=40, elem_id="person-name")
                role = gr.Radio(["agent", "admin"], value="agent", label="Role")
                with gr.Row():
                    add = gr.Button("Add", variant="primary", size="sm", elem_id="person-add")
                    reset = gr.Button("New password", size="sm", elem_id="person-reset")
                    out = gr.Button("Shut out", size="sm", variant="stop", elem_id="person-out")
                once = gr.HTML("", elem_id="person-once")
            with gr.Column(scale=3, min_width=320):
                table = gr.HTML("", elem_id="people")
                site = gr.HTML("", elem_id="site")
        gr.on([page.load, tab.select], self.table, None, table, **QUIET)
        page.load(self.site, None, site, **QUIET)
        add.click(self.add, [name, role], [once, table], **QUIET)
        reset.click(self.reset, name, [once, table], **QUIET)
        out.click(self.shut_out, name, [once, table], **QUIET)

    def table(self, request: gr.Request) -> str:
        self.admin(request)
        rows = [
            (
                p.name,
                p.role,
                "may come in" if p.active else "shut out",
                "has to choose a password" if p.must_change else "",
            )
            for p in self.context.access.people()
        ]
        return charts.card("People", charts.table(("Name", "Role", "State", ""), rows))

    def add(self, name: str, role: str, request: gr.Request) -> tuple[str, str]:
        person = self.admin(request)
        try:
            password = self.context.access.add(name, "admin" if role == "admin" else "agent")
        except AssistantError as error:
            return _bad(error), self.table(request)
        self.context.store.audit(person.name, person.role, "added a person", name)
        return _once(name, password), self.table(request)

    def reset(self, name: str, request: gr.Request) -> tuple[str, str]:
        person = self.admin(request)
        try:
            password = self.context.access.reset(name.strip().lower())
        except AssistantError as error:
            return _bad(error), self.table(request)
        self.context.store.audit(person.name, person.role, "reset a password", name)
        return _once(name, password), self.table(request)

    def shut_out(self, name: str, request: gr.Request) -> tuple[str, str]:
        person = self.admin(request)
        try:
            self.context.access.shut_out(name.strip().lower())
        except AssistantError as error:
            return _bad(error), self.table(request)
        self.context.store.audit(person.name, person.role, "shut a person out", name)
        return "", self.table(request)

    def site(self, request: gr.Request) -> str:
        """How the shop's own site says who a customer is."""
        self.admin(request)
        secret = self.context.access.site_secret
        code = (
            "import base64, hashlib, hmac, json, time\n"
            'body = base64.urlsafe_b64encode(json.dumps({"customer": "C-1001", "exp": int(time.time()) + 300}).encode())\n'
            'body = body.rstrip(b"=").decode()\n'
            'token = body + "." + hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()\n'
            "# send the customer to /session/token?token=TOKEN, or call /v1/chat with Authorization: Bearer TOKEN"
        )
        body = (
            f'<p class="small">Your shop signs who a customer is with this secret; a token is good until <code>exp</code>.</p>'
            f'<details class="small"><summary>Show the secret</summary><code style="overflow-wrap:anywhere">{escape(secret)}</code></details>'
            f'<pre class="small scroll">{escape(code)}</pre>'
        )
        return charts.card("Customers of your own site", body)


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


def _bad(error: AssistantError) -> str:
    return f'<p class="note bad" role="alert">{escape(str(error))}</p>'
