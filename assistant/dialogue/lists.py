"""Questions about many customers, answered by a fixed set of fields: read-only, parameterised, never free SQL."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from itertools import takewhile
from typing import Any

from assistant.dialogue.facts import MONTHS
from assistant.dialogue.periods import period

COMPLAINTS: Mapping[str, tuple[str, ...]] = {
    "price": ("price", "expensive", "costs", "increase", "贵", "价格", "涨价", "费用"),
    "delivery": (
        "late",
        "delivery",
        "parcel",
        "shipping",
        "arrive",
        "strike",
        "配送",
        "快递",
        "包裹",
        "送到",
        "没收到",
        "迟",
    ),
    "quality": (
        "broken",
        "stale",
        "flat",
        "leak",
        "defect",
        "faulty",
        "uneven",
        "burnt",
        "坏",
        "漏水",
        "质量",
        "不新鲜",
        "味道",
    ),
    "service": (
        "rude",
        "no reply",
        "nobody",
        "waiting for an answer",
        "unanswered",
        "态度",
        "没人",
        "没有回复",
        "客服",
    ),
}
_ASKED: Mapping[str, re.Pattern[str]] = {
    "price": re.compile(r"price|expensive|cost|价格|涨价|贵", re.I),
    "delivery": re.compile(r"deliver|shipping|parcel|late|配送|快递|物流|包裹", re.I),
    "quality": re.compile(r"quality|broken|defect|fault|taste|质量|坏|味道", re.I),
    "service": re.compile(r"service|support|staff|服务|客服|态度", re.I),
}


def read_filter(store: Any, message: str, today: date) -> dict[str, Any]:
    """The filter a message asks for, from words that occur in the record: tiers, plans, countries, and a few others."""
    text = message.lower()
    wanted: dict[str, Any] = {}
    for name, column, table in (
        ("tier", "tier", "customers"),
        ("country", "country", "customers"),
        ("plan", "plan", "subscriptions"),
    ):
        for value in store.frame(
            f"SELECT DISTINCT {column} AS v FROM {table} WHERE {column} IS NOT NULL LIMIT 200"
        )["v"]:
            # a country's code is a word of its own in English ("at", "be"): only its names count
            own = () if len(str(value)) <= 2 else (str(value),)
            forms = (*own, *_OTHER_WORDS.get(str(value).lower(), ()))
            if any(re.search(rf"(?<![a-z]){re.escape(f.lower())}(?![a-z])", text) for f in forms):
                wanted[name] = str(value)
    if "country" not in wanted:
        wanted["city"] = _place(store, message, wanted)
    if re.search(r"subscribers|with (?:a |an active )?subscription|订阅(?:的)?(?:客户|用户)|订户", text):
        wanted["status"] = "active"
    if re.search(r"\bpaused\b|暂停", text):
        wanted["status"] = "paused"
    elif re.search(r"cancel+ed (their|the)? ?subscription|取消了?订阅", text):
        wanted["status"] = "cancelled"
    if re.search(r"chinese|中文|华人", text):
        wanted["language"] = "zh"
    if re.search(r"complain|unhappy|angry|投诉|抱怨|不满", text):
        wanted["complaint"] = next((k for k, p in _ASKED.items() if p.search(text)), "any")
        wanted["since"], wanted["until"] = period(message, today)
    if re.search(
        r"high[- ]risk|at (high )?risk|likely to (leave|churn|cancel|go|quit)|(leave|churn|lose) soon|about to (leave|churn)|高风险|可能流失|会流失|要流失|流失风险",
        text,
    ):
        wanted["sort"] = "risk"
        if re.search(r"high|likely|高|how many|多少|几", text) and not re.search(
            r"most likely|highest|top|最", text
        ):
            wanted["risk"] = "high"
    elif re.search(
        r"spen[dt]|revenue|best customers|biggest|most valuable|消费|花.*最多|最大|最有价值", text
    ):
        wanted["sort"] = "spend"
    elif re.search(r"newest|joined|new customers|新客户|最近加入", text):
        wanted["sort"] = "joined"
        wanted["joined_since"], wanted["joined_until"] = period(message, today)
    elif re.search(
        r"(?:not|n't|never|no) (?:\w+ )?(?:order|buy|bought)|inactive|long(est)? ago|stopped (?:ordering|buying)|(?:没有?|未)(?:再)?(?:下过?单|订购|购买|买)",
        text,
    ):
        wanted["sort"] = "last_order"
        wanted["quiet_since"] = _quiet_since(message, today)
    elif "complaint" in wanted:
        wanted["sort"] = "complaints"
    if re.search(r"how many|number of|\bcount\b|多少|几位|几个|数量", text):
        wanted["count_only"] = not re.search(r"who|which|list|哪些|哪几|列出", text)
    words = {"three": 3, "five": 5, "ten": 10, "twenty": 20, "三": 3, "五": 5, "十": 10}
    if m := re.search(
        r"(?:top|first|list|show|the|前|最[^\d]{0,8})\s*(\d{1,2}|three|five|ten|twenty|三|五|十)(?![\d-])|(\d{1,2}|三|五|十)\s*(?:位|个(?!月)|名|customers)",
        text,
    ):
        found = m[1] or m[2]
        wanted["limit"] = min(50, max(1, int(found) if found.isdigit() else words[found]))
    return {k: v for k, v in wanted.items() if v is not None}


_PLACE = re.compile(r"\b(?:in|from|near|around)\s+((?:[A-ZÀ-Þa-zà-ÿ][\w'’.-]*\s*){1,3})")
_LENGTH = re.compile(
    r"(?:\d{1,3}|an?|two|three|four|five|six|twelve|[一两二三四五六]|十二?)\s*个?\s*(?:days?|weeks?|months?|years?|天|周|月|年)",
    re.I,
)


def _place(store: Any, message: str, wanted: Mapping[str, Any]) -> str | None:
    """The town a message names, by a value of the record; one with a capital that the record doesn't know as it stands."""
    known = {str(v).lower() for v in wanted.values() if isinstance(v, str)} | set(MONTHS)
    for found in _PLACE.findall(message):
        words = found.split()
        for n in range(len(words), 0, -1):
            place = " ".join(words[:n]).strip(" .,?!")
            rows = store.frame("SELECT city FROM customers WHERE city = ? COLLATE NOCASE LIMIT 1", [place])
            if len(rows):
                return str(rows["city"][0])
        place = " ".join(takewhile(lambda w: w[:1].isupper(), words)).strip(" .,?!")
        if place and place.lower() not in known and not re.search(r"chinese|english", place, re.I):
            return place
    return None


def _quiet_since(message: str, today: date) -> date | None:
    """The day since which somebody asked about has not ordered: "in three months", "since June", "三个月没下单"."""
    since, until = period(message, today)
    if since is None and (length := _LENGTH.search(message)):
        since, until = period(f"last {length[0]}", today)
        if re.match(r"an?\b", length[0]):
            since = period(re.sub(r"^an?\b", "last 1", length[0]), today)[0]
    return since if until == today else None


_OTHER_WORDS: Mapping[str, tuple[str, ...]] = {
    "gold": ("金卡", "金牌", "黄金"),
    "silver": ("银卡", "银牌", "白银"),
    "taster": ("尝鲜",),
    "home": ("居家",),
    "enthusiast": ("发烧友",),
    "office": ("办公室",),
    "de": ("germany", "german", "德国"),
    "nl": ("netherlands", "dutch", "holland", "荷兰"),
    "ie": ("ireland", "irish", "爱尔兰"),
    "fr": ("france", "french", "法国"),
    "at": ("austria", "austrian", "奥地利"),
    "be": ("belgium", "belgian", "比利时"),
    "germany": ("德国",),
    "netherlands": ("荷兰",),
    "france": ("法国",),
    "united kingdom": ("uk", "britain", "英国"),
}


def find(store: Any, wanted: Any, predictions: Mapping[str, Any]) -> dict[str, Any]:
    """Customers that fit ``wanted`` (a ListArgs), sorted, with the facts asked about, and how many there are."""
    where, params = ["1"], []
    for column in ("tier", "country", "city", "language"):
        if value := getattr(wanted, column):
            where.append(f"c.{column} = ? COLLATE NOCASE")
            params.append(value)
    if wanted.joined_since and wanted.joined_until:
        where.append("c.joined_on BETWEEN ? AND ?")
        params += [wanted.joined_since.isoformat(), wanted.joined_until.isoformat()]
    if wanted.quiet_since:
        where.append("NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.ordered_at >= ?)")
        params.append(wanted.quiet_since.isoformat())
    if wanted.plan or wanted.status:
        where.append(
            "EXISTS (SELECT 1 FROM subscriptions s WHERE s.customer_id = c.id"
            + (" AND s.plan = ? COLLATE NOCASE" if wanted.plan else "")
            + (" AND s.status = ?)" if wanted.status else " AND s.status != 'cancelled')")
        )
        params += [v for v in (wanted.plan, wanted.status) if v]
    frame = store.frame(
        "SELECT c.id, c.name, c.joined_on, c.churned,"
        " (SELECT coalesce(sum(o.total), 0) FROM orders o WHERE o.customer_id = c.id"
        "  AND coalesce(o.status, '') NOT IN ('cancelled', 'returned')) AS spend,"
        " (SELECT max(o.ordered_at) FROM orders o WHERE o.customer_id = c.id) AS last_order"
        f" FROM customers c WHERE {' AND '.join(where)}",
        params,
    )
    # a missing value comes as NaN, which is not equal to itself
    rows: list[dict[str, Any]] = [
        {k: v if v == v else None for k, v in r.items()} for r in frame.to_dict("records")
    ]
    since = wanted.since or (store.as_of - timedelta(days=90) if wanted.complaint else None)
    if wanted.complaint:
        counts = _complaints(store, wanted.complaint, since, wanted.until)
        rows = [r | {"complaints": counts[r["id"]]} for r in rows if counts.get(r["id"])]
    if wanted.sort == "risk" or wanted.risk:
        for r in rows:
            p = predictions.get(r["id"])
            r["risk"], r["band"] = (p.probability, p.band) if p else (None, None)
        if wanted.risk:
            rows = [r for r in rows if r["band"] == wanted.risk]
    keys = {
        "risk": lambda r: -(r.get("risk") or 0),
        "spend": lambda r: -r["spend"],
        "last_order": lambda r: r["last_order"] or "",
        "complaints": lambda r: -r.get("complaints", 0),
        "joined": lambda r: tuple(-ord(c) for c in (r["joined_on"] or "")),
    }
    rows.sort(key=lambda r: (keys.get(wanted.sort, keys["risk"])(r), r["id"]))
    shown = [] if wanted.count_only else rows[: wanted.limit]
    customers = []
    for r in shown:
        en, zh = [], []
        if r.get("risk") is not None:
            en.append(f"{round(100 * r['risk'])}% risk")
            zh.append(f"流失风险{round(100 * r['risk'])}%")
        if wanted.sort == "spend":
            en.append(f"{r['spend']:.2f} spent")
            zh.append(f"消费{r['spend']:.2f}")
        if wanted.sort == "last_order" and r["last_order"]:
            en.append(f"last order {r['last_order'][:10]}")
            zh.append(f"最近订单{r['last_order'][:10]}")
        if wanted.sort == "joined" and r["joined_on"]:
            en.append(f"since {r['joined_on']}")
            zh.append(f"始于{r['joined_on']}")
        if r.get("complaints"):
            en.append(f"{r['complaints']} complaints")
            zh.append(f"{r['complaints']}次投诉")
        customers.append({"id": r["id"], "name": r["name"], "facts_en": en, "facts_zh": zh})
    filter_en, filter_zh = _described(wanted, since)
    return {"count": len(rows), "customers": customers, "filter_en": filter_en, "filter_zh": filter_zh}


def _complaints(store: Any, topic: str, since: date | None, until: date | None) -> dict[str, int]:
    """How often each customer's own words mention a topic's words together with a low mood's channel, since a day."""
    words = [w for k, ws in COMPLAINTS.items() if topic in ("any", k) for w in ws]
    clause = " OR ".join("text LIKE ?" for _ in words)
    frame = store.frame(
        "SELECT customer_id, count(*) AS n FROM interactions WHERE author = 'customer' AND at >= ? AND at < ?"
        " AND (channel != 'review' OR coalesce(rating, 1) <= 2)"
        f" AND ({clause}) GROUP BY customer_id",
        [
            since.isoformat() if since else "",
            (until + timedelta(days=1)).isoformat() if until else "9999",
            *(f"%{w}%" for w in words),
        ],
    )
    return dict(zip(frame["customer_id"], frame["n"], strict=True))


def _described(wanted: Any, since: date | None) -> tuple[str, str]:
    en, zh = "", ""
    if wanted.tier:
        en, zh = f"{en} with tier {wanted.tier}", f"{zh}{wanted.tier}等级的"
    if wanted.plan:
        en, zh = f"{en} on plan {wanted.plan}", f"{zh}订阅{wanted.plan}的"
    if wanted.status:
        en, zh = f"{en} whose subscription is {wanted.status}", f"{zh}订阅状态为{wanted.status}的"
    if wanted.country:
        en, zh = f"{en} in {wanted.country}", f"{zh}{wanted.country}的"
    if wanted.city:
        en, zh = f"{en} in {wanted.city}", f"{zh}{wanted.city}的"
    if wanted.joined_since and wanted.joined_until:
        en = f"{en} who joined from {wanted.joined_since} to {wanted.joined_until}"
        zh = f"{zh}{wanted.joined_since}至{wanted.joined_until}加入的"
    if wanted.quiet_since:
        en, zh = (
            f"{en} without an order since {wanted.quiet_since}",
            f"{zh}自{wanted.quiet_since}以来没有下单的",
        )
    if wanted.language == "zh":
        en, zh = f"{en} who write Chinese", f"{zh}使用中文的"
    if wanted.complaint:
        topic = "" if wanted.complaint == "any" else f" about {wanted.complaint}"
        zh_topic = {"price": "价格", "delivery": "配送", "quality": "质量", "service": "服务"}.get(
            wanted.complaint, ""
        )
        en, zh = f"{en} who complained{topic} since {since}", f"{zh}自{since}以来投诉{zh_topic}的"
    if wanted.risk:
        en = f"{en} with {wanted.risk} churn risk"
        zh = f"{zh}{ {'low': '低', 'medium': '中', 'high': '高'}[wanted.risk] }流失风险的"
    return en, zh
