"""Patterns in the names of output files: `slurm-%A_%4a.out`, as in sbatch(1)."""

from collections.abc import Callable, Mapping

from launchyard.model.job import Job

WIDTH_MAX = 10
NO_TASK = 4_294_967_294
"""What Slurm writes for the index of a job that is no task of an array."""


def expand_pattern(pattern: str, job: Job) -> str:
    """The file name that `pattern` stands for; an unknown letter is kept as it is written.

    A width pads numbers with zeros (`%4j`, at most 10). A backslash anywhere switches expansion off and is
    taken away, as Slurm does. A `/` in the job's or the user's name becomes `_`: names make no directories.
    """
    if "\\" in pattern:
        return pattern.replace("\\", "")
    done: list[str] = []
    position = 0
    while (start := pattern.find("%", position)) >= 0:
        done.append(pattern[position:start])
        end = start + 1
        while end < len(pattern) and pattern[end] in "0123456789" and end - start <= 2:
            end += 1
        done.append(_expanded(pattern[start + 1 : end], pattern[end : end + 1], job))
        position = end + 1
    return "".join(done) + pattern[position:]


def _expanded(width: str, letter: str, job: Job) -> str:
    if letter == "%" and not width:
        return "%"
    read = _LETTERS.get(letter)
    if read is None:
        return f"%{width}{letter}"
    # Slurm pads numbers only.
    value = read(job)
    return value.zfill(min(int(width), WIDTH_MAX)) if width and letter in "AajnrstJb" else value


def _index(job: Job) -> int:
    return NO_TASK if job.task is None else job.task.index


def _node(job: Job) -> str:
    return "" if job.attempt is None else job.attempt.allocation.nodes[0].partition(".")[0]


_LETTERS: Mapping[str, Callable[[Job], str]] = {
    "A": lambda job: str(job.id if job.task is None else job.task.job_id),
    "a": lambda job: str(_index(job)),
    "b": lambda job: str(_index(job) % 10),
    "j": lambda job: str(job.id),
    "J": lambda job: str(job.id),
    "N": _node,
    "n": lambda job: "0",
    "r": lambda job: str(max(0, job.attempts - 1)),
    "s": lambda job: "batch",
    "t": lambda job: "0",
    "u": lambda job: job.user.replace("/", "_"),
    "x": lambda job: job.name.replace("/", "_"),
}
