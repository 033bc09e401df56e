"""Patterns in the names of output files: `slurm-%A_%4a.out`, as in sbatch(1)."""

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
    letters = _letters(job)
    done: list[str] = []
    position = 0
    while (start := pattern.find("%", position)) >= 0:
        done.append(pattern[position:start])
        end = start + 1
        while end < len(pattern) and pattern[end] in "0123456789" and end - start <= 2:
            end += 1
        done.append(_expanded(pattern[start + 1 : end], pattern[end : end + 1], letters))
        position = end + 1
    return "".join(done) + pattern[position:]


def _expanded(width: str, letter: str, letters: dict[str, str]) -> str:
    if letter == "%" and not width:
        return "%"
    value = letters.get(letter)
    if value is None:
        return f"%{width}{letter}"
    # Slurm pads numbers only.
    return value.zfill(min(int(width), WIDTH_MAX)) if width and letter in "AajnrstJb" else value


def _letters(job: Job) -> dict[str, str]:
    task = job.task
    node = job.attempt.allocation.nodes[0] if job.attempt is not None else ""
    return {
        "A": str(task.job_id if task is not None else job.id),
        "a": str(task.index if task is not None else NO_TASK),
        "b": str((task.index if task is not None else NO_TASK) % 10),
        "j": str(job.id),
        "J": str(job.id),
        "N": node.partition(".")[0],
        "n": "0",
        "r": str(max(0, job.attempts - 1)),
        "s": "batch",
        "t": "0",
        "u": job.user.replace("/", "_"),
        "x": job.name.replace("/", "_"),
    }
