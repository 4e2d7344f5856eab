"""Numbers and yes or no said of the wrong thing: the line that says it right is found, and true drafts are left alone."""

import pytest

from assistant.dialogue.misread import better_line, echoes, of_other_unit, other_status
from assistant.dialogue.verify import Verifier
from assistant.evidence import Evidence

LINES = [
    "Machines and grinders have 24 months of warranty from the day of delivery, accessories 12 months.",
    "Brewers such as drippers count as accessories: 12 months.",
    "Gift cards are valid for 3 years and can't be exchanged for cash.",
    "Taster costs 11.90 EUR, Home 21.90 EUR and Office 64.00 EUR a month.",
    "An order can be cancelled free of charge until it is shipped.",
    "机器和磨豆机的保修期为24个月，配件为12个月。",
    "礼品卡不能兑换现金。",
    "From then on DHL needs 2 to 4 working days.",
    "We ask DHL for the proof of delivery, which takes up to 5 working days.",
    "You may return anything unused within 30 days of delivery.",
    "How to return something: Pack the item in its original box and hand it in within 7 days.",
    "收货后 30 天内，未使用的商品都可以退。",
    "怎样退货: 用原盒装好商品和所有附件，7 天内交给 DHL。",
]


@pytest.mark.parametrize(
    ("question", "draft", "line"),
    [
        ("How long is the warranty on a grinder?", "The warranty on a grinder is 12 months.", 0),
        ("How long is the warranty on a grinder?", "The warranty on a grinder is 24 months.", None),
        ("How long is the warranty on accessories?", "Accessories have 12 months of warranty.", None),
        ("Can I get cash for a gift card?", "Yes, you can get cash for a gift card.", 2),
        ("Can I get cash for a gift card?", "No, gift cards can't be exchanged for cash.", None),
        ("What does the Home plan cost a month?", "The Home plan costs 21.90 EUR a month.", None),
        ("What does the Home plan cost a month?", "The Home plan costs 64 EUR a month.", 3),
        ("Can I cancel my order before it is shipped?", "Yes, until it is shipped.", None),
        ("磨豆机的保修期是多久？", "磨豆机的保修期是12个月。", 5),
        ("磨豆机的保修期是多久？", "磨豆机的保修期是24个月。", None),
        ("礼品卡可以兑换现金吗？", "可以，礼品卡可以兑换现金。", 6),
        ("How long does delivery take?", "Delivery takes 2 to 4 working days.", None),
        ("How long does a proof of delivery take?", "A proof of delivery takes 2 to 4 working days.", 8),
        ("How many days do I have to return something?", "You have 30 days to return something.", None),
        ("退货期限是多少天？", "退货期限是30天。", None),
        ("What is the phone number?", "It is 12 months.", None),
        ("", "12 months.", None),
    ],
)
def test_the_line_that_the_question_is_about(question: str, draft: str, line: int | None) -> None:
    assert better_line(question, draft, LINES) == line


def test_the_verifier_says_the_line_instead() -> None:
    article = Evidence("kb:w#0", "article", "Warranty\n" + "\n".join(LINES), "public/en/warranty.md")
    question = "How long is the warranty on a grinder?"
    sentence, check = Verifier([article], question=question).check(
        "The warranty is 12 months for a grinder [1]."
    )
    assert sentence is not None and sentence.text == LINES[0][:-1] + " [1]." and check.verdict == "replaced"
    # a number that the record holds is not for an article to correct
    record = Evidence("record:x", "record", "The warranty of this grinder was cut to 12 months.", "record")
    sentence, check = Verifier([article, record], question=question).check("It is 12 months for the grinder.")
    assert check.verdict == "kept"


@pytest.mark.parametrize(
    ("question", "draft", "echo"),
    [
        ("东西坏了你们管不管啊？杯子收到就裂了", "杯子收到就裂了，我们管不管。", True),
        ("Where do you roast the coffee beans you sell?", "You sell the coffee beans you roast.", True),
        (
            "Which warranty have grinders bought in your shop?",
            "The grinders bought in your shop have a warranty.",
            True,
        ),
        ("Do you roast in Utrecht?", "Yes, we roast in Utrecht.", False),
        ("可以退开封的咖啡吗？", "开封的咖啡不可以退。", False),
        ("Can I return a grinder?", "Can I return a grinder?", True),
        ("am i still silver", "Yes, you are still silver.", False),
    ],
)
def test_an_answer_that_only_says_the_question_again_is_none(question: str, draft: str, echo: bool) -> None:
    assert echoes(question, draft) is echo


def test_a_wish_asks_whether_it_may_be_had() -> None:
    lines = ["You may return anything unused within 30 days.",
             "What can't be returned: Machines and grinders that have been used, unless they are faulty."]  # fmt: skip
    wish = "I'd like to return a grinder I've used twice"
    assert better_line(wish, "You may return a grinder you've used twice.", lines) == 1
    assert better_line(wish, "A used grinder can't be returned unless it is faulty.", lines) is None


ABROAD = [
    "We deliver to six countries: the Netherlands, Belgium, Germany, France, Ireland and Austria.",
    "Standard shipping is 4.90 EUR to all six countries, and free from 45.00 EUR.",
    "Addresses we can't use: Switzerland and the United Kingdom.",
    "You may order from there for delivery to an address in one of our six countries.",
]
OPENED = [
    "Unopened bags may be returned within 30 days; the label costs 3.90 EUR.",
    "You may return anything unused and in its original box within 30 days of delivery.",
    "Opened coffee can't be returned.",
    'How to return something: Open the order in your account, choose "Return" and pick the items and the reason.',
]
MOVED = [
    "You can change your address until 3 days before dispatch.",
    "We can't change the address of a parcel that is on its way.",
]
OPENED_ZH = [
    "收货后 30 天内，未使用且带原包装盒的商品都可以退。",
    "未开封的咖啡和其他商品一样，只要封口完好，30 天内可以退。",
    "不能退的商品: 已开封的咖啡和茶。",
]


@pytest.mark.parametrize(
    "question, draft, lines, found",
    [
        ("Do you ship to Switzerland?", "Yes, we ship to Switzerland.", ABROAD, 2),
        ("Do you ship to Ireland?", "Yes, we ship to Ireland.", ABROAD, None),
        ("Do you deliver to Austria?", "Yes, we deliver to Austria, 4.90 EUR.", ABROAD, None),
        (
            "Can I return an opened bag?",
            "You can return an opened bag within 30 days of delivery.",
            OPENED,
            2,
        ),
        (
            "Can I return an opened bag, and who pays for the label?",
            "You can return an opened bag within 30 days of delivery.",
            OPENED,
            2,
        ),
        ("Can I return an opened bag, and who pays for the label?", "You pay 3.90 EUR for it.", OPENED, None),
        ("Can I change my address?", "Yes, you can change your address until 3 days before.", MOVED, None),
        ("Can I return an unopened bag?", "You can return an unopened bag within 30 days.", OPENED, None),
        ("开封的咖啡可以退吗？", "可以，开封的咖啡30天内可以退。", OPENED_ZH, 2),
        ("未开封的咖啡可以退吗？", "可以，未开封的咖啡30天内可以退。", OPENED_ZH, None),
    ],
)
def test_what_is_asked_for_and_only_ever_refused_is_refused(
    question: str, draft: str, lines: list[str], found: int | None
) -> None:
    assert better_line(question, draft, lines) == found


@pytest.mark.parametrize(
    ("draft", "evidence", "other"),
    [
        ("The plan costs 38 EUR a month.", "38 orders, in total 2429.10 EUR", ["38 EUR"]),
        ("每月费用为38欧元。", "共38个订单，累计消费2429.10 EUR", ["38欧元"]),
        ("You get 30% off.", "within 30 days", ["30%"]),
        ("It costs 38 EUR.", "38 orders. Home: 38.00 EUR a month", []),
        ("It costs 10 EUR.", "10, 15 or 20 EUR, within 10 days", []),
        ("It costs €21.90.", "from 19.90 to 21.90 EUR", []),
        ("The risk is 4 %.", "4 % (low risk), 4 orders", []),
        ("At 20% they leave.", "10, 15 and 20 percent", []),
    ],
)
def test_a_number_counted_in_something_else_is_no_amount(draft: str, evidence: str, other: list[str]) -> None:
    assert of_other_unit(draft, evidence) == other


PLACED = "Order LO-115894 was placed on 2026-10-31; status: placed, total 41.50 EUR."
ARRIVED = (
    "Order LO-115219 was placed on 2026-10-05 and arrived on 2026-10-07; status: delivered, total 64.00 EUR."
)
PLACED_ZH = "订单LO-115892，下单日期2026-10-31，状态：已下单，总金额41.50 EUR。"


@pytest.mark.parametrize(
    ("draft", "records", "status"),
    [
        ("Yes, it is shipped.", [PLACED], "shipped"),
        ("Your order has already arrived.", [PLACED], "delivered"),
        ("It was cancelled.", [PLACED], "cancelled"),
        ("您的订单已发货。", [PLACED_ZH], "shipped"),
        ("您的订单已经取消。", [PLACED_ZH], "cancelled"),
        ("It was delivered on 2026-10-07.", [PLACED, ARRIVED], ""),
        ("No, it is not shipped yet.", [PLACED], ""),
        ("Once it is shipped you get a mail.", [PLACED], ""),
        ("订单还没有发货。", [PLACED_ZH], ""),
        ("It was shipped from Utrecht.", ["Anna Vermeer lives in Gent."], ""),
    ],
)
def test_no_order_is_said_to_be_further_than_the_record_has_it(
    draft: str, records: list[str], status: str
) -> None:
    assert other_status(draft, records) == status


HOURS = [
    "We are here Monday to Friday from 9:00 to 18:00 and Saturday from 10:00 to 16:00, Utrecht time.",
    "Closed days until spring 2027: 26 and 28 March 2027 (Good Friday, Easter Sunday)",
    "We roast in Utrecht, Monday to Thursday.",
]


@pytest.mark.parametrize(
    "question, draft, found",
    [
        ("Are you open on Sunday?", "Yes, we are open on Sunday.", 1),
        ("Do you roast in Utrecht?", "Yes, we roast in Utrecht.", None),
        ("Are you there on Saturday?", "Yes, on Saturday from 10:00 to 16:00.", None),
    ],
)
def test_a_bare_yes_that_no_line_says_gives_way_to_the_nearest_line(
    question: str, draft: str, found: int | None
) -> None:
    assert better_line(question, draft, HOURS, alone=True) == found
    assert better_line(question, draft, HOURS) is None, "the record may say so"
