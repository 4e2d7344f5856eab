"""What goes into a basket: the favourites, the new things, the tools, and what it costs."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from assistant.crm.demo.catalogue import (
    BY_ID,
    EXPRESS,
    FREE_FROM,
    PLANS,
    PRODUCTS,
    SHIPPING,
    Product,
    plan_price,
)
from assistant.crm.demo.people import Person

_SMALL_BEANS = [p for p in PRODUCTS if p.category == "beans" and not p.id.startswith("LB-15")]
_HOLIDAYS = {(1, 1), (12, 25), (12, 26)}


def workdays_after(day: date, count: int) -> date:
    """The date ``count`` working days (Monday to Friday, not Christmas or New Year) after ``day``."""
    while count > 0:
        day += timedelta(days=1)
        if day.weekday() < 5 and (day.month, day.day) not in _HOLIDAYS:
            count -= 1
    return day


@dataclass(frozen=True)
class Line:
    product: str
    quantity: int
    unit_price: float
    amount: float


@dataclass(frozen=True)
class Basket:
    """Lines and what is paid in all: ``total`` = sum of the amounts + ``shipping``, EUR."""

    lines: tuple[Line, ...]
    shipping: float
    method: str  # standard | express | e-mail
    total: float
    discount_percent: float = 0.0
    gift: bool = False
    digital: bool = False

    @property
    def counted(self) -> float:
        """What counts for points and status, EUR: goods without gift cards."""
        return sum(line.amount for line in self.lines if not line.product.startswith("LX"))


def _cents(value: float) -> float:
    return round(value + 1e-9, 2)


class Shopper:
    """Chooses products for one person by their hidden traits; remembers what they own."""

    def __init__(self, person: Person, rng: random.Random) -> None:
        self.person, self.traits, self.rng = person, person.traits, rng
        self.owned: set[str] = set()
        self.bought: list[str] = []
        self.winter = [self._taste(p) * (3 if p.id == "LB-113" else 1) for p in _SMALL_BEANS]
        self.summer = [w * (p.id != "LB-113") for p, w in zip(_SMALL_BEANS, self.winter, strict=True)]
        self.favourites: list[str] = []
        for _ in range(rng.choice((2, 2, 3, 4))):
            choice = rng.choices(_SMALL_BEANS, self.winter)[0].id
            if choice not in self.favourites:
                self.favourites.append(choice)

    @staticmethod
    def product(product_id: str) -> Product:
        return BY_ID[product_id]

    def _taste(self, p: Product) -> float:
        """How much this person likes the sound of a coffee or tool, > 0."""
        t = self.traits
        weight = 0.25 + (1.6 if t.brew in p.fits else 0.0)
        if "adventurous" in p.fits:
            weight *= 0.35 + 1.5 * t.adventure
        if "decaf" in p.fits:
            weight *= 9.0 if t.decaf else 0.12
        elif t.decaf and p.category == "beans":
            weight *= 0.3
        if p.category == "beans" and p.price > 14:
            weight *= 1.3 - t.price
        return weight * (0.4 + p.quality)

    def _bean(self, day: date) -> str:
        rng = self.rng
        winter = day.month in (11, 12, 1, 2)
        if rng.random() < 0.72 - 0.5 * self.traits.adventure:
            options = [f for f in self.favourites if f != "LB-113" or winter]
            if options:
                return rng.choice(options)
        return rng.choices(_SMALL_BEANS, self.winter if winter else self.summer)[0].id

    def spoken_of(self) -> str:
        """A coffee this person might write about: one of the last bought, else a favourite."""
        coffees = [b for b in self.bought[-8:] if b.startswith("LB-1") and not b.startswith("LB-15")]
        if coffees and self.rng.random() < 0.8:
            return self.rng.choice(coffees)
        return self.rng.choice(self.favourites)

    def box(self, plan: str, day: date, percent: float, *, gold: bool) -> Basket:
        """A subscription's delivery: as many different bags as the plan has; the amounts sum up to its price."""
        rng, what = self.rng, PLANS[plan]
        price = _cents(plan_price(plan, day) * (1 - percent / 100))
        if what.large:
            options = ["LB-151", "LB-152", "LB-153"]
            first = options[self.person.number % 3]
            chosen = [first, first if rng.random() < 0.6 else rng.choice(options)]
        else:
            chosen = []
            while len(chosen) < what.bags:
                bean = self._bean(day)
                if bean != "LB-112" and (bean not in chosen or rng.random() < 0.15):
                    chosen.append(bean)
        cents = round(price * 100)
        share, rest = divmod(cents, len(chosen))
        lines = tuple(
            Line(bean, 1, (share + (i < rest)) / 100, (share + (i < rest)) / 100)
            for i, bean in enumerate(chosen)
        )
        self.bought.extend(chosen)
        free = plan == "Enthusiast" or gold or price >= FREE_FROM
        shipping = 0.0 if free else SHIPPING
        return Basket(lines, shipping, "standard", _cents(price + shipping), percent)

    def basket(self, day: date, plan: str | None, *, gold: bool) -> Basket:
        """A purchase in the shop. Enthusiasts get 5 % off equipment; standard shipping is free from 45 EUR."""
        rng, t = self.rng, self.traits
        wanted: dict[str, int] = {}

        def add(product_id: str, quantity: int = 1) -> None:
            wanted[product_id] = wanted.get(product_id, 0) + quantity

        gift = rng.random() < (0.18 if day.month in (11, 12) else 0.03)
        if gift and rng.random() < 0.4:
            add(rng.choice(("LX-725", "LX-725", "LX-750", "LX-750", "LX-799")))
        else:
            for _ in range(rng.choice((1, 1, 2, 2, 3)) if not plan else rng.choice((0, 0, 1, 1, 2))):
                if t.brew in ("automatic", "office") and rng.random() < 0.5:
                    add(rng.choice(("LB-151", "LB-152", "LB-153")))
                else:
                    add(self._bean(day), 2 if rng.random() < 0.12 else 1)
            if rng.random() < 0.1 + 0.22 * t.gear:
                self._tool(add)
            if rng.random() < 0.16:
                self._small_thing(add)
            if not wanted:
                self._small_thing(add)
        lines = []
        for product_id, quantity in wanted.items():
            p = BY_ID[product_id]
            equipment = p.category in ("machine", "grinder", "brewer", "accessory")
            unit = _cents(p.price * 0.95) if plan == "Enthusiast" and equipment else p.price
            lines.append(Line(product_id, quantity, unit, _cents(unit * quantity)))
            self.bought.append(product_id)
            if not gift:
                self.owned.add(product_id)
        goods = _cents(sum(line.amount for line in lines))
        if all(line.product.startswith("LX") for line in lines):
            return Basket(tuple(lines), 0.0, "e-mail", goods, gift=gift, digital=True)
        if self.person.country in ("NL", "BE", "DE") and rng.random() < 0.07:
            return Basket(tuple(lines), EXPRESS, "express", _cents(goods + EXPRESS), gift=gift)
        shipping = 0.0 if goods >= FREE_FROM or gold or plan == "Enthusiast" else SHIPPING
        return Basket(tuple(lines), shipping, "standard", _cents(goods + shipping), gift=gift)

    def _tool(self, add: Callable[[str], None]) -> None:
        """A machine, grinder or brewer that suits the way of brewing and isn't owned yet."""
        kinds = {p.category for p in PRODUCTS if p.id in self.owned}
        options = [
            p for p in PRODUCTS
            if p.active and p.id not in self.owned
            and (p.category == "brewer" or (p.category in ("machine", "grinder") and p.category not in kinds))
        ]  # fmt: skip
        weights = [
            (2.0 if self.traits.brew in p.fits else 0.15)
            * (0.3 + self.traits.gear) * (60 / p.price) ** (0.25 + 0.7 * self.traits.price)
            for p in options
        ]  # fmt: skip
        if options:
            add(self.rng.choices(options, weights)[0].id)

    def _small_thing(self, add: Callable[[str], None]) -> None:
        options = [
            p for p in PRODUCTS if p.category in ("accessory", "tea") and p.id not in ("LA-590", "LA-512")
        ]
        weights = []
        for p in options:
            weight = 1.6 if self.traits.brew in p.fits else 0.25
            if p.id == "LA-501":
                weight *= 6 if "LW-401" in self.owned else 0.3
            if p.id in ("LA-507", "LA-509"):
                weight *= 3 if self.owned & {"LM-201", "LM-202"} else 0.5
            if p.id in self.owned and p.id not in ("LA-501", "LA-509") and p.category == "accessory":
                weight *= 0.1
            if p.category == "tea":
                weight *= 1.5 if self.person.language == "zh" and p.id == "LT-601" else 0.7
            weights.append(weight)
        add(self.rng.choices(options, weights)[0].id)
