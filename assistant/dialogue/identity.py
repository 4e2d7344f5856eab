"""A visitor proves to be a customer by a one-time code sent to the e-mail address on record.

Where the policy allows it, facts that only the customer is taken to know will do instead (``known_by``).
Nothing said or returned for a code depends on whether an account exists. Codes have six digits, hold for ten minutes, may be
tried five times, and are kept as keyed hashes (HMAC-SHA256, NIST SP 800-63B calls this an out-of-band authenticator).
"""

import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from assistant.dialogue import mail
from assistant.dialogue.addresses import address_of
from assistant.settings import Settings

CODE_SECONDS = 600
WINDOW_SECONDS, MOST_CODES = 900, 3  # per conversation, and per address
DAY_SECONDS, MOST_A_DAY = 86_400, 10
MOST_TRIES = 5
PROVED_SECONDS = 12 * 3600  # how long a proof holds in its conversation

_EMAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_ADDRESS = re.compile(
    rf"\W*(?:(?:please )?(?:sign|log) me in(?: as| with| using)?|(?:my|the) e-?mail(?: address)?(?: is)?|(?:it's|it is|i am|i'm)|"
    rf"(?:请)?(?:用|登录)?(?:我的)?(?:电子)?邮箱(?:地址)?(?:是|为)?|登录)?\s*[:：]?\s*({_EMAIL})(?:\s*(?:登录|please))?[\s.!。！]*",
    re.I,
)
_CODE = re.compile(
    r"\W*(?:(?:the |my )?code(?: is)?|验证码(?:是|为)?)?\s*[:：]?\s*(\d{3})[ -]?(\d{3})[\s.!。！]*", re.I
)


def read_email(message: str) -> str | None:
    """The address, when a message is nothing but an e-mail address or asks to be signed in with one."""
    match = _ADDRESS.fullmatch(message.strip())
    return match[1].lower().rstrip(".") if match else None


def read_code(message: str) -> str | None:
    """The code, when a message is nothing but one."""
    match = _CODE.fullmatch(message.strip())
    return match[1] + match[2] if match else None


def request_code(
    store: Any,
    settings: Settings,
    email: str,
    conversation: str,
    *,
    language: str = "en",
    at: float | None = None,
) -> Literal["sent", "wait"]:
    """Send a code to ``email`` if exactly one customer has it; "sent" whether or not there is one.

    "wait" when this conversation or this address has asked too often, again whether or not there is an account.
    """
    at = time.time() if at is None else at
    address = _keyed(settings, f"address {email.strip().lower()}")
    if (
        store.count_codes(since=at - WINDOW_SECONDS, conversation_id=conversation, address=address)
        >= MOST_CODES
    ):
        return "wait"
    if store.count_codes(since=at - DAY_SECONDS, address=address) >= MOST_A_DAY:
        return "wait"
    owners = [
        c
        for c in store.find_customers(email.strip())
        if (c.get("email") or "").lower() == email.strip().lower()
    ]
    code = f"{secrets.randbelow(10**6):06d}"
    hashed = _keyed(settings, f"code {conversation} {code}")
    known = len(owners) == 1
    store.add_code(
        conversation, address, owners[0]["id"] if known else None, hashed if known else None, at=at
    )
    if known:
        company = settings.company_name or store.meta("company_name", "")
        minutes = CODE_SECONDS // 60
        if language == "zh":
            subject = f"{company} 验证码：{code}"
            text = f"您的验证码是 {code}，{minutes}分钟内有效。\n\n如果不是您本人操作，请忽略此邮件，不要把验证码告诉任何人。\n"
        else:
            subject = f"{company}: your code is {code}"
            text = f"Your code is {code}. It holds for {minutes} minutes.\n\nIf you didn't ask for it, ignore this message, and tell the code to nobody.\n"
        mail.send(settings, owners[0]["email"], subject, text)
    return "sent"


def prove(
    store: Any, settings: Settings, conversation: str, code: str, *, at: float | None = None
) -> str | None:
    """The customer who has proved to be in this conversation, or None for a wrong, late, used or unknown code."""
    at = time.time() if at is None else at
    digits = re.sub(r"\D", "", code)
    hashed = _keyed(settings, f"code {conversation} {digits}")
    customer: str | None = store.try_code(
        conversation, hashed, since=at - CODE_SECONDS, most=MOST_TRIES, at=at
    )
    if customer is not None:
        store.audit(customer, "customer", "sign_in_by_code", customer, {"conversation": conversation})
    return customer


def known_by(
    store: Any,
    settings: Settings,
    by: Collection[str],
    message: str,
    conversation: str,
    *,
    at: float | None = None,
) -> str | Literal["nobody", "wait"] | None:
    """The customer whom the facts in a message fit, where the policy takes facts for a proof (``by``: email,
    name_and_postcode, id_and_postcode).

    None when the message tells no such facts, "nobody" when they fit no account or several, "wait" after too many
    misses, in one conversation or about one name.
    """
    at = time.time() if at is None else at
    told = _facts(store, by, message)
    if told is None:
        return None
    about, found = told
    address = _keyed(settings, f"facts {about}")
    misses = store.count_codes(since=at - WINDOW_SECONDS, conversation_id=conversation, address=address)
    if misses >= MOST_TRIES:
        return "wait"
    if len(found) == 1:
        customer = found[0]
        store.audit(customer, "customer", "sign_in_by_facts", customer, {"conversation": conversation})
        return customer
    store.add_code(conversation, address, None, None, at=at)
    return "nobody"


def _facts(store: Any, by: Collection[str], message: str) -> tuple[str, list[str]] | None:
    """What a message tells about who writes it, and the customers that all of it fits."""
    emails = [e.lower().rstrip(".") for e in re.findall(_EMAIL, message)]
    if "email" in by and emails:
        owners = [c["id"] for e in emails for c in store.find_customers(e) if (c["email"] or "").lower() == e]
        if owners or len(by) == 1:
            return emails[0], list(dict.fromkeys(owners))
    codes = set(re.findall(r"\b(?:\d{4,6}|\d{4} ?[A-Z]{2}|[A-Z]\d[\dA-Z]? ?\d[A-Z]{2})\b", message))
    if not codes:
        return (emails[0], []) if "email" in by and emails else None
    names: list[str] = []
    if "name_and_postcode" in by:
        for run in re.findall(r"[A-ZÀ-Þ][\w'’-]+(?: [A-ZÀ-Þ][\w'’-]+)+", message):
            words = run.split()
            names += [" ".join(words[i : i + n]) for n in (2, 3) for i in range(len(words) - n + 1)]
    if "id_and_postcode" in by:
        names += re.findall(r"\b\w*\d\w*\b", message)
    if not names:
        return (emails[0], []) if "email" in by and emails else None
    found = [
        c["id"]
        for name in dict.fromkeys(names)
        for c in store.find_customers(name)
        if address_of(c).postcode.replace(" ", "") in {code.replace(" ", "") for code in codes}
        and (c["email"] or "").lower() != name.lower()
    ]
    return f"{names[0]} {min(codes)}", list(dict.fromkeys(found))


def waits_for_code(store: Any, conversation: str, *, at: float | None = None) -> bool:
    """Whether a code was asked for in this conversation that may still be typed in."""
    last = store.last_code(conversation)
    return last is not None and last["used_at"] is None and (at or time.time()) - last["at"] <= WINDOW_SECONDS


def _keyed(settings: Settings, text: str) -> str:
    return hmac.new(_key(settings.home_dir / "identity.key"), text.encode(), hashlib.sha256).hexdigest()


def _key(path: Path) -> bytes:
    """The home folder's own key, made on first use, readable by its owner only."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process was quicker
            return path.read_bytes()
        with os.fdopen(file, "wb") as out:
            out.write(secrets.token_bytes(32))
        return path.read_bytes()
