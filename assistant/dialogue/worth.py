"""What an offer is worth to the company, so that the one that fits best comes first.

Expected value = chance of acceptance x (margin it keeps + margin it sells - what it costs), where

- the chance is the share of those asked who accepted, of this offer, drawn towards its kind and towards all offers as long
  as few were asked (a beta-binomial estimate with a prior worth ``PRIOR`` answers);
- it keeps: chance of leaving x share of leavers that an accepted offer keeps x revenue expected within a year x margin;
- it sells, where it is used with an order: chance that no order comes within 30 days anyway x one order x margin;
- it costs its face value, a discount its share of the deliveries that its terms speak of.

Margin and the share of leavers kept are the company's own (``offers`` in ``policy.yaml``); the rest is the record's and
the models'. For agents only.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError

if TYPE_CHECKING:
    from assistant.dialogue.tools import Toolbox

Row = Mapping[str, Any]
Answers = Mapping[str, tuple[int, int]]  # offer -> how many accepted, how many were asked
PRIOR = 10.0
SOON_DAYS = 30
WITH_AN_ORDER = ("gift", "upgrade", "credit")  # kinds that a customer has only by ordering
_COUNTS = {"next": 1, "two": 2, "three": 3, "four": 4, "six": 6}


@dataclass(frozen=True)
class Expected:
    """An offer's expected value with its parts; money in the record's currency, ``accept`` from 0 to 1."""

    value: float
    accept: float
    accepted: int
    asked: int
    kept: float
    sold: float
    cost: float

    def as_dict(self) -> dict[str, Any]:
        return {k: round(v, 4) if k == "accept" else round(v, 2) for k, v in self.__dict__.items()}


@dataclass(frozen=True)
class Worth:
    """What offers to one customer are judged by. ``year`` is the revenue expected within a year, ``order`` of one order,
    ``quiet`` the chance that none comes within 30 days; ``margin`` and ``keeps`` are shares, ``product`` what is
    recommended next, in English and Chinese.
    """

    leaves: float
    year: float
    order: float
    quiet: float
    margin: float
    keeps: float
    answers: Answers
    kinds: Mapping[str, str]  # offer -> kind
    currency: str = ""
    product: tuple[str, str] | None = None

    def of(self, offer: Row, subscription: Row | None) -> Expected:
        """What one offer is worth; ``offer`` has ``id``, ``kind``, ``value`` and ``terms``."""
        accepted, asked = self.answers.get(offer["id"], (0, 0))
        alike = [self.answers[id] for id, kind in self.kinds.items() if kind == offer["kind"] and id in self.answers]  # fmt: skip
        everybody = _share(*_sum(self.answers.values()), 0.5, 2.0)
        accept = _share(accepted, asked, _share(*_sum(alike), everybody, PRIOR), PRIOR)
        kept = self.leaves * self.keeps * self.year * self.margin
        sold = self.quiet * self.order * self.margin if offer["kind"] in WITH_AN_ORDER else 0.0
        cost = cost_of(offer, subscription)
        return Expected(accept * (kept + sold - cost), accept, accepted, asked, kept, sold, cost)

    def reasons(self, offer: Row, found: Expected) -> list[tuple[str, str]]:
        """The figures behind it, in English and Chinese."""
        money = lambda amount: f"{amount:.2f} {self.currency}".strip()  # noqa: E731
        so_far = (f"{found.accepted} of {found.asked} asked so far did", f"此前{found.asked}人中有{found.accepted}人接受")  # fmt: skip
        if not found.asked:
            so_far = ("nobody was asked yet, so as other offers", "尚无记录，按其他优惠估计")
        told = [
            (
                f"expected value {money(found.value)}",
                f"期望收益{money(found.value)}",
            ),
            (
                f"about {100 * found.accept:.0f}% accept ({so_far[0]})",
                f"约{100 * found.accept:.0f}%会接受（{so_far[1]}）",
            ),
            (
                f"keeps {money(found.kept)}: {100 * self.leaves:.0f}% risk x {100 * self.keeps:.0f}% kept x {money(self.year)} a year x {100 * self.margin:.0f}% margin",
                f"留住{money(found.kept)}：流失概率{100 * self.leaves:.0f}% × 挽回{100 * self.keeps:.0f}% × 一年消费{money(self.year)} × 毛利{100 * self.margin:.0f}%",
            ),
        ]
        if found.sold:
            told.append(
                (
                    f"brings {money(found.sold)}: {100 * self.quiet:.0f}% chance that no order comes in {SOON_DAYS} days otherwise x {money(self.order)} an order x {100 * self.margin:.0f}% margin",
                    f"带来{money(found.sold)}：{SOON_DAYS}天内原本不下单的概率{100 * self.quiet:.0f}% × 每单{money(self.order)} × 毛利{100 * self.margin:.0f}%",
                )
            )
        told.append((f"costs {money(found.cost)} when accepted", f"接受时成本{money(found.cost)}"))
        if self.product and offer["kind"] in ("gift", "upgrade"):
            told.append((f"may like {self.product[0]}", f"可能喜欢{self.product[1]}"))
        return told


def cost_of(offer: Row, subscription: Row | None) -> float:
    """What an accepted offer costs: its value, of a discount its share of the deliveries that its terms speak of."""
    if offer["kind"] != "discount":
        return float(offer["value"])
    match = re.search(r"\b(\d+|two|three|four|six) (?:\w+ )?(?:deliver|order|box)", offer["terms"], re.I)
    deliveries = 1 if match is None else int(match[1]) if match[1].isdigit() else _COUNTS[match[1].lower()]
    return float((subscription or {}).get("price") or 0.0) * float(offer["value"]) / 100 * deliveries


def worth_of(box: "Toolbox", customer: Row) -> Worth | None:
    """What is known of a customer's worth. None where the policy names no margin, or no churn model is trained."""
    rule, store = box.policy.offers, box.store
    prediction = box.churn_prediction(customer["id"])
    if rule is None or prediction is None:
        return None
    spent = box.value(customer["id"]).data
    year, order, quiet = spent["revenue_12_months"], spent["average_order"], 0.0
    try:
        found = box.models("lifetime").predict(store, [customer["id"]])
        if found and found[0].lifetime_value is not None:
            year, order = found[0].lifetime_value, found[0].expected_value or order
            quiet = math.exp(-found[0].expected_orders * SOON_DAYS / found[0].horizon_days)
    except AssistantError:
        pass  # the last year stands for the next
    return Worth(
        leaves=float(prediction.probability),
        year=float(year),
        order=float(order),
        quiet=quiet,
        margin=rule.margin_percent / 100,
        keeps=rule.keeps_percent / 100,
        answers=store.offer_answers(),
        kinds={o["id"]: o["kind"] for o in store.offers()},
        currency=str(spent.get("currency") or store.meta("currency") or ""),
        product=_next_product(box, customer["id"]),
    )


def _next_product(box: "Toolbox", customer: str) -> tuple[str, str] | None:
    try:
        first = next(iter(box.models("recommend").recommend(box.store, customer, n=1)), None)
    except AssistantError:
        return None
    if first is None:
        return None
    product = box.store.product(first.product_id) or {}
    name = product.get("name") or first.name
    return name, product.get("name_zh") or name


def _sum(pairs: Any) -> tuple[int, int]:
    pairs = list(pairs)
    return sum(a for a, _ in pairs), sum(n for _, n in pairs)


def _share(accepted: int, asked: int, prior: float, weight: float) -> float:
    """Accepted of asked, drawn towards ``prior`` as by ``weight`` more answers."""
    return (accepted + weight * prior) / (asked + weight)
