"""Which column of a file is what: by its name (English, Chinese, some German and Dutch) and by its values."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistant.crm.cleaning import (
    is_blank,
    parse_currency,
    parse_day,
    parse_flag,
    parse_number,
)
from assistant.errors import ImportFileError


@dataclass(frozen=True)
class Role:
    """Something a column can be. ``kind``: id, text, long, number, day, moment, flag, currency, email, phone, rating."""

    name: str
    kind: str
    names: str  # usual names of such a column, without case, blanks and punctuation


@dataclass(frozen=True)
class Guess:
    """What a column was taken for and why; ``role`` None means: kept as an attribute."""

    column: str
    role: str | None
    why: str
    example: str


_CUSTOMER = (
    "customerid customerno customernumber customercode customer custid cust clientid clientno client userid user"
    " memberid membernumber member buyerid buyer accountid accountnumber account contactid subscriberid"
    " kundennummer kundennr klantnummer klantid 客户号 客户编号 客户id 客户 用户id 用户编号 会员号 会员编号 会员id"
    " 顾客编号 顾客id 买家id"
)
_COUNTRY = "country countrycode land pays 国家 国家地区"
_CITY = "city town stad stadt ort ville 城市"
_CHANNEL = "channel saleschannel contactchannel medium 渠道 来源渠道"
_CURRENCY = "currency currencycode curr währung valuta 币种 货币"
_CATEGORY = "category productcategory department productgroup itemcategory 类别 品类 分类 商品类别"
_PRODUCT = (
    "stockcode sku productid productcode productno itemid itemcode itemno articleno articleid asin"
    " artikelnummer 商品编号 商品编码 商品id 产品编号 产品id 货号"
)
_PRODUCT_NAME = (
    "description product productname item itemname title productdescription productdesc bezeichnung omschrijving"
    " 商品 商品名称 产品名称 产品 品名 描述 商品描述"
)
_LANGUAGE = "language lang locale taal sprache 语言"

ROLES: dict[str, tuple[Role, ...]] = {
    "customers": (
        Role("id", "id", _CUSTOMER + " id"),
        Role("name", "text", "name customername fullname clientname displayname naam 姓名 名字 客户姓名 客户名称 名称"),
        Role("first_name", "text", "firstname givenname vorname voornaam prénom 名"),
        Role("last_name", "text", "lastname surname familyname nachname achternaam 姓"),
        Role("email", "email", "email emailaddress mail mailaddress customeremail 邮箱 电子邮箱 电子邮件"),
        Role("phone", "phone", "phone phonenumber telephone tel mobile cell 电话 手机 手机号 联系电话 电话号码"),
        Role("language", "text", _LANGUAGE),
        Role("city", "text", _CITY),
        Role("country", "text", _COUNTRY),
        Role("joined_on", "day", "joinedon joined joindate createdat created createdon signupdate registeredat"
             " registrationdate registered customersince since startdate 注册日期 注册时间 加入日期 入会日期"),
        Role("tier", "text", "tier loyaltytier level membershiplevel loyaltylevel 等级 会员等级"),
        Role("consent_marketing", "flag", "consentmarketing consent marketingconsent optin acceptsmarketing newsletter"
             " marketingoptin 营销同意 接受营销"),
        Role("churned", "flag", "churned churn churnlabel ischurned haschurned exited attrition churnflag 流失 是否流失"),
        Role("churned_on", "day", "churnedon churndate cancelledon canceldate enddate leftdate 流失日期"),
    ),
    "products": (
        Role("id", "id", _PRODUCT + " id code"),
        Role("name", "text", "name " + _PRODUCT_NAME.replace("description ", "")),
        Role("name_zh", "text", "namezh namecn chinesename 中文名 中文名称"),
        Role("category", "text", _CATEGORY + " type"),
        Role("price", "number", "price unitprice listprice retailprice salesprice preis prijs 单价 价格 售价"),
        Role("currency", "currency", _CURRENCY),
        Role("description", "long", "description longdescription details text body 描述 说明 商品描述"),
        Role("active", "flag", "active isactive enabled available instock 上架 有效"),
    ),
    "orders": (
        Role("order_id", "id", "orderid orderno ordernumber ordernr order invoiceno invoice invoiceid invoicenumber"
             " transactionid transaction transactionno receiptid receipt basketid purchaseid bestellnummer"
             " bestelnummer auftragsnummer rechnungsnummer 订单号 订单编号 订单id 单号 发票号 交易号"),
        Role("customer_id", "id", _CUSTOMER),
        Role("ordered_at", "moment", "invoicedate orderdate ordereddate orderedat orderedon ordertime orderdatetime"
             " date datetime timestamp purchasedate purchasedat purchasetimestamp transactiondate createdat createdon"
             " created placedat time bestelldatum besteldatum datum 下单时间 下单日期 订单日期 订单时间 日期 时间 购买日期"
             " 购买时间 交易时间 交易日期 成交时间"),
        Role("status", "text", "status orderstatus 状态 订单状态"),
        Role("channel", "text", _CHANNEL),
        Role("currency", "currency", _CURRENCY),
        Role("total", "number", "total ordertotal totalamount totalprice grandtotal invoicetotal ordervalue orderamount"
             " gesamt gesamtbetrag totaal 总额 总金额 订单金额 合计 实付金额 订单总额"),
        Role("delivered_at", "moment", "deliveredat deliveredon delivered deliverydate 送达时间 签收时间 送达日期"),
        Role("tracking", "text", "tracking trackingnumber trackingno trackingcode 物流单号 快递单号"),
        Role("product_id", "id", _PRODUCT),
        Role("product", "text", _PRODUCT_NAME),
        Role("variant_id", "id", "variantid variantcode variantsku variant 规格编号"),
        Role("category", "text", _CATEGORY),
        Role("quantity", "number", "quantity qty units pieces numberofitems numberofcds itemcount menge anzahl aantal"
             " 数量 件数 购买数量"),
        Role("unit_price", "number", "unitprice price itemprice priceperunit unitcost preis einzelpreis prijs stukprijs"
             " 单价 价格 售价"),
        Role("amount", "number", "amount lineamount linetotal value sales revenue spend spent dollarvalue amt paid"
             " subtotal transactionamount purchaseamount betrag bedrag 金额 小计 销售额 消费金额"),
        Role("customer_name", "text", "customername clientname buyername fullname 客户姓名 客户名称 买家姓名 姓名"),
        Role("customer_email", "email", "customeremail email emailaddress mail 邮箱 电子邮箱"),
        Role("country", "text", _COUNTRY),
        Role("city", "text", _CITY),
    ),
    "interactions": (
        Role("id", "id", "id interactionid messageid ticketid ticketno conversationid callid reviewid caseid casenumber"
             " 工单号 记录编号"),
        Role("customer_id", "id", _CUSTOMER),
        Role("at", "moment", "at date datetime timestamp time createdat created createdon sentat receivedat contactdate"
             " interactiondate reviewdate datum 日期 时间 创建时间 联系时间 评论时间"),
        Role("channel", "text", _CHANNEL + " type"),
        Role("author", "text", "author from sender role direction 发送人 作者"),
        Role("subject", "text", "subject title topic betreff onderwerp 主题 标题"),
        Role("text", "long", "text message body content comment note notes transcript review reviewtext description"
             " utterance feedback nachricht bericht 内容 消息 留言 评论 备注 反馈"),
        Role("language", "text", _LANGUAGE),
        Role("agent", "text", "agent agentname handledby employee assignee 客服 坐席 处理人"),
        Role("order_id", "id", "orderid orderno ordernumber invoiceno 订单号 订单编号"),
        Role("product_id", "id", _PRODUCT),
        Role("rating", "rating", "rating stars score reviewscore 评分 星级"),
        Role("status", "text", "status ticketstatus 状态"),
    ),
    # every other column of a variant is one of its options
    "variants": (
        Role("id", "id", "variantid variantcode variantsku variant sku itemid itemcode itemno id 规格编号"),
        Role("product_id", "id", "productid productcode productno product 商品编号 产品编号"),
        Role("price", "number", "price unitprice listprice retailprice preis prijs 单价 价格 售价"),
        Role("currency", "currency", _CURRENCY),
        Role("available", "flag", "available availability instock isavailable active 有货 有库存"),
    ),
    "payment_methods": (
        Role("id", "id", "paymentmethodid methodid paymentid id 支付方式编号"),
        Role("customer_id", "id", _CUSTOMER),
        Role("kind", "text", "kind type source method paymentmethod paymenttype 支付方式 类型"),
        Role("balance", "number", "balance credit remaining saldo 余额"),
    ),
    "payments": (
        Role("id", "id", "paymentid transactionid id 交易号"),
        Role("order_id", "id", "orderid orderno ordernumber order 订单号 订单编号"),
        Role("method_id", "id", "paymentmethodid methodid paymentmethod method 支付方式编号"),
        Role("kind", "text", "kind type transactiontype 类型"),
        Role("amount", "number", "amount total value sum betrag bedrag 金额"),
        Role("at", "moment", "at date datetime timestamp paidat paidon datum 日期 时间"),
    ),
}  # fmt: skip
NEEDED = {
    "customers": (("id", "email"),),
    "products": (("id", "name"),),
    "orders": (("customer_id", "customer_email"), ("ordered_at",)),
    "interactions": (("customer_id",), ("at",), ("text",)),
    "variants": (("id",), ("product_id",)),
    "payment_methods": (("id",), ("customer_id",), ("kind",)),
    "payments": (("order_id",), ("amount",)),
}
_SAYS = {
    "id": "the id",
    "email": "the e-mail address",
    "customer_id": "the customer's id",
    "customer_email": "the customer's e-mail address",
    "ordered_at": "the date of the order",
    "at": "the date",
    "text": "the text",
    "name": "the name",
    "product_id": "the product's code",
    "kind": "the kind of payment",
    "order_id": "the order's number",
    "amount": "the amount",
}
KINDS = tuple(ROLES)
ATTRIBUTE = "attribute"  # a role one may give by hand: keep the column, but not as what it looks like
IGNORE = "ignore"


def role_kinds(kind: str) -> dict[str, str]:
    """Every role of ``kind`` with the kind of value it takes."""
    return {role.name: role.kind for role in ROLES[kind]}


def guess_roles(
    kind: str,
    columns: Sequence[str],
    sample: Mapping[str, Sequence[Any]],
    mapping: Mapping[str, str] | None,
    *,
    has_header: bool,
    file: str,
) -> list[Guess]:
    """A guess for every column; ``mapping`` (column to role) has the last word.

    Raises ImportFileError when a needed role is left without a column, or ``mapping`` names what isn't there.
    """
    told = _checked(kind, columns, mapping or {}, file)
    taken: dict[str, tuple[str, str]] = {column: (role, "told so") for column, role in told.items()}
    free = [column for column in columns if column not in taken]
    used = {role for role, _ in taken.values()}
    scored = sorted(
        (-score, place, number, role.name, column)
        for place, column in enumerate(free)
        for number, role in enumerate(ROLES[kind])
        if role.name not in used
        and (score := _name_score(role, column))
        and _fits(role.kind, sample[column], score)
    )
    for _, _, _, name, column in scored:
        if column not in taken and name not in used:
            taken[column] = (name, "by its name")
            used.add(name)
    if not has_header and kind == "orders":
        _by_values([column for column in columns if column not in taken], sample, taken, used)
    elif kind in ("orders", "interactions"):
        _only_date(kind, [column for column in columns if column not in taken], sample, taken, used)
    if kind == "orders":
        _line_totals(sample, taken)
    _refuse_without_needed(kind, columns, taken, file)
    return [
        Guess(
            column,
            role if (role := taken.get(column, (None, ""))[0]) not in (ATTRIBUTE,) else None,
            taken.get(column, (None, "kept as an attribute"))[1],
            str(next((value for value in sample[column] if not is_blank(value)), ""))[:40],
        )
        for column in columns
    ]


def _checked(kind: str, columns: Sequence[str], mapping: Mapping[str, str], file: str) -> dict[str, str]:
    roles = {role.name for role in ROLES[kind]} | {ATTRIBUTE, IGNORE}
    lower = {column.lower(): column for column in columns}
    told: dict[str, str] = {}
    for key, value in mapping.items():
        column, role = lower.get(key.lower()), _full_role(kind, value)
        if column is None or role not in roles:  # written the other way round
            if lower.get(value.lower()) is not None and _full_role(kind, key) in roles:
                column, role = lower[value.lower()], _full_role(kind, key)
            elif column is None:
                raise ImportFileError(
                    f"{file} has no column {key!r}.", f"its columns are: {', '.join(columns)}"
                )
            else:
                raise ImportFileError(
                    f"{role!r} is nothing a column of {kind} can be.", f"one of: {', '.join(sorted(roles))}"
                )
        if role not in (ATTRIBUTE, IGNORE) and role in told.values():
            raise ImportFileError(f"Two columns are mapped to {role}.", "one column for each")
        told[column] = role
    return told


def _full_role(kind: str, word: str) -> str:
    """A role by its own name or by any usual name of such a column, e.g. ``date`` for ``ordered_at``."""
    if word in {role.name for role in ROLES[kind]} | {ATTRIBUTE, IGNORE}:
        return word
    return next((role.name for role in ROLES[kind] if _plain(word) in role.names.split()), word)


def _refuse_without_needed(
    kind: str, columns: Sequence[str], taken: Mapping[str, tuple[str, str]], file: str
) -> None:
    roles = {role for role, _ in taken.values()}
    missing = [choices for choices in NEEDED[kind] if not roles & set(choices)]
    if not missing:
        return
    found = ", ".join(f"{column} = {role}" for column, (role, _) in taken.items()) or "none"
    raise ImportFileError(
        f"{file} can't be imported as {kind}: no column was found for"
        f" {' and '.join(_SAYS[choices[0]] for choices in missing)}."
        f" Its columns: {', '.join(columns)}. Recognised: {found}.",
        "say which they are: " + " ".join(f"--map COLUMN={choices[0]}" for choices in missing),
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.rsplit(".", 1)[-1].lower())


def _name_score(role: Role, column: str) -> float:
    """1 or a little less for a usual name (earlier in the list is better), 0.5 for an ending, 0 for neither."""
    names = role.names.split()
    for name in {_plain(column), re.sub(r"[\W_]+", "", column.lower())}:
        if name in names:
            return 1 - 0.001 * names.index(name)
    plain = _plain(column)
    for name in names:
        if len(name) >= (2 if ord(name[0]) > 0x2E80 else 5) and plain.endswith(name):
            return 0.5
    return 0.0


def _fits(kind: str, values: Iterable[Any], score: float) -> bool:
    """Do the values look like that? A usual name needs less proof than a name that only ends so."""
    seen = [value for value in values if not is_blank(value)][:500]
    if not seen:
        return score >= 0.9
    share = sum(map(_CHECKS[kind], seen)) / len(seen)
    return share >= (0.2 if score >= 0.9 else 0.9)


def _is_id(value: Any) -> bool:
    if isinstance(value, float):
        return value == int(value)
    return len(str(value)) <= 64 and "\n" not in str(value)


_CHECKS: dict[str, Any] = {
    "id": _is_id,
    "text": lambda value: len(str(value)) <= 400,
    "long": lambda value: isinstance(value, str),
    "number": lambda value: parse_number(value) is not None,
    "day": lambda value: parse_day(value) is not None,
    "moment": lambda value: parse_day(value) is not None,
    "flag": lambda value: parse_flag(value) is not None,
    "currency": lambda value: parse_currency(value) is not None,
    "email": lambda value: bool(re.fullmatch(r"\S+@\S+\.\S+", str(value).strip())),
    "phone": lambda value: bool(re.fullmatch(r"[+(\d][\d\s()./x-]{5,}", str(value).strip())),
    "rating": lambda value: (number := parse_number(value)) is not None and 0 <= number <= 10,
}


def _only_date(
    kind: str,
    free: Sequence[str],
    sample: Mapping[str, Sequence[Any]],
    taken: dict[str, tuple[str, str]],
    used: set[str],
) -> None:
    role = "ordered_at" if kind == "orders" else "at"
    if role in used:
        return
    dates = [
        column
        for column in free
        if any(not isinstance(v, int | float) for v in sample[column]) and _fits("moment", sample[column], 0.5)
        and not _fits("number", sample[column], 0.5)
    ]  # fmt: skip
    if len(dates) == 1:
        taken[dates[0]] = (role, "the only column with dates")
        used.add(role)


def _by_values(
    free: Sequence[str],
    sample: Mapping[str, Sequence[Any]],
    taken: dict[str, tuple[str, str]],
    used: set[str],
) -> None:
    """A file without names: the customer first, then a date, whole numbers are quantities, others amounts."""

    def share(column: str, test: Any) -> float:
        seen = [value for value in sample[column] if not is_blank(value)][:500]
        return sum(map(test, seen)) / len(seen) if seen else 0.0

    def whole(value: Any) -> bool:
        number = parse_number(value)
        return number is not None and number == int(number) and abs(number) < 10_000

    def leading_zero(value: Any) -> bool:
        return bool(re.fullmatch(r"0\d+", str(value)))

    wanted = (
        ("ordered_at", lambda c: share(c, lambda v: parse_day(v) is not None) > 0.9),
        ("amount", lambda c: share(c, lambda v: parse_number(v) is not None) > 0.9
         and share(c, lambda v: "." in str(v) or "," in str(v)) > 0.5),
        ("quantity", lambda c: share(c, whole) > 0.9 and share(c, leading_zero) < 0.1 and c != free[0]),
        ("customer_id", lambda c: share(c, _is_id) > 0.9),
    )  # fmt: skip
    for role, test in wanted:
        if role not in used:
            column = next((column for column in free if column not in taken and test(column)), None)
            if column is not None:
                taken[column] = (role, "by its values: please check")
                used.add(role)


def _line_totals(sample: Mapping[str, Sequence[Any]], taken: dict[str, tuple[str, str]]) -> None:
    """A column called total in a file of order lines is often quantity times price: then it is the line's amount."""
    by_role = {role: column for column, (role, _) in taken.items()}
    if "total" not in by_role or "amount" in by_role or not {"quantity", "unit_price"} <= by_role.keys():
        return
    rows = zip(*(sample[by_role[role]] for role in ("total", "quantity", "unit_price")), strict=True)
    fits = [
        abs(total - quantity * price) <= 0.01 + 0.001 * abs(total)
        for total, quantity, price in (tuple(map(parse_number, row)) for row in rows)
        if total is not None and quantity is not None and price is not None
    ]
    if fits and sum(fits) >= 0.9 * len(fits):
        taken[by_role["total"]] = ("amount", "quantity times price")
