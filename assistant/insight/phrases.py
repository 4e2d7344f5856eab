"""Features in words that an agent understands, English and Chinese, each with the customer's own value."""

from collections.abc import Callable
from typing import Any

import numpy as np

_COUNTRIES_ZH = {
    "NL": "荷兰",
    "DE": "德国",
    "IE": "爱尔兰",
    "FR": "法国",
    "BE": "比利时",
    "AT": "奥地利",
    "CN": "中国",
}


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _money(value: float) -> str:
    return f"{value:,.2f}"


def _count(one: str, many: str, zh: str, none_en: str, none_zh: str) -> Callable[[float], tuple[str, str]]:
    def phrase(value: float) -> tuple[str, str]:
        if value == 0:
            return none_en, none_zh
        return (one if value == 1 else many).format(v=_whole(value)), zh.format(v=_whole(value))

    return phrase


def _ago(what_en: str, what_zh: str) -> Callable[[float], tuple[str, str]]:
    def phrase(value: float) -> tuple[str, str]:
        days = int(value)
        if days == 0:
            return f"{what_en} today", f"{what_zh}在今天"
        return f"{what_en} {days} day{'s' if days != 1 else ''} ago", f"{what_zh}在 {days} 天前"

    return phrase


def _change(
    what_en: str, what_zh: str, unit: str = "", money: bool = False
) -> Callable[[float], tuple[str, str]]:
    write = _money if money else _whole

    def phrase(value: float) -> tuple[str, str]:
        if abs(value) < 0.005:
            return f"{what_en} unchanged", f"{what_zh}没有变化"
        side, side_zh = ("up", "增加") if value > 0 else ("down", "减少")
        amount = write(abs(value))
        return f"{what_en} {side} by {amount}{unit}", f"{what_zh}{side_zh} {amount}{unit}"

    return phrase


def _mood(when_en: str, when_zh: str) -> Callable[[float], tuple[str, str]]:
    def phrase(value: float) -> tuple[str, str]:
        word = "positive" if value > 0.15 else "negative" if value < -0.15 else "neutral"
        zh = {"positive": "正面", "negative": "负面", "neutral": "中性"}[word]
        return f"{when_en} sounded {word} ({value:+.2f})", f"{when_zh}语气{zh}（{value:+.2f}）"

    return phrase


def _plain(en: str, zh: str, write: Callable[[float], str] = _whole) -> Callable[[float], tuple[str, str]]:
    return lambda value: (en.format(v=write(value)), zh.format(v=write(value)))


_NUMBERS: dict[str, Callable[[float], tuple[str, str]]] = {
    "tenure_days": _plain("customer for {v} days", "成为客户已 {v} 天"),
    "days_since_order": _ago("last order", "最近一次下单"),
    "days_since_shop_order": _ago("last purchase in the shop", "最近一次自行购买"),
    "orders_total": _count("{v} order in all", "{v} orders in all", "累计 {v} 笔订单", "no order yet", "尚无订单"),
    "orders_90": _count(
        "{v} order in the last 90 days", "{v} orders in the last 90 days", "近 90 天有 {v} 笔订单",
        "no order in the last 90 days", "近 90 天没有订单",
    ),
    "orders_trend": _change("orders against the 90 days before:", "与之前 90 天相比，订单数"),
    "spend_90": _plain("spent {v} in the last 90 days", "近 90 天消费 {v}", _money),
    "spend_trend": _change("spending against the 90 days before:", "与之前 90 天相比，消费", money=True),
    "spend_365": _plain("spent {v} in the last year", "近一年消费 {v}", _money),
    "basket": _plain("average basket {v}", "平均客单价 {v}", _money),
    "order_gap": _plain("usually buys every {v} days", "通常每 {v} 天购买一次"),
    "overdue": _plain(
        "time since the last purchase is {v} times the usual", "距上次购买的时间是平时间隔的 {v} 倍",
        lambda v: f"{v:.1f}",
    ),
    "phone_share": _plain("{v} of orders by phone", "电话订单占 {v}", lambda v: f"{v:.0%}"),
    "cancelled_orders_180": _count(
        "{v} order cancelled in the last 180 days", "{v} orders cancelled in the last 180 days",
        "近 180 天取消了 {v} 笔订单", "no order cancelled in the last 180 days", "近 180 天没有取消订单",
    ),
    "late_90": _count(
        "{v} late delivery in the last 90 days", "{v} late deliveries in the last 90 days", "近 90 天有 {v} 次配送延误",
        "no late delivery in the last 90 days", "近 90 天没有配送延误",
    ),
    "late_365": _count(
        "{v} late delivery in the last year", "{v} late deliveries in the last year", "近一年有 {v} 次配送延误",
        "no late delivery in the last year", "近一年没有配送延误",
    ),
    "products_365": _count(
        "bought {v} product in the last year", "bought {v} different products in the last year",
        "近一年购买过 {v} 种商品", "bought nothing in the last year", "近一年没有购买商品",
    ),
    "categories_365": _count(
        "bought from {v} category in the last year", "bought from {v} categories in the last year",
        "近一年购买过 {v} 个品类", "bought from no category in the last year", "近一年没有购买任何品类",
    ),
    "subscribed": lambda v: ("has a subscription", "有订阅") if v else ("has no subscription", "没有订阅"),
    "subscription_days": _plain("subscribed for {v} days", "已订阅 {v} 天"),
    "past_subscriptions": _count(
        "{v} earlier subscription ended", "{v} earlier subscriptions ended", "曾结束 {v} 个订阅",
        "never ended a subscription", "从未结束过订阅",
    ),
    "subscription_price": _plain("last delivery cost {v}", "最近一次订阅配送价格 {v}", _money),
    "price_change_180": _change("price per delivery against half a year ago:", "与半年前相比，每次配送价格", money=True),
    "skipped_90": _count(
        "{v} delivery skipped or paused in the last 90 days", "{v} deliveries skipped or paused in the last 90 days",
        "近 90 天跳过或暂停 {v} 次配送", "no delivery skipped in the last 90 days", "近 90 天没有跳过配送",
    ),
    "days_since_delivery": _ago("last subscription delivery", "最近一次订阅配送"),
    **{
        f"contacts_{window}": _count(
            f"{{v}} contact in the last {window} days", f"{{v}} contacts in the last {window} days",
            f"近 {window} 天联系过 {{v}} 次", f"no contact in the last {window} days", f"近 {window} 天没有联系",
        )
        for window in (30, 90, 365)
    },
    **{
        f"complaints_{window}": _count(
            f"{{v}} complaint in the last {window} days", f"{{v}} complaints in the last {window} days",
            f"近 {window} 天投诉 {{v}} 次", f"no complaint in the last {window} days", f"近 {window} 天没有投诉",
        )
        for window in (30, 90, 365)
    },
    "days_since_contact": _ago("last contact", "最近一次联系"),
    "days_since_complaint": _ago("last complaint", "最近一次投诉"),
    "leaving_words_90": _count(
        "spoke of cancelling, pausing or going elsewhere once in the last 90 days",
        "spoke of cancelling, pausing or going elsewhere {v} times in the last 90 days",
        "近 90 天提到取消、暂停或换商家 {v} 次", "did not speak of leaving in the last 90 days", "近 90 天没有提到离开",
    ),
    "mood_90": _mood("messages of the last 90 days", "近 90 天的消息"),
    "mood_365": _mood("messages of the last year", "近一年的消息"),
    "mood_last": _mood("the last message", "最近一条消息"),
    "mood_trend": lambda v: (
        f"messages sound {'better' if v > 0 else 'worse'} than before ({v:+.2f})",
        f"消息语气比以前{'好' if v > 0 else '差'}（{v:+.2f}）",
    ),
    "rating_365": _plain("average rating {v} of 5 in the last year", "近一年平均评分 {v}（满分 5）", lambda v: f"{v:.1f}"),
    "rating_last": _plain("last review gave {v} of 5 stars", "最近一次评价 {v} 星（满分 5）"),
    "offers_365": _count(
        "{v} offer in the last year", "{v} offers in the last year", "近一年收到 {v} 次优惠",
        "no offer in the last year", "近一年没有收到优惠",
    ),
    "offers_accepted_365": _count(
        "accepted {v} offer in the last year", "accepted {v} offers in the last year", "近一年接受了 {v} 次优惠",
        "accepted no offer in the last year", "近一年没有接受优惠",
    ),
    "offers_declined_365": _count(
        "declined {v} offer in the last year", "declined {v} offers in the last year", "近一年拒绝了 {v} 次优惠",
        "declined no offer in the last year", "近一年没有拒绝优惠",
    ),
    "consent": lambda v: ("may be sent offers", "同意接收优惠") if v else ("may not be sent offers", "不接收优惠"),
}  # fmt: skip
_MISSING: dict[str, tuple[str, str]] = {
    "tenure_days": ("not known since when a customer", "成为客户的时间未知"),
    "days_since_order": ("never ordered", "从未下单"),
    "days_since_shop_order": ("never bought in the shop", "从未自行购买"),
    "basket": ("no basket yet", "尚无客单价"),
    "order_gap": ("too few purchases for a rhythm", "购买次数太少，没有规律"),
    "overdue": ("too few purchases for a rhythm", "购买次数太少，没有规律"),
    "phone_share": ("no order yet", "尚无订单"),
    "subscription_days": ("has no subscription", "没有订阅"),
    "subscription_price": ("no subscription delivery", "没有订阅配送"),
    "price_change_180": ("no subscription delivery", "没有订阅配送"),
    "skipped_90": ("no subscription delivery to skip", "没有可跳过的订阅配送"),
    "days_since_delivery": ("no subscription delivery", "没有订阅配送"),
    "days_since_contact": ("never in contact", "从未联系"),
    "days_since_complaint": ("never complained", "从未投诉"),
    "mood_90": ("no message in the last 90 days", "近 90 天没有消息"),
    "mood_365": ("no message in the last year", "近一年没有消息"),
    "mood_last": ("no message", "没有消息"),
    "mood_trend": ("too few messages for a trend", "消息太少，看不出趋势"),
    "rating_365": ("no review in the last year", "近一年没有评价"),
    "rating_last": ("no review", "没有评价"),
    "consent": ("not known whether offers may be sent", "是否接收优惠未知"),
    "plan": ("has no subscription", "没有订阅"),
    "country": ("country not known", "国家未知"),
    "language": ("language not known", "语言未知"),
}


def feature_phrase(feature: str, value: Any) -> tuple[str, str]:
    """(English, Chinese) words for a feature of :func:`assistant.insight.features.features_at` and its
    value."""
    if feature == "course_of_events":
        return "the course of orders and contacts over the last year", "过去一年订单与联系的走势"
    missing = value is None or (isinstance(value, float | np.floating) and np.isnan(value))
    if missing:
        return _MISSING.get(feature, (f"{feature}: none", f"{feature}：无"))
    if feature in _NUMBERS:
        return _NUMBERS[feature](float(value))
    if feature == "plan":
        return f"on the {value} plan", f"订阅方案 {value}"
    if feature == "country":
        return f"lives in {value}", f"所在国家：{_COUNTRIES_ZH.get(str(value), value)}"
    if feature == "language":
        return (
            f"writes {'Chinese' if value == 'zh' else value}",
            f"使用语言：{'中文' if value == 'zh' else value}",
        )
    return f"{feature} is {value}", f"{feature}：{value}"
