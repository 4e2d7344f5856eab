"""Telling other programs what happened: signed requests to addresses that an administrator names, tried again on failure.

A request is ``POST`` with a JSON body ``{"id", "event", "at", "data"}``; ``data`` holds ids and never what a customer
wrote. ``Crm-Signature: t=SECONDS,v1=MAC`` carries the time of sending and the hexadecimal HMAC-SHA256 of
``SECONDS.BODY`` under the webhook's secret: check both, and refuse what is older than five minutes.
What is not delivered yet is kept on disk and goes on after a restart.
"""

import hashlib
import hmac
import ipaddress
import json
import logging
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Condition, Thread
from typing import Any
from urllib.parse import urlsplit

from assistant.crm.conversations import new_id, now
from assistant.errors import AssistantError
from assistant.files import write_json

log = logging.getLogger(__name__)
EVENTS = {
    "conversation.started": "a customer or visitor began a conversation",
    "handoff.requested": "a conversation waits for a person",
    "turn.rated": "an answer was rated",
    "job.done": "work in the background ended",
}
WAITS = (10.0, 60.0, 300.0, 1800.0, 7200.0)  # seconds before each further try
TIMEOUT = 10.0
KEPT = 200
TOLERANCE = 300


@dataclass(frozen=True)
class Webhook:
    """An address, the events it is told of, and the secret its requests are signed with."""

    id: str
    url: str
    events: tuple[str, ...]
    secret: str
    by: str
    at: str
    active: bool = True


@dataclass
class Delivery:
    """One event on its way to one address. ``due`` is unix seconds of the next try."""

    id: str
    webhook: str
    event: str
    body: str
    at: str = field(default_factory=now)
    tries: int = 0
    due: float = 0.0
    state: str = "waiting"  # waiting | delivered | given up
    result: str = ""


def signature(secret: str, body: bytes, at: int) -> str:
    """The value of ``Crm-Signature``."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


def verify(secret: str, body: bytes, header: str, *, at: float | None = None) -> bool:
    """Whether a request is ours and fresh, as a receiver would check it."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    stamp = parts.get("t", "")
    if not stamp.isdigit() or abs((time.time() if at is None else at) - int(stamp)) > TOLERANCE:
        return False
    return hmac.compare_digest(signature(secret, body, int(stamp)), header)


class Webhooks:
    """The webhooks of one home folder and what is on its way. ``send`` may be given for tests.

    Addresses inside the company's network are reached only where their host is in ``internal``: whoever may set up a
    webhook must not learn by it what answers there.
    ``send(url, body, headers)`` returns the status of the answer; raises OSError or the like where there is none.
    """

    def __init__(
        self,
        home: Path,
        *,
        send: Callable[[str, bytes, dict[str, str]], int] | None = None,
        waits: tuple[float, ...] = WAITS,
        internal: Sequence[str] = (),
    ) -> None:
        self.folder = home / "webhooks"
        self.waits = waits
        self._send = send or (lambda url, body, headers: _post(url, body, headers, internal))
        self._changed = Condition()
        self._closed = False
        self._thread: Thread | None = None
        self._hooks: dict[str, Webhook] = {}
        self._deliveries: dict[str, Delivery] = {}
        try:
            rows = json.loads((self.folder / "webhooks.json").read_text())["webhooks"]
            self._hooks = {r["id"]: Webhook(**{**r, "events": tuple(r["events"])}) for r in rows}
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError) as problem:
            raise AssistantError(
                f"{self.folder / 'webhooks.json'} is damaged.", "remove it and set the webhooks up again"
            ) from problem
        for path in self.folder.glob("DL-*.json"):
            try:
                kept = Delivery(**json.loads(path.read_text()))
            except (ValueError, TypeError):
                continue
            self._deliveries[kept.id] = kept
        if any(d.state == "waiting" for d in self._deliveries.values()):
            self._begin()

    # -- setting up -------------------------------------------------------------------------------------------------

    def all(self) -> list[Webhook]:
        with self._changed:
            return sorted(self._hooks.values(), key=lambda h: h.at)

    def add(self, url: str, events: Iterable[str], *, by: str) -> Webhook:
        """A new webhook with a secret of its own."""
        parts, wanted = urlsplit(url.strip()), tuple(dict.fromkeys(events))
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise AssistantError(f"{url!r} is no address to post to.", "https://HOST/PATH")
        if not wanted or set(wanted) - set(EVENTS):
            raise AssistantError("Name the events.", f"one or more of {', '.join(EVENTS)}")
        hook = Webhook(new_id("WH"), url.strip(), wanted, secrets.token_urlsafe(32), by, now())
        with self._changed:
            self._hooks[hook.id] = hook
            self._save()
        return hook

    def remove(self, id: str) -> None:
        with self._changed:
            if self._hooks.pop(id, None) is None:
                raise AssistantError(f"There is no webhook {id}.")
            for delivery in [d for d in self._deliveries.values() if d.webhook == id]:
                self._forget(delivery)
            self._save()

    def deliveries(self, webhook: str | None = None) -> list[Delivery]:
        """Newest first."""
        with self._changed:
            rows = [replace(d) for d in self._deliveries.values() if webhook in (None, d.webhook)]
        return sorted(rows, key=lambda d: d.at, reverse=True)

    # -- sending ----------------------------------------------------------------------------------------------------

    def tell(self, event: str, data: dict[str, Any]) -> None:
        """Have every webhook told that wants this event. Returns at once."""
        with self._changed:
            for hook in self._hooks.values():
                if event in hook.events and hook.active and not self._closed:
                    id = new_id("DL")
                    body = json.dumps({"id": id, "event": event, "at": now(), "data": data})
                    self._keep(Delivery(id, hook.id, event, body, due=time.time()))
                    self._begin()
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(2 * TIMEOUT)

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._work, name="webhooks", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                due = min(
                    (d for d in self._deliveries.values() if d.state == "waiting"),
                    key=lambda d: d.due,
                    default=None,
                )
                if self._closed:
                    return
                wait = None if due is None else due.due - time.time()
                if due is None or (wait or 0) > 0:
                    self._changed.wait(wait)
                    continue
                hook = self._hooks.get(due.webhook)
            self._try(due, hook)

    def _try(self, delivery: Delivery, hook: Webhook | None) -> None:
        delivered, result = False, "the webhook is gone"
        if hook is not None:
            body, at = delivery.body.encode(), int(time.time())
            headers = {
                "content-type": "application/json",
                "crm-event": delivery.event,
                "crm-delivery": delivery.id,
                "crm-signature": signature(hook.secret, body, at),
            }
            try:
                status = self._send(hook.url, body, headers)
                delivered, result = 200 <= status < 300, f"HTTP {status}"
            except Exception as error:  # whatever goes wrong there, the next delivery has to be tried
                result = (
                    str(error) if isinstance(error, AssistantError) else f"{type(error).__name__}: {error}"
                )[:200]
        with self._changed:
            if delivery.id not in self._deliveries:
                return  # its webhook was removed meanwhile
            delivery.tries += 1
            delivery.result = result
            if delivered:
                delivery.state = "delivered"
            elif hook is None or delivery.tries > len(self.waits):
                delivery.state = "given up"
                log.warning("a webhook was given up after %d tries: %s", delivery.tries, result)
            else:
                delivery.due = time.time() + self.waits[delivery.tries - 1]
            self._keep(delivery)

    def _keep(self, delivery: Delivery) -> None:
        self._deliveries[delivery.id] = delivery
        write_json(self.folder / f"{delivery.id}.json", asdict(delivery))
        over = len(self._deliveries) - KEPT
        if over > 0:
            ended = sorted((d for d in self._deliveries.values() if d.state != "waiting"), key=lambda d: d.at)
            for old in ended[:over]:
                self._forget(old)

    def _forget(self, delivery: Delivery) -> None:
        self._deliveries.pop(delivery.id, None)
        (self.folder / f"{delivery.id}.json").unlink(missing_ok=True)

    def _save(self) -> None:
        write_json(self.folder / "webhooks.json", {"webhooks": [asdict(h) for h in self._hooks.values()]})


def _post(url: str, body: bytes, headers: dict[str, str], internal: Sequence[str] = ()) -> int:
    """Post to the very address that was checked: a name that is looked up twice may lead elsewhere the second time."""
    import httpx

    asked = httpx.URL(url)
    host = asked.host
    address = (
        host if host in internal else _outside(host, asked.port or (443 if asked.scheme == "https" else 80))
    )
    with httpx.Client(timeout=TIMEOUT, follow_redirects=False) as client:
        return client.post(
            asked.copy_with(host=address), content=body, headers={**headers, "host": asked.netloc.decode()},
            extensions={"sni_hostname": host},
        ).status_code  # fmt: skip


def _outside(host: str, port: int) -> str:
    """An address of a host on the internet. Raises AssistantError where it is, or may be, one of this network."""
    found = [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not found or not all(_is_global(address) for address in found):
        raise AssistantError(
            f"{host} is inside this network.", f"CRM_ASSISTANT_WEBHOOK_HOSTS={host} lets webhooks reach it"
        )
    return found[0]


def _is_global(address: str) -> bool:
    known = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(known, "ipv4_mapped", None)
    return (mapped or known).is_global and not known.is_multicast
