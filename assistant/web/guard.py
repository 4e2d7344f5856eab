"""In front of every request: which role may open which path, where a request may come from, and what may be sent.

The pages are Gradio applications, each below a path of its own, so that the check by path covers all their endpoints,
the queue's included; the pages' functions look up the caller once more. Paths that aren't named here are closed.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.crm.conversations import new_id
from assistant.evidence import Role
from assistant.web import look
from assistant.web.access import VISITOR_COOKIE, VISITOR_DAYS, Access, Visitor
from assistant.web.limits import Limits, TooOften

ANYBODY: tuple[Role, ...] = ("visitor", "customer", "agent", "admin")
STAFF: tuple[Role, ...] = ("agent", "admin")
ADMIN: tuple[Role, ...] = ("admin",)
LARGEST_REQUEST = 1 * 2**20
LARGEST_UPLOAD = 200 * 2**20

# what a page of Gradio needs; its other endpoints (files of the server, proxying, code editing, runs) stay closed
_GRADIO = re.compile(
    r"/?|/config/?|/theme\.css|/manifest\.json|/favicon\.ico|/(assets|static|svelte)/.*"
    r"|/gradio_api/(queue/(join|data)|heartbeat/[^/]+|cancel|reset/?|startup-events|app_id/?|theme\.css|info/?)"
)
_GRADIO_UPLOAD = re.compile(r"/gradio_api/(upload|upload_progress)")


@dataclass(frozen=True)
class Door:
    """A path, who may open it, and whether it is a page of Gradio (``uploads``: one that takes files)."""

    path: str
    roles: tuple[Role, ...]
    gradio: bool = False
    uploads: bool = False


DOORS: tuple[Door, ...] = (
    Door("/customer", ANYBODY, gradio=True),
    Door("/zh/customer", ANYBODY, gradio=True),
    Door("/agent", STAFF, gradio=True),
    Door("/admin", ADMIN, gradio=True, uploads=True),
    Door("/report", ADMIN),
    Door("/session", ANYBODY),
    Door("/source", ANYBODY),
    Door("/sign-in", ANYBODY),
    Door("/sign-out", ANYBODY),
    Door("/password", STAFF),
    Door("/health", ANYBODY),
    Door("/metrics", ANYBODY),  # to those with a key for it
    Door("/widget.js", ANYBODY),
    Door("/widget", ANYBODY),
    Door("/shop", ANYBODY),
    Door("/v1", ANYBODY),  # who calls is read from the token there
    Door("/favicon.ico", ANYBODY),
)

CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:;"
    " object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors {ancestors}"
)

# the widget's panel is ours from the first to the last byte, so that its policy can be strict
WIDGET_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors {ancestors}"
)


def door_of(path: str) -> Door | None:
    """The door a path belongs to, None for a closed one."""
    if path == "/":
        return Door("/", ANYBODY)
    for door in DOORS:
        if path == door.path or path.startswith(door.path + "/"):
            rest = path[len(door.path) :]
            if door.gradio and not _GRADIO.fullmatch(rest):
                return door if door.uploads and _GRADIO_UPLOAD.fullmatch(rest) else None
            return door
    return None


class Guard:
    """ASGI middleware. ``hosts``: names this server answers to (against rebinding of names), None for any;
    ``frames`` gives the origins whose pages may show the widget now; ``limits`` counts requests."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        access: Access,
        hosts: Iterable[str] | None = None,
        frames: Callable[[], Sequence[str]] = tuple,
        limits: Limits | None = None,
    ) -> None:
        self.app, self.access, self._frames, self._limits = app, access, frames, limits
        self.hosts = frozenset(hosts) if hosts is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks WebSocket
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        cookies = _cookies(headers)
        path, method = scope["path"], scope["method"]
        refusal = self._refusal(path, method, headers, cookies) or self._too_often(scope)
        people = method == "GET" and "text/html" in headers.get("accept", "") and not path.startswith("/v1/")
        if refusal is not None:
            await refusal(scope, receive, _with_headers(send, people=people))
            return
        cookie = self._new_visitor(path, method, cookies, secure=scope.get("scheme") == "https")
        frames = " ".join(["'self'", *self._frames()])
        panel = WIDGET_POLICY.format(ancestors=frames) if path == "/widget" else None
        await self.app(scope, receive, _with_headers(send, cookie=cookie, panel=panel, people=people))

    def _refusal(
        self, path: str, method: str, headers: Headers, cookies: Mapping[str, str]
    ) -> Response | None:
        host = headers.get("host", "")
        if self.hosts is not None and host.rsplit(":", 1)[0] not in self.hosts:
            return problem(421, "This server does not answer to that name.")
        if method not in ("GET", "HEAD", "OPTIONS") and not path.startswith("/v1/"):
            origin = headers.get("origin")
            site = headers.get("sec-fetch-site", "same-origin")
            if (origin is not None and origin.split("://")[-1] != host) or site not in (
                "same-origin",
                "none",
            ):
                return problem(403, "The request comes from another site.")
        door = door_of(path)
        if door is None:
            return problem(404, "There is nothing here.")
        limit = LARGEST_UPLOAD if door.uploads and path.endswith("/upload") else LARGEST_REQUEST
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > limit:
            return problem(413, f"At most {limit // 2**20} MB.")
        if (
            method not in ("GET", "HEAD")
            and "transfer-encoding" in headers
            and "content-length" not in headers
        ):
            return problem(411, "The length has to be said.")
        if "visitor" in door.roles:
            return None
        person = self.access.staff(cookies)
        page = method == "GET" and path.rstrip("/") == door.path
        if person is None:
            return (
                RedirectResponse(f"/sign-in?next={door.path}", 303)
                if page
                else problem(401, "Sign in first.")
            )
        if person.must_change and door.path != "/password":
            return RedirectResponse("/password", 303) if page else problem(403, "Choose a password first.")
        if person.role not in door.roles:
            return problem(403, f"This is not for the role {person.role}.")
        return None

    def _too_often(self, scope: Scope) -> Response | None:
        if self._limits is None:
            return None
        try:
            self._limits.request(scope["method"], scope["path"], (scope.get("client") or ("", 0))[0])
        except TooOften as error:
            return too_often(error)
        return None

    def _new_visitor(self, path: str, method: str, cookies: Mapping[str, str], *, secure: bool) -> str | None:
        """A cookie for a browser that opens the customer page for the first time."""
        if method != "GET" or path.rstrip("/") not in ("/customer", "/zh/customer"):
            return None
        if self.access.visitor(cookies) is not None:
            return None
        return visitor_header(self.access, Visitor(new_id("CV")), secure=secure)


def visitor_header(access: Access, visitor: Visitor, *, secure: bool = False) -> str:
    """The Set-Cookie value that makes a browser this visitor."""
    more = "; Secure" if secure else ""
    return (
        f"{VISITOR_COOKIE}={access.visitor_cookie(visitor)}; Path=/; HttpOnly; SameSite=Lax"
        f"; Max-Age={VISITOR_DAYS * 86400}{more}"
    )


def problem(
    status: int, title: str, detail: str = "", *, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An error as RFC 9457 writes it."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def too_often(error: TooOften) -> JSONResponse:
    """429 with the time after which there is room again."""
    return problem(429, error.message, error.hint, headers={"retry-after": str(error.seconds)})


def _cookies(headers: Headers) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in headers.getlist("cookie"):
        found.update(cookie_parser(line))
    return found


# Gradio's page asks other sites for fonts and a script that a page of our own does not need
_FOREIGN = re.compile(
    rb"<(?:link|meta)\b[^>]*https?://(?!127\.0\.0\.1|localhost)[^>]*>"
    rb"|<link rel=\"manifest\"[^>]*>"
    rb"|<script\b[^>]*src=[\"']https?://[^>]*>\s*</script>"
)


def _with_headers(
    send: Send, *, cookie: str | None = None, panel: str | None = None, people: bool = False
) -> Send:
    """Add security headers to a response, and take out of HTML whatever would be fetched from elsewhere.

    ``panel`` is the policy of a page that others may show in a frame. ``people``: a browser shows what comes, so a
    problem comes as a page.
    """
    start: Message | None = None
    parts: list[bytes] = []
    html = failed = False

    async def wrapped(message: Message) -> None:
        nonlocal start, html, failed
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["x-content-type-options"] = "nosniff"
            headers["referrer-policy"] = "same-origin"
            if panel is None:
                headers["x-frame-options"] = "DENY"
            headers["content-security-policy"] = panel or CONTENT_POLICY.format(ancestors="'none'")
            headers["permissions-policy"] = "camera=(), microphone=(), geolocation=()"
            headers["cross-origin-opener-policy"] = "same-origin"
            if cookie:
                headers.append("set-cookie", cookie)
            kind = headers.get("content-type", "")
            failed = people and kind.startswith("application/problem+json")
            if failed:
                headers["content-type"] = "text/html; charset=utf-8"
            html = failed or kind.startswith("text/html")
            if html:
                headers["cache-control"] = "no-store"
                start = message
                return
        elif html and message["type"] == "http.response.body":
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = b"".join(parts)
            body = look.error_page(json.loads(body)).encode() if failed else _FOREIGN.sub(b"", body)
            if start is not None:
                headers = MutableHeaders(scope=start)
                if "content-length" in headers:
                    headers["content-length"] = str(len(body))
                await send(start)
            message = {**message, "body": body}
        await send(message)

    return wrapped
