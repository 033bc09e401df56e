"""More of what a job asked for: memory, time, GPUs, within what there is."""

import re

from launchyard.model.growth import next_memory_mib, next_time_limit_s, short_memory
from launchyard.model.job import Job
from launchyard.model.walltime import format_walltime
from launchyard.policy.case import Case, rerun


def more_memory(case: Case) -> str | None:
    """None when there is no more."""
    amount = memory_wanted(case)
    return None if amount is None else f"{rerun(case.job)} --mem {short_memory(amount)}"


def memory_wanted(case: Case) -> int | None:
    """MiB, from what it asked for, used at most and wanted on top; None when no node has more."""
    asked = case.job.request.memory_mib
    amount = next_memory_mib(asked, case.job.usage.memory_peak_mib, _mib(case.words.get("wanted", "")))
    if case.room.memory_mib is not None:
        amount = min(amount, case.room.memory_mib)
    return amount if amount > asked else None


_AMOUNT = re.compile(r"^(\d{1,12}(?:\.\d{1,6})?) ?([KMGTP]?)")
_MIB = {"": 1 / (1 << 20), "K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2, "P": 1024.0**3}


def _mib(text: str) -> int:
    match = _AMOUNT.match(text)
    return 0 if match is None else min(int(float(match[1]) * _MIB[match[2]]) + 1, 1 << 40)


def longer(case: Case) -> str:
    """Twice the time; where the partition allows no more, a signal before the end, to save what there is."""
    limit_s = case.job.time_limit_s
    if limit_s is None:
        return rerun(case.job)
    wanted = next_time_limit_s(limit_s)
    longest = case.room.time_limit_s
    if longest is not None and wanted > longest:
        wanted = longest
    if wanted <= limit_s:
        return f"{rerun(case.job)} --warn-signal TERM@{min(120, max(1, limit_s // 10))}s"
    return f"{rerun(case.job)} -t {format_walltime(wanted)}"


def more_gpus(case: Case) -> str:
    """Twice as many; where there are no more, less waste of what there is."""
    asked = case.job.request.gpus
    wanted = max(1, asked * 2)
    if case.room.gpus is not None:
        wanted = min(wanted, case.room.gpus)
    if wanted > asked:
        return f"{rerun(case.job)} --gpus {wanted}"
    return f"PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True {rerun(case.job)}"


def some_gpu(case: Case) -> str:
    """One, for a job that asked for none; else a look at those that there are."""
    if case.room.gpus == 0:
        return "ly nodes"
    if case.job.request.gpus:
        return "ly run --gpus 1 -- nvidia-smi"
    return f"{rerun(case.job)} --gpus 1"


def memory_may_be_short(job: Job) -> bool:
    """Whether it used so much of what it asked for that memory may be why it was killed."""
    peak = job.usage.memory_peak_mib
    return peak is None or peak * 2 >= job.request.memory_mib


def after_kill(case: Case) -> str | None:
    """More memory where that may have been the reason, else the same again."""
    return more_memory(case) if memory_may_be_short(case.job) else rerun(case.job)


def java_memory(case: Case) -> str:
    """Java takes what its option says, not what the job has."""
    amount = memory_wanted(case) or case.job.request.memory_mib
    return f"JAVA_TOOL_OPTIONS=-Xmx{amount * 3 // 4}m {rerun(case.job)} --mem {short_memory(amount)}"


def node_memory(case: Case) -> str:
    """So does Node.js."""
    amount = memory_wanted(case) or case.job.request.memory_mib
    option = f"--max-old-space-size={amount * 3 // 4}"
    return f"NODE_OPTIONS={option} {rerun(case.job)} --mem {short_memory(amount)}"
