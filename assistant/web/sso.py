"""Signing in with the company's own accounts: OpenID Connect, authorization code flow with PKCE.

Who may come in and as what is decided here, not there: only names that an administrator has added are let in. What the
issuer says is believed only when its signature, issuer, audience, time and the nonce of this very sign-in are right.
"""

import json
import secrets
import time
from dataclasses import dataclass
from html import escape
from threading import Lock
from typing import Any

import httpx
from authlib.integrations.httpx_client import OAuth2Client
from fastapi import FastAPI, Request
from itsdangerous import BadSignature
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.responses import HTMLResponse, RedirectResponse, Response

from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.web import look
from assistant.web.access import Access, Person
from assistant.web.context import Context

STATE_COOKIE = "crm_oidc"
STATE_SECONDS = 600
TIMEOUT = 10.0
LEEWAY = 60
# signatures with a key that only the issuer has; "none" and shared secrets are not among them
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]


class SignInFailed(AssistantError):
    """The issuer said no, could not be reached, or said something that is not to be believed."""


@dataclass(frozen=True)
class Attempt:
    """What is kept, signed, in the browser between going to the issuer and coming back."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Attempt":
        return cls(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48))


class Issuer:
    """The company's identity provider. Its description and keys are fetched when they are needed first."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = Lock()
        self._described: dict[str, Any] | None = None
        self._keys: KeySet | None = None

    def begin(self, attempt: Attempt, back: str) -> str:
        """The address to send the browser to."""
        with self._client(back) as client:
            url, _ = client.create_authorization_url(
                self._description()["authorization_endpoint"], state=attempt.state, nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )  # fmt: skip
        return str(url)

    def claims(self, attempt: Attempt, code: str, back: str) -> dict[str, Any]:
        """What the issuer says of whoever came back with ``code``. Raises SignInFailed for what can't be believed."""
        try:
            with self._client(back) as client:
                token = client.fetch_token(
                    self._description()["token_endpoint"], code=code, code_verifier=attempt.verifier
                )
        except SignInFailed:
            raise
        except Exception as problem:  # the library raises what it likes for what the issuer likes to say
            raise SignInFailed("The identity provider did not take the code.", "sign in again") from problem
        return self._believed(str(token.get("id_token") or ""), attempt.nonce)

    def _believed(self, token: str, nonce: str) -> dict[str, Any]:
        for fresh in (False, True):  # the issuer may have changed its keys since
            try:
                claims = dict(jwt.decode(token, self._keyset(fresh), algorithms=ALGORITHMS).claims)
                break
            except (JoseError, ValueError) as problem:
                if fresh:
                    raise SignInFailed("What the identity provider said is not signed by it.") from problem
        audience = claims.get("aud")
        parties = [audience] if isinstance(audience, str) else list(audience or [])
        client, now = self.settings.oidc_client_id, time.time()
        wrong = [
            name
            for name, right in (
                ("issuer", claims.get("iss") == self.settings.oidc_issuer),
                ("audience", client in parties and (len(parties) == 1 or claims.get("azp") == client)),
                (
                    "time",
                    _number(claims.get("exp")) > now - LEEWAY and _number(claims.get("iat")) < now + LEEWAY,
                ),
                ("nonce", secrets.compare_digest(str(claims.get("nonce") or ""), nonce)),
            )
            if not right
        ]
        if wrong:
            raise SignInFailed(f"What the identity provider said has the wrong {wrong[0]}.")
        return claims

    def _client(self, back: str) -> OAuth2Client:
        return OAuth2Client(
            client_id=self.settings.oidc_client_id, client_secret=self.settings.oidc_client_secret.get_secret_value(),
            scope="openid email profile", redirect_uri=back, code_challenge_method="S256", timeout=TIMEOUT,
        )  # fmt: skip

    def _description(self) -> dict[str, Any]:
        with self._lock:
            if self._described is None:
                issuer = self.settings.oidc_issuer
                found = _get(issuer.rstrip("/") + "/.well-known/openid-configuration")
                if found.get("issuer") != issuer:
                    raise SignInFailed(
                        "The identity provider calls itself by another name.", "CRM_ASSISTANT_OIDC_ISSUER"
                    )
                self._described = found
            return self._described

    def _keyset(self, fresh: bool) -> KeySet:
        address = self._description()["jwks_uri"]
        with self._lock:
            if self._keys is None or fresh:
                self._keys = KeySet.import_key_set(_get(address))  # type: ignore[arg-type]
            return self._keys


def add(app: FastAPI, context: Context) -> None:
    """Put the two routes on the application; the settings name an issuer."""
    settings, access = context.settings, context.access
    issuer = Issuer(settings)

    def back(request: Request) -> str:
        return str(request.url_for("sign_in_back"))

    @app.get("/sign-in/company", include_in_schema=False)
    def go(request: Request) -> Response:
        attempt = Attempt.new()
        try:
            response = RedirectResponse(issuer.begin(attempt, back(request)), 303)
        except SignInFailed as failed:
            return _refused(context, failed)
        said = access.signed(["oidc", attempt.state, attempt.nonce, attempt.verifier])
        response.set_cookie(
            STATE_COOKIE, said, max_age=STATE_SECONDS, httponly=True, samesite="lax", path="/sign-in",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return response

    @app.get("/sign-in/back", include_in_schema=False, name="sign_in_back")
    def returned(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
        from assistant.web.app import signed_in

        try:
            attempt = _attempt(access, request.cookies.get(STATE_COOKIE), state)
            if error or not code:
                raise SignInFailed(
                    f"The identity provider said no: {error[:80] or 'no code'}.", "sign in again"
                )
            claims = issuer.claims(attempt, code, back(request))
            person = _person(access, claims, settings.oidc_claim)
        except AssistantError as failed:
            context.store.audit("", "visitor", "sign-in refused", str(failed)[:200])
            return _refused(context, failed)
        context.store.audit(person.name, person.role, "signed in", settings.oidc_issuer)
        to = "/admin" if person.role == "admin" else "/agent"
        # our cookie is sent on requests from our own pages only, so the way on is a page of ours, not a redirect
        page = look.plain_page("Signed in", f'<p>Signed in. <a href="{to}">Go on</a></p>')
        page = page.replace("<head>", f'<head><meta http-equiv="refresh" content="0;url={to}">')
        response = signed_in(request, access, person, to)
        done = HTMLResponse(page)
        done.raw_headers += [h for h in response.raw_headers if h[0] == b"set-cookie"]
        done.delete_cookie(STATE_COOKIE, path="/sign-in")
        return done


def _attempt(access: Access, cookie: str | None, state: str) -> Attempt:
    try:
        kind, *kept = access.opened(cookie or "", STATE_SECONDS)
        attempt = Attempt(*kept)
    except (BadSignature, TypeError, ValueError) as problem:
        raise SignInFailed("This sign-in was begun elsewhere or too long ago.", "sign in again") from problem
    if kind != "oidc" or not secrets.compare_digest(attempt.state, state):
        raise SignInFailed("This sign-in was begun elsewhere or too long ago.", "sign in again")
    return attempt


def _person(access: Access, claims: dict[str, Any], claim: str) -> Person:
    """Whom the claims stand for: somebody an administrator has added under this very name."""
    name = str(claims.get(claim) or "").strip().lower()
    if claim == "email" and claims.get("email_verified") is False:
        raise SignInFailed("The identity provider has not verified this e-mail address.")
    person = next((p for p in access.people() if p.name == name and p.active and p.external), None)
    if not name or person is None:
        raise SignInFailed(
            f"{name or 'This account'} may not come in here.", "ask an administrator to add you"
        )
    return person


def _refused(context: Context, failed: AssistantError) -> Response:
    note = f'<p class="note bad" role="alert">{escape(str(failed))}</p><p><a href="/sign-in">Back to sign-in</a></p>'
    return HTMLResponse(
        look.plain_page("Sign in", f'<div class="card"><h1>{escape(context.company)}</h1>{note}</div>'), 403
    )


def _get(url: str) -> dict[str, Any]:
    try:
        answer = httpx.get(url, timeout=TIMEOUT).raise_for_status()
        found = json.loads(answer.text)
    except (httpx.HTTPError, ValueError) as problem:
        raise SignInFailed("The identity provider can't be reached.", f"is {url} right?") from problem
    if not isinstance(found, dict):
        raise SignInFailed("The identity provider says something unexpected.", f"is {url} right?")
    return found


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
