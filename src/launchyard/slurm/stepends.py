"""How tasks ended, as srun says it: `n3: tasks 0-3: Exited with exit code 7`, and its own exit code."""

import os
import signal
from collections.abc import Iterable, Mapping

from launchyard.slurm.ranks import compress_ranks

OUT_OF_MEMORY = 125
"""What Slurm has in the place of the signal that ended a task for want of memory."""


def exit_code(statuses: Iterable[int]) -> int:
    """The highest of all tasks; a signal counts 128 more than its number."""
    return max((_code(status) for status in statuses), default=0)


def _code(status: int) -> int:
    if status == OUT_OF_MEMORY:
        return 1
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def word(status: int) -> str:
    """`Exited with exit code 7`, `Segmentation fault (core dumped)`, `Completed`."""
    if status == OUT_OF_MEMORY:
        return "Out Of Memory"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        text = signal.strsignal(number) or f"Signal {number}"
        return f"{text} (core dumped)" if os.WCOREDUMP(status) else text
    code = os.WEXITSTATUS(status)
    return f"Exited with exit code {code}" if code else "Completed"


def tasks_word(ranks: Iterable[int]) -> str:
    """`task 0`, `tasks 0-3`."""
    known = sorted(ranks)
    return f"task{'' if len(known) == 1 else 's'} {compress_ranks(known)}"


def sentences(ended: Mapping[int, int], node_of: Mapping[int, str]) -> list[str]:
    """One for each node and each bad end; `ended` are wait statuses by rank."""
    groups: dict[tuple[str, int], list[int]] = {}
    for rank in sorted(ended):
        if ended[rank]:
            groups.setdefault((node_of[rank], ended[rank]), []).append(rank)
    return [f"{node}: {tasks_word(ranks)}: {word(status)}" for (node, status), ranks in groups.items()]
