"""Plots as HTML and SVG in the page's own colours: no library in the browser, readable in both themes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

SHORT = 19  # characters of a cell that is not broken into lines: a moment, an id
OUTCOMES = {"answered": "--c-accent", "handed_off": "--c-soft", "unknown": "--c-warn", "refused": "--c-bad"}


def reasons(rows: Sequence[Mapping[str, Any]]) -> str:
    """Reasons of a prediction as bars to the right (raise it) and to the left (lower it), with words for readers."""
    parts = [float(r["contribution"]) for r in rows]
    most = max(map(abs, parts), default=0.0) or 1.0
    both = min(parts, default=0.0) < 0 < max(parts, default=0.0)  # one side alone has the whole width
    out = []
    for r, part in zip(rows, parts, strict=True):
        side = "up" if part >= 0 else "down"
        way = "raises the risk" if part >= 0 else "lowers the risk"
        text = re.sub(r"\s*\((raises|lowers)\)$", "", str(r["text"]))  # the colour says so
        share = (50 if both else 100) * abs(part) / most
        out.append(
            f'<span>{escape(text)}</span><span class="track{" both" if both else ""}" role="img" aria-label="{way}, {part:+.2f}">'
            f'<span class="fill {side}" style="width:{share:.1f}%"></span></span>'
        )
    legend = (
        '<div class="legend"><span><i style="background:var(--c-bad)"></i>raises the risk</span>'
        '<span><i style="background:var(--c-good)"></i>lowers it</span></div>'
    )
    return f'<div class="reasons">{"".join(out)}</div>{legend}'


def stacked(days: Sequence[str], series: Mapping[str, Sequence[int]], *, colours: Mapping[str, str]) -> str:
    """Counts per day, one bar a day, one colour a series."""
    width, height, foot, left = 1100, 210, 20, 34
    totals = [sum(values[i] for values in series.values()) for i in range(len(days))]
    top = max(totals, default=0)
    if not top:
        return '<p class="empty">Nothing yet.</p>'
    top = max(4, top + top % 2)
    step = (width - left) / max(len(days), 7)
    bar = min(step * 0.72, 42)
    parts = []
    for share in (0, 0.5, 1):
        y = (height - foot) * (1 - share) + 4 * share
        parts.append(f'<line x1="{left}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--c-line)"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{_brief(top * share)}</text>')
    scale = (height - foot - 4) / top
    every = max(1, len(days) // 8)
    for i, day in enumerate(days):
        x, y = left + step * i + (step - bar) / 2, float(height - foot)
        for name, values in series.items():
            if values[i]:
                h = values[i] * scale
                y -= h
                parts.append(
                    f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar:.1f}" height="{h:.1f}" rx="2" fill="var({colours[name]})">'
                    f"<title>{escape(day)}: {values[i]} {escape(name.replace('_', ' '))}</title></rect>"
                )
        if i % every == 0:
            parts.append(
                f'<text x="{x + bar / 2:.1f}" y="{height - 3}" text-anchor="middle">{escape(day[5:])}</text>'
            )
    legend = "".join(
        f'<span><i style="background:var({colours[name]})"></i>{escape(name.replace("_", " "))} {sum(values):,}</span>'
        for name, values in series.items()
    )
    said = "; ".join(f"{name}: {sum(values)}" for name, values in series.items())
    return (
        f'<svg class="plot" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(said)}">{"".join(parts)}</svg>'
        f'<div class="legend">{legend}</div>'
    )


def _brief(value: float) -> str:
    """A number of an axis: 70, 4.5, 41k."""
    return f"{value / 1000:.3g}k" if value >= 10_000 else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def course(days: Sequence[str], series: Mapping[str, Sequence[float | None]], *, unit: str) -> str:
    """Values over days as lines, one a series; None where there is none. The first is drawn strongest."""
    known = [v for values in series.values() for v in values if v is not None]
    if not known:
        return '<p class="empty">Nothing yet.</p>'
    width, height, foot, left = 1100, 170, 20, 48
    colours = ("--c-accent", "--c-warn", "--c-soft")
    top = max(known) or 1.0
    step = (width - left - 12) / max(1, len(days) - 1)
    x = lambda i: left + 6 + step * i  # noqa: E731
    y = lambda v: (height - foot) * (1 - v / top) + 6 * v / top  # noqa: E731
    parts = [
        f'<line x1="{left}" x2="{width}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="var(--c-line)"/>'
        f'<text x="{left - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{_brief(v)}</text>'
        for v in (0, top / 2, top)
    ]
    for (name, values), colour in zip(series.items(), colours, strict=False):
        points = [(x(i), y(v), days[i], v) for i, v in enumerate(values) if v is not None]
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b, *_ in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="var({colour})" stroke-width="2"/>')
        parts += [
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="var({colour})"><title>{escape(day)}: {escape(name)} {v:.3g} {escape(unit)}'
            "</title></circle>"
            for a, b, day, v in points
        ]
    every = max(1, len(days) // 8)
    parts += [
        f'<text x="{x(i):.1f}" y="{height - 3}" text-anchor="middle">{escape(day[5:])}</text>'
        for i, day in enumerate(days)
        if i % every == 0
    ]
    legend = "".join(
        f'<span><i style="background:var({colour})"></i>{escape(name)}</span>'
        for name, colour in zip(series, colours, strict=False)
    )
    said = "; ".join(
        f"{name}: last {[v for v in values if v is not None][-1:] or ['none']}"
        for name, values in series.items()
    )
    return (
        f'<svg class="plot" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(said)} {escape(unit)}">{"".join(parts)}</svg>'
        f'<div class="legend">{legend}</div>'
    )


def moods(points: Sequence[tuple[str, str, str]]) -> str:
    """Moods over time, oldest first: (day, ``positive | neutral | negative``, what it was said in), and their course.

    The line is the mean of the last five, between -1 and 1.
    """
    if not points:
        return '<p class="empty">Nothing was written by this customer.</p>'
    level = {"positive": 1, "neutral": 0, "negative": -1}
    colour = {"positive": "--c-good", "neutral": "--c-soft", "negative": "--c-bad"}
    width, height, left = 400, 120, 58
    step = (width - left - 16) / max(1, len(points) - 1)
    at = lambda i, value: (left + 8 + step * i, 48 - 36 * value)  # noqa: E731
    parts = [
        f'<line x1="{left}" x2="{width}" y1="{48 - 36 * v}" y2="{48 - 36 * v}" stroke="var(--c-line)"/>'
        f'<text x="{left - 8}" y="{52 - 36 * v}" text-anchor="end">{name}</text>'
        for name, v in level.items()
    ]
    course = []
    for i in range(len(points)):
        last = [level[mood] for _, mood, _ in points[max(0, i - 4) : i + 1]]
        x, y = at(i, sum(last) / len(last))
        course.append(f"{x:.1f},{y:.1f}")
    parts.append(
        f'<polyline points="{" ".join(course)}" fill="none" stroke="var(--c-accent)" stroke-width="2"/>'
    )
    for i, (day, mood, said) in enumerate(points):
        x, y = at(i, level[mood])
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="var({colour[mood]})"><title>{escape(day)}: {escape(mood)} ·'
            f" {escape(said)}</title></circle>"
        )
    for i, anchor in ((0, "start"), (len(points) - 1, "end")):
        x, _ = at(i, 0)
        parts.append(
            f'<text x="{x:.1f}" y="{height - 4}" text-anchor="{anchor}">{escape(points[i][0])}</text>'
        )
    counts = {m: sum(p[1] == m for p in points) for m in level}
    label = ", ".join(f"{n} {m}" for m, n in counts.items())
    return (
        f'<svg class="plot" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
        f'<div class="legend"><span>{escape(label)}</span><span><i style="background:var(--c-accent)"></i>mean of five</span></div>'
    )


@dataclass(frozen=True)
class Link:
    """A cell that leads to another page."""

    text: str
    to: str

    def __str__(self) -> str:
        return self.text


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], *, numbers: Sequence[int] = ()) -> str:
    """A plain table; cells are escaped, columns in ``numbers`` stand to the right."""
    if not rows:
        return '<p class="empty">Nothing here yet.</p>'

    def cell(tag: str, value: Any, i: int) -> str:
        text = escape(str(value if value is not None else ""))
        if isinstance(value, Link):
            text = f'<a href="{escape(value.to)}" target="_blank" rel="noopener">{escape(value.text)}</a>'
        sort = "n" if i in numbers else "short" if tag == "td" and len(str(value)) <= SHORT else ""
        name = f' data-name="{escape(head[i])}"' if tag == "td" else ""
        return f"<{tag}{f' class={sort}' if sort else ''}{name}>{text}</{tag}>"

    def cells(tag: str, row: Sequence[Any]) -> str:
        return "".join(cell(tag, value, i) for i, value in enumerate(row))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="scroll" tabindex="0"><table class="plain stack"><tr>{cells("th", head)}</tr>{body}</table></div>'


def card(title: str, body: str, *, note: str = "") -> str:
    """A box with a heading; ``body`` is HTML."""
    small = f' <span class="soft small">{escape(note)}</span>' if note else ""
    return f'<section class="card"><h3>{escape(title)}{small}</h3>{body}</section>'


def facts(pairs: Sequence[tuple[str, Any]]) -> str:
    """Names and values side by side; those without a value are left out."""
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in pairs
        if value not in (None, "")
    )
    return f'<dl class="facts">{items}</dl>'
