"""What happens to one customer from week to week: deliveries, purchases, mishaps, contacts, and maybe a farewell.

The hidden state is a satisfaction that returns to the customer's own level, is pushed down by mishaps and prices
and up by good answers. It drives the weekly chance of deciding to leave; between the decision and the farewell lie
days to weeks of wavering in which people buy less, skip, pause and mention competitors. So the record holds honest
signs of what follows, never the answer itself.
"""

import math
import random
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from assistant.crm.demo.catalogue import (
    FIRST_DAY,
    FLAT_SIDAMO,
    LAST_DAY,
    OFFER_VALUE,
    PICCOLO_BATCH,
    PRICE_NEWS,
    PRICE_RISE,
    STRIKE,
)
from assistant.crm.demo.people import Person
from assistant.crm.demo.shopping import Basket, Shopper, workdays_after

END = datetime.combine(LAST_DAY, time(21, 45))
RETENTION = ("OF-1", "OF-2", "OF-3", "OF-4", "OF-5", "OF-9")


@dataclass
class Order:
    """One order; ``id`` is given when all customers' orders are known."""

    placed: datetime
    basket: Basket
    channel: str
    payment: str
    status: str = "delivered"
    delivered: datetime | None = None
    promised: date | None = None
    tracking: str | None = None
    id: str = ""


@dataclass
class Subscription:
    plan: str
    started: date
    day: int  # 5 or 20
    ended: date | None = None
    reason: str | None = None
    paused_until: date | None = None
    discount: float = 0.0  # percent
    discounted: int = 0  # deliveries left at a discount
    id: str = ""


@dataclass(frozen=True)
class Event:
    """A reason for someone to write or call. ``mood`` -1 (furious) .. 1 (delighted)."""

    at: datetime
    topic: str
    mood: float
    order: Order | None = None
    product: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    well_handled: bool = True


@dataclass(frozen=True)
class OfferMade:
    at: datetime
    offer: str
    channel: str
    outcome: str


# topic -> what it costs in satisfaction
_SEVERITY = {
    "late": 0.12, "strike": 0.13, "lost": 0.24, "damaged": 0.15, "wrong_item": 0.15, "missing": 0.13, "billing": 0.2,
    "price_news": 0.16, "price_rise": 0.2, "flat_sidamo": 0.14, "taste": 0.09, "piccolo": 0.2, "aurora": 0.2,
    "fault": 0.2, "website": 0.06,
}  # fmt: skip
_QUESTIONS = (
    ("brewing", 1.0), ("grind", 1.0), ("recommend", 0.9), ("storage", 0.4), ("origin", 0.5), ("descale", 0.5),
    ("decaf", 0.4), ("machine_choice", 0.6), ("allergy", 0.25), ("restock", 0.5), ("larks", 0.6), ("gift", 0.5),
    ("gift_card", 0.35), ("invoice", 0.4), ("payment", 0.4), ("login", 0.4), ("shipping", 0.6), ("address", 0.6),
)  # fmt: skip
_SUB_QUESTIONS = (
    ("change_grind", 0.5),
    ("change_day", 0.5),
    ("swap_beans", 0.9),
    ("upgrade", 0.25),
    ("skip", 0.5),
)
_REASONS = {
    "price": "too expensive", "quality": "not happy with the coffee", "delivery": "delivery problems",
    "service": "not happy with the service", "too_much": "too much coffee", "competitor": "went to another roaster",
    "life": "personal reasons", "moved": "moved abroad",
}  # fmt: skip
_BLAME = {
    "late": "delivery", "strike": "delivery", "lost": "delivery", "damaged": "delivery", "wrong_item": "service",
    "missing": "service", "billing": "service", "price_news": "price", "price_rise": "price",
    "flat_sidamo": "quality", "taste": "quality", "piccolo": "quality", "aurora": "quality", "fault": "quality",
    "website": "service",
}  # fmt: skip


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


class Life:
    """One customer's two years. ``live()`` fills orders, subscriptions, events and offers, each in order of time."""

    def __init__(self, person: Person, seed: int) -> None:
        self.person, self.traits = person, person.traits
        self.rng = random.Random(f"larkfield life {seed} {person.number}")
        self.shopper = Shopper(person, self.rng)
        self.orders: list[Order] = []
        self.subscriptions: list[Subscription] = []
        self.events: list[Event] = []
        self.offers: list[OfferMade] = []
        self.mood = min(0.95, max(0.1, self.traits.content + self.rng.gauss(0.03, 0.06)))
        self.blame: list[str] = []
        self.leaving_on: date | None = None  # decided; still a customer until then
        self.gone = False
        self.next_shop: date | None = None
        self.gap = 0.0  # days between purchases in the shop
        self.payment = "invoice" if person.plan == "Office" else self.rng.choices(
            ("iDEAL", "card", "PayPal", "SEPA direct debit"), (4 if person.country == "NL" else 0.1, 2, 2, 1.6))[0]  # fmt: skip

    # -- the weeks ------------------------------------------------------------------------------------------------

    def live(self) -> "Life":
        rng, person = self.rng, self.person
        day = max(FIRST_DAY, person.joined_on)
        if person.plan:
            started = person.joined_on
            self._subscribe(person.plan, started)
            self.gap = rng.uniform(35, 110) / (0.5 + self.traits.engagement)
            self.next_shop = day + timedelta(days=int(rng.uniform(0, 1) * self.gap) + 3)
        else:
            self.gap = min(58, rng.uniform(20, 42) / (0.55 + 0.9 * self.traits.engagement))
            first = 0 if person.joined_on >= FIRST_DAY else int(rng.uniform(0, min(self.gap, 50)))
            self.next_shop = day + timedelta(days=first)
        while day <= LAST_DAY:
            self._week(day)
            day += timedelta(days=7)
        self.events = sorted((e for e in self.events if e.at <= END), key=lambda e: e.at)
        self.orders.sort(key=lambda o: o.placed)
        self.offers.sort(key=lambda o: o.at)
        return self

    @property
    def sub(self) -> Subscription | None:
        """The running subscription."""
        return self.subscriptions[-1] if self.subscriptions and self.subscriptions[-1].ended is None else None

    def _subscribe(self, plan: str, started: date) -> None:
        self.subscriptions.append(Subscription(plan, started, self.rng.choice((5, 20))))

    def _week(self, week: date) -> None:
        rng, t = self.rng, self.traits
        self.mood += 0.025 * (t.content - self.mood) + rng.gauss(0, 0.012)
        self.mood = min(1.0, max(0.0, self.mood))
        self._prices(week)
        for offset in range(7):
            day = week + timedelta(days=offset)
            if day > LAST_DAY:
                return
            if (sub := self.sub) and day.day == sub.day and day > sub.started:
                self._dispatch(sub, day)
            if self.leaving_on and day >= self.leaving_on:
                self._leave(day)
            if self.next_shop and day >= self.next_shop:
                self._shop(day)
        self._contacts(week)
        self._consider(week)

    def _prices(self, week: date) -> None:
        """The Home price rise: news first, then the first bill; it hurts those whom prices hurt."""
        if not (self.sub and self.sub.plan == "Home"):
            return
        for topic, day in (("price_news", PRICE_NEWS), ("price_rise", PRICE_RISE)):
            if week <= day < week + timedelta(days=7):
                at = self._moment(day + timedelta(days=int(self.rng.expovariate(1 / 6))))
                self._mishap(
                    topic, at, None, scale=2.0 * self.traits.price, tell=0.25 + 0.5 * self.traits.price
                )

    # -- buying ---------------------------------------------------------------------------------------------------

    def _dispatch(self, sub: Subscription, day: date) -> None:
        rng = self.rng
        if sub.paused_until and day <= sub.paused_until:
            return
        sub.paused_until = None
        wavering = self.leaving_on is not None
        ask = self._moment(day - timedelta(days=rng.randrange(4, 9)))
        if (day - sub.started).days > 12 and rng.random() < (
            0.48 if wavering else 0.02 + 0.1 * max(0.0, 0.5 - self.mood)
        ):
            if rng.random() < 0.35:
                months = rng.choice((1, 1, 2, 2, 3))
                sub.paused_until = day + timedelta(days=30 * months - 5)
                self._say(ask, "pause", 0.0, chance=0.75, months=months, plan=sub.plan)
            else:
                self._say(ask, "skip", 0.0, chance=0.7, plan=sub.plan, dispatch=day)
            return
        percent = sub.discount if sub.discounted > 0 else 0.0
        sub.discounted = max(0, sub.discounted - 1)
        basket = self.shopper.box(sub.plan, day, percent, gold=self._gold(day))
        self._place(datetime.combine(day, time(6, rng.randrange(60))), basket, "subscription")

    def _shop(self, day: date) -> None:
        rng, t = self.rng, self.traits
        season = 0.7 if day.month in (11, 12) else 1.15 if day.month in (7, 8) else 1.0
        tired = 1.0 + 1.6 * max(0.0, 0.55 - self.mood) + (0.9 if self.leaving_on else 0.0)
        gap = self.gap * season * tired * rng.gammavariate(5.0, 0.2)
        self.next_shop = day + timedelta(days=max(4, int(gap)))
        basket = self.shopper.basket(day, self.sub.plan if self.sub else None, gold=self._gold(day))
        channel = "phone" if rng.random() < 0.06 else "web"
        hour = (
            rng.randrange(9, 18) if channel == "phone" else rng.choice((7, 8, 10, 12, 13, 16, 19, 20, 20, 21))
        )
        if channel == "phone" and day.weekday() == 6:
            channel = "web"
        order = self._place(
            datetime.combine(day, time(hour, rng.randrange(45), rng.randrange(60))), basket, channel
        )
        if not self.sub and not self.gone and not self.person.plan and rng.random() < 0.012 * (1 + t.loyalty):
            self._subscribe(rng.choice(("Taster", "Home", "Home", "Enthusiast")), day)
            self.gap *= 2
        if basket.gift:
            self._say(order.placed + timedelta(hours=2), "gift_note", 0.3, order=order, chance=0.4)

    def _gold(self, day: date) -> bool:
        since = datetime.combine(day - timedelta(days=365), time(0))
        return (
            sum(o.basket.counted for o in self.orders if o.placed >= since and o.status == "delivered") >= 400
        )

    def _place(self, placed: datetime, basket: Basket, channel: str) -> Order:
        rng = self.rng
        order = Order(placed, basket, channel, self.payment)
        self.orders.append(order)
        self.gone = False
        if channel != "subscription" and rng.random() < 0.014:
            order.status = "cancelled"
            self._say(
                placed + timedelta(minutes=rng.randrange(5, 300)),
                "cancel_order",
                0.0,
                order=order,
                chance=0.75,
            )
            return order
        self._deliver(order)
        return order

    def _deliver(self, order: Order) -> None:
        """Sets when the order arrives and what goes wrong with it."""
        rng, person, basket = self.rng, self.person, order.basket
        if basket.digital:
            order.delivered = order.placed + timedelta(minutes=rng.randrange(1, 15))
            return
        fast = basket.method == "express"
        start = order.placed.date() if order.placed.hour < 14 else order.placed.date() + timedelta(days=1)
        order.promised = workdays_after(start, 1 if fast else 4)
        arrives = workdays_after(start, 1 if fast else rng.choices((2, 3, 4), (5, 4, 1))[0])
        trouble: tuple[str, ...] = ()
        if person.country == "DE" and STRIKE[0] - timedelta(days=3) <= order.placed.date() <= STRIKE[1]:
            arrives = workdays_after(max(arrives, STRIKE[0]), rng.randrange(3, 9))
            trouble = ("strike",)
        elif rng.random() < 0.05:
            arrives = workdays_after(order.promised, rng.randrange(1, 6))
            trouble = ("late",)
        order.delivered = datetime.combine(arrives, time(rng.randrange(9, 19), rng.randrange(60)))
        order.tracking = f"JVGL{rng.randrange(10**13, 10**14)}"
        if trouble and order.delivered.date() > order.promised:
            days = max(1, (order.delivered.date() - order.promised).days)
            at = self._moment(order.promised + timedelta(days=rng.randrange(1, days + 1)))
            self._mishap(trouble[0], at, order, scale=0.6 + 0.12 * days, days=days)
        elif rng.random() < 0.02:
            at = self._moment(order.placed.date() + timedelta(days=rng.randrange(1, 4)))
            if at < order.delivered:
                self._say(at, "where", -0.1, order=order)
        after = self._moment(order.delivered.date() + timedelta(days=rng.randrange(0, 4)), order.delivered)
        for topic, chance in (("damaged", 0.014), ("wrong_item", 0.013), ("missing", 0.009), ("lost", 0.005)):
            if rng.random() < chance:
                if topic == "missing" and len(basket.lines) < 2:
                    continue
                if topic == "lost":  # never came; counted as lost, sent again
                    late = workdays_after(order.promised, 13)
                    order.delivered = datetime.combine(late, time(rng.randrange(9, 19), rng.randrange(60)))
                    after = self._moment(workdays_after(order.promised, rng.randrange(4, 10)))
                self._mishap(topic, after, order, product=rng.choice(basket.lines).product)
                break
        if rng.random() < 0.012:
            self._mishap("billing", self._moment(after.date() + timedelta(days=rng.randrange(1, 12))), order)
        if order.delivered > END:
            order.status = "shipped" if order.placed < END - timedelta(hours=20) else "placed"
            if order.status == "placed":
                order.tracking = None
            order.delivered = None
            return
        self._use(order, order.delivered)

    def _use(self, order: Order, delivered: datetime) -> None:
        """What the customer thinks of the things once they are used: faults, taste, reviews, a return."""
        rng, t = self.rng, self.traits
        for line in order.basket.lines:
            product = self.shopper.product(line.product)
            later = self._moment(delivered.date() + timedelta(days=rng.randrange(3, 22)))
            liking = product.quality + 0.8 * (self.mood - 0.62) + rng.gauss(0, 0.21)
            if product.id == "LB-115" and t.adventure > 0.6:
                liking += 0.2
            if product.id == "LB-104" and FLAT_SIDAMO[0] <= order.placed.date() <= FLAT_SIDAMO[1]:
                liking -= 0.4
                self._mishap("flat_sidamo", later, order, product=product.id, scale=0.7 + 0.5 * t.adventure)
            elif product.id == "LM-201" and rng.random() < 0.4:
                liking -= 0.1
                leak = self._moment(delivered.date() + timedelta(days=rng.randrange(310, 430)))
                self._mishap("aurora", leak, order, product=product.id, now=False)
            elif product.id == "LG-302" and PICCOLO_BATCH[0] <= order.placed.date() <= PICCOLO_BATCH[1]:
                liking -= 0.45
                self._mishap("piccolo", later, order, product=product.id, tell=0.9)
            elif product.category in ("machine", "grinder") and rng.random() < 0.09:
                fault = self._moment(delivered.date() + timedelta(days=rng.randrange(20, 500)))
                self._mishap("fault", fault, order, product=product.id, now=False)
            elif product.category == "beans" and rng.random() < 0.1 * (1 - product.quality):
                liking -= 0.3
                self._mishap("taste", later, order, product=product.id)
            if (
                product.category in ("machine", "grinder", "brewer")
                and not order.basket.gift
                and rng.random() < 0.05
            ):
                order.status = "returned"
                self._say(later, "return", -0.2, order=order, product=product.id)
            if rng.random() < 0.055 + 0.07 * t.engagement and product.category != "gift card":
                stars = min(5, max(1, round(0.3 + 4.9 * max(0.0, liking))))
                self._say(later + timedelta(days=rng.randrange(0, 6)), "review", (stars - 3) / 2, order=order,
                          product=product.id, stars=stars)  # fmt: skip

    # -- talking --------------------------------------------------------------------------------------------------

    def _moment(self, day: date, after: datetime | None = None) -> datetime:
        """A time of day at which people write, on ``day``; later than ``after`` if given."""
        at = datetime.combine(day, time(self.rng.choice((7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 19, 20, 21)),
                                        self.rng.randrange(60), self.rng.randrange(60)))  # fmt: skip
        return max(at, after + timedelta(minutes=20)) if after else at

    def _say(self, at: datetime, topic: str, mood: float, *, order: Order | None = None, product: str | None = None,
             chance: float = 1.0, well: bool = True, **details: Any) -> None:  # fmt: skip
        if self.rng.random() < chance and (order is None or at > order.placed):
            self.events.append(Event(at, topic, max(-1.0, min(1.0, mood)), order, product, details, well))

    def _mishap(self, topic: str, at: datetime, order: Order | None, *, scale: float = 1.0, product: str | None = None,
                tell: float | None = None, now: bool = True, **details: Any) -> None:  # fmt: skip
        """Something went wrong: it lowers the mood, is told or not, and is put right well or badly."""
        rng, t = self.rng, self.traits
        if not now and self.gone:
            return
        hurt = _SEVERITY[topic] * scale * (1.35 - t.patience) * rng.uniform(0.6, 1.4)
        well = rng.random() < 0.72
        told = rng.random() < (tell if tell is not None else 0.45 + 0.35 * t.chatty)
        if now:
            self.mood -= hurt * (0.55 if told and well else 1.1 if told else 0.9)
            self.blame.append(_BLAME[topic])
        if told and not (self.gone and at.date() > LAST_DAY):
            self._say(at, topic, -0.15 - 2.2 * hurt, order=order, product=product, well=well, **details)
            if topic == "strike" and rng.random() < 0.35:
                self._offer(at + timedelta(hours=26), "OF-7", "email", "sent")
            elif hurt > 0.16 and rng.random() < 0.22:
                self._offer(at + timedelta(hours=26), "OF-6", "email", rng.choice(("sent", "accepted")))
                self.mood += 0.05

    def _contacts(self, week: date) -> None:
        """Questions, thanks and grumbles that no order caused."""
        rng, t, sub = self.rng, self.traits, self.sub
        if self.gone:
            return
        keen = (0.35 + t.engagement) * (0.6 if self.leaving_on else 1.0)
        plan = sub.plan if sub else None

        def say(topic: str, mood: float, **details: Any) -> None:
            at = self._moment(week + timedelta(days=rng.randrange(7)))
            self._say(at, topic, mood, product=self.shopper.spoken_of(), plan=plan, **details)

        if rng.random() < 0.05 * keen:
            pool = [*_QUESTIONS, *(_SUB_QUESTIONS if sub else ())]
            topic = rng.choices([name for name, _ in pool], [weight for _, weight in pool])[0]
            if topic == "decaf" and not t.decaf and rng.random() < 0.6:
                topic = "recommend"
            if topic == "upgrade" and sub and sub.plan not in ("Taster", "Home"):
                topic = "swap_beans"
            say(topic, 0.0)
        if self.orders and rng.random() < 0.035 * (0.4 + t.chatty) * max(0.0, self.mood - 0.4) * 3:
            say(rng.choice(("praise", "praise", "praise_service")), 0.5 + rng.random() / 2)
        if self.orders and rng.random() < 0.09 * (0.4 + t.chatty) * max(0.0, 0.6 - self.mood) * 3:
            topics = ["grumble", "website", "competitor"] + (["too_dear"] * 2 if t.price > 0.5 else [])
            say(rng.choice(topics), -0.3 - 0.5 * rng.random(), well=rng.random() < 0.7)
        if self.leaving_on and rng.random() < 0.15 * (0.5 + t.chatty):
            topics = ["competitor", "too_much", "how_cancel"] if sub else ["competitor", "grumble"]
            say(rng.choice(topics), -0.25 * rng.random())
        if plan == "Office" and rng.random() < 0.02:
            say("office", 0.0)

    # -- staying or leaving ---------------------------------------------------------------------------------------

    def _consider(self, week: date) -> None:
        rng, t, sub = self.rng, self.traits, self.sub
        if self.gone:
            if rng.random() < 0.0015 * (0.5 + t.loyalty):  # back after a while
                self.next_shop = week + timedelta(days=rng.randrange(7, 14))
            return
        since = (week - self.person.joined_on).days
        if self.leaving_on:
            if sub and rng.random() < 0.05 and since > 100:
                self._retain(week, sub)
            return
        if sub and since > 100 and rng.random() < 0.0035:
            self._retain(week, sub)
        z = -6.6 + 15.0 * (0.6 - self.mood) - 1.4 * (t.loyalty - 0.5)
        z += 0.7 if since < 120 else -0.3 if since > 500 else 0.0
        z += 0.3 if not sub else {"Taster": 0.6, "Office": -0.8, "Enthusiast": -0.1}.get(sub.plan, 0.3)
        if rng.random() < _sigmoid(z) + 0.0005:
            self.leaving_on = week + timedelta(days=int(14 + rng.gammavariate(3.0, 17.0)))

    def _retain(self, week: date, sub: Subscription) -> None:
        """An agent makes an offer to stay, within the rules; some accept and stay."""
        rng = self.rng
        at = self._moment(week + timedelta(days=rng.randrange(6)))
        if self.person.consent != 1 or at > END:
            return
        last = max((o.at for o in self.offers if o.offer in RETENTION), default=None)
        if last and (at - last).days < 91:
            return
        months = (week - self.person.joined_on).days / 30.4
        known = ["OF-1", "OF-2", "OF-4"] + (["OF-3"] if months > 6 and self.leaving_on else [])
        if sub.plan == "Home" and week >= date(2026, 2, 1):
            known.append("OF-5")
        if sub.plan == "Office" and months > 6 and week >= date(2025, 6, 1):
            known = ["OF-9", "OF-1"]
        known = [o for o in known if week >= date(2025, 1, 6) and (o != "OF-4" or week >= date(2025, 3, 3))]
        if not known:
            return
        offer = rng.choice(known)
        outcome = rng.choices(("accepted", "declined", "sent"), (0.35, 0.4, 0.25))[0]
        self._offer(at, offer, rng.choice(("call", "call", "email")), outcome)
        if outcome == "accepted":
            self.mood = min(1.0, self.mood + 0.12)
            self.leaving_on = None
            if offer in ("OF-1", "OF-2", "OF-3"):
                sub.discount, sub.discounted = OFFER_VALUE[offer], 3

    def _offer(self, at: datetime, offer: str, channel: str, outcome: str) -> None:
        """Records an offer and the talk it came with; credits at most once in 180 days."""
        last = max((o.at for o in self.offers if o.offer == offer), default=None)
        if at > END or (last and (at - last).days < 181):
            return
        self.offers.append(OfferMade(at, offer, channel, outcome))
        if offer in RETENTION:
            self.events.append(Event(at, "retention", {"accepted": 0.4, "declined": -0.3}.get(outcome, 0.0), None, None,
                                     {"offer": offer, "outcome": outcome, "channel": channel}))  # fmt: skip

    def _leave(self, day: date) -> None:
        rng, sub = self.rng, self.sub
        self.leaving_on = None
        self.gone = True
        self.next_shop = None
        if sub is None:
            return
        cause = rng.choice(self.blame[-3:]) if self.blame and rng.random() < 0.6 else rng.choices(
            list(_REASONS), (2 + 3 * self.traits.price, 1, 0.6, 0.8, 3, 2, 2, 0.6))[0]  # fmt: skip
        ended = day + timedelta(days=1)
        while ended.day != sub.day:
            ended += timedelta(days=1)
        ended -= timedelta(days=1)  # the last day of the paid month
        if ended > LAST_DAY:
            self.leaving_on, self.gone = ended, False  # asked for after the record's last day
            return
        sub.ended, sub.paused_until = ended, None
        sub.reason = _REASONS[cause] if rng.random() < 0.8 else None
        self._say(self._moment(day), "cancel", self.mood - 0.9, chance=0.3, plan=sub.plan, cause=cause,
                  well=rng.random() < 0.8)  # fmt: skip
        if rng.random() < 0.16:  # goes on buying in the shop now and then
            self.gone = False
            self.gap = rng.uniform(35, 80)
            self.next_shop = ended + timedelta(days=int(rng.uniform(15, 60)))
