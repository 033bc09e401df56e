"""What to ask for, from earlier runs of the same job: "The last 12 runs used at most 3.1 GiB of 16".

Only completed runs say that less would do, and only when there are enough of them; runs that ran out of
memory or time say that more is needed. Nothing is advised that a run failed with. What hides a need is not
trusted: runs that held fewer CPUs say nothing about more, and an average over a run hides its busiest moment.
"""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from launchyard.model.growth import next_memory_mib, next_time_limit_s, rounded_memory, short_memory
from launchyard.model.job import Job, JobKind
from launchyard.model.memory import humane_memory
from launchyard.model.resources import Request, format_cpus
from launchyard.model.state import JobState
from launchyard.model.walltime import format_walltime, humane
from launchyard.policy.case import Room
from launchyard.policy.efficiency import elapsed

RUNS_MAX = 20
"""How many runs are looked at, the last ones."""
RUNS_MIN = 5
"""So many must have completed before less is advised."""
TOLD_BY = frozenset({JobState.COMPLETED, JobState.OUT_OF_MEMORY, JobState.TIMEOUT})
"""How runs ended that say something."""

MEMORY_HEADROOM, CPU_HEADROOM, TIME_HEADROOM = 1.25, 1.25, 1.3
MEMORY_LEAST_MIB, TIME_LEAST_S = 128, 300
MEMORY_WORTH_MIB, TIME_WORTH_S = 512, 600
"""What would be saved by less is not worth a word."""
WORTH = 0.75
"""Less is advised when it is at most this part of what is asked for."""
CPU_WORTH = 0.5
"""The same of CPUs: use is an average, and some parts of a run may need more."""
ONE_THREAD = 1.05
"""A program of one busy thread uses this many CPUs at most."""
_NAMES_OF_ANY_SCRIPT = frozenset({"script", "stdin"})
_TIME_STEPS = ((86_400, 6 * 3600), (6 * 3600, 3600), (3600, 1800), (0, 300))


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One past run: how it ended, what it asked for and what it used. `program` tells what it ran."""

    state: JobState
    program: tuple[str, ...]
    cpus_milli: int
    memory_mib: int
    time_limit_s: int | None
    elapsed_s: float
    cpu_s: float | None
    memory_peak_mib: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to ask for instead (None: as asked), why, in a sentence or two, and as options of `ly submit`."""

    sentence: str
    options: str
    runs: int
    memory_mib: int | None = None
    cpus: int | None = None
    time_limit_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """One thing to ask for otherwise; `why` is a clause of the sentence."""

    why: str
    option: str
    value: int
    raises: bool = False


def run_of(job: Job) -> Run | None:
    """The run that an ended job was; None of one that says nothing."""
    ran_s = elapsed(job, job.ended_at or 0.0)
    if job.state not in TOLD_BY or job.array is not None or ran_s is None or not _measured(job):
        return None
    return Run(
        state=job.state,
        program=program(job),
        cpus_milli=job.request.cpus_milli,
        memory_mib=job.request.memory_mib,
        time_limit_s=job.time_limit_s,
        elapsed_s=ran_s,
        cpu_s=job.usage.cpu_s,
        memory_peak_mib=job.usage.memory_peak_mib,
    )


def program(job: Job) -> tuple[str, ...]:
    """What makes runs of one name alike.

    A name that somebody chose is enough: then nothing. A name that is only the program's, or the one of all
    scripts, says little: then the command up to its first word that is not an option, or the script.
    """
    if job.kind is JobKind.BATCH:
        return (job.script or "",) if job.name in _NAMES_OF_ANY_SCRIPT else ()
    words = job.command
    if words[:2] == ("/bin/sh", "-c") and len(words) == 3:
        words = tuple(words[2].split())
    if not words or job.name != posixpath.basename(words[0])[:64]:
        return ()
    until = next((n for n, word in enumerate(words[1:], start=2) if not word.startswith("-")), len(words))
    return words[:until]


def advise(job: Job, past: Sequence[Run], room: Room) -> Advice | None:
    """What `job` should ask for, within `room`, from the `past` runs of its name, newest first."""
    if not _measured(job):
        return None
    own = program(job)
    runs = [run for run in past if run.program == own][:RUNS_MAX]
    completed = [run for run in runs if run.state is JobState.COMPLETED]
    enough = len(completed) >= RUNS_MIN
    simple = _simple(job.request)
    memory = _more_memory(job, runs, room) if simple else None
    if memory is None and simple and enough:
        memory = _less_memory(job, runs, completed)
    time = _more_time(job, runs, room) or (_less_time(job, runs, completed) if enough else None)
    cpus = _fewer_cpus(job, completed) if simple and enough else None
    changes = [change for change in (memory, cpus, time) if change is not None]
    if not changes:
        return None
    return Advice(
        sentence=_sentence(changes, len(completed)),
        options=" ".join(change.option for change in changes),
        runs=len(runs),
        memory_mib=None if memory is None else memory.value,
        cpus=None if cpus is None else cpus.value,
        time_limit_s=None if time is None else time.value,
    )


def _measured(job: Job) -> bool:
    """What a person sits at uses what the person does."""
    return job.kind in (JobKind.BATCH, JobKind.COMMAND) and not job.terminal


def _simple(request: Request) -> bool:
    """On one node, not divided: what it asks for is what one process may use."""
    several = request.nodes > 1 or (request.nodes_max or 1) > 1 or (request.tasks_per_node or 1) > 1
    return not (several or (request.tasks or 1) > 1 or request.exclusive)


def _sentence(changes: Sequence[_Change], completed: int) -> str:
    """One sentence for what may be less, one for each that must be more."""
    parts = [f"{change.why}: ask for {change.option}." for change in changes if change.raises]
    less = [change for change in changes if not change.raises]
    if less:
        whys = [change.why for change in less]
        listed = whys[0] if len(whys) == 1 else f"{', '.join(whys[:-1])} and {whys[-1]}"
        options = " ".join(change.option for change in less)
        parts.append(f"The last {completed} runs used at most {listed}: {options} would do.")
    return " ".join(parts)


# ---- memory


def _less_memory(job: Job, runs: Sequence[Run], completed: Sequence[Run]) -> _Change | None:
    asked = job.request.memory_mib
    peak = _most([run.memory_peak_mib for run in completed])
    if peak is None:
        return None
    failed = max((run.memory_mib for run in runs if run.state is JobState.OUT_OF_MEMORY), default=0)
    # Runs that did not complete say nothing of what is enough, but their use was a need as well.
    most = max([peak, failed, *(run.memory_peak_mib or 0 for run in runs)])
    wanted = max(MEMORY_LEAST_MIB, rounded_memory(ceil(most * MEMORY_HEADROOM)))
    if wanted > asked * WORTH or asked - wanted < MEMORY_WORTH_MIB:
        return None
    used, of = humane_memory(peak), humane_memory(asked)
    number, _, unit = of.partition(" ")
    why = f"{used} of {number if used.endswith(unit) else of}"
    return _Change(why=why, option=f"--mem {short_memory(wanted)}", value=wanted)


def _more_memory(job: Job, runs: Sequence[Run], room: Room) -> _Change | None:
    asked = job.request.memory_mib
    since = _since_enough(runs, [_fits(run.memory_peak_mib, asked) for run in runs])
    failed = [
        n for n, run in enumerate(since) if run.state is JobState.OUT_OF_MEMORY and run.memory_mib >= asked
    ]
    if not asked or not failed:
        return None
    most = max(since[n].memory_mib for n in failed)
    wanted = next_memory_mib(most, _most([since[n].memory_peak_mib or 0 for n in failed]))
    wanted = min(wanted, room.memory_mib or wanted)
    if wanted <= most:
        return None
    why = f"{_which(failed)} ran out of memory with {humane_memory(most)}"
    return _Change(why=why, option=f"--mem {short_memory(wanted)}", value=wanted, raises=True)


# ---- time


def _less_time(job: Job, runs: Sequence[Run], completed: Sequence[Run]) -> _Change | None:
    asked = job.time_limit_s
    if asked is None:
        return None
    longest = max(run.elapsed_s for run in completed)
    failed = max((run.time_limit_s or 0 for run in runs if run.state is JobState.TIMEOUT), default=0)
    wanted = max(TIME_LEAST_S, _rounded_time(max([longest, failed, *(run.elapsed_s for run in runs)])))
    if wanted > asked * WORTH or asked - wanted < TIME_WORTH_S:
        return None
    why = f"{humane(max(1, longest))} of {humane(asked)}"
    return _Change(why=why, option=f"-t {format_walltime(wanted)}", value=wanted)


def _more_time(job: Job, runs: Sequence[Run], room: Room) -> _Change | None:
    asked = job.time_limit_s
    if asked is None:
        return None
    since = _since_enough(runs, [_fits(run.elapsed_s, asked) for run in runs])
    limits = {n: run.time_limit_s or 0 for n, run in enumerate(since) if run.state is JobState.TIMEOUT}
    failed = [n for n, limit_s in limits.items() if limit_s >= asked]
    if not failed:
        return None
    most = max(limits[n] for n in failed)
    wanted = next_time_limit_s(most)
    wanted = min(wanted, room.time_limit_s or wanted)
    if wanted <= most:
        return None
    verb = "was stopped at its" if len(failed) == 1 else "were stopped at their"
    why = f"{_which(failed)} {verb} time limit of {humane(most)}"
    return _Change(why=why, option=f"-t {format_walltime(wanted)}", value=wanted, raises=True)


def _rounded_time(used_s: float) -> int:
    """With headroom, up to a time that a person would write."""
    wanted = used_s * TIME_HEADROOM
    step = next(step for least, step in _TIME_STEPS if wanted >= least)
    return ceil(wanted / step) * step


# ---- CPUs


def _fewer_cpus(job: Job, completed: Sequence[Run]) -> _Change | None:
    asked = job.request.cpus_milli
    if asked < 2000 or any(run.cpus_milli < asked or run.elapsed_s <= 0 for run in completed):
        return None
    used = _most([None if run.cpu_s is None else run.cpu_s / run.elapsed_s for run in completed])
    if used is None:
        return None
    wanted = 1 if used <= ONE_THREAD else ceil(used * CPU_HEADROOM)
    if wanted * 1000 > asked * CPU_WORTH:
        return None
    why = f"{used:.1f} of {format_cpus(asked)} CPUs"
    return _Change(why=why, option=f"-c {wanted}", value=wanted)


# ---- counting runs


def _most(amounts: Sequence[float | None]) -> float | None:
    """The highest; None where one is not known."""
    known = [amount for amount in amounts if amount is not None]
    return max(known) if known and len(known) == len(amounts) else None


def _fits(used: float | None, asked: float) -> bool:
    return used is not None and used <= asked


def _since_enough(runs: Sequence[Run], fits: Sequence[bool]) -> Sequence[Run]:
    """The runs after the last one that completed with what is asked for now."""
    completed = (run.state is JobState.COMPLETED and fit for run, fit in zip(runs, fits, strict=True))
    return runs[: next((n for n, one in enumerate(completed) if one), len(runs))]


def _which(failed: Sequence[int]) -> str:
    """`The last run`, `The last 3 runs`, `2 of the last 3 runs`, by their places, newest first."""
    among = failed[-1] + 1
    if len(failed) == among:
        return "The last run" if among == 1 else f"The last {among} runs"
    return f"{len(failed)} of the last {among} runs"
