"""Plots as SVG for a page of its own: colours come from the page's style, so they follow light and dark.

A library that draws (matplotlib, plotly) would bring 20 to 100 MB or a script for a dozen plain plots, and neither
follows the reader's theme. Every plot says in words what it shows (``aria-label``), and each point in a tooltip.
Classes ``s1`` to ``s6`` are the series' colours, ``axis``, ``grid`` and ``soft`` the rest; see ``report.html.j2``.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from html import escape

WIDTH = 640
_RIGHT, _TOP = 14, 12


def bars(
    values: Sequence[tuple[str, float]],
    said: str,
    *,
    form: str = "{:.3g}",
    marked: Collection[str] = (),
    line: float | None = None,
) -> str:
    """Horizontal bars from 0, the value beside each; ``marked`` ones stand out, ``line`` is a value to compare
    with."""
    top = max([*(abs(v) for _, v in values if math.isfinite(v)), abs(line or 0.0)], default=0.0) or 1.0
    left = min(330, 24 + round(8 * max((_wide(name[:38]) for name, _ in values), default=0)))
    room, step = WIDTH - left - 74, 25
    height = step * len(values) + 10
    out = []
    for i, (name, value) in enumerate(values):
        y = 4 + step * i
        long = room * abs(value) / top if math.isfinite(value) else 0.0
        shade = " s1" if name in marked or not marked else " s0"
        out.append(
            f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{escape(_short(name))}</text>'
            f'<rect class="fill{shade}" x="{left}" y="{y + 3}" width="{max(long, 1):.1f}" height="{step - 7}" rx="3">'
            f"<title>{escape(name)}: {form.format(value)}</title></rect>"
            f'<text class="soft" x="{left + long + 6:.1f}" y="{y + 15}">{form.format(value)}</text>'
        )
    if line is not None:
        x = left + room * line / top
        out.insert(0, f'<path class="grid dash" d="M{x:.1f} 2V{height - 4}"/>')
    return _svg(said, WIDTH, height, out)


def grouped_bars(names: Sequence[str], series: Mapping[str, Sequence[float]], said: str) -> str:
    """Per name one horizontal bar for each series, shares 0 to 1."""
    left = min(260, 24 + round(8 * max((_wide(n[:34]) for n in names), default=0)))
    room, thin = WIDTH - left - 60, 13
    step = thin * len(series) + 14
    out = []
    for i, name in enumerate(names):
        y = 4 + step * i
        out.append(
            f'<text x="{left - 8}" y="{y + step / 2:.1f}" text-anchor="end">{escape(_short(name))}</text>'
        )
        for k, (kind, values) in enumerate(series.items()):
            value = values[i]
            long = room * value if math.isfinite(value) else 0.0
            shown = f"{value:.0%}" if math.isfinite(value) else "none"
            out.append(
                f'<rect class="fill s{k + 1}" x="{left}" y="{y + 2 + thin * k}" width="{max(long, 1):.1f}" height="{thin - 3}" rx="2">'
                f"<title>{escape(name)}, {escape(kind)}: {shown}</title></rect>"
                f'<text class="soft small" x="{left + long + 5:.1f}" y="{y + 11 + thin * k}">{shown}</text>'
            )
    return _svg(said, WIDTH, step * len(names) + 6, out) + legend(list(series))


def lines(
    labels: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    said: str,
    *,
    band: tuple[Sequence[float | None], Sequence[float | None]] | None = None,
    dashed: Collection[str] = (),
    points: bool = False,
    zero: bool = True,
    form: str = "{:,.4g}",
) -> str:
    """Lines over common labels (days, versions); None leaves a gap. ``band`` is (low, high) of an interval."""
    known = [v for values in series.values() for v in values if v is not None and math.isfinite(v)]
    known += [v for side in band or () for v in side if v is not None]
    low, high, ticks = _scale(min(known, default=0.0), max(known, default=1.0), zero)
    left, height, foot = 58, 240, 26
    room, tall = WIDTH - left - _RIGHT, height - _TOP - foot

    def x(i: int) -> float:
        return left + room * (i + 0.5) / max(len(labels), 1)

    def y(value: float) -> float:
        return _TOP + tall * (1 - (value - low) / (high - low))

    out = _grid(ticks, y, left, form)
    every = max(1, math.ceil(len(labels) / 7))
    for i in range(0, len(labels), every):
        out.append(
            f'<text class="soft" x="{x(i):.1f}" y="{height - 7}" text-anchor="middle">{escape(labels[i])}</text>'
        )
    if band:
        inside = [
            (i, a, b) for i, (a, b) in enumerate(zip(*band, strict=True)) if a is not None and b is not None
        ]
        if inside:
            upper = " ".join(f"{x(i):.1f},{y(b):.1f}" for i, _, b in inside)
            lower = " ".join(f"{x(i):.1f},{y(a):.1f}" for i, a, _ in reversed(inside))
            out.append(f'<polygon class="fill band" points="{upper} {lower}"/>')
    for k, (name, values) in enumerate(series.items()):
        path, pen = "", "M"
        for i, value in enumerate(values):
            if value is None or not math.isfinite(value):
                pen = "M"
                continue
            path += f"{pen}{x(i):.1f} {y(value):.1f}"
            pen = "L"
        style = " dash" if name in dashed else ""
        out.append(f'<path class="line s{k + 1}{style}" d="{path}"/>')
        for i, value in enumerate(values):
            if value is not None and math.isfinite(value):
                shown = 3.5 if points else 6
                ghost = "" if points else ' fill-opacity="0"'
                out.append(
                    f'<circle class="fill s{k + 1}" cx="{x(i):.1f}" cy="{y(value):.1f}" r="{shown}"{ghost}>'
                    f"<title>{escape(labels[i])}, {escape(name)}: {form.format(value)}</title></circle>"
                )
    return _svg(said, WIDTH, height, out) + (legend(list(series)) if len(series) > 1 else "")


def scatter(
    series: Mapping[str, Sequence[tuple[float, float, str]]],
    said: str,
    *,
    across: str = "",
    up: str = "",
    ticks: bool = True,
    x_form: Callable[[float], str] = "{:,.4g}".format,
) -> str:
    """Points (x, y, what it is) by series, beside axes that fit them."""
    every = [p for part in series.values() for p in part]
    xs, ys = [p[0] for p in every], [p[1] for p in every]
    x_low, x_high, x_ticks = _scale(min(xs, default=0.0), max(xs, default=1.0), False)
    y_low, y_high, y_ticks = _scale(min(ys, default=0.0), max(ys, default=1.0), False)
    left, height, foot = (58 if ticks else 26), 380, 40
    room, tall = WIDTH - left - _RIGHT, height - _TOP - foot

    def at(p: tuple[float, float, str]) -> tuple[float, float]:
        return (
            left + room * (p[0] - x_low) / (x_high - x_low),
            _TOP + tall * (1 - (p[1] - y_low) / (y_high - y_low)),
        )

    out = _grid(y_ticks, lambda v: at((0, v, ""))[1], left, "{:,.4g}") if ticks else []
    if ticks:
        out += [
            f'<text class="soft" x="{at((v, 0, ""))[0]:.1f}" y="{height - 22}" text-anchor="middle">{escape(x_form(v))}</text>'
            for v in x_ticks[:-1]
        ]
    out.append(f'<path class="axis" d="M{left} {_TOP}V{height - foot}H{WIDTH - _RIGHT}"/>')
    for k, (_, part) in enumerate(series.items()):
        for p in part:
            px, py = at(p)
            out.append(
                f'<circle class="fill dot s{k + 1}" cx="{px:.1f}" cy="{py:.1f}" r="3"><title>{escape(p[2])}</title></circle>'
            )
    out.append(
        f'<text class="soft" x="{left + room / 2:.0f}" y="{height - 5}" text-anchor="middle">{escape(across)}</text>'
        f'<text class="soft" transform="translate(12 {_TOP + tall / 2:.0f}) rotate(-90)" text-anchor="middle">{escape(up)}</text>'
    )
    return _svg(said, WIDTH, height, out) + (legend(list(series)) if len(series) > 1 else "")


def calibration(table: Sequence[Mapping[str, float]], said: str) -> str:
    """Predicted against observed shares, with the diagonal of perfect calibration."""
    top = max([0.1, *(max(row["predicted"], row["observed"]) for row in table)])
    _, high, ticks = _scale(0.0, min(1.0, top), True)
    size, left, foot = 340, 52, 42
    room = size - left - foot

    def at(p: float, o: float) -> tuple[float, float]:
        return left + room * p / high, _TOP + room * (1 - o / high)

    (x0, y0), (x1, y1) = at(0, 0), at(high, high)
    out = []
    for v in ticks:
        tx, ty = at(v, v)
        out.append(
            f'<path class="grid" d="M{x0:.1f} {ty:.1f}H{x1:.1f}"/>'
            f'<text class="soft" x="{x0 - 6:.1f}" y="{ty + 4:.1f}" text-anchor="end">{v:.0%}</text>'
            f'<text class="soft" x="{tx:.1f}" y="{y0 + 16:.1f}" text-anchor="middle">{v:.0%}</text>'
        )
    points = [(*at(row["predicted"], row["observed"]), row) for row in table]
    out.append(f'<path class="grid dash" d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"/>')
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in points)
    out.append(f'<path class="line s1" d="M{path}"/>')
    out += [
        f'<circle class="fill s1" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>said {row["predicted"]:.1%}, happened '
        f"{row['observed']:.1%}, {row['rows']:,.0f} rows</title></circle>"
        for x, y, row in points
    ]
    out.append(
        f'<text class="soft" x="{left + room / 2:.0f}" y="{y0 + 36:.1f}" text-anchor="middle">said by the model</text>'
        f'<text class="soft" transform="translate(12 {_TOP + room / 2:.0f}) rotate(-90)" text-anchor="middle">happened</text>'
    )
    return _svg(said, size, y0 + foot, out, square=True)


def legend(names: Sequence[str]) -> str:
    items = "".join(f'<li><i class="s{k + 1}"></i>{escape(name)}</li>' for k, name in enumerate(names))
    return f'<ul class="legend">{items}</ul>'


def _svg(said: str, width: float, height: float, parts: Sequence[str], *, square: bool = False) -> str:
    small = ' class="square"' if square else ""
    return (
        f'<svg{small} viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(said)}">'
        f"{''.join(parts)}</svg>"
    )


def _grid(ticks: Sequence[float], y: Callable[[float], float], left: float, form: str) -> list[str]:
    return [
        f'<path class="grid" d="M{left} {y(v):.1f}H{WIDTH - _RIGHT}"/>'
        f'<text class="soft" x="{left - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{form.format(v)}</text>'
        for v in ticks
    ]


def _scale(low: float, high: float, zero: bool) -> tuple[float, float, list[float]]:
    """Round ends and about five round steps between them."""
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if not high > low:
        low, high = low - (abs(low) or 1.0) * 0.5, high + (abs(high) or 1.0) * 0.5
    rough = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(m * unit for m in (1, 2, 2.5, 5, 10) if m * unit >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [round(k * step, 10) for k in range(first, last + 1)]
    return ticks[0], ticks[-1], ticks


def _wide(text: str) -> int:
    return sum(2 if ord(c) > 0x2E7F else 1 for c in text)


def _short(name: str) -> str:
    return name if len(name) <= 38 else name[:37] + "…"
