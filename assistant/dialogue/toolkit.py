"""What the tools have in common: who may use each, what it takes, and what it gives.

What a role may use is declared once, in ``ROLES``; everything else is denied.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from assistant.evidence import Evidence, Role

STAFF: tuple[Role, ...] = ("agent", "admin")
ANYBODY: tuple[Role, ...] = ("visitor", "customer", "agent", "admin")
KNOWN: tuple[Role, ...] = ("customer", "agent", "admin")

ROLES: Mapping[str, tuple[Role, ...]] = {
    "search_knowledge": ANYBODY,
    "products": ANYBODY,
    "customer_profile": KNOWN,
    "orders": KNOWN,
    "order_status": KNOWN,
    "subscription": KNOWN,
    "recommend": KNOWN,
    "contact_history": STAFF,
    "churn_risk": STAFF,
    "segment": STAFF,
    "value": STAFF,
    "sentiment_trend": STAFF,
    "eligible_offers": STAFF,
    "next_action": STAFF,
    "list_customers": STAFF,
    "account_history": STAFF,
    "changes_since_contact": STAFF,
    "reply_facts": STAFF,
    "negotiation": STAFF,
    "unusual_orders": STAFF,
    "risk_score": STAFF,
    "risk_levers": STAFF,
    "model_status": STAFF,
    "lifetime_value": STAFF,
    "sales_forecast": STAFF,
    "sales": STAFF,
    "data_quality": STAFF,
    "customer_features": STAFF,
}


class CustomerArgs(BaseModel):
    customer: str = Field(description="Customer id")


class NoArgs(BaseModel):
    """Nothing to name."""


class PeriodArgs(CustomerArgs):
    since: date | None = Field(default=None, description="First day, inclusive")
    until: date | None = Field(default=None, description="Last day, inclusive")


class SinceArgs(CustomerArgs):
    since: date | None = Field(default=None, description="First day; empty for the last contact")


class NegotiationArgs(CustomerArgs):
    channel: str = Field(default="", description="phone, chat or email; empty for all")


class UnusualArgs(BaseModel):
    since: date | None = Field(default=None, description="First day; empty for the last 30 days")
    until: date | None = Field(default=None, description="Last day, inclusive")
    customer: str | None = Field(default=None, description="Customer id; empty for all customers")


class AheadArgs(CustomerArgs):
    days: int = Field(default=365, ge=1, le=3650, description="How many days ahead")


class ForecastArgs(BaseModel):
    since: date | None = Field(default=None, description="First day ahead; empty for tomorrow")
    until: date | None = Field(default=None, description="Last day, inclusive; empty for four weeks from now")
    group: str | None = Field(
        default=None, description="Product group, 'each' for all of them, empty for the sum"
    )


class SalesArgs(BaseModel):
    since: date | None = Field(default=None, description="First day; empty for a year before the last")
    until: date | None = Field(default=None, description="Last day, inclusive; empty for today")
    other_since: date | None = Field(default=None, description="First day of a period to compare with")
    other_until: date | None = Field(default=None, description="Its last day, inclusive")
    counted: str = Field(default="sold", description="Products by pieces sold, returned or cancelled")
    products: bool = Field(default=False, description="Whether to name the products with most pieces")
    category: str | None = Field(default=None, description="Only products of this category")


class ModelArgs(BaseModel):
    model: str | None = Field(default=None, description="Name of one model; empty for all of them")


class OrderArgs(BaseModel):
    order: str = Field(description="Order id")


class ProductArgs(BaseModel):
    products: list[str] = Field(description="Product codes")


class SearchArgs(BaseModel):
    query: str = Field(description="What to look for, in the user's words")


class ContactArgs(PeriodArgs):
    query: str = Field(default="", description="What the conversations should be about; empty for the newest")


class ListArgs(BaseModel):
    """Which customers: every field narrows, None leaves open."""

    tier: str | None = Field(default=None, description="Tier, e.g. Gold")
    country: str | None = None
    city: str | None = None
    joined_since: date | None = None
    joined_until: date | None = None
    quiet_since: date | None = Field(default=None, description="No order from this day on")
    language: str | None = Field(default=None, description="en or zh")
    plan: str | None = Field(default=None, description="Subscription plan")
    status: str | None = Field(default=None, description="Subscription status: active, paused, cancelled")
    risk: str | None = Field(default=None, description="Churn risk: low, medium, high")
    complaint: str | None = Field(
        default=None, description="Complained about: price, delivery, quality, service, any"
    )
    since: date | None = Field(default=None, description="Complaints from this day on")
    until: date | None = Field(default=None, description="Complaints up to this day")
    sort: str = Field(default="risk", description="risk, spend, last_order, complaints, joined")
    limit: int = Field(default=5, ge=1, le=50)
    count_only: bool = False


@dataclass(frozen=True)
class ToolResult:
    """What a tool found: ``data`` for programs, ``evidence`` for the answer."""

    data: Any
    evidence: list[Evidence] = field(default_factory=list)


ARGUMENTS: Mapping[str, type[BaseModel]] = {
    "search_knowledge": SearchArgs,
    "products": ProductArgs,
    "customer_profile": CustomerArgs,
    "orders": PeriodArgs,
    "order_status": OrderArgs,
    "subscription": CustomerArgs,
    "recommend": CustomerArgs,
    "contact_history": ContactArgs,
    "churn_risk": CustomerArgs,
    "segment": CustomerArgs,
    "value": CustomerArgs,
    "sentiment_trend": CustomerArgs,
    "eligible_offers": CustomerArgs,
    "next_action": CustomerArgs,
    "list_customers": ListArgs,
    "account_history": CustomerArgs,
    "changes_since_contact": SinceArgs,
    "reply_facts": CustomerArgs,
    "negotiation": NegotiationArgs,
    "unusual_orders": UnusualArgs,
    "risk_score": CustomerArgs,
    "risk_levers": CustomerArgs,
    "model_status": ModelArgs,
    "lifetime_value": AheadArgs,
    "sales_forecast": ForecastArgs,
    "sales": SalesArgs,
    "data_quality": NoArgs,
    "customer_features": CustomerArgs,
}
