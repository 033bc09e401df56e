"""scontrol hold, uhold, release, requeue, requeuehold, suspend, resume, top: done to lists of jobs."""

import os
import signal
import sys

from launchyard.cli.slurm.acting import Outcome, act
from launchyard.cli.slurm.main import Refused
from launchyard.cli.slurm.scontrol import Flags
from launchyard.cli.slurm.server import Server
from launchyard.slurm.errnos import (
    ALREADY_DONE,
    DENIED,
    FINISHED,
    INVALID_JOB,
    INVALID_USER,
    TRANSITION,
    Errno,
)
from launchyard.slurm.jobnames import Named, read, words

HOLDING = ("hold", "uhold", "release")
AGAIN = ("requeue", "requeuehold")
WHOLE = (*AGAIN, "top")
"""These do not know `12+1`."""
PENDING = Errno(2034, "Job is pending execution")


def run(arguments: list[str], flags: Flags) -> int:
    what = flags.word.lower()
    if what in AGAIN and len(arguments) > 1:
        # `requeue Incomplete 12`, `requeuehold SpecialExit 12`: the states they ask for are not ours.
        arguments = arguments[-1:] if not read(arguments[0].split(",")[0]) else arguments
    if not arguments:
        print(f"too few arguments for keyword:{flags.word}", file=sys.stderr)
        raise Refused
    if what in AGAIN:
        hear_the_answer()
    server = Server()
    code = 0
    for argument in arguments:
        code = _list(server, what, argument) or code
    return code


def hear_the_answer() -> None:
    """A job that puts itself back is told to end, and we with it, often before we have read the answer."""
    if "SLURM_JOB_ID" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _list(server: Server, what: str, text: str) -> int:
    names, wrong = _names(server, what, text)
    for word in wrong:
        _say(what, word, INVALID_JOB)
    outcomes = act(server, what, names)
    refused = [(one, errno) for one in outcomes if (errno := _errno(what, one)) is not None]
    for one, errno in refused:
        _say(what, one.named.text, errno)
    return 1 if refused or wrong else 0


def _say(what: str, text: str, errno: Errno) -> None:
    """hold and release say it twice, as the original does."""
    print(f"{errno.sentence} for job {text}", file=sys.stderr)
    if what in HOLDING:
        print(f"slurm_suspend error: {errno.sentence}", file=sys.stderr)


def _errno(what: str, one: Outcome) -> Errno | None:
    """What was refused as the original would say it; that a job at work cannot be held is no error there."""
    if one.errno is None:
        return None
    if one.errno == TRANSITION:
        if what in HOLDING and one.state in ("STARTING", "RUNNING", "SUSPENDED", "COMPLETING"):
            return None
        return PENDING if one.state == "PENDING" and what in (*AGAIN, "suspend") else TRANSITION
    if what in HOLDING and one.errno == DENIED and not one.state:
        return INVALID_USER
    if one.errno == ALREADY_DONE and what in HOLDING:
        return FINISHED
    return one.errno


def _names(server: Server, what: str, text: str) -> tuple[list[Named], list[str]]:
    """`12,13_[1-3]`, `name=train` and `jobname=train`; and what is none of them."""
    key, equals, value = text.partition("=")
    if equals and key.lower() in ("name", "jobname"):
        rows = server.table("jobs", "id name task_array task_index")
        return [
            Named(str(id), [str(id) if array is None else f"{array}_{index}"])
            for id, name, array, index in rows
            if name == value
        ], []
    if equals and key.lower() in ("jobid", "job"):
        text = value
    names, wrong = list[Named](), list[str]()
    for word in words(text) or [""]:
        found = read(word)
        if found is None or ("+" in word and what in WHOLE):
            wrong.append(word)
        else:
            names.append(found)
    return names, wrong
