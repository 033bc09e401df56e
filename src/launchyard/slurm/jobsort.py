"""The order of rows: `P,t,-p` sorts by partition, then state, then priority from high to low."""

from collections.abc import Callable, Sequence

from launchyard.model.light import Any, NamedTuple
from launchyard.slurm import jobvalues as of
from launchyard.slurm.facts import Facts
from launchyard.slurm.jobfields import FIELDS, LETTERS

NUMBERS = {
    **{"jobid": "id", "arrayjobid": "id", "userid": "uid", "nice": "nice"},
    **{"priority": "priority", "prioritylong": "priority", "numnodes": "node_count", "numcpus": "cpus_milli"},
    **{"timelimit": "time_limit_s", "submittime": "submitted_at", "mincpus": "cpus_milli"},
    **{"minmemory": "memory_mib"},
}
"""Fields that are sorted as numbers, by the column that holds them."""
NEVER = float("inf")


def ranks(facts: Facts) -> Sequence[tuple[int, float]]:
    """By id; of an array the tasks that were started by index, then those that wait."""
    columns = (facts["id"], facts["task_array"], facts["task_index"])
    return [
        (id if array is None else array, NEVER if index is None else index)
        for id, array, index in zip(*columns, strict=True)
    ]


MADE: dict[str, tuple[str, Callable[[Facts], Sequence[Any]]]] = {
    "jobarrayid": ("id task_array task_index", ranks),
    "starttime": (of.STARTS, of.starts),
    "timeused": (of.TIMES, of.used_seconds),
    "groupid": ("uid", of.group_id),
}


class Key(NamedTuple):
    """One field, and whether the highest comes first."""

    name: str
    falling: bool


class Unsortable(ValueError):
    """`args[0]` is a letter that stands for nothing."""


def keys_of(text: str) -> list[Key]:
    """The keys of `-S`. Raises `Unsortable`."""
    found = []
    for part in text.split(","):
        if wrong := [one for one in part.strip().lstrip("+-") if one not in LETTERS or one == "s"]:
            raise Unsortable(wrong[-1])
        letter = part.strip().lstrip("+-")[:1]
        if letter in LETTERS:
            found.append(Key(LETTERS[letter], part.strip().startswith("-")))
    return found


def needs(keys: Sequence[Key]) -> list[str]:
    """The server's columns that the keys are made of."""
    columns = ["id", "task_array", "task_index"]
    for key in keys:
        made = MADE.get(key.name)
        columns += [NUMBERS[key.name]] if key.name in NUMBERS else (made or FIELDS[key.name][1:])[0].split()
    return list(dict.fromkeys(columns))


def in_order(facts: Facts, keys: Sequence[Key]) -> list[int]:
    """The positions of the rows in order; what is equal goes by `ranks`."""
    rows = list(range(facts.count))
    rows.sort(key=ranks(facts).__getitem__)
    for key in reversed(keys):
        rows.sort(key=_values(facts, key.name).__getitem__, reverse=key.falling)
    return rows


def _values(facts: Facts, name: str) -> Sequence[Any]:
    if name in NUMBERS or name in MADE:
        column = facts[NUMBERS[name]] if name in NUMBERS else MADE[name][1](facts)
        return [NEVER if one is None else one for one in column] if None in column else column
    return facts.texts(FIELDS[name].make)
