"""The administrators' tab for offers: their terms, and the rules that decide who may get one."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import gradio as gr

from assistant.errors import AssistantError
from assistant.web import charts, look
from assistant.web.admin import QUIET, Part
from assistant.web.fields import Fields

KINDS = ("discount", "gift", "upgrade", "credit")
# the rules that assistant/dialogue/offers.py knows, and what each holds
RULES: Mapping[str, type] = {
    "risk": list,
    "tiers": list,
    "plans": list,
    "countries": list,
    "min_tenure_months": int,
    "max_per_days": int,
    "needs_complaint_days": int,
    "ceiling_percent": float,
    "budget": float,
    "needs_consent": bool,
}
BANDS = ("low", "medium", "high")
EDITED = "edited an offer"
_HELP = (
    'As JSON, e.g. {"risk": ["medium", "high"], "min_tenure_months": 6, "max_per_days": 90}. Lists: risk, tiers, plans,'
    " countries. Numbers: min_tenure_months, max_per_days, needs_complaint_days, ceiling_percent, budget. needs_consent is true"
    " unless it says false."
)


def checked(row: Mapping[str, Any]) -> dict[str, Any]:
    """An offer as the record keeps it. Raises AssistantError for one that makes no sense."""
    found = {k: (v.strip() if isinstance(v, str) else v) for k, v in row.items()}
    for name in ("id", "name", "terms"):
        if not found.get(name):
            raise AssistantError(f"An offer needs {name}.")
    if found["kind"] not in KINDS:
        raise AssistantError(f"There is no kind {found['kind']!r}.", f"one of {', '.join(KINDS)}")
    value = found["value"] = float(found.get("value") or 0)
    if value < 0 or (found["kind"] == "discount" and not 0 < value <= 100):
        raise AssistantError(
            f"A {found['kind']} of {value:g} can't be.", "a discount is more than 0 and at most 100 percent"
        )
    for name in ("valid_from", "valid_to"):
        found[name] = found.get(name) or None
        try:
            found[name] = date.fromisoformat(found[name]).isoformat() if found[name] else None
        except ValueError as problem:
            raise AssistantError(f"{found[name]!r} is no day.", "2026-12-31") from problem
    if found["valid_from"] and found["valid_to"] and found["valid_from"] > found["valid_to"]:
        raise AssistantError("The offer ends before it begins.")
    for name in ("name_zh", "terms_zh"):
        found[name] = found.get(name) or None
    found["active"] = int(bool(found.get("active")))
    found["rules"] = json.dumps(rules(found.get("rules") or "{}"), ensure_ascii=False)
    return found


def rules(text: str) -> dict[str, Any]:
    """Rules as JSON, each known and of its kind. Raises AssistantError otherwise."""
    try:
        found = json.loads(text)
    except ValueError as problem:
        raise AssistantError(
            f"The rules can't be read: {problem}.", '{} for none, {"risk": ["high"]} for one'
        ) from problem
    if not isinstance(found, dict):
        raise AssistantError("The rules are no JSON object.", '{} for none, {"risk": ["high"]} for one')
    for name, value in found.items():
        kind = RULES.get(name)
        if kind is None:
            raise AssistantError(f"There is no rule {name!r}.", f"one of {', '.join(RULES)}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if kind is list:
            good = isinstance(value, list) and bool(value) and all(isinstance(x, str) for x in value)
        else:
            good = isinstance(value, bool) if kind is bool else number and value >= 0
        if not good:
            said = {list: "a list of texts", bool: "true or false"}.get(kind, "a number")
            raise AssistantError(f"The rule {name} is not {value!r}.", f"{said}")
        if name == "risk" and (unknown := set(value) - set(BANDS)):
            raise AssistantError(f"There is no risk {sorted(unknown)[0]!r}.", ", ".join(BANDS))
    return found


class Offers(Part):
    """All offers, and a form for one of them."""

    def lay_out(self, page: gr.Blocks, tab: gr.Tab) -> None:
        table = gr.HTML("", elem_id="offers")
        with gr.Row(equal_height=False):
            with gr.Column(min_width=300):
                id = gr.Dropdown(
                    [], label="Offer, or the id of a new one", allow_custom_value=True, elem_id="offer-id"
                )
                name = gr.Textbox(label="Name", max_length=120, elem_id="offer-name")
                name_zh = gr.Textbox(label="Name, Chinese", max_length=120)
                kind = gr.Radio(list(KINDS), value="discount", label="Kind")
                value = gr.Number(
                    label="Percent of a discount, money otherwise", value=0, elem_id="offer-value"
                )
            with gr.Column(min_width=300):
                terms = gr.Textbox(
                    label="Terms, as customers are told", lines=2, max_length=1000, elem_id="offer-terms"
                )
                terms_zh = gr.Textbox(label="Terms, Chinese", lines=2, max_length=1000)
                rule = gr.Textbox(
                    label="Rules: who may get it", info=_HELP, lines=3, max_length=4000, elem_id="offer-rules"
                )
                with gr.Row():
                    first = gr.Textbox(label="From", placeholder="2026-01-01", max_length=10, min_width=100)
                    last = gr.Textbox(label="To", placeholder="2026-12-31", max_length=10, min_width=100)
                active = gr.Checkbox(True, label="May be offered", elem_id="offer-active")
        with gr.Row():
            save = gr.Button("Save", variant="primary", size="sm", elem_id="offer-save")
            undo = gr.Button("Undo the last save", size="sm", elem_id="offer-undo")
        fields = [name, name_zh, kind, value, terms, terms_zh, rule, first, last, active]
        gr.on([page.load, tab.select], self.table, None, [table, id], **QUIET)
        form = Fields(fields)
        form.fill(id.change, self.opened, id, [], empty=_fields(None), of=id, **QUIET)
        save.click(self.save, [id, form.of, *fields], [table, id], **QUIET)
        form.fill(undo.click, self.undo, id, [table], of=id, **QUIET)

    def table(self, request: gr.Request) -> tuple[str, Any]:
        self.admin(request)
        rows = sorted(self.context.store.offers(), key=lambda o: (len(o["id"]), o["id"]))
        lines = [
            (
                o["id"], o["name"], o["kind"], f"{o['value']:g}", o["terms"], _said(o["rules"]),
                " – ".join(x or "" for x in (o["valid_from"], o["valid_to"])) if o["valid_from"] or o["valid_to"] else "always",
                "yes" if o["active"] else "no",
            )
            for o in rows
        ]  # fmt: skip
        head = ("Id", "Name", "Kind", "Value", "Terms", "Rules", "Valid", "Offered")
        choices = [(f"{o['id']} · {o['name']}", o["id"]) for o in rows]
        return charts.card("Offers", charts.table(head, lines)), gr.update(choices=choices)

    def opened(self, id: str | None, request: gr.Request) -> Any:
        self.admin(request)
        return Fields.found(_fields(self.context.store.offer(id) if id else None), id)

    def save(
        self, id: str | None, shown: str, name: str, name_zh: str, kind: str, value: float | None, terms: str, terms_zh: str,
        rules: str, valid_from: str, valid_to: str, active: bool, request: gr.Request,
    ) -> tuple[str, Any]:  # fmt: skip
        """``shown`` is the offer whose terms are on the screen: they must not become another one's."""
        person, store = self.admin(request), self.context.store
        given = {
            "id": id or "", "name": name, "name_zh": name_zh, "kind": kind, "value": value, "terms": terms, "rules": rules,
            "terms_zh": terms_zh, "valid_from": valid_from, "valid_to": valid_to, "active": active,
        }  # fmt: skip
        try:
            if id != shown and store.offer(id or "") is not None:  # a new one has nothing to wait for
                raise AssistantError(f"{id} is still being opened.", "save when its terms are there")
            row = checked(given)
            before = store.offer(row["id"])
            store.upsert("offers", [row])
            store.audit(person.name, person.role, EDITED, row["id"], {"before": before, "after": row})
            look.inform(f"{row['id']} is saved.")
        except AssistantError as error:
            look.warn(str(error))
        return self.table(request)

    def undo(self, id: str | None, request: gr.Request) -> tuple[Any, ...]:
        """Bring back what the last save of this offer replaced; what was new is not offered any more."""
        person, store = self.admin(request), self.context.store
        now = store.offer(id) if id else None
        last = next((a for a in store.audit_log(limit=2000, action=EDITED) if a["target"] == id), None)
        if now is None or last is None:
            look.warn("Nothing was changed in this offer.")
        else:
            before = last["detail"].get("before") or {**now, "active": 0}
            if not isinstance(before["rules"], str):
                before["rules"] = json.dumps(before["rules"], ensure_ascii=False)
            store.upsert("offers", [before])
            store.audit(person.name, person.role, EDITED, id, {"before": now, "after": before, "undo": True})
            look.inform(f"{id} is as it was before.")
        return Fields.found(_fields(store.offer(id) if id else None), id), self.table(request)[0]


def _fields(offer: Mapping[str, Any] | None) -> tuple[Any, ...]:
    o = offer or {"kind": "discount", "value": 0, "rules": "{}", "active": 1}
    return (
        o.get("name") or "", o.get("name_zh") or "", o["kind"], o["value"], o.get("terms") or "", o.get("terms_zh") or "",
        _text(o["rules"]), o.get("valid_from") or "", o.get("valid_to") or "", bool(o["active"]),
    )  # fmt: skip


def _said(rules: Any) -> str:
    """Rules for people: "risk medium or high; min tenure months 6"."""
    found = json.loads(rules) if isinstance(rules, str) else rules or {}
    said = {
        name: " or ".join(map(str, value)) if isinstance(value, list) else {True: "yes", False: "no"}.get(value, value)
        if isinstance(value, bool) else value
        for name, value in found.items()
    }  # fmt: skip
    return "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in said.items()) or "none"


def _text(rules: Any) -> str:
    return rules if isinstance(rules, str) else json.dumps(rules or {}, ensure_ascii=False)
