"""Jobs of unlike parts as Slurm's commands ask for them: which options are of one part, which of all.

An option of the whole job may be given with any part. Some of one part are also those of the parts after it
that say nothing else.
"""

from collections.abc import Iterable, Sequence

from launchyard.model.light import Any
from launchyard.slurm import kept
from launchyard.slurm.body import body_of
from launchyard.slurm.readers import Asked

Pairs = list[tuple[str, str | None]]

OF_A_PART = frozenset(
    (
        *("bb", "bbf", "constraint", "contiguous", "core-spec", "cores-per-socket", "cpus-per-gpu"),
        *("cpus-per-task", "exclude", "exclusive", "extra-node-info", "gpu-bind", "gpu-freq", "gpus"),
        *("gpus-per-node", "gpus-per-socket", "gpus-per-task", "gres", "gres-flags", "hint", "licenses"),
        *("mem", "mem-bind", "mem-per-cpu", "mem-per-gpu", "mincpus", "nodefile", "nodelist", "nodes"),
        *("ntasks", "ntasks-per-core", "ntasks-per-gpu", "ntasks-per-node", "ntasks-per-socket"),
        *("ntasks-per-tres", "overcommit", "oversubscribe", "partition", "prefer", "reservation"),
        *("sockets-per-node", "spread-job", "switches", "thread-spec", "threads-per-core", "tmp"),
        *("tres-per-task", "use-min-nodes"),
    )
)
_CARRIED = (("exclude",), ("reservation",), ("mem", "mem-per-cpu", "mem-per-gpu"))
"""Each with what says otherwise."""


def of_a_part(options: Iterable[tuple[str, str | None]]) -> Pairs:
    return [one for one in options if one[0] in OF_A_PART]


def of_all(parts: Iterable[Pairs]) -> Pairs:
    """Options of the whole job, whichever part they were given with."""
    return [one for part in parts for one in part if one[0] not in OF_A_PART]


def carried(before: Pairs, own: Pairs) -> Pairs:
    """What a part takes from the one before it."""
    given = {name for name, _ in own}
    names = {name for names in _CARRIED if given.isdisjoint(names) for name in names}
    return [one for one in before if one[0] in names]


def divided(parts: Sequence[Pairs]) -> list[Pairs]:
    """The options of each part; those of the whole job with the first."""
    made: list[Pairs] = []
    for part in parts:
        own = of_a_part(part)
        made.append([*(carried(made[-1], own) if made else ()), *own])
    return [[*of_all(parts), *made[0]], *made[1:]]


def add_parts(body: dict[str, Any], further: Iterable[Asked]) -> None:
    """Put the further parts into the body of a job that has what was asked of its first."""
    names = [name for name in body["metadata"] if name.removeprefix(kept.PREFIX) in OF_A_PART]
    body["part_metadata"] = {name: body["metadata"].pop(name) for name in names}
    body["parts"] = [_part(asked) for asked in further]


def _part(asked: Asked) -> dict[str, Any]:
    body = body_of(asked, str)
    part: dict[str, Any] = {name: one for name, one in body.items() if name in ("resources", "metadata")}
    if partition := body.get("partition"):
        part["partition"] = partition.partition(",")[0]
    return part
