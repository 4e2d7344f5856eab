"""Setting up, serving and talking: ``demo``, ``serve``, ``ask``, ``chat``, ``eval``, ``doctor``."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from assistant.cli import base
from assistant.errors import AssistantError
from assistant.settings import Settings, get_settings


@base.main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the web pages. [default: 7860]")
@click.option("--host", help="Address to listen on. [default: 127.0.0.1, this machine only]")
@click.option("--no-serve", is_flag=True, help="Set everything up, then stop.")
@click.option("--seed", default=7, show_default=True, help="Seed of the demo company.")
@base.json_option
def demo(port: int | None, host: str | None, no_serve: bool, seed: int, as_json: bool) -> None:
    """Set everything up on a demo company and serve the three web pages."""
    from assistant.setup import set_up_demo

    settings = get_settings()
    with base.progress_bars() as progress:
        report = set_up_demo(settings, seed=seed, progress=progress)
    if as_json:
        base.print_json(report)
    else:
        for line in report.lines():
            click.echo(line, err=True)
    if not no_serve:
        _serve(settings, host, port)


@base.main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the web pages. [default: 7860]")
@click.option("--host", help="Address to listen on. [default: 127.0.0.1, this machine only]")
def serve(port: int | None, host: str | None) -> None:
    """Serve the web pages and the API."""
    settings = get_settings()
    base.open_store(settings).close()
    _serve(settings, host, port)


def _serve(settings: Settings, host: str | None, port: int | None) -> None:
    from assistant.web import serve as serve_pages

    serve_pages(settings, host=host or settings.host, port=port or settings.port)


@base.main.command()
@click.argument("message", required=False, type=base.TEXT)
@click.option(
    "--role", type=click.Choice(["agent", "customer", "visitor"]), default="agent", show_default=True
)
@click.option(
    "--customer", help="Customer id: who is signed in (customer), or whose account is open (agent)."
)
@click.option("--batch", type=click.Path(path_type=Path, dir_okay=False), help="Questions as JSON lines.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where answers to --batch go.")
@base.json_option
def ask(
    message: str | None, role: str, customer: str | None, batch: Path | None, out: Path | None, as_json: bool
) -> None:
    """Ask one question, or a file of them with --batch IN.jsonl --out OUT.jsonl."""
    from assistant.dialogue import Session

    settings = get_settings()
    if batch is not None:
        base.batch_usage(message, batch, out)
        assistant = base.open_assistant(settings)

        def answer(line: dict[str, Any]) -> dict[str, Any]:
            session = Session(line.get("role", role), line.get("customer"), "batch")
            _check_customer(assistant.store, session)
            turn = assistant.ask(str(line["message"]), session=session, history=line.get("history") or ())
            return dict(turn.as_dict())

        base.run_batch(batch, out, answer, need="message")
        return
    if message is None:
        raise click.UsageError("say what to ask, or give --batch FILE")
    if not message.strip():
        raise AssistantError("The message is empty.", 'type a question: crm-assistant ask "..."')
    assistant = base.open_assistant(settings)
    session = Session(role, customer, "console")
    _check_customer(assistant.store, session)
    turn = assistant.ask(message, session=session)
    if as_json:
        base.print_json(turn)
    else:
        _print_turn(turn)


def _check_customer(store: Any, session: Any) -> None:
    from assistant.dialogue.phrases import unknown_customer

    if session.customer and store.customer(session.customer) is None:
        raise unknown_customer(session.customer, store.closest_customers(session.customer))
    if session.role == "customer" and not session.customer:
        raise AssistantError("A customer has to be signed in.", "add --customer ID")


def _print_turn(turn: Any) -> None:
    click.echo(turn.answer)
    if turn.citations:
        click.echo()
        for c in turn.citations:
            text = " ".join(c.text.split())
            click.echo(
                click.style(f"[{c.n}] {c.source}: {text[:160]}{'...' if len(text) > 160 else ''}", dim=True)
            )


@base.main.command()
@click.option(
    "--role", type=click.Choice(["agent", "customer", "visitor"]), default="agent", show_default=True
)
@click.option(
    "--customer", help="Customer id: who is signed in (customer), or whose account is open (agent)."
)
def chat(role: str, customer: str | None) -> None:
    """Talk, with answers that appear while they are written. Ctrl-C stops an answer, Ctrl-D ends."""
    from assistant.dialogue import Session
    from assistant.dialogue.events import Answered, HandedOff, Sentence, ToolCalled

    settings = get_settings()
    assistant = base.open_assistant(settings)
    session = Session(role, customer, "console")
    _check_customer(assistant.store, session)
    click.echo(click.style(f"{assistant.company}. Ctrl-C stops an answer, Ctrl-D ends.", dim=True))
    conversation = assistant.store.start_conversation(role, customer)
    while True:
        try:
            message = base.whole_characters(input("> ")).strip()
        except (EOFError, KeyboardInterrupt):
            click.echo()
            return
        if not message:
            continue
        events = assistant.turn(message, session=session, conversation_id=conversation)
        try:
            for event in events:
                if isinstance(event, ToolCalled):
                    click.echo(click.style(f"  {event.name} ...", dim=True))
                elif isinstance(event, Sentence):
                    click.echo(event.text + " ", nl=False)
                elif isinstance(event, HandedOff):
                    click.echo(event.message, nl=False)
                elif isinstance(event, Answered):
                    click.echo()
                    for c in event.citations:
                        click.echo(click.style(f"  [{c.n}] {c.source}", dim=True))
            click.echo()
        except KeyboardInterrupt:
            events.close()
            click.echo(click.style(" (stopped)", dim=True))
        except AssistantError as error:
            click.echo(str(error), err=True)


@base.main.command("eval")
@click.option(
    "--cases",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Your own cases (JSON lines) or scenarios (YAML or JSON lines).",
)
@click.option("--only", help="Only cases whose id or group contains this.")
@click.option("--limit", type=click.IntRange(1), help="At most so many cases.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write every answer and verdict here."
)
@base.json_option
def eval_(cases: Path | None, only: str | None, limit: int | None, out: Path | None, as_json: bool) -> None:
    """Score the assistant on cases with known answers: right source, right fact, invented numbers."""
    from assistant.dialogue.evaluate import evaluate
    from assistant.dialogue.scenarios import is_scenario_file, read_scenarios, run_scenarios

    settings = get_settings()
    if cases is not None and is_scenario_file(cases):
        chosen = [s for s in read_scenarios(cases) if not only or only in s.id][:limit]
        if not chosen:
            raise AssistantError("There are no such scenarios.", "leave --only and --limit away")
        with base.progress_bars() as progress:
            played = run_scenarios(base.open_assistant(settings), chosen, out=out, progress=progress)
        if as_json:
            base.print_json(played)
        else:
            for line in played.lines():
                click.echo(line)
        return
    with base.progress_bars() as progress:
        report = evaluate(
            base.open_assistant(settings), cases=cases, only=only, limit=limit, out=out, progress=progress
        )
    if as_json:
        base.print_json(report)
    else:
        for line in report.lines():
            click.echo(line)


@base.main.command()
@base.json_option
def doctor(as_json: bool) -> None:
    """What is there, what is missing, and what to type."""
    from assistant.setup import diagnose

    findings = diagnose(get_settings())
    if as_json:
        base.print_json([asdict(f) for f in findings])
    else:
        width = max(len(f.what) for f in findings)
        for f in findings:
            mark = click.style("ok     ", fg="green") if f.ok else click.style("missing", fg="yellow")
            click.echo(
                f"{mark}  {f.what:{width}}  {f.found}" + (f"  -> {f.hint}" if f.hint and not f.ok else "")
            )
    sys.exit(0 if all(f.ok for f in findings if f.needed) else 1)
