"""Wishes to steps: which variant, which address, which payment method; judged by the rules, with the customer's own second
choice where the first isn't possible.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assistant.dialogue import addresses, options
from assistant.dialogue.addresses import Address, address_of
from assistant.dialogue.holdings import Holdings, Key
from assistant.dialogue.policy import Policy
from assistant.dialogue.proposals import Answer, Proposal, Refusal, Row
from assistant.dialogue.wishes import (
    PERSON,
    SAME_AS,
    Finder,
    Question,
    Wish,
    is_payment,
    sentences,
    statuses,
    told,
)

# "I never want to cancel the whole order"; "if it can't be refunded to the gift card, no cancellation"
_NEVER_WHOLE = re.compile(
    r"\b(?:never|don't|do not|wouldn't|would not|not)\b[^.,]{0,30}\bcancel\w*\b[^.,]{0,15}\b(?:entire|whole|full|complete) order",
    re.I,
)
_ONLY_IF_REFUNDED = re.compile(
    r"\bif\b[^.,]*(?:\bcannot\b|n't\b|\bnot\b)[^.,]*\brefund[^.,]*,\s*(?:then )?(?:no\b|don't|do not|leave|keep)",
    re.I,
)
_PAYING = ("balance", "refund_to", "same_payment", "no_such_payment")
STRANGE = "-"  # a payment method that was named but isn't there
_PAID = ("change_payment", "return_items", "exchange_items", "change_items")
# items last: after them an order takes no other change
_ORDER = (
    "change_address",
    "change_payment",
    "cancel_order",
    "return_items",
    "exchange_items",
    "change_items",
)


@dataclass(frozen=True)
class Step:
    """One action with its slots complete, as ``actions.propose`` takes it."""

    kind: str
    slots: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, ...]:
        street = (self.slots.get("parts") or {}).get("street", "")
        return self.kind, str(self.slots.get("order", "")), street


@dataclass(frozen=True)
class Reading:
    """``steps`` can be done, ``notes`` say what can't; ``need`` and ``question`` ask for what is missing; ``person``: the
    customer wants somebody where it isn't possible."""

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    need: str = ""
    question: str = ""
    person: bool = False

    @property
    def says(self) -> bool:
        return bool(self.steps or self.notes or self.need)


class Reader:
    """Reads one customer's wishes. ``judge`` proposes a step (``actions.propose`` with the customer's case)."""

    def __init__(
        self, store: Any, policy: Policy, customer: Row, judge: Callable[[str, Mapping[str, Any]], Answer]
    ) -> None:
        self.store, self.policy, self.customer, self.judge = store, policy, customer, judge
        self.account = Holdings(store, customer)
        self.answers: Mapping[str, str] = {}
        self.text = ""
        self._person = False

    def read(
        self, text: str, answers: Mapping[str, str] | None = None, default: Wish | None = None
    ) -> Reading:
        """Every wish in ``text`` as steps; ``answers`` are to questions asked before, by what was needed, ``default`` what
        "it" and "them" mean."""
        self.answers, self._person = answers or {}, False
        self.text = " ".join(sentences(text))
        steps: list[Step] = []
        notes: list[str] = []
        try:
            for wish in Finder(self.account, self.policy, self.answers).find(text, default):
                made, failed = self._resolve(wish)
                for words in wish.instead:
                    if not failed:
                        break
                    made, failed = self._instead(wish, words, failed)
                steps += made
                notes += failed
        except Question as question:
            return Reading(need=question.need, question=question.text)
        return replace(self.judged(merged(steps), notes), person=self._person)

    def judged(self, steps: Sequence[Step], notes: Sequence[str] = ()) -> Reading:
        """The steps that may be done, each with the first way to pay that is possible; or what is missing for one."""
        kept: list[Step] = []
        notes = list(notes)
        for step in sorted(steps, key=lambda s: _ORDER.index(s.kind)):
            step, answer = self._pay(step)
            if isinstance(answer, Proposal):
                kept.append(step)
            elif isinstance(answer, Refusal):
                notes.append(answer.text)
            else:
                return Reading(need=answer.slot, question=answer.question)
        return Reading(tuple(kept), tuple(dict.fromkeys(notes)))

    def _pay(self, step: Step) -> tuple[Step, Answer]:
        first: tuple[Step, Answer] | None = None
        for method in step.slots.get("payments") or (step.slots.get("payment"),):
            slots = {k: v for k, v in step.slots.items() if k != "payments"}
            tried = Step(step.kind, slots | ({"payment": method} if method else {}))
            answer = self.judge(tried.kind, tried.slots)
            if not isinstance(answer, Refusal) or answer.reason not in _PAYING:
                return tried, answer
            first = first or (tried, answer)
        assert first is not None
        return first

    # -- what was shown, and a message that changes it -----------------------------------------------------------

    def items_of(self, steps: Iterable[Step]) -> list[Key]:
        found = [(str(s.slots["order"]), _line(i)) for s in steps for i in s.slots.get("items", ())]
        return [key for key in found if key in self.account.items]

    def only(self, step: Step, products: set[str]) -> Step | None:
        """The step for items of these products alone; None when nothing is left of it."""
        order = str(step.slots.get("order", ""))
        items = step.slots.get("items", ())
        left = [i for i in items if self.account.items[order, _line(i)]["product_id"] in products]
        return Step(step.kind, {**step.slots, "items": left}) if left else None

    def paid_as(self, text: str, steps: Sequence[Step]) -> list[Step]:
        """The steps with the way to pay that ``text`` names; empty when it names none."""
        if not (self.account.methods_in(text) or is_payment(text) or " card" in text):
            return []
        self.text, wish = text, Wish("payment", 0, text)
        return [
            Step(s.kind, {**s.slots, "payment": None, "payments": tuple(self._payments(wish, str(s.slots.get("order"))))})
            if s.kind in _PAID
            else s
            for s in steps
        ]  # fmt: skip

    # -- one wish ---------------------------------------------------------------------------------------------

    def _resolve(self, wish: Wish) -> tuple[list[Step], list[str]]:
        """Steps for a wish, and sentences on what of it is not possible."""
        resolve = {
            "cancel": self._cancel, "return": self._return, "change": self._change, "address": self._move,
            "payment": self._payment,
        }  # fmt: skip
        made, failed = resolve[wish.kind](wish)
        if (
            wish.instead and not failed
        ):  # tried before it is promised, where something else is wanted otherwise
            for step in merged(made):
                answer = self._pay(step)[1]
                if isinstance(answer, Refusal):
                    return [], [answer.text]
        return made, failed

    def _instead(self, wish: Wish, words: str, failed: list[str]) -> tuple[list[Step], list[str]]:
        finder = Finder(self.account, self.policy, self.answers)
        wishes = finder.find(words, wish)
        wanted = self.account.methods_in(words)
        if not wishes and wanted:
            steps, problems = self._resolve(replace(wish, instead=[]))
            steps = [Step(s.kind, {**s.slots, "payments": tuple(wanted)}) for s in steps]
            return steps, problems if not steps else []
        if not wishes:
            self._person = self._person or bool(PERSON.search(words))
            return [], failed
        made: list[Step] = []
        problems = []
        for other in wishes:
            if wanted and not self.account.methods_in(other.text):
                other.text = words
            steps, notes = self._resolve(other)
            made += steps
            problems += notes
        return made, problems

    def _cancel(self, wish: Wish) -> tuple[list[Step], list[str]]:
        failed, orders = [], list(wish.orders)
        for order, line in wish.items:
            others = [k for k in self.account.items if k[0] == order and k != (order, line)]
            if any(k not in wish.items for k in others):
                failed.append(f"Single items can't be cancelled, only the whole order {order}.")
            elif order not in orders:
                orders.append(order)
        if orders and _NEVER_WHOLE.search(self.text):
            return [], [f"Single items can't be cancelled, only the whole order {o}." for o in orders]
        if _ONLY_IF_REFUNDED.search(self.text) and (wanted := self.account.methods_in(self.text)):
            kept = [o for o in orders if self.account.paid_with(o) in wanted]
            failed += [
                f"The refund of order {o} goes back the way it was paid." for o in orders if o not in kept
            ]
            orders = kept
        answered = self.answers.get("reason", "")
        reason = self._reason(answered) or self._reason(wish.text) or self._reason(self.text)
        slots = {"reason": reason} if reason else {}
        return [Step("cancel_order", {"order": o, **slots}) for o in orders], failed

    def _reason(self, text: str) -> str | None:
        """Which of the reasons that count ``text`` gives."""
        rule, low = self.policy.cancel_order, text.lower()
        for reason in rule.reasons if rule else ():
            words = [w for w in re.findall(r"[a-z]+", reason.lower()) if len(w) > 3]
            telling = [w for w in words if w not in ("ordered", "longer", "needed")]
            unwanted = r"no longer (?:needs?|needed|wants?)|(?:don't|do not|not) (?:need|want)|better deal"
            if any(re.search(rf"\b{w}", low) for w in telling) or (
                "needed" in words and re.search(unwanted, low)
            ):
                return reason
        return None

    def _return(self, wish: Wish) -> tuple[list[Step], list[str]]:
        by_order: dict[str, list[int]] = {}
        for order, line in wish.items:
            by_order.setdefault(order, []).append(line)
        return [
            Step("return_items", {"order": o, "items": sorted(lines), "payments": tuple(self._payments(wish, o))})
            for o, lines in by_order.items()
        ], []  # fmt: skip

    def _change(self, wish: Wish) -> tuple[list[Step], list[str]]:
        pairs: dict[str, list[list[Any]]] = {}
        failed: list[str] = []
        for key in wish.items:
            item = self.account.items[key]
            variants = self.account.variants(item["product_id"])
            target = options.read_target(wish.said.get(key, "") or wish.text, item, variants)
            if not target.says and not re.search(r"[a-z]{3}", wish.said.get(key, "")):
                later = wish.items[wish.items.index(key) + 1 :]  # "the cup and the plate to blue ones"
                shared = next((x for k in later if re.search(r"[a-z]{3}", x := wish.said.get(k, ""))), "")
                target = options.read_target(shared, item, variants)
            if not target.says and len(wish.items) == 1:
                more = self.answers.get(f"instead {item['product']}", "")
                target = options.read_target(f"{wish.text} {more}", item, variants)
            if not target.says:
                need = f"instead {item['product']}"
                raise Question(need, f"What would you like instead of the {told(self.account, key)}?")
            best, _ = options.choose(target, item, variants)
            if best is None:
                failed.append(f"There is no {item['product']} like that in stock.")
            elif wish.limit and not _within(wish.limit, float(best["price"] or 0)):
                failed.append(f"The {item['product']} costs {best['price']:.2f}.")
            elif best["id"] == item["variant_id"] and not target.same:
                continue  # it is that already
            else:
                pairs.setdefault(key[0], []).append([key[1], best["id"]])
        steps = []
        for order, chosen in pairs.items():
            rule = self.policy.change_items
            open_order = rule is not None and self.account.orders[order]["status"] in rule.statuses
            slots = {"order": order, "items": chosen, "payments": tuple(self._payments(wish, order))}
            steps.append(Step("change_items" if open_order else "exchange_items", slots))
        return steps, failed

    def _move(self, wish: Wish) -> tuple[list[Step], list[str]]:
        address = self._address(wish)
        if address is None:
            raise Question(
                "address", "What is the whole new address: street and number, town, state and postcode?"
            )
        parts, orders = address.as_dict(), self.account.orders
        going = [o for o in wish.orders if address_of(orders[o]) != address]
        if not wish.orders and re.search(r"\border\b", SAME_AS.split(wish.text)[0], re.I):
            # "my wrong order": the only one that goes elsewhere
            others = self.account.with_status(statuses(self.policy, "address"))
            others = [o for o in others if address_of(orders[o]) != address]
            going = others if len(others) == 1 else []
        steps = [Step("change_address", {"order": o, "parts": parts}) for o in going]
        if wish.account and address_of(self.customer) != address:
            steps.append(Step("change_address", {"parts": parts}))
        return steps, []

    def _address(self, wish: Wish) -> Address | None:
        """The address that is meant: written out, another order's, the one before, the default, one in a town."""
        known, orders = self.account.addresses(), self.account.orders
        for text in (wish.text, self.answers.get("address", ""), self.text):
            if found := addresses.read_parts(text, known):
                return found
        if (there := self._sent_there()) is not None:
            return there
        at = wish.text.lower().find(" to ")
        tail = wish.text[max(at, 0) :]
        source = SAME_AS.search(wish.text)
        if source and (ids := self.account.orders_in(source[1])):
            return address_of(orders[ids[0]])
        if re.search(r"\b(?:original|old|previous)\b", tail) and (before := self._address_before(wish)):
            return before
        if re.search(r"\bdefault\b", tail) and not wish.account:
            return address_of(self.customer)
        places = addresses.named(tail, known) or addresses.named(self.text, known)
        going = [a for a in places if not wish.orders or any(address_of(orders[o]) != a for o in wish.orders)]
        others = [a for a in going if not wish.account or a != address_of(self.customer)] or going
        return others[0] if len(others) == 1 else None

    def _sent_there(self) -> Address | None:
        """The new home, told by what was sent there: "I moved to a new house and bought a tablet sent to there"."""
        moved = re.search(
            r"\b(?:new|moved)\b[^.]*\b(?:sent|shipped|delivered|going) (?:to )?(?:there|it)\b",
            self.text,
            re.I,
        )
        if moved is None:
            return None
        products = self.account.products_in(moved[0])
        found = {o for (o, _), item in self.account.items.items() if item["product_id"] in products}
        places = {address_of(self.account.orders[o]) for o in found}
        return places.pop() if len(places) == 1 else None

    def _address_before(self, wish: Wish) -> Address | None:
        """What the address was before the last change of it, from the account's own actions."""
        table, ids = ("customers", [self.customer["id"]]) if wish.account else ("orders", wish.orders)
        for action in self.store.actions(self.customer["id"]):
            for change in action["detail"]["changed"]:
                if change["table"] == table and change["id"] in ids and "attributes" in change["before"]:
                    return address_of(change["before"])
        return None

    def _payment(self, wish: Wish) -> tuple[list[Step], list[str]]:
        orders = wish.orders or self.account.with_status(statuses(self.policy, "payment"))
        wanted = self.account.methods_in(wish.text) or self.account.methods_in(self.text)
        if len(orders) != 1 and not wish.orders:
            answered = self.account.orders_in(self.answers.get("order", ""))
            if not answered:
                raise Question("order", f"Which order do you mean: {', '.join(orders[:6])}?")
            orders = answered
        return [Step("change_payment", {"order": o, "payments": tuple(wanted)}) for o in orders], []

    def _payments(self, wish: Wish, order: str) -> list[str]:
        """Ways to pay in the order they are wanted; empty for the order's own."""
        account = self.account
        text = wish.text if account.methods_in(wish.text) else self.text
        text = self.answers.get("payment", text)
        wanted = account.methods_in(text)
        if re.search(r"\bprefer\b[^.]*gift ?card|\bgift ?card[^.]*\bprefer", text, re.I):
            wanted.sort(key=lambda id: account.kind_of(id) != "gift_card")
        if re.search(r"\bother order'?s payment\b|\bopposite order", text, re.I):
            return [m for o in account.orders if o != order and (m := account.paid_with(o))][:1]
        if re.search(r"\b(?:the )?other (?:card|payment|method)\b", text, re.I):
            own = account.paid_with(order)
            rest = [m["id"] for m in account.methods if m["id"] != own]
            return [m for m in rest if "card" not in text or "card" in account.kind_of(m)][:1]
        if re.search(r"\boriginal (?:payment|method|card)", text, re.I):
            return []
        return wanted or ([STRANGE] if account.names_strange(text) else [])


def merged(*several: Iterable[Step]) -> list[Step]:
    """One step per order and kind: an order's items can be changed once, so all of them at the same time."""
    found: dict[tuple[str, ...], Step] = {}
    for step in (s for steps in several for s in steps):
        if step.key in found and "items" in step.slots:
            have = found[step.key]
            items = {_line(i): i for i in (*have.slots["items"], *step.slots["items"])}
            ways = step.slots.get("payments") or have.slots.get("payments", ())
            found[step.key] = Step(step.kind, {**have.slots, "items": list(items.values()), "payments": ways})
        else:
            found.setdefault(step.key, step)
    return list(found.values())


def _line(item: Any) -> int:
    """The line of an item in a step's slots: a number, or a pair of it and the new variant."""
    return int(item[0] if isinstance(item, list | tuple) else item)


def _within(limit: tuple[str, float], price: float) -> bool:
    direction, amount = limit
    return price < amount if direction in ("less than", "under", "below", "cheaper than") else price > amount
