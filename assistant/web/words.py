"""What the customer's page says, in English and Chinese; and what each tool's work is called while it is done."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """One language."""

    language: str
    title: str
    empty_title: str
    empty_text: str
    placeholder: str
    box_label: str
    chat_label: str
    examples: tuple[str, ...]
    signed_examples: tuple[str, ...]
    person: str
    ask_person: str
    new: str
    visitor: str
    signed_in: str
    sign_in: str
    demo_note: str
    other: tuple[str, str]  # name and address of the page in the other language
    reading: str
    writing: str
    waiting: str
    stopped: str
    failed: str
    busy: str
    sources: str
    whole: str
    kinds: Mapping[str, str]
    doing: Mapping[str, str]
    queue: str
    queue_with: str
    colleague: str
    thanks: str
    sorry: str
    mail: str
    mailed: str
    mail_sign_in: str
    no_address: str
    too_often: str
    note: str  # what a message that comes up is headed by
    nothing_said: str


EN = Words(
    language="en",
    title="Help",
    empty_title="How can we help?",
    empty_text="Ask about orders, delivery, returns or products. A person is one click away.",
    placeholder="Write a message",
    box_label="Your message",
    chat_label="Conversation",
    examples=(
        "How long does delivery take?",
        "Can I return a machine I have used?",
        "How do I pause my subscription?",
    ),
    signed_examples=(
        "Where is my last order?",
        "When is my next delivery?",
        "Can I return a machine I have used?",
    ),
    person="Talk to a person",
    ask_person="I would like to talk to a person, please.",
    new="New conversation",
    visitor="Visitor",
    signed_in="Signed in as",
    sign_in="Switch",
    demo_note="Demo: choose who you are. On a real site, your shop signs customers in with a signed token.",
    other=("中文", "/zh/customer"),
    reading="Reading your message",
    writing="Writing an answer",
    waiting="{n} before you",
    stopped="Stopped.",
    failed="Sorry, that did not work here. Please try again, or talk to a person.",
    busy="Many people are asking at the moment. Please try again in a minute.",
    sources="Sources",
    whole="Open the whole text",
    kinds={
        "article": "article",
        "interaction": "conversation",
        "record": "your account",
        "prediction": "estimate",
        "policy": "policy",
    },
    doing={
        "search_knowledge": "Searching our articles",
        "orders": "Looking at your orders",
        "order_status": "Looking at your order",
        "subscription": "Looking at your subscription",
        "products": "Looking at the product",
        "customer_profile": "Looking at your account",
        "recommend": "Looking for what may suit you",
    },
    queue="You are in line for a person: number {n}. You can go on writing, they will read it.",
    queue_with="{name} is with you now.",
    colleague="Our team",
    thanks="Thank you.",
    sorry="Thank you, we will look at this answer.",
    mail="E-mail it to me",
    mailed="The conversation is on its way to {to}.",
    mail_sign_in="We only send it to customers. Write the e-mail address of your account here to sign in.",
    no_address="There is no e-mail address in your account. You can download the conversation.",
    too_often="That was a lot at once. Please try again in {n} seconds.",
    note="Note",
    nothing_said="Nothing has been said yet.",
)

ZH = Words(
    language="zh",
    title="帮助",
    empty_title="有什么可以帮您？",
    empty_text="可以询问订单、配送、退货或商品，也可以随时转接人工客服。",
    placeholder="输入消息",
    box_label="您的消息",
    chat_label="对话",
    examples=("配送需要多长时间？", "用过的机器可以退货吗？", "怎样暂停我的订阅？"),
    signed_examples=("我的上一笔订单到哪里了？", "我下一次配送是什么时候？", "用过的机器可以退货吗？"),
    person="转接人工客服",
    ask_person="请帮我转接人工客服。",
    new="新对话",
    visitor="访客",
    signed_in="当前身份：",
    sign_in="切换",
    demo_note="演示：选择您的身份。在真实网站上，由商店用签名令牌登录顾客。",
    other=("English", "/customer"),
    reading="正在阅读您的消息",
    writing="正在回答",
    waiting="前面还有 {n} 位",
    stopped="已停止。",
    failed="抱歉，这里出了问题。请再试一次，或转接人工客服。",
    busy="现在询问的人较多，请稍后再试。",
    sources="来源",
    whole="查看全文",
    kinds={
        "article": "文章",
        "interaction": "往来记录",
        "record": "您的账户",
        "prediction": "估计",
        "policy": "规定",
    },
    doing={
        "search_knowledge": "正在查找文章",
        "orders": "正在查看您的订单",
        "order_status": "正在查看您的订单",
        "subscription": "正在查看您的订阅",
        "products": "正在查看商品",
        "customer_profile": "正在查看您的账户",
        "recommend": "正在挑选适合您的商品",
    },
    queue="您正在排队等待人工客服：第 {n} 位。您可以继续留言，客服会看到。",
    queue_with="{name} 正在为您服务。",
    colleague="客服",
    thanks="谢谢。",
    sorry="谢谢，我们会检查这个回答。",
    mail="发送到我的邮箱",
    mailed="对话记录正在发送至 {to}。",
    mail_sign_in="对话记录只发送给顾客本人。请在这里输入账户的邮箱地址以登录。",
    no_address="您的账户没有邮箱地址，可以下载对话记录。",
    too_often="请求过于频繁，请在 {n} 秒后再试。",
    note="提示",
    nothing_said="还没有对话。",
)

STAFF_DOING: Mapping[str, str] = {
    "search_knowledge": "Searching the articles",
    "orders": "Reading the orders",
    "order_status": "Reading the order",
    "subscription": "Reading the subscription",
    "products": "Reading the product",
    "customer_profile": "Reading the profile",
    "contact_history": "Reading the conversations",
    "churn_risk": "Estimating the risk",
    "segment": "Finding the segment",
    "value": "Adding up the orders",
    "sentiment_trend": "Reading the mood",
    "recommend": "Choosing products",
    "eligible_offers": "Checking the offer policy",
    "next_action": "Finding what is open",
    "list_customers": "Going through the customers",
}

# the widget's panel says these too
PANEL: Mapping[str, Mapping[str, str]] = {
    "en": {
        "you": "You",
        "assistant": "Assistant",
        "greeting": "Hello! Ask about orders, delivery, returns or products. A person is one click away.",
        "quick": "Questions that others ask",
        "send": "Send",
        "stop": "Stop",
        "save": "Save the conversation",
        "close": "Close",
        "helpful": "Helpful",
        "not_helpful": "Not helpful",
        "comment": "What was wrong? (optional)",
        "expired": "You are not signed in any more. Reload the page.",
        "sign_in": "Sign in",
        "signed_in": "Signed in as {name}",
        "email": "E-mail address of your account",
        "send_code": "Send me a code",
        "code": "The six digits from the e-mail",
        "yes": "Yes",
        "no": "No",
        "undo": "Undo",
        "again": "Try again",
    },
    "zh": {
        "you": "您",
        "assistant": "助手",
        "greeting": "您好！可以询问订单、配送、退货或商品，也可以随时转接人工客服。",
        "quick": "常见问题",
        "send": "发送",
        "stop": "停止",
        "save": "保存对话",
        "close": "关闭",
        "helpful": "有帮助",
        "not_helpful": "没有帮助",
        "comment": "哪里不对？（可不填）",
        "expired": "登录已失效，请刷新页面。",
        "sign_in": "登录",
        "signed_in": "已登录：{name}",
        "email": "您账户的邮箱地址",
        "send_code": "发送验证码",
        "code": "邮件中的六位数字",
        "yes": "确认",
        "no": "不用",
        "undo": "撤销",
        "again": "重试",
    },
}
