"""The message, read by code: language, records it speaks of, the period it means, and what is wanted.

References resolve against the record, never by the model. What is wanted is chosen by the router (embeddings and
words over the example sentences in ``prompts/intents.yaml``); only where it is unsure is the model asked to choose.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any, Protocol

from assistant.dialogue.events import Session, Understood
from assistant.dialogue.periods import period
from assistant.dialogue.plain import asks_for_part, counts_orders
from assistant.dialogue.records import asks_for_data_quality, asks_for_features
from assistant.dialogue.replies import asks_for_text
from assistant.dialogue.sales import asks_for_sales

_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ÿ]{2,}")
_TOKEN = re.compile(r"[\w.+@'’-]*\w", re.ASCII)
_FOLLOW_UP = re.compile(
    r"^\W*(and|so|but|ok|okay)?[\s,]*(why|how come|why is that|why so|what are the reasons|since when|explain|more|go on|"
    r"tell me more|what else|anything else|really|are you sure)\W*$"
    r"|^\W*(那)?(为什么|为何|原因是?什么|怎么会|还有呢|详细点?|继续|然后呢|真的吗)(呢|啊|吗)?\W*$",
    re.I,
)
_PRONOUN = re.compile(
    r"\b(he|she|him|her|his|hers|they|their|them|this (customer|account|client)|that (customer|account|client)|the (customer|account|client)|it|its)\b"
    r"|[他她它]|这(个|位)(客户|顾客|账户)|该(客户|顾客|账户)|此客户",
    re.I,
)

# how to put into words what was just found: "and how do I say it on the phone?"
_HOW_TO_SAY = re.compile(
    r"\bhow (?:do|should|can|could|would|shall) (?:i|we) (?:best )?(?:say|put|phrase|word|tell|explain|offer|write|present|bring)\b"
    r"|\bwhat (?:do|should|can|shall) (?:i|we) (?:say|tell|write)\b"
    r"|^\W*(?:and|ok|okay|so|now)?[\s,]*(?:on|over|by|in|as|via|for) (?:the |a |an )?(?:phone|call|e-?mail|chat|letter)\W*$"
    r"|(?:怎么|如何|该怎么|怎样)(?:跟|对|和|向|用)?(?:他|她|客户|对方)?(?:[^，。？]{0,6})(?:说|讲|写|表达|开口)|话术|^\W*(?:那|那么)?(?:打)?(?:电话|邮件|聊天)(?:里|上|中)?(?:呢|怎么说)\W*$",
    re.I,
)
SAYABLE = ("negotiate", "offer")  # what has words for the customer, by phone, chat and e-mail
# Where one's own order is can't be said without knowing whose it is, whatever an article says of orders.
_OWN_PARCEL = re.compile(
    r"\b(where('s| is| are)|track|status of)\b.{0,12}\bmy\b.{0,12}\b(orders?|parcels?|packages?|deliver(y|ies)|coffee)\b"
    r"|我的?(订单|包裹|快递|咖啡|货).{0,4}(到哪|在哪|哪里|哪儿|到了)",
    re.I,
)
# an order spoken of before
MEANT_ORDER = re.compile(r"\b(it|that order|this order)\b|(这|那)个?(订单|单)", re.I)
# a question without an account that an article fits this well is one for the articles
IN_AN_ARTICLE = 0.6


_WHAT_ARE_YOU = re.compile(
    r"\bare (?:you|u) (?:really |actually |just )?(?:an? )?(?:real |actual |live )?(?:human|person|bot|robot|machine|ai|computer|chatbot|program)\b"
    r"|\bam i (?:talking|speaking|chatting|writing) (?:to|with) (?:an? )?(?:real |actual |live )?(?:human|person|bot|robot|machine|ai|computer)\b"
    r"|[你您](?:是|到底是|究竟是)(?:不是)?(?:一个|个)?(?:真人|机器人|人工智能|人工|电脑|程序|AI)",
    re.I,
)
# a parcel that should be there: what to do then stands in the articles
MISSING = re.compile(
    r"\b(?:never|not|hasn't|hasnt|didn't|didnt|haven't|havent|still no\w*) (?:yet )?(?:arriv\w*|come|came|received|got|been delivered|show\w* up)\b"
    r"|\b(?:is|are|so|too|very) late\b|\blost\b|\bmissing\b|没(?:有)?(?:收到|到|送到)|未收到|丢了|丢失|迟到|还没来",
    re.I,
)


def asks_what_you_are(message: str) -> bool:
    """Whether somebody asks if this is a person or a program."""
    return bool(_WHAT_ARE_YOU.search(message))


def speaks_of_somebody(message: str) -> bool:
    """Whether a message means an account without naming it: "she", "this customer"."""
    return bool(_PRONOUN.search(message))


class Router(Protocol):
    """What ``assistant.insight.IntentModel`` offers."""

    def classify(self, texts: Sequence[str], *, allowed: Sequence[str] | None = None) -> list[Any]: ...


@dataclass(frozen=True)
class Memory:
    """What a conversation remembers from turn to turn; kept as JSON with the conversation."""

    intent: str | None = None
    customers: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    question: str | None = None
    history: tuple[tuple[str, str], ...] = field(default_factory=tuple)
    pending: dict[str, Any] | None = None  # an action that waits for a yes
    last_action: str | None = None  # what "undo" would take back
    just_done: bool = False  # the last message was the yes to it
    proved: str | None = None  # the customer that a visitor has proved to be, by a code
    proved_at: float = 0.0

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> "Memory":
        return cls(
            intent=value.get("intent"),
            customers=tuple(value.get("customers", ())),
            orders=tuple(value.get("orders", ())),
            products=tuple(value.get("products", ())),
            question=value.get("question"),
            history=tuple((q, a) for q, a in value.get("history", ())),
            pending=value.get("pending"),
            last_action=value.get("last_action"),
            just_done=bool(value.get("just_done")),
            proved=value.get("proved"),
            proved_at=float(value.get("proved_at", 0.0)),
        )

    def as_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "history": [list(pair) for pair in self.history]}

    def after(self, message: str, understood: Understood, answer: str) -> "Memory":
        """Memory for the next turn: the newest references win, the last three exchanges are kept."""
        return replace(
            self,
            intent=understood.intent,
            customers=understood.customers or self.customers,
            orders=understood.orders or self.orders,
            products=understood.products or self.products,
            question=message,
            history=(*self.history, (message, answer))[-3:],
        )


def language_of(text: str) -> str:
    """``zh`` when Chinese characters carry the message, else ``en``; a product name does not change it."""
    han, words = len(_HAN.findall(text)), len(_LATIN_WORD.findall(text))
    return "zh" if han and han >= words else "en"


@dataclass(frozen=True)
class References:
    customers: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Message:
    """What somebody wrote, read once: whoever asks again for its language or the records it names gets the same."""

    text: str
    store: Any = field(repr=False, compare=False)

    @cached_property
    def language(self) -> str:
        return language_of(self.text)

    @cached_property
    def found(self) -> References:
        return references(self.store, self.text)


def references(store: Any, message: str) -> References:
    """Customers, orders and products named in ``message``, by id, e-mail or full name.

    ``unknown`` holds what has the shape of one of the company's ids but is in no table.
    """
    words = (re.sub(r"['’]s?$", "", t) for t in _TOKEN.findall(message))
    tokens = list(dict.fromkeys(t for t in words if any(c.isdigit() for c in t) or "@" in t))
    customers: list[str] = []
    orders: list[str] = []
    products: list[str] = []
    unknown: list[str] = []
    customer_shape, order_shape = _id_shape(store, "customers"), _id_shape(store, "orders")
    for token in tokens:
        if "@" in token:
            owners = [c["id"] for c in store.find_customers(token.strip("."))]
            customers += owners
            if not owners:
                unknown.append(token)
            continue
        for form in dict.fromkeys((token, token.upper(), f"#{token.upper()}")):  # shops write #1001
            if row := store.customer(form):
                customers.append(row["id"])
            elif row := store.order(form):
                orders.append(row["id"])
            elif row := store.product(form):
                products.append(row["id"])
            elif store.subscription(form) or store.interaction(form):
                pass
            else:
                continue
            break
        else:
            if order_shape and order_shape.fullmatch(token.upper()):
                orders.append(token.upper())  # whether there is such an order is the tool's to say, or not to
            elif customer_shape and customer_shape.fullmatch(token.upper()):
                unknown.append(token)
    if not customers:
        customers += _named_customers(store, message)
    products += _named_products(store, message)
    return References(*(tuple(dict.fromkeys(x)) for x in (customers, orders, products, unknown)))


def _id_shape(store: Any, table: str) -> re.Pattern[str] | None:
    """A pattern of the company's own ids, when they have letters and digits: C-1042 -> C-\\d{2,6}."""
    example = (store.example_id(table) or "").upper()
    if not (any(c.isalpha() for c in example) and any(c.isdigit() for c in example)):
        return None
    runs = re.findall(r"\d+|\D+", example)
    return re.compile(
        "".join(rf"\d{{{max(1, len(r) - 2)},{len(r) + 2}}}" if r.isdigit() else re.escape(r) for r in runs)
    )


def _named_customers(store: Any, message: str) -> list[str]:
    """Customers whose full name stands in the message (two to four words, or two to four characters)."""
    words = re.findall(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ'’-]*", message)
    words = [re.sub(r"['’]s$", "", w) for w in words]
    han = re.findall(r"[\u3400-\u9fff]+", message)
    candidates = [" ".join(words[i : i + n]) for n in (4, 3, 2) for i in range(len(words) - n + 1)]
    candidates += [run[i : i + n] for run in han for n in (4, 3, 2) for i in range(len(run) - n + 1)]
    found: list[str] = []
    for candidate in dict.fromkeys(candidates):
        rows = store.find_customers(candidate)
        if rows and len(rows) <= 3:
            found += [row["id"] for row in rows]
            break
    return found


def _named_products(store: Any, message: str) -> list[str]:
    """Products whose name, in either language, stands in the message; the longest names first."""
    text = " ".join(message.lower().split())
    found = []
    for row in sorted(store.products(active=None), key=lambda r: -len(r["name"])):
        names = [n.lower() for n in (row["name"], row.get("name_zh")) if n and len(n) > 2]
        for name in names:
            if re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", text):
                found.append(row["id"])
                text = text.replace(name, " ")
                break
    return found[:5]


_MANY = re.compile(
    r"\b(?:which|what|how many|list|show|number of|count|top \d+|all)\b[^.?!]*\b(?:customers|clients|subscribers|accounts)\b|\b(?:how many|number of) (?:people|buyers)\b"
    r"|(?:哪些|哪几个|多少|几)[位个名]?[^，。？]*(?:客户|顾客|订户)|(?:列出|显示)[^，。？]*(?:客户|顾客|订户)",
    re.I,
)


def asks_for_many(message: str) -> bool:
    """Whether a message asks which or how many customers.

    >>> asks_for_many("How many gold customers do we have?"), asks_for_many("How many orders has the customer?")
    (True, False)
    """
    return bool(_MANY.search(message))


# what colleagues ask in words that leave nothing open; as intents for the router these two took from their neighbours
_LOWER = re.compile(
    r"\b(?:lower|reduce|decrease|bring down|push down|cut)\w*\b.{0,40}\b(?:risk|churn|probability|chance)\b"
    r"|\b(?:risk|churn|probability|chance)\b.{0,40}\b(?:lower|drop|decrease|go down|fall)\w*\b"
    r"|(?:降低|减少|压低|压下).{0,12}(?:风险|流失|概率)|(?:风险|流失|概率).{0,12}(?:降低|下降|变低|压下去)",
    re.I,
)
_MODELS = re.compile(
    r"\b(?:churn|attrition|forecast\w*|recommend\w*|segment\w*|sentiment|intent|lifetime(?: value)?|predicti\w+|scorecard|trained)\s+(?:models?|classifier)\b"
    r"|\bmodels?\b.{0,40}\b(?:re)?train|\b(?:re)?train\w*\b.{0,40}\bmodels?\b|\b(?:our|the) models\b"
    r"|(?:流失|预测|推荐|分群|情绪|意图|评分卡|价值).{0,4}模型|模型.{0,12}(?:训练|准|可靠|可信|公平|过时|最新|版本|质量|指标)|(?:训练|质量|指标).{0,8}模型",
    re.I,
)


# intents about what somebody will buy, and the words without which nobody asks for that
AHEAD = ("lifetime", "forecast")
NOT_MEANT = 0.3
# how sure the words themselves are, where the router isn't
PLAIN = 0.7
_BUYS = re.compile(
    r"order|buy|bought|purchas|spen[dt]|worth|value|revenue|money|bring|sales|turnover|\b(?:clv|ltv)\b|bg/nbd|active|alive|gone"
    r"|下单|订单|(?:多少|几|一)单|订购|买|花|消费|价值|值多少|收入|贡献|带来|销售",
    re.I,
)


def _of_company(message: str, found: References, account: bool) -> bool:
    somebody = found.customers or found.orders or found.unknown or speaks_of_somebody(message)
    return not somebody and asks_for_sales(message, account=account)


def asks_plainly(message: str, found: References) -> str | None:
    """``lower_risk``, ``features``, ``models`` or ``data_quality`` where a colleague's message asks for that in so many words.

    >>> asks_plainly("How could we lower her risk?", References()), asks_plainly("How can we reduce churn?", References())
    ('lower_risk', None)
    """
    somebody = bool(found.customers or _PRONOUN.search(message))
    if asks_for_text(message):
        return "reply_draft"
    if asks_for_features(message):
        return "features"
    if somebody:
        return "lower_risk" if _LOWER.search(message) else None
    if asks_for_data_quality(message):
        return "data_quality"
    return "models" if _MODELS.search(message) and not found.orders else None


def asks_for_count(said: Message) -> bool:
    """Whether a message asks only how many orders one account has, or had in a period."""
    if len(said.found.customers) > 1 or said.found.orders or said.found.products or said.found.unknown:
        return False
    names = [str((said.store.customer(c) or {}).get("name") or c) for c in said.found.customers]
    return counts_orders(said.text, [*said.found.customers, *names])


def understand(
    said: Message,
    *,
    session: Session,
    memory: Memory,
    router: Router,
    sentiment: Callable[[Message], str],
    choose: Callable[[Message, Sequence[str]], tuple[str, float]] | None,
    articles: Callable[[Message], float] | None = None,
    intents: Sequence[str],
    today: date,
) -> Understood:
    """Read one message. ``intents`` are those this role may have; ``articles`` says how well the best
    article fits (0..1) and ``choose`` asks the model; both only where the router is unsure."""
    message, store, found = said.text, said.store, said.found
    since, until = period(message, today)
    by = "router"
    nobodys = not (session.is_staff or session.customer or found.orders)
    if (_FOLLOW_UP.match(message) and memory.intent in intents) or (
        memory.intent in SAYABLE
        and memory.intent in intents
        and set(found.customers) <= set(memory.customers)
        and _HOW_TO_SAY.search(message)
    ):
        intent, confidence, by = str(memory.intent), 1.0, "memory"
    elif nobodys and _OWN_PARCEL.search(message):
        intent, confidence, by = "order_history", 1.0, "rule"
    else:
        label = router.classify([message], allowed=list(intents))[0]
        intent, confidence = label.label, float(label.scores.get(label.label, 0.0))
        many = session.is_staff and not (found.customers or found.orders) and asks_for_many(message)
        bare = not re.search(r"\w", _strip_references(store, message, found))
        account = bool(found.customers or memory.customers or session.customer)
        if bare and found.customers and memory.intent in intents:
            intent, confidence, by = str(memory.intent), 1.0, "memory"
        elif account and "order_history" in intents and asks_for_count(said):
            intent, confidence, by = "order_history", 1.0, "rule"
        elif session.is_staff and (plain := asks_plainly(message, found)):
            intent, confidence, by = plain, 1.0, "rule"
        elif session.is_staff and not many and _of_company(message, found, account):
            intent, confidence, by = "sales", 1.0, "rule"
        elif many and "list_customers" in intents:
            intent, confidence, by = "list_customers", 1.0, "rule"
        elif session.is_staff and account and intent in AHEAD and not _BUYS.search(message):
            # "what is he opening next year": of what is to come, but not of what he will buy
            by, confidence = "unsure", min(confidence, NOT_MEANT)
        elif not label.sure and session.is_staff and account and (part := asks_for_part(message, intent)):
            # what was said of it is looked up, too, after the record (see plan)
            intent, confidence, by = part, max(confidence, PLAIN), "rule"
        elif not label.sure and session.is_staff and account:
            # anything may be asked about an account: what was said in it is searched as well (see plan)
            by = "unsure"
        elif not label.sure and session.role == "customer" and _waits_for_order(said, session, label):
            intent, confidence = "order_status", float(label.scores["order_status"])
        elif not label.sure and articles is not None and not account and articles(said) >= IN_AN_ARTICLE:
            intent, by = "policy", "articles"
        elif not label.sure and choose is not None:
            best = [
                name for name, _ in sorted(label.scores.items(), key=lambda x: -x[1])[:4] if name in intents
            ]
            if len(best) > 1:
                intent, confidence = choose(said, best)
                by = "model"
    others = tuple(c for c in (*found.customers, *found.unknown) if c != session.customer)
    if session.role == "customer" and others and "forbidden" in intents:
        intent, confidence, by = "forbidden", 1.0, "rule"  # whoever else it is, and whether they exist
    customers = found.customers
    if not session.is_staff:
        customers = (session.customer,) if session.customer else ()
    elif not customers and not found.unknown:
        orders_owner = tuple(o["customer_id"] for o in (store.order(x) for x in found.orders) if o)
        customers = orders_owner[:1] or _remembered(message, memory, session, intent)
    orders = found.orders or (memory.orders if MEANT_ORDER.search(message) else ())
    return Understood(
        language=said.language,
        intent=intent,
        confidence=round(confidence, 4),
        sentiment=sentiment(said),
        customers=customers,
        orders=orders,
        products=found.products,
        since=since.isoformat() if since else None,
        until=until.isoformat() if until else None,
        unknown=found.unknown if session.is_staff else (),
        routed_by=by,
    )


def _waits_for_order(said: Message, session: Session, label: Any) -> bool:
    """Whether a customer who has an order on its way may mean that one: it is among the likeliest two."""
    likeliest = sorted(label.scores, key=lambda name: -label.scores[name])[:2]
    if "order_status" not in likeliest:
        return False
    newest = said.store.orders(session.customer, limit=1)
    return bool(newest) and newest[0]["status"] in ("placed", "shipped")


GENERAL = (
    "policy",
    "list_customers",
    "unusual_orders",
    "forecast",
    "sales",
    "models",
    "data_quality",
    "greeting_thanks",
    "out_of_scope",
    "human",
)


def _remembered(message: str, memory: Memory, session: Session, intent: str) -> tuple[str, ...]:
    """The account an agent means without naming it: a pronoun or an account question after one was named."""
    if _PRONOUN.search(message) or intent not in GENERAL:
        if memory.customers:
            return memory.customers[:1]
        return (session.customer,) if session.customer else ()
    return ()


def _strip_references(store: Any, message: str, found: References) -> str:
    text = message
    names = [str((store.customer(c) or {}).get("name") or c) for c in found.customers]
    for reference in (*found.customers, *found.orders, *names):
        text = re.sub(re.escape(reference) + r"(['’]s)?", " ", text, flags=re.I)
    return re.sub(r"\b(and|what|how|about|for|the|customer)\b|那|呢|客户", " ", text, flags=re.I)
