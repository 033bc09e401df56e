"""srun in several unlike parts of a job: `--het-group=0,1 program`, or `program : --ntasks=4 other`.

A part's own numbers of tasks and nodes are in variables that end in `_HET_GROUP_` and its number.
"""

import sys
from collections.abc import Mapping
from functools import partial

from launchyard.cli.slurm.arguments import Given, parse
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.server import Server
from launchyard.cli.slurm.steps import outside
from launchyard.cli.slurm.steps.creation import create
from launchyard.cli.slurm.steps.launching import Wanted, converse
from launchyard.cli.slurm.steps.listening import Listener, interruptible
from launchyard.cli.slurm.steps.options import SRUN, Choices
from launchyard.cli.slurm.steps.wish import step_body
from launchyard.model.errors import LaunchyardError
from launchyard.model.hostlist import compress, expand
from launchyard.model.light import Any, NamedTuple
from launchyard.slurm.ranks import parse_ranks
from launchyard.slurm.unlike import divided

MARK = "_HET_GROUP_"
_OF_A_PART = (
    *("tasks", "nodes", "nodelist", "tasks_per_node", "cpus_per_task", "memory_mib", "memory_per_cpu_mib"),
    *("whole_nodes", "gpus"),
)


class InPart(NamedTuple):
    """What is to run in one part of the job."""

    group: int
    choices: Choices
    command: list[str]


def run(choices: Choices) -> int:
    """srun's exit code."""
    components = components_of(choices.given)
    job = choices.text("jobid")
    if not job:
        first, *further = divided([one.options for one in components])
        made = choices._replace(given=Given(first, components[0].rest))
        return outside.run(made, further, partial(_step, components))
    interruptible()
    listener = Listener()
    try:
        return _step(components, Server(), listener, choices, job)
    finally:
        listener.close()


def _step(components: list[Given], server: Server, listener: Listener, choices: Choices, job: str) -> int:
    here = in_groups(components, choices.environ, _size(server, job, choices.environ))
    immediate, quiet = choices.named("immediate"), choices.named("quiet")
    answer = create(server, job, _body(here, listener.path), immediate=immediate, quiet=quiet)
    return converse(server, listener, _wanted(here, answer, choices.environ))


def _wanted(here: list[InPart], answer: dict[str, Any], environ: Mapping[str, str]) -> Wanted:
    """The tasks find the nodes of all parts that the step is in as those of the job."""
    texts = [one.choices.environ.get("SLURM_JOB_NODELIST") for one in here]
    nodes = [name for text in texts if text for name in expand(text)]
    if nodes:
        names = list(dict.fromkeys(nodes))
        environ = {**environ, "SLURM_JOB_NODELIST": compress(names), "SLURM_JOB_NUM_NODES": str(len(names))}
    first, commands = here[0], {one.group: one.command for one in here}
    own = {one.group: one.choices for one in here}
    return Wanted(first.choices, first.command, answer, environ, commands, own)


def components_of(given: Given) -> list[Given]:
    """Options and command of each component."""
    components = [given]
    while ":" in components[-1].rest:
        last = components[-1]
        at = last.rest.index(":")
        following = parse(last.rest[at + 1 :], SRUN, stop_at_first=True)
        components[-1:] = [Given(last.options, last.rest[:at]), following]
    if not all(one.rest for one in components):
        raise Refused("fatal: No command given to execute.")
    return components


def in_groups(components: list[Given], environ: Mapping[str, str], size: int) -> list[InPart]:
    """What runs in which part, in their order. Raises `Refused` in Slurm's words."""
    found: dict[int, InPart] = {}
    for number, given in enumerate(components):
        for group in _groups(given, number):
            if group >= size and given.count("het-group"):
                highest = f"exceeds highest hetjob index ({group} > {size - 1})"
                raise Refused(f"error: Requested het-group offset {highest}")
            if group >= size:
                raise Refused(
                    f"error: Attempt to run a job step with het group value of {group}, but the job "
                    f"allocation has maximum value of {size - 1}"
                )
            if group in found:
                raise Refused("fatal: Duplicate het groups in single srun not supported")
            found[group] = InPart(group, Choices(given, of_group(environ, group)), given.rest)
    return [found[group] for group in sorted(found)]


def of_group(environ: Mapping[str, str], group: int) -> dict[str, str]:
    """The variables as the group has them: those of the others do not count for it."""
    names = {name.partition(MARK)[0] for name in environ if MARK in name}
    own = {name: value for name in names if (value := environ.get(f"{name}{MARK}{group}")) is not None}
    return {**{name: value for name, value in environ.items() if name not in names}, **own}


def _groups(given: Given, number: int) -> list[int]:
    text = given.last("het-group")
    if text is None:
        return [number]
    try:
        return parse_ranks(text.strip("[]"))
    except ValueError:
        raise Refused(f"error: Invalid --het-group value: {text}") from None


def _size(server: Server, job: str, environ: Mapping[str, str]) -> int:
    """How many parts the job has."""
    known = environ.get("SLURM_HET_SIZE", "")
    if known.isdigit() and job == environ.get("SLURM_JOB_ID"):
        return int(known)
    try:
        return len(server.get(f"/v1/jobs/{job}").get("parts") or [job])
    except LaunchyardError:
        return 1


def _body(here: list[InPart], connect: str) -> dict[str, Any]:
    bodies = []
    for one in here:
        body, warnings = step_body(one.choices, one.command, connect)
        for line in warnings:
            print(f"srun: {line}", file=sys.stderr, flush=True)
        bodies.append({**body, "group": one.group})
    first, *further = bodies
    names = (*_OF_A_PART, "distribution", "group")
    return {**first, "parts": [{name: one[name] for name in names if name in one} for one in further]}
