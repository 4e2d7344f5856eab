"""Personal data in free text, English and Chinese first: find it and put a word in its place.

Cards, IBANs and Chinese identity numbers are known by their check digits, the others by their shape and the words
before them. Order numbers, prices and dates are left alone. Names of people are not looked for.
"""

import ipaddress
import re
from collections.abc import Iterator
from typing import TypedDict


class Span(TypedDict):
    """Where something stands in the text (from ``start`` up to but not including ``end``), and what it is."""

    start: int
    end: int
    type: str


TYPES = ("email", "iban", "card", "id_number", "ip", "phone", "address")
_A = "A-Za-z0-9_"  # \w would take Chinese characters for part of a number
_EMAIL = re.compile(
    rf"(?<![{_A}.%+'-])[{_A}.%+'-]{{1,64}}@(?:[A-Za-z0-9À-ž][A-Za-z0-9À-ž-]{{0,62}}\.){{1,8}}[A-Za-zÀ-ž]{{2,24}}(?![{_A}])"
)
_IBAN = re.compile(rf"(?<![{_A}])[A-Z]{{2}}\d{{2}}(?:[ -]?[A-Z0-9]){{11,30}}", re.I)
_IBAN_LENGTHS = {
    code: int(length)
    for length, codes in {
        15: "NO", 16: "BE", 18: "DK FI NL FO GL", 19: "MK SI", 20: "AT BA EE KZ LT LU XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE IL TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "PT", 26: "IS TR", 27: "FR GR IT MC MR SM", 28: "AL AZ CY DO HU LB PL", 29: "BR PS QA UA",
        30: "JO KW MU", 31: "MT SC",
    }.items()
    for code in codes.split()
}  # fmt: skip
_CARD = re.compile(rf"(?<![{_A}.])(?<!\d[ -])[2-6]\d(?:[ -]?\d){{11,17}}(?![{_A}]|[ -]\d)")
_CHINESE_ID = re.compile(rf"(?<![{_A}])\d{{17}}[\dXx](?![{_A}])")
_SSN = re.compile(rf"(?<![{_A}-])(?!000|666|9\d\d)\d{{3}}-(?!00)\d{{2}}-(?!0000)\d{{4}}(?![{_A}-])")
_TOLD_ID = re.compile(
    r"(?:passport|driver'?s licen[cs]e|driving licen[cs]e|social security|\bssn\b|\bbsn\b|national id|identity card|tax id"
    r"|护照|身份证|驾照|驾驶证)(?:\s*(?:number|no\.?|nr\.?|号码?|#))?\s*(?:is|are|:|：|=|为|是)?\s*"
    rf"(?P<it>[A-Za-z]{{0,3}}\d[A-Za-z0-9-]{{5,17}})(?![{_A}])",
    re.I,
)
_IP = re.compile(
    rf"(?<!version )(?<![vV])(?<!release )(?<![{_A}.])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![{_A}]|\.\d)"
)
_PHONE = re.compile(
    rf"(?<![{_A}#@/.,:€$£¥-])(?<![€$£¥]\s)(?:\+|00)?\(?\d(?:[ .\-/()\u00a0]{{0,2}}\d){{6,16}}"
    rf"(?:\s?(?:x|ext\.?)\s?\d{{1,6}})?(?![{_A}@%€$£¥]|[.,:/-]\d)",
    re.I,
)
_PHONE_BEFORE = re.compile(
    r"(?:phone|call|tel|mobile|cell|fax|desk|dial|reach|ring|whatsapp|sms|text me|telefoon|telefon|bel |handy|mobiel"
    r"|电话|手机|致电|联系|来电|微信|号码)[^.!?。！？]{0,30}$",
    re.I,
)
_OTHER_BEFORE = re.compile(
    r"(?:order|invoice|tracking|parcel|ticket|account|reference|serial|article|item|sku|case|bestelling|factuur"
    r"|rechnung|bestellung|订单|发票|单号|工单|货号|编号)[^.!?。！？\d]{0,25}$",
    re.I,
)
_DATE_LIKE = re.compile(
    r"(?:\d{4}[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)?\d{2})(?:[ .-]\d{1,2}){0,2}$|(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d$"
)
_UPPER = "A-ZÀ-ÖØ-ÞĀ-Ž"
_NAME = rf"[{_UPPER}][\w'’.-]{{0,30}}"
_TOWN = rf"(?:\s+(?:[{_UPPER}][\w'’-]{{1,30}}))"
_ADDRESSES = [
    re.compile(pattern, flags)
    for pattern, flags in (
        # 12 Green Hill Road, Apt. 4, Town, AB 12345
        (rf"(?<![\w.])\d{{1,5}}[A-Za-z]?,?\s+(?:{_NAME}\s+){{1,4}}?(?i:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard"
         r"|blvd|court|ct|way|place|pl|terrace|square|sq|close|crescent|parkway|grove|highway|hwy|quay|mews)\b\.?"
         r"(?:,?\s+(?i:apt|apartment|suite|unit|flat|floor)\.?\s*#?\w+)?"
         rf"(?:,{_TOWN}{{1,3}})?(?:,?\s+(?:[A-Z]{{2}}\s+)?\d{{5}}(?:-\d{{4}})?|,?\s+[A-Z]{{1,2}}\d[A-Z\d]?\s?\d[A-Z]{{2}})?", 0),
        # Nassaukade 12b, 1234 AB Town; Lindenstraße 5, 10115 Town
        (rf"(?<![\w'’-])(?:{_NAME}\s+){{0,2}}[\w'’-]{{0,40}}(?i:straat|laan|plein|gracht|kade|singel|dreef|steeg|stra(?:ß|ss)e|str\."
         r"|weg|platz|allee|gasse|ufer|damm|gürtel|wal|pad|hof)\s+\d{1,4}(?:\s?[a-zA-Z])?(?![\w.]\d)"
         rf"(?:,?\s+(?:[A-Z]{{1,2}}-)?(?:\d{{4}}\s?[A-Z]{{2}}|\d{{4,5}})\b{_TOWN}{{0,2}})?", 0),
        # 12, rue des Lilas, 75011 Town
        (rf"\d{{1,4}}(?:\s?(?:bis|ter))?,?\s+(?:rue|avenue|boulevard|place|chemin|impasse|allée|quai|cours)\s+[\w'’-]+"
         rf"(?:\s+[\w'’-]+){{0,4}}?(?=[,.;\n]|\s+\d{{5}}|$)(?:,?\s+\d{{5}}\b{_TOWN}{{0,2}})?", re.I),
        # 省市区路号
        (r"(?:[\u4e00-\u9fff]{2,8}(?:省|自治区))?(?:[\u4e00-\u9fff]{2,7}(?:市|州))?(?:[\u4e00-\u9fff]{1,7}(?:区|县|镇))?"
         r"[\u4e00-\u9fff]{1,8}(?:路|街|大道|巷|弄|胡同)\s*\d{1,5}\s*(?:弄|号)(?:\s*[\dA-Za-z-]+\s*(?:号楼|栋|幢|单元|楼|层|室|号))*"
         r"(?:\s*\d{1,5}室?)?", 0),
        (r"P\.?\s?O\.?\s?Box\s+\d+", re.I),
        (r"(?<![\w.])\d{1,5}[a-z]?\s+[^\W\d]{3,}\s+(?:road|street|avenue|lane|boulevard)\b(?:,?\s+(?:apt|suite|flat)\.?\s*\w+)?", re.I),
        (r"\b(?:apt|apartment|suite)\.?\s*#?\d{1,5}[a-z]?\b", re.I),
        (r"(?:\b(?:zip(?: ?code)?|post ?code|postal code|postcode|PLZ)|邮编|邮政编码)\s*(?:is|:|：|为|是)?\s*"
         r"(?P<it>[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}|\d{4}\s?[A-Z]{2}\b|\d{4,6}(?:-\d{4})?)", re.I),
    )
]  # fmt: skip
# what follows such words, if it has a number in it, is an address however it is written
_TOLD_ADDRESS = re.compile(
    r"(?:\b(?:my|his|her|our|their|your|new|shipping|billing|delivery|home|the)\s+address(?:\s+(?:is|to|was|with)|\s*:)"
    r"|\baddress(?:es)?\s*:|\bliv(?:e|es|ed|ing)\s+(?:at|on)\s|\blocated\s+at\s|\b(?:ship|deliver|send)\s+(?:it\s+|them\s+|this\s+)?to\s+(?=\d|(?-i:[A-ZÀ-Ž]))"
    r"|\b(?:moved\s+to|lived?\s+in|is\s+at|return(?:\s+it)?\s+to)\s+(?=\d)|地址(?:是|为|改为|改成|：|:))\s*",
    re.I,
)  # fmt: skip
_HOUSE = re.compile(r"\s*(?P<it>[^!?;。！？\n]{0,70}?\d[^!?;。！？\n]{0,70}?)(?=\.\s|\.?$|[!?;。！？，]|\s[—–-]\s|\n|,?\s(?:and|but|please|so|"
                    r"because|if|instead|thanks)\b)", re.I)  # fmt: skip


def mask(text: str) -> tuple[str, list[Span]]:
    """The text with ``[EMAIL]``, ``[PHONE]`` and so on for personal data, and where in the given text that stood.

    Types are those of ``TYPES``; spans don't overlap and come in the order of the text.
    """
    spans = find(text)
    parts: list[str] = []
    at = 0
    for span in spans:
        parts += [text[at : span["start"]], f"[{span['type'].upper()}]"]
        at = span["end"]
    return "".join([*parts, text[at:]]), spans


def find(text: str) -> list[Span]:
    """Personal data in the text; where two readings overlap, the surer one (earlier in ``TYPES``) counts."""
    taken: list[Span] = []
    for start, end, what in _candidates(text):
        if not any(start < span["end"] and span["start"] < end for span in taken):
            taken.append(Span(start=start, end=end, type=what))
    return sorted(taken, key=lambda span: span["start"])


def _candidates(text: str) -> Iterator[tuple[int, int, str]]:
    for found in _EMAIL.finditer(text):
        yield found.start(), found.end(), "email"
    for found in _IBAN.finditer(text):
        told = re.search(
            r"iban|account|konto|rekening|账号", text[max(0, found.start() - 30) : found.start()], re.I
        )
        if (end := _iban_end(found.group(), checked=not told)) is not None:
            yield found.start(), found.start() + end, "iban"
    for found in _CHINESE_ID.finditer(text):
        if is_chinese_id(found.group()):
            yield found.start(), found.end(), "id_number"
    for found in _CARD.finditer(text):
        told = re.search(r"card|信用卡|银行卡|卡号", text[max(0, found.start() - 40) : found.start()], re.I)
        if is_luhn(found.group()) or (told and len(re.sub(r"\D", "", found.group())) == 16):
            yield found.start(), found.end(), "card"
    for found in _SSN.finditer(text):
        yield found.start(), found.end(), "id_number"
    for found in _TOLD_ID.finditer(text):
        yield found.start("it"), found.end("it"), "id_number"
    for found in _IP.finditer(text):
        try:
            ipaddress.IPv4Address(found.group())
        except ValueError:
            continue
        yield found.start(), found.end(), "ip"
    for pattern in _ADDRESSES[:4]:
        yield from _trimmed(pattern, text)
    for found in _PHONE.finditer(text):
        if _is_phone(found.group(), text[max(0, found.start() - 60) : found.start()]):
            yield found.start(), found.end(), "phone"
    for pattern in _ADDRESSES[4:]:
        yield from _trimmed(pattern, text)
    for told in _TOLD_ADDRESS.finditer(text):
        if (house := _HOUSE.match(text, told.end())) is not None:
            yield house.start("it"), house.end("it"), "address"


def _trimmed(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int, str]]:
    for found in pattern.finditer(text):
        name = "it" if "it" in pattern.groupindex else 0
        start, end = found.span(name)
        # Chinese has no blank between "my address is" and the address
        if (lead := re.match(r"[\u4e00-\u9fff]{0,5}?(?:地址)?[是为在到于]", text[start:end])) is not None:
            start += lead.end()
        yield start, start + len(text[start:end].rstrip()), "address"


def is_luhn(number: str) -> bool:
    """Do the digits end in the check digit of payment cards (ISO/IEC 7812)?"""
    digits = [int(character) for character in number if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(number: str) -> bool:
    """Has it its country's length and the check digits of ISO 13616?"""
    bare = re.sub(r"[ -]", "", number).upper()
    if _IBAN_LENGTHS.get(bare[:2]) != len(bare):
        return False
    return int("".join(str(int(character, 36)) for character in bare[4:] + bare[:4])) % 97 == 1


def is_chinese_id(number: str) -> bool:
    """Is it a resident identity number of 18 places with a month, a day and the check digit of GB 11643?"""
    if not (1 <= int(number[10:12]) <= 12 and 1 <= int(number[12:14]) <= 31):
        return False
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17].upper()


def _iban_end(text: str, *, checked: bool) -> int | None:
    """Where an IBAN at the beginning of ``text`` ends; words may follow it without a mark between.

    Not ``checked``: the length will do, as for a mistyped one that is called an IBAN.
    """
    length = _IBAN_LENGTHS.get(text[:2].upper(), 0)
    count = 0
    for place, character in enumerate(text):
        count += character not in " -"
        if count == length:
            followed = text[place + 1 : place + 2]
            good = is_iban(text[: place + 1]) or not checked
            return place + 1 if good and followed in ("", " ", "-") else None
    return None


def _is_phone(number: str, before: str) -> bool:
    """By its shape alone where that is clear, else by the words before it."""
    main = re.split(r"(?i)x|ext", number)[0].strip()
    digits = re.sub(r"\D", "", main)
    if not 7 <= len(digits) <= 15 or _DATE_LIKE.match(main) or len(set(digits)) == 1:
        return False
    if re.match(r"\+|00[1-9]", main) and len(digits) >= 8:
        return True
    if _OTHER_BEFORE.search(before):
        return False
    if re.fullmatch(r"(?:86)?1[3-9]\d{9}", digits):
        return True
    if _PHONE_BEFORE.search(before):
        return True
    if re.match(r"\(\d{2,5}\)", main):
        return True
    groups = re.split(r"[ .\-/()]+", main.strip("()"))
    if len(groups) == 1:
        return bool(re.fullmatch(r"0[1-9]\d{8,9}", digits))
    if main.startswith("0"):
        return 9 <= len(digits) <= 12
    thousands = all(len(group) == 3 for group in groups[1:]) and len(groups[0]) <= 3
    return (
        len(groups) >= 3
        and 8 <= len(digits) <= 12
        and not thousands
        and all(len(group) >= 2 for group in groups)
    )
