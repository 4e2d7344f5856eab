"""What a customer wants done with single items, orders, addresses and payments: wishes found in whole messages, by code.

A message may hold several, with choices ("the same one but red") and conditions ("if that isn't possible, ..."). They are
found against the customer's own orders (``holdings``) and become steps in ``steps``. English only.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistant.dialogue import addresses, requests
from assistant.dialogue.addresses import address_of
from assistant.dialogue.holdings import Holdings, Key, Mention
from assistant.dialogue.item_rules import describe
from assistant.dialogue.policy import Policy

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(#.])|\n+|(?<=[a-z]); ")
_VERB = re.compile(
    r"\b(?P<cancel>cancel(?:l?ing|l?ed(?! order))?)\b(?! reason)"
    r"|(?<!\bthe )(?<!\ba )(?<!\bany )\b(?P<return>return(?:ing)?|sen(?:d|ding) (?:\w+ ){0,6}?back|giv(?:e|ing) back|(?:get |want |like )(?:a |my )?(?:full )?refund (?:for|of|on)|money back (?:for|on)|refund(?:ing)? (?:the|my|both)\b(?! (?:difference|money|amount)))\b"
    r"|(?<!\bthe )(?<!\bno )(?<!\ban )(?<!\bany )\b(?P<change>exchang(?:e|ing)|(?:needs?|has|have) to be exchanged|swap(?:ping)?|modify(?:ing)?|chang(?:e|ing)|switch(?:ing)?|replac(?:e|ing)|"
    r"upgrad(?:e|ing)|updat(?:e|ing)|correct(?:ing)?|ask(?:ing)? for a (?:new|another)|get the(?! (?:refund|tracking|total|money|order|price|number|amount)))\b"
    r"(?! (?:my|your) mind)"
    # wanted in other words: "the shirt should be blue", "I'd rather have the large one", "make the lamp a brighter one"
    r"|\b(?P<other>should (?:be|have been)\b(?! (?:refunded|returned|cancell?ed|exchanged|changed|sent|able|possible|in|there|enough|done|fine|ok|the same)\b)|rather have\b|mak(?:e|ing) (?=(?:the|my)\b)"
    r"|(?:want|need|like|prefer) (?=(?:the|my|an?) (?!refund|money|difference|payment|total|order)[^.]*\binstead\b)"
    r"|(?:want|need|like|prefer) (?=(?:the|an?) (?:[a-z]+er|different|other) one\b))"
    r"|\b(?P<pay>pay(?:ing)? (?=[^.]*\b(?:with|by|using|via|through)\b[^.]*\binstead\b))"
    r"|\b(?P<move>us(?:e|ing) (?=(?:the |my )?(?:same |default |other |new |old |\w+ )?address\b)|(?:ship|send|deliver|redirect|forward)(?:ped|ed|t)? (?:[#\w]+ ){0,5}?to (?:my|another|a different|this|a new)(?: \w+){0,3} (?:address|home|house|place))\b",
    re.I,
)
_NOT = re.compile(r"\b(?:don't|do not|never|not|nothing else|won't|without)\b[^,.;]{0,18}$", re.I)
_ALL_ITEMS = re.compile(
    r"\b(?:(?:all|both) (?:of )?(?:the |my |your )?(?:items?|things|products)|everything|all things ordered"
    r"|(?:whole|entire|complete) order)\b",
    re.I,
)
_ALL_ORDERS = re.compile(
    r"\b(?:all|both|every|each|any|possible)\b[^.,]{0,30}\borders?\b|\border addresses\b", re.I
)
_IMPOSSIBLE = re.compile(
    r"^(?:but |and )?(?:if|in case)\b(?P<what>[^,.]*(?:\bnot\b|n't\b|\bcannot\b|\bunable\b|\bunavailable\b|\bimpossible\b|\bno longer\b)[^,.]*),\s*(?:then )?(?P<then>.+)$"
    r"|^(?:otherwise|if not),?\s*(?P<else>.+)$",
    re.I | re.S,
)
_PRICE_LIMIT = re.compile(
    r"\bif\b[^,.]*?\b(?P<dir>less than|under|below|cheaper than|more than|over|above|greater than)\s*\$?\s*(?P<sum>\d+(?:\.\d+)?)",
    re.I,
)
PERSON = re.compile(r"\b(?:human|person|representative|colleague|supervisor|somebody|someone)\b", re.I)
_EXCEPT = re.compile(r"\b(?:except|but not|other than)\b", re.I)
_TOGETHER = re.compile(
    r"\b(?:received|ordered|bought|came|arrived|got)(?: \w+)? (?:together |along )?with (?:the|my|a|an) (?:\w+ )?$",
    re.I,
)
_ACCOUNT_ADDRESS = re.compile(
    r"\b(?:user|default|account|profile|home)(?: \w+)? address\b|\bmy address\b(?! (?:of|for|on))", re.I
)
# "my new address is ... Update my account and the order": where an address is kept, said after the address
_KEPT_ADDRESS = re.compile(r"\b(?:account|profile|orders?)\b", re.I)
_MOVED = re.compile(r"\b(?:i|we)(?:['’]ve| have)? (?:just |recently )?moved\b|\bnew address\b", re.I)
SAME_AS = re.compile(
    r"\b(?:same as|as (?:in|for|of|(?=order\b|my\b))|(?:one|to (?:the )?address) (?:of|for|from|in|on) (?=order\b|#))(.*)",
    re.I | re.S,
)


@dataclass
class Wish:
    """One thing wanted; ``said`` is what was said about each item, ``instead`` what to do where it isn't possible."""

    kind: str  # cancel | return | change | address | payment
    at: int
    text: str
    items: list[Key] = field(default_factory=list)
    said: dict[Key, str] = field(default_factory=dict)
    orders: list[str] = field(default_factory=list)
    account: bool = False
    limit: tuple[str, float] | None = None
    instead: list[str] = field(default_factory=list)


class Question(Exception):
    """Something has to be asked before a wish can be read; ``need`` is the name its answer is kept under."""

    def __init__(self, need: str, text: str) -> None:
        super().__init__(text)
        self.need, self.text = need, text


def wishful(message: str) -> bool:
    """Whether a message may hold a wish of the kinds that are read here."""
    return any(_VERB.search(s) for s in sentences(message))


# as people type in a chat
_SHORT = tuple(
    (re.compile(rf"(?<![\w'’#-]){short}(?![\w'’-])"), whole)
    for short, whole in (("u", "you"), ("n", "and"), ("pls", "please"), ("plz", "please"), ("ur", "your"))
)
_PROPOSED = re.compile(r"^(?:what|how) about \w+ing\b", re.I)


def sentences(text: str) -> list[str]:
    """The sentences of ``text`` that are no questions about how something is done."""
    for short, whole in _SHORT:
        text = short.sub(whole, text)
    found = [s.strip() for s in _SENTENCE.split(text) if s and s.strip()]
    kept = [s for s in found if not s.endswith(("?", "？")) or requests.is_polite(s) or _PROPOSED.search(s)]
    return [s if s[-1] in ".!?" else f"{s.rstrip(';,')}." for s in kept]


def statuses(policy: Policy, kind: str) -> set[str]:
    """Statuses of orders that a kind of wish is possible for."""
    rules: Mapping[str, tuple[Any, ...]] = {
        "cancel": (policy.cancel_order,),
        "return": (policy.return_items,),
        "change": (policy.exchange_items, policy.change_items),
        "address": (policy.change_address,),
        "payment": (policy.change_payment,),
    }
    return {status for rule in rules[kind] if rule is not None for status in rule.statuses}


class Finder:
    """Finds the wishes of one message. ``answers`` are those to questions asked before."""

    def __init__(self, account: Holdings, policy: Policy, answers: Mapping[str, str]) -> None:
        self.account, self.policy, self.answers = account, policy, answers
        self._lately: set[str] = set()  # orders of the items named last

    def find(self, text: str, default: Wish | None = None) -> list[Wish]:
        """Wishes in the order of the text; ``default`` says what "it" and "them" mean. Raises Question."""
        main: list[str] = []
        later: list[tuple[int, str]] = []
        at = 0
        for sentence in sentences(text):
            found = _IMPOSSIBLE.match(sentence)
            then = (found["then"] or found["else"]) if found else ""
            if then and self._does(then):
                later.append((at, then))
            else:
                main.append(sentence)
                at += len(sentence) + 1
        wishes = self._main(" ".join(main), default)
        while not wishes and later:  # what came first is nothing that is done here
            _, words = later.pop(0)
            wishes = self._main(words, default)
        for place, words in later:
            before = [w for w in wishes if w.at < place] or wishes[:1]
            if before:
                before[-1].instead.append(words)
        return wishes

    def _does(self, then: str) -> bool:
        """Whether the second half of a condition is something to do, and not one more wish about the same item."""
        if re.search(r"\bgo for\b", then):
            return False
        return bool(_VERB.search(then) or self.account.methods_in(then) or PERSON.search(then))

    def _main(self, text: str, default: Wish | None) -> list[Wish]:
        verbs = [m for m in _VERB.finditer(text) if not _NOT.search(text[: m.start()])]
        mentions = self.account.mentions(text)
        wishes: list[Wish] = []
        for n, verb in enumerate(verbs):
            end = verbs[n + 1].start() if n + 1 < len(verbs) else len(text)
            marks = [e for mark in (". ", "; ") if (e := text.find(mark, verb.end())) >= 0]
            region = text[verb.start() : min(end, min(marks, default=len(text)) + 1)]
            kind = {"other": "change", "pay": "change"}.get(str(verb.lastgroup), str(verb.lastgroup))
            named = any(verb.start() < m.start < end for m in mentions)
            there = kind == "change" and not named and _KEPT_ADDRESS.search(region) and _MOVED.search(text)
            if kind == "move" or (
                kind == "change" and (there or re.search(r"\baddress(?:es)?\b|\bnew home\b", region))
            ):
                wishes.append(self._address(verb.start(), region, text))
            elif verb.lastgroup == "pay" or (kind == "change" and not named and is_payment(region)):
                wishes.append(Wish("payment", verb.start(), region, orders=self.account.orders_in(region)))
            else:
                wishes.append(Wish(kind, verb.start(), region))
        of_items = [w for w in wishes if w.kind in ("cancel", "return", "change")]
        self._give_items(text, of_items, mentions, default)
        for wish in of_items:
            if (limit := _PRICE_LIMIT.search(_sentence_of(text, wish.at))) is not None:
                wish.limit = limit["dir"].lower(), float(limit["sum"])
        return [w for w in wishes if w.kind in ("address", "payment") or w.items or w.orders]

    # -- items ------------------------------------------------------------------------------------------------

    def _give_items(
        self, text: str, wishes: list[Wish], mentions: Sequence[Mention], default: Wish | None
    ) -> None:
        """Which items and orders each of the wishes is about, and what is said of each item."""
        current: dict[frozenset[str], list[tuple[Wish, Key]]] = {}
        context = [m for m in mentions if _TOGETHER.search(text[: m.start])]
        mentions = [m for m in mentions if m not in context]
        for n, mention in enumerate(mentions):
            sentence = _bounds(text, mention.start)
            lead = text[sentence[0] : mention.start]
            before = [w for w in wishes if sentence[0] <= w.at <= mention.start]
            wish, early = self._wish_of(mention, wishes, mentions, text)
            following = mentions[n + 1] if n + 1 < len(mentions) else None
            said = text[mention.end : following.start if following else len(text)]
            if following is not None and not (following.products & mention.products):
                said = _before_next(said)
            further = re.search(r"\balso\b|\b(?:other|another) (?:\w+ )?$", lead)
            again = mention.products in current and not further
            if again:
                for known, key in current[mention.products]:
                    known.said[key] = f"{known.said.get(key, '')} {'' if before else lead} {said}"
                continue
            if wish is None or _EXCEPT.search(text[max(0, mention.start - 36) : mention.start]):
                continue
            beside = [m for m in context if sentence[0] <= m.start < sentence[1]]
            found = self._lines(text, mention, wish, sentence, beside)
            self._lately = {order for order, _ in found}
            for key in found:
                if key not in wish.items:
                    wish.items.append(key)
                wish.said[key] = f"{wish.said.get(key, '')} {lead if early else ''} {said}"
            current[mention.products] = [(wish, key) for key in found]
        for wish in wishes:
            if not wish.items or (wish.kind == "change" and _ALL_ITEMS.search(wish.text)):
                self._give_orders(text, wish, default)

    def _wish_of(
        self, mention: Mention, wishes: list[Wish], mentions: Sequence[Mention], text: str
    ) -> tuple[Wish | None, bool]:
        """The wish a mention belongs to, and whether it stands in a sentence before it."""
        start, end = _bounds(text, mention.start)
        before = [w for w in wishes if start <= w.at <= mention.start]
        after = [w for w in wishes if mention.start < w.at < end]
        if before or after:
            return (before[-1] if before else after[0]), False
        later = next((w for w in wishes if w.at >= end), None)
        earlier = [w for w in wishes if w.at < start]
        if later is not None and not earlier:  # "I got two tablets. I want to return the dearer one."
            place = _bounds(text, later.at)
            if not any(place[0] <= m.start < place[1] for m in mentions):
                return later, True
            return None, False
        return (earlier[-1] if earlier else None), False

    def _lines(
        self, text: str, mention: Mention, wish: Wish, sentence: tuple[int, int], beside: Sequence[Mention]
    ) -> list[Key]:
        """The lines a mention means: by the order's number and status, by what is said of them, by a question."""
        account = self.account
        keys = [k for k, item in account.items.items() if item["product_id"] in mention.products]
        words = text[sentence[0] : sentence[1]]
        beside_it = re.split(r",|\band\b", text[mention.end : sentence[1]])[
            0
        ]  # "the lamp in 1003", not the other
        if ids := account.orders_in(beside_it) or account.orders_in(words):
            keys = [k for k in keys if k[0] in ids] or keys
        fitting = [k for k in keys if account.orders[k[0]]["status"] in statuses(self.policy, wish.kind)]
        for pattern, inside in (
            (r"\bpending\b", "pending"),
            (r"\b(?:received|delivered|just got|arrived)\b", "delivered"),
        ):
            if wish.kind == "change" and re.search(pattern, words, re.I):
                fitting = [k for k in fitting if inside in account.orders[k[0]]["status"]] or fitting
        if not fitting:
            return keys[:1]  # its own obstacle is the answer
        for other in beside:
            fitting = [k for k in fitting if self._holds(k[0], other.products)] or fitting
        if re.search(r"\b(?:same|that|this) order\b", words):
            fitting = [k for k in fitting if k[0] in self._lately] or fitting
            for other in account.mentions(words):
                fitting = [k for k in fitting if self._holds(k[0], other.products)] or fitting
        cut = r"[.;:]|, (?:and|or) |\band\b|\bthe\b(?! more| less| most)|\bmy\b"
        lead = re.split(cut, text[: mention.start])[-1][-40:]
        fitting = account.narrowed(fitting, f"{lead} {_noun_tail(text[mention.end : mention.end + 40])}")
        name = str(account.items[fitting[0]]["product"])
        answer = self.answers.get(f"which {name}", "")
        if len(fitting) > 1 and answer:
            fitting = account.narrowed(fitting, answer)
        if len(fitting) == 1:
            return fitting
        around = text[max(0, mention.start - 30) : mention.end + 5]
        both = re.search(
            r"\bactually (?:it is )?(?:two|both)\b|\btwo \w+ that\b|\bboth\b(?! are)|\ball of\b", answer, re.I
        )
        if both or re.search(r"\b(?:all|both|every|each|my pending)\b", around, re.I):
            return fitting
        count = re.search(r"\b(two|three|four)\b", around, re.I)
        only_one = re.search(
            r"\bonly (?:need|want) one\b|\bone of\b|\bthe (?:[a-z]+er|more expensive|less expensive) one\b",
            text,
            re.I,
        )
        if count and len(fitting) == ("two", "three", "four").index(count[1].lower()) + 2 and not only_one:
            return fitting
        if picked := self._by_price(fitting, f"{text[mention.start :]} {answer}"):
            return picked
        if len({(account.items[k]["variant_id"], k[0]) for k in fitting}) == 1:
            return fitting[:1]
        same_order = [k for k in fitting if any(k[0] == known[0] for known in wish.items)]
        if len(same_order) == 1:
            return same_order
        only_order = account.orders_in(text)
        if len(only_order) == 1 and (there := [k for k in fitting if k[0] in only_order]):
            fitting = there  # "... a blue one. It's order 1002."
            if len(fitting) == 1:
                return fitting
        # people speak of one order at a time: the one that holds most of what the message names
        named = account.mentions(text)
        held = {k: sum(self._holds(k[0], m.products) for m in named) for k in fitting}
        fullest = [k for k in fitting if held[k] == max(held.values())]
        if len(fullest) == 1:
            return fullest
        listed = "; ".join(f"{told(account, k)} in order {k[0]}" for k in fitting[:6])
        raise Question(f"which {name}", f"Which {name} do you mean: {listed}?")

    def _by_price(self, keys: list[Key], words: str) -> list[Key]:
        ordered = sorted(keys, key=lambda k: float(self.account.items[k]["amount"] or 0))
        if re.search(r"\b(?:more|most) expensive (?:one|\w+)|\bpric(?:ier|iest)\b", words, re.I):
            return ordered[-1:]
        if re.search(r"\b(?:less|least) expensive one|\bcheaper one", words, re.I):
            return ordered[:1]
        return []

    def _holds(self, order: str, products: frozenset[str]) -> bool:
        return any(k[0] == order and i["product_id"] in products for k, i in self.account.items.items())

    # -- orders -----------------------------------------------------------------------------------------------

    def _give_orders(self, text: str, wish: Wish, default: Wish | None) -> None:
        """Items and orders of a wish that names no product: all of them, by number, by code, or what "it" means."""
        account, region = self.account, wish.text
        possible = statuses(self.policy, wish.kind)
        ids = account.orders_in(region)
        everything = bool(_ALL_ITEMS.search(region))
        if wish.kind == "cancel" or everything:
            self._whole_orders(text, wish, default, ids, everything)
            return
        items = {k: i for k, i in account.items.items() if account.orders[k[0]]["status"] in possible}
        codes = set(re.findall(r"\b[\w-]{4,}\b", region))
        chosen = [k for k, i in items.items() if codes & {i["variant_id"], i["product_id"]}]
        if not chosen and default and default.items:
            products = {account.items[k]["product_id"] for k in default.items}
            alike = [k for k, i in items.items() if i["product_id"] in products]
            chosen = self._by_price(alike, region) or [k for k in default.items if k in items]
        lines = [k for k in account.items if k[0] in ids]
        if not chosen and len(lines) == 1:
            chosen = lines
        if not chosen and re.search(r"\b(?:its?|their) (?:items?|color|colour|size)\b", region):
            pending = [k for k in items if "pending" in account.orders[k[0]]["status"]]
            chosen = pending if len(pending) == 1 else []
        wish.items, wish.said = chosen, dict.fromkeys(chosen, region)

    def _whole_orders(
        self, text: str, wish: Wish, default: Wish | None, ids: list[str], everything: bool
    ) -> None:
        account, region = self.account, wish.text
        possible = statuses(self.policy, wish.kind)
        named = re.search(
            r"\bcancel\w* (?:it\b|(?:the|my|this|that|an?) (?:\w+ ){0,2}(?:order|purchase)\b)", region, re.I
        )
        if ids:
            wish.orders = ids
        elif default and (default.items or default.orders):
            wish.orders = list(dict.fromkeys([*default.orders, *(o for o, _ in default.items)]))
        elif place := re.search(
            r"\border\b[^.,]{0,20}\b(?:sent|shipped|going|delivered) to ([A-Z]\w+(?: [A-Z]\w+)?)", text
        ):
            there = addresses.named(place[1], account.addresses())
            wish.orders = [o for o in account.with_status(possible) if address_of(account.orders[o]) in there]
        elif _ALL_ORDERS.search(region) or everything:
            pending = re.search(r"\bpending\b", region, re.I)
            wish.orders = [o for o, row in account.orders.items() if row["status"] in possible or (pending and "pending" in row["status"])]  # fmt: skip
            if wish.kind == "change" and re.search(r"\bjust placed\b|\bpending\b", text):
                wish.orders = [
                    o for o in wish.orders if "pending" in account.orders[o]["status"]
                ] or wish.orders
        elif named:
            wish.orders = self._one_order(possible)
        if wish.kind == "cancel":
            return
        left_out = account.products_in(region[m.end() :]) if (m := _EXCEPT.search(region)) else set()
        first = next((m.start for m in account.mentions(region)), len(region))
        of_all = _before_next(region[:first]) if first < len(region) else region
        for key, item in account.items.items():
            if key[0] in wish.orders and item["product_id"] not in left_out:
                if key not in wish.items:
                    wish.items.append(key)
                wish.said[key] = f"{of_all} {wish.said.get(key, '')}"
        wish.orders = []

    def _one_order(self, possible: set[str]) -> list[str]:
        """The only order with such a status, or the one that was answered."""
        fitting = self.account.with_status(possible)
        if (answer := self.answers.get("order")) is not None:
            fitting = self.account.orders_in(answer) or fitting
        if len(fitting) > 1:
            raise Question("order", f"Which order do you mean: {', '.join(fitting[:6])}?")
        return fitting or list(self.account.orders)[:1]  # its own obstacle is the answer

    def _address(self, at: int, region: str, text: str) -> Wish:
        """A wish for another address: of the account, of orders, or both."""
        account = self.account
        wish = Wish("address", at, region)
        kept = re.search(r"\b(?:account|profile)\b", region) if _MOVED.search(text) else None
        wish.account = bool(
            kept or _ACCOUNT_ADDRESS.search(re.sub(r"\bto (?:the |my )?default.*", "", region))
        )
        open_ones = account.with_status(statuses(self.policy, "address"))
        target = SAME_AS.split(region)[0]
        ids = account.orders_in(target) or account.orders_in(SAME_AS.split(_sentence_of(text, at))[0])
        if ids:
            wish.orders = ids
        elif _ALL_ORDERS.search(region):
            wish.orders = open_ones
        elif re.search(r"\border'?s?\b", target, re.I) or not wish.account:
            products = frozenset(account.products_in(target))
            with_item = [o for o in open_ones if self._holds(o, products)]
            there = addresses.named(re.split(r"\bto\b", target)[0], account.addresses())
            in_town = [o for o in open_ones if address_of(account.orders[o]) in there]
            wish.orders = with_item or in_town or (open_ones if len(open_ones) == 1 else [])
        return wish


def is_payment(text: str) -> bool:
    return bool(re.search(r"\bpayments?(?: method)?\b|\bpay(?:ing|ment)? (?:with|by|via)\b", text, re.I))


def told(account: Holdings, key: Key) -> str:
    return describe(account.items[key], account.items[key]["options"])


def _bounds(text: str, at: int) -> tuple[int, int]:
    """Where the sentence around ``at`` begins and ends."""
    starts = [s + 2 for mark in (". ", "! ", "? ") if (s := text.rfind(mark, 0, at)) >= 0]
    ends = [e for mark in (". ", "! ", "? ") if (e := text.find(mark, at)) >= 0]
    return max(starts, default=0), min(ends, default=len(text))


def _sentence_of(text: str, at: int) -> str:
    start, end = _bounds(text, at)
    return text[start:end]


def _before_next(said: str) -> str:
    """What is said of an item, without the words that lead to the next one."""
    marks = re.finditer(r", and\b|,|\band\b|\bor\b|\. |;|\bfor (?:the|my)\b|\bfrom\b", said, re.I)
    return said[: max((m.start() for m in marks), default=0)]


def _noun_tail(said: str) -> str:
    """Words right after an item that still describe it: "with ..." until the wish begins."""
    match = re.match(
        r"\s*(?:\(([^)]*)\)|((?:that is|which is|with) [^,.;]*?)(?=\bto\b|\bfor\b|,|\.|;|$))", said
    )
    return (match[1] or match[2] or "") if match else ""
