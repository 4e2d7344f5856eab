"""The rules by which the assistant may act: ``policy.yaml`` in the folder of articles, numbers of the public articles."""

from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assistant.errors import AssistantError


class _Rule(BaseModel):
    """``article`` is where a customer can read the rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    article: str = ""


class Identify(BaseModel):
    """How a visitor may prove to be a customer beside a one-time code: by facts that only the customer is taken to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    by: tuple[Literal["email", "name_and_postcode", "id_and_postcode"], ...]


class CancelOrder(_Rule):
    """``reasons``: the only ones that count; empty means that none has to be given."""

    statuses: tuple[str, ...] = ("placed",)
    refund_working_days: int = Field(ge=0)
    reasons: tuple[str, ...] = ()


class SwapItems(_Rule):
    """Items of an order for other variants of the same products; ``becomes`` is the order's status afterwards."""

    statuses: tuple[str, ...]
    becomes: str


class ReturnItems(SwapItems):
    """``refund_to``: kinds of payment methods that may get the money, beside the one that was paid with."""

    refund_to: tuple[str, ...] = ()
    refund_working_days: int = Field(ge=0)


class ChangePayment(_Rule):
    statuses: tuple[str, ...]
    refund_working_days: int = Field(ge=0)


class ChangeAddress(_Rule):
    statuses: tuple[str, ...] = ("placed",)
    days_before_dispatch: int = Field(ge=0)
    countries: dict[str, tuple[str, ...]]
    elsewhere: tuple[str, ...] = ()


class ReturnOrder(_Rule):
    days: int = Field(ge=0)
    shipping_days: int = 0
    label: float = Field(ge=0)
    hand_in_days: int
    refund_working_days: int
    never: tuple[str, ...] = ()


class BeforeDispatch(_Rule):
    days_before_dispatch: int = Field(ge=0)


class Pause(BeforeDispatch):
    months: tuple[int, ...]


class Skip(BeforeDispatch):
    in_a_row: int = Field(ge=1)


class Plan(BaseModel):
    price: float
    zh: str = ""


class ChangePlan(BeforeDispatch):
    plans: dict[str, Plan]


class StartSubscription(ChangePlan):
    dispatch_days: tuple[int, ...]


class OpenTicket(_Rule):
    answer_working_days: int


class BookCallback(_Rule):
    hours: dict[int, tuple[str, str]]
    closed: tuple[date, ...] = ()
    days_ahead: int = 14


class Negotiate(_Rule):
    """``ceiling_percent`` is the largest discount by churn risk: low, medium, high."""

    ceiling_percent: dict[str, float] = {}
    days_between: int = Field(default=90, ge=0)


class OfferWorth(_Rule):
    """What offers are judged by: the share of a sale that is left over, and of the customers who would leave, how many an
    accepted offer keeps. Both are the company's own figures.
    """

    margin_percent: float = Field(gt=0, le=100)
    keeps_percent: float = Field(ge=0, le=100)


class Goodwill(_Rule):
    """Money that makes up for a fault: what an agent may give alone, and with the team lead's word."""

    alone: float = Field(ge=0)
    with_lead: float = Field(ge=0)


class Policy(BaseModel):
    """One field per action, None means that the assistant doesn't do it; the last three guide agents: in negotiations and offers."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    undo_minutes: int = 60
    identify: Identify | None = None
    cancel_order: CancelOrder | None = None
    change_address: ChangeAddress | None = None
    return_order: ReturnOrder | None = None
    exchange_items: SwapItems | None = None
    change_items: SwapItems | None = None
    return_items: ReturnItems | None = None
    change_payment: ChangePayment | None = None
    pause_subscription: Pause | None = None
    resume_subscription: BeforeDispatch | None = None
    skip_delivery: Skip | None = None
    change_plan: ChangePlan | None = None
    start_subscription: StartSubscription | None = None
    cancel_subscription: BeforeDispatch | None = None
    leave_newsletter: _Rule | None = None
    open_ticket: OpenTicket | None = None
    book_callback: BookCallback | None = None
    negotiate: Negotiate | None = None
    goodwill: Goodwill | None = None
    offers: OfferWorth | None = None


def read_policy(folder: Path) -> Policy:
    """``policy.yaml`` of a folder of articles; without one the assistant does nothing by itself.

    Raises AssistantError when the file isn't a policy.
    """
    path = folder / "policy.yaml"
    if not path.is_file():
        return Policy()
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        return Policy.model_validate(content)
    except yaml.YAMLError as error:
        raise AssistantError(f"{path} can't be read: {error}", "correct the file") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        raise AssistantError(f"{path}: {place}: {first['msg']}", "correct this value") from error
