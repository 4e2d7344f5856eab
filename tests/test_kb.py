"""The demo company's articles: their form, their languages, the facts they share, and what must stay inside."""

import re
from datetime import date
from pathlib import Path

import frontmatter
import pytest

from assistant.crm.demo.catalogue import BY_ID, EXPRESS, FREE_FROM, PLANS, SHIPPING

KB = Path(__file__).parents[1] / "kb"
FILES = sorted(KB.rglob("*.md"))
PUBLIC = [path for path in FILES if path.relative_to(KB).parts[0] == "public"]
INTERNAL = [path for path in FILES if path.relative_to(KB).parts[0] == "internal"]
CHINESE = sorted((KB / "public" / "zh").glob("*.md"))
HAN = re.compile(r"[\u4e00-\u9fff]")
HAN_PER_WORD = 1.6  # a Chinese text of n characters says about what n / 1.6 English words say

# What only the company's own people may know. Each stands in an internal article and in no public one.
SECRETS = [
    "42.90", "2027-01-01", "7.20", "LA-590", "G2-2603", "AU1-2551", "B-2608", "extension 77", "blue kettle",
    "red crate", "Marieke", "Tom Brandt", "Noor Haddad", "Sanne Kuipers", "Femke Bos", "postcode of its delivery",
    "60 days", "40.00", "15.00", "57.60", "12-month term", "discount ceiling", "goodwill", "misaligned",
    "skipped tastings", "high risk", "risk of leaving", "fraud", "friends of the house", "OF-3", "GDPR-D",
    "supplier price", "margin", "retention", "compensation",
]  # fmt: skip
SECRETS_ZH = ["分机", "挽留", "欺诈", "进货价", "留任", "流失", "磨盘偏", "42.9", "玛丽克", "邮编"]


def name(path: Path) -> str:
    return path.relative_to(KB).as_posix()


def body(path: Path) -> str:
    return frontmatter.loads(path.read_text(encoding="utf-8")).content


def numbers(text: str) -> set[str]:
    """Every number of ``text``: days, prices, times, the digits of product codes."""
    return set(re.findall(r"(?<![A-Za-z0-9.])\d+(?:[.:]\d+)*", text))


def public(slug: str, language: str = "en") -> str:
    return body(KB / "public" / language / f"{slug}.md")


def test_there_are_enough_articles_of_each_kind() -> None:
    assert len(list((KB / "public" / "en").glob("*.md"))) >= 34
    assert len(CHINESE) >= 22
    assert len(list((KB / "internal" / "en").glob("*.md"))) >= 12
    assert len(FILES) == len(PUBLIC) + len(INTERNAL)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_front_matter_agrees_with_the_place_of_the_file(path: Path) -> None:
    head = frontmatter.loads(path.read_text(encoding="utf-8")).metadata
    audience, language, file = path.relative_to(KB).parts
    assert set(head) == {"title", "audience", "language", "updated"}
    assert isinstance(head["title"], str) and 3 <= len(head["title"]) <= 80
    assert (head["audience"], head["language"]) == (audience, language)
    assert isinstance(head["updated"], date), "updated is a date, YYYY-MM-DD"
    assert date(2025, 1, 1) <= head["updated"] <= date(2026, 10, 31)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*\.md", file)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_length_headings_and_language(path: Path) -> None:
    text = body(path)
    han, letters = len(HAN.findall(text)), len(re.findall(r"[A-Za-z]", text))
    if path.parent.name == "zh":
        assert han > 2 * letters
        words = han / HAN_PER_WORD
    else:
        assert han == 0 or han < letters / 100
        words = len(re.findall(r"[\w'.-]+", text))
    assert 120 <= words <= 450
    assert 2 <= len(re.findall(r"^## \S", text, flags=re.MULTILINE)) <= 5
    assert not text.startswith("#"), "the answer comes before the first heading"


def test_no_two_articles_of_a_folder_have_one_title() -> None:
    for folder in {path.parent for path in FILES}:
        titles = [frontmatter.load(str(path))["title"] for path in folder.glob("*.md")]
        assert len(titles) == len(set(titles))


@pytest.mark.parametrize("path", CHINESE, ids=name)
def test_a_chinese_article_has_an_english_twin_with_the_same_numbers(path: Path) -> None:
    twin = KB / "public" / "en" / path.name
    assert twin.exists()
    chinese, english = body(path), body(twin)
    months = set(re.findall(r"(\d+)\s*月", chinese))  # English writes months as words
    assert numbers(english) - numbers(chinese) == set(), "missing in the Chinese article"
    assert numbers(chinese) - numbers(english) - months == set(), "missing in the English article"
    dates = [frontmatter.load(str(file))["updated"] for file in (path, twin)]
    assert dates[0] == dates[1]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_plans_cost_what_the_shop_charges(language: str) -> None:
    text = public("subscription-plans", language)
    for plan in PLANS.values():
        plan_name = plan.name if language == "en" else plan.name_zh
        row = next(line for line in text.splitlines() if line.startswith(f"| {plan_name} |"))
        assert f"{plan.price:.2f}" in row
        amount = f"{plan.bags} kg" if plan.large else f"{plan.bags} "
        assert amount.replace("kg", "公斤" if language == "zh" else "kg") in row


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("slug", "facts"),
    [
        ("shipping-costs-and-times", [f"{SHIPPING:.2f}", f"{EXPRESS:.2f}", f"{FREE_FROM:.2f}"]),
        ("express-shipping", ["9.90", "14:00"]),
        ("returns", ["3.90", "30", "5"]),
        ("taste-promise", ["21"]),
        ("lost-parcels", ["10"]),
        ("warranty", ["24", "12"]),
        ("repairs-and-loan-machines", ["10"]),
        ("price-change-2026", ["19.90", "21.90", "15"]),
        ("larks-points", ["100", "5.00", "18"]),
        ("silver-and-gold", ["150", "400", "12"]),
        ("gift-cards", ["25", "50", "100", "3"]),
        ("payment-methods", ["14"]),
        ("change-skip-or-pause", ["3", "1"]),
        ("dispatch-days", ["5", "20", "3"]),
        ("aurora-one-care", ["9.50", "24", "512"]),
        ("contact-and-opening-hours", ["9:00", "18:00", "10:00", "16:00", "0142"]),
    ],
)
def test_facts_customers_ask_about_stand_in_their_article(slug: str, facts: list[str], language: str) -> None:
    assert set(facts) <= numbers(public(slug, language))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_product_codes_exist_and_prices_beside_them_are_the_shops(path: Path) -> None:
    text = body(path)
    assert set(re.findall(r"L[BMGWATX]-\d{3}", text)) <= set(BY_ID)
    priced = re.findall(r"[(（](L[BMGWATX]-\d{3})[)）][,，] (?:[a-z][a-z ]*, )?(\d+\.\d\d)", text)
    for code, price in priced:
        assert float(price) == BY_ID[code].price, code


def test_the_coffee_page_names_every_coffee_in_the_shop_with_its_price() -> None:
    text = public("our-coffees")
    for product in BY_ID.values():
        if product.category == "beans" and product.active and not product.name.endswith("1 kg"):
            assert product.name in text and product.id in text and f"{product.price:.2f}" in text
            assert product.name_zh in public("our-coffees", "zh")


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_stands_in_an_internal_article_and_in_no_public_one(secret: str) -> None:
    # bounds, so that 15.00 isn't found in 115.00; not \b, which sees none between a Chinese sign and a digit
    pattern = re.compile(rf"(?<![A-Za-z0-9.]){re.escape(secret)}(?!\d)", re.IGNORECASE)

    def told(paths: list[Path]) -> list[str]:
        return [name(path) for path in paths if pattern.search(path.read_text(encoding="utf-8"))]

    assert told(INTERNAL), "nobody inside knows it: the list of secrets is out of date"
    assert told(PUBLIC) == []


def test_no_chinese_article_tells_a_secret() -> None:
    for path in CHINESE:
        text = path.read_text(encoding="utf-8")
        assert [word for word in SECRETS_ZH if word in text] == [], name(path)
