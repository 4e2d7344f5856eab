"""Models over the record: what customers are likely to do, want and mean, with reasons.

Public names are loaded on first use: scikit-learn and lightgbm take a second to import.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "ChurnModel": "assistant.insight.churn",
    "ChurnPrediction": "assistant.insight.churn",
    "ForecastModel": "assistant.insight.forecast",
    "IntentModel": "assistant.insight.intents",
    "Reason": "assistant.insight.explain",
    "Recommender": "assistant.insight.recommend",
    "LifetimeModel": "assistant.insight.lifetime",
    "SavedModel": "assistant.insight.registry",
    "Scorecard": "assistant.insight.risk",
    "SegmentModel": "assistant.insight.segments",
    "SentimentModel": "assistant.insight.sentiment",
    "TRAINERS": "assistant.insight.training",
    "TableModel": "assistant.insight.tablemodel",
    "TrainReport": "assistant.insight.registry",
    "check_models": "assistant.insight.moved",
    "due_models": "assistant.insight.moved",
    "better": "assistant.insight.registry",
    "current_version": "assistant.insight.registry",
    "customer_features": "assistant.insight.features",
    "find_anomalies": "assistant.insight.risk",
    "hash_data": "assistant.insight.registry",
    "history": "assistant.insight.registry",
    "load_model": "assistant.insight.registry",
    "model_names": "assistant.insight.registry",
    "predict_table": "assistant.insight.tables",
    "put_in_place": "assistant.insight.registry",
    "rollback": "assistant.insight.registry",
    "score_points": "assistant.insight.tables",
    "save_model": "assistant.insight.registry",
    "tell": "assistant.insight.telling",
    "train": "assistant.insight.training",
    "train_record_scorecard": "assistant.insight.risk",
    "train_scorecard": "assistant.insight.risk",
    "train_table": "assistant.insight.tables",
    "write_report": "assistant.insight.report",
}
__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'assistant.insight' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
