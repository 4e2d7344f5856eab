"""Turns the events of all lives into interactions: letters, chats, call notes, tickets, reviews, and the answers."""

import json
import random
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from assistant.crm.demo import (
    facts,
    phrases_account,
    phrases_coffee,
    phrases_common,
    phrases_orders,
    phrases_zh,
)
from assistant.crm.demo.catalogue import _OFFERS, BY_ID, LAST_DAY, OFFER_TERMS, PLANS, PRODUCTS
from assistant.crm.demo.life import END, Event, Life, Order
from assistant.crm.demo.phrases import Topic, render, sentence_case, typos

TOPICS: dict[str, Topic] = {**phrases_orders.TOPICS, **phrases_coffee.TOPICS, **phrases_account.TOPICS}
STAFF = (
    "Sanne Kuiper",
    "Aoife Brennan",
    "Lukas Hartmann",
    "Pieter Claes",
    "Julie Marchand",
    "Marieke de Vries",
)
STAFF_ZH = "Chen Yun"
_CATEGORY = {
    **dict.fromkeys(phrases_orders.TOPICS, "order"), **dict.fromkeys(phrases_coffee.TOPICS, "product"),
    **dict.fromkeys(phrases_account.TOPICS, "account"),
}  # fmt: skip
_OPINIONS = (
    "competitor",
    "too_dear",
    "grumble",
    "too_much",
    "how_cancel",
    "cancel",
    "price_news",
    "price_rise",
)
_PARCELS = ("late", "strike", "lost", "damaged", "wrong_item", "missing", "where")
_OFFER_NAMES = {offer[0]: (offer[1], offer[2]) for offer in _OFFERS}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _open_hours(at: datetime) -> datetime:
    """The next moment at which the office is open: Monday to Friday 9-18, Saturday 10-16."""
    while True:
        first, last = (10, 16) if at.weekday() == 5 else (9, 18)
        if at.weekday() == 6 or at.hour >= last:
            at = datetime.combine(
                at.date() + timedelta(days=1), time(9 if at.weekday() != 4 else 10, at.minute, at.second)
            )
        elif at.hour < first:
            at = at.replace(hour=first)
        else:
            return at


class Writer:
    """Writes what one customer says and what they are told. Each customer has habits: greeting, care, closing."""

    def __init__(self, life: Life, seed: int) -> None:
        self.life, self.person, self.traits = life, life.person, life.traits
        self.rng = rng = random.Random(f"larkfield words {seed} {life.person.number}")
        self.zh = self.person.language == "zh"
        self.style = rng.choices(("formal", "plain", "none"), (2, 5, 2))[0]
        self.lower = self.traits.polish < 0.3
        self.home_closing = rng.random() < 0.3
        self.last_agent = rng.choice(STAFF)
        self.tag = ""
        self.used: set[str] = set()
        self.partner = rng.choice(("husband", "wife", "partner", "flatmate"))

    def _since(self) -> str:
        joined = self.person.joined_on
        return self.rng.choice((f"{joined.year}", f"{joined:%B %Y}"))

    # -- pieces ---------------------------------------------------------------------------------------------------

    def _date(self, day: date) -> str:
        if self.zh:
            return f"{day.month}月{day.day}日"
        return self.rng.choice(
            (
                f"{day.day} {day:%B}",
                f"{day:%B} {day.day}",
                f"{day:%d.%m.}",
                f"{day.day} {day:%b}",
                f"{day.day}/{day.month}",
            )
        )

    def slots(self, event: Event, agent: str) -> dict[str, str]:
        rng, order = self.rng, event.order
        product = BY_ID[event.product] if event.product else None
        if product is None and order is not None:
            product = BY_ID[order.basket.lines[0].product]
        product = product or BY_ID["LB-101"]
        bean = product if product.category == "beans" else BY_ID[rng.choice(self.life.shopper.favourites)]
        others = [p for p in PRODUCTS if p.category == product.category and p.id != product.id and p.active]
        other = rng.choice(others or [product])
        details = event.details
        weekday = (event.at - timedelta(days=rng.randrange(1, 5))).weekday() % 6  # nothing happens on Sundays
        if "offer" in details:
            offer = _OFFER_NAMES[details["offer"]]
            terms = OFFER_TERMS[details["offer"]]
        else:
            offer = terms = ("", "")
        placed = order.placed.date() if order else event.at.date()
        because = phrases_zh.BECAUSE if self.zh else phrases_account.BECAUSE
        return {
            "product": product.name_zh if self.zh else product.spoken, "Product": product.name,
            "bean": bean.name_zh if self.zh else bean.name, "Bean": bean.name,
            "other": other.name_zh, "Other": other.name,
            "order": order.id if order else "", "ordered": self._date(placed),
            "days": str(details.get("days", rng.randrange(3, 9))), "months": str(details.get("months", 1)),
            "span": ("one month", "two months", "three months")[details.get("months", 1) - 1],
            "id": self.person.id, "postcode": self.person.postcode, "since": self._since(),
            "weekday": phrases_zh.WEEKDAYS[weekday] if self.zh else _DAYS[weekday],
            "city": self.person.city, "first": self.person.first, "name": self.person.name,
            "signature": self.person.signature, "partner": self.partner, "agent": agent.split()[0] if not self.zh else "陈芸",
            "plan": (PLANS[details["plan"]].name_zh if self.zh else details["plan"]) if details.get("plan") else "Home",
            "amount": f"{order.basket.total:.2f}" + rng.choice((" EUR", " euros", "")) if order else "",
            "because": render(rng, because[details["cause"]], {}) if "cause" in details else "",
            "offer": offer[1] if self.zh else offer[0], "terms": terms[1] if self.zh else terms[0],
            "outcome": {"accepted": "accepted", "declined": "declined", "sent": "will think about it"}.get(
                str(details.get("outcome")), ""),
        }  # fmt: skip

    def _mood(self, mood: float) -> str:
        rng, source = self.rng, phrases_zh if self.zh else phrases_common
        if mood < -0.75:
            return rng.choice(source.FURIOUS)
        if mood < -0.38:
            return rng.choice(source.CROSS)
        if mood < -0.1:
            return rng.choice(source.MILD)
        return rng.choice(source.GLAD) if mood > 0.45 else ""

    def _body(self, topic: Topic, event: Event, slots: dict[str, str], brief: bool) -> str:
        """What is said about the matter, without greeting: one to five sentences."""
        rng, chatty = self.rng, self.traits.chatty
        parts = [self._fitting(topic.tell, event, slots)]
        if topic.more and rng.random() < (0.25 if brief else 0.4 + 0.4 * chatty):
            talkative = chatty > 0.5 and not brief and rng.random() < 0.6
            picks = min(len(topic.more), rng.choice((2, 2, 3)) if talkative else 1)
            parts.extend(rng.sample(topic.more, picks))
        mood = self._mood(event.mood) if rng.random() < (0.45 if brief else 0.62) else ""
        if topic.ask and rng.random() < 0.6:
            parts.append(rng.choice(topic.ask))
        parts.insert(rng.choice((len(parts), len(parts), 1)), mood)
        if not self.zh and not brief and rng.random() < 0.3 * chatty:
            known = [c for c in phrases_common.CONTEXT if "<plan>" not in c or event.details.get("plan")]
            parts.insert(rng.choice((0, len(parts))), rng.choice(known))
        return ("" if self.zh else " ").join(render(rng, part, slots) for part in parts if part)

    def _fitting(self, options: tuple[str, ...], event: Event, slots: dict[str, str]) -> str:
        """One of ``options`` rendered, such that it suits the order: no dented beans, no four days for express."""
        banned: list[str] = []
        order = event.order
        if order is not None:
            product = BY_ID[event.product or order.basket.lines[0].product]
            if product.category in ("beans", "tea"):
                banned += ["crack", "dent", "bent", "broken", "knock", "seal", "裂", "坑"]
            else:
                banned += ["bag", "beans", "coffee", "roast", "burst", "ground", "袋"]
            if order.basket.method == "express":
                banned += ["2 to 4", "2到4"]
            if order.basket.shipping == 0:
                banned.append("shipping")
            if event.topic in ("late", "where", "lost", "strike"):
                banned = [b for b in banned if b in ("2 to 4", "2到4")]
        for _ in range(30):
            pattern = self.rng.choice(options)
            self.tag, pattern = _tagged(pattern)
            text = render(self.rng, pattern, slots)
            if not any(
                word in text.replace(slots["Product"], "").replace(slots["Other"], "") for word in banned
            ):
                return text
        self.tag, pattern = _tagged(options[0])
        return render(self.rng, pattern, slots)

    def _finish(self, text: str) -> str:
        """The writer's own carelessness: no capitals, slips, missing full stops, exclamation marks."""
        rng, polish = self.rng, self.traits.polish
        if self.zh:
            if polish < 0.4:
                text = text.replace("。", rng.choice(("。", "～", "，", " ")), 1)
            return text
        text = text.lower() if self.lower and rng.random() < 0.7 else sentence_case(text)
        text = _orders_upper(text)
        if rng.random() < 0.55 - 0.5 * polish:
            text = typos(rng, text, 1 if polish > 0.35 else rng.randrange(1, 4))
        if polish < 0.35 and rng.random() < 0.4:
            text = text.replace("'", "").rstrip(".")
        return text

    # -- whole messages -------------------------------------------------------------------------------------------

    def email(self, body: str, remark: str = "") -> str:
        rng, person = self.rng, self.person
        if self.zh:
            parts = [rng.choice(phrases_zh.GREETINGS) + body + remark, rng.choice(phrases_zh.CLOSINGS)]
            if rng.random() < 0.7:
                parts.append(person.signature)
            return "\n".join(p for p in parts if p)
        greeting = render(rng, rng.choice(phrases_common.GREETINGS[self.style]), {"city": person.city})
        closing = rng.choice(phrases_common.CLOSINGS[self.style])
        if self.home_closing and person.country in phrases_common.HOME_CLOSINGS:
            closing = rng.choice(phrases_common.HOME_CLOSINGS[person.country])
        closing = closing.replace("<city>", person.city)
        for pool, chance in ((phrases_common.TIDBITS, 0.3), (phrases_common.STORIES, 0.13)):
            pattern = rng.choice(pool)
            if rng.random() < chance * self.traits.chatty and pattern not in self.used:
                self.used.add(pattern)  # nobody tells the same story twice
                tidbit = render(rng, pattern, {"city": person.city, "partner": self.partner})
                body = f"{tidbit} {body}" if rng.random() < 0.35 else f"{body} {tidbit}"
        body = self._finish(body)
        last = remark if remark.startswith("PS") else ""
        if remark and not last:
            body = f"{body}{'' if body[-1:] in '.!?' else '.'}{rng.choice((' ', chr(10)))}{remark}"
        parts = [
            greeting,
            body,
            closing,
            person.signature if closing or last or rng.random() < 0.5 else "",
            last,
        ]
        return ("\n\n" if rng.random() < 0.4 else "\n").join(p for p in parts if p)

    def chat(self, body: str, remark: str = "") -> str:
        rng = self.rng
        if self.zh:
            return rng.choice(("", "", "你好，", "在吗？", "您好 ")) + self._finish(body) + remark
        start, end = rng.choice(phrases_common.CHAT_STARTS), rng.choice(phrases_common.CHAT_ENDS)
        body = self._finish(body)
        if rng.random() < 0.35:
            body = _orders_upper(body.lower()).rstrip(".")
        if remark:
            body = f"{body}{'' if body[-1:] in '.!?' else '.'} {remark}"
        return " ".join(p for p in (start, body, end) if p)

    def note(self, remark: str, topic: Topic, event: Event, slots: dict[str, str]) -> str:
        """An agent's shorthand after a call."""
        rng = self.rng
        mood = -2 if event.mood < -0.6 else -1 if event.mood < -0.15 else 1 if event.mood > 0.45 else 0
        parts = [rng.choice(phrases_common.NOTE_STARTS), rng.choice(topic.note)]
        if rng.random() < 0.5:
            parts.append(rng.choice(phrases_common.NOTE_MOODS[mood]))
        parts.append(rng.choice(phrases_common.NOTE_ENDS[mood >= 0]))
        if self.zh and rng.random() < 0.3:
            parts.append("Call in English, prefers Chinese in writing.")
        done = [text for part in parts if (text := render(rng, part, slots))]
        done.insert(rng.choice((len(done), 2)), remark)
        return " ".join(text[0].upper() + text[1:] for text in done if text)

    def reply(
        self,
        topic: Topic,
        slots: dict[str, str],
        agent: str,
        chat: bool,
        lines: tuple[str, ...] | None = None,
    ) -> str:
        rng = self.rng
        known = [_tagged(pattern) for pattern in lines or topic.reply]
        fitting = [text for tag, text in known if tag == self.tag] or [text for tag, text in known if not tag]
        body = render(rng, rng.choice(fitting or [text for _, text in known]), slots)
        if self.zh:
            return body if chat else f"{body}\n{rng.choice(phrases_zh.REPLY_ENDS)}"
        body = sentence_case(body)
        if chat:
            return (
                rng.choice(
                    (
                        "",
                        "",
                        "Hello! ",
                        f"Hi {self.person.first}! ",
                        "Hello, this is " + agent.split()[0] + ". ",
                    )
                )
                + body
            )
        start = render(rng, rng.choice(phrases_common.REPLY_STARTS), slots)
        return f"{start}\n{body}\n{render(rng, rng.choice(phrases_common.REPLY_ENDS), slots)}"

    def review(self, event: Event, slots: dict[str, str]) -> str:
        rng, stars = self.rng, event.details["stars"]
        if self.zh:
            kind = "beans" if BY_ID[event.product or ""].category in ("beans", "tea") else "gear"
            text = render(rng, rng.choice(phrases_zh.REVIEWS[kind][stars]), slots)
            if rng.random() < 0.5:
                text = slots["product"] + rng.choice(("：", "，", " ")) + text
            return text
        category = BY_ID[event.product or ""].category
        kind = {"machine": "gear", "grinder": "gear", "accessory": "small"}.get(category, category)
        parts = [rng.choice(phrases_common.REVIEWS[kind][stars])]
        notes = BY_ID[event.product or ""].notes if category in ("beans", "tea") else ()
        if len(notes) > 1 and rng.random() < 0.45:
            first, second = rng.sample(notes, 2)
            slots = {**slots, "note": first.lower(), "note2": second.lower()}
            parts = [rng.choice(phrases_common.TASTED[stars]), *(parts if rng.random() < 0.4 else [])]
        elif rng.random() < 0.35 and len(phrases_common.REVIEWS[kind][stars]) > 2:
            second = rng.choice(phrases_common.REVIEWS[kind][stars])
            if second != parts[0]:
                parts.append(second)
        if rng.random() < 0.45:
            more = phrases_common.REVIEW_MORE[stars]
            parts.append(
                rng.choice(
                    [m for m in more if kind == "beans" or not re.search("moka|filter|black|coffee", m)]
                )
            )
        if rng.random() < 0.25:
            parts.insert(0, rng.choice(("<Product>:", "I bought <product> on <ordered>.", "<Product>, ordered <ordered>:",
                                        "Had <product> {for a week|for two weeks|twice} now.")))  # fmt: skip
        if rng.random() < 0.4:
            parts.insert(0, rng.choice(phrases_common.REVIEW_TITLES[stars]) + rng.choice((".", ".", "!")))
        return self._finish(" ".join(render(rng, p, slots) for p in parts))

    @staticmethod
    def _about(event: Event) -> str | None:
        """The product a message is about; questions about accounts and shipping are about none."""
        named = event.order is not None or event.topic in (
            "review", "brewing", "recommend", "origin", "restock", "praise", "swap_beans", "too_dear")  # fmt: skip
        return event.product if named else None

    # -- the thread of one event ----------------------------------------------------------------------------------

    def thread(self, event: Event) -> Iterator[dict[str, Any]]:
        """The rows of one event in order of time, without ids; dates past the record's end are left out."""
        rng = self.rng
        agent = STAFF_ZH if self.zh else self.last_agent if rng.random() < 0.4 else rng.choice(STAFF)
        self.last_agent = agent if not self.zh else self.last_agent
        slots = self.slots(event, agent)
        base: dict[str, Any] = {
            "customer_id": self.person.id, "order": event.order, "product_id": self._about(event), "agent": None,
            "subject": None, "rating": None, "status": None, "language": self.person.language, "category": None,
        }  # fmt: skip
        if event.topic == "review":
            yield {**base, "at": event.at, "channel": "review", "author": "customer", "rating": event.details["stars"],
                   "text": self.review(event, slots), "order": None}  # fmt: skip
            return
        if event.topic == "retention":
            yield from self._retention(event, slots, base, agent)
            return
        topic = (phrases_zh.TOPICS if self.zh else TOPICS)[event.topic]
        channel = rng.choices(
            ("email", "chat", "call", "ticket"), (40, 24, 20 if TOPICS[event.topic].note else 0, 16)
        )[0]
        at = _open_hours(event.at) if channel in ("call", "chat") else event.at
        if at > END:
            return
        if channel == "call":
            yield {**base, "at": at, "channel": "call", "author": "agent", "agent": agent, "language": "en",
                   "note": (TOPICS[event.topic], event, self._english(slots, event))}  # fmt: skip
            if event.mood < -0.2 and not event.well_handled and rng.random() < 0.5:
                yield from self._follow_up(
                    event,
                    slots,
                    {
                        **base,
                        "channel": "email",
                        "agent": agent,
                        "subject": "我的电话" if self.zh else "my call",
                    },
                    at,
                    topic,
                    agent,
                )
            return
        body = self._body(topic, event, slots, brief=channel == "chat")
        subject = None if channel == "chat" else self._subject(topic, slots)
        row = {**base, "channel": channel, "subject": subject, "agent": agent}
        answered = rng.random() < (0.66 if event.well_handled else 0.4)
        later = at + (timedelta(minutes=rng.randrange(1, 9)) if channel == "chat"
                      else timedelta(hours=rng.randrange(1, 9) if event.well_handled else rng.randrange(20, 70)))  # fmt: skip
        later = _open_hours(later)
        if channel == "ticket":
            waiting = later > END or (not answered and at > END - timedelta(days=12))
            row["status"], row["category"] = "open" if waiting else "closed", _CATEGORY[event.topic]
        yield {**row, "at": at, "author": "customer", "body": body}
        if answered and later <= END and topic.reply:
            yield {**row, "at": later, "author": "agent", "text": self.reply(topic, slots, agent, channel == "chat"),
                   "subject": f"Re: {subject}" if subject else None}  # fmt: skip
        if rng.random() < (0.3 if event.mood < -0.2 else 0.16) and (answered or not event.well_handled):
            yield from self._follow_up(event, slots, row, later, topic, agent)

    def _english(self, slots: dict[str, str], event: Event) -> dict[str, str]:
        """Slots for an agent's note, which is in English for every customer."""
        if not self.zh:
            return slots
        plan = event.details.get("plan") or "Home"
        because = phrases_account.BECAUSE[event.details["cause"]] if "cause" in event.details else ""
        weekday = _DAYS[phrases_zh.WEEKDAYS.index(slots["weekday"])]
        return {**slots, "product": slots["Product"], "bean": slots["Bean"], "plan": plan, "weekday": weekday,
                "because": render(self.rng, because, {}), "ordered": f"{event.at:%d.%m.}"}  # fmt: skip

    def _subject(self, topic: Topic, slots: dict[str, str]) -> str:
        subject = render(self.rng, topic.subject, slots)
        return subject.lower() if self.lower and not self.zh and "LO-" not in subject else subject

    def _follow_up(self, event: Event, slots: dict[str, str], row: dict[str, Any], after: datetime, topic: Topic,
                   agent: str) -> Iterator[dict[str, Any]]:  # fmt: skip
        rng, source = self.rng, phrases_zh if self.zh else phrases_common
        at = after + (timedelta(minutes=rng.randrange(1, 12)) if row["channel"] == "chat"
                      else timedelta(hours=rng.randrange(4, 90)))  # fmt: skip
        if row["channel"] == "chat":
            at = _open_hours(at)
        bad = event.mood < -0.15 and not event.well_handled
        if bad and row["channel"] != "chat":
            at += timedelta(days=rng.randrange(2, 8))
        slots = {**slots, "days": str(max(2, (at - event.at).days))}
        worse = (
            source.FOLLOW_UPS_BAD
            if (at - event.at).days >= 3 and event.topic not in _OPINIONS
            else source.FOLLOW_UPS_BAD_AT_ONCE
        )
        pool = worse if bad else source.FOLLOW_UPS_GOOD if event.mood < -0.15 else source.FOLLOW_UPS_QUESTION
        if (
            not self.zh
            and not bad
            and event.topic in _PARCELS
            and row["channel"] != "chat"
            and rng.random() < 0.6
        ):
            pool, at = phrases_common.FOLLOW_UPS_GOOD_PARCEL, at + timedelta(days=3)
        if not self.zh and event.topic in ("brewing", "grind", "descale"):
            pool = phrases_common.FOLLOW_UPS_ADVICE
        if at > END:
            return
        text = render(rng, rng.choice(pool), slots)
        if bad and rng.random() < 0.5:
            text += ("" if self.zh else " ") + render(rng, self._mood(event.mood - 0.25), slots)
        subject = f"Re: {row['subject']}" if row["subject"] else None
        yield {**row, "at": at, "author": "customer", "text": self._finish(text), "subject": subject}
        later = _open_hours(at + timedelta(hours=rng.randrange(2, 30)))
        if bad and rng.random() < 0.45 and later <= END and row["channel"] != "chat":
            lead = "Marieke de Vries" if not self.zh and rng.random() < 0.4 else agent
            yield {**row, "at": later, "author": "agent", "agent": lead, "subject": subject,
                   "text": self.reply(topic, {**slots, "agent": lead.split()[0] if not self.zh else "陈芸"}, lead, False,
                                      source.SECOND_REPLIES)}  # fmt: skip

    def _retention(
        self, event: Event, slots: dict[str, str], base: dict[str, Any], agent: str
    ) -> Iterator[dict[str, Any]]:
        rng = self.rng
        if event.details["channel"] == "call":
            slots = {**slots, "offer": _OFFER_NAMES[event.details["offer"]][0]}
            note = Topic("", (), note=phrases_account.RETENTION_NOTES)
            yield {**base, "at": min(_open_hours(event.at), END), "channel": "call", "author": "agent", "agent": agent,
                   "language": "en", "note": (note, event, self._english(slots, event))}  # fmt: skip
            return
        if self.zh:
            text = f"{self.person.signature}您好，{rng.choice(('感谢您一直以来的支持', '有一阵子没收到您的消息了'))}。{slots['terms']}\n{rng.choice(phrases_zh.REPLY_ENDS)}"
        else:
            text = self.reply(TOPICS["praise"], slots, agent, False, phrases_account.RETENTION_MAILS)
        yield {**base, "at": min(_open_hours(event.at), END), "channel": "email", "author": "agent", "agent": agent,
               "subject": "谢谢您" if self.zh else rng.choice(("A small thank-you", "Your coffee", "For you")), "text": text}  # fmt: skip


def _tagged(pattern: str) -> tuple[str, str]:
    """``[induction] Will it ...`` -> ``induction``, ``Will it ...``: which answer goes with which question."""
    match = re.match(r"\[(\w+)\] *", pattern)
    return (match.group(1), pattern[match.end() :]) if match else ("", pattern)


def _orders_upper(text: str) -> str:
    return text.replace("lo-1", "LO-1")


def write_all(lives: list[Life], seed: int) -> tuple[list[dict[str, Any]], list[facts.DemoFact]]:
    """All interactions with ids by order of time, and the facts mentioned in passing."""
    rows: list[tuple[dict[str, Any], Writer]] = []
    for life in lives:
        writer = Writer(life, seed)
        rows.extend(
            (row, writer) for event in life.events for row in writer.thread(event) if row["at"] <= END
        )
    rows.sort(key=lambda pair: (pair[0]["at"], pair[0]["customer_id"]))
    for number, (row, _) in enumerate(rows, 1):
        row["id"] = f"IN-{number:06d}"
    told = _place_facts(rows, seed)
    for row, writer in rows:
        remark = row.pop("remark", "")
        if "note" in row:
            row["text"] = writer.note(remark, *row.pop("note"))
        elif "body" in row:
            write = writer.chat if row["channel"] == "chat" else writer.email
            row["text"] = write(row.pop("body"), remark)
    return [_as_row(row) for row, _ in rows], told


def _as_row(row: dict[str, Any]) -> dict[str, Any]:
    order: Order | None = row.pop("order")
    category = row.pop("category")
    row["at"] = row["at"].isoformat(timespec="seconds")
    row["order_id"] = order.id if order else None
    row["attributes"] = json.dumps({"category": category} if category else {})
    return row


def _place_facts(rows: list[tuple[dict[str, Any], Writer]], seed: int) -> list[facts.DemoFact]:
    """Chooses about 350 customers, and for each one or two facts and the messages in which they stand."""
    by_customer: dict[str, list[tuple[dict[str, Any], Writer]]] = {}
    for row, writer in rows:
        if ("body" in row or "note" in row) and row["at"].date() <= LAST_DAY:
            by_customer.setdefault(row["customer_id"], []).append((row, writer))
    rng = random.Random(f"larkfield facts {seed}")
    told = []
    for customer in sorted(by_customer):
        person = by_customer[customer][0][1].person
        if rng.random() > (0.75 if person.language == "zh" else 0.38):
            continue
        places = rng.sample(by_customer[customer], min(len(by_customer[customer]), rng.choice((1, 1, 2))))
        used: set[str] = set()
        for row, writer in places:
            voice = "agent" if "note" in row else "customer"
            kinds = [
                k for k in facts.KINDS
                if k.topic not in used and (not k.office or person.company)
                and (row["language"] == "en" or k.answers_zh)
            ]  # fmt: skip
            kind = rng.choice(kinds)
            used.add(kind.topic)
            text, answer = facts.compose(rng, kind, voice, row["language"], writer.partner)
            row["remark"] = text
            told.append(facts.DemoFact(customer, row["id"], kind.topic, text, answer,
                                       kind.question.replace("<name>", person.name), row["language"]))  # fmt: skip
    return told
