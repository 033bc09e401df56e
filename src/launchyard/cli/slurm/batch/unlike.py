"""sbatch for jobs of unlike parts: what was asked of each in the script, by variables and on the line."""

from collections.abc import Callable, Sequence
from itertools import zip_longest

from launchyard.cli.slurm.batch.choices import Choices, Pairs, asked
from launchyard.model.light import Any
from launchyard.slurm import unlike
from launchyard.slurm.readers import Asked


def choices_of(scripts: Sequence[Pairs], whole: Choices, lines: Sequence[Pairs]) -> list[Choices]:
    """What was asked of each part; of the whole job with the first."""
    made: list[Choices] = []
    for script, line in zip_longest(scripts, lines):
        parts = [unlike.of_a_part(one or ()) for one in (script, whole.variables, line)]
        own = Choices(parts[0], (), parts[1], parts[2])
        if made:
            own = own._replace(script=[*unlike.carried(made[-1].every, own.every), *own.script])
        made.append(own)
    first = made[0]
    script, line = [*unlike.of_all(scripts), *first.script], [*unlike.of_all(lines), *first.line]
    return [whole._replace(script=script, line=line), *made[1:]]


def add_parts(
    body: dict[str, Any], further: Sequence[Choices], take_nodefile: Callable[[Choices, Asked], None]
) -> None:
    """Put the further parts into the body of the first."""
    found: list[Asked] = []
    for choices in further:
        options = asked(choices)
        options["partition"] = choices.last("partition") or options.get("partition")
        take_nodefile(choices, options)
        found.append(options)
    unlike.add_parts(body, found)
