"""What Larkfield Coffee sells: products, plans, prices over time and the offers an agent may make."""

import json
import re
from dataclasses import dataclass
from datetime import date
from typing import Any

CURRENCY = "EUR"
FIRST_DAY = date(2024, 11, 1)
LAST_DAY = date(2026, 10, 31)
PRICE_NEWS = date(2026, 4, 15)  # the mail that announces the Home price rise
PRICE_RISE = date(2026, 6, 1)
STRIKE = (date(2026, 9, 7), date(2026, 9, 18))  # DHL strike in Germany
FLAT_SIDAMO = (date(2026, 8, 3), date(2026, 9, 5))  # when bags of the badly roasted batch were sent
PICCOLO_BATCH = (date(2026, 3, 20), date(2026, 6, 20))  # when grinders made in March 2026 were sent
SHIPPING, EXPRESS, FREE_FROM = 4.90, 9.90, 45.00


@dataclass(frozen=True)
class Product:
    """One thing in the shop. ``fits`` are the ways of brewing that make a customer likely to want it."""

    id: str
    name: str
    name_zh: str
    category: str
    price: float
    description: str
    fits: tuple[str, ...] = ()
    quality: float = 0.75  # 0..1, how well customers like it on average
    active: bool = True

    @property
    def spoken(self) -> str:
        """The name as people put it in a sentence: ``the Aurora One`` but ``Sidamo Sunrise``."""
        singular = (
            self.category in ("machine", "grinder", "brewer", "accessory") and "Filters" not in self.name
        )
        return f"the {self.name.split(',')[0]}" if singular else self.name.split(",")[0]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a coffee or tea tastes of, by its description."""
        _, found, rest = self.description.partition(": ")
        taste = re.split(r"[.:]", rest if found else "")[0]
        return tuple(word.strip() for word in taste.split(",") if word.strip())


def _p(id_: str, name: str, name_zh: str, category: str, price: float, description: str, *, fits: str = "",
       quality: float = 0.75, active: bool = True) -> Product:  # fmt: skip
    return Product(id_, name, name_zh, category, price, description, tuple(fits.split()), quality, active)


PRODUCTS: tuple[Product, ...] = (
    _p(
        "LB-101",
        "Utrecht House Blend",
        "乌得勒支招牌拼配",
        "beans",
        10.90,
        "Medium roast blend of Brazil and Colombia, 250 g: hazelnut, milk chocolate, low acidity. Our best seller.",
        fits="filter espresso milk moka automatic",
        quality=0.82,
    ),
    _p(
        "LB-102",
        "Night Ferry Espresso",
        "夜航意式拼配",
        "beans",
        11.50,
        "Dark espresso blend, 250 g: cocoa, molasses, heavy body. Made for milk drinks.",
        fits="espresso milk moka automatic",
        quality=0.8,
    ),
    _p(
        "LB-103",
        "Larksong Filter",
        "云雀之歌手冲豆",
        "beans",
        12.40,
        "Light filter roast, 250 g, washed Ethiopia and Kenya: peach, black tea, bergamot.",
        fits="filter adventurous",
        quality=0.8,
    ),
    _p(
        "LB-104",
        "Sidamo Sunrise",
        "西达摩日出",
        "beans",
        12.90,
        "Single origin from Sidamo, Ethiopia, 250 g, natural process: blueberry, jasmine, honey.",
        fits="filter adventurous",
        quality=0.82,
    ),
    _p(
        "LB-105",
        "Huila Verde",
        "慧兰翠谷",
        "beans",
        12.50,
        "Single origin from Huila, Colombia, 250 g, washed: red apple, caramel, bright but round.",
        fits="filter espresso",
        quality=0.78,
    ),
    _p(
        "LB-106",
        "Cerrado Cocoa",
        "塞拉多可可",
        "beans",
        11.20,
        "Single origin from Cerrado, Brazil, 250 g, natural: cocoa nibs, peanut brittle, very low acidity.",
        fits="espresso milk moka automatic",
        quality=0.76,
    ),
    _p(
        "LB-107",
        "Kirinyaga AA",
        "基里尼亚加 AA",
        "beans",
        14.90,
        "Single origin from Kirinyaga, Kenya, 250 g, washed: blackcurrant, grapefruit, brown sugar.",
        fits="filter adventurous",
        quality=0.79,
    ),
    _p(
        "LB-108",
        "Sumatra Rain",
        "苏门答腊雨林",
        "beans",
        12.20,
        "Single origin from Aceh, Indonesia, 250 g, wet-hulled: cedar, dark chocolate, syrupy.",
        fits="moka espresso adventurous",
        quality=0.68,
    ),
    _p(
        "LB-109",
        "Quiet Evening Decaf",
        "静夜低因",
        "beans",
        12.60,
        "Decaffeinated with sugar cane, Colombia, 250 g: toffee, orange. No caffeine to speak of (under 0.1 %).",
        fits="decaf filter espresso milk",
        quality=0.77,
    ),
    _p(
        "LB-110",
        "Half-Light Blend",
        "半低因拼配",
        "beans",
        11.90,
        "Half decaf, half Brazil, 250 g: almond, milk chocolate. For the second cup of the afternoon.",
        fits="decaf milk moka",
        quality=0.72,
    ),
    _p(
        "LB-111",
        "Antigua Ember",
        "安提瓜余烬",
        "beans",
        12.70,
        "Single origin from Antigua, Guatemala, 250 g, washed: dark chocolate, orange peel, gentle smoke.",
        fits="filter espresso",
        quality=0.75,
    ),
    _p(
        "LB-112",
        "Gesha Lantern",
        "瑰夏灯笼",
        "beans",
        24.90,
        "Gesha from Boquete, Panama, 250 g, small lot: jasmine, lime, lemongrass. While it lasts.",
        fits="filter adventurous",
        quality=0.84,
    ),
    _p(
        "LB-113",
        "Winter Hearth",
        "冬日炉火",
        "beans",
        12.30,
        "Seasonal blend, November to February, 250 g: gingerbread, dried fig, dark sugar.",
        fits="filter espresso milk moka",
        quality=0.8,
    ),
    _p(
        "LB-114",
        "Canal Breakfast",
        "运河早餐",
        "beans",
        10.50,
        "Mild medium roast, 250 g: cereal, honey, soft. Forgiving in any coffee maker.",
        fits="filter automatic moka",
        quality=0.74,
    ),
    _p(
        "LB-115",
        "Anaerobic Tolima",
        "厌氧托利马",
        "beans",
        16.50,
        "Anaerobic fermentation, Tolima, Colombia, 250 g: strawberry, rum, yoghurt. Not for everyone.",
        fits="adventurous filter",
        quality=0.62,
    ),
    _p(
        "LB-151",
        "Utrecht House Blend 1 kg",
        "乌得勒支招牌拼配 1 公斤",
        "beans",
        36.00,
        "The house blend in a 1 kg bag with valve.",
        fits="office automatic espresso",
        quality=0.82,
    ),
    _p(
        "LB-152",
        "Night Ferry Espresso 1 kg",
        "夜航意式拼配 1 公斤",
        "beans",
        38.00,
        "The dark espresso blend in a 1 kg bag with valve.",
        fits="office espresso milk automatic",
        quality=0.8,
    ),
    _p(
        "LB-153",
        "Canal Breakfast 1 kg",
        "运河早餐 1 公斤",
        "beans",
        34.50,
        "Mild medium roast in a 1 kg bag, for filter machines and fully automatic ones.",
        fits="office automatic filter",
        quality=0.74,
    ),
    _p(
        "LM-201",
        "Aurora One",
        "极光一号咖啡机",
        "machine",
        489.00,
        "Espresso machine with single boiler, 58 mm portafilter and steam wand. Heats up in 6 minutes.",
        fits="espresso milk",
        quality=0.7,
    ),
    _p(
        "LM-202",
        "Aurora Duo",
        "极光双锅炉咖啡机",
        "machine",
        1190.00,
        "Espresso machine with two boilers and PID; brew and steam at once.",
        fits="espresso milk",
        quality=0.86,
    ),
    _p(
        "LM-203",
        "Larkomat S",
        "云雀全自动 S",
        "machine",
        649.00,
        "Fully automatic machine with built-in grinder and milk hose.",
        fits="automatic",
        quality=0.74,
    ),
    _p(
        "LM-204",
        "Tilly Filter Maker",
        "蒂莉滴滤机",
        "machine",
        159.00,
        "Filter machine with 1.25 l thermos jug, brews at 92 to 96 °C.",
        fits="filter office",
        quality=0.83,
    ),
    _p(
        "LM-205",
        "Kompakt 2",
        "小巧二代咖啡机",
        "machine",
        219.00,
        "Small espresso machine, 51 mm portafilter. Replaced by the Aurora One.",
        fits="espresso",
        quality=0.6,
        active=False,
    ),
    _p(
        "LG-301",
        "Baristo G1",
        "百睿思 G1 磨豆机",
        "grinder",
        149.00,
        "Electric grinder with 40 mm conical steel burrs and 31 steps, filter to moka.",
        fits="filter moka office",
        quality=0.8,
    ),
    _p(
        "LG-302",
        "Piccolo G2",
        "小匠 G2 磨豆机",
        "grinder",
        229.00,
        "Electric grinder with 50 mm flat burrs, stepless, espresso to filter.",
        fits="espresso milk filter",
        quality=0.74,
    ),
    _p(
        "LG-303",
        "Hand Mill Wren",
        "鹪鹩手摇磨豆机",
        "grinder",
        89.00,
        "Hand grinder, 38 mm conical steel burrs, holds 25 g. Fits in a rucksack.",
        fits="filter moka",
        quality=0.81,
    ),
    _p(
        "LG-304",
        "Maestro G5",
        "大师 G5 磨豆机",
        "grinder",
        449.00,
        "Grinder with 64 mm flat burrs, grind by weight, very quiet.",
        fits="espresso adventurous",
        quality=0.87,
    ),
    _p(
        "LW-401",
        "Kestrel Dripper",
        "红隼滤杯",
        "brewer",
        24.00,
        "Cone dripper in porcelain, size 02, for one to four cups.",
        fits="filter",
        quality=0.84,
    ),
    _p(
        "LW-402",
        "Heron French Press 0.8 l",
        "苍鹭法压壶 0.8 升",
        "brewer",
        39.00,
        "French press with double steel wall, keeps coffee hot for an hour.",
        fits="filter",
        quality=0.78,
    ),
    _p(
        "LW-403",
        "Moka Pot Finch, 3 cups",
        "雀牌摩卡壶 3 杯",
        "brewer",
        34.00,
        "Stovetop pot in stainless steel, works on induction.",
        fits="moka",
        quality=0.79,
    ),
    _p(
        "LW-404",
        "Moka Pot Finch, 6 cups",
        "雀牌摩卡壶 6 杯",
        "brewer",
        42.00,
        "Stovetop pot in stainless steel, works on induction.",
        fits="moka",
        quality=0.78,
    ),
    _p(
        "LW-405",
        "Cold Brew Bottle",
        "冷萃壶",
        "brewer",
        29.00,
        "1 litre glass bottle with fine steel filter. Overnight in the fridge, ready in the morning.",
        fits="filter adventurous",
        quality=0.76,
    ),
    _p(
        "LW-406",
        "Gooseneck Kettle Stork",
        "白鹳细口壶",
        "brewer",
        99.00,
        "Electric kettle 0.9 l, temperature in steps of 1 °C, holds for 60 minutes.",
        fits="filter adventurous",
        quality=0.82,
    ),
    _p(
        "LW-407",
        "Airpress Go",
        "便携气压咖啡壶",
        "brewer",
        37.00,
        "Light press brewer for travel, one cup in two minutes.",
        fits="filter",
        quality=0.8,
    ),
    _p(
        "LA-501",
        "Paper Filters 02, 100 pcs",
        "02 号滤纸 100 张",
        "accessory",
        6.90,
        "Unbleached cone filters for the Kestrel Dripper.",
        fits="filter",
        quality=0.82,
    ),
    _p(
        "LA-503",
        "Coffee Scale with Timer",
        "计时电子秤",
        "accessory",
        45.00,
        "0.1 g steps up to 2 kg, charges by USB-C.",
        fits="filter espresso adventurous",
        quality=0.79,
    ),
    _p(
        "LA-505",
        "Milk Jug 500 ml",
        "拉花缸 500 毫升",
        "accessory",
        19.00,
        "Stainless steel with a fine spout for latte art.",
        fits="milk",
        quality=0.83,
    ),
    _p(
        "LA-507",
        "Tamper 58 mm",
        "58 毫米压粉锤",
        "accessory",
        29.00,
        "Flat steel base, walnut handle, for the Aurora machines.",
        fits="espresso",
        quality=0.81,
    ),
    _p(
        "LA-509",
        "Descaler, 3 bottles",
        "除垢剂 3 瓶装",
        "accessory",
        14.50,
        "Citric and lactic acid, for machines and kettles. Every two to three months.",
        fits="espresso automatic milk",
        quality=0.75,
    ),
    _p(
        "LA-512",
        "Group Gasket for Aurora One",
        "极光一号冲煮头密封圈",
        "accessory",
        9.50,
        "Silicone seal for the group head of the Aurora One. Changed in ten minutes with a screwdriver.",
        quality=0.8,
    ),
    _p(
        "LA-515",
        "Airtight Tin 500 g",
        "密封罐 500 克",
        "accessory",
        17.50,
        "Tin with inner lid, keeps beans fresh for weeks.",
        fits="filter espresso milk moka",
        quality=0.8,
    ),
    _p(
        "LA-590",
        "Burr Set for Piccolo G2",
        "小匠 G2 磨盘",
        "accessory",
        32.00,
        "Pair of 50 mm flat burrs, steel.",
        quality=0.8,
    ),
    _p(
        "LT-601",
        "Cloud Peak Oolong, 80 g",
        "云峰乌龙 80 克",
        "tea",
        13.50,
        "Lightly roasted oolong: orchid, cream.",
        fits="tea adventurous",
        quality=0.8,
    ),
    _p(
        "LT-602",
        "Dutch Garden Mint, 60 g",
        "荷兰花园薄荷茶 60 克",
        "tea",
        7.90,
        "Organic mint with lemon verbena. No caffeine.",
        fits="tea decaf",
        quality=0.78,
    ),
    _p(
        "LT-603",
        "Breakfast Assam, 100 g",
        "早餐阿萨姆 100 克",
        "tea",
        8.90,
        "Strong black tea, good with milk.",
        fits="tea",
        quality=0.77,
    ),
    _p(
        "LX-725",
        "Gift Card 25",
        "礼品卡 25 欧元",
        "gift card",
        25.00,
        "By e-mail or on paper, valid for three years.",
        quality=0.85,
    ),
    _p(
        "LX-750",
        "Gift Card 50",
        "礼品卡 50 欧元",
        "gift card",
        50.00,
        "By e-mail or on paper, valid for three years.",
        quality=0.85,
    ),
    _p(
        "LX-799",
        "Gift Card 100",
        "礼品卡 100 欧元",
        "gift card",
        100.00,
        "By e-mail or on paper, valid for three years.",
        quality=0.85,
    ),
)
BY_ID = {product.id: product for product in PRODUCTS}


@dataclass(frozen=True)
class Plan:
    """A subscription: ``bags`` of beans each month, ``large`` when they are 1 kg bags."""

    name: str
    name_zh: str
    price: float
    bags: int
    large: bool = False


PLANS = {
    plan.name: plan
    for plan in (
        Plan("Taster", "尝鲜", 11.90, 1),
        Plan("Home", "居家", 21.90, 2),
        Plan("Enthusiast", "发烧友", 39.90, 4),
        Plan("Office", "办公室", 64.00, 2, large=True),
    )
}


def plan_price(plan: str, day: date) -> float:
    """The monthly price of ``plan`` in EUR on ``day``."""
    return 19.90 if plan == "Home" and day < PRICE_RISE else PLANS[plan].price


def product_rows() -> list[dict[str, Any]]:
    return [
        {
            "id": p.id,
            "name": p.name,
            "name_zh": p.name_zh,
            "category": p.category,
            "price": p.price,
            "currency": CURRENCY,
            "description": p.description,
            "active": int(p.active),
        }
        for p in PRODUCTS
    ]


_HOMES = ["Taster", "Home", "Enthusiast"]
_OFFERS: tuple[tuple[str, str, str, str, float, str, str, dict[str, Any], str, str | None], ...] = (
    (
        "OF-1",
        "Thank-you 10 %",
        "感谢优惠 9 折",
        "discount",
        10.0,
        "10 % off your next three subscription deliveries. You can still cancel at any time.",
        "接下来三次订阅配送享 9 折优惠，您仍可随时取消。",
        {
            "risk": ["low", "medium", "high"],
            "min_tenure_months": 3,
            "plans": [*_HOMES, "Office"],
            "needs_consent": True,
            "max_per_days": 90,
            "budget": 300,
            "ceiling_percent": 10,
        },
        "2025-01-01",
        None,
    ),
    (
        "OF-2",
        "Stay with us 15 %",
        "留任优惠 85 折",
        "discount",
        15.0,
        "15 % off your next three subscription deliveries. You can still cancel at any time.",
        "接下来三次订阅配送享 85 折优惠，您仍可随时取消。",
        {
            "risk": ["medium", "high"],
            "min_tenure_months": 3,
            "plans": [*_HOMES, "Office"],
            "needs_consent": True,
            "max_per_days": 90,
            "budget": 200,
            "ceiling_percent": 15,
        },
        "2025-01-01",
        None,
    ),
    (
        "OF-3",
        "Stay with us 20 %",
        "留任优惠 8 折",
        "discount",
        20.0,
        "20 % off your next three subscription deliveries. You can still cancel at any time.",
        "接下来三次订阅配送享 8 折优惠，您仍可随时取消。",
        {
            "risk": ["high"],
            "min_tenure_months": 6,
            "plans": [*_HOMES, "Office"],
            "needs_consent": True,
            "max_per_days": 90,
            "budget": 200,
            "ceiling_percent": 20,
        },
        "2025-01-01",
        None,
    ),
    (
        "OF-4",
        "A bag on us",
        "赠送一袋咖啡豆",
        "gift",
        12.90,
        "One free 250 g bag of your choice (worth up to 12.90 EUR) with your next order.",
        "下一次订单免费赠送一袋 250 克咖啡豆（价值不超过 12.90 欧元），口味任选。",
        {
            "risk": ["medium", "high"],
            "min_tenure_months": 3,
            "needs_consent": True,
            "max_per_days": 90,
            "budget": 250,
        },
        "2025-03-01",
        None,
    ),
    (
        "OF-5",
        "Enthusiast for the price of Home",
        "居家价升级发烧友",
        "upgrade",
        18.00,
        "Your next delivery is an Enthusiast box (four bags) at the Home price of 21.90 EUR; after that you choose.",
        "下一次配送以居家套餐价 21.90 欧元升级为发烧友套餐（四袋），之后由您决定是否继续。",
        {
            "risk": ["low", "medium"],
            "min_tenure_months": 3,
            "plans": ["Home"],
            "needs_consent": True,
            "max_per_days": 180,
            "budget": 120,
        },
        "2026-02-01",
        None,
    ),
    (
        "OF-6",
        "Goodwill credit 15",
        "补偿额度 15 欧元",
        "credit",
        15.00,
        "A credit of 15.00 EUR on your account, taken off your next order.",
        "您的账户将获得 15.00 欧元额度，下次下单时自动抵扣。",
        {
            "risk": ["low", "medium", "high"],
            "needs_consent": False,
            "needs_complaint_days": 30,
            "max_per_days": 180,
            "budget": 150,
        },
        "2024-11-01",
        None,
    ),
    (
        "OF-7",
        "Strike apology 5",
        "罢工致歉积分 5 欧元",
        "credit",
        5.00,
        "100 Larks, worth 5.00 EUR, as an apology for the late delivery during the DHL strike.",
        "因 DHL 罢工导致配送延误，我们向您致歉并赠送价值 5.00 欧元的积分。",
        {
            "risk": ["low", "medium", "high"],
            "needs_consent": False,
            "countries": ["DE"],
            "max_per_days": 365,
            "budget": 300,
        },
        "2026-09-07",
        "2026-10-15",
    ),
    (
        "OF-8",
        "Gold tasting set",
        "金卡品鉴套装",
        "gift",
        24.90,
        "A bag of Gesha Lantern (250 g, worth 24.90 EUR) with your next order, for Gold customers.",
        "金卡会员下一次订单可获赠瑰夏灯笼一袋（250 克，价值 24.90 欧元）。",
        {
            "risk": ["medium", "high"],
            "min_tenure_months": 12,
            "tiers": ["gold"],
            "needs_consent": True,
            "max_per_days": 180,
            "budget": 60,
        },
        "2025-09-01",
        None,
    ),
    (
        "OF-9",
        "Office grinder",
        "办公室套餐赠磨豆机",
        "gift",
        149.00,
        "A free Baristo G1 grinder (worth 149.00 EUR) when you renew the Office plan for twelve months.",
        "续订办公室套餐十二个月，免费赠送百睿思 G1 磨豆机一台（价值 149.00 欧元）。",
        {
            "risk": ["medium", "high"],
            "min_tenure_months": 6,
            "plans": ["Office"],
            "max_per_days": 365,
            "budget": 20,
        },
        "2025-06-01",
        None,
    ),
    (
        "OF-10",
        "Summer cold brew 12 %",
        "夏日冷萃 88 折",
        "discount",
        12.0,
        "12 % off the next three deliveries if you take the cold brew selection. Until 31 August 2026.",
        "选择冷萃精选，接下来三次配送享 88 折优惠，截止 2026 年 8 月 31 日。",
        {
            "risk": ["low", "medium"],
            "plans": _HOMES,
            "needs_consent": True,
            "max_per_days": 90,
            "budget": 100,
            "ceiling_percent": 15,
        },
        "2026-06-01",
        "2026-08-31",
    ),
)


def offer_rows() -> list[dict[str, Any]]:
    return [
        {
            "id": id_,
            "name": name,
            "name_zh": name_zh,
            "kind": kind,
            "value": value,
            "terms": terms,
            "terms_zh": terms_zh,
            "rules": json.dumps(rules, ensure_ascii=False),
            "valid_from": start,
            "valid_to": end,
            "active": int(end is None or date.fromisoformat(end) >= LAST_DAY),
        }
        for id_, name, name_zh, kind, value, terms, terms_zh, rules, start, end in _OFFERS
    ]


OFFER_TERMS = {offer[0]: (offer[5], offer[6]) for offer in _OFFERS}
OFFER_VALUE = {offer[0]: offer[4] for offer in _OFFERS}
