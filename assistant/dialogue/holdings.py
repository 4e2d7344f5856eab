"""What one customer has: orders with their items, payment methods, addresses; and which of them a text names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from assistant.dialogue import options
from assistant.dialogue.addresses import Address, address_of
from assistant.dialogue.proposals import Row

Key = tuple[str, int]  # an order and a line of it

_PAYMENT_WORDS = {
    "gift_card": r"gift ?cards?|\bGC\b",
    "paypal": r"pay ?pal",
    "credit_card": r"credit ?cards?|(?:visa|master ?card|amex|american express)(?: card)?",
}
_BRANDS = re.compile(r"visa|master ?card|amex|american express", re.I)
# words of product names that say nothing alone
_GENERIC = {
    "smart", "electric", "digital", "portable", "indoor", "action", "hiking", "running", "gaming", "wireless",
    "mechanical", "office", "water", "garden", "desk", "wall", "coffee", "yoga", "security", "light", "cycling", "patio",
    "bluetooth", "fleece", "machine", "maker", "outdoor", "home", "kitchen", "mens", "womens",
}  # fmt: skip
_SYNONYMS = {
    "bicycle": r"bikes?", "sneakers": r"shoes?", "running shoes": r"shoes?", "hiking boots": r"boots?|shoes?",
    "espresso machine": r"coffee (?:machine|maker)", "coffee maker": r"coffee machine", "t-shirt": r"tees?|shirts?",
    "smartphone": r"(?:cell ?|mobile )?phones?", "wireless earbuds": r"earphones?", "wristwatch": r"watch(?:es)?",
    "luggage set": r"suitcases?|luggage", "notebook": r"notepads?", "grill": r"barbecue|bbq",
}  # fmt: skip


@dataclass(frozen=True)
class Mention:
    """A place of a text that names products of the customer's."""

    start: int
    end: int
    products: frozenset[str]


class Holdings:
    """Read once from the record. ``items`` are the lines of all orders, with their variants' options."""

    def __init__(self, store: Any, customer: Row) -> None:
        self.store, self.customer = store, customer
        self.orders: Mapping[str, Row] = {o["id"]: o for o in store.orders(customer["id"])}
        self.items: Mapping[Key, Row] = {(id, i["line"]): i for id in self.orders for i in store.items(id)}
        self.methods: list[Row] = list(store.payment_methods(customer["id"]))
        self._variants: dict[str, list[Row]] = {}
        names = {i["product_id"]: str(i["product"]) for i in self.items.values()}
        self._forms = {id: _forms(name) for id, name in names.items()}

    def variants(self, product: str) -> list[Row]:
        if product not in self._variants:
            self._variants[product] = self.store.variants(product)
        return self._variants[product]

    def with_status(self, statuses: set[str]) -> list[str]:
        return [id for id, row in self.orders.items() if row["status"] in statuses]

    def addresses(self) -> list[Address]:
        """The default one first, then those of the orders; each once."""
        every = [address_of(self.customer), *(address_of(o) for o in self.orders.values())]
        return list(dict.fromkeys(every))

    def paid_with(self, order: str) -> str | None:
        return next((p["method_id"] for p in self.store.payments(order) if p["kind"] == "payment"), None)

    # -- what a text names --------------------------------------------------------------------------------------

    def mentions(self, text: str) -> list[Mention]:
        """Products that ``text`` names, in its order; one place may fit several."""
        found: list[Mention] = []
        for product, pattern in self._forms.items():
            found += [Mention(m.start(), m.end(), frozenset({product})) for m in pattern.finditer(text)]
        merged: list[Mention] = []
        for m in sorted(found, key=lambda m: (m.start, -(m.end - m.start))):
            if merged and m.start < merged[-1].end:
                last = merged[-1]
                if (m.start, m.end) == (last.start, last.end):
                    merged[-1] = replace(last, products=last.products | m.products)
                continue
            merged.append(m)
        return merged

    def products_in(self, text: str) -> set[str]:
        return {product for mention in self.mentions(text) for product in mention.products}

    def orders_in(self, text: str) -> list[str]:
        """Orders named by their number, with or without what stands before the digits."""
        named = [o for o in self.orders if re.search(rf"(?<!\w){re.escape(o.strip('#'))}(?!\w)", text, re.I)]
        digits = re.findall(r"\d{4,}", text)
        return named or [o for o in self.orders if re.sub(r"\D", "", o) in digits]

    def methods_in(self, text: str) -> list[str]:
        """Payment methods that ``text`` names, in its order."""
        found: list[tuple[int, str]] = []
        for method in self.methods:
            kind = method["kind"]
            pattern = _PAYMENT_WORDS.get(kind, re.escape(kind.replace("_", " ")))
            brand, last = (str(method["attributes"].get(k) or "") for k in ("brand", "last_four"))
            hits = [m.start() for m in re.finditer(re.escape(method["id"]), text)]
            if not hits and last and (m := re.search(rf"\b{last}\b", text)):
                hits = [m.start()]
            for m in re.finditer(pattern, text, re.I) if not hits else ():
                told = _BRANDS.search(text[max(0, m.start() - 14) : m.end()])
                if not told or not brand or told[0].lower().replace(" ", "").startswith(brand.lower()[:4]):
                    hits.append(m.start())
            if hits:
                found.append((hits[0], method["id"]))
        return [id for _, id in sorted(found)]

    def names_strange(self, text: str) -> bool:
        """Whether ``text`` names a card or another way to pay that the customer hasn't got."""
        said = any(re.search(pattern, text, re.I) for pattern in _PAYMENT_WORDS.values())
        return said and not self.methods_in(text)

    def kind_of(self, method: str) -> str:
        return next((str(m["kind"]) for m in self.methods if m["id"] == method), "")

    def narrowed(self, keys: list[Key], words: str) -> list[Key]:
        """Those of the lines that the words about them fit; all of them where the words say nothing."""
        values = options.values_of([{"attributes": self.items[k]["options"]} for k in keys])
        for found in options.mentions(options.normal(words), values):
            left = [k for k in keys if str(self.items[k]["options"].get(found.option)) == found.value]
            keys = left or keys
        named = self.orders_in(words)
        return [k for k in keys if k[0] in named] or keys


def _forms(name: str) -> re.Pattern[str]:
    """How a product may be called: its name, its last word, a word of it that says enough alone."""
    words = re.findall(r"[^\W_]+", name.lower())
    last = words[-1]
    forms = [r"[\s-]?".join(map(re.escape, words)) + ("" if last.endswith("s") else "s?")]
    singles = [w for w in words if len(w) >= 5 and w not in _GENERIC]
    if (
        last not in ("set", "kit", "machine", "maker", "cleaner", "light")
        and last not in singles
        and len(last) >= 4
    ):
        singles.append(last)
    for word in singles:
        plural = word.endswith("s") and not word.endswith("ss")
        forms.append(re.escape(word[:-1]) + "s?" if plural else re.escape(word) + "(?:s|es)?")
        if len(word) >= 8 and len(words) == 1:
            forms.append(re.escape(word[:-5]) + " " + re.escape(word[-5:]))
    if synonym := _SYNONYMS.get(name.lower()):
        forms.append(synonym)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(forms)})(?![\w])", re.I)
