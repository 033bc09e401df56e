"""What the log of a failed job tells: the strongest symptom, with Python's tracebacks among them."""

from collections.abc import Sequence

from launchyard.model.job import Job
from launchyard.policy.ending import Diagnosis, Ended, answer, told
from launchyard.policy.symptom import Symptom, matched, row, search
from launchyard.policy.symptoms import (
    BARE_EXCEPTION,
    EXCEPTION_LINE,
    RESOURCES,
    REST,
    SHELL_126,
    SHELL_127,
    UNKNOWN,
)
from launchyard.policy.tracebacks import Raised, bare, raised

SHELL_SIGNAL = 128
"""A shell's exit code for a command that a signal ended is this and the signal's number."""
_TRACEBACKS_MAX = 5


def of_exit_code(ended: Ended, exit_code: int) -> Diagnosis | None:
    """What the two exit codes that every shell gives mean, with the line that says what of."""
    tables: dict[int, Sequence[Symptom]] = {127: SHELL_127, 126: SHELL_126}
    found = search(ended.log, tables.get(exit_code, ()))
    if found is None:
        return None
    return told(ended, found)


def of_messages(ended: Ended) -> Diagnosis | None:
    """What the log says, the strongest first."""
    tracebacks, begin = raised(ended.log), 0
    if _survived(ended.job):
        begin = max((one.number for one in tracebacks), default=-1) + 1
        tracebacks = []
    of_traceback = _of_traceback(ended, tracebacks)
    if of_traceback is not None and of_traceback.code in _RESOURCE_CODES:
        return of_traceback
    found = search(ended.log, RESOURCES, begin=begin)
    if found is not None:
        return told(ended, found)
    if of_traceback is not None and not (tracebacks[0].wrapper and of_traceback.code == "exception"):
        return of_traceback
    found = search(ended.log, REST, begin=begin)
    if found is not None and found.symptom.code in _SCRIPT_GOES_ON:
        # It did not give this exit code; what failed after it did.
        found = search(ended.log, REST[: -len(UNKNOWN)], begin=found.number + 1) or found
    if found is not None and found.symptom is BARE_EXCEPTION:
        return _of_exception(ended, bare(found.line))
    return of_traceback if found is None else told(ended, found)


def _survived(job: Job) -> bool:
    """Python ends with exit code 1 after an exception; where it ended with another it went on after it."""
    program = job.command[0].rpartition("/")[2] if job.command else ""
    return program.startswith("python") and job.exit_code is not None and 1 < job.exit_code < SHELL_SIGNAL


_SCRIPT_GOES_ON = frozenset({"command-not-found", "module-not-loaded"})
"""A shell that does not find a command goes on with the next one."""
_RESOURCE_CODES = frozenset(symptom.code for symptom in RESOURCES)


# ---- Python


def _of_traceback(ended: Ended, tracebacks: list[Raised]) -> Diagnosis | None:
    """The exception that ended it; what it was raised from, where that says more."""
    first: Diagnosis | None = None
    for one in tracebacks[:_TRACEBACKS_MAX]:
        found = _of_exception(ended, one)
        if found.code != "exception":
            return found
        first = first or found
        if not one.chained:
            break
    return first


def _of_exception(ended: Ended, one: Raised) -> Diagnosis:
    words = {"place": one.place, "source": one.source}
    if one.type == "KeyError" and one.passed("environ["):
        words["name"] = one.message.strip("'\"")
        return answer(ended, _VARIABLE, one.line, words)
    if one.passed("_execute_child") and one.type in ("FileNotFoundError", "PermissionError"):
        words["name"] = words["path"] = one.message.rpartition(": ")[2].strip("'\"")
        return answer(ended, _PROGRAM if one.type == "FileNotFoundError" else _DENIED, one.line, words)
    for symptom in EXCEPTION_LINE:
        groups = matched(symptom, one.line)
        if groups is not None:
            return answer(ended, symptom, one.line, {**words, **groups})
    return answer(ended, _UNCAUGHT, one.line, {**words, "text": one.line})


_VARIABLE = row("environment", "", "", "the variable {name} is not set", "{name}=VALUE {rerun}")
_PROGRAM = row("command-not-found", "", "", "command not found: no '{name}'{on_path}", "{which}")
_DENIED = row("permission", "", "", "permission denied: {path} may not be executed", "chmod +x {path}")
_UNCAUGHT = row("exception", "", "", "uncaught exception{at_place}: {text}")
