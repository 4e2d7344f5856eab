"""English."""

import re
from collections.abc import Sequence
from datetime import date

from assistant.dialogue.phrases.figures import Row, attributes, money, number, short, spent, worth


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
                f"{len(orders)} orders, in total {spent(orders)}, the last on {orders[0]['ordered_at'][:10]}."
            )
        facts += [f"{k}: {v}." for k, v in attributes(row)]
        return " ".join([text, *facts])

    @staticmethod
    def orders_summary(customer: str, rows: Sequence[Row], since: date | None, until: date | None) -> str:
        span = f" from {since} to {until}" if since and until else ""
        if not rows:
            return f"Customer {customer} has no orders{span}."
        kept = [r for r in rows if r.get("status") not in ("cancelled", "returned")]
        text = (
            f"Customer {customer} has {len(rows)} order{'s' if len(rows) != 1 else ''}{span}, in total "
            f"{money(sum(r.get('total') or 0 for r in kept), rows[0].get('currency'))}."
        )
        if kept:
            mean = sum(r.get("total") or 0 for r in kept) / len(kept)
            text += f" The average order is {money(mean, rows[0].get('currency'))}."
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
            f"{number(line['quantity'])} x {line.get('product') or line.get('product_id')}"
            for line in row.get("lines", ())[:12]
        )
        more = len(row.get("lines", ())) - 12
        text = f"Order {row['id']} was placed on {row['ordered_at'][:10]}"
        if row.get("delivered_at"):
            text += f" and arrived on {row['delivered_at'][:10]}"
        text += f"; status: {row.get('status') or 'placed'}"
        text += f", total {money(row.get('total'), row.get('currency'))}."
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
                text += f", price {money(r['price'], r.get('currency'))} a {r.get('interval') or 'month'}"
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
            text += f", {money(row['price'], row.get('currency'))}"
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
            f"Customer {row['id']} has spent {money(data['revenue'], c)} in {data['orders']} orders, "
            f"{money(data['average_order'], c)} on average, {money(data['revenue_12_months'], c)} in the last 12 months."
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
        return f"{who} on {row['at'][:10]} ({row['channel']}): {subject}{short(row['text'], limit, around)}"

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
            f"{i}. {r['name']} ({r['product']}" + (f", {money(r['price'], r['currency'])}" if r.get("price") else "") + ")"
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
                + ", ".join(f"{o['name']} ({o['id']}{worth(o)})" for o in data["offers"][1:3])
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
    def to_customer(line: str) -> str:
        """A line about a customer, said to that customer."""
        verbs = {"is": "are", "has": "have", "was": "were", "lives": "live", "had": "had"}
        return re.sub(
            r"\b[Cc]ustomer \S+ (is|has|was|had|lives)\b", lambda m: f"You {verbs[m[1]]}", line, count=1
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
    sorry = "I'm sorry that this went wrong."
    closest_said = "I'm not sure I know this. What comes closest is:"
    closest = "I'm not sure I know this. What comes closest is in our article “{title}”:"
    what_i_am = "I'm {company}'s assistant, a computer program, not a person. If you'd rather have a person, write \"talk to a person\"."
    offer_person = 'If you\'d rather settle this with a person, just write "talk to a person".'
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
