"""Who may come in: people of the company with passwords, customers with signed tokens, and everybody's signed cookie.

People and secrets are kept in ``access.json`` in the home folder, readable by its owner only. Passwords are kept as
argon2id hashes. A cookie carries a name and a number that changes with the password, signed; what somebody may do is
looked up on every request, so that taking a role away works at once.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import RLock
from typing import Any, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from filelock import FileLock
from itsdangerous import BadSignature, URLSafeTimedSerializer

from assistant.errors import AssistantError
from assistant.evidence import Role
from assistant.files import write_json

StaffRole = Literal["agent", "admin"]
STAFF_COOKIE = "crm_staff"
VISITOR_COOKIE = "crm_visitor"
STAFF_HOURS = 12
VISITOR_DAYS = 30
SHORTEST_PASSWORD = 10
TRIES, LOCKED_SECONDS = 5, 300
_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-@+")


@dataclass(frozen=True)
class Person:
    """Somebody who works for the company. ``epoch`` counts password changes; a cookie of an older one is void.

    ``external``: signs in with an account of the company's identity provider and has no password here.
    """

    name: str
    role: StaffRole
    password: str
    epoch: int = 1
    must_change: bool = False
    active: bool = True
    external: bool = False


@dataclass(frozen=True)
class Visitor:
    """A browser in front of the customer page: its conversation, and the customer it was signed in as, if any."""

    conversation: str
    customer: str | None = None

    @property
    def role(self) -> Role:
        return "customer" if self.customer else "visitor"


class Access:
    """People, secrets and the signing of cookies and tokens. Safe to use from several threads.

    ``first_password`` is the one-time password of the administrator that this call has created, else None.
    """

    def __init__(self, home: Path, *, hasher: PasswordHasher | None = None) -> None:
        self.path = home / "access.json"
        self.first_password: str | None = None
        self._hasher = hasher or PasswordHasher()
        self._lock = RLock()
        self._failures: dict[str, list[float]] = {}
        self._ended: dict[
            str, float
        ] = {}  # digests of cookies that were signed out, and when they end anyway
        home.mkdir(parents=True, exist_ok=True)
        # two programs that start at once must not each make an administrator
        with FileLock(self.path.with_suffix(".lock"), timeout=30):
            self._load()
            if not self._people:
                self.first_password = self.add("admin", "admin")
        self._nobody = self._hasher.hash(secrets.token_hex(8))
        self._signer = URLSafeTimedSerializer(self._secret, salt="crm-assistant", signer_kwargs=_SHA256)

    def _load(self) -> None:
        try:
            data = json.loads(self.path.read_text())
            self._secret, self._site_secret = str(data["secret"]), str(data["site_secret"])
            self._people = {p["name"]: Person(**p) for p in data["people"]}
            self._ended = {str(k): float(v) for k, v in data.get("ended", {}).items()}
        except FileNotFoundError:
            self._secret, self._site_secret = secrets.token_hex(32), secrets.token_hex(32)
            self._people = {}
        except (ValueError, KeyError, TypeError) as problem:
            raise AssistantError(
                f"{self.path} is damaged.", "remove it: the next start makes a new administrator"
            ) from problem

    def _save(self) -> None:
        write_json(
            self.path,
            {
                "secret": self._secret,
                "site_secret": self._site_secret,
                "people": [asdict(p) for p in self._people.values()],
                "ended": self._ended,
            },
        )

    # -- people ---------------------------------------------------------------------------------------------------

    def people(self) -> list[Person]:
        with self._lock:
            return sorted(self._people.values(), key=lambda p: p.name)

    def add(self, name: str, role: StaffRole) -> str:
        """A new person; returns the one-time password, which has to be changed at the first sign-in."""
        name = name.strip().lower()
        if not name or len(name) > 40 or not set(name) <= _NAME_LETTERS:
            raise AssistantError(f"{name!r} can't be a name.", "letters, digits, dots and dashes, at most 40")
        if role not in ("agent", "admin"):
            raise AssistantError(f"There is no role {role!r}.", "agent or admin")
        with self._lock:
            if name in self._people:
                raise AssistantError(f"There is somebody called {name} already.", "choose another name")
            password = secrets.token_urlsafe(12)
            self._people[name] = Person(name, role, self._hasher.hash(password), must_change=True)
            self._save()
        return password

    def add_external(self, name: str, role: StaffRole) -> Person:
        """A new person who signs in at the company's identity provider under this name, e.g. an e-mail address."""
        with self._lock:
            self.add(name, role)  # the password that this makes is told to nobody
            name = name.strip().lower()
            person = replace(self._people[name], must_change=False, external=True)
            self._people[name] = person
            self._save()
        return person

    def reset(self, name: str) -> str:
        """A new one-time password; whoever is signed in under this name is signed out."""
        password = secrets.token_urlsafe(12)
        with self._lock:
            person = self._person(name)
            if person.external:
                raise AssistantError(f"{name} has no password here.", "the identity provider keeps it")
            changed = replace(person, password=self._hasher.hash(password), must_change=True, active=True)
            self._people[name] = replace(changed, epoch=person.epoch + 1)
            self._save()
        return password

    def shut_out(self, name: str) -> None:
        """Nobody can sign in under this name any more, and who is signed in is out. The last administrator stays."""
        with self._lock:
            person = self._person(name)
            others = [p for p in self._people.values() if p.role == "admin" and p.active and p.name != name]
            if person.role == "admin" and not others:
                raise AssistantError(f"{name} is the last administrator.", "add another one first")
            self._people[name] = replace(person, active=False, epoch=person.epoch + 1)
            self._save()

    def change_password(self, name: str, old: str, new: str) -> Person:
        """Set a password of one's own. Raises AssistantError when the old one is wrong or the new one too weak."""
        keys = [f"change:{name}"]  # whoever found a page open must not guess on
        self._count(keys)
        with self._lock:
            person = self._person(name)
            if not self._right(person, old):
                raise AssistantError("The present password is not right.", "try again")
            self._forgive(keys)
            if len(new) < SHORTEST_PASSWORD or new == old or name in new.lower():
                raise AssistantError(
                    "This password is too easy.",
                    f"at least {SHORTEST_PASSWORD} characters, without your name, and not the old one",
                )
            changed = replace(
                person, password=self._hasher.hash(new), must_change=False, epoch=person.epoch + 1
            )
            self._people[name] = changed
            self._save()
            return changed

    def sign_in(self, name: str, password: str, *, address: str = "") -> Person:
        """The person, or AssistantError in the same words for a wrong name and a wrong password.

        After ``TRIES`` failures the name and the address are locked for ``LOCKED_SECONDS``.
        """
        name = name.strip().lower()
        keys = [f"name:{name}", *([f"from:{address}"] if address else [])]
        self._count(keys)
        with self._lock:
            person = self._people.get(name)
        known = person is not None and person.active
        # the same work for a name that nobody has, so that time does not tell which names exist
        right = self._right(person if known and person else Person("", "agent", self._nobody), password)
        if not (known and person and right):
            raise AssistantError("Name or password is not right.", "try again")
        self._forgive(keys)
        return person

    def _count(self, keys: list[str]) -> None:
        """Count a try before its password is looked at: many at once must not all be looked at before the first has
        failed. Raises AssistantError when there were too many."""
        with self._lock:
            now = time.monotonic()
            for key in keys:
                recent = [t for t in self._failures.get(key, []) if now - t < LOCKED_SECONDS]
                self._failures[key] = recent
                if len(recent) >= TRIES:
                    wait = int(LOCKED_SECONDS - (now - recent[0])) // 60 + 1
                    raise AssistantError("Too many tries.", f"wait {wait} minutes")
            for key in keys:
                self._failures[key].append(now)
            if len(self._failures) > 5000:
                self._failures = {
                    k: v for k, v in self._failures.items() if v and now - v[-1] < LOCKED_SECONDS
                }

    def _forgive(self, keys: list[str]) -> None:
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)

    def _right(self, person: Person, password: str) -> bool:
        try:
            return self._hasher.verify(person.password, password[:1000])
        except (VerificationError, InvalidHashError):
            return False

    def _person(self, name: str) -> Person:
        if name not in self._people:
            raise AssistantError(f"There is nobody called {name}.")
        return self._people[name]

    # -- cookies --------------------------------------------------------------------------------------------------

    def sign_out(self, cookies: Mapping[str, Any]) -> None:
        """Make this cookie void: a copy of it opens nothing any more. Other sign-ins of the same person stay."""
        if self.staff(cookies) is None:
            return
        now = time.time()
        with self._lock:
            self._ended = {digest: until for digest, until in self._ended.items() if until > now}
            self._ended[_digest(cookies[STAFF_COOKIE])] = now + STAFF_HOURS * 3600
            self._save()

    def staff_cookie(self, person: Person) -> str:
        """A new one on every sign-in, so that each can be ended by itself."""
        return str(self._signer.dumps(["staff", person.name, person.epoch, secrets.token_hex(8)]))

    def staff(self, cookies: Mapping[str, Any]) -> Person | None:
        """Who a cookie stands for, None for a missing, forged, expired or void one."""
        cookie = cookies.get(STAFF_COOKIE)
        value = self._opened(cookie, "staff", STAFF_HOURS * 3600, 4)
        if value is None or _digest(cookie) in self._ended:
            return None
        with self._lock:
            person = self._people.get(value[0])
        return person if person and person.active and person.epoch == value[1] else None

    def signed(self, value: list[str]) -> str:
        """A value that ``opened`` knows again as ours."""
        return str(self._signer.dumps(value))

    def opened(self, text: str, seconds: int) -> list[str]:
        """Raises itsdangerous.BadSignature for what is forged or too old."""
        value = self._signer.loads(text, max_age=seconds)
        return value if isinstance(value, list) else []

    def visitor_cookie(self, visitor: Visitor) -> str:
        return str(self._signer.dumps(["visitor", visitor.conversation, visitor.customer]))

    def visitor(self, cookies: Mapping[str, Any]) -> Visitor | None:
        value = self._opened(cookies.get(VISITOR_COOKIE), "visitor", VISITOR_DAYS * 86400)
        return Visitor(value[0], value[1]) if value is not None else None

    def _opened(self, cookie: Any, kind: str, seconds: int, parts: int = 3) -> list[Any] | None:
        if not isinstance(cookie, str):
            return None
        try:
            value = self._signer.loads(cookie, max_age=seconds)
        except BadSignature:
            return None
        return value[1:] if isinstance(value, list) and len(value) == parts and value[0] == kind else None

    # -- tokens that the company's own site signs -------------------------------------------------------------------

    @property
    def site_secret(self) -> str:
        """What the company's site signs with; for administrators to copy."""
        return self._site_secret

    def customer_token(self, customer: str, *, seconds: int = 300) -> str:
        """A token as the company's site would make it; see ``customer_of``."""
        body = _b64(json.dumps({"customer": customer, "exp": int(time.time()) + seconds}).encode())
        return f"{body}.{self._mac(body)}"

    def customer_of(self, token: str) -> str | None:
        """The customer that a token vouches for, None for a forged or expired one.

        A token is ``BODY.MAC``: the base64url JSON object ``{"customer": id, "exp": unix seconds}`` and the
        hexadecimal HMAC-SHA256 of BODY under the site secret.
        """
        body, _, mac = token.partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(body).encode()):
            return None
        try:
            value = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            alive = float(value["exp"]) > time.time()
            return str(value["customer"]) if alive and value["customer"] else None
        except (ValueError, KeyError, TypeError, binascii.Error):
            return None

    def _mac(self, body: str) -> str:
        return hmac.new(self._site_secret.encode(), body.encode(), hashlib.sha256).hexdigest()


def _digest(cookie: Any) -> str:
    return hashlib.sha256(str(cookie).encode()).hexdigest()


_SHA256 = {"digest_method": hashlib.sha256}


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
