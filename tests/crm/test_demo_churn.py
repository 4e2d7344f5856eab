"""Who leaves can be foreseen from the record, though not perfectly: an honest plain model lands in a band."""

from datetime import date, timedelta

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from assistant.crm.demo import demo_rows

HORIZON, SILENT = 90, 120
CROSS = ("late", "wrong", "annoy", "disappoint", "expensive", "still", "cheaper", "poor", "patience", "angry", "sour",
         "bitter", "flat", "缺", "失望", "太贵", "没到", "错")  # fmt: skip
LEAVING = ("cancel", "elsewhere", "other roaster", "kaap", "bohnenwerk", "roast & tide", "new roaster", "too much",
           "skip", "pause", "取消", "暂停", "跳过", "喝不完")  # fmt: skip


def _number(text: str) -> int:
    return date.fromisoformat(text[:10]).toordinal()


class Past:
    """The record as arrays per customer; ``at(day)`` looks only at what came before."""

    def __init__(self) -> None:
        rows = demo_rows(7)
        self.people = {row["id"]: _number(row["joined_on"]) for row in rows["customers"]}
        self.orders = {c: [] for c in self.people}  # (day, total, from a subscription)
        self.subs = {c: [] for c in self.people}
        self.talk = {c: [] for c in self.people}  # (day, cross, leaving, stars)
        for o in rows["orders"]:
            if o["status"] != "cancelled":
                mine = self.orders[o["customer_id"]]
                mine.append((_number(o["ordered_at"]), o["total"], o["channel"] == "subscription"))
        for s in rows["subscriptions"]:
            end = _number(s["ended_on"]) if s["ended_on"] else 10**9
            self.subs[s["customer_id"]].append((_number(s["started_on"]), end, s["plan"]))
        for i in rows["interactions"]:
            if i["author"] == "customer" or i["channel"] == "call":
                text = i["text"].lower()
                cross, leaving = any(w in text for w in CROSS), any(w in text for w in LEAVING)
                self.talk[i["customer_id"]].append((_number(i["at"]), cross, leaving, i["rating"]))

    def at(self, day: date) -> tuple[np.ndarray, np.ndarray]:
        """Features (customers, features) and whether each left within 90 days, of those who were customers."""
        t, X, y = day.toordinal(), [], []
        for c, joined in self.people.items():
            sub = next((s for s in self.subs[c] if s[0] <= t < s[1]), None)
            ended = max((s[1] for s in self.subs[c] if s[1] <= t), default=0)
            before = [o for o in self.orders[c] if o[0] <= t]
            if not sub and not any(o[0] > max(t - SILENT, ended) and not o[2] for o in before):
                continue
            after = any(t < o[0] <= t + HORIZON for o in self.orders[c])
            y.append(sub[1] <= t + HORIZON if sub else not after)
            days = [o[0] for o in before] or [t - 60]
            gap = float(np.mean(np.diff(days[-8:]))) if len(days) > 2 else 35.0
            talk = [e for e in self.talk[c] if e[0] <= t]
            new = [e for e in talk if e[0] > t - 90]
            stars = [e[3] for e in talk if e[3]][-5:]
            late = (t - days[-1]) / max(gap, 7.0)
            X.append([
                sub is not None, *(sub is not None and sub[2] == p for p in ("Taster", "Home", "Enthusiast", "Office")),
                np.log1p(t - joined), np.log1p(t - days[-1]), late * (sub is None), late * (sub is not None), gap,
                sum(d > t - 90 for d in days), sum(d > t - 180 for d in days), len(new),
                sum(e[1] for e in new), sum(e[2] for e in new), sum(e[1] for e in talk) / (len(talk) + 1),
                sum(e[1] for e in talk if e[0] > t - 240), np.mean(stars) if stars else 3.7,
                (sub is not None) * sum(e[2] for e in new),
            ])  # fmt: skip
        return np.array(X, float), np.array(y, int)


@pytest.fixture(scope="module")
def past():
    return Past()


def test_quarterly_churn_rate(past):
    quarters = [date(2025, 4, 30) + timedelta(days=91 * k) for k in range(6)]
    left = np.concatenate([past.at(day)[1] for day in quarters])
    assert 0.11 <= left.mean() <= 0.20


@pytest.mark.parametrize("day", [date(2026, 1, 31), date(2026, 4, 30), date(2026, 7, 31)])
def test_plain_model_is_good_but_not_perfect(past, day):
    train = [
        past.at(day - timedelta(days=k))
        for k in range(91, 400, 30)
        if day - timedelta(days=k) > date(2025, 2, 1)
    ]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    model.fit(np.vstack([X for X, _ in train]), np.concatenate([y for _, y in train]))
    X, y = past.at(day)
    auc = roc_auc_score(y, model.predict_proba(X)[:, 1])
    assert 0.76 <= auc <= 0.92, auc
