"""What the company sold: counts, amounts and the best products of a period, beside those of another; for colleagues."""

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from assistant.crm.sales import Sales, best_products, sales_of
from assistant.dialogue.facts import MONTHS
from assistant.dialogue.outlook import read_group
from assistant.dialogue.periods import Span, period, span_ahead
from assistant.dialogue.phrases.figures import money, number
from assistant.dialogue.toolkit import ToolResult
from assistant.evidence import Evidence

if TYPE_CHECKING:
    from assistant.dialogue.tools import Toolbox

_THINGS = r"(?:orders?|revenue|sales|turnover|returns?|cancellations?|order values?)"
_GOODS = r"(?:products?|coffees?|items?|beans?|blends?|machines?|grinders?|teas?|articles?)"
_ASKED = re.compile(
    rf"\bhow (?:many|much)\b.{{0,30}}\b(?:{_THINGS}|(?:did|have|do) we (?:sell|sold|earn|make|made|take))\b"
    rf"|\b(?:average|mean|total|number of|our)\b.{{0,15}}\b{_THINGS}\b|\b{_THINGS}\b.{{0,40}}\b(?:compare\w*|vs|versus|than|against)\b"
    rf"|\b(?:compare)\b.{{0,40}}\b{_THINGS}\b"
    rf"|\b(?:which|what|whats|top|best)\b.{{0,20}}\b{_GOODS}\b.{{0,30}}\b(?:sold|sells?|selling|returned|cancel\w+|bought|ordered|popular|most|best)\b"
    rf"|\bbest[- ]?sell\w*|\b(?:most|top)[- ](?:sold|selling|returned|ordered|bought|popular)\b"
    r"|多少.{0,4}(?:订单|单|笔|销售额|营业额|收入|退货)|(?:订单|销售额|营业额|销量|收入|退货|取消).{0,14}(?:多少|几|比|相比|对比)|(?:比较|对比).{0,14}(?:订单|销售|营业额|收入)"
    r"|(?:哪|什么).{0,8}(?:产品|商品|咖啡|豆|茶).{0,10}(?:卖|退|销|畅|取消|买)|(?:卖|销|退|买)得?最.{0,6}(?:产品|商品|咖啡|豆|茶|款)|畅销|销量|平均(?:订单|每单|客单)|客单价",
    re.I,
)
# other questions about orders or products have tools of their own
_OTHER = re.compile(
    r"unusual|odd|strange|suspicious|stand out|outlier|anomal|forecast|expect|predict|margin|supplier|price of|异常|可疑|奇怪|预测|预计|利润",
    re.I,
)
_OURS = re.compile(r"\b(?:we|us|our|all|company|overall|in total)\b|我们|公司|全部|总共|整体", re.I)
_APART = re.compile(
    r"\b(?:compar\w+(?: to| with)?|vs\.?|versus|than|against)\b|相比|对比|比较|比|[和与跟]", re.I
)
_BESIDE = re.compile(r"\b(?:compar\w+|vs|versus|than|against)\b|比", re.I)
_PRODUCTS = re.compile(rf"\b{_GOODS}\b|best[- ]?sell|sold most|产品|商品|咖啡|豆|茶|畅销|款", re.I)


def asks_for_sales(message: str, *, account: bool) -> bool:
    """Whether a colleague asks what the company sold. Beside an open ``account`` only "we" or "our" says that.

    >>> asks_for_sales("How many orders did we have in May?", account=True), asks_for_sales("how many orders?", account=True)
    (True, False)
    """
    if not _ASKED.search(message) or _OTHER.search(message):
        return False
    if span_ahead(message, date(2000, 1, 1)) and re.search(r"next|coming|will|下个|未来|明年", message, re.I):
        return False
    return bool(not account or _OURS.search(message))


def read_sales(store: Any, message: str, today: date) -> dict[str, Any]:
    """The tool's arguments: one or two periods, what products are counted by, their group."""
    found: dict[str, Any] = {}
    spans: list[Span] = []
    for piece in _APART.split(message) if _BESIDE.search(message) else [message]:
        span = period(piece, today)
        if span == (None, None):
            named = next((n for n in MONTHS if n != "may" and re.search(rf"\b{n}\b", piece, re.I)), None)
            span = period(f"in {named}", today) if named else span
        if span != (None, None) and span not in spans:
            spans.append(span)
    if spans:
        found |= {"since": spans[0][0], "until": spans[0][1] or today}
    if len(spans) > 1:
        found |= {"other_since": spans[1][0], "other_until": spans[1][1] or today}
    elif _BESIDE.search(message) and spans and (first := spans[0][0]):
        before = first - timedelta(days=1)
        days = (found["until"] - first).days
        found |= {
            "other_since": before.replace(day=1) if first.day == 1 else before - timedelta(days=days),
            "other_until": before,
        }
    if re.search(r"\breturn|came back|退", message, re.I):
        found["counted"] = "returned"
    elif re.search(r"\bcancel|取消", message, re.I):
        found["counted"] = "cancelled"
    if _PRODUCTS.search(message):
        found["products"] = True
        group = read_group(store, message)
        found["category"] = None if group == "each" else group
    return {k: v for k, v in found.items() if v is not None}


def sales(
    box: "Toolbox",
    since: date | None = None,
    until: date | None = None,
    other_since: date | None = None,
    other_until: date | None = None,
    counted: str = "sold",
    products: bool = False,
    category: str | None = None,
) -> ToolResult:
    """How many orders a period had, what they came to, how many were cancelled or returned, and the best products."""
    store = box.store
    until = until or store.as_of
    since = since or until - timedelta(days=365)
    first = sales_of(store, since, until)
    found = [first, sales_of(store, other_since, other_until)] if other_since and other_until else [first]
    evidence = [_told(box, s) for s in found]
    if len(found) > 1:
        evidence.append(_beside(box, *found))
    best = best_products(store, since, until, counted, category) if products else []
    if products:
        evidence.insert(0, _best(box, best, first, counted, category))
    data = {
        "periods": [
            {"since": str(s.since), "until": str(s.until), "orders": s.orders, "cancelled": s.cancelled,
             "returned": s.returned, "customers": s.customers, "amounts": dict(s.amounts)}
            for s in found
        ],
        "products": best,
    }  # fmt: skip
    return ToolResult(data, evidence)


def _evidence(box: "Toolbox", name: str, text: str) -> Evidence:
    return Evidence(f"record:sales/{name}", "record", text, "sales", box.store.as_of.isoformat())


def _told(box: "Toolbox", s: Sales) -> Evidence:
    span = f"{s.since}/{s.until}"
    if not s.orders:
        return _evidence(
            box, span, box.t(f"No orders from {s.since} to {s.until}.", f"{s.since}至{s.until}没有订单。")
        )
    amounts = ", ".join(money(v, k or None) for k, v in s.amounts.items() if v or len(s.amounts) == 1)
    mean = (
        ", ".join(money(v / s.kept, k or None) for k, v in s.amounts.items())
        if len(s.amounts) == 1 and s.kept
        else ""
    )
    en = f"From {s.since} to {s.until}: {s.orders} orders by {s.customers} customers, {amounts}"
    en += f" ({mean} an order)" if mean else ""
    en += f"; {s.cancelled} cancelled and {s.returned} returned (not in the amount)."
    zh = f"{s.since}至{s.until}：{s.customers}位客户共{s.orders}个订单，金额{amounts}"
    zh += f"（平均每单{mean}）" if mean else ""
    zh += f"；其中取消{s.cancelled}个，退货{s.returned}个（不计入金额）。"
    return _evidence(box, span, box.t(en, zh))


def _beside(box: "Toolbox", one: Sales, other: Sales) -> Evidence:
    en, zh = [_change(one.orders, other.orders, "orders", "订单")], []
    zh.append(en[0][1])
    if len(one.amounts) == 1 and one.amounts.keys() == other.amounts.keys():
        (a,), (b,) = one.amounts.values(), other.amounts.values()
        en.append(_change(a, b, "the amount", "金额"))
        zh.append(en[-1][1])
    first = f"{one.since} – {one.until}"
    return _evidence(
        box,
        "beside",
        box.t(
            f"{first} beside the other: {'; '.join(e for e, _ in en)}.",
            f"{first}与另一时段相比：{'；'.join(zh)}。",
        ),
    )


def _change(a: float, b: float, en: str, zh: str) -> tuple[str, str]:
    if not b:
        return f"{en} can't be compared with none", f"{zh}无法与零相比"
    percent = 100 * (a - b) / b
    return f"{en} {percent:+.1f} %", f"{zh}{percent:+.1f} %"


def _best(
    box: "Toolbox", rows: list[dict[str, Any]], s: Sales, counted: str, category: str | None
) -> Evidence:
    en = {"sold": "Sold most", "returned": "Returned most", "cancelled": "Cancelled most"}[counted]
    zh = {"sold": "销量最高", "returned": "退货最多", "cancelled": "取消最多"}[counted]
    zh_mode = box.language == "zh"
    names = [f"{(zh_mode and r['name_zh']) or r['name']} ({number(r['pieces'])})" for r in rows]
    group = f" ({category})" if category else ""
    listed = (", " if not zh_mode else "、").join(names)
    if not rows:
        return _evidence(
            box,
            counted,
            box.t(
                f"{en}{group} from {s.since} to {s.until}: nothing.",
                f"{s.since}至{s.until}{zh}{group}：没有。",
            ),
        )
    return _evidence(
        box,
        counted,
        box.t(
            f"{en}{group} from {s.since} to {s.until}, in pieces: {listed}.",
            f"{s.since}至{s.until}{zh}的商品{group}（件数）：{listed}。",
        ),
    )
