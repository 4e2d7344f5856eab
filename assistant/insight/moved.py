"""Has the record moved since the models were trained, and which of them should be trained again?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import ModelError
from assistant.insight.evaluate import RetrainAdvice, retrain_advice
from assistant.insight.registry import SavedModel, hash_data, history, load_model

if TYPE_CHECKING:
    from assistant.crm import Store

# Days of newer record after which a model is too old, whatever its columns say: a forecast is used up week by week,
# new products aren't recommended by what others bought.
OLDEST = {"churn": 180, "segments": 180, "recommend": 60, "lifetime": 90, "forecast": 28, "scorecard": 180}


@dataclass(frozen=True)
class ModelCheck:
    """One model in place, or one that isn't trained (``version`` None), and whether to train it again."""

    model: str
    version: str | None
    advice: RetrainAdvice

    def as_dict(self) -> dict[str, Any]:
        return {"model": self.model, "version": self.version, **self.advice.as_dict()}


def check_models(store: "Store", home: Path, names: Sequence[str] | None = None) -> list[ModelCheck]:
    """All models over the record (or ``names``), in the order in which they are trained."""
    from assistant.insight.training import TRAINERS

    now = record_facts(store)
    found = []
    for name in names if names is not None else TRAINERS:
        saved = next((v for v in history(home, name) if v.current), None)
        advice = _advice(saved, home, store, now) if saved else RetrainAdvice(True, ("not trained yet",), ())
        found.append(ModelCheck(name, saved.version if saved else None, advice))
    return found


def due_models(store: "Store", home: Path) -> list[ModelCheck]:
    """Trained models that should be trained again; without those whose newest version, clearly worse and so kept out,
    has seen the record as it is now: trying once more would end the same way."""
    now = record_facts(store)
    due = []
    for check in check_models(store, home):
        if check.version is None or not check.advice.retrain:
            continue
        newest = history(home, check.model)[0]
        if newest.version == check.version or _advice(newest, home, store, now).retrain:
            due.append(check)
    return due


def record_facts(store: "Store") -> dict[str, Any]:
    """The record's last day and how much it holds; kept with each version that is trained on it."""
    counts = store.counts()
    return {
        "as_of": store.as_of.isoformat(),
        **{name: int(counts.get(name, 0)) for name in ("customers", "orders", "interactions", "products")},
    }


def _advice(saved: SavedModel, home: Path, store: "Store", now: dict[str, Any]) -> RetrainAdvice:
    if saved.name in ("sentiment", "intents"):
        return _examples_changed(saved)
    if saved.name in ("churn", "segments"):
        try:
            advice: RetrainAdvice = load_model(home, saved.name, saved.version).advice(store)
        except ModelError as error:  # damaged, or saved by libraries that are gone
            return RetrainAdvice(True, (error.message,), ())
    else:
        advice = RetrainAdvice(False, (), ())
    then = saved.report.get("record")
    if not then:
        return advice
    days = (date.fromisoformat(now["as_of"]) - date.fromisoformat(then["as_of"])).days
    grown = retrain_advice((), rows_then=then["orders"], rows_now=now["orders"]).reasons
    reasons = list(dict.fromkeys([*advice.reasons, *(f"orders: {reason}" for reason in grown)]))
    if days > OLDEST[saved.name] and not any(reason.startswith("trained ") for reason in reasons):
        reasons.append(f"trained {days} days ago")
    fresh = now["products"] - then["products"]
    if saved.name == "recommend" and fresh > max(5, 0.1 * then["products"]):
        reasons.append(f"{fresh} products are new")
    return RetrainAdvice(bool(reasons), tuple(reasons), advice.drift)


def _examples_changed(saved: SavedModel) -> RetrainAdvice:
    """Sentiment and intents learn from sentences in ``prompts/``, not from the record."""
    if saved.name == "sentiment":
        from assistant.insight.sentiment import examples
    else:
        from assistant.insight.intents import examples
    changed = hash_data(*examples()) != saved.data_hash
    return RetrainAdvice(changed, ("the example sentences have changed",) if changed else (), ())
