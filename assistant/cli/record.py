"""Data in and out: ``import``, ``export``, ``privacy``."""

from pathlib import Path

import click

from assistant.cli import base
from assistant.settings import get_settings


@base.main.command("import")
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
@base.json_option
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
    with base.open_store(settings, create=True) as store, base.progress_bars() as progress:
        report = import_file(
            store, kind, file, mapping=roles or None, dry_run=dry_run, progress=progress, encoding=encoding
        )
    if as_json:
        base.print_json(report)
    else:
        for line in report.lines():
            click.echo(line)


@base.main.command("export")
@click.argument("table")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="FILE.csv or FILE.jsonl."
)
@base.json_option
def export(table: str, out: Path, as_json: bool) -> None:
    """Write a table of the record to a file: what came in can go out."""
    from assistant.crm.exporting import export_table

    with base.open_store(get_settings()) as store:
        rows = export_table(store, table, out)
    if as_json:
        base.print_json({"table": table, "rows": rows, "path": str(out)})
    else:
        click.echo(f"{rows} rows of {table} in {out}.")


@base.main.group()
def privacy() -> None:
    """Give out or erase everything that is kept about one customer."""


@privacy.command("export")
@click.argument("customer")
@base.json_option
def privacy_export(customer: str, as_json: bool) -> None:
    """Everything about one customer; always as JSON."""
    from assistant.crm import export_customer

    with base.open_store(get_settings()) as store:
        base.print_json(export_customer(store, customer))


@privacy.command("erase")
@click.argument("customer")
@click.option("--keep-orders", is_flag=True, help="Keep orders without the person, for the books.")
@click.confirmation_option(prompt="Erase this customer for good?")
@base.json_option
def privacy_erase(customer: str, keep_orders: bool, as_json: bool) -> None:
    """Erase one customer for good; what was written is gone from the index after the next build."""
    from assistant.crm import erase_customer

    with base.open_store(get_settings()) as store:
        counts = erase_customer(store, customer, actor="console", keep_orders=keep_orders)
    if as_json:
        base.print_json(counts)
        return
    click.echo("Erased: " + ", ".join(f"{n} {what}" for what, n in counts.items() if n))
    click.echo("Now type: crm-assistant index build")
