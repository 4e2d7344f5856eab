"""Serving the application with uvicorn: addresses printed, a taken port told plainly, Ctrl-C ends it cleanly."""

import logging
import socket
from threading import Thread
from typing import Any

from assistant.errors import AssistantError
from assistant.settings import Settings

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(settings: Settings, *, host: str, port: int) -> None:
    """Serve the pages and the API until Ctrl-C. Raises AssistantError when the port can't be had."""
    import click
    import uvicorn

    from assistant.web.app import create_app

    listening = _listen(host, port)
    try:
        local = host in _LOOPBACK
        app = create_app(settings, local=local)
        shown = "127.0.0.1" if local or host in ("0.0.0.0", "::") else host
        base = f"http://{shown}:{port}"
        context = app.state.context
        click.echo(f"\n{context.company}: the assistant is ready (Ctrl-C stops it)")
        click.echo(f"  customers       {base}/customer   (中文: {base}/zh/customer)")
        click.echo(f"  agents          {base}/agent")
        click.echo(f"  administration  {base}/admin")
        click.echo(f"  API             {base}/v1/docs")
        if context.access.first_password:
            click.echo(
                f"\n  Agents and administrators sign in. Name: admin   one-time password: {context.access.first_password}"
                f"\n  (shown only now; if it is lost, remove {context.access.path} and start again)"
            )
        if not local:
            click.echo(
                f"\n  warning: {host} can be reached from other machines, and the connection is not encrypted:"
                " put a proxy with TLS in front of it"
            )
        click.echo("")
        Thread(target=context.warm_up, name="warm up", daemon=True).start()
        logging.getLogger("httpx").setLevel(logging.WARNING)
        uvicorn.Server(configured(app, settings)).run(sockets=[listening])
    finally:
        listening.close()


def configured(app: Any, settings: Settings) -> Any:
    """How uvicorn serves: what a request says of its own address is believed of the named proxies only."""
    import uvicorn

    trusted = settings.trusted_proxies
    return uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=3, server_header=False, proxy_headers=bool(trusted),
        forwarded_allow_ips=trusted or [],
    )  # fmt: skip


def _listen(host: str, port: int) -> socket.socket:
    """A socket on this address, so that a taken port is known before anything heavy is loaded."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(128)
    except (OSError, OverflowError) as error:
        found.close()
        raise AssistantError(
            f"Can't listen on {host}:{port}: {_why(error)}.", f"--port {port + 1 if port < 65535 else 7861}"
        ) from error
    return found


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
