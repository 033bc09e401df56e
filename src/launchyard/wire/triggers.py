"""Triggers between JSON and the model."""

from dataclasses import dataclass

from launchyard.model import trigger as model
from launchyard.model.errors import Invalid
from launchyard.model.hostlist import compress, expand
from launchyard.model.number import shown
from launchyard.model.submission import Caller
from launchyard.model.trigger import Happening

COMMAND_MAX_BYTES = 4096
NODES_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTrigger:
    """The body of `POST /v1/slurm/triggers`.

    `happenings` are of fini, time (with `job_id`), down, up, drained, idle, reconfig and
    primary_slurmctld_resumed_operation; any of them sets it off. `nodes` is like `n[1-4]`, none are all;
    with `job_id` they are those of the job. `command` is a program's full path and arguments; what it
    happened to is one more.
    """

    happenings: list[str]
    command: list[str]
    job_id: int | None = None
    nodes: str | None = None
    offset_s: int = 0
    permanent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A trigger as it is kept; `due`: it has happened, and the program is about to be run."""

    id: int
    user: str
    uid: int
    happenings: list[str]
    command: list[str]
    job_id: int | None
    nodes: str
    offset_s: int
    permanent: bool
    due: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerList:
    """By id."""

    triggers: list[Trigger]


def to_trigger(body: SetTrigger, caller: Caller) -> model.Trigger:
    """The trigger asked for, not numbered yet. Raises `Invalid`."""
    nodes = tuple(dict.fromkeys(expand(body.nodes))) if body.nodes else ()
    if len(nodes) > NODES_MAX:
        raise Invalid(f"{len(nodes)} nodes are named; name at most {NODES_MAX}")
    if nodes and body.job_id is not None:
        raise Invalid("a trigger is about a job or about nodes, not both")
    if body.job_id is not None and not 1 <= body.job_id < 10**15:
        raise Invalid(f"the job id {body.job_id} is out of range")
    return model.Trigger(
        id=0,
        uid=caller.uid,
        user=caller.user,
        happenings=tuple(dict.fromkeys(_happening(one) for one in body.happenings)),
        command=_command(body.command),
        job_id=body.job_id,
        nodes=nodes,
        offset_s=body.offset_s,
        permanent=body.permanent,
    )


def trigger_shown(one: model.Trigger) -> Trigger:
    return Trigger(
        id=one.id,
        user=one.user,
        uid=one.uid,
        happenings=[str(happening) for happening in one.happenings],
        command=list(one.command),
        job_id=one.job_id,
        nodes=compress(list(one.nodes)),
        offset_s=one.offset_s,
        permanent=one.permanent,
        due=one.due_at is not None,
    )


def _happening(word: str) -> Happening:
    try:
        return Happening(word)
    except ValueError:
        known = ", ".join(Happening)
        raise Invalid(f"nothing here is called {shown(word)} that could happen; there are {known}") from None


def _command(words: list[str]) -> tuple[str, ...]:
    if not words or not words[0].startswith("/"):
        raise Invalid("the program of a trigger must be given with its full path, which begins with /")
    try:
        size = sum(len(word.encode()) + 1 for word in words)
    except UnicodeEncodeError:
        raise Invalid("the program of a trigger has characters that are not Unicode") from None
    if size > COMMAND_MAX_BYTES or any("\0" in word for word in words):
        raise Invalid(f"the program of a trigger has {size} bytes; at most {COMMAND_MAX_BYTES}, and no NUL")
    return tuple(words)
