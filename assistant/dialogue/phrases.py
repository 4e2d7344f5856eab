"""What code says, in English and in Chinese: records put into sentences, and the fixed answers of a turn.

Records are rendered in the user's language so that a small model can quote them without translating, and so that
the answer put together from evidence alone reads well.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from assistant.errors import RecordError

Row = Mapping[str, Any]


def unknown_customer(customer: str, closest: Sequence[Row]) -> RecordError:
    names = ", ".join(f"{c['id']} ({c['name']})" if c.get("name") else str(c["id"]) for c in closest)
    return RecordError(f"No customer {customer!r} in the record.", f"closest: {names}" if names else "")


def unknown_order(order: str) -> RecordError:
    return RecordError(f"No order {order!r} in this account.", "check the order number")


def _spent(orders: Sequence[Row]) -> str:
    """What was paid for all orders that were neither cancelled nor returned."""
    kept = [row for row in orders if row.get("status") not in ("cancelled", "returned")]
    return _money(sum(row.get("total") or 0 for row in kept), orders[0].get("currency"))


def _money(amount: float | None, currency: str | None) -> str:
    return (
        f"{amount or 0:,.2f}".replace(",", " ") + (f" {currency}" if currency else "")
        if amount and amount >= 10000
        else (f"{amount or 0:.2f}" + (f" {currency}" if currency else ""))
    )


def _worth(offer: Row) -> str:
    """An offer's expected value, where it is known."""
    return f", {offer['expected']['value']:.2f}" if offer.get("expected") else ""


def _number(value: float) -> str:
    return f"{value:g}"


def _short(text: str, limit: int = 420, around: str = "") -> str:
    """At most ``limit`` characters of a message: its beginning, or the part around a sentence of it."""
    text, around = " ".join(text.split()), " ".join(around.split())
    if len(text) <= limit:
        return text
    found = text.find(around) if around else -1
    start = max(0, found - (limit - len(around)) // 2) if found > 0 else 0
    part = text[start : start + limit]
    if start:
        part = "... " + (part.split(" ", 1)[1] if " " in part[:30] else part)
    return part + (" ..." if start + limit < len(text) else "")


def _attributes(row: Row) -> list[tuple[str, Any]]:
    import json

    value = row.get("attributes") or {}
    attributes = json.loads(value) if isinstance(value, str) else value
    return [(k, v) for k, v in attributes.items() if v not in (None, "")][:24]


class EN:
    """English."""

    language = "en"

    @staticmethod
    def channel(name: str) -> str:
        return name

    @staticmethod
    def outcome(name: str) -> str:
        """What became of an offer."""
        return name

    @staticmethod
    def band(name: str) -> str:
        """A churn risk: low, medium, high, or unknown."""
        return name

    @staticmethod
    def profile(row: Row, orders: Sequence[Row], subscription: Row | None) -> str:
        parts = [f"Customer {row['id']}" + (f" is {row['name']}" if row.get("name") else "")]
        place = ", ".join(str(row[k]) for k in ("city", "country") if row.get(k))
        if place:
            parts.append(f"lives in {place}")
        if row.get("joined_on"):
            parts.append(f"customer since {row['joined_on']}")
        text = ", ".join(parts) + "."
        facts = []
        if row.get("tier"):
            facts.append(f"Tier: {row['tier']}.")
        if row.get("email"):
            facts.append(f"E-mail: {row['email']}.")
        if row.get("phone"):
            facts.append(f"Phone: {row['phone']}.")
        if row.get("language"):
            facts.append(
                f"Language: {'Chinese' if row['language'] == 'zh' else 'English' if row['language'] == 'en' else row['language']}."
            )
        if row.get("consent_marketing") is not None:
            facts.append(
                "May be sent offers."
                if row["consent_marketing"]
                else "May not be sent offers (no marketing consent)."
            )
        if row.get("churned"):
            facts.append("Has left" + (f" on {row['churned_on']}." if row.get("churned_on") else "."))
        if subscription:
            facts.append(
                f"Subscription: {subscription['plan']}, {subscription['status']}, since {subscription['started_on']}."
            )
        if orders:
            facts.append(
                f"{len(orders)} orders, in total {_spent(orders)}, the last on {orders[0]['ordered_at'][:10]}."
            )
        facts += [f"{k}: {v}." for k, v in _attributes(row)]
        return " ".join([text, *facts])

    @staticmethod
    def orders_summary(customer: str, rows: Sequence[Row], since: date | None, until: date | None) -> str:
        span = f" from {since} to {until}" if since and until else ""
        if not rows:
            return f"Customer {customer} has no orders{span}."
        kept = [r for r in rows if r.get("status") not in ("cancelled", "returned")]
        text = (
            f"Customer {customer} has {len(rows)} order{'s' if len(rows) != 1 else ''}{span}, in total "
            f"{_money(sum(r.get('total') or 0 for r in kept), rows[0].get('currency'))}."
        )
        if kept:
            mean = sum(r.get("total") or 0 for r in kept) / len(kept)
            text += f" The average order is {_money(mean, rows[0].get('currency'))}."
        text += " The last order: " + EN.order(rows[0])
        if len(rows) > 1:
            text += f" The first was placed on {rows[-1]['ordered_at'][:10]}."
        off = len(rows) - len(kept)
        if off:
            text += f" {off} of them cancelled or returned (not in the total)."
        return text

    @staticmethod
    def order(row: Row) -> str:
        lines = ", ".join(
            f"{_number(line['quantity'])} x {line.get('product') or line.get('product_id')}"
            for line in row.get("lines", ())[:12]
        )
        more = len(row.get("lines", ())) - 12
        text = f"Order {row['id']} was placed on {row['ordered_at'][:10]}"
        if row.get("delivered_at"):
            text += f" and arrived on {row['delivered_at'][:10]}"
        text += f"; status: {row.get('status') or 'placed'}"
        text += f", total {_money(row.get('total'), row.get('currency'))}."
        if lines:
            text += f" Items: {lines}" + (f" and {more} more" if more > 0 else "") + "."
        if row.get("tracking"):
            text += f" Tracking: {row['tracking']}."
        return text

    @staticmethod
    def subscriptions(customer: str, rows: Sequence[Row]) -> str:
        if not rows:
            return f"Customer {customer} has no subscription."
        texts = []
        for r in rows[:3]:
            text = (
                f"Customer {customer} is on the plan {r['plan']}"
                if r["status"] == "active"
                else f"Plan {r['plan']}"
            )
            text += f" (subscription {r['id']}): {r['status']} since {r['started_on']}"
            if r.get("price"):
                text += f", price {_money(r['price'], r.get('currency'))} a {r.get('interval') or 'month'}"
            if r.get("next_delivery_on"):
                text += f", next delivery on {r['next_delivery_on']}"
            if r.get("ended_on"):
                text += f", ended on {r['ended_on']}"
            if r.get("end_reason"):
                text += f", reason given: {r['end_reason']}"
            texts.append(text + ".")
        return " ".join(texts)

    @staticmethod
    def product(row: Row) -> str:
        text = f"{row['name']} ({row['id']})"
        if row.get("category"):
            text += f", {row['category']}"
        if row.get("price"):
            text += f", {_money(row['price'], row.get('currency'))}"
        return (
            text
            + "."
            + (f" {row['description']}" if row.get("description") else "")
            + ("" if row.get("active", 1) else " No longer sold.")
        )

    @staticmethod
    def value(row: Row, data: Row) -> str:
        if not data["orders"]:
            return f"Customer {row['id']} has not bought anything yet."
        c = data["currency"]
        text = (
            f"Customer {row['id']} has spent {_money(data['revenue'], c)} in {data['orders']} orders, "
            f"{_money(data['average_order'], c)} on average, {_money(data['revenue_12_months'], c)} in the last 12 months."
        )
        return text + (f" Tier: {data['tier']}." if data.get("tier") else "")

    @staticmethod
    def interaction(row: Row, around: str = "", limit: int = 420) -> str:
        verb = "said" if row["channel"] == "call" else "wrote"
        who = (
            f"Customer {row['customer_id']} {verb}"
            if row["author"] == "customer"
            else f"Our note on {row['customer_id']}"
        )
        subject = f"{row['subject']}: " if row.get("subject") else ""
        return f"{who} on {row['at'][:10]} ({row['channel']}): {subject}{_short(row['text'], limit, around)}"

    @staticmethod
    def contacts(row: Row, rows: Sequence[Row]) -> str:
        if not rows:
            return f"There are no conversations with customer {row['id']} in this period."
        channels: dict[str, int] = {}
        for r in rows:
            channels[r["channel"]] = channels.get(r["channel"], 0) + 1
        text = ", ".join(f"{n} {c}" for c, n in sorted(channels.items(), key=lambda x: -x[1]))
        return f"Customer {row['id']} had {len(rows)} contacts ({text}), the last on {rows[0]['at'][:10]} by {rows[0]['channel']}."

    @staticmethod
    def churn(customer: str, data: Row) -> str:
        reasons = [(r["text"].removesuffix(f" ({r['direction']})"), r["direction"]) for r in data["reasons"]]
        up = "; ".join(t for t, d in reasons if d == "raises")
        down = "; ".join(t for t, d in reasons if d == "lowers")
        text = f"The probability that customer {customer} leaves within 90 days is {data['percent']}% ({data['band']} risk)."
        if not data.get("active", True):
            text += " The customer is not active any more: no running subscription and no order of late."
        if up:
            text += f" Raises the risk: {up}."
        if down:
            text += f" Lowers the risk: {down}."
        return text

    @staticmethod
    def segment(customer: str, data: Row) -> str:
        return f'Customer {customer} belongs to the segment "{data["name"]}".' + (
            f" {data['profile']}" if data.get("profile") else ""
        )

    @staticmethod
    def recommend(customer: str, data: Sequence[Row]) -> str:
        if not data:
            return f"There is no recommendation for customer {customer}."
        return f"Recommended for customer {customer}: " + "; ".join(
            f"{i}. {r['name']} ({r['product']}" + (f", {_money(r['price'], r['currency'])}" if r.get("price") else "") + ")"
            + (f", {r['reason']}" if r.get("reason") else "")
            for i, r in enumerate(data, start=1)
        ) + "."  # fmt: skip

    @staticmethod
    def sentiment(customer: str, data: Row) -> str:
        c, newest = data["counts"], data["newest"]
        if not newest:
            return f"Customer {customer} has not written anything whose mood could be read."
        text = f"Of the last {sum(c.values())} messages of customer {customer}, {c['positive']} were positive, {c['neutral']} neutral and {c['negative']} negative."
        return text + f" The newest ({newest[0]['at']}, {newest[0]['channel']}) was {newest[0]['sentiment']}."

    @staticmethod
    def offers(customer: str, data: Row) -> str:
        if not data["offers"]:
            return f"No offer may be made to customer {customer} now: {'; '.join(data['against']) or 'none is active'}."
        first = data["offers"][0]
        text = f"Best offer for customer {customer}: {first['name']} ({first['id']}): {first['terms']}"
        if (first.get("expected") or {}).get("value", 1.0) <= 0:
            text = f"No offer pays off for customer {customer} now; the one that loses least: {first['name']} ({first['id']}): {first['terms']}"
        if first.get("valid_to"):
            text += f" Valid until {first['valid_to']}."
        if first.get("reasons"):
            text += f" Why: {'; '.join(first['reasons'])}."
        if len(data["offers"]) > 1:
            text += (
                " Also possible: "
                + ", ".join(f"{o['name']} ({o['id']}{_worth(o)})" for o in data["offers"][1:3])
                + "."
            )
        return text

    @staticmethod
    def actions(customer: str, data: Sequence[Row]) -> str:
        if not data:
            return f"Nothing is open for customer {customer}; no action is needed."
        return f"Next for customer {customer}: " + " ".join(
            f"{i}. {a['text'].rstrip('.')}{'; why: ' + a['why'] if a.get('why') else ''}."
            for i, a in enumerate(data, start=1)
        )

    @staticmethod
    def customer_list(data: Row) -> str:
        what = data["filter_en"]
        if not data["count"]:
            return f"No customers{what}."
        text = f"{data['count']} customers{what}."
        if data["customers"]:
            text += " " + (
                "The first " + str(len(data["customers"])) + ": "
                if data["count"] > len(data["customers"])
                else ""
            )
            text += "; ".join(
                f"{c['id']}" + (f" {c['name']}" if c.get("name") else "") + (f" ({', '.join(c['facts_en'])})" if c.get("facts_en") else "")
                for c in data["customers"]
            ) + "."  # fmt: skip
        return text

    unknown = "I don't know: I found nothing about this in the articles and records I may use."
    unknown_next_agent = "Try naming the customer or the order, or add an article about it."
    unknown_next_customer = "Would you like me to pass your question to a colleague?"
    which_customer = (
        "Which customer do you mean? Please give a customer id, an e-mail address or a full name."
    )
    sign_in = "To talk about your account I need to know who you are: please sign in first, or write the e-mail address of your account here and I'll send a code to it."
    refused = "I'm sorry, I can't share that. I can help with your own account, your orders and our products and services."
    out_of_scope = "I can only help with {company}: your orders, subscription, products and our services."
    out_of_scope_agent = (
        "That is outside what I know: I answer from the customer record and {company}'s articles."
    )
    greeting = "Hello! I'm the assistant of {company}. How can I help you?"
    thanks = "You're welcome! Is there anything else I can do for you?"
    handed_off = "I'm passing this to a colleague, who will answer you here. Your conversation so far goes along, so you needn't repeat it."
    held = "A colleague has this conversation; your message has been passed on."
    change_note = "I can't make this change myself. If you like, I'll pass it to a colleague: just write \"talk to a person\"."
    sign_in_first = (
        "I can do that once I know who you are: please sign in first, or write the e-mail address of your account here "
        "and I'll send a code to it."
    )
    code_sent = "If there is an account with this address, a code of six digits is on its way to it. Please type it here within 10 minutes."
    code_wait = "Too many codes have been asked for. Please wait 15 minutes and try again."
    code_wrong = (
        "That isn't the right code, or it has expired. Write your e-mail address again to get a new one."
    )
    facts_wrong = (
        "I can't find an account with these details. Please write your full name and postcode, or the e-mail address "
        "of your account."
    )
    code_right = "Thank you, now I know who you are. What can I do for you?"
    not_done = "What I asked you to confirm has not been done; just ask for it again if you want it."
    empty = "Please type a question."


class ZH(EN):
    """Chinese (simplified)."""

    language = "zh"
    _status: ClassVar[dict[str, str]] = {
        "placed": "已下单", "shipped": "已发货", "delivered": "已送达", "cancelled": "已取消", "returned": "已退货",
        "active": "有效", "paused": "已暂停",
    }  # fmt: skip
    _channel: ClassVar[dict[str, str]] = {
        "email": "邮件",
        "chat": "在线聊天",
        "call": "电话",
        "ticket": "工单",
        "review": "评价",
    }
    _mood: ClassVar[dict[str, str]] = {"positive": "正面", "neutral": "中性", "negative": "负面"}
    _band: ClassVar[dict[str, str]] = {"low": "低", "medium": "中", "high": "高"}
    _interval: ClassVar[dict[str, str]] = {"month": "月", "week": "周", "year": "年"}
    _outcome: ClassVar[dict[str, str]] = {"sent": "已发送", "accepted": "已接受", "declined": "已拒绝"}

    @staticmethod
    def channel(name: str) -> str:
        return ZH._channel.get(name, name)

    @staticmethod
    def outcome(name: str) -> str:
        return ZH._outcome.get(name, name)

    @staticmethod
    def band(name: str) -> str:
        return ZH._band.get(name, "未知" if name == "unknown" else name)

    @staticmethod
    def profile(row: Row, orders: Sequence[Row], subscription: Row | None) -> str:
        text = f"客户{row['id']}" + (f"：{row['name']}" if row.get("name") else "")
        place = "，".join(str(row[k]) for k in ("city", "country") if row.get(k))
        if place:
            text += f"，居住地：{place}"
        if row.get("joined_on"):
            text += f"，自{row['joined_on']}起为客户"
        facts = []
        if row.get("tier"):
            facts.append(f"等级：{row['tier']}。")
        if row.get("email"):
            facts.append(f"邮箱：{row['email']}。")
        if row.get("phone"):
            facts.append(f"电话：{row['phone']}。")
        if row.get("consent_marketing") is not None:
            facts.append("同意接收优惠信息。" if row["consent_marketing"] else "不同意接收优惠信息。")
        if row.get("churned"):
            facts.append("已流失" + (f"（{row['churned_on']}）。" if row.get("churned_on") else "。"))
        if subscription:
            facts.append(
                f"订阅：{subscription['plan']}，{ZH._status.get(subscription['status'], subscription['status'])}，始于{subscription['started_on']}。"
            )
        if orders:
            facts.append(
                f"共{len(orders)}个订单，累计消费{_spent(orders)}，最近一次在{orders[0]['ordered_at'][:10]}。"
            )
        facts += [f"{k}：{v}。" for k, v in _attributes(row)]
        return text + "。" + "".join(facts)

    @staticmethod
    def orders_summary(customer: str, rows: Sequence[Row], since: date | None, until: date | None) -> str:
        span = f"在{since}至{until}期间" if since and until else ""
        if not rows:
            return f"客户{customer}{span}没有订单。"
        kept = [r for r in rows if r.get("status") not in ("cancelled", "returned")]
        text = f"客户{customer}{span}共有{len(rows)}个订单，总金额{_money(sum(r.get('total') or 0 for r in kept), rows[0].get('currency'))}。"
        if kept:
            mean = sum(r.get("total") or 0 for r in kept) / len(kept)
            text += f"平均每单{_money(mean, rows[0].get('currency'))}。"
        text += "最近一个" + ZH.order(rows[0])
        if len(rows) > 1:
            text += f"第一个订单在{rows[-1]['ordered_at'][:10]}。"
        off = len(rows) - len(kept)
        return text + (f"其中{off}个已取消或退货（不计入总金额）。" if off else "")

    @staticmethod
    def order(row: Row) -> str:
        lines = "、".join(
            f"{line.get('product') or line.get('product_id')} {_number(line['quantity'])}件"
            for line in row.get("lines", ())[:12]
        )
        text = f"订单{row['id']}，下单日期{row['ordered_at'][:10]}，状态：{ZH._status.get(row.get('status') or 'placed', row.get('status'))}"
        if row.get("delivered_at"):
            text += f"，送达日期{row['delivered_at'][:10]}"
        text += f"，总金额{_money(row.get('total'), row.get('currency'))}。"
        if lines:
            text += f"商品：{lines}。"
        return text + (f"运单号：{row['tracking']}。" if row.get("tracking") else "")

    @staticmethod
    def subscriptions(customer: str, rows: Sequence[Row]) -> str:
        if not rows:
            return f"客户{customer}没有订阅。"
        texts = []
        for r in rows[:3]:
            text = f"客户{customer}的订阅方案是{r['plan']}（{r['id']}）：{ZH._status.get(r['status'], r['status'])}，始于{r['started_on']}"
            if r.get("price"):
                text += f"，每{ZH._interval.get(r.get('interval') or 'month', '月')}{_money(r['price'], r.get('currency'))}"
            if r.get("next_delivery_on"):
                text += f"，下次配送{r['next_delivery_on']}"
            if r.get("ended_on"):
                text += f"，{r['ended_on']}结束"
            if r.get("end_reason"):
                text += f"，取消原因：{r['end_reason']}"
            texts.append(text + "。")
        return "".join(texts)

    @staticmethod
    def product(row: Row) -> str:
        text = f"{row.get('name_zh') or row['name']}（{row['name']}，{row['id']}）"
        if row.get("price"):
            text += f"，价格{_money(row['price'], row.get('currency'))}"
        return (
            text
            + "。"
            + (str(row["description"]) if row.get("description") else "")
            + ("" if row.get("active", 1) else "已停售。")
        )

    @staticmethod
    def value(row: Row, data: Row) -> str:
        if not data["orders"]:
            return f"客户{row['id']}还没有购买过。"
        c = data["currency"]
        text = (
            f"客户{row['id']}共消费{_money(data['revenue'], c)}，{data['orders']}个订单，平均每单{_money(data['average_order'], c)}，"
            f"最近12个月消费{_money(data['revenue_12_months'], c)}。"
        )
        return text + (f"等级：{data['tier']}。" if data.get("tier") else "")

    @staticmethod
    def interaction(row: Row, around: str = "", limit: int = 420) -> str:
        who = (
            f"客户{row['customer_id']}说"
            if row["author"] == "customer"
            else f"客服关于{row['customer_id']}的记录"
        )
        channel = ZH._channel.get(row["channel"], row["channel"])
        subject = f"{row['subject']}：" if row.get("subject") else ""
        return f"{who}（{row['at'][:10]}，{channel}）：{subject}{_short(row['text'], limit, around)}"

    @staticmethod
    def contacts(row: Row, rows: Sequence[Row]) -> str:
        if not rows:
            return f"这段时间没有与客户{row['id']}的沟通记录。"
        channels: dict[str, int] = {}
        for r in rows:
            channels[r["channel"]] = channels.get(r["channel"], 0) + 1
        text = "、".join(
            f"{ZH._channel.get(c, c)}{n}次" for c, n in sorted(channels.items(), key=lambda x: -x[1])
        )
        return f"客户{row['id']}共有{len(rows)}次沟通记录（{text}），最近一次是{rows[0]['at'][:10]}的{ZH._channel.get(rows[0]['channel'], rows[0]['channel'])}。"

    @staticmethod
    def churn(customer: str, data: Row) -> str:
        up = "；".join(
            r["text"].removesuffix("（提高）") for r in data["reasons"] if r["direction"] == "raises"
        )
        down = "；".join(
            r["text"].removesuffix("（降低）") for r in data["reasons"] if r["direction"] == "lowers"
        )
        text = f"客户{customer}在90天内流失的概率是{data['percent']}%（{ZH._band.get(data['band'], data['band'])}风险）。"
        if not data.get("active", True):
            text += "该客户目前已不活跃：没有有效订阅，近期也没有订单。"
        if up:
            text += f"提高风险的原因：{up}。"
        if down:
            text += f"降低风险的因素：{down}。"
        return text

    @staticmethod
    def segment(customer: str, data: Row) -> str:
        return f"客户{customer}属于“{data['name']}”群体。" + (
            str(data["profile"]) if data.get("profile") else ""
        )

    @staticmethod
    def recommend(customer: str, data: Sequence[Row]) -> str:
        if not data:
            return f"没有适合客户{customer}的推荐。"
        return f"为客户{customer}推荐：" + "；".join(
            f"{i}. {r['name']}（{r['product']}" + (f"，{_money(r['price'], r['currency'])}" if r.get("price") else "") + "）"
            + (f"，{r['reason']}" if r.get("reason") else "")
            for i, r in enumerate(data, start=1)
        ) + "。"  # fmt: skip

    @staticmethod
    def sentiment(customer: str, data: Row) -> str:
        c, newest = data["counts"], data["newest"]
        if not newest:
            return f"客户{customer}没有可以判断情绪的留言。"
        text = f"客户{customer}最近{sum(c.values())}条留言中，正面{c['positive']}条，中性{c['neutral']}条，负面{c['negative']}条。"
        return (
            text
            + f"最新一条（{newest[0]['at']}，{ZH._channel.get(newest[0]['channel'], '')}）为{ZH._mood[newest[0]['sentiment']]}。"
        )

    @staticmethod
    def offers(customer: str, data: Row) -> str:
        if not data["offers"]:
            return f"目前不能向客户{customer}提供任何优惠：{'；'.join(data['against']) or '没有有效的优惠'}。"
        first = data["offers"][0]
        text = f"最适合客户{customer}的优惠：{first['name']}（{first['id']}）：{first['terms']}"
        if (first.get("expected") or {}).get("value", 1.0) <= 0:
            text = f"目前向客户{customer}提供任何优惠都不划算；亏损最少的是：{first['name']}（{first['id']}）：{first['terms']}"
        if first.get("valid_to"):
            text += f"有效期至{first['valid_to']}。"
        if first.get("reasons"):
            text += f"理由：{'；'.join(first['reasons'])}。"
        if len(data["offers"]) > 1:
            text += (
                "也可以选择："
                + "、".join(f"{o['name']}（{o['id']}{_worth(o)}）" for o in data["offers"][1:3])
                + "。"
            )
        return text

    @staticmethod
    def actions(customer: str, data: Sequence[Row]) -> str:
        if not data:
            return f"客户{customer}没有待处理事项，无需行动。"
        return f"客户{customer}的下一步：" + "".join(
            f"{i}. {a['text'].rstrip('。')}{'，原因：' + a['why'] if a.get('why') else ''}。"
            for i, a in enumerate(data, start=1)
        )

    @staticmethod
    def customer_list(data: Row) -> str:
        what = data["filter_zh"]
        if not data["count"]:
            return f"没有{what}客户。"
        text = f"共有{data['count']}位{what}客户。"
        if data["customers"]:
            text += f"前{len(data['customers'])}位：" if data["count"] > len(data["customers"]) else ""
            text += "；".join(
                f"{c['id']}" + (f" {c['name']}" if c.get("name") else "") + (f"（{'，'.join(c['facts_zh'])}）" if c.get("facts_zh") else "")
                for c in data["customers"]
            ) + "。"  # fmt: skip
        return text

    unknown = "我不知道：在我可以使用的文章和记录中没有找到相关内容。"
    unknown_next_agent = "请指明客户或订单，或者补充一篇相关文章。"
    unknown_next_customer = "需要我把您的问题转给同事吗？"
    which_customer = "您指的是哪位客户？请提供客户编号、邮箱或全名。"
    sign_in = "要查询您的账户，我需要先确认您的身份：请先登录，或在这里输入账户的邮箱地址，我会发送验证码。"
    refused = "抱歉，这些信息我不能提供。我可以帮您处理自己的账户、订单以及我们的产品和服务问题。"
    out_of_scope = "我只能回答与{company}有关的问题：您的订单、订阅、产品和服务。"
    out_of_scope_agent = "这超出了我的范围：我只根据客户记录和{company}的文章回答。"
    greeting = "您好！我是{company}的助手，请问有什么可以帮您？"
    thanks = "不客气！还有什么可以帮您的吗？"
    handed_off = "我正在把您的问题转给同事，同事会在这里回复您。之前的对话会一并转交，您无需重复。"
    held = "同事正在处理这段对话，您的留言已转达。"
    change_note = "这项更改我无法自己完成。如果需要，请输入“转人工”，我会转给同事处理。"
    sign_in_first = "办理之前我需要先确认您的身份：请先登录，或在这里输入账户的邮箱地址，我会发送验证码。"
    code_sent = "如果该邮箱有对应的账户，六位数验证码已发送。请在10分钟内在这里输入。"
    code_wait = "请求验证码的次数过多，请15分钟后再试。"
    code_wrong = "验证码不正确或已过期。请重新输入邮箱地址，以获取新的验证码。"
    facts_wrong = "没有找到与这些信息相符的账户。请提供您的全名和邮编，或账户的邮箱地址。"
    code_right = "谢谢，已确认您的身份。请问有什么可以帮您？"
    not_done = "刚才请您确认的事项没有办理；如果需要，请重新提出。"
    empty = "请输入您的问题。"
