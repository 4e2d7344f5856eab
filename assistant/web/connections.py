"""The administrators' tab for other programs: keys of the API, webhooks, and the widget on the company's site."""

from html import escape
from typing import Any

import gradio as gr

from assistant.errors import AssistantError
from assistant.web import charts
from assistant.web.admin import QUIET, Part
from assistant.web.keys import SCOPES
from assistant.web.oversight import bad
from assistant.web.webhooks import EVENTS

_PYTHON = """import base64, hashlib, hmac, json, time

def customer_token(customer, secret):
    said = json.dumps({"customer": customer, "exp": int(time.time()) + 300})
    body = base64.urlsafe_b64encode(said.encode()).rstrip(b"=").decode()
    return body + "." + hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()"""
_JAVASCRIPT = """import { createHmac } from "node:crypto";

export function customerToken(customer, secret) {
  const said = JSON.stringify({ customer, exp: Math.floor(Date.now() / 1000) + 300 });
  const body = Buffer.from(said).toString("base64url");
  return body + "." + createHmac("sha256", secret).update(body).digest("hex");
}"""


class Connections(Part):
    """Keys, webhooks, and what the company's own site needs."""

    def lay_out(self, page: gr.Blocks, tab: gr.Tab) -> None:
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                name = gr.Textbox(label="A key for the program", max_length=80, elem_id="key-name")
                scopes = gr.CheckboxGroup(
                    [(f"{scope}: {text}", scope) for scope, text in SCOPES.items()], label="It may", elem_id="key-scopes",
                    elem_classes="list",
                )  # fmt: skip
                days = gr.Number(
                    label="Days it is good for (0: until revoked)", value=0, minimum=0, precision=0
                )
                add = gr.Button("Make the key", variant="primary", size="sm", elem_id="key-add")
                once = gr.HTML("", elem_id="key-once")
            with gr.Column(scale=3, min_width=320):
                keys = gr.HTML("", elem_id="keys")
                with gr.Row():
                    key = gr.Dropdown([], label="Key", elem_id="key-id")
                    revoke = gr.Button("Revoke", size="sm", variant="stop", elem_id="key-revoke")
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                url = gr.Textbox(
                    label="An address that is told of events", max_length=2000, elem_id="hook-url"
                )
                events = gr.CheckboxGroup(
                    [(f"{event}: {text}", event) for event, text in EVENTS.items()], label="Events", elem_classes="list",
                    elem_id="hook-events",
                )  # fmt: skip
                tell = gr.Button("Add the webhook", variant="primary", size="sm", elem_id="hook-add")
                secret = gr.HTML("", elem_id="hook-once")
            with gr.Column(scale=3, min_width=320):
                hooks = gr.HTML("", elem_id="hooks")
                with gr.Row():
                    hook = gr.Dropdown([], label="Webhook", elem_id="hook-id")
                    remove = gr.Button("Remove", size="sm", variant="stop", elem_id="hook-remove")
        site = gr.HTML("", elem_id="site")
        tables = [keys, key, hooks, hook]

        def ended(button: gr.Button, chosen: gr.Dropdown, do: Any, shown: list[Any]) -> None:
            """The choice is taken at the click, so that none of a later one is taken away by the answer."""
            taken = gr.Textbox(visible=False)
            at_once = button.click(None, chosen, [taken, chosen], js="(id) => [id || '', null]", **QUIET)
            at_once.then(do, taken, shown, **{**QUIET, "trigger_mode": "multiple"})

        gr.on([page.load, tab.select], self.tables, None, tables, **QUIET)
        page.load(self.site, None, site, **QUIET)
        add.click(self.add_key, [name, scopes, days], [once, *tables], **QUIET)
        ended(revoke, key, self.revoke, tables)
        tell.click(self.add_hook, [url, events], [secret, *tables], **QUIET)
        ended(remove, hook, self.remove, tables)

    def tables(self, request: gr.Request) -> tuple[object, ...]:
        self.admin(request)
        keys, hooks = self.context.keys.all(), self.context.webhooks.all()
        rows = [
            (
                k.name,
                ", ".join(k.scopes),
                k.at[:10],
                k.by,
                (k.until or "")[:10],
                "good" if k.alive else "ended",
            )
            for k in keys
        ]
        known = charts.table(("Name", "May", "Made", "By", "Until", "State"), rows)
        lines = []
        for h in hooks:
            sent = self.context.webhooks.deliveries(h.id)
            counts = {s: sum(d.state == s for d in sent) for s in ("delivered", "waiting", "given up")}
            last = next((d.result for d in sent if d.result), "")
            said = ", ".join(f"{n} {s}" for s, n in counts.items() if n)
            lines.append((h.url, ", ".join(h.events), said, last))
        told = charts.table(("Address", "Events", "Deliveries", "Last"), lines)
        choices = [(f"{k.name} · {k.id}", k.id) for k in keys if k.alive]
        addresses = [(f"{h.url} · {h.id[:9]}", h.id) for h in hooks]
        return (
            charts.card("Keys of the API", known),
            gr.update(choices=choices),
            charts.card("Webhooks", told),
            gr.update(choices=addresses),
        )

    def add_key(
        self, name: str, scopes: list[str], days: float | None, request: gr.Request
    ) -> tuple[object, ...]:
        person = self.admin(request)
        try:
            key, text = self.context.keys.add(name, scopes or [], by=person.name, days=int(days or 0) or None)
        except AssistantError as error:
            return bad(error), *self.tables(request)
        self.context.store.audit(person.name, person.role, "made a key", key.id, {"scopes": key.scopes})
        note = (
            f'<p class="note good" role="status">Key for <b>{escape(key.name)}</b>, shown only now: <code>{escape(text)}</code><br>'
            f"Send it as <code>Authorization: Bearer {escape(text[:9])}…</code></p>"
        )
        return note, *self.tables(request)

    def revoke(self, id: str | None, request: gr.Request) -> tuple[object, ...]:
        self.tried(
            request,
            "revoked a key",
            lambda: self.context.keys.revoke(str(id or "")),
            "It opens nothing any more.",
        )
        return self.tables(request)

    def add_hook(self, url: str, events: list[str], request: gr.Request) -> tuple[object, ...]:
        person = self.admin(request)
        try:
            hook = self.context.webhooks.add(url or "", events or [], by=person.name)
        except AssistantError as error:
            return bad(error), *self.tables(request)
        self.context.store.audit(person.name, person.role, "added a webhook", hook.url)
        note = (
            f'<p class="note good" role="status">Its secret, shown only now: <code>{escape(hook.secret)}</code><br>Requests carry'
            " <code>Crm-Signature: t=SECONDS,v1=MAC</code>: the HMAC-SHA256 of <code>SECONDS.BODY</code> under this secret.</p>"
        )
        return note, *self.tables(request)

    def remove(self, id: str | None, request: gr.Request) -> tuple[object, ...]:
        self.tried(
            request,
            "removed a webhook",
            lambda: self.context.webhooks.remove(str(id or "")),
            "It is removed.",
        )
        return self.tables(request)

    def site(self, request: gr.Request) -> str:
        """How the company's site shows the widget and says who a customer is."""
        self.admin(request)
        allowed = self.context.settings.allowed_origins
        secret = escape(self.context.access.site_secret)
        line = '<script src="https://THIS-SERVER/widget.js" data-token-url="/chat-token" defer></script>'
        where = (
            f"These sites may show it: {escape(', '.join(allowed))}."
            if allowed
            else "No other site may show it yet: set <code>CRM_ASSISTANT_WIDGET_ORIGINS=https://shop.example</code>."
        )
        shop = ' See it in the <a href="/shop" target="_blank">demo shop</a>.' if self.context.is_demo else ""
        body = (
            f'<p class="small">The chat is one line on your pages. {where}{shop}</p><pre class="small scroll" tabindex="0">{escape(line)}</pre>'
            '<p class="small"><code>/chat-token</code> is an address of your own site that answers, to whoever is signed in there, with a token'
            " as text; without it everybody is a visitor. It is made with this secret, on your server, never in a page:</p>"
            f'<details class="small"><summary>Show the secret</summary><code style="overflow-wrap:anywhere">{secret}</code></details>'
            f'<p class="small soft">Python</p><pre class="small scroll" tabindex="0">{escape(_PYTHON)}</pre>'
            f'<p class="small soft">JavaScript (Node)</p><pre class="small scroll" tabindex="0">{escape(_JAVASCRIPT)}</pre>'
            '<p class="small">The same token opens <code>/v1/chat</code> as <code>Authorization: Bearer TOKEN</code> and signs a browser in at'
            " <code>/session/token?token=TOKEN</code>.</p>"
        )
        return charts.card("The chat on your own site", body)
