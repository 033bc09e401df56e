"""A launch that was handed to Slurm, as far as we know it, and what a row of squeue tells that is new."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from launchyard.engine.protocol import (
    EngineReport,
    LaunchEnded,
    LaunchMainEnded,
    LaunchStarted,
    LaunchSuspended,
    LaunchTaken,
    LaunchWaits,
)
from launchyard.engine.slurm import told
from launchyard.engine.slurm.journal import Given
from launchyard.engine.slurm.told import Row
from launchyard.engine.slurm.words import allocation_of, reason_of
from launchyard.model.job import Job
from launchyard.model.reason import Reason

NOT_STARTED = "cancelled before it was given to Slurm"
STANDING_STILL = frozenset({"SUSPENDED", "STOPPED"})


@dataclass(slots=True)
class Stop:
    """That it is to end was asked of us; asked of Slurm until it has."""

    signal: int
    grace_s: float
    asked_at: float | None = None


@dataclass(slots=True)
class Held:
    """`told_...` is what this connection's reports have said."""

    launch_id: str
    given: Given
    job: Job | None = None
    """What it asks for, as Slurm knows it; not known of one that an earlier daemon gave."""
    sent_in: int = 0
    """The look that was the last to begin before sbatch ended: it may not show it yet."""
    sending: bool = False
    away: bool = False
    """Slurm was away, for certain, when it was to be given."""
    stop: Stop | None = None
    missing_since: float | None = None
    looked_at: float = 0.0
    """When it was last looked for beyond squeue."""
    row: Row | None = None
    """What squeue said of it when it was last looked at, of what was told."""
    told_found: bool = False
    """Of one that was given past us: the controller knows of it. Before that nothing it asks concerns us."""
    kept_waiting: bool | None = None
    """Whether it was last asked to be held; None: as it was submitted."""
    told_taken: bool = False
    told_reason: Reason | None = None
    told_started: bool = False
    start: LaunchStarted | None = None
    start_taken: bool = False
    """Its start is durable with the controller, and told no more."""
    apart: bool | None = None
    """Whether it writes where only its node sees it; None: that is not known yet."""
    told_main_ended: bool = False
    told_suspended: bool = False
    ending: bool = False
    """How it ended is being asked."""
    doubted_since: float | None = None
    """Since when Slurm says that it failed, and its runner has not written down how it ended."""
    end: LaunchEnded | None = None

    def forget_told(self) -> None:
        """After a connection all is told again."""
        self.told_taken = self.told_main_ended = self.told_suspended = False
        self.told_started = self.start_taken
        self.told_reason = self.row = None

    @property
    def log(self) -> str | None:
        """Where its output is when the job names no file, or is none of ours."""
        if self.given.found:
            return self.given.output or None
        directory = self.given.directory
        return f"{directory}/{self.given.job_id}-{self.launch_id}.log" if directory else None

    def taken(self) -> Iterator[EngineReport]:
        """Slurm has it."""
        if not self.told_taken and self.given.slurm_id is not None:
            self.told_taken = True
            log = None if self.given.names_output else self.log
            yield LaunchTaken(launch_id=self.launch_id, engine_id=str(self.given.slurm_id), log=log)

    def news(self, row: Row, now: float, token: int) -> Iterator[EngineReport]:
        """What this row says that was not told; `token` is that of the start, if it is one."""
        if row is self.row:
            return
        self.row = row
        yield from self.taken()
        if row.state in told.BEFORE_START:
            yield from self._waits(reason_of(row, now))
            return
        yield from self.started_by(row, now, token)
        if row.state in told.ENDED:
            return
        suspended = row.state in STANDING_STILL
        if suspended != self.told_suspended:
            self.told_suspended = suspended
            yield LaunchSuspended(launch_id=self.launch_id, suspended=suspended)
        if row.state == told.COMPLETING and not self.told_main_ended:
            self.told_main_ended = True
            yield LaunchMainEnded(launch_id=self.launch_id)

    def started_by(self, row: Row, now: float, token: int) -> Iterator[EngineReport]:
        """It has nodes, so it was started; one that was cancelled before has none."""
        memory_mib = row.memory_mib or self.given.memory_mib
        return self.started_on(row.nodes, row.start_at, now, token, (row.cpus, memory_mib, row.gpus))

    def started_on(
        self,
        nodes: Sequence[str],
        start_at: float | None,
        now: float,
        token: int,
        amounts: tuple[int, int, int] = (1, 0, 0),
    ) -> Iterator[EngineReport]:
        """`amounts`: CPUs and memory in all, and GPUs of each node."""
        if not self.told_started and nodes:
            self.told_started = True
            at = now if start_at is None else min(start_at, now)
            self.start = self.start or LaunchStarted(
                launch_id=self.launch_id, at=at, token=token, allocation=allocation_of(nodes, *amounts)
            )
            yield self.start

    def _waits(self, reason: Reason) -> Iterator[EngineReport]:
        if reason != self.told_reason:
            self.told_reason = reason
            yield LaunchWaits(launch_id=self.launch_id, reason=reason)
