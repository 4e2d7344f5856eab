"""``classify``: what one text is, or each of a file of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from assistant.cli import base
from assistant.settings import Settings, get_settings


@base.main.command()
@click.argument("what", type=click.Choice(["sentiment", "intent", "label", "safety", "pii"]))
@click.argument("text", required=False, type=base.TEXT)
@click.option("--batch", type=click.Path(path_type=Path, dir_okay=False), help="Texts as JSON lines.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where results of --batch go.")
@base.json_option
def classify(what: str, text: str | None, batch: Path | None, out: Path | None, as_json: bool) -> None:
    """Classify a text, or a file of them; "label" is one of your own (train intents --table)."""
    settings = get_settings()
    if batch is not None:
        base.batch_usage(text, batch, out)
    elif text is None:
        raise click.UsageError("give a text or --batch FILE")
    one = _classifier(settings, what)
    if batch is not None:
        base.run_batch(batch, out, lambda line: one(str(line["text"])), need="text")
        return
    result = one(str(text))
    if as_json or what == "pii":
        base.print_json(result)
    else:
        click.echo(result["label"])


def _classifier(settings: Settings, what: str) -> Callable[[str], dict[str, Any]]:
    if what == "pii":
        from assistant.crm.privacy import mask

        def pii(text: str) -> dict[str, Any]:
            masked, spans = mask(text)
            return {"text": masked, "spans": [base.plain(s) for s in spans]}

        return pii
    if what == "safety":
        from assistant.dialogue.safety import scan

        return lambda text: scan(text).as_dict()
    from assistant import insight

    if what == "sentiment":
        model = insight.SentimentModel.default(base.open_embedder(settings), home=settings.home_dir)
    elif what == "label":
        from assistant.insight.intents import TABLE_MODEL

        model = insight.load_model(settings.home_dir, TABLE_MODEL)
        model.use(base.open_embedder(settings))
    else:
        model = insight.IntentModel.default(base.open_embedder(settings), home=settings.home_dir)

    def label(text: str) -> dict[str, Any]:
        found = model.classify([text])[0]
        scores = {k: round(v, 4) for k, v in found.scores.items()}
        return {"label": found.label, "sure": found.sure, "scores": scores}

    return label
