"""Who the customers are: names, addresses, and the hidden traits that drive what they do."""

import math
import random
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta

from assistant.crm.demo.catalogue import FIRST_DAY, LAST_DAY

# Share of customers, then (city, first digits of its postcodes).
COUNTRIES: dict[str, tuple[float, tuple[tuple[str, str], ...]]] = {
    "NL": (0.38, (("Utrecht", "35"), ("Amsterdam", "10"), ("Rotterdam", "30"), ("Den Haag", "25"), ("Groningen", "97"),
                  ("Eindhoven", "56"), ("Nijmegen", "65"), ("Haarlem", "20"), ("Zwolle", "80"), ("Leiden", "23"),
                  ("Amersfoort", "38"), ("Maastricht", "62"), ("Delft", "26"), ("Deventer", "74"))),
    "DE": (0.26, (("Berlin", "10"), ("Hamburg", "20"), ("Köln", "50"), ("München", "80"), ("Leipzig", "04"),
                  ("Münster", "48"), ("Bremen", "28"), ("Freiburg", "79"), ("Düsseldorf", "40"), ("Kassel", "34"),
                  ("Dresden", "01"), ("Aachen", "52"))),
    "IE": (0.12, (("Dublin", "D0"), ("Cork", "T1"), ("Galway", "H9"), ("Limerick", "V9"), ("Waterford", "X9"),
                  ("Sligo", "F9"), ("Kilkenny", "R9"))),
    "FR": (0.10, (("Paris", "75"), ("Lyon", "69"), ("Lille", "59"), ("Nantes", "44"), ("Strasbourg", "67"),
                  ("Rennes", "35"), ("Toulouse", "31"))),
    "BE": (0.08, (("Antwerpen", "20"), ("Gent", "90"), ("Leuven", "30"), ("Brussel", "10"), ("Brugge", "80"),
                  ("Liège", "40"))),
    "AT": (0.06, (("Wien", "10"), ("Graz", "80"), ("Linz", "40"), ("Salzburg", "50"), ("Innsbruck", "60"))),
}  # fmt: skip
_FIRST = {
    "NL": "Anouk Bram Daan Esther Femke Gijs Hanneke Ilse Jasper Karin Lotte Maarten Nienke Olaf Pim Rosalie Sjoerd "
    "Tess Wouter Yasmina Joost Marloes Ruben Fatima Emre Sunita Thijs Willemijn Bas Noor Carlijn Dirk Eline Floris "
    "Jelle Mirjam Stijn Tamara Youssef Priya Hidde Roos Koen Saskia",
    "DE": "Anke Bernd Claudia Detlef Elif Frieda Gregor Heike Ingo Johanna Katrin Lennart Malte Nadine Ole Petra "
    "Rainer Silke Torben Ulrike Volker Wiebke Yusuf Zeynep Matthias Greta Hannes Jule Konrad Leonie Marek Svenja "
    "Timo Annika Fabian Birgit Jannik Amira Dominik Mareike",
    "IE": "Aisling Brendan Ciara Declan Eimear Fergal Grainne Hugh Isolde Killian Maeve Niall Orla Padraig Roisin "
    "Saoirse Tadhg Una Cormac Deirdre Oisin Sinead Eoghan Niamh Tomasz Adaeze Clodagh Ronan Shauna Donal",
    "FR": "Adele Bastien Camille Didier Elodie Fabrice Gaelle Hugo Ines Jerome Karim Laure Mathilde Nicolas Oceane "
    "Pascal Quentin Romane Sylvain Thibault Valentine Yanis Zoe Amandine Corentin Djamila Etienne Manon",
    "BE": "Annelies Bart Cedric Delphine Evi Filip Griet Hilde Ivo Joke Kobe Liesbeth Maxime Nele Pieter-Jan Sofie "
    "Tine Veerle Wannes Xavier Lies Jonas Aya Maarten Elke Gunther",
    "AT": "Alexandra Benedikt Christa Florian Gudrun Helmut Irmgard Julian Katharina Lorenz Magdalena Norbert "
    "Regina Stefan Theresa Valentin Waltraud Clemens Goran Vesna",
    "ZH": "Wei Fang Min Jun Lei Yan Xin Hui Ting Yang Jing Hao Yu Na Chen Bo Rui Xue Qing Long Mei Kai Lan Peng",
}
_LAST = {
    "NL": "Bakker Jansma Visserhof Smitsloo Meijerink Bos Dekkers Hoekema Kuijpers Vermeulen Postma Wiersma Kroon "
    "Schouten Huisman Prins Blomsma Koster Groenewoud Verhoeven Bouwman Dijkhuis Hendriksen Kalkman Lammers Molenaar "
    "Nijboer Oudekerk Peters Reinders Stolk Terpstra Uitdewilligen Veldkamp Zijlstra Yilmaz Amrani Ramdin Tjin Kok",
    "DE": "Ahlers Brockmann Clausen Dittrich Eberhardt Fuhrmann Gerlach Holtkamp Jessen Kirchner Lindner Moritz "
    "Nolte Osterhagen Pohlmann Rademacher Seidel Thiele Uhlig Vossberg Wendt Zander Kaya Demirci Nowak Baumeister "
    "Engelke Fritsche Hagedorn Kessler Lohmann Marquardt Oelze Reuter Stahlberg Wagenknecht Yildirim Zeller",
    "IE": "Ahearne Brophy Cusack Delahunt Egan Finnerty Gilhooly Hanrahan Keaveney Lenihan Mulcahy Nestor O'Dowd "
    "O'Hara Prendergast Quilligan Rafferty Scanlon Tierney Walshe Breslin Coyle Duignan Farrelly Okafor Kowalczyk",
    "FR": "Aubertin Besson Chevallier Delmas Etchart Ferrand Girardot Haddad Imbert Jacquemin Lambertin Marchal "
    "Noiret Ollivier Perrot Queneau Rousselet Sauvage Tessier Vasseur Benali Diallo Fontanel Guillou Moulin Prigent",
    "BE": "Aerts Bogaert Claessens Dewulf Everaert Fierens Goossens Hermans Jacobs Lemmens Martens Nijs Pauwels "
    "Raes Segers Tytgat Van-Acker Wauters Lambrecht Maes Declercq Boumans Thys",
    "AT": "Aigner Brandstetter Ebner Fellner Gruber Haslinger Kofler Leitgeb Moser Neuhauser Obermayr Pichler "
    "Reisinger Steindl Thaler Wimmer Zauner Kovac Petrovic Schwaiger",
    "ZH": "Li Wang Zhang Liu Chen Yang Zhao Huang Zhou Wu Xu Sun Hu Zhu Gao Lin He Guo Ma Luo",
}
_HAN_LAST = dict(zip(_LAST["ZH"].split(), "李王张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗", strict=True))
_HAN_FIRST = dict(zip(_FIRST["ZH"].split(), "伟芳敏军磊燕欣慧婷洋静浩宇娜晨波瑞雪晴龙梅凯兰鹏", strict=True))
_FIRMS = (
    "Studio {}", "{} Architecten", "{} & Partners", "Praktijk {}", "{} Software", "Kanzlei {}", "Atelier {}",
    "{} Logistics", "Bureau {}", "{} Media", "{} Dental", "Buchhandlung {}",
)  # fmt: skip
_PHONES = {
    "NL": "+31 6 5550 {:04d}", "DE": "+49 1555 0{:04d}", "IE": "+353 85 555 {:04d}", "FR": "+33 6 55 50 {:04d}",
    "BE": "+32 470 55 {:04d}", "AT": "+43 660 555 {:04d}",
}  # fmt: skip
_BREWS = (("filter", 0.32), ("espresso", 0.2), ("milk", 0.2), ("moka", 0.12), ("automatic", 0.16))


@dataclass(frozen=True)
class Traits:
    """What nobody sees in the record, each 0..1 unless said otherwise; behaviour follows from it."""

    price: float  # how much a price hurts
    adventure: float  # new coffees rather than the old favourite
    patience: float
    loyalty: float
    engagement: float  # how often they order beside the subscription and write
    gear: float  # interest in machines and tools
    brew: str  # filter | espresso | milk | moka | automatic | office
    decaf: bool
    content: float  # satisfaction they come back to, about 0.3..0.9
    polish: float  # how carefully they write
    chatty: float


@dataclass(frozen=True)
class Person:
    """A customer as known on the day of joining. ``plan`` is the first subscription, None for shop customers."""

    number: int
    name: str
    first: str
    signature: str  # how they sign: given name, full name, or in characters
    email: str
    phone: str
    language: str
    city: str
    country: str
    postcode: str
    joined_on: date
    consent: int | None
    plan: str | None
    company: str | None
    traits: Traits

    @property
    def id(self) -> str:
        return f"C-{self.number}"


def _weighted(rng: random.Random, pairs: list[tuple[str, float]] | tuple[tuple[str, float], ...]) -> str:
    return rng.choices([name for name, _ in pairs], [weight for _, weight in pairs])[0]


def _bell(rng: random.Random, middle: float, spread: float) -> float:
    return min(0.98, max(0.02, rng.gauss(middle, spread)))


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return "".join(c for c in plain.lower().replace(" ", ".") if c.isalnum() or c in ".-")


def _postcode(rng: random.Random, country: str, start: str) -> str:
    letters = "ABCDEGHJKLMNPRSTVXZ"
    if country == "NL":
        return f"{start}{rng.randrange(10, 99)} {rng.choice(letters)}{rng.choice(letters)}"
    if country == "IE":
        tail = f"{rng.choice(letters)}{rng.randrange(10)}{rng.choice(letters)}{rng.randrange(10)}"
        return f"{start}{rng.randrange(1, 9)} {tail}"
    if country in ("DE", "FR"):
        return f"{start}{rng.randrange(100, 999)}"
    return f"{start}{rng.randrange(10, 99)}"


def _joined(rng: random.Random) -> date:
    """Three in ten were there before the record begins; later ones come more before Christmas."""
    if rng.random() < 0.3:
        return FIRST_DAY - timedelta(days=1 + int(1400 * rng.random() ** 1.7))
    while True:
        day = FIRST_DAY + timedelta(days=rng.randrange(0, (LAST_DAY - FIRST_DAY).days - 4))
        weight = 1.0 if day.month in (11, 12) else 0.7 if day.month not in (7, 8) else 0.5
        if rng.random() < weight:
            return day


def make_people(seed: int, count: int = 1000) -> list[Person]:
    """``count`` customers, in the order in which they joined, ids from C-1001."""
    rng = random.Random(f"larkfield people {seed}")
    joined = sorted(_joined(rng) for _ in range(count))
    names: set[str] = set()
    emails: set[str] = set()
    people = []
    for index in range(count):
        number = 1001 + index
        country = _weighted(rng, [(code, share) for code, (share, _) in COUNTRIES.items()])
        city, start = rng.choice(COUNTRIES[country][1])
        chinese = rng.random() < 0.066
        pool = "ZH" if chinese else country
        while True:
            first, last = rng.choice(_FIRST[pool].split()), rng.choice(_LAST[pool].split()).replace("-", " ")
            if chinese and rng.random() < 0.6:
                first += rng.choice(_FIRST["ZH"].split()).lower()
            name = f"{last} {first}" if chinese and rng.random() < 0.4 else f"{first} {last}"
            if name not in names:
                names.add(name)
                break
        if chinese:
            given = "".join(_HAN_FIRST.get(part.capitalize(), "") for part in _syllables(first))
            signature = _HAN_LAST[last] + given
        else:
            signature = rng.choice((first, first, name, f"{first[0]}. {last}"))
        office = rng.random() < 0.07
        company = rng.choice(_FIRMS).format(last) if office else None
        plan = "Office" if office else _weighted(
            rng, (("Taster", 0.16), ("Home", 0.33), ("Enthusiast", 0.17), ("", 0.34))) or None  # fmt: skip
        base = f"{_slug(first)}.{_slug(last)}"
        host = f"{_slug(company or '').replace('.', '-')}.example" if company else rng.choice(
            ("mail.example", "post.example", "inbox.example"))  # fmt: skip
        email = f"{base}{rng.choice(('', '', str(rng.randrange(60, 99))))}@{host}"
        while email in emails:
            email = f"{base}{rng.randrange(10, 999)}@{host}"
        emails.add(email)
        people.append(Person(
            number=number, name=name, first=first, signature=signature, email=email,
            phone=_PHONES[country].format(number * 7 % 10000), language="zh" if chinese else "en",
            city=city, country=country, postcode=_postcode(rng, country, start), joined_on=joined[index],
            consent=rng.choices((1, 0, None), (0.74, 0.2, 0.06))[0], plan=plan, company=company,
            traits=_traits(rng, plan),
        ))  # fmt: skip
    return people


def _syllables(first: str) -> list[str]:
    """``Weimin`` -> ``Wei``, ``min``: the two given-name syllables a Chinese first name was put together from."""
    known = {name.lower() for name in _HAN_FIRST}
    low = first.lower()
    for cut in range(1, len(low)):
        if low[:cut] in known and low[cut:] in known:
            return [low[:cut], low[cut:]]
    return [low]


def _traits(rng: random.Random, plan: str | None) -> Traits:
    gear = _bell(rng, 0.6 if plan == "Enthusiast" else 0.4, 0.2)
    loyalty = _bell(rng, 0.5, 0.22)
    patience = _bell(rng, 0.5, 0.22)
    price = _bell(rng, {"Taster": 0.62, "Enthusiast": 0.36, "Office": 0.35}.get(plan or "", 0.5), 0.2)
    content = (
        0.62 + 0.22 * (loyalty - 0.5) + 0.1 * (patience - 0.5) - 0.12 * (price - 0.5) + rng.gauss(0, 0.12)
    )
    return Traits(
        price=price, adventure=_bell(rng, 0.6 if plan == "Enthusiast" else 0.42, 0.22), patience=patience,
        loyalty=loyalty, engagement=math.exp(rng.gauss(-0.75, 0.55)), gear=gear,
        brew="office" if plan == "Office" else _weighted(rng, _BREWS), decaf=rng.random() < 0.11,
        content=min(0.92, max(0.25, content)), polish=_bell(rng, 0.65, 0.22), chatty=_bell(rng, 0.45, 0.25),
    )  # fmt: skip
