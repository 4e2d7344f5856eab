"""The tools of a turn: typed functions over the record, the index and the models, each returning data and evidence.

Who is asked about never comes from the model: for a customer it is the session's own account, for an agent the account
that code resolved from the message. What a role may use is declared in ``toolkit``.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from langchain_core.tools import StructuredTool

from assistant.dialogue import (
    account,
    assessment,
    model_status,
    negotiation,
    outlook,
    phrases,
    records,
    sales,
)
from assistant.dialogue.events import Session, ToolCalled
from assistant.dialogue.facts import sentences
from assistant.dialogue.focus import Focus
from assistant.dialogue.policy import Policy
from assistant.dialogue.toolkit import ARGUMENTS, ROLES, ListArgs, ToolResult
from assistant.errors import AssistantError, PermissionDenied, RecordError
from assistant.evidence import Evidence
from assistant.knowledge.words import is_chinese

# tools for agents that put several others together; each is a function of the toolbox
FOR_AGENTS: Mapping[str, Callable[..., ToolResult]] = {
    "account_history": account.account_history,
    "changes_since_contact": account.changes_since_contact,
    "reply_facts": account.reply_facts,
    "negotiation": negotiation.negotiation,
    "unusual_orders": assessment.unusual_orders,
    "risk_score": assessment.risk_score,
    "risk_levers": assessment.risk_levers,
    "model_status": model_status.model_status,
    "lifetime_value": outlook.lifetime_value,
    "sales_forecast": outlook.sales_forecast,
    "sales": sales.sales,
    "data_quality": records.data_quality,
    "customer_features": records.customer_features,
}


# an article that fits so much worse than the best, as a share of its score, only leads a small model astray
NEAR_BEST = 0.7
# an account's conversations with such a hit need none that fit so much worse, and no newest one beside them
SAID_IT, NEAR_SAID = 0.6, 0.3
# what is asked of the last contact is asked of the newest, whatever else fits
LATEST = re.compile(r"\b(?:last|latest|newest|most recent\w*)\b|最近|最后|最新|上一?次", re.I)
TELLING = 2  # sentences of a long message
# a greeting, a name below a letter, a word of thanks: nothing that was said
COURTESY = re.compile(r"(?:\W*[A-Za-zÀ-ÿ'’.-]+){1,2}\W*|[^，,]{0,5}|[^。]{2,4}，[^。，]{2,8}(?:客服)?\W*")


class Toolbox:
    """The tools as one session may use them, answering in one language.

    ``models`` gives a trained model by name or raises ModelError (``assistant.insight.load_model``). With ``focus``
    articles come as the lines that the question is about, else as the passages that were found. ``translate`` makes
    English of a Chinese question that finds nothing.
    """

    def __init__(
        self,
        *,
        store: Any,
        index: Any | None,
        models: Callable[[str], Any],
        session: Session,
        language: str = "en",
        focus: Focus | None = None,
        translate: Callable[[str], str] | None = None,
        policy: Policy | None = None,
        home: Path | None = None,
    ) -> None:
        self.store, self.index, self.models = store, index, models
        self.session, self.language = session, language
        self.focus, self.translate = focus, translate
        self.policy, self.home = policy or Policy(), home
        self.say = phrases.speaking(language)

    # -- calling ----------------------------------------------------------------------------------------------

    def call(self, name: str, arguments: Mapping[str, Any]) -> tuple[ToolCalled, list[Evidence]]:
        """Run one tool for this session. A tool that can't answer says so in its result; it doesn't raise."""
        started = time.perf_counter()
        try:
            self._allow(name)
            result = _function(name)(self, **self._own(name, arguments))
        except PermissionDenied:
            raise
        except AssistantError as error:
            told = self.session.is_staff or isinstance(error, RecordError)
            # what is wrong with a model or the index, and the command that mends it, is nothing for a customer
            result = ToolResult(
                {"error": error.message, "hint": error.hint}
                if told
                else {"error": self.say.unknown, "hint": ""}
            )
        seconds = round(time.perf_counter() - started, 4)
        return ToolCalled(name, dict(arguments), result.data, seconds), result.evidence

    def as_langchain(self) -> list[StructuredTool]:
        """The tools this session may use, for a graph or an agent of one's own."""
        return [
            StructuredTool.from_function(
                func=self._bound(name),
                name=name,
                description=(_function(name).__doc__ or "").strip().splitlines()[0],
                args_schema=ARGUMENTS[name],
                response_format="content_and_artifact",
            )
            for name, roles in ROLES.items()
            if self.session.role in roles
        ]

    def _bound(self, name: str) -> Callable[..., tuple[Any, list[Evidence]]]:
        def run(**arguments: Any) -> tuple[Any, list[Evidence]]:
            called, evidence = self.call(name, arguments)
            return called.result, evidence

        return run

    def _allow(self, name: str) -> None:
        if self.session.role not in ROLES.get(name, ()):
            raise PermissionDenied(f"{self.session.role} may not use {name}")

    def _own(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """A customer's tools look at the session's account, whatever the arguments say."""
        given = dict(arguments)
        if "customer" in ARGUMENTS[name].model_fields and not self.session.is_staff:
            if not self.session.customer:
                raise PermissionDenied("not signed in")
            given["customer"] = self.session.customer
        return given

    def customer_row(self, customer: str) -> dict[str, Any]:
        row = self.store.customer(customer)
        if row is None:
            raise phrases.unknown_customer(customer, self.store.closest_customers(customer))
        return dict(row)

    # -- the record -------------------------------------------------------------------------------------------

    def customer_profile(self, customer: str) -> ToolResult:
        """Who a customer is: name, contact, language, since when, tier, consent."""
        row = self.customer_row(customer)
        orders = self.store.orders(customer)
        data = {k: v for k, v in row.items() if v not in (None, "", "{}")}
        if not self.session.is_staff:
            for internal in ("churned", "churned_on", "attributes"):
                data.pop(internal, None)
        text = self.say.profile(data, orders, self._subscription_row(customer))
        return ToolResult(data, [self.record(customer, "profile", text)])

    def orders(
        self, customer: str, since: date | None = None, until: date | None = None, limit: int = 3
    ) -> ToolResult:
        """A customer's orders: how many, how much, and the newest with their lines."""
        self.customer_row(customer)
        rows = self.store.orders(customer, since=since, until=until)
        text = self.say.orders_summary(customer, rows, since, until)
        evidence = [self.record(customer, "orders", text)]
        for row in rows[:limit]:
            evidence.append(
                Evidence(
                    f"record:{row['id']}",
                    "record",
                    self.say.order(row),
                    f"order {row['id']}",
                    row["ordered_at"],
                )
            )
        kept = [r for r in rows if r.get("status") not in ("cancelled", "returned")]
        data = {
            "customer": customer,
            "count": len(rows),
            "total": round(sum(r.get("total") or 0 for r in kept), 2),
            "newest": [_order_data(r) for r in rows[:limit]],
        }
        return ToolResult(data, evidence)

    def order_status(self, order: str) -> ToolResult:
        """One order: status, dates, tracking, lines."""
        row = self.store.order(order)
        own = row is not None and (self.session.is_staff or row["customer_id"] == self.session.customer)
        if row is None or not own:  # the same words for "not there" and "not yours"
            raise phrases.unknown_order(order)
        text = self.say.order(row)
        return ToolResult(
            _order_data(row),
            [Evidence(f"record:{row['id']}", "record", text, f"order {row['id']}", row["ordered_at"])],
        )

    def subscription(self, customer: str) -> ToolResult:
        """A customer's subscriptions: plan, price, status, next delivery."""
        self.customer_row(customer)
        rows = self.store.subscriptions(customer)
        text = self.say.subscriptions(customer, rows)
        return ToolResult([_plain(r) for r in rows], [self.record(customer, "subscription", text)])

    def products(self, products: list[str]) -> ToolResult:
        """Products by code: name, category, price, description."""
        rows = [r for r in (self.store.product(p) for p in products) if r]
        evidence = [
            Evidence(f"record:{r['id']}", "record", self.say.product(r), f"product {r['id']}") for r in rows
        ]
        return ToolResult([_plain(r) for r in rows], evidence)

    def value(self, customer: str) -> ToolResult:
        """What a customer is worth: revenue in all and in the last 12 months, average order, tier."""
        row = self.customer_row(customer)
        rows = [r for r in self.store.orders(customer) if r.get("status") not in ("cancelled", "returned")]
        year_ago = (self.store.as_of - timedelta(days=365)).isoformat()
        totals = [r.get("total") or 0.0 for r in rows]
        recent = [r.get("total") or 0.0 for r in rows if r["ordered_at"] > year_ago]
        data = {
            "customer": customer,
            "orders": len(rows),
            "revenue": round(sum(totals), 2),
            "revenue_12_months": round(sum(recent), 2),
            "average_order": round(sum(totals) / len(totals), 2) if totals else 0.0,
            "tier": row.get("tier"),
            "currency": rows[0].get("currency") if rows else None,
        }
        return ToolResult(data, [self.record(customer, "value", self.say.value(row, data))])

    def contact_history(
        self, customer: str, query: str = "", since: date | None = None, until: date | None = None, k: int = 5
    ) -> ToolResult:
        """What a customer said and was told: the conversations that fit the question, else the newest."""
        row = self.customer_row(customer)
        rows = self.store.interactions(customer, since=since, until=until)
        evidence: list[Evidence] = []
        query = question_alone(query, row) if query else ""
        if query and self.index is not None and rows:
            # the account is known: whatever comes closest may hold the answer, there is no "nothing found"
            hits = self.index.search(
                query,
                role=self.session.role,
                customer=customer,
                k=k,
                kinds=["interaction"],
                one_per_source=True,
                since=since.isoformat() if since else None,
                until=until.isoformat() if until else None,
            )
            for hit in hits:
                said = self.store.interaction(hit.source.removeprefix("interaction:"))
                if said:
                    told = dict(said, text=self._telling(query, said["text"]))
                    text = self.say.interaction(told, around=hit.text, limit=220)
                    evidence.append(
                        Evidence(hit.source, "interaction", text, hit.source, said["at"], hit.score)
                    )
        best = max((e.score for e in evidence), default=0.0)
        clear = best >= SAID_IT and not LATEST.search(query)
        if clear:  # what fits so much worse only leads a small model astray
            evidence = [e for e in evidence if e.score >= NEAR_SAID * best]
            k = len(evidence)
        newest = [r for r in rows if not any(r["id"] in e.id for e in evidence)]
        for r in newest[: max(0, min(k, len(rows)) - len(evidence)) or (1 if query and not clear else 0)]:
            evidence.append(
                Evidence(
                    f"interaction:{r['id']}",
                    "interaction",
                    self.say.interaction(r),
                    f"interaction:{r['id']}",
                    r["at"],
                    0.2,
                )
            )
        if (len(rows) > 3 and not query) or not rows:
            evidence.insert(0, self.record(customer, "contacts", self.say.contacts(row, rows)))
        data = {
            "customer": customer,
            "count": len(rows),
            "best": round(max((e.score for e in evidence if query), default=0.0), 3),
            "shown": [{"id": e.id, "at": e.at, "text": e.text} for e in evidence],
        }
        return ToolResult(data, evidence)

    def _telling(self, question: str, text: str) -> str:
        """The few sentences of a long message that a question is about, with dots for what was left out."""
        lines = [line for line in sentences(text) if not COURTESY.fullmatch(line)]
        if self.focus is None or len(text) <= (40 if is_chinese(text) else 120) or len(lines) <= TELLING:
            return text
        chosen = self.focus.best(question, lines, TELLING, shared=0.0)
        gaps = ["" if after == before + 1 else "… " for before, after in pairwise([-1, *chosen])]
        return " ".join(gap + lines[i] for gap, i in zip(gaps, chosen, strict=True))

    # -- predictions ------------------------------------------------------------------------------------------

    def churn_risk(self, customer: str) -> ToolResult:
        """How likely a customer is to leave within 90 days, and why."""
        self.customer_row(customer)
        p = self.models("churn").predict(self.store, [customer])[0]
        data = {
            "customer": customer,
            "probability": round(p.probability, 3),
            "percent": round(100 * p.probability),
            "band": p.band,
            "active": p.active,
            "reasons": [
                {"feature": r.feature, "value": r.value, "direction": r.direction, "contribution": round(r.contribution, 3),
                 "text": r.text_zh if self.language == "zh" else r.text_en}
                for r in p.reasons[:4]
            ],
            "model_version": p.version,
        }  # fmt: skip
        return ToolResult(data, [self.prediction(customer, "churn", self.say.churn(customer, data))])

    def segment(self, customer: str) -> ToolResult:
        """Which segment a customer belongs to, and what marks it."""
        self.customer_row(customer)
        p = self.models("segments").predict(self.store, [customer])[0]
        zh = self.language == "zh"
        data = {
            "customer": customer,
            "segment": p.segment,
            "name": p.name_zh if zh else p.name_en,
            "profile": p.profile_zh if zh else p.profile_en,
        }
        return ToolResult(data, [self.prediction(customer, "segment", self.say.segment(customer, data))])

    def recommend(self, customer: str) -> ToolResult:
        """Which products fit a customer next, with reasons."""
        self.customer_row(customer)
        rows = self.models("recommend").recommend(self.store, customer, n=3)
        zh = self.language == "zh"
        data = []
        for r in rows:
            product = self.store.product(r.product_id) or {}
            name = (product.get("name_zh") if zh else None) or product.get("name") or r.name
            data.append(
                {"product": r.product_id, "name": name, "price": product.get("price"), "currency": product.get("currency"),
                 "reason": r.reason_zh if zh else r.reason_en}
            )  # fmt: skip
        return ToolResult(data, [self.prediction(customer, "recommend", self.say.recommend(customer, data))])

    def sentiment_trend(self, customer: str) -> ToolResult:
        """How a customer has felt: the mood of the newest conversations and how it has changed."""
        self.customer_row(customer)
        rows = [r for r in self.store.interactions(customer, limit=30) if r["author"] == "customer"][:12]
        labels = self.models("sentiment").classify([r["text"] for r in rows]) if rows else []
        moods = [
            (r["at"][:10], r["channel"], r["id"], label.label) for r, label in zip(rows, labels, strict=True)
        ]
        counts = {m: sum(x[3] == m for x in moods) for m in ("positive", "neutral", "negative")}
        data = {
            "customer": customer,
            "counts": counts,
            "newest": [{"at": a, "channel": c, "interaction": i, "sentiment": s} for a, c, i, s in moods[:5]],
        }
        evidence = [self.prediction(customer, "sentiment", self.say.sentiment(customer, data))]
        for r, label in list(zip(rows, labels, strict=True))[:6]:
            if label.label != "neutral" and len(evidence) < 3:
                evidence.append(
                    Evidence(
                        f"interaction:{r['id']}",
                        "interaction",
                        self.say.interaction(r),
                        f"interaction:{r['id']}",
                        r["at"],
                    )
                )
        return ToolResult(data, evidence)

    # -- offers and actions -----------------------------------------------------------------------------------

    def eligible_offers(self, customer: str) -> ToolResult:
        """Which offers the policy allows for a customer now, best first, with the reasons for and against."""
        from assistant.dialogue import offers, worth

        row = self.customer_row(customer)
        choice = offers.choose(
            self.store,
            row,
            risk=self.risk_band(customer),
            today=self.store.as_of,
            worth=worth.worth_of(self, row),
        )
        data = choice.as_dict(self.language)
        return ToolResult(
            data,
            [
                Evidence(
                    f"policy:offers/{customer}",
                    "policy",
                    self.say.offers(customer, data),
                    f"offer policy, {customer}",
                )
            ],
        )

    def next_action(self, customer: str) -> ToolResult:
        """What to do next for a customer and why, from open matters, risk and the offer policy."""
        from assistant.dialogue import offers, worth

        row = self.customer_row(customer)
        prediction = self.churn_prediction(customer)
        risk = str(prediction.band) if prediction else None
        drivers = [
            (r.text_en.removesuffix(" (raises)"), r.text_zh.removesuffix("（提高）"))
            for r in (prediction.reasons if prediction else ())
            if r.direction == "raises"
        ]
        actions = offers.next_actions(
            self.store,
            row,
            risk=risk,
            today=self.store.as_of,
            drivers=drivers,
            worth=worth.worth_of(self, row),
        )
        data = [a.as_dict(self.language) for a in actions]
        return ToolResult(data, [self.prediction(customer, "next action", self.say.actions(customer, data))])

    def list_customers(self, **arguments: Any) -> ToolResult:
        """Which customers fit a filter, or how many: by tier, country, plan, risk, complaints."""
        from assistant.dialogue import lists

        wanted = ListArgs(**arguments)
        try:
            predictions = {p.customer_id: p for p in self.models("churn").predict(self.store)}
        except AssistantError:
            predictions = {}
        data = lists.find(self.store, wanted, predictions)
        return ToolResult(
            data,
            [
                Evidence(
                    "record:customers",
                    "record",
                    self.say.customer_list(data),
                    "customers",
                    self.store.as_of.isoformat(),
                )
            ],
        )

    # -- knowledge --------------------------------------------------------------------------------------------

    def search_knowledge(self, query: str, k: int = 4) -> ToolResult:
        """What the company's articles say about something."""
        if self.index is None:
            return ToolResult({"hits": []})
        translated = ""

        def english(text: str) -> str:
            nonlocal translated
            translated = self.translate(text) if self.translate else ""
            return translated

        hits = self.index.search(
            query,
            role=self.session.role,
            customer=self.session.customer,
            k=k,
            kinds=["article"],
            translate=english if self.translate else None,
        )
        evidence = [h.as_evidence() for h in hits]
        if self.focus is not None:
            found = {e.source: e for e in reversed(evidence)}  # the best passage of each article
            best = max((e.score for e in evidence), default=0.0)
            near = dict.fromkeys(
                e for e in (found[e.source] for e in evidence) if e.score >= NEAR_BEST * best
            )
            articles = list(
                {e.source: (e, passages) for e, passages in map(self._in_language, near)}.values()
            )
            evidence = self.focus.pick(query, articles, translated)
        return ToolResult(
            {"hits": [{"source": e.source, "score": round(e.score, 3)} for e in evidence]}, evidence
        )

    def _in_language(self, found: Evidence) -> tuple[Evidence, list[Any]]:
        """An article with its passages, as it stands in the language of the answer where there is such a one."""
        role = self.session.role
        other = re.sub(r"(^|/)(?:en|zh)/", rf"\g<1>{self.language}/", found.source)
        if other != found.source and (passages := self.index.read(other, role=role)):  # type: ignore[union-attr]
            return replace(found, id=passages[0].as_evidence().id, source=other), passages
        return found, self.index.read(found.source, role=role)  # type: ignore[union-attr]

    # -- small things -----------------------------------------------------------------------------------------

    def t(self, en: str, zh: str) -> str:
        return zh if self.language == "zh" else en

    def record(self, customer: str, part: str, text: str) -> Evidence:
        return Evidence(
            f"record:{customer}/{part}", "record", text, f"{customer} {part}", self.store.as_of.isoformat()
        )

    def prediction(self, customer: str, part: str, text: str) -> Evidence:
        return Evidence(
            f"prediction:{customer}/{part}",
            "prediction",
            text,
            f"{customer} {part}",
            self.store.as_of.isoformat(),
        )

    def _subscription_row(self, customer: str) -> dict[str, Any] | None:
        rows = self.store.subscriptions(customer)
        return next((dict(r) for r in rows if r["status"] != "cancelled"), dict(rows[0]) if rows else None)

    def churn_prediction(self, customer: str) -> Any | None:
        """The prediction for one customer, None where no model is trained."""
        try:
            return self.models("churn").predict(self.store, [customer])[0]
        except AssistantError:
            return None

    def risk_band(self, customer: str) -> str | None:
        found = self.churn_prediction(customer)
        return str(found.band) if found else None


def _function(name: str) -> Callable[..., ToolResult]:
    return FOR_AGENTS.get(name) or getattr(Toolbox, name)


def question_alone(query: str, customer: Mapping[str, Any]) -> str:
    """The question without the account's id and name, which every one of its conversations shares."""
    for known in (customer["id"], customer.get("name")):
        if known:
            query = re.sub(rf"{re.escape(str(known))}(['’]s)?", " ", query, flags=re.IGNORECASE)
    return " ".join(query.split()) or "anything"


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in row.items() if v not in (None, "", "{}")}


def _order_data(row: Mapping[str, Any]) -> dict[str, Any]:
    data = _plain({k: v for k, v in row.items() if k not in ("lines", "attributes", "customer_id")})
    data["lines"] = [
        {
            "product": line.get("product_id"),
            "name": line.get("product"),
            "quantity": line["quantity"],
            "amount": line["amount"],
        }
        for line in row.get("lines", ())
    ]
    return data
