"""The customer models: ``train``, ``predict``, ``detect``, ``report``, ``models``."""

from pathlib import Path
from typing import Literal

import click

from assistant.cli import base
from assistant.settings import get_settings


@base.main.command()
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
@base.json_option
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
    with base.progress_bars() as progress:
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
                    embedder=base.open_embedder(settings), progress=progress, force=force,
                )
            ]  # fmt: skip
        elif table is not None:
            raise click.UsageError("--table goes with churn, risk, scorecard or intents")
        else:
            with base.open_store(settings) as store:
                embedder = base.open_embedder(settings) if what in ("all", "sentiment", "intents") else None
                reports = insight.train(
                    store, what, home=settings.home_dir, embedder=embedder, progress=progress, force=force,
                    if_moved=if_moved,
                )  # fmt: skip
    if as_json:
        base.print_json(reports[0] if len(reports) == 1 else reports)
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


@base.main.command()
@click.argument(
    "what",
    type=click.Choice(["churn", "segments", "recommend", "lifetime", "forecast", "risk", "scorecard"]),
)
@click.option("--customer", help="Customer id; without it, everybody.")
@click.option("--table", type=click.Path(path_type=Path), help="Score this table: churn, risk, scorecard.")
@click.option("--reasons", default=0, type=click.IntRange(0, 20), help="With --table: so many reasons a row.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write all to this CSV file.")
@base.json_option
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
        with base.progress_bars() as progress:
            if what == "scorecard":
                scores = insight.score_points(table, home=settings.home_dir, out=out, progress=progress)
            else:
                scores = insight.predict_table(
                    what, table, home=settings.home_dir, out=out, progress=progress, reasons_per_row=reasons
                )
        if as_json:
            base.print_json(scores)
            return
        bands = ", ".join(f"{n} {band}" for band, n in scores.bands.items())
        click.echo(f"Wrote {scores.rows} rows to {out}: {bands}.")
        if scores.advice.retrain:
            click.echo(f"The table differs from the one in training: {'; '.join(scores.advice.reasons)}")
        return
    if what in ("risk", "scorecard"):
        raise click.UsageError(f"{what} needs --table FILE and --out FILE")
    with base.open_store(settings) as store:
        told = insight.tell(what, settings.home_dir, store, customer)
    if out is not None:
        base.write_csv(out, tuple(told.head), [tuple(row) for row in told.rows])
    if as_json:
        base.print_json(told.values)
        return
    for line in told.lines:
        click.echo(line)
    if len(told.rows) > len(told.lines) > 0:
        click.echo(
            f"All {len(told.rows)}: --out FILE.csv" if out is None else f"Wrote {len(told.rows)} to {out}"
        )


@base.main.command()
@click.argument("what", type=click.Choice(["anomalies"]))
@click.option(
    "--share", default=0.005, show_default=True, type=click.FloatRange(0.0001, 0.2), help="Of all orders."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write them to this CSV file.")
@base.json_option
def detect(what: str, share: float, out: Path | None, as_json: bool) -> None:
    """Orders that stand out, with the reason, most unusual first."""
    from assistant.insight import find_anomalies

    with base.open_store(get_settings()) as store:
        found = sorted(find_anomalies(store, share=share), key=lambda a: -a.score)
    if out is not None:
        rows = [
            (a.order_id, a.customer_id, a.at, a.amount, a.currency, round(a.score, 5), "; ".join(a.reasons))
            for a in found
        ]
        base.write_csv(out, ("order", "customer", "at", "amount", "currency", "score", "reasons"), rows)
    if as_json:
        base.print_json(found)
        return
    for a in found[:20]:
        click.echo(f"{a.order_id}  {a.customer_id}  {a.at[:16]}  {a.money:>14}  {'; '.join(a.reasons)}")
    if len(found) > 20:
        click.echo(f"... and {len(found) - 20} more; --out FILE.csv writes all of them")


@base.main.command()
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="[default: report.html in the home]"
)
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@base.json_option
def report(out: Path | None, language: Literal["en", "zh"], as_json: bool) -> None:
    """Write one page with plots about all models: how good they are, what they say, whether to train again."""
    from assistant.insight import write_report

    settings = get_settings()
    path = out or settings.home_dir / "report.html"
    store = base.open_store(settings) if settings.record_path.exists() else None
    with base.progress_bars() as progress:
        sections = write_report(settings.home_dir, path, store=store, progress=progress, language=language)
    if as_json:
        base.print_json({"path": str(path), "sections": [s.as_dict() for s in sections]})
        return
    for section in sections:
        for warning in section.warnings:
            click.echo(f"{section.title}: {warning}")
    click.echo(f"Wrote {path}")


@base.main.group()
def models() -> None:
    """What was trained, a way back, and whether to train again."""


@models.command("list")
@base.json_option
def models_list(as_json: bool) -> None:
    """All versions of all models; the one in place is marked."""
    from assistant.insight import history, model_names

    home = get_settings().home_dir
    saved = [version for name in model_names(home) for version in history(home, name)]
    if as_json:
        base.print_json(saved)
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
@base.json_option
def models_rollback(name: str, as_json: bool) -> None:
    """Put back the version of a model that was in place before."""
    from assistant.insight import rollback

    version = rollback(get_settings().home_dir, name)
    base.print_json({"model": name, "version": version}) if as_json else click.echo(
        f"{name} {version} is in place."
    )


@models.command("check")
@base.json_option
def models_check(as_json: bool) -> None:
    """Has the record moved since the models were trained? Says which to train again, and why."""
    from assistant import insight

    settings = get_settings()
    with base.open_store(settings) as store:
        checks = insight.check_models(store, settings.home_dir)
    if as_json:
        base.print_json(checks)
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
@click.argument("segment", type=int, required=False)
@click.argument("english", required=False)
@click.argument("chinese", required=False)
@click.option("--propose", is_flag=True, help="Have the chat model propose names for all segments.")
@click.option("--accept", is_flag=True, help="With --propose: take them.")
@base.json_option
def models_name_segment(
    segment: int | None, english: str | None, chinese: str | None, propose: bool, accept: bool, as_json: bool
) -> None:
    """Give a segment another name, in English and in Chinese; or have names proposed from the profiles."""
    from assistant.insight.naming import propose_names, rename_segments

    settings = get_settings()
    home = settings.home_dir
    if propose:
        if segment is not None:
            raise click.UsageError("--propose is for all segments")
        with base.progress_bars() as progress:
            found = propose_names(home, base.open_assistant(settings).model, progress=progress)
        new = {
            p.segment: (p.name_en, p.name_zh) for p in found if (p.name_en, p.name_zh) != (p.now_en, p.now_zh)
        }
        version = rename_segments(home, new) if accept and new else None
        if as_json:
            base.print_json({"version": version, "proposals": found})
            return
        for p in found:
            click.echo(f"{p.segment} {p.now_en} ({p.now_zh}) -> {p.name_en} ({p.name_zh})")
            for problem in p.problems:
                click.echo(f"    kept the name it has in {problem}")
        take = "crm-assistant models name-segment NUMBER ENGLISH CHINESE, or --propose --accept"
        click.echo(
            f"segments {version} is in place." if version else f"Nothing was changed. To take one: {take}"
        )
        return
    if segment is None or not english or not chinese:
        raise click.UsageError("give a segment's number and its name in English and in Chinese, or --propose")
    version = rename_segments(home, {segment: (english, chinese)})
    said = {"model": "segments", "version": version, "segment": segment, "name": english, "name_zh": chinese}
    base.print_json(said) if as_json else click.echo(
        f"Segment {segment} is called {english} ({chinese}) now."
    )
