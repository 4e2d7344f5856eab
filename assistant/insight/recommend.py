"""Which products to offer a customer next, with a reason.

Several ways of ranking (:mod:`assistant.insight.ranking`) are compared on the last purchases in time; the
best by NDCG@10 on earlier windows is kept and its figures come from the last window, which decided nothing.

People re-buy what runs out, so a product that was bought before counts as a right answer and is
recommended again; what lasts (a machine) isn't. Which is which is learnt: a product, or a whole category,
that hardly any buyer bought a second time is not offered to somebody who owns it. ``new_only`` leaves out
everything the customer ever bought and uses the ranking that is best at that.
"""

import logging
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from assistant.errors import ModelError
from assistant.insight import purchases
from assistant.insight.contest import PLAIN, Quality, Window, candidates
from assistant.insight.ranking import Histories, ItemItem, group_shares, lasting, make_log, scaled
from assistant.insight.registry import Progress, TrainReport, hash_data, save_model

log = logging.getLogger(__name__)

BASELINE = "popularity"
FEWEST_CUSTOMERS = 20  # with purchases before and after a moment, or no figure means anything
FEWEST_PRODUCTS = 5
MOST_PRODUCTS = 4000  # the (p, p) matrices stay below 64 MB each; rarer products count as new ones
_GROUPS = ("language", "country", "plan")


@dataclass(frozen=True)
class Recommendation:
    """One product for one customer.

    ``score`` is 0..1 (1: nothing fits better), ``kind`` is ``again | new | popular | fresh`` (bought
    before, not yet, liked by many like them, a product without history), ``because`` the product of the
    customer's that speaks for it.
    """

    product_id: str
    name: str
    score: float
    reason_en: str
    reason_zh: str
    kind: str = "new"
    because: str | None = None
    name_zh: str = ""


class Recommender:
    """Learns from a record's orders and recommends products; see the module for what counts.

    After ``fit``: ``kept_`` and ``kept_new_`` name the rankings in use, ``table_`` holds each candidate's
    figures per window kind, ``metrics`` the kept ones' on the last window, ``left_out_`` candidates that
    could not be tried.
    """

    name = "recommend"

    def __init__(self, *, horizon_days: int | None = None, windows: int = 3, seed: int = 7) -> None:
        self.horizon_days = horizon_days
        self.windows = windows
        self.seed = seed

    def fit(self, store: purchases.Record, *, progress: Progress | None = None) -> Self:
        """Compare the candidates in time, keep the best and train it on everything; ModelError if data is
        thin.
        """
        lines = purchases.lines(store)
        catalogue = purchases.products(store)
        self._choose_products(lines, catalogue)
        self._customers = sorted(lines["customer_id"].unique())
        self._as_of = lines["at"].max() + pd.Timedelta(seconds=1)
        lines = lines[lines["product_id"].isin(self._index)]
        self._compare(lines, catalogue, _customer_groups(store), progress)
        everything = make_log(lines, self._customers, self._ids, self._as_of)
        histories = everything.histories()
        final = candidates()
        self._ranker = final[self.kept_].fit(everything, histories)
        self._new_ranker = final[self.kept_new_].fit(everything, histories)
        self._reasons = ItemItem().fit(everything, histories).pull_
        self._lasting = lasting(histories, self._categories)
        self._groups = group_shares(everything, self._customers, _customer_groups(store))
        self._learn_words(catalogue)
        return self

    def recommend(
        self, store: Any, customer_id: str, n: int = 5, *, new_only: bool = False
    ) -> list[Recommendation]:
        """The ``n`` best products for a customer, best first; fewer where fewer are left.

        Reads the customer's orders and the active products from ``store`` now, so purchases and
        withdrawals since training count. An unknown customer raises :class:`ModelError`; one without
        orders gets what is popular with customers of the same language, country or plan.
        """
        customer = store.customer(customer_id)
        if customer is None:
            close = [c["id"] for c in store.closest_customers(customer_id)]
            raise ModelError(
                f"There is no customer {customer_id!r}",
                f"closest: {', '.join(close)}" if close else "type: crm-assistant doctor",
            )
        catalogue = purchases.products(store)
        owned = _history_of(store, customer_id)
        mine = self._histories_of(owned)
        known = catalogue["active"].reindex(self._ids, fill_value=False).to_numpy(dtype=bool)
        if mine.bought.nnz == 0:
            groups = _groups_of(store, customer)
            scores, why = self._for_newcomers(groups)
            kinds = ["popular"] * len(self._ids)
        else:
            ranker = self._new_ranker if new_only else self._ranker
            scores, why = scaled(ranker.score(mine))[0], {}
            bought = mine.bought.toarray()[0] > 0
            kinds = ["again" if b else "new" for b in bought]
            if new_only:
                known = known & ~bought
            known = known & ~self._lasting.banned(mine).toarray()[0].astype(bool)
        scores = np.where(known, scores, -1.0)
        fresh = self._fresh(catalogue, owned, scores)
        chosen = [(float(scores[j]), j) for j in np.argsort(-scores, kind="stable")[: n * 2] if scores[j] > 0]
        results = []
        for score, j in chosen[:n]:
            kind = kinds[j]
            if kind == "popular":
                because, reason = None, why.get(j, _POPULAR)
            else:
                kind, because, reason = self._explain(int(j), kind, owned, mine, catalogue)
            results.append(self._recommendation(self._ids[j], score, kind, because, reason, catalogue))
        results += [
            self._recommendation(i, score, "fresh", because, reason, catalogue)
            for i, score, because, reason in fresh
        ]
        return sorted(results, key=lambda r: -r.score)[:n]

    def similar(self, store: Any, product_id: str, n: int = 5) -> list[tuple[str, float]]:
        """Products bought by the same customers as ``product_id``: (id, 0..1), best first; active ones
        only.
        """
        if product_id not in self._index:
            return []
        catalogue = purchases.products(store)
        row = self._reasons[self._index[product_id]]
        found = [(self._ids[j], float(row[j])) for j in np.argsort(-row, kind="stable") if row[j] > 0]
        return [(i, s) for i, s in found if i in catalogue.index and catalogue.at[i, "active"]][:n]

    # -- learning ------------------------------------------------------------------------------------------

    def _choose_products(self, lines: pd.DataFrame, catalogue: pd.DataFrame) -> None:
        goods = catalogue.index[~catalogue["service"]]
        lines = lines[lines["product_id"].isin(goods)]
        counts = (
            lines.groupby("product_id")["customer_id"].nunique().sort_values(ascending=False, kind="stable")
        )
        self._ids = sorted(counts.index[:MOST_PRODUCTS])
        self._index = {product: j for j, product in enumerate(self._ids)}
        self._categories = catalogue["category"].reindex(self._ids).fillna("").to_numpy()
        if len(self._ids) < FEWEST_PRODUCTS:
            raise ModelError(
                f"Recommending needs at least {FEWEST_PRODUCTS} products that were bought; "
                f"there are {len(self._ids)}",
                "type: crm-assistant import orders FILE, with a column of product codes",
            )

    def _compare(
        self, lines: pd.DataFrame, catalogue: pd.DataFrame, groups: pd.DataFrame, progress: Progress | None
    ) -> None:
        span = (lines["at"].max() - lines["at"].min()).days
        horizon = self.horizon_days or int(np.clip(span / 8, 14, 60))
        cuts = [self._as_of - pd.Timedelta(days=horizon * w) for w in range(self.windows, 0, -1)]
        categories = dict(zip(self._ids, self._categories, strict=True))
        tried: dict[str, dict[bool, list[Quality]]] = {}
        self.left_out_: list[dict[str, str]] = []
        usable, steps = 0, 0
        newcomers: dict[str, float] = {}
        for cut in cuts:
            window = Window(lines, cut, cut + pd.Timedelta(days=horizon), categories, self.seed, groups)
            if window.customers < FEWEST_CUSTOMERS:
                continue
            usable += 1
            newcomers = window.newcomers()
            contest = candidates()
            for name, ranker in contest.items():
                try:
                    ranker.fit(window.log, window.histories)
                except ImportError as error:
                    if not any(x["column"] == name for x in self.left_out_):
                        self.left_out_.append({"column": name, "reason": f"not installed: {error.name}"})
                    continue
                for new_only in (False, True):
                    quality = window.measure(ranker, new_only)
                    tried.setdefault(name, {}).setdefault(new_only, []).append(quality)
                steps += 1
                if progress:
                    progress("recommend: compare", steps, len(contest) * len(cuts))
        if not usable:
            raise ModelError(
                f"Too few customers bought both before and after {cuts[-1].date()}: at least "
                f"{FEWEST_CUSTOMERS} are needed to compare recommendations",
                "import more orders: several months, with the customers' own ids",
            )
        self._settle(tried, usable, horizon, cuts, newcomers)

    def _settle(
        self,
        tried: dict[str, dict[bool, list[Quality]]],
        usable: int,
        horizon: int,
        cuts: list[pd.Timestamp],
        newcomers: dict[str, float],
    ) -> None:
        def best(new_only: bool) -> str:
            # with a single usable window it has to choose as well; the notes of the report say so
            def merit(name: str) -> float:
                seen = tried[name][new_only]
                return float(np.mean([q.ndcg_10 for q in (seen[:-1] or seen)]))

            top = max(tried, key=merit)
            personal = max((name for name in tried if name not in PLAIN), key=merit, default=top)
            noise = max(q.ndcg_10_se for q in tried[personal][new_only])
            return personal if merit(top) - merit(personal) <= noise else top

        self.kept_, self.kept_new_ = best(False), best(True)
        self.chosen_on_test_ = usable == 1
        self.table_ = {
            kind: {name: tried[name][new_only][-1].as_dict() for name in tried}
            for kind, new_only in (("all", False), ("new_only", True))
        }
        kept, base = tried[self.kept_][False][-1], tried[BASELINE][False][-1]
        kept_new, base_new = tried[self.kept_new_][True][-1], tried[BASELINE][True][-1]
        self.metrics: dict[str, Any] = {
            "ndcg_at_10": kept.ndcg_10,
            "ndcg_at_10_sd": kept.ndcg_10_se,
            "recall_at_10": kept.recall_10,
            "recall_at_10_sd": kept.recall_10_se,
            "coverage": kept.coverage,
            "popularity_ndcg_at_10": base.ndcg_10,
            "popularity_recall_at_10": base.recall_10,
            "recall_lift": kept.recall_10 / base.recall_10 - 1 if base.recall_10 else None,
            "new_only_recall_at_10": kept_new.recall_10,
            "new_only_popularity_recall_at_10": base_new.recall_10,
            **newcomers,
            "kept": self.kept_,
            "kept_new_only": self.kept_new_,
            "test_from": str(cuts[-1].date()),
            "test_days": horizon,
            "test_customers": kept.customers,
        }

    # -- one customer --------------------------------------------------------------------------------------

    def _histories_of(self, owned: pd.DataFrame) -> Histories:
        """One row; ``owned`` is indexed by product with ``times`` and ``last``."""
        lines = owned.explode("dates").reset_index()
        frame = pd.DataFrame(
            {
                "customer_id": "it",
                "order_id": np.arange(len(lines)),
                "product_id": lines["product_id"].to_numpy(),
                "at": pd.to_datetime(lines["dates"].to_numpy()),
            }
        )
        at = max(self._as_of, frame["at"].max()) if len(frame) else self._as_of
        return make_log(frame, ["it"], self._ids, at).histories()

    def _explain(
        self, j: int, kind: str, owned: pd.DataFrame, mine: Histories, catalogue: pd.DataFrame
    ) -> tuple[str, str | None, tuple[str, str]]:
        if kind == "again":
            return "again", self._ids[j], _again_reason(owned.loc[self._ids[j]])
        have = mine.bought.indices
        # what was bought lately is the better reason, but not just because it is bought all the time
        pulls = self._reasons[have, j] * (1.0 + mine.recent.minimum(1.0)[0, have].toarray()[0])
        if len(have) == 0 or pulls.max(initial=0.0) <= 0:
            return "popular", None, _POPULAR
        because = self._ids[have[int(np.argmax(pulls))]]
        name, name_zh = _names(because, catalogue)
        return "new", because, (f"because you bought {name}", f"因为您买过{name_zh}")

    def _for_newcomers(self, groups: dict[str, str]) -> tuple[np.ndarray, dict[int, tuple[str, str]]]:
        share, lifts = self._groups.score(groups)
        why = {}
        for j in range(len(self._ids)):
            kind, lift = max(((k, v[j]) for k, v in lifts.items()), key=lambda kv: kv[1], default=("", 0.0))
            if lift > 1.1:
                why[j] = _group_reason(kind, groups[kind])
        return scaled(share[None, :])[0], why

    def _learn_words(self, catalogue: pd.DataFrame) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._words = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, min_df=1)
        known = catalogue.reindex(self._ids)
        self._word_rows = self._words.fit_transform(_texts(known))

    def _fresh(
        self, catalogue: pd.DataFrame, owned: pd.DataFrame, scores: np.ndarray
    ) -> list[tuple[str, float, str | None, tuple[str, str]]]:
        """Active products nobody has bought yet, scored by their nearest relatives in category and words."""
        bought = set(self._index) | set(owned.index)  # plain Python is faster here than an index of strings
        unseen = np.array([product not in bought for product in catalogue.index], dtype=bool)
        new = catalogue[unseen & catalogue["active"].to_numpy() & ~catalogue["service"].to_numpy()]
        if new.empty:
            return []
        alike = (self._words.transform(_texts(new)) @ self._word_rows.T).toarray()
        alike += (new["category"].to_numpy()[:, None] == self._categories[None, :]) & (
            new["category"].to_numpy()[:, None] != ""
        )
        found = []
        for row, product in zip(alike, new.index, strict=True):
            near = np.argsort(-row, kind="stable")[:5]
            # a relative that may not be recommended (owned for good, sold out) speaks against its new sister
            score = 0.8 * float(np.sum(row[near] * np.maximum(scores[near], 0)) / max(row[near].sum(), 1e-9))
            mine = [k for k in near if self._ids[k] in owned.index]
            because = self._ids[mine[0]] if mine else None
            if because is not None:
                name, name_zh = _names(because, catalogue)
                reason = (f"new, and close to {name}, which you bought", f"新品，与您买过的{name_zh}相近")
            else:
                reason = ("new, and close to what customers like you buy", "新品，与您这类客户常买的相近")
            if score > 0 and row[near[0]] > 0:
                found.append((str(product), score, because, reason))
        return found

    def _recommendation(
        self,
        product: str,
        score: float,
        kind: str,
        because: str | None,
        reason: tuple[str, str],
        catalogue: pd.DataFrame,
    ) -> Recommendation:
        name, _ = _names(product, catalogue)
        name_zh = str(catalogue.at[product, "name_zh"]) if product in catalogue.index else ""
        return Recommendation(product, name, round(score, 4), *reason, kind, because, name_zh)


def _customer_groups(store: purchases.Record) -> pd.DataFrame:
    frame = store.frame(
        """SELECT c.id, c.language, c.country,
                  (SELECT s.plan FROM subscriptions s WHERE s.customer_id = c.id AND s.status = 'active'
                   ORDER BY s.started_on DESC LIMIT 1) AS plan FROM customers c"""
    ).set_index("id")
    return frame.astype(object).where(frame.notna(), "")


def _groups_of(store: Any, customer: dict[str, Any]) -> dict[str, str]:
    plans = [s["plan"] for s in store.subscriptions(customer["id"]) if s.get("status") == "active"]
    values = {
        "language": customer.get("language"),
        "country": customer.get("country"),
        "plan": next(iter(plans), ""),
    }
    return {kind: str(values[kind]) for kind in _GROUPS if values.get(kind)}


def _history_of(store: Any, customer_id: str) -> pd.DataFrame:
    """What one customer bought: index product_id, ``dates`` (list, oldest first)."""
    rows: dict[str, set[str]] = {}
    for order in store.orders(customer_id):
        if str(order.get("status") or "").lower() in purchases.UNDONE:
            continue
        for line in order["lines"]:
            if line["product_id"] is not None and (line["quantity"] or 0) > 0:
                rows.setdefault(line["product_id"], set()).add(order["ordered_at"])
    frame = pd.DataFrame(
        {"dates": [sorted(d) for d in rows.values()]}, index=pd.Index(list(rows), dtype=object)
    )
    frame.index.name = "product_id"
    return frame


_POPULAR = ("popular with our customers", "深受我们客户欢迎")
_GROUP_WORDS = {
    "language": ("popular with customers who speak your language", "深受与您说同一种语言的客户欢迎"),
    "country": ("popular with customers in {}", "深受{}客户欢迎"),
    "plan": ("popular with customers on the {} plan", "深受{}套餐客户欢迎"),
}


def _group_reason(kind: str, value: str) -> tuple[str, str]:
    en, zh = _GROUP_WORDS[kind]
    return en.format(value), zh.format(value)


def _again_reason(own: pd.Series) -> tuple[str, str]:
    dates = sorted({date.fromisoformat(moment[:10]) for moment in own["dates"]})
    last = str(dates[-1])
    if len(dates) == 1:
        return f"because you bought it on {last}", f"因为您在{last}买过"
    if len(dates) == 2:
        return f"because you bought it twice, last on {last}", f"因为您买过两次，最近一次是{last}"
    days = round((dates[-1] - dates[0]).days / (len(dates) - 1))
    return (
        f"because you bought it {len(dates)} times, about every {days} days, last on {last}",
        f"因为您买过{len(dates)}次，大约每{days}天一次，最近一次是{last}",
    )


def _names(product: str, catalogue: pd.DataFrame) -> tuple[str, str]:
    if product not in catalogue.index:
        return product, product
    name = str(catalogue.at[product, "name"])
    return name, str(catalogue.at[product, "name_zh"]) or name


def _texts(products: pd.DataFrame) -> list[str]:
    columns = ["name", "category", "description"]
    return [" ".join(row) for row in products[columns].fillna("").astype(str).to_numpy()]


def train_recommend(
    store: Any, *, home: Path, embedder: Any = None, progress: Progress | None = None
) -> TrainReport:
    """Fit a :class:`Recommender` on the record and save it under ``home/models/recommend``."""
    started = time.perf_counter()
    model = Recommender().fit(store, progress=progress)
    lines = purchases.lines(store)
    version = save_model(
        home,
        model.name,
        model,
        metrics=model.metrics,
        features=["orders", "order_lines", "products"],
        data_hash=hash_data(lines),
        report={"candidates": model.table_},
    )
    notes = []
    if model.chosen_on_test_:
        notes.append(
            "only one window had enough customers: the ranking was chosen and measured on the same one"
        )
    return TrainReport(
        model.name,
        version,
        {**model.metrics, "candidates": model.table_},
        model.left_out_,
        len(lines),
        time.perf_counter() - started,
        notes=notes,
    )
