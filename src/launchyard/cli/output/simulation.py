"""The table of a simulation: a row a policy."""

from collections.abc import Mapping, Sequence
from typing import Any

from launchyard.cli.output.screen import STRONG
from launchyard.cli.output.table import Cell, print_table
from launchyard.cli.output.units import short_time

HEAD = ("POLICY", "JOBS", "MEAN WAIT", "LONGEST", "SLOWDOWN", "WAIT BY AREA", "USED", "MAKESPAN")


def print_measures(results: Sequence[Mapping[str, Any]]) -> None:
    """The least slowdown of several stands out."""
    least = min(one["mean_bounded_slowdown"] for one in results)
    several = len(results) > 1
    print_table(HEAD, [_row(one, several and one["mean_bounded_slowdown"] == least) for one in results])


def _row(one: Mapping[str, Any], best: bool) -> list[Cell]:
    slowdown = f"{one['mean_bounded_slowdown']:.2f}"
    return [
        one["policy"],
        str(one["jobs"]),
        short_time(one["mean_wait_s"]),
        short_time(one["max_wait_s"]),
        (slowdown, STRONG) if best else slowdown,
        short_time(one["area_weighted_wait_s"]),
        f"{one['utilisation']:.1%}",
        short_time(one["makespan_s"]),
    ]
