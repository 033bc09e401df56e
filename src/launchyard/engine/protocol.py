"""What the controller needs of an engine: start, stop, and to hear what became of each launch.

Everything below is keyed by `launch_id`. An engine never starts a launch twice, never reports an end that it
has not seen, and repeats a report until it is acknowledged. What it can do it declares (`model.ability`); who
places, who enforces and who accounts for each engine is written down in docs/explain/engines.md.

`Engine` is what every engine is. `engine.gateway` is the way into its nodes, for those that have one;
`engine.queue` what one that places can do to a launch that it was given and has not started.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from launchyard.model.ability import Abilities
from launchyard.model.event import Exited
from launchyard.model.job import Job
from launchyard.model.node import Node
from launchyard.model.partition import Partition
from launchyard.model.reason import Reason
from launchyard.model.resources import Allocation, NodeShare
from launchyard.model.step import RunnerEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """The order to start one attempt. Units are in the names; None is unlimited or not asked.

    `argv` is executed as it is, by PATH of `environment`; with `script` set, the script is written to a file
    that only the user can read and executed with `argv` as its arguments.
    `stdout` None: `spool_log`, a file name in the launcher's spool, capped at `log_cap_bytes`.
    `cpu_ids` empty: not pinned. `beside`: what it holds on further nodes, for engines whose nodes are one
    machine. `warning_target`: `all`, `batch` (the main process) or `steps`. `working_dir_else` is where it
    runs when `working_dir` cannot be entered; `pid_variable` a variable that is to hold its process id;
    `soft_limits` those of the kernel by name (`NOFILE`), less than 0: none.
    """

    launch_id: str
    job_id: int
    uid: int
    node: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    working_dir: str
    spool_log: str
    script: bytes | None = None
    stdin: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    append: bool = True
    terminal: str | None = None
    cpu_ids: tuple[int, ...] = ()
    cpus_milli: int = 1000
    memory_mib: int | None = None
    beside: tuple[NodeShare, ...] = ()
    pids_max: int | None = None
    time_limit_s: float | None = None
    warning_signal: int | None = None
    warning_before_s: float = 0
    warning_target: str = "all"
    grace_s: float = 30
    log_cap_bytes: int | None = None
    no_new_privs: bool = True
    working_dir_else: str | None = None
    umask: int | None = None
    pid_variable: str | None = None
    soft_limits: Mapping[str, int] | None = None
    needs: str | None = None
    """The directory with its runtime environment, which must be there where it runs."""
    ray: str | None = None
    """`command`: a Ray cluster is started on its nodes before the command; `hold`: that is all it is."""
    job: Job | None = None
    """For engines that place: what the job asks for (`node` is empty, and nothing is held yet). Its own name,
    partition, account and metadata are passed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRunner:
    """Start a runner of a step inside a running launch; told again it starts nothing."""

    runner_id: str
    launch_id: str
    uid: int
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRunner:
    """`signal` to a runner; with `grace_s`, KILL to all of it when it lives on after that."""

    runner_id: str
    signal: int
    grace_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetRunners:
    """The ends of these are durable with the controller."""

    runner_ids: tuple[str, ...]


StepOrder = StartRunner | SignalRunner | ForgetRunners


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerEnded:
    """A runner ended; `end` says how and at which position of its step. Repeated until it is forgotten."""

    runner_id: str
    end: RunnerEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchTaken:
    """The engine knows the launch under an id of its own: `ly show` finds the job by that too.

    `log` is where its output is when it is not in the spool. Told again after each connection.
    """

    launch_id: str
    engine_id: str
    log: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchWaits:
    """Of an engine that places: why it has not started the launch yet, in our words. Kept in memory alone;
    told when it changes, and again after each connection."""

    launch_id: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchStarted:
    """The user's program was executed (or, `at` once, the fork is recorded and set-up goes on).

    `allocation` is what an engine that places gave it. A launch that ran is told of so before its end.
    """

    launch_id: str
    at: float
    token: int
    allocation: Allocation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSuspended:
    """Somebody else than we let a running launch stand still, or go on."""

    launch_id: str
    suspended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchMainEnded:
    """The main process ended; killing what it left takes longer than a moment."""

    launch_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchEnded:
    """The attempt is over. `token` is what to acknowledge once the end is durable with us."""

    launch_id: str
    exit: Exited
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFailed:
    """A node is gone, and nothing of what was launched there lives; `why` is one sentence."""

    node: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesChanged:
    """These are the nodes of the cluster now, with their state, and its partitions where it has its own.

    A node that is missing is gone: what ran there is told of by `NodeFailed` or by its end, never by this.
    Names are used as they are, so they must be no other cluster's. A node that comes back is told of after
    what ran there before it was away has been killed.
    """

    nodes: tuple[Node, ...]
    partitions: tuple[Partition, ...] | None = None
    accounts: Mapping[str, str] | None = None
    """Of an engine with accounts of its own: by user that of a job which names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchFound:
    """A job that its user gave the engine past us. It becomes a job of ours with this `launch_id`, which is
    the same whenever it is told of, and from then on it is reported like every launch.

    `job` has all but an id: what is known of it, PENDING and without an attempt.
    """

    launch_id: str
    engine_id: str
    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConnected:
    """The engine answers (again). `known` are the launches it has a record of; `epoch` that of its journal.

    Sent before any report of this connection. The controller compares its own launches with it: one of the
    same epoch that is not known is ordered again if it was never seen to start. So `known` has every launch
    that may ever have begun, those of an uncertain order too; what became of them is then reported, be it
    that they are lost.
    """

    epoch: str
    known: frozenset[str]
    found: frozenset[str] = frozenset()
    """Those of them that users gave the engine past us: we end none for want of a record."""
    runners: frozenset[str] = frozenset()
    """Those that run, and those whose end is reported again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLost:
    """The engine does not answer since `since`; its jobs are as they were last known."""

    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineDescribed:
    """What is told of it in `ly status` is this now, and no more what `open` said."""

    enforcement: "Enforcement"
    details: Mapping[str, str]


EngineReport = (
    EngineConnected
    | EngineLost
    | EngineDescribed
    | NodeFailed
    | NodesChanged
    | LaunchTaken
    | LaunchWaits
    | LaunchStarted
    | LaunchSuspended
    | LaunchMainEnded
    | LaunchEnded
    | LaunchFound
    | RunnerEnded
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """How limits hold on this engine, for `ly status` (`cgroup v1`, `cgroup v2`, `sampling`, `none`, ...)."""

    memory: str
    cpus: str
    processes: str
    users: str
    """`switched` (each job as its user) or `single`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """What an engine is: its nodes and how it enforces.

    `cpus` are the machine's own numbers of a node's CPUs, in the node's order, where they can be pinned.
    `partitions` and `accounts` (see `NodesChanged`) are its own, of an engine that has some.
    `details` are shown in `ly status`.
    """

    nodes: tuple[Node, ...]
    enforcement: Enforcement
    partitions: tuple[Partition, ...] = ()
    accounts: Mapping[str, str] = field(default_factory=dict)
    cpus: Mapping[str, Sequence[int]] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)


class Engine(Protocol):
    """A place where jobs run. All methods are called on the event loop; none blocks, and none but `open`
    raises: what cannot be done is reported."""

    abilities: Abilities
    """What it declares; does not change."""

    steps: bool
    """Whether launches can have steps, as far as is known now."""

    @property
    def suspends(self) -> bool:
        """Whether launches can be suspended and their time limits moved, as far as is known now."""

    async def open(self, report: Callable[[Sequence[EngineReport]], None]) -> EngineFacts:
        """Connect; from now on `report` is called on the loop with what happens, in order, in batches.

        Raises `LaunchyardError` for what an operator has to mend. A cluster that is only away is no error:
        the facts are then what is known without it, and `EngineLost` is reported.
        """

    def start(self, launches: Sequence[Launch]) -> None:
        """Give the orders; what becomes of each is reported. Never raises."""

    def stop(self, launch_id: str, *, signal: int, grace_s: float) -> None:
        """End a launch: `signal`, then KILL after `grace_s`. An unknown launch is marked never to start."""

    def signal(
        self, launch_id: str, signal: int, *, main_only: bool = False, steps_only: bool = False
    ) -> None:
        """Send a signal to a launch's processes, to its main one, or to the runners of its steps."""

    def order_steps(self, orders: Sequence[StepOrder]) -> None:
        """Start, signal and forget runners; the end of each is reported."""

    def suspend(self, launch_id: str, *, suspended: bool) -> None:
        """Let a launch stand still, its time limit too, or go on; told again it changes nothing."""

    def limit(self, launch_id: str, time_limit_s: float | None) -> None:
        """The launch's time limit is this one now, counted from its start."""

    def acknowledge(self, token: int) -> None:
        """Everything reported up to `token` is durable with the controller."""

    async def close(self) -> None:
        """Let go; jobs run on."""
