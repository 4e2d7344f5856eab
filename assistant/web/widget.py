"""The chat on the company's own site: the script that its pages load, the panel in its frame, and a shop to see it in.

The panel speaks to ``/v1`` with a bearer token and sets no cookie. Which sites may show it is a setting
(``CRM_ASSISTANT_WIDGET_ORIGINS``); browsers hold every other site off by the page's ``frame-ancestors``.
"""

import json
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from assistant.web import look
from assistant.web.context import Context
from assistant.web.guard import problem
from assistant.web.words import EN, PANEL, ZH, Words

STATIC = Path(__file__).parent / "static"
_SAID = (
    "language", "reading", "writing", "waiting", "stopped", "failed", "busy", "whole", "kinds", "doing", "queue",
    "queue_with", "colleague", "thanks", "sorry", "examples", "signed_examples", "person", "mail", "mailed", "mail_sign_in",
    "no_address", "too_often", "nothing_said",
)  # fmt: skip


def add(app: FastAPI, context: Context) -> None:
    """Put the widget's routes on the application."""
    files = {
        "/widget.js": ("widget.js", "text/javascript"),
        "/widget/panel.js": ("panel.js", "text/javascript"),
        "/widget/panel.css": ("panel.css", "text/css"),
    }
    for path, (name, kind) in files.items():
        app.add_api_route(path, _file(STATIC / name, kind), methods=["GET"], include_in_schema=False)

    @app.get("/widget/look.css", include_in_schema=False)
    def colours() -> Response:
        return _cached(shades(context.settings.company_color), "text/css")

    @app.get("/widget", response_class=HTMLResponse, include_in_schema=False)
    def panel(language: str = "en", theme: str = "") -> str:
        words = ZH if language == "zh" else EN
        settings = context.settings
        own = settings.widget_greeting_zh if words is ZH else settings.widget_greeting
        return _panel(context.assistant.company_in(words.language), words, own, theme)

    @app.get("/shop", response_class=HTMLResponse, include_in_schema=False)
    def shop(customer: str = "", language: str = "en") -> Response:
        """A shop's page with the widget in it. There is one on the demo company only."""
        if not context.is_demo:
            return problem(404, "There is nothing here.")
        return HTMLResponse(_shop(context, customer, ZH if language == "zh" else EN))

    @app.get("/shop/token", response_class=PlainTextResponse, include_in_schema=False)
    def token(request: Request, customer: str = "") -> Response:
        """What a shop's own server does for whoever has signed in there: a token that names the customer."""
        from assistant.web.customer import demo_customers

        if not context.is_demo or customer not in {c["id"] for c in demo_customers(context.store)}:
            return problem(404, "There is nothing here.")
        return PlainTextResponse(context.access.customer_token(customer))


def _file(path: Path, kind: str) -> Any:
    text = path.read_text()
    return lambda: _cached(text, kind)


def _cached(text: str, kind: str) -> Response:
    return Response(text, media_type=kind, headers={"cache-control": "public, max-age=300"})


def _panel(company: str, words: Words, greeting: str, theme: str) -> str:
    said: dict[str, Any] = {k: v for k, v in asdict(words).items() if k in _SAID} | dict(
        PANEL[words.language]
    )
    if greeting:
        said["greeting"] = greeting
    asked = theme if theme in ("light", "dark") else ""
    # inside <script> only "</" could end the block
    data = json.dumps(said, ensure_ascii=False).replace("</", "<\\/")
    save = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 4v11m0 0l-4-4m4 4l4-4M5 20h14"/></svg>'
    letter = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M3 6h18v12H3zM3 7l9 7 9-7"/></svg>'
    shut = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M6 6l12 12M18 6L6 18"/></svg>'
    go = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 19V5m0 0l-6 6m6-6l6 6"/></svg>'
    halt = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M7 7h10v10H7z"/></svg>'

    def icon(id: str, shape: str) -> str:
        name = escape(said[id])
        return f'<button id="{id}" class="icon" type="button" aria-label="{name}" title="{name}">{shape}</button>'

    return f"""<!doctype html><html lang="{words.language}" data-asked="{asked}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(company)} · {escape(words.title)}</title>
<link rel="stylesheet" href="/widget/panel.css"><link rel="stylesheet" href="/widget/look.css"></head><body>
<header><span class="mark" aria-hidden="true">{escape(company[:1])}</span><div class="title"><h1>{escape(company)}</h1>
<div id="who" class="soft"></div></div>{icon("mail", letter)}{icon("save", save)}{icon("close", shut)}</header>
<main id="log" role="log" aria-live="off" aria-label="{escape(words.chat_label)}" tabindex="0"></main>
<div><div id="state" role="status"></div><div id="spoken" class="unseen" aria-live="polite"></div></div>
<footer><form id="form"><textarea id="box" rows="1" maxlength="20000" aria-label="{escape(words.box_label)}"
placeholder="{escape(words.placeholder)}"></textarea>
<button id="send" aria-label="{escape(said["send"])}">{go}</button>
<button id="stop" type="button" aria-label="{escape(said["stop"])}" hidden>{halt}</button></form>
<div class="row"><button id="person" class="plain" type="button">{escape(words.person)}</button>
<button id="new" class="plain" type="button">{escape(words.new)}</button>
<button id="sign-in" class="plain" type="button" hidden>{escape(said["sign_in"])}</button></div></footer>
<script id="words" type="application/json">{data}</script><script src="/widget/panel.js"></script></body></html>"""


# -- colours -------------------------------------------------------------------------------------------------------


def shades(colour: str) -> str:
    """The company's colour as a style sheet for both themes, with text on it and text in it that can be read.

    Contrast is WCAG 2's, (lighter + 0.05) / (darker + 0.05) of relative luminances, at least 4.5.
    """
    dark_on_it, light_on_it = "#000000", "#ffffff"
    ink = light_on_it if contrast(colour, light_on_it) >= contrast(colour, dark_on_it) else dark_on_it
    on_light, on_dark = readable(colour, "#f7f7f5", "#000000"), readable(colour, "#1d1f22", "#ffffff")
    return (
        f":root {{ --accent: {colour}; --ink: {ink}; --accent-text: {on_light}; }}\n"
        f':root[data-theme="dark"] {{ --accent-text: {on_dark}; }}\n'
    )


def readable(colour: str, ground: str, towards: str, *, least: float = 4.5) -> str:
    """``colour``, moved towards another one until it can be read on ``ground``."""
    start, end = _rgb(colour), _rgb(towards)
    for step in range(21):
        mixed = [round(a + (b - a) * step / 20) for a, b in zip(start, end, strict=True)]
        found = "#" + "".join(f"{c:02x}" for c in mixed)
        if contrast(found, ground) >= least:
            return found
    return towards


def contrast(a: str, b: str) -> float:
    """WCAG's contrast of two colours, 1 to 21."""
    darker, lighter = sorted((_luminance(a), _luminance(b)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [c / 255 for c in _rgb(colour)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


# -- a shop --------------------------------------------------------------------------------------------------------


_CATEGORIES_ZH = {
    "accessory": "配件",
    "beans": "咖啡豆",
    "brewer": "冲煮器具",
    "gift card": "礼品卡",
    "grinder": "磨豆机",
    "machine": "咖啡机",
    "tea": "茶",
}


def _category(name: str | None, *, zh: bool) -> str:
    return _CATEGORIES_ZH.get(name or "", name or "") if zh else (name or "").capitalize()


def _shop(context: Context, customer: str, words: Words) -> str:
    """A page of the demo company's shop, as its own site would be: products, a sign-in, and the widget's one line."""
    from assistant.web.customer import demo_customers

    zh = words is ZH
    people = demo_customers(context.store)
    chosen = customer if customer in {c["id"] for c in people} else ""
    company = context.assistant.company_in(words.language)
    products = list(
        {p.get("category"): p for p in context.store.products() if p.get("price") is not None}.values()
    )[:8]
    cards = "".join(
        f'<li class="card"><b>{escape((zh and p.get("name_zh")) or p["name"])}</b><br><span class="soft small">'
        f"{escape(_category(p.get('category'), zh=zh))}</span><p>{p['price']:.2f} {escape(p.get('currency') or '')}</p></li>"
        for p in products
    )
    options = "".join(
        f'<option value="{escape(id)}"{" selected" if id == chosen else ""}>{escape(name)}</option>'
        for name, id in [(words.visitor, ""), *((str(c["name"]), str(c["id"])) for c in people)]
    )
    signed = f' data-token-url="/shop/token?customer={escape(chosen)}"' if chosen else ""
    line = f'<script src="/widget.js" data-language="{words.language}"{signed} defer></script>'
    title = "商店" if zh else "Shop"
    said = (
        "这是一个示例商店页面：聊天窗口就是下面这一行。"
        if zh
        else "A page as a shop would have it. The chat in the corner is this one line of it:"
    )
    grid = "list-style:none;padding:0;display:grid;gap:.8rem;grid-template-columns:repeat(auto-fill,minmax(10rem,1fr))"
    body = (
        f'<div class="bar" style="margin-top:1.2rem"><h1>{title}</h1><span class="grow"></span><form method="get" action="/shop">'
        f'<label class="small soft who">{escape(words.signed_in)}<select name="customer" class="quiet" onchange="this.form.submit()">{options}</select></label>'
        f'<input type="hidden" name="language" value="{words.language}"></form></div>'
        f'<ul style="{grid}">{cards}</ul>'
        f'<p class="soft">{said}</p><pre class="card small" tabindex="0">{escape(line)}</pre>{line}'
    )
    return look.plain_page(f"{company} · {title}", body, language=words.language, company=company)
