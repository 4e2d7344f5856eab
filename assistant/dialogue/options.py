"""Which variant of a product is meant: words about options ("clicky", "one size smaller", "the cheapest") against the real
variants, their prices and what is in stock. Options and values are the company's own; nothing here knows a product.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]
# orders of words that aren't numbers, low to high
_SCALES = (
    ("xxs", "xs", "s", "m", "l", "xl", "xxl", "xxxl"),
    ("portable", "small", "medium", "large"),
    ("low", "medium", "high"),
    ("beginner", "easy", "intermediate", "advanced", "expert"),
    ("basic", "standard", "professional"),
)
_LETTERS = {"s": "small", "m": "medium", "l": "large", "xs": "extra small", "xl": "extra large"}
_UNITS = r"gb|tb|mb|ml|l|mah|mp|mm|cm|ft|inch|bar|lbs|kg|w|x|hours?|k|degrees"
_UP = r"(?:bigger|larger|longer|taller|higher|brighter|greater|faster|harder|heavier|stronger|thicker|more)"
_DOWN = r"(?:smaller|shorter|lower|less|fewer|dimmer|lighter|slower|easier|weaker|thinner)"
_MOST = r"(?:max(?:imum|imi[sz]ed)?|largest|biggest|highest|longest|tallest|brightest|hardest|greatest|most)"
_LEAST = r"(?:min(?:imum|imi[sz]ed)?|smallest|lowest|shortest|fewest|least|easiest|dimmest)"
_CHEAP = r"(?:cheapest|cheaper|less expensive|least expensive|lowest[- ]pric\w+|lowest cost)"
_DEAR = r"(?:most expensive|priciest|highest[- ]pric\w+|dearest)"
# what a comparison without an option's name is about
_ABOUT = {
    r"bright|dim": ("brightness",),
    r"eas[iy]|hard": ("difficulty",),
    r"long|short": ("length", "battery life"),
    r"tall": ("height",),
    r"thick|thin": ("thickness",),
    r"big|large|small": ("size", "capacity", "pieces", "length", "height", "diameter", "weight"),
}
_CARELESS = r"(?:(?:do(?:es)?n't|do(?:es)? not|not) (?:really )?(?:care|mind|matter|important)|are not important|not important|no preference|can have different|(?:okay|fine|ok) with (?:having )?any|whatever|regardless)"
_STOP = {
    "with",
    "and",
    "the",
    "for",
    "not",
    "non",
    "yes",
    "none",
    "size",
    "type",
    "color",
    "colour",
    "brand",
    "card",
}


@dataclass(frozen=True)
class Target:
    """What is wanted of another variant. ``must``: option to values, any of them, best first; ``keep``: options that have
    to stay; ``prefer``: like ``must``, but may be missed; ``steps``: option to (direction, by how much or None, as far as
    possible). With ``free`` nothing else has to stay as it is.
    """

    code: str | None = None
    must: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keep: frozenset[str] = frozenset()
    loose: frozenset[str] = frozenset()
    prefer: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    avoid: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    steps: Mapping[str, tuple[int, float | None, bool]] = field(default_factory=dict)
    price: int = 0  # -1 the cheapest, 1 the most expensive
    free: bool = False
    same: bool = False

    @property
    def says(self) -> bool:
        """Whether there is anything to choose by."""
        return bool(
            self.code or self.must or self.prefer or self.steps or self.price or self.same or self.avoid
        )


def normal(text: str) -> str:
    """Lower case, one way of writing units and numbers: ``15-Inch`` and ``15 inches`` are both ``15inch``."""
    low = text.lower().replace("’", "'").replace("-", " ").replace('"', " inch ")
    for pattern, unit in (
        (r"\b(?:foot|feet)\b", "ft"), (r"\binches\b", "inch"), (r"\b(?:liters?|litres?)\b", "l"),
        (r"\bcolour", "color"), (r"\bgrey\b", "gray"),
    ):  # fmt: skip
        low = re.sub(pattern, unit, low)
    low = re.sub(rf"(\d)\s+({_UNITS})\b", r"\1\2", low)
    return re.sub(r"\s+", " ", low)


def _number(value: str) -> float | None:
    match = re.search(r"\d+(?:\.\d+)?", value.replace(",", ""))
    if match is None:
        return None
    number = float(match[0])
    if re.search(r"\d\s*tb", value, re.I):
        number *= 1000
    return number


def scale(values: Iterable[str]) -> dict[str, float] | None:
    """Values from low to high, or None where they have no order: numbers, or words such as small and large."""
    values = list(values)
    for words in _SCALES:
        if all(v.lower() in words for v in values):
            return {v: float(words.index(v.lower())) for v in values}
    numbers = {v: _number(v) for v in values}
    if all(n is not None for n in numbers.values()):
        return {v: float(n or 0) for v, n in numbers.items()}
    return None


@dataclass(frozen=True)
class _Found:
    option: str
    value: str
    start: int
    end: int


def values_of(variants: Iterable[Row]) -> dict[str, list[str]]:
    """Every option of the variants with its values, in the order of first use."""
    found: dict[str, dict[str, None]] = {}
    for variant in variants:
        for option, value in variant["attributes"].items():
            found.setdefault(option, {})[str(value)] = None
    return {option: list(values) for option, values in found.items()}


def mentions(text: str, options: Mapping[str, Sequence[str]]) -> list[_Found]:
    """Values of these options that ``text`` (normal) names, in its order; the longest reading of a place wins."""
    found: list[_Found] = []
    for option, values in options.items():
        name = normal(option)
        for value in values:
            for pattern in _patterns(name, value, values):
                for m in re.finditer(pattern, text):
                    found.append(_Found(option, value, m.start(), m.end()))
    kept: list[_Found] = []
    for f in sorted(found, key=lambda f: (-(f.end - f.start), f.start)):
        clash = [k for k in kept if f.start < k.end and k.start < f.end]
        if all(k.option != f.option and (k.start, k.end) == (f.start, f.end) for k in clash):
            kept.append(f)
    return _nearest_option(sorted(kept, key=lambda f: f.start), text)


def _nearest_option(found: list[_Found], text: str) -> list[_Found]:
    """A word that is a value of several options belongs to the one whose name stands beside it, if one does."""
    out = []
    for f in found:
        rivals = [g for g in found if (g.start, g.end) == (f.start, f.end)]
        if len(rivals) > 1:
            beside = text[max(0, f.start - 20) : f.end + 25]
            named = [g for g in rivals if re.search(rf"\b{re.escape(normal(g.option).split()[0])}", beside)]
            if named and f not in named:
                continue
        out.append(f)
    return out


def _patterns(name: str, value: str, values: Sequence[str]) -> list[str]:
    plain = normal(value)
    head = re.escape(name.split()[-1]) if name.split()[-1] != "level" else re.escape(name.split()[0])
    if plain in ("yes", "no", "none"):
        stem = re.escape(name.rstrip("s")[:-3] if name.endswith("ance") else name)
        negative = rf"(?:not|no|non|without|isn't|not be)(?: a| any)? {stem}\w*"
        return (
            [negative]
            if plain in ("no", "none")
            else [rf"(?<!not )(?<!non )(?<!no )(?<!without )\b{stem}\w*"]
        )
    if re.fullmatch(r"\d+(?:\.\d+)?", plain):
        unit = re.escape(name.split()[-1].rstrip("s"))
        return [rf"\b{head} (?:of |is )?{re.escape(plain)}\b(?! (?:more|less|fewer))", rf"\b{re.escape(plain)} {unit}s?\b(?! (?:more|less|fewer))"]  # fmt: skip
    if plain in _LETTERS or (len(plain) <= 2 and plain.isalpha()):
        word = _LETTERS.get(plain)
        letter = rf"\b(?:size {re.escape(plain)}|{re.escape(plain)} size|(?:in|an?|to|be) {re.escape(plain)})\b(?!')"
        if len(plain) > 1:
            letter = rf"\b{re.escape(plain)}\b"
        return [letter, *([rf"(?<!extra )\b{word}\b"] if word else [])]
    found = [rf"(?<![\w.]){re.escape(plain).replace(chr(92) + ' ', ' ?')}(?:s|es|en)?(?![\w])"]
    if plain.endswith("s"):
        found.append(rf"\b{re.escape(plain[:-1])}\b")
    others = " ".join(normal(v) for v in values if v != value).split()
    for token in plain.split():
        if token in others or token in _STOP or token in name.split() or len(token) < 2 or token.isdigit():
            continue
        if len(token) >= 3 or value.split()[0].isupper():
            found.append(rf"\b{re.escape(token)}(?:en)?\b")
    if re.fullmatch(r"\d+(?:\.\d+)?[a-z]+", plain) and (number := _number(plain)) is not None:
        found.append(rf"\b{head} (?:of |is )?{number:g}\b(?![\w.])")
    return found


def _names(text: str, options: Iterable[str]) -> set[str]:
    """Options that ``text`` speaks of by name."""
    options = list(options)
    found = set()
    for option in options:
        words = [w for w in normal(option).replace("/", " ").split() if w not in ("level",)]
        tokens = [w for w in words if sum(w in normal(o).split() for o in options) == 1]
        if any(re.search(rf"\b{re.escape(t.rstrip('s'))}\w{{0,4}}\b", text) for t in tokens):
            found.add(option)
    return found


def read_target(said: str, item: Row, variants: Sequence[Row]) -> Target:
    """What ``said`` wants instead of ``item`` (a line with ``variant_id`` and ``options``)."""
    options = values_of(variants)
    # a dictionary of options, as programs write them
    text = re.sub(r"[{}']", lambda m: " " if m[0] != "'" else "'", normal(said))
    text = re.sub(r"'(\w[^']*)'\s*:\s*'([^']*)'", r"\1 \2", text)
    codes = {str(v["id"]) for v in variants}
    code = next((c for c in re.findall(r"\b[\w-]+\b", said) if c in codes and c != item["variant_id"]), None)
    must: dict[str, list[str]] = {}
    prefer: dict[str, list[str]] = {}
    avoid: dict[str, list[str]] = {}
    loose: set[str] = set()
    free = False
    for m in re.finditer(_CARELESS, text):
        after, before = (
            text[m.end() : m.end() + 60].split(".")[0],
            re.split(r"[.;]", text[: m.start()])[-1][-70:],
        )
        around = f"{before} | {after}"
        if re.search(r"\b(?:other|else|rest|features|specs|anything)\b", around):
            free = True
        loose |= _names(re.split(r"\bbut\b|[,)]|\bsame\b|\bstill\b", after)[0], options)
    keep: set[str] = set()
    same = bool(
        re.search(r"\b(?:exact(?:ly)?|the) same (?:item|one|product|specs|specifications|pair|thing|model)\b(?! but| except| with| in)|\bsame (?:specs|specifications)\b", text)
    )  # fmt: skip
    for m in re.finditer(r"\b(?:same|keep(?:ing)?|maintain\w*|retain\w*)\b", text):
        window = re.split(r"[.;]|\bbut\b|\binstead\b|\bexcept\b|\bif\b", text[m.end() : m.end() + 70])[0]
        keep |= _names(window, options)
    steps = _steps(text, item, options)
    keep -= steps.keys()
    for f in mentions(text, options):
        if re.search(r"\d", f.value) and re.match(rf" ?(?:{_UP}|{_DOWN})\b", text[f.end :]):
            continue  # "10 liters more"
        if f.option in steps and not re.search(rf"\b{re.escape(normal(f.value))}\b", text[f.start : f.end]):
            continue
        before = re.split(r"[.;]", text[: f.start])[-1]
        near = before[-32:]
        if re.search(
            r"\b(?:instead of|rather than|replacing|from)(?: (?:the|a|an|my))?(?: [\w%]+)?\s*$", near
        ):
            continue
        if re.search(rf"{_CARELESS}[^.,]*$", before):
            loose.add(f.option)
            continue
        if re.search(r"\b(?:ok(?:ay)?|fine) with\b[^.]*$", before):
            loose.add(f.option)
            prefer.setdefault(f.option, []).append(f.value)
            continue
        if re.search(r"\bif\b[^,.]*(?:not|no|n't|unavailable)\b[^,.]*$", before) or re.search(
            r"\bif (?:there (?:is|are) no|no)\b[^,.]*$", before
        ):
            prefer.setdefault(f.option, []).append(f.value)
            continue
        wished = re.search(
            r"\bprefer\w*\b[^.;]*$|\b(?:ideally|rather|if (?:possible|available))\b[^.,;]*$", before
        )
        if wished or re.match(r"[^.,;]*\b(?:if (?:possible|available)|preferably)\b", text[f.end :]):
            prefer.setdefault(f.option, []).append(f.value)
            continue
        if re.search(r"\b(?:not|n't|no longer|anything but|except)(?: (?:a|an|the|in|want))*\s*$", near):
            avoid.setdefault(f.option, []).append(f.value)
            continue
        if f.value not in must.setdefault(f.option, []):
            must[f.option].append(f.value)
    if re.search(
        r"\bi'd go for\b|\bi would go for\b|\bsettle for\b", text
    ):  # what would do where there is nothing better
        for option in list(must):
            if len(must[option]) > 1 or option in prefer:
                prefer[option] = list(dict.fromkeys([*prefer.get(option, []), *must[option]]))
                del must[option]
            elif re.search(rf"\b(?:go|settle) for\b[^.]*{re.escape(normal(option))}", text):
                current = str(item["options"].get(option, ""))
                prefer[option] = list(dict.fromkeys([current, *must.pop(option)]))
    for option, values in must.items():
        if len(values) > 1 and (now := str(item["options"].get(option))) in values[:-1]:
            values.remove(now)  # "the light kit to a dark one"
    for option in list(must):
        if "or above" in text or "or higher" in text or "or better" in text:
            order = scale(options[option])
            if order and len(must[option]) == 1:
                floor = order[must[option][0]]
                must[option] = [v for v in sorted(order, key=lambda v: order[v]) if order[v] >= floor]
    price = -1 if re.search(rf"\b{_CHEAP}\b", text) else 1 if re.search(rf"\b{_DEAR}\b", text) else 0
    keep -= must.keys() | loose
    return Target(
        code, {o: tuple(v) for o, v in must.items()}, frozenset(keep), frozenset(loose),
        {o: tuple(dict.fromkeys(v)) for o, v in prefer.items()}, {o: tuple(v) for o, v in avoid.items()}, steps, price, free, same,
    )  # fmt: skip


def _steps(
    text: str, item: Row, options: Mapping[str, Sequence[str]]
) -> dict[str, tuple[int, float | None, bool]]:
    """Options that are to be more or less than now."""
    ordered = {o: s for o, values in options.items() if (s := scale(values)) and len(s) > 1}
    ordered = {o: s for o, s in ordered.items() if str(item["options"].get(o)) in s}
    found: dict[str, tuple[int, float | None, bool]] = {}
    text = re.sub(rf"\b(?:{_CHEAP}|{_DEAR})\b", " ", text)

    def option_at(start: int, end: int, word: str) -> str | None:
        after = re.split(r"[.,;]|\b(?:and|than|with|one)\b", text[end : end + 30])[0]
        before = re.split(r"[.,;]|\band\b", text[:start])[-1][-25:]
        for window in (after, before) if not re.match(r"eas|hard|bright|dim", word) else ():
            if named := _names(window, ordered):
                return sorted(named)[0]
        for pattern, hints in _ABOUT.items():
            if re.match(pattern, word):
                for hint in hints:
                    if fit := [o for o in ordered if hint in normal(o)]:
                        return fit[0]
        return None

    for m in re.finditer(
        rf"\b(\d+|one|two|a)\s+(?:(?P<a>{_UP}|{_DOWN})\s+)?(?P<noun>[a-z]+)(?:\s+(?P<b>{_UP}|{_DOWN}))?\b",
        text,
    ):
        word = m["a"] or m["b"]
        if not word:
            continue
        named = _names(m["noun"], ordered)
        amount = {"one": 1.0, "a": 1.0, "two": 2.0}.get(m[1]) or float(m[1])
        if named:
            found[min(named)] = (1 if re.fullmatch(_UP, word) else -1, amount, False)
    for m in re.finditer(rf"\b(\d+(?:\.\d+)?)({_UNITS}) (?P<word>{_UP}|{_DOWN})\b", text):
        measured = [o for o, order in ordered.items() if all(normal(v).endswith(m[2]) for v in order)]
        if measured:
            found[measured[0]] = (1 if re.fullmatch(_UP, m["word"]) else -1, float(m[1]), False)
    for words, direction, extreme in (
        (_MOST, 1, True),
        (_LEAST, -1, True),
        (_UP, 1, False),
        (_DOWN, -1, False),
    ):
        for m in re.finditer(rf"\b{words}\b(?: (?P<what>bright|long|large|big|hard|powerful))?", text):
            word = m["what"] or m[0].split()[0]
            option = option_at(m.start(), m.end(), word)
            if option and option not in found:
                found[option] = (direction, None, extreme)
    for m in re.finditer(r"\b(?:too (big|large|small|long|short|bright|tall))\b", text):
        option = option_at(m.start(), m.end(), m[1])
        if option and option not in found:
            found[option] = (1 if m[1] in ("small", "short") else -1, None, False)
    return found


def choose(target: Target, item: Row, variants: Sequence[Row]) -> tuple[Row | None, bool]:
    """The variant that fits best, and whether everything that wasn't mentioned could stay as it is.

    None when nothing in stock fits what was said. Only available ones count, and the item's own only for a wish for
    the very same.
    """
    now = {o: str(v) for o, v in item["options"].items()}
    if target.code:
        return next((v for v in variants if v["id"] == target.code), None), True
    left = [
        v
        for v in variants
        if v["available"] and (target.same or target.price or v["id"] != item["variant_id"])
    ]
    options = values_of(variants)

    def has(v: Row, option: str) -> str:
        return str(v["attributes"].get(option))

    for option, values in target.must.items():
        left = [v for v in left if has(v, option) in values]
    for option, values in target.avoid.items():
        left = [v for v in left if has(v, option) not in values]
    for option in target.keep:
        left = [v for v in left if has(v, option) == now.get(option)]
    if target.same and not target.must:
        left = [v for v in left if all(has(v, o) == now.get(o) for o in now)]
    for option, (direction, amount, extreme) in target.steps.items():
        order = scale(options[option]) or {}
        base = order.get(now.get(option, ""), 0.0)
        if option in target.must:
            continue
        if amount is not None and not extreme:
            ranks = sorted(order.values())
            numbers = all(_number(v) is not None for v in order)
            wanted = base + direction * amount
            if not numbers or wanted not in ranks:
                place = ranks.index(base) + direction * int(amount)
                wanted = ranks[place] if 0 <= place < len(ranks) else float("nan")
            left = [v for v in left if order.get(has(v, option)) == wanted]
        elif not extreme:
            left = [v for v in left if direction * (order.get(has(v, option), base) - base) > 0]
    if not left:
        return None, False
    said = (
        target.must.keys() | target.steps.keys() | target.prefer.keys() | target.loose | target.avoid.keys()
    )
    silent = [o for o in now if o not in said and o not in target.keep]
    if target.free or target.price:
        silent = []

    def rank(v: Row) -> tuple[Any, ...]:
        far: list[float] = []
        most: list[float] = []
        for option, (direction, _, extreme) in target.steps.items():
            order = scale(options[option]) or {}
            gap = order.get(has(v, option), 0.0) - order.get(now.get(option, ""), 0.0)
            (most if extreme else far).append(-direction * gap if extreme else direction * gap)
        first = [values.index(has(v, o)) for o, values in target.must.items()]
        liked = [
            values.index(has(v, o)) if has(v, o) in values else len(values)
            for o, values in target.prefer.items()
        ]
        kept = sum(has(v, o) != now[o] for o in silent)
        loose = sum(has(v, o) != now.get(o) for o in target.loose)
        price = target.price * -float(v["price"] or 0)
        return (tuple(most), sum(first), sum(liked), kept, price, tuple(far), loose, float(v["price"] or 0))

    best = min(left, key=rank)
    return best, all(has(best, o) == now[o] for o in silent)
