"""The contest between rankings: the candidates, what is measured, and windows of time to measure it in."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from assistant.insight.ranking import (
    Again,
    Autoencoder,
    Blend,
    Ease,
    Factors,
    Histories,
    ItemItem,
    Popularity,
    Ranker,
    Together,
    UserUser,
    group_shares,
    lasting,
    make_log,
)

# Rankings that fill a short list with the same for everybody: kept only where clearly better than any other.
PLAIN = ("popularity", "recent popularity", "bought before")
FEWEST_NEWCOMERS = 20
MOST_MEASURED = 2000  # customers per window


def candidates() -> dict[str, Ranker]:
    """The rankings that compete, by name, not fitted; "popularity" is the one the others are held against."""
    ease, neighbours, lately = Ease(), UserUser("pearson"), Popularity(fading=True)
    mixture = Blend([(ease, 0.5), (neighbours, 0.35), (lately, 0.15)])
    return {
        "popularity": Popularity(),
        "recent popularity": lately,
        "item-item cosine": ItemItem(),
        "item-item Pearson": ItemItem("pearson"),
        "user-user cosine": UserUser(),
        "user-user Pearson": neighbours,
        "matrix factorisation (ALS)": Factors(),
        "bought together, fading": Together(),
        "linear autoencoder (EASE)": ease,
        "autoencoder (Mult-DAE)": Autoencoder(),
        "EASE + user-user + popularity": mixture,
        "bought before": Again(),
        "bought before, then EASE": Again(rest=ease),
        "bought before + EASE": Again(rest=ease, weight=2.0),
        "bought before, fading + EASE": Again(fading=True, rest=ease, weight=2.0),
        "bought before, when due + EASE": Again(due=True, rest=ease, weight=2.0),
        "bought before + EASE + user-user + popularity": Again(rest=mixture, weight=2.0),
    }


@dataclass(frozen=True)
class Quality:
    """Figures of one ranker in one window, means over ``customers``; ``recall_sd`` is the mean's standard
    error.
    """

    recall_5: float
    recall_10: float
    ndcg_10: float
    coverage: float
    recall_10_se: float
    ndcg_10_se: float
    customers: int

    def as_dict(self) -> dict[str, float]:
        return {
            "recall_at_5": self.recall_5,
            "recall_at_10": self.recall_10,
            "ndcg_at_10": self.ndcg_10,
            "coverage": self.coverage,
            "customers": self.customers,
        }


def measure(
    ranker: Ranker, histories: Histories, truth: Mapping[int, set[int]], banned: sp.csr_matrix
) -> Quality:
    """Recall@5 and @10, NDCG@10 and coverage (share of all products that anybody is shown in his ten).

    ``truth`` maps a row of ``histories`` to the products bought afterwards; ``banned`` (n, p) marks what
    may not be shown to whom. Recall is the found share of all that was bought, so it can't reach 1 where
    more than ten were.
    """
    users = [u for u, wanted in truth.items() if wanted]
    recalls5, recalls10, gains = [], [], []
    shown: set[int] = set()
    discount = 1.0 / np.log2(np.arange(2, 12))
    for start in range(0, len(users), 256):
        batch = users[start : start + 256]
        scores = np.array(ranker.score(histories.rows(batch)), dtype=float)
        scores[banned[batch].toarray().astype(bool)] = -np.inf
        # equal scores keep the order of the products, so that the figures are the same on every machine
        order = np.argsort(-scores, axis=1, kind="stable")[:, :10]
        for user, row in zip(batch, order, strict=True):
            wanted = truth[user]
            hits = np.array([p in wanted for p in row], dtype=float)
            shown.update(int(p) for p in row)
            recalls5.append(hits[:5].sum() / len(wanted))
            recalls10.append(hits.sum() / len(wanted))
            gains.append((hits * discount[: len(hits)]).sum() / discount[: min(10, len(wanted))].sum())
    if not recalls10:
        return Quality(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)
    n = len(recalls10)
    return Quality(
        float(np.mean(recalls5)),
        float(np.mean(recalls10)),
        float(np.mean(gains)),
        len(shown) / histories.bought.shape[1],
        float(np.std(recalls10) / np.sqrt(n)),
        float(np.std(gains) / np.sqrt(n)),
        n,
    )


class Window:
    """What was known before ``cut`` and what was bought from then until ``end``."""

    def __init__(
        self,
        lines: pd.DataFrame,
        cut: pd.Timestamp,
        end: pd.Timestamp,
        categories: Mapping[str, str],
        seed: int,
        groups: pd.DataFrame,
    ) -> None:
        before, after = lines[lines["at"] < cut], lines[(lines["at"] >= cut) & (lines["at"] < end)]
        self._customer_ids = sorted(before["customer_id"].unique())
        self._ids = sorted(before["product_id"].unique())
        self._all_customers = sorted(lines["customer_id"].unique())
        self._groups = groups
        self.log = make_log(before, self._customer_ids, self._ids, cut)
        self.histories = self.log.histories()
        self._banned = lasting(self.histories, np.array([categories[i] for i in self._ids])).banned(
            self.histories
        )
        index = {p: j for j, p in enumerate(self._ids)}
        # what nobody had bought before the cut can't be found by anybody, the baseline included: left out
        # of truth
        after = after[after["product_id"].isin(index)]
        bought = after.groupby("customer_id")["product_id"].agg(lambda s: {index[p] for p in s})
        rows = {c: u for u, c in enumerate(self._customer_ids)}
        known = sorted(c for c in bought.index if c in rows)
        if len(known) > MOST_MEASURED:
            picked = np.random.default_rng(seed).choice(len(known), MOST_MEASURED, replace=False)
            known = [known[i] for i in sorted(picked)]
        self._truth = {rows[c]: bought[c] for c in known}
        self._first = {c: bought[c] for c in bought.index if c not in rows}
        self.customers = len(known)
        had = self.histories.bought
        self._new = {
            u: wanted - set(had.indices[had.indptr[u] : had.indptr[u + 1]].tolist())
            for u, wanted in self._truth.items()
        }
        self._banned_or_had = (self._banned + had).tocsr()

    def measure(self, ranker: Ranker, new_only: bool) -> Quality:
        if not new_only:
            return measure(ranker, self.histories, self._truth, self._banned)
        return measure(ranker, self.histories, self._new, self._banned_or_had)

    def newcomers(self) -> dict[str, float]:
        """Recall@10 on first purchases of customers never seen: by their groups, and plain popularity."""
        if len(self._first) < FEWEST_NEWCOMERS:
            return {}
        shares = group_shares(self.log, self._customer_ids, self._groups)
        count = np.asarray(self.histories.bought.sum(axis=0)).ravel()
        plain = np.argsort(-count, kind="stable")[:10]
        by_group, by_all = [], []
        for customer, wanted in self._first.items():
            row = self._groups.loc[customer] if customer in self._groups.index else pd.Series(dtype=object)
            score, _ = shares.score({k: str(v) for k, v in row.items() if v})
            top = np.argsort(-score, kind="stable")[:10]
            by_group.append(len(wanted & set(top.tolist())) / len(wanted))
            by_all.append(len(wanted & set(plain.tolist())) / len(wanted))
        return {
            "newcomers": len(self._first),
            "newcomer_recall_at_10": float(np.mean(by_group)),
            "newcomer_popularity_recall_at_10": float(np.mean(by_all)),
        }
