"""Questions of the evaluation set as they are asked, in English and Chinese: what they are about, and what answers must hold."""

from collections.abc import Mapping

Facts = tuple[tuple[str, ...], ...]

# of each thing that a customer once said: how one asks for it
ABOUT: Mapping[str, tuple[str, str]] = {
    "wedding": ("What event does {id} need coffee for?", "{id}是为什么活动订咖啡？"),
    "decaf_reason": ("why does {id} want decaf", "{id}为什么要低因咖啡？"),
    "wheel": ("Any instructions from {id} for the driver?", "{id}对送货司机有什么要求？"),
    "visit": ("When would {id} like to come and see the roastery?", "{id}想什么时候来参观烘焙厂？"),
    "job": ("What does {id} do for a living?", "{id}是做什么工作的？"),
    "call_time": ("at what time can I ring {id}", "几点可以给{id}打电话？"),
    "study": ("What is {id} studying or training for?", "{id}在学什么或者准备什么？"),
    "rival": ("Which other roaster did {id} mention, and what do they charge?", "{id}提到过哪家别的咖啡店，价格多少？"),
    "charity": ("Where does part of {id}'s coffee go?", "{id}把一部分咖啡送到哪里？"),
    "budget": ("how much can {id} spend on coffee a month?", "{id}每个月的咖啡预算是多少？"),
    "move": ("Where is {id} moving to?", "{id}要搬到哪里去？"),
    "neighbour": ("Where should we leave a parcel for {id} if nobody is home?", "{id}不在家时包裹放哪里？"),
    "water": ("What kind of water does {id} have at home?", "{id}家里的水怎么样？"),
    "cups": ("How many cups a day do they drink at {id}'s?", "{id}家每天喝几杯？"),
    "partner": ("Who should I talk to instead of {id}?", "联系{id}时应该找谁谈？"),
    "compensation": ("what did {id} ask for as compensation", "{id}希望得到什么补偿？"),
    "colleague": ("How did {id} hear about us?", "{id}是怎么知道我们的？"),
    "side_business": ("What is {id} opening next year?", "{id}明年打算开什么店？"),
    "trip": ("where is {id} travelling and until when", "{id}去哪里旅行，到什么时候？"),
    "pet_name": ("What is the name of {id}'s pet?", "{id}的宠物叫什么？"),
    "birthday": ("Whose birthday did {id} mention, and when is it?", "{id}提到谁的生日，是哪天？"),
    "brewer": ("How does {id} brew coffee?", "{id}用什么方式冲咖啡？"),
    "allergy": ("Is {id} allergic to something?", "{id}对什么过敏？"),
    "machine_old": ("Which machine does {id} own, and since when?", "{id}家里用的是什么机器？"),
    "promise": ("What did a colleague promise {id}?", "同事答应过{id}什么？"),
    "dislike": ("What does {id} never want to be sent?", "{id}不想收到什么？"),
    "hearing": ("Why shouldn't we call {id}?", "为什么不要给{id}打电话？"),
    "rescue": ("What did {id} have to drink when the coffee ran out?", "咖啡断货时{id}喝了什么？"),
    "strike_need": ("Why did {id} need the parcel so urgently?", "{id}为什么急着要包裹？"),
    "return_back": ("When will {id} decide about going on?", "{id}什么时候决定要不要继续？"),
}  # fmt: skip
# words without which an answer may do
LITTLE = frozenset(
    ["a", "an", "the", "of", "for", "to", "in", "on", "at", "my", "our", "your", "his", "her", "me", "us", "we", "i", "it", "is", "are", "was", "no", "not", "and", "or", "with", "until", "after", "before", "never", "more", "this", "that", "than", "from", "please", "need", "needs", "coffee", "them", "they", "one", "first", "some", "any"]
)
# question, internal article, facts
INTERNAL: tuple[tuple[str, str, Facts], ...] = (
    ("What's the highest retention discount for somebody at high risk?", "retention-playbook", (("20 %", "20%"),)),
    ("up to which amount may I give goodwill credit without asking anyone", "refund-and-goodwill-limits", (("15.00", "€15", "15 euro"),)),
    ("Who do I ask if a customer wants 30 euros goodwill?", "refund-and-goodwill-limits", (("Marieke", "team lead"),)),
    ("how do I make sure a caller is who they say they are", "caller-verification", (("order number",), ("postcode",))),
    ("What am I allowed to give for the DHL strike delays?", "dhl-strike-instructions", (("5.00", "€5", "5 euro"),)),
    ("a journalist is calling, what now?", "journalists", ()),
    ("客户要求删除数据，我们要在多少天内完成？", "gdpr-deletion-procedure", (("30",),)),
    ("Which part replaces the burr of the Piccolo G2?", "piccolo-g2-burr-fault", (("LA-590",),)),
    ("third refund claim in two months, who looks at that", "fraud-checks", (("Tom Brandt",),)),
)  # fmt: skip
# question, public articles of which one must be cited, facts
POLICY: tuple[tuple[str, tuple[str, ...], Facts], ...] = (
    ("i opened the bag already, can i still give it back?", ("returns", "taste-promise"), ()),
    ("How much is standard shipping, and when is it free?", ("shipping-costs-and-times",), (("4.90",), ("45",))),
    ("What does the Enthusiast plan cost a month?", ("subscription-plans", "catalogue", "price-change-2026"), (("39.90",),)),
    ("until when can I skip a box before it ships", ("change-skip-or-pause", "dispatch-days"), (("3 days", "three days"),)),
    ("How long is the warranty on a grinder?", ("warranty",), (("24 months", "two years", "2 years"),)),
    ("my coffee machine drips at the group, what can I do?", ("aurora-one-care", "warranty", "repairs-and-loan-machines"), ()),
    ("how long are Larks points valid", ("larks-points",), (("18 months",),)),
    ("Can I get my money for a gift card back in cash?", ("gift-cards",), ()),
    ("Which countries do you ship to?", ("countries-we-deliver-to",), (("Ireland",), ("Austria",))),
    ("parcel still not here after 2 weeks and tracking is stuck", ("lost-parcels", "track-your-order"), (("10 working days",),)),
    ("From what yearly spend am I a Gold customer?", ("silver-and-gold",), (("400",),)),
    ("is there a fee if i cancel my subscription", ("cancel-subscription",), ()),
    ("What water temperature for a V60?", ("brewing-v60",), ()),
    ("运费多少钱？满多少免运费？", ("shipping-costs-and-times",), (("4.90",), ("45",))),
    ("订阅可以暂停多久？", ("change-skip-or-pause",), (("3",),)),
    ("磨豆机的保修期是多久？", ("warranty",), (("24",),)),
    ("礼品卡的有效期多长？", ("gift-cards",), (("3",),)),
    ("退款要几天到账？", ("refunds", "returns"), (("5",),)),
    ("居家套餐每个月多少钱？", ("subscription-plans", "price-change-2026"), (("21.90",),)),
)  # fmt: skip
