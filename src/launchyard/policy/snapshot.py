"""All that a plan may look at: a value, so that live scheduling, estimates and simulation plan alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from launchyard.model.partition import Partition
from launchyard.model.resources import Allocation
from launchyard.policy.ledger import Ledger
from launchyard.policy.queue import WaitingQueue

UNLIMITED_S = 7 * 24 * 3600
"""What an unlimited job counts as when its partition has no maximum."""


@dataclass(frozen=True, slots=True)
class Holding:
    """An allocation in use, and when it must be free at the latest (seconds since 1970)."""

    until: float
    allocation: Allocation


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """`ledger` and `waiting` are only read: a plan copies what it changes."""

    now: float
    ledger: Ledger
    holdings: tuple[Holding, ...]
    waiting: WaitingQueue
    partitions: Mapping[str, Partition] = field(default_factory=dict)

    def nodes_of(self, partition: str) -> tuple[str, ...] | None:
        """The nodes of a partition, None for all."""
        return self.partitions[partition].nodes or None

    def seconds(self, partition: str, time_limit_s: int | None) -> float:
        """How long a job with this limit may hold what it gets."""
        if time_limit_s is not None:
            return time_limit_s
        return self.partitions[partition].time_limit_max_s or UNLIMITED_S
