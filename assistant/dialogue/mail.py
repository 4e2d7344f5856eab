"""Sending e-mail: over SMTP when a server is set, else as files in the home folder's ``outbox/``."""

import logging
import smtplib
import time
import uuid
from email.message import EmailMessage
from email.utils import formatdate
from threading import Thread

from assistant.files import write_atomic
from assistant.settings import Settings

log = logging.getLogger(__name__)
SMTP_SECONDS = 20


def send(settings: Settings, to: str, subject: str, text: str) -> None:
    """Send a message. Over SMTP it goes in the background, so that nobody can tell by the time it takes whether an
    address exists; a failure is logged without the address.
    """
    message = EmailMessage()
    message["From"] = settings.mail_from
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = formatdate(localtime=True)
    message.set_content(text)
    if not settings.smtp_host:
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:8]}.eml"
        write_atomic(settings.home_dir / "outbox" / name, bytes(message))
        return
    Thread(target=_deliver, args=(settings, message), daemon=True).start()


def _deliver(settings: Settings, message: EmailMessage) -> None:
    try:
        with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=SMTP_SECONDS) as server:
            if settings.smtp_tls:
                server.starttls()
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as problem:
        log.error("An e-mail could not be sent over %s: %s", settings.smtp_host, type(problem).__name__)
