"""The command line: ``crm-assistant`` = ``python -m assistant``. Heavy parts are imported inside the commands."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, Literal

import click
from pydantic import ValidationError

from assistant import __version__
from assistant.errors import AssistantError
from assistant.settings import Settings, get_settings

Progress = Callable[[str, int, int | None], None]


class _Group(click.Group):
    """Turns errors into one line plus a hint and exit code 1; Ctrl-C into 130. ``--debug`` shows tracebacks."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except AssistantError as error:
            if ctx.params.get("debug"):
                raise
            _fail(error.message, error.hint)
        except ValidationError as error:
            if ctx.params.get("debug"):
                raise
            first = error.errors()[0]
            name = "_".join(str(part) for part in first["loc"]).upper()
            _fail(
                f"CRM_ASSISTANT_{name}: {first['msg']}", "correct this environment variable or leave it away"
            )
        except KeyboardInterrupt:
            if ctx.params.get("debug"):
                raise
            click.echo("\nStopped. What was finished is kept; the same command goes on from there.", err=True)
            sys.exit(130)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except OSError as error:
            if ctx.params.get("debug"):
                raise
            hint = "free some space or choose another folder: --home" if error.errno == 28 else ""
            _fail(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""), hint)
        return None


def _fail(message: str, hint: str = "") -> None:
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="crm-assistant")
@click.option("--home", type=click.Path(path_type=Path), help="Home folder. [default: ~/.crm-assistant]")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def main(home: Path | None, debug: bool) -> None:
    """A CRM assistant that runs on this machine: your records, your articles, a local language model.

    Start with `crm-assistant demo`.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if home is not None:
        os.environ["CRM_ASSISTANT_HOME"] = str(home)
        get_settings.cache_clear()


def _json_option(command: Any) -> Any:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(_plain(value), ensure_ascii=False, indent=2, default=str))


def _plain(value: Any) -> Any:
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


@contextmanager
def _progress() -> Iterator[Progress]:
    """A progress bar per phase on standard error; plain lines where nobody is watching."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import (
        Progress as Bars,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        seen: dict[str, float] = {}

        def line(phase: str, done: int, total: int | None) -> None:
            now = time.monotonic()
            if phase not in seen or now - seen[phase] > 15 or done == total != seen.get(phase + "!"):
                if phase in seen and done == total:
                    seen[phase + "!"] = float(done)
                seen[phase] = now
                click.echo(f"{phase}: {done}" + (f" of {total}" if total else ""), err=True)

        yield line
        return
    with Bars(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=False,
    ) as bars:
        tasks: dict[str, Any] = {}

        def bar(phase: str, done: int, total: int | None) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=total)
            bars.update(tasks[phase], completed=done, total=total)

        yield bar


def _store(settings: Settings, *, create: bool = False) -> Any:
    from assistant.crm import Store

    if not create and not settings.record_path.exists():
        raise AssistantError(
            f"There is no record in {settings.home_dir}.",
            "crm-assistant demo, or crm-assistant import orders FILE",
        )
    return Store(settings.record_path, create=create)


def _assistant(settings: Settings) -> Any:
    from assistant.dialogue import Assistant

    return Assistant(settings, store=_store(settings))


# -- the main job ---------------------------------------------------------------------------------------------


@main.command()
@click.option("--port", type=int, help="Port of the web pages. [default: 7860]")
@click.option("--host", help="Address to listen on. [default: 127.0.0.1, this machine only]")
@click.option("--no-serve", is_flag=True, help="Set everything up, then stop.")
@click.option("--seed", default=7, show_default=True, help="Seed of the demo company.")
@_json_option
def demo(port: int | None, host: str | None, no_serve: bool, seed: int, as_json: bool) -> None:
    """Set everything up on a demo company and serve the three web pages."""
    from assistant.setup import set_up_demo

    settings = get_settings()
    with _progress() as progress:
        report = set_up_demo(settings, seed=seed, progress=progress)
    if as_json:
        _print_json(report)
    else:
        for line in report.lines():
            click.echo(line, err=True)
    if not no_serve:
        _serve(settings, host, port)


@main.command()
@click.option("--port", type=int, help="Port of the web pages. [default: 7860]")
@click.option("--host", help="Address to listen on. [default: 127.0.0.1, this machine only]")
def serve(port: int | None, host: str | None) -> None:
    """Serve the web pages and the API."""
    settings = get_settings()
    _store(settings).close()
    _serve(settings, host, port)


def _serve(settings: Settings, host: str | None, port: int | None) -> None:
    from assistant.web import serve as serve_pages

    serve_pages(settings, host=host or settings.host, port=port or settings.port)


# -- talking --------------------------------------------------------------------------------------------------


@main.command()
@click.argument("message", required=False)
@click.option(
    "--role", type=click.Choice(["agent", "customer", "visitor"]), default="agent", show_default=True
)
@click.option(
    "--customer", help="Customer id: who is signed in (customer), or whose account is open (agent)."
)
@click.option("--batch", type=click.Path(path_type=Path, dir_okay=False), help="Questions as JSON lines.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where answers to --batch go.")
@_json_option
def ask(
    message: str | None, role: str, customer: str | None, batch: Path | None, out: Path | None, as_json: bool
) -> None:
    """Ask one question, or a file of them with --batch IN.jsonl --out OUT.jsonl."""
    from assistant.dialogue import Session

    settings = get_settings()
    if batch is not None:
        _batch_usage(message, batch, out)
        assistant = _assistant(settings)

        def answer(line: dict[str, Any]) -> dict[str, Any]:
            session = Session(line.get("role", role), line.get("customer"), "batch")
            _check_customer(assistant.store, session)
            turn = assistant.ask(str(line["message"]), session=session, history=line.get("history") or ())
            return dict(turn.as_dict())

        _run_batch(batch, out, answer, need="message")
        return
    if message is None:
        raise click.UsageError("say what to ask, or give --batch FILE")
    if not message.strip():
        raise AssistantError("The message is empty.", 'type a question: crm-assistant ask "..."')
    assistant = _assistant(settings)
    session = Session(role, customer, "console")
    _check_customer(assistant.store, session)
    turn = assistant.ask(message, session=session)
    if as_json:
        _print_json(turn)
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


@main.command()
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
    assistant = _assistant(settings)
    session = Session(role, customer, "console")
    _check_customer(assistant.store, session)
    click.echo(click.style(f"{assistant.company}. Ctrl-C stops an answer, Ctrl-D ends.", dim=True))
    conversation = assistant.store.start_conversation(role, customer)
    while True:
        try:
            message = input("> ").strip()
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


def _batch_usage(message: str | None, batch: Path, out: Path | None) -> None:
    if message is not None:
        raise click.UsageError("give a message or --batch, not both")
    if out is None:
        raise click.UsageError("--batch needs --out FILE")
    if not batch.is_file():
        raise AssistantError(f"There is no file {batch}.", "give a file of JSON lines")


def _run_batch(
    batch: Path, out: Path | None, answer: Callable[[dict[str, Any]], dict[str, Any]], need: str
) -> None:
    """Answer line by line, one line out per line in, in order; a line that fails says why and the rest goes on.

    What is done stays in ``OUT.part`` when stopped; OUT itself appears whole.
    """
    assert out is not None
    # not splitlines: it also cuts at characters that may stand inside a JSON string
    lines = batch.read_text(encoding="utf-8-sig", errors="replace").replace("\r\n", "\n").split("\n")
    part = out.with_name(out.name + ".part")
    with _progress() as progress, part.open("w", encoding="utf-8") as file:
        for number, text in enumerate(lines, start=1):
            if not text.strip():
                continue
            result: dict[str, Any] = {"id": number}
            try:
                line = json.loads(text)
                if isinstance(line, dict):
                    result["id"] = line.get("id", number)
                if not isinstance(line, dict) or need not in line:
                    raise AssistantError(f'Line {number} is not an object with "{need}".')
                result |= answer(line)
            except json.JSONDecodeError as error:
                result["error"] = f"line {number} is not JSON: {error.msg}"
            except AssistantError as error:
                result["error"] = str(error)
            except Exception as error:  # one bad line must not cost the others their answers
                result["error"] = f"{type(error).__name__}: {error}"
            written = json.dumps(result, ensure_ascii=False, default=str) + "\n"
            file.write(written.encode("utf-8", "replace").decode("utf-8"))
            file.flush()
            progress("lines", number, len(lines))
    part.replace(out)


# -- data in --------------------------------------------------------------------------------------------------


@main.command("import")
@click.argument(
    "kind",
    type=click.Choice(
        ["customers", "orders", "interactions", "products", "variants", "payment_methods", "payments"]
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="COLUMN=ROLE",
    help="What a column holds, e.g. InvoiceNo=order.",
)
@click.option("--encoding", help="Encoding of a text file, when it is guessed wrong, e.g. gb18030.")
@click.option("--dry-run", is_flag=True, help="Show the mapping and the report; write nothing.")
@_json_option
def import_(
    kind: str, file: Path, mapping: tuple[str, ...], encoding: str | None, dry_run: bool, as_json: bool
) -> None:
    """Import CSV, JSON lines, Parquet or XLSX, with a cleaning report. Rejected rows are kept aside."""
    from assistant.crm.importing import import_file

    for item in mapping:
        if "=" not in item:
            raise click.BadParameter(f"{item!r} is not COLUMN=ROLE", param_hint="--map")
    roles = dict(item.split("=", 1) for item in mapping)
    settings = get_settings()
    with _store(settings, create=True) as store, _progress() as progress:
        report = import_file(
            store, kind, file, mapping=roles or None, dry_run=dry_run, progress=progress, encoding=encoding
        )
    if as_json:
        _print_json(report)
    else:
        for line in report.lines():
            click.echo(line)


@main.command("export")
@click.argument("table")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="FILE.csv or FILE.jsonl."
)
def export(table: str, out: Path) -> None:
    """Write a table of the record to a file: what came in can go out."""
    from assistant.crm.exporting import export_table

    with _store(get_settings()) as store:
        rows = export_table(store, table, out)
    click.echo(f"{rows} rows of {table} in {out}.")


@main.group()
def privacy() -> None:
    """Give out or erase everything that is kept about one customer."""


@privacy.command("export")
@click.argument("customer")
def privacy_export(customer: str) -> None:
    """Everything about one customer, as JSON."""
    from assistant.crm import export_customer

    with _store(get_settings()) as store:
        _print_json(export_customer(store, customer))


@privacy.command("erase")
@click.argument("customer")
@click.option("--keep-orders", is_flag=True, help="Keep orders without the person, for the books.")
@click.confirmation_option(prompt="Erase this customer for good?")
def privacy_erase(customer: str, keep_orders: bool) -> None:
    """Erase one customer for good; what was written is gone from the index after the next build."""
    from assistant.crm import erase_customer

    with _store(get_settings()) as store:
        counts = erase_customer(store, customer, actor="console", keep_orders=keep_orders)
    click.echo("Erased: " + ", ".join(f"{n} {what}" for what, n in counts.items() if n))
    click.echo("Now type: crm-assistant index build")


# -- knowledge ------------------------------------------------------------------------------------------------


@main.group()
def index() -> None:
    """Build, look at, search and roll back the knowledge index."""


@index.command("build")
@click.option(
    "--kb",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of articles, for this build. Default: CRM_ASSISTANT_KB, else kb/ in the home folder.",
)
@click.option("--force", is_flag=True, help="Publish even if test queries find less than before.")
@_json_option
def index_build(folders: tuple[Path, ...], force: bool, as_json: bool) -> None:
    """Build the index beside the live one, try it, and put it in place."""
    from assistant.knowledge import build_index
    from assistant.language import load_embedder

    settings = get_settings()
    with _store(settings) as store, _progress() as progress:
        kb_dirs = list(folders) or settings.article_folders(demo=store.meta("demo_seed") is not None)
        if not kb_dirs:
            click.echo(
                f"No articles: put them into {settings.kb_dir(demo=False)}, or name their folder with --kb",
                err=True,
            )
        report = build_index(
            store,
            load_embedder(settings),
            home=settings.home_dir,
            kb_dirs=kb_dirs,
            progress=progress,
            force=force,
        )
    if as_json:
        _print_json(report)
    else:
        for line in report.lines():
            click.echo(line)


@index.command("status")
@_json_option
def index_status_(as_json: bool) -> None:
    """What the live index holds, and the builds one can go back to."""
    from assistant.knowledge import index_status

    status = index_status(get_settings().home_dir)
    if as_json:
        _print_json(status)
    elif status["build"] is None:
        _fail("There is no index yet.", "crm-assistant index build --kb FOLDER")
    else:
        for name, value in status.items():
            if value not in (None, [], False):
                click.echo(f"{name:12} {value}")


@index.command("gaps")
@click.option("--since", help="Only questions from this day on, e.g. 2026-05-01.")
@click.option("--least", default=1, show_default=True, type=click.IntRange(1), help="Smallest group shown.")
@click.option("--draft", metavar="GAP", help="Write an article from what people answered, and print it.")
@click.option("--accept", metavar="GAP", help="Take --article in, build, and ask the questions again.")
@click.option("--article", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="For --accept.")
@click.option("--dismiss", metavar="GAP", help="Don't show this group any more.")
@_json_option
def index_gaps(
    since: str | None,
    least: int,
    draft: str | None,
    accept: str | None,
    article: Path | None,
    dismiss: str | None,
    as_json: bool,
) -> None:
    """Questions that the articles don't answer, in groups; articles for them."""
    from assistant.knowledge import gaps

    if (accept is None) != (article is None):
        raise click.UsageError("--accept GAP and --article FILE go together")
    settings = get_settings()
    with _store(settings) as store:
        embedder = _embedder(settings)
        found = gaps.find_gaps(store, embedder, home=settings.home_dir, since=since, least=least)
        if draft is not None:
            gap = gaps.gap_named(found, draft)
            written = gaps.draft_article(gap, _assistant(settings).model)
            _print_json(written) if as_json else click.echo(written.markdown(), nl=False)
        elif accept is not None and article is not None:
            gap = gaps.gap_named(found, accept)
            with _progress() as progress:
                filled = gaps.fill(
                    gap, gaps.read_draft(article, gap), store=store, embedder=embedder, home=settings.home_dir,
                    folders=settings.article_folders(demo=store.meta("demo_seed") is not None), progress=progress,
                )  # fmt: skip
            _print_json(filled) if as_json else click.echo("\n".join(filled.lines()))
        elif dismiss is not None:
            gap = gaps.gap_named(found, dismiss)
            gaps.close(gap.questions, home=settings.home_dir, because="dismissed")
            _print_json({"dismissed": gap.id}) if as_json else click.echo(f"{gap.id} won't be shown again.")
        elif as_json:
            _print_json([gap.as_dict() for gap in found])
        elif not found:
            click.echo("No open gaps: no question was left unanswered, handed over or rated down.")
        else:
            for gap in found:
                whys = ", ".join(f"{count} {why}" for why, count in gap.whys.items())
                click.echo(f"{gap.id}  {gap.size:>4}  {gap.title[:100]}  ({whys})")
            click.echo("Then: crm-assistant index gaps --draft GAP > article.md")


@index.command("rollback")
@_json_option
def index_rollback(as_json: bool) -> None:
    """Go back to the build before the live one."""
    from assistant.knowledge import rollback

    build = rollback(get_settings().home_dir)
    _print_json({"build": build}) if as_json else click.echo(f"Build {build} is live.")


@index.command("search")
@click.argument("query", required=False)
@click.option(
    "--role", type=click.Choice(["visitor", "customer", "agent", "admin"]), default="agent", show_default=True
)
@click.option("--customer", help="Customer id.")
@click.option("--k", default=5, show_default=True, type=click.IntRange(1, 100), help="How many sources.")
@click.option("--batch", type=click.Path(path_type=Path, dir_okay=False), help="Queries as JSON lines.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where results of --batch go.")
@_json_option
def index_search(
    query: str | None,
    role: str,
    customer: str | None,
    k: int,
    batch: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Search as a role would; each source at most once, best first."""
    from assistant.knowledge import KnowledgeIndex
    from assistant.language import load_embedder

    settings = get_settings()
    if batch is not None:
        _batch_usage(query, batch, out)
    elif query is None:
        raise click.UsageError("say what to look for, or give --batch FILE")
    live = KnowledgeIndex.open(settings.home_dir, load_embedder(settings))

    def hits(text: str, role: str, customer: str | None) -> list[dict[str, Any]]:
        found = live.search(text, role=role, customer=customer, k=k, one_per_source=True)
        return [
            {"source": h.source, "passage": h.passage_id, "score": round(h.score, 4), "text": h.text}
            for h in found
        ]

    if batch is not None:
        _run_batch(
            batch,
            out,
            lambda line: {
                "hits": hits(str(line["query"]), line.get("role", role), line.get("customer", customer))
            },
            need="query",
        )
        return
    found = hits(str(query), role, customer)
    if as_json:
        _print_json({"query": query, "hits": found})
        return
    if not found:
        click.echo("Nothing found.")
    for hit in found:
        text = " ".join(hit["text"].split())
        click.echo(f"{hit['score']:.3f}  {hit['source']}\n       {text[:200]}")


# -- models ---------------------------------------------------------------------------------------------------


@main.command()
@click.argument(
    "what",
    type=click.Choice(
        [
            *("churn", "segments", "recommend", "sentiment", "intents", "lifetime", "forecast", "all"),
            *("risk", "scorecard"),
        ]
    ),
)
@click.option("--table", type=click.Path(path_type=Path), help="Train on this table instead of the record.")
@click.option("--target", help="Column to predict, with --table.")
@click.option("--positive", help="Value of the target that counts as the event. [default: guessed]")
@click.option("--id", "id_column", help="Column that names the row, with --table.")
@click.option("--text", "text_column", help="Column of texts, with --table for intents.")
@click.option("--label", "label_column", help="Column of labels, with --table for intents.")
@click.option("--sensitive", multiple=True, help="Column to leave out and to watch for fairness.")
@click.option("--keep", multiple=True, help="Column to use although it would be left out, with --table.")
@click.option("--drop", multiple=True, help="Column to leave out, with --table.")
@click.option("--force", is_flag=True, help="Put the new model in place even if it is worse.")
@click.option("--if-moved", is_flag=True, help="Only models whose data have moved since, or that are new.")
@_json_option
def train(
    what: str,
    table: Path | None,
    target: str | None,
    positive: str | None,
    id_column: str | None,
    text_column: str | None,
    label_column: str | None,
    sensitive: tuple[str, ...],
    keep: tuple[str, ...],
    drop: tuple[str, ...],
    force: bool,
    if_moved: bool,
    as_json: bool,
) -> None:
    """Train models on the record, or on a table; prints what was measured.

    With --table: churn, risk (who doesn't pay), scorecard (risk as points), intents (your own labels).
    A scorecard without a table learns from the record who leaves.
    """
    from assistant import insight

    settings = get_settings()
    with _progress() as progress:
        if table is None and what == "risk":
            raise click.UsageError(f"{what} needs --table FILE and --target COLUMN")
        if table is not None and what in ("churn", "risk", "scorecard") and not target:
            raise click.UsageError("--table needs --target COLUMN")
        if table is not None and if_moved:
            raise click.UsageError("--if-moved is for models on the record")
        if table is not None and what == "scorecard":
            reports = [
                insight.train_scorecard(
                    table, str(target), home=settings.home_dir, positive=positive,
                    drop=[*sensitive, *drop, *([id_column] if id_column else [])], progress=progress, force=force,
                )
            ]  # fmt: skip
        elif table is not None and what in ("churn", "risk"):
            reports = [
                insight.train_table(
                    what,
                    table,
                    str(target),
                    id_column,
                    positive=positive,
                    home=settings.home_dir,
                    progress=progress,
                    force=force,
                    sensitive=sensitive,
                    keep=keep,
                    drop=drop,
                )
            ]
        elif table is not None and what == "intents":
            from assistant.insight.intents import train_intents_table

            if not (text_column and label_column):
                raise click.UsageError("--table needs --text COLUMN and --label COLUMN")
            reports = [
                train_intents_table(
                    table, text=text_column, label=label_column, home=settings.home_dir,
                    embedder=_embedder(settings), progress=progress, force=force,
                )
            ]  # fmt: skip
        elif table is not None:
            raise click.UsageError("--table goes with churn, risk, scorecard or intents")
        else:
            with _store(settings) as store:
                embedder = _embedder(settings) if what in ("all", "sentiment", "intents") else None
                reports = insight.train(
                    store, what, home=settings.home_dir, embedder=embedder, progress=progress, force=force,
                    if_moved=if_moved,
                )  # fmt: skip
    if as_json:
        _print_json(reports[0] if len(reports) == 1 else reports)
        return
    for report in reports:
        done = (
            f"{report.version}, {report.rows} rows, {report.seconds:.0f} s"
            if report.version
            else "not trained"
        )
        click.echo(
            f"{report.model}: {done}" + ("" if report.kept or not report.version else " (not put in place)")
        )
        for name, value in report.metrics.items():
            if isinstance(value, int | float):
                click.echo(f"    {name:28} {value:.4g}")
        for item in report.left_out:
            click.echo(f"    left out {item['column']}: {item['reason']}")
        for note in report.notes:
            click.echo(f"    {note}")


def _embedder(settings: Settings) -> Any:
    from assistant.language import load_embedder

    return load_embedder(settings)


@main.command()
@click.argument(
    "what",
    type=click.Choice(["churn", "segments", "recommend", "lifetime", "forecast", "risk", "scorecard"]),
)
@click.option("--customer", help="Customer id; without it, everybody.")
@click.option("--table", type=click.Path(path_type=Path), help="Score this table: churn, risk, scorecard.")
@click.option("--reasons", default=0, type=click.IntRange(0, 20), help="With --table: so many reasons a row.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write all to this CSV file.")
@_json_option
def predict(
    what: str, customer: str | None, table: Path | None, reasons: int, out: Path | None, as_json: bool
) -> None:
    """What the models say: who leaves and why, segments, what to offer, value, the next weeks' orders.

    With --table, scores of a table's rows: churn, risk, or points of the scorecard.
    """
    from assistant import insight

    settings = get_settings()
    if table is not None:
        if out is None or what not in ("churn", "risk", "scorecard"):
            raise click.UsageError("--table goes with churn, risk or scorecard, and needs --out FILE")
        with _progress() as progress:
            if what == "scorecard":
                scores = insight.score_points(table, home=settings.home_dir, out=out, progress=progress)
            else:
                scores = insight.predict_table(
                    what, table, home=settings.home_dir, out=out, progress=progress, reasons_per_row=reasons
                )
        if as_json:
            _print_json(scores)
            return
        bands = ", ".join(f"{n} {band}" for band, n in scores.bands.items())
        click.echo(f"Wrote {scores.rows} rows to {out}: {bands}.")
        if scores.advice.retrain:
            click.echo(f"The table differs from the one in training: {'; '.join(scores.advice.reasons)}")
        return
    if what in ("risk", "scorecard"):
        raise click.UsageError(f"{what} needs --table FILE and --out FILE")
    with _store(settings) as store:
        told = insight.tell(what, settings.home_dir, store, customer)
    if out is not None:
        _write_csv(out, tuple(told.head), [tuple(row) for row in told.rows])
    if as_json:
        _print_json(told.values)
        return
    for line in told.lines:
        click.echo(line)
    if len(told.rows) > len(told.lines) > 0:
        click.echo(
            f"All {len(told.rows)}: --out FILE.csv" if out is None else f"Wrote {len(told.rows)} to {out}"
        )


def _write_csv(out: Path, head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    import csv
    import io

    from assistant.files import write_atomic

    buffer = io.StringIO()
    csv.writer(buffer).writerows([head, *rows])
    write_atomic(out, buffer.getvalue())


@main.command()
@click.argument("what", type=click.Choice(["anomalies"]))
@click.option(
    "--share", default=0.005, show_default=True, type=click.FloatRange(0.0001, 0.2), help="Of all orders."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write them to this CSV file.")
@_json_option
def detect(what: str, share: float, out: Path | None, as_json: bool) -> None:
    """Orders that stand out, with the reason, most unusual first."""
    from assistant.insight import find_anomalies

    with _store(get_settings()) as store:
        found = sorted(find_anomalies(store, share=share), key=lambda a: -a.score)
    if out is not None:
        rows = [
            (a.order_id, a.customer_id, a.at, a.amount, round(a.score, 5), "; ".join(a.reasons))
            for a in found
        ]
        _write_csv(out, ("order", "customer", "at", "amount", "score", "reasons"), rows)
    if as_json:
        _print_json(found)
        return
    for a in found[:20]:
        click.echo(f"{a.order_id}  {a.customer_id}  {a.at[:16]}  {a.amount:>10,.2f}  {'; '.join(a.reasons)}")
    if len(found) > 20:
        click.echo(f"... and {len(found) - 20} more; --out FILE.csv writes all of them")


@main.command()
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="[default: report.html in the home]"
)
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@_json_option
def report(out: Path | None, language: Literal["en", "zh"], as_json: bool) -> None:
    """Write one page with plots about all models: how good they are, what they say, whether to train again."""
    from assistant.insight import write_report

    settings = get_settings()
    path = out or settings.home_dir / "report.html"
    store = _store(settings) if settings.record_path.exists() else None
    with _progress() as progress:
        sections = write_report(settings.home_dir, path, store=store, progress=progress, language=language)
    if as_json:
        _print_json({"path": str(path), "sections": [s.as_dict() for s in sections]})
        return
    for section in sections:
        for warning in section.warnings:
            click.echo(f"{section.title}: {warning}")
    click.echo(f"Wrote {path}")


@main.group()
def models() -> None:
    """What was trained, a way back, and whether to train again."""


@models.command("list")
@_json_option
def models_list(as_json: bool) -> None:
    """All versions of all models; the one in place is marked."""
    from assistant.insight import history, model_names

    home = get_settings().home_dir
    saved = [version for name in model_names(home) for version in history(home, name)]
    if as_json:
        _print_json(saved)
        return
    if not saved:
        click.echo("No model has been trained yet: crm-assistant train all")
    for v in saved:
        told = v.report.get("comparison", "")
        click.echo(
            f"{'*' if v.current else ' '} {v.name:14} {v.version:4} {v.at[:16].replace('T', ' ')}  {told}"
        )


@models.command("rollback")
@click.argument("name")
@_json_option
def models_rollback(name: str, as_json: bool) -> None:
    """Put back the version of a model that was in place before."""
    from assistant.insight import rollback

    version = rollback(get_settings().home_dir, name)
    _print_json({"model": name, "version": version}) if as_json else click.echo(
        f"{name} {version} is in place."
    )


@models.command("check")
@_json_option
def models_check(as_json: bool) -> None:
    """Has the record moved since the models were trained? Says which to train again, and why."""
    from assistant import insight

    settings = get_settings()
    with _store(settings) as store:
        checks = insight.check_models(store, settings.home_dir)
    if as_json:
        _print_json(checks)
        return
    for check in checks:
        said = "train again: " + "; ".join(check.advice.reasons) if check.advice.retrain else "as it was"
        click.echo(f"{check.model:12} {check.version or '-':4} {said}")
        for d in check.advice.drift:
            if d.verdict != "steady":
                click.echo(f"    {d.column:28} {d.verdict:8} PSI {d.psi:.3f}")
    if any(check.advice.retrain for check in checks):
        click.echo("-> crm-assistant train all --if-moved")


@models.command("name-segment")
@click.argument("segment", type=int)
@click.argument("english")
@click.argument("chinese")
@_json_option
def models_name_segment(segment: int, english: str, chinese: str, as_json: bool) -> None:
    """Give a segment another name, in English and in Chinese."""
    from assistant.insight.segments import rename_segment

    version = rename_segment(get_settings().home_dir, segment, english, chinese)
    said = {"model": "segments", "version": version, "segment": segment, "name": english, "name_zh": chinese}
    _print_json(said) if as_json else click.echo(f"Segment {segment} is called {english} ({chinese}) now.")


@main.command()
@click.argument("what", type=click.Choice(["sentiment", "intent", "label", "safety", "pii"]))
@click.argument("text", required=False)
@click.option("--batch", type=click.Path(path_type=Path, dir_okay=False), help="Texts as JSON lines.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where results of --batch go.")
@_json_option
def classify(what: str, text: str | None, batch: Path | None, out: Path | None, as_json: bool) -> None:
    """Classify a text, or a file of them; "label" is one of your own (train intents --table)."""
    settings = get_settings()
    if batch is not None:
        _batch_usage(text, batch, out)
    elif text is None:
        raise click.UsageError("give a text or --batch FILE")
    one = _classifier(settings, what)
    if batch is not None:
        _run_batch(batch, out, lambda line: one(str(line["text"])), need="text")
        return
    result = one(str(text))
    if as_json or what == "pii":
        _print_json(result)
    else:
        click.echo(result["label"])


def _classifier(settings: Settings, what: str) -> Callable[[str], dict[str, Any]]:
    if what == "pii":
        from assistant.crm.privacy import mask

        def pii(text: str) -> dict[str, Any]:
            masked, spans = mask(text)
            return {"text": masked, "spans": [_plain(s) for s in spans]}

        return pii
    if what == "safety":
        from assistant.dialogue.safety import scan

        return lambda text: scan(text).as_dict()
    from assistant import insight

    if what == "sentiment":
        model = insight.SentimentModel.default(_embedder(settings), home=settings.home_dir)
    elif what == "label":
        from assistant.insight.intents import TABLE_MODEL

        model = insight.load_model(settings.home_dir, TABLE_MODEL)
        model.use(_embedder(settings))
    else:
        model = insight.IntentModel.default(_embedder(settings), home=settings.home_dir)

    def label(text: str) -> dict[str, Any]:
        found = model.classify([text])[0]
        scores = {k: round(v, 4) for k, v in found.scores.items()}
        return {"label": found.label, "sure": found.sure, "scores": scores}

    return label


# -- looking after it -----------------------------------------------------------------------------------------


@main.command("eval")
@click.option(
    "--cases",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Your own cases (JSON lines) or scenarios (YAML or JSON lines).",
)
@click.option("--only", help="Only cases whose id or group contains this.")
@click.option("--limit", type=int, help="At most so many cases.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write every answer and verdict here."
)
@_json_option
def eval_(cases: Path | None, only: str | None, limit: int | None, out: Path | None, as_json: bool) -> None:
    """Score the assistant on cases with known answers: right source, right fact, invented numbers."""
    from assistant.dialogue.evaluate import evaluate
    from assistant.dialogue.scenarios import is_scenario_file, read_scenarios, run_scenarios

    settings = get_settings()
    if cases is not None and is_scenario_file(cases):
        chosen = [s for s in read_scenarios(cases) if not only or only in s.id][:limit]
        if not chosen:
            raise AssistantError("There are no such scenarios.", "leave --only and --limit away")
        with _progress() as progress:
            played = run_scenarios(_assistant(settings), chosen, out=out, progress=progress)
        if as_json:
            _print_json(played)
        else:
            for line in played.lines():
                click.echo(line)
        return
    with _progress() as progress:
        report = evaluate(
            _assistant(settings), cases=cases, only=only, limit=limit, out=out, progress=progress
        )
    if as_json:
        _print_json(report)
    else:
        for line in report.lines():
            click.echo(line)


@main.command()
@_json_option
def doctor(as_json: bool) -> None:
    """What is there, what is missing, and what to type."""
    from assistant.setup import diagnose

    findings = diagnose(get_settings())
    if as_json:
        _print_json([asdict(f) for f in findings])
    else:
        width = max(len(f.what) for f in findings)
        for f in findings:
            mark = click.style("ok     ", fg="green") if f.ok else click.style("missing", fg="yellow")
            click.echo(
                f"{mark}  {f.what:{width}}  {f.found}" + (f"  -> {f.hint}" if f.hint and not f.ok else "")
            )
    sys.exit(0 if all(f.ok for f in findings if f.needed) else 1)
