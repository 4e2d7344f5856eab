"""Cells and columns: numbers, dates, flags, currencies, and which column is what."""

import datetime
import math

import pytest

from assistant.crm import cleaning
from assistant.crm.columns import guess_roles
from assistant.errors import ImportFileError


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        ("12", 12, 12),
        ("-3.5", -3.5, -3.5),
        ("1,234.56", 1234.56, 1234.56),
        ("1.234,56", 1234.56, 1234.56),
        ("1,234", 1234, 1.234),
        ("1.234", 1.234, 1234),
        ("0.125", 0.125, 0.125),
        ("1.234.567", 1234567, 1234567),
        ("12,34,567", 1234567, 1234567),
        ("1 234,50", 1234.5, 1234.5),
        ("1'234.50", 1234.5, 1234.5),
        ("€ 9.90", 9.9, 9.9),
        ("9,90 EUR", 9.9, 9.9),
        ("-€5", -5, -5),
        ("(7.00)", -7, -7),
        ("7.00-", -7, -7),
        ("−4", -4, -4),
        ("1e3", 1000, 1000),
        ("¥1,200", 1200, 1.2),
        ("15%", 15, 15),
        ("abc", None, None),
        ("1.2.3", None, None),
        ("12-34", None, None),
        ("1_000", None, None),
        ("inf", None, None),
        ("", None, None),
        (math.nan, None, None),
        (3, 3, 3),
    ],
)
def test_numbers(text, point, comma):
    assert cleaning.parse_number(text, ".") == point
    assert cleaning.parse_number(text, ",") == comma


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2024-03-05", "2024-03-05T00:00:00"),
        ("2024/3/5 14:02", "2024-03-05T14:02:00"),
        ("20240305", "2024-03-05T00:00:00"),
        ("2024-03-05T10:00:00.123Z", "2024-03-05T10:00:00"),
        ("2024-03-05 10:00:00+02:00", "2024-03-05T10:00:00"),
        ("05/03/2024", "2024-03-05T00:00:00"),
        ("12/31/2024 3:04 PM", "2024-12-31T15:04:00"),
        ("31.12.24", "2024-12-31T00:00:00"),
        ("5 Mar 2024", "2024-03-05T00:00:00"),
        ("March 5th, 2024 12:10 am", "2024-03-05T00:10:00"),
        ("5. März 2024", "2024-03-05T00:00:00"),
        ("2024年3月5日 14:30", "2024-03-05T14:30:00"),
        ("45356", "2024-03-05T00:00:00"),
        (45356.5, "2024-03-05T12:00:00"),
        (1709640000, "2024-03-05T12:00:00"),
        ("1709640000000", "2024-03-05T12:00:00"),
        (datetime.date(2024, 3, 5), "2024-03-05T00:00:00"),
        (datetime.datetime(2024, 3, 5, 1, 2, 3, tzinfo=datetime.UTC), "2024-03-05T01:02:03"),
        ("30/02/2024", None),
        ("2024-13-01", None),
        ("0000-00-00", None),
        ("99/99/9999", None),
        ("5 Foo 2024", None),
        ("soon", None),
        (True, None),
    ],
)
def test_dates(cell, moment):
    assert cleaning.parse_moment(cell) == moment


@pytest.mark.parametrize(
    ("cells", "day_first", "remark"),
    [
        (["1/2/2024", "13/2/2024"], True, "certain"),
        (["1/2/2024", "2/13/2024"], False, "certain"),
        (["13/2/2024", "2/13/2024", "14/2/2024", "1/2/2024"], True, "mixed"),
        ([f"{month}/{day}/2024" for month in range(1, 7) for day in (3, 7, 11)], False, "in order"),
        ([f"{day}/{month}/2024" for month in range(1, 7) for day in (3, 7, 11)], True, "in order"),
        (["1.2.2024"], True, "as is usual"),
        (["1/2/2024"], False, "please check"),
        (["2024-01-02"], True, None),
    ],
)
def test_day_or_month_first_is_decided_over_the_column(cells, day_first, remark):
    survey = cleaning.Survey("date")
    for cell in cells:
        survey.see(cell)
    assert survey.day_first is day_first
    remarks = survey.remarks("when")
    assert (remark is None and remarks == []) or remark in remarks[0]


@pytest.mark.parametrize(
    ("cells", "usual_comma", "decimal"),
    [
        (["1,50", "2.000"], False, ","),
        (["1.50", "2,000"], False, "."),
        (["2,000"], False, "."),
        (["2,000"], True, ","),
        (["1,5", "1.5", "2,5"], False, ","),
    ],
)
def test_decimal_mark_is_decided_over_the_column(cells, usual_comma, decimal):
    survey = cleaning.Survey("number", usual_comma=usual_comma)
    for cell in cells:
        survey.see(cell)
    assert survey.decimal == decimal


def test_limits_find_what_is_far_off_and_nothing_else():
    survey = cleaning.Survey("number")
    for number in [*range(1, 100), 100_000]:
        survey.see(number)
    low, high = survey.limits()
    assert 99 < high < 100_000 and low == -high


@pytest.mark.parametrize(
    ("cell", "code"),
    [("€5", "EUR"), ("5 USD", "USD"), ("eur", "EUR"), ("￥5", "CNY"), ("¥5", "JPY"), ("RMB", "CNY"), ("5", None), ("abc", None),
     ("HK$5", "HKD"), ("R$ 5", "BRL"), ("US$5", "USD"), ("$5 CAD", "CAD"), ("CAD$5", "CAD"), ("5美元", "USD"), ("欧元", "EUR"),
     ("5元", "CNY"), ("5 zł", "PLN"), ("100 RMB", "CNY")],
)  # fmt: skip
def test_currencies(cell, code):
    assert cleaning.parse_currency(cell) == code


@pytest.mark.parametrize("cell", ["HK$5", "US$ 5", "5美元", "5港币", "5 $", "-US$5", "$5 CAD"])
def test_money_is_a_number_with_any_sign_about_it(cell):
    assert cleaning.parse_number(cell) == (-5.0 if cell.startswith("-") else 5.0)


@pytest.mark.parametrize("cell", ["1,234,5", "1.234.56", "1.2.3"])
def test_parts_of_the_wrong_length_are_no_number(cell):
    assert cleaning.parse_number(cell) is None


def test_numbers_that_fit_both_ways_are_said_to():
    survey = cleaning.Survey("number")
    for cell in ("1.234", "2.345"):
        survey.see(cell)
    assert "please check" in survey.remarks("price")[0]
    survey.see("1.50")
    assert survey.remarks("price") == []


def test_the_same_letters_in_other_pieces_are_the_same_name_and_id():
    assert cleaning.parse_text("Zoe\u0308") == "Zo\u00eb" == cleaning.parse_id("Zoe\u0308")
    assert cleaning.parse_id(float("inf")) == "inf"


@pytest.mark.parametrize(
    ("cell", "flag"),
    [("Yes", 1), ("no", 0), (True, 1), (0, 0), ("是", 1), ("否", 0), ("1.0", 1), ("maybe", None), (2, None)],
)
def test_flags(cell, flag):
    assert cleaning.parse_flag(cell) == flag


@pytest.mark.parametrize(
    ("cell", "id"),
    [
        ("17850.0", "17850"),
        (17850.0, "17850"),
        ("00042", "00042"),
        (" C-1 ", "C-1"),
        ("NaN", None),
        ("v1.0", "v1.0"),
    ],
)
def test_ids(cell, id):
    assert cleaning.parse_id(cell) == id


def roles_of(kind, sample, mapping=None, has_header=True):
    guesses = guess_roles(kind, list(sample), sample, mapping, has_header=has_header, file="f.csv")
    return {guess.column: guess.role for guess in guesses if guess.role}


@pytest.mark.parametrize(
    ("kind", "sample", "roles"),
    [
        (
            "orders",
            {"Order ID": ["1"], "Customer": ["a"], "Order Date": ["2024-01-01"], "Qty": ["2"], "Price": ["3.0"]},
            {"Order ID": "order_id", "Customer": "customer_id", "Order Date": "ordered_at", "Qty": "quantity",
             "Price": "unit_price"},
        ),
        (
            "orders",
            {"订单号": ["1"], "会员编号": ["a"], "下单时间": ["2024-01-01 10:00"], "商品名称": ["茶"], "数量": ["2"],
             "单价": ["3"], "备用": ["x"]},
            {"订单号": "order_id", "会员编号": "customer_id", "下单时间": "ordered_at", "商品名称": "product",
             "数量": "quantity", "单价": "unit_price"},
        ),
        (
            "orders",
            {"klant_id": ["a"], "besteldatum": ["1-2-2024"], "totaal": ["5,00"]},
            {"klant_id": "customer_id", "besteldatum": "ordered_at", "totaal": "total"},
        ),
        (
            "customers",
            {"CustID": ["1"], "Phone": ["+31 30 555 0100"], "PhoneService": ["Yes"], "E-Mail": ["a@b.example"]},
            {"CustID": "id", "Phone": "phone", "E-Mail": "email"},
        ),
        ("customers", {"id": ["1"], "phone": ["yes"]}, {"id": "id"}),
        (
            "interactions",
            {"user_id": ["1"], "When it was": ["2024-01-05"], "Message": ["hello"]},
            {"user_id": "customer_id", "When it was": "at", "Message": "text"},
        ),
        (
            "products",
            {"SKU": ["1"], "Product Name": ["Tea"], "List Price": ["4.50"]},
            {"SKU": "id", "Product Name": "name", "List Price": "price"},
        ),
        (
            "orders",
            {"customer": ["a"], "date": ["2024-01-01"], "item": ["tea"], "qty": ["2"], "price": ["3"], "total": ["6"]},
            {"customer": "customer_id", "date": "ordered_at", "item": "product", "qty": "quantity",
             "price": "unit_price", "total": "amount"},
        ),
    ],
)  # fmt: skip
def test_roles_by_name_and_values(kind, sample, roles):
    assert roles_of(kind, sample) == roles


def test_mapping_has_the_last_word_and_may_be_written_either_way():
    sample = {"date": ["2024-01-01"], "shipped": ["2024-01-02"], "who": ["a"]}
    told = {"who": "customer_id", "shipped": "ordered_at", "date": "attribute"}
    expected = {"who": "customer_id", "shipped": "ordered_at"}
    assert roles_of("orders", sample, told) == expected
    assert roles_of("orders", sample, {"who": "customer", "shipped": "Date", "date": "attribute"}) == expected
    assert (
        roles_of("orders", sample, {"customer_id": "WHO", "ordered_at": "shipped", "date": "attribute"})
        == expected
    )


@pytest.mark.parametrize(
    ("mapping", "part"),
    [
        ({"nowhere": "customer_id"}, "no column 'nowhere'"),
        ({"who": "emperor"}, "'emperor'"),
        ({"who": "customer_id", "date": "customer_id"}, "Two columns"),
        ({}, "no column was found for the customer's id"),
    ],
)
def test_mappings_that_can_not_be_are_refused_with_a_hint(mapping, part):
    with pytest.raises(ImportFileError, match=part) as caught:
        roles_of("orders", {"who": ["a"], "date": ["2024-01-01"]}, mapping)
    assert caught.value.hint
