"""The administrators' tab of settings: those that may change while the server runs, and all others as they are."""

from collections.abc import Mapping
from typing import Any

import gradio as gr
from pydantic import SecretStr, ValidationError

from assistant.errors import AssistantError
from assistant.files import write_json
from assistant.settings import EDITABLE, PREFIX, Settings, from_environment, kept_settings
from assistant.web import charts, look
from assistant.web.admin import QUIET, Part
from assistant.web.fields import Fields

CHANGED = "changed settings"
_READ = "settings"  # what the fields are filled from
_NAMES = {
    "company_name": "Company name",
    "company_color": "Colour of the widget",
    "widget_greeting": "Greeting of the widget",
    "widget_greeting_zh": "Greeting of the widget, Chinese",
    "tone": "Tone of the answers",
    "widget_origins": "Sites that may show the widget",
    "questions_a_minute": "Questions a minute from one address",
    "refresh_minutes": "Minutes between looks for changes",
    "retrain_hours": "Hours between looks at the models",
}


class Configuration(Part):
    """What was set here is kept in the home folder and holds at once; what the environment sets can't be changed here."""

    _fields: dict[str, Any]
    _form: Fields

    def lay_out(self, page: gr.Blocks, tab: gr.Tab) -> None:
        fields: list[Any] = []
        with gr.Column(elem_classes="fields"), gr.Row():
            for name in EDITABLE:
                info = (Settings.model_fields[name].description or "").split(";")[0]
                more = {"label": _NAMES[name], "info": info, "elem_id": f"set-{name}", "min_width": 280}
                if Settings.model_fields[name].annotation in (int, float):
                    fields.append(gr.Number(minimum=0, **more))  # type: ignore[arg-type]
                else:
                    fields.append(gr.Textbox(max_length=1000, **more))  # type: ignore[arg-type]
        with gr.Row():
            save = gr.Button("Save", variant="primary", size="sm", elem_id="set-save")
            undo = gr.Button("Undo the last save", size="sm", elem_id="set-undo")
        shown = gr.HTML("", elem_id="settings")
        form = self._form = Fields(fields)
        # what somebody has begun to write stays when the tab is opened again
        form.fill([page.load, tab.select], self.show, None, [*fields, shown], over=False, **QUIET)
        self._fields = dict(zip(EDITABLE, fields, strict=True))
        form.fill(save.click, self.save, {*fields, form.of}, [*fields, shown], **QUIET)
        form.fill(undo.click, self.undo, None, [*fields, shown], **QUIET)

    def show(self, request: gr.Request) -> tuple[Any, ...]:
        """The values; the fields around them; the table of all settings."""
        self.admin(request)
        settings = self.context.settings
        fields = []
        for name in EDITABLE:
            fixed = from_environment(name)
            info = (Settings.model_fields[name].description or "").split(";")[0]
            said = f"Set by {PREFIX}{name.upper()}, which wins" if fixed else info
            fields.append(gr.update(interactive=not fixed, info=said))
        values = Fields.found([getattr(settings, name) for name in EDITABLE], _READ)
        return values, *fields, self._table()

    def save(self, given: dict[Any, Any], request: gr.Request) -> tuple[Any, ...]:
        """``given`` holds what stands in the fields."""
        self.admin(request)
        if given[self._form.of] != _READ:  # what stands in the fields is nobody's wish
            look.warn("The settings are still being read: save when they are there.")
            return None, *self.show(request)[1:]
        return self.set({name: given[field] for name, field in self._fields.items()}, request)

    def set(self, given: dict[str, Any], request: gr.Request) -> tuple[Any, ...]:
        """Keep those of these values that differ from what holds now."""
        self.admin(request)
        settings = self.context.settings
        changes = {}
        for name, value in given.items():
            value = value.strip() if isinstance(value, str) else value
            if value is None:  # an emptied number
                value = Settings.model_fields[name].default
            if not from_environment(name) and value != getattr(settings, name):
                changes[name] = value
        if changes and not self._change(request, changes):
            return None, *self.show(request)[1:]  # what was written stays, to be mended
        if not changes:
            look.inform("Nothing was changed.")
        return self.show(request)

    def undo(self, request: gr.Request) -> tuple[Any, ...]:
        """The values before the last save again; once more, and they are those after it."""
        self.admin(request)
        last = next(iter(self.context.store.audit_log(limit=1, action=CHANGED)), None)
        if last is None:
            look.warn("Nothing was changed here yet.")
        else:
            self._change(request, dict(last["detail"]["before"]))
        return self.show(request)

    def _change(self, request: gr.Request, changes: dict[str, Any]) -> bool:
        person, context = self.admin(request), self.context
        kept = kept_settings(self.home)
        before = {name: kept.get(name) for name in changes}
        try:
            settings = keep_settings(context.settings, changes)
        except AssistantError as error:
            look.warn(str(error))
            return False
        context.apply(settings)
        names = ", ".join(changes)
        detail = {"before": before, "after": changes}
        context.store.audit(person.name, person.role, CHANGED, names, detail)
        look.inform(f"Saved: {', '.join(_NAMES[name] for name in changes)}. It holds from now on.")
        return True

    def _table(self) -> str:
        settings, kept = self.context.settings, kept_settings(self.home)
        rows = []
        for name, field in Settings.model_fields.items():
            value = getattr(settings, name)
            by = "environment" if from_environment(name) else "this page" if name in kept else ""
            if not by:
                by = "default" if value == field.default else "at the start"
            rows.append((PREFIX + name.upper(), _value(value), by, field.description or ""))
        head = ("Environment variable", "Value", "Set by", "Meaning")
        note = "all of them; those that are not above are read at the start: set the variable and start again"
        return charts.card("Settings", charts.table(head, rows), note=note)


def _value(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(secret)" if value.get_secret_value() else "none"
    return "none" if value in (None, "") else str(value)


def keep_settings(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Keep changed settings in the home folder (None: the default again); the settings that hold from now on.

    Raises AssistantError for what can't be changed here or is no value of the setting; nothing is written then.
    """
    for name in changes:
        if name not in EDITABLE:
            raise AssistantError(
                f"{name} can't be changed while the server runs.", f"set {PREFIX}{name.upper()}"
            )
        if from_environment(name):
            raise AssistantError(f"The environment sets {name}.", f"unset {PREFIX}{name.upper()} first")
    kept = {**kept_settings(settings.home_dir), **changes}
    kept = {name: value for name, value in kept.items() if value is not None}
    try:
        checked = Settings(home=settings.home_dir, **kept)
    except ValidationError as problem:
        first = problem.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        raise AssistantError(
            f"{name.replace('_', ' ')}: {first['msg'].removeprefix('Value error, ')}"
        ) from problem
    default = {name: Settings.model_fields[name].default for name in changes if changes[name] is None}
    write_json(settings.home_dir / "settings.json", kept)
    values = {name: getattr(checked, name) for name in changes}
    return settings.model_copy(update=values | default)
