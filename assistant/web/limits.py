"""How often one address may ask: a bucket of tokens for each, refilled evenly (the token bucket of RFC 2697's kind).

Questions cost the model's time, so each address has few of them; everything else that the customers' pages send costs
little, and a page that looks for news every three seconds must never run dry.
"""

import ipaddress
import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from assistant.errors import AssistantError

OTHERS = 40  # so many other requests may come for each question
MAILS_A_MINUTE, MAILS_AT_ONCE = 0.05, 3
MOST_KEPT = 20_000  # buckets; the one that was not used for longest goes first
_QUESTION = re.compile(r"/v1/chat")
_OTHER = re.compile(
    r"/v1/(conversations|turns)(/.*)?|(/zh)?/customer/?(gradio_api/queue/join)?|/session/.*|/sign-in(/.*)?|/password|/source|/widget|/shop(/token)?"
)


class TooOften(AssistantError):
    """Somebody asks more than is allowed; ``seconds`` until there is room again."""

    def __init__(self, message: str, seconds: float) -> None:
        self.seconds = math.ceil(seconds)
        super().__init__(message, f"try again in {self.seconds} s")


class Limits:
    """``questions`` says how many an address may ask in a minute now, 0 for any number. Safe to use from several threads."""

    def __init__(
        self, questions: Callable[[], float], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._questions, self._clock = questions, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def request(self, method: str, path: str, address: str) -> None:
        """Count a request, before anything is done for it. Raises TooOften."""
        if method == "POST" and _QUESTION.fullmatch(path):
            self.question(address)
        elif _OTHER.fullmatch(path):
            self._take(f"other {network(address)}", OTHERS * self._questions(), "Too many requests.")

    def question(self, address: str) -> None:
        """Count a question to the assistant. Raises TooOften."""
        self._take(f"question {network(address)}", self._questions(), "Too many questions.")

    def mail(self, customer: str) -> None:
        """Count an e-mail to a customer that somebody on the pages asked for. Raises TooOften."""
        self._take(f"mail {customer}", MAILS_A_MINUTE, "Too many e-mails.", MAILS_AT_ONCE)

    def _take(self, key: str, a_minute: float, said: str, at_once: float | None = None) -> None:
        if a_minute <= 0:
            return
        now, most = self._clock(), at_once or max(1.0, a_minute)
        with self._lock:
            left, at = self._buckets.pop(key, (most, now))
            left = min(most, left + (now - at) * a_minute / 60)
            self._buckets[key] = (left - 1 if left >= 1 else left, now)
            if len(self._buckets) > MOST_KEPT:
                self._buckets.popitem(last=False)
        if left < 1:
            raise TooOften(said, (1 - left) * 60 / a_minute)


def network(address: str) -> str:
    """Whom an address belongs to: itself, or for IPv6 the 64 bits that one household has."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return str(ipaddress.ip_network((int(known) >> 64 << 64, 64)))
    return str(known)
