"""The columns of licences."""

from collections.abc import Mapping

from launchyard.api.tables.column import Column

Licence = tuple[str, int, int]
"""Name, how many there are, how many are held."""

COLUMNS: Mapping[str, Column[Licence]] = {
    "name": lambda one: one[0],
    "count": lambda one: one[1],
    "used": lambda one: one[2],
}
