"""Who pays and how urgent: accounts in a tree, the users in them, QOS, and the limits of each."""

from dataclasses import dataclass, fields
from enum import StrEnum

IMPLICIT = "default"
"""The account of all jobs where none is configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most of each at one time; None is no limit.

    `jobs` run, `waiting` wait (each task of an array counts). `cpu_minutes` and `gpu_minutes` are what was
    used, fading with the half-life of the fair share, and what running jobs may still use.
    `time_limit_s` is the longest time limit of one job.
    """

    jobs: int | None = None
    waiting: int | None = None
    cpus_milli: int | None = None
    memory_mib: int | None = None
    gpus: int | None = None
    nodes: int | None = None
    cpu_minutes: int | None = None
    gpu_minutes: int | None = None
    time_limit_s: int | None = None

    @property
    def any(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who pays. `parent` None: at the top. `shares` None: its members count as members of the parent.

    `limits` hold for all jobs of the account and of the accounts below it together, `per_user` for those of
    each user in it, `per_job` for one job. `qos` are those that its jobs may have; empty: all.
    `everyone`: users that are not named may use it too, with one share each. `coordinators` look after it and
    the accounts below it.
    """

    name: str
    parent: str | None = None
    shares: int | None = 1
    everyone: bool = False
    coordinators: tuple[str, ...] = ()
    limits: Limits = NO_LIMITS
    per_user: Limits = NO_LIMITS
    per_job: Limits = NO_LIMITS
    qos: tuple[str, ...] = ()
    default_qos: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """A user in an account. `default`: jobs of this user that name no account are charged to this one."""

    user: str
    account: str = IMPLICIT
    shares: int = 1
    default: bool = False
    limits: Limits = NO_LIMITS
    per_job: Limits = NO_LIMITS
    qos: tuple[str, ...] = ()
    default_qos: str | None = None


class PreemptMode(StrEnum):
    """What becomes of a job that makes room."""

    OFF = "off"
    REQUEUE = "requeue"
    CANCEL = "cancel"
    SUSPEND = "suspend"


@dataclass(frozen=True, slots=True, kw_only=True)
class QOS:
    """How urgent, and how much of it. A higher `tier` goes first; `priority` is the factor of `multifactor`.

    Jobs of the QOS named in `preempts` make room for jobs of this one; how those of this one make room, and
    after how long a warning, say `preempt_mode` and `grace_s`. What a job uses is charged `usage_factor`
    times. `ignores_partition_limits`: the times and sizes that a partition allows do not hold.
    """

    name: str
    tier: int = 0
    priority: int = 0
    limits: Limits = NO_LIMITS
    per_account: Limits = NO_LIMITS
    per_user: Limits = NO_LIMITS
    per_job: Limits = NO_LIMITS
    preempts: tuple[str, ...] = ()
    preempt_mode: PreemptMode = PreemptMode.REQUEUE
    grace_s: int = 0
    usage_factor: float = 1.0
    ignores_partition_limits: bool = False

    @property
    def time_limit_max_s(self) -> int | None:
        """The longest time limit of one job."""
        return self.per_job.time_limit_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one user used of one account by one QOS, in seconds, as worth at `at`; later it is worth less.

    Jobs that run were charged up to `charged_until`.
    """

    user: str
    account: str
    qos: str
    billed_s: float
    cpu_s: float
    gpu_s: float
    at: float
    charged_until: float
