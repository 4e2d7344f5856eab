"""Ways to rank products for customers, all with one contract, and how they are measured.

Every ranker learns from :class:`Histories` of many customers (and the orders behind them) and scores any
customers' histories afterwards, also of customers it has never seen: so a purchase made after training
counts at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp

FIRST_DAYS = 60.0  # of a customer: what newcomers buy
HALF_LIFE = 180.0  # days after which a purchase counts half


@dataclass(frozen=True)
class Histories:
    """What ``n`` customers bought of ``p`` products, as (n, p) sparse rows, float32.

    ``bought`` holds ones, ``times`` the number of orders, ``recent`` the same number with old orders fading,
    ``since`` the days since the last one, at least 1.
    """

    bought: sp.csr_matrix
    times: sp.csr_matrix
    recent: sp.csr_matrix
    since: sp.csr_matrix

    def __len__(self) -> int:
        return int(self.bought.shape[0])

    def rows(self, which: Any) -> "Histories":
        return Histories(*(m[which] for m in (self.bought, self.times, self.recent, self.since)))


@dataclass(frozen=True)
class Log:
    """Purchases as whole numbers: one row per product in an order. ``age`` is in days before the day of
    asking.
    """

    customer: np.ndarray
    order: np.ndarray
    product: np.ndarray
    age: np.ndarray
    customers: int
    products: int

    def histories(self) -> Histories:
        shape = (self.customers, self.products)
        at = (self.customer, self.product)
        times = sp.csr_matrix((np.ones(len(self.age), np.float32), at), shape)
        recent = sp.csr_matrix(((0.5 ** (self.age / HALF_LIFE)).astype(np.float32), at), shape)
        bought = times.copy()
        bought.data[:] = 1.0
        # old purchases first, so that the last one is what stays
        order = np.argsort(-self.age, kind="stable")
        last = dict(
            zip(
                (self.customer[order] * self.products + self.product[order]).tolist(),
                np.maximum(self.age[order], 1.0).tolist(),
                strict=True,
            )
        )
        cells = np.fromiter(last.keys(), np.int64, len(last))
        days = np.fromiter(last.values(), np.float32, len(last))
        since = sp.csr_matrix((days, (cells // self.products, cells % self.products)), shape)
        return Histories(bought, times, recent, since)


def make_log(lines: pd.DataFrame, customers: Sequence[str], products: Sequence[str], at: pd.Timestamp) -> Log:
    """The rows of ``lines`` whose customer and product are in the lists, seen from the moment ``at``."""
    customer = pd.Index(customers).get_indexer(lines["customer_id"])
    product = pd.Index(products).get_indexer(lines["product_id"])
    keep = (customer >= 0) & (product >= 0)
    order, _ = pd.factorize(lines["order_id"])
    frame = pd.DataFrame({"c": customer, "o": order, "p": product, "at": lines["at"].to_numpy()})[keep]
    frame = frame.drop_duplicates(["o", "p"])
    age = np.maximum((at - frame["at"]).dt.total_seconds().to_numpy() / 86400.0, 0.0)
    return Log(
        frame["c"].to_numpy(),
        frame["o"].to_numpy(),
        frame["p"].to_numpy(),
        age,
        len(customers),
        len(products),
    )


class Ranker:
    """Contract: ``fit(log, histories)`` returns self, ``score(histories)`` gives (n, p) floats, more is
    better.

    Fitting again on the same log does nothing, so that rankings may share parts.
    """

    _seen: Log | None = None

    def fit(self, log: Log, histories: Histories) -> Self:
        if self._seen is not log:
            self._learn(log, histories)
            self._seen = log
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_seen"}  # a saved ranker keeps no orders

    def _learn(self, log: Log, histories: Histories) -> None:
        raise NotImplementedError

    def score(self, histories: Histories) -> np.ndarray:
        raise NotImplementedError


class Popularity(Ranker):
    """How many customers bought it; with ``fading``, purchases of long ago count less. The same for
    everybody.
    """

    def __init__(self, fading: bool = False) -> None:
        self.fading = fading

    def _learn(self, log: Log, histories: Histories) -> None:
        counted = histories.recent.minimum(1.0) if self.fading else histories.bought
        self.count_ = np.asarray(counted.sum(axis=0)).ravel()

    def score(self, histories: Histories) -> np.ndarray:
        return np.tile(self.count_, (len(histories), 1))


class Again(Ranker):
    """What the customer bought most often (``fading``: and lately); another ranking fills the rest of the
    list.

    ``due``: what was bought only just now, measured by the days after which buyers of the product typically
    come back for it, goes down the list, at most to a fifth of its score. ``rest`` ranks what was never
    bought and settles between equals, with ``weight`` orders' worth of say; by default it is what is popular
    lately.
    """

    def __init__(
        self, fading: bool = False, due: bool = False, rest: Ranker | None = None, weight: float = 1e-4
    ) -> None:
        self.fading = fading
        self.due = due
        self.rest = rest or Popularity(fading=True)
        self.weight = weight

    def _learn(self, log: Log, histories: Histories) -> None:
        self.rest.fit(log, histories)
        if self.due:
            self.gap_ = _typical_gaps(log)

    def score(self, histories: Histories) -> np.ndarray:
        own = (histories.recent if self.fading else histories.times).toarray()
        if self.due:
            own = own * np.clip(histories.since.toarray() / self.gap_[None, :], 0.2, 1.0)
        return own + self.weight * scaled(self.rest.score(histories))


def _typical_gaps(log: Log) -> np.ndarray:
    """(p,) the quarter quantile of days between two purchases of a product by one customer.

    Products with few such gaps lean on all products', with the weight of ten gaps.
    """
    frame = pd.DataFrame({"c": log.customer, "p": log.product, "age": log.age})
    frame = frame.sort_values(["c", "p", "age"], kind="stable")
    gap = frame.groupby(["c", "p"])["age"].diff()
    gaps = frame.assign(gap=gap)[gap >= 1.0]
    overall = float(gaps["gap"].quantile(0.25)) if len(gaps) else 30.0
    per = gaps.groupby("p")["gap"].agg(["count", lambda s: s.quantile(0.25)])
    found = np.full(log.products, overall)
    n = per["count"].to_numpy()
    found[per.index.to_numpy()] = (n * per.iloc[:, 1].to_numpy() + 10 * overall) / (n + 10)
    return np.maximum(found, 1.0)


class ItemItem(Ranker):
    """Products bought by the same customers (Sarwar et al. 2001): cosine or Pearson correlation of their
    columns.

    Correlations that rest on few common customers are shrunk towards 0 (``support`` customers count half).
    """

    def __init__(self, similarity: str = "cosine", support: float = 5.0) -> None:
        self.similarity = similarity
        self.support = support

    def _learn(self, log: Log, histories: Histories) -> None:
        both = (histories.bought.T @ histories.bought).toarray().astype(np.float64)
        self.pull_ = _similarity(both, len(histories), self.similarity)
        self.pull_ *= both / (both + self.support)
        np.fill_diagonal(self.pull_, 0.0)
        self.pull_ = self.pull_.astype(np.float32)

    def score(self, histories: Histories) -> np.ndarray:
        return np.asarray(histories.bought @ self.pull_)


class UserUser(Ranker):
    """What the most similar customers bought, by cosine or Pearson correlation of their rows."""

    def __init__(self, similarity: str = "cosine", neighbours: int = 30, most: int = 20_000) -> None:
        self.similarity = similarity
        self.neighbours = neighbours
        self.most = most

    def _learn(self, log: Log, histories: Histories) -> None:
        size = np.asarray(histories.bought.sum(axis=1)).ravel()
        fresh = np.asarray(histories.recent.sum(axis=1)).ravel()
        kept = np.argsort(-fresh, kind="stable")[: self.most]  # bounds memory: the most active customers
        kept = kept[size[kept] > 0]
        self.bought_, self.recent_ = histories.bought[kept], histories.recent[kept].minimum(1.0)
        self.size_ = size[kept]

    def score(self, histories: Histories) -> np.ndarray:
        products = histories.bought.shape[1]
        both = (histories.bought @ self.bought_.T).toarray().astype(np.float64)
        size = np.asarray(histories.bought.sum(axis=1)).ravel()
        same = _similarity(both, products, self.similarity, size, self.size_)
        same = np.maximum(same, 0.0)
        # A customer known from training finds himself; one exact copy says nothing new.
        same[(both == size[:, None]) & (both == self.size_[None, :])] = 0.0
        if same.shape[1] > self.neighbours:
            weakest = np.partition(same, -self.neighbours, axis=1)[:, [-self.neighbours]]
            same[same < weakest] = 0.0
        return np.asarray(same @ self.recent_)


class Ease(Ranker):
    """EASE^R, the shallow linear autoencoder with a closed form (Steck, WWW 2019, arXiv:1905.03375).

    Learns a (p, p) matrix with a zero diagonal that rebuilds customers' rows from themselves; ``ridge`` is
    its only setting. ``fading`` asks with recent purchases counting more.
    """

    def __init__(self, ridge: float = 200.0, fading: bool = True) -> None:
        self.ridge = ridge
        self.fading = fading

    def _learn(self, log: Log, histories: Histories) -> None:
        gram = (histories.bought.T @ histories.bought).toarray().astype(np.float64)
        gram[np.diag_indices_from(gram)] += self.ridge
        inverse = np.linalg.inv(gram)
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0.0)
        self.pull_ = weights.astype(np.float32)

    def score(self, histories: Histories) -> np.ndarray:
        asked = histories.recent.minimum(1.0) if self.fading else histories.bought
        return np.asarray(asked @ self.pull_)


class Autoencoder(Ranker):
    """A denoising autoencoder (Mult-DAE, Liang et al. 2018); asked with recent purchases counting more."""

    def __init__(self, hidden: int = 48, seed: int = 7) -> None:
        self.hidden = hidden
        self.seed = seed

    def _learn(self, log: Log, histories: Histories) -> None:
        from assistant.language.networks import train_autoencoder

        self.weights_ = train_autoencoder(histories.bought, hidden=self.hidden, seed=self.seed)

    def score(self, histories: Histories) -> np.ndarray:
        from assistant.language.networks import autoencode

        return autoencode(self.weights_, histories.recent.minimum(1.0).toarray())


class Factors(Ranker):
    """Matrix factorisation for implicit feedback by alternating least squares (Hu, Koren & Volinsky 2008).

    By the library ``implicit``; raises ImportError where that isn't installed.
    """

    def __init__(self, factors: int = 32, weight: float = 10.0, seed: int = 7) -> None:
        self.factors = factors
        self.weight = weight
        self.seed = seed

    def _learn(self, log: Log, histories: Histories) -> None:
        from implicit.als import AlternatingLeastSquares  # first: it loads a BLAS of its own
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):  # implicit warns otherwise: its threads and BLAS's fight
            self.model_ = AlternatingLeastSquares(
                factors=min(self.factors, max(2, min(histories.bought.shape) - 1)),
                alpha=self.weight,
                regularization=0.1,
                random_state=self.seed,
                num_threads=1,  # with more, sums come out in another order each time
            )
            self.model_.fit(histories.bought, show_progress=False)

    def score(self, histories: Histories) -> np.ndarray:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):
            users = self.model_.recalculate_user(np.arange(len(histories)), histories.bought)
        return np.asarray(users @ self.model_.item_factors.T)


class Together(Ranker):
    """Products bought in the same order, lately: cosine over orders, old orders and old purchases fading."""

    def _learn(self, log: Log, histories: Histories) -> None:
        weight = np.sqrt(0.5 ** (log.age / HALF_LIFE))
        rows = pd.factorize(log.order)[0]
        baskets = sp.csr_matrix((weight, (rows, log.product)), (rows.max(initial=0) + 1, log.products))
        both = (baskets.T @ baskets).toarray()
        self.pull_ = _similarity(both, baskets.shape[0], "cosine").astype(np.float32)
        np.fill_diagonal(self.pull_, 0.0)

    def score(self, histories: Histories) -> np.ndarray:
        return np.asarray(histories.recent @ self.pull_)


class Blend(Ranker):
    """Several rankers' scores, each scaled to 0..1 per customer, added with fixed weights."""

    def __init__(self, parts: Sequence[tuple[Ranker, float]]) -> None:
        self.parts = list(parts)

    def _learn(self, log: Log, histories: Histories) -> None:
        self.parts = [(part.fit(log, histories), weight) for part, weight in self.parts]

    def score(self, histories: Histories) -> np.ndarray:
        return np.sum([weight * scaled(part.score(histories)) for part, weight in self.parts], axis=0)


def scaled(scores: np.ndarray) -> np.ndarray:
    """Rows with negative scores cut to 0 and the best at 1."""
    scores = np.maximum(scores, 0.0)
    best = scores.max(axis=1, keepdims=True)
    return scores / np.where(best > 0, best, 1.0)


def _similarity(
    both: np.ndarray, n: int, kind: str, left: np.ndarray | None = None, right: np.ndarray | None = None
) -> np.ndarray:
    """Cosine or Pearson correlation of 0/1 vectors of length ``n`` from their counts of common ones."""
    a = np.diag(both) if left is None else left
    b = np.diag(both) if right is None else right
    if kind == "cosine":
        scale = np.sqrt(np.outer(a, b))
        top = both
    else:
        top = both / n - np.outer(a / n, b / n)
        spread_a, spread_b = a / n * (1 - a / n), b / n * (1 - b / n)
        scale = np.sqrt(np.outer(spread_a, spread_b))
    return np.divide(top, scale, out=np.zeros_like(both, dtype=float), where=scale > 1e-12)


@dataclass(frozen=True)
class Lasting:
    """Products and whole categories that hardly anybody buys twice: one is enough."""

    product: np.ndarray  # (p,) bool
    category: np.ndarray  # (p,) bool: all of its category
    codes: np.ndarray  # (p,) which category, -1 without

    def banned(self, histories: Histories) -> sp.csr_matrix:
        """(n, p) ones where a customer already has enough of it."""
        own = histories.bought.multiply(self.product[None, :].astype(np.float32)).tocsr()
        groups = sp.csr_matrix(
            (self.category.astype(np.float32), (np.arange(len(self.codes)), np.maximum(self.codes, 0))),
            (len(self.codes), int(self.codes.max(initial=0)) + 1),
        )
        banned = own + (histories.bought @ groups) @ groups.T
        banned.data[:] = 1.0
        return sp.csr_matrix(banned)


def lasting(histories: Histories, categories: np.ndarray) -> Lasting:
    """Learn what lasts from second purchases; rates of products with few buyers lean on their category's."""
    buyers = np.asarray(histories.bought.sum(axis=0)).ravel()
    again = np.asarray((histories.times > 1).sum(axis=0)).ravel().astype(float)
    overall = again.sum() / max(buyers.sum(), 1.0)
    codes, names = pd.factorize(categories)
    codes = np.where(np.array([n != "" for n in names] or [False])[codes], codes, -1)
    product, category = np.zeros(len(codes), bool), np.zeros(len(codes), bool)
    rate = np.full(len(codes), overall)
    for code in set(codes.tolist()) - {-1}:
        members = codes == code
        had = np.asarray(histories.times[:, members].sum(axis=1)).ravel()
        n = float((had > 0).sum())
        # how many buyers of anything in it came back for anything in it
        category[members] = n >= 10 and ((had > 1).sum() + 5 * overall) / (n + 5) < min(0.06, overall / 3)
        rate[members] = (again[members].sum() + 5 * overall) / (buyers[members].sum() + 5)
    product = (again + 10 * rate) / (buyers + 10) < min(0.04, overall / 4)
    return Lasting(product | category, category, codes)


@dataclass(frozen=True)
class GroupShares:
    """Share of customers who bought each product, overall and per value of language, country and plan."""

    overall: np.ndarray
    by: dict[tuple[str, str], np.ndarray]

    def score(self, groups: dict[str, str]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Expected share per product for a customer of these groups, and each group's lift over everybody."""
        base = np.maximum(self.overall, 1e-9)
        lifts = {k: self.by[k, v] / base for k, v in groups.items() if (k, v) in self.by}
        share = base.copy()
        for lift in lifts.values():
            share = share * lift ** (1.0 / len(lifts))
        return share, lifts


def group_shares(log: Log, customers: Sequence[str], groups: pd.DataFrame) -> GroupShares:
    """Learn what customers buy in their first weeks; those who came lately count more."""
    joined = np.zeros(log.customers)
    np.maximum.at(joined, log.customer, log.age)
    early = log.age >= joined[log.customer] - FIRST_DAYS
    cells = (log.customer[early], log.product[early])
    bought = sp.csr_matrix((np.ones(int(early.sum())), cells), (log.customers, log.products))
    bought.data[:] = 1.0  # summed where bought twice
    weight = 0.5 ** (joined / HALF_LIFE)

    def share(members: np.ndarray, lean: float, on: np.ndarray | float) -> np.ndarray:
        total = np.asarray(bought[members].T @ weight[members]).ravel()
        return (total + lean * on) / max(weight[members].sum() + lean, 1e-9)

    overall = share(np.ones(log.customers, bool), 0.0, 0.0)
    by = {}
    table = groups.reindex(customers)
    for kind in table.columns:
        for value in sorted({v for v in table[kind] if isinstance(v, str) and v}):
            # a small group's shares lean on everybody's, with the weight of a few recent customers
            by[kind, value] = share((table[kind] == value).to_numpy(dtype=bool), 10.0, overall)
    return GroupShares(overall, by)
