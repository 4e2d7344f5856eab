"""About the record itself: what was imported and what cleaning found, and what the models read of one customer."""

import re
from typing import TYPE_CHECKING, Any

from assistant.dialogue.toolkit import ToolResult
from assistant.evidence import Evidence

if TYPE_CHECKING:
    from assistant.dialogue.tools import Toolbox

MOST_IMPORTS = 5
MOST_PROBLEMS = 4

# (heading in English and Chinese, features in the order in which they are said)
PARTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Recency, frequency, spend", "最近、频率、金额",
     ("days_since_order", "orders_total", "orders_90", "spend_90", "spend_365", "basket", "order_gap", "overdue")),
    ("Trends against the 90 days before", "与之前90天相比", ("orders_trend", "spend_trend")),
    ("Tenure", "时长", ("tenure_days", "subscription_days", "past_subscriptions")),
    ("Channels and contacts", "渠道与联系", ("phone_share", "contacts_90", "contacts_365", "days_since_contact")),
    ("Complaints", "投诉", ("complaints_30", "complaints_90", "complaints_365", "days_since_complaint", "late_365")),
    ("Tone over time", "语气变化", ("mood_365", "mood_90", "mood_trend", "mood_last", "rating_365")),
)  # fmt: skip
_FEATURES = re.compile(
    r"\brfm\b|\bcustomer features\b|\bfeature values\b|\bkey figures\b|\brecency\b.{0,20}\bfrequency\b"
    r"|客户特征|特征值|关键指标",
    re.I,
)
_DATA = re.compile(
    r"\bdata quality\b|\bquality of (?:the|our) (?:data|records?)\b|\b(?:last|latest|recent) imports?\b"
    r"|\bimport(?:ed|s)?\b.{0,40}\b(?:reject|fail|error|problem|clean|duplicat|quality)\w*"
    r"|\b(?:reject|clean|duplicat)\w*\b.{0,40}\bimport(?:ed|s)?\b|\b(?:rows?|files?|data)\b.{0,30}\b(?:rejected|imported)\b"
    r"|\bwhat (?:was|has been|did we) import"
    r"|数据质量|(?:最近|上次|最新).{0,6}导入|导入.{0,12}(?:拒绝|错误|问题|清洗|重复|什么|哪些)|(?:拒绝|清洗|重复).{0,8}(?:导入|数据|行)",
    re.I,
)


def asks_for_features(message: str) -> bool:
    """
    >>> asks_for_features("Show me the RFM figures of C-1042"), asks_for_features("Which features has her grinder?")
    (True, False)
    """
    return bool(_FEATURES.search(message))


def asks_for_data_quality(message: str) -> bool:
    """
    >>> asks_for_data_quality("How many rows were rejected in the last import?"), asks_for_data_quality("data plan prices")
    (True, False)
    """
    return bool(_DATA.search(message))


def data_quality(box: "Toolbox") -> ToolResult:
    """What was imported when, how many rows were taken and rejected, and what cleaning found."""
    from assistant.crm import last_imports

    counts, found = box.store.counts(), last_imports(box.store, MOST_IMPORTS)
    held = {name: int(counts.get(name, 0)) for name in ("customers", "orders", "products", "interactions")}
    head = box.t(
        f"The record holds {held['customers']} customers, {held['orders']} orders, {held['products']} products and "
        f"{held['interactions']} interactions, up to {box.store.as_of}.",
        f"记录中有{held['customers']}位客户、{held['orders']}个订单、{held['products']}种商品和{held['interactions']}次沟通，截至{box.store.as_of}。",
    )
    if not found:
        head += box.t(" No file has been imported yet.", "尚未导入任何文件。")
    evidence = [_evidence(box, "header", head)]
    evidence += [_evidence(box, f"import {row['id']}", _import_line(box, row)) for row in found]
    return ToolResult({"as_of": box.store.as_of.isoformat(), "counts": held, "imports": found}, evidence)


def _import_line(box: "Toolbox", row: dict[str, Any]) -> str:
    day, file, kind = row["at"][:10], row["file"], row["kind"]
    line = box.t(
        f"On {day} {file} was imported as {kind}: {row['rows']} rows, {row['accepted']} taken, {row['rejected']} rejected, {row['duplicates']} left out as exact duplicates.",
        f"{day}导入{file}（{kind}）：共{row['rows']}行，接受{row['accepted']}行，拒绝{row['rejected']}行，略去{row['duplicates']}行完全重复的数据。",
    )
    problems = sorted(row["problems"].items(), key=lambda x: -x[1])[:MOST_PROBLEMS]
    if problems:
        said = [(f"{n} x {what}", f"“{what}” {n}行") for what, n in problems]
        line += box.t(
            f" Cleaning found: {'; '.join(en for en, _ in said)}.",
            f"清洗发现：{'；'.join(zh for _, zh in said)}。",
        )
    return line


def customer_features(box: "Toolbox", customer: str) -> ToolResult:
    """What the models read of a customer: recency, frequency, spend, trends, tenure, channels, complaints, tone."""
    from assistant.insight import customer_features as features
    from assistant.insight.phrases import feature_phrase

    box.customer_row(customer)
    frame = features(box.store, ids=[customer])
    values = {str(k): _plain(v) for k, v in frame.iloc[0].items()}
    day = box.store.as_of
    evidence = []
    for en, zh, names in PARTS:
        said = [feature_phrase(n, values[n]) for n in names if values.get(n) is not None]
        if said:
            text = box.t(
                f"{en} of customer {customer} as of {day}: {'; '.join(s[0] for s in said)}.",
                f"客户{customer}截至{day}的{zh}：{'；'.join(s[1] for s in said)}。",
            )
            evidence.append(box.record(customer, f"features, {en.lower()}", text))
    return ToolResult({"customer": customer, "as_of": day.isoformat(), "features": values}, evidence)


def _plain(value: Any) -> Any:
    """A cell of the features as JSON has it; None where nothing is known."""
    import pandas as pd

    if pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _evidence(box: "Toolbox", part: str, text: str) -> Evidence:
    return Evidence(
        f"record:data/{part}", "record", text, f"data quality, {part}", box.store.as_of.isoformat()
    )
