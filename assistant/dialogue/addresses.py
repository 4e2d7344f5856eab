"""Postal addresses in parts: read from a message, found in the record, written back in the record's own columns."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

Row = Mapping[str, Any]

# usual names of the columns that hold a part; the first is the one written where the record has none
_COLUMNS = {
    "street": ("address", "address1", "street", "addressline1", "line1"),
    "unit": ("address2", "unit", "addressline2", "line2"),
    "city": ("city", "town"),
    "state": ("state", "province", "region"),
    "postcode": ("postcode", "zip", "postalcode", "zipcode"),
    "country": ("country",),
}
STATES = {
    "alabama": "AL", "alaska": "AK", "arizona": "AZ", "arkansas": "AR", "california": "CA", "colorado": "CO",
    "connecticut": "CT", "delaware": "DE", "florida": "FL", "georgia": "GA", "hawaii": "HI", "idaho": "ID",
    "illinois": "IL", "indiana": "IN", "iowa": "IA", "kansas": "KS", "kentucky": "KY", "louisiana": "LA", "maine": "ME",
    "maryland": "MD", "massachusetts": "MA", "michigan": "MI", "minnesota": "MN", "mississippi": "MS", "missouri": "MO",
    "montana": "MT", "nebraska": "NE", "nevada": "NV", "new hampshire": "NH", "new jersey": "NJ", "new mexico": "NM",
    "new york": "NY", "north carolina": "NC", "north dakota": "ND", "ohio": "OH", "oklahoma": "OK", "oregon": "OR",
    "pennsylvania": "PA", "rhode island": "RI", "south carolina": "SC", "south dakota": "SD", "tennessee": "TN",
    "texas": "TX", "utah": "UT", "vermont": "VT", "virginia": "VA", "washington": "WA", "west virginia": "WV",
    "wisconsin": "WI", "wyoming": "WY", "washington dc": "DC",
}  # fmt: skip
_SHORT = {
    "nyc": "New York",
    "la": "Los Angeles",
    "sf": "San Francisco",
    "dc": "Washington",
    "philly": "Philadelphia",
}
_STREET = r"street|st|avenue|ave|road|rd|drive|dr|lane|ln|boulevard|blvd|highway|hwy|court|ct|way|place|pl|square|parkway|terrace"


@dataclass(frozen=True)
class Address:
    """``unit`` is what stands between the street and the town: a suite, an apartment."""

    street: str = ""
    unit: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""

    @property
    def line(self) -> str:
        place = " ".join(p for p in (self.state, self.postcode) if p)
        return ", ".join(p for p in (self.street, self.unit, self.city, place, self.country) if p)

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    def into(self, attributes: Row, *, own: Iterable[str] = ()) -> dict[str, Any]:
        """``attributes`` with these parts, each under the name it has there; parts in ``own`` have columns of their own."""
        held = {part: _column(attributes, part) or _COLUMNS[part][0] for part in _COLUMNS}
        return {**attributes, **{held[p]: v for p, v in self.as_dict().items() if p not in set(own)}}


def _column(attributes: Row, part: str) -> str | None:
    names = _COLUMNS[part]
    return next((c for c in attributes if re.sub(r"[\W_]", "", c.rsplit(".", 1)[-1].lower()) in names), None)


def address_of(row: Row) -> Address:
    """The address in a row of customers or orders, in its columns and attributes; parts that aren't there are empty."""
    attributes = row["attributes"]
    parts = {p: attributes.get(_column(attributes, p) or "") for p in _COLUMNS}
    parts |= {p: row[p] for p in ("city", "country") if row.get(p) and not parts[p]}
    return Address(**{p: str(v or "") for p, v in parts.items()})


def read_parts(text: str, known: Iterable[Address] = ()) -> Address | None:
    """An address in ``text``: a number and a street, then unit, town, state, postcode, country as far as given.

    What isn't said about state and country is taken from a ``known`` address in the same town.
    """
    match = re.search(
        rf"\b(\d{{1,5}} (?:[A-Z][\w.'-]*\s){{0,4}}?(?:{_STREET})\b\.?)((?:\s*,?\s*[A-Z#\d][\w.#-]*(?: [A-Z\d][\w.#-]*)*)*)",
        text,
        re.I if text.islower() else 0,
    ) or re.search(
        rf"\b(\d{{1,5}} (?:[A-Z][\w.'-]*\s){{0,4}}?(?:{_STREET.title()})\b\.?)((?:\s*,?\s*[A-Z#\d][\w.#-]*(?: [A-Z\d][\w.#-]*)*)*)",
        text,
    )
    if match is None:
        return None
    found = Address(street=match[1].strip())
    rest = re.split(r"(?<=\d)\.\s", match[2])[0]  # the next sentence begins with a capital, too
    for part in (p.strip(" .") for p in rest.split(",")):
        if not part:
            continue
        if re.match(r"(?:suite|apt|apartment|unit|floor|#)\b", part, re.I):
            found = replace(found, unit=part)
            continue
        if code := re.search(r"\b\d{4,6}(?:-\d{4})?\b", part):
            found = replace(found, postcode=code[0])
            part = part.replace(code[0], "").strip()
        low = part.lower()
        if low in ("usa", "us", "united states"):
            found = replace(found, country="USA")
        elif part in STATES.values() or (low in STATES and found.city):
            found = replace(found, state=STATES.get(low, part))
        elif part and not found.city:
            words = part.split()
            if words[-1] in STATES.values() and len(words) > 1:
                found, part = replace(found, state=words[-1]), " ".join(words[:-1])
            found = replace(found, city=_SHORT.get(low, part))
    if not found.postcode or not found.city:
        return None
    same = next((a for a in known if a.city.lower() == found.city.lower()), None)
    if same:
        found = replace(found, state=found.state or same.state, country=found.country or same.country)
    anywhere = next(iter(known), None)
    if anywhere and not found.country:
        found = replace(found, country=anywhere.country)
    if not found.state and found.city.lower() in STATES:
        found = replace(found, state=STATES[found.city.lower()])
    return found


def named(text: str, known: Iterable[Address]) -> list[Address]:
    """Those of the ``known`` addresses whose town, state or street ``text`` names."""
    low = re.sub(r"\bd\.c\.", "dc", text.lower())
    states = {short: name for name, short in STATES.items()}
    found = []
    for address in dict.fromkeys(known):
        names = [address.city.lower(), *(k for k, v in _SHORT.items() if v == address.city)]
        if address.state in states and states[address.state] not in (address.city.lower(), "washington dc"):
            names.append(states[address.state])
        if address.street:
            names.append(re.sub(r"^\d+ ", "", address.street.lower()))
        if any(n and re.search(rf"\b{re.escape(n)}\b", low) for n in names):
            found.append(address)
    return found
