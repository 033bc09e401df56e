"""An engine that obeys a script, for tests and simulation: it starts no process and has no clock of its own.

What it is told is recorded in `orders`, in order. What it reports is told to it (`begin`, `finish`, `lose`,
`reconnect`), or follows from its `Obedience`. As with a real engine, reports come later, on the loop and in
batches, never from inside a call; records that were not acknowledged are repeated after `reconnect`.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from launchyard.engine.protocol import (
    Enforcement,
    EngineConnected,
    EngineFacts,
    EngineLost,
    EngineReport,
    ForgetRunners,
    Launch,
    LaunchEnded,
    LaunchMainEnded,
    LaunchStarted,
    NodeFailed,
    RunnerEnded,
    StartRunner,
    StepOrder,
)
from launchyard.model.ability import EVERYTHING, Abilities
from launchyard.model.errors import Unavailable
from launchyard.model.event import Exited
from launchyard.model.job import Job
from launchyard.model.node import Node
from launchyard.model.resources import Allocation, Usage
from launchyard.model.step import RunnerEnd, parse_runner_id

ONE_NODE = (Node(name="node", cpus=4, memory_mib=8192),)


class Obedience(Enum):
    """What happens of itself. `RECORD`: nothing. `START`: launches start, and end when they are stopped.

    `COMPLETE`: launches start and end with exit code 0 at once.
    """

    RECORD = "record"
    START = "start"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrder:
    """`stop` was called."""

    launch_id: str
    signal: int
    grace_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalOrder:
    """`signal` was called."""

    launch_id: str
    signal: int
    main_only: bool
    steps_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendOrder:
    """`suspend` was called."""

    launch_id: str
    suspended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOrder:
    """`limit` was called."""

    launch_id: str
    time_limit_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOrder:
    """`hold` was called."""

    launch_id: str
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendOrder:
    """`amend` was called."""

    launch_id: str
    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeOrder:
    """`acknowledge` was called."""

    token: int


Order = (
    Launch
    | StopOrder
    | SignalOrder
    | SuspendOrder
    | LimitOrder
    | HoldOrder
    | AmendOrder
    | AcknowledgeOrder
    | StepOrder
)
Record = LaunchStarted | LaunchEnded


class FakeEngine:
    """See the module. `now` stamps what is reported; `channel` serves `user_channel` where one is needed."""

    def __init__(
        self,
        nodes: tuple[Node, ...] = ONE_NODE,
        *,
        now: Callable[[], float] = lambda: 0.0,
        obedience: Obedience = Obedience.RECORD,
        epoch: str = "epoch-1",
        channel: Callable[[int], int] | None = None,
        abilities: Abilities = EVERYTHING,
    ) -> None:
        self.abilities = abilities
        self.nodes = nodes
        self.obedience = obedience
        self.epoch = epoch
        self.orders: list[Order] = []
        self.dropped: list[Order] = []
        """Orders given while the engine was lost: they never arrived."""
        self.running: dict[str, Launch] = {}
        self.starts: dict[str, int] = {}
        """How often each launch was started; more than once would be a fault of the engine."""
        self.runners: dict[str, StartRunner] = {}
        """Runners that were started and have not ended."""
        self.acknowledged = 0
        self.connected = False
        self.suspends = self.steps = True
        self._now = now
        self._channel = channel
        self._stopped_unknown: set[str] = set()
        self._records: list[Record] = []
        self._runner_ends: dict[str, RunnerEnded] = {}
        self._token = 0
        self._outbox: list[EngineReport] = []
        self._report: Callable[[Sequence[EngineReport]], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    # ---- the port

    async def open(self, report: Callable[[Sequence[EngineReport]], None]) -> EngineFacts:
        """Connect; the first batch begins with `EngineConnected`."""
        self._report = report
        self._loop = asyncio.get_running_loop()
        self.reconnect()
        enforcement = Enforcement(memory="none", cpus="none", processes="none", users="single")
        return EngineFacts(nodes=self.nodes, enforcement=enforcement)

    def start(self, launches: Sequence[Launch]) -> None:
        """Record the orders; known launches are not started again."""
        if not self._accept(launches):
            return
        for launch in launches:
            self._start(launch)

    def stop(self, launch_id: str, *, signal: int, grace_s: float) -> None:
        """Record the order; an unknown launch will never start."""
        if not self._accept([StopOrder(launch_id=launch_id, signal=signal, grace_s=grace_s)]):
            return
        if launch_id not in self.starts:
            self._stopped_unknown.add(launch_id)
        elif self.obedience is not Obedience.RECORD and launch_id in self.running:
            self.finish(launch_id, signal=signal)

    def signal(
        self, launch_id: str, signal: int, *, main_only: bool = False, steps_only: bool = False
    ) -> None:
        """Record the order."""
        order = SignalOrder(launch_id=launch_id, signal=signal, main_only=main_only, steps_only=steps_only)
        self._accept([order])

    def order_steps(self, orders: Sequence[StepOrder]) -> None:
        """Record the orders; runners start, whatever the obedience."""
        if not self._accept(orders):
            return
        for order in orders:
            if isinstance(order, StartRunner):
                self.runners[order.runner_id] = order
            elif isinstance(order, ForgetRunners):
                for one in order.runner_ids:
                    self._runner_ends.pop(one, None)

    def suspend(self, launch_id: str, *, suspended: bool) -> None:
        """Record the order."""
        self._accept([SuspendOrder(launch_id=launch_id, suspended=suspended)])

    def limit(self, launch_id: str, time_limit_s: float | None) -> None:
        """Record the order."""
        self._accept([LimitOrder(launch_id=launch_id, time_limit_s=time_limit_s)])

    def acknowledge(self, token: int) -> None:
        """Records up to `token` are not repeated any more."""
        if not self._accept([AcknowledgeOrder(token=token)]):
            return
        self.acknowledged = max(self.acknowledged, token)
        self._records = [record for record in self._records if record.token > token]

    def hold(self, launch_id: str, *, held: bool) -> None:
        """Record the order."""
        self._accept([HoldOrder(launch_id=launch_id, held=held)])

    def amend(self, launch_id: str, job: Job) -> None:
        """Record the order."""
        self._accept([AmendOrder(launch_id=launch_id, job=job)])

    async def user_channel(self, uid: int, memory_mib: int | None = None, node: str | None = None) -> int:
        """A socket of `channel(uid)`."""
        if self._channel is None:
            raise Unavailable("This engine starts no helpers; give FakeEngine a channel.")
        return self._channel(uid)

    async def close(self) -> None:
        """Nothing is reported any more."""
        self._report = None

    # ---- the script

    @property
    def launches(self) -> list[Launch]:
        """The launches that were ordered, in order."""
        return [order for order in self.orders if isinstance(order, Launch)]

    @property
    def stops(self) -> list[StopOrder]:
        """The stops that were ordered, in order."""
        return [order for order in self.orders if isinstance(order, StopOrder)]

    def begin(self, launch_id: str, allocation: Allocation | None = None) -> None:
        """The launch's program was executed; an engine that places says where."""
        started = LaunchStarted(
            launch_id=launch_id, at=self._now(), token=self._next_token(), allocation=allocation
        )
        self._record(started)

    def main_ended(self, launch_id: str) -> None:
        """Its main process ended, the rest of it lives."""
        self._tell(LaunchMainEnded(launch_id=launch_id))

    def finish(
        self,
        launch_id: str,
        *,
        exit_code: int | None = None,
        signal: int | None = None,
        usage: Usage | None = None,
        out_of_memory: bool = False,
        timed_out: bool = False,
        log_full: bool = False,
        lost: bool = False,
        cancelled: bool = False,
        node_lost: bool = False,
        error: str | None = None,
    ) -> None:
        """The launch is over; without any fact it ended with exit code 0. Also while the engine is lost."""
        if exit_code is None and signal is None and error is None and not lost and not cancelled:
            exit_code = 0
        self.running.pop(launch_id, None)
        exited = Exited(
            at=self._now(),
            exit_code=exit_code,
            signal=signal,
            usage=usage or Usage(),
            out_of_memory=out_of_memory,
            timed_out=timed_out,
            log_full=log_full,
            lost=lost,
            cancelled=cancelled,
            node_lost=node_lost,
            error=error,
        )
        self._record(LaunchEnded(launch_id=launch_id, exit=exited, token=self._next_token()))

    def end_runner(
        self, runner_id: str, *, exit_code: int | None = None, signal: int | None = None, **facts: object
    ) -> None:
        """A runner ended, also while the engine is lost. `facts` are further fields of `RunnerEnd`."""
        self.runners.pop(runner_id, None)
        parsed = parse_runner_id(runner_id)
        position = parsed[2] if parsed is not None else 0
        end = RunnerEnd(position=position, at=self._now(), exit_code=exit_code, signal=signal, **facts)  # type: ignore[arg-type]
        self._runner_ends[runner_id] = RunnerEnded(runner_id=runner_id, end=end)
        self._tell(self._runner_ends[runner_id])

    def fail_node(self, node: str, why: str) -> None:
        """A node is gone, with all that ran there."""
        for launch_id in [one for one, launch in self.running.items() if launch.node == node]:
            del self.running[launch_id]
        self._tell(NodeFailed(node=node, why=why))

    def tell(self, report: EngineReport) -> None:
        """Report this, as long as the engine is not lost."""
        self._tell(report)

    def lose(self) -> None:
        """The engine does not answer any more; what happens meanwhile is reported after `reconnect`."""
        self.connected = False
        self._outbox.append(EngineLost(since=self._now()))
        self._schedule()

    def reconnect(self, *, epoch: str | None = None, forget: Iterable[str] = ()) -> None:
        """It answers again; a new `epoch` is a new journal, `forget` are launches it has no record of."""
        forgotten = set(self.starts) if epoch not in (None, self.epoch) else set(forget)
        self.epoch = epoch or self.epoch
        for launch_id in forgotten:
            self.starts.pop(launch_id, None)
            self.running.pop(launch_id, None)
        self._records = [record for record in self._records if record.launch_id not in forgotten]
        self.connected = True
        known = frozenset(self.running) | {record.launch_id for record in self._records}
        self.runners = {id: one for id, one in self.runners.items() if one.launch_id not in forgotten}
        runners = frozenset({*self.runners, *self._runner_ends})
        connected = EngineConnected(epoch=self.epoch, known=known, runners=runners)
        self._outbox += [connected, *self._records, *self._runner_ends.values()]
        self._schedule()

    def deliver(self) -> None:
        """Report what is due now, in one batch (the loop does so by itself at its next turn)."""
        batch, self._outbox = self._outbox, []
        if batch and self._report is not None:
            self._report(batch)

    # ---- inside

    def _accept(self, orders: Sequence[Order]) -> bool:
        (self.orders if self.connected else self.dropped).extend(orders)
        return self.connected

    def _start(self, launch: Launch) -> None:
        launch_id = launch.launch_id
        if launch_id in self._stopped_unknown:
            self._stopped_unknown.discard(launch_id)
            self.starts[launch_id] = 0
            self.finish(launch_id, error="cancelled before it started")
            return
        if launch_id in self.starts:
            return
        self.starts[launch_id] = 1
        self.running[launch_id] = launch
        if self.obedience is not Obedience.RECORD:
            self.begin(launch_id)
        if self.obedience is Obedience.COMPLETE:
            self.finish(launch_id)

    def _next_token(self) -> int:
        self._token += 1
        return self._token

    def _record(self, record: Record) -> None:
        self._records.append(record)
        self._tell(record)

    def _tell(self, report: EngineReport) -> None:
        if self.connected:
            self._outbox.append(report)
            self._schedule()

    def _schedule(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon(self.deliver)
