"""The rules of the queue: partitions, QOS, accounts, users and what orders them; changed as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from launchyard.model.account import QOS, Account, Association, Limits
from launchyard.model.partition import Partition
from launchyard.model.role import Role

NORMAL = "normal"
INTERACTIVE = "interactive"


class Order(StrEnum):
    """By what waiting jobs of one tier are ordered."""

    DEFAULT = "default"
    FIFO = "fifo"
    SHORTEST_FIRST = "shortest-first"
    MULTIFACTOR = "multifactor"


class Sum(StrEnum):
    """How the parts of a bill become one: the largest of them, or all together."""

    MAX = "max"
    SUM = "sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """What a second of one CPU, one GiB of memory and one GPU costs."""

    cpu: float = 1.0
    memory_gib: float = 0.25
    gpu: float = 8.0
    sum: Sum = Sum.MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What each factor (0 to 1) counts for in the order `multifactor`."""

    age: int = 1_000
    fairshare: int = 10_000
    job_size: int = 0
    partition: int = 0
    qos: int = 1_000
    cpus: int = 0
    memory: int = 0
    gpus: int = 0
    favor_small: bool = False
    age_max_s: int = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerRules:
    """How the queue is ordered and planned.

    `depth` waiting jobs get a reservation (None: all that are looked at). `bands` is into how many groups
    the fair-share factor is cut. `ageing_h` is the wait that makes up for a job `e` times as large.
    Usage is worth half after `half_life_s` (None: it never fades).
    """

    order: Order = Order.DEFAULT
    depth: int | None = 1
    bands: int = 5
    ageing_h: float = 12.0
    half_life_s: float | None = 7 * 86_400
    billing: Billing = Billing()
    weights: Weights = Weights()


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Who has a role: by name, and all of some Unix groups."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def default_qos() -> dict[str, QOS]:
    """What there is when nobody says: `interactive` goes first and is kept small."""
    small = Limits(jobs=2, cpus_milli=8_000, gpus=1)
    return {
        NORMAL: QOS(name=NORMAL),
        INTERACTIVE: QOS(
            name=INTERACTIVE, tier=100, priority=100, per_user=small, per_job=Limits(time_limit_s=12 * 3_600)
        ),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All of it, checked: names refer to what is there, exactly one partition is the default.

    No accounts: everybody is in one, which has no name to learn.
    """

    partitions: Mapping[str, Partition] = field(
        default_factory=lambda: {"main": Partition(name="main", default=True)}
    )
    qos: Mapping[str, QOS] = field(default_factory=default_qos)
    accounts: Mapping[str, Account] = field(default_factory=dict)
    associations: Mapping[tuple[str, str], Association] = field(default_factory=dict)
    """By (account, user)."""
    scheduler: SchedulerRules = SchedulerRules()
    roles: Mapping[Role, Members] = field(default_factory=dict)

    def ancestry(self, account: str) -> tuple[str, ...]:
        """The account and those above it, itself first; an unknown one alone."""
        found = [account]
        while (one := self.accounts.get(found[-1])) is not None and one.parent is not None:
            found.append(one.parent)
        return tuple(found)
