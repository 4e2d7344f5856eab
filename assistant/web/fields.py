"""Fields in which somebody may be typing while an answer is on its way: what was typed stays.

A handler's result comes when it comes: after a click it may find a field that holds other words than at the click. So
boxes whose text is sent are emptied in the browser at once (:func:`on_submit`), and values that a handler found are put
only into fields that nobody has changed since it was asked (:class:`Fields`). What the steps hand to each other stands in
components that the page doesn't show, which live in the browser and hold what is on the screen.

Gradio runs the listeners of one trigger one after the other, each when the one before has ended; a listener without a
Python function runs in the browser alone, so one that stands first acts before the next key is pressed.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

_NEVER: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def on_submit(
    box: gr.Textbox, do: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any], **options: Any
) -> Any:
    """Have ``do(text, *inputs)`` do something with what is sent from a box.

    ``do`` returns or yields (text to be put back, "" where it was taken; then what is for ``outputs``). The box is empty
    from the moment of sending; what is put back comes before what was typed meanwhile. Returns the event that ``do`` is.
    """
    sent, back = gr.Textbox(visible=False), gr.Textbox(visible=False)
    away = box.submit(None, box, [sent, box], js="(text) => [text, '']", **_NEVER)
    # each message is one of its own: none is left out because the one before is still on its way
    done = away.then(do, [sent, *inputs], [back, *outputs], **{**options, "trigger_mode": "multiple"})
    again = "(text, now) => ['', text && now ? text + '\\n' + now : text || now]"
    done.success(None, [back, box], [back, box], js=again, **_NEVER)
    done.failure(None, [sent, box], [sent, box], js=again, **_NEVER)
    return done


class Acts:
    """Counts what somebody does on one page, as the value of a ``gr.State``: a result is shown over the page only where
    nothing was begun after it. ``on`` is what the page shows or is about to show (an id).

    Gradio sends what a generator has yielded last once more when it ends: one that others may have overtaken by then has
    to yield nothing new (``gr.skip()``) as its last.
    """

    def __init__(self) -> None:
        self.last = 0
        self.on = ""

    def begin(self) -> int:
        self.last += 1
        return self.last


class Fields:
    """Fields that handlers fill. ``of`` holds what they were filled from (an id), "" while that is being fetched.

    ``joined``: where somebody has typed meanwhile, what was found goes below instead of nowhere.
    """

    def __init__(self, fields: Sequence[Any], *, joined: Sequence[Any] = ()) -> None:
        self.fields = list(fields)
        self.of = gr.Textbox("", visible=False)
        # what stood in them when they were filled, emptied or asked about: what differs from it, somebody has typed
        self._known = gr.JSON([field.value for field in fields], visible=False)
        self._joined = [field in joined for field in fields]

    @staticmethod
    def found(values: Sequence[Any], of: str | None = None) -> dict[str, Any]:
        """What a handler gives for these fields."""
        return {"values": list(values), "of": of}

    def empty(self, triggers: Any, values: Sequence[Any]) -> Any:
        """Put these values into them at once, in the browser."""
        given = json.dumps(list(values), ensure_ascii=False)
        js = f"() => ['', {given}, ...{given}]"
        return gr.on(triggers, None, None, [self.of, self._known, *self.fields], js=js, **_NEVER)

    def fill(
        self, triggers: Any, do: Callable[..., Any], inputs: Any, outputs: Sequence[Any], *,
        empty: Sequence[Any] | None = None, over: bool = True, of: Any = None, **options: Any,
    ) -> Any:  # fmt: skip
        """Have ``do`` find values: it returns or yields (``found(...)`` or None, then what is for ``outputs``).

        ``empty``: values for the time until then. ``over``: what stands in the fields when it is asked may be replaced;
        otherwise only what nobody has typed there. ``of`` is a component: values found for something else than it
        holds when they come are dropped. Returns the event that ``do`` is.
        """
        came = gr.JSON(visible=False)
        if empty is not None:
            begun = self.empty(triggers, empty)
        elif over:
            begun = gr.on(triggers, None, self.fields, self._known, js="(...now) => [now]", **_NEVER)
        else:
            begun = None
        if begun is None:
            event = gr.on(triggers, do, inputs, [came, *outputs], **options)
        else:
            event = begun.then(do, inputs, [came, *outputs], **{"trigger_mode": "multiple", **options})
        event.success(
            None,
            [came, self._known, self.of, *([of] if of is not None else []), *self.fields],
            [came, self._known, self.of, *self.fields],
            js=_MERGE % (json.dumps(of is not None), json.dumps(self._joined)),
            **_NEVER,
        )
        return event


# undefined leaves a component as it is
_MERGE = """(came, known, shown, ...now) => {
  const bound = %s, joined = %s, wanted = bound ? now.shift() : null;
  if (!came || (bound && (came.of ?? "") !== (wanted ?? ""))) return [null];
  const same = (a, b) => JSON.stringify(a ?? "") === JSON.stringify(b ?? "");
  const kept = now.map((value, i) => same(value, known[i]) || (joined[i] && !value));
  const below = (value, text) => (text ? `${value}\\n\\n${text}` : undefined);
  return [null, known.map((value, i) => (kept[i] ? came.values[i] : value)), came.of ?? shown,
    ...now.map((value, i) => (kept[i] ? came.values[i] : joined[i] ? below(value, came.values[i]) : undefined))];
}"""
