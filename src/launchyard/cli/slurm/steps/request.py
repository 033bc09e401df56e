"""What srun and salloc submit to get an allocation: sbatch's readers, and a job that only holds it."""

import importlib
import os
from collections.abc import Sequence

from launchyard.cli.slurm.arguments import WrongUse
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.steps.options import VARIABLES, Choices
from launchyard.launcher.messages import package_argv
from launchyard.model.errors import Invalid, LaunchyardError
from launchyard.model.light import Any
from launchyard.slurm.body import body_of
from launchyard.slurm.complaints import FAILED, bad_option, refusal
from launchyard.slurm.readers import Asked
from launchyard.slurm.request import BadOption, asked_by

Pairs = list[tuple[str, str | None]]
NOT_FOR_JOBS = ("export", "output", "error", "open-mode", "chdir", "input")
"""Options that are the step's, or the caller's own, though a batch job has them too."""
_FAILED = {"SLURM": "Unable to allocate resources", "SALLOC": "Job submit/allocate failed"}
"""How srun and salloc say it."""
IMMEDIATELY_S = 2.0
"""Starting a job that can start at once takes less."""
_VARIABLES = {
    "account": "ACCOUNT",
    "clusters": "CLUSTERS",
    "constraint": "CONSTRAINT",
    "cpus-per-gpu": "CPUS_PER_GPU",
    "dependency": "DEPENDENCY",
    "exclusive": "EXCLUSIVE",
    "gpus": "GPUS",
    "gpus-per-node": "GPUS_PER_NODE",
    "gpus-per-task": "GPUS_PER_TASK",
    "gres": "GRES",
    "mem": "MEM_PER_NODE",
    "mem-per-cpu": "MEM_PER_CPU",
    "mem-per-gpu": "MEM_PER_GPU",
    "ntasks-per-node": "NTASKS_PER_NODE",
    "overcommit": "OVERCOMMIT",
    "partition": "PARTITION",
    "qos": "QOS",
    "reservation": "RESERVATION",
    "time": "TIMELIMIT",
    "wckey": "WCKEY",
}
_ENVIRONMENT = ("HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG")


def holder_argv(connect: str | None) -> list[str]:
    """The command of the job: it waits for what the caller says, or, without a socket, until it is ended."""
    return [*package_argv("launchyard.runner.main"), "--hold", *(["--connect", connect] if connect else [])]


def allocation_body(
    choices: Choices,
    name: str,
    command: list[str],
    connect: str | None,
    prefix: str,
    further: Sequence[Pairs] = (),
) -> dict[str, Any]:
    """The body of `POST /v1/jobs`; `prefix` begins variables that stand for options. Raises `WrongUse`.

    `further` are the options of further parts of the job.
    """
    variables = _by_variables(choices, prefix)
    given = [*variables, *((one, value) for one, value in choices.given.options if one not in NOT_FOR_JOBS)]
    if choices.flag("overcommit"):
        # As many CPUs as for one task a node.
        given = [(one, value) for one, value in given if one not in ("ntasks", "ntasks-per-node")]
    wanted = _asked(given, prefix)
    wanted.setdefault("name", name)
    wanted["keep_beyond_limits"] = True
    wanted["working_dir"] = os.getcwd()
    wanted["stdout"] = os.devnull
    wanted["environment"] = {one: os.environ[one] for one in _ENVIRONMENT if one in os.environ}
    words = " ".join(command)[:1000]
    wanted["metadata"] = {**wanted.get("metadata", {}), "slurm.command": words}
    body = body_of(wanted, _moment)
    if named := [value for one, value in given if one == "clusters" and value]:
        # Taken out again by who submits it, once it is known which of them it is.
        body["clusters"] = named[-1]
    if further:
        unlike = importlib.import_module("launchyard.slurm.unlike")
        own = unlike.of_a_part(variables)
        unlike.add_parts(body, [_asked([*own, *part], prefix) for part in further])
    return {**body, "command": holder_argv(connect), "kind": "driver"}


def _asked(given: Pairs, prefix: str) -> Asked:
    try:
        return asked_by(given)
    except BadOption as error:
        line, code = bad_option(error.name, error.value)
        line = line.replace(FAILED, _FAILED[prefix])
        raise (Refused(line) if code == 1 else WrongUse(line)) from None


def refused(error: LaunchyardError, partition: str, prefix: str) -> Refused:
    """What the server refused, in Slurm's words."""
    lines = refusal(error.code, str(error), partition)
    return Refused(*(line.replace(FAILED, _FAILED[prefix]) for line in lines))


def _moment(text: str) -> str:
    try:
        moment: str = importlib.import_module("launchyard.cli.slurm.batch.moments").rfc3339_of(text)
    except Invalid:
        raise WrongUse(f"error: Invalid time specification: {text}") from None
    return moment


def _by_variables(choices: Choices, prefix: str) -> list[tuple[str, str | None]]:
    """Options given by SALLOC_PARTITION, SLURM_PARTITION and the like."""
    named = [(option, f"{prefix}_{rest}") for option, rest in _VARIABLES.items()]
    if prefix == "SLURM":
        named += [(option, name) for option in ("ntasks", "cpus-per-task") for name in VARIABLES[option]]
        named += [("nodes", "SLURM_NNODES"), ("job-name", "SLURM_JOB_NAME")]
    return [(option, choices.environ[name]) for option, name in named if choices.environ.get(name)]


def immediate_s(choices: Choices) -> float | None:
    """How long `--immediate` waits; None without it."""
    if not choices.named("immediate") and choices.text("immediate") is None:
        return None
    value = choices.text("immediate") or ""
    return float(value) if value.isascii() and value.isdigit() and int(value) > 0 else IMMEDIATELY_S
