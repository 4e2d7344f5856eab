"""What all commands share: the group itself, errors in one line, progress, JSON, batches."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from assistant import __version__
from assistant.errors import AssistantError
from assistant.files import parse_json
from assistant.settings import PREFIX, Settings, get_settings

Progress = Callable[[str, int, int | None], None]
_SECONDS_BETWEEN_LINES = 15.0


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
            fail(error.message, error.hint)
        except ValidationError as error:
            if ctx.params.get("debug") or error.title != Settings.__name__:
                raise
            first = error.errors()[0]
            name = "_".join(str(part) for part in first["loc"]).upper()
            fail(
                f"{PREFIX}{name}: {first['msg']}",
                "correct this environment variable, or settings.json in the home folder, or leave it away",
            )
        except KeyboardInterrupt:
            if ctx.params.get("debug"):
                raise
            click.echo("\nStopped. Nothing is left half done; the same command can be typed again.", err=True)
            sys.exit(130)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except OSError as error:
            if ctx.params.get("debug"):
                raise
            hint = "free some space or choose another folder: --home" if error.errno == 28 else ""
            fail(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""), hint)
        return None


class _Text(click.ParamType):
    """Words that a person typed. Bytes that are no text (another encoding's) become question marks."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return whole_characters(str(value))


TEXT = _Text()


def whole_characters(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def fail(message: str, hint: str = "") -> None:
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


def json_option(command: Any) -> Any:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def print_json(value: Any) -> None:
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2, default=str))


def plain(value: Any) -> Any:
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


@contextmanager
def progress_bars() -> Iterator[Progress]:
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
        said: dict[str, tuple[float, bool]] = {}  # when a phase was last told of, and whether as whole

        def line(phase: str, done: int, total: int | None) -> None:
            now, whole = time.monotonic(), done == total
            at, was_whole = said.get(phase, (-_SECONDS_BETWEEN_LINES, False))
            if now - at >= _SECONDS_BETWEEN_LINES or (whole and not was_whole):
                said[phase] = now, whole
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


def open_store(settings: Settings, *, create: bool = False) -> Any:
    from assistant.crm import Store

    if not create and not settings.record_path.exists():
        raise AssistantError(
            f"There is no record in {settings.home_dir}.",
            "crm-assistant demo, or crm-assistant import orders FILE",
        )
    return Store(settings.record_path, create=create)


def open_assistant(settings: Settings) -> Any:
    from assistant.dialogue import Assistant

    return Assistant(settings, store=open_store(settings))


def open_embedder(settings: Settings) -> Any:
    from assistant.language import load_embedder

    return load_embedder(settings)


def batch_usage(message: str | None, batch: Path, out: Path | None) -> None:
    if message is not None:
        raise click.UsageError("give a message or --batch, not both")
    if out is None:
        raise click.UsageError("--batch needs --out FILE")
    if not batch.is_file():
        raise AssistantError(f"There is no file {batch}.", "give a file of JSON lines")


def run_batch(
    batch: Path, out: Path | None, answer: Callable[[dict[str, Any]], dict[str, Any]], need: str
) -> None:
    """Answer line by line, one line out per line in, in order; a line that fails says why and the rest goes on.

    What is done stays in ``OUT.part`` when stopped; OUT itself appears whole.
    """
    assert out is not None
    # not splitlines: it also cuts at characters that may stand inside a JSON string
    text = batch.read_text(encoding="utf-8-sig", errors="replace").replace("\r\n", "\n")
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    with progress_bars() as progress, part.open("w", encoding="utf-8") as file:
        for done, (number, text) in enumerate(lines, start=1):
            result: dict[str, Any] = {"id": number}
            try:
                line = parse_json(text)
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
            file.write(whole_characters(json.dumps(result, ensure_ascii=False, default=str)) + "\n")
            file.flush()
            progress("lines", done, len(lines))
    part.replace(out)


def write_csv(out: Path, head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    import csv
    import io

    from assistant.files import write_atomic

    buffer = io.StringIO()
    csv.writer(buffer).writerows([head, *rows])
    write_atomic(out, buffer.getvalue())
