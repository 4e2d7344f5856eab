"""How the models themselves are: how good, since when, how fair, and whether to train them again."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assistant.dialogue.toolkit import ToolResult
from assistant.errors import ModelError
from assistant.evidence import Evidence

if TYPE_CHECKING:
    from assistant.dialogue.tools import Toolbox

# how a model is called in a question
_CALLED: Mapping[str, str] = {
    "churn": r"churn|attrition|leav(?:e|ing)\b|流失",
    "segments": r"segment|cluster|分群|细分|客户群",
    "recommend": r"recommend|推荐",
    "sentiment": r"sentiment|mood|情绪|情感",
    "intents": r"intent|router|意图",
    "lifetime": r"lifetime|\bclv\b|终身价值|生命周期",
    "forecast": r"forecast|销售预测|订单预测",
    "scorecard": r"score ?card|评分卡",
}
# the figure that says most of a model, the first that it has, and how to read it
_FIGURES: Mapping[str, tuple[str, str]] = {
    "auc": ("AUC {v:.3f} (0.5 is guessing, 1 perfect)", "AUC为{v:.3f}（0.5等于猜测，1为完美）"),
    "recall_at_10": ("{v:.0%} of purchases were among ten recommendations", "{v:.0%}的购买在十个推荐之内"),
    "silhouette": ("silhouette {v:.3f} (1 is far apart, 0 is one cloud)", "轮廓系数{v:.3f}（1为区分清晰，0为没有区别）"),
    "macro_f1": ("macro-F1 {v:.3f} (1 is perfect)", "宏平均F1为{v:.3f}（1为完美）"),
    "accuracy": ("accuracy {v:.3f} (1 is perfect)", "准确率{v:.3f}（1为完美）"),
    "mase": ("scaled error {v:.3f} (below 1 beats repeating the season)", "缩放误差{v:.3f}（低于1优于重复上季）"),
    "mae": ("mean error {v:.2f} orders a customer", "平均误差每位客户{v:.2f}单"),
}  # fmt: skip


def read_model(message: str) -> str | None:
    """The model that a message names."""
    return next((name for name, words in _CALLED.items() if re.search(words, message, re.I)), None)


def model_status(box: "Toolbox", model: str | None = None) -> ToolResult:
    """How good the trained models are, since when they are in place, where they are unfair, which to train again."""
    from assistant.insight import TRAINERS, check_models, history

    if box.home is None:
        raise ModelError("Where the models are kept isn't known here", "crm-assistant models list")
    if model is not None and model not in TRAINERS:
        raise ModelError(f"There is no model called {model!r}", f"one of: {', '.join(TRAINERS)}")
    evidence, rows = [], []
    for check in check_models(box.store, box.home, [model] if model else None):
        saved = next((v for v in history(box.home, check.model) if v.current), None)
        text, row = _status(box, saved, check.advice) if saved else _missing(box, check.model)
        day = box.store.as_of.isoformat()
        evidence.append(
            Evidence(f"prediction:models/{check.model}", "prediction", text, f"models, {check.model}", day)
        )
        rows.append(row)
    return ToolResult({"models": rows}, evidence)


def _missing(box: "Toolbox", name: str) -> tuple[str, dict[str, Any]]:
    text = box.t(f"The {name} model is not trained yet.", f"{name}模型尚未训练。")
    return text, {"model": name, "version": None, "train_again": True}


def _status(box: "Toolbox", saved: Any, advice: Any) -> tuple[str, dict[str, Any]]:
    figure = next((n for n in _FIGURES if saved.metrics.get(n) is not None), None)
    value = saved.metrics[figure] if figure else None
    unfair = [w for part in saved.report.get("fairness") or () for w in part.get("warnings") or ()]
    day = saved.at[:10]
    en = f"The {saved.name} model ({saved.version}) was trained on {day}"
    zh = f"{saved.name}模型（{saved.version}）于{day}训练"
    if figure:
        en += f" and reached, on data it had not seen, {_FIGURES[figure][0].format(v=value)}"
        zh += f"，在未见过的数据上：{_FIGURES[figure][1].format(v=value)}"
    if advice.retrain:
        why = "; ".join(advice.reasons[:2])
        en, zh = f"{en}. It should be trained again: {why}.", f"{zh}。应重新训练：{why}。"
    else:
        en, zh = f"{en}. It need not be trained again.", f"{zh}。无需重新训练。"
    if unfair:
        en, zh = f"{en} Fairness: {unfair[0]}", f"{zh}公平性：{unfair[0]}"
    row = {
        "model": saved.name,
        "version": saved.version,
        "trained": day,
        "figure": figure,
        "value": value,
        "train_again": advice.retrain,
        "reasons": list(advice.reasons),
        "fairness_warnings": unfair,
    }
    return box.t(en, zh), row
