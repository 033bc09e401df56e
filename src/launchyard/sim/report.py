"""A report of a simulation: one HTML file that stands alone, light or dark as the reader's system is."""

from collections.abc import Sequence
from html import escape

from launchyard.sim.distribution import Outcome
from launchyard.sim.plots import curves, legend, spread_panel, strip, time_text, tops
from launchyard.sim.trace import Trace

STYLE = """
:root { --page: #fff; --panel: #f6f7f9; --line: #dde1e6; --text: #14181d; --muted: #5e6875; --accent: #0b62d6;
  --green: #00806a; --orange: #c2410c; color-scheme: light dark }
@media (prefers-color-scheme: dark) { :root { --page: #0f1216; --panel: #171b21; --line: #2a3038;
  --text: #f2f4f7; --muted: #98a2ae; --accent: #5aa2ff; --green: #4fd8be; --orange: #ff8a4c } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1040px; padding: 40px 24px 64px; background: var(--page);
  color: var(--text); font: 14px/20px system-ui, sans-serif; font-variant-numeric: tabular-nums }
h1 { font-size: 28px; line-height: 36px; font-weight: 600; margin: 0 0 4px; overflow-wrap: anywhere }
h2 { font-size: 20px; line-height: 28px; font-weight: 600; margin: 48px 0 4px }
h3 { font-size: 14px; font-weight: 600; margin: 0 0 8px }
p { margin: 0 0 16px; max-width: 72ch; color: var(--muted) }
.scroll { overflow-x: auto; margin-top: 24px }
table { border-collapse: collapse; width: 100% }
th, td { height: 36px; padding: 0 12px; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line) }
th { font-size: 12px; font-weight: 400; color: var(--muted) }
th:first-child, td:first-child { text-align: left; padding-left: 0 }
td:first-child { font-weight: 600 }
td small { display: block; font-size: 12px; line-height: 16px; font-weight: 400; color: var(--muted) }
td { padding-top: 4px; padding-bottom: 4px }
.best { color: var(--accent); font-weight: 600 }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 24px }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 16px;
  overflow-x: auto }
.panel + .stack, .stack + .stack { margin-top: 16px }
.panel h4 { font-size: 12px; line-height: 16px; font-weight: 400; color: var(--muted); margin: 8px 0 4px }
svg { display: block; width: 100%; height: auto }
svg text { font-size: 12px; fill: var(--muted) }
svg .label { fill: var(--text) }
.wide { min-width: 720px }
.panels svg { max-width: 400px }
.grid, .axis { stroke: var(--line); fill: none }
.hover { fill: transparent }
g:hover > .hover { fill: var(--line) }
.range { stroke: var(--muted); stroke-width: 2; stroke-linecap: round; opacity: .6 }
.dot { fill: var(--accent) }
.area { fill: var(--accent); opacity: .75 }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke: var(--muted) }
.line0, .line3, .line6 { stroke: var(--accent) }
.line1, .line4, .line7 { stroke: var(--green) }
.line2, .line5, .line8 { stroke: var(--orange) }
.line3, .line4, .line5 { stroke-dasharray: 7 4 }
.line6, .line7, .line8 { stroke-dasharray: 2 3 }
ul { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 24px; padding: 0; margin: 0 0 8px }
li { display: flex; align-items: center; gap: 8px }
li svg { width: 32px }
"""
COLUMNS = (
    "policy",
    "mean wait",
    "longest wait",
    "mean bounded slowdown",
    "wait by area",
    "utilisation",
    "makespan",
)


def page(title: str, trace: Trace, outcomes: Sequence[Outcome]) -> str:
    """The whole file."""
    users = len({job.user for job in trace.jobs})
    dropped = f"; {trace.dropped:,} lines of it no machine could have run" if trace.dropped else ""
    machine = (
        f"{trace.processors / trace.scale:g} CPUs" if trace.scale > 1 else f"{trace.processors:,} processors"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Simulation: {escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p>{len(trace.jobs):,} jobs of {users:,} users on {machine}, replayed on an empty machine{dropped}.</p>
{_table(outcomes)}
{_curves(outcomes)}
{_time(outcomes)}
{_waits("Waits by user", "The users with the most jobs.", outcomes, by_user=True)}
{_waits("Waits by size", _sizes(trace), outcomes, by_user=False)}
</body>
</html>
"""


def _table(outcomes: Sequence[Outcome]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
    least = min(one.measures.mean_bounded_slowdown for one in outcomes)
    rows = "".join(_row(one, least if len(outcomes) > 1 else None) for one in outcomes)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(one: Outcome, least: float | None) -> str:
    told = one.measures
    best = ' class="best"' if told.mean_bounded_slowdown == least else ""
    return (
        f"<tr><td>{escape(told.policy)}<small>{escape(one.meaning)}</small></td>"
        f"<td>{time_text(told.mean_wait_s)}</td><td>{time_text(told.max_wait_s)}</td>"
        f"<td{best}>{told.mean_bounded_slowdown:,.2f}</td><td>{time_text(told.area_weighted_wait_s)}</td>"
        f"<td>{told.utilisation:.1%}</td><td>{time_text(told.makespan_s)}</td></tr>"
    )


def _curves(outcomes: Sequence[Outcome]) -> str:
    names = [one.measures.policy for one in outcomes]
    drawn = curves("Slowdown: part of the jobs with at most so much", [one.slowdowns for one in outcomes])
    return (
        "<h2>Slowdown</h2><p>Part of the jobs whose time from submission to end was at most so many times "
        "their run (runs under 10 s count as 10 s). Higher is better.</p>"
        f'<div class="panel"><ul>{legend(names)}</ul>{drawn}</div>'
    )


def _time(outcomes: Sequence[Outcome]) -> str:
    span_s = max(one.measures.makespan_s for one in outcomes)
    panels = []
    for one, most in zip(outcomes, tops([one.timeline for one in outcomes]), strict=True):
        name, line = one.measures.policy, one.timeline
        used = strip(f"Utilisation under {name}", line.used, line.width_s, span_s, 1.0, "%")
        waiting = strip(f"Waiting jobs under {name}", line.waiting, line.width_s, span_s, most, "")
        panels.append(
            f'<div class="panel stack"><h3>{escape(name)}</h3><h4>Processors in use</h4>{used}'
            f"<h4>Jobs that wait</h4>{waiting}</div>"
        )
    return "<h2>Over time</h2><p>Means over short stretches, from the first submission on.</p>" + "".join(
        panels
    )


def _waits(title: str, words: str, outcomes: Sequence[Outcome], *, by_user: bool) -> str:
    shown = [(one, one.by_user if by_user else one.by_size) for one in outcomes]
    most_s = max(spread.high_s for _, spreads in shown for spread in spreads)
    panels = "".join(
        f'<div class="panel"><h3>{escape(one.measures.policy)}</h3>'
        + spread_panel(f"{title} under {one.measures.policy}", spreads, most_s)
        + "</div>"
        for one, spreads in shown
    )
    return (
        f"<h2>{title}</h2><p>{words} The dot is the median; the line leaves out the shortest and the longest "
        f'tenth. Figures on hover.</p><div class="panels">{panels}</div>'
    )


def _sizes(trace: Trace) -> str:
    return "By CPUs asked for." if trace.scale > 1 else "By processors asked for."
