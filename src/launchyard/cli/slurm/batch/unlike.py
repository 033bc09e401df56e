"""sbatch for jobs of unlike parts: which options are of one part, and which of the whole job.

An option of the whole job may be given with any part. `--mem`, `--exclude` and `--reservation` of one part
are also those of the parts after it that say nothing else.
"""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

from launchyard.cli.slurm.batch.choices import Choices, Pairs, asked
from launchyard.slurm import kept
from launchyard.slurm.body import body_of
from launchyard.slurm.readers import Asked

OF_A_PART = frozenset(
    (
        *("bb", "bbf", "constraint", "contiguous", "core-spec", "cores-per-socket", "cpus-per-gpu"),
        *("cpus-per-task", "exclude", "exclusive", "extra-node-info", "gpu-bind", "gpu-freq", "gpus"),
        *(
            "gpus-per-node",
            "gpus-per-socket",
            "gpus-per-task",
            "gres",
            "gres-flags",
            "hint",
            "licenses",
            "mem",
        ),
        *("mem-bind", "mem-per-cpu", "mem-per-gpu", "mincpus", "nodefile", "nodelist", "nodes", "ntasks"),
        *("ntasks-per-core", "ntasks-per-gpu", "ntasks-per-node", "ntasks-per-socket", "ntasks-per-tres"),
        *("overcommit", "oversubscribe", "partition", "prefer", "reservation", "sockets-per-node"),
        *("spread-job", "switches", "thread-spec", "threads-per-core", "tmp", "tres-per-task"),
        *("use-min-nodes",),
    )
)
_CARRIED = (("exclude",), ("reservation",), ("mem", "mem-per-cpu", "mem-per-gpu"))
"""Each with what says otherwise."""


def choices_of(scripts: Sequence[Pairs], whole: Choices, lines: Sequence[Pairs]) -> list[Choices]:
    """What was asked of each part; of the whole job with the first."""
    made: list[Choices] = []
    for script, line in zip_longest(scripts, lines):
        own = Choices(_of_a_part(script), (), _of_a_part(whole.variables), _of_a_part(line))
        made.append(_carried(made[-1], own) if made else own)
    first = made[0]
    script, line = [*_of_all(scripts), *first.script], [*_of_all(lines), *first.line]
    return [whole._replace(script=script, line=line), *made[1:]]


def add_parts(
    body: dict[str, Any], further: Sequence[Choices], take_nodefile: Callable[[Choices, Asked], None]
) -> None:
    """Put the further parts into the body of the first."""
    names = [name for name in body["metadata"] if name.removeprefix(kept.PREFIX) in OF_A_PART]
    body["part_metadata"] = {name: body["metadata"].pop(name) for name in names}
    body["parts"] = [_part(choices, take_nodefile) for choices in further]


def _part(choices: Choices, take_nodefile: Callable[[Choices, Asked], None]) -> dict[str, Any]:
    options = asked(choices)
    take_nodefile(choices, options)
    made = body_of(options, str)
    part: dict[str, Any] = {name: one for name, one in made.items() if name in ("resources", "metadata")}
    if partition := choices.last("partition"):
        part["partition"] = partition.partition(",")[0]
    return part


def _of_a_part(options: Pairs | None) -> Pairs:
    return [one for one in options or () if one[0] in OF_A_PART]


def _of_all(parts: Sequence[Pairs]) -> Pairs:
    return [one for part in parts for one in part if one[0] not in OF_A_PART]


def _carried(before: Choices, own: Choices) -> Choices:
    given = {name for name, _ in own.every}
    names = {name for names in _CARRIED if given.isdisjoint(names) for name in names}
    carried = [one for one in before.every if one[0] in names]
    return own._replace(script=[*carried, *own.script])
