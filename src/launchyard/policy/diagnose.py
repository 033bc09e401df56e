"""Why a job ended as it did: one stable code, one sentence with the values, the line of the log, one command.

What the system knows goes before what the log says: the state, the set-up's error, the signal, the exit code
of a shell. Then the tables of `policy.symptoms` in their order, with Python's tracebacks among them. A log
that only mentions errors is no cause: then the exit code is.
"""

import re
from dataclasses import replace

from launchyard.model.growth import part_of
from launchyard.model.job import Job
from launchyard.model.memory import humane_memory
from launchyard.model.signals import signal_name
from launchyard.model.state import JobState
from launchyard.model.walltime import humane
from launchyard.policy.case import Room, rerun
from launchyard.policy.ending import Diagnosis, Ended, answer, told
from launchyard.policy.logtext import LogText, shown
from launchyard.policy.messages import SHELL_SIGNAL, of_exit_code, of_messages
from launchyard.policy.symptom import search
from launchyard.policy.symptoms import MEMORY, RESOURCES, SIGNALLED, START

_NEAR_LIMIT = 0.9
_SIGNALS_TOLD = frozenset({1, 2, 3, 6, 13, 15})
"""Signals that others send, or a program itself when something else went wrong: the log may know."""
_LAST_WORDS = 20
"""A program that got no memory, disk or GPU may well crash right after it said so."""


def diagnose(job: Job, log: str = "", *, room: Room | None = None, task: str | None = None) -> Diagnosis:
    """Why the ended `job` ended so. `log` is the text of its log, or the ends of it; empty when not known.

    `room` is the most that it can ask for, `task` names one task that failed when the job is an array.
    """
    ended = Ended(job=job, log=LogText(log), room=room or Room())
    if job.array is not None:
        return _array(ended, task)
    found = _by_state(ended) if job.state is not JobState.FAILED else _failed(ended)
    return replace(found, line=shown(found.line) if found.line else None)


# ---- what the state says


def _by_state(ended: Ended) -> Diagnosis:
    job = ended.job
    match job.state:
        case JobState.COMPLETED:
            return Diagnosis(code="completed", sentence="it ended with exit code 0")
        case JobState.OUT_OF_MEMORY:
            return _out_of_memory(ended)
        case JobState.TIMEOUT:
            return _timeout(ended)
        case JobState.CANCELLED:
            return _cancelled(ended)
    code, sentence = _STATES.get(job.state, ("exit-code", f"it is {job.state}"))
    return Diagnosis(code=code, sentence=job.cause or sentence, command=ended.command("{rerun}"))


_STATES = {
    JobState.LOST: ("lost", "its end was not seen, so its exit code is not known"),
    JobState.NODE_FAIL: ("node", "its node does not answer any more"),
    JobState.PREEMPTED: ("preempted", "it made room for a more urgent job"),
    JobState.DEADLINE: ("deadline", "it could not end before its deadline"),
}


def _out_of_memory(ended: Ended) -> Diagnosis:
    job = ended.job
    asked, peak = job.request.memory_mib, job.usage.memory_peak_mib
    found = search(ended.log, (*MEMORY, SIGNALLED[9]))
    room = ended.room.memory_mib
    sentence = f"needed more memory than the {humane_memory(asked)} asked for"
    if peak is not None:
        sentence = f"peak {part_of(peak, asked)}"
    if room is not None and room <= asked:
        sentence += f", and no node has more than {humane_memory(room)}"
    return Diagnosis(
        code="memory",
        sentence=sentence,
        line=found.line if found is not None else None,
        command=ended.command("{more_memory}") if room is None or room > asked else "ly nodes",
    )


def _timeout(ended: Ended) -> Diagnosis:
    limit_s = ended.job.time_limit_s
    sentence = f"ran longer than its time limit of {humane(limit_s)}"
    longest = ended.room.time_limit_s
    if limit_s is not None and longest is not None and longest <= limit_s:
        sentence += f", the longest that partition {ended.job.partition} allows"
    return Diagnosis(code="time", sentence=sentence, command=ended.command("{longer}"))


def _cancelled(ended: Ended) -> Diagnosis:
    cause = ended.job.cause or "it was cancelled"
    if cause.startswith("dependency"):
        other = _DECIDED.search(cause) or _OTHER_JOB.search(cause)
        command = f"ly why {other[1]}" if other is not None else ended.command("{rerun}")
        return Diagnosis(code="dependency", sentence=cause, command=command)
    return Diagnosis(code="cancelled", sentence=cause, command=ended.command("{rerun}"))


_DECIDED = re.compile(r"satisfied: job (\d{1,15}(?:_\d{1,9})?)")
_OTHER_JOB = re.compile(r":(\d{1,15}(?:_\d{1,9})?)")
"""The job that decided it; where that is not said, the first one that is named."""


def _array(ended: Ended, task: str | None) -> Diagnosis:
    """An array is as its tasks are; which of them failed, and where to read why."""
    job = ended.job
    if job.state is JobState.COMPLETED:
        return Diagnosis(code="completed", sentence="all its tasks ended with exit code 0")
    if job.state is JobState.CANCELLED:
        return _cancelled(ended)
    sentence = job.cause or "not all its tasks completed"
    command = f"ly why {task}" if task is not None else f"ly jobs --array {job.id}"
    return Diagnosis(
        code="tasks", sentence=sentence + (f"; one is {task}" if task is not None else ""), command=command
    )


# ---- a job that failed


def _failed(ended: Ended) -> Diagnosis:
    job = ended.job
    if job.cause is not None and job.cause.startswith("its log grew"):
        return Diagnosis(code="log-full", sentence=job.cause, command=f"{rerun(job)} -o out-%j.txt")
    if job.signal is not None:
        return _signalled(ended, job.signal)
    if job.exit_code is None:
        return _never_ran(ended)
    number = job.exit_code - SHELL_SIGNAL
    if number in SIGNALLED:
        return _signalled(ended, number)
    found = of_exit_code(ended, job.exit_code) or of_messages(ended)
    if found is not None:
        return found
    sentence = f"ended with exit code {job.exit_code}{_EXITS.get(job.exit_code, '')}"
    return Diagnosis(
        code="exit-code",
        sentence=sentence,
        line=_last_words(ended.log),
        command=ended.command("ly logs {id}"),
    )


def _last_words(log: LogText) -> str | None:
    """The last line that begins as an error does, among the last ones; else the last line."""
    for line in reversed(log.lines[-_LAST_WORDS:]):
        if _ERROR.match(line):
            return line
    return log.lines[-1] if log.lines else None


_ERROR = re.compile(r"[\W\d]{0,40}(?:fatal|error|critical|exception|panic)\b", re.IGNORECASE)
_EXITS = {
    124: ", with which `timeout` says that time was up",
    126: ", as of a shell when a command may not be executed",
    127: ", as of a shell when a command is not found",
    129: ", as after SIGHUP",
    130: ", as after Ctrl-C",
    141: ", as after SIGPIPE: nobody read its output any more",
    143: ", as after SIGTERM",
}


def _never_ran(ended: Ended) -> Diagnosis:
    cause = ended.job.cause or "it could not be started"
    if cause.startswith("runtime_env setup failed"):
        first = cause.partition("\n")[0]
        return Diagnosis(code="start", sentence=first, command=f"ly logs --setup {ended.job.id}")
    found = search(LogText(cause), START)
    if found is not None:
        return replace(told(ended, found), line=None)
    return Diagnosis(code="start", sentence=cause, command=ended.command("{rerun}"))


def _signalled(ended: Ended, number: int) -> Diagnosis:
    if number == 9 and _memory_was_full(ended):
        return replace(
            _out_of_memory(ended), sentence=f"killed near its limit: {_out_of_memory(ended).sentence}"
        )
    if number == 9 and (of_memory := search(ended.log, MEMORY)) is not None:
        return told(ended, of_memory)
    if number in _SIGNALS_TOLD:
        said = of_messages(ended)
        if said is not None and said.code not in _SIGNAL_CODES:
            return said
    symptom = SIGNALLED.get(number)
    lack = search(ended.log, [one for one in RESOURCES if symptom is None or one.code != symptom.code])
    if lack is not None and lack.number >= len(ended.log.lines) - _LAST_WORDS:
        return told(ended, lack)
    if symptom is None:
        sentence = f"was ended by {signal_name(number)}"
        return Diagnosis(code="signal", sentence=sentence, command=ended.command("{rerun}"))
    found = search(ended.log, [symptom])
    line = found.line if found is not None else None
    return answer(ended, symptom, line, {"line": line or ""})


_SIGNAL_CODES = frozenset(symptom.code for symptom in SIGNALLED.values()) - {"aborted"}


def _memory_was_full(ended: Ended) -> bool:
    peak, asked = ended.job.usage.memory_peak_mib, ended.job.request.memory_mib
    return peak is not None and asked > 0 and peak >= _NEAR_LIMIT * asked
