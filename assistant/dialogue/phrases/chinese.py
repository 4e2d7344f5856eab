"""Chinese (simplified)."""

import re
from collections.abc import Sequence
from datetime import date
from typing import ClassVar

from assistant.dialogue.phrases.english import EN
from assistant.dialogue.phrases.figures import Row, attributes, money, number, short, spent, worth


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
                f"共{len(orders)}个订单，累计消费{spent(orders)}，最近一次在{orders[0]['ordered_at'][:10]}。"
            )
        facts += [f"{k}：{v}。" for k, v in attributes(row)]
        return text + "。" + "".join(facts)

    @staticmethod
    def orders_summary(customer: str, rows: Sequence[Row], since: date | None, until: date | None) -> str:
        span = f"在{since}至{until}期间" if since and until else ""
        if not rows:
            return f"客户{customer}{span}没有订单。"
        kept = [r for r in rows if r.get("status") not in ("cancelled", "returned")]
        text = f"客户{customer}{span}共有{len(rows)}个订单，总金额{money(sum(r.get('total') or 0 for r in kept), rows[0].get('currency'))}。"
        if kept:
            mean = sum(r.get("total") or 0 for r in kept) / len(kept)
            text += f"平均每单{money(mean, rows[0].get('currency'))}。"
        text += "最近一个" + ZH.order(rows[0])
        if len(rows) > 1:
            text += f"第一个订单在{rows[-1]['ordered_at'][:10]}。"
        off = len(rows) - len(kept)
        return text + (f"其中{off}个已取消或退货（不计入总金额）。" if off else "")

    @staticmethod
    def order(row: Row) -> str:
        lines = "、".join(
            f"{line.get('product') or line.get('product_id')} {number(line['quantity'])}件"
            for line in row.get("lines", ())[:12]
        )
        text = f"订单{row['id']}，下单日期{row['ordered_at'][:10]}，状态：{ZH._status.get(row.get('status') or 'placed', row.get('status'))}"
        if row.get("delivered_at"):
            text += f"，送达日期{row['delivered_at'][:10]}"
        text += f"，总金额{money(row.get('total'), row.get('currency'))}。"
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
                text += f"，每{ZH._interval.get(r.get('interval') or 'month', '月')}{money(r['price'], r.get('currency'))}"
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
            text += f"，价格{money(row['price'], row.get('currency'))}"
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
            f"客户{row['id']}共消费{money(data['revenue'], c)}，{data['orders']}个订单，平均每单{money(data['average_order'], c)}，"
            f"最近12个月消费{money(data['revenue_12_months'], c)}。"
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
        return f"{who}（{row['at'][:10]}，{channel}）：{subject}{short(row['text'], limit, around)}"

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
            f"{i}. {r['name']}（{r['product']}" + (f"，{money(r['price'], r['currency'])}" if r.get("price") else "") + "）"
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
                + "、".join(f"{o['name']}（{o['id']}{worth(o)}）" for o in data["offers"][1:3])
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
    def to_customer(line: str) -> str:
        """A line about a customer, said to that customer."""
        return re.sub(r"客户[A-Za-z0-9_-]+", "您", line, count=1)

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
    sorry = "非常抱歉给您带来了不便。"
    closest_said = "这一点我不确定。最接近的记录是："
    closest = "这一点我不确定。最接近的内容在文章《{title}》里："
    what_i_am = "我是{company}的智能助手，是电脑程序，不是真人。如需真人服务，请输入“转人工”。"
    offer_person = "如果您希望由同事处理，请输入“转人工”。"
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
