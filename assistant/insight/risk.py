"""Risk: a credit scorecard that one can read and add up by hand, and transactions that stand out.

The scorecard is the classical one (Siddiqi 2006): every column is cut into few bins, each bin is worth the
weight of evidence of its good and bad cases, a logistic regression weighs the columns, and the log-odds
become whole points.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from assistant.errors import ModelError
from assistant.insight.columns import Column, find_leaks, guess_columns, prepare, read_table, read_target
from assistant.insight.evaluate import by_fold, calibration_table
from assistant.insight.features import days
from assistant.insight.purchases import currency
from assistant.insight.registry import (
    Progress,
    TrainReport,
    current_version,
    hash_data,
    history,
    not_placed,
    save_model,
)
from assistant.insight.scoring import sigmoid
from assistant.insight.tablemodel import make_folds

if TYPE_CHECKING:
    from assistant.crm import Store

BASE_POINTS, BASE_ODDS = 600, 30.0  # points of someone with 30 goods for each bad
DOUBLING = 20  # points that double these odds
MOST_BINS = 5
LEAST_SHARE = 0.05  # of the rows in a bin
RARE_ROWS = 10  # of a level of a category, below which it is one of the rare ones
FEWEST_ALIKE = 100  # orders of one currency, below which none of them is called among the highest or lowest
LEAST_INFORMATION = 0.02  # information value below which a column counts as saying nothing


@dataclass(frozen=True)
class Bin:
    """One line of the scorecard: which values, how many rows, their rate of bad cases, evidence and
    points."""

    column: str
    label: str
    rows: int
    bad_rate: float
    woe: float  # ln(share of goods / share of bads): above 0 speaks for the customer
    points: int


@dataclass(frozen=True)
class Score:
    """One row's points (more is better), the probability of the bad case, and the lines that gave the
    points."""

    points: int
    probability: float
    lines: tuple[tuple[str, str, int], ...]  # column, bin, points


class Scorecard:
    """Points per column and bin. ``fit(X, y)`` learns it from prepared columns; ``score(X)`` adds the
    points up."""

    version: str | None = None
    metrics: Mapping[str, Any] = {}
    id: str | None = None  # the column that names the rows

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = [c for c in columns if c.used]

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "Scorecard":
        """``X`` from :func:`assistant.insight.columns.prepare`, ``y`` 1 for the bad cases."""
        from sklearn.linear_model import LogisticRegression

        y = np.asarray(y, dtype=int)
        self.cuts_: dict[str, np.ndarray] = {}
        self.groups_: dict[str, dict[str, int]] = {}
        self.labels_: dict[str, list[str]] = {}
        evidence: list[np.ndarray] = []
        information: list[float] = []
        table: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        for column in self.columns:
            codes = self._learn_bins(column, X[column.name], y)
            size = len(self.labels_[column.name])
            rows = np.bincount(codes, minlength=size).astype(float)
            bad = np.bincount(codes, weights=y, minlength=size)
            # half a case in each cell keeps a bin without bad (or good) cases finite
            good_share = (rows - bad + 0.5) / (len(y) - y.sum() + 0.5 * size)
            woe = np.log(good_share / ((bad + 0.5) / (y.sum() + 0.5 * size)))
            woe = np.where(rows > 0, woe, 0.0)
            table[column.name] = (rows, bad, woe)
            evidence.append(woe[codes])
            gap = (rows - bad) / max(1, len(y) - y.sum()) - bad / max(1, y.sum())
            information.append(float(np.sum(gap * woe)))
        design = np.column_stack(evidence)
        # the weights may only point the way the evidence does, or a column would score against its own table
        keep = [k for k, value in enumerate(information) if value >= LEAST_INFORMATION]
        while keep:
            model = LogisticRegression(C=1.0, max_iter=1000).fit(design[:, keep], y)
            wrong = [k for k, weight in zip(keep, model.coef_[0], strict=True) if weight > 0]
            if not wrong:
                break
            keep = [k for k in keep if k not in wrong]
        if not keep:
            raise ModelError("No column tells good from bad cases", "give a table with other columns")
        factor = DOUBLING / np.log(2)
        offset = BASE_POINTS - factor * np.log(BASE_ODDS)
        used = [self.columns[k] for k in keep]
        intercept = float(model.intercept_[0])
        share = (offset - factor * intercept) / len(used)
        self.bins_: dict[str, list[Bin]] = {}
        for column, weight in zip(used, model.coef_[0], strict=True):
            rows, bad, woe = table[column.name]
            self.bins_[column.name] = [
                Bin(
                    column.name,
                    label,
                    int(rows[i]),
                    float(bad[i] / rows[i]) if rows[i] else float("nan"),
                    float(woe[i]),
                    round(float(share - factor * weight * woe[i])),
                )
                for i, label in enumerate(self.labels_[column.name])
            ]
        self.factor_, self.offset_ = factor, offset
        self.left_out_ = [
            {
                "column": c.name,
                "reason": "beside the other columns it says nothing, or the opposite of its table",
            }
            for k, c in enumerate(self.columns)
            if k not in keep
        ]
        return self

    def points(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) whole points: the sum of each row's bins."""
        total = np.zeros(len(X), dtype=int)
        for name, bins in self.bins_.items():
            total += np.array([b.points for b in bins])[self._codes(name, X[name])]
        return total

    def probability(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) probabilities of the bad case that the points stand for."""
        return sigmoid((self.offset_ - self.points(X)) / self.factor_)

    def predict(self, frame: pd.DataFrame) -> list[Score]:
        """Scores of a raw table's rows, with the lines that make them up."""
        X = prepare(frame, [c for c in self.columns if c.name in self.bins_])
        codes = {name: self._codes(name, X[name]) for name in self.bins_}
        probability = self.probability(X)
        out = []
        for row in range(len(X)):
            lines = [self.bins_[name][codes[name][row]] for name in self.bins_]
            parts = tuple((b.column, b.label, b.points) for b in lines)
            out.append(Score(sum(b.points for b in lines), float(probability[row]), parts))
        return out

    def table(self) -> pd.DataFrame:
        """The scorecard to print: one line per bin."""
        return pd.DataFrame([asdict(b) for bins in self.bins_.values() for b in bins])

    def _learn_bins(self, column: Column, values: pd.Series, y: np.ndarray) -> np.ndarray:
        """Bins by a small decision tree (numbers) or by joining categories of like rates; the last is
        "missing"."""
        from sklearn.tree import DecisionTreeClassifier

        least = max(10, int(LEAST_SHARE * len(y)))
        if column.kind == "number":
            numbers = values.to_numpy(dtype=float, na_value=np.nan)
            known = np.isfinite(numbers)
            cuts = np.empty(0)
            if known.sum() >= 2 * least:
                tree = DecisionTreeClassifier(
                    max_leaf_nodes=MOST_BINS, min_samples_leaf=least, random_state=0
                ).fit(numbers[known, None], y[known])
                cuts = np.sort(tree.tree_.threshold[tree.tree_.feature == 0])
            self.cuts_[column.name] = cuts
            edges = [f"{cut:,.4g}" for cut in cuts]
            if edges:
                between = [f"{a} to {b}" for a, b in pairwise(edges)]
                labels = [f"up to {edges[0]}", *between, f"over {edges[-1]}"]
            else:
                labels = ["any"]
        else:
            text = values.astype(object)
            rate = y.mean()
            counts = pd.DataFrame({"value": text, "y": y}).dropna().groupby("value")["y"].agg(["size", "sum"])
            # rare levels are one: sorted by rates of two or three rows each they would tell the answer they came with
            rare = counts[counts["size"] < RARE_ROWS]
            counts = counts[counts["size"] >= RARE_ROWS]
            # few cases say little about a level: pull its rate towards the overall one
            counts["rate"] = (counts["sum"] + 10 * rate) / (counts["size"] + 10)
            counts = counts.sort_values("rate")
            groups: list[list[str]] = []
            size = 0
            for value, level in counts.iterrows():
                if not groups or size >= max(least, len(y) // MOST_BINS):
                    groups.append([])
                    size = 0
                groups[-1].append(str(value))
                size += int(level["size"])
            if len(groups) > 1 and size < least:
                last = groups.pop()
                groups[-1] += last
            if len(rare):
                groups.append([str(value) for value in rare.index])
            self.groups_[column.name] = {v: i for i, group in enumerate(groups) for v in group}
            labels = [" | ".join(group[:4]) + (" | ..." if len(group) > 4 else "") for group in groups] or [
                "any"
            ]
        self.labels_[column.name] = [*labels, "missing or new"]
        return self._codes(column.name, values)

    def _codes(self, name: str, values: pd.Series) -> np.ndarray:
        last = len(self.labels_[name]) - 1
        if name in self.cuts_:
            numbers = values.to_numpy(dtype=float, na_value=np.nan)
            codes = np.searchsorted(self.cuts_[name], np.nan_to_num(numbers), side="left")
            return np.where(np.isfinite(numbers), codes, last)
        groups = self.groups_[name]
        return np.array(
            [groups.get(str(v), last) if v is not None else last for v in values.astype(object)], dtype=int
        )


def train_scorecard(
    path: Path | str | pd.DataFrame,
    target: str,
    *,
    home: Path,
    positive: str | None = None,
    drop: Sequence[str] = (),
    folds: int = 5,
    seed: int = 0,
    groups: np.ndarray | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> TrainReport:
    """A scorecard for a table's yes/no column (the bad case counts as yes); saved as the model
    ``scorecard``. ``groups`` says which rows belong together, so that none is tested on its like."""
    started = time.perf_counter()
    if progress:
        progress("reading", 0, None)
    frame = read_table(path)
    if target not in frame.columns:
        raise ModelError(
            f"The table has no column {target!r}", f"its columns: {', '.join(frame.columns[:8])}"
        )
    if not len(frame):
        raise ModelError("The table has no rows", "give a table with a header line and rows")
    answer = read_target(frame[target], target, positive)
    table, y = frame[answer.known].reset_index(drop=True), answer.labels
    if min(y.sum(), len(y) - y.sum()) < 50:
        raise ModelError("A scorecard needs 50 good and 50 bad cases at least", "give a larger table")
    columns = guess_columns(table, skip=[target, *drop])
    leaks = find_leaks(prepare(table, columns), y, columns, target)
    left_out = [{"column": c.name, "reason": c.reason} for c in columns if not c.used]
    left_out += [{"column": name, "reason": why} for name, why in leaks.items()]
    used = [c for c in columns if c.used and c.name not in leaks]
    if not used:
        raise ModelError(f"No column is left to learn {target} from", "give a table with other columns")
    X = prepare(table, used)
    fold_of = make_folds(y, None if groups is None else groups[answer.known], folds, seed)
    p = np.zeros(len(y))
    for number in range(folds):
        if progress:
            progress("cross-validation", number, folds)
        test = fold_of == number
        if test.any():
            p[test] = Scorecard(used).fit(X[~test], y[~test]).probability(X[test])
    card = Scorecard(used).fit(X, y)
    card.id = next((c.name for c in columns if c.role == "id"), None)
    metrics: dict[str, Any] = {**by_fold(y, p, fold_of), "rate": float(y.mean()), "rows": len(y)}
    metrics["gini"] = 2 * metrics["auc"] - 1
    left_out += card.left_out_
    details = {
        "target": target,
        "positive": answer.positive,
        "card": card.table().to_dict("records"),
        "calibration": calibration_table(y, p),
    }
    before = next((v.report.get("target") for v in history(home, "scorecard") if v.current), None)
    version = save_model(
        home,
        "scorecard",
        card,
        metrics=metrics,
        features=list(card.bins_),
        data_hash=hash_data(X, y),
        report={**details, "left_out": left_out, "notes": [answer.note]},
        force=force or before not in (None, target),
    )
    kept = current_version(home, "scorecard") == version
    notes = [answer.note] if kept else [answer.note, not_placed(home, "scorecard", version)]
    seconds = time.perf_counter() - started
    return TrainReport("scorecard", version, metrics, left_out, len(y), seconds, kept, notes, details)


def train_record_scorecard(
    store: "Store",
    *,
    home: Path,
    embedder: Any = None,
    progress: Progress | None = None,
    force: bool = False,
) -> TrainReport:
    """A scorecard over the record's own features: who leaves within 90 days is the bad case, so that every
    customer of the record has points."""
    from assistant.insight.churn import snapshots
    from assistant.insight.features import History
    from assistant.insight.scoring import COURSE

    data = snapshots(History.read(store), progress)
    frame = data.X.drop(columns=COURSE).reset_index(drop=True)
    frame["left_within_90_days"] = np.where(data.y == 1, "yes", "no")
    return train_scorecard(
        frame, "left_within_90_days", home=home, groups=data.who, progress=progress, force=force
    )


@dataclass(frozen=True)
class Anomaly:
    """A transaction that stands out: ``score`` 0..1 is the share of all transactions that stand out less.

    ``currency`` is the amount's, None where the record names none.
    """

    order_id: str
    customer_id: str
    at: str
    amount: float
    score: float
    reasons: tuple[str, ...]
    reasons_zh: tuple[str, ...]
    currency: str | None = None

    @property
    def money(self) -> str:
        return f"{self.amount:,.2f} {self.currency or ''}".rstrip()


def find_anomalies(store: "Store", *, share: float = 0.005, seed: int = 0) -> list[Anomaly]:
    """The ``share`` of orders that stand out most, by an isolation forest (Liu, Ting, Zhou 2008), oldest
    first.

    It looks at an order's amount, number of pieces and hour, at each against the customer's own earlier
    orders, and at the time since the one before. Amounts are compared with those of the same currency only. A flag is
    a reason to look, no more. Raises :class:`ModelError` below 100 orders.
    """
    from sklearn.ensemble import IsolationForest

    orders = store.frame(
        "SELECT o.id, o.customer_id, o.ordered_at, o.total, o.currency, coalesce(sum(l.quantity), 0) AS pieces, "
        "coalesce(max(l.quantity), 0) AS most FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id "
        "WHERE o.total > 0 GROUP BY o.id ORDER BY o.ordered_at"
    )
    if len(orders) < 100:
        raise ModelError(
            f"{len(orders)} orders are too few to say what stands out", "import at least 100 orders"
        )
    when = days(orders["ordered_at"])
    amount = orders["total"].to_numpy(float)
    money = orders["currency"].fillna(currency(store) or "")  # an amount without one is in the usual one
    logs = pd.Series(np.log(amount))
    usual = logs.groupby(money).transform("median").to_numpy()
    own = pd.DataFrame({"log": logs, "customer": orders["customer_id"], "money": money})
    alike = own.groupby(["customer", "money"], sort=False)
    earlier = alike["log"].shift().groupby([own["customer"], own["money"]], sort=False).expanding(1).median()
    before = earlier.droplevel([0, 1]).reindex(own.index).to_numpy(float)
    number = alike.cumcount().to_numpy()
    gap = pd.Series(when).groupby(own["customer"], sort=False).diff().to_numpy(float)
    against = np.log(amount) - np.where(np.isfinite(before) & (number >= 3), before, usual)
    hour = np.mod(when, 1.0) * 24
    night = (hour < 5) & (np.mod(when, 1.0) > 0)
    features = np.column_stack(
        [
            np.log(amount) - usual,
            against,
            np.log1p(orders["pieces"].to_numpy(float)),
            np.log1p(orders["most"].to_numpy(float)),
            night.astype(float),
            np.log1p(np.nan_to_num(gap, nan=float(np.nanmedian(gap)) if np.isfinite(gap).any() else 30.0)),
        ]
    )
    forest = IsolationForest(n_estimators=200, max_samples=min(512, len(orders)), random_state=seed).fit(
        features
    )
    strange = -forest.score_samples(features)
    rank = pd.Series(strange).rank(pct=True).to_numpy()
    chosen = np.flatnonzero(rank > 1 - share)
    # of a handful of amounts one is always the highest
    many = money.map(money.value_counts()).to_numpy() >= FEWEST_ALIKE
    high, low = (pd.Series(amount).groupby(money).transform("quantile", q).to_numpy() for q in (0.99, 0.01))
    pieces, most = np.quantile(orders["pieces"], 0.99), np.quantile(orders["most"], 0.99)
    out = []
    for i in chosen:
        row = orders.iloc[int(i)]
        code = row["currency"] if isinstance(row["currency"], str) else ""
        why: list[tuple[str, str]] = []
        if number[i] >= 3 and against[i] > np.log(3):
            times = float(np.exp(against[i]))
            why.append(
                (f"{times:.1f} times this customer's usual amount", f"是该客户平时金额的 {times:.1f} 倍")
            )
        shown = f"{amount[i]:,.2f} {code}".rstrip()
        if many[i] and amount[i] >= high[i]:
            why.append((f"amount {shown}: among the highest 1 %", f"金额 {shown}，属于最高的 1%"))
        if row["pieces"] >= max(pieces, 1) or row["most"] >= max(most, 1):
            why.append((f"{row['pieces']:,.0f} pieces in one order", f"一笔订单共 {row['pieces']:,.0f} 件"))
        if many[i] and amount[i] <= low[i]:
            why.append((f"amount {shown}: among the lowest 1 %", f"金额 {shown}，属于最低的 1%"))
        if np.isfinite(gap[i]) and gap[i] < 1 / 24:
            minutes = max(1, round(float(gap[i]) * 1440))
            why.append((f"{minutes} min after the order before", f"距上一笔订单仅 {minutes} 分钟"))
        if night[i]:
            why.append((f"placed at night ({hour[i]:.0f} h)", f"深夜下单（{hour[i]:.0f} 点）"))
        if not why:
            why.append(("an unusual mix of amount, pieces and time", "金额、件数与时间的组合不寻常"))
        out.append(
            Anomaly(
                str(row["id"]), str(row["customer_id"]), str(row["ordered_at"]), float(amount[i]), float(rank[i]),
                tuple(en for en, _ in why), tuple(zh for _, zh in why), code or None,
            )
        )  # fmt: skip
    return out
