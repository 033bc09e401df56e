"""Plots of a report as inline SVG: no script, no font and no picture from anywhere. Colours are those of the
page's style, so that light and dark need one drawing."""

import math
from collections.abc import Iterable, Sequence
from html import escape

from launchyard.sim.distribution import Spread, Timeline

ROW = 20
LABELS = 76
RIGHT = 16
PANEL = 312
WIDE = 960
TIMES = (
    (1, "0"),
    (60, "1 min"),
    (3600, "1 h"),
    (86_400, "1 d"),
    (10 * 86_400, "10 d"),
    (100 * 86_400, "100 d"),
)
UNITS = (
    (365 * 86_400, "years"),
    (30 * 86_400, "months"),
    (86_400, "days"),
    (3600, "h"),
    (60, "min"),
    (1, "s"),
)


def spread_panel(title: str, spreads: Sequence[Spread], most_s: float) -> str:
    """A row a group: a line from the lowest to the highest tenth of the waits, a dot at the median."""
    height = ROW * len(spreads) + 24
    room = PANEL - LABELS - RIGHT

    def x(seconds: float) -> float:
        return LABELS + room * math.log(max(1, seconds)) / math.log(max(61, most_s))

    parts = [_tick(x(at), height - 20, label) for at, label in TIMES if at <= max(61, most_s)]
    for n, one in enumerate(spreads):
        y = n * ROW + ROW / 2
        parts.append(
            f"<g><title>{escape(one.label)}: {one.jobs:,} jobs, median {time_text(one.median_s)}, "
            f"a tenth over {time_text(one.high_s)}, longest {time_text(one.max_s)}</title>"
            f'<rect class="hover" x="0" y="{n * ROW}" width="{PANEL}" height="{ROW}"/>'
            f'<text class="label" x="{LABELS - 10}" y="{y + 4:g}" text-anchor="end">'
            f"{escape(_cut(one.label))}</text>"
            f'<path class="range" d="M{x(one.low_s):.1f} {y:g}H{x(one.high_s):.1f}"/>'
            f'<circle class="dot" cx="{x(one.median_s):.1f}" cy="{y:g}" r="3.5"/></g>'
        )
    return _svg(PANEL, height, title, parts)


def strip(title: str, values: Sequence[float], width_s: int, span_s: int, most: float, unit: str) -> str:
    """One quantity over time, as an area from the bottom; `most` is the top."""
    height, top, left = 72, 8, 44
    room = WIDE - left - RIGHT

    def x(seconds: float) -> float:
        return left + room * seconds / span_s

    def y(value: float) -> float:
        return height - 18 - (height - 18 - top) * value / most

    path = [f"M{left} {y(0):.1f}"]
    for n, value in enumerate(values):
        path.append(f"V{y(value):.1f}H{x(min(span_s, (n + 1) * width_s)):.1f}")
    path.append(f"V{y(0):.1f}Z")
    parts = [
        f'<path class="area" d="{"".join(path)}"/>',
        f'<path class="axis" d="M{left} {y(0):.1f}H{WIDE - RIGHT}"/>',
        f'<text x="{left - 8}" y="{top + 6}" text-anchor="end">{most:,.0%}</text>'
        if unit == "%"
        else f'<text x="{left - 8}" y="{top + 6}" text-anchor="end">{most:,.0f}</text>',
        f'<text x="{left - 8}" y="{y(0):.1f}" text-anchor="end">0</text>',
        *(
            f'<text x="{x(at):.1f}" y="{height - 3}" text-anchor="{anchor}">{label}</text>'
            for at, label, anchor in _dates(span_s)
        ),
    ]
    return _svg(WIDE, height, title, parts)


def curves(title: str, lines: Sequence[Sequence[tuple[float, float]]]) -> str:
    """Which part of the jobs has a slowdown of at most so much, a line for each policy."""
    height, top, left, bottom = 300, 10, 44, 34
    most = max(10.0, *(line[-1][0] for line in lines))
    room = WIDE - left - RIGHT

    def x(value: float) -> float:
        return left + room * math.log(value) / math.log(most)

    def y(part: float) -> float:
        return height - bottom - (height - bottom - top) * part

    parts = []
    for percent in (0, 25, 50, 75, 100):
        at = y(percent / 100)
        parts.append(f'<path class="grid" d="M{left} {at:.1f}H{WIDE - RIGHT}"/>')
        parts.append(f'<text x="{left - 8}" y="{at + 4:.1f}" text-anchor="end">{percent}%</text>')
    for power in range(int(math.log10(most)) + 1):
        parts.append(
            f'<text x="{x(10**power):.1f}" y="{height - bottom + 16}" text-anchor="middle">'
            f"{10**power:,}</text>"
        )
    parts.append(f'<text x="{WIDE - RIGHT}" y="{height - 2}" text-anchor="end">bounded slowdown</text>')
    for n, line in enumerate(lines):
        points = "".join(f"H{x(value):.1f}V{y(part):.1f}" for value, part in line)
        parts.append(f'<path class="line line{n}" d="M{left} {y(0):.1f}{points}H{WIDE - RIGHT}"/>')
    return _svg(WIDE, height, title, parts)


def legend(names: Iterable[str]) -> str:
    """Which line is whose."""
    return "".join(
        f'<li><svg width="32" height="10" aria-hidden="true"><path class="line line{n}" d="M1 5H31"/></svg>'
        f"{escape(name)}</li>"
        for n, name in enumerate(names)
    )


def tops(timelines: Sequence[Timeline]) -> list[float]:
    """How high each plot of waiting jobs is: all alike, but for those that would make the others flat."""
    highest = [max(1.0, *one.waiting) for one in timelines]
    alike = [one for one in highest if one <= 4 * min(highest)]
    return [max(alike) if one in alike else one for one in highest]


def time_text(seconds: float) -> str:
    """`42 s`, `12 min`, `3.4 h`, `5.1 d`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 2 * 86_400 else f"{seconds / 86_400:.1f} d"


def _dates(span_s: int) -> list[tuple[int, str, str]]:
    """Where the time axis says how far it is: seconds, text, and where the text is anchored."""
    unit_s, name = next(one for one in UNITS if span_s >= 3 * one[0] or one[0] == 1)
    step = max(1, math.ceil(span_s / unit_s / 12))
    later = [(n * unit_s, str(n), "middle") for n in range(step, span_s // unit_s + 1, step)]
    return [(0, f"0 {name}", "start"), *later]


def _tick(x: float, bottom: float, label: str) -> str:
    return (
        f'<path class="grid" d="M{x:.1f} 0V{bottom:g}"/>'
        f'<text x="{x:.1f}" y="{bottom + 15:g}" text-anchor="middle">{label}</text>'
    )


def _cut(label: str) -> str:
    return label if len(label) <= 10 else label[:9] + "…"


def _svg(width: int, height: float, title: str, parts: Iterable[str]) -> str:
    return (
        f'<svg class="{"wide" if width == WIDE else ""}" viewBox="0 0 {width} {height:g}" role="img"'
        f' aria-label="{escape(title, quote=True)}">' + "".join(parts) + "</svg>"
    )
