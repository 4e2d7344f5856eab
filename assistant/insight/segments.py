"""Kinds of customers: RFM segments by rule, and clusters found in the data, with names and profiles in words.

RFM scores each customer 1 to 5 for recency, frequency and money, and names the combination. Clusters come from
K-means or Ward's hierarchical clustering on scaled features; which of them, and how many, is decided by the
silhouette (how far apart) times the stability (how much the same customers stay together when the data is drawn
anew: adjusted Rand index over bootstrap samples, after Hennig 2007).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from assistant.errors import ModelError
from assistant.insight import purchases
from assistant.insight.evaluate import RetrainAdvice, drift, references, retrain_advice
from assistant.insight.registry import Progress, TrainReport, hash_data, load_model, save_model

FEWEST_CUSTOMERS = 60
SMALLEST_SHARE = 0.03  # of all customers, for a segment worth a name
MOST_FITTED = 3000  # customers that hierarchical clustering and silhouettes look at
BOOTSTRAPS = 8
_STRONG, _CLEAR = 0.7, 0.4  # standard deviations from the average that make a name, a profile's line
NONE_YET = 0  # the segment of customers without orders


@dataclass(frozen=True)
class _Feature:
    """How a feature is said: what is high, what is low, and its value with a unit."""

    high: tuple[str, str]
    low: tuple[str, str]
    value: tuple[str, str]


_FEATURES: dict[str, _Feature] = {
    "days_since_order": _Feature(
        ("long without an order", "久未下单"), ("ordered lately", "近期下过单"), ("{:.0f} days", "{:.0f}天")
    ),
    "orders_12m": _Feature(
        ("order often", "下单频繁"), ("order rarely", "下单很少"), ("{:.1f} orders a year", "一年{:.1f}单")
    ),
    "order_value": _Feature(
        ("large orders", "单笔金额高"), ("small orders", "单笔金额低"), ("{:.2f} an order", "每单{:.2f}")
    ),
    "tenure_days": _Feature(
        ("customers for long", "老客户"), ("customers for a short time", "新近成为客户"), ("{:.0f} days", "{:.0f}天")
    ),
    "products_per_order": _Feature(
        ("many products in an order", "每单品种多"), ("few products in an order", "每单品种少"), ("{:.1f}", "{:.1f}种")
    ),
    "subscribed": _Feature(
        ("have a subscription", "有订阅"), ("have no subscription", "没有订阅"), ("{:.0%} subscribed", "{:.0%}有订阅")
    ),
    "contacts_12m": _Feature(
        ("in touch often", "联系频繁"), ("hardly in touch", "很少联系"), ("{:.1f} contacts a year", "一年联系{:.1f}次")
    ),
    "unhappy_12m": _Feature(
        ("tickets and bad reviews", "工单和差评多"), ("few tickets and bad reviews", "工单和差评少"),
        ("{:.1f} a year", "一年{:.1f}次"),
    ),
    "spend_12m": _Feature(
        ("spend much", "消费高"), ("spend little", "消费低"), ("{:.2f} a year", "一年{:.2f}")
    ),
}  # fmt: skip
_NOT_CLUSTERED = ("spend_12m",)  # orders times order value: told in profiles, but counted once in distances

# Usual names of shops' categories; any other stays as the company wrote it.
CATEGORIES_ZH = {
    "accessories": "配件", "accessory": "配件", "beans": "咖啡豆", "books": "图书", "brewer": "冲煮器具",
    "clothing": "服装", "coffee": "咖啡", "electronics": "电子产品", "food": "食品", "furniture": "家具",
    "gift card": "礼品卡", "gift cards": "礼品卡", "gifts": "礼品", "grinder": "磨豆机", "home": "家居",
    "machine": "机器", "machines": "机器", "shoes": "鞋", "sports": "运动用品", "tea": "茶", "toys": "玩具",
}  # fmt: skip

# after the grids used in direct marketing; the columns are
_RFM_NAMES: tuple[tuple[int, int, int, int, str, str], ...] = (
    # R from, R to, FM from, FM to
    (4, 5, 4, 5, "Champions", "核心客户"),
    (3, 3, 4, 5, "Loyal", "忠实客户"),
    (1, 2, 5, 5, "Can't lose them", "不能失去的客户"),
    (1, 2, 4, 4, "At risk", "有流失风险的客户"),
    (4, 5, 2, 3, "Promising", "有潜力的客户"),
    (4, 5, 1, 1, "New or small", "新客户或小客户"),
    (3, 3, 2, 3, "Need attention", "需要关注的客户"),
    (3, 3, 1, 1, "About to sleep", "即将沉睡的客户"),
    (1, 2, 2, 3, "Hibernating", "沉睡客户"),
    (1, 2, 1, 1, "Lost", "已流失的客户"),
)


@dataclass(frozen=True)
class SegmentPrediction:
    """One customer's segment: the cluster with its profile, and the RFM segment beside it.

    ``segment`` is 1, 2, ... from the highest spend a year down, or 0 for customers without orders; ``rfm``
    three digits 1 (worst) to 5 for recency, frequency and money, empty without orders; ``x, y`` the place in
    the picture.
    """

    customer_id: str
    segment: int
    name_en: str
    name_zh: str
    profile_en: str
    profile_zh: str
    rfm: str
    rfm_name_en: str
    rfm_name_zh: str
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True)
class Segment:
    """A cluster: its size and its averages beside everybody's, in the features' own units."""

    segment: int
    name_en: str
    name_zh: str
    profile_en: str
    profile_zh: str
    customers: int
    share: float
    means: Mapping[str, float]
    everybody: Mapping[str, float]


class SegmentModel:
    """Clusters and RFM scores of a record's customers as of its last order.

    After ``fit``: ``segments_`` (list of :class:`Segment`), ``table_`` (every way tried: silhouette,
    stability, smallest share), ``picture_`` (frame: customer_id, x, y, segment; the first two principal
    components), ``metrics`` and ``left_out_``.
    """

    name = "segments"

    def __init__(self, *, fewest: int = 3, most: int = 8, seed: int = 7) -> None:
        self.fewest = fewest
        self.most = most
        self.seed = seed

    def fit(self, store: purchases.Record, *, progress: Progress | None = None) -> Self:
        """Raises :class:`ModelError` below 60 customers with orders or where all of them are alike."""
        from threadpoolctl import threadpool_limits

        table = purchases.customer_table(store)
        if len(table) < FEWEST_CUSTOMERS:
            raise ModelError(
                f"Segments need {FEWEST_CUSTOMERS} customers with orders; there are {len(table)}",
                "import more orders: crm-assistant import orders FILE",
            )
        self._columns, self.left_out_ = _usable(table)
        if len(self._columns) < 2:
            raise ModelError(
                "The customers are all alike: there is nothing to tell segments by", "import orders"
            )
        self._learn_scale(table)
        scaled = self._scale(table)
        with threadpool_limits(1):  # many small fits: waiting for threads is most of the work
            labels = self._choose(scaled, progress)
        # segments are numbered from the highest spend a year down
        spend = table["spend_12m"].groupby(labels).mean().sort_values(ascending=False, kind="stable")
        order = {old: new for new, old in enumerate(spend.index, 1)}
        labels = np.array([order[label] for label in labels])
        self._centres = np.array([scaled[labels == k].mean(axis=0) for k in range(1, len(order) + 1)])
        labels = self._nearest(scaled)
        self._rfm_known = {
            c: np.sort(table[c].to_numpy(float)) for c in ("days_since_order", "orders_12m", "spend_12m")
        }
        self._describe(table, scaled, labels)
        self._draw(table, scaled, labels)
        self.trained_on_ = references(table, dict.fromkeys(self._columns, "number"))
        return self

    def advice(self, store: purchases.Record) -> RetrainAdvice:
        """Have the customers moved since these segments were found?"""
        trained_on = getattr(self, "trained_on_", [])  # an older version doesn't know
        return retrain_advice(drift(trained_on, purchases.customer_table(store)) if trained_on else [])

    def predict(self, store: purchases.Record, ids: Sequence[str] | None = None) -> list[SegmentPrediction]:
        """Segments of ``ids`` in that order, or of every customer; unknown ids raise :class:`ModelError`."""
        known = _customer_ids(store, ids)
        if ids is not None and (missing := [i for i in ids if i not in known]):
            raise ModelError(
                f"There is no customer {missing[0]!r}", "crm-assistant doctor shows what is there"
            )
        wanted = list(ids) if ids is not None else sorted(known)
        table = purchases.customer_table(store, wanted if ids is not None and len(wanted) <= 500 else None)
        table = table.reindex(columns=self._all_columns).astype(float).fillna(0.0)
        table = table[table.index.isin(known)]
        scaled = self._scale(table)
        labels = dict(zip(table.index, self._nearest(scaled), strict=True))
        places = dict(zip(table.index, self._place(scaled), strict=True))
        found = []
        for customer in wanted:
            if customer not in labels:
                found.append(SegmentPrediction(customer, NONE_YET, *_NONE_YET, "", *_NONE_YET[:2]))
                continue
            s = self.segments_[labels[customer] - 1]
            code, rfm_name = self._rfm(table.loc[customer])
            x, y = places[customer]
            words = (s.name_en, s.name_zh, s.profile_en, s.profile_zh)
            found.append(
                SegmentPrediction(
                    customer, s.segment, *words, code, *rfm_name, round(float(x), 3), round(float(y), 3)
                )
            )
        return found

    def rename_all(self, names: Mapping[int, tuple[str, str]]) -> None:
        """Give segments other names, English and Chinese, that a person chose or accepted; all of them or none."""
        new = {s.segment: (s.name_en, s.name_zh) for s in self.segments_}
        for segment, (name_en, name_zh) in names.items():
            if segment not in new:
                raise ModelError(f"There is no segment {segment}", f"segments: 1 to {len(self.segments_)}")
            new[segment] = (name_en.strip(), name_zh.strip())
            if not all(new[segment]):
                raise ModelError("A segment's name can't be empty", "give a name in English and in Chinese")
        for k in (0, 1):
            called = [name[k].lower() for name in new.values()]
            twice = next((name for name in new.values() if called.count(name[k].lower()) > 1), None)
            if twice:
                raise ModelError(f"Two segments would be called {twice[k]}", "give one of them another name")
        self.segments_[:] = [
            replace(s, name_en=new[s.segment][0], name_zh=new[s.segment][1]) for s in self.segments_
        ]
        self.named_ = {**getattr(self, "named_", {}), **{k: new[k] for k in names}}

    # -- scaling
    # ----------------------------------------------------------------------------------------------

    def _learn_scale(self, table: pd.DataFrame) -> None:
        self._all_columns = list(table.columns)
        # money and counts have long tails: on a logarithm one big customer doesn't make a segment of one
        self._logged = [c for c in self._columns if table[c].min() >= 0 and abs(table[c].skew()) > 1]
        moved = self._moved(table)
        self._mean, self._sd = moved.mean(axis=0), moved.std(axis=0)

    def _moved(self, table: pd.DataFrame) -> np.ndarray:
        part = table[self._columns].astype(float).copy()
        part[self._logged] = np.log1p(part[self._logged].clip(lower=0))
        return part.to_numpy(float)

    def _scale(self, table: pd.DataFrame) -> np.ndarray:
        scaled = np.clip((self._moved(table) - self._mean) / self._sd, -3.0, 3.0)
        # shares of categories say one thing together and should not outvote the rest
        shares = np.array([c.startswith(purchases.SHARE) for c in self._columns])
        if shares.sum() > 2:
            scaled[:, shares] *= np.sqrt(2.0 / shares.sum())
        return np.asarray(scaled)

    def _nearest(self, scaled: np.ndarray) -> np.ndarray:
        if not len(scaled):
            return np.empty(0, int)
        return np.asarray(_assign(scaled, self._centres) + 1)

    # -- choosing
    # ---------------------------------------------------------------------------------------------

    def _choose(self, scaled: np.ndarray, progress: Progress | None) -> np.ndarray:
        from sklearn.metrics import silhouette_score

        rng = np.random.default_rng(self.seed)
        seen = scaled
        if len(scaled) > MOST_FITTED:
            seen = scaled[np.sort(rng.choice(len(scaled), MOST_FITTED, replace=False))]
        samples = [rng.integers(0, len(seen), len(seen)) for _ in range(BOOTSTRAPS)]
        tree, trees = _tree(seen), [_tree(seen[sample]) for sample in samples]
        most = min(self.most, len(seen) // 15)
        self.table_: list[dict[str, Any]] = []
        best: tuple[float, np.ndarray] | None = None
        for method in ("k-means", "hierarchical"):
            for k in range(self.fewest, most + 1):
                labels = _cluster(seen, method, k, self.seed, tree)
                centres = _centres(seen, labels)
                if len(centres) < k:
                    continue
                silhouette = float(silhouette_score(seen, labels))
                stability = _stability(seen, labels, samples, method, k, self.seed, trees)
                smallest = float(np.bincount(labels).min() / len(labels))
                row = {"method": method, "segments": k, "silhouette": silhouette, "stability": stability}
                self.table_.append({**row, "smallest_share": smallest})
                merit = max(silhouette, 0.0) * max(stability, 0.0)
                if smallest >= SMALLEST_SHARE and (best is None or merit > best[0]):
                    best = (merit, _assign(scaled, centres))
                    self._kept = row
                if progress:
                    progress("segments: compare", len(self.table_), 2 * (most - self.fewest + 1))
        if best is None:
            raise ModelError("No segments of a useful size were found", "import more orders or customers")
        self.metrics: dict[str, Any] = {
            "silhouette": self._kept["silhouette"],
            "stability": self._kept["stability"],
            "segments": self._kept["segments"],
            "method": self._kept["method"],
        }
        return best[1]

    # -- words
    # ------------------------------------------------------------------------------------------------

    def _describe(self, table: pd.DataFrame, scaled: np.ndarray, labels: np.ndarray) -> None:
        told = [*self._columns, *[c for c in _NOT_CLUSTERED if c in table and c not in self._columns]]
        spread = {c: float(table[c].rank(pct=True).std()) or 1.0 for c in told}
        ranks = table[told].rank(pct=True)  # differences in ranks: no tail decides what stands out
        everybody = {c: float(table[c].mean()) for c in told}
        self.segments_: list[Segment] = []
        for k in range(1, len(self._centres) + 1):
            members = labels == k
            means = {c: float(table.loc[members, c].mean()) for c in told}
            apart = {c: float(ranks.loc[members, c].mean() - 0.5) / spread[c] for c in told}
            profile = _profile(apart, means, everybody)
            names = _name(apart, [(s.name_en, s.name_zh) for s in self.segments_])
            self.segments_.append(
                Segment(k, *names, *profile, int(members.sum()), float(members.mean()), means, everybody)
            )
        self.metrics["smallest_share"] = min(s.share for s in self.segments_)

    def _rfm(self, row: pd.Series) -> tuple[str, tuple[str, str]]:
        r = 6 - _fifth(self._rfm_known["days_since_order"], row["days_since_order"])
        f = _fifth(self._rfm_known["orders_12m"], row["orders_12m"])
        m = _fifth(self._rfm_known["spend_12m"], row["spend_12m"])
        both = int((f + m) / 2 + 0.5)
        for r_from, r_to, fm_from, fm_to, en, zh in _RFM_NAMES:
            if r_from <= r <= r_to and fm_from <= both <= fm_to:
                return f"{r}{f}{m}", (en, zh)
        raise AssertionError((r, f, m))

    # -- picture
    # ----------------------------------------------------------------------------------------------

    def _draw(self, table: pd.DataFrame, scaled: np.ndarray, labels: np.ndarray) -> None:
        _, sizes, axes = np.linalg.svd(scaled - scaled.mean(axis=0), full_matrices=False)
        axes = axes[:2]
        # the sign of an axis is arbitrary: fixed, so that two trainings draw the same picture
        axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
        self._axes, self._middle = axes, scaled.mean(axis=0)
        self.metrics["picture_variance"] = float((sizes[:2] ** 2).sum() / (sizes**2).sum())
        places = self._place(scaled)
        self.picture_ = pd.DataFrame(
            {"customer_id": table.index, "x": places[:, 0], "y": places[:, 1], "segment": labels}
        )
        if len(self.picture_) > 5000:
            self.picture_ = self.picture_.sample(5000, random_state=self.seed).sort_index()

    def _place(self, scaled: np.ndarray) -> np.ndarray:
        return np.asarray((scaled - self._middle) @ self._axes.T)


_NONE_YET = ("No purchases yet", "尚未购买", "no order so far", "还没有下过单")


def _customer_ids(store: purchases.Record, ids: Sequence[str] | None) -> set[str]:
    if ids is not None and len(ids) <= 500:
        marks = ",".join("?" * len(ids))
        return set(store.frame(f"SELECT id FROM customers WHERE id IN ({marks})", tuple(ids))["id"])
    return set(store.frame("SELECT id FROM customers")["id"])


def _usable(table: pd.DataFrame) -> tuple[list[str], list[dict[str, str]]]:
    """Columns that tell customers apart; the eight biggest categories at most."""
    left_out, kept = [], []
    shares = [c for c in table if c.startswith(purchases.SHARE)]
    big = sorted(shares, key=lambda c: -table[c].mean())[:8]
    for column in table:
        if column in _NOT_CLUSTERED:
            continue
        if column in shares and (column not in big or table[column].mean() < 0.01):
            left_out.append({"column": column, "reason": "a small category"})
        elif table[column].std() < 1e-9:
            left_out.append({"column": column, "reason": "the same for every customer"})
        else:
            kept.append(column)
    return kept, left_out


def _cluster(
    points: np.ndarray, method: str, k: int, seed: int, tree: np.ndarray | None = None
) -> np.ndarray:
    """Labels 0..k-1; ``tree`` is Ward's tree of the same points, grown once for every ``k``."""
    if method == "k-means":
        from sklearn.cluster import KMeans

        return np.asarray(KMeans(k, n_init=3, random_state=seed).fit_predict(points))
    from scipy.cluster.hierarchy import fcluster

    return np.asarray(fcluster(_tree(points) if tree is None else tree, k, criterion="maxclust") - 1)


def _tree(points: np.ndarray) -> np.ndarray:
    from scipy.cluster.hierarchy import ward

    return np.asarray(ward(points))


def _centres(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.array([points[labels == k].mean(axis=0) for k in np.unique(labels)])


def _assign(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return np.asarray(((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2).argmin(axis=1))


def _stability(
    points: np.ndarray,
    labels: np.ndarray,
    samples: Sequence[np.ndarray],
    method: str,
    k: int,
    seed: int,
    trees: Sequence[np.ndarray] | None = None,
) -> float:
    """Mean adjusted Rand index between the clusters and those found in samples drawn with replacement."""
    from sklearn.metrics import adjusted_rand_score

    scores = []
    for number, sample in enumerate(samples):
        drawn = points[sample]
        found = _cluster(drawn, method, k, seed, trees[number] if trees else None)
        again = _assign(points, _centres(drawn, found))
        scores.append(adjusted_rand_score(labels, again))
    return float(np.mean(scores))


def _fifth(known: np.ndarray, value: float) -> int:
    """1 to 5: in which fifth of the sorted ``known`` the value lies; equal values share the middle of their
    places.
    """
    place = (np.searchsorted(known, value, "left") + np.searchsorted(known, value, "right")) / 2 / len(known)
    return int(np.clip(np.floor(place * 5) + 1, 1, 5))


def _profile(
    apart: Mapping[str, float], means: Mapping[str, float], everybody: Mapping[str, float]
) -> tuple[str, str]:
    """The four clearest differences from the average, in words with both numbers."""
    clear = sorted((c for c in apart if abs(apart[c]) >= _CLEAR), key=lambda c: -abs(apart[c]))[:4]
    if not clear:
        return "close to the average in everything", "各方面都接近平均水平"
    en, zh = [], []
    for column in clear:
        side = apart[column] > 0
        if column.startswith(purchases.SHARE):
            category = column.removeprefix(purchases.SHARE)
            many, much = ("much", "多") if side else ("little", "少")
            en.append(f"{many} of {category}: {means[column]:.0%} of spend (average {everybody[column]:.0%})")
            zh.append(
                f"买{CATEGORIES_ZH.get(category.lower(), category)}{much}：占消费{means[column]:.0%}（平均{everybody[column]:.0%}）"
            )
            continue
        words = _FEATURES[column]
        said = words.high if side else words.low
        average = words.value[0].split(" ")[0].format(everybody[column])
        en.append(f"{said[0]}: {words.value[0].format(means[column])} (average {average})")
        zh.append(f"{said[1]}：{words.value[1].format(means[column])}（平均{average}）")
    return "; ".join(en), "；".join(zh)


def _name(apart: Mapping[str, float], taken: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """A short name from what stands out most; never one that is taken."""
    words: list[tuple[float, tuple[str, str]]] = []
    sides = {
        "days_since_order": (("sleeping", "沉睡"), None),
        "tenure_days": (("long-standing", "长期"), ("new", "新")),
        "orders_12m": (("frequent", "高频"), ("occasional", "低频")),
        "order_value": (("big-basket", "大单"), ("small-basket", "小单")),
        "unhappy_12m": (("troubled", "不满"), None),
    }
    for least in (_STRONG, _CLEAR):  # weaker words only where there are no strong ones
        for column, (above, below) in sides.items():
            said = above if apart.get(column, 0.0) > 0 else below
            if said and abs(apart.get(column, 0.0)) >= least:
                words.append((abs(apart[column]), said))
        if words:
            break
    shares = {c.removeprefix(purchases.SHARE): v for c, v in apart.items() if c.startswith(purchases.SHARE)}
    top = max(shares, key=lambda c: shares[c], default="")
    noun = ("customers", "客户")
    if apart.get("subscribed", 0.0) >= _STRONG:
        noun = ("subscribers", "订阅客户")
    elif top and shares[top] >= _STRONG:
        noun = (f"{top} buyers", f"{CATEGORIES_ZH.get(top.lower(), top)}买家")
    elif apart.get("subscribed", 0.0) <= -_STRONG and len(words) < 2:
        noun = ("customers without a subscription", "无订阅客户")
    words.sort(key=lambda item: -item[0])
    adjectives = [said for _, said in words]
    for count in (*range(min(2, len(adjectives)), len(adjectives) + 1), 1):
        chosen = adjectives[:count] or [("average", "普通")]
        en = " ".join([*(a[0] for a in chosen), noun[0]])
        zh = "".join(a[1] for a in chosen) + noun[1]
        name = (en[0].upper() + en[1:], zh)
        if name not in taken:
            return name
    number = 2
    while (f"{name[0]} {number}", f"{name[1]}{number}") in taken:
        number += 1
    return f"{name[0]} {number}", f"{name[1]}{number}"


def train_segments(
    store: Any, *, home: Path, embedder: Any = None, progress: Progress | None = None
) -> TrainReport:
    """Fit a :class:`SegmentModel` on the record and save it under ``home/models/segments``."""
    started = time.perf_counter()
    model = SegmentModel().fit(store, progress=progress)
    kept = _names_before(model, home)
    table = purchases.customer_table(store)
    version = save_model(
        home,
        model.name,
        model,
        metrics=model.metrics,
        features=list(table.columns),
        data_hash=hash_data(table),
        report={"tried": model.table_, "segments": [vars(s) for s in model.segments_]},
    )
    names = [f"{s.segment} {s.name_en} ({s.customers}): {s.profile_en}" for s in model.segments_]
    return TrainReport(
        model.name,
        version,
        {**model.metrics, "tried": model.table_},
        model.left_out_,
        len(table),
        time.perf_counter() - started,
        notes=[*names, *([f"names kept: {', '.join(kept)}"] if kept else [])],
    )


def _names_before(model: SegmentModel, home: Path) -> list[str]:
    """Names that somebody gave to segments of the model in place stay with the same customers."""
    from assistant.insight.naming import keep_names

    try:
        return keep_names(model, load_model(home, model.name))
    except ModelError:  # there is none yet, or it can't be read any more
        return []
