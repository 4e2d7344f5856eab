"""Facts in English and Chinese: what is found, its normal form, and when evidence supports it."""

import pytest

from assistant.dialogue.facts import Fact, facts, strip_citations, supported


def found(text: str) -> set[tuple[str, str]]:
    return {(f.kind, f.value) for f in facts(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It costs 21.90.", {("number", "21.9")}),
        ("It costs €21.90.", {("number", "21.9")}),
        ("It costs 21,90 euros.", {("number", "21.9")}),
        ("It costs 45.00 EUR.", {("number", "45"), ("name", "eur")}),
        ("In all 1,234.50 were paid.", {("number", "1234.5")}),
        ("In all 12 345.00 were paid.", {("number", "12345")}),
        ("a risk of 73%", {("number", "73")}),
        ("a risk of 73 %", {("number", "73")}),
        ("007 packets", {("number", "7")}),
        ("zero and nothing", set()),
        ("three bags, then twelve", {("number", "3"), ("number", "12")}),
        ("fifty percent", {("number", "50")}),
        ("a 30-day return", {("number", "30")}),
        ("it takes 2-4 working days", {("number", "2"), ("number", "4")}),
        ("before 14:00 or 9:30", {("number", "14:00"), ("number", "9:30")}),
        ("call +31 30 555 0142 now", {("number", "31305550142")}),
        ("call +31 (30) 555-0142 now", {("number", "31305550142")}),
        ("the order is LO-100001", {("reference", "LO-100001")}),
        ("grinder G2 and part LA-590", {("reference", "G2"), ("reference", "LA-590")}),
        ("write to Hello@Larkfield.example.", {("address", "hello@larkfield.example")}),
        ("see https://larkfield.example/track/", {("address", "https://larkfield.example/track")}),
        ("价格是21.90欧元", {("number", "21.9")}),
        ("三个月和两周", {("number", "3"), ("number", "2")}),
        ("三十天内退货", {("number", "30")}),
        ("最多一百五十克", {("number", "150")}),
        ("二十四个月保修", {("number", "24")}),
        ("概率是73%", {("number", "73")}),
        ("订单LO-100001已送达", {("reference", "LO-100001")}),
        ("没有数字的一句话", set()),
    ],
)  # fmt: skip
def test_normal_forms(text: str, expected: set[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    ["2026-10-05", "2026-10-05T09:30:00", "5 October 2026", "5th of October 2026", "October 5, 2026", "Oct 5th 2026",
     "5 Oct. 2026", "2026年10月5日", "2026 年 10 月 5 日"],
)  # fmt: skip
def test_spellings_of_one_date(text: str) -> None:
    assert found(f"it was on {text}") == {("date", "2026-10-05")}


@pytest.mark.parametrize(
    ("text", "value"),
    [("5 October", "*-10-05"), ("October 5", "*-10-05"), ("10月5日", "*-10-05"), ("October 2026", "2026-10"),
     ("2026年10月", "2026-10"), ("in 2026-10 and", "2026-10")],
)  # fmt: skip
def test_dates_with_parts_left_out(text: str, value: str) -> None:
    assert ("date", value) in found(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("The order of Anna Vermeer arrived.", {"anna vermeer"}),
        ("It was Marieke de Vries who wrote.", {"marieke de vries"}),
        ("Ask Tom Brandt about Aurora One.", {"tom brandt", "aurora one"}),
        ("Returns are free.", set()),
        ("- Returns are free.\n- Labels are not.", set()),
        ("She lives in Gent.", {"gent"}),
    ],
)
def test_names(text: str, names: set[str]) -> None:
    assert {v for k, v in found(text) if k == "name"} == names


@pytest.mark.parametrize(
    "text", ["If you like, I'll pass it on.", "Thank you, I've noted it.", "Yes, I'm sure we can help."]
)
def test_first_person_is_no_name(text: str) -> None:
    assert not {v for k, v in found(text) if k == "name"}


@pytest.mark.parametrize(
    "text",
    ["您对服务十分满意", "这是一个好办法", "一位同事会联系您", "The 3 may be combined with it.", "Up to 15 may be granted."],
)  # fmt: skip
def test_words_that_only_look_like_numbers_or_dates(text: str) -> None:
    assert not {(k, v) for k, v in found(text) if k == "date" or v in ("1", "10")}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("twenty-five days", "25"),
        ("seventeen days", "17"),
        ("eighty percent", "80"),
        ("百分之十五的折扣", "15"),
    ],
)
def test_numbers_in_words(text: str, value: str) -> None:
    assert {v for k, v in found(text) if k == "number"} == {value}


def test_currency_written_before_the_amount() -> None:
    assert ("number", "21.9") in found("It costs EUR21.90 a month.")
    assert ("number", "21.9") in found("It costs EUR 21.90 a month.")


@pytest.mark.parametrize("text", ["八折优惠", "打八折"])
def test_chinese_discounts_are_facts(text: str) -> None:
    """Eight tenths of the price: an offer of 20 %."""
    assert found(text)


@pytest.mark.parametrize(
    ("text", "plain", "numbers"),
    [
        ("It costs 4.90 [1].", "It costs 4.90.", (1,)),
        ("It costs 4.90 [1][2].", "It costs 4.90.", (1, 2)),
        ("It costs 4.90 [1, 3].", "It costs 4.90.", (1, 3)),
        ("费用为4.90【2】。", "费用为4.90。", (2,)),
        ("Twice [2] the same [2].", "Twice the same.", (2,)),
        ("None here.", "None here.", ()),
        ("No number in [brackets].", "No number in [brackets].", ()),
    ],
)
def test_citations_are_taken_off(text: str, plain: str, numbers: tuple[int, ...]) -> None:
    assert strip_citations(text) == (plain, numbers)


EVIDENCE = (
    "Order LO-100001 of 2026-08-31 by Anna Vermeer, total 43.80 EUR, from 45.00 on it is free. Open from 9 to 18. "
    "Announced on 15 April."
)


@pytest.mark.parametrize(
    ("said", "is_supported"),
    [
        ("the total was 43.8", True),
        ("the total was €43.80", True),
        ("the total was 43.90", False),
        ("on 31 August 2026", True),
        ("on 31 August", True),
        ("in August 2026", True),
        ("于2026年8月31日", True),
        ("于8月", True),
        ("on 30 August 2026", False),
        ("on 31 August 2025", False),
        ("in September 2026", False),
        ("in 2026 it was", True),
        ("in 2025 it was", False),
        ("on 15 April it was", True),
        ("on 2026-04-16 it was", False),
        ("order LO-100001 it was", True),
        ("order 100001 it was", False),  # a bare number is not the order's id
        ("order LO-100002 it was", False),
        ("it was Anna Vermeer", True),
        ("it was Vermeer", True),
        ("this is Anna Vermeer's order", True),
        ("it was Hanna Vermeer", False),
        ("it was Anna Bakker", False),
        ("it was Bob who did it", False),
        ("it was Tom Lee who did it", False),
    ],
)
def test_supported_by_evidence(said: str, is_supported: bool) -> None:
    known = set(facts(EVIDENCE))
    verdicts = [supported(f, known, EVIDENCE.lower()) for f in facts(said)]
    assert verdicts and all(verdicts) is is_supported


def test_a_fact_is_equal_by_kind_and_value_however_it_was_written() -> None:
    assert Fact("number", "3", "three") == Fact("number", "3", "3") != Fact("date", "3", "3")
    assert len({Fact("number", "3", "three"), Fact("number", "3", "三")}) == 1
