"""The application: plain pages, the API, and the Gradio pages, behind one guard."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from assistant import __version__
from assistant.crm.conversations import new_id
from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.web import look
from assistant.web.access import STAFF_COOKIE, STAFF_HOURS, VISITOR_COOKIE, VISITOR_DAYS, Access, Visitor
from assistant.web.context import Context
from assistant.web.fresh import KeepFresh, KeepTrained
from assistant.web.guard import DOORS, Guard, problem

LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "testserver")
_PAGES = ("/customer", "/zh/customer", "/agent", "/admin")


def create_app(
    settings: Settings, *, assistant: Any = None, access: Access | None = None, local: bool = True
) -> FastAPI:
    """The whole application. ``assistant`` may be given (tests, other models); ``local`` answers to this machine's
    own names only. Raises AssistantError when there is no record to serve.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    # uploads hold customers' data: not where everybody on this machine can read them, and no longer than they are needed
    uploads = settings.home_dir / "uploads"
    uploads.mkdir(parents=True, mode=0o700, exist_ok=True)
    for left in uploads.iterdir():  # by a server that was killed
        if time.time() - left.stat().st_mtime > 86400:
            shutil.rmtree(left, ignore_errors=True)
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)
    from assistant.web import api, documents, programs, widget

    if assistant is None:
        from assistant.dialogue import Assistant

        assistant = Assistant(settings)
    context = Context.make(settings, assistant, access or Access(settings.home_dir))

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        watches = (KeepFresh(context), KeepTrained(context))

        def follow(settings: Settings) -> None:
            for watch in watches:
                watch.follow(settings)

        context.on_settings = follow
        yield
        for watch in watches:
            watch.stop()
        context.close()
        shutil.rmtree(uploads, ignore_errors=True)

    app = FastAPI(
        title="crm-assistant", version=__version__, lifespan=life, docs_url=None, redoc_url=None,
        openapi_url="/v1/openapi.json",
    )  # fmt: skip
    app.state.context = context
    _plain_routes(app, context)
    api.add(app, context)
    programs.add(app, context)
    documents.add(app)
    if settings.oidc_issuer:
        from assistant.web import sso

        sso.add(app, context)
    widget.add(app, context)
    _mount_pages(app, context)
    hosts = (*(LOOPBACK if local or settings.names else ()), *settings.names) or None
    app.add_middleware(
        Guard, access=context.access, hosts=hosts, limits=context.limits,
        frames=lambda: context.settings.allowed_origins,
    )  # fmt: skip
    return app


def _mount_pages(app: FastAPI, context: Context) -> None:
    """The Gradio pages. Built inside a running loop: outside of one, Gradio makes a loop per lock and leaves it open."""
    import gradio as gr

    from assistant.web import admin, agent, customer
    from assistant.web.words import EN, ZH

    def mount() -> None:
        pages = {
            "/zh/customer": customer.build(context, ZH),
            "/customer": customer.build(context, EN),
            "/agent": agent.build(context),
            "/admin": admin.build(context),
        }
        for path, blocks in pages.items():
            gr.mount_gradio_app(
                app, blocks, path, theme=look.theme(), css=look.CSS, head=look.HEAD, footer_links=[], run_history=False,
                ssr_mode=False, enable_monitoring=False, mcp_server=False, pwa=False,
                show_error=path in ("/agent", "/admin"), max_file_size="200mb" if path == "/admin" else "1kb",
            )  # fmt: skip

    async def inside() -> None:
        mount()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(inside())
    else:
        mount()


def _plain_routes(app: FastAPI, context: Context) -> None:
    access, store = context.access, context.store

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def landing() -> str:
        doors = (
            ("/customer", "Customers", "Ask about orders, delivery and products; reach a person."),
            (
                "/agent",
                "Support agents",
                "Everything about an account, drafts, and the line of hand-offs. Needs sign-in.",
            ),
            (
                "/admin",
                "Administration",
                "Data, articles and their index, models, quality, people. Needs sign-in.",
            ),
        )
        cards = "".join(
            f'<a class="card" href="{to}"><b>{name}</b><br><span class="soft">{text}</span></a>'
            for to, name, text in doors
        )
        return look.plain_page(
            context.company,
            f"<h1>The assistant of {escape(context.company)}</h1><p class='soft'>It runs on this machine; nothing"
            f" leaves it.</p><div class='doors'>{cards}</div>",
            company=context.company,
        )

    @app.get("/health", tags=["monitoring"])
    def health() -> dict[str, Any]:
        """That the server is up and its record can be read: its version, and how many wait in line."""
        store.meta("company_name")
        return {"status": "ok", "version": __version__, "waiting": context.desk.waiting}

    @app.get("/favicon.ico", include_in_schema=False)
    def icon() -> Response:
        square = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#0f6b5c"/><path d="M9 11h14M9 16h14M9 21h8" stroke="#fff" stroke-width="2.4" stroke-linecap="round"/></svg>'
        return Response(square, media_type="image/svg+xml")

    # -- signing in ------------------------------------------------------------------------------------------------

    @app.get("/sign-in", response_class=HTMLResponse, include_in_schema=False)
    def sign_in_page(next: str = "/agent") -> str:
        return _sign_in(context, _own(next))

    @app.post("/sign-in", include_in_schema=False)
    async def sign_in(request: Request) -> Response:
        form = await _form(request)
        to = _own(form.get("next", "/agent"))
        address = request.client.host if request.client else ""
        try:
            person = await _in_thread(
                access.sign_in, form.get("name", ""), form.get("password", ""), address=address
            )
        except AssistantError as error:
            store.audit(form.get("name", "")[:40], "visitor", "sign-in refused", address)
            return HTMLResponse(_sign_in(context, to, error), 401)
        store.audit(person.name, person.role, "signed in", address)
        if to == "/admin" and person.role != "admin":
            to = "/agent"
        return signed_in(request, access, person, "/password" if person.must_change else to)

    @app.post("/sign-out", include_in_schema=False)
    def sign_out(request: Request) -> Response:
        access.sign_out(request.cookies)
        response = RedirectResponse("/", 303)
        response.delete_cookie(STAFF_COOKIE, httponly=True, samesite="strict")
        return response

    @app.get("/password", response_class=HTMLResponse, include_in_schema=False)
    def password_page() -> str:
        return _password(context.company)

    @app.post("/password", include_in_schema=False)
    async def password(request: Request) -> Response:
        person = access.staff(request.cookies)
        if person is None:
            return RedirectResponse("/sign-in", 303)
        form = await _form(request)
        try:
            if form.get("new") != form.get("again"):
                raise AssistantError("The two new passwords differ.", "type the same twice")
            changed = await _in_thread(
                access.change_password, person.name, form.get("old", ""), form.get("new", "")
            )
        except AssistantError as error:
            return HTMLResponse(_password(context.company, error), 400)
        store.audit(person.name, person.role, "changed the password")
        return signed_in(request, access, changed, "/admin" if changed.role == "admin" else "/agent")

    # -- who a customer is -----------------------------------------------------------------------------------------

    @app.post("/session/customer", include_in_schema=False)
    async def demo_customer(request: Request) -> Response:
        """Be one of the demo company's customers. Closed for every other record."""
        from assistant.web.customer import demo_customers

        form = await _form(request)
        wanted = form.get("customer") or None
        if not context.is_demo or (wanted and wanted not in {c["id"] for c in demo_customers(store)}):
            return problem(403, "This is open on the demo company only.")
        return _as_visitor(
            request, access, Visitor(new_id("CV"), wanted), _customer_page(form.get("page", ""))
        )

    @app.get("/session/token", include_in_schema=False)
    def token(request: Request, token: str, page: str = "/customer") -> Response:
        """Come from the company's own site, with a token that it has signed."""
        who = access.customer_of(token)
        if who is None or store.customer(who) is None:
            return problem(
                403, "The token is not valid or too old.", "go back to the shop and open the chat again"
            )
        return _as_visitor(request, access, Visitor(new_id("CV"), who), _customer_page(page))

    @app.get("/session/new", include_in_schema=False)
    def new(request: Request, page: str = "/customer") -> Response:
        """Begin another conversation as the same customer."""
        old = access.visitor(request.cookies)
        return _as_visitor(
            request, access, Visitor(new_id("CV"), old.customer if old else None), _customer_page(page)
        )

    @app.get("/session/transcript", include_in_schema=False)
    def transcript(request: Request, language: str = "en") -> Response:
        """The conversation of this browser as a text file."""
        from assistant.web.api import text_file
        from assistant.web.views import as_text
        from assistant.web.words import EN, ZH

        words = ZH if language == "zh" else EN
        visitor = access.visitor(request.cookies) or Visitor("")
        company = context.assistant.company_in(words.language)
        return text_file(as_text(store, visitor.conversation, company, words), "conversation.txt")

    @app.get("/report", response_class=HTMLResponse, include_in_schema=False)
    def report() -> Response:
        """The page with plots about all models, as it was written last."""
        from assistant.web.work import report_path

        path = report_path(context.settings.home_dir)
        if not path.is_file():
            return problem(
                404, "There is no report yet.", "write it on the administrators' page, under Models"
            )
        return HTMLResponse(path.read_text(encoding="utf-8"))

    # -- sources ---------------------------------------------------------------------------------------------------

    @app.get("/source", response_class=HTMLResponse, include_in_schema=False)
    def source(request: Request, of: str) -> Response:
        """The whole text behind a citation, for whoever may see it."""
        from assistant.web.sources import read

        staff = access.staff(request.cookies) if request.query_params.get("as") == "staff" else None
        if staff is not None and not staff.must_change:
            found = read(context, of, role=staff.role, customer=None)
        else:
            visitor = access.visitor(request.cookies) or Visitor("")
            found = read(context, of, role=visitor.role, customer=visitor.customer)
        if found is None:
            return problem(404, "Nothing here", "There is no such text, or it is not for you.")
        page = look.plain_page(
            found[0], f'<article class="card">{found[1]}</article>', company=context.company
        )
        return HTMLResponse(page)


async def _in_thread(function: Any, *args: Any, **named: Any) -> Any:
    return await asyncio.to_thread(function, *args, **named)


async def _form(request: Request) -> dict[str, str]:
    return {
        k: v[0]
        for k, v in parse_qs((await request.body()).decode(errors="replace"), keep_blank_values=True).items()
    }


def _own(path: str) -> str:
    """A page of ours to go on to, whatever was asked for."""
    return path if path in _PAGES else "/agent"


def _customer_page(path: str) -> str:
    return "/zh/customer" if path.startswith("/zh") else "/customer"


def signed_in(request: Request, access: Access, person: Any, to: str) -> Response:
    """On to a page, with the cookie that says who this is."""
    response = RedirectResponse(to, 303)
    response.set_cookie(
        STAFF_COOKIE, access.staff_cookie(person), max_age=STAFF_HOURS * 3600, httponly=True, samesite="strict",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


def _as_visitor(request: Request, access: Access, visitor: Visitor, to: str) -> Response:
    response = RedirectResponse(to, 303)
    response.set_cookie(
        VISITOR_COOKIE, access.visitor_cookie(visitor), max_age=VISITOR_DAYS * 86400, httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


def _sign_in(context: Context, to: str, error: AssistantError | None = None) -> str:
    accounts = bool(context.settings.oidc_issuer)
    other = (
        '<a class="quiet" href="/sign-in/company">Sign in with your company account</a>' if accounts else ""
    )
    # only while it helps: afterwards it would tell strangers a name
    first = any(p.name == "admin" and p.must_change and p.epoch == 1 for p in context.access.people())
    help = (
        '<p class="soft small">The first administrator is <b>admin</b>; the one-time password was printed where the server'
        " was started first.</p>"
        if first
        else '<p class="soft small">For agents and administrators. An administrator gives you a name and a one-time'
        " password.</p>"
    )
    return look.plain_page(
        f"Sign in · {context.company}",
        f'<form class="card" method="post" action="/sign-in"><h1>Sign in</h1>{_note(error)}'
        f'<input type="hidden" name="next" value="{escape(to)}">'
        '<label>Name<input name="name" autocomplete="username" required autofocus></label>'
        '<label>Password<input name="password" type="password" autocomplete="current-password" required></label>'
        f'<button class="go">Sign in</button>{other}{help}</form>',
        company=context.company,
    )


def _password(company: str, error: AssistantError | None = None) -> str:
    return look.plain_page(
        f"Choose a password · {company}",
        f'<form class="card" method="post" action="/password"><h1>Choose a password</h1>{_note(error)}'
        '<label>Present password<input name="old" type="password" autocomplete="current-password" required autofocus></label>'
        '<label>New password<input name="new" type="password" autocomplete="new-password" minlength="10" required></label>'
        '<label>New password again<input name="again" type="password" autocomplete="new-password" required></label>'
        '<button class="go">Save</button><p class="soft small">At least 10 characters.</p></form>',
        company=company,
    )


def _note(error: AssistantError | None) -> str:
    if error is None:
        return ""
    hint = f" {error.hint[:1].upper()}{error.hint[1:]}." if error.hint else ""
    return f'<p class="note bad" role="alert">{escape(error.message + hint)}</p>'


__all__ = ["DOORS", "create_app"]
