"""A program that a user wants to be run once something has happened to a job, to nodes or to the server."""

from dataclasses import dataclass
from enum import StrEnum

from launchyard.model.errors import Invalid


class Happening(StrEnum):
    """What a trigger waits for. Of a node: down, up, drained, idle; of a job also that of its nodes."""

    FINI = "fini"
    TIME = "time"
    DOWN = "down"
    UP = "up"
    DRAINED = "drained"
    IDLE = "idle"
    RECONFIG = "reconfig"
    RESUMED = "primary_slurmctld_resumed_operation"


OF_JOBS = frozenset({Happening.FINI, Happening.TIME})
OF_NODES = frozenset({Happening.DOWN, Happening.UP, Happening.DRAINED, Happening.IDLE})

OFFSET_MAX_S = 32_000
EVERYTHING = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """`job_id` None: about nodes or the server; `nodes` empty: about all of them.

    `command` gets what it happened to as one argument more. The program is run `offset_s` after the event;
    a negative one goes before a time limit. `permanent`: again with each event.
    """

    id: int
    uid: int
    user: str
    happenings: tuple[Happening, ...]
    command: tuple[str, ...]
    job_id: int | None = None
    nodes: tuple[str, ...] = ()
    offset_s: int = 0
    permanent: bool = False
    due_at: float | None = None
    """It happened: the program is to be started then."""
    happened_to: tuple[str, ...] = ()
    """The nodes that it happened to by now."""

    def waits_for(self, happening: Happening) -> bool:
        return happening in self.happenings

    def means(self, node: str) -> bool:
        """Whether it is about this node."""
        return self.job_id is None and (not self.nodes or node in self.nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """All there are, by id; `next_id` is never handed out again."""

    next_id: int = 1
    triggers: tuple[Trigger, ...] = ()


def refuse_contradictory(trigger: Trigger) -> None:
    """Raises `Invalid` for one that could never go off."""
    kinds = frozenset(trigger.happenings)
    if not kinds:
        raise Invalid("say what the trigger waits for: fini, time, down, up, drained, idle or reconfig")
    if kinds & OF_JOBS and trigger.job_id is None:
        raise Invalid("a trigger for the end or the time limit of a job needs the id of the job")
    if Happening.TIME not in kinds and trigger.offset_s < 0:
        raise Invalid("only a trigger for a time limit can go off before its event; give another offset")
    if Happening.IDLE in kinds and trigger.job_id is not None:
        raise Invalid("a node is not idle while a job holds it; name nodes, or none for all")
    if abs(trigger.offset_s) > OFFSET_MAX_S:
        raise Invalid(f"the offset is {trigger.offset_s} s; it is between -{OFFSET_MAX_S} and {OFFSET_MAX_S}")
