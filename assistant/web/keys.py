"""Keys for programs: each names what it may do, is shown once, and is kept as a digest only.

A key is 192 random bits, so a plain SHA-256 of it is as hard to turn back as the key is to guess; what an argon2 hash
protects are passwords that people think of.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock

from assistant.crm.conversations import now
from assistant.errors import AssistantError
from assistant.files import write_json

SCOPES = {
    "customers": "read customers, their orders and conversations",
    "search": "search the articles and conversations",
    "predictions": "churn, segment, value, recommendations, offers",
    "jobs": "see, start and cancel work in the background",
    "handoffs": "see and answer conversations that wait for a person",
    "feedback": "read ratings and comments",
    "webhooks": "set up addresses that are told of events",
    "metrics": "read figures for monitoring",
}
PREFIX = "crmk_"


@dataclass(frozen=True)
class Key:
    """What is known of a key: everything but the key."""

    id: str
    name: str
    scopes: tuple[str, ...]
    digest: str
    by: str
    at: str
    until: str | None = None
    active: bool = True

    @property
    def alive(self) -> bool:
        return self.active and (self.until is None or self.until > now())


class Keys:
    """The keys of one home folder, in ``keys.json``. Safe to use from several threads."""

    def __init__(self, home: Path) -> None:
        self.path = home / "keys.json"
        self._lock = RLock()
        try:
            rows = json.loads(self.path.read_text())["keys"]
            self._keys = {row["id"]: Key(**{**row, "scopes": tuple(row["scopes"])}) for row in rows}
        except FileNotFoundError:
            self._keys = {}
        except (ValueError, KeyError, TypeError) as problem:
            raise AssistantError(
                f"{self.path} is damaged.", "remove it: programs need new keys then"
            ) from problem

    def all(self) -> list[Key]:
        with self._lock:
            return sorted(self._keys.values(), key=lambda k: k.at)

    def add(self, name: str, scopes: Iterable[str], *, by: str, days: int | None = None) -> tuple[Key, str]:
        """A new key, and the text of it, which is never to be had again."""
        name, wanted = name.strip()[:80], tuple(dict.fromkeys(scopes))
        if not name:
            raise AssistantError("A key needs a name.", "say which program it is for")
        if not wanted or (unknown := set(wanted) - set(SCOPES)):
            raise AssistantError(
                f"There is no scope {', '.join(sorted(unknown))}." if wanted else "A key needs a scope.",
                f"one or more of {', '.join(SCOPES)}",
            )
        id, text = secrets.token_hex(6), secrets.token_urlsafe(24)
        until = (
            (datetime.now() + timedelta(days=days)).isoformat(timespec="seconds")
            if days is not None
            else None
        )
        key = Key(id, name, wanted, _digest(text), by, now(), until)
        with self._lock:
            self._keys[id] = key
            self._save()
        return key, f"{PREFIX}{id}_{text}"

    def revoke(self, id: str) -> None:
        with self._lock:
            if id not in self._keys:
                raise AssistantError(f"There is no key {id}.")
            self._keys[id] = replace(self._keys[id], active=False)
            self._save()

    def key_of(self, text: str) -> Key | None:
        """The key, None for an unknown, revoked or expired one."""
        if not text.startswith(PREFIX):
            return None
        id, _, secret = text.removeprefix(PREFIX).partition("_")
        with self._lock:
            key = self._keys.get(id)
        # the same work for an id that nobody has
        right = hmac.compare_digest(key.digest if key else _digest(""), _digest(secret))
        return key if key is not None and right and key.alive else None

    def _save(self) -> None:
        write_json(self.path, {"keys": [asdict(key) for key in self._keys.values()]})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
