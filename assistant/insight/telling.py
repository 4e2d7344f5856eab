"""What a model over the record says, as values for programs and as lines for people."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import ModelError
from assistant.insight.registry import load_model, plain

if TYPE_CHECKING:
    from assistant.crm import Store

MOST_LINES = 20


@dataclass(frozen=True)
class Told:
    """``values`` (one dict, or a list of them), ``lines`` to print, and ``head`` and ``rows`` of a table of all."""

    values: Any
    lines: Sequence[str]
    head: Sequence[str]
    rows: Sequence[Sequence[Any]]


def tell(what: str, home: Path, store: "Store", customer: str | None = None) -> Told:
    """Predictions of ``churn | segments | recommend | lifetime | forecast`` for a customer, or for everybody.

    Raises :class:`ModelError` where there is no such model or customer, or where a customer has to be named.
    """
    tellers: dict[str, Callable[[Any, Store, str | None], Told]] = {
        "churn": _churn,
        "segments": _segments,
        "recommend": _recommend,
        "lifetime": _lifetime,
        "forecast": _forecast,
    }
    return tellers[what](load_model(home, what), store, customer)


def _churn(model: Any, store: "Store", customer: str | None) -> Told:
    found = model.predict(store, [customer] if customer else None)
    ranked = found if customer else sorted(found, key=lambda p: -p.probability)
    lines = [
        f"{p.customer_id}  {p.probability:.0%}  {p.band:6}  {'; '.join(r.text_en for r in p.reasons[:4])}"
        for p in ranked[:MOST_LINES]
    ]
    rows = [
        (p.customer_id, round(p.probability, 4), p.band, "; ".join(r.text_en for r in p.reasons[:4]))
        for p in found
    ]
    head = ("customer", "probability", "band", "reasons")
    if customer is None:
        return Told([p.as_dict() for p in found], lines, head, rows)
    changes = model.what_if(store, customer)
    for change in changes:
        said = " and ".join(
            f"{c.replace('_', ' ')} {_brief(a)} -> {_brief(b)}" for c, (a, b) in change.changes.items()
        )
        lines.append(f"    would be {change.after:.0%} with {said}")
    return Told({**found[0].as_dict(), "what_if": [plain(asdict(c)) for c in changes]}, lines, head, rows)


def _segments(model: Any, store: "Store", customer: str | None) -> Told:
    found = model.predict(store, [customer] if customer else None)
    if customer:
        lines = [
            f"{p.customer_id}  {p.segment} {p.name_en} ({p.name_zh}): {p.profile_en}; {p.rfm_name_en}"
            for p in found
        ]
    else:
        lines = [
            f"{s.segment} {s.name_en} ({s.name_zh}), {s.customers} customers: {s.profile_en}"
            for s in model.segments_
        ]
    rows = [(p.customer_id, p.segment, p.name_en, p.rfm, p.rfm_name_en) for p in found]
    values = [plain(asdict(p)) for p in found]
    return Told(
        values[0] if customer else values, lines, ("customer", "segment", "name", "rfm", "rfm_name"), rows
    )


def _recommend(model: Any, store: "Store", customer: str | None) -> Told:
    if customer is None:
        raise ModelError("Products are recommended to one customer", "--customer ID")
    found = model.recommend(store, customer)
    lines = [f"{r.product_id}  {r.name}  {r.score:.2f}  {r.reason_en}" for r in found]
    rows = [(r.product_id, r.name, round(r.score, 4), r.reason_en) for r in found]
    return Told([plain(asdict(r)) for r in found], lines, ("product", "name", "score", "reason"), rows)


def _lifetime(model: Any, store: "Store", customer: str | None) -> Told:
    if customer and store.customer(customer) is None:
        near = ", ".join(str(c["id"]) for c in store.closest_customers(customer))
        raise ModelError(f"There is no customer {customer!r}", f"the closest are: {near}")
    found = model.predict(store, [customer] if customer else None)
    if customer and not found:
        raise ModelError(
            f"{customer} has no order yet, so there is nothing to foretell", "choose another customer"
        )
    ranked = sorted(found, key=lambda p: -(p.lifetime_value or p.expected_orders))
    rows = [
        (
            p.customer_id,
            p.p_alive,
            p.expected_orders,
            p.lifetime_value,
            p.next_order_on and p.next_order_on.isoformat(),
        )
        for p in found
    ]
    values = [plain(asdict(p)) for p in found]
    head = ("customer", "still_buys", "expected_orders", "lifetime_value", "next_order_on")
    lines = [f"{p.customer_id}  {p.text_en}" for p in ranked[:MOST_LINES]]
    return Told(values[0] if customer else values, lines, head, rows)


def _forecast(model: Any, store: "Store", customer: str | None) -> Told:
    if customer:
        raise ModelError("The forecast is of all customers together", "leave --customer out")
    points = [
        point
        for group in model.groups_
        for measure in ("orders", "revenue")
        if f"{measure} of {group}" in model.table_
        for point in model.forecast(group=group, measure=measure)
    ]
    lines = [
        f"{p.week}  {p.measure:8}{p.value:>12,.1f}  ({p.low:,.1f} to {p.high:,.1f})"
        for p in points
        if p.group == model.groups_[0]
    ]
    rows = [(p.group, p.measure, p.week.isoformat(), p.value, p.low, p.high) for p in points]
    head = ("group", "measure", "week", "value", "low", "high")
    return Told([plain(asdict(p)) for p in points], lines, head, rows)


def _brief(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
