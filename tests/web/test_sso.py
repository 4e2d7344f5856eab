"""Signing in at a small identity provider, and everything it might say that must not be believed."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from pydantic import SecretStr

from assistant.settings import Settings
from assistant.web.access import STAFF_COOKIE, Access

from . import doubles


class Provider:
    """Hands out codes and tokens; ``claims`` and ``key`` may be bent by a test."""

    client, secret = "crm", "client secret"

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"}, auto_kid=False)
        self.published = [self.key]
        self.algorithm = "RS256"
        self.claims: dict[str, Any] = {"email": "ann@corp.example", "email_verified": True}
        self.codes: dict[str, dict[str, str]] = {}
        self.issuer = ""
        self.fetched = 0

    def authorize(self, asked: dict[str, str]) -> str:
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        asked = self.codes.pop(form.get("code", ""), None)
        client = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        if asked is None or client.replace("+", " ").replace("%20", " ") != f"{self.client}:{self.secret}":
            return None
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return None
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "aud": self.client,
            "sub": "1",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        }
        token = jwt.encode(
            {"alg": self.algorithm, "kid": "one"}, said | self.claims, self.key, algorithms=[self.algorithm]
        )
        return {"access_token": "x", "token_type": "Bearer", "id_token": token}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/.well-known/"):
                names = ("authorize", "token", "jwks")
                ends = ("authorization_endpoint", "token_endpoint", "jwks_uri")
                said = {"issuer": made.issuer} | {
                    e: f"{made.issuer}/{n}" for e, n in zip(ends, names, strict=True)
                }
                self.answer(200, said)
            elif self.path == "/jwks":
                made.fetched += 1
                self.answer(200, KeySet(made.published).as_dict(private=False))
            else:
                self.answer(404, {})

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            token = made.token({k: v[0] for k, v in form.items()}, self.headers.get("authorization", ""))
            self.answer(200 if token else 400, token or {"error": "invalid_grant"})

        def answer(self, status: int, said: Any) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        made.issuer = f"http://127.0.0.1:{server.server_port}"
        yield made
        server.shutdown()


@pytest.fixture(scope="module")
def app(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from fastapi import FastAPI

    from assistant.web import sso
    from assistant.web.context import Context
    from assistant.web.guard import Guard

    home = tmp_path_factory.mktemp("home")
    assistant = doubles.ScriptedAssistant(home)
    access = Access(home, hasher=doubles.FAST_HASHER)
    access.add_external("Ann@corp.example", "admin")
    access.add("tom@corp.example", "agent")  # with a password here: the provider's word is not enough
    access.add_external("gone@corp.example", "agent")
    access.shut_out("gone@corp.example")
    settings = Settings(
        home=home, oidc_issuer=provider.issuer, oidc_client_id=provider.client,
        oidc_client_secret=SecretStr(provider.secret),
    )  # fmt: skip
    made = FastAPI()
    context = Context.make(settings, assistant, access)
    made.state.context = context
    sso.add(made, context)
    made.add_middleware(Guard, access=access)
    yield made
    context.close()
    assistant.store.close()


@pytest.fixture
def browser(app: Any, provider: Provider) -> Iterator[Any]:
    from starlette.testclient import TestClient

    claims, key, published, algorithm = (
        dict(provider.claims),
        provider.key,
        provider.published,
        provider.algorithm,
    )
    yield TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    provider.claims, provider.key, provider.published, provider.algorithm = claims, key, published, algorithm


def go(browser: Any, provider: Provider) -> str:
    """To the provider, which sends the browser back to this address."""
    to = browser.get("/sign-in/company")
    assert to.status_code == 303
    asked = {k: v[0] for k, v in parse_qs(urlsplit(to.headers["location"]).query).items()}
    assert asked["client_id"] == provider.client and asked["code_challenge_method"] == "S256"
    return provider.authorize(asked)


def test_somebody_who_was_added_comes_in(app: Any, browser: Any, provider: Provider) -> None:
    answer = browser.get(go(browser, provider))
    assert answer.status_code == 200 and 'content="0;url=/admin"' in answer.text
    assert "SameSite=strict" in answer.headers["set-cookie"]
    person = app.state.context.access.staff({STAFF_COOKIE: browser.cookies[STAFF_COOKIE].strip('"')})
    assert (person.name, person.role) == ("ann@corp.example", "admin")
    log = app.state.context.store.audit_log(limit=1)[0]
    assert (log["actor"], log["action"]) == ("ann@corp.example", "signed in")


@pytest.mark.parametrize(
    "bent",
    [
        {"email": "nobody@corp.example"}, {"email": "tom@corp.example"}, {"email": "gone@corp.example"}, {"email": "admin"},
        {"email": ""}, {"email_verified": False}, {"iss": "http://other.example"}, {"aud": "another"},
        {"aud": ["crm", "another"]}, {"exp": 1}, {"exp": "never"}, {"iat": 4102444800}, {"nonce": "another"},
        {"nonce": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_to_be_believed_opens_nothing(
    browser: Any, provider: Provider, bent: dict[str, Any]
) -> None:
    provider.claims = provider.claims | bent
    answer = browser.get(go(browser, provider))
    assert answer.status_code == 403 and STAFF_COOKIE not in browser.cookies


@pytest.mark.parametrize("how", ["another key", "shared secret", "no signature"])
def test_a_token_that_the_provider_did_not_sign_opens_nothing(
    browser: Any, provider: Provider, how: str
) -> None:
    back = go(browser, provider)
    if how == "another key":
        provider.key = RSAKey.generate_key(2048, {"kid": "one"}, auto_kid=False)
        answer = browser.get(back)
    else:
        public = provider.key.as_pem(private=False)
        real = provider.token

        def forged(form: dict[str, str], authorization: str) -> dict[str, Any] | None:
            token = real(form, authorization)
            assert token is not None
            _head, body, _ = token["id_token"].split(".")
            claims = json.loads(base64.urlsafe_b64decode(body + "=="))
            if how == "shared secret":
                said = jwt.encode(
                    {"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(public), algorithms=["HS256"]
                )
            else:
                none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
                said = f"{none}.{body}."
            return token | {"id_token": said}

        provider.token = forged  # type: ignore[method-assign]
        try:
            answer = browser.get(back)
        finally:
            del provider.token
    assert answer.status_code == 403 and STAFF_COOKIE not in browser.cookies


def test_changed_keys_are_fetched_anew(browser: Any, provider: Provider) -> None:
    browser.get(go(browser, provider))
    before = provider.fetched
    provider.key = RSAKey.generate_key(2048, {"kid": "one"}, auto_kid=False)
    provider.published = [provider.key]
    assert browser.get(go(browser, provider)).status_code == 200 and provider.fetched == before + 1


def test_a_return_that_was_not_begun_here_opens_nothing(app: Any, browser: Any, provider: Provider) -> None:
    from starlette.testclient import TestClient

    back = go(browser, provider)
    other = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    assert other.get(back).status_code == 403  # somebody is sent into another's account
    assert browser.get(back.replace("state=", "state=x")).status_code == 403
    assert browser.get("/sign-in/back?error=access_denied").status_code == 403
    assert browser.get("/sign-in/back?code=made-up&state=x").status_code == 403
    good = browser.get(back)
    assert good.status_code == 200
    assert browser.get(back).status_code == 403  # a code and its sign-in are good once


def test_a_provider_that_is_not_there_is_told(app: Any, tmp_path: Any) -> None:
    from assistant.web.sso import Attempt, Issuer, SignInFailed

    with pytest.raises(SignInFailed, match="can't be reached"):
        Issuer(Settings(home=tmp_path, oidc_issuer="http://127.0.0.1:9")).begin(
            Attempt.new(), "http://x/back"
        )
