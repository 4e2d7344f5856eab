"""``index``: build, look at, search and roll back; the questions nothing answers."""

from pathlib import Path
from typing import Any

import click

from assistant.cli import base
from assistant.settings import get_settings


@base.main.group()
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
@base.json_option
def index_build(folders: tuple[Path, ...], force: bool, as_json: bool) -> None:
    """Build the index beside the live one, try it, and put it in place."""
    from assistant.knowledge import build_index

    settings = get_settings()
    with base.open_store(settings) as store, base.progress_bars() as progress:
        kb_dirs = list(folders) or settings.article_folders(demo=store.meta("demo_seed") is not None)
        if not kb_dirs:
            click.echo(
                f"No articles: put them into {settings.kb_dir(demo=False)}, or name their folder with --kb",
                err=True,
            )
        report = build_index(
            store,
            base.open_embedder(settings),
            home=settings.home_dir,
            kb_dirs=kb_dirs,
            progress=progress,
            force=force,
        )
    if as_json:
        base.print_json(report)
    else:
        for line in report.lines():
            click.echo(line)


@index.command("status")
@base.json_option
def index_status_(as_json: bool) -> None:
    """What the live index holds, and the builds one can go back to."""
    from assistant.knowledge import index_status

    status = index_status(get_settings().home_dir)
    if as_json:
        base.print_json(status)
    elif status["build"] is None:
        base.fail("There is no index yet.", "crm-assistant index build --kb FOLDER")
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
@base.json_option
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
    with base.open_store(settings) as store:
        embedder = base.open_embedder(settings)
        found = gaps.find_gaps(store, embedder, home=settings.home_dir, since=since, least=least)
        if draft is not None:
            gap = gaps.gap_named(found, draft)
            written = gaps.draft_article(gap, base.open_assistant(settings).model)
            base.print_json(written) if as_json else click.echo(written.markdown(), nl=False)
        elif accept is not None and article is not None:
            gap = gaps.gap_named(found, accept)
            with base.progress_bars() as progress:
                filled = gaps.fill(
                    gap, gaps.read_draft(article, gap), store=store, embedder=embedder, home=settings.home_dir,
                    folders=settings.article_folders(demo=store.meta("demo_seed") is not None), progress=progress,
                )  # fmt: skip
            base.print_json(filled) if as_json else click.echo("\n".join(filled.lines()))
        elif dismiss is not None:
            gap = gaps.gap_named(found, dismiss)
            gaps.close(gap.questions, home=settings.home_dir, because="dismissed")
            base.print_json({"dismissed": gap.id}) if as_json else click.echo(
                f"{gap.id} won't be shown again."
            )
        elif as_json:
            base.print_json([gap.as_dict() for gap in found])
        elif not found:
            click.echo("No open gaps: no question was left unanswered, handed over or rated down.")
        else:
            for gap in found:
                whys = ", ".join(f"{count} {why}" for why, count in gap.whys.items())
                click.echo(f"{gap.id}  {gap.size:>4}  {gap.title[:100]}  ({whys})")
            click.echo("Then: crm-assistant index gaps --draft GAP > article.md")


@index.command("rollback")
@base.json_option
def index_rollback(as_json: bool) -> None:
    """Go back to the build before the live one."""
    from assistant.knowledge import rollback

    build = rollback(get_settings().home_dir)
    base.print_json({"build": build}) if as_json else click.echo(f"Build {build} is live.")


@index.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@base.json_option
def index_export(file: Path, as_json: bool) -> None:
    """Write every passage of the live index to FILE, one JSON object per line.

    It holds what only agents may read, customers' words too: keep it where the record is kept.
    """
    from assistant.knowledge import KnowledgeIndex, export_passages

    settings = get_settings()
    count = export_passages(KnowledgeIndex.open(settings.home_dir, base.open_embedder(settings)), file)
    base.print_json({"path": str(file), "passages": count}) if as_json else click.echo(
        f"{count:,} passages are in {file}"
    )


@index.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--kb",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of articles to put it into. Default: articles/ in the home folder.",
)
@base.json_option
def index_import(file: Path, folder: Path | None, as_json: bool) -> None:
    """Take in passages that another index has exported; the next build reads them.

    What FILE doesn't call public is internal. Customers' messages are left out: they come with the record.
    """
    from assistant.knowledge import import_passages

    into = folder or get_settings().home_dir / "articles"
    count = import_passages(file, into)
    if as_json:
        base.print_json({"path": str(into / file.name), "documents": count})
    else:
        click.echo(f"{count:,} documents are in {into / file.name}. Then: crm-assistant index build")


@index.command("search")
@click.argument("query", required=False, type=base.TEXT)
@click.option(
    "--role", type=click.Choice(["visitor", "customer", "agent", "admin"]), default="agent", show_default=True
)
@click.option("--customer", help="Customer id.")
@click.option("--k", default=5, show_default=True, type=click.IntRange(1, 100), help="How many sources.")
@click.option("--batch", type=click.Path(path_type=Path, dir_okay=False), help="Queries as JSON lines.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where results of --batch go.")
@base.json_option
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

    settings = get_settings()
    if batch is not None:
        base.batch_usage(query, batch, out)
    elif query is None:
        raise click.UsageError("say what to look for, or give --batch FILE")
    live = KnowledgeIndex.open(settings.home_dir, base.open_embedder(settings))

    def hits(text: str, role: str, customer: str | None) -> list[dict[str, Any]]:
        found = live.search(text, role=role, customer=customer, k=k, one_per_source=True)
        return [
            {"source": h.source, "passage": h.passage_id, "score": round(h.score, 4), "text": h.text}
            for h in found
        ]

    if batch is not None:
        base.run_batch(
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
        base.print_json({"query": query, "hits": found})
        return
    if not found:
        click.echo("Nothing found.")
    for hit in found:
        text = " ".join(hit["text"].split())
        click.echo(f"{hit['score']:.3f}  {hit['source']}\n       {text[:200]}")
