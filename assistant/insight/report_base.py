"""What a part of the report is made of, and how saved figures are read and written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from assistant.insight import plots
from assistant.insight.registry import SavedModel, current_version, history

Language = Literal["en", "zh"]
Rows = Sequence[Sequence[Any]]
FIGURES = {
    "auc": "AUC",
    "average_precision": "Average precision",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "lift_10": "Lift in the top 10 %",
    "calibration_error": "Calibration error",
    "ndcg_at_10": "NDCG@10",
    "recall_at_10": "Recall@10",
    "macro_f1": "Macro-F1",
    "mase": "MASE",
    "mae": "MAE",
    "rmse": "RMSE",
}


@dataclass(frozen=True)
class Plot:
    """A picture, what it shows, and the numbers behind it as a table for those who can't see it."""

    title: str
    svg: str
    head: Sequence[str] = ()
    rows: Rows = ()


@dataclass(frozen=True)
class Table:
    title: str
    head: Sequence[str]
    rows: Rows
    marked: Sequence[int] = ()  # rows that stand out


@dataclass
class Section:
    """One part of the report. ``todo`` says what to type where there is nothing to show."""

    key: str
    title: str
    intro: str = ""
    figures: list[tuple[str, str, str]] = field(default_factory=list)  # name, value, note
    plots: list[Plot] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    todo: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "section": self.key,
            "figures": {name: value for name, value, _ in self.figures},
            "plots": [p.title for p in self.plots],
            "tables": [t.title for t in self.tables],
            "notes": self.notes,
            "warnings": self.warnings,
            "todo": self.todo,
        }


def bar_plot(
    title: str, bars: Sequence[tuple[str, float]], said: str, head: Sequence[str], form: str, **options: Any
) -> Plot:
    """Bars, with the same names and values as the table behind them; ``options`` are those of :func:`plots.bars`."""
    rows = [[name, form.format(value)] for name, value in bars]
    return Plot(title, plots.bars(bars, said, form=form, **options), head, rows)


def calibration_plot(title: str, table: Sequence[Mapping[str, float]], said: str) -> Plot:
    """A table of :func:`assistant.insight.evaluate.calibration_table` as a curve."""
    rows = [[f"{r['predicted']:.1%}", f"{r['observed']:.1%}", f"{r['rows']:,.0f}"] for r in table]
    return Plot(title, plots.calibration(table, said), ["said", "happened", "rows"], rows)


def untrained(home: Path, name: str, section: Section, todo: str) -> bool:
    """Whether there is no such model; then the section says what to type."""
    missing = current_version(home, name) is None
    if missing:
        section.todo = todo
    return missing


def saved_current(home: Path, name: str) -> SavedModel:
    return next(v for v in history(home, name) if v.current)


def saved_report(home: Path, name: str) -> Mapping[str, Any]:
    return next((v.report for v in history(home, name) if v.current), {})


def number(value: Any) -> str:
    return "" if value is None or value != value else f"{float(value):.3f}"


def share(value: Any) -> str:
    return "" if value is None or value != value else f"{float(value):.0%}"
