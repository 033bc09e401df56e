"""What was asked for in sbatch's three places: the command line, then SBATCH_ variables, then the script."""

from collections.abc import Mapping

from launchyard.cli.slurm.arguments import Options, WrongUse, parse
from launchyard.cli.slurm.main import Refused
from launchyard.model.errors import Invalid
from launchyard.model.light import NamedTuple
from launchyard.slurm.complaints import bad_option, refusal
from launchyard.slurm.directives import Directive, parse_directives, words_of
from launchyard.slurm.options import LY, SBATCH
from launchyard.slurm.readers import Asked, Counts
from launchyard.slurm.request import BadOption, add_totals, read_option, read_options

OPTIONS = Options(SBATCH.names, SBATCH.letters)
Pairs = list[tuple[str, str | None]]

_MEMORY = ("mem", "mem-per-cpu", "mem-per-gpu")
_EXCLUSIVE = "--mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive."
_EXCLUSIVE_VARIABLES = "SLURM_MEM_PER_CPU, SLURM_MEM_PER_GPU, and SLURM_MEM_PER_NODE are mutually exclusive."


class Choices(NamedTuple):
    """`options` are Slurm's in the order in which they count, the last one wins; `ours` `#LY` lines."""

    script: Pairs
    ours: tuple[Directive, ...]
    variables: Pairs
    line: Pairs

    @property
    def every(self) -> Pairs:
        return [*self.script, *self.variables, *self.line]

    def last(self, name: str) -> str | None:
        """The value that counts; "" when there is none, None when it was not asked for."""
        values = [value for one, value in self.every if one == name]
        return (values[-1] or "") if values else None


def of_script(text: str) -> tuple[list[Pairs], tuple[Directive, ...]]:
    """Options of the script's head: those of Slurm, a list for each part of the job, and our own.

    Raises `WrongUse` and `Invalid`.
    """
    parts: list[Pairs] = [[]]
    for line in words_of(text, SBATCH):
        if line.words[:1] in (["hetjob"], ["packjob"]):
            parts.append([])
            continue
        given = parse(line.words, OPTIONS)
        if given.rest:
            raise WrongUse(f"error: Invalid directive found in batch script: {given.rest[0]}")
        parts[-1] += given.options
    ours = tuple(one for one in parse_directives(text) if one.source == LY.source) if "#LY" in text else ()
    return parts, ours


def refuse_unreadable(given: Pairs) -> None:
    """Wrong options of the command line come before a wrong script. Raises as `asked` does."""
    try:
        read_options(given, {}, {})
    except BadOption as error:
        raise _wrong(error) from None


def asked(choices: Choices) -> Asked:
    """The submission options that all of them amount to. Raises `WrongUse` and `Refused`."""
    options: Asked = {}
    counts: Counts = {}
    _refuse_memories(choices)
    try:
        read_options(choices.script, options, counts)
        for one in choices.ours:
            _read_ours(one, options, counts)
        read_options([*choices.variables, *choices.line], options, counts)
    except BadOption as error:
        raise _wrong(error) from None
    nodes = options.get("nodes")
    _refuse_narrow(options, counts)
    add_totals(options, counts)
    if nodes is not None and nodes > (tasks := counts.get("tasks", nodes)):
        options["note"] = f"Warning: can't run {tasks} processes on {nodes} nodes, setting nnodes to {tasks}"
    _refuse_gpus(choices, options)
    return options


def _read_ours(one: Directive, options: Asked, counts: Counts) -> None:
    try:
        read_option(one.name, one.value, options, counts, one.source)
    except Invalid as error:
        raise WrongUse(f"error: {one}: {error}") from None


def _wrong(error: BadOption) -> Exception:
    complaint = bad_option(error.name, error.value)
    return WrongUse(complaint.line) if complaint.code != 1 else Refused(complaint.line)


def _refuse_memories(choices: Choices) -> None:
    if len({name for name, _ in (*choices.script, *choices.line)} & set(_MEMORY)) > 1:
        raise Refused(f"fatal: {_EXCLUSIVE}")
    if len({name for name, _ in choices.variables} & set(_MEMORY)) > 1:
        raise Refused(f"fatal: {_EXCLUSIVE_VARIABLES}")


def _refuse_narrow(options: Asked, counts: Counts) -> None:
    """Tasks that do not go on the nodes, as many as may be on each."""
    most = options.get("nodes_max") or options.get("nodes")
    if most and counts.get("tasks", 0) > most * counts.get("tasks_a_node", counts.get("tasks", 0)):
        raise Refused(*refusal("infeasible", ""))


def _refuse_gpus(choices: Choices, options: Mapping[str, object]) -> None:
    wrong = "error: Invalid generic resource (gres) specification"
    for part in (choices.last("gres") or "").split(","):
        name = part.replace("=", ":").partition(":")[0].removeprefix("gres/").lower()
        if name not in ("", "gpu", "none"):
            raise Refused(wrong)
    if choices.last("gpus-per-task") is not None and not {"gpus", "tasks"} <= options.keys():
        raise Refused(
            "error: Failed to validate job spec. --gpus-per-task used without either --gpus or -n/--ntasks "
            "is not allowed.",
            wrong,
        )
