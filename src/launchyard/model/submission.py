"""What a caller asks for, parsed and typed, before defaults and limits of the cluster are applied."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from launchyard.model.array import Indexes
from launchyard.model.cron import Cron
from launchyard.model.dependency import Dependency
from launchyard.model.job import Entrypoint, JobKind, Warning
from launchyard.model.retries import Retries
from launchyard.model.role import Role, Scope
from launchyard.model.session import Session
from launchyard.model.wishes import Wishes


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks; `groups` are the user's Unix groups. What that lets somebody do is in `policy.rights`.

    `coordinates` are the accounts of which one is coordinator. `scope` and `account` are those of the token:
    how far it reaches, and the one account that what it submits is charged to.
    """

    user: str
    uid: int
    role: Role = Role.USER
    groups: tuple[str, ...] = ()
    coordinates: tuple[str, ...] = ()
    scope: Scope = Scope.ALL
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartAsked:
    """A further part of a job, as asked: it starts with the others, with resources and nodes of its own."""

    partition: str | None = None
    cpus_milli: int | None = None
    memory_mib: int | None = None
    gpus: int = 0
    nodes: int | None = None
    wishes: Wishes = Wishes()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One job, or one array of them, as asked. None means: the cluster's default.

    Exactly one of `command` (executed as it is) and `script` is given; `arguments` go to the script.
    A `memory_mib` of 0 is all that a node has.
    `environment` None: the bare one (HOME, USER, PATH ...). `kind` None: by what is given.
    `keep_beyond_limits`: what limits or the number of nodes do not allow waits until they do.
    `cron`: it comes again and again, and belongs to its user's crontab.
    """

    command: tuple[str, ...] = ()
    script: str | None = None
    arguments: tuple[str, ...] = ()
    kind: JobKind | None = None
    name: str | None = None
    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    cluster: str | None = None
    group: str | None = None
    cpus_milli: int | None = None
    memory_mib: int | None = None
    gpus: int = 0
    nodes: int | None = None
    wishes: Wishes = Wishes()
    parts: tuple[PartAsked, ...] = ()
    """Further parts, unlike the first."""
    part_metadata: Mapping[str, str] = field(default_factory=dict)
    """What is only kept of the first part, where there are others."""
    time_limit_s: int | None = None
    time_min_s: int | None = None
    warning: Warning | None = None
    indexes: Indexes | None = None
    throttle: int | None = None
    dependency: Dependency | None = None
    keep_on_failed_dependency: bool = False
    keep_beyond_limits: bool = False
    keep_impossible: bool = False
    """What no node has it waits for, rather than being refused."""
    begin_at: float | None = None
    cron: Cron | None = None
    deadline_at: float | None = None
    held: bool = False
    requeue: bool = False
    retries: Retries | None = None
    nice: int = 0
    working_dir: str | None = None
    environment: Mapping[str, str] | None = None
    runtime_env: Mapping[str, Any] | None = None
    """Files, packages and variables that are to be there before it starts, as `model.runtimeenv` reads it."""
    stdin: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    append: bool = True
    terminal: bool = False
    window: tuple[int, int] = (24, 80)
    submission_id: str | None = None
    entrypoint: Entrypoint | None = None
    session: Session | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What may be changed of a job; None leaves it. A running job's time limit may only fall.

    A `deadline_at` of 0 takes the deadline away, a `dependency` without clauses the dependency. `metadata`
    is put to what is there; an empty value takes a key away.
    """

    name: str | None = None
    time_limit_s: int | None = None
    nice: int | None = None
    partition: str | None = None
    cpus_milli: int | None = None
    memory_mib: int | None = None
    gpus: int | None = None
    nodes: int | None = None
    wishes: Wishes | None = None
    begin_at: float | None = None
    throttle: int | None = None
    account: str | None = None
    qos: str | None = None
    dependency: Dependency | None = None
    deadline_at: float | None = None
    metadata: Mapping[str, str] | None = None
    requeue: bool | None = None
    stdout: str | None = None
    stderr: str | None = None
    working_dir: str | None = None
    time_min_s: int | None = None
