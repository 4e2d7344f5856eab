"""For agents: what was imported and what cleaning found, and what the models read of a customer."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.crm import Store, import_file
from assistant.dialogue import Session
from assistant.dialogue.understand import asks_plainly, references
from assistant.errors import PermissionDenied

from .doubles import LittleAssistant

Make = Callable[..., LittleAssistant]
AGENT = Session("agent", user="marieke")


def imported(store: Store, folder: Path) -> None:
    lines = ["order,customer,date,sku,quantity,price", "9001,C-1042,2026-10-01,LB-101,1,12.50"]
    lines += [lines[1], "9002,,2026-10-02,LB-101,1,12.50", "9003,C-1042,2026-02-31,LB-101,2,12.50"]
    path = folder / "autumn.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    import_file(store, "orders", path)


@pytest.mark.parametrize(
    ("message", "intent"),
    [
        ("How many rows were rejected in the last import?", "data_quality"),
        ("What about the data quality?", "data_quality"),
        ("上次导入有哪些行被拒绝？", "data_quality"),
        ("最近导入了哪些文件", "data_quality"),
        ("Give me the RFM figures of C-1042", "features"),
        ("C-1042的客户特征", "features"),
        ("Which features does the grinder have?", None),
        ("Was her order imported from Italy?", None),
        ("Why was his refund rejected?", None),
        ("这台磨豆机有什么特点", None),
    ],
)
def test_what_asks_for_the_record_itself(store: Store, message: str, intent: str | None) -> None:
    assert asks_plainly(message, references(store, message)) == intent


def test_what_was_imported_and_what_cleaning_found(make: Make, tmp_path: Path) -> None:
    assistant = make("Nonsense.")
    before = assistant.toolbox(AGENT, "en").call("data_quality", {})
    assert before[0].result["imports"] == [] and "No file has been imported" in before[1][0].text
    imported(assistant.store, tmp_path)
    turn = assistant.ask("How many rows were rejected in the last import?", session=AGENT)
    assert [t.name for t in turn.tools] == ["data_quality"] and turn.citations
    assert (
        "autumn.csv was imported as orders: 4 rows, 1 taken, 2 rejected, 1 left out as exact duplicates"
        in turn.answer
    )
    assert "1 x no customer" in turn.answer and "date is no date" in turn.answer
    zh = assistant.ask("上次导入有哪些行被拒绝？", session=AGENT)
    assert "拒绝2行" in zh.answer and "“no customer” 1行" in zh.answer
    told = assistant.toolbox(AGENT, "en").call("data_quality", {})[0].result
    assert told["imports"][0]["problems"]["no customer"] == 1 and told["counts"]["orders"] > 0


def test_what_the_models_read_of_a_customer(make: Make) -> None:
    assistant = make("Nonsense.")
    turn = assistant.ask("Give me the RFM figures of C-1042", session=AGENT)
    assert [t.name for t in turn.tools] == ["customer_features"] and turn.outcome == "answered"
    features = turn.tools[0].result["features"]
    assert f"{features['orders_total']:.0f} orders in all" in turn.answer
    for part in ("Recency", "Tenure", "Complaints"):
        assert f"{part}" in turn.answer
    zh = assistant.toolbox(AGENT, "zh").call("customer_features", {"customer": "C-1042"})
    assert any("客户C-1042截至" in e.text for e in zh[1])
    unknown = assistant.toolbox(AGENT, "en").call("customer_features", {"customer": "C-9"})[0].result
    assert "error" in unknown


@pytest.mark.parametrize("session", [Session("customer", customer="C-1042"), Session("visitor")])
@pytest.mark.parametrize("tool", ["data_quality", "customer_features"])
def test_nobody_else_sees_them(make: Make, session: Session, tool: str) -> None:
    box = make("Nonsense.").toolbox(session, "en")
    with pytest.raises(PermissionDenied):
        box.call(tool, {"customer": "C-1042"} if tool == "customer_features" else {})
    assert tool not in {t.name for t in box.as_langchain()}
