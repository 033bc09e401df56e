"""All that a plan may look at: a value, so that live scheduling, estimates and simulation plan alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from launchyard.model.partition import Partition
from launchyard.policy.future import Closure, Holding
from launchyard.policy.index import Index
from launchyard.policy.ledger import Ledger
from launchyard.policy.limits import LimitBook
from launchyard.policy.queue import WaitingQueue

UNLIMITED_S = 7 * 24 * 3600
"""What an unlimited job counts as when its partition has no maximum."""


def seconds_of(partitions: Mapping[str, Partition], partition: str, time_limit_s: int | None) -> float:
    """How long a job with this limit may hold what it gets: an unlimited one counts as the maximum."""
    if time_limit_s is not None:
        return time_limit_s
    return partitions[partition].time_limit_max_s or UNLIMITED_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A plan books its starts in `ledger`; all else is only read. `holdings` are in the order of their ends.

    `depth` is how many blocked jobs get a reservation: 1 is EASY backfill. `limits` None: there are none.
    """

    now: float
    ledger: Ledger
    index: Index
    holdings: Sequence[Holding]
    waiting: WaitingQueue
    partitions: Mapping[str, Partition] = field(default_factory=dict)
    limits: LimitBook | None = None
    closures: Sequence[Closure] = ()
    depth: int = 1
    preempts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Of a QOS, those whose jobs make room for it."""

    def seconds(self, partition: str, time_limit_s: int | None) -> float:
        """How long a job with this limit may hold what it gets."""
        return seconds_of(self.partitions, partition, time_limit_s)

    def copy(self) -> "Snapshot":
        """One to play forward on: nothing of it is shared that a plan changes."""
        ledger = self.ledger.copy()
        return replace(
            self,
            ledger=ledger,
            index=self.index.over(ledger),
            holdings=list(self.holdings),
            waiting=self.waiting.copy(),
            limits=None if self.limits is None else self.limits.copy(),
        )
